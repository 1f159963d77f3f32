"""What a group costs, and what it gains: sharing out and gathering beside the pools that one would use instead.

First with members that do nothing, so that only the way of the items is measured; then with work for the CPU, where
a loop in one process is the measure. Times are of whole runs: the start of processes is in them, that of pools, too.
The results of all programs are checked, in order where the program promises it.

    python benchmarks/groups.py [--rounds 5] [--quick] [--only TEXT ...]
"""

import asyncio
import multiprocessing as mp
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial

from rounds import Cell, Program, Unit, main

from cascata import Graph, component, inport, outport, persist

MEMBERS = 2
CAPACITY = 64
WORK = {"nothing": 0, "10 us": 10e-6, "100 us": 100e-6, "1 ms": 1e-3}


def work(seconds: float, item: int) -> int:
    """Take so much time of a CPU, whatever else runs on it, and give the item."""
    end = time.thread_time() + seconds
    while time.thread_time() < end:
        pass
    return item


def check(results: Iterable[int], items: int, *, ordered: bool) -> None:
    """Raise if results are missing, or are in the wrong order."""
    found = list(results)
    if (found if ordered else sorted(found)) != list(range(items)):
        msg = f"{len(found)} results of {items}, or in the wrong order"
        raise AssertionError(msg)


def cascata(items: int, *, seconds: float, workers: int, policy: str | None, ordered: bool = True) -> float:
    """Run source, group and sink; without a policy one component in the group's place."""

    @component
    @outport("out")
    async def source(out):
        for i in range(items):
            await out.send(i)

    @component
    @inport("item", capacity=CAPACITY)
    @outport("out")
    async def member(item, out):
        await out.send(work(seconds, item) if seconds else item)

    @component
    @inport("item", capacity=CAPACITY)
    @outport("all")
    @persist("found", list)
    async def sink(item, all, found):  # noqa: A002
        found.get().append(item)

    @sink.finish
    async def end(all, found):  # noqa: A002
        await all.send(found.get())

    graph = Graph()
    begin, last = graph.add("source", source), graph.add("sink", sink)
    middle = graph.add("members", member if policy is None else member * MEMBERS)
    begin.out.connect(middle.item if policy is None else getattr(middle.item, policy))
    (middle.out if ordered else middle.out.unordered).connect(last.item)
    before = time.perf_counter()
    (found,) = graph.run(num_workers=workers, collect=[last.all]).collected["sink.all"]
    taken = time.perf_counter() - before
    check(found, items, ordered=ordered)
    return taken


def loop(items: int, *, seconds: float) -> float:
    """Do it in one process, one after the other."""
    before = time.perf_counter()
    check([work(seconds, item) for item in range(items)], items, ordered=True)
    return time.perf_counter() - before


def pool(items: int, *, seconds: float, ordered: bool) -> float:
    """Give it to `multiprocessing.Pool`, item by item, as a group does."""
    before = time.perf_counter()
    with mp.get_context("fork").Pool(MEMBERS) as processes:
        found = (processes.imap if ordered else processes.imap_unordered)(partial(work, seconds), range(items))
        check(found, items, ordered=ordered)
    return time.perf_counter() - before


def executor(items: int, *, seconds: float) -> float:
    """Give it to `concurrent.futures.ProcessPoolExecutor`, item by item."""
    before = time.perf_counter()
    with ProcessPoolExecutor(MEMBERS, mp_context=mp.get_context("fork")) as processes:
        check(processes.map(partial(work, seconds), range(items)), items, ordered=True)
    return time.perf_counter() - before


def queues(items: int) -> float:
    """Share out among tasks over `asyncio.Queue`; the results come in no order."""

    async def run() -> list[int]:
        given: asyncio.Queue[int | None] = asyncio.Queue(CAPACITY)
        done: asyncio.Queue[int | None] = asyncio.Queue(CAPACITY)

        async def source() -> None:
            for i in range(items):
                await given.put(i)
            for _ in range(MEMBERS):
                await given.put(None)

        async def member() -> None:
            while (item := await given.get()) is not None:
                await done.put(item)
            await done.put(None)

        tasks = [asyncio.create_task(source()), *(asyncio.create_task(member()) for _ in range(MEMBERS))]
        found, left = [], MEMBERS
        while left:
            item = await done.get()
            if item is None:
                left -= 1
            else:
                found.append(item)
        await asyncio.gather(*tasks)
        return found

    before = time.perf_counter()
    check(asyncio.run(run()), items, ordered=False)
    return time.perf_counter() - before


def ways(seconds: float, workers: int, items: int) -> Iterator[Program]:
    """Give the ways of a group."""
    group: Callable[..., float] = partial(cascata, seconds=seconds, workers=workers)
    yield Program("group, balanced", partial(group, policy="balanced"), items)
    yield Program("group, balanced, unordered", partial(group, policy="balanced", ordered=False), items)
    yield Program("group, round robin", partial(group, policy="round_robin"), items)
    yield Program("no group", partial(group, policy=None), items)


def cells() -> list[Cell]:
    """Everything that is measured."""
    nothing = [
        Cell("in one worker, no work", (*ways(0, 1, 50_000), Program("tasks over asyncio.Queue", queues, 50_000))),
        Cell(
            f"{MEMBERS + 1} workers, no work",
            (
                *ways(0, MEMBERS + 1, 50_000),
                Program("Pool.imap", partial(pool, seconds=0, ordered=True), 10_000),
                Program("ProcessPoolExecutor.map", partial(executor, seconds=0), 4_000),
            ),
        ),
    ]
    busy = [
        Cell(
            f"work of {name}",
            (
                *ways(seconds, MEMBERS, items),
                Program("a loop in one process", partial(loop, seconds=seconds), items),
                Program("Pool.imap", partial(pool, seconds=seconds, ordered=True), items),
                Program("Pool.imap_unordered", partial(pool, seconds=seconds, ordered=False), items),
                Program("ProcessPoolExecutor.map", partial(executor, seconds=seconds), items),
            ),
        )
        for (name, seconds), items in zip(list(WORK.items())[1:], (20_000, 10_000, 1_500), strict=True)
    ]
    return [*nothing, *busy]


if __name__ == "__main__":
    main((__doc__ or "").splitlines()[0], cells(), Unit("us per item"))
