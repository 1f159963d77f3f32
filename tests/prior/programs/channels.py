"""A channel of one's own: publishers, `put`, iteration to the end.

[0, 1, 2, 3, 4, 5]
10 items, each once
"""

import asyncio

from cascata.channel import Channel


async def publish(channel, numbers):
    async with channel.open():
        for number in numbers:
            await channel.put(number)
            await asyncio.sleep(0)


async def consume(channel):
    return [item async for item in channel]


async def one_consumer():
    channel = Channel(4)
    *_, items = await asyncio.gather(publish(channel, range(3)), publish(channel, range(3, 6)), consume(channel))
    print(sorted(items))


async def two_consumers():
    channel = Channel(4)
    _, one, other = await asyncio.gather(publish(channel, range(10)), consume(channel), consume(channel))
    assert sorted(one + other) == list(range(10))
    print(len(one + other), "items, each once")


asyncio.run(one_consumer())
asyncio.run(two_consumers())
