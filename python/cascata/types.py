"""The types of ports, and which may feed which.

The annotation of a runner's parameter is the type of the items that pass the port of that name.
"""

from __future__ import annotations

import inspect
import sys
import types
import typing
from collections import OrderedDict, abc, defaultdict, deque
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, get_args, get_origin

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

__all__ = ["Outport", "acceptable", "port_type", "type_text"]

T_contra = TypeVar("T_contra", contravariant=True)


class Outport(Protocol[T_contra]):
    """An outport as its runner sees it, for annotations: `word: Outport[str]` sends texts.

    The type of the port is the same as with `word: str`, but type checkers then know that it has `send`, and of what.

    >>> from cascata import Outport, component, inport, outport
    >>> @component
    ... @inport("text")
    ... @outport("word")
    ... async def split(text: str, word: Outport[str]) -> None:
    ...     for part in text.split():
    ...         await word.send(part)
    >>> split("words").word
    <outport words.word: str>
    """

    def send(self, item: T_contra, /) -> Coroutine[Any, Any, bool]:
        """Send an item; waits while a port behind it is full.

        Returns:
            Whether any port can still receive something.

        """
        ...


_ITEMS: dict[type, type] = {str: str, bytes: int, bytearray: int, memoryview: int, range: int}
"""What the items of a class without parameters are."""

_MAPPINGS = (dict, OrderedDict, defaultdict, abc.Mapping, abc.MutableMapping)
_SERIES: tuple[Any, ...] = (
    abc.Container,
    abc.Iterable,
    abc.Reversible,
    abc.Collection,
    abc.Sequence,
    abc.MutableSequence,
)
_COLLECTIONS = (list, deque, set, frozenset, abc.Set, abc.MutableSet, abc.KeysView, *_SERIES)
"""Classes with one parameter, the items'. Like those of mappings, they only give what they hold."""

_ALSO: dict[type, tuple[type, ...]] = {float: (int,), complex: (float, int)}
"""What may stand wherever a number is declared."""


def port_type(runner: Callable[..., object], name: str) -> Any:
    """Return the type that a runner's parameter is annotated with, `Any` if there is none or it cannot be known.

    `Outport[str]` says `str`.

    Strings, also those in parameters (`list["Item"]`), are evaluated where the function was written, and anew each
    time, because what they name may be defined later than the component.
    """
    function: Any = inspect.unwrap(runner)
    hint = _annotations(function).get(name, Any)
    names = {parameter.__name__: parameter for parameter in getattr(function, "__type_params__", ())}
    code, cells = getattr(function, "__code__", None), getattr(function, "__closure__", None) or ()
    for variable, cell in zip(code.co_freevars if code else (), cells, strict=False):
        try:
            names[variable] = cell.cell_contents
        except ValueError:  # it gets its value later
            continue
    try:
        found = _evaluated(hint, getattr(function, "__globals__", {}), names)
    except Exception:  # noqa: BLE001  what is no type may raise what it likes while it is looked at
        return Any
    if get_origin(found) is Outport:
        return get_args(found)[0]
    return Any if found is Outport else found


def _annotations(runner: Callable[..., object]) -> dict[str, Any]:
    if sys.version_info >= (3, 14):
        import annotationlib

        return annotationlib.get_annotations(runner, format=annotationlib.Format.FORWARDREF)
    return getattr(runner, "__annotations__", {})


def _evaluated(hint: Any, module: dict[str, Any], names: dict[str, Any], within: tuple[str, ...] = ()) -> Any:
    """Evaluate the strings in a type; what they name may hold strings in turn, and name itself (`within`)."""
    source = hint.__forward_arg__ if isinstance(hint, typing.ForwardRef) else hint
    if not isinstance(source, str):
        return _rebuilt(hint, lambda part: _evaluated(part, module, names, within))
    if source in within:
        return Any
    try:
        value = eval(source, module, names)  # noqa: S307  the program's own source
    except Exception:  # noqa: BLE001  a name for type checkers only; whatever it raises, the type is unknown
        return Any
    return _evaluated(value, module, names, (*within, source))


def _rebuilt(hint: Any, change: Callable[[Any], Any]) -> Any:
    """Apply a change to the parameters of a type."""
    origin, args = get_origin(hint), get_args(hint)
    if hint is None or origin is typing.Literal:
        return type(None) if hint is None else hint
    if origin is typing.Annotated:
        return typing.Annotated[(change(args[0]), *hint.__metadata__)]
    changed = tuple([change(item) for item in arg] if isinstance(arg, list) else change(arg) for arg in args)
    if all(new is old or new == old for new, old in zip(changed, args, strict=True)):
        return hint
    return typing.Union[changed] if _is_union(hint) else origin[changed]  # noqa: UP007  made of values


def acceptable(source: Any, target: Any) -> bool:
    """Tell whether every item of type `source` may arrive where `target` is declared.

    What is not annotated, or annotated with something that is no type or is not understood, accepts and gives
    everything.

    >>> acceptable(bool, int), acceptable(int, float), acceptable(float, int)
    (True, True, False)
    >>> acceptable(int | None, int), acceptable(list[int], list[float] | None)
    (False, True)
    """
    try:
        return _fits(source, target)
    except Exception:  # noqa: BLE001  types of others may raise what they like; a connection is not refused for it
        return True


def _fits(source: Any, target: Any) -> bool:
    if source != target:
        source, target = _plain(source), _plain(target)
    if source is Any or target is Any or target is object or source == target:
        return True
    if members := _members(source):
        return all(_fits(member, target) for member in members)
    if _is_union(target):
        return any(_fits(source, member) for member in get_args(target))
    if hasattr(source, "__supertype__"):  # a NewType
        return _fits(source.__supertype__, target)
    if get_origin(source) is typing.Literal and get_origin(target) is not typing.Literal:
        return _fits(type(get_args(source)[0]), target)
    return _class_fits(source, target)


def _class_fits(source: Any, target: Any) -> bool:
    """Compare the classes of two types that are no unions, then their parameters."""
    kind: Any = source if _is_class(source) else get_origin(source)
    goal: Any = target if _is_class(target) else get_origin(target)
    if not (isinstance(kind, type) and isinstance(goal, type)):
        return _is_subtype(source, target)
    try:
        if not issubclass(kind, (goal, *_ALSO.get(goal, ()))):
            return False
    except TypeError:
        return True  # a protocol that cannot be asked
    if goal is target or (goal is abc.Callable and kind is not goal):
        return True
    return _bare_fits(source, target) if kind is source else _parameters_fit(source, target)


def _bare_fits(source: type, target: Any) -> bool:
    """Tell whether a class without parameters fits a type that has some, by what the class is known to hold."""
    goal: Any = get_origin(target)
    item = next((item for known, item in _ITEMS.items() if issubclass(source, known)), None)
    if item is not None and goal in _SERIES:
        return _fits(item, *get_args(target))
    if goal in (tuple, *_SERIES) and hasattr(source, "_fields"):  # a named tuple
        hints = getattr(source, "__annotations__", {})
        fields = tuple(hints.get(name, Any) for name in source._fields)
        return _parameters_fit(types.GenericAlias(tuple, fields), target)
    bases = map(_plain, vars(source).get("__orig_bases__", source.__bases__))
    parents = [base for base in bases if issubclass(get_origin(base) or base, goal)]
    return not parents or any(_fits(base, target) for base in parents)  # without parents what it holds is unknown


def _parameters_fit(source: Any, target: Any) -> bool:
    """Compare the parameters of two types, of which the first one's class is a subclass of the other's."""
    kind, goal = get_origin(source), get_origin(target)
    given, taken = get_args(source), get_args(target)
    if goal is abc.Callable:
        return _call_fits(given, taken)
    if kind is tuple and goal in (tuple, *_SERIES):
        return _tuple_fits(given, taken if goal is tuple else (*taken, ...))
    if kind in _MAPPINGS and goal in _SERIES:
        return _fits(given[0], taken[0])
    alike = kind is goal or any(kind in family and goal in family for family in (_MAPPINGS, _COLLECTIONS))
    if alike and len(given) == len(taken):
        return all(map(_fits, given, taken))
    return _is_subtype(_rebuilt(source, _plain), _rebuilt(target, _plain))


def _tuple_fits(given: tuple[Any, ...], taken: tuple[Any, ...]) -> bool:
    if taken[1:] == (...,):
        return all(_fits(item, taken[0]) for item in given if item is not ...)
    if given[1:] == (...,):
        return given[0] is Any  # it may be of any length, too
    return len(given) == len(taken) and all(map(_fits, given, taken))


def _call_fits(given: tuple[Any, ...], taken: tuple[Any, ...]) -> bool:
    """Compare two callables: what the caller passes must fit what the function takes, its result what he expects."""
    (parameters, result), (passed, expected) = given, taken
    known = isinstance(parameters, list) and isinstance(passed, list)
    return _fits(result, expected) and (
        not known or (len(passed) == len(parameters) and all(map(_fits, passed, parameters)))
    )


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


def _members(hint: Any) -> tuple[Any, ...]:
    """Return the alternatives of a type that has several."""
    if _is_union(hint):
        return get_args(hint)
    values = get_args(hint) if get_origin(hint) is typing.Literal else ()
    return tuple(typing.Literal[value] for value in values) if len(values) > 1 else ()


def _plain(hint: Any) -> Any:  # noqa: PLR0911  one for each spelling
    """Take off what says nothing about a type, and give `Any` for what stands for an unknown one."""
    origin = get_origin(hint)
    for alias in (hint, origin):
        if type(alias).__name__ == "TypeAliasType":
            return _plain(alias.__value__)
    if origin is typing.Annotated:
        return _plain(get_args(hint)[0])
    if isinstance(hint, typing.TypeVar):
        choice = typing.Union[hint.__constraints__] if hint.__constraints__ else Any  # noqa: UP007  made of values
        return _plain(hint.__bound__ or choice)
    if hint is None or hint is typing.LiteralString:
        return type(None) if hint is None else str
    if isinstance(hint, str | typing.ForwardRef | type(typing.Never)):  # a string, or a special form such as `Never`
        return Any
    if typing.is_typeddict(hint):
        return dict[str, Any]
    kind = origin or hint
    if isinstance(kind, type) and issubclass(kind, typing.IO):  # files are no subclasses of it
        return Any
    vague = origin is not None and not hasattr(hint, "__args__")  # `typing.List`, which is `list`
    return origin if vague or any(map(_is_unpacked, get_args(hint))) else hint


def _is_unpacked(hint: object) -> bool:
    """Tell whether it stands for any number of parameters (`*Ts`)."""
    return get_origin(hint) is typing.Unpack or getattr(hint, "__unpacked__", False) is True


def _is_subtype(source: Any, target: Any) -> bool:
    """Ask beartype, which knows the rest: literals, new types, generics of the users'; it is imported only here."""
    from beartype.door import is_subhint

    return is_subhint(source, target)
