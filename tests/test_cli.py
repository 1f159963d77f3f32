"""The command `cascata`: which graph it finds, what it sets, what it says, and with which code it exits."""

import importlib
import json
import re
import sys
import tomllib
from pathlib import Path

import pytest

import cascata
from cascata.cli import main

pytestmark = pytest.mark.once

ROOT = Path(__file__).parents[1]

PARTS = '''
from cascata import Graph, component, inport, outport, persist

@component
@inport("text", default="a rose")
@outport("word")
async def split(text: str, word: str):
    """Send the words of a text.

    One by one.
    """
    for part in text.split():
        await word.send(part)

@component
@inport("word")
@inport("times", default=1, capacity=None)
@persist("end", str)
async def show(word: str, times: int, end):
    print(*[word] * times, end=end.get() + "\\n")
'''
PIPELINE = (
    PARTS
    + """
graph = Graph()
graph.split = split
graph.show = show
split.word >> show.word
"""
)


class Called:
    """What a command came to."""

    def __init__(self, code, out, err):
        self.code, self.out, self.err = code or 0, out, err

    def __repr__(self):
        return f"exit code {self.code}\n{self.out}\n{self.err}"


@pytest.fixture
def call(tmp_path, monkeypatch, capsys):
    """Call the command in an empty directory, as often as wanted; the modules that it imports are forgotten."""
    monkeypatch.chdir(tmp_path)

    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["cascata", *map(str, arguments)])
        path, modules = sys.path[:], set(sys.modules)
        try:
            with pytest.raises(SystemExit) as exited:
                main()
        finally:
            sys.path[:] = path
            for name in set(sys.modules) - modules:
                if str(tmp_path) in str(getattr(sys.modules[name], "__file__", None)):
                    del sys.modules[name]
            importlib.invalidate_caches()
        return Called(exited.value.code, *capsys.readouterr())

    return call


@pytest.fixture
def write(tmp_path):
    """Write a file into that directory."""

    def write(name, text):
        file = tmp_path / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(text)

    return write


def refused(called, message, code=2):
    assert called.code == code, called
    assert called.err == f"cascata: {message}\n"
    assert called.out == ""


# Running.


@pytest.mark.parametrize("options", [[], ["--workers", 1], ["--workers=0"], ["--timeout", 50.5]])
def test_a_graph_is_run(call, write, options):
    write("pipeline.py", PIPELINE)
    called = call("run", "pipeline.py", *options)
    assert (called.code, called.out, called.err) == (0, "a\nrose\n", "")


def test_a_component_that_raises(call, write):
    write("pipeline.py", PIPELINE.replace("print(", "raise ValueError(word) #"))
    called = call("run", "pipeline.py")
    assert called.code == 1
    first, *rest = called.err.splitlines()
    assert first == "cascata: show (show) on worker 1 raised ValueError: a"
    assert "  called with word='a', times=1" in rest
    assert "Traceback (most recent call last):" in rest
    assert rest[-1] == "ValueError: a"
    assert "/cascata/cli/" not in called.err
    assert 'pipeline.py", line' in called.err


def test_failures_that_follow_have_a_line_each(call, write):
    write(
        "pipeline.py",
        PIPELINE.replace("for part in", "raise ValueError\n    for part in")
        + """
@component
async def other():
    import asyncio
    try:
        await asyncio.sleep(60)
    finally:
        raise KeyError("late")
for n in range(7):
    graph.add(f"other{n}", other)
""",
    )
    called = call("run", "pipeline.py", "--workers", 1)
    assert called.code == 1
    assert "\n\n7 failures more while the run was being stopped:\n  - other" in called.err
    assert called.err.endswith("\n  - and 2 more\n")


def test_a_graph_that_cannot_run(call, write):
    write("pipeline.py", PIPELINE.replace(', default="a rose"', ""))
    for command in ("run", "check"):
        called = call(command, "pipeline.py")
        assert called.code == 3
        assert called.err.startswith("cascata: this graph cannot run:\n  - split.text")
    assert call("check", "pipeline.py", "--set", "split.text=now it can").code == 0


def test_a_run_in_which_nothing_can_move(call, write):
    write(
        "pipeline.py",
        """
from cascata import Graph, component, inport, outport
@component
@inport("n", default=0)
@outport("n2")
async def double(n, n2):
    await n2.send(n); await n2.send(n)
graph = Graph()
graph.a = double
graph.b = double
graph.a.n2 >> graph.b.n
graph.b.n2 >> graph.a.n
graph.a.n < 1
""",
    )
    called = call("run", "pipeline.py")
    assert called.code == 3
    assert called.err.startswith("cascata: nothing can move any more")


def test_the_timeout(call, write):
    write("pipeline.py", PIPELINE.replace("print(", "import asyncio; await asyncio.sleep(60) #"))
    called = call("run", "pipeline.py", "--timeout", "0.2")
    assert called.code == 4
    assert called.err.startswith("cascata: the run did not end within 0.2 s; still running:\n")


def test_a_worker_that_dies(call, write):
    write("pipeline.py", PIPELINE.replace("print(", "import os; os._exit(3) #"))
    called = call("run", "pipeline.py")
    assert called.code == 5
    assert called.err == "cascata: worker 1 exited with code 3; it was running show\n"


@pytest.mark.parametrize("seconds", ["0", "-1", "nan", "inf"])
def test_a_timeout_that_is_none(call, write, seconds):
    refused(call("run", "pipeline.py", "--timeout", seconds), f"--timeout {seconds}: give seconds above 0")


def test_a_file_that_runs_its_graph_itself_is_not_run_twice(call, write):
    write("pipeline.py", PIPELINE + "graph.run(num_workers=0)\n")
    called = call("run", "pipeline.py")
    assert (called.code, called.out) == (2, "a\nrose\n")
    assert called.err.startswith("cascata: pipeline.py has run a graph itself, when it was imported, and it is not run")
    assert "below `if __name__ == '__main__':`" in called.err


def test_a_file_that_runs_its_graph_itself_and_fails(call, write):
    write("pipeline.py", PIPELINE.replace("print(", "raise ValueError(word) #") + "graph.run(num_workers=0)\n")
    called = call("run", "pipeline.py")
    assert called.code == 1
    assert called.err.startswith("cascata: show (show) on worker 0 raised ValueError: a")


def test_what_is_meant_for_a_script_is_not_run(call, write):
    write("pipeline.py", PIPELINE + "if __name__ == '__main__':\n    graph.run(); raise SystemExit(9)\n")
    assert call("run", "pipeline.py").out == "a\nrose\n"


# Which graph.


def test_the_graph_of_a_name(call, write):
    more = "second = Graph()\nsecond.show = show\nsecond.show.word < 'second'\n"
    more += (
        "class Holder:\n    graph = second\ndef build(word='built'):\n    second.show.word < word\n    return second\n"
    )
    write("pipeline.py", PIPELINE + more + "again = graph\n")
    refused(
        call("run", "pipeline.py"),
        "pipeline.py has several graphs; say which one: pipeline.py:graph, pipeline.py:second",
    )
    assert call("run", "pipeline.py:graph").out == "a\nrose\n"
    assert call("run", "pipeline.py:again").out == "a\nrose\n"
    assert call("run", "pipeline.py:second").out == "second\n"
    assert call("run", "pipeline.py:Holder.graph").out == "second\n"
    assert call("run", "pipeline.py:build").out == "built\n"


def test_a_function_that_gives_a_graph(call, write):
    function = "def build(word: int = 3) -> Graph:\n    graph = Graph()\n    graph.split = split\n    return graph\n"
    write("pipeline.py", PARTS + function)
    assert call("check", "pipeline.py").out == "pipeline.py can run: 1 component, 0 connections\n"
    write("pipeline.py", "from __future__ import annotations\n" + PARTS + function)
    assert call("check", "pipeline.py").code == 0
    write("pipeline.py", PARTS + function + function.replace("build", "make"))
    refused(
        call("run", "pipeline.py"),
        "pipeline.py has several functions that give a graph; say which one: pipeline.py:build, pipeline.py:make",
    )
    assert call("check", "pipeline.py:make").code == 0


def test_no_graph(call, write):
    write("pipeline.py", PARTS)
    hint = "assign one to a variable (`graph = Graph()`), or write a function `-> Graph`"
    refused(call("run", "pipeline.py"), f"pipeline.py has no graph: {hint}")
    write("pipeline.py", PARTS + "if __name__ == '__main__':\n    graph = Graph()\n")
    below = "what stands below `if __name__ == '__main__':` is not run"
    refused(call("run", "pipeline.py"), f"pipeline.py has no graph: {hint}; {below}")


def test_a_name_that_is_no_graph(call, write):
    write("pipeline.py", PIPELINE + "def count(n): ...\ndef nothing(): ...\ndef bad():\n    raise OSError('no')\n")
    refused(
        call("run", "pipeline.py:grahp"),
        "pipeline.py has no 'grahp'; did you mean 'graph'? Its graphs: pipeline.py:graph",
    )
    called = call("run", "pipeline.py:PARTS")
    assert (called.code, "has no 'PARTS'" in called.err) == (2, True)
    called = call("run", "pipeline.py:split")
    assert called.err.startswith(
        "cascata: pipeline.py:split is no graph, and no function that gives one: <split (split)"
    )
    refused(
        call("run", "pipeline.py:count"),
        "pipeline.py:count is called without arguments, and takes some (missing a required argument: 'n'); "
        "give them defaults",
    )
    refused(call("run", "pipeline.py:nothing"), "pipeline.py:nothing() gives no graph, but None")
    called = call("run", "pipeline.py:bad")
    assert called.code == 6
    assert called.err.startswith("cascata: pipeline.py:bad() raises\n\nTraceback (most recent call last):\n")
    assert called.err.endswith("OSError: no\n")
    assert "/cascata/cli/" not in called.err


# Which file.


def test_a_file_that_is_not_there(call, write):
    refused(call("run", "pipeline.py"), "there is no file pipeline.py")
    write("pipeline.py", PIPELINE)
    refused(call("run", "pipline.py"), "there is no file pipline.py; did you mean 'pipeline.py'?")
    refused(call("run", "pipeline"), "pipeline: give a Python file (.py), or a graph as data (.json)")
    refused(call("run", "."), ".: give a Python file (.py), or a graph as data (.json)")


def test_a_file_that_cannot_be_imported(call, write):
    for code, last in [
        ("raise OSError('no')", "OSError: no"),
        ("import no_such_module", "ModuleNotFoundError: No module named 'no_such_module'"),
        ("def f(:\n", "SyntaxError: invalid syntax"),
        (PARTS.replace('@inport("text"', '@inport("txet"'), "TypeError: split"),
    ]:
        write("pipeline.py", code)
        called = call("run", "pipeline.py")
        assert called.code == 6
        assert called.err.startswith("cascata: pipeline.py cannot be imported: it raises\n\n")
        assert called.err.splitlines()[-1].startswith(last)
        assert "/cascata/" not in called.err.replace("cascata/cascata", ""), "frames of ours"
        assert "pipeline.py" in called.err.split("raises")[1]


def test_a_file_that_ends_the_program(call, write):
    write("pipeline.py", "import sys; sys.exit(0)")
    called = call("run", "pipeline.py")
    assert called.code == 6
    assert called.err.startswith("cascata: pipeline.py ends the program when it is imported (SystemExit(0))")


def test_a_file_has_its_own_name_directory_and_arguments(call, write):
    write(
        "there/pipeline.py", PIPELINE + "import helper, sys\nsplit.text < helper.text + __name__ + str(len(sys.argv))"
    )
    write("there/helper.py", "text = 'helped '")
    assert call("run", "there/pipeline.py").out == "helped\npipeline1\n"


def test_a_file_of_a_package(call, write):
    write("package/__init__.py", "")
    write("package/pipeline.py", PIPELINE + "from .helper import text\nsplit.text < text + __name__")
    write("package/helper.py", "text = 'helped '")
    assert call("run", "package/pipeline.py").out == "helped\npackage.pipeline\n"


def test_names_of_files_that_are_taken(call, write):
    write("json.py", PIPELINE)
    called = call("run", "json.py")
    assert called.code == 2
    assert called.err.startswith("cascata: json.py cannot be imported: there is a module 'json' already, /")
    write("sys.py", PIPELINE)
    called = call("run", "sys.py")
    assert "there is a module 'sys' already, a part of Python; take another name" in called.err
    write("pipe.line.py", PIPELINE)
    refused(call("run", "pipe.line.py"), "pipe.line.py cannot be imported: its name has a dot in it; take another name")


# Values.


def test_values_are_json_or_text_as_the_port_takes_them(call, write):
    write("pipeline.py", PIPELINE)
    for setting, out in [
        ("split.text=b c", "b\nc\n"),
        ("split.text=5", "5\n"),
        ('split.text="5 6"', "5\n6\n"),
        ("split.text=", ""),
        ("split.text=x=y", "x=y\n"),
        ("show.times=2", "a a\nrose rose\n"),
        ("show.end=!", "a!\nrose!\n"),
    ]:
        assert call("run", "pipeline.py", "--set", setting).out == out
    assert call("run", "pipeline.py", "--set", "split.text=b", "--set=show.times=3").out == "b b b\n"


def test_values_of_groups_subgraphs_and_exports(call, write):
    write(
        "pipeline.py",
        PARTS
        + """
sub = Graph()
sub.split = split
sub.export(sub.split.text, "text")
main = Graph()
main.prep = sub
main.shows = show * 2
main.prep.split.word >> main.shows.word.round_robin
main.export(main.shows.times, "often")
""",
    )
    for name in ("prep.text", "prep_text", "prep.split.text", "prep_split.text"):
        called = call("run", "pipeline.py:main", "--workers", 0, "--set", f"{name}=b c", "--set", "shows.times=2")
        assert sorted(called.out.splitlines()) == ["b b", "c c"]
    assert call("run", "pipeline.py:main", "--workers=0", "--set", "often=2").out == "a a\nrose rose\n"


def test_values_of_what_there_is_not(call, write):
    write("pipeline.py", PIPELINE)
    for setting, message in [
        ("splti.text=3", "the graph has no component 'splti'; did you mean 'split'? It has: split, show"),
        ("split.txt=3", "split (split) has no port 'txt'; did you mean 'text'? It has inports: text; outports: word"),
        ("split=3", "name a port of split: text"),
        (
            "split.word=3",
            "split.word is no inport and no persistent value, but <outport split.word: str, feeds show.word>",
        ),
        ("split.name=3", "split.name is no inport and no persistent value, but 'split'"),
        ("split.text.type=3", "<inport split.text: str, capacity 10, initially 'a rose', not connected> has no 'type'"),
        ("split.text", "write the port, `=` and the value, as in --set node.port=3"),
    ]:
        refused(call("run", "pipeline.py", "--set", setting), f"--set {setting}: {message}")
    refused(call("run", "pipeline.py", "--set", "show.times=many"), "show.times takes int, and 'many' is none")
    refused(call("run", "pipeline.py", "--set", "show.times=1.5"), "show.times takes int, and 1.5 is none")


# Graphs as data.


@pytest.fixture
def data(call, write):
    """Write a graph as data beside the module of its components."""
    write("word_parts.py", PARTS)
    write("pipeline.py", PIPELINE.replace(PARTS, "from cascata import Graph\nfrom word_parts import show, split\n"))
    write(
        "save.py",
        "import json, pathlib, pipeline\ngraph = pipeline.graph\n"
        "pathlib.Path('words.json').write_text(json.dumps(graph.to_json()))",
    )
    assert call("check", "save.py").code == 0


def test_a_graph_as_data(call, data):
    for command in ("run", "check"):
        called = call(command, "words.json", "--set", "split.text=b c")
        out = {"run": "b\nc\n", "check": "words.json can run: 2 components, 1 connection\n"}
        assert (called.code, called.out) == (0, out[command])


def test_which_modules_data_may_import(call, data):
    for patterns in (["word_parts"], ["other", "word_parts"]):
        assert call("run", "words.json", *[f"--allow={pattern}" for pattern in patterns]).code == 0
    called = call("run", "words.json", "--allow", "other")
    assert called.code == 6
    assert called.err.startswith("cascata: words.json does not describe a graph: nodes.split")
    message = "--allow is for files of data (.json): a Python file is run as it is, whatever it imports"
    refused(call("run", "pipeline.py", "--allow", "word_parts"), message)


def test_data_that_cannot_be_read(call, data, write):
    refused(call("run", "wrods.json"), "there is no file wrods.json; did you mean 'words.json'?")
    refused(
        call("run", "words.json:graph"),
        "words.json:graph: a file of data holds one graph, without a name; write words.json",
    )
    write("bad.json", "{")
    called = call("check", "bad.json")
    assert called.code == 6
    assert called.err.startswith("cascata: bad.json is not JSON: ")
    write("bad.json", '{"nodes": {"split": {"module": "word_parts"}}}')
    refused(call("check", "bad.json"), "bad.json does not describe a graph: nodes.split: missing field `class`", 6)
    write("bad.json", '{"nodes": {"split": {"module": "word_parts", "class": "splti"}}}')
    assert call("check", "bad.json").code == 6
    write("word_parts.py", "1 / 0")
    called = call("check", "words.json")
    assert called.code == 6
    assert "ZeroDivisionError" in called.err


# Pictures.


@pytest.mark.parametrize(
    ("name", "begin"),
    [
        ("words.svg", "<svg"),
        ("words.dot", "digraph"),
        ("words.gv", "digraph"),
        ("words.mmd", "flowchart"),
        ("words.md", "```mermaid\nflowchart"),
    ],
)
def test_a_picture_in_a_file(call, write, tmp_path, name, begin):
    if begin == "digraph":
        pytest.importorskip("graphviz")
    write("pipeline.py", PIPELINE)
    called = call("draw", "pipeline.py", "-o", name)
    assert (called.code, called.out, called.err) == (0, "", "")
    text = (tmp_path / name).read_text()
    assert text.startswith(begin)
    assert "split" in text
    assert text.endswith("\n")


def test_a_picture_on_standard_output(call, write, tmp_path):
    write("pipeline.py", PIPELINE)
    assert call("draw", "pipeline.py").out.startswith("<svg")
    mermaid = call("draw", "pipeline.py", "--format", "mermaid").out
    assert mermaid.startswith("flowchart")
    assert call("draw", "pipeline.py", "--format", "markdown").out == f"```mermaid\n{mermaid}```\n"
    assert call("draw", "pipeline.py", "--format", "mermaid", "--set", "split.text=drawn").out.count("drawn") == 1
    assert call("draw", "pipeline.py", "--format", "mermaid", "--workers", 2).out != mermaid
    assert call("draw", "pipeline.py", "--format", "mermaid", "-o", "words.txt").code == 0
    assert (tmp_path / "words.txt").read_text() == mermaid


def test_a_picture_that_is_not_to_be_wide(call, write):
    write("pipeline.py", PIPELINE)
    wide, narrow = call("draw", "pipeline.py").out, call("draw", "pipeline.py", "--width", 150).out
    widths = [float(re.search(r'width="([0-9.]+)"', svg)[1]) for svg in (wide, narrow)]
    assert widths[0] > widths[1]
    message = "--width is for SVG pictures, and this one is mermaid; leave it out, or say --format svg"
    refused(call("draw", "pipeline.py", "--width", 150, "-o", "words.mmd"), message)


def test_a_picture_that_cannot_be_made(call, write, monkeypatch):
    write("pipeline.py", PIPELINE)
    endings = ".svg, .dot, .gv, .mmd, .mermaid, .md"
    message = f"--output words.png: end its name in one of {endings}, or say what to write, as --format svg"
    refused(call("draw", "pipeline.py", "--output", "words.png"), message)
    message = "no/words.mmd cannot be written: No such file or directory"
    refused(call("draw", "pipeline.py", "-o", "no/words.mmd"), message)
    monkeypatch.setitem(sys.modules, "graphviz", None)
    called = call("draw", "pipeline.py", "-o", "words.dot")
    assert called.code == 2
    assert "pip install" in called.err


# The report.


def test_the_report_as_json(call, write, tmp_path):
    write("pipeline.py", PIPELINE)
    assert call("run", "pipeline.py", "--workers", 1, "--report", "report.json").code == 0
    report = json.loads((tmp_path / "report.json").read_text())
    assert (report["outcome"], report["workers"], report["start_method"]) == ("done", [["split", "show"]], "fork")
    counts = report["components"]["show"]["inports"]["word"]
    assert (counts["received"], counts["taken"], counts["discarded"], counts["in_flight"]) == (2, 2, 0, 0)
    assert report["edges"] == [{"source": "split.word", "target": "show.word", "share": None, "items": 2}]
    assert (report["components"]["split"]["firings"], "collected" in report) == (1, False)


def test_the_report_of_a_run_that_failed(call, write, tmp_path):
    write("pipeline.py", PIPELINE.replace("print(", "raise ValueError(word) #"))
    assert call("run", "pipeline.py", "--report", "report.json").code == 1
    report = json.loads((tmp_path / "report.json").read_text())
    error = report["error"]
    assert (report["outcome"], error["kind"], error["component"]) == ("failed", "ComponentError", "show")
    assert error["inputs"] == {"word": "'a'", "times": "1"}
    assert error["message"].startswith("show (show) on worker 1 raised ValueError: a")
    write("pipeline.py", PIPELINE.replace("print(", "import asyncio; await asyncio.sleep(60) #"))
    assert call("run", "pipeline.py", "--report", "report.json", "--timeout", "0.2").code == 4
    report = json.loads((tmp_path / "report.json").read_text())
    assert report["outcome"] == "timeout"
    assert report["error"]["components"]["show"].startswith("awaits something that is no channel")


def test_a_report_that_cannot_be_written_is_refused_before_the_run(call, write):
    write("pipeline.py", PIPELINE)
    message = "--report no/report.json: it cannot be written: No such file or directory"
    refused(call("run", "pipeline.py", "--report", "no/report.json"), message)


# Components.


def test_the_components_of_a_file_or_a_module(call, write):
    write("word_parts.py", PARTS)
    expected = """\
split (word_parts)
    Send the words of a text.

    One by one.
    in     text: str = 'a rose', capacity 10
    out    word: str

show (word_parts)
    in     word: str, capacity 10
    in     times: int = 1, no bound
    keeps  end: Any
"""
    for name in ("word_parts.py", "word_parts"):
        called = call("components", name)
        assert (called.code, called.out, called.err) == (0, expected, "")


def test_the_components_of_a_package(call, write):
    write("package/__init__.py", "from package import parts")
    write("package/parts.py", PARTS)
    assert call("components", "package").out.startswith("split (package.parts)\n")
    assert call("components", "package.parts").out.startswith("split (package.parts)\n")


def test_a_module_without_components_or_that_is_not_there(call, write):
    write("empty.py", "")
    called = call("components", "empty")
    assert (called.code, called.out, called.err) == (0, "", "cascata: no component is defined in empty\n")
    for name, missing in [("no_such", "no_such"), ("no.such", "no"), ("empty.such", "empty.such")]:
        called = call("components", name)
        assert called.code == 2
        assert called.err.startswith(f"cascata: there is no module {missing!r} in ")
    write("bad.py", "1 / 0")
    assert call("components", "bad").code == 6


# The command line.


def test_the_version(call):
    assert call("--version").out == f"cascata {cascata.__version__}\n"


@pytest.mark.parametrize("option", ["-h", "--help"])
def test_help(call, option):
    called = call(option)
    assert called.code == 0
    assert [line.split()[0] for line in called.out.split("Commands:\n")[1].splitlines()] == [
        "run",
        "check",
        "draw",
        "components",
    ]
    for command in ("run", "check", "draw", "components"):
        called = call(command, option)
        assert (called.code, called.err) == (0, "")
        assert "  3    the graph cannot run, or came to a deadlock\n" in called.out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["rnu"], "Did you mean 'run'"),
        (["run"], "Missing argument"),
        (["run", "x.py", "--timout", "3"], "--timeout"),
        (["run", "x.py", "--workers", "-1"], "--workers"),
        (["run", "x.py", "--workers", "many"], "--workers"),
        (["run", "x.py", "--start-method", "forc"], "fork"),
        (["draw", "x.py", "--format", "png"], "svg"),
    ],
)
def test_mistakes_on_the_command_line(call, arguments, message):
    called = call(*arguments)
    assert called.code == 2
    assert message in called.err
    assert "Traceback" not in called.err


def test_the_command_is_installed():
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]
    assert scripts == {"cascata": "cascata.cli:main"}
