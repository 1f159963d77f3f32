"""Graphs of thousands of components and ports."""

import asyncio
import itertools
import os
import resource
import threading
import time
from contextlib import contextmanager

import pytest
from parts import Numbers, chain, emit, relay

from cascata import ComponentError, DeadlockError, Graph, RunTimeout, component, inport, outport

pytestmark = pytest.mark.once

DEEP = 2000
WIDE = 1000
NARROW = relay(capacity=1)


@component
@outport("out")
async def endless(out):
    for number in itertools.count():
        await out.send(number)


@component
@inport("item", capacity=1)
@outport("out")
async def keeps(item, out):
    pass


@component
@inport("left", capacity=1)
@inport("right", capacity=1)
async def pairs(left, right):
    pass


@component
@inport("item", capacity=1)
async def fails(item):
    msg = f"no {item}"
    raise ValueError(msg)


@component
@outport("out")
async def a_few_and_waits(out):
    for number in range(5):
        await out.send(number)
    await asyncio.Event().wait()


def deep(source, *last):
    return chain(source, *[NARROW] * (DEEP - 1 - len(last)), *last)


# Deep.


def test_what_comes_before_a_run_takes_time_in_proportion():
    """Were a step of it quadratic, twenty thousand components would take longer than any test may."""
    g = chain(emit(1), *[NARROW] * 20_000)
    g.check_deadlocks()
    for workers in (1, 2, 8):
        shards = g.shard(workers)
        assert sum(len(shard.components) for shard in shards) == 20_001
        assert len(shards) == workers


def test_a_deep_chain(run):
    g = deep(emit(*range(20)))
    report = run(g, collect=[g.nodes[f"c{DEEP - 1}"].out])
    assert report.collected == {f"c{DEEP - 1}.out": list(range(20))}
    assert all(entry.items_in == 20 for name, entry in report.components.items() if name != "c0")


def test_a_deep_chain_placed_by_the_planner():
    g = deep(emit(*range(20)))
    report = g.run(num_workers=2, collect=[g.nodes[f"c{DEEP - 1}"].out])
    assert report.collected == {f"c{DEEP - 1}.out": list(range(20))}
    assert {entry.worker for entry in report.components.values()} == {0, 1}


def test_a_deep_chain_on_a_small_stack():
    """What one component wakes is not run on top of it."""
    g = deep(emit(*range(5)))
    collected = []
    before = threading.stack_size(256 << 10)
    try:
        thread = threading.Thread(
            target=lambda: collected.append(g.run(num_workers=0, collect=[g.c1999.out]).collected)
        )
        thread.start()
    finally:
        threading.stack_size(before)
    thread.join()
    assert collected == [{"c1999.out": list(range(5))}]


def test_the_last_of_a_deep_chain_fails(run):
    g = deep(a_few_and_waits, fails)
    with pytest.raises(ComponentError, match="no 0") as caught:
        run(g)
    assert caught.value.component == f"c{DEEP - 1}"
    assert caught.value.others == []


def test_a_deep_chain_is_stopped(run):
    got = Numbers()

    @component
    @inport("item", capacity=1)
    async def last(item):
        got[0] += 1

    g = deep(a_few_and_waits, last)
    for index, node in enumerate(g.nodes.values() if run.workers > 1 else ()):
        g.place(node, worker=index % run.workers)
    with g.start(num_workers=run.workers) as running:
        while got[0] < 3:
            time.sleep(0.001)
        running.stop()
    assert not running.running


def test_a_deep_chain_is_cancelled(run):
    got = Numbers()

    @component
    @inport("item", capacity=1)
    async def last(item):
        got[0] += 1

    g = deep(a_few_and_waits, last)

    async def main():
        # `got` is memory that only forked workers share.
        method = "fork" if run.workers else None
        task = asyncio.create_task(g.arun(num_workers=run.workers, start_method=method))
        await got.wait(0, 3)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())


def jam():
    """Give a graph of components that all wait for room, each because of the next, from their first firing on."""

    @component
    @inport("item", capacity=1)
    @outport("out")
    async def multiplies(item, out):
        for _ in range(3):
            await out.send(item)

    g = chain(emit(0), *[multiplies] * DEEP)
    for number in range(1, DEEP + 1):
        g.nodes[f"c{number}"].item < number
    g.keeps = keeps
    g.pairs = pairs
    g.keeps.out >> g.pairs.right
    g.nodes[f"c{DEEP}"].out >> g.pairs.left >> g.keeps.item
    return g


def test_everybody_waits(run):
    with pytest.raises(DeadlockError) as caught:
        run(jam(), timeout=40)
    issues = caught.value.issues
    blocked = {f"c{number} waits for room behind c{number}.out: c{number + 1}.item" for number in range(1, DEEP)}
    assert blocked <= {issue.removesuffix(" (1 of 1 inside)") for issue in issues}
    assert "keeps waits for an item at keeps.item (0 of 1 inside)" in issues
    assert len(issues) == DEEP + 2
    lines = str(caught.value).splitlines()
    assert len(lines) < 60, "a message that can be read"
    assert lines[-1] == f"  - and {len(issues) - 50:,} more"


def test_everybody_waits_when_time_is_up(run):
    @component
    async def sleeps():
        await asyncio.sleep(60)

    g = jam()
    g.sleeps = sleeps
    with pytest.raises(RunTimeout) as caught:
        run(g, timeout=1.5)
    assert len(caught.value.components) >= DEEP + 3
    assert len(str(caught.value).splitlines()) < 60


def test_a_sentence_about_a_thousand_full_ports():
    g = Graph()
    g.source = endless
    g.keeps = keeps
    g.source.out >> g.keeps.item
    for number in range(WIDE):
        pair = g.add(f"p{number}", pairs)
        g.source.out >> pair.left
        g.keeps.out >> pair.right
    with pytest.raises(DeadlockError) as caught:
        g.run(num_workers=0, timeout=40)
    (issue,) = (issue for issue in caught.value.issues if issue.startswith("source"))
    assert issue.startswith("source waits for room behind source.out: p0.left (1 of 1 inside), p1.left (1 of 1 inside)")
    assert issue.endswith("p9.left (1 of 1 inside), and 990 more")


# Wide.


async def by_await(send):
    await send


async def by_cancelled_task(send):
    task = asyncio.ensure_future(send)
    await asyncio.sleep(0)
    task.cancel()
    await task


async def by_timeout(send):
    async with asyncio.timeout(0):
        await send


WAYS = [by_await, by_cancelled_task, by_timeout]


@component
@outport("out")
@outport("fate")
async def hesitates(out, fate):
    """Send numbers, some of which are taken back, and tell of each whether it has surely been sent."""
    for number in range(24):
        try:
            await WAYS[number % 3](out.send(number))
            await fate.send((number, True))
        except (asyncio.CancelledError, TimeoutError):
            await fate.send((number, False))


def test_one_outport_feeds_a_thousand_ports(run):
    g = Graph()
    g.source = hesitates
    ports = []
    for number in range(WIDE):
        node = g.add(f"r{number}", relay(capacity=1 + number % 2))
        g.source.out >> node.item
        ports.append(node.out)
    report = run(g, collect=[g.source.fate, *ports])
    fates = report.collected.pop("source.fate")
    first = report.collected["r0.out"]
    assert all(got == first for got in report.collected.values()), "each item has reached none of the ports or all"
    assert first == sorted(set(first))
    assert {number for number, surely in fates if surely} <= set(first) <= {number for number, _ in fates}
    assert report.components["source"].outports["out"].sent == len(first)


def test_a_thousand_outports_feed_one_port(run):
    @component
    @outport("out")
    @outport("fate")
    async def hesitates(out, fate):
        for number in range(6):
            name = asyncio.current_task().get_name()
            try:
                await WAYS[number % 3](out.send((name, number)))
                await fate.send((name, number))
            except (asyncio.CancelledError, TimeoutError):
                pass

    g = Graph()
    g.all = NARROW
    g.fates = relay(capacity=None)
    for number in range(WIDE):
        source = g.add(f"s{number}", hesitates)
        source.out >> g.all.item
        source.fate >> g.fates.item
    collected = run(g, collect=[g.all.out, g.fates.out]).collected
    got = collected["all.out"]
    assert set(collected["fates.out"]) <= set(got)
    last = {}
    for name, number in got:
        assert number > last.get(name, -1), "once, in the order sent"
        last[name] = number


def with_ports(count, kind, body):
    """Make a component with ports `p0`, `p1`, …"""
    names = [f"p{number}" for number in range(count)]
    namespace = {}
    exec(f"async def wide({', '.join(names)}):\n    {body.format(names=', '.join(names))}", namespace)  # noqa: S102
    function = namespace["wide"]
    for name in names:
        function = kind(name)(function)
    return component(function)


def test_a_component_of_a_thousand_ports(run):
    @component
    @inport("row")
    @outport("out")
    async def passes(row, out):
        await out.send(row)

    g = Graph()
    g.source = with_ports(WIDE, outport, "for number, port in enumerate([{names}]): await port.send(number)")
    g.sink = with_ports(WIDE, lambda name: inport(name, capacity=1), "assert [{names}] == list(range(1000))")
    for number in range(WIDE):
        g.source.ports[f"p{number}"].connect(g.sink.ports[f"p{number}"])
    assert run(g).components["sink"].firings == 1


# Descriptors.


@component
@inport("item", capacity=1)
@outport("out")
async def counts_descriptors(item, out):
    await out.send(len(os.listdir("/proc/self/fd")))  # noqa: PTH208  as few steps as can be


def descriptors(run, ports):
    """Count the descriptors of a worker that runs so many inports, and as many elsewhere."""
    g = chain(emit(1), NARROW, counts_descriptors, *[NARROW] * (ports - 3))
    (count,) = run(g, collect=[g.c2.out]).collected["c2.out"]
    return count


def test_no_descriptor_for_a_port(run):
    few = descriptors(run, 10)
    assert descriptors(run, 3000) == few


@contextmanager
def descriptors_limited(most):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_three_thousand_ports_within_sixty_four_descriptors(run):
    with descriptors_limited(64):
        assert descriptors(run, 3000) < 64
