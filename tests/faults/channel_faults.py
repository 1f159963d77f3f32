"""What processes that are going to be killed do at a channel."""

import asyncio
import os
import signal


async def _publish_for_ever(channel, name, size):
    async with channel.open() as ch:
        number = 0
        while True:
            await ch.put((name, number, bytes(size)))
            number += 1


def publish_for_ever(channel, name, size=10):
    asyncio.run(_publish_for_ever(channel, name, size))


async def _consume_to_the_end(channel, connection):
    items = []
    try:
        async for item in channel:
            items.append(item[:2])  # noqa: PERF401  they are wanted if it fails, too
    except Exception as error:  # noqa: BLE001  whatever it is
        connection.send((items, type(error).__name__))
    else:
        connection.send((items, None))


def consume_to_the_end(channel, connection):
    asyncio.run(_consume_to_the_end(channel, connection))


def spin(channel):
    """Be inside of an operation most of the time."""
    while True:
        channel._core.take()


async def _hold(channel, seconds):
    async with channel.open():
        await asyncio.sleep(seconds)


def hold(channel, seconds=1000):
    asyncio.run(_hold(channel, seconds))


def exit_in_the_block(channel, how):
    async def main():
        async with channel.open() as ch:
            await ch.put("before")
            if how == "_exit":
                os._exit(3)
            if how == "abort":
                os.kill(os.getpid(), signal.SIGTERM)
            raise SystemExit(3)

    asyncio.run(main())
