"""Batches: items that an inport delivers together, as a list."""

from __future__ import annotations

import math
import operator
import sys
from numbers import Number, Real
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn, SupportsIndex, TypeGuard, cast

from cascata.text import value_text

if TYPE_CHECKING:
    from cascata.port import InputPort, OutputPort

__all__ = ["WHOLE", "Batch", "Batched", "batch", "is_size", "of_size"]


class Batch(NamedTuple):
    """When a list of items is complete; `batch` makes it."""

    size: int | None
    within: float | None

    @property
    def arrow(self) -> str:
        """How a connection in such batches is written, between the two ports."""
        if self == WHOLE:
            return ">>="
        return f">> {self.size if self.within is None else repr(self)} >="

    def __repr__(self) -> str:
        """Write the call that makes it."""
        parts = [] if self.size is None else [str(self.size)]
        return f"batch({', '.join(parts if self.within is None else [*parts, f'within={self.within:g}'])})"


WHOLE = Batch(None, None)
"""The whole stream as one list."""


def batch(size: SupportsIndex | None = None, *, within: float | None = None) -> Batch:
    """Say how the items of a connection are gathered into lists.

    It stands between the ports: `out >> batch(100, within=0.5) >= inp`. A list is complete with `size` items, or
    `within` seconds after its first item with what has come by then, or at the end of the stream. None is ever empty.

    Args:
        size: How many items a list has; without it there is no limit.
        within: Seconds to wait for them, from the first one on; without it there is no limit. With neither limit all
            items come as one list, which is what `out >>= inp` says.

    Raises:
        TypeError: If the size is no whole number, or the time no number.
        ValueError: If the size is below 1, or the time is not above 0 and finite.

    >>> batch(100, within=0.5), batch()
    (batch(100, within=0.5), batch())

    """
    return Batch(None if size is None else _size(size, "batch"), None if within is None else _time(within))


def is_size(value: object) -> TypeGuard[SupportsIndex]:
    """Tell whether a value behind `>>` was meant as a size, be it one that can be or not."""
    return isinstance(value, Number) or hasattr(value, "__index__")


def of_size(size: SupportsIndex, what: str) -> Batch:
    """Give batches of one size; `what` is what was written before it."""
    return Batch(_size(size, what), None)


def _size(size: object, what: str) -> int:
    call = f"batch({value_text(size)})" if what == "batch" else f"{what} {value_text(size)}"
    number = None
    if not isinstance(size, bool):
        try:
            number = operator.index(cast("SupportsIndex", size))
        except TypeError:
            number = None
    if number is None:
        msg = f"{call}: the size of a batch is a whole number, such as 3; leave it out for the whole stream"
        raise TypeError(msg)
    if not 1 <= number <= sys.maxsize:
        bound = "a batch has 1 item or more" if number < 1 else "no batch can be so large"
        msg = f"{call}: {bound}; leave the size out for the whole stream: batch()"
        raise ValueError(msg)
    return number


def _time(within: object) -> float:
    call = f"batch(within={value_text(within)})"
    if isinstance(within, bool) or not isinstance(within, Real):
        msg = f"{call}: give seconds as a number, such as batch(within=0.5)"
        raise TypeError(msg)
    try:
        seconds = float(within)
    except OverflowError:
        seconds = math.inf
    if not 0 < seconds < math.inf:
        msg = f"{call}: give a finite number of seconds above 0; leave it out for no limit"
        raise ValueError(msg)
    return seconds


class Batched:
    """An outport and how the items of its next connection are gathered: what `out >> 3` and `out.batch(3)` give."""

    __slots__ = ("_batch", "_outport")

    def __init__(self, outport: OutputPort, batch: Batch) -> None:
        """Take the outport and the batches."""
        self._outport = outport
        self._batch = batch

    def connect(self, target: InputPort) -> OutputPort:
        """Let the items that are sent here go to an inport, in lists, and return the outport.

        The batch belongs to the inport: it merges the items of all outports that are connected to it.

        Raises:
            TypeError: If the target is no inport, or its type does not accept lists of what is sent here.
            GraphError: If the two are not in one graph or are connected already, or if the inport delivers other
                batches already.

        """
        return self._outport._join(target, self._batch)

    def __ge__(self, target: InputPort) -> Connection:
        """Connect."""
        self.connect(target)
        return Connection(f"{self._outport.label} {self._batch.arrow} {target.label}")

    def __rshift__(self, target: object) -> Any:
        """Explain how batches are written."""
        msg = f"{self._written(target, '>>')}: to deliver batches, write {self._written(target, '>=')}"
        raise TypeError(msg)

    def __gt__(self, target: object) -> NoReturn:
        """Explain how batches are written."""
        msg = f"{self._written(target, '>')}: to deliver batches, write {self._written(target, '>=')}"
        raise TypeError(msg)

    def __lt__(self, target: object) -> Any:
        """Explain how batches are written."""
        self.__gt__(target)

    def __le__(self, target: object) -> Any:
        """Explain how batches are written."""
        self.__gt__(target)

    def _written(self, target: object, sign: str) -> str:
        shown = getattr(target, "label", None) or value_text(target)
        size = self._batch.size if self._batch.within is None and self._batch.size else repr(self._batch)
        return f"{self._outport.label} >> {size} {sign} {shown}"

    def __repr__(self) -> str:
        """Show that a target is missing."""
        return f"<{self._outport.label} in batches, {self._batch!r}, not connected>"


class Connection:
    """What `out >> 3 >= inp` gives: something to look at, and nothing to decide by."""

    __slots__ = ("_written",)

    def __init__(self, written: str) -> None:
        """Take what was written."""
        self._written = written

    def __bool__(self) -> bool:
        """Raise, because nothing has been compared."""
        msg = (
            f"{self._written}: here `>=` connects and compares nothing, so it stands on a line of its own and is "
            "neither chained (`out >> 3 >= inp >= other`) nor a condition; write one line for each target"
        )
        raise TypeError(msg)

    def __repr__(self) -> str:
        """Show what has been connected."""
        return self._written
