"""When a component fires, with which values, and when it ends."""

import asyncio

import pytest
from parts import Numbers, chain, emit, pair, relay, turns

from cascata import Graph, component, inport, outport, persist


def test_a_component_fires_on_the_zipped_next_value_of_each_connected_port(run):
    g = Graph()
    g.numbers = emit(1, 2, 3)
    g.letters = emit("a", "b", "c")
    g.pair = pair()
    g.numbers.out >> g.pair.left
    g.letters.out >> g.pair.right
    assert run(g, collect=[g.pair.out]).collected == {"pair.out": [(1, "a"), (2, "b"), (3, "c")]}


def test_a_connected_port_that_is_seeded_belongs_to_the_group_too(run):
    g = Graph()
    g.numbers = emit(1, 2, 3)
    g.letters = emit("a", "b")
    g.pair = pair()
    g.numbers.out >> g.pair.left
    g.letters.out >> g.pair.right
    g.pair.right < "first"
    assert run(g, collect=[g.pair.out]).collected["pair.out"] == [(1, "first"), (2, "a"), (3, "b")]


def test_a_constant_is_the_same_in_every_firing(run):
    g = Graph()
    g.numbers = emit(1, 2, 3)
    g.pair = pair()
    g.numbers.out >> g.pair.left
    g.pair.right < "always"
    assert run(g, collect=[g.pair.out]).collected["pair.out"] == [(n, "always") for n in (1, 2, 3)]


def test_with_constants_only_the_runner_is_called_once(run):
    g = Graph()
    g.pair = pair()
    g.pair.left < 1
    g.pair.right < None
    report = run(g, collect=[g.pair.out])
    assert report.collected["pair.out"] == [(1, None)]
    assert report.components["pair"].firings == 1


def test_without_inports_the_runner_is_called_once(run):
    g = Graph()
    g.source = emit("only")
    report = run(g, collect=[g.source.out])
    assert report.collected["source.out"] == ["only"]
    assert report.components["source"].firings == 1


@component
@inport("a")
@inport("b")
@inport("c")
@outport("seen")
async def three(a, b, c, seen):
    await seen.send((a, b, c))


def test_sync_makes_one_group_of_its_ports(run):
    g = Graph()
    g.ones = emit(1, 2, 3)
    g.tens = emit(10, 20, 30)
    g.three = three
    g.ones.out >> g.three.a
    g.tens.out >> g.three.b
    g.three.c < "constant"
    g.three.sync(g.three.a, g.three.b)
    rows = run(g, collect=[g.three.seen]).collected["three.seen"]
    assert rows == [(1, 10, "constant"), (2, 20, "constant"), (3, 30, "constant")]


def test_a_constant_in_a_group_is_the_same_in_every_firing_of_it(run):
    g = Graph()
    g.ones = emit(1, 2, 3)
    g.three = three
    g.ones.out >> g.three.a
    g.three.b < "constant"
    g.three.c < "another"
    g.three.sync(g.three.a, g.three.b)
    rows = run(g, collect=[g.three.seen]).collected["three.seen"]
    assert rows == [(n, "constant", "another") for n in (1, 2, 3)]


def test_a_group_of_constants_fires_once(run):
    g = Graph()
    g.ones = emit(1, 2)
    g.three = three
    g.ones.out >> g.three.a
    g.three.b < "constant"
    g.three.c < "another"
    g.three.clk(g.three.a, g.three.b)
    report = run(g, collect=[g.three.seen])
    assert report.components["three"].firings == 3
    assert {row[1:] for row in report.collected["three.seen"]} == {("constant", "another")}


def test_clk_makes_a_group_of_each_port(run):
    g = Graph()
    g.ones = emit(1, 2, 3)
    g.tens = emit(10, 20)
    g.three = three
    g.ones.out >> g.three.a
    g.tens.out >> g.three.b
    g.three.c < None
    g.three.clk(g.three.a, g.three.b)
    report = run(g, collect=[g.three.seen])
    assert report.components["three"].firings == 5
    rows = report.collected["three.seen"]
    assert max(a for a, _, _ in rows if a) == 3
    assert max(b for _, b, _ in rows if b) == 20


def test_several_groups_of_several_ports(run):
    @component
    @inport("a")
    @inport("b")
    @inport("c")
    @inport("d")
    @outport("seen")
    async def four(a, b, c, d, seen):
        await seen.send((a, b, c, d))

    g = Graph()
    g.four = four
    for name in "abcd":
        g.add(f"source_{name}", emit(1, 2, 3)).out >> g.four.ports[name]
    g.four.sync(g.four.a, g.four.b)
    g.four.sync(g.four.c, g.four.d)
    report = run(g, collect=[g.four.seen])
    assert report.components["four"].firings == 6
    rows = report.collected["four.seen"]
    assert all(a == b and c == d for a, b, c, d in rows)
    assert max(a for a, *_ in rows if a) == max(c for *_, c, _ in rows if c) == 3


def test_groups_fire_independently(run_together):
    fired = asyncio.Event()

    @component
    @outport("out")
    async def late(out):
        await fired.wait()
        await out.send("late")

    @component
    @inport("a")
    @inport("b")
    @outport("seen")
    async def either(a, b, seen):
        await seen.send((a, b))
        fired.set()

    g = Graph()
    g.late = late
    g.soon = emit("soon")
    g.either = either
    g.late.out >> g.either.a
    g.soon.out >> g.either.b
    g.either.clk(g.either.a, g.either.b)
    rows = run_together(g, collect=[g.either.seen]).collected["either.seen"]
    assert rows == [(None, "soon"), ("late", "soon")]


def test_firings_of_different_groups_may_overlap(run_together):
    arrived = {"a": asyncio.Event(), "b": asyncio.Event()}

    @component
    @inport("a")
    @inport("b")
    async def meet(a, b):
        me, other = ("a", "b") if not arrived["a"].is_set() and a else ("b", "a")
        arrived[me].set()
        await arrived[other].wait()

    g = Graph()
    g.left = emit(1)
    g.right = emit(2)
    g.meet = meet
    g.left.out >> g.meet.a
    g.right.out >> g.meet.b
    g.meet.clk(g.meet.a, g.meet.b)
    assert run_together(g).components["meet"].firings == 2


def test_a_firing_sees_the_latest_values_of_other_groups_and_none_before_the_first(run_together):
    first = asyncio.Event()

    @component
    @outport("out")
    async def later(out):
        await first.wait()
        await out.send("b1")
        await out.send("b2")

    @component
    @inport("a")
    @inport("b")
    @outport("seen")
    async def watch(a, b, seen):
        await seen.send((a, b))
        if a == "a2":
            first.set()

    g = Graph()
    g.soon = emit("a1", "a2")
    g.later = later
    g.watch = watch
    g.soon.out >> g.watch.a
    g.later.out >> g.watch.b
    g.watch.clk(g.watch.a, g.watch.b)
    rows = run_together(g, collect=[g.watch.seen]).collected["watch.seen"]
    assert rows == [("a1", None), ("a2", None), ("a2", "b1"), ("a2", "b2")]


def test_items_that_wait_for_their_partners_count_in_the_capacity(run_together):
    tried = asyncio.Event()

    @component
    @outport("out")
    async def eager(out):
        await out.send(1)
        await out.send(2)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(out.send("one too many"), 0.02)
        tried.set()
        await out.send(3)

    @component
    @outport("out")
    async def late(out):
        await tried.wait()
        for letter in "abc":
            await out.send(letter)

    g = Graph()
    g.eager = eager
    g.late = late
    g.pair = pair(capacity=2)
    g.eager.out >> g.pair.left
    g.late.out >> g.pair.right
    assert run_together(g, collect=[g.pair.out]).collected["pair.out"] == [(1, "a"), (2, "b"), (3, "c")]


def test_items_that_wait_for_their_partners_count_in_the_capacity_between_workers(run_apart):
    numbers = Numbers()

    @component
    @outport("out")
    async def eager(out):
        await out.send(1)
        await out.send(2)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(out.send("one too many"), 0.05)
        numbers[0] = 1
        await out.send(3)

    @component
    @inport("item")
    @outport("out")
    async def late(item, out):
        await numbers.wait(0, 1)
        for letter in "abc":
            await out.send(letter)

    g = Graph()
    g.eager = eager
    g.pair = pair(capacity=2)
    g.late = late
    g.late.item < None
    g.eager.out >> g.pair.left
    g.late.out >> g.pair.right
    assert run_apart(g, collect=[g.pair.out]).collected["pair.out"] == [(1, "a"), (2, "b"), (3, "c")]


@component
@inport("tick")
@inport("level", capacity=1)
@outport("seen")
async def sample(tick, level, seen):
    await seen.send((tick, level))


def test_a_passive_port_takes_each_value_as_it_comes(run):
    @component
    @outport("level")
    @outport("tick")
    async def control(level, tick):
        for value in range(50):  # the port has room for one: nothing but taking them lets this end
            await level.send(value)
        await tick.send("tick")

    g = Graph()
    g.control = control
    g.sample = sample
    g.control.level >> g.sample.level
    g.control.tick >> g.sample.tick
    g.sample.clk(g.sample.tick)
    report = run(g, collect=[g.sample.seen])
    assert report.collected["sample.seen"] == [("tick", 49)]
    assert report.components["sample"].firings == 1
    assert report.components["sample"].inports["level"].replaced == 49


def test_a_passive_port_takes_values_while_a_firing_runs(run_together):
    full = asyncio.Event()

    @component
    @outport("level")
    @outport("tick")
    async def control(level, tick):
        await tick.send(0)
        for value in range(5):
            await level.send(value)
        full.set()
        await tick.send(1)

    @component
    @inport("tick")
    @inport("level", capacity=1)
    @outport("seen")
    async def slow(tick, level, seen):
        await seen.send((tick, level))
        await full.wait()

    g = Graph()
    g.control = control
    g.slow = slow
    g.control.level >> g.slow.level
    g.control.tick >> g.slow.tick
    g.slow.sync(g.slow.tick)
    (first, _), second = run_together(g, collect=[g.slow.seen]).collected["slow.seen"]
    assert first == 0
    assert second == (1, 4)


def test_a_passive_port_gives_none_before_its_first_value(run_together):
    sampled = asyncio.Event()

    @component
    @outport("out")
    async def later(out):
        await sampled.wait()
        await out.send("too late")

    @component
    @inport("tick")
    @inport("level")
    @outport("seen")
    async def take(tick, level, seen):
        await seen.send((tick, level))
        sampled.set()

    g = Graph()
    g.later = later
    g.ticks = emit(1)
    g.take = take
    g.later.out >> g.take.level
    g.ticks.out >> g.take.tick
    g.take.clk(g.take.tick)
    assert run_together(g, collect=[g.take.seen]).collected["take.seen"] == [(1, None)]


def test_the_initial_value_of_a_passive_port_is_there_from_the_first_firing(run):
    g = Graph()
    g.levels = emit()
    g.ticks = emit(1, 2)
    g.sample = sample
    g.levels.out >> g.sample.level
    g.ticks.out >> g.sample.tick
    g.sample.level < "initial"
    g.sample.tick < 0
    g.sample.clk(g.sample.tick)
    rows = run(g, collect=[g.sample.seen]).collected["sample.seen"]
    assert rows == [(0, "initial"), (1, "initial"), (2, "initial")]


def test_a_firing_sees_what_was_sent_to_a_passive_port_before_its_trigger_was(run):
    @component
    @outport("level")
    @outport("tick")
    async def control(level, tick):
        for value in range(300):
            await level.send(value)
            await tick.send(value)

    g = Graph()
    g.control = control
    g.sample = sample
    g.control.level >> g.sample.level
    g.control.tick >> g.sample.tick
    g.sample.clk(g.sample.tick)
    rows = run(g, collect=[g.sample.seen]).collected["sample.seen"]
    assert [tick for tick, _ in rows] == list(range(300))
    assert [(tick, level) for tick, level in rows if level is None or level < tick] == []


def test_a_busy_component_sees_the_newest_value_of_its_passive_port(run_together):
    @component
    @outport("level")
    @outport("tick")
    async def control(level, tick):
        await tick.send(0)
        await asyncio.sleep(0)  # the firing on 0 has begun, and waits
        for value in range(1, 5):
            await level.send(value)
            await tick.send(value)

    @component
    @inport("tick")
    @inport("level", capacity=None)
    @outport("seen")
    async def busy(tick, level, seen):
        await seen.send((tick, level))
        await asyncio.sleep(0)

    g = Graph()
    g.control = control
    g.busy = busy
    g.control.level >> g.busy.level
    g.control.tick >> g.busy.tick
    g.busy.clk(g.busy.tick)
    rows = run_together(g, collect=[g.busy.seen]).collected["busy.seen"]
    assert [(tick, level) for tick, level in rows if tick and (level is None or level < tick)] == []


def test_a_passive_port_with_a_value_and_no_producer_is_a_constant(run):
    g = Graph()
    g.ticks = emit(1, 2)
    g.sample = sample
    g.ticks.out >> g.sample.tick
    g.sample.level < "constant"
    g.sample.sync(g.sample.tick)
    assert run(g, collect=[g.sample.seen]).collected["sample.seen"] == [(1, "constant"), (2, "constant")]


def test_the_end_of_a_passive_port_ends_nothing(run):
    g = Graph()
    g.levels = emit()
    g.ticks = emit(*range(30))
    g.sample = sample
    g.levels.out >> g.sample.level
    g.ticks.out >> g.sample.tick
    g.sample.sync(g.sample.tick)
    assert run(g).components["sample"].firings == 30


def test_a_component_ends_although_its_passive_port_is_still_fed(run):
    @component
    @outport("out")
    async def endless(out):
        number = 0
        while await out.send(number):
            number += 1

    g = Graph()
    g.levels = endless
    g.ticks = emit(1, 2, 3)
    g.sample = sample
    g.levels.out >> g.sample.level
    g.ticks.out >> g.sample.tick
    g.sample.clk(g.sample.tick)
    report = run(g)
    assert report.components["sample"].firings == 3
    level = report.components["sample"].inports["level"]
    assert level.taken + level.discarded == report.components["levels"].items_out


@pytest.mark.parametrize(("left", "right"), [(3, 5), (5, 3), (0, 4), (4, 0), (100, 30), (30, 100)])
def test_a_group_ends_when_any_of_its_ports_has_ended(run, left, right):
    g = Graph()
    g.left = emit(*range(left))
    g.right = emit(*range(right))
    g.pair = pair(capacity=2)
    g.left.out >> g.pair.left
    g.right.out >> g.pair.right
    report = run(g, collect=[g.pair.out])
    assert report.collected["pair.out"] == [(n, n) for n in range(min(left, right))]
    inports = report.components["pair"].inports
    assert inports["left"].taken + inports["left"].discarded == left
    assert inports["right"].taken + inports["right"].discarded == right


def test_a_group_ends_although_it_waits_for_another_port_first(run_together):
    ended = asyncio.Event()

    @component
    @outport("out")
    async def waits_for_the_end(out):
        await ended.wait()
        await out.send("nobody")

    @component
    @inport("item")
    async def notes_the_end(item): ...

    @notes_the_end.finish
    async def _():
        ended.set()

    g = Graph()
    g.never = waits_for_the_end
    g.empty = emit()
    g.pair = pair()
    g.end = notes_the_end
    g.never.out >> g.pair.left
    g.empty.out >> g.pair.right
    g.pair.out >> g.end.item
    report = run_together(g)
    assert report.components["pair"].firings == 0
    assert report.components["pair"].inports["left"].discarded == 1


def test_a_component_ends_when_all_its_groups_have(run):
    g = Graph()
    g.short = emit(1)
    g.long = emit(*range(100))
    g.three = three
    g.after = relay()
    g.short.out >> g.three.a
    g.long.out >> g.three.b
    g.three.c < None
    g.three.clk(g.three.a, g.three.b)
    g.three.seen >> g.after.item
    report = run(g, collect=[g.after.out])
    assert len(report.collected["after.out"]) == 101


def test_a_port_ends_when_every_outport_connected_to_it_has_closed(run):
    @component
    @outport("out")
    async def slow(out):
        await asyncio.sleep(0.02)
        await out.send("slow")

    g = Graph()
    g.fast = emit("fast")
    g.idle = emit()
    g.slow = slow
    g.after = relay()
    for source in (g.fast, g.idle, g.slow):
        source.out >> g.after.item
    assert run(g, collect=[g.after.out]).collected["after.out"] == ["fast", "slow"]


def test_a_port_that_has_closed_still_gives_what_its_channel_holds(run):
    @component
    @inport("item", capacity=10)
    @outport("out")
    async def slow(item, out):
        await asyncio.sleep(0.002)
        await out.send(item)

    g = chain(emit(*range(10)), slow)
    assert run(g, collect=[g.c1.out]).collected["c1.out"] == list(range(10))


def test_firings_of_a_group_are_sequential_and_keep_the_order(run):
    @component
    @inport("item")
    @outport("out")
    @persist("inside", lambda: [0])
    async def uneven(item, out, inside):
        inside.get()[0] += 1
        assert inside.get() == [1]
        await asyncio.sleep(0.003 if item % 3 == 0 else 0)
        await out.send(item)
        assert inside.get() == [1]
        inside.get()[0] -= 1

    g = chain(emit(*range(30)), uneven, relay())
    assert run(g, collect=[g.c2.out]).collected["c2.out"] == list(range(30))


def test_an_ended_component_discards_what_its_inports_hold_and_what_still_comes(run):
    g = Graph()
    g.many = emit(*range(500))
    g.one = emit("one")
    g.pair = pair(capacity=5)
    g.many.out >> g.pair.left
    g.one.out >> g.pair.right
    report = run(g)
    assert report.components["pair"].firings == 1
    left = report.components["pair"].inports["left"]
    assert (left.taken, left.discarded) == (1, 499)
    assert "pair.left discarded 499 items" in str(report)


def test_the_end_of_a_component_wakes_senders_that_wait_there(run_together):
    waiting = asyncio.Event()

    @component
    @outport("out")
    async def sender(out):
        assert await out.send(0)
        assert await out.send(1)
        blocked = asyncio.create_task(out.send(2))
        await turns()
        assert not blocked.done()
        waiting.set()
        assert await blocked is False
        assert await out.send(3) is False

    @component
    @outport("out")
    async def one(out):
        await waiting.wait()

    g = Graph()
    g.sender = sender
    g.one = one
    g.pair = pair(capacity=2)
    g.sender.out >> g.pair.left
    g.one.out >> g.pair.right
    report = run_together(g)
    assert report.components["pair"].inports["left"].discarded == 4


def test_send_gives_false_once_the_port_behind_it_has_ended(run):
    @component
    @outport("out")
    async def endless(out):
        number = 0
        while await out.send(number):
            number += 1

    g = Graph()
    g.endless = endless
    g.few = emit(*range(7))
    g.pair = pair()
    g.endless.out >> g.pair.left
    g.few.out >> g.pair.right
    assert run(g, collect=[g.pair.out]).collected["pair.out"] == [(n, n) for n in range(7)]


def test_send_gives_true_as_long_as_one_port_behind_it_can_receive(run):
    @component
    @outport("out")
    @outport("results")
    async def sender(out, results):
        for number in range(100):
            await results.send(await out.send(number))

    g = Graph()
    g.sender = sender
    g.none = emit()
    g.pair = pair()
    g.all = relay()
    g.sender.out >> g.pair.left >> g.all.item
    g.none.out >> g.pair.right
    report = run(g, collect=[g.all.out, g.sender.results])
    assert report.collected["all.out"] == list(range(100))
    assert report.collected["sender.results"] == [True] * 100


def test_send_gives_false_once_all_ports_behind_it_have_ended(run):
    @component
    @outport("out")
    async def endless(out):
        number = 0
        while await out.send(number):
            number += 1

    g = Graph()
    g.endless = endless
    for name, count in (("none", 0), ("few", 3), ("more", 20)):
        source, end = g.add(name, emit(*range(count))), g.add(f"{name}_paired", pair())
        g.endless.out >> end.left
        source.out >> end.right
    report = run(g, collect=[g.more_paired.out])
    assert report.collected["more_paired.out"] == [(n, n) for n in range(20)]
    left = report.components["none_paired"].inports["left"]
    assert (left.taken, left.discarded) == (0, report.components["endless"].items_out)


def test_a_send_after_the_end_of_its_component_raises(run_together):
    kept = []
    caught = []

    @component
    @inport("item")
    @outport("out")
    async def leaky(item, out):
        await out.send(item)
        kept.append(out)

    @component
    @inport("item")
    async def last(item): ...

    @last.finish
    async def _():
        with pytest.raises(RuntimeError, match=r"c1\.out.*has ended") as raised:
            await kept[0].send("too late")
        caught.append(raised.value)

    g = chain(emit(1), leaky, relay(), last)
    g.c1.out >> g.c3.item
    report = run_together(g)
    assert report.components["c3"].inports["item"].taken == 2
    assert report.components["c1"].items_out == 1
    assert run_together.workers or caught


def test_a_task_that_outlives_its_component_cannot_send(run_here):
    errors = []

    async def send_late(out, ended):
        await ended.wait()
        try:
            await out.send("too late")
        except RuntimeError as error:
            errors.append(error)

    ended = asyncio.Event()
    tasks = []

    @component
    @outport("out")
    async def leaky(out):
        tasks.append(asyncio.create_task(send_late(out, ended)))
        await out.send(1)

    @component
    @inport("item")
    async def last(item): ...

    @last.finish
    async def _():
        ended.set()
        await tasks[0]

    run_here(chain(leaky, last))
    assert len(errors) == 1
