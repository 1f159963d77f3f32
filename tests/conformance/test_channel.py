"""The public channel, between coroutines, threads and processes."""

import asyncio
import collections
import gc
import multiprocessing
import multiprocessing.forkserver
import multiprocessing.resource_tracker
import pickle
import threading

import channel_parts as parts
import numpy as np
import pytest
from channel_parts import role, together

import cascata
from cascata import Channel, ChannelClosed, Graph, ItemError, component, inport, outport, persist

PLACES = ["one_loop", "threads", "fork", "spawn", "mixed"]
CAPACITIES = [1, 2, 10, None]


@pytest.fixture(scope="module", autouse=True)
def _helpers():
    """Start what `multiprocessing` keeps until this process ends, before any test that counts processes."""
    multiprocessing.resource_tracker.ensure_running()
    multiprocessing.forkserver.ensure_running()


@pytest.fixture(params=PLACES)
def place(request):
    return request.param


def counted(items):
    return collections.Counter(items)


def inside(channel):
    return channel._core.state()[0]


# What it promises, wherever its ends are.


@pytest.mark.parametrize("capacity", CAPACITIES)
def test_items_of_each_producer_arrive_in_order(place, capacity):
    channel = Channel(capacity)
    count = 300
    keeper = parts.Keeper(channel, 3)
    roles = [role(parts.produce, channel, name, count, keeper.ready) for name in range(3)]
    *_, items = together(place, [*roles, role(parts.consume, channel)], keeper)
    assert len(items) == 3 * count
    for name in range(3):
        assert [number for other, number in items if other == name] == list(range(count))


@pytest.mark.parametrize("capacity", CAPACITIES)
def test_each_item_goes_to_one_of_many(place, capacity):
    channel = Channel(capacity)
    count = 200
    keeper = parts.Keeper(channel, 3)
    producers = [role(parts.produce, channel, name, count, keeper.ready) for name in range(3)]
    results = together(place, [*producers, *[role(parts.consume, channel)] * 3], keeper)
    taken = [item for items in results[3:] for item in items]
    assert counted(taken) == counted((name, number) for name in range(3) for number in range(count))
    for items in results[3:]:
        for name in range(3):
            numbers = [number for other, number in items if other == name]
            assert numbers == sorted(numbers)


def test_impatient_consumers_lose_and_double_nothing(place):
    channel = Channel(2)
    count = 150
    keeper = parts.Keeper(channel, 2)
    roles = [role(parts.produce, channel, name, count, keeper.ready) for name in range(2)]
    roles += [role(parts.consume_impatiently, channel)] * 2 + [role(parts.consume, channel)]
    results = together(place, roles, keeper)
    taken = [item for items in results[2:] for item in items]
    assert counted(taken) == counted((name, number) for name in range(2) for number in range(count))


def test_publishers_come_and_go(place):
    channel = Channel(3)
    keeper = parts.Keeper(channel, 3)
    roles = [role(parts.come_and_go, channel, name, 60, keeper.ready) for name in range(3)]
    *_, items = together(place, [*roles, role(parts.consume, channel)], keeper)
    assert counted(items) == counted((name, number) for name in range(3) for number in range(60))


@pytest.mark.parametrize("capacity", [1, 2, 10])
@pytest.mark.parametrize("place", ["threads", "fork", "spawn"])
def test_exactly_capacity_items_fit(place, capacity):
    channel, tally = Channel(capacity), Channel(None)

    async def take(count):
        for _ in range(count):
            await anext(channel)

    wait = parts.start(place, [role(parts.fill_up, channel, tally)] * 3)
    total = capacity
    for step in (0, 1, 3, capacity):
        asyncio.run(take(step))
        total += step
        assert parts.soon(lambda expected=total: inside(tally) >= expected)
        assert not parts.soon(lambda expected=total: (inside(tally), inside(channel)) != (expected, capacity), 0.1)
    drained = asyncio.run(parts.consume(channel))
    assert len(drained) + total - capacity == 3000
    wait()


@pytest.mark.parametrize("capacity", [1, 2, 10])
def test_exactly_capacity_items_fit_in_one_loop(capacity):
    async def main():
        channel = Channel(capacity)
        async with channel.open() as ch:
            puts = [asyncio.create_task(ch.put(number)) for number in range(2 * capacity + 3)]
            for taken in range(capacity + 1):
                await asyncio.sleep(0.01)
                assert [put.done() for put in puts] == [True] * (capacity + taken) + [False] * (capacity + 3 - taken)
                assert await anext(channel) == taken
            for put in puts:
                put.cancel()

    asyncio.run(main())


def test_unbounded():
    async def main():
        channel = Channel(None)
        async with channel.open() as ch:
            for number in range(100_000):
                await asyncio.wait_for(ch.put(number), 5) if number % 1000 == 0 else await ch.put(number)
        assert repr(channel) == "<Channel: 100000 of any number items, ended>"
        assert [number async for number in channel] == list(range(100_000))

    asyncio.run(main())


# The end.


def test_iteration_waits_for_a_first_publisher():
    async def main():
        channel = Channel()
        taking = asyncio.create_task(parts.consume(channel))
        await asyncio.sleep(0.05)
        assert not taking.done()
        await parts.produce(channel, "late", 2)
        assert await taking == [("late", 0), ("late", 1)]

    asyncio.run(main())


def test_the_end_is_for_good(place):
    channel = Channel()
    together(place, [role(parts.produce, channel, "only", 2)])

    async def main():
        with pytest.raises(ChannelClosed, match=r"open\(\): the channel has ended"):
            async with channel.open():
                pytest.fail("it is open")
        assert await parts.consume(channel) == [("only", 0), ("only", 1)]
        assert await parts.consume(channel) == []

    asyncio.run(main())


def test_all_who_wait_learn_of_the_end(place):
    channel = Channel()
    roles = [role(parts.hold_open, channel, 0.5), *[role(parts.consume, channel)] * 4]
    assert together(place, roles) == [None, [], [], [], []]


def test_a_put_that_waits_keeps_the_channel_open():
    async def main():
        channel = Channel(1)
        async with channel.open() as ch:
            await ch.put(1)
            last = asyncio.create_task(ch.put(2))
            await asyncio.sleep(0)
        assert channel._core.state() == (1, 1, False)
        assert await parts.consume(channel) == [1, 2]
        await last

    asyncio.run(main())


def test_a_block_that_raises_leaves_the_channel():
    async def main():
        channel = Channel()
        with pytest.raises(KeyError):
            async with channel.open():
                raise KeyError
        assert await parts.consume(channel) == []

    asyncio.run(main())


def test_one_channel_in_one_loop_after_another():
    channel = Channel(1)

    async def step(number):
        async with channel.open() as ch:
            await ch.put(number)
            assert await anext(channel) == number

    async def main():
        async with channel.open() as keeper:
            await asyncio.to_thread(lambda: [asyncio.run(step(number)) for number in range(5)])
            del keeper

    asyncio.run(main())
    assert asyncio.run(parts.consume(channel)) == []


# Order and fairness.


def test_waiting_puts_are_served_in_order():
    async def main():
        channel = Channel(1)
        async with channel.open() as ch:
            puts = []
            for number in range(50):
                puts.append(asyncio.create_task(ch.put(number)))
                await asyncio.sleep(0)
            for cancelled in (3, 17, 18, 49):
                puts[cancelled].cancel()
            expected = [number for number in range(50) if number not in (3, 17, 18, 49)]
            assert [await anext(channel) for _ in expected] == expected
            assert channel._core.state()[0] == 0

    asyncio.run(main())


def test_a_new_put_does_not_overtake():
    async def main():
        channel = Channel(1)
        async with channel.open() as ch:
            await ch.put("first")
            waiting = asyncio.create_task(ch.put("second"))
            await asyncio.sleep(0)
            assert await anext(channel) == "first"
            third = asyncio.create_task(ch.put("third"))
            assert [await anext(channel), await anext(channel)] == ["second", "third"]
            await asyncio.gather(waiting, third)

    asyncio.run(main())


def test_a_cancelled_waiter_passes_its_wake_up_on():
    async def main():
        channel = Channel(1)
        async with channel.open() as ch:
            for _ in range(50):
                first, second = (asyncio.create_task(anext(channel)) for _ in range(2))
                await asyncio.sleep(0)
                await ch.put("item")  # wakes the first, which does not run any more
                first.cancel()
                assert await asyncio.wait_for(second, 0.15) == "item"  # sooner than the thread looks
                await ch.put("full")
                first, second = (asyncio.create_task(ch.put(name)) for name in ("first", "second"))
                await asyncio.sleep(0)
                assert await anext(channel) == "full"
                first.cancel()
                await asyncio.wait_for(second, 0.15)
                assert await anext(channel) == "second"

    asyncio.run(main())


# Items.


class Custom:
    def __init__(self, value):
        self.value = value

    def __eq__(self, other):
        return self.value == other.value

    __hash__ = None


ITEMS = [
    None,
    StopAsyncIteration,
    ...,
    7,
    2**100,
    "text",
    b"x" * 100_000,
    bytearray(b"abc"),
    {"a": [1, (2, 3)]},
    Custom([1]),
    [None] * 10_000,
    "y" * 3_000_000,
]


@pytest.mark.parametrize("item", ITEMS, ids=lambda item: type(item).__name__)
def test_items_arrive_as_they_were(item):
    async def main():
        channel = Channel()
        async with channel.open() as ch:
            await ch.put(item)
        (received,) = [x async for x in channel]
        assert received == item
        assert type(received) is type(item)

    asyncio.run(main())


def test_what_only_cloudpickle_takes():
    async def main():
        channel = Channel()
        async with channel.open() as ch:
            await ch.put(lambda x: x + 1)
        assert [function(1) async for function in channel] == [2]

    asyncio.run(main())


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_arrays_arrive_as_read_only_views(method):
    channel = Channel(2)
    wait = parts.start(method, [role(send_arrays, channel)])

    async def main():
        count = 0
        async for array in channel:
            assert not array.flags.writeable
            assert array[-1] == count
            private = cascata.writable(array)
            private[-1] += 1
            count += 1
        return count

    assert asyncio.run(main()) == 8
    wait()
    gc.collect()
    assert parts.soon(lambda: channel._core.usage()[0] == 0 or not refresh(channel))


def refresh(channel):
    """Whether memory is still kept after everybody has had a look."""
    asyncio.run(parts.consume(channel))
    return channel._core.usage()[0]


async def send_arrays(channel):
    async with channel.open() as ch:
        for number in range(8):
            await ch.put(np.full(1_000_000, number))


def test_an_item_that_cannot_be_sent_leaves_the_channel_as_it_was():
    async def main():
        channel = Channel(1)
        async with channel.open() as ch:
            with pytest.raises(ItemError, match=r"put\(\): an item of type _thread.lock cannot be sent") as caught:
                await ch.put(threading.Lock())
            assert isinstance(caught.value.__cause__, TypeError)
            assert channel._core.state() == (0, 1, False)
            await ch.put(1)
            with pytest.raises(ItemError):
                await ch.put(threading.Lock())
            assert await anext(channel) == 1

    asyncio.run(main())


def test_an_item_that_cannot_be_restored_raises_at_its_consumer():
    async def main():
        channel = Channel()
        async with channel.open() as ch:
            for item in (1, parts.Local(), 2):
                await ch.put(item)
        assert await anext(channel) == 1
        with pytest.raises(ItemError, match="cannot be restored here: LookupError: only in") as caught:
            await anext(channel)
        assert isinstance(caught.value.__cause__, LookupError)
        assert await parts.consume(channel) == [2]

    asyncio.run(main())


@pytest.fixture
def little_memory(monkeypatch):
    monkeypatch.setattr("cascata.run.resources.usable_memory", lambda: 8 << 20)


@pytest.mark.usefixtures("little_memory")
def test_an_item_larger_than_all_memory_raises():
    async def main():
        channel = Channel()
        async with channel.open() as ch:
            with pytest.raises(MemoryError, match="an item of type bytes takes at least"):
                await ch.put(bytes(5 << 20))
            await ch.put(bytes(3 << 20))
            assert len(await anext(channel)) == 3 << 20

    asyncio.run(main())


@pytest.mark.usefixtures("little_memory")
@pytest.mark.parametrize("place", ["one_loop", "threads", "fork", "spawn", "mixed"])
def test_puts_wait_for_memory(place):
    channel = Channel(100)
    keeper = parts.Keeper(channel, 2)
    producers = [role(put_large, channel, name, keeper.ready) for name in range(2)]
    *_, sizes = together(place, [*producers, role(measure, channel)], keeper)
    assert sizes == {0: list(range(6)), 1: list(range(6))}


async def put_large(channel, name, ready):
    async with channel.open() as ch:
        await parts.announce(ready)
        for number in range(6):
            await ch.put((name, number, bytes(1 << 20)))


async def measure(channel):
    numbers = {0: [], 1: []}
    async for name, number, data in channel:
        assert len(data) == 1 << 20
        await asyncio.sleep(0.001)
        numbers[name].append(number)
    return numbers


# Being handed on.


async def echo(channel, back):
    async with back.open() as ch:
        async for item in channel:
            await ch.put(item)


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_it_is_the_same_in_a_child(method):
    channel, back = Channel(2), Channel(3)
    context = multiprocessing.get_context(method)
    process = context.Process(target=run_echo, args=(channel, back))
    process.start()

    async def main():
        async with asyncio.TaskGroup() as group:
            group.create_task(parts.produce(channel, "there", 100))
            received = await parts.consume(back)
        assert received == [("there", number) for number in range(100)]

    asyncio.run(main())
    process.join()
    assert process.exitcode == 0
    process.close()


def run_echo(channel, back):
    assert (channel.capacity, back.capacity) == (2, 3)
    asyncio.run(echo(channel, back))


@pytest.mark.parametrize("dump", [pickle.dumps, lambda channel: asyncio.run(put_into_itself(channel))])
def test_it_is_pickled_for_processes_that_are_started_only(dump):
    with pytest.raises((RuntimeError, ItemError), match="through inheritance"):
        dump(Channel())


async def put_into_itself(channel):
    async with channel.open() as ch:
        await ch.put(channel)


def test_a_publisher_that_was_inherited_is_not_the_childs():
    channel, back = Channel(), Channel()

    async def main():
        async with channel.open() as ch, back.open() as keeper:
            await ch.put("before")
            process = multiprocessing.get_context("fork").Process(target=use_inherited, args=(channel, ch, back))
            process.start()
            await asyncio.to_thread(process.join)
            assert process.exitcode == 0
            process.close()
            assert channel._core.state()[1] == 1
            assert await anext(back) == "before"
            del keeper

    asyncio.run(main())


def use_inherited(channel, ch, back):
    async def main():
        with pytest.raises(RuntimeError, match="opened in another process"):
            await ch.put("there")
        async with back.open() as out:
            await out.put(await anext(channel))

    asyncio._set_running_loop(None)
    asyncio.run(main())


def same(channel):
    return channel


@component
@inport("results")
@inport("count")
async def publishes(results, count):
    async with results.open() as ch:
        for number in range(count):
            await ch.put(number)


@component
@inport("count")
@persist("results", same)
async def publishes_persistently(count, results):
    async with results.get().open() as ch:
        await ch.put(count)


@component
@inport("orders")
@outport("order")
async def listens(orders, order):
    async for item in orders:
        await order.send(item)


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_components_publish_to_the_caller(method):
    channel = Channel(2)
    graph = Graph()
    graph.group = publishes
    graph.group.results < channel
    graph.group.count < 50
    with asyncio.Runner() as runner:
        run = graph.start(num_workers=1, start_method=method)
        assert runner.run(parts.consume(channel)) == list(range(50))
        run.join()


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_components_listen_to_the_caller(method):
    channel = Channel(2)
    graph = Graph()
    graph.listens = listens
    graph.listens.orders < channel
    run = graph.start(num_workers=1, start_method=method, collect=[graph.listens.order])
    asyncio.run(parts.produce(channel, "caller", 50))
    assert run.join().collected["listens.order"] == [("caller", number) for number in range(50)]


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_it_is_a_persistent_argument(method):
    channel = Channel(2)
    graph = Graph()
    graph.publishes = publishes_persistently
    graph.publishes.count < 7
    graph.publishes.results < (channel,)
    run = graph.start(num_workers=1, start_method=method)
    assert asyncio.run(parts.consume(channel)) == [7]
    run.join()


# Wrong use.


@pytest.mark.parametrize(
    ("capacity", "kind", "message"),
    [
        (0, ValueError, r"Channel\(capacity=0\): from 1 to"),
        (-1, ValueError, "from 1 to"),
        (2**32, ValueError, "from 1 to"),
        (1.5, TypeError, "a capacity is a number of items, or None"),
        ("10", TypeError, "a capacity is a number of items, or None"),
        (True, TypeError, "a capacity is a number of items, or None"),
    ],
)
def test_capacities_that_make_no_sense(capacity, kind, message):
    with pytest.raises(kind, match=message):
        Channel(capacity)


def test_put_outside_of_its_block():
    async def main():
        channel = Channel()
        publisher = channel.open()
        with pytest.raises(RuntimeError, match=r"put\(\) outside of its block"):
            await publisher.put(1)
        async with publisher:
            with pytest.raises(RuntimeError, match="this publisher is open already"):
                await publisher.__aenter__()
        with pytest.raises(RuntimeError, match=r"put\(\) outside of its block"):
            await publisher.put(1)

    asyncio.run(main())


def test_the_channel_itself_puts_on_behalf_of_a_publisher():
    async def main():
        channel = Channel(1)
        with pytest.raises(RuntimeError, match=r"no publisher .* with channel\.open\(\)"):
            await channel.put("too early")
        async with channel.open():
            async with channel.open():
                await channel.put("first")
            waiting = asyncio.create_task(channel.put("second"))
            assert [await anext(channel), await anext(channel)] == ["first", "second"]
            await waiting
        with pytest.raises(ChannelClosed, match="the channel has ended"):
            await channel.put("too late")

    asyncio.run(main())


def test_a_fork_within_a_block_puts_for_itself_only():
    channel, back = Channel(), Channel()

    async def main():
        async with channel.open(), back.open():
            process = multiprocessing.get_context("fork").Process(target=put_after_fork, args=(channel, back))
            process.start()
            await asyncio.to_thread(process.join)
            assert process.exitcode == 0
            process.close()
            assert await anext(back) == "mine"

    asyncio.run(main())


def put_after_fork(channel, back):
    async def main():
        with pytest.raises(RuntimeError, match="no publisher of the channel is open here"):
            await channel.put("there")
        async with back.open():
            await back.put("mine")

    asyncio._set_running_loop(None)
    asyncio.run(main())


def test_without_a_running_loop():
    channel = Channel()
    with pytest.raises(RuntimeError, match="in a running event loop"):
        channel.__anext__().send(None)


def test_repr():
    async def main():
        channel = Channel(5)
        assert repr(channel) == "<Channel: 0 of 5 items, 0 publishers>"
        async with channel.open() as ch:
            await ch.put(1)
            assert repr(ch) == "<publisher of <Channel: 1 of 5 items, 1 publisher>>"
        assert repr(channel) == "<Channel: 1 of 5 items, ended>"

    asyncio.run(main())
