"""Sends that are cancelled, forgotten or late: each reaches all of its ports or none, in the order of the calls."""

import asyncio
import warnings

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scale import SCALE

from cascata import Graph, component, inport, outport

pytestmark = pytest.mark.once


async def by_await(out, item, patience, tasks):
    return await out.send(item)


async def by_task(out, item, patience, tasks):
    tasks.append(asyncio.create_task(out.send(item)))
    return await tasks[-1] if patience == 0 else None


async def by_timeout(out, item, patience, tasks):
    return await asyncio.wait_for(out.send(item), patience * 0.0003)


async def by_cancelled_task(out, item, patience, tasks):
    task = asyncio.create_task(out.send(item))
    for _ in range(patience):
        await asyncio.sleep(0)
    task.cancel()
    return await task


async def by_shield(out, item, patience, tasks):
    tasks.append(asyncio.ensure_future(out.send(item)))
    return await asyncio.wait_for(asyncio.shield(tasks[-1]), patience * 0.0003)


async def by_call(out, item, patience, tasks):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        out.send(item)


async def by_closed_send(out, item, patience, tasks):
    out.send(item).close()


async def by_gather(out, item, patience, tasks):
    return (await asyncio.gather(out.send(item), asyncio.sleep(0)))[0]


async def by_task_group(out, item, patience, tasks):
    async with asyncio.TaskGroup() as group:
        task = group.create_task(out.send(item))
    return task.result()


WAYS = {name: way for name, way in globals().items() if name.startswith("by_")}
FINISHED_LATER = {"by_shield", "by_task"}
SENDERS = st.lists(
    st.lists(st.tuples(st.sampled_from(sorted(WAYS)), st.integers(0, 3)), max_size=25), min_size=1, max_size=3
)
RECEIVERS = st.lists(st.tuples(st.one_of(st.integers(1, 4), st.none()), st.integers(0, 3)), min_size=1, max_size=3)


def make_sender(name, steps):
    """Make a component that sends `(name, k)` in the k-th way and says what became of it."""

    @component
    @outport("out")
    @outport("fate")
    async def sender(out, fate):
        tasks = []
        for number, (way, patience) in enumerate(steps):
            try:
                result = await WAYS[way](out, (name, number), patience, tasks)
            except (TimeoutError, asyncio.CancelledError):
                result = None
            await fate.send((number, result, way))
            for _ in range(patience):
                await asyncio.sleep(0)
        for task in tasks:
            assert await task is True

    return sender


def make_receiver(capacity, patience):
    @component
    @inport("item", capacity=capacity)
    @outport("got")
    async def receiver(item, got):
        await got.send(item)
        for _ in range(patience):
            await asyncio.sleep(0)

    return receiver


@settings(max_examples=int(60 * SCALE), deadline=None)
@given(senders=SENDERS, receivers=RECEIVERS, places=st.lists(st.integers(0, 2), min_size=6, max_size=6))
def test_each_send_reaches_all_of_its_ports_or_none(senders, receivers, places):
    for workers in (0, 1, 2, 3):
        g = Graph()
        sources = [g.add(f"s{index}", make_sender(index, steps)) for index, steps in enumerate(senders)]
        sinks = [g.add(f"r{index}", make_receiver(*given)) for index, given in enumerate(receivers)]
        for source in sources:
            for sink in sinks:
                source.out.connect(sink.item)
        for node, place in zip(g.nodes.values(), places, strict=False):
            if workers > 1:
                g.place(node, worker=place % workers)
        collect = [source.fate for source in sources] + [sink.got for sink in sinks]
        report = g.run(num_workers=workers, collect=collect, timeout=20)
        got = [report.collected[f"r{index}.got"] for index in range(len(sinks))]
        for index, steps in enumerate(senders):
            arrived = [[number for name, number in items if name == index] for items in got]
            assert all(each == arrived[0] for each in arrived), "all or none, in one order"
            assert arrived[0] == sorted(set(arrived[0])), "once, in the order of the calls"
            for number, result, way in report.collected[f"s{index}.fate"]:
                if result is not None or way in FINISHED_LATER:
                    assert result in (True, None)
                    assert number in arrived[0], f"a send by {way} that was done has arrived"
            assert len(report.collected[f"s{index}.fate"]) == len(steps)
            assert report.components[f"s{index}"].outports["out"].sent == len(arrived[0])
        for index, items in enumerate(got):
            assert report.components[f"r{index}"].inports["item"].taken == len(items)
