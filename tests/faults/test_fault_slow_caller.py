"""A caller that is slow to take what its workers say: they wait for it, and neither side keeps what piles up."""

# ruff: noqa: N802, T201  components are named as what they define would be, a class; they print

import io
import logging
import resource
import time
from contextlib import redirect_stdout
from pathlib import Path

import pytest
from faultlib import note, notes

from cascata import Graph, component, outport

pytestmark = pytest.mark.once

BYTES = 100 << 20
LINE = "x" * ((1 << 16) - 1)
MOST = 30 << 20
"""Bytes by which either process may grow: some messages, and not what is said in all."""


def resident():
    """Bytes of memory that this process has now."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


class Watch:
    """What takes its time for whatever comes, and looks at this process's memory."""

    def __init__(self):
        """Begin."""
        self._before = resident()
        self.grown = 0
        self.size = 0

    def take(self, size):
        """Take some bytes."""
        time.sleep(0.0005)
        self.size += size
        self.grown = max(self.grown, resident() - self._before)


class SlowStream(io.TextIOBase):
    """A stream that nobody reads quickly."""

    def __init__(self):
        """Begin."""
        super().__init__()
        self.watch = Watch()

    def write(self, text):
        """Take a text."""
        self.watch.take(len(text))
        return len(text)


class SlowHandler(logging.Handler):
    """A handler that takes its time."""

    def __init__(self):
        """Begin."""
        super().__init__()
        self.watch = Watch()

    def emit(self, record):
        """Take a record."""
        self.watch.take(len(record.getMessage()))


def by_lines(size=BYTES):
    for _ in range(size // (len(LINE) + 1)):
        print(LINE)


def at_once():
    print("y" * (BYTES - 1))


def in_short_lines():
    line = "z" * 1023
    for _ in range(20):
        print("\n".join([line] * (BYTES // 1024 // 20)))


@pytest.mark.parametrize("way", [by_lines, at_once, in_short_lines])
def test_much_is_printed(way):
    @component
    async def Prints():
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10
        way()
        note(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 - before)

    graph = Graph()
    graph.add("prints", Prints)
    with redirect_stdout(SlowStream()) as stream:
        graph.run(num_workers=1)
    assert stream.watch.size == BYTES
    assert stream.watch.grown < MOST, "the caller"
    if way is by_lines:  # other texts are as large themselves
        assert int(notes()[0]) < MOST, "the worker"


def test_several_workers_print_much():
    @component
    async def Prints():
        by_lines(BYTES // 4)

    graph = Graph()
    for number in range(4):
        graph.place(graph.add(f"prints{number}", Prints), worker=number)
    with redirect_stdout(SlowStream()) as stream:
        graph.run(num_workers=4)
    assert stream.watch.size == BYTES
    assert stream.watch.grown < MOST


def test_much_is_logged():
    logger = logging.getLogger("cascata.tests.slow")
    logger.propagate = False
    handler = SlowHandler()
    logger.addHandler(handler)

    @component
    async def Logs():
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10
        for _ in range(BYTES // len(LINE)):
            logger.warning("%s", LINE)
        note(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 - before)

    graph = Graph()
    graph.add("logs", Logs)
    try:
        graph.run(num_workers=1)
    finally:
        logger.removeHandler(handler)
        logger.propagate = True  # pytest listens to those that do not, in the tests that follow
    assert handler.watch.size == BYTES // len(LINE) * len(LINE)
    assert handler.watch.grown < MOST, "the caller"
    assert int(notes()[0]) < MOST, "the worker"


def test_a_worker_keeps_little_of_what_is_collected():
    """What it has passed on is the caller's; the caller is busy printing meanwhile."""

    @component
    @outport("out")
    async def Sends(out):
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10
        for number in range(BYTES >> 14):
            await out.send(number.to_bytes(4, "big") * 1024)
            if number % 100 == 0:
                print(LINE, flush=True)
        note(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 - before)

    graph = Graph()
    graph.add("sends", Sends)
    with redirect_stdout(SlowStream()):
        report = graph.run(num_workers=1, collect=[graph.sends.out])
    assert len(report.collected["sends.out"]) == BYTES >> 14
    assert int(notes()[0]) < MOST
