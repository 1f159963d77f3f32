"""Too little shared memory for the items between workers: sends wait, and what cannot end is told."""

import asyncio
import gc
import random
import re

import numpy as np
import pytest
from parts import chain, emit

from cascata import DeadlockError, Graph, component, empty, inport, outport, persist
from cascata.run import shortage

pytestmark = pytest.mark.once

MB = 1 << 20


@component
@inport("count")
@inport("size", default=MB)
@outport("out")
async def arrays(count, size, out):
    """Send arrays that tell their number."""
    for number in range(count):
        await out.send(np.full(size, number % 250, "u1"))


@component
@inport("item")
@outport("out")
@persist("kept", list)
@persist("most", int)
async def keep(item, out, kept, most):
    """Keep some arrays, and tell what each was."""
    kept.get().append(item)
    if len(kept.get()) > most.get():
        kept.get().clear()
    await out.send(int(item[0]))


def keeping(count, most, size=MB):
    g = Graph()
    g.source = arrays
    g.keep = keep
    g.source.count < count
    g.source.size < size
    g.keep.most < most
    g.source.out >> g.keep.item
    g.place(g.source, worker=0)
    g.place(g.keep, worker=1)
    return g


def run(g, limit, collect, workers=2):
    return g.run(num_workers=workers, shared_memory=limit, collect=[collect]).collected[
        f"{collect.component.name}.{collect.name}"
    ]


@pytest.mark.parametrize("limit", [4 * MB, 8 * MB, 100 * MB])
def test_senders_wait_until_receivers_have_let_go(limit):
    g = keeping(100, most=2)
    assert run(g, limit, g.keep.out) == list(range(100))


def test_what_nothing_can_free_is_told_with_those_who_hold_it():
    g = keeping(100, most=1000)
    with pytest.raises(DeadlockError) as caught:
        run(g, 20 * MB, g.keep.out)
    text = "\n".join(caught.value.issues)
    assert "source waits for shared memory for an item of source.out" in text
    assert re.search(r"1\d(\.\d)? MiB of 20 MiB of the run's shared memory are taken", text)
    assert re.search(r"keep still refers to 1\d buffers \(1\d MiB\) that it received at item", text)
    assert "run(shared_memory=...)" in text


def test_ten_thousand_views_can_be_kept():
    g = keeping(10_000, most=20_000, size=20_000)
    assert len(run(g, None, g.keep.out)) == 10_000


def test_memory_that_only_garbage_holds_is_found():
    @component
    @inport("item")
    @outport("out")
    async def cyclic(item, out):
        gc.disable()
        circle = [item]
        circle.append(circle)
        await out.send(int(item[0]))

    g = Graph()
    g.source = arrays
    g.sink = cyclic
    g.source.count < 60
    g.source.out >> g.sink.item
    g.place(g.source, worker=0)
    g.place(g.sink, worker=1)
    assert run(g, 10 * MB, g.sink.out) == list(range(60))


@pytest.mark.parametrize("together", [False, True])
def test_what_an_ended_component_kept_is_free(together):
    """Also if another one on its worker goes on."""
    g = Graph()
    g.source, g.other = arrays("source"), arrays("other")
    g.keep, g.late = keep("keep"), keep("late")
    g.source.count < 12
    g.keep.most < 100
    g.source.out >> g.keep.item
    g.other.count < 50
    g.late.most < 2
    g.other.out >> g.late.item
    for node, worker in ((g.source, 0), (g.keep, 1), (g.other, 0), (g.late, 1 if together else 2)):
        g.place(node, worker=worker)
    assert run(g, 16 * MB, g.late.out, workers=3) == list(range(50))


def test_a_send_that_waits_for_memory_can_be_cancelled():
    @component
    @outport("out")
    @outport("told")
    async def impatient(out, told):
        kept = [empty(2 * MB, "u1") for _ in range(4)]
        for number in range(5):
            try:
                await asyncio.wait_for(out.send(np.full(2 * MB, number, "u1")), 0.01 if number != 3 else None)
            except TimeoutError:
                await told.send(number)
            if number == 2:
                kept.clear()

    @component
    @inport("item")
    @outport("out")
    async def first(item, out):
        await out.send(int(item[0]))

    g = chain(impatient, first)
    g.place(g.c0, worker=0)
    g.place(g.c1, worker=1)
    report = g.run(num_workers=2, shared_memory=9 * MB, collect=[g.c1.out, g.c0.told])
    assert report.collected["c0.told"][:3] == [0, 1, 2]
    assert report.collected["c1.out"][0] == 3
    assert len(report.collected["c1.out"]) + len(report.collected["c0.told"]) == 5


def test_an_item_larger_than_all_memory_is_refused():
    g = keeping(1, most=1, size=3 * MB)
    with pytest.raises(Exception, match=r"source\.out\.send\(\): .* numpy\.ndarray takes at least 3145728 bytes"):
        run(g, 2 * MB, g.keep.out)


def test_a_buffer_for_which_there_is_no_room_is_a_memory_error():
    @component
    @inport("item")
    @outport("out")
    async def greedy(item, out):
        kept = []
        try:
            while True:
                kept.append(empty(MB, "u1"))
        except MemoryError as error:
            await out.send((len(kept), str(error)))
        kept.clear()
        await out.send(len(empty(2 * MB, "u1")))

    g = chain(emit(1), greedy)
    g.place(g.c0, worker=0)
    g.place(g.c1, worker=1)
    # Only a worker of which others receive something has such memory.
    g.look = keepnothing
    g.c1.out >> g.look.item
    g.place(g.look, worker=0)
    (count, text), size = run(g, 4 * MB, g.look.out)
    assert count == 3
    assert "run(shared_memory=...)" in text
    assert size == 2 * MB


def test_a_buffer_gets_what_other_workers_have_cached():
    """Memory that is free already, but in the arena of another worker."""

    @component
    @outport("out")
    async def first(out):
        for _ in range(20):
            await out.send(np.zeros(2 * MB, "u1"))

    @component
    @inport("item")
    @outport("out")
    async def second(item, out):
        await out.send(len(item))

    @component
    @inport("item")
    @persist("count", int)
    @outport("out")
    async def third(item, count, out):
        count.set(count.get() + 1)
        if count.get() == 20:
            await out.send(len(empty(7 * MB, "u1")))

    g = chain(first, second, third)
    g.look = keepnothing
    g.c2.out >> g.look.item
    for node, worker in ((g.c0, 0), (g.c1, 1), (g.c2, 2), (g.look, 0)):
        g.place(node, worker=worker)
    assert run(g, 8 * MB, g.look.out, workers=3) == [7 * MB]


@component
@inport("item")
@outport("out")
async def keepnothing(item, out):
    await out.send(item)


@pytest.mark.parametrize("seed", range(6))
def test_nothing_is_lost_doubled_or_overtaken(seed):
    """Many senders of all sizes in three workers, through little memory."""
    chance = random.Random(seed)  # noqa: S311

    @component
    @inport("number")
    @inport("sizes")
    @outport("out")
    async def mixed(number, sizes, out):
        for index, size in enumerate(sizes):
            await out.send((number, index, np.full(size, (number + index) % 250, "u1")))

    @component
    @inport("item", capacity=3)
    @outport("out")
    async def check(item, out):
        number, index, array = item
        assert (array == (number + index) % 250).all()
        await out.send((number, index))

    g = Graph()
    counts = []
    for number in range(4):
        sizes = [chance.choice([0, 10, 3000, 20_000, 300_000, 1_500_000]) for _ in range(40)]
        node = g.add(f"source{number}", mixed)
        node.number < number
        node.sizes < sizes
        g.place(node, worker=number % 3)
        counts.append(len(sizes))
    for number in range(3):
        node = g.add(f"check{number}", check)
        g.place(node, worker=number)
        for source in range(4):
            if (source + number) % 2 == 0 or number == 0:
                g.nodes[f"source{source}"].out >> node.item
    outports = [g.nodes[f"check{number}"].out for number in range(3)]
    report = g.run(num_workers=3, shared_memory=5 * MB, collect=outports)
    for number in range(3):
        seen = report.collected[f"check{number}.out"]
        for source in range(4):
            expected = counts[source] if (source + number) % 2 == 0 or number == 0 else 0
            assert [index for origin, index in seen if origin == source] == list(range(expected))


def test_who_got_no_buffer_does_not_count_as_waiting(monkeypatch, caplog):
    monkeypatch.setattr(shortage, "PATIENCE", 0.1)

    @component
    @inport("item")
    @outport("out")
    async def modest(item, out):
        kept = [empty(MB, "u1") for _ in range(3)]
        try:
            empty(2 * MB, "u1")
        except MemoryError:
            await asyncio.sleep(2)
            await out.send(len(kept))

    g = chain(emit(1), modest, keepnothing)
    for number, node in enumerate((g.c0, g.c1, g.c2)):
        g.place(node, worker=number % 2)
    assert run(g, 4 * MB, g.c2.out) == [3]
    assert not caplog.records


def test_a_long_wait_is_logged(monkeypatch, caplog):
    monkeypatch.setattr(shortage, "PATIENCE", 0.1)

    @component
    @inport("item", capacity=1)
    @outport("out")
    @persist("kept", list)
    async def slow(item, out, kept):
        kept.get().append(item)
        if len(kept.get()) == 5:
            await asyncio.sleep(2)
            kept.get().clear()
        await out.send(1)

    g = Graph()
    g.source = arrays
    g.slow = slow
    g.source.count < 20
    g.source.out >> g.slow.item
    g.place(g.source, worker=0)
    g.place(g.slow, worker=1)
    assert len(run(g, 6 * MB, g.slow.out)) == 20
    told = [record.getMessage() for record in caplog.records if "shared memory" in record.getMessage()]
    assert told  # once for each wait that is long; on a busy machine all are
    assert re.search(r"waited for shared memory for 0\.1 s: .* slow still refers to \d buffers", told[0])
