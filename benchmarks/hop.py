"""What it costs to move an item one hop: in one worker, and from one worker to another.

A source, three stages that pass on what they get plus one, and a sink: four hops. Times are from the source's first
item to the sink's last, so starting processes is not in them. Beside Cascata stand the programs that one would write by
hand: tasks over `asyncio.Queue` in one process, and processes over `multiprocessing.Pipe`, where the stages alternate
between two processes or have one each, as Cascata's do. The peers take turns, round by round, so that a slow moment of
the machine meets all of them.

    python benchmarks/hop.py [--rounds 7] [--items 100000] [--capacity 10]
"""

import argparse
import asyncio
import functools
import multiprocessing as mp
import os
import platform
import statistics
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from cascata import Graph, component, inport, outport, persist

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

HOPS = 4
PAYLOADS: dict[str, Callable[[int], object]] = {
    "int": int,
    "dict": lambda i: {"id": i, "name": "sensor-7", "x": 1.5, "ok": True, "unit": "mm"},
    "1 KiB": lambda _i: KIB,
}
KIB = bytes(1024)


def cascata(items: int, capacity: int, workers: int, payload: str) -> float:
    """Seconds that Cascata takes on so many workers."""
    make = PAYLOADS[payload]

    @component
    @outport("began")
    @outport("out")
    async def source(began, out):
        await began.send(time.perf_counter())
        for i in range(items):
            await out.send(make(i))

    @component
    @inport("item", capacity=capacity)
    @outport("out")
    async def stage(item, out):
        await out.send(item)

    @component
    @inport("item", capacity=capacity)
    @outport("ended")
    @persist("count", int)
    async def sink(item, ended, count):
        count.set(count.get() + 1)
        if count.get() == items:
            await ended.send(time.perf_counter())

    graph = Graph()
    last = graph.add("source", source)
    graph.place(last, worker=0)
    for k in range(1, HOPS + 1):
        following = graph.add(f"stage{k}" if k < HOPS else "sink", stage if k < HOPS else sink)
        last.out.connect(following.item)
        # Neighbours never share a worker, so that each hop crosses processes.
        graph.place(following, worker=k % max(1, workers))
        last = following
    ports = [graph.source.began, graph.sink.ended]
    collected = graph.run(num_workers=workers, collect=ports).collected
    return float(collected["sink.ended"][0] - collected["source.began"][0])


def asyncio_queue(items: int, capacity: int, payload: str) -> float:
    """Seconds that hand-written tasks over `asyncio.Queue` take."""
    make = PAYLOADS[payload]
    end = object()

    async def main() -> float:
        queues: list[asyncio.Queue[object]] = [asyncio.Queue(capacity) for _ in range(HOPS)]

        async def source() -> None:
            for i in range(items):
                await queues[0].put(make(i))
            await queues[0].put(end)

        async def stage(k: int) -> None:
            while (item := await queues[k].get()) is not end:
                await queues[k + 1].put(item)
            await queues[k + 1].put(end)

        async def sink() -> int:
            count = 0
            while await queues[-1].get() is not end:
                count += 1
            return count

        began = time.perf_counter()
        counts = await asyncio.gather(source(), *map(stage, range(HOPS - 1)), sink())
        assert counts[-1] == items  # noqa: S101
        return time.perf_counter() - began

    return asyncio.run(main())


def pipe(items: int, payload: str) -> float:
    """Seconds that five processes over `multiprocessing.Pipe` take; its bound is the pipe's 64 KiB."""
    make = PAYLOADS[payload]
    context = mp.get_context("fork")
    pipes: list[tuple[Connection, Connection]] = [context.Pipe(duplex=False) for _ in range(HOPS)]
    began, ended = context.Value("d", 0.0), context.Value("d", 0.0)

    def source() -> None:
        began.value = time.perf_counter()
        for i in range(items):
            pipes[0][1].send(make(i))

    def stage(k: int) -> None:
        for _ in range(items):
            pipes[k + 1][1].send(pipes[k][0].recv())

    def sink() -> None:
        for _ in range(items):
            pipes[-1][0].recv()
        ended.value = time.perf_counter()

    processes = [context.Process(target=source)]
    processes += [context.Process(target=stage, args=(k,)) for k in range(HOPS - 1)]
    processes.append(context.Process(target=sink))
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    return float(ended.value - began.value)


def peers(items: int, capacity: int) -> dict[str, tuple[str, int, Callable[[], float]]]:
    """Everything that is measured: what it is compared with, how many items, a function that gives seconds."""
    few = items // 5
    measured: dict[str, tuple[str, int, Callable[[], float]]] = {}
    for size in dict.fromkeys((1, capacity, 64)):
        name = f"in one worker, capacity {size}"
        queue = f"asyncio.Queue, capacity {size}"
        measured[queue] = (queue, items, functools.partial(asyncio_queue, items, size, "int"))
        measured[name] = (queue, items, functools.partial(cascata, items, size, 1, "int"))
    for kind in PAYLOADS:
        name = f"multiprocessing.Pipe, {kind}"
        measured[name] = (name, few, functools.partial(pipe, few, kind))
        for workers in (2, 5):
            for size in (capacity, 64):
                label = f"between {workers} workers, {kind}, capacity {size}"
                measured[label] = (name, few, functools.partial(cascata, few, size, workers, kind))
    return measured


def describe_machine() -> str:
    """Name the processor, the Python and the commit."""
    cpu = Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").exists() else ""
    model = next((line.split(":")[1].strip() for line in cpu.splitlines() if line.startswith("model name")), "?")
    command = ["git", "-C", str(Path(__file__).parent), "describe", "--always", "--dirty"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    commit = done.stdout.strip()
    return f"{model}, {os.cpu_count()} CPUs, CPython {platform.python_version()}, commit {commit or '?'}"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--items", type=int, default=100_000, help="in one worker; a fifth of it between processes")
    parser.add_argument("--capacity", type=int, default=10)
    options = parser.parse_args()
    measured = peers(options.items, options.capacity)
    times: dict[str, list[float]] = {name: [] for name in measured}
    for _ in range(options.rounds):
        for name, (_, items, run) in measured.items():
            times[name].append(run() / items / HOPS * 1e9)
    print(describe_machine())
    print(f"{'median of ' + str(options.rounds) + ' rounds':<42} {'ns per hop':>10}   {'min-max':<15} ratio")
    for name, (reference, _, _) in measured.items():
        # Round by round: what slowed the machine slowed both.
        ratio = statistics.median(a / b for a, b in zip(times[name], times[reference], strict=True))
        median = statistics.median(times[name])
        spread = f"{min(times[name]):,.0f}-{max(times[name]):,.0f}"
        print(f"{name:<42} {median:>10,.0f}   {spread:<15} " + ("1" if name == reference else f"{ratio:.2f}"))


if __name__ == "__main__":
    main()
