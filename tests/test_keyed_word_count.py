"""The example of a keyed group: what it counts, and that each of its members has all of its words."""

import ast
import re
import shutil
import sysconfig
from collections import Counter
from pathlib import Path

import pytest
from programs import SECONDS, example_file, loaded_example, run_program

pytestmark = pytest.mark.once


@pytest.fixture(scope="module")
def example():
    with loaded_example("keyed_word_count") as module:
        yield module


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    """Some real packages, and what is no source."""
    tree = tmp_path_factory.mktemp("tree")
    for package in ("email", "json"):
        shutil.copytree(Path(sysconfig.get_path("stdlib"), package), tree / package)
    (tree / "broken.py").write_text('"""nothing of this counts"""\ndef (')
    (tree / "site-packages").mkdir()
    (tree / "site-packages" / "apart.py").write_text('"""nor of this"""')
    return tree


def counted(tree):
    """Count the words one by one, the most frequent ones first."""
    counts = Counter()
    for package in ("email", "json"):
        for file in (tree / package).rglob("*.py"):
            for node in ast.walk(ast.parse(file.read_text())):
                if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                    words = re.split("[^a-z]+", (ast.get_docstring(node) or "").lower())
                    counts.update(word for word in words if len(word) > 3)
    return sorted(counts.items(), key=lambda entry: (-entry[1], entry[0]))


@pytest.mark.parametrize("workers", [0, 1, 2, 3])
def test_it_agrees_with_counting_one_by_one(example, tree, workers):
    expected = counted(tree)
    assert len(expected) > 1000
    for counters in (1, 4):
        graph = example.word_count_graph(tree, counters)
        totals, ranking = graph.count.totals, graph.rank.ranking
        collected = graph.run(num_workers=workers, timeout=SECONDS, collect=[totals, ranking]).collected
        assert collected["rank.ranking"] == [expected]
        of_members = collected["count.totals"]
        assert len(of_members) == counters
        assert sum(map(len, of_members)) == len(expected)  # so that no word is with two of them
        letters = [{word[0] for word in words} for words in of_members]
        assert sum(map(len, letters)) == len(set.union(*letters))


def test_components_alone(example, tree):
    (tree / "one.py").write_text('"""Some words, some more words."""')
    sent = example.read.test(file=tree / "one.py")["words"]
    (tree / "one.py").unlink()
    assert sent == [("s", {"some": 2}), ("w", {"words": 2}), ("m", {"more": 1})]
    assert example.read.test(file=tree / "broken.py") == {"words": []}
    assert example.count.test(words=sent[0], counts=Counter(some=1))["totals"] == [{"some": 3}]


def test_the_command_line(tree):
    text = run_program(example_file("keyed_word_count"), "--root", tree, "--counters", 3, "--workers", 2, "--top", 5)
    expected = counted(tree)
    assert re.findall(r"^ +([\d,]+)  (\w+)$", text, re.MULTILINE) == [(f"{n:,}", word) for word, n in expected[:5]]
    assert f"\n{sum(number for _, number in expected):,} words, {len(expected):,} different ones\n" in text
    assert "7 components, 2 workers," in text
