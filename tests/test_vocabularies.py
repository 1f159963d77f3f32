"""The example of a subgraph that is used twice: what it counts, and that its copies are apart."""

import ast
import re
import shutil
import sysconfig
import tokenize
from collections import Counter
from pathlib import Path

import pytest
from programs import example_file, loaded_example, run_program

pytestmark = pytest.mark.once


@pytest.fixture(scope="module")
def example():
    with loaded_example("vocabularies") as module:
        yield module


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    """Some real packages, and what is no source."""
    tree = tmp_path_factory.mktemp("tree")
    for package in ("email", "json"):
        shutil.copytree(Path(sysconfig.get_path("stdlib"), package), tree / package)
    (tree / "broken.py").write_text("# nothing of this counts\ndef (")
    (tree / "null.py").write_bytes(b"# nor of this\0")
    (tree / "tests").mkdir()
    (tree / "tests" / "apart.py").write_text("# nor of this")
    return tree


def counted(tree, texts):
    """Count the words of the texts that a function finds, file by file and one by one."""
    found = {}
    for file in sorted(tree.rglob("*.py")):
        if file.parent not in (tree, tree / "tests"):
            path = str(file.relative_to(tree))
            for word, number in Counter(re.split(r"[^a-z]+", "\n".join(texts(file)).lower())).items():
                if len(word) > 2:
                    first, count, files = found.get(word, (path, 0, 0))
                    found[word] = first, count + number, files + 1
    return found


def docstrings(file):
    """Find the docstrings, and cut out doctests and addresses line by line."""
    for node in ast.walk(ast.parse(file.read_text())):
        body = getattr(node, "body", None)
        if isinstance(node, ast.Lambda | ast.IfExp) or not body or not isinstance(body[0], ast.Expr):
            continue
        value = body[0].value
        named = isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        if named and isinstance(value, ast.Constant) and isinstance(value.value, str):
            for line in value.value.expandtabs().splitlines():
                if not line.strip().startswith((">>> ", "... ")):
                    yield from (word for word in line.split() if "://" not in word)


def comments(file):
    """Find the comments, and cut out addresses and remarks to tools."""
    with file.open("rb") as source:
        for token in tokenize.tokenize(source.readline):
            if token.type == tokenize.COMMENT:
                text = re.split(r"\b(?:noqa|pragma|pylint|fmt|isort|mypy|type: ignore)\b", token.string)[0]
                yield from (word for word in text.partition("-*-")[0].split() if "://" not in word)


def as_tuples(vocabulary):
    return {word: (entry.first, entry.count, entry.files) for word, entry in vocabulary.items()}


@pytest.mark.parametrize("workers", [0, 1, 2, 3])
def test_it_agrees_with_counting_one_by_one(example, tree, workers):
    expected = counted(tree, docstrings), counted(tree, comments)
    assert min(map(len, expected)) > 1000
    for members in (1, 3):
        comparison, report = example.compare_vocabularies(tree, members, workers=workers)
        assert (as_tuples(comparison.docstrings), as_tuples(comparison.comments)) == expected
        assert len(report.components) == 4 + 5 * members


def test_each_copy_is_told_by_itself_what_to_leave_out(example, tmp_path):
    text = "Speak: noqa of it, at http://example.org/place\n    >>> run(it)\n"
    (tmp_path / "a.py").write_text(f'"""{text}"""\n# {text.replace(chr(10), " ")}\n# >>> run(it)\n')
    comparison, _ = example.compare_vocabularies(tmp_path, 1, workers=0)
    assert comparison.docstrings.keys() == {"speak", "noqa"}
    assert comparison.comments.keys() == {"speak", "run"}


def test_the_graph_has_two_copies_with_a_copy_in_each(example, tmp_path):
    graph = example.comparison_graph(tmp_path, 2)
    assert graph.docstrings.text is graph.docstrings_words.text is graph.docstrings_words_clean.text
    assert [part.name for part in graph.comments.words.split] == [f"comments_words_split_{n}" for n in range(2)]
    assert graph.docstrings.noise.members[0].initialization_value is example.DOCTEST
    assert graph.comments.noise.members[0].initialization_value is example.REMARK


def test_typical_words(example):
    def vocabulary(**files):
        return {word: example.Entry("a.py", number, number) for word, number in files.items()}

    comparison = example.Comparison(vocabulary(one=29, both=40, rare=3), vocabulary(other=30, both=40))
    assert comparison.typical(least=20) == [(30.0, "one"), (1.0, "both"), (1 / 31, "other")]


def test_components_alone(example):
    text = example.Text("a.py", "To be, or not to be: http://that.is/")
    assert example.clean.test(text=text, noise=example.REMARK)["cleaned"][0].text == "To be, or not to be:  "
    (words,) = example.split.test(text=text)["words"]
    assert words.counts == {"not": 1, "http": 1, "that": 1}
    assert example.split.test(text=example.Text("b.py", "- 1 -")) == {"words": []}
    (vocabulary,) = example.tally.test(words=words, entries={"not": example.Entry("_.py", 2, 1)})["vocabulary"]
    assert as_tuples(vocabulary) == {"not": ("_.py", 3, 2), "http": ("a.py", 1, 1), "that": ("a.py", 1, 1)}


def test_the_command_line(tree):
    text = run_program(example_file("vocabularies"), "--root", tree, "--members", 2, "--workers", 2, "--top", 1)
    found = counted(tree, comments)
    word, (first, count, files) = max(found.items(), key=lambda item: item[1][1])
    assert f"\nComments: {sum(entry[1] for entry in found.values()):,} words, {len(found):,} different ones\n" in text
    assert re.search(rf"\n +{count:,} in +{files} files  {word} +first in {first}\n\nTypical of docstrings ", text)
    assert "14 components, 2 workers," in text


def test_the_command_line_with_a_limit():
    text = run_program(example_file("vocabularies"), "--limit", 20)
    assert re.search(r"^read_0 +\d +\d+ ", text, re.MULTILINE)
    fired = re.findall(r"^read_\d +\d+ +(\d+) ", text, re.MULTILINE)
    assert sum(map(int, fired)) == 20
