"""What the census example counts, one by one, and the group that does it."""

import ast
import shutil
import sysconfig
from pathlib import Path

import pytest
from programs import SECONDS, loaded_example

pytestmark = pytest.mark.once


@pytest.fixture(scope="module")
def census():
    with loaded_example("stdlib_census") as module:
        yield module


@pytest.mark.parametrize(
    ("body", "complexity"),
    [
        ("pass", 1),
        ("assert a and b", 2),
        ("if a: pass", 2),
        ("if a: pass\n elif b: pass\n else: pass", 3),
        ("if a and b and c or d: pass", 5),
        ("return a if b else c", 2),
        ("for x in y: pass\n else: pass", 2),
        ("while a: pass", 2),
        ("try: pass\n except A: pass\n except B: pass\n else: pass\n finally: pass", 3),
        ("try: pass\n except* A: pass", 2),
        ("with a, b: pass", 1),
        ("match a:\n  case 1 if b: pass\n  case _: pass", 3),
        ("return [x for x in y if x if not x for z in x]", 5),
        ("return {x: x for x in y}, (x for x in y)", 3),
        ("return lambda: a or b", 2),
        ("async for x in y: pass", 2),
        ("class C:\n  x = a or b", 2),
        ("def inner():\n  if a: pass", 1),
    ],
)
def test_complexity(census, body, complexity):
    source = f"async def f():\n {body}\n".encode()
    module = census.measure(ast.parse(source), source, "m.py", 10)
    assert {function.name: function.complexity for function in module.hardest}["f"] == complexity


def test_functions_have_dotted_names_and_lines(census):
    source = b"class A:\n class B:\n  @d\n  def f(self):\n   class C:\n    def g(self): a or b\n"
    module = census.measure(ast.parse(source), source, "m.py", 10)
    assert [(f.name, f.line, f.complexity) for f in module.hardest] == [("A.B.f.C.g", 6, 2), ("A.B.f", 4, 1)]
    assert (module.classes, module.functions, module.complexity) == (3, 2, 3)
    assert len(census.measure(ast.parse(source), source, "m.py", 1).hardest) == 1


@pytest.mark.parametrize(
    ("statement", "names"),
    [
        ("import a, b.c", {"a", "b", "b.c"}),
        ("import a.b as c", {"a", "a.b"}),
        ("from a.b import c as d", {"a", "a.b", "a.b.c"}),
        ("from a import *", {"a"}),
        ("from . import c", {"p", "p.q", "p.q.c"}),
        ("from .c import d", {"p", "p.q", "p.q.c", "p.q.c.d"}),
        ("from .. import c", {"p", "p.c"}),
        ("from ... import c", {"c"}),
        ("from ..... import *", set()),
    ],
)
def test_imports_are_dotted_names(census, statement, names):
    (node,) = ast.parse(statement).body
    assert set(census.imported_names(node, "p.q")) == names


def test_modules_of_a_package_have_their_full_names(census, tmp_path):
    package = tmp_path / "outer" / "inner"
    package.mkdir(parents=True)
    for file in (package.parent / "__init__.py", package / "__init__.py", package / "leaf.py"):
        file.write_text("from . import x")
    base = census.import_base(package)
    assert base == tmp_path
    found = [census.examine(file, base, 1) for file in census.python_files(package)]
    assert [(module.name, sorted(module.imports)) for module in found] == [
        ("outer.inner", ["outer", "outer.inner", "outer.inner.x"]),
        ("outer.inner.leaf", ["outer", "outer.inner", "outer.inner.x"]),
    ]


def test_a_file_that_cannot_be_read_is_reported(census, tmp_path):
    found = census.examine(tmp_path / "gone.py", tmp_path, 1)
    assert found.path == "gone.py"
    assert found.reason.startswith("FileNotFoundError: ")


def test_components_alone(census, tmp_path):
    (tmp_path / "b.py").write_text("import os\n")
    (tmp_path / "a.py").write_text("def (")
    assert census.walk.test(root=tmp_path) == {"found": [tmp_path / "b.py", tmp_path / "a.py"]}

    (module,) = census.parse.test(file=tmp_path / "b.py", base=tmp_path)["examined"]
    assert (module.name, module.lines, module.imports) == ("b", 1, {"os"})
    (unparsable,) = census.parse.test(file=tmp_path / "a.py", base=tmp_path)["examined"]
    assert unparsable.reason.startswith("line 1: ")

    (whole,) = census.merge.test(examined=module, found=[unparsable])["census"]
    assert whole == census.Census([module], [unparsable])


def test_parsers_are_kept_apart(census, tmp_path):
    graph = census.census_graph(tmp_path, 10, parsers=2)
    workers = [{component.name for component in shard.components} for shard in graph.shard(2)]
    assert len(workers) == 2
    assert not any({"parse_0", "parse_1"} <= names for names in workers)


@pytest.mark.parametrize("workers", [0, 1, 2, 3])
def test_a_group_of_any_size_takes_the_same_census(census, tmp_path, workers):
    shutil.copytree(Path(sysconfig.get_path("stdlib"), "json"), tmp_path / "json")
    (tmp_path / "broken.py").write_text("def (")
    files = census.python_files(tmp_path)
    expected = [census.examine(file, tmp_path, 5) for file in sorted(files)]
    for parsers in (1, 2, 3, 5):
        graph = census.census_graph(tmp_path, 5, parsers)
        assert [member.name for member in graph.parse] == [f"parse_{number}" for number in range(parsers)]
        report = graph.run(num_workers=workers, timeout=SECONDS, collect=[graph.merge.census])
        (found,) = report.collected["merge.census"]
        assert sorted(found.modules + found.unparsable, key=lambda entry: entry.path) == expected
        assert found.modules == sorted(found.modules, key=lambda module: module.path)
        assert [entry.path for entry in found.unparsable] == ["broken.py"]
        assert sum(report.components[member.name].firings for member in graph.parse) == len(files)
