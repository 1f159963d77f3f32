"""The decorators that declare ports and persistent values, and the checks of what they declare.

`@inport`, `@outport` and `@persist` only leave a mark on the function; `@component`, on top of them, collects the
marks (`collect`). So they may stand in any order, and every mistake is reported where its decorator stands.
"""

from __future__ import annotations

import inspect
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

from cascata.text import name_problem, value_text

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterable

__all__ = ["Declaration", "FinishHook", "InportMark", "OutportMark", "PersistMark", "inport", "outport", "persist"]

F = TypeVar("F", bound="Callable[..., Coroutine[Any, Any, object]]")

DEFAULT_CAPACITY = 10
MAX_CAPACITY = 2**63 - 1
"""What a channel can count; whoever wants more wants no limit."""
MARKS = "__cascata_marks__"
"""The attribute of a function that collects its marks, the lowest decorator's first."""

NOTHING: Any = object()
"""Stands for an argument that was not given; `None` is a value."""


@dataclass(frozen=True, slots=True)
class InportMark:
    """An inport as declared; `default` is a tuple of nothing or of the default, `capacity=None` is unbounded."""

    name: str
    capacity: int | None = DEFAULT_CAPACITY
    default: tuple[()] | tuple[Any] = ()


@dataclass(frozen=True, slots=True)
class OutportMark:
    """An outport as declared."""

    name: str


@dataclass(frozen=True, slots=True)
class PersistMark:
    """A persistent value as declared: what makes its start value, and what is called with it at the end."""

    name: str
    initialiser: Callable[..., Any]
    close: Callable[[Any], object] | None = None


Mark = InportMark | OutportMark | PersistMark


@dataclass(frozen=True, slots=True)
class FinishHook:
    """The function that is called after the last firing, and the ports it takes, all by name."""

    function: Callable[..., Any]
    parameters: tuple[str, ...]


@dataclass(slots=True)
class Declaration:
    """All that a component's decorators say, in the order in which the source says it."""

    runner: Callable[..., Any]
    inports: dict[str, InportMark] = field(default_factory=dict)
    outports: dict[str, OutportMark] = field(default_factory=dict)
    persists: dict[str, PersistMark] = field(default_factory=dict)
    finish: FinishHook | None = None

    def describe(self) -> str:
        """Name the ports there are, for errors."""
        kinds = (("inports", self.inports), ("outports", self.outports), ("persistent values", self.persists))
        return "; ".join(f"{kind}: {', '.join(names)}" for kind, names in kinds if names) or "no ports at all"

    def parameters(self) -> tuple[list[str], list[str]]:
        """Name the runner's parameters: those that a call passes by position, which is quicker, and those by name.

        A function that wraps the runner may take its arguments by name only (`**kwargs`).
        """
        parameters = signature(self.runner).parameters.values()
        wrapped = hasattr(self.runner, "__wrapped__")
        positional = [p.name for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD and not wrapped]
        return positional, [p.name for p in parameters if p.name not in positional]


def inport(
    name: str = NOTHING,
    capacity: int | None = DEFAULT_CAPACITY,
    default: Any = NOTHING,
) -> Callable[[F], F]:
    """Declare an inport: a parameter of the runner that gets a value for each firing.

    Args:
        name: The parameter's name.
        capacity: How many items may wait at the port; `None` is without limit.
        default: The value it has when nothing is connected to it; `None` is a value.

    Raises:
        TypeError: If the name is not a string or the capacity is not a whole number.
        ValueError: If the name is not one that a port may have, the capacity is below 1 or above 2**63 - 1, or a port
            or persistent value of this name is declared already.

    >>> from cascata import component
    >>> @component
    ... @inport("text", capacity=100)
    ... @inport("minimum", default=3)
    ... @outport("word")
    ... async def split(text, minimum, word):
    ...     for part in text.split():
    ...         if len(part) >= minimum:
    ...             await word.send(part)
    >>> split.test(text="to be or not to be")
    {'word': ['not']}

    """
    _refuse_bare("inport", name, '"text"')

    def declare(function: F) -> F:
        wrong: tuple[type[Exception], str] | None = None
        if capacity is not None and (isinstance(capacity, bool) or not isinstance(capacity, int)):
            wrong = TypeError, f"capacity={capacity!r} is not a whole number"
        elif capacity is not None and capacity < 1:
            wrong = ValueError, f"capacity={capacity} leaves no room for an item"
        elif capacity is not None and capacity > MAX_CAPACITY:
            wrong = (
                ValueError,
                f"capacity={value_text(capacity)} is more than {MAX_CAPACITY}, the most that can be counted",
            )
        if wrong:
            kind, what = wrong
            _fail(kind, function, f'@inport("{name}"): {what}; give 1 or more, or None for a port without limit')
        return _mark(function, "inport", InportMark(name, capacity, () if default is NOTHING else (default,)))

    return declare


def outport(name: str = NOTHING) -> Callable[[F], F]:
    """Declare an outport: a parameter of the runner with `await port.send(value)`.

    Finish sends before the runner returns: await them, or use a task group. Where the members of a group give their
    results in order, a later `send` raises `RuntimeError`.

    Args:
        name: The parameter's name.

    Raises:
        TypeError: If the name is not a string.
        ValueError: If the name is not one that a port may have, or is declared already.

    >>> from cascata import component
    >>> @component
    ... @outport("number")
    ... async def count(number):
    ...     for n in range(3):
    ...         await number.send(n)
    >>> count.test()
    {'number': [0, 1, 2]}

    """
    _refuse_bare("outport", name, '"word"')

    def declare(function: F) -> F:
        return _mark(function, "outport", OutportMark(name))

    return declare


def persist(
    name: str = NOTHING,
    initialiser: Callable[..., Any] = NOTHING,
    close: Callable[[Any], object] | None = None,
) -> Callable[[F], F]:
    """Declare a persistent value: a parameter of the runner with `get()` and `set(value)`, kept between firings.

    Args:
        name: The parameter's name.
        initialiser: What makes the start value, called in the worker before the first firing.
        close: What is called with the value when the component ends, however it ends.

    Raises:
        TypeError: If the name is not a string, the initialiser is missing, or one of the callables is async or cannot
            be called.
        ValueError: If the name is not one that a port may have, or is declared already.

    >>> from cascata import component
    >>> @component
    ... @inport("word")
    ... @outport("number")
    ... @persist("total", int)
    ... async def tally(word, number, total):
    ...     total.set(total.get() + 1)
    ...     await number.send(total.get())
    >>> tally.test(word="a", total=41)
    {'number': [42]}

    """
    _refuse_bare("persist", name, '"seen", set')
    if initialiser is NOTHING:
        msg = f'@persist("{name}") needs what makes the start value; write @persist("{name}", set)'
        raise TypeError(msg)

    def declare(function: F) -> F:
        here = f'@persist("{name}")'
        if not callable(initialiser):
            what = f"{initialiser!r} is not callable; give what makes the value, such as `lambda: {initialiser!r}`"
            _fail(TypeError, function, f"{here}: {what}")
        if close is not None and not callable(close):
            _fail(TypeError, function, f"{here}: close={close!r} is not callable; give a function of the value")
        for role, given in (("initialiser", initialiser), ("close=", close)):
            if inspect.iscoroutinefunction(given) or inspect.isasyncgenfunction(given):
                what = f"the {role} is async, and it is not awaited; use a plain function and await in the runner"
                _fail(TypeError, function, f"{here}: {what}")
        return _mark(function, "persist", PersistMark(name, initialiser, close))

    return declare


def collect(function: Callable[..., Any], reserved: Iterable[str]) -> Declaration:
    """Check a function against its marks and give what they declare; takes the marks off.

    `reserved` are the names that ports may not have because every component has an attribute of that name.
    """
    if function is NOTHING:
        msg = "@component stands without parentheses, because it takes no arguments; write @component"
        raise TypeError(msg)
    if hasattr(function, "__declaration__"):
        what = "it is a component already; write @component once, on top of the function's other decorators"
        _fail(TypeError, function, f"{what}, and none above @{getattr(function, '__name__', 'it')}.finish")
    if inspect.isasyncgenfunction(function):
        _fail(TypeError, function, "it is an async generator; send with `await port.send(value)` instead of `yield`")
    if not inspect.iscoroutinefunction(function) or not hasattr(function, "__name__"):
        _fail(TypeError, function, "a component is an async function; write `async def`")
    declared = Declaration(function)
    homes: dict[type[Mark], dict[str, Any]]
    homes = {InportMark: declared.inports, OutportMark: declared.outports, PersistMark: declared.persists}
    reserved = set(reserved)
    for mark in reversed(getattr(function, MARKS, ())):
        if mark.name in reserved:
            _fail(ValueError, function, f"every component has an attribute {mark.name!r}; name the port otherwise")
        homes[type(mark)][mark.name] = mark
    names = _parameters(function)
    missing = [name for home in homes.values() for name in home if name not in names]
    if missing:
        verb = "is declared but is no parameter" if len(missing) == 1 else "are declared but are no parameters"
        mend = f"add {'it' if len(missing) == 1 else 'them'} to the parameters, or drop the decorator"
        _fail(TypeError, function, f"{_listed(missing)} {verb}; {mend}. The parameters are: {_listed(names) or 'none'}")
    unknown = [name for name in names if not any(name in home for home in homes.values())]
    if unknown:
        text = f'put @inport("{unknown[0]}"), @outport("{unknown[0]}") or @persist("{unknown[0]}", ...) above it'
        verb = "is a parameter but is" if len(unknown) == 1 else "are parameters but are"
        _fail(TypeError, function, f"{_listed(unknown)} {verb} not declared; {text}, or drop it")
    vars(function).pop(MARKS, None)
    return declared


def collect_finish(declared: Declaration, function: Callable[..., Any]) -> FinishHook:
    """Check a finish function against what the component declares."""
    if hasattr(function, "__declaration__"):
        owner = declared.runner.__name__
        what = f"it is a component already, and @{owner}.finish stands above a plain async function"
        _fail(TypeError, function, f"{what}; drop its @component")
    if not inspect.iscoroutinefunction(function):
        _fail(TypeError, function, "a finish function is awaited, and this is no async function: write `async def`")
    names = _parameters(function)
    for name in names:
        if name in declared.inports:
            what = f"{name!r} is an inport, and all inports have ended by then; keep what you need with @persist"
            _fail(TypeError, function, what)
        if name not in declared.outports and name not in declared.persists:
            there = _listed([*declared.outports, *declared.persists]) or "none"
            what = f"{name!r} is no outport or persistent value of {declared.runner.__name__}; it has: {there}"
            _fail(TypeError, function, what)
    return FinishHook(function, names)


def signature(function: Callable[..., Any]) -> inspect.Signature:
    """Return the signature without evaluating annotations, which may name what is not defined yet."""
    if sys.version_info >= (3, 14):
        from annotationlib import Format

        return inspect.signature(function, annotation_format=Format.FORWARDREF)
    return inspect.signature(function)


def _parameters(function: Callable[..., Any]) -> tuple[str, ...]:
    """Return the names of the parameters, all of which can be passed by name."""
    for parameter in signature(function).parameters.values():
        if parameter.kind is parameter.POSITIONAL_ONLY:
            what = f"{parameter.name!r} is positional-only, and arguments are passed by name; drop the `/`"
            _fail(TypeError, function, what)
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            _fail(TypeError, function, f"`{parameter}` stands for no port; name each port as a parameter")
    return tuple(signature(function).parameters)


def _mark(function: F, kind: str, mark: Mark) -> F:
    """Leave a mark on a function, for `collect`."""
    here = f'@{kind}("{mark.name}")'
    if hasattr(function, "__declaration__"):
        _fail(TypeError, function, f"{here} stands above @component; put @component on top")
    if not callable(function) or isinstance(function, type) or not hasattr(function, "__dict__"):
        _fail(TypeError, function, f"{here} decorates an `async def`, not {function!r}")
    if problem := name_problem(mark.name):
        _fail(ValueError, function, f"{here}: {mark.name!r} cannot be a parameter's name: {problem}")
    if mark.name.startswith("_"):
        _fail(ValueError, function, f"{here}: names of ports do not start with an underscore")
    marks: list[Mark] = vars(function).setdefault(MARKS, [])
    if any(other.name == mark.name for other in marks):
        _fail(ValueError, function, f"{mark.name!r} is declared twice; keep one of the declarations")
    marks.append(mark)
    return function


def _refuse_bare(kind: str, name: object, example: str) -> None:
    if name is NOTHING:
        msg = f"@{kind}() needs a name; write @{kind}({example})"
        raise TypeError(msg)
    if callable(name):
        shown = getattr(name, "__name__", name)
        msg = f"{shown}: @{kind} needs a name; write @{kind}({example})"
        raise TypeError(msg)
    if not isinstance(name, str):
        msg = f"@{kind}({name!r}): a port's name is a string; write @{kind}({example})"
        raise TypeError(msg)


def _fail(kind: type[Exception], function: object, what: str) -> NoReturn:
    msg = f"{getattr(function, '__name__', None) or repr(function)}: {what}"
    raise kind(msg)


def _listed(names: Iterable[str]) -> str:
    return ", ".join(repr(name) for name in names)
