"""The graph of a file: `FILE.py`, `FILE.py:graph` or `FILE.json`."""

from __future__ import annotations

import difflib
import importlib
import inspect
import json
import sys
import types
import typing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cascata.cli.ending import Refusal, Unreadable, UserError
from cascata.component import Component
from cascata.errors import DeadlockError, GraphFormatError, RunError
from cascata.graph import Graph

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import ModuleType

__all__ = ["import_file", "import_module", "load"]

SUFFIXES = ".py", ".json"


def load(place: str, allow: Sequence[str] = ()) -> Graph:
    """Give the graph of a file.

    Args:
        place: The file, with `:name` behind it if it is Python and has several graphs.
        allow: Patterns of the modules that data may import; any, if there are none.

    Raises:
        Refusal: If there is no such graph, or the file cannot be read; the message says so.

    """
    file, name = _split(place)
    if file.suffix == ".json":
        if name:
            msg = f"{place}: a file of data holds one graph, without a name; write {file}"
            raise Refusal(msg)
        return _from_data(file, allow)
    if allow:
        msg = "--allow is for files of data (.json): a Python file is run as it is, whatever it imports"
        raise Refusal(msg)
    module = import_file(file)
    return _named(module, file, name) if name else _only(module, file)


def import_file(file: Path) -> ModuleType:
    """Import a Python file under its own name, from its own directory, as `import` there would.

    Raises:
        Refusal: If there is another module of that name.
        UserError: If it raises.

    """
    _check_file(file)
    file = file.resolve()
    directory, name = file.parent, file.stem
    while (directory / "__init__.py").exists():  # it is part of a package
        directory, name = directory.parent, f"{directory.name}.{name}"
    if "." in file.stem:
        msg = f"{file.name} cannot be imported: its name has a dot in it; take another name"
        raise Refusal(msg)
    sys.path.insert(0, str(directory))
    sys.argv[:] = [str(file)]
    module = _import(name, file.name)
    other = getattr(module, "__file__", None)
    if other is None or not file.samefile(other):
        where = other or "a part of Python"
        msg = f"{file.name} cannot be imported: there is a module {name!r} already, {where}; take another name"
        raise Refusal(msg)
    return module


def import_module(name: str) -> ModuleType:
    """Import a module by its name, from the working directory or wherever it is installed.

    Raises:
        Refusal: If there is none.
        UserError: If it raises.

    """
    sys.path.insert(0, str(Path.cwd()))
    return _import(name, name)


def _import(name: str, shown: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except (RunError, DeadlockError):
        raise  # it runs a graph itself
    except ModuleNotFoundError as error:
        if error.name is not None and (name == error.name or name.startswith(f"{error.name}.")):
            msg = f"there is no module {error.name!r} in {sys.path[0]} and where packages are installed"
            raise Refusal(msg) from None
        raise UserError(_raised(shown), error) from None
    except SystemExit as error:
        msg = f"{shown} ends the program when it is imported ({error!r}); put that below `if __name__ == '__main__':`"
        raise Unreadable(msg) from None
    except Exception as error:  # noqa: BLE001  any code of the user's
        raise UserError(_raised(shown), error) from None


def _raised(shown: str) -> str:
    return f"{shown} cannot be imported: it raises"


def _split(place: str) -> tuple[Path, str]:
    """Tell the file from the name behind it."""
    file, colon, name = place.rpartition(":")
    if not colon or Path(place).exists():
        file, name = place, ""
    return Path(file), name


def _check_file(file: Path) -> None:
    if file.suffix not in SUFFIXES:
        msg = f"{file}: give a Python file (.py), or a graph as data (.json)"
        raise Refusal(msg)
    if not file.is_file():
        there = [str(path) for suffix in SUFFIXES for path in file.parent.glob(f"*{suffix}")]
        msg = f"there is no file {file}{_like(str(file), there)}"
        raise Refusal(msg)


def _from_data(file: Path, allow: Sequence[str]) -> Graph:
    _check_file(file)
    try:
        data = json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        msg = f"{file} is not JSON: {error}"
        raise Unreadable(msg) from None
    sys.path[:0] = [str(file.resolve().parent), str(Path.cwd())]
    try:
        return Graph.from_json(data, allow=list(allow) or None)
    except GraphFormatError as error:
        msg = f"{file} does not describe a graph: {error}"
        raise Unreadable(msg) from None
    except Exception as error:  # noqa: BLE001  any code of the user's
        headline = f"{file}: importing its components raises"
        raise UserError(headline, error) from None


def _only(module: ModuleType, file: Path) -> Graph:
    graphs = _graphs(module)
    if len(graphs) == 1:
        return next(iter(graphs.values()))
    if graphs:
        msg = f"{file} has several graphs; say which one: {_choices(file, graphs)}"
        raise Refusal(msg)
    builders = {name: value for name, value in vars(module).items() if _builds(value, module)}
    if len(builders) == 1:
        return _built(*builders.popitem(), file)
    if builders:
        msg = f"{file} has several functions that give a graph; say which one: {_choices(file, builders)}"
        raise Refusal(msg)
    msg = f"{file} has no graph: assign one to a variable (`graph = Graph()`), or write a function `-> Graph`"
    if "__main__" in file.read_text(encoding="utf-8", errors="replace"):
        msg += "; what stands below `if __name__ == '__main__':` is not run"
    raise Refusal(msg)


def _named(module: ModuleType, file: Path, name: str) -> Graph:
    value: Any = module
    for part in name.split("."):
        there = vars(value) if isinstance(value, types.ModuleType) else dir(value)
        if part not in there:
            graphs = _graphs(module)
            known = f" Its graphs: {_choices(file, graphs)}" if graphs else ""
            msg = f"{file} has no {name!r}{_like(part, there) or '.'}{known}"
            raise Refusal(msg)
        value = getattr(value, part)
    if isinstance(value, Graph):
        return value
    if isinstance(value, Component) or not callable(value):
        msg = f"{file}:{name} is no graph, and no function that gives one: {value!r}"
        raise Refusal(msg)
    return _built(name, value, file)


def _built(name: str, build: Callable[[], object], file: Path) -> Graph:
    try:
        inspect.signature(build).bind()
    except TypeError as error:
        msg = f"{file}:{name} is called without arguments, and takes some ({error}); give them defaults"
        raise Refusal(msg) from None
    try:
        graph = build()
    except (RunError, DeadlockError):
        raise
    except Exception as error:  # noqa: BLE001  any code of the user's
        headline = f"{file}:{name}() raises"
        raise UserError(headline, error) from None
    if not isinstance(graph, Graph):
        msg = f"{file}:{name}() gives no graph, but {graph!r}"
        raise Refusal(msg)
    return graph


def _graphs(module: ModuleType) -> dict[str, Graph]:
    """Give the graphs of a module, each once, by their first names."""
    names: dict[int, str] = {}
    for name, value in vars(module).items():
        if isinstance(value, Graph):
            names.setdefault(id(value), name)
    return {name: vars(module)[name] for name in names.values()}


def _builds(value: object, module: ModuleType) -> bool:
    """Tell whether something is a function of the module that says that it gives a graph."""
    if not isinstance(value, types.FunctionType) or value.__module__ != module.__name__:
        return False
    try:
        hint = typing.get_type_hints(value).get("return")
    except Exception:  # noqa: BLE001  an annotation that means nothing at this time
        return False
    return isinstance(hint, type) and issubclass(hint, Graph)


def _choices(file: Path, names: Sequence[str] | dict[str, Any]) -> str:
    return ", ".join(f"{file}:{name}" for name in names)


def _like(name: str, there: Any) -> str:
    similar = difflib.get_close_matches(name, list(there), 1)
    return f"; did you mean {similar[0]!r}?" if similar else ""
