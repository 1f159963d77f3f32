"""What sending means: initial values, fan-out and fan-in, order, waiting, cancelling."""

import asyncio
import gc
import inspect
import warnings

import pytest
from parts import Numbers, chain, emit, gated, pair, relay, turns

from cascata import Graph, component, inport, outport


def test_an_initial_value_is_what_a_connected_port_delivers_first(run):
    g = Graph()
    g.one = emit(1, 2)
    g.other = emit(3)
    g.all = relay()
    g.all.item < "token"
    g.one.out >> g.all.item
    g.other.out >> g.all.item
    got = run(g, collect=[g.all.out]).collected["all.out"]
    assert got[0] == "token"
    assert sorted(got[1:]) == [1, 2, 3]


def test_an_initial_value_starts_a_feedback_loop(run):
    @component
    @inport("value")
    @inport("total")
    @outport("out")
    async def add(value, total, out):
        await out.send(value + total)

    g = Graph()
    g.values = emit(1, 2, 3, 4)
    g.sums = add
    g.values.out >> g.sums.value
    g.sums.total < 100
    g.sums.out >> g.sums.total
    assert run(g, collect=[g.sums.out]).collected["sums.out"] == [101, 103, 106, 110]


def test_an_initial_value_starts_a_loop_of_several_components(run):
    g = Graph()
    g.values = emit("a", "b", "c")
    g.pair = pair(capacity=1)
    g.there = relay(capacity=1)
    g.back = relay(capacity=1)
    g.values.out >> g.pair.left
    g.pair.right < None
    g.pair.out >> g.there.item
    g.there.out >> g.back.item
    g.back.out >> g.pair.right
    rows = run(g, collect=[g.pair.out]).collected["pair.out"]
    assert rows == [("a", None), ("b", ("a", None)), ("c", ("b", ("a", None)))]


def test_none_is_an_initial_value(run):
    g = chain(emit(1), relay())
    g.c1.item < None
    assert run(g, collect=[g.c1.out]).collected["c1.out"] == [None, 1]


def test_a_default_is_dropped_when_the_port_gets_connected(run):
    @component
    @inport("item", default="default")
    @outport("out")
    async def keep(item, out):
        await out.send(item)

    g = Graph()
    g.source = emit("sent")
    g.fed = keep
    g.alone = keep
    g.source.out >> g.fed.item
    collected = run(g, collect=[g.fed.out, g.alone.out]).collected
    assert collected == {"fed.out": ["sent"], "alone.out": ["default"]}


def test_a_default_of_none_is_a_value(run):
    @component
    @inport("item", default=None)
    @outport("out")
    async def keep(item, out):
        await out.send(item)

    g = Graph()
    g.keep = keep
    assert run(g, collect=[g.keep.out]).collected["keep.out"] == [None]


def test_every_connected_port_gets_every_item(run):
    g = Graph()
    g.source = emit(*range(50))
    g.x = relay(capacity=1)
    g.y = relay(capacity=7)
    g.z = relay(capacity=None)
    g.source.out >> g.x.item >> g.y.item >> g.z.item
    collected = run(g, collect=[g.x.out, g.y.out, g.z.out]).collected
    assert collected == {f"{name}.out": list(range(50)) for name in "xyz"}


def test_items_of_one_outport_arrive_in_the_order_sent(run):
    g = Graph()
    for name in "abc":
        g.add(name, emit(*((name, number) for number in range(40))))
    g.all = relay(capacity=3)
    for name in "abc":
        g.nodes[name].out >> g.all.item
    got = run(g, collect=[g.all.out]).collected["all.out"]
    assert len(got) == 120
    for name in "abc":
        assert [number for source, number in got if source == name] == list(range(40))


def test_two_outports_of_a_component_may_feed_one_port(run):
    @component
    @outport("x")
    @outport("y")
    async def both(x, y):
        for number in range(20):
            await x.send(number)
            await y.send(-number)

    g = Graph()
    g.both = both
    g.all = relay(capacity=2)
    g.both.x >> g.all.item
    g.both.y >> g.all.item
    got = run(g, collect=[g.all.out]).collected["all.out"]
    assert got == [sign * number for number in range(20) for sign in (1, -1)]


def test_an_outport_connected_to_nothing_drops_and_the_report_counts(run):
    g = chain(emit(*range(1000)))
    report = run(g)
    assert report.components["c0"].outports["out"].dropped == 1000
    assert "c0.out dropped 1,000 items" in str(report)


def test_send_on_an_outport_connected_to_nothing_gives_false(run):
    @component
    @outport("out")
    async def lonely(out):
        assert await out.send(1) is False

    run(chain(lonely))


def blocked(run, gate, body, capacity=1):
    """Run `body(out)` where `out` is full: an item is in a firing, and `capacity` items are inside.

    Gives what has arrived, and the report.
    """

    @component
    @outport("out")
    async def blocker(out):
        for item in range(capacity + 1):
            await out.send(item)
        await body(out)
        gate.set()

    g = chain(blocker, gated(gate, capacity))
    report = run(g, collect=[g.c1.out])
    return report.collected["c1.out"], report


def test_send_gives_a_coroutine(run_together):
    gate = asyncio.Event()

    async def body(out):
        waiting = out.send("waiting")
        assert asyncio.iscoroutine(waiting)
        assert inspect.isawaitable(waiting)
        assert "out" in repr(waiting)
        gate.set()
        assert await waiting is True
        await turns()
        at_once = out.send("at once")
        assert asyncio.iscoroutine(at_once)
        assert inspect.isawaitable(at_once)
        assert await at_once is True

    blocked(run_together, gate, body)


WAYS = {
    "await": lambda send: send(),
    "create_task": lambda send: asyncio.create_task(send()),
    "ensure_future": lambda send: asyncio.ensure_future(send()),
    "gather": lambda send: asyncio.gather(send()),
    "shield": lambda send: asyncio.shield(send()),
    "wait_for": lambda send: asyncio.wait_for(send(), 30),
    "wait": lambda send: asyncio.wait({asyncio.create_task(send())}),
    "as_completed": lambda send: next(iter(asyncio.as_completed([send()]))),
}


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
@pytest.mark.parametrize("full", [False, True], ids=["room", "full"])
def test_every_way_of_asyncio_sends(run, way, full):
    items = range(60)

    @component
    @outport("out")
    async def sender(out):
        for item in items:
            await way(lambda item=item: out.send(item))

    g = chain(sender, relay(capacity=1 if full else None))
    assert run(g, collect=[g.c1.out]).collected["c1.out"] == list(items)


def test_gather_over_sends_keeps_the_order_and_gives_their_results(run):
    @component
    @outport("out")
    async def sender(out):
        for start in range(0, 60, 20):
            results = await asyncio.gather(*(out.send(start + number) for number in range(20)))
            assert results == [True] * 20

    g = chain(sender, relay(capacity=3))
    assert run(g, collect=[g.c1.out]).collected["c1.out"] == list(range(60))


def test_a_task_group_over_sends_keeps_the_order(run):
    @component
    @outport("out")
    async def sender(out):
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(out.send(number)) for number in range(40)]
        assert all(task.result() is True for task in tasks)

    g = chain(sender, relay(capacity=3))
    assert run(g, collect=[g.c1.out]).collected["c1.out"] == list(range(40))


@pytest.mark.parametrize("full", [False, True], ids=["room", "full"])
def test_a_thread_sends_through_the_loop(run, full):
    @component
    @outport("out")
    async def sender(out):
        loop = asyncio.get_running_loop()

        def work():
            for number in range(50):
                assert asyncio.run_coroutine_threadsafe(out.send(number), loop).result(30) is True

        await asyncio.to_thread(work)

    g = chain(sender, relay(capacity=1 if full else None), relay(capacity=1 if full else None))
    assert run(g, collect=[g.c2.out]).collected["c2.out"] == list(range(50))


def test_create_task_on_a_send_with_room(run):
    @component
    @outport("out")
    async def sender(out):
        task = asyncio.create_task(out.send("item"), name="my send")
        assert task.get_name() == "my send"
        assert await task is True

    g = chain(sender, relay())
    assert run(g, collect=[g.c1.out]).collected["c1.out"] == ["item"]


def test_new_sends_queue_behind_waiting_ones(run_together):
    gate = asyncio.Event()

    async def body(out):
        early = [asyncio.create_task(out.send(number)) for number in (2, 3, 4)]
        late = [out.send(number) for number in (5, 6)]
        gate.set()
        assert await out.send(7)
        for send in reversed(late):
            assert await send
        assert await asyncio.gather(*early) == [True] * 3

    seen, _ = blocked(run_together, gate, body)
    assert seen == list(range(8))


def test_sends_that_wait_are_served_in_order_whoever_sent_them(run_together):
    gate = asyncio.Event()
    begun = []

    def sender(name, before):
        @component
        @outport("out")
        async def queued(out):
            while len(begun) < before:  # noqa: ASYNC110  to take turns is what is wanted
                await asyncio.sleep(0)
            sends = [out.send((name, number)) for number in range(3)]
            begun.append(name)
            if len(begun) == 3:
                gate.set()
            await asyncio.gather(*sends)

        return queued

    g = Graph()
    for index, name in enumerate("abc"):
        g.add(name, sender(name, index))
    g.gated = gated(gate)
    for name in "abc":
        g.nodes[name].out >> g.gated.item
    seen = run_together(g, collect=[g.gated.out]).collected["gated.out"]
    assert seen == [(name, number) for name in "abc" for number in range(3)]


def test_sends_to_another_worker_wait_in_line_and_warn_if_never_awaited(run_apart):
    numbers = Numbers(2)

    @component
    @outport("out")
    async def sender(out):
        await out.send("in the firing")
        await numbers.wait(0, 1)
        await out.send("fills the port")
        early = asyncio.create_task(out.send(1))
        await turns()
        with pytest.warns(RuntimeWarning, match=r"c0\.out.*never awaited"):
            out.send("never")
        late = out.send(2)
        numbers[1] = 1
        assert await out.send(3)
        assert await late
        assert await early

    @component
    @inport("item", capacity=1)
    @outport("out")
    async def slow(item, out):
        await out.send(item)
        if item == "in the firing":
            numbers[0] = 1
            await numbers.wait(1, 1)

    g = chain(sender, slow)
    assert run_apart(g, collect=[g.c1.out]).collected["c1.out"] == ["in the firing", "fills the port", 1, 2, 3]


def test_a_waiting_send_that_is_never_awaited_warns_and_has_sent_nothing(run_together):
    gate = asyncio.Event()

    async def body(out):
        with pytest.warns(RuntimeWarning, match=r"c0\.out.*never awaited"):
            out.send("never")
        gate.set()
        assert await out.send("last")

    seen, _ = blocked(run_together, gate, body)
    assert seen == [0, 1, "last"]


def test_a_send_with_room_reaches_its_port_even_if_nobody_awaits_it(run):
    @component
    @outport("out")
    async def careless(out):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            out.send("sent")
            gc.collect()
        assert caught == []

    g = chain(careless, relay())
    assert run(g, collect=[g.c1.out]).collected["c1.out"] == ["sent"]


def test_a_waiting_send_can_be_awaited_only_once(run_together):
    gate = asyncio.Event()

    async def body(out):
        send = out.send("once")
        gate.set()
        await send
        with pytest.raises(RuntimeError, match="already awaited"):
            await send

    blocked(run_together, gate, body)


def test_closing_a_waiting_send_takes_it_back(run_together):
    gate = asyncio.Event()

    async def body(out):
        send = out.send("taken back")
        send.close()
        gate.set()
        await out.send("last")

    seen, _ = blocked(run_together, gate, body)
    assert seen == [0, 1, "last"]


def test_throwing_into_a_waiting_send_takes_it_back(run_together):
    gate = asyncio.Event()

    async def body(out):
        send = out.send("taken back")
        with pytest.raises(KeyError, match="thrown"):
            send.throw(KeyError("thrown"))
        gate.set()
        await out.send("last")

    seen, _ = blocked(run_together, gate, body)
    assert seen == [0, 1, "last"]


def cancelling_ways():
    async def by_wait_for(out, item):
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(out.send(item), 0.005)

    async def by_timeout(out, item):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.005):
                await out.send(item)

    async def by_cancelling_a_task(out, item):
        task = asyncio.create_task(out.send(item))
        await turns()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    async def by_cancelling_a_task_before_it_begins(out, item):
        task = asyncio.create_task(out.send(item))
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    async def by_a_failing_task_group(out, item):
        async def fail():
            await turns()
            raise KeyError

        async def send_and_fail():
            async with asyncio.TaskGroup() as group:
                group.create_task(out.send(item))
                group.create_task(fail())

        with pytest.raises(ExceptionGroup):
            await send_and_fail()

    async def by_cancelling_a_gather(out, item):
        both = asyncio.gather(out.send(item), out.send(item))
        await turns()
        both.cancel()
        with pytest.raises(asyncio.CancelledError):
            await both

    async def by_cancelling_itself(out, item):
        task = asyncio.current_task()
        asyncio.get_running_loop().call_soon(task.cancel)
        with pytest.raises(asyncio.CancelledError):
            await out.send(item)
        task.uncancel()

    return [way for name, way in locals().items() if name.startswith("by_")]


@pytest.fixture(params=cancelling_ways(), ids=lambda way: way.__name__)
def cancel(request):
    """Send an item where it must wait, and cancel that."""
    return request.param


def test_a_cancelled_send_that_waits_for_its_only_port_has_not_reached_it(run_together, cancel):
    gate = asyncio.Event()

    async def body(out):
        await cancel(out, "cancelled")
        gate.set()
        assert await out.send("last")

    seen, _ = blocked(run_together, gate, body)
    assert seen == [0, 1, "last"]


def test_a_send_that_was_cancelled_is_not_counted_as_sent(run_together, cancel):
    gate = asyncio.Event()

    async def body(out):
        await cancel(out, "cancelled")

    _, report = blocked(run_together, gate, body)
    assert report.components["c1"].inports["item"].taken == 2
    assert report.components["c0"].outports["out"].sent == 2


def test_a_send_that_was_cancelled_is_not_collected(run_together, cancel):
    gate = asyncio.Event()

    @component
    @outport("out")
    async def sender(out):
        await out.send(0)
        await out.send(1)
        await cancel(out, "cancelled")
        gate.set()
        await out.send("last")

    g = chain(sender, gated(gate))
    assert run_together(g, collect=[g.c0.out]).collected["c0.out"] == [0, 1, "last"]


def fan_out(run, gate, capacities, body):
    """Run `body(out)` where `out` feeds a gated port of each capacity, each with an item in a firing.

    Gives what has arrived at each.
    """

    @component
    @outport("out")
    async def sender(out):
        await out.send("first")
        await turns()
        await body(out)
        gate.set()
        await out.send("last")

    g = Graph()
    g.sender = sender
    ports = []
    for index, capacity in enumerate(capacities):
        node = g.add(f"gated{index}", gated(gate, capacity))
        g.sender.out >> node.item
        ports.append(node.out)
    return list(run(g, collect=ports).collected.values())


def test_a_cancelled_send_that_one_port_had_room_for_reaches_all(run_together, cancel):
    gate = asyncio.Event()

    async def body(out):
        await out.send("second")  # fills the smaller port
        await cancel(out, "third")

    small, large = fan_out(run_together, gate, (1, 5), body)
    assert small == large
    assert small[:3] == ["first", "second", "third"]
    assert small[-1] == "last"


def test_a_cancelled_send_that_no_port_had_room_for_reaches_none(run_together, cancel):
    gate = asyncio.Event()

    async def body(out):
        await out.send("second")
        await cancel(out, "third")

    assert fan_out(run_together, gate, (1, 1), body) == [["first", "second", "last"]] * 2


def test_a_cancelled_send_reaches_all_even_if_its_sender_ends_before_there_is_room():
    """What has reached one port of a send waits for the others, in a worker with nothing else to do."""
    numbers = Numbers()

    @component
    @outport("out")
    async def sender(out):
        await out.send("first")
        await out.send("second")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(out.send("third"), 0.05)

    @component
    @inport("item", capacity=1)
    @outport("out")
    async def small(item, out):
        await out.send(item)
        await numbers.wait(0, 1)

    @component
    @inport("item", capacity=5)
    @outport("out")
    async def large(item, out):
        await out.send(item)

    @large.finish
    async def _():
        await asyncio.sleep(0.05)
        numbers[0] = 1

    g = Graph()
    g.sender = sender
    g.small = small
    g.large = large
    g.sender.out >> g.small.item >> g.large.item
    g.place(g.sender, worker=0)
    g.place(g.small, g.large, worker=1)
    report = g.run(num_workers=2, collect=[g.small.out, g.large.out], timeout=10)
    assert report.collected == {name: ["first", "second", "third"] for name in ("small.out", "large.out")}


@pytest.mark.parametrize("left", ["task", "object", "nothing"])
def test_a_send_that_still_waits_when_its_component_ends_keeps_nobody_from_ending(run, left):
    kept = []

    @component
    @outport("out")
    async def hasty(out):
        await out.send(0)
        await out.send(1)
        if left == "task":
            kept.append(asyncio.create_task(out.send(2)))
            await turns()
        elif left == "object":
            kept.append(out.send(2))

    @component
    @inport("item", capacity=1)
    @outport("out")
    async def slow(item, out):
        await asyncio.sleep(0.02)
        await out.send(item)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        g = chain(hasty, slow)
        assert run(g, collect=[g.c1.out], timeout=10).collected["c1.out"] in ([0, 1], [0, 1, 2])
        kept.clear()
        gc.collect()


def test_a_shielded_send_goes_on_when_its_waiter_is_cancelled(run_together):
    gate = asyncio.Event()

    async def body(out):
        send = asyncio.ensure_future(out.send("shielded"))
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.shield(send), 0.005)
        gate.set()
        assert await send is True

    seen, _ = blocked(run_together, gate, body)
    assert seen == [0, 1, "shielded"]


def test_a_timeout_that_does_not_expire_changes_nothing(run):
    @component
    @outport("out")
    async def patient(out):
        for item in range(50):
            async with asyncio.timeout(30):
                assert await out.send(item) is True
            assert await asyncio.wait_for(out.send(item), 30) is True

    g = chain(patient, relay(capacity=1))
    assert run(g, collect=[g.c1.out]).collected["c1.out"] == [item for item in range(50) for _ in range(2)]


def test_send_inside_finally(run):
    @component
    @inport("item", capacity=1)
    @outport("out")
    async def tidy(item, out):
        try:
            await asyncio.sleep(0)
            _ = {0: "even"}[item % 2]
        except KeyError:
            await out.send(("odd", item))
        finally:
            await out.send(("done", item))
            await out.send(("done again", item))

    g = chain(emit(*range(6)), tidy, relay(capacity=1))
    got = run(g, collect=[g.c2.out]).collected["c2.out"]
    expected = []
    for item in range(6):
        expected += [("odd", item)] if item % 2 else []
        expected += [("done", item), ("done again", item)]
    assert got == expected


def test_send_inside_finally_of_something_cancelled(run):
    @component
    @outport("out")
    async def tidy(out):
        async def sleep():
            try:
                await asyncio.sleep(60)
            finally:
                for item in range(20):
                    await out.send(item)

        with pytest.raises(TimeoutError):
            await asyncio.wait_for(sleep(), 0.005)

    g = chain(tidy, relay(capacity=1))
    assert run(g, collect=[g.c1.out]).collected["c1.out"] == list(range(20))


def test_a_component_that_only_sends_lets_timers_run(run_together):
    over = []

    @component
    @outport("out")
    async def endless(out):
        asyncio.get_running_loop().call_later(0.01, over.append, 1)
        while not over:
            await out.send(None)

    g = chain(endless, relay(), relay())
    report = run_together(g)
    assert report.components["c2"].inports["item"].taken == report.components["c0"].items_out


def test_a_component_that_only_sends_to_nobody_lets_timers_run(run_together):
    over = []

    @component
    @outport("out")
    async def endless(out):
        asyncio.get_running_loop().call_later(0.01, over.append, 1)
        while not over:
            await out.send(None)

    run_together(chain(endless))


def test_a_component_that_only_sends_lets_other_components_run(run_together):
    over = asyncio.Event()

    @component
    @outport("out")
    async def endless(out):
        while not over.is_set():
            await out.send(None)

    @component
    async def other():
        await asyncio.sleep(0.002)
        await asyncio.to_thread(lambda: None)
        over.set()

    g = chain(endless, relay(capacity=None))
    g.other = other
    run_together(g)


def test_a_component_that_only_fires_lets_timers_run(run_together):
    number = 100_000

    @component
    @outport("out")
    async def quick(out):
        for item in range(number):
            out.send(item)  # without waiting: the port has no limit

    @component
    @inport("item", capacity=None)
    @outport("late")
    async def count(item, late):
        if item == 0:
            timers.append(asyncio.get_running_loop().call_later(0.001, timers.clear))
        elif item == number - 1:
            await late.send(len(timers))

    timers = []
    g = chain(quick, count)
    assert run_together(g, collect=[g.c1.late]).collected["c1.late"] == [0]


@pytest.mark.parametrize("num_workers", [0, 1, 2])
def test_who_gives_up_again_and_again_fills_no_line(num_workers):
    """Of several inports one has room: what it gets the slow one gets, too, but not without a bound."""

    @component
    @outport("item")
    @outport("tries")
    async def hurried(item, tries):
        given_up = 0
        for number in range(60):
            try:
                await asyncio.wait_for(item.send(number), 0.002)
            except TimeoutError:
                given_up += 1
        await tries.send(given_up)

    @component
    @inport("item", capacity=1)
    @inport("go")
    @outport("got")
    async def slow(item, got, go):
        await got.send(item)

    @component
    @inport("tries", capacity=1)
    @outport("go")
    async def let_go(tries, go):
        for _ in range(100):
            if not await go.send(None):
                return

    @component
    @inport("item", capacity=None)
    @outport("got")
    async def quick(item, got):
        await got.send(item)

    g = Graph()
    g.hurried = hurried
    g.slow = slow
    g.quick = quick
    g.let_go = let_go
    g.hurried.item >> g.slow.item
    g.hurried.item >> g.quick.item
    g.hurried.tries >> g.let_go.tries
    g.let_go.go >> g.slow.go
    report = g.run(num_workers=num_workers, collect=[g.slow.got, g.quick.got, g.hurried.tries], timeout=30)
    got = report.collected["slow.got"]
    assert got == report.collected["quick.got"] == list(range(len(got)))
    assert len(got) <= 3  # inside, in front of it, and one more that came when that had gone in
    assert report.collected["hurried.tries"][0] >= 57
    assert report.components["hurried"].outports["item"].sent == len(got)
