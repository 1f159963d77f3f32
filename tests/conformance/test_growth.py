"""Nothing in memory grows with the length of a stream.

Each stream is measured after its first items and at its end, by the component that sends and by the last one that
receives, each in its process: by resident memory, and by the objects that Python has. `CASCATA_EXAMPLES` makes the
streams longer.
"""

import asyncio
import contextlib
import gc
import io
import logging
import sys
from pathlib import Path

import numpy as np
import pytest
from parts import Numbers, relay
from scale import SCALE

from cascata import Graph, component, inport, log, outport, persist

pytestmark = pytest.mark.once

WARM = 20_000
ARRAY = np.arange(12_500.0)
NOISE = 1 << 20
"""Bytes by which memory may grow whatever is done, apart from the items that may lie in channels."""


class Gauge:
    """Measures memory at two items of a stream."""

    def __init__(self, warm, last):
        """Take the numbers of the items."""
        self._at = {warm, last}
        self._span = last - warm
        self._count = 0
        self._sizes = []

    def tick(self):
        """Count one item."""
        self._count += 1
        if self._count in self._at:
            gc.collect()
            resident = int(Path("/proc/self/statm").read_text().split()[1]) * 4096
            self._sizes.append((resident, sys.getallocatedblocks()))

    def growth(self):
        """Tell by how many bytes and objects memory has grown, and in how many items."""
        (memory, objects), (later, more) = self._sizes
        return later - memory, more - objects, self._span


async def by_await(out, item):
    await out.send(item)


async def by_child_task(out, item):
    await asyncio.create_task(out.send(item))


async def by_tasks(out, item):
    async with asyncio.TaskGroup() as group:
        group.create_task(out.send(item))
        group.create_task(out.send(item))


async def by_cancelled_task(out, item):
    task = asyncio.ensure_future(out.send(item))
    await asyncio.sleep(0)
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


async def by_timeout(out, item):
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(0):
            await out.send(item)
    await asyncio.sleep(0)


async def printing(out, item):
    print("some text")  # noqa: T201
    await out.send(item)


async def logging_it(out, item):
    log.info("some text %d", item)
    await out.send(item)


def number(index):
    return index


def kilobyte(index):
    return bytes(1024)


def array(index):
    return ARRAY.copy()


STREAMS = {
    "numbers": (number, by_await, 10, 1, 200_000),
    "numbers_to_three": (number, by_await, 10, 3, 60_000),
    "kilobytes": (kilobyte, by_await, 10, 1, 200_000),
    "arrays": (array, by_await, 10, 1, 10_000),
    "arrays_to_three": (array, by_await, 10, 3, 5_000),
    "by_child_task": (number, by_child_task, 1, 1, 20_000),
    "by_tasks": (number, by_tasks, 1, 1, 10_000),
    "by_cancelled_task": (number, by_cancelled_task, 1, 1, 20_000),
    "by_timeout": (number, by_timeout, 1, 1, 20_000),
    "printing": (number, printing, 10, 1, 20_000),
    "logging": (number, logging_it, 10, 1, 6_000),
}


def source(make, send, count):
    """Make a component that sends items one way, and then tells how memory has grown."""

    @component
    @outport("out")
    @outport("growth")
    async def streams(out, growth):
        gauge = Gauge(min(WARM, count // 4), count)
        for index in range(count):
            await send(out, make(index))
            gauge.tick()
        await growth.send(gauge.growth())

    return streams


def sink(count, capacity):
    """Make a component that takes items and tells how memory has grown."""

    @component
    @inport("item", capacity=capacity)
    @outport("growth")
    @persist("gauge", Gauge)
    async def takes(item, growth, gauge):
        gauge.get().tick()

    @takes.finish
    async def tell(growth, gauge):
        with contextlib.suppress(ValueError):  # most of what it was sent was taken back
            await growth.send(gauge.get().growth())

    return takes


def assert_flat(report, inside=0):
    for port, growths in report.collected.items():
        for memory, objects, items in growths:
            assert memory < NOISE + inside + 10 * items, f"{port}: {memory} bytes more after {items} items more"
            assert objects < 4000 + 0.01 * items, f"{port}: {objects} objects more after {items} items more"


class Nowhere(io.TextIOBase):
    """Where what is printed goes, so that pytest does not keep it."""

    def write(self, text):
        """Take a text."""
        return len(text)


@contextlib.contextmanager
def nobody_listens():
    """Have what is printed and logged go where nothing keeps it."""
    loggers = {logger: logger.handlers for logger in (logging.getLogger(), log)}
    for logger in loggers:
        logger.handlers = [logging.NullHandler()]
    try:
        with contextlib.redirect_stdout(Nowhere()):
            yield
    finally:
        for logger, handlers in loggers.items():
            logger.handlers = handlers


@pytest.mark.parametrize("stream", STREAMS.values(), ids=STREAMS)
def test_a_stream(run, stream):
    make, send, capacity, ports, count = stream
    count = int(count * SCALE)
    g = Graph()
    g.source = source(make, send, count)
    collect = [g.source.growth]
    for index in range(ports):
        node = g.add(f"sink{index}", sink(count, capacity))
        node.gauge < (min(WARM, count // 4), count)
        g.source.out >> node.item
        collect.append(node.growth)
    with nobody_listens():
        report = run(g, collect=collect)
    assert_flat(report, 50 * sys.getsizeof(make(0)))


def test_a_port_without_limit_that_is_kept_drained(run):
    count = int(200_000 * SCALE)
    taken = Numbers()

    async def in_step(out, item):
        if item % 1000 == 0:
            await taken.wait(0, item - 1000)
        await out.send(item)

    @component
    @inport("item", capacity=None)
    async def last(item):
        taken[0] += 1

    g = Graph()
    g.source = source(number, in_step, count)
    g.sink = sink(count, None)
    g.last = last
    g.sink.gauge < (WARM, count)
    g.source.out >> g.sink.item
    g.source.out >> g.last.item
    assert_flat(run(g, collect=[g.source.growth, g.sink.growth]), 4000 * 64)


def test_a_passive_port_and_a_persistent_value(run):
    count = int(60_000 * SCALE)

    @component
    @inport("tick")
    @inport("value")
    @persist("total", int)
    async def looks(tick, value, total):
        total.set(total.get() + (value or 0))

    g = Graph()
    g.source = source(number, by_await, count)
    g.ticks = source(number, by_await, count)
    g.looks = looks
    g.looks.clk(g.looks.tick)
    g.source.out >> g.looks.value
    g.ticks.out >> g.looks.tick
    assert_flat(run(g, collect=[g.source.growth, g.ticks.growth]))


def test_several_streams_through_one_port(run):
    """Items of the own worker and of another one, in one line."""
    count = int(20_000 * SCALE)
    g = Graph()
    names = ["one", "two", "three"]
    sources = [g.add(name, source(number, by_await, count)) for name in names]
    g.all = relay(capacity=3)
    g.last = sink(3 * count, 5)
    g.last.gauge < (WARM, 3 * count)
    for each in sources:
        each.out >> g.all.item
    g.all.out >> g.last.item
    assert_flat(run(g, collect=[each.growth for each in [*sources, g.last]]))


def test_sends_taken_back_behind_one_that_waits_for_long(run_together):
    """Neither the line before a port nor that before a list of collected items keeps what was taken back."""
    count = int(20_000 * SCALE)
    over = asyncio.Event()

    @component
    @outport("out")
    @outport("growth")
    async def hesitates(out, growth):
        await out.send("in the firing")
        await out.send("inside")
        waiting = asyncio.ensure_future(out.send("waits for long"))
        await asyncio.sleep(0)
        gauge = Gauge(count // 4, count)
        for index in range(count):
            await by_timeout(out, index)
            gauge.tick()
        await growth.send(gauge.growth())
        over.set()
        await waiting

    @component
    @inport("item", capacity=1)
    async def slow(item):
        await over.wait()

    g = Graph()
    g.hesitates = hesitates
    g.slow = slow
    g.hesitates.out >> g.slow.item
    report = run_together(g, collect=[g.hesitates.out, g.hesitates.growth])
    assert report.collected.pop("hesitates.out") == ["in the firing", "inside", "waits for long"]
    assert_flat(report)
