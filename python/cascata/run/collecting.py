"""The lists of `collect=`."""

from __future__ import annotations

import pickle
from typing import TYPE_CHECKING, Any

from cascata.run.messages import Collected

if TYPE_CHECKING:
    from cascata.run.messages import Link

__all__ = ["Gatherer", "restore"]

CHUNK = 1 << 18
"""Bytes of pickled items that a worker keeps before it passes them on."""


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

    def __call__(self, item: object) -> None:
        """Take an item."""
        data = _dumps(item)
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


def _dumps(item: object) -> bytes:
    try:
        return pickle.dumps(item, protocol=5)
    except Exception:  # noqa: BLE001  pickle raises many things; cloudpickle takes more, or says why not
        import cloudpickle

        return cloudpickle.dumps(item, protocol=5)  # type: ignore[no-any-return]
