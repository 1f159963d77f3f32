"""The types of ports, and which may feed which.

The annotation of a runner's parameter is the type of the items that pass the port of that name.
"""

from __future__ import annotations

import inspect
import sys
import types
import typing
from typing import TYPE_CHECKING, Any, get_args, get_origin

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["acceptable", "port_type", "type_text"]

_BARE: dict[object, Any] = {
    list: list[Any],
    set: set[Any],
    frozenset: frozenset[Any],
    dict: dict[Any, Any],
    tuple: tuple[Any, ...],
}
"""What a container without parameters means."""


def port_type(runner: Callable[..., object], name: str) -> Any:
    """Return the type that a runner's parameter is annotated with, `Any` if there is none or it cannot be known.

    A string is evaluated where the function was written, and anew each time, because what it names may be
    defined later than the component.
    """
    function: Any = inspect.unwrap(runner)
    hint = _annotations(function).get(name, Any)
    if isinstance(hint, str):
        try:
            cells = zip(function.__code__.co_freevars, function.__closure__ or (), strict=True)
            enclosing = {variable: cell.cell_contents for variable, cell in cells}
            hint = eval(hint, function.__globals__, enclosing)  # noqa: S307  the program's own source
        except Exception:  # noqa: BLE001  a name for type checkers only; whatever it raises, the type is unknown
            return Any
    return type(None) if hint is None else hint


def _annotations(runner: Callable[..., object]) -> dict[str, Any]:
    if sys.version_info >= (3, 14):
        import annotationlib

        return annotationlib.get_annotations(runner, format=annotationlib.Format.FORWARDREF)
    return getattr(runner, "__annotations__", {})


def acceptable(source: Any, target: Any) -> bool:
    """Tell whether every item of type `source` may arrive where `target` is declared.

    What is not annotated, or annotated with something that is no type, accepts and gives everything.

    >>> acceptable(bool, int), acceptable(int, float), acceptable(float, int)
    (True, True, False)
    >>> acceptable(int | None, int), acceptable(list[int], list[float] | None)
    (False, True)
    """
    return _fits(_plain(source), _widened(_plain(target)))


def _fits(source: Any, target: Any) -> bool:
    if source is Any or target is Any or target is object or source == target:
        return True
    if _is_union(source):
        return all(_fits(member, target) for member in get_args(source))
    if _is_union(target) and any(_fits(source, member) for member in get_args(target)):
        return True
    if _is_class(source) and _is_class(target):
        try:
            return issubclass(source, target)
        except TypeError:
            pass  # a protocol with attributes: the structural rules below know it
    return _is_subtype(source, target)


def type_text(hint: Any) -> str:
    """Write a type the way it is written in source.

    >>> type_text(int), type_text(typing.Optional[int]), type_text(list[str])
    ('int', 'Optional[int]', 'list[str]')
    """
    if _is_class(hint):
        return str(hint.__qualname__)
    return repr(hint).replace("typing.", "")


def _is_class(hint: object) -> bool:
    """Tell a class from the parametrised generics that call themselves classes (`list[int]` on Python 3.11)."""
    return isinstance(hint, type) and get_origin(hint) is None


def _is_union(hint: object) -> bool:
    return get_origin(hint) in (typing.Union, types.UnionType)


def _plain(hint: Any) -> Any:
    """Take off what says nothing about a type, at every depth, and spell out `Any` in bare containers."""
    while hasattr(hint, "__value__") and type(hint).__name__ == "TypeAliasType":
        hint = hint.__value__
    if get_origin(hint) is typing.Annotated:
        return _plain(get_args(hint)[0])
    return _rebuilt(_BARE.get(hint, hint) if _is_class(hint) else hint, _plain)


def _widened(hint: Any) -> Any:
    """Let `int` stand wherever `float` is declared, and both where `complex` is, at every depth."""
    if hint is float:
        return float | int
    if hint is complex:
        return complex | float | int
    return _rebuilt(hint, _widened)


def _rebuilt(hint: Any, change: Callable[[Any], Any]) -> Any:
    """Apply a change to the parameters of a type."""
    if get_origin(hint) in (None, typing.Literal, typing.Annotated):
        return hint
    args = get_args(hint)
    changed = tuple([change(item) for item in arg] if isinstance(arg, list) else change(arg) for arg in args)
    if changed == args:
        return hint
    if _is_union(hint):
        return typing.Union[changed]  # noqa: UP007  made of values
    return hint.copy_with(changed) if hasattr(hint, "copy_with") else get_origin(hint)[changed]


def _is_subtype(source: Any, target: Any) -> bool:
    """Ask beartype, which knows generics, protocols, literals and the rest; it is imported only here."""
    from beartype.door import is_subhint

    try:
        if is_subhint(source, target):
            return True
    except Exception:  # noqa: BLE001  no type at all, or one that cannot be compared; it may raise what it likes
        return True
    # A generic class without parameters is one of unknown items.
    origin = get_origin(target)
    return (
        isinstance(source, type)
        and isinstance(origin, type)
        and ("__class_getitem__" in vars(source) or bool(getattr(source, "__parameters__", ())))
        and issubclass(source, origin)
    )
