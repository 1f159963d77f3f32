"""Ports that deliver lists: how long these are, when they come, and what becomes of them."""

import asyncio
import contextvars
import re
from collections import Counter

import numpy as np
import pytest
from parts import Numbers, chain, emit, pair, relay

from cascata import ComponentError, DeadlockError, Graph, RunTimeout, batch, component, inport, outport

pytestmark = pytest.mark.once

NEVER = 1e6
"""Seconds that no test lasts."""
SOON = 0.02
PATIENCE = 20
"""Seconds after which a run counts as hanging."""


@pytest.fixture(params=[0, 1, 2, 5], ids=["in_process", "one_worker", "two_workers", "five_workers"])
def run(request):
    """Run a graph here, and with neighbours on different worker processes."""

    def run(graph, **options):
        for index, node in enumerate(graph.nodes.values() if request.param > 1 else ()):
            graph.place(node, worker=index % request.param)
        return graph.run(num_workers=request.param, timeout=PATIENCE, **options)

    return run


def two(first, second):
    """Make a graph of two components, to be connected."""
    g = Graph()
    g.a = first
    g.b = second
    return g


def fed(source, capacity=10):
    return two(source, relay(capacity))


def lists(run, g):
    return run(g, collect=[g.b.out]).collected["b.out"]


def joined(parts):
    return [item for part in parts for item in part]


SEVEN = emit(*range(7))


def test_lists_of_a_size_and_a_shorter_last_one(run):
    g = fed(SEVEN)
    g.a.out >> 3 >= g.b.item
    report = run(g, collect=[g.b.out])
    assert report.collected["b.out"] == [[0, 1, 2], [3, 4, 5], [6]]
    assert report.components["b"].firings == 3
    assert report.components["b"].inports["item"].taken == 7  # items, not lists


def test_the_whole_stream_as_one_list(run):
    g = fed(SEVEN)
    g.a.out >>= g.b.item
    assert lists(run, g) == [[*range(7)]]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (((3,), {}), [[0, 1, 2], [3, 4, 5], [6]]),
        (((), {}), [[*range(7)]]),
        (((100,), {"within": NEVER}), [[*range(7)]]),
        (((), {"within": NEVER}), [[*range(7)]]),
    ],
    ids=["size", "stream", "size_and_time", "time"],
)
def test_methods_and_operators_say_the_same(run_here, arguments, expected):
    args, kwargs = arguments
    g = fed(SEVEN)
    g.a.out.batch(*args, **kwargs).connect(g.b.item)
    assert lists(run_here, g) == expected
    g = fed(SEVEN)
    g.a.out >> batch(*args, **kwargs) >= g.b.item
    assert lists(run_here, g) == expected


def test_an_empty_stream_is_no_list(run):
    for size in ((), (3,)):
        g = fed(emit())
        g.a.out.batch(*size).connect(g.b.item)
        report = run(g, collect=[g.b.out])
        assert (report.collected["b.out"], report.components["b"].firings) == ([], 0)


@pytest.mark.parametrize("size", [1, 2, 10, 999, 5000, None])
def test_batches_of_any_size_come_through_any_capacity(run, size):
    for capacity in (1, 7, None):
        g = fed(emit(*range(2000)), capacity)
        g.a.out.batch(size).connect(g.b.item)
        got = lists(run, g)
        assert joined(got) == [*range(2000)]
        assert {len(part) for part in got[:-1]} <= {size}


def test_a_batch_merges_all_that_is_connected(run):
    g = Graph()
    g.a = emit(*range(10))
    g.c = emit(*range(100, 110))
    g.b = relay(2)
    g.a.out >> 4 >= g.b.item
    g.c.out >> g.b.item  # joins the batches of the port
    got = lists(run, g)
    assert [len(part) for part in got] == [4] * 5
    assert Counter(joined(got)) == Counter([*range(10), *range(100, 110)])
    for start, count in ((0, 10), (100, 10)):
        assert [item for part in got for item in part if start <= item < start + count] == [
            *range(start, start + count)
        ]


def test_one_outport_feeds_single_items_and_batches(run):
    g = Graph()
    g.a = SEVEN
    g.b = relay()
    g.c = relay()
    g.a.out >> g.c.item >> 3 >= g.b.item
    collected = run(g, collect=[g.b.out, g.c.out]).collected
    assert collected == {"b.out": [[0, 1, 2], [3, 4, 5], [6]], "c.out": [*range(7)]}


def test_an_initial_value_is_delivered_as_it_is(run):
    g = fed(SEVEN)
    g.a.out >> 4 >= g.b.item
    g.b.item < "first"
    assert lists(run, g) == ["first", [0, 1, 2, 3], [4, 5, 6]]


def test_batches_are_zipped_with_items(run):
    g = Graph()
    g.a = SEVEN
    g.c = emit("x", "y", "z", "none for this")
    g.pair = pair(1)
    g.a.out >> 3 >= g.pair.left
    g.c.out >> g.pair.right
    assert run(g, collect=[g.pair.out]).collected["pair.out"] == [([0, 1, 2], "x"), ([3, 4, 5], "y"), ([6], "z")]


def test_batches_of_two_ports_are_zipped(run):
    g = Graph()
    g.a = SEVEN
    g.c = emit(*"abcdefgh")
    g.pair = pair(1)
    g.a.out >> 3 >= g.pair.left
    g.c.out >> 4 >= g.pair.right
    g.pair.sync(g.pair.left, g.pair.right)
    rows = run(g, collect=[g.pair.out]).collected["pair.out"]
    assert rows == [([0, 1, 2], [*"abcd"]), ([3, 4, 5], [*"efgh"])]


def test_each_of_several_groups_can_have_batches(run):
    g = Graph()
    g.a = SEVEN
    g.c = emit(*"abcd")
    g.pair = pair()
    g.a.out >> 3 >= g.pair.left
    g.c.out >>= g.pair.right
    g.pair.clk(g.pair.left, g.pair.right)
    report = run(g, collect=[g.pair.out])
    assert report.components["pair"].firings == 4
    rows = report.collected["pair.out"]
    assert [*"abcd"] in [right for _, right in rows]
    assert {tuple(left) for left, _ in rows if left} == {(0, 1, 2), (3, 4, 5), (6,)}


def test_a_passive_port_shows_its_latest_batch(run):
    batches = Numbers()

    @component
    @outport("out")
    @outport("go")
    async def source(out, go):
        for number in range(7):
            await out.send(number)
        await go.send("before the end")
        await batches.wait(0, 1)

    @component
    @inport("item")
    @inport("go")
    @outport("out")
    async def shows(item, go, out):
        batches[0] = 1
        await out.send((item, go))

    g = two(source, shows)
    g.a.out >> 3 >= g.b.item
    g.a.go >> g.b.go
    g.b.sync(g.b.go)
    g.b.item < "initial"
    report = run(g, collect=[g.b.out])
    assert report.collected["b.out"] == [([3, 4, 5], "before the end")]
    assert report.components["b"].inports["item"].taken in {6, 7}  # the last one may have been discarded


def test_what_no_firing_saw_of_a_batch_is_discarded(run):
    g = Graph()
    g.a = emit(*range(5))
    g.c = emit()
    g.pair = pair()
    g.a.out >> 9 >= g.pair.left
    g.c.out >> g.pair.right
    port = run(g).components["pair"].inports["left"]
    assert (port.taken, port.discarded) == (0, 5)


def test_a_list_is_the_firing_s_own(run_here):
    @component
    @inport("item")
    @outport("out")
    async def grow(item, out):
        item.append("more")
        await out.send(item)

    g = two(SEVEN, grow)
    g.a.out >> 4 >= g.b.item
    assert lists(run_here, g) == [[0, 1, 2, 3, "more"], [4, 5, 6, "more"]]


def acknowledged(got, *, rest=1):
    """Make a component that waits, after two items, until somebody has seen them."""

    @component
    @outport("out")
    async def source(out):
        await out.send(0)
        await out.send(1)
        await got.wait(0, 2)
        for number in range(2, 2 + rest):
            await out.send(number)

    return source


def counts(got):
    """Make a component that sends lists on and says how many items it has seen."""

    @component
    @inport("item")
    @outport("out")
    async def seen(item, out):
        got[0] = got[0] + len(item)
        await out.send(item)

    return seen


@pytest.mark.parametrize("size", [100, None])
def test_a_batch_does_not_wait_longer_than_it_may(run, size):
    got = Numbers()
    g = two(acknowledged(got), counts(got))
    g.a.out >> batch(size, within=SOON) >= g.b.item
    assert joined(lists(run, g)) == [0, 1, 2]


def test_a_batch_that_is_full_does_not_wait(run):
    got = Numbers()
    g = two(acknowledged(got), counts(got))
    g.a.out >> batch(2, within=NEVER) >= g.b.item
    assert lists(run, g) == [[0, 1], [2]]


def test_time_counts_anew_for_each_batch(run):
    got = Numbers()

    @component
    @outport("out")
    async def source(out):
        for number in range(5):
            await out.send(number)
            await got.wait(0, number + 1)

    g = two(source, counts(got))
    g.a.out >> batch(100, within=SOON) >= g.b.item
    assert lists(run, g) == [[0], [1], [2], [3], [4]]


def test_a_passive_batch_does_not_wait_longer_than_it_may(run):
    got = Numbers()

    @component
    @outport("out")
    @outport("tick")
    async def source(out, tick):
        await out.send(0)
        while not got[0]:
            await asyncio.sleep(0.001)
            await tick.send(None)

    @component
    @inport("item")
    @inport("tick")
    async def looks(item, tick):
        assert item in ([0], None)
        got[0] = item is not None

    g = two(source, looks)
    g.a.out >> batch(100, within=SOON) >= g.b.item
    g.a.tick >> g.b.tick
    g.b.sync(g.b.tick)
    run(g)


def sending(times):
    """Make a component that sends so many items from `y` after each from `x`."""

    @component
    @outport("x")
    @outport("y")
    async def source(x, y):
        for number in range(3):
            await x.send(number)
            for _ in range(times):
                await y.send(number)

    return source


def zipping(source, limits):
    g = two(source, pair(1))
    g.a.x >> limits >= g.b.left
    g.a.y >> g.b.right
    return g


def test_a_batch_that_will_be_due_is_alive(run):
    g = zipping(sending(1), batch(9, within=SOON))
    assert joined(left for left, _ in lists(run, g)) == [0, 1, 2]


@pytest.mark.parametrize(("limits", "gathered"), [(batch(9), 1), (batch(9, within=SOON), 0)], ids=["size", "time"])
def test_a_graph_that_only_items_could_move_is_dead(run, limits, gathered):
    with pytest.raises(DeadlockError) as raised:
        run(zipping(sending(2), limits))
    assert raised.value.issues == [
        "a waits for room behind a.y: b.right (1 of 1 inside)",
        f"b waits for an item at b.left (0 of 1 inside, {gathered} of 9 in its batch)",
    ]


def test_what_a_batch_holds_is_told(run_apart):
    @component
    @outport("out")
    async def source(out):
        for number in range(5):
            await out.send(number)
        await asyncio.sleep(NEVER)

    for limits, told in (((3,), ", 2 of 3 in its batch"), ((), ", 5 in its batch")):
        g = two(source, relay())
        g.a.out.batch(*limits).connect(g.b.item)
        with pytest.raises(RunTimeout, match=re.escape(f"b.item (0 of 10 inside{told})")):
            run_apart(g, timeout=0.7)


def scheduled(loop):
    return [handle for handle in loop._scheduled if not handle.cancelled()]


def test_nothing_keeps_a_timer_that_has_come_to_nothing():
    async def main():
        g = fed(SEVEN)
        g.a.out >> batch(100, within=NEVER) >= g.b.item
        await g.arun(num_workers=0)
        assert not scheduled(asyncio.get_running_loop())

        @component
        @inport("item")
        async def fails(item):
            raise OSError

        g = Graph()
        g.a = SEVEN
        g.b = relay()
        g.c = fails
        g.p = pair()
        g.a.out >> batch(100, within=NEVER) >= g.b.item
        g.a.out >> g.c.item
        g.a.out >> batch(100, within=NEVER) >= g.p.left
        g.b.out >> g.p.right
        g.p.sync(g.p.right)
        with pytest.raises(ComponentError):
            await g.arun(num_workers=0)
        assert not scheduled(asyncio.get_running_loop())

    asyncio.run(main())


def test_time_passes_on_uvloop(uvloop):
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        for size in (100, 2):
            got = Numbers()
            g = two(acknowledged(got), counts(got))
            g.a.out >> batch(size, within=SOON) >= g.b.item
            report = runner.run(g.arun(num_workers=0, collect=[g.b.out]))
            assert joined(report.collected["b.out"]) == [0, 1, 2]
        g = zipping(sending(1), batch(9, within=SOON))
        report = runner.run(g.arun(num_workers=0, collect=[g.b.out]))
        assert joined(left for left, _ in report.collected["b.out"]) == [0, 1, 2]


def test_a_stop_reaches_who_waits_for_a_batch(run):
    stopped = Numbers()

    @component
    @outport("out")
    async def source(out):
        await out.send(0)
        await stopped.wait(0, 1)
        raise OSError

    @component
    @inport("item")
    @outport("out")
    async def announces(item, out):
        stopped[0] = 1
        await out.send(item)

    g = Graph()
    g.a = source
    g.b = relay()
    g.c = announces
    g.a.out >> batch(9, within=NEVER) >= g.b.item
    g.a.out >> g.c.item
    with pytest.raises(ComponentError) as raised:
        run(g)
    assert isinstance(raised.value.__cause__, OSError)


def refuse(*_):
    msg = "not here"
    raise ValueError(msg)


class Unreadable:
    def __reduce__(self):
        return refuse, ()


def test_an_item_that_cannot_be_restored_fails_the_run(run_apart):
    g = fed(emit(1, Unreadable(), 3))
    g.a.out >> 3 >= g.b.item
    with pytest.raises(ComponentError) as raised:
        run_apart(g)
    assert raised.value.component == "b"
    assert "an item could not be restored at the inport b.item" in raised.value.__cause__.__notes__[0]


def test_batches_reach_spawned_workers():
    g = fed(SEVEN)
    g.a.out >> batch(3, within=NEVER) >= g.b.item
    report = g.run(num_workers=2, start_method="spawn", collect=[g.b.out])
    assert report.collected["b.out"] == [[0, 1, 2], [3, 4, 5], [6]]


def test_a_batch_that_takes_all_shared_memory_is_told(run_apart):
    @component
    @outport("out")
    async def arrays(out):
        for _ in range(100):
            await out.send(np.zeros(1 << 20, "u1"))

    g = fed(arrays)
    g.a.out >>= g.b.item
    with pytest.raises(DeadlockError) as raised:
        run_apart(g, shared_memory=20 << 20)
    text = "\n".join(raised.value.issues)
    assert "a waits for shared memory for an item of a.out" in text
    assert re.search(r"b waits for an item at b.item \(0 of 10 inside, 1\d in its batch\)", text)
    assert re.search(r"b still refers to 1\d buffers \(1\d MiB\) that it received at item", text)

    g = fed(arrays)
    g.a.out >> batch(within=SOON) >= g.b.item

    @component
    @inport("item")
    @outport("out")
    async def measure(item, out):
        await out.send(len(item))

    g = two(arrays, measure)
    g.a.out >> batch(within=SOON) >= g.b.item  # what there is, when its time is over
    assert sum(lists(run_apart, g)) == 100


def test_firings_have_contexts_of_their_own_whoever_wakes_them(run_here):
    variable = contextvars.ContextVar("variable", default=0)

    @component
    @inport("item")
    @outport("out")
    async def look(item, out):
        await out.send((variable.get(), asyncio.current_task().get_name()))

    got = Numbers()
    g = chain(acknowledged(got, rest=0), look, counts(got))
    g = Graph()
    g.a = acknowledged(got, rest=0)
    g.b = look
    g.c = counts(got)
    g.a.out >> batch(within=SOON) >= g.b.item
    g.a.out >> batch(within=SOON) >= g.c.item
    assert set(lists(run_here, g)) == {(0, "b")}
