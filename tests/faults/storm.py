"""Random graphs with random faults in them and random ends put to them: nothing hangs, and nothing is left.

::

    python tests/faults/storm.py [seconds [seed]]    until it is interrupted if no time is given

The graphs are those of `tests/reference`. What becomes of one is not compared with the model here, as that depends on
when a fault comes; but the run must end, by what was done to it and by nothing else.
"""

from __future__ import annotations

import asyncio
import ctypes
import faulthandler
import gc
import os
import pickle
import random
import re
import signal
import sys
import threading
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest import mock

if __name__ == "__main__":
    sys.path[:0] = [str(Path(__file__).parents[1] / name) for name in (".", "faults", "reference")]

import build
import faultlib
import matrix
from checking import brief, settled
from description import OUTPORTS
from draws import LARGEST, plans
from faultlib import Census, left_over, note, notes
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from model import TooLongError

from cascata import ComponentError, DeadlockError, Graph, RunTimeout, WorkerDied

PATIENCE = 30.0
"""Seconds after which a run has hung. Never a measure of speed."""

ROUND = 200
MARGIN = 8 << 20
"""Bytes by which this process may grow, whatever it does."""
GROWTH = 2_000
"""Bytes for each run besides: a leak of a page or a mapping is more."""
SETTLED = 4
"""Rounds after which memory is counted."""


def naps():
    """Let nothing else run for a moment."""
    time.sleep(0.02)


async def sends_a_lock(out):
    await out.send(threading.Lock())


async def sends_what_nobody_reads(out):
    await out.send(matrix.Unreadable())


RAISING = (matrix.raises, matrix.raises_what_stays, matrix.cancels, matrix.exits, matrix.runs_out_of_memory)
SENDING = (sends_a_lock, sends_what_nobody_reads)
DEADLY = (matrix.is_killed, matrix.crashes, matrix.leaves)
PASSING = (naps, matrix.is_stopped)
PLACES = ("initialiser", "firing", "firing", "finally", "finish", "close")


@dataclass(frozen=True)
class Trouble:
    """What goes wrong: an instance does something in a place, in its firing of this number if that is one."""

    name: str
    act: object
    place: str
    number: int


@dataclass(frozen=True)
class End:
    """What is done to a run from outside, after some seconds or items."""

    kind: str
    after: float


class Victim(build.State):
    """An instance that gets into trouble if it is the one."""

    def __init__(self, plan, position, member, place):
        super().__init__(plan, position, member, place)
        trouble = pickle.loads(Path(place, "trouble").read_bytes())  # noqa: S301  our own
        self.trouble = trouble if trouble and trouble.name == plan.names(position)[member] else None
        self.strike("initialiser")

    def strike(self, place):
        if self.is_due(place) and self.trouble.act not in SENDING:
            self.begin()()

    def is_due(self, place):
        due = self.trouble is not None and self.trouble.place == place
        return due and (place not in ("firing", "finally") or self.actor.firings >= self.trouble.number)

    def begin(self):
        trouble, self.trouble = self.trouble, None
        note("struck")
        return trouble.act

    async def fire(self, values, outports):
        self.strike("firing")
        try:
            if self.is_due("firing"):
                await self.begin()(outports["x"])
            await super().fire(values, outports)
        finally:
            self.strike("finally")

    async def act(self, actions, outports):
        if not self.firing:
            self.strike("finish")
        await super().act(actions, outports)

    def close(self):
        self.strike("close")
        super().close()


# What is done from outside.


class LeftError(Exception):
    pass


def simply(graph, end, options):
    return graph.run(timeout=PATIENCE, **options)


def by_arun(graph, end, options):
    return asyncio.run(graph.arun(timeout=PATIENCE, **options))


def by_cancelling(graph, end, options):
    async def main():
        async with asyncio.timeout(end.after):
            return await graph.arun(timeout=PATIENCE, **options)

    return asyncio.run(main())


def by_timeout(graph, end, options):
    return graph.run(timeout=end.after + 1e-3, **options)


def by_stop(graph, end, options):
    run = graph.start(timeout=PATIENCE, **options)
    time.sleep(end.after)
    run.stop()
    return run.join()


def by_leaving(graph, end, options):
    with graph.start(timeout=PATIENCE, **options):
        time.sleep(end.after)
        raise LeftError


def by_interrupt(graph, end, options):
    with _ticking(lambda: signal.raise_signal(signal.SIGINT), after=end.after + 1e-3):
        return graph.run(timeout=PATIENCE, **options)


def by_kill(graph, end, options):
    run = graph.start(timeout=PATIENCE, **options)
    time.sleep(end.after)
    workers = [process.pid for process in faultlib.descendants(os.getpid()) if process.state not in "ZX"]
    with suppress(ProcessLookupError):
        if workers:
            os.kill(random.choice(workers), signal.SIGKILL)  # noqa: S311  any of them
    return run.join()


def by_reading(graph, end, options):
    with graph.start(timeout=PATIENCE, **options) as run:
        for number, _ in enumerate(run.iter("tap")):
            if number >= end.after * 1000:
                break
    return run.join()


ENDS = {
    simply: (),
    by_arun: (),
    by_cancelling: (TimeoutError,),
    by_timeout: (RunTimeout,),
    by_stop: (),
    by_leaving: (LeftError,),
    by_interrupt: (KeyboardInterrupt,),
    by_kill: (WorkerDied,),
    by_reading: (),
}
"""What comes out of a run that was ended so, besides its report."""

UNDISTURBED = (simply, by_arun)


@st.composite
def storms(draw, plan, workers):
    """Draw a trouble, or none, and an end."""
    position = draw(st.integers(0, len(plan.nodes) - 1))
    act = draw(st.sampled_from([*RAISING, *SENDING, naps, *([*DEADLY, *PASSING] if workers else [])]))
    trouble = Trouble(
        name=draw(st.sampled_from(plan.names(position))),
        act=act,
        place="firing" if act in SENDING else draw(st.sampled_from(PLACES)),
        number=draw(st.integers(0, 5)),
    )
    ways = [way for way in ENDS if way is not by_kill or workers]
    way = draw(st.sampled_from([simply, simply, *ways]))
    if way is by_reading and _unconnected(plan) is None:
        way = simply
    if act is matrix.is_stopped and way is by_interrupt:  # whose clock lets it go on
        way = simply
    return trouble if draw(st.integers(0, 4)) else None, way, End(way.__name__, draw(st.integers(0, 30)) / 1000)


def play(plan, workers, places, method, storm):
    """Run a plan through a storm, and fail if anything is not as it must be."""
    trouble, way, end = storm
    before = Census.take()
    with TemporaryDirectory() as place, _notes_in(place):
        Path(place, "trouble").write_bytes(pickle.dumps(trouble))
        with mock.patch.object(build, "State", Victim):
            graph = build.build(plan, place)
        if workers > 1:
            for node, worker in zip(graph.nodes.values(), places, strict=False):
                graph.place(node, worker=worker % workers)
        if way is by_reading:
            name, port = _unconnected(plan)
            graph.export(getattr(graph.nodes[name], port), "tap")
        options = {"num_workers": workers, **({"start_method": method} if workers else {})}
        outcome = _outcome(way, graph, end, options)
        wrong = _wrong(outcome, trouble, way, struck="struck" in notes())
        del graph, outcome
    left = left_over(before, 5.0)
    if wrong or left:
        raise AssertionError(
            "\n  ".join([f"{trouble} {end} on {workers} workers, {method}:", wrong, f"left: {left}", brief(plan)])
        )


def _unconnected(plan):
    """Give a component that is alone and an outport of it that nothing is connected to, if there is one."""
    connected = {(link.source, link.outport) for link in plan.links}
    for position, node in enumerate(plan.nodes):
        for port in OUTPORTS:
            if not node.members and (position, port) not in connected:
                return plan.names(position)[0], port
    return None


@contextmanager
def _notes_in(place):
    """Have notes taken there."""
    with mock.patch.dict(os.environ, {faultlib.NOTES: str(Path(place, "notes"))}):
        yield


@contextmanager
def _ticking(call, after, every=0.0):
    """Call something in this thread while the block runs: by a signal, as a thread would keep others from forking."""
    kept = signal.signal(signal.SIGALRM, lambda *_: call())
    before = signal.setitimer(signal.ITIMER_REAL, after, every)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, *before)
        signal.signal(signal.SIGALRM, kept)


def _go_on():
    """Let processes go on that say that they have been stopped."""
    for text in notes():
        if text.startswith("stopped"):
            with suppress(ProcessLookupError):
                os.kill(int(text.split()[1]), signal.SIGCONT)


def _outcome(way, graph: Graph, end, options):
    faulthandler.dump_traceback_later(2 * PATIENCE, exit=True)
    try:
        if way is by_interrupt:
            return way(graph, end, options)
        with _ticking(_go_on, 0.02, 0.02):
            return way(graph, end, options)
    except BaseException as error:  # noqa: BLE001  whatever it is, it is judged
        error.__traceback__ = None
        return error
    finally:
        faulthandler.cancel_dump_traceback_later()


def _wrong(outcome, trouble, way, *, struck):
    """Say what should not have come out, if anything."""
    act = trouble.act if struck else None
    expected = [DeadlockError, *ENDS[way]]  # many of these graphs come to a standstill
    if act in RAISING or act in SENDING:
        expected.append(ComponentError)
    if act in DEADLY or act is matrix.runs_out_of_memory:
        expected.append(WorkerDied)
    if isinstance(outcome, BaseException):
        if not isinstance(outcome, tuple(expected)):
            return f"this came out: {outcome!r}"
    elif way in UNDISTURBED and (act in RAISING or act in DEADLY):
        return "it ended as if nothing had happened"
    else:
        outcome.check()
    if isinstance(outcome, ComponentError) and act in RAISING and outcome.component != trouble.name:
        return f"another component is named: {outcome!r}"
    return ""


def resident():
    """Bytes of memory that are this process's own."""
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    text = Path("/proc/self/smaps_rollup").read_text()
    return sum(int(kilobytes) for kilobytes in re.findall(r"^Private_\w+:\s+(\d+) kB", text, re.MULTILINE)) << 10


def play_round(number, examples, *, spawn, derandomize=False):
    """Play as many storms; give how many graphs a test had time for."""
    played = 0
    faultlib.adopt_orphans(adopt=True)

    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        derandomize=derandomize,
        phases=[Phase.generate],  # when what comes is never the same twice, so there is nothing to shrink
        suppress_health_check=list(HealthCheck),
    )
    @given(data=st.data())
    def one(data):
        nonlocal played
        plan = data.draw(plans())
        try:
            plan, _ = settled(plan)
        except TooLongError:
            return
        workers = data.draw(st.sampled_from([1, 2, 3] if spawn else [0, 0, 1, 2, 2, 3, 5]))
        places = data.draw(st.lists(st.integers(0, 4), min_size=LARGEST, max_size=LARGEST))
        storm = data.draw(storms(plan, workers))
        play(plan, workers, places, "spawn" if spawn else "fork", storm)
        played += 1

    try:
        (one if derandomize else seed(number)(one))()
    finally:
        faultlib.adopt_orphans(adopt=False)
    return played


class Season:
    """Rounds of storms, in which this process must not have grown.

    What else it does between them is not counted.
    """

    def __init__(self):
        """Begin."""
        self.played = self.rounds = 0
        self._watched = self._grown = 0

    def round(self, number):
        """Play a round, each tenth with spawned workers; tell how many runs there have been."""
        spawn = self.rounds % 10 == 9
        before = resident()
        played = play_round(number, ROUND // 20 if spawn else ROUND, spawn=spawn)
        self.played += played
        self.rounds += 1
        if self.rounds > SETTLED:  # by then everything has happened that happens once
            self._watched += played
            self._grown += resident() - before
            limit = MARGIN + GROWTH * self._watched
            assert self._grown <= limit, f"{self._watched} runs have left {self._grown} bytes in this process"
        return f"{self.played:,} runs through faults, {self._grown >> 10} KiB more memory"


def main():
    """Go round after round."""
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else float("inf")
    number = int(sys.argv[2]) if len(sys.argv) > 2 else random.SystemRandom().randrange(1 << 32)
    begun, season = time.monotonic(), Season()
    while time.monotonic() - begun < seconds:
        print(f"seed {number}", end="", flush=True)
        print(f": {season.round(number)}", flush=True)
        number += 1


if __name__ == "__main__":
    main()
