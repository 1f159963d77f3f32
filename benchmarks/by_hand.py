"""The chain as one would write it by hand: tasks in one process, or five processes."""

import asyncio
import multiprocessing as mp
import time
from collections.abc import Callable, Sequence
from functools import partial
from multiprocessing.shared_memory import SharedMemory
from typing import Any

import numpy as np
from load import HOPS, STAGES, Arrived, Load

FORK = mp.get_context("fork")
PATIENCE = 120


def asyncio_queue(load: Load) -> float:
    """Tasks over `asyncio.Queue`, in one process."""
    make, number, total = load.payload.make, load.payload.number, load.warm + load.items

    async def main() -> float:
        queues: list[asyncio.Queue[Any]] = [asyncio.Queue(load.capacity) for _ in range(HOPS)]
        warmed = asyncio.Event()
        arrived = Arrived()

        async def source() -> float:
            for i in range(load.warm):
                await queues[0].put(make(i))
            await warmed.wait()
            began = time.perf_counter()
            for i in range(load.items):
                await queues[0].put(make(i))
            return began

        async def stage(k: int) -> None:
            for _ in range(total):
                await queues[k + 1].put(await queues[k].get())

        async def sink() -> None:
            for count in range(1, total + 1):
                arrived.total += number(await queues[-1].get())
                arrived.count = count
                if count == load.warm:
                    warmed.set()
            arrived.ended = time.perf_counter()

        began, *_ = await asyncio.gather(source(), *map(stage, range(STAGES)), sink())
        return arrived.seconds(load, began)

    return asyncio.run(main())


def five_processes(
    load: Load, source: Callable[[int, int], None], stage: Callable[[int], None], sink: Callable[[], Any]
) -> float:
    """Run a chain: `source` sends the items of a range, `stage` is that of a number, `sink` gives an iterator of items.

    The iterator is asked for the next item when the sink is through with the last one.
    """
    warmed, began = FORK.Event(), FORK.Value("d", 0.0)
    reader, writer = FORK.Pipe(duplex=False)
    make, number = load.payload.make, load.payload.number

    def run_source() -> None:
        make(0)
        source(0, load.warm)
        warmed.wait()
        began.value = time.perf_counter()
        source(load.warm, load.items)

    def run_sink() -> None:
        arrived = Arrived()
        for item in sink():
            arrived.count += 1
            arrived.total += number(item)
            if arrived.count == load.warm:
                warmed.set()
            elif arrived.count == load.warm + load.items:
                arrived.ended = time.perf_counter()
        writer.send(arrived)

    targets = [run_source, *(partial(stage, k) for k in range(STAGES)), run_sink]
    processes = [FORK.Process(target=target, daemon=True) for target in targets]
    for process in processes:
        process.start()
    if not reader.poll(PATIENCE):
        for process in processes:
            process.kill()
        msg = f"{load}: nothing has arrived in {PATIENCE} s"
        raise TimeoutError(msg)
    arrived: Arrived = reader.recv()
    for process in processes:
        process.join()
    return arrived.seconds(load, began.value)


def messages(load: Load, sends: Sequence[Callable[[Any], None]], receives: Sequence[Callable[[], Any]]) -> float:
    """Run a chain over what sends and receives objects."""
    make, total = load.payload.make, load.warm + load.items

    def source(_first: int, count: int) -> None:
        send = sends[0]
        for i in range(count):
            send(make(i))

    def stage(k: int) -> None:
        receive, send = receives[k], sends[k + 1]
        if load.stage == "as is":
            for _ in range(total):
                send(receive())
        else:
            for _ in range(total):
                send(receive() + 1)

    def sink() -> Any:
        receive = receives[-1]
        return (receive() for _ in range(total))

    return five_processes(load, source, stage, sink)


def pipe(load: Load) -> float:
    """`multiprocessing.Pipe`, one for each hop. Its bound is the system's buffer, whatever the capacity."""
    pipes = [FORK.Pipe(duplex=False) for _ in range(HOPS)]
    return messages(load, [writer.send for _, writer in pipes], [reader.recv for reader, _ in pipes])


def queue(load: Load) -> float:
    """`multiprocessing.Queue`, one for each hop."""
    queues = [FORK.Queue(maxsize=load.capacity) for _ in range(HOPS)]
    return messages(load, [queue.put for queue in queues], [queue.get for queue in queues])


class Ring:
    """Slots for arrays in shared memory, and two semaphores."""

    def __init__(self, capacity: int, shape: int) -> None:
        """Make `capacity` slots, each for `shape` float64."""
        self.memory = SharedMemory(create=True, size=capacity * shape * 8)
        self.slots = list(np.frombuffer(self.memory.buf, np.float64).reshape(capacity, shape))
        for slot in self.slots:
            slot[:] = 0  # the system makes the pages now, not when they are first sent
        self.free, self.full = FORK.Semaphore(capacity), FORK.Semaphore(0)

    def close(self) -> None:
        """Give the memory back."""
        self.slots.clear()
        self.memory.close()
        self.memory.unlink()


def ring(load: Load) -> float:
    """Shared memory, one ring for each hop: the sender writes into a slot, the receiver reads it there."""
    make, capacity, total = load.payload.make, load.capacity, load.warm + load.items
    rings = [Ring(capacity, load.payload.shape) for _ in range(HOPS)]

    def source(first: int, count: int) -> None:
        out = rings[0]
        for i in range(count):
            out.free.acquire()
            out.slots[(first + i) % capacity][:] = make(i)
            out.full.release()

    def stage(k: int) -> None:
        item, out = rings[k], rings[k + 1]
        for i in range(total):
            item.full.acquire()
            array = item.slots[i % capacity]
            if load.stage == "new":
                array = array + 1
            out.free.acquire()
            if load.stage == "in place":
                np.add(array, 1, out=out.slots[i % capacity])
            else:
                out.slots[i % capacity][:] = array
            item.free.release()
            out.full.release()

    def sink() -> Any:
        item = rings[-1]
        for i in range(total):
            item.full.acquire()
            yield item.slots[i % capacity]
            item.free.release()

    try:
        return five_processes(load, source, stage, sink)
    finally:
        for each in rings:
            each.close()
