"""The lists of `collect=`."""

from __future__ import annotations

import pickle
from array import array
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from cascata.run.messages import Collected

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cascata.run.messages import Link

__all__ = ["Collector", "Gatherer", "Kept", "Taken", "in_order"]

CHUNK = 1 << 18
"""Bytes of pickled items that a worker keeps before it passes them on."""


class Collector(Protocol):
    """What takes the items of an outport. They are packed when they are sent, collected when they have been."""

    def pack(self, item: Any, /) -> Any:
        """Give the form in which an item is collected."""

    def collect(self, packed: Any, /) -> object:
        """Take a packed item."""

    def collect_numbered(self, packed: Any, number: int, /) -> object:
        """Take a packed item that a firing of this number has sent."""


@dataclass
class Taken:
    """What has been collected from one outport, in the order sent."""

    items: list[Any] = field(default_factory=list)
    numbers: array[int] = field(default_factory=lambda: array("Q"))
    """Those of the firings that sent the items; empty if firings bear none."""

    def extend(self, message: Collected) -> None:
        """Take a chunk that a worker passes on; raises what its items raise when they are restored."""
        self.items.extend(pickle.loads(item) for item in message.items)  # noqa: S301  own worker
        self.numbers.extend(message.numbers)


def in_order(members: Sequence[Taken]) -> list[Any]:
    """Give what the members of a group have sent in the order in which their results are gathered.

    That is by number, then by member; where firings bear no numbers, by member.
    """
    if len(members) == 1:
        return members[0].items
    items = [item for taken in members for item in taken.items]
    numbers = [number for taken in members for number in taken.numbers]
    if not numbers:
        return items
    return [items[place] for place in sorted(range(len(items)), key=numbers.__getitem__)]


class Kept:
    """Takes the items of one outport in the calling process, as they are."""

    def __init__(self, taken: Taken) -> None:
        """Take what is to be filled."""
        self._taken = taken
        self.collect = taken.items.append

    def pack(self, item: Any) -> Any:
        """Give the item itself."""
        return item

    def collect_numbered(self, item: Any, number: int) -> None:
        """Take an item and its number."""
        self._taken.items.append(item)
        self._taken.numbers.append(number)


class Gatherer:
    """Takes the items of one outport in a worker process and passes them on in chunks.

    An item is pickled when it is sent: the component may change it afterwards.
    """

    def __init__(self, index: int, link: Link) -> None:
        """Take the outport's place in the list of `collect=` and the way to the caller."""
        self._index = index
        self._link = link
        self._items: list[bytes] = []
        self._numbers = array("Q")
        self._size = 0

    def pack(self, item: object) -> bytes:
        """Pickle an item; raises what pickle raises."""
        try:
            return pickle.dumps(item, protocol=5)
        except Exception:  # noqa: BLE001  pickle raises many things; cloudpickle takes more, or says why not
            import cloudpickle

            return cloudpickle.dumps(item, protocol=5)  # type: ignore[no-any-return]

    def collect(self, data: bytes) -> None:
        """Take a pickled item."""
        self._items.append(data)
        self._size += len(data)
        if self._size >= CHUNK:
            self.flush()

    def collect_numbered(self, data: bytes, number: int) -> None:
        """Take a pickled item and its number."""
        self._numbers.append(number)
        self.collect(data)

    def flush(self) -> None:
        """Pass on what has come so far."""
        if self._items:
            self._link.tell(Collected(self._index, self._items, self._numbers))
            self._items, self._numbers, self._size = [], array("Q"), 0
