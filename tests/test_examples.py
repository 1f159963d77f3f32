"""The examples, run as a user runs them: on small trees, and on real packages of the standard library."""

import ast
import io
import os
import re
import shutil
import sysconfig
from collections import Counter
from pathlib import Path

import pytest
from programs import example_file, run_program

pytestmark = pytest.mark.once


def run(*arguments, **options):
    """Run the census and give what it printed."""
    return run_program(example_file("stdlib_census"), *arguments, **options)


def census_and_run(*arguments, **options):
    """Run the census and give its text and the run report's apart."""
    census, heading, report = run(*arguments, **options).partition("\nThe run\n")
    assert heading
    return census, report


def headline(census):
    """Read the totals."""
    return {name: int(number.replace(",", "")) for name, number in re.findall(r"(\w+) ([\d,]+) ·", census)}


def table(census, title):
    """Read a table: pairs of a label and its first number."""
    block = census.partition(f"\n{title} ")[2].partition("\n\n")[0]
    rows = re.findall(r"^  (.*?) +([\d,]+)(?:  |$)", block, re.MULTILINE)
    return [(label, int(number.replace(",", ""))) for label, number in rows]


@pytest.fixture
def tree(tmp_path):
    """A tree with what a census may meet."""
    files = {
        "plain.py": b"import os, plain_two\ndef f(a):\n    return 1 if a else 2\n",
        "plain_two.py": b"import os.path\nclass C:\n    def m(self):\n        for x in self: pass\n",
        "empty.py": b"",
        "latin.py": b"# -*- coding: latin-1 -*-\nname = '\xe9\xe8'\ndef caf\xe9(): pass\n",
        "warns.py": b"pattern = '\\d'\nassert (1, 'always')\n1 is 1\n",
        "long.py": b"total = " + b"1 + " * 2000 + b"1\n",
        "chain.py": b"def f(a):\n    if a == 0: pass\n" + b"    elif a == 1: pass\n" * 300,
        "package/__init__.py": b"from . import one\nfrom .two import thing, one\n",
        "package/one.py": b"from package import two\nfrom .. import plain\n",
        "package/two.py": b"def thing(): pass\n",
        "a/b/c/d/e/f/leaf.py": b"def leaf(): pass\n",
        f"{'long_name_' * 20}.py": b"",
        os.fsdecode(b"caf\xe9.py"): b"",  # no text in any encoding that is in use
        "broken.py": b"x = 1\ndef (:\n",
        "bad_bytes.py": b"name = '\xe9'\n",
        "bad_coding.py": b"# coding: no-such-thing\n",
        "null.py": b"a = '\0'\n",
        "nested.py": b"-" * 100_000 + b"1",
        "no_module.txt": b"def ignored(:",
        "site-packages/installed.py": b"import os\n",
        "__pycache__/cached.py": b"import os\n",
    }
    for name, source in files.items():
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(source)
    (tmp_path / "dangling.py").symlink_to("nowhere")
    (tmp_path / "directory.py").mkdir()
    return tmp_path


def test_census_is_the_same_with_any_number_of_workers(tree):
    runs = [census_and_run("--root", tree, "--parsers", 2, "--workers", workers) for workers in range(4)]
    texts, reports = zip(*runs, strict=True)
    assert set(texts) == {texts[0]}
    assert "4 components, in the calling process" in reports[0]
    assert "4 components, 1 worker," in reports[1]
    assert "4 components, 2 workers," in reports[2]
    assert all(name in reports[2] for name in ("walk", "parse_0", "parse_1", "merge"))


def test_census_of_a_small_tree(tree):
    census, _ = census_and_run("--root", tree)
    assert headline(census) == {"modules": 13, "lines": 322, "classes": 1, "functions": 6}
    assert table(census, "Largest modules")[:2] == [("chain", 302), ("plain_two", 4)]
    assert table(census, "Most imported modules") == [
        ("os", 2),
        ("package", 2),
        ("package.two", 2),
        ("package.one", 1),
        ("plain", 1),
        ("plain_two", 1),
    ]
    assert table(census, "Most complex functions")[:3] == [
        ("chain.py:1 f", 302),
        ("plain.py:2 f", 2),
        ("plain_two.py:3 C.m", 2),
    ]
    broken = census.partition("\nNot parsed: 5\n")[2].splitlines()[1:]
    assert [line.split()[0] for line in broken] == [
        "bad_bytes.py",
        "bad_coding.py",
        "broken.py",
        "nested.py",
        "null.py",
    ]
    assert "line 2: invalid syntax" in broken[2]
    assert max(map(len, census.splitlines()[1:])) <= 100


def test_census_of_nothing(tmp_path):
    census, _ = census_and_run("--root", tmp_path, "--workers", 2)
    assert headline(census) == {"modules": 0, "lines": 0, "classes": 0, "functions": 0}
    assert "Largest" not in census


def test_census_prints_where_bars_cannot_be_printed(tree):
    census, _ = census_and_run("--root", tree, environment={"PYTHONUTF8": "0", "PYTHONIOENCODING": "ascii"})
    assert "  chain  " in census


def test_census_lists_as_many_as_it_is_told_to(tree):
    census, _ = census_and_run("--root", tree, "--top", 1)
    titles = "Largest modules", "Most imported modules", "Most complex functions"
    assert [len(table(census, title)) for title in titles] == [1, 1, 1]


def test_census_compares_one_worker_with_two(tree):
    text = run("--root", tree, "--compare")
    assert re.search(r"1 worker  .* s\n2 workers .* times as fast\nThe results are equal.", text)


@pytest.mark.parametrize("arguments", [("--root", "no/such/place"), ("--top", 0), ("--parsers", 0), ("--workers", -1)])
def test_census_refuses_what_makes_no_sense(arguments):
    assert "error: --" in run(*arguments, expect=2)


def test_census_of_real_packages_agrees_with_counting_one_by_one(tmp_path):
    for package in ("asyncio", "email"):
        shutil.copytree(Path(sysconfig.get_path("stdlib"), package), tmp_path / package)
    census, report = census_and_run("--root", tmp_path, "--workers", 2, "--top", 10_000)

    lines, imported, complexity = {}, Counter(), {}
    classes = 0
    for file in tmp_path.rglob("*.py"):
        path = file.relative_to(tmp_path).as_posix()
        source = file.read_text()
        module = ".".join(part for part in path[:-3].split("/") if part != "__init__")
        lines[module] = len(io.StringIO(source).readlines())
        tree = ast.parse(source)
        classes += sum(isinstance(node, ast.ClassDef) for node in ast.walk(tree))
        imported.update(imports(tree, path))
        complexity.update((f"{path}:{line} {name}", value) for line, name, value in functions(tree))
    known = {name: count for name, count in imported.items() if name in lines or "." not in name}

    assert headline(census) == {
        "modules": len(lines),
        "lines": sum(lines.values()),
        "classes": classes,
        "functions": len(complexity),
    }
    assert len(lines) > 40
    assert dict(table(census, "Largest modules")) == lines
    assert dict(table(census, "Most imported modules")) == known
    found = dict(table(census, "Most complex functions"))
    assert found == {shown(name): value for name, value in complexity.items()}
    assert "Not parsed" not in census
    assert re.search(rf"merge +\d +{len(lines)} +{len(lines)} +1 ", report)


def shown(label):
    """Write a label as the census does."""
    return label if len(label) <= 44 else f"…{label[-43:]}"


def imports(tree, path):
    """Name what a module imports, each name once: another way of counting than the census has."""
    package = path.split("/")[:-1]
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            origin = [*package[: len(package) + 1 - node.level], node.module] if node.level else [node.module]
            origin = [part for part in origin if part]
            names |= {".".join([*origin, alias.name]) for alias in node.names}
    return {name[:end] for name in names for end in [*(dot.start() for dot in re.finditer(r"\.", name)), len(name)]}


def functions(node, scope=""):
    """Give line, name and complexity of the functions below a node, by recursion."""
    for child in ast.iter_child_nodes(node):
        inner = scope
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            inner = f"{scope}{child.name}."
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
            yield child.lineno, scope + child.name, 1 + sum(forks(part) for part in ast.iter_child_nodes(child))
        yield from functions(child, inner)


def forks(node):
    """Count the ways that begin at a node and below it, but not in other functions."""
    match node:
        case ast.FunctionDef() | ast.AsyncFunctionDef():
            return 0
        case ast.BoolOp():
            own = len(node.values) - 1
        case ast.comprehension():
            own = 1 + len(node.ifs)
        case ast.If() | ast.IfExp() | ast.For() | ast.AsyncFor() | ast.While() | ast.ExceptHandler() | ast.match_case():
            own = 1
        case _:
            own = 0
    return own + sum(forks(part) for part in ast.iter_child_nodes(node))
