"""Python programs, run as a user runs them, and the examples."""

import contextlib
import importlib.util
import os
import subprocess
import sys
from pathlib import Path

SECONDS = 40
"""How long a program may take."""


def run_program(file, *arguments, expect=0, environment=()):
    """Run a program in a process of its own and give what it printed. One that succeeds must not complain."""
    done = subprocess.run(
        [sys.executable, file, *map(str, arguments)],
        env={**os.environ, "PYTHONUTF8": "1", **dict(environment)},
        capture_output=True,
        encoding="utf-8",
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode == expect, done.stderr
    assert expect or not done.stderr
    return done.stdout or done.stderr


def example_file(name):
    """Give the path of an example."""
    return Path(__file__).parents[1] / "examples" / f"{name}.py"


@contextlib.contextmanager
def loaded_example(name):
    """Import an example, which is in no package, as long as the block runs."""
    spec = importlib.util.spec_from_file_location(name, example_file(name))
    sys.modules[name] = module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
        yield module
    finally:
        del sys.modules[name]
