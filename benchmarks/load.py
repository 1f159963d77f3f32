"""What goes through a chain, and whether all of it has arrived: every item has a number, which the sink adds up."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import cycle, islice
from typing import Any

import numpy as np

STAGES = 3
HOPS = STAGES + 1
POOL = 4
"""Arrays that a source makes before the clock starts, and sends in turn."""


@dataclass(frozen=True)
class Payload:
    """A kind of items.

    Attributes:
        name: What it is.
        make: Gives the item of a number.
        number: Gives the number of an item. Of an array it is the sum, which takes all that has arrived.
        shape: Of an array, how many float64 it has.

    """

    name: str
    make: Callable[[int], Any]
    number: Callable[[Any], int]
    shape: int = 0


def arrays(mib: int) -> Payload:
    """Give arrays of so many MiB: zeros, behind a first element that is the number."""
    shape = mib * 1024 * 1024 // 8
    pool: list[Any] = []

    def make(i: int) -> Any:
        if not pool:
            pool.extend(np.full(shape, 0.0) for _ in range(POOL))
            for number, array in enumerate(pool):
                array[0] = number
        return pool[i % POOL]

    return Payload(f"{mib} MiB array", make, lambda array: int(array.sum()), shape)


REST = bytes(1024 - 8)
INT = Payload("int", int, int)
DICT = Payload(
    "dict", lambda i: {"id": i, "name": "sensor-7", "x": 1.5, "ok": True, "unit": "mm"}, lambda item: int(item["id"])
)
BYTES = Payload(
    "1 KiB bytes", lambda i: i.to_bytes(8, "little") + REST, lambda item: int.from_bytes(item[:8], "little")
)
ARRAYS = (arrays(1), arrays(16))


@dataclass(frozen=True)
class Load:
    """So many items through a chain, and before these some to warm up.

    Attributes:
        payload: What the items are.
        capacity: How many fit between two processes, where the program can be told.
        items: How many are timed.
        warm: How many come before.
        stage: What the stages do: pass an item on `as is`; send a `new` array, the old one plus 1; or the same, written
            to where the next process sees it (`in place`).

    """

    payload: Payload
    capacity: int
    items: int
    warm: int
    stage: str = "as is"

    def expected(self) -> int:
        """Sum of what the sink reads."""
        if not self.payload.shape:
            return sum(range(self.warm)) + sum(range(self.items))
        numbers = sum(islice(cycle(range(POOL)), self.warm)) + sum(islice(cycle(range(POOL)), self.items))
        added = 0 if self.stage == "as is" else STAGES * self.payload.shape
        return numbers + (self.warm + self.items) * added


@dataclass
class Arrived:
    """What a sink has seen, and when the last item came."""

    count: int = 0
    total: int = 0
    ended: float = 0.0

    def seconds(self, load: Load, began: float) -> float:
        """Seconds since the first timed item was sent.

        Raises:
            AssertionError: If something is missing, or is not what was sent.

        """
        if (self.count, self.total) != (load.warm + load.items, load.expected()):
            msg = f"{load}: {self.count} items with the sum {self.total} have arrived, not {load.expected()}"
            raise AssertionError(msg)
        return self.ended - began
