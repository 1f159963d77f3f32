"""Plain data: what JSON can tell, and nothing that it would change.

`json.dumps` writes a tuple as a list, `1` as a key as `"1"`, an `IntEnum` as a number. Here these are refused, so that
what is read is what was written.
"""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

from cascata.errors import GraphFormatError
from cascata.text import value_text

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["read", "read_graph", "write", "write_graph"]

DEEPEST_VALUE = 100
"""How deep lists and dicts may lie in each other in a value."""
DEEPEST = DEEPEST_VALUE + 150
"""As deep in a whole graph, whose subgraphs may lie in each other."""

_LONG = 4_000
"""Bits of an `int` that Python always writes as decimal digits; of longer ones it refuses some."""

_MEND = "JSON has not; it has None, bool, int, float, str, and lists and dicts of these"


def write(value: object) -> str:
    """Write a value as JSON.

    Raises:
        GraphFormatError: If it is not what would be read.

    >>> write({"a": [1, 2.5, None]})
    '{"a": [1, 2.5, null]}'
    >>> write({"sizes": [(1, 2)]})
    Traceback (most recent call last):
    cascata.errors.GraphFormatError: at ["sizes"][0]: (1, 2) is a tuple, which would be read as a list; use that
    """
    for steps, problem in _problems(value, DEEPEST_VALUE):
        where = f"at {''.join(map(_index, steps))}: " if steps else ""
        raise GraphFormatError(where + problem)
    return json.dumps(value, allow_nan=False)


def read(text: str) -> Any:
    """Read a value; what could not be written again is refused as it would be then."""
    value = json.loads(text)
    for _, problem in _problems(value, DEEPEST_VALUE):
        raise GraphFormatError(problem)
    return value


def write_graph(data: object) -> str:
    """Write the data of a graph, as a file of JSON can hold them.

    Raises:
        GraphFormatError: If none can; the message has the path of the offending entry.

    >>> write_graph({"nodes": {"split": {"cost": float("nan")}}})
    Traceback (most recent call last):
    cascata.errors.GraphFormatError: nodes.split.cost: nan is no number that JSON has; give a finite one
    """
    if isinstance(data, str | bytes | bytearray):
        msg = "the graph: this is the text of a graph; read it first, as in Graph.from_json(json.loads(text))"
        raise GraphFormatError(msg)
    for steps, problem in _problems(data, DEEPEST):
        path = "".join(map(_step, steps)).removeprefix(".") or "the graph"
        msg = f"{path}: {problem}"
        raise GraphFormatError(msg)
    return json.dumps(data, allow_nan=False)


def read_graph(text: str) -> dict[str, Any]:
    """Read the data of a graph that the core has written."""
    data: dict[str, Any] = json.loads(text)
    return data


def _problems(value: object, deepest: int) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Find what is not plain, and the keys and positions that lead there."""
    todo: list[tuple[tuple[str | int, ...], Any]] = [((), value)]
    while todo:
        steps, value = todo.pop()
        if type(value) is dict:
            items: Any = value.items()
        elif type(value) is list:
            items = enumerate(value)
        else:
            if (problem := _scalar_problem(value)) is not None:
                yield steps, problem
            continue
        if len(steps) >= deepest:
            yield steps[:3], f"lists and dicts lie in each other more than {deepest} deep here"
            continue
        inside = []
        for key, item in items:
            if type(value) is dict and type(key) is not str:
                yield steps, f"the key {value_text(key)} is no str, and the keys of JSON are"
            # Most of what is long is a list of numbers.
            elif type(item) is list or type(item) is dict or _scalar_problem(item) is not None:
                inside.append(((*steps, key), item))
        todo += reversed(inside)


def _scalar_problem(value: Any) -> str | None:
    """Say why something that is no list or dict is not plain."""
    kind = type(value)
    if value is None or kind is str or kind is bool:
        return None
    if kind is float:
        return None if math.isfinite(value) else f"{value} is no number that JSON has; give a finite one"
    if kind is int:
        return None if value.bit_length() <= _LONG else _digits_problem(value)
    mend = _MEND
    for plain in (tuple, bool, int, float, str, list, dict):
        if issubclass(kind, plain):
            read = list if plain is tuple else plain
            mend = f"would be read as {_named(read)}; use that"
            break
    return f"{value_text(value)} is {_named(kind)}, which {mend}"


def _digits_problem(value: int) -> str | None:
    try:
        str(value)
    except ValueError:
        return "an int of so many digits is more than Python writes; give it as a str"
    return None


def _named(kind: type) -> str:
    article = "an" if kind.__name__[:1] in "aeiouAEIOU" else "a"
    return f"{article} {kind.__name__}"


def _index(step: str | int) -> str:
    return f"[{step}]" if isinstance(step, int) else f"[{value_text(step)}]".replace("'", '"')


def _step(step: str | int) -> str:
    """Write a step of a path as the messages about graphs have it."""
    return f".{step}" if isinstance(step, str) and step.isidentifier() else _index(step)
