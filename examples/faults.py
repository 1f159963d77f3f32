"""What happens when something goes wrong: faults of all kinds in a small pipeline, and what Cascata makes of them.

::

    python examples/faults.py                   one after the other
    python examples/faults.py killed stalled    these only

The graph, in which `check` has one fault or another::

    numbers ──▶ check ──▶ total
    0, 1, 2 …

Each time the run ends by itself, or goes on where nothing is lost by it, and says what was wrong and where. When it has
ended no worker process is left, which is looked at afterwards.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import textwrap
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cascata import CascataError, Graph, component, inport, outport, persist

if TYPE_CHECKING:
    from collections.abc import Callable

MANY = 1000
FAULTY = 500
"""The item on which the fault comes."""


@component
@outport("number")
async def count(number: int) -> None:
    """Send the numbers."""
    for n in range(MANY):
        await number.send(n)


@component
@inport("number")
@outport("all")
@persist("sum", int)
async def add(number: Any, all: int, sum) -> None:  # noqa: A002  a port may have any name
    """Add them up."""
    sum.set(sum.get() + number)


@add.finish
async def total(all, sum) -> None:  # noqa: A002
    """Send the sum."""
    await all.send(sum.get())


# The faults.


@component
@inport("number")
@outport("checked")
async def raises(number: int, checked: int) -> None:
    """Divide by what is 0 once."""
    await checked.send(MANY // (FAULTY - number) and number)


@component
@inport("number")
@outport("checked")
async def is_killed(number: int, checked: int) -> None:
    """Be killed, as the system does when memory runs out."""
    if number == FAULTY:
        os.kill(os.getpid(), signal.SIGKILL)
    await checked.send(number)


@component
@inport("number")
@outport("checked")
async def stalls(number: int, checked: int) -> None:
    """Let nothing else run on this worker for a while."""
    if number == FAULTY:
        time.sleep(1.5)  # noqa: ASYNC251  the fault
    await checked.send(number)


@component
@inport("number")
@outport("checked")
async def sends_what_cannot_be_sent(number: int, checked: Any) -> None:
    """Send a lock once."""
    await checked.send(threading.Lock() if number == FAULTY else number)


@component
@inport("number")
@inport("partner")
@outport("checked")
@outport("again")
async def waits_for_itself(number: int, partner: int, checked: int, again: int) -> None:
    """Need a partner for each number, and send it itself: once it does not."""
    await checked.send(number + partner)
    if number != FAULTY:
        await again.send(number)


@dataclass(frozen=True)
class Fault:
    """A fault, and how it is brought about."""

    title: str
    graph: Callable[[], Graph]
    options: dict[str, Any]


def pipeline(faulty: Any) -> Callable[[], Graph]:
    """Give what makes the graph with this component in its middle."""

    def build() -> Graph:
        graph = Graph()
        first, middle, last = graph.add("numbers", count), graph.add("check", faulty), graph.add("total", add)
        first.number.connect(middle.number)
        middle.checked.connect(last.number)
        graph.place(first, last, worker=0)
        graph.place(middle, worker=1)
        return graph

    return build


def circle() -> Graph:
    """Give a graph that comes to a stop: the middle needs a partner for each number, which it gives itself."""
    graph = pipeline(waits_for_itself)()
    graph.check.again.connect(graph.check.partner)
    graph.check.partner.set(0)
    return graph


FAULTS = {
    "raised": Fault("A component raises", pipeline(raises), {}),
    "killed": Fault("A worker process is killed", pipeline(is_killed), {}),
    "dead": Fault("Nothing can move any more", circle, {}),
    "unsendable": Fault("An item cannot be sent to another process", pipeline(sends_what_cannot_be_sent), {}),
    "late": Fault("The run does not end in time", pipeline(stalls), {"timeout": 0.7}),
    "stalled": Fault("A component lets nothing else run for a while", pipeline(stalls), {"stall_after": 0.5}),
}


def demonstrate(fault: Fault) -> None:
    """Run the graph and show what comes of it."""
    print(f"\n── {fault.title} " + "─" * (74 - len(fault.title)), flush=True)
    graph, begun = fault.graph(), time.monotonic()
    try:
        report = graph.run(num_workers=2, collect=[graph.total.all], **fault.options)
    except CascataError as error:
        print(textwrap.indent(f"{type(error).__name__}: {error}", "  "))
        if error.__cause__ is not None:
            print(f"  its __cause__: {type(error.__cause__).__name__}")
    else:
        print(textwrap.indent(str(report), "  "))
        print(f"  total: {report.collected['total.all']}")
    left = children()
    print(f"  after {time.monotonic() - begun:.1f} s; worker processes left: {left or 'none'}", flush=True)


def children() -> list[int]:
    """Give the processes that this one has started and that are still there."""
    return [int(pid) for pid in Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()]


def main() -> None:
    """Show what the command line asks for."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("faults", nargs="*", metavar="FAULT", help=f"one of {', '.join(FAULTS)}")
    options = parser.parse_args()
    unknown = sorted(set(options.faults) - set(FAULTS))
    if unknown:
        parser.error(f"there is no {', '.join(unknown)}; there are {', '.join(FAULTS)}")
    sys.stderr = sys.stdout  # where the log is written to, in its place between the rest
    for name in options.faults or FAULTS:
        demonstrate(FAULTS[name])


if __name__ == "__main__":
    main()
