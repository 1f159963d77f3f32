"""What it costs to move an item one hop: in one worker, and from one process to another.

A source, three stages and a sink: four hops. Beside Cascata stand the programs that one would write by hand. Some items
go through a chain to warm it up; when they are through, the clock starts with the source's next item and stops with the
sink's last. So starting processes is not in it, and nothing is under way at either end. Count and sum of all that
arrives are checked. The programs of a cell take turns, round by round, so that a slow moment of the machine meets all.

    python benchmarks/hop.py [--rounds 5] [--quick] [--only TEXT ...]
"""

import argparse
import os
import platform
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from by_hand import asyncio_queue, pipe, queue, ring
from in_cascata import cascata
from load import ARRAYS, BYTES, DICT, HOPS, INT, Load, Payload

CAPACITIES = (10, 64)
CASCATA = "Cascata"


@dataclass(frozen=True)
class Program:
    """One of those that are compared, and how many items keep it busy for about a second."""

    name: str
    run: Callable[[Load], float]
    items: int


@dataclass(frozen=True)
class Cell:
    """Programs that are given the same load, Cascata first."""

    name: str
    load: Load
    programs: tuple[Program, ...]


def in_one_worker() -> Iterator[Cell]:
    """Give the cells of one process."""
    for capacity in (1, *CAPACITIES):
        programs = (
            Program(CASCATA, partial(cascata, workers=1), 100_000),
            Program("asyncio.Queue", asyncio_queue, 100_000),
        )
        yield Cell(f"in one worker, int, capacity {capacity}", Load(INT, capacity, 0, 1000), programs)


def between_processes() -> Iterator[Cell]:
    """Give the cells of small items."""
    for payload, items, few in ((INT, 100_000, 25_000), (DICT, 50_000, 20_000), (BYTES, 50_000, 20_000)):
        for capacity in CAPACITIES:
            programs = (
                Program(CASCATA, cascata, items),
                Program("Cascata, 2 workers", partial(cascata, workers=2), items),
                Program("multiprocessing.Pipe", pipe, few),
                Program("multiprocessing.Queue", queue, few),
            )
            name = f"between processes, {payload.name}, capacity {capacity}"
            yield Cell(name, Load(payload, capacity, 0, 1000), programs)


def of_arrays(payload: Payload, forwarded: int, items: int, few: int) -> Iterator[Cell]:
    """Give the cells of large arrays."""
    for stage in ("as is", "new", "in place"):
        for capacity in CAPACITIES:
            programs = [
                Program(CASCATA, cascata, forwarded if stage == "as is" else items),
                Program("ring in shared memory", ring, items),
            ]
            if stage != "in place":
                programs += [
                    Program("multiprocessing.Pipe", pipe, few),
                    Program("multiprocessing.Queue", queue, few),
                ]
            name = f"between processes, {payload.name}, {stage}, capacity {capacity}"
            # Every slot and every block has been used once.
            yield Cell(name, Load(payload, capacity, 0, 2 * capacity, stage), tuple(programs))


def cells() -> list[Cell]:
    """Everything that is measured."""
    small, large = ARRAYS
    return [
        *in_one_worker(),
        *between_processes(),
        *of_arrays(small, 3000, 1000, 60),
        *of_arrays(large, 200, 80, 6),
    ]


def measure(cell: Cell, rounds: int, share: float) -> dict[str, list[float]]:
    """Items per second of each program, round by round, with so large a share of the items."""
    rates: dict[str, list[float]] = {program.name: [] for program in cell.programs}
    for _ in range(rounds):
        for program in cell.programs:
            items = max(2, int(program.items * share))
            # What copies large items slowly needs no more to be warm.
            warm = min(cell.load.warm, program.items)
            load = Load(cell.load.payload, cell.load.capacity, items, warm, cell.load.stage)
            rates[program.name].append(items / program.run(load))
    return rates


def describe_machine() -> str:
    """Name the processor, the Python and the commit."""
    cpu = Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").exists() else ""
    model = next((line.split(":")[1].strip() for line in cpu.splitlines() if line.startswith("model name")), "?")
    command = ["git", "-C", str(Path(__file__).parent), "describe", "--always", "--dirty"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    commit = done.stdout.strip()
    return f"{model}, {os.cpu_count()} CPUs, CPython {platform.python_version()}, commit {commit or '?'}"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--quick", action="store_true", help="a tenth of the items, 2 rounds, no arrays of 16 MiB")
    parser.add_argument("--only", nargs="+", default=[""], metavar="TEXT", help="cells with one of these in their name")
    options = parser.parse_args()
    rounds, share = (2, 0.1) if options.quick else (options.rounds, 1.0)
    chosen = [cell for cell in cells() if any(text in cell.name for text in options.only)]
    if options.quick:
        chosen = [cell for cell in chosen if cell.load.payload is not ARRAYS[-1]]
    if not chosen:
        sys.exit("no cell has that in its name; these are there:\n" + "\n".join(cell.name for cell in cells()))
    print(f"{describe_machine()}; medians of {rounds} rounds")
    for cell in chosen:
        print(f"\n{cell.name:<54} {'items/s':>9} {'min-max':>19} {'us per hop':>10}  Cascata is")
        rates = measure(cell, rounds, share)
        for name, each in rates.items():
            # Round by round: what slowed the machine slowed both.
            ratio = statistics.median(ours / theirs for ours, theirs in zip(rates[CASCATA], each, strict=True))
            median = statistics.median(each)
            spread = f"{min(each):,.0f}-{max(each):,.0f}"
            times = "" if name == CASCATA else f"{ratio:.2f} x"
            print(f"  {name:<52} {median:>9,.0f} {spread:>19} {1e6 / median / HOPS:>10,.2f}  {times}", flush=True)


if __name__ == "__main__":
    main()
