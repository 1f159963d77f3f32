"""Where components and functions are found again, for graphs as data.

The core reads and writes the data; it asks here for what only Python knows: what can be imported, and how values are
written. What is refused is a `GraphFormatError` that says why; the core adds where.
"""

from __future__ import annotations

import difflib
import importlib
import sys
from collections.abc import Iterable
from types import MethodType
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

from cascata import plain
from cascata.component import Component
from cascata.errors import GraphError, GraphFormatError
from cascata.handler import key_problem
from cascata.parts import refuse_unusable
from cascata.persistent import spread
from cascata.port import check_types
from cascata.subgraph import Subgraph
from cascata.text import value_text
from cascata.types import port_type

if TYPE_CHECKING:
    from types import ModuleType

    from cascata._native import Definition

__all__ = ["Places", "patterns"]

_MEND = "give one that is defined with `def` at the top level of a module"
_MOST = 10
"""How many names of a module a message shows."""


class Places:
    """Finds what data name, and names what they are to find."""

    def __init__(self, graphs: type, allowed: tuple[str, ...] | None = None) -> None:
        """Take the class of the graphs, whose attributes no names may hide, and which modules may be imported."""
        self._graphs = graphs
        self._allowed = allowed

    def place(self, component: Component) -> tuple[str, str]:
        """Give module and name of a component.

        Raises:
            GraphFormatError: If it is not found there.

        """
        component = component._definition
        module, name = component.__module__, component.__qualname__
        title = f"component {component.__name__} of {module}"
        if (found := _looked_up(title, module, name)) is not component:
            if isinstance(found, Component) and found._definition is component:
                return module, name  # name injection has put an instance there
            what = f"{module}.{name} is {_told(found)}" if found is not None else f"there is no {module}.{name}"
            msg = f"{title} cannot be imported: {what}; define it once, at the top level of a module"
            raise GraphFormatError(msg)
        return module, name

    def place_of_function(self, function: Any) -> tuple[str, str]:
        """Give module and name of the function of `keyed`.

        Raises:
            GraphFormatError: If it is not found there.

        """
        module, name = _home(function), getattr(function, "__qualname__", None)
        title = f"the function {value_text(function)}"
        if not isinstance(module, str) or not isinstance(name, str):
            msg = (
                f"{title} has no name to import it by; give one that is defined with `def` at the top level of a module"
            )
            raise GraphFormatError(msg)
        found = _looked_up(title, module, name)
        if found is not function and not (isinstance(function, MethodType) and found == function):
            msg = (
                f"{title} cannot be imported as {module}.{name}; "
                "give one that is defined with `def` at the top level of a module"
            )
            raise GraphFormatError(msg)
        return module, name

    def permit(self, module: str) -> None:
        """Check that a module may be imported.

        Raises:
            GraphFormatError: If it may not.

        """
        if not self._is_allowed(module):
            allowed = ", ".join(map(repr, self._allowed or ())) or "none"
            msg = f"module {value_text(module)} may not be imported; allowed: {allowed}. Add it if you trust the data"
            raise GraphFormatError(msg)

    def load(self, module: str) -> None:
        """Import a module.

        Raises:
            GraphFormatError: If that cannot be done.

        """
        _imported(module)

    def definition(self, module: str, name: str) -> Definition:
        """Find a component.

        Raises:
            GraphFormatError: If there is none.

        """
        home = _imported(module)
        found = _walk(home, name)
        if not isinstance(found, Component):
            self._refuse(home, name, found, "component")
        component = found._definition
        self._refuse_smuggled(f"{module}.{name}", component.__module__)
        return component._described()

    def function(self, module: str, name: str) -> Any:
        """Find a function for `keyed`.

        Raises:
            GraphFormatError: If there is none, or it cannot give keys.

        """
        home = _imported(module)
        found = _walk(home, name)
        if found is None:
            self._refuse(home, name, found, "function")
        if problem := key_problem(found):
            msg = f"{module}.{name}: {problem}"
            raise GraphFormatError(msg)
        self._refuse_smuggled(f"{module}.{name}", _home(found))
        return found

    def write(self, value: object) -> str:
        """Write a value."""
        return plain.write(value)

    def read(self, text: str) -> Any:
        """Read a value."""
        return plain.read(text)

    def write_arguments(self, arguments: object) -> tuple[list[str], list[tuple[str, str]]]:
        """Write what is behind `<` on a persistent value, by position and by name."""
        args, kwargs = spread((arguments,))
        for name in kwargs:
            if type(name) is not str:
                msg = f"the arguments are a dict with the key {value_text(name)}, which is no name; give names as str"
                raise GraphFormatError(msg)
        return [plain.write(value) for value in args], [(name, plain.write(kwargs[name])) for name in kwargs]

    def read_arguments(self, args: list[str], kwargs: list[tuple[str, str]]) -> Any:
        """Read them."""
        return tuple(map(plain.read, args)), {name: plain.read(text) for name, text in kwargs}

    def check_name(self, name: str, export: bool) -> None:  # noqa: FBT001  as the core calls it
        """Check that something in a graph can have a name.

        Raises:
            GraphFormatError: If nothing can.

        """
        try:
            refuse_unusable(name, (), self._graphs, "an export" if export else "a component")
        except GraphError as error:
            raise GraphFormatError(str(error)) from None
        if export and hasattr(Subgraph, name):
            msg = f"{name!r} cannot be the name of an export: every subgraph has a {name!r}; take another name"
            raise GraphFormatError(msg)

    def check_connection(
        self,
        source: tuple[str, Component, str],
        target: tuple[str, Component, str],
        batched: bool,  # noqa: FBT001  as the core calls it
    ) -> None:
        """Check that what is sent at one port may arrive at the other.

        Raises:
            GraphFormatError: If it may not.

        """
        outport, inport = _End.of(*source), _End.of(*target)
        try:
            check_types(f"{outport.label} >> {inport.label}", outport, inport, batched=batched)
        except TypeError as error:
            raise GraphFormatError(str(error)) from None

    def _is_allowed(self, module: object) -> bool:
        if self._allowed is None:
            return True
        return isinstance(module, str) and any(_matches(module, pattern) for pattern in self._allowed)

    def _refuse_smuggled(self, place: str, home: object) -> None:
        """Refuse what an allowed module has only imported from one that is not allowed."""
        if not self._is_allowed(home):
            shown = home if isinstance(home, str) else "an unknown module"
            msg = f"{place} comes from {shown}, which may not be imported"
            raise GraphFormatError(msg)

    def _refuse(self, module: ModuleType, name: str, found: object, kind: str) -> NoReturn:
        """Explain that a module has no component, or function, of a name."""
        home = module.__name__
        if found is not None:
            msg = f"{home}.{name} is no {kind}, it is {_told(found)}"
            raise GraphFormatError(msg)
        if home == "__main__":
            msg = (
                f"the program that is running has no {kind} {value_text(name)}, and module '__main__' is that program; "
                f"to use it in others, define the {kind} in a module of its own and write the data again"
            )
            raise GraphFormatError(msg)
        there = [key for key, value in vars(module).items() if kind != "component" or isinstance(value, Component)]
        similar = difflib.get_close_matches(name, there, 1)
        hint = f"did you mean {similar[0]!r}?" if similar else f"it has: {', '.join(there[:_MOST]) or 'none'}"
        msg = f"module {home!r} has no {kind} {value_text(name)}; {hint}"
        raise GraphFormatError(msg)


class _End(NamedTuple):
    """One side of a connection, as far as types go."""

    label: str
    type: Any

    @classmethod
    def of(cls, name: str, component: Component, port: str) -> _End:
        return cls(f"{name}.{port}", port_type(component.__wrapped__, port))


def patterns(allow: Iterable[str] | None) -> tuple[str, ...] | None:
    """Check what says which modules may be imported."""
    if allow is None:
        return None
    mend = 'give a list of names and patterns, such as allow=["my_project.*"]'
    if isinstance(allow, str | bytes) or not isinstance(allow, Iterable):
        msg = f"allow={value_text(allow)}: {mend}"
        raise TypeError(msg)
    allowed = tuple(allow)
    for pattern in allowed:
        if not isinstance(pattern, str):
            msg = f"allow=[{value_text(pattern)}]: {mend}"
            raise TypeError(msg)
    return allowed


def _matches(module: str, pattern: str) -> bool:
    """Tell whether a module is one, or in a package, that is allowed: `package.*` is the package and all in it."""
    if not pattern.endswith(".*"):
        return pattern in {module, "*"}
    package = pattern.removesuffix(".*")
    return module == package or module.startswith(f"{package}.")


def _imported(name: str) -> ModuleType:
    """Import a module; whatever it raises means that it cannot be."""
    try:
        return importlib.import_module(name)
    except (Exception, SystemExit) as error:
        said = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        msg = f"module {value_text(name)} cannot be imported: {said}"
        raise GraphFormatError(msg) from error


def _looked_up(title: str, module: str, name: str) -> Any:
    """Find what has this name in a module, `None` if nothing has."""
    if "<" in name:  # <locals>, <lambda>
        msg = f"{title} cannot be imported as {name}; define it with a name at the top level of a module"
        raise GraphFormatError(msg)
    home = sys.modules.get(module)
    if home is None:
        try:
            home = _imported(module)
        except GraphFormatError as error:
            msg = f"{title} cannot be imported: {error}"
            raise GraphFormatError(msg) from error.__cause__
    return _walk(home, name)


def _walk(module: ModuleType, name: str) -> Any:
    """Find what a dotted name means: something in a module, or in a class there."""
    found: Any = module
    for place, part in enumerate(name.split(".")):
        if place and not isinstance(found, type):
            return None
        try:
            found = getattr(found, part, None)
        except Exception:  # noqa: BLE001  a module or a class may do anything there
            return None
    return found


def _home(function: Any) -> Any:
    """Give the module that a function is defined in; methods of built-in types have it from their type."""
    module = getattr(function, "__module__", None)
    return module if module is not None else getattr(getattr(function, "__objclass__", None), "__module__", None)


def _told(found: object) -> str:
    kind = type(found).__name__
    return "another component" if isinstance(found, Component) else f"a {kind}"
