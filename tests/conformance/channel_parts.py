"""What the tests of the public channel run in other threads and processes, which import it from here."""

import asyncio
import concurrent.futures
import contextlib
import functools
import multiprocessing
import os
import threading
import time

from cascata import Channel

PATIENCE = 40.0
"""Seconds after which a process that has not ended hangs."""


async def announce(ready):
    """Tell that one has opened its channel: the first to leave must not be the last there ever is."""
    if ready is not None:
        async with ready.open() as told:
            await told.put(None)


async def produce(channel, name, count, ready=None):
    async with channel.open() as ch:
        await announce(ready)
        for number in range(count):
            await ch.put((name, number))


async def come_and_go(channel, name, count, ready):
    """As `produce`, as a new publisher for each item; somebody else keeps the channel open until the last."""
    for number in range(count):
        async with channel.open() as ch:
            await ch.put((name, number))
            if number == count - 1:
                await announce(ready)


async def consume(channel):
    return [item async for item in channel]


async def consume_impatiently(channel):
    """As `consume`, cancelled again and again while it waits."""
    items = []
    while True:
        try:
            items.append(await asyncio.wait_for(anext(channel), 0.0005))
        except TimeoutError:
            continue
        except StopAsyncIteration:
            return items


async def hold_open(channel, seconds):
    async with channel.open():
        await asyncio.sleep(seconds)


async def fill_up(channel, tally):
    """Put for ever, and tell of each item that is inside."""
    async with channel.open() as ch, tally.open() as told:
        for number in range(1000):
            await ch.put(number)
            await told.put(None)


def _run(role, connection):
    connection.send(asyncio.run(role()))
    connection.close()


def _process(context, role):
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_run, args=(role, theirs))
    process.start()
    theirs.close()

    def result():
        try:
            assert ours.poll(PATIENCE), "a process hangs"
            return ours.recv()
        finally:
            ours.close()
            if process.is_alive():
                process.join(2)
                process.kill()
            process.join()
            process.close()

    return result


def _forked(role):
    return _process(multiprocessing.get_context("fork"), role)


def _spawned(role):
    return _process(multiprocessing.get_context("spawn"), role)


def _threaded(role):
    future = concurrent.futures.Future()

    def run():
        try:
            future.set_result(asyncio.run(role()))
        except BaseException as error:  # noqa: BLE001  whatever it is
            future.set_exception(error)

    thread = threading.Thread(target=run)
    thread.start()

    def result():
        thread.join(PATIENCE)
        return future.result(0)

    return result


STARTERS = {
    "threads": [_threaded],
    "fork": [_forked],
    "spawn": [_spawned],
    "mixed": [_spawned, _forked, _threaded],
}


class Keeper:
    """Keeps a channel open until some have told that they have opened it."""

    def __init__(self, channel, count):
        self.ready = Channel(None)
        self.count = count
        self.publishers = [channel.open(), self.ready.open()]
        for publisher in self.publishers:
            publisher._native.enter()

    def leave(self):
        assert soon(lambda: self.ready._core.state()[0] >= self.count)
        for publisher in self.publishers:
            publisher._native.leave()


def together(place, roles, keeper=None):
    """Run coroutine functions side by side and give what they return."""
    if place == "one_loop":

        async def main():
            leaving = [asyncio.to_thread(keeper.leave)] if keeper else []
            results = await asyncio.gather(*(role() for role in roles), *leaving)
            return results[: len(roles)]

        return asyncio.run(main())
    starters = STARTERS[place]
    starting = [(starters[index % len(starters)], index) for index in range(len(roles))]
    starting.sort(key=lambda pair: [_forked, _spawned, _threaded].index(pair[0]))  # no fork while threads run
    results = {}
    with contextlib.ExitStack() as stack:
        for starter, index in starting:
            results[index] = starter(roles[index])
            stack.callback(lambda index=index: results.update({index: results[index]()}))
        if keeper:
            keeper.leave()
    return [results[index] for index in range(len(roles))]


def role(function, *arguments):
    return functools.partial(function, *arguments)


def start(place, roles):
    """As `together`, in the background, for places other than one loop: a function that waits for the results."""
    starters = STARTERS[place]
    results = [starters[index % len(starters)](role) for index, role in enumerate(roles)]
    return lambda: [result() for result in results]


def soon(condition, limit=20.0):
    """Wait until a condition holds; whether it does."""
    deadline = time.monotonic() + limit
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.005)
    return True


class Local:
    """Refuses to be restored in a process other than its own."""

    def __init__(self, pid=None):
        self.pid = os.getpid() if pid is None else pid

    def __reduce__(self):
        return _local, (self.pid,)


def _local(pid):
    msg = f"only in {pid}"
    raise LookupError(msg)
