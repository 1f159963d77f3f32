"""Name injection: the components of a graph as variables of the module that made the graph."""

from __future__ import annotations

import builtins
import warnings
from typing import TYPE_CHECKING, Any

from cascata.component import Component
from cascata.instance import Instance

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


def inject(namespace: dict[str, Any], name: str, instance: Instance) -> None:
    """Make a name stand for an instance, if it is new or stands for a definition or an injected instance."""
    unset = object()
    present = namespace.get(name, getattr(builtins, name, unset))
    if present is instance:
        return
    if present is not unset and not (isinstance(present, Component) and _replaceable(present)):
        what = "a builtin" if name not in namespace else f"a {type(present).__name__}"
        warnings.warn(
            f"the name {name!r} stays what it is here, {what}; the component is reached as graph.{name}",
            NameTakenWarning,
            stacklevel=4,  # the assignment, or the call of `Graph.add`
        )
        return
    stands_in = isinstance(present, Component) and (not isinstance(present, Instance) or present._stands_in)
    vars(instance).update(_injected=True, _stands_in=stands_in)
    namespace[name] = instance


def _replaceable(present: Component) -> bool:
    return not isinstance(present, Instance) or bool(present._injected)
