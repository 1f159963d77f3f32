"""Random operations on a public channel, cancellations included, against a deque."""

import asyncio
import collections
import contextlib
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cascata import Channel, ChannelClosed

pytestmark = pytest.mark.once

STEP = st.one_of(
    st.tuples(st.sampled_from(["put", "get", "open", "leave", "breathe"]), st.just(0)),
    st.tuples(st.sampled_from(["cancel_put", "cancel_get"]), st.integers(0, 5)),
)


@dataclass
class World:
    """The channel, who is at it, and what the model says must be where."""

    channel: Channel
    publishers: list = field(default_factory=list)
    puts: list = field(default_factory=list)
    gets: list = field(default_factory=list)
    offered: int = 0
    withdrawn: set = field(default_factory=set)
    received: list = field(default_factory=list)


async def _put(world, publisher, number):
    try:
        await publisher.put(number)
    except asyncio.CancelledError:
        world.withdrawn.add(number)
        raise


async def _get(world):
    world.received.append(await anext(world.channel))


async def _settle():
    for _ in range(12):
        await asyncio.sleep(0)


async def _live(capacity, steps):  # noqa: C901  one case a step
    world = World(Channel(capacity))
    keeper = world.channel.open()
    await keeper.__aenter__()
    for step, choice in steps:
        match step:
            case "open":
                world.publishers.append(world.channel.open())
                await world.publishers[-1].__aenter__()
            case "leave" if world.publishers:
                await world.publishers.pop(0).__aexit__(None, None, None)
            case "put":
                publisher = world.publishers[-1] if world.publishers else keeper
                world.puts.append(asyncio.create_task(_put(world, publisher, world.offered)))
                world.offered += 1
                await asyncio.sleep(0)
            case "get":
                world.gets.append(asyncio.create_task(_get(world)))
                await asyncio.sleep(0)
            case "cancel_put" if world.puts:
                world.puts[-1 - choice % len(world.puts)].cancel()
            case "cancel_get" if world.gets:
                world.gets[-1 - choice % len(world.gets)].cancel()
            case "breathe":
                await _settle_and_check(world, capacity)
    await keeper.__aexit__(None, None, None)
    for publisher in world.publishers:
        await publisher.__aexit__(None, None, None)
    async with asyncio.timeout(20):
        world.received += [number async for number in world.channel]
        outcomes = await asyncio.gather(*world.puts, *world.gets, return_exceptions=True)
    assert all(outcome is None or isinstance(outcome, _EXPECTED) for outcome in outcomes)
    assert collections.Counter(world.received) == collections.Counter(set(range(world.offered)) - world.withdrawn)
    try:
        await keeper.__aenter__()
    except ChannelClosed:
        return
    raise AssertionError


_EXPECTED = (asyncio.CancelledError, StopAsyncIteration, RuntimeError)


async def _settle_and_check(world, capacity):
    """Wait until nothing moves; a wake-up that nobody has followed is given again when the thread looks next."""
    for _ in range(100):
        await _settle()
        with contextlib.suppress(AssertionError, ValueError):
            return _check(world, capacity)
        await asyncio.sleep(0.02)
    return _check(world, capacity)


def _check(world, capacity):
    """Compare with a deque, now that nothing moves."""
    fill, _, ended = world.channel._core.state()
    assert not ended
    waiting_puts = sum(not put.done() for put in world.puts)
    waiting_gets = sum(not get.done() for get in world.gets)
    line = collections.deque(n for n in range(world.offered) if n not in world.withdrawn)
    for number in world.received:
        line.remove(number)
    assert len(line) == fill + waiting_puts
    assert fill == (len(line) if capacity is None else min(capacity, len(line)))
    assert not (waiting_gets and fill)
    assert world.received == sorted(world.received) or _was_cancelled(world)


def _was_cancelled(world):
    return any(get.cancelled() for get in world.gets)


@given(st.sampled_from([1, 2, 3, None]), st.lists(STEP, max_size=60))
@settings(deadline=None)
def test_a_channel_is_a_deque(capacity, steps):
    asyncio.run(_live(capacity, steps))
