"""Channels, as graphs show them: how much fits, what ends them, how many there can be."""

import asyncio

import pytest
from parts import Numbers, chain, emit, gated, pair, relay, turns

from cascata import DeadlockError, Graph, component, inport, outport


@pytest.mark.parametrize("capacity", [1, 2, 3, 10])
def test_exactly_capacity_items_fit(run_together, capacity):
    gate = asyncio.Event()

    @component
    @outport("out")
    async def sender(out):
        await out.send("in the firing")
        await turns()
        sends = [asyncio.ensure_future(out.send(number)) for number in range(capacity + 2)]
        await turns()
        assert [send.done() for send in sends] == [True] * capacity + [False] * 2
        gate.set()
        await asyncio.gather(*sends)

    g = chain(sender, gated(gate, capacity))
    got = run_together(g, collect=[g.c1.out]).collected["c1.out"]
    assert got == ["in the firing", *range(capacity + 2)]


@pytest.mark.parametrize("capacity", [1, 2, 3, 10, 64])
def test_exactly_capacity_items_fit_between_workers(run_apart, capacity):
    sent, begun, free = 0, 1, 2
    numbers = Numbers(3)

    @component
    @outport("out")
    async def sender(out):
        await out.send("in the firing")
        await numbers.wait(begun, 1)
        for _ in range(capacity):
            await asyncio.wait_for(out.send(None), 30)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(out.send("does not fit"), 0.05)
        numbers[free] = 1
        for number in range(300):
            await out.send(number)
            numbers[sent] += 1

    @component
    @inport("item", capacity=capacity)
    @outport("inside")
    async def taker(item, inside):
        numbers[begun] += 1
        if item == "in the firing":
            await numbers.wait(free, 1)
        elif item is not None:
            # Seen from here: sends that have been reported as done, and whose item no firing has taken.
            await inside.send(numbers[sent] - item - 1)

    g = chain(sender, taker)
    inside = run_apart(g, collect=[g.c1.inside]).collected["c1.inside"]
    assert len(inside) == 300
    assert max(inside) <= capacity


@pytest.mark.parametrize("place", ["together", "apart"])
def test_senders_share_one_capacity(place):
    numbers = Numbers(4)  # what each of the two has sent, and whether it has given up

    def sender(index):
        @component
        @outport("out")
        async def several(out):
            for _ in range(5):
                try:
                    await asyncio.wait_for(out.send(index), 0.05)
                except TimeoutError:
                    break
                numbers[index] += 1
            numbers[2 + index] = 1

        return several

    @component
    @inport("item", capacity=4)
    @inport("late")
    @outport("out")
    async def taker(item, late, out):
        await out.send(item)

    @component
    @outport("out")
    async def late(out):
        await numbers.wait(2, 1)
        await numbers.wait(3, 1)
        for _ in range(20):
            await out.send(None)

    g = Graph()
    g.left = sender(0)
    g.right = sender(1)
    g.late = late
    g.taker = taker
    g.left.out >> g.taker.item
    g.right.out >> g.taker.item
    g.late.out >> g.taker.late
    g.place(g.left, g.taker, worker=0)
    g.place(g.right, g.late, worker=0 if place == "together" else 1)
    got = g.run(num_workers=2, collect=[g.taker.out]).collected["taker.out"]
    assert len(got) == numbers[0] + numbers[1] == 4


def test_a_capacity_of_none_has_no_limit(run):
    number = 20_000
    numbers = Numbers()

    @component
    @outport("out")
    async def sender(out):
        for item in range(number):
            await out.send(item)
        numbers[0] = 1

    @component
    @inport("item", capacity=None)
    @outport("out")
    async def patient(item, out):
        if item == 0:
            await numbers.wait(0, 1)
        await out.send(item)

    g = chain(sender, patient)
    assert run(g, collect=[g.c1.out]).collected["c1.out"] == list(range(number))


@pytest.mark.parametrize("capacity", [10**6, 10**9, 2**40])
def test_a_large_capacity_takes_the_memory_that_items_need(run, capacity):
    g = chain(emit(*range(1000)), relay(capacity))
    assert run(g, collect=[g.c1.out]).collected["c1.out"] == list(range(1000))


def test_a_feedback_loop_that_multiplies_needs_no_limit(run):
    @component
    @inport("item", capacity=None)
    @inport("tick")
    @outport("more")
    @outport("seen")
    async def multiply(item, tick, more, seen):
        await seen.send(item)
        if item < 200:
            await more.send(2 * item)
            await more.send(2 * item + 1)

    g = Graph()
    g.ticks = emit(*range(399))
    g.multiply = multiply
    g.ticks.out >> g.multiply.tick
    g.multiply.item < 1
    g.multiply.more >> g.multiply.item
    seen = run(g, collect=[g.multiply.seen]).collected["multiply.seen"]
    assert seen == list(range(1, 400))


def test_the_same_loop_with_a_limit_is_reported(run):
    @component
    @inport("item", capacity=10)
    @inport("tick")
    @outport("more")
    async def multiply(item, tick, more):
        await more.send(2 * item)
        await more.send(2 * item + 1)

    g = Graph()
    g.ticks = emit(*range(399))
    g.multiply = multiply
    g.ticks.out >> g.multiply.tick
    g.multiply.item < 1
    g.multiply.more >> g.multiply.item
    with pytest.raises(DeadlockError, match=r"multiply\.item \(10 of 10") as raised:
        run(g)
    assert "capacity=None" in str(raised.value)


def test_a_fast_producer_that_ends_before_a_slow_one_begins_ends_nothing(run):
    numbers = Numbers()

    @component
    @outport("out")
    async def fast(out):
        await out.send("fast")

    @component
    @outport("out")
    async def slow(out):
        await numbers.wait(0, 1)
        await asyncio.sleep(0.02)
        for number in range(20):
            await out.send(number)

    @component
    @inport("item")
    @outport("out")
    async def taker(item, out):
        numbers[0] = 1
        await out.send(item)

    g = Graph()
    g.fast = fast
    g.slow = slow
    g.taker = taker
    g.fast.out >> g.taker.item
    g.slow.out >> g.taker.item
    assert run(g, collect=[g.taker.out]).collected["taker.out"] == ["fast", *range(20)]


def test_what_waits_for_room_when_its_sender_ends_still_arrives(run):
    @component
    @outport("out")
    async def hasty(out):
        await asyncio.gather(*(out.send(number) for number in range(50)))

    g = chain(hasty, relay(capacity=1), relay(capacity=2))
    assert run(g, collect=[g.c2.out]).collected["c2.out"] == list(range(50))


def test_a_component_of_fifty_ports():
    names = [f"p{number}" for number in range(50)]
    namespace = {}
    source = f"async def wide({', '.join(names)}, out):\n    await out.send([{', '.join(names)}])"
    exec(source, namespace)  # noqa: S102  our own text
    function = outport("out")(namespace["wide"])
    for name in names:
        function = inport(name, capacity=1)(function)
    g = Graph()
    g.wide = component(function)
    for number, name in enumerate(names):
        source = g.add(f"s{number}", emit(*range(number, number + 20)))
        source.out >> g.wide.ports[name]
    for workers in (0, 2):
        rows = g.run(num_workers=workers, collect=[g.wide.out]).collected["wide.out"]
        assert rows == [list(range(start, start + 50)) for start in range(20)]


def test_a_long_stream_through_workers_that_take_turns(run_apart):
    g = chain(emit(*range(5000)), relay(), relay(), relay())
    assert run_apart(g, collect=[g.c3.out]).collected["c3.out"] == list(range(5000))


def test_a_diamond(run):
    g = Graph()
    g.source = emit(*range(500))
    g.left = relay(capacity=1)
    g.right = relay(capacity=7)
    g.pair = pair(capacity=2)
    g.source.out >> g.left.item >> g.right.item
    g.left.out >> g.pair.left
    g.right.out >> g.pair.right
    assert run(g, collect=[g.pair.out]).collected["pair.out"] == [(n, n) for n in range(500)]
