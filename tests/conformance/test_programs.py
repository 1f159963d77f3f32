"""Programs that spawn workers without `if __name__ == "__main__"`: however they are started, and in notebooks."""

import json
import os
import subprocess
import sys

import pytest

PROGRAM = """
import dataclasses
import enum
import sys
from cascata import Graph, component, inport, outport

print("once")

class Colour(enum.Enum):
    RED = 1

@dataclasses.dataclass
class Point:
    x: int
    colour: Colour

def make_point(x):
    return Point(x, Colour.RED) if x else other(x)

def other(x):
    return make_point(x + 1)

@component
@inport("count", default=3)
@outport("out")
async def make(count, out):
    for x in range(count):
        await out.send(make_point(x))
    print("made")

@component
@inport("point")
@outport("out")
async def check(point, out):
    assert isinstance(point, Point) and point.colour is Colour.RED
    await out.send(point)

graph = Graph()
graph.make = make
graph.check = check
make.out >> check.point
graph.place(make, worker=0)
graph.place(check, worker=1)

def main():
    report = graph.run(num_workers=2, start_method="spawn", collect=[check.out])
    points = report.collected["check.out"]
    assert [type(point) for point in points] == [Point] * 3 and points[0].colour is Colour.RED
    return report.start_method, [point.x for point in points]
"""

CALL = "print(*main(), flush=True)\n"

EXPECTED = ["once", "made", "spawn [1, 1, 2]"]


def python(*arguments, program=None, cwd=None, quiet=True, **environment):
    process = subprocess.run(
        [sys.executable, *arguments],
        input=program,
        capture_output=True,
        text=True,
        timeout=50,
        cwd=cwd,
        env={**os.environ, **environment},
        check=False,
    )
    assert not (process.stderr and quiet), process.stderr
    assert process.returncode == 0, process.stderr
    return process.stdout.splitlines()


def test_a_script(tmp_path):
    (tmp_path / "script.py").write_text(PROGRAM + CALL)
    assert python(tmp_path / "script.py") == EXPECTED


LOOKING = """
import json
from cascata import Graph, component, outport

@component
@outport("out")
async def look(out):
    import __main__
    await out.send([sorted(name for name in vars(__main__) if not name.startswith("__")), __name__, __file__])

graph = Graph()
graph.look = look
print(json.dumps(graph.run(start_method="spawn", collect=[look.out]).collected["look.out"][0]))
"""


def test_main_of_a_worker_has_only_what_is_used(tmp_path):
    (tmp_path / "script.py").write_text(LOOKING)
    (line,) = python(tmp_path / "script.py")
    assert json.loads(line) == [[], "__main__", str(tmp_path / "script.py")]


def test_a_script_that_comes_by_standard_input():
    assert python(program=PROGRAM + CALL) == EXPECTED
    assert python("-", "argument", program=PROGRAM + CALL) == EXPECTED


def test_a_program_in_the_command():
    assert python("-c", PROGRAM + CALL) == EXPECTED


def test_a_module_of_a_package(tmp_path):
    package = tmp_path / "pkg"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "helper.py").write_text("def shift(x):\n    return x\n")
    text = PROGRAM.replace(
        "    return make_point(x + 1)", "    from .helper import shift\n    return make_point(shift(x + 1))"
    )
    (package / "mod.py").write_text(text + CALL)
    assert python("-m", "pkg.mod", cwd=tmp_path) == EXPECTED


def test_a_module_that_runs_its_graph_while_it_is_imported(tmp_path):
    package = tmp_path / "pkg"
    package.mkdir()
    (package / "__init__.py").write_text("from .mod import main\n" + CALL)
    (package / "mod.py").write_text(PROGRAM)
    assert python("-c", "import pkg", cwd=tmp_path) == EXPECTED
    (tmp_path / "script.py").write_text(PROGRAM + CALL)
    assert python("-c", "import script", cwd=tmp_path) == EXPECTED


def test_a_script_and_a_module_found_by_a_path_of_its_own(tmp_path):
    hidden = tmp_path / "hidden"
    hidden.mkdir()
    (hidden / "found.py").write_text("class Point:\n    def __init__(self, x):\n        self.x = x\n")
    text = f"import sys\nsys.path.insert(0, {str(hidden)!r})\n" + PROGRAM.replace(
        'print("once")', 'from found import Point as Found\nprint("once")'
    ).replace("    return make_point(x + 1)", "    return make_point(Found(x + 1).x)")
    (tmp_path / "script.py").write_text(text + CALL)
    assert python(tmp_path / "script.py") == EXPECTED


@pytest.mark.parametrize("flags", [["-E"], ["-P"], ["-I"], ["-s", "-B", "-O", "-W", "error", "-X", "utf8"]])
def test_flags_of_the_interpreter(tmp_path, flags):
    """`sys.path` is the caller's, whatever the flags would make of it."""
    path = f"import sys\nsys.path[:] = {sys.path!r}\n"
    text = PROGRAM.replace(
        'print("made")', 'print("made")\n    print("same", SEEN == (tuple(sys.flags), sys.warnoptions))'
    )
    (tmp_path / "script.py").write_text(path + "SEEN = tuple(sys.flags), sys.warnoptions\n" + text + CALL)
    lines = python(*flags, tmp_path / "script.py")
    assert [line for line in lines if not line.startswith("same")] == EXPECTED
    assert [line for line in lines if line.startswith("same")] == ["same True"]


@pytest.mark.parametrize(
    "call",
    [
        "import threading\nt = threading.Thread(target=lambda: print(*main(), flush=True))\nt.start()\nt.join()",
        "import asyncio\nasync def amain():\n    return main()\nprint(*asyncio.run(amain()), flush=True)",
    ],
    ids=["in a thread", "in a running loop"],
)
def test_automatically(tmp_path, call):
    (tmp_path / "script.py").write_text(PROGRAM.replace(', start_method="spawn"', "") + call + "\n")
    assert python(tmp_path / "script.py") == EXPECTED


def test_by_exec_and_with_main_as_another_module(tmp_path):
    """`runpy` and debuggers put a module of their own in the place of `__main__`."""
    (tmp_path / "script.py").write_text(PROGRAM + CALL)
    (tmp_path / "runner.py").write_text("import runpy\nrunpy.run_path('script.py', run_name='__main__')\n")
    assert python("runner.py", cwd=tmp_path) == EXPECTED
    (tmp_path / "executor.py").write_text(
        "namespace = {'__name__': 'made_up'}\nexec(open('script.py').read(), namespace)\n"
    )
    assert python("executor.py", cwd=tmp_path) == EXPECTED


def test_under_pytest_with_importlib(tmp_path):
    """Test modules then have names under which nobody finds them."""
    folder = tmp_path / "deep" / "tests"
    folder.mkdir(parents=True)
    (folder / "test_it.py").write_text(PROGRAM + "def test_it():\n    assert main() == ('spawn', [1, 1, 2])\n")
    for mode in ("importlib", "prepend"):
        process = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--import-mode={mode}", "deep"],
            capture_output=True,
            text=True,
            timeout=50,
            cwd=tmp_path,
            env={**os.environ, "PYTHONSAFEPATH": "1"},
            check=False,
        )
        assert "1 passed" in process.stdout, process.stdout


CELLS = [
    "import logging\nfrom cascata import log\nlog.setLevel(logging.DEBUG)",
    PROGRAM.replace(', start_method="spawn"', "").replace('print("made")', 'print("made"); log.debug("logged")'),
    "print(*main())",
    "report = await graph.arun(num_workers=2, collect=[check.out])\nprint(len(report.collected['check.out']), Point)",
    """
@component
@outport('out')
async def later(out):
    await out.send(Point(9, Colour.RED))
g = Graph()
g.later = later
print(g.run(num_workers=1, collect=[later.out]).collected['later.out'] == [Point(9, Colour.RED)])
""",
]


EXECUTE = """
import json, sys
import nbformat
from nbclient import NotebookClient

cells = [nbformat.v4.new_code_cell(cell) for cell in json.load(sys.stdin)]
notebook = nbformat.v4.new_notebook(cells=cells)
NotebookClient(notebook, timeout=50, kernel_name="this").execute()
for cell in notebook.cells:
    texts = {"stdout": "", "stderr": ""}
    for output in cell.outputs:
        texts[output.name] += output.text
    print(json.dumps(texts))
"""


def test_a_notebook(tmp_path):
    pytest.importorskip("nbclient")
    pytest.importorskip("ipykernel")
    kernels = tmp_path / "kernels" / "this"
    kernels.mkdir(parents=True)
    command = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    (kernels / "kernel.json").write_text(json.dumps({"argv": command, "display_name": "this", "language": "python"}))
    folders = {
        "JUPYTER_PATH": tmp_path,
        "IPYTHONDIR": tmp_path / "ipython",
        "JUPYTER_RUNTIME_DIR": tmp_path / "runtime",
    }
    environment = {name: str(folder) for name, folder in folders.items()}
    lines = python("-c", EXECUTE, program=json.dumps(CELLS), quiet=False, **environment)  # kernels may warn
    cells = [json.loads(line) for line in lines]
    assert cells[2]["stdout"].splitlines() == ["made", "spawn [1, 1, 2]"]
    assert cells[3]["stdout"].splitlines() == ["made", "3 <class '__main__.Point'>"]
    assert cells[4]["stdout"].splitlines() == ["True"]
    assert [cell["stderr"].count("DEBUG - make@make : logged") for cell in cells] == [0, 0, 1, 1, 0]
