"""The table of faults: what goes wrong, where, in a run that was started how, and what must come of it.

`test_fault_matrix.py` plays it. Victims in spawned workers, and scripts that are killed, import it, too.
"""

# ruff: noqa: N802, EM101, TRY003  components are named as classes are; what is raised is the point here

import asyncio
import ctypes
import multiprocessing
import os
import resource
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from faultgraph import PLACES, build
from faultlib import for_ever, note, notes

from cascata import component


@dataclass(frozen=True)
class Start:
    """How a run is started; without a method in the calling process."""

    method: str | None
    num_workers: int


STARTS = {"in process": Start(None, 0)} | {
    f"{method} {number}": Start(method, number) for method in ("fork", "spawn") for number in (1, 2, 5)
}

# What happens. A function is called where the victim is, a coroutine function awaited there, with its outport.


class VictimError(Exception):
    pass


def raises():
    raise VictimError("boom 17")  # the victim's line


def raises_what_stays():
    raise VictimError("boom 17", threading.Lock())  # the victim's line


def cancels():
    raise asyncio.CancelledError("boom 17")  # the victim's line


def exits():
    raise SystemExit(17)  # the victim's line


def runs_out_of_memory():
    """Take all the memory that there is, and hold it while the failure is told: the traceback refers to it."""
    hoard = []
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    limits = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + (64 << 20), limits[1]))
    try:
        while True:
            hoard.append(bytearray(1 << 20))  # the victim's line
    finally:
        if multiprocessing.parent_process() is None:  # in a worker the limit is a condition that lasts
            resource.setrlimit(resource.RLIMIT_AS, limits)


def is_killed():
    os.kill(os.getpid(), signal.SIGKILL)


def crashes():
    ctypes.string_at(0)


def leaves():
    os._exit(3)


def is_stopped():
    note(f"stopped {os.getpid()}")
    os.kill(os.getpid(), signal.SIGSTOP)


def blocks():
    """Let nothing else run until that has been reported."""
    while "told" not in notes():
        time.sleep(0.01)


async def sends_what_stays(out):
    note("let go")
    await out.send(threading.Lock())  # the victim's line
    await for_ever("hang")


class Unreadable:
    def __reduce__(self):
        return refuse, ()


def refuse():
    raise VictimError("boom 17")


async def sends_what_nobody_reads(out):
    note("let go")
    await out.send(Unreadable())
    await for_ever("hang")


async def hangs(out):
    await for_ever("hang")


@component
async def Stubborn():
    """What does not end when it is told to."""
    note("stubborn began")
    while True:
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            note("stubborn goes on")


# The table.


@dataclass(frozen=True)
class Fault:
    """A fault, and what comes of it.

    Attributes:
        act: What the victim does where it fails.
        outcome: The name of the check in `test_fault_matrix.py` that says what the caller sees and what is kept.
        expected: What that check compares with.
        places: Where it can happen.
        starts: The starts of runs in which it can.

    """

    act: Callable[..., Any]
    outcome: str
    expected: dict[str, Any] = field(default_factory=dict)
    places: tuple[str, ...] = PLACES
    starts: tuple[str, ...] = tuple(STARTS)


HELD = tuple(place for place in PLACES if place != "close hook")
"""Places in which a component can be for as long as one likes: in a close hook it cannot wait for anything."""

SENDING = tuple(place for place in HELD if place != "initialiser")
"""Places from which an item can be sent."""

PROCESSES = tuple(name for name, start in STARTS.items() if start.num_workers)
"""Starts with processes of their own: what ends those ends the caller of others."""

APART = tuple(name for name, start in STARTS.items() if start.num_workers > 1)
"""Starts in which items go from process to process: in one, any object is an item."""

FAULTS = {
    "raises": Fault(raises, "fails", {"cause": VictimError}),
    "raises what cannot be pickled": Fault(raises_what_stays, "fails", {"cause": VictimError, "stands_in": True}),
    "CancelledError": Fault(cancels, "fails", {"cause": asyncio.CancelledError}),
    "SystemExit": Fault(exits, "fails", {"cause": SystemExit}),
    "memory limit": Fault(runs_out_of_memory, "fails", {"cause": MemoryError}),
    "SIGKILL": Fault(is_killed, "dies", {"signal": signal.SIGKILL}, starts=PROCESSES),
    "SIGSEGV": Fault(crashes, "dies", {"signal": signal.SIGSEGV}, starts=PROCESSES),
    "os._exit": Fault(leaves, "dies", {"exitcode": 3}, starts=PROCESSES),
    "SIGSTOP": Fault(is_stopped, "stalls", {"stopped": True}, starts=PROCESSES),
    "blocked loop": Fault(blocks, "stalls", {"stopped": False}),
    "item that cannot be pickled": Fault(sends_what_stays, "refused", {"by": "victim"}, SENDING, APART),
    "item that cannot be restored": Fault(sends_what_nobody_reads, "refused", {"by": "sink"}, SENDING, APART),
    "timeout": Fault(hangs, "runs_late", places=HELD),
    "exception in the caller": Fault(hangs, "is_left", places=HELD),
    "Ctrl-C": Fault(hangs, "is_interrupted", {"times": 1}, HELD),
    "Ctrl-C twice": Fault(hangs, "is_interrupted", {"times": 2}, HELD, PROCESSES),
    "caller killed": Fault(hangs, "loses_its_caller", places=HELD, starts=PROCESSES),
}


@dataclass(frozen=True)
class Cell:
    """A fault in a place of a run."""

    fault: str
    place: str
    start: str

    def __str__(self):
        return f"{self.fault}-{self.place}-{self.start}"

    @property
    def expected(self):
        """What the check of its outcome compares with."""
        return FAULTS[self.fault].expected

    @property
    def num_workers(self):
        return STARTS[self.start].num_workers

    def options(self):
        """Give the arguments of `run` and `start`."""
        start = STARTS[self.start]
        return {"num_workers": start.num_workers, **({"start_method": start.method} if start.method else {})}

    def graph(self):
        """Make the graph in which it happens."""
        graph = build(self.place, FAULTS[self.fault].act)
        if self.expected.get("times") == 2:
            graph.add("stubborn", Stubborn)
        if self.fault.startswith("item") and self.num_workers > 1:
            graph.place(graph.victim, worker=0)
            graph.place(graph.sink, worker=1)
        return graph


def everything():
    """Give every cell."""
    return [
        Cell(name, place, start) for name, fault in FAULTS.items() for place in fault.places for start in fault.starts
    ]


def covering():
    """Give every fault in every place, each in one of the runs, in turns; of those that take longest only some."""
    cells = []
    for row, (name, fault) in enumerate(FAULTS.items()):
        forked = [start for start in fault.starts if STARTS[start].method != "spawn"]
        spawned = [start for start in fault.starts if STARTS[start].method == "spawn"]
        for column, place in enumerate(fault.places):
            starts = spawned if (row + column) % len(fault.places) == 0 else forked
            cells.append(Cell(name, place, starts[(row + 2 * column) % len(starts)]))
    return cells
