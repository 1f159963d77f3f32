"""The public names."""

import difflib
import importlib.metadata
import importlib.resources
import subprocess
import sys
from pathlib import Path

import public_surface
import pytest

import cascata


def test_star_import_gives_the_public_names():
    namespace = {}
    exec("from cascata import *", namespace)  # noqa: S102  that is what is tested
    del namespace["__builtins__"]
    assert set(namespace) == set(cascata.__all__)
    assert {"component", "inport", "outport", "persist", "Graph", "log", "registry"} <= set(namespace)


def test_names_that_components_have_are_not_taken_by_the_star_import():
    code = """
from cascata import *
import cascata

@component
@inport("item")
async def Store(item):
    print(item)

graph = Graph()
graph.buffer = Store
graph.empty = Store
graph.writable = Store
for store in (buffer, empty, writable):
    store.item < store.name
graph.run(num_workers=0)
assert callable(cascata.buffer) and callable(cascata.empty) and callable(cascata.writable)
"""
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], check=True, timeout=60, capture_output=True)
    assert sorted(done.stdout.split()) == [b"buffer", b"empty", b"writable"]


def test_names_stay_what_they_are_whatever_is_imported_later():
    code = """
import pkgutil, importlib, cascata
before = {name: getattr(cascata, name) for name in cascata.__all__}
for module in pkgutil.walk_packages(cascata.__path__, "cascata."):
    importlib.import_module(module.name)
assert all(getattr(cascata, name) is value for name, value in before.items())
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


@pytest.mark.once
def test_the_surface_is_what_is_written_down():
    written = (Path(__file__).parent / "public_surface.txt").read_text().splitlines()
    surface = list(public_surface.describe())
    difference = "\n".join(difflib.unified_diff(written, surface, "public_surface.txt", "now", lineterm="", n=1))
    assert not difference, (
        f"{difference}\nIf that is on purpose: python tests/public_surface.py > tests/public_surface.txt"
    )


def test_type_checkers_are_told_that_there_are_types():
    assert (importlib.resources.files("cascata") / "py.typed").is_file()


def test_import_is_light():
    heavy = "beartype", "cloudpickle", "numpy", "asyncio", "multiprocessing", "importlib.metadata", "rich", "typer"
    code = f"import sys, cascata; print(*[name for name in {heavy} if name in sys.modules])"
    result = subprocess.run([sys.executable, "-c", code], check=True, timeout=60, capture_output=True)
    assert result.stdout.decode().strip() == ""


def test_version():
    assert cascata.__version__ == importlib.metadata.version("cascata")
    with pytest.raises(AttributeError, match="module 'cascata' has no attribute 'versoin'"):
        cascata.versoin
