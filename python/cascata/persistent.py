"""Persistent values: state that a component keeps between calls."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar, cast

from cascata.text import value_text

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["PersistentValue", "Setting"]

T = TypeVar("T")

UNSET: Any = object()
"""Stands for a value that has not been made yet; `None` is a value."""


class PersistentValue(Generic[T]):
    """State with a start value that a callable makes when it is first needed.

    A runner gets one of these for each of its persistent values. Outside a run it works the same way, which is
    handy in tests.

    >>> seen = PersistentValue(set)
    >>> seen.get()
    set()
    >>> seen.set({"a"})
    >>> seen.get()
    {'a'}

    `value < arguments` sets what the callable is called with: a tuple is `*args`, a `(tuple, dict)` pair is
    `*args, **kwargs`, a dict is `**kwargs`, anything else the one argument.

    >>> number = PersistentValue(int)
    >>> number < ("ff", 16)
    int('ff', 16)
    >>> number.get()
    255
    """

    __slots__ = ("__weakref__", "_arguments", "_initialiser", "_value")

    def __init__(self, initialiser: Callable[..., T]) -> None:
        """Take the callable that makes the start value.

        Raises:
            TypeError: If it cannot be called.

        """
        if not callable(initialiser):
            msg = (
                f"PersistentValue({initialiser!r}): {initialiser!r} is not callable; "
                f"give what makes the value, such as `lambda: {initialiser!r}`"
            )
            raise TypeError(msg)
        self._initialiser = initialiser
        self._arguments: tuple[()] | tuple[Any] = ()
        self._value: T = UNSET

    @classmethod
    def prepare(
        cls,
        initialiser: Callable[..., T],
        arguments: tuple[()] | tuple[Any] = (),
        state: tuple[()] | tuple[T] = (),
    ) -> Self:
        """Give a value as a run starts it: with arguments, or with a state that was `set`.

        Both are optional, so each is a tuple of nothing or of one value.
        """
        value = cls(initialiser)
        value._arguments = arguments
        if state:
            value._value = state[0]
        return value

    def initialise(self) -> T:
        """Make the start value, unless there is a value already, and return the value.

        A run calls this before the first firing; elsewhere `get` does.
        """
        if self._value is UNSET:
            args, kwargs = spread(self._arguments)
            self._value = self._initialiser(*args, **kwargs)
        return self._value

    def get(self) -> T:
        """Return the value."""
        value = self._value
        return self.initialise() if value is UNSET else value

    def set(self, value: T) -> None:
        """Replace the value."""
        self._value = value

    def release(self) -> T:
        """Return the value, and let go of it."""
        value, self._value = self.get(), UNSET
        return value

    def __lt__(self, arguments: object) -> Setting:
        """Set the arguments of the initialiser; the value is made anew."""
        self._arguments = (arguments,)
        self._value = UNSET
        return Setting(lambda: call_text(self._initialiser, (arguments,)))

    def __repr__(self) -> str:
        """Show the value, or how it will be made."""
        if self._value is UNSET:
            return f"<persistent value, to start as {call_text(self._initialiser, self._arguments)}>"
        return f"<persistent value {value_text(self._value)}>"


class Setting:
    """What `port < value` gives: something to look at, and nothing to decide by.

    `port < 1 < 2` and `if port < 3:` are comparisons to Python and mistakes here, so they raise.
    """

    __slots__ = ("_describe",)

    def __init__(self, describe: Callable[[], str]) -> None:
        """Take what tells what has been set; it is hardly ever asked."""
        self._describe = describe

    def __bool__(self) -> bool:
        """Raise, because nothing has been compared."""
        msg = (
            f"{self._describe()}: here `<` puts a value on a port and compares nothing, "
            "so it stands on a line of its own and is neither chained (`port < 1 < 2`) nor a condition"
        )
        raise TypeError(msg)

    def __repr__(self) -> str:
        """Show what has been set."""
        return self._describe()


def spread(arguments: tuple[()] | tuple[Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Turn what was written behind `<` into positional and keyword arguments.

    >>> spread((("a", 1),))
    (('a', 1), {})
    >>> spread(((("a",), {"b": 1}),))
    (('a',), {'b': 1})
    >>> spread(([1, 2],))
    (([1, 2],), {})
    """
    if not arguments:
        return (), {}
    match arguments[0]:
        case (tuple() as args, dict() as kwargs) if isinstance(arguments[0], tuple):
            return args, cast("dict[str, Any]", kwargs)
        case tuple() as args:
            return args, {}
        case dict() as kwargs:
            return (), kwargs
        case value:
            return (value,), {}


def call_text(function: Callable[..., object], arguments: tuple[()] | tuple[Any]) -> str:
    """Write the call that makes a start value, for people."""
    args, kwargs = spread(arguments)
    shown = [value_text(value) for value in args] + [f"{name}={value_text(value)}" for name, value in kwargs.items()]
    return f"{getattr(function, '__qualname__', None) or repr(function)}({', '.join(shown)})"
