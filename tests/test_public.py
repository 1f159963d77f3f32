"""The public names."""

import importlib.metadata
import subprocess
import sys

import pytest

import cascata


def test_star_import_gives_the_public_names():
    namespace = {}
    exec("from cascata import *", namespace)  # noqa: S102  that is what is tested
    del namespace["__builtins__"]
    assert set(namespace) == set(cascata.__all__)
    assert {"component", "inport", "outport", "persist", "Graph", "log", "registry"} <= set(namespace)


def test_names_stay_what_they_are_whatever_is_imported_later():
    code = """
import pkgutil, importlib, cascata
before = {name: getattr(cascata, name) for name in cascata.__all__}
for module in pkgutil.walk_packages(cascata.__path__, "cascata."):
    importlib.import_module(module.name)
assert all(getattr(cascata, name) is value for name, value in before.items())
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_import_is_light():
    heavy = "beartype", "cloudpickle", "numpy", "asyncio", "multiprocessing", "importlib.metadata"
    code = f"import sys, cascata; print(*[name for name in {heavy} if name in sys.modules])"
    result = subprocess.run([sys.executable, "-c", code], check=True, timeout=60, capture_output=True)
    assert result.stdout.decode().strip() == ""


def test_version():
    assert cascata.__version__ == importlib.metadata.version("cascata")
    with pytest.raises(AttributeError, match="module 'cascata' has no attribute 'versoin'"):
        cascata.versoin
