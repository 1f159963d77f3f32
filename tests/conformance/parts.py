"""Small components and tools that the tests build graphs of."""

import asyncio
import itertools
import mmap

from cascata import Graph, component, inport, outport


def emit(*items):
    """Make a component that sends `items`."""

    @component
    @outport("out")
    async def emitter(out):
        for item in items:
            await out.send(item)

    return emitter


def relay(capacity=10):
    """Make a component that sends on what it gets."""

    @component
    @inport("item", capacity=capacity)
    @outport("out")
    async def relayer(item, out):
        await out.send(item)

    return relayer


def pair(capacity=10):
    """Make a component that sends pairs of what it gets."""

    @component
    @inport("left", capacity=capacity)
    @inport("right", capacity=capacity)
    @outport("out")
    async def pairer(left, right, out):
        await out.send((left, right))

    return pairer


def gated(gate, capacity=1):
    """Make a component that sends each item on, and then waits for `gate`."""

    @component
    @inport("item", capacity=capacity)
    @outport("out")
    async def gatekeeper(item, out):
        await out.send(item)
        await gate.wait()

    return gatekeeper


def chain(*components):
    """Make a graph of components `c0`, `c1`, …, each one's `out` connected to the next one's `item`."""
    graph = Graph()
    nodes = [graph.add(f"c{index}", part) for index, part in enumerate(components)]
    for node, following in itertools.pairwise(nodes):
        node.out.connect(following.item)
    return graph


async def turns(count=20):
    """Let everything else in the process run, several times over."""
    for _ in range(count):
        await asyncio.sleep(0)


class Numbers:
    """Whole numbers that this process and its workers share, by index."""

    def __init__(self, count=1):
        """Make them, all 0."""
        self._memory = memoryview(mmap.mmap(-1, 8 * count)).cast("q")

    def __getitem__(self, index):
        """Read one."""
        return self._memory[index]

    def __setitem__(self, index, value):
        """Write one; only one process may write to it."""
        self._memory[index] = value

    async def wait(self, index, least):
        """Wait until a number is at least so large."""
        while self._memory[index] < least:  # noqa: ASYNC110  an event does not cross processes
            await asyncio.sleep(0.001)
