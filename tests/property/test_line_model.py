"""Who waits for room waits in line: across producers, tasks and ways to wait, with some of them giving up.

The model is a list: what is sent in one process arrives in the order of the calls, without what was taken back.
"""

import asyncio
import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scale import SCALE

from cascata import Graph, component, inport, outport

pytestmark = pytest.mark.once

STEPS = st.lists(
    st.tuples(
        st.sampled_from(["one_by_one", "with_timeouts", "in_tasks", "in_a_group", "pauses"]),
        st.integers(1, 12),  # how many sends
        st.integers(0, 7),  # which of them are cancelled: every so many-th
        st.integers(0, 3),  # turns until then
    ),
    max_size=6,
)


class History:
    """What the producers of one process have done, in order."""

    def __init__(self):
        """Begin."""
        self.calls = []
        self.taken_back = set()

    def send(self, out, item):
        """Send, and note the call."""
        self.calls.append(item)
        return out.send(item)

    async def settle(self, task, item):
        """Wait for a send's end, and note how it ended."""
        try:
            assert await task is True
        except (asyncio.CancelledError, TimeoutError):
            self.taken_back.add(item)


async def one_by_one(history, out, items, cancelled, turns):
    for item in items:
        await history.send(out, item)


async def with_timeouts(history, out, items, cancelled, turns):
    for item in items:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(0.0003 * turns):
                await history.settle(history.send(out, item), item)


async def in_tasks(history, out, items, cancelled, turns):
    """Send all at once, and cancel some."""
    tasks = [asyncio.ensure_future(history.send(out, item)) for item in items]
    await pauses(history, out, items[:turns], cancelled, turns)
    for task in tasks[::cancelled] if cancelled else ():
        task.cancel()
    await asyncio.gather(*(history.settle(task, item) for task, item in zip(tasks, items, strict=True)))


async def in_a_group(history, out, items, cancelled, turns):
    """Send all at once in a group, of which some fail for lack of patience."""

    async def patient(item, seconds):
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await history.settle(history.send(out, item), item)

    async with asyncio.TaskGroup() as group:
        for place, item in enumerate(items):
            group.create_task(patient(item, 0.0003 * turns if cancelled and place % cancelled == 0 else None))


async def pauses(history, out, items, cancelled, turns):
    for _ in items:
        await asyncio.sleep(0)


WAYS = {way.__name__: way for way in (one_by_one, with_timeouts, in_tasks, in_a_group, pauses)}


async def play(history, out, name, steps):
    """Send as the steps say; each item is `(name, number)`. A pause sends nothing."""
    sent = 0
    for way, count, cancelled, turns in steps:
        items = [(name, number) for number in range(sent, sent + count)]
        sent += count
        await WAYS[way](history, out, items, cancelled, turns)


def producer(history, name, steps, place):
    @component
    @outport("out")
    @outport("told")
    async def produce(out, told):
        await play(history, out, name, steps)
        await told.send((place, list(history.calls), set(history.taken_back)))

    return produce


@component
@inport("item", capacity=1)
@outport("got")
async def consume(item, got):
    await got.send(item)
    if sum(item) % 3 == 0:
        await asyncio.sleep(0)


@component
@inport("item", capacity=2)
@outport("got")
async def consume_by_two(item, got):
    await got.send(item)
    if sum(item) % 5 == 0:
        await asyncio.sleep(0)


@settings(max_examples=int(25 * SCALE), deadline=None)
@given(
    programs=st.lists(STEPS, min_size=1, max_size=8),
    consumer=st.sampled_from([consume, consume_by_two]),
    places=st.lists(st.integers(0, 2), min_size=8, max_size=8),
)
def test_the_line_before_a_port(programs, consumer, places):
    for workers in (0, 1, 2, 3):
        history = History()  # of this process, or forked with it
        g = Graph()
        g.consumer = consumer
        collect = [g.consumer.got]
        for name, steps in enumerate(programs):
            place = places[name] % max(workers, 1)
            node = g.add(f"p{name}", producer(history, name, steps, place))
            node.out >> g.consumer.item
            collect.append(node.told)
            if workers > 1:
                g.place(node, worker=place)
        report = g.run(num_workers=workers, collect=collect, timeout=20)
        got = report.collected.pop("consumer.got")
        expected = {}
        for ((place, calls, taken_back),) in report.collected.values():
            if len(calls) >= len(expected.get(place, ((), ()))[0]):
                before = expected[place][1] if place in expected else set()
                expected[place] = calls, taken_back | before
            else:
                expected[place][1].update(taken_back)
        for place, (calls, taken_back) in expected.items():
            mine = [item for item in got if places[item[0]] % max(workers, 1) == place]
            assert set(calls) - taken_back <= set(mine), "what was not taken back has come"
            assert mine == [item for item in calls if item in set(mine)], "in the order of the calls, each once"
        assert len(got) == sum(report.components[f"p{name}"].outports["out"].sent for name in range(len(programs))), (
            "what was taken back does not count as sent"
        )
