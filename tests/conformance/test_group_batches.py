"""Groups that take their items in batches: results keep their order, and rows are made of whole batches."""

import asyncio
import itertools
import random

import pytest

from cascata import Graph, batch, component, inport, outport

pytestmark = pytest.mark.once

NUMBER = 62
"""Items of a stream; no multiple of a batch."""
SIZE = 4

WORKERS = pytest.mark.parametrize("num_workers", [0, 1, 2, 3])
VIEWS = pytest.mark.parametrize(
    "view",
    [
        pytest.param(lambda port: port, id="balanced"),
        pytest.param(lambda port: port.round_robin, id="round_robin"),
        pytest.param(lambda port: port.keyed(lambda item: item % 3), id="keyed"),
        pytest.param(lambda port: port.keyed(lambda item: item // 40), id="skewed"),
    ],
)


@component
@outport("out")
@outport("rare")
async def source(out, rare):
    for number in range(NUMBER):
        await out.send(number)
        if number % SIZE == SIZE - 1:
            await rare.send(number // SIZE)


@component
@inport("x", capacity=2)
@outport("out")
async def take(x, out):
    await pause()
    await out.send(x)


@component
@inport("x", capacity=2)
@inport("y", capacity=1)
@outport("out")
async def pair(x, y, out):
    await pause()
    await out.send((x, y))


@component
@inport("x", capacity=1)
@outport("all")
async def sink(x, all):  # noqa: A002  a name as good as any
    await all.send(x)


async def pause():
    if random.random() < 0.3:  # noqa: S311  any time will do
        await asyncio.sleep(0.001)


def collected(graph, num_workers):
    report = graph.run(num_workers=num_workers, collect=[graph.sink.all], timeout=50)
    return report.collected["sink.all"]


def begun(**groups):
    """Make a source, groups of these sizes, and a sink that is connected to nothing."""
    graph = Graph()
    graph.source = source
    for name, members in groups.items():
        setattr(graph, name, take * members)
    graph.sink = sink
    return graph


def assert_ordered(batches):
    """Batches come by their last items; only those that the end of the stream has cut short come after all others."""
    assert sorted(itertools.chain(*batches)) == list(range(NUMBER))
    short = list(itertools.dropwhile(lambda items: len(items) == SIZE, batches))
    whole = batches[: len(batches) - len(short)]
    assert all(0 < len(items) < SIZE for items in short)
    assert [items[-1] for items in whole] == sorted(items[-1] for items in whole)
    assert all(items == sorted(items) for items in batches)


@WORKERS
@VIEWS
@pytest.mark.parametrize("members", [1, 2, 5])
def test_batches_leave_in_the_order_of_their_last_items(view, members, num_workers):
    graph = begun(group=members)
    graph.source.out >> SIZE >= view(graph.group.x)
    graph.group.out >> graph.sink.x
    assert_ordered(collected(graph, num_workers))


@WORKERS
@pytest.mark.parametrize("others", [2, 3])
def test_batches_keep_their_order_through_another_group(others, num_workers):
    """Along a group of the same size, and through one of another size."""
    graph = begun(group=3, others=others)
    graph.source.out >> SIZE >= graph.group.x
    graph.group.out >> graph.others.x
    graph.others.out >> graph.sink.x
    assert_ordered(collected(graph, num_workers))


@WORKERS
def test_what_travels_along_is_batched_in_order(num_workers):
    """The numbers of the members that send are those of the batches' items."""
    graph = begun(group=3, others=3)
    graph.source.out >> graph.group.x.round_robin
    graph.group.out >> 2 >= graph.others.x
    graph.others.out >> graph.sink.x
    batches = [[k + 6 * r, k + 6 * r + 3] for r in range(NUMBER // 6) for k in range(3)]
    assert collected(graph, num_workers) == [*batches, [60], [61]]


@WORKERS
def test_everybody_s_batches_go_by_number_then_member(num_workers):
    graph = begun(group=3)
    graph.source.out >> SIZE >= graph.group.x.broadcast
    graph.group.out >> graph.sink.x
    batches = [list(range(k, min(k + SIZE, NUMBER))) for k in range(0, NUMBER, SIZE)]
    assert collected(graph, num_workers) == [items for items in batches for _ in range(3)]


@WORKERS
@pytest.mark.parametrize("members", [2, 4])
def test_a_row_has_a_whole_batch_of_a_port(members, num_workers):
    graph = begun()
    graph.group = pair * members
    graph.source.out >> SIZE >= graph.group.x
    graph.source.rare >> graph.group.y
    graph.group.out >> graph.sink.x
    rows = [(list(range(SIZE * k, SIZE * (k + 1))), k) for k in range(NUMBER // SIZE)]
    assert collected(graph, num_workers) == rows


@WORKERS
def test_rows_of_batches_of_different_sizes(num_workers):
    graph = begun()
    graph.other = source
    graph.group = pair * 3
    graph.source.out >> 6 >= graph.group.x.round_robin
    graph.other.out >> 4 >= graph.group.y
    graph.group.out >> graph.sink.x
    rows = [(list(range(6 * k, 6 * k + 6)), list(range(4 * k, 4 * k + 4))) for k in range(NUMBER // 6)] + [
        ([60, 61], [40, 41, 42, 43])
    ]
    assert collected(graph, num_workers) == rows


@WORKERS
def test_a_whole_stream_is_one_row(num_workers):
    graph = begun()
    graph.other = source
    graph.group = pair * 3
    graph.source.out >>= graph.group.x
    graph.other.rare >> graph.group.y
    graph.group.out >> graph.sink.x
    assert collected(graph, num_workers) == [(list(range(NUMBER)), 0)]


@WORKERS
@VIEWS
def test_batches_that_time_completes_lose_nothing(view, num_workers):
    graph = begun(group=3)
    graph.source.out >> batch(SIZE, within=0.001) >= view(graph.group.x)
    graph.group.out >> graph.sink.x
    batches = collected(graph, num_workers)
    assert sorted(itertools.chain(*batches)) == list(range(NUMBER))
    assert all(1 <= len(items) <= SIZE and items == sorted(items) for items in batches)


@WORKERS
@pytest.mark.parametrize("view", [lambda port: port, lambda port: port.broadcast], ids=["balanced", "broadcast"])
def test_time_and_rows_do_not_lock_up(view, num_workers):
    """Who waits for a part of a row, or has longer batches than others, holds nobody up."""
    graph = begun()
    graph.group = pair * 3
    graph.source.out >> batch(3, within=0.001) >= view(graph.group.x)
    graph.source.out >> view(graph.group.y)
    graph.group.out >> graph.sink.x
    assert collected(graph, num_workers)
