"""Python programs, run as a user runs them, and the examples."""

import contextlib
import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

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
    assert expect or not done.stderr, done.stderr
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


EXECUTE = """
import json, sys
import nbformat
from nbclient import NotebookClient

notebook = nbformat.reads(sys.stdin.read(), as_version=4)
NotebookClient(notebook, timeout=50, kernel_name="this").execute()
print(json.dumps([cell.outputs for cell in notebook.cells if cell.cell_type == "code"]))
"""


def run_notebook(text, folder):
    """Execute a notebook, given as its file's text, with a kernel of this interpreter; give its cells' outputs."""
    pytest.importorskip("nbclient")
    pytest.importorskip("ipykernel")
    kernel = folder / "kernels" / "this"
    kernel.mkdir(parents=True)
    command = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    (kernel / "kernel.json").write_text(json.dumps({"argv": command, "display_name": "this", "language": "python"}))
    own = {"JUPYTER_PATH": folder, "IPYTHONDIR": folder / "ipython", "JUPYTER_RUNTIME_DIR": folder / "runtime"}
    done = subprocess.run(
        [sys.executable, "-c", EXECUTE],
        input=text,
        env={**os.environ, **{name: str(path) for name, path in own.items()}},
        capture_output=True,
        encoding="utf-8",
        timeout=2 * SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
