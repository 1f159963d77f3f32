"""Pickling for a fresh interpreter: by reference what it can import, by value what it cannot.

Functions and classes of a module that cannot be imported there, such as `__main__` or a notebook, are put into a module
of the same name. So they are the same in all workers, and items refer to them by name like to any others.
"""

from __future__ import annotations

import functools
import importlib
import io
import sys
import types
import typing
from collections import ChainMap
from multiprocessing.reduction import ForkingPickler
from typing import TYPE_CHECKING, Any

import cloudpickle
import cloudpickle.cloudpickle as reducers

from cascata.component import Component
from cascata.run.importable import Importable

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import IO

__all__ = ["ForkedLockError", "Pickler", "load_all"]

MODULE_ATTRIBUTES = ("__package__", "__path__", "__file__", "__doc__")
"""What a module has that its functions may ask for without naming it as a global."""


class ForkedLockError(TypeError):
    """A lock of `multiprocessing` that only forked processes can use."""


class Pickler(cloudpickle.Pickler):  # type: ignore[misc]
    """Pickles for processes that are being spawned: what `multiprocessing` can send them, it can, too."""

    def __init__(
        self, file: IO[bytes], *, buffers: Callable[[Any], Any] | None = None, importable: Importable | None = None
    ) -> None:
        """Take where to write, and who takes the buffers of protocol 5."""
        self.importable = importable or Importable()
        own = {io.TextIOWrapper: _reduce_stream, memoryview: _refuse, types.ModuleType: self._reduce_module}
        own.update((kind, self._reduce_named) for kind in _NAMED)
        own.update({functools.cached_property: _reduce_cached_property, type(_cached): self._reduce_cached})
        self.dispatch_table = ChainMap(
            own,
            cloudpickle.Pickler.dispatch_table,
            ForkingPickler._extra_reducers,  # type: ignore[attr-defined]
        )
        super().__init__(file, protocol=5, buffer_callback=buffers)
        self._namespaces: dict[str, Namespace] = {}
        self._named: dict[tuple[str, str], object] = {}

    def dump_all(self, *things: object) -> None:
        """Write some objects, and then the names under which their parts are to be found; for `load_all`."""
        for thing in things:
            self.dump(thing)
        written: set[tuple[str, str]] = set()
        while names := {key: thing for key, thing in self._named.items() if key not in written}:
            written.update(names)
            self.dump([(self._namespace(module), name, thing) for (module, name), thing in names.items()])
        self.dump([])

    def travels_by_value(self, thing: Any) -> bool:
        """Tell whether a class or function cannot be imported elsewhere."""
        module = _home(thing)
        return module is None or not self.importable(thing.__module__)

    def reducer_override(self, thing: Any) -> Any:
        """Say how to pickle `thing`."""
        if isinstance(thing, type):
            if thing.__module__ == "builtins" or not self._notes_value(thing):
                return super().reducer_override(thing)
            return _reduce_class(thing)
        if isinstance(thing, types.FunctionType):
            return self._dynamic_function_reduce(thing) if self._notes_value(thing) else NotImplemented
        if isinstance(thing, Component):
            return thing._reduced(self.importable)
        synchronize = sys.modules.get("multiprocessing.synchronize")
        if synchronize and isinstance(thing, synchronize.SemLock) and getattr(thing, "_is_fork_ctx", False):
            msg = f"a {type(thing).__name__} of multiprocessing that was made for forked processes"
            raise ForkedLockError(msg)
        return super().reducer_override(thing)

    def _notes_value(self, thing: Any) -> bool:
        """Tell whether a class or function goes by value; if so, note under which name it is to be found."""
        if not self.travels_by_value(thing):
            return False
        if (module := _home(thing)) is not None:
            name = thing.__qualname__.partition(".")[0]
            self._named[thing.__module__, name] = vars(module)[name]
        return True

    def _dynamic_function_reduce(self, function: types.FunctionType) -> Any:
        make, (code, _, *rest), (attributes, state), *more = super()._dynamic_function_reduce(function)
        name = function.__globals__.get("__name__")
        if not isinstance(name, str) or getattr(sys.modules.get(name), "__dict__", None) is not function.__globals__:
            namespace = self.globals_ref[id(function.__globals__)]  # of `exec`; as cloudpickle has it
        else:
            namespace = self._namespace(name)
            if namespace.importable:  # its globals are there
                state["__globals__"] = {}
        return make, (code, namespace, *rest), (attributes, state), *more

    def _namespace(self, name: str) -> Namespace:
        if name not in self._namespaces:
            module = sys.modules[name]
            parents = [name.rpartition(".")[0]]
            while parents[-1]:
                parents.append(parents[-1].rpartition(".")[0])
            attributes = {key: vars(module)[key] for key in MODULE_ATTRIBUTES if key in vars(module)}
            shells = [parent for parent in parents if parent and not self.importable(parent)]
            self._namespaces[name] = Namespace(name, shells, attributes, importable=self.importable(name))
        return self._namespaces[name]

    def _reduce_module(self, module: types.ModuleType) -> Any:
        name = module.__name__
        if sys.modules.get(name) is not module or self.importable(name):
            return reducers._module_reduce(module)
        namespace = self._namespace(name)
        if name == "__main__":  # all that it holds would be more than anybody has asked for
            return _module, (namespace,)
        content = {key: value for key, value in vars(module).items() if not key.startswith("__")}
        return _module, (namespace,), content, None, None, _fill

    def _reduce_named(self, thing: Any) -> Any:
        """Reduce what names types, such as a `TypeVar`, and knows its module, but pickles as a mere name."""
        module, name = sys.modules.get(thing.__module__), thing.__name__
        if getattr(module, name, None) is thing and self.importable(thing.__module__):
            return name
        if isinstance(thing, typing.TypeVar):
            return reducers._make_typevar, reducers._decompose_typevar(thing)
        if isinstance(thing, typing.NewType):
            return typing.NewType, (thing.__name__, thing.__supertype__), {"__module__": thing.__module__}
        value = (thing.__value__,) if hasattr(thing, "__value__") else ()
        return type(thing), (thing.__name__, *value)

    def _reduce_cached(self, cached: Any) -> Any:
        """Reduce what `lru_cache` makes, without what is in the cache."""
        if not self._notes_value(cached):
            return cached.__qualname__
        return _cache, (cached.__wrapped__, cached.cache_parameters())


_NAMED = (
    typing.TypeVar,
    typing.NewType,
    typing.ParamSpec,
    typing.TypeVarTuple,
    *((getattr(typing, "TypeAliasType"),) if sys.version_info >= (3, 12) else ()),  # noqa: B009
)


@functools.lru_cache
def _cached() -> None:
    """Show the type of what `lru_cache` makes."""


class Namespace:
    """Stands for the globals of a module while they are pickled."""

    def __init__(self, name: str, shells: list[str], attributes: dict[str, Any], *, importable: bool) -> None:
        """Take the module's name, the packages around it that cannot be imported, and attributes it begins with."""
        self.name = name
        self.shells = shells
        self.attributes = attributes
        self.importable = importable

    def __reduce__(self) -> Any:
        """Give what becomes of it."""
        if self.importable:
            return _globals, (self.name,)
        return _make_globals, (self.name, self.shells, self.attributes)


def load_all(unpickler: Any) -> None:
    """Put the names that `dump_all` has noted where they are to be found."""
    while names := unpickler.load():
        for namespace, name, thing in names:
            namespace[name] = thing


def _home(thing: Any) -> types.ModuleType | None:
    """Return the module in which a class or function is found under its name."""
    module = sys.modules.get(getattr(thing, "__module__", None) or "")
    found: Any = module
    for name in getattr(thing, "__qualname__", "").split("."):
        found = getattr(found, name, None)
    return module if found is thing else None


def _reduce_class(kind: type) -> Any:
    """Reduce a class with what cloudpickle leaves behind.

    An inner class is found by its qualified name only, and instances of a class with slots are pickled and restored in
    another way than others.
    """
    make, arguments, (attributes, more), *setters = reducers._dynamic_class_reduce(kind)
    attributes["__qualname__"] = kind.__qualname__
    if "__slots__" in attributes and make is reducers._make_skeleton_class:
        meta, name, bases, namespace, *rest = arguments
        arguments = (meta, name, bases, {**namespace, "__slots__": attributes.pop("__slots__")}, *rest)
        own = [key for key, value in attributes.items() if isinstance(value, types.MemberDescriptorType)]
        for key in own:  # those whose names are mangled
            del attributes[key]
    return make, arguments, (attributes, more), *setters


def _reduce_stream(stream: io.TextIOWrapper) -> Any:
    """Reduce a text file; only the standard ones are found again."""
    for name in ("stdin", "stdout", "stderr"):
        if stream in (getattr(sys, name), getattr(sys, f"__{name}__")):
            return getattr, (sys, name)
    msg = "an open file cannot be pickled"
    raise TypeError(msg)


def _reduce_cached_property(thing: functools.cached_property[Any]) -> Any:
    """Reduce to what makes it: some versions of Python keep a lock in it."""
    return functools.cached_property, (thing.func,), {"attrname": thing.attrname}


def _refuse(thing: object) -> Any:
    """Refuse what cloudpickle would copy although it may stand for something that is shared."""
    msg = f"cannot pickle {type(thing).__name__!r} object"
    raise TypeError(msg)


# What becomes of modules in the other process.


def _globals(name: str) -> dict[str, Any]:
    return vars(importlib.import_module(name))


def _make_globals(name: str, shells: list[str], attributes: dict[str, Any]) -> dict[str, Any]:
    for missing in (*shells, name):
        if missing not in sys.modules:
            sys.modules[missing] = types.ModuleType(missing)
    namespace = vars(sys.modules[name])
    namespace.update(attributes)
    return namespace


def _module(namespace: dict[str, Any]) -> types.ModuleType:
    return sys.modules[namespace["__name__"]]


def _cache(function: Any, parameters: dict[str, Any]) -> Any:
    return functools.lru_cache(**parameters)(function)


def _fill(module: types.ModuleType, content: dict[str, Any]) -> None:
    vars(module).update(content)
