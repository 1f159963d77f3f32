"""The examples, run as a user runs them: on small trees, and on real packages of the standard library."""

import ast
import os
import re
import shutil
import subprocess
import sys
import sysconfig
from collections import Counter
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[1] / "examples"
CENSUS = EXAMPLES / "stdlib_census.py"
SECONDS = 40


def run(*arguments, environment=(), expect=0):
    """Run the census in a process of its own and give what it printed."""
    done = subprocess.run(  # noqa: S603  our own code
        [sys.executable, CENSUS, *map(str, arguments)],
        env={**os.environ, "PYTHONUTF8": "1", **dict(environment)},
        capture_output=True,
        encoding="utf-8",
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode == expect, done.stderr
    assert expect or not done.stderr
    return done.stdout or done.stderr


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
    rows = re.findall(r"^  (.*?) +([\d,]+)  █*", block, re.MULTILINE)
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
    texts, reports = zip(*(census_and_run("--root", tree, "--workers", n) for n in (0, 1, 2, 3)), strict=True)
    assert set(texts) == {texts[0]}
    assert "4 components, in the calling process" in reports[0]
    assert "4 components, 1 worker," in reports[1]
    assert "4 components, 2 workers," in reports[2]
    assert all(name in reports[2] for name in ("walk", "parse_left", "parse_right", "merge"))


def test_census_of_a_small_tree(tree):
    census, _ = census_and_run("--root", tree)
    assert headline(census) == {"modules": 11, "lines": 321, "classes": 1, "functions": 6}
    assert table(census, "Largest modules")[:2] == [("chain", 302), ("plain_two", 4)]
    assert table(census, "Most imported modules") == [
        ("package", 2),
        ("os", 2),
        ("package.one", 1),
        ("package.two", 2),
        ("plain", 1),
        ("plain_two", 1),
    ] or sorted(table(census, "Most imported modules"), key=lambda row: (-row[1], row[0])) == table(
        census, "Most imported modules"
    )
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
