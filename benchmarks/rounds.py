"""Programs that are compared take turns, round by round, so that a slow moment of the machine meets all of them."""

import argparse
import os
import platform
import statistics
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Program:
    """One of those that are compared.

    Attributes:
        name: What it is called.
        seconds: Runs it with so many items and gives the seconds that they took.
        items: How many keep it busy for about a second.

    """

    name: str
    seconds: Callable[[int], float]
    items: int


@dataclass(frozen=True)
class Cell:
    """Programs that do the same; the first is what the others are compared with."""

    name: str
    programs: tuple[Program, ...]


@dataclass(frozen=True)
class Unit:
    """What of an item is printed: `us per hop` is a fourth of its microseconds."""

    name: str
    an_item: float = 1.0


def measure(cell: Cell, rounds: int, share: float) -> dict[str, list[float]]:
    """Items per second of each program, round by round, with so large a share of the items."""
    rates: dict[str, list[float]] = {program.name: [] for program in cell.programs}
    for _ in range(rounds):
        for program in cell.programs:
            items = max(2, int(program.items * share))
            rates[program.name].append(items / program.seconds(items))
    return rates


def describe_machine() -> str:
    """Name the processor, the Python and the commit."""
    cpu = Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").exists() else ""
    model = next((line.split(":")[1].strip() for line in cpu.splitlines() if line.startswith("model name")), "?")
    command = ["git", "-C", str(Path(__file__).parent), "describe", "--always", "--dirty"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    commit = done.stdout.strip()
    return f"{model}, {os.cpu_count()} CPUs, CPython {platform.python_version()}, commit {commit or '?'}"


def main(description: str, cells: Sequence[Cell], unit: Unit, slow: str | None = None) -> None:
    """Measure what the command line asks for, and print it; cells with `slow` in their name are not quick."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--quick", action="store_true", help="a tenth of the items, 2 rounds")
    parser.add_argument("--only", nargs="+", default=[""], metavar="TEXT", help="cells with one of these in their name")
    options = parser.parse_args()
    rounds, share = (2, 0.1) if options.quick else (options.rounds, 1.0)
    chosen = [cell for cell in cells if any(text in cell.name for text in options.only)]
    if options.quick and slow:
        chosen = [cell for cell in chosen if slow not in cell.name]
    if not chosen:
        sys.exit("no cell has that in its name; these are there:\n" + "\n".join(cell.name for cell in cells))
    print(f"{describe_machine()}; medians of {rounds} rounds")
    for cell in chosen:
        first = cell.programs[0].name
        print(f"\n{cell.name:<54} {'items/s':>9} {'min-max':>19} {unit.name:>11}  {first} is")
        rates = measure(cell, rounds, share)
        for name, each in rates.items():
            # Round by round: what slowed the machine slowed both.
            ratio = statistics.median(ours / theirs for ours, theirs in zip(rates[first], each, strict=True))
            median = statistics.median(each)
            spread = f"{min(each):,.0f}-{max(each):,.0f}"
            times = "" if name == first else f"{ratio:.2f} x"
            print(
                f"  {name:<52} {median:>9,.0f} {spread:>19} {1e6 / median / unit.an_item:>11,.2f}  {times}", flush=True
            )
