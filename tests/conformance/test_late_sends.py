"""What firings leave behind: sends that come too late, and sends that have begun and that nobody awaits."""

import asyncio
import random

import pytest

from cascata import ComponentError, DeadlockError, Graph, component, inport, outport, persist

pytestmark = pytest.mark.once

NUMBER = 40
KEPT = []
"""What tasks would be gone without."""

WORKERS = pytest.mark.parametrize("num_workers", [0, 1, 2, 3])
CAPACITIES = pytest.mark.parametrize("capacity", [1, 3])


def source(count=NUMBER):
    @component
    @outport("out")
    async def source(out):
        for number in range(count):
            await out.send(number)

    return source


def sink(capacity=1, gate=None):
    @component
    @inport("x", capacity=capacity)
    @outport("all")
    async def sink(x, all):  # noqa: A002  a name as good as any
        if gate is not None:
            await gate.wait()
        if random.random() < 0.2:  # noqa: S311  any time will do
            await asyncio.sleep(0.0005)
        await all.send(x)

    return sink


def results(x):
    """Tell what members make of one item."""
    return [(x, part) for part in range(x % 4)]


def hasty(capacity=2):
    """Make a component that begins all its sends and awaits none."""

    @component
    @inport("x", capacity=capacity)
    @outport("out")
    @persist("tasks", list)
    async def hasty(x, out, tasks):
        if random.random() < 0.3:  # noqa: S311
            await asyncio.sleep(0.0005)
        for result in results(x):
            send = out.send(result)
            tasks.get().append(asyncio.create_task(send) if random.random() < 0.5 else send)  # noqa: S311

    @hasty.finish
    async def _(out, tasks):
        for task in tasks.get():
            assert await task
        KEPT.extend(asyncio.create_task(out.send("end")) for _ in range(2))

    return hasty


def graph_of(*parts, view=lambda port: port):
    """Make a source, groups of these (definition, size), one behind the other, and a sink."""
    graph = Graph()
    graph.source = source()
    out = graph.source.out
    for index, (part, size) in enumerate(parts):
        group = graph.add(f"group{index}", part * size)
        out >> view(group.x)
        out = group.out
    graph.sink = sink()
    out >> graph.sink.x
    return graph


def arrived(graph, num_workers, **options):
    report = graph.run(num_workers=num_workers, collect=[graph.sink.all], timeout=50, **options)
    return report.collected["sink.all"]


# What has begun.


@WORKERS
@CAPACITIES
@pytest.mark.parametrize("members", [1, 2, 4])
def test_sends_that_nobody_awaits_come_in_their_order(members, capacity, num_workers):
    graph = graph_of((hasty(capacity), members))
    expected = [result for x in range(NUMBER) for result in results(x)] + ["end"] * 2 * members
    assert arrived(graph, num_workers) == expected


@WORKERS
def test_so_they_do_from_members_that_get_everything(num_workers):
    graph = graph_of((hasty(), 3), view=lambda port: port.broadcast)
    expected = [result for x in range(NUMBER) for _ in range(3) for result in results(x)] + ["end"] * 6
    assert arrived(graph, num_workers) == expected


@component
@inport("x", capacity=1)
@outport("out")
@persist("sent", list)
async def onward(x, out, sent):
    if random.random() < 0.2:  # noqa: S311
        await asyncio.sleep(0.0005)
    sent.get().append(out.send(x))


@onward.finish
async def _(sent):
    for send in sent.get():
        await send


@WORKERS
@pytest.mark.parametrize("sizes", [(3, 3), (3, 2), (1, 3), (2, 1)], ids=str)
def test_so_they_do_from_group_to_group(sizes, num_workers):
    graph = graph_of(*((part, size) for part, size in zip([hasty(), onward], sizes, strict=True)))
    expected = [result for x in range(NUMBER) for result in results(x)]
    assert arrived(graph, num_workers)[: len(expected)] == expected


@WORKERS
def test_a_send_given_up_that_has_reached_one_port_reaches_the_other_in_order(num_workers):
    @component
    @inport("x", capacity=1)
    @outport("out")
    async def impatient(x, out):
        try:
            async with asyncio.timeout(0.0002):
                await out.send(x)
        except TimeoutError:
            pass

    @component
    @inport("x", capacity=1)
    @outport("all")
    async def slow(x, all):  # noqa: A002
        await asyncio.sleep(0.001)
        await all.send(x)

    graph = graph_of((impatient, 3))
    graph.slow = slow
    graph.group0.out >> graph.slow.x
    report = graph.run(num_workers=num_workers, collect=[graph.sink.all, graph.slow.all], timeout=50)
    quick, slow = report.collected["sink.all"], report.collected["slow.all"]
    assert quick == slow == sorted(quick)


@pytest.mark.parametrize("num_workers", [1, 3])
def test_what_waits_for_shared_memory_comes_in_order(num_workers):
    @component
    @inport("x", capacity=1)
    @outport("out")
    @persist("tasks", list)
    async def large(x, out, tasks):
        for part in range(2):
            tasks.get().append(asyncio.create_task(out.send((x, part, bytes(200_000)))))

    graph = graph_of((large, 2))
    items = arrived(graph, num_workers, shared_memory=1 << 20)
    assert [item[:2] for item in items] == [(x, part) for x in range(NUMBER) for part in range(2)]


def test_the_next_firing_does_not_begin_before(run_here):
    taken = []

    @component
    @inport("x")
    @outport("out")
    async def member(x, out):
        # One more is in the sink's channel.
        assert len(taken) + 1 >= 5 * x
        KEPT.extend(asyncio.create_task(out.send((x, part))) for part in range(5))

    @component
    @inport("x", capacity=1)
    async def slow(x):
        taken.append(x)
        await asyncio.sleep(0.001)

    graph = Graph()
    graph.source, graph.members, graph.slow = source(5), member * 2, slow
    graph.source.out >> graph.members.x.keyed(lambda _: 0)
    graph.members.out >> graph.slow.x
    run_here(graph, timeout=50)
    assert taken == [(x, part) for x in range(5) for part in range(5)]


def cancelled(send):
    async def wait():
        await send

    task = asyncio.create_task(wait())
    asyncio.get_running_loop().call_later(0.002, task.cancel)
    return task


def closed(send):
    asyncio.get_running_loop().call_later(0.002, send.close)


def thrown_away(send):
    kept = [send]
    asyncio.get_running_loop().call_later(0.002, kept.clear)


@pytest.mark.filterwarnings("ignore:.*never awaited")
@pytest.mark.parametrize("withdraw", [cancelled, closed, thrown_away])
def test_a_firing_whose_send_was_withdrawn_is_over(withdraw, run_together):
    gate = asyncio.Event()
    tasks = []

    @component
    @inport("x")
    @outport("out")
    async def member(x, out):
        if x == 3:
            gate.set()
        await asyncio.sleep(0)
        # The sink has the first and its channel the second.
        send = out.send(x)
        if x == 2:
            tasks.append(withdraw(send))
        else:
            await send

    graph = Graph()
    graph.source, graph.members, graph.sink = source(5), member * 2, sink(gate=gate)
    graph.source.out >> graph.members.x.keyed(lambda _: 0)
    graph.members.out >> graph.sink.x
    assert run_together(graph, collect=[graph.sink.all], timeout=50).collected["sink.all"] == [0, 1, 3, 4]


@component
@inport("x", capacity=1)
@outport("out")
@persist("sends", list)
async def forgetful(x, out, sends):
    """Begins sends and looks at them no more."""
    sends.get().extend(out.send((x, part)) for part in range(3))


@pytest.mark.filterwarnings("ignore:.*never awaited")
@WORKERS
def test_when_the_consumer_ends_the_next_firing_begins(num_workers):
    @component
    @inport("x", capacity=1)
    @inport("two")
    async def taker(x, two): ...

    graph = Graph()
    graph.source, graph.two, graph.workers, graph.taker = source(), source(2), forgetful * 2, taker
    graph.source.out >> graph.workers.x
    graph.workers.out >> graph.taker.x
    graph.two.out >> graph.taker.two
    report = graph.run(num_workers=num_workers, timeout=50)
    assert sum(report.components[f"workers_{member}"].firings for member in range(2)) == NUMBER


@pytest.mark.filterwarnings("ignore:.*never awaited")
@WORKERS
def test_a_failure_elsewhere_ends_a_firing_that_waits_for_its_sends(num_workers):
    @component
    @inport("x", capacity=1)
    async def failing(x):
        await asyncio.sleep(0.005)
        if x == (3, 0):
            msg = "that is enough"
            raise ValueError(msg)

    graph = Graph()
    graph.source, graph.workers, graph.failing = source(), forgetful * 2, failing
    graph.source.out >> graph.workers.x
    graph.workers.out >> graph.failing.x
    with pytest.raises(ComponentError, match="that is enough"):
        graph.run(num_workers=num_workers, timeout=50)


@pytest.mark.filterwarnings("ignore:.*never awaited")
@WORKERS
def test_a_firing_that_waits_for_its_sends_for_ever_is_seen(num_workers):
    @component
    @inport("x", capacity=1)
    @inport("partner")
    async def lonely(x, partner): ...

    @component
    @inport("x", capacity=1)
    @outport("out")
    async def silent(x, out): ...

    graph = Graph()
    graph.source, graph.workers, graph.silent, graph.lonely = source(), forgetful * 2, silent, lonely
    graph.source.out >> graph.workers.x
    graph.workers.out >> graph.lonely.x
    graph.workers.out >> graph.silent.x
    graph.silent.out >> graph.lonely.partner
    with pytest.raises(DeadlockError, match=r"workers_\d\.out"):
        graph.run(num_workers=num_workers, timeout=50)


# What comes too late.


@component
@inport("x", capacity=2)
@outport("out")
@outport("raised")
@persist("tasks", list)
async def leaving(x, out, raised, tasks):
    """Leaves a task that sends later, or else what that raises."""
    over = asyncio.Event()

    async def later():
        await over.wait()
        await asyncio.sleep(random.choice([0, 0.001, 0.003]))  # noqa: S311
        try:
            await out.send((x, "late"))
        except RuntimeError as error:
            await raised.send((x, str(error)))

    tasks.get().append(asyncio.create_task(later()))
    await out.send((x, "in time"))
    over.set()


@leaving.finish
async def _(tasks):
    await asyncio.gather(*tasks.get())


def with_leaving(size, view, num_workers, then=None):
    """Run such a group before a sink, and another one for what is raised."""
    graph = Graph()
    graph.source, graph.workers, graph.sink, graph.errors = source(), leaving * size, sink(), sink(5)
    graph.source.out >> graph.workers.x
    out = graph.workers.out
    if then is not None:
        graph.then = then
        out >> graph.then.x
        out = graph.then.out
    view(out) >> graph.sink.x
    graph.workers.raised.unordered >> graph.errors.x
    report = graph.run(num_workers=num_workers, collect=[graph.sink.all, graph.errors.all], timeout=50)
    return report.collected["sink.all"], report.collected["errors.all"]


@WORKERS
@pytest.mark.parametrize("size", [1, 3])
@pytest.mark.parametrize("then", [None, onward * 2, onward * 3], ids=["gathered", "shared out", "handed on"])
def test_what_is_sent_after_its_firing_is_refused_where_order_is_promised(then, size, num_workers):
    items, errors = with_leaving(size, lambda port: port, num_workers, then)
    assert items == [(x, "in time") for x in range(NUMBER)]
    assert sorted(x for x, _ in errors) == list(range(NUMBER))
    for _, text in errors:
        assert text.startswith("workers_")
        assert ".out.send(): the firing that was given this outport is over" in text
        assert "await them, or use a task group" in text
        assert "out.unordered" in text


@WORKERS
@pytest.mark.parametrize("then", [None, onward * 3], ids=["gathered", "handed on"])
def test_it_comes_where_none_is(then, num_workers):
    items, errors = with_leaving(3, lambda port: port.unordered, num_workers, then)
    assert not errors
    assert sorted(items) == [(x, when) for x in range(NUMBER) for when in ("in time", "late")]


def test_it_comes_from_a_component_alone(run):
    graph = Graph()
    graph.source, graph.worker, graph.sink = source(), leaving, sink()
    graph.source.out >> graph.worker.x
    graph.worker.out >> graph.sink.x
    items = run(graph, collect=[graph.sink.all]).collected["sink.all"]
    assert sorted(items) == [(x, when) for x in range(NUMBER) for when in ("in time", "late")]


def refused(member):
    return pytest.raises(RuntimeError, match=rf"{member}\.out\.send\(\): the firing .* is over.*await them")


def test_an_outport_that_was_kept_belongs_to_its_own_firing(run_together):
    @component
    @inport("x")
    @outport("out")
    @persist("kept", list)
    async def keeping(x, out, kept):
        for old in kept.get():
            with refused("members_0"):
                await old.send("too late")
        kept.get().append(out)
        await kept.get()[-1].send(x)

    @keeping.finish
    async def _(out, kept):
        for old in kept.get():
            with refused("members_0"):
                await old.send("too late")
        await out.send("end")

    graph = Graph()
    graph.source, graph.members, graph.sink = source(5), keeping * 2, sink()
    graph.source.out >> graph.members.x.keyed(lambda _: 0)
    graph.members.out >> graph.sink.x
    report = run_together(graph, collect=[graph.sink.all], timeout=50)
    assert report.collected["sink.all"] == [*range(5), "end", "end"]


def test_what_a_finish_function_leaves_behind_is_refused(run_here):
    tasks = []

    @component
    @inport("x")
    @outport("out")
    async def ending(x, out): ...

    @ending.finish
    async def _(out):
        done = asyncio.Event()

        async def later():
            await done.wait()
            with pytest.raises(RuntimeError, match=r"members_.\.out\.send\(\): .*await them, or use a task group"):
                await out.send("too late")

        tasks.append(asyncio.create_task(later()))
        await out.send("end")
        done.set()

    @component
    @inport("x")
    async def last(x): ...

    @last.finish
    async def _():
        await asyncio.gather(*tasks)

    graph = Graph()
    graph.source, graph.members, graph.last = source(), ending * 2, last
    graph.source.out >> graph.members.x
    graph.members.out >> graph.last.x
    report = run_here(graph, timeout=50)
    assert len(tasks) == 2
    assert report.components["last"].firings == 2
