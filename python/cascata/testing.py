"""Trying a component alone: what `split.test(text="a b")` does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cascata.errors import ComponentError
from cascata.graph import Graph

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cascata.component import Component

__all__ = ["run_once"]


def run_once(definition: Component, values: Mapping[str, object]) -> dict[str, list[Any]]:
    """Run a component as the only one of a graph, all its inports constant, and return what its outports sent.

    Raises:
        TypeError: If a name is missing or unknown.
        BaseException: What the runner raised.

    """
    declared = definition.__declaration__
    _check(definition, values)
    graph = Graph()
    instance = graph.add("test", definition)
    for name, value in values.items():
        instance.ports[name].set(value)
    collect = [instance.ports[name] for name in declared.outports]
    failure: ComponentError | None = None
    try:
        collected = graph.run(num_workers=0, collect=collect).collected
    except ComponentError as error:
        failure = error
    if failure is not None:  # outside of `except`, so that the exception's own context is what is shown
        raise failure.__cause__ or failure
    return {name: list(collected[f"test.{name}"]) for name in declared.outports}


def _check(definition: Component, values: Mapping[str, object]) -> None:
    declared = definition.__declaration__
    call = f"{definition.__name__}.test(...)"
    for name in values:
        if name in declared.outports:
            msg = f"{call}: {name!r} is an outport; what it sends is in the result"
            raise TypeError(msg)
        if name not in declared.inports and name not in declared.persists:
            msg = f"{call}: {name!r} is unknown; it has {declared.describe()}"
            raise TypeError(msg)
    missing = [name for name, port in declared.inports.items() if not port.default and name not in values]
    if missing:
        msg = f"{call} needs a value for {', '.join(missing)}; it has {declared.describe()}"
        raise TypeError(msg)
