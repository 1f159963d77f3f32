"""Name injection: the components of a graph as variables of the module that made the graph."""

from __future__ import annotations

import builtins
import warnings
from typing import TYPE_CHECKING, Any

from cascata.component import Component
from cascata.group import Group, Template
from cascata.owner import Owner
from cascata.subgraph import Subgraph

if TYPE_CHECKING:
    from types import FrameType

__all__ = ["NameTakenWarning", "inject", "namespace_of"]


class NameTakenWarning(UserWarning):
    """A component's name is that of another variable, which stays; the component is reached through its graph."""


def namespace_of(frame: FrameType | None) -> dict[str, Any] | None:
    """Return the namespace of the module whose code called the function of this frame.

    `None` unless the call stands at module level: Python does not let anybody add variables to a function.
    The frame itself is not kept.
    """
    caller = frame.f_back if frame is not None else None
    if caller is None or caller.f_locals is not caller.f_globals:
        return None
    return caller.f_globals


def inject(namespace: dict[str, Any], name: str, handle: Owner | Subgraph) -> None:
    """Make a name stand for a handle, if it is new or stands for a definition or an injected handle."""
    unset = object()
    present = namespace.get(name, getattr(builtins, name, unset))
    if present is handle:
        return
    if present is not unset and not _replaceable(present):
        what = "a builtin" if name not in namespace else f"a {type(present).__name__}"
        warnings.warn(
            f"the name {name!r} stays what it is here, {what}; the component is reached as graph.{name}",
            NameTakenWarning,
            stacklevel=4,  # the assignment, or the call of `Graph.add`
        )
        return
    vars(handle)["_injected"] = True
    if isinstance(handle, Owner):
        vars(handle)["_stands_in"] = _stood_for(present, handle)
    namespace[name] = handle


def _replaceable(present: object) -> bool:
    if isinstance(present, Owner | Subgraph):
        return bool(present._injected)
    return isinstance(present, Component | Template)


def _stood_for(present: object, handle: Owner) -> Component | Template | None:
    """Return what a name has meant, as far as a handle can be taken for it."""
    if isinstance(present, Owner):
        present = present._stands_in
    if isinstance(present, Component):
        return handle._definition
    return present if isinstance(present, Template) and isinstance(handle, Group) else None
