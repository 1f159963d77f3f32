"""Results of a group come in their order into a component of a loop, and the loop ends as it does without them."""

# ruff: noqa: N802  components are named as what they define would be, a class

import asyncio
import random

import pytest
from parts import emit, relay

from cascata import Graph, batch, component, inport, outport, persist

pytestmark = pytest.mark.once

TIMEOUT = 40.0
"""Seconds for runs that must end by themselves, and long before."""

NUMBER = 40
ROUNDS = 3
"""How often each item goes round."""


@component
@inport("item", capacity=2)
@outport("out")
async def Hurry(item, out):
    """Drop some items, multiply some, and take time with some."""
    if random.random() < 0.3:  # noqa: S311  any time will do
        await asyncio.sleep(0.001 * random.random())  # noqa: S311
    for part in range(parts(item)):
        await out.send((item, part, ROUNDS))


@Hurry.finish
async def finish_hurry(out):
    await out.send((NUMBER, 0, 0))


def parts(item):
    """Tell how many results come of an item."""
    return (1, 0, 3, 1, 0)[item % 5]


@component
@inport("item", capacity=1)
@outport("out")
async def FirstIsSlow(item, out):
    await asyncio.sleep(0.05 * (item == 0))
    await out.send((item, 0, ROUNDS))


def results(members=3):
    """Give what a group sends, in order."""
    return [(item, part, ROUNDS) for item in range(NUMBER) for part in range(parts(item))] + [(NUMBER, 0, 0)] * members


def goer(capacity, *, in_batches=False):
    """Make a component that sends round what it gets, and tells at the end what came from outside and how much came."""

    @component
    @inport("item", capacity=capacity)
    @outport("back")
    @outport("out")
    @persist("outside", list)
    @persist("count", int)
    async def Go(item, back, out, outside, count):
        for number, part, rounds in item if in_batches else [item]:
            count.set(count.get() + 1)
            if rounds in (ROUNDS, 0) and part >= 0:
                outside.get().append((number, part, rounds))
            if rounds:
                await back.send((number, -1, rounds - 1))

    @Go.finish
    async def finish_go(back, out, outside, count):
        await out.send((outside.get(), count.get()))

    return Go


def looped(capacity=None, members=3, relays=1):
    """Make a group that feeds a loop."""
    graph = Graph()
    graph.add("source", emit(*range(NUMBER)))
    graph.add("workers", Hurry * members)
    graph.add("go", goer(capacity))
    graph.source.out >> graph.workers.item
    graph.workers.out >> graph.go.item
    last = graph.go.back
    for index in range(relays):
        node = graph.add(f"relay_{index}", relay(capacity))
        last >> node.item
        last = node.out
    last >> graph.go.item
    return graph


@pytest.fixture(params=[0, 1, 2, 3], ids=lambda workers: f"{workers}_workers")
def anywhere(request):
    """Run a graph with neighbours on different workers, as far as there are any."""

    def run(graph, *shift, **options):
        for index, node in enumerate(graph.nodes.values() if request.param > 1 else ()):
            graph.place(node, worker=(index + sum(shift)) % request.param)
        return graph.run(num_workers=request.param, timeout=TIMEOUT, **options)

    return run


@pytest.mark.parametrize("relays", [0, 1, 2])
@pytest.mark.parametrize("capacity", [None, 500])
def test_results_and_what_goes_round_come_to_one_port(anywhere, capacity, relays):
    for shift in range(3):
        graph = looped(capacity, relays=relays)
        report = anywhere(graph, shift, collect=[graph.go.out])
        ((outside, count),) = report.collected["go.out"]
        assert outside == results()
        assert count == sum(rounds + 1 for _, _, rounds in results())


def test_results_as_they_come(anywhere):
    """`unordered` is heeded in a loop, too."""
    graph = Graph()
    graph.add("source", emit(*range(NUMBER)))
    graph.add("workers", Hurry * 3)
    graph.add("go", goer(None))
    graph.source.out >> graph.workers.item
    graph.workers.out.unordered >> graph.go.item
    graph.go.back >> graph.go.item
    ((outside, _),) = anywhere(graph, collect=[graph.go.out]).collected["go.out"]
    assert sorted(outside) == sorted(results())


def test_nothing_comes(anywhere):
    """A loop closes that only a group feeds which drops everything."""

    @component
    @inport("item")
    @outport("out")
    async def Drop(item, out):
        if item % 3:
            await asyncio.sleep(0.001)

    for _ in range(3):
        graph = Graph()
        graph.add("source", emit(*range(10)))
        graph.add("workers", Drop * 3)
        graph.add("go", goer(1))
        graph.source.out >> graph.workers.item
        graph.workers.out >> graph.go.item
        graph.go.back >> graph.go.item
        assert anywhere(graph, collect=[graph.go.out]).collected["go.out"] == [([], 0)]


def test_one_result_that_is_waited_for(anywhere):
    """The first result comes last, when the others have ended, and nothing goes round meanwhile."""

    graph = Graph()
    graph.add("source", emit(0, 1, 2))
    graph.add("workers", FirstIsSlow * 3)
    graph.add("go", goer(1))
    graph.source.out >> graph.workers.item
    graph.workers.out >> graph.go.item
    graph.go.back >> graph.add("relay", relay()).item
    graph.relay.out >> graph.go.item
    ((outside, count),) = anywhere(graph, collect=[graph.go.out]).collected["go.out"]
    assert outside == [(item, 0, ROUNDS) for item in range(3)]
    assert count == 3 * (ROUNDS + 1)


@pytest.mark.parametrize("size", [2, 7, 1000])
def test_batches_in_the_loop(anywhere, size):
    """Incomplete ones are flushed until nothing goes round any more."""
    for shift in range(2):
        graph = Graph()
        graph.add("source", emit(*range(NUMBER)))
        graph.add("workers", Hurry * 3)
        graph.add("go", goer(None, in_batches=True))
        graph.add("relay", relay(None))
        graph.source.out >> graph.workers.item
        graph.workers.out >> batch(size) >= graph.go.item
        graph.go.back >> graph.relay.item
        graph.relay.out >> batch(size) >= graph.go.item
        ((outside, count),) = anywhere(graph, shift, collect=[graph.go.out]).collected["go.out"]
        assert outside == results()
        assert count == sum(rounds + 1 for _, _, rounds in results())


def test_a_port_for_results_beside_one_for_what_goes_round(anywhere):
    """They are zipped: the loop ends with the results, and discards the token."""

    @component
    @inport("item", capacity=1)
    @inport("token")
    @outport("back")
    @outport("out")
    async def Count(item, token, back, out):
        await out.send((token, *item[:2]))
        await back.send(token + 1)

    for shift in range(3):
        graph = Graph()
        graph.add("source", emit(*range(NUMBER)))
        graph.add("workers", Hurry * 2)
        graph.add("count", Count)
        graph.add("relay", relay())
        graph.source.out >> graph.workers.item
        graph.workers.out >> graph.count.item
        graph.count.token < 0
        graph.count.back >> graph.relay.item
        graph.relay.out >> graph.count.token
        counted = anywhere(graph, shift, collect=[graph.count.out]).collected["count.out"]
        assert counted == [(index, item, part) for index, (item, part, _) in enumerate(results(2))]


def test_results_without_partners_keep_no_loop_open(anywhere):
    """They lie in one port of a zip inside of the loop; nothing comes to the other any more, and nothing ever will."""

    @component
    @inport("item")
    @inport("token")
    @outport("back")
    async def Join(item, token, back):
        if token:
            await back.send(token - 1)

    for shift in range(3):
        graph = Graph()
        graph.add("source", emit(3, 0, 8))
        graph.add("workers", Hurry * 2)
        graph.add("joined", Join)
        graph.add("relay", relay())
        graph.source.out >> graph.workers.item
        graph.workers.out >> graph.joined.item
        graph.joined.token < 1
        graph.joined.back >> graph.relay.item
        graph.relay.out >> graph.joined.token
        joined = anywhere(graph, shift).components["joined"]
        assert joined.firings == 2
        assert joined.inports["item"].discarded == 3


def test_several_groups_and_others_to_one_port(anywhere):
    """Each group keeps its own order."""

    @component
    @inport("item")
    @outport("out")
    async def Negative(item, out):
        await asyncio.sleep(0.001 * (item % 3 == 0))
        await out.send((-1 - item, 0, ROUNDS))

    for shift in range(3):
        graph = Graph()
        graph.add("source", emit(*range(NUMBER)))
        graph.add("workers", Hurry * 3)
        graph.add("others", Negative * 2)
        graph.add("single", emit(*((1000 + number, 0, ROUNDS) for number in range(NUMBER))))
        graph.add("go", goer(None))
        graph.add("relay", relay(1))
        graph.source.out >> graph.workers.item
        graph.source.out >> graph.others.item
        for node in (graph.workers, graph.others, graph.single):
            node.out >> graph.go.item
        graph.go.back >> graph.relay.item
        graph.relay.out >> graph.go.item
        ((outside, _),) = anywhere(graph, shift, collect=[graph.go.out]).collected["go.out"]
        assert [item for item in outside if 0 <= item[0] <= NUMBER] == results()
        assert [-1 - item[0] for item in outside if item[0] < 0] == list(range(NUMBER))
        assert [item[0] - 1000 for item in outside if item[0] >= 1000] == list(range(NUMBER))


def test_a_passive_port_in_a_loop(anywhere):
    """It sees results in order, and keeps no loop open for them."""

    @component
    @inport("number")
    @inport("latest")
    @outport("back")
    @outport("out")
    async def Watch(number, latest, back, out):
        await asyncio.sleep(0.001)
        await out.send(latest)
        if number:
            await back.send(number - 1)

    graph = Graph()
    graph.add("source", emit(*range(NUMBER)))
    graph.add("workers", Hurry * 3)
    graph.add("watch", Watch)
    graph.add("relay", relay())
    graph.source.out >> graph.workers.item
    graph.workers.out >> graph.watch.latest
    graph.watch.sync(graph.watch.number)
    graph.watch.number < 20
    graph.watch.back >> graph.relay.item
    graph.relay.out >> graph.watch.number
    report = anywhere(graph, collect=[graph.watch.out])
    seen = [item for item in report.collected["watch.out"] if item]
    assert seen == sorted(seen)
    assert report.components["watch"].firings == 21


@pytest.mark.parametrize("policy", ["balanced", "broadcast"])
def test_into_a_group_whose_members_have_loops(anywhere, policy):
    """Results are shared out, or go to all, in order; each member has a loop of its own."""
    for shift in range(2):
        graph = Graph()
        graph.add("source", emit(*range(NUMBER)))
        graph.add("workers", Hurry * 3)
        graph.add("go", goer(None) * 2)
        graph.source.out >> graph.workers.item
        for member in graph.go:
            member.back >> member.item
        graph.workers.out >> getattr(graph.go.item, policy)
        report = anywhere(graph, shift, collect=[graph.go.out])
        seen = [outside for outside, _ in report.collected["go.out"]]
        assert all(outside == sorted(outside, key=lambda item: item[:2]) for outside in seen)
        if policy == "broadcast":
            assert seen == [results()] * 2
        else:
            assert sorted(item for outside in seen for item in outside) == sorted(results())


def test_results_for_one_of_several_loops(anywhere):
    """What waits for its turn keeps the loop open that it will go to, whichever that is."""
    for key in range(6):
        graph = Graph()
        graph.add("source", emit(0, 1, 2))
        graph.add("workers", FirstIsSlow * 3)
        graph.add("go", goer(None) * 2)
        graph.source.out >> graph.workers.item
        for member in graph.go:
            member.back >> member.item
        graph.workers.out >> graph.go.item.keyed(lambda _, key=key: key)
        report = anywhere(graph, key, collect=[graph.go.out])
        seen = [outside for outside, _ in report.collected["go.out"] if outside]
        assert seen == [[(item, 0, ROUNDS) for item in range(3)]]


@pytest.mark.timeout(300)
def test_very_many_short_loops_that_groups_feed():
    """Their ends come at any moment, as nothing is as short as they are."""

    @component
    @inport("item", capacity=1)
    @outport("out")
    async def Odd(item, out):
        if item % 2:
            await out.send((item, 0, item % 3))

    for number in range(500):
        workers = (0, 0, 0, 0, 0, 0, 0, 1, 2, 3)[number % 10]
        graph = Graph()
        graph.add("source", emit(*range(number % 7)))
        graph.add("workers", Odd * (2 + number % 2))
        graph.add("go", goer((1, None)[number % 2]))
        graph.source.out >> graph.workers.item
        graph.workers.out >> graph.go.item
        last = graph.go.back
        if number % 4:
            graph.add("relay", relay(1))
            last >> graph.relay.item
            last = graph.relay.out
        last >> graph.go.item
        for index, node in enumerate(graph.nodes.values() if workers > 1 else ()):
            graph.place(node, worker=(index * (number // 10) + index) % workers)
        report = graph.run(num_workers=workers, timeout=TIMEOUT)
        expected = sum(item % 3 + 1 for item in range(number % 7) if item % 2)
        assert report.components["go"].firings == expected
