"""How values, counts and names are written into messages and reprs."""

from __future__ import annotations

import keyword
import reprlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["bytes_text", "count_text", "first_of", "name_problem", "names_text", "value_text"]

_short = reprlib.Repr()
_short.maxstring = _short.maxother = _short.maxlong = 60

KIBI = 1024

MOST_NAMES = 20
"""Names of components in one line of a message."""


def value_text(value: object) -> str:
    """Return a `repr` that fits into a line; a `__repr__` that raises does no harm.

    >>> value_text("short"), len(value_text("x" * 1000))
    ("'short'", 60)
    """
    return _short.repr(value).replace("\n", " ")


def count_text(number: int, thing: str) -> str:
    """Write how many there are of a thing.

    >>> count_text(1, "component"), count_text(2000, "item")
    ('1 component', '2,000 items')
    """
    return f"{number:,} {thing}{'' if number == 1 else 's'}"


def bytes_text(size: float) -> str:
    """Write a number of bytes.

    >>> bytes_text(512), bytes_text(1536), bytes_text(3 << 30)
    ('512 B', '1.5 KiB', '3 GiB')
    """
    units = iter(("B", "KiB", "MiB", "GiB"))
    unit = next(units)
    while size >= KIBI:
        size, unit = size / KIBI, next(units, "TiB")
    return f"{size:.3g} {unit}"


def first_of(texts: Sequence[str], most: int) -> list[str]:
    """Give as many texts as a message can hold, and say how many are left out.

    >>> first_of(["a", "b", "c"], 3), first_of(["a", "b", "c"], 1)
    (['a', 'b', 'c'], ['a', 'and 2 more'])
    """
    rest = len(texts) - most
    return list(texts) if rest <= 0 else [*texts[:most], f"and {rest:,} more"]


def names_text(names: Sequence[str]) -> str:
    """Write the names of components, as many as a line can hold.

    >>> names_text(["read", "parse"])
    'read, parse'
    """
    return ", ".join(first_of(names, MOST_NAMES))


def name_problem(name: str) -> str | None:
    """Say why a name is none that can be written in Python, and how to mend it; `None` if it can.

    >>> name_problem("class"), name_problem("word")
    ("it is a reserved word of Python; take another name, such as 'class_'", None)
    """
    if keyword.iskeyword(name):
        return f"it is a reserved word of Python; take another name, such as {name + '_'!r}"
    return None if name.isidentifier() else "write it as a variable's, of letters, digits and _"
