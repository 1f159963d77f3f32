"""Trying a component alone: what `split.test(text="a b")` and `split.test_stream(text=["a b", "c"])` do.

Both run a graph of their own in the calling process, so everything happens as in any run.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from cascata.component import Component
from cascata.declare import DEFAULT_CAPACITY, collect, inport, outport
from cascata.errors import ComponentError
from cascata.graph import Graph
from cascata.instance import Instance
from cascata.text import value_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

__all__ = ["run_once", "run_streams"]


def run_once(component: Component, values: Mapping[str, object]) -> dict[str, list[Any]]:
    """Run a component as the only one of a graph, all its inports constant, and return what its outports sent.

    An instance has the values that have been set; what triggers it is of no account.

    Raises:
        TypeError: If a name is missing or unknown.
        BaseException: What the runner raised.

    """
    subject = _subject(component)
    _check(subject, values, "test", "a value")
    graph = Graph()
    tested = graph.add("test", subject._definition)
    for name, value in {**_initial(subject), **values}.items():
        tested.ports[name].set(value)
    for name in subject.__declaration__.persists:
        if name in values:
            continue
        for arguments in subject._core.arguments(subject._node, name):
            tested._core.set_arguments(tested._node, name, arguments)
        for state in subject._core.state(subject._node, name):
            tested._core.set_state(tested._node, name, state)
    return _results(graph, tested)


def run_streams(component: Component, values: Mapping[str, Any]) -> dict[str, list[Any]]:
    """Run a component with inports that are fed from iterables, and return what its outports sent.

    Raises:
        TypeError: If a name is missing or unknown, or a stream is none.
        BaseException: What the runner raised, or an iterable.

    """
    subject = _subject(component)
    _check(subject, values, "test_stream", "a stream")
    streams = {name: _stream(subject, name, values[name]) for name in subject.__declaration__.inports if name in values}
    graph = Graph()
    tested = graph.add("test", subject)
    for name in subject.__declaration__.persists:
        if name in values:
            tested.ports[name].set(values[name])
    for name, stream in streams.items():
        source = graph.add(f"stream_{name}", _feed)
        source.ports["stream"].set(stream)
        source.ports["item"].connect(tested.ports[name])
        if tested._core.capacity(tested._node, name) is None:  # else it would take in an endless stream, and never fire
            tested._core.set_capacity(tested._node, name, DEFAULT_CAPACITY)
    return _results(graph, tested)


def _subject(component: Component) -> Instance:
    """Give an instance to run: a copy of one that was meant, else one of the definition."""
    if isinstance(component, Instance) and component._stands_in is None:
        return component.copy()
    return component._definition()


def _initial(subject: Instance) -> dict[str, object]:
    """Give the values that inports have."""
    values = {name: subject._core.initial(subject._node, name) for name in subject.__declaration__.inports}
    return {name: value[0] for name, value in values.items() if value}


def _results(graph: Graph, tested: Instance) -> dict[str, list[Any]]:
    outports = {name: tested.ports[name] for name in tested.__declaration__.outports}
    failure: ComponentError | None = None
    try:
        collected = graph.run(num_workers=0, collect=outports.values(), stall_after=None).collected
    except ComponentError as error:
        failure = error
    if failure is not None:  # outside of `except`, so that the exception's own context is what is shown
        raise failure.__cause__ or failure
    return {name: list(collected[f"{tested.name}.{name}"]) for name in outports}


def _check(subject: Instance, values: Mapping[str, object], method: str, what: str) -> None:
    declared = subject.__declaration__
    call = f"{subject.__name__}.{method}(...)"
    for name in values:
        if name in declared.outports:
            msg = f"{call}: {name!r} is an outport; what it sends is in the result"
            raise TypeError(msg)
        if name not in declared.inports and name not in declared.persists:
            msg = f"{call}: {name!r} is unknown; it has {declared.describe()}"
            raise TypeError(msg)
    given = {*values, *_initial(subject)}
    missing = [name for name in declared.inports if name not in given]
    if missing:
        msg = f"{call} needs {what} for {', '.join(missing)}; it has {declared.describe()}"
        raise TypeError(msg)


def _stream(subject: Instance, name: str, stream: object) -> Iterator[object]:
    """Check that something can be fed item by item, and is meant to be."""
    call = f"{subject.__name__}.test_stream({name}={value_text(stream)})"
    if isinstance(stream, str | bytes | bytearray):
        what = f"a stream is a list or another iterable of values, and this is one {type(stream).__name__}"
        msg = f"{call}: {what}; write {name}=[{value_text(stream)}]"
        raise TypeError(msg)
    try:
        return iter(cast("Iterable[object]", stream))
    except TypeError as error:
        what = "a stream is a list or another iterable of values"
        mend = f"write {name}=[…]; for a constant, set it on an instance (instance.{name} < …) and leave it out here"
        msg = f"{call}: {what}; {mend}"
        raise TypeError(msg) from error


@inport("stream")
@outport("item")
async def _send_all(stream: Iterator[object], item: Any) -> None:
    for value in stream:
        if not await item.send(value):  # the component has ended
            return


_feed = Component(collect(_send_all, ()))
"""A source of the items of an iterable; not made by `@component`, because the registry is for those of users."""
