"""Groups at work: items are shared out and results gathered, in order where order is promised."""

import asyncio
import random

import pytest

from cascata import ComponentError, Graph, component, inport, outport, persist

pytestmark = pytest.mark.once

NUMBER = 60
LAST = 10**6
"""What finish functions send."""

WORKERS = pytest.mark.parametrize("num_workers", [0, 1, 2, 3, 5])


@component
@outport("out")
@outport("other")
async def source(out, other):
    for number in range(NUMBER):
        await out.send(number)
        await other.send(-number)


@component
@inport("x", capacity=2)
@outport("out")
async def work(x, out):
    """Drops some, multiplies some, and takes its time with some."""
    if random.random() < 0.3:  # noqa: S311  any time will do
        await asyncio.sleep(0.001)
    for item in worked(x):
        await out.send(item)


@work.finish
async def finish_work(out):
    await out.send(LAST)


def worked(x):
    """Tell what comes of one item."""
    return [x] * 5 if x % 5 == 4 else [x] if x % 3 else []


def through(items, members):
    """Tell what comes of items in a group, in order."""
    return [result for item in items for result in worked(item)] + [LAST] * members


@component
@inport("x", capacity=1)
@inport("y", capacity=3)
@outport("out")
async def pair(x, y, out):
    assert x == -y
    if x % 7:
        await asyncio.sleep(0.0005 * (x % 2))
        await out.send(x)


@component
@inport("x", capacity=1)
@outport("all")
async def sink(x, all):  # noqa: A002  a name as good as any
    await all.send(x)


def collected(graph, num_workers, **options):
    report = graph.run(num_workers=num_workers, collect=[graph.sink.all], timeout=50, **options)
    return report.collected["sink.all"], report


def chain(*sizes, view=lambda port: port):
    """Make a source, groups of these sizes one behind the other, and a sink."""
    graph = Graph()
    graph.source = source
    out = graph.source.out
    for index, size in enumerate(sizes):
        group = graph.add(f"group{index}", work * size)
        out >> view(group.x)
        out = group.out
    graph.sink = sink
    out >> graph.sink.x
    return graph


POLICIES = {
    "balanced": lambda port: port,
    "round_robin": lambda port: port.round_robin,
    "keyed": lambda port: port.keyed(lambda x: x // 10),
}


@WORKERS
@pytest.mark.parametrize("members", [1, 2, 5])
@pytest.mark.parametrize("policy", POLICIES)
def test_results_leave_in_the_order_of_the_inputs(policy, members, num_workers):
    graph = chain(members, view=POLICIES[policy])
    assert collected(graph, num_workers)[0] == through(range(NUMBER), members)


@WORKERS
def test_unordered_results_come_all_the_same(num_workers):
    graph = Graph()
    graph.source = source
    graph.workers = work * 4
    graph.sink = sink
    graph.source.out >> graph.workers.x
    graph.workers.out.unordered >> graph.sink.x
    assert sorted(collected(graph, num_workers)[0]) == sorted(through(range(NUMBER), 4))


@WORKERS
def test_everybody_gets_what_is_broadcast_and_results_go_by_number_then_member(num_workers):
    graph = chain(3, view=lambda port: port.broadcast)
    results, report = collected(graph, num_workers)
    assert results == [result for x in range(NUMBER) for _ in range(3) for result in worked(x)] + [LAST] * 3
    assert [report.components[f"group0_{member}"].firings for member in range(3)] == [NUMBER] * 3


@WORKERS
def test_numbers_travel_along_between_groups_of_one_size(num_workers):
    graph = chain(3, 3, 3)
    expected = range(NUMBER)
    for _ in range(3):
        expected = through(expected, 0)
    assert collected(graph, num_workers)[0][: len(expected)] == expected


@WORKERS
@pytest.mark.parametrize("sizes", [(3, 2), (1, 4, 2), (4, 1, 3)])
def test_between_groups_of_different_sizes_the_order_is_kept(sizes, num_workers):
    expected = range(NUMBER)
    for size in sizes:
        expected = through(expected, size)
    assert collected(chain(*sizes), num_workers)[0] == expected


def gathered(graph, port, num_workers):
    """Give what is collected of a group's outport, and what a sink gathers there."""
    report = graph.run(num_workers=num_workers, collect=[port, graph.sink.all], timeout=50)
    return report.collected[f"{port.component.name}.{port.name}"], report.collected["sink.all"]


@WORKERS
@pytest.mark.parametrize("members", [1, 2, 5])
@pytest.mark.parametrize("policy", [*POLICIES, "broadcast"])
def test_what_is_collected_of_a_group_comes_in_the_order_in_which_it_is_gathered(policy, members, num_workers):
    graph = chain(members, view=POLICIES.get(policy, lambda port: port.broadcast))
    collected, results = gathered(graph, graph.group0.out, num_workers)
    assert collected == results
    assert len(results) > NUMBER


@pytest.mark.parametrize("num_workers", [0, 3])
@pytest.mark.parametrize("sizes", [(3, 3), (4, 2), (1, 3)], ids=str)
def test_so_it_does_whatever_becomes_of_it(sizes, num_workers):
    graph = chain(*sizes)
    report = graph.run(num_workers=num_workers, collect=[graph.group0.out, graph.group1.out], timeout=50)
    once = through(range(NUMBER), sizes[0])
    assert report.collected["group0.out"] == once
    results = report.collected["group1.out"]
    if sizes[0] == sizes[1]:  # numbers end where a finish function sends
        once, results = once[: -sizes[0]], [item for item in results if item != LAST]
        assert results == [item for item in through(once, 0) if item != LAST]
    else:
        assert results == through(once, sizes[1])


@pytest.mark.parametrize("num_workers", [0, 2])
def test_so_it_does_where_nothing_is_connected_or_order_is_waived(num_workers):
    graph = Graph()
    graph.source = source
    graph.workers = work * 4
    graph.sink = sink
    graph.source.out >> graph.workers.x
    graph.workers.out.unordered >> graph.sink.x
    report = graph.run(num_workers=num_workers, collect=[graph.workers.out, graph.workers[1].out], timeout=50)
    assert report.collected["workers.out"] == through(range(NUMBER), 4)
    ones = report.collected["workers_1.out"]
    assert ones == sorted(ones)
    assert 0 < len(ones) < len(report.collected["workers.out"])


@pytest.mark.parametrize("num_workers", [0, 2])
def test_what_is_collected_of_sources_comes_by_member(num_workers):
    @component
    @outport("out")
    async def counting(out):
        for number in range(20):
            await out.send(number)
            await asyncio.sleep(0)

    graph = Graph()
    graph.sources = counting * 3
    report = graph.run(num_workers=num_workers, collect=[graph.sources.out], timeout=50)
    assert report.collected["sources.out"] == [*range(20)] * 3


@WORKERS
@pytest.mark.parametrize("policy", ["balanced", "round_robin", "keyed"])
def test_rows_of_several_ports_stay_together(policy, num_workers):
    graph = Graph()
    graph.source = source
    graph.pairs = pair * 3
    graph.sink = sink
    x = graph.pairs.x.keyed(abs) if policy == "keyed" else getattr(graph.pairs.x, policy)
    graph.source.out >> x
    graph.source.other >> graph.pairs.y
    graph.pairs.out >> graph.sink.x
    assert collected(graph, num_workers)[0] == [x for x in range(NUMBER) if x % 7]


@WORKERS
def test_everybody_gets_every_row_of_which_one_port_is_broadcast(num_workers):
    graph = Graph()
    graph.source = source
    graph.pairs = pair * 3
    graph.sink = sink
    graph.source.out >> graph.pairs.x
    graph.source.other >> graph.pairs.y.broadcast
    graph.pairs.out >> graph.sink.x
    assert collected(graph, num_workers)[0] == [x for x in range(NUMBER) if x % 7 for _ in range(3)]


@WORKERS
def test_what_initial_values_bring_about_comes_first(num_workers):
    graph = chain(3, 3)
    graph.group0.x < -10
    results = collected(graph, num_workers)[0]
    assert results == through([-10], 0) * 3 + through(through(range(NUMBER), 3), 3)


@WORKERS
def test_turns_are_taken_exactly(num_workers):
    graph = chain(4, view=lambda port: port.round_robin)
    report = collected(graph, num_workers)[1]
    assert [report.components[f"group0_{member}"].firings for member in range(4)] == [NUMBER // 4] * 4


@component
@inport("word")
@outport("count")
@persist("counts", dict)
async def tally(word, count, counts):
    counts.get()[word] = counts.get().get(word, 0) + 1


@tally.finish
async def finish_tally(count, counts):
    for pair_ in counts.get().items():
        await count.send(pair_)


@component
@outport("word")
async def say(word):
    for number in range(200):
        await word.send(f"word {number % 17}")


@pytest.mark.parametrize(("num_workers", "start_method"), [(0, None), (2, "fork"), (4, "fork"), (3, "spawn")])
def test_equal_keys_meet_one_member_whoever_sends(num_workers, start_method):
    graph = Graph()
    graph.one = say
    graph.other = say
    graph.tally = tally * 3
    graph.sink = sink
    for node in (graph.one, graph.other):
        node.word >> graph.tally.word.keyed(str.upper)
    graph.tally.count >> graph.sink.x
    counts, _ = collected(graph, num_workers, start_method=start_method)
    assert len(counts) == 17
    assert sum(count for _, count in counts) == 400


@pytest.mark.parametrize("num_workers", [0, 2])
@pytest.mark.parametrize("key", [lambda x: 1 // (x - 3), lambda x: [x]], ids=["raises", "unhashable"])
def test_a_key_that_cannot_be_made_is_the_senders_failure(key, num_workers):
    graph = chain(2, view=lambda port: port.keyed(key))
    with pytest.raises(ComponentError, match=r"source.*\.keyed") as raised:
        graph.run(num_workers=num_workers, timeout=50)
    assert raised.value.component == "source"
