"""Which modules a fresh interpreter with the same `sys.path` can import, and so gets to be the same."""

from __future__ import annotations

import sys
from importlib.machinery import BuiltinImporter, FrozenImporter, PathFinder
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from importlib.machinery import ModuleSpec
    from types import ModuleType

__all__ = ["Importable"]

FINDERS: tuple[Any, ...] = (BuiltinImporter, FrozenImporter, PathFinder)
"""Those that every interpreter has."""


class Importable:
    """Tells it of modules by name, and remembers what it has found out."""

    def __init__(self) -> None:
        """Begin with nothing known."""
        self._known: dict[str, bool] = {}

    def __call__(self, name: str) -> bool:
        """Tell whether importing `name` elsewhere gives what is loaded under that name here."""
        known = self._known.get(name)
        if known is None:
            known = self._known[name] = self._find_out(name)
        return known

    def _find_out(self, name: str) -> bool:
        module = sys.modules.get(name)
        if name == "__main__" or module is None:
            return False
        # Importing a module that is being imported here runs again what is running: a script's graph, for one.
        if getattr(getattr(module, "__spec__", None), "_initializing", False):
            return False
        parent, _, last = name.rpartition(".")
        if not parent:
            return self._is_found(name, module, None)
        return self(parent) and self._is_part(name, module, parent, last)

    def _is_part(self, name: str, module: ModuleType, parent: str, last: str) -> bool:
        """Tell it of a module in a package."""
        package = vars(sys.modules[parent])
        if package.get(last) is module and module.__name__ != name:  # such as `os.path`
            return self(module.__name__)
        if "__path__" in package and self._is_found(name, module, package["__path__"]):
            return True
        # What has no file of its own is made by its package, unless somebody has put it there.
        return package.get(last) is module and getattr(module, "__file__", None) is None

    def _is_found(self, name: str, module: ModuleType, path: Any) -> bool:
        found = _search(name, path, FINDERS)
        if found is not None:
            return _is_same(found, module)
        finders = [finder for finder in sys.meta_path if finder not in FINDERS and self._is_installed(finder)]
        found = _search(name, path, finders)
        return found is not None and bool(found.has_location) and _is_same(found, module)

    def _is_installed(self, finder: object) -> bool:
        """Tell whether a finder is one that other interpreters have, too, such as that of an editable installation."""
        home = finder.__module__ if isinstance(finder, type) else type(finder).__module__
        return self(home)


def _search(name: str, path: Any, finders: Any) -> ModuleSpec | None:
    for finder in finders:
        try:
            found: ModuleSpec | None = finder.find_spec(name, path)
        except (AttributeError, ImportError, OSError, ValueError):  # finders may be anybody's
            continue
        if found is not None:
            return found
    return None


def _is_same(found: ModuleSpec, module: ModuleType) -> bool:
    file = getattr(module, "__file__", None)
    if file is None or not found.has_location or found.origin is None:
        return True  # built in, frozen, or a folder
    try:
        return Path(found.origin).samefile(file)
    except OSError:  # inside an archive
        return bool(found.origin == file)
