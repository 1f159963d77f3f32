"""How values are written into messages and reprs."""

from __future__ import annotations

import reprlib

__all__ = ["value_text"]

_short = reprlib.Repr()
_short.maxstring = _short.maxother = _short.maxlong = 60


def value_text(value: object) -> str:
    """Return a `repr` that fits into a line; a `__repr__` that raises does no harm.

    >>> value_text("short"), len(value_text("x" * 1000))
    ("'short'", 60)
    """
    return _short.repr(value).replace("\n", " ")
