"""The lists of `collect=`."""

from __future__ import annotations

import pickle
from typing import TYPE_CHECKING, Any, Protocol

from cascata.run.messages import Collected

if TYPE_CHECKING:
    from cascata.run.messages import Link

__all__ = ["Collector", "Gatherer", "Kept", "restore"]

CHUNK = 1 << 18
"""Bytes of pickled items that a worker keeps before it passes them on."""


class Collector(Protocol):
    """What takes the items of an outport. They are packed when they are sent, collected when they have been."""

    def pack(self, item: Any, /) -> Any:
        """Give the form in which an item is collected."""

    def collect(self, packed: Any, /) -> object:
        """Take a packed item."""


class Kept:
    """Takes the items of one outport in the calling process, as they are."""

    def __init__(self, items: list[Any]) -> None:
        """Take the list that is to be filled."""
        self.collect = items.append

    def pack(self, item: Any) -> Any:
        """Give the item itself."""
        return item


class Gatherer:
    """Takes the items of one outport in a worker process and passes them on in chunks.

    An item is pickled when it is sent: the component may change it afterwards.
    """

    def __init__(self, index: int, link: Link) -> None:
        """Take the outport's place in the list of `collect=` and the way to the caller."""
        self._index = index
        self._link = link
        self._items: list[bytes] = []
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

    def flush(self) -> None:
        """Pass on what has come so far."""
        if self._items:
            self._link.tell(Collected(self._index, self._items))
            self._items, self._size = [], 0


def restore(message: Collected) -> list[Any]:
    """Give the items of a chunk."""
    return [pickle.loads(item) for item in message.items]  # noqa: S301  own worker
