"""Feedback loops end by themselves, whatever goes round in them and wherever it does."""

# ruff: noqa: N802  components are named as what they define would be, a class

import asyncio

import pytest
from parts import Numbers, emit, relay

from cascata import DeadlockError, Graph, RunTimeout, batch, component, inport, outport, persist

pytestmark = pytest.mark.once

TIMEOUT = 40.0
"""Seconds for runs that must end by themselves, and long before."""


@component
@inport("number", capacity=None)
@outport("back")
@outport("out")
@persist("seen", list)
async def CountDown(number, back, out, seen):
    """Sends round one less, until that is nothing."""
    seen.get().append(number)
    if number > 0:
        await back.send(number - 1)


@CountDown.finish
async def finish_count_down(back, out, seen):
    await out.send((sorted(seen.get(), reverse=True), await back.send(1000)))


def countdown(start, length, capacity=10):
    """Make a loop of so many components."""
    graph = Graph()
    graph.add("count", CountDown)
    graph.add("take", relay())
    graph.count.number < start
    graph.count.out >> graph.take.item
    last = graph.count.back
    for index in range(length - 1):
        node = graph.add(f"relay_{index}", relay(capacity))
        last >> node.item
        last = node.out
    last >> graph.count.number
    return graph


@pytest.fixture(params=[0, 1, 2, 3, 5], ids=lambda workers: f"{workers}_workers")
def anywhere(request):
    """Run a graph with neighbours on different workers, as far as there are any."""

    def run(graph, **options):
        for index, node in enumerate(graph.nodes.values() if request.param > 1 else ()):
            graph.place(node, worker=index % request.param)
        return graph.run(num_workers=request.param, timeout=TIMEOUT, **options)

    return run


@pytest.mark.parametrize("length", [1, 2, 3, 5])
def test_a_token_that_counts_down(anywhere, length):
    """What `finish` sends into the closed loop reaches nobody; what it sends out of it does."""
    graph = countdown(100, length)
    report = anywhere(graph, collect=[graph.take.out])
    assert report.collected["take.out"] == [(list(range(100, -1, -1)), False)]
    assert {name: node.firings for name, node in report.components.items()} == {
        "count": 101,
        "take": 1,
        **{f"relay_{index}": 100 for index in range(length - 1)},
    }


@pytest.mark.parametrize("start_method", ["fork", "spawn"])
def test_workers_however_they_were_started(start_method):
    graph = countdown(50, 3)
    graph.place(graph.count, worker=0)
    graph.place(graph.relay_0, worker=1)
    report = graph.run(num_workers=2, timeout=TIMEOUT, start_method=start_method, collect=[graph.take.out])
    assert report.collected["take.out"] == [(list(range(50, -1, -1)), False)]


@pytest.mark.parametrize("length", [1, 2, 3])
def test_ports_for_one_item(anywhere, length):
    @component
    @inport("item", capacity=1)
    @outport("out")
    async def Down(item, out):
        if item:
            await out.send(item - 1)

    graph = Graph()
    nodes = [graph.add("first", Down), *(graph.add(f"relay_{index}", relay(1)) for index in range(length - 1))]
    nodes[0].item < 200
    for node, following in zip(nodes, nodes[1:] + nodes[:1], strict=True):
        node.out >> following.item
    assert anywhere(graph).components["first"].firings == 201


def test_a_loop_that_is_fed_from_outside(anywhere):
    """It stays open until the feeder has ended, and then until the last item is through."""
    graph = countdown(0, 2)
    graph.add("source", emit(*range(1, 30)))
    graph.source.out >> graph.count.number
    assert anywhere(graph).components["count"].firings == 1 + sum(n + 1 for n in range(1, 30))


def test_a_loop_that_is_fed_slowly(anywhere):
    """It does not end while its feeder may send more, however long nothing goes round."""

    @component
    @outport("out")
    async def Slow(out):
        for number in range(5):
            await asyncio.sleep(0.02)
            await out.send(number)

    graph = countdown(3, 2)
    graph.add("source", Slow)
    graph.source.out >> graph.count.number
    assert anywhere(graph).components["count"].firings == 4 + 15


@component
@inport("url", capacity=None)
@outport("links")
@outport("page")
@persist("visited", set)
async def Fetch(url, links, page, visited):
    if url in visited.get():
        return
    visited.get().add(url)
    await asyncio.sleep(0.0001 * (url % 3))
    await page.send(url)
    for link in (url * 2 + 1, url * 2 + 2, url // 2, url + 1):
        if link < 100:
            await links.send(link)


@pytest.mark.parametrize("seeds", [(0,), (0, 50, 99)])
def test_a_crawler(anywhere, seeds):
    """A port without bound, as it multiplies its items."""
    graph = Graph()
    graph.add("seed", emit(*seeds))
    graph.add("fetch", Fetch)
    graph.add("filter", relay())
    graph.add("store", relay())
    graph.seed.out >> graph.fetch.url
    graph.fetch.links >> graph.filter.item
    graph.filter.out >> graph.fetch.url
    graph.fetch.page >> graph.store.item
    pages = anywhere(graph, collect=[graph.store.out]).collected["store.out"]
    assert sorted(pages) == list(range(100))


def test_collatz(anywhere):
    """A loop with two ways through it."""

    @component
    @inport("number", capacity=None)
    @outport("even")
    @outport("odd")
    @outport("done")
    async def Sort(number, even, odd, done):
        start, number, steps = number
        if number == 1:
            await done.send((start, steps))
        else:
            await (odd if number % 2 else even).send((start, number, steps + 1))

    def step(function):
        @component
        @inport("number")
        @outport("out")
        async def Step(number, out):
            start, number, steps = number
            await out.send((start, function(number), steps))

        return Step

    graph = Graph()
    graph.add("source", emit(*((start, start, 0) for start in range(1, 40))))
    graph.add("sort", Sort)
    graph.add("halve", step(lambda number: number // 2))
    graph.add("grow", step(lambda number: 3 * number + 1))
    graph.source.out >> graph.sort.number
    graph.sort.even >> graph.halve.number
    graph.sort.odd >> graph.grow.number
    graph.halve.out >> graph.sort.number
    graph.grow.out >> graph.sort.number
    done = dict(anywhere(graph, collect=[graph.sort.done]).collected["sort.done"])
    assert done[27] == 111
    assert done[1] == 0
    assert len(done) == 39


def test_loops_that_feed_each_other_in_a_chain(anywhere):
    """Each closes in its turn, and what its components send when they finish comes into the next."""
    graph = Graph()
    last = None
    for index in range(4):
        count = graph.add(f"count_{index}", CountDown)
        back = graph.add(f"back_{index}", relay(2))
        count.back >> back.item
        back.out >> count.number
        if last is None:
            count.number < 10
        else:
            last >> graph.add(f"total_{index}", total()).seen
            graph.nodes[f"total_{index}"].out >> count.number
        last = count.out
    report = anywhere(graph, collect=[graph.count_3.out])
    assert report.collected["count_3.out"] == [(list(range(13, -1, -1)), False)]


def total():
    @component
    @inport("seen")
    @outport("out")
    async def Total(seen, out):
        assert seen[1] is False
        await out.send(len(seen[0]))

    return Total


def test_loops_within_a_loop(anywhere):
    """One component is in three loops, of which one is a loop of itself."""

    @component
    @inport("token", capacity=None)
    @outport("self_")
    @outport("short")
    @outport("long")
    async def Hub(token, self_, short, long):
        if token:
            await (self_, short, long)[token % 3].send(token - 1)

    graph = Graph()
    graph.add("hub", Hub)
    for name in ("near", "far_1", "far_2"):
        graph.add(name, relay(1))
    graph.hub.token < 90
    graph.hub.self_ >> graph.hub.token
    graph.hub.short >> graph.near.item
    graph.near.out >> graph.hub.token
    graph.hub.long >> graph.far_1.item
    graph.far_1.out >> graph.far_2.item
    graph.far_2.out >> graph.hub.token
    report = anywhere(graph)
    firings = {name: node.firings for name, node in report.components.items()}
    assert firings == {"hub": 91, "near": 30, "far_1": 30, "far_2": 30}


def test_several_loops_side_by_side(anywhere):
    graph = Graph()
    for index in range(6):
        count = graph.add(f"count_{index}", CountDown)
        back = graph.add(f"back_{index}", relay(1))
        count.number < 10 * index
        count.back >> back.item
        back.out >> count.number
    report = anywhere(graph)
    assert [report.components[f"count_{index}"].firings for index in range(6)] == [10 * index + 1 for index in range(6)]


@component
@inport("start", capacity=2)
@inport("token", capacity=2)
@outport("back")
@outport("out")
@persist("sum", int)
async def Accumulate(start, token, back, out, sum):  # noqa: A002  a port
    sum.set(sum.get() + start + token)
    await back.send(token + 1)


@Accumulate.finish
async def finish_accumulate(back, out, sum):  # noqa: A002  a port
    await out.send(sum.get())


@pytest.mark.parametrize("items", [0, 1, 7])
def test_a_zip_with_a_token_ends_with_what_feeds_it(anywhere, items):
    """Then a token is left in the loop, which waits for a partner: it does not keep the loop open, and is discarded."""
    graph = Graph()
    graph.add("source", emit(*range(items)))
    graph.add("accumulate", Accumulate)
    graph.add("relay", relay())
    graph.source.out >> graph.accumulate.start
    graph.accumulate.token < 0
    graph.accumulate.back >> graph.relay.item
    graph.relay.out >> graph.accumulate.token
    report = anywhere(graph, collect=[graph.accumulate.out])
    assert report.collected["accumulate.out"] == [2 * sum(range(items))]


def test_partners_that_never_come_do_not_keep_a_loop_open(anywhere):
    """Three items lie in one port of a zip inside of the loop; nothing comes to the other."""

    @component
    @inport("token")
    @outport("left")
    @outport("right")
    async def Split(token, left, right):
        await left.send(token)
        if token % 2:
            await right.send(token)

    @component
    @inport("left")
    @inport("right")
    @outport("out")
    async def Join(left, right, out):
        if left < 5:
            await out.send(left + 1)

    graph = Graph()
    graph.add("split", Split)
    graph.add("joined", Join)
    graph.add("more", emit(2, 4, 6))
    graph.more.out >> graph.split.token
    graph.split.token < 1
    graph.split.left >> graph.joined.left
    graph.split.right >> graph.joined.right
    graph.joined.out >> graph.split.token
    report = anywhere(graph)
    joined = report.components["joined"]
    assert joined.firings == 1
    assert joined.inports["left"].discarded == 4
    assert joined.inports["right"].discarded == 0


def test_ports_that_fire_by_themselves(anywhere):
    """`clk`: two loops meet in one component, whose trigger groups end together."""

    @component
    @inport("a")
    @inport("b")
    @outport("to_a")
    @outport("to_b")
    @persist("last", lambda: [None, None])
    async def Two(a, b, to_a, to_b, last):
        if a is not None and a != last.get()[0]:
            last.get()[0] = a
            if a > 0:
                await to_a.send(a - 1)
        elif b is not None and b != last.get()[1]:
            last.get()[1] = b
            if b > 0:
                await to_b.send(b - 1)

    graph = Graph()
    graph.add("two", Two)
    graph.add("a", relay(1))
    graph.add("b", relay(1))
    graph.two.clk(graph.two.a, graph.two.b)
    graph.two.a < 20
    graph.two.b < 30
    graph.two.to_a >> graph.a.item
    graph.a.out >> graph.two.a
    graph.two.to_b >> graph.b.item
    graph.b.out >> graph.two.b
    report = anywhere(graph)
    assert report.components["a"].firings == 20
    assert report.components["b"].firings == 30


def test_passive_ports_in_a_loop(anywhere):
    """A passive port keeps no loop open, be it fed by the loop itself or by what never ends."""

    @component
    @inport("number")
    @inport("latest")
    @inport("clock")
    @outport("out")
    async def Watch(number, latest, clock, out):
        if number:
            await out.send(number - 1)

    @component
    @outport("out")
    async def Ticking(out):
        while await out.send(0):  # noqa: ASYNC110  it is a clock
            await asyncio.sleep(0.001)

    graph = Graph()
    graph.add("watch", Watch)
    graph.add("relay", relay(1))
    graph.add("tick", Ticking)
    graph.watch.sync(graph.watch.number)
    graph.watch.number < 40
    graph.watch.out >> graph.relay.item
    graph.relay.out >> graph.watch.number >> graph.watch.latest
    graph.tick.out >> graph.watch.clock
    assert anywhere(graph).components["watch"].firings == 41


def test_a_loop_through_a_passive_port_alone_is_none(anywhere):
    """It ends with what triggers it."""

    @component
    @inport("number")
    @inport("before")
    @outport("out")
    async def Compare(number, before, out):
        await out.send(number)

    @Compare.finish
    async def finish_compare(out):
        await out.send("end")

    graph = Graph()
    graph.add("source", emit(*range(20)))
    graph.add("compare", Compare)
    graph.add("relay", relay())
    graph.compare.sync(graph.compare.number)
    graph.source.out >> graph.compare.number
    graph.compare.out >> graph.relay.item
    graph.relay.out >> graph.compare.before
    assert anywhere(graph, collect=[graph.relay.out]).collected["relay.out"] == [*range(20), "end"]


def test_beside_what_never_ends(anywhere):
    """A loop closes however busy the rest is: what goes on beside it waits for its end."""
    ended = Numbers()

    @component
    @outport("out")
    async def Endless(out):
        while not ended[0]:
            await out.send(None)

    @component
    @inport("result")
    async def End(result):
        ended[0] = 1

    graph = countdown(50, 3)
    graph.add("endless", Endless)
    graph.add("sink", relay())
    graph.add("end", End)
    graph.endless.out >> graph.sink.item
    graph.take.out >> graph.end.result
    assert anywhere(graph).components["count"].firings == 51


def test_beside_what_sleeps(anywhere):
    """What awaits something else is alive, but nothing that the loop waits for."""
    ended = Numbers()

    @component
    async def Sleeping():
        await ended.wait(0, 1)

    @component
    @inport("result")
    async def End(result):
        ended[0] = 1

    graph = countdown(50, 2)
    graph.add("sleeping", Sleeping)
    graph.add("end", End)
    graph.take.out >> graph.end.result
    assert anywhere(graph).components["count"].firings == 51


def test_firings_that_await(anywhere):
    """A firing keeps its loop open as long as it lasts."""

    @component
    @inport("number")
    @outport("out")
    async def Slow(number, out):
        await asyncio.sleep(0.01)
        if number:
            await asyncio.gather(out.send(number - 1), asyncio.sleep(0.01))

    graph = Graph()
    graph.add("slow", Slow)
    graph.add("relay", relay())
    graph.slow.number < 6
    graph.slow.out >> graph.relay.item
    graph.relay.out >> graph.slow.number
    assert anywhere(graph).components["slow"].firings == 7


def test_sends_that_were_given_up(anywhere):
    """An item that has reached one of two ports reaches the other, too, and keeps the loop open until it has."""

    @component
    @inport("number", capacity=3)
    @outport("out")
    async def Hasty(number, out):
        if number == 0:
            return
        for _ in range(2):
            try:
                async with asyncio.timeout(0.001):
                    await out.send(number - 1)
            except TimeoutError:
                pass

    @component
    @inport("number", capacity=1)
    @outport("out")
    async def Slow(number, out):
        await asyncio.sleep(0.003)
        await out.send(number)

    @component
    @inport("number", capacity=None)
    @outport("out")
    @persist("seen", int)
    async def Count(number, out, seen):
        seen.set(seen.get() + 1)

    @Count.finish
    async def finish(out, seen):
        await out.send(seen.get())

    graph = Graph()
    graph.add("hasty", Hasty)
    graph.add("slow", Slow)
    graph.add("count", Count)
    graph.hasty.number < 5
    graph.hasty.out >> graph.slow.number >> graph.count.number
    graph.slow.out >> graph.hasty.number
    report = anywhere(graph, collect=[graph.count.out])
    assert report.collected["count.out"] == [report.components["slow"].firings]
    assert report.components["hasty"].inports["number"].taken + 1 == report.components["hasty"].firings


def test_a_task_on_the_side(anywhere):
    """A loop does not wait for tasks that outlive their firing, as a component does not."""

    @component
    @inport("number")
    @outport("out")
    @persist("kept", list)
    async def Starting(number, out, kept):
        async def late():
            await asyncio.Event().wait()
            await out.send(0)

        kept.get().append(asyncio.create_task(late()))

    graph = Graph()
    graph.add("starting", Starting)
    graph.add("relay", relay())
    graph.starting.number < 1
    graph.starting.out >> graph.relay.item
    graph.relay.out >> graph.starting.number
    report = anywhere(graph)
    assert report.components["starting"].firings == 1
    assert report.components["relay"].firings == 0


def test_a_task_on_the_side_that_sends_in_time(anywhere):
    """What it sends before the loop has closed goes round."""

    @component
    @inport("number")
    @outport("out")
    @persist("kept", list)
    async def Starting(number, out, kept):
        if number == 10:
            kept.get().append(asyncio.create_task(out.send(1)))
            await asyncio.sleep(0)  # so that it begins
        elif number:
            await out.send(number - 1)

    graph = Graph()
    graph.add("starting", Starting)
    graph.add("relay", relay())
    graph.starting.number < 10
    graph.starting.out >> graph.relay.item
    graph.relay.out >> graph.starting.number
    report = anywhere(graph)
    assert report.components["starting"].firings == 3
    assert report.components["relay"].firings == 2


def test_finish_functions_of_all_its_components(anywhere):
    """They run once each, after the last firing, and their totals leave the loop."""

    def member(name):
        @component
        @inport("number")
        @outport("out")
        @outport("total")
        @persist("count", int)
        async def Member(number, out, total, count):
            count.set(count.get() + 1)
            if number:
                await out.send(number - 1)

        @Member.finish
        async def finish(out, total, count):
            assert await out.send(0) is False
            await total.send((name, count.get()))

        return Member

    graph = Graph()
    graph.add("sum", relay())
    names = ["a", "b", "c"]
    for name in names:
        graph.add(name, member(name)).total >> graph.nodes["sum"].item
    for name, following in zip(names, names[1:] + names[:1], strict=True):
        graph.nodes[name].out >> graph.nodes[following].number
    graph.a.number < 10
    totals = anywhere(graph, collect=[graph.nodes["sum"].out]).collected["sum.out"]
    assert sorted(totals) == [("a", 4), ("b", 4), ("c", 3)]


@pytest.mark.parametrize("size", [1, 2, 3, 7, None])
def test_batches_in_a_loop(anywhere, size):
    """Those that are incomplete are flushed when nothing else moves, and the loop goes on with them."""

    @component
    @inport("numbers")
    @outport("out")
    @persist("seen", list)
    async def Batched(numbers, out, seen):
        # The initial value comes as it is.
        numbers = [numbers] if isinstance(numbers, int) else numbers
        assert len(numbers) <= (size or 1000)
        seen.get().extend(numbers)
        for number in numbers:
            if number:
                await out.send(number - 1)

    @Batched.finish
    async def finish(out, seen):
        assert sorted(seen.get()) == sorted([*range(11), *range(8), *range(5)])
        await out.send(None)

    graph = Graph()
    graph.add("source", emit(7, 4))
    graph.add("batched", Batched)
    graph.add("relay", relay(2))
    graph.batched.numbers < 10
    graph.batched.out >> graph.relay.item
    for out in (graph.relay.out, graph.source.out):
        out.batch(size).connect(graph.batched.numbers)
    assert anywhere(graph).components["batched"].inports["numbers"].taken == 11 + 8 + 5 - 1


def test_batches_that_wait_for_a_time(anywhere):
    """They are flushed before it is over."""

    @component
    @inport("numbers")
    @outport("out")
    async def Batched(numbers, out):
        numbers = [numbers] if isinstance(numbers, int) else numbers
        for number in numbers:
            if number:
                await out.send(number - 1)

    graph = Graph()
    graph.add("batched", Batched)
    graph.batched.numbers < 5
    graph.batched.out >> batch(100, within=1000) >= graph.batched.numbers
    assert anywhere(graph).components["batched"].firings == 6


def test_a_loop_that_multiplies_items_beyond_its_capacity(anywhere):
    """It can never close, as sends wait for ever; the error says what helps."""

    @component
    @inport("number", capacity=2)
    @outport("out")
    async def Double(number, out):
        await out.send(number)
        await out.send(number)

    graph = Graph()
    graph.add("double", Double)
    graph.add("relay", relay(2))
    graph.double.number < 1
    graph.double.out >> graph.relay.item
    graph.relay.out >> graph.double.number
    with pytest.raises(DeadlockError, match=r"capacity=None at (relay\.item|double\.number)"):
        anywhere(graph)


def test_a_loop_without_end_runs_into_its_timeout(run):
    graph = Graph()
    for name in "ab":
        graph.add(name, relay(1))
    graph.a.out >> graph.b.item
    graph.b.out >> graph.a.item
    graph.a.item < 0
    with pytest.raises(RunTimeout):
        run(graph, timeout=0.3)


def test_a_loop_without_end_can_be_stopped():
    graph = Graph()
    for name in "ab":
        graph.add(name, relay(1))
    graph.a.out >> graph.b.item
    graph.b.out >> graph.a.item
    graph.a.item < 0
    for workers in (0, 2):
        with graph.start(num_workers=workers) as running:
            running.stop()


def test_a_graph_with_a_loop_runs_again(anywhere):
    graph = countdown(20, 3)
    for _ in range(3):
        assert anywhere(graph).components["count"].firings == 21


def test_in_an_event_loop():
    async def main():
        graph = countdown(20, 2)
        for workers in (0, 2):
            report = await graph.arun(num_workers=workers, timeout=TIMEOUT)
            assert report.components["count"].firings == 21

    asyncio.run(main())


@pytest.mark.timeout(300)
def test_very_many_short_loops():
    """Their ends come at any moment, as nothing is as short as they are."""
    for number in range(2000):
        start, length = number % 5, number // 5 % 3 + 1
        graph = countdown(start, length, capacity=number % 7 + 1)
        assert graph.run(num_workers=0, timeout=TIMEOUT).components["count"].firings == start + 1
    for number in range(60):
        graph = countdown(number % 3, 3, capacity=1)
        for index, node in enumerate(graph.nodes.values()):
            graph.place(node, worker=index % 2)
        assert graph.run(num_workers=2, timeout=TIMEOUT).components["count"].firings == number % 3 + 1
