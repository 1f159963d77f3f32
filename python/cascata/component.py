"""Components as `@component` defines them."""

from __future__ import annotations

import importlib
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from cascata._native import Definition, GraphCore
from cascata.declare import NOTHING, Declaration, collect, collect_finish, signature
from cascata.registry import register
from cascata.text import value_text

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from cascata.group import Template
    from cascata.instance import Instance
    from cascata.port import InputPort, OutputPort

__all__ = ["Component", "GroupConnector", "component"]


@dataclass(frozen=True, slots=True)
class GroupConnector:
    """What joins a group and what is not of its size: it shares out what comes to the group, or gathers what it sends.

    It is a route of channels and no component: nothing passes through it. `graph.connectors` lists those of a graph.
    """

    source: OutputPort
    """The outport, of a component or of a group."""
    target: InputPort
    """The inport, of a component or of a group."""
    ordered: bool
    """Whether what a group sends arrives in the order of what its members were given."""
    policy: str | None
    """How what comes to a group is shared out: `"balanced"`, `"round_robin"`, `"broadcast"` or `"keyed"`."""


def component(function: Callable[..., Coroutine[Any, Any, object]] = NOTHING) -> Component:
    """Make a component of an async function; stands above its `@inport`, `@outport` and `@persist`.

    Every parameter is declared by one of them and gets its argument by name. The function, the runner, is called
    once per firing.

    Raises:
        TypeError: If the function is not `async def` or a component already, or parameters and declarations do not
            match.
        ValueError: If a port has the name of an attribute that all components have.

    >>> from cascata import inport, outport
    >>> @component
    ... @inport("celsius")
    ... @outport("fahrenheit")
    ... async def convert(celsius: float, fahrenheit: float):
    ...     await fahrenheit.send(celsius * 9 / 5 + 32)
    >>> convert.test(celsius=100)
    {'fahrenheit': [212.0]}
    """
    from cascata.instance import Instance

    definition = Component(collect(function, (name for name in dir(Instance) if not name.startswith("_"))))
    register(definition)
    return definition


class Component:
    """A component's definition.

    Calling it with a name makes an instance, assigning it to a graph's attribute makes one in that graph.
    It keeps the function's name, docstring, module and signature.
    """

    __declaration__: Declaration
    __name__: str
    __qualname__: str
    __wrapped__: Callable[..., Any]

    def __init__(self, declaration: Declaration) -> None:
        """Take what `collect` found."""
        runner = declaration.runner
        for name in ("__name__", "__qualname__", "__doc__"):
            vars(self)[name] = getattr(runner, name)
        vars(self).update(
            __module__=runner.__module__ or "__main__",  # code run by `exec` may be of no module
            __declaration__=declaration,
            __wrapped__=runner,
            __signature__=signature(runner),
            _native=None,
        )

    def __call__(self, name: str | None = None) -> Instance:
        """Make an instance that is in no graph yet.

        Args:
            name: The instance's name, by default the definition's; the graph that it is put into may give another.

        Raises:
            TypeError: If the name is not a string.

        """
        if name is not None and not isinstance(name, str):
            msg = (
                f"{self.__name__}({name!r}): a call makes an instance and takes its name; "
                f"to try the function with values, use {self.__name__}.test(...)"
            )
            raise TypeError(msg)
        from cascata.instance import Instance

        definition = self._definition
        core = GraphCore()
        core.add(name or definition.__name__, definition._described())
        return Instance(definition, core, name or definition.__name__)

    def __mul__(self, n: int) -> Template:
        """Make a group of this many instances, to be put into a graph: `graph.workers = Worker * 4`.

        An instance that has values gives them to all members.

        Raises:
            TypeError: If the number is not a whole one, or this is a group already.
            ValueError: If it is below 1.

        """
        from cascata.group import multiply

        return multiply(self, n)

    __rmul__ = __mul__

    def finish(self, function: Callable[..., Coroutine[Any, Any, object]]) -> Component:
        """Declare the function that is called once, after the last firing and before the outports close.

        Its parameters are any of the component's outports and persistent values: the place to send totals.

        Raises:
            TypeError: If it is not `async def`, has other parameters, or there is a finish function already.

        >>> from cascata import inport, outport, persist
        >>> @component
        ... @inport("word")
        ... @outport("total")
        ... @persist("seen", set)
        ... async def distinct(word, total, seen):
        ...     seen.get().add(word)
        >>> @distinct.finish
        ... async def distinct_total(total, seen):
        ...     await total.send(len(seen.get()))
        >>> distinct.test(word="a")
        {'total': [1]}
        """
        declared = self.__declaration__
        if declared.finish is not None:
            msg = (
                f"{self.__name__} has a finish function already, {declared.finish.function.__name__}; "
                "put what both do into one"
            )
            raise TypeError(msg)
        declared.finish = collect_finish(declared, function)
        return self

    def test(self, /, **values: Any) -> dict[str, list[Any]]:
        """Call the runner once with these values and return what it sent, a list for every outport.

        It runs in this process, also where an event loop runs. An instance has the values that were set on it.

        Args:
            **values: A value for each inport, those with a value of their own optional, and start values for
                persistent values.

        Raises:
            TypeError: If a name is missing or unknown.
            BaseException: What the runner raises.

        """
        from cascata.testing import run_once

        return run_once(self, values)

    def test_stream(self, /, **streams: Any) -> dict[str, list[Any]]:
        """Feed streams to the inports and return what was sent until the end, a list for every outport.

        The component fires as in any graph: on the zipped items of all streams, or as the `sync` and `clk` of an
        instance say; an inport without a stream has its one value. At the end its finish function is called.

        Args:
            **streams: A list or other iterable of items for each inport, those with a value of their own optional, and
                start values for persistent values. An iterator is read ahead of the firings, as far as the port's
                capacity allows, so it may be endless beside one that ends.

        Raises:
            TypeError: If a name is missing or unknown, or a stream is a string or cannot be iterated over.
            BaseException: What the runner raises, or an iterator.

        >>> from cascata import inport, outport, persist
        >>> @component
        ... @inport("word")
        ... @outport("new")
        ... @persist("seen", set)
        ... async def distinct(word, new, seen):
        ...     if word not in seen.get():
        ...         seen.get().add(word)
        ...         await new.send(word)
        >>> distinct.test_stream(word=["to", "be", "or", "not", "to", "be"])
        {'new': ['to', 'be', 'or', 'not']}
        >>> distinct.test_stream(word=["to", "be"], seen={"to"})
        {'new': ['be']}
        """
        from cascata.testing import run_streams

        return run_streams(self, streams)

    @property
    def _definition(self) -> Component:
        return self

    def _described(self) -> Definition:
        """Return the definition as the graph core keeps it, made when first needed."""
        if self._native is None:
            declared = self.__declaration__
            vars(self)["_native"] = Definition(
                self.__name__,
                self.__module__,
                [(port.name, port.capacity, port.default) for port in declared.inports.values()],
                list(declared.outports),
                list(declared.persists),
                self,
            )
        return cast("Definition", self._native)

    def __getattr__(self, name: str) -> Any:
        """Explain that the ports are those of instances."""
        if name.startswith("_"):
            msg = f"{type(self).__name__!r} object has no attribute {name!r}"
            raise AttributeError(msg)
        title, declared = vars(self).get("__name__"), self.__declaration__
        if name in {**declared.inports, **declared.outports, **declared.persists}:
            msg = (
                f"{title}.{name}: {title} is a definition, and ports belong to its instances; "
                f'make one with `graph.{title} = {title}` or `{title}("name")` and use its port'
            )
            raise AttributeError(msg)
        msg = f"{title} has no attribute {name!r}; it declares {declared.describe()}"
        raise AttributeError(msg)

    def __setattr__(self, name: str, value: OutputPort) -> None:  # what `a.out >>= b.inp` assigns, and nothing else
        """Allow what functions allow (`__module__`, `__doc__`, …) and explain the rest."""
        if not (name.startswith("__") and name.endswith("__")):
            msg = f"{self.__name__}.{name} cannot be assigned; to set an initial value, make an instance and use `<`"
            raise AttributeError(msg)
        vars(self._definition).update({name: value, "_native": None})
        vars(self)[name] = value

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle by reference where the definition can be imported, else by value (which needs cloudpickle).

        An instance pickles as its definition.
        """
        return self._reduced(lambda module: module != "__main__")

    def _reduced(self, importable: Callable[[str], bool]) -> tuple[Any, ...]:
        """Pickle where the other side can import the modules that are `importable`."""
        definition = self._definition
        home = (definition.__module__, definition.__qualname__)
        if _lookup(sys.modules.get(home[0]), home[1]) is definition and importable(home[0]):
            return _import, home
        state = {name: value for name, value in vars(definition).items() if name not in {"_native", "__signature__"}}
        return Component.__new__, (Component,), state

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Restore what was pickled by value."""
        vars(self).update(state, __signature__=signature(state["__wrapped__"]), _native=None)

    def __copy__(self) -> Any:
        """Return itself, as functions do."""
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        """Return itself, as functions do."""
        return self

    def __repr__(self) -> str:
        """Show ports and module."""
        return f"<component {self.__name__} of {self.__module__}{ports_text(self.__declaration__, {})}>"


# `cascata.component` is the decorator, which has the name of this module; so it has what the module has, too.
vars(component).update(Component=Component, GroupConnector=GroupConnector, component=component)


def ports_text(declared: Declaration, initial: dict[str, tuple[Any, ...]]) -> str:
    """Write `: text, minimum=3 -> word; keeps seen`."""
    values = {mark.name: initial.get(mark.name, mark.default) for mark in declared.inports.values()}
    inports = ", ".join(f"{name}={value_text(value[0])}" if value else name for name, value in values.items())
    text = f": {inports or '()'} -> {', '.join(declared.outports) or '()'}"
    return text + (f"; keeps {', '.join(declared.persists)}" if declared.persists else "")


def _lookup(module: object, qualname: str) -> Component | None:
    """Find a definition by its qualified name; name injection may have put an instance in its place."""
    found: object = module
    for name in qualname.split("."):
        found = getattr(found, name, None)
    return found._definition if isinstance(found, Component) else None


def _import(module: str, qualname: str) -> Component:
    """Unpickle a definition."""
    found = _lookup(importlib.import_module(module), qualname)
    if found is None:
        msg = f"module {module!r} defines no component {qualname!r}"
        raise AttributeError(msg)
    return found
