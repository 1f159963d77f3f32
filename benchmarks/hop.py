"""What it costs to move an item one hop: in one worker, and from one process to another.

A source, three stages and a sink: four hops. Beside Cascata stand the programs that one would write by hand. Some items
go through a chain to warm it up; when they are through, the clock starts with the source's next item and stops with the
sink's last. So starting processes is not in it, and nothing is under way at either end. Count and sum of all that
arrives are checked. The programs of a cell take turns, round by round, so that a slow moment of the machine meets all.

    python benchmarks/hop.py [--rounds 5] [--quick] [--only TEXT ...]
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial

from by_hand import asyncio_queue, pipe, queue, ring
from in_cascata import cascata
from load import ARRAYS, BYTES, DICT, HOPS, INT, Load, Payload
from rounds import Cell, Program, Unit, main

CAPACITIES = (10, 64)
CASCATA = "Cascata"


def program(name: str, run: Callable[[Load], float], load: Load, items: int) -> Program:
    """Give a program that is run with a load of any number of items."""

    def seconds(number: int) -> float:
        # What copies large items slowly needs no more to be warm.
        return run(replace(load, items=number, warm=min(load.warm, items)))

    return Program(name, seconds, items)


def in_one_worker() -> Iterator[Cell]:
    """Give the cells of one process."""
    for capacity in (1, *CAPACITIES):
        load = Load(INT, capacity, 0, 1000)
        programs = (
            program(CASCATA, partial(cascata, workers=1), load, 100_000),
            program("asyncio.Queue", asyncio_queue, load, 100_000),
        )
        yield Cell(f"in one worker, int, capacity {capacity}", programs)


def between_processes() -> Iterator[Cell]:
    """Give the cells of small items."""
    for payload, items, few in ((INT, 100_000, 25_000), (DICT, 50_000, 20_000), (BYTES, 50_000, 20_000)):
        for capacity in CAPACITIES:
            load = Load(payload, capacity, 0, 1000)
            programs = (
                program(CASCATA, cascata, load, items),
                program("Cascata, 2 workers", partial(cascata, workers=2), load, items),
                program("multiprocessing.Pipe", pipe, load, few),
                program("multiprocessing.Queue", queue, load, few),
            )
            yield Cell(f"between processes, {payload.name}, capacity {capacity}", programs)


def of_arrays(payload: Payload, forwarded: int, items: int, few: int) -> Iterator[Cell]:
    """Give the cells of large arrays."""
    for stage in ("as is", "new", "in place"):
        for capacity in CAPACITIES:
            # Every slot and every block has been used once.
            load = Load(payload, capacity, 0, 2 * capacity, stage)
            programs = [
                program(CASCATA, cascata, load, forwarded if stage == "as is" else items),
                program("ring in shared memory", ring, load, items),
            ]
            if stage != "in place":
                programs += [
                    program("multiprocessing.Pipe", pipe, load, few),
                    program("multiprocessing.Queue", queue, load, few),
                ]
            yield Cell(f"between processes, {payload.name}, {stage}, capacity {capacity}", tuple(programs))


def cells() -> list[Cell]:
    """Everything that is measured."""
    small, large = ARRAYS
    return [
        *in_one_worker(),
        *between_processes(),
        *of_arrays(small, 3000, 1000, 60),
        *of_arrays(large, 200, 80, 6),
    ]


if __name__ == "__main__":
    main((__doc__ or "").splitlines()[0], cells(), Unit("us per hop", HOPS), slow=ARRAYS[-1].name)
