"""Every component that has been defined so far.

A component is found here from the moment its decorator has run until nothing uses it any more.

>>> from cascata import component, inport, outport, registry
>>> @component
... @inport("text", capacity=2)
... @inport("minimum", default=3)
... @outport("word")
... async def split(text: str, minimum: int, word: str):
...     "Send the longer words of a text."
>>> entry = registry.find(split.__module__, "split")
>>> entry.doc
'Send the longer words of a text.'
>>> entry.inports["minimum"]
Inport(name='minimum', type=<class 'int'>, capacity=10, default=(3,))
"""

from __future__ import annotations

import inspect
import itertools
import weakref
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cascata.types import port_type

if TYPE_CHECKING:
    from cascata.component import Component

__all__ = ["Entry", "Inport", "Outport", "Persistent", "components", "find", "modules"]


@dataclass(frozen=True, slots=True)
class Inport:
    """An inport of a registered component; `default` is a tuple of nothing or of the default."""

    name: str
    type: Any
    capacity: int | None
    default: tuple[()] | tuple[Any]


@dataclass(frozen=True, slots=True)
class Outport:
    """An outport of a registered component."""

    name: str
    type: Any


@dataclass(frozen=True, slots=True)
class Persistent:
    """A persistent value of a registered component; `initialiser` makes its start value."""

    name: str
    type: Any
    initialiser: Any


@dataclass(frozen=True, slots=True)
class Entry:
    """What is known about a component."""

    component: Component
    name: str
    module: str
    doc: str | None
    inports: dict[str, Inport]
    outports: dict[str, Outport]
    persistent: dict[str, Persistent]


_serial = itertools.count()
_defined: weakref.WeakValueDictionary[int, Component] = weakref.WeakValueDictionary()


def register(component: Component) -> None:
    """Enter a component that has just been defined."""
    _defined[next(_serial)] = component


def components() -> list[Component]:
    """Return all components, in the order they were defined.

    Of several with one qualified name in one module (a notebook cell that ran again) it is the latest.
    """
    latest = {(component.__module__, component.__qualname__): component for component in list(_defined.values())}
    return list(latest.values())


def modules() -> dict[str, list[Entry]]:
    """Return all components by the name of their module."""
    found: dict[str, list[Entry]] = {}
    for component in components():
        found.setdefault(component.__module__, []).append(_describe(component))
    return found


def find(module: str, name: str) -> Entry:
    """Return the component of this qualified name in this module.

    Raises:
        LookupError: If there is none; the message names those that are in the module.

    """
    there = {component.__qualname__: component for component in components() if component.__module__ == module}
    if name not in there:
        msg = f"no component {name!r} is defined in {module!r}; there: {', '.join(there) or 'none at all'}"
        raise LookupError(msg)
    return _describe(there[name])


def _describe(component: Component) -> Entry:
    declared = component.__declaration__

    def type_of(name: str) -> object:
        return port_type(declared.runner, name)

    return Entry(
        component=component,
        name=component.__name__,
        module=component.__module__,
        doc=inspect.cleandoc(component.__doc__) if component.__doc__ else None,
        inports={p.name: Inport(p.name, type_of(p.name), p.capacity, p.default) for p in declared.inports.values()},
        outports={p.name: Outport(p.name, type_of(p.name)) for p in declared.outports.values()},
        persistent={p.name: Persistent(p.name, type_of(p.name), p.initialiser) for p in declared.persists.values()},
    )
