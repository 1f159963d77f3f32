"""The chain in Cascata: a source, three stages, a sink; components are placed explicitly."""

import asyncio
import multiprocessing as mp
import time
from typing import Any

import numpy as np
from load import HOPS, Arrived, Load

from cascata import Graph, component, empty, inport, outport, persist


def ends(load: Load) -> tuple[Any, Any]:
    """Give source and sink."""
    make, number, warm, items = load.payload.make, load.payload.number, load.warm, load.items
    warmed = mp.get_context("fork").Event()

    @component
    @outport("out")
    @outport("began")
    async def source(out, began):
        for i in range(warm):
            await out.send(make(i))
        while not warmed.is_set():  # noqa: ASYNC110 (it is set in another process)
            await asyncio.sleep(0.001)
        await began.send(time.perf_counter())
        for i in range(items):
            await out.send(make(i))

    @component
    @inport("item", capacity=load.capacity)
    @outport("ended")
    @persist("arrived", Arrived)
    async def sink(item, ended, arrived):
        seen = arrived.get()
        seen.count += 1
        seen.total += number(item)
        if seen.count == warm:
            warmed.set()
        elif seen.count == warm + items:
            seen.ended = time.perf_counter()
            await ended.send(seen)

    return source, sink


def stage_of(load: Load) -> Any:
    """Give the component that stands between them."""
    shape = load.payload.shape

    @component
    @inport("item", capacity=load.capacity)
    @outport("out")
    async def as_is(item, out):
        await out.send(item)

    @component
    @inport("item", capacity=load.capacity)
    @outport("out")
    async def new(item, out):
        await out.send(item + 1)

    @component
    @inport("item", capacity=load.capacity)
    @outport("out")
    async def in_place(item, out):
        await out.send(np.add(item, 1, out=empty(shape)))

    return {"as is": as_is, "new": new, "in place": in_place}[load.stage]


def cascata(load: Load, workers: int = HOPS + 1) -> float:
    """Seconds that the chain takes on so many workers; neighbours never share one if there are several."""
    source, sink = ends(load)
    stage = stage_of(load)
    graph = Graph()
    last = graph.add("source", source)
    graph.place(last, worker=0)
    for k in range(1, HOPS + 1):
        following = graph.add(f"stage{k}" if k < HOPS else "sink", stage if k < HOPS else sink)
        last.out.connect(following.item)
        graph.place(following, worker=k % workers)
        last = following
    ports = [graph.source.began, graph.sink.ended]
    collected = graph.run(num_workers=workers, collect=ports).collected
    arrived: Arrived = collected["sink.ended"][0]
    return arrived.seconds(load, collected["source.began"][0])
