"""A little of everything that the extension does, for a checker of memory to look at: `make deep-check`.

It is run by an interpreter of its own, and takes a second without the checker. The arguments are numbers of workers.
"""

import asyncio
import sys

import numpy as np

from cascata import Channel, ComponentError, Graph, component, inport, outport

ITEMS = 30


@component
@outport("out")
async def makes(out):
    for number in range(ITEMS):
        await out.send({"number": number, "text": "x" * number, "array": np.arange(number * 100)})


@component
@inport("value", capacity=2)
@outport("out")
async def passes(value, out):
    await out.send((value["number"], value["array"].sum(), bytes(number := value["number"]) * number))


@component
@inport("value")
async def fails(value):
    raise ValueError(value)


def pipeline():
    """Make a graph with a group in it."""
    graph = Graph()
    graph.add("makes", makes)
    graph.add("passes", passes * 2)
    graph.makes.out >> graph.passes.value
    return graph


async def through_a_channel():
    """Put and take."""
    channel = Channel(capacity=3)

    async def puts():
        async with channel.open() as ch:
            for number in range(ITEMS):
                await ch.put([number])

    task = asyncio.create_task(puts())
    taken = [item async for item in channel]
    await task
    return taken


def main():
    """Go through it in the calling process, and on others."""
    assert len(asyncio.run(through_a_channel())) == ITEMS
    for num_workers in map(int, sys.argv[1:] or ("0", "2")):
        graph = Graph.from_json(pipeline().to_json())
        collected = graph.run(num_workers=num_workers, collect=[graph.passes.out]).collected["passes.out"]
        assert [number for number, _, _ in collected] == list(range(ITEMS))
        graph = pipeline()
        graph.add("fails", fails)
        graph.passes.out >> graph.fails.value
        try:
            graph.run(num_workers=num_workers)
        except ComponentError as error:
            cause = error.__cause__
        assert type(cause) is ValueError


if __name__ == "__main__":
    main()
