"""Members of a group that end before the others: what they have got and not seen goes to these."""

import asyncio
import itertools
import random

import numpy as np
import pytest

from cascata import Graph, component, inport, outport

pytestmark = pytest.mark.once

NUMBER = 200
WORKERS = pytest.mark.parametrize("num_workers", [0, 1, 2, 3, 5])
VIEWS = {
    "balanced": lambda port: port,
    "round_robin": lambda port: port.round_robin,
    "keyed": lambda port: port.keyed(lambda item: item % 7),
}


@component
@outport("out")
async def source(out):
    for number in range(NUMBER):
        await out.send(number)


@component
@inport("number")
@outport("out")
async def permits(number, out):
    """Let its member fire so often."""
    for _ in range(number):
        await out.send(None)
        if random.random() < 0.1:  # noqa: S311  any time will do
            await asyncio.sleep(0.001)


@component
@inport("x", capacity=8)
@inport("permit", capacity=2)
@outport("out")
async def take(x, permit, out):
    await out.send(x)


@component
@inport("x", capacity=3)
@outport("all")
async def sink(x, all):  # noqa: A002  a name as good as any
    await all.send(x)


@component
@outport("out")
async def arrays(out):
    for number in range(NUMBER):
        await out.send(np.full(3000, number))


def ran(permitted, num_workers, connect, kind=source, **options):
    """Run a group whose members may fire so often each; give what they sent."""
    graph = Graph()
    graph.source = kind
    graph.takers = take * len(permitted)
    for member, number in enumerate(permitted):
        permit = graph.add(f"permits_{member}", permits)
        permit.number < number
        permit.out >> graph.takers[member].permit
    graph.sink = sink
    connect(graph.source.out, graph.takers.x)
    graph.takers.out >> graph.sink.x
    report = graph.run(num_workers=num_workers, collect=[graph.sink.all], timeout=50, **options)
    return report.collected["sink.all"]


@WORKERS
@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("permitted", [(3, NUMBER), (NUMBER, 0, 5), (1, 2, 3, 4, NUMBER), (120, 120)])
def test_nothing_is_lost_when_a_member_ends(permitted, view, num_workers):
    results = ran(permitted, num_workers, lambda out, x: out >> VIEWS[view](x))
    assert sorted(results) == list(range(NUMBER))


@WORKERS
def test_batches_that_are_begun_are_shared_out_again(num_workers):
    batches = ran((4, NUMBER, 0), num_workers, lambda out, x: out >> 3 >= x)
    assert sorted(itertools.chain(*batches)) == list(range(NUMBER))


@WORKERS
def test_a_group_that_is_fed_by_several(num_workers):
    def connect(out, x):
        graph = x.component.graph
        graph.more = source
        out >> x
        graph.more.out >> x

    assert sorted(ran((4, 2 * NUMBER, 0), num_workers, connect)) == sorted(2 * list(range(NUMBER)))


@pytest.mark.parametrize("num_workers", [1, 3])
def test_the_others_get_it_in_spawned_workers(num_workers):
    results = ran((10, NUMBER, 50), num_workers, lambda out, x: out >> x, start_method="spawn")
    assert sorted(results) == list(range(NUMBER))


@WORKERS
def test_when_all_have_ended_the_rest_is_discarded(num_workers):
    results = ran((10, 20, 5), num_workers, lambda out, x: out >> x)
    assert len(results) == len(set(results)) == 35


@pytest.mark.parametrize("num_workers", [0, 2, 3])
def test_arrays_are_handed_over(num_workers):
    results = ran((2, NUMBER, 5), num_workers, lambda out, x: out >> x, kind=arrays)
    assert sorted(array[0] for array in results) == list(range(NUMBER))
    assert all((array == array[0]).all() and array.size == 3000 for array in results)


def test_one_whose_key_fails_is_lost_alone():
    """The function fails when it sees an item for the second time, as it is to be handed over."""
    seen = set()

    def key(item):
        if item in seen:
            msg = "seen before"
            raise ValueError(msg)
        seen.add(item)
        return item

    results = ran((3, NUMBER), 0, lambda out, x: out >> x.keyed(key))
    assert len(results) == len(set(results)) >= NUMBER // 2
