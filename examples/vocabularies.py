"""Do docstrings and comments speak of the same things? Their vocabularies, by two copies of one subgraph.

::

    python examples/vocabularies.py                  this interpreter's library, on all CPUs
    python examples/vocabularies.py --members 8      with groups of eight
    python examples/vocabularies.py --root ~/code    any other source tree

The graph::

                                  ┌──▶ docstrings ──┐
    root ──▶ find ──▶ read * 4 ───┤                 ├──▶ compare ──▶ Comparison
               files              └──▶ comments ────┘

`docstrings` and `comments` are the same subgraph, and in this there is another one, of two groups::

    vocabulary:    text ──▶ words ──▶ tally ──▶ vocabulary
    words:         text ──▶ clean * 4 ──▶ split * 4 ──▶ words

Each copy is told by itself what to leave out: doctests in the one, remarks to tools in the other. The groups hand on
their results in the order of the files, however fast their members are. So what `tally` notes as the first file in
which a word occurs is the same in every run.
"""

from __future__ import annotations

import argparse
import ast
import io
import re
import sysconfig
import tokenize
import warnings
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cascata import Graph, component, inport, outport, persist

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cascata.run import Report

# What the components tell each other.


@dataclass(frozen=True, slots=True)
class Text:
    """What a file says in its docstrings, or in its comments."""

    path: str
    text: str


@dataclass(frozen=True, slots=True)
class Words:
    """The words of a text, and how often each occurs."""

    path: str
    counts: Counter[str]


@dataclass(slots=True)
class Entry:
    """How often a word occurs, in how many files, and in which one first."""

    first: str
    count: int = 0
    files: int = 0


Vocabulary = dict[str, Entry]


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two vocabularies."""

    docstrings: Vocabulary
    comments: Vocabulary

    def typical(self, least: int = 30) -> list[tuple[float, str]]:
        """Rank the words that occur in some files: in how many times more docstrings than comments each does."""
        ranked = []
        for word in self.docstrings.keys() | self.comments.keys():
            there, here = (side[word].files if word in side else 0 for side in (self.docstrings, self.comments))
            if there + here >= least:
                ranked.append(((there + 1) / (here + 1), word))
        return sorted(ranked, key=lambda entry: (-entry[0], entry[1]))


# The subgraph in the subgraph: from a text to its words.


@component
@inport("text")
@inport("noise")
@outport("cleaned")
async def clean(text: Text, noise: re.Pattern[str], cleaned: Text) -> None:
    """Cut out what is no language."""
    await cleaned.send(Text(text.path, noise.sub(" ", text.text)))


@component
@inport("text")
@outport("words")
async def split(text: Text, words: Words) -> None:
    """Count the words, and send them if there are any."""
    counts = Counter(WORD.findall(text.text.lower()))
    if counts:
        await words.send(Words(text.path, counts))


def words_graph(members: int) -> Graph:
    """Build it, with groups of so many members."""
    graph = Graph()
    graph.clean = clean * members
    graph.split = split * members
    graph.clean.cleaned >> graph.split.text
    graph.export(graph.clean.text, "text")
    graph.export(graph.clean.noise, "noise")
    graph.export(graph.split.words, "words")
    return graph


# The subgraph: from texts to their vocabulary.


@component
@inport("words")
@outport("vocabulary")
@persist("entries", dict)
async def tally(words: Words, vocabulary: Vocabulary, entries: Vocabulary) -> None:
    """Add up what comes, in the order of the files."""
    for word, count in words.counts.items():
        entry = entries.get().setdefault(word, Entry(words.path))
        entry.count += count
        entry.files += 1


@tally.finish
async def send_vocabulary(vocabulary: Vocabulary, entries: Vocabulary) -> None:
    """Send the vocabulary, once all texts have come."""
    await vocabulary.send(entries.get())


def vocabulary_graph(members: int) -> Graph:
    """Build it; what it exports is partly what a subgraph of its own does."""
    graph = Graph()
    graph.words = words_graph(members)
    graph.tally = tally
    graph.words.words >> graph.tally.words
    graph.export(graph.words.text, "text")
    graph.export(graph.words.noise, "noise")
    graph.export(graph.tally.vocabulary, "vocabulary")
    return graph


# The graph.


@component
@inport("root")
@inport("limit", default=None)
@outport("found")
async def find(root: Path, limit: int | None, found: Path) -> None:
    """Find the files, and send them one by one."""
    for file in python_files(root)[:limit]:
        await found.send(file)  # noqa: ASYNC240  the outport, not a path


@component
@inport("file")
@inport("root")
@outport("docstrings")
@outport("comments")
async def read(file: Path, root: Path, docstrings: Text, comments: Text) -> None:
    """Read a file, and send what it says."""
    path = file.relative_to(root).as_posix()
    in_docstrings, in_comments = texts_of(file)
    await docstrings.send(Text(path, in_docstrings))
    await comments.send(Text(path, in_comments))


@component
@inport("docstrings")
@inport("comments")
@outport("comparison")
async def compare(docstrings: Vocabulary, comments: Vocabulary, comparison: Comparison) -> None:
    """Put the two vocabularies beside each other; each is the only item that its subgraph sends."""
    await comparison.send(Comparison(docstrings, comments))


def comparison_graph(root: Path, members: int, limit: int | None = None) -> Graph:
    """Build the graph that compares the vocabularies of a source tree."""
    graph = Graph()
    vocabulary = vocabulary_graph(members)
    graph.find = find
    graph.read = read * members
    graph.docstrings = vocabulary
    graph.comments = vocabulary
    graph.compare = compare

    graph.find.root < root
    graph.find.limit < limit
    graph.read.root < root
    graph.docstrings.noise < DOCTEST
    graph.comments.noise < REMARK
    graph.find.found >> graph.read.file
    graph.read.docstrings >> graph.docstrings.text
    graph.read.comments >> graph.comments.text
    graph.docstrings.vocabulary >> graph.compare.docstrings
    graph.comments.vocabulary >> graph.compare.comments
    return graph


# Reading source: plain functions that know nothing of graphs.

WORD = re.compile(r"[a-z]{3,}")
DOCTEST = re.compile(r"^ *(>>>|\.\.\.) .*$|\w+://\S*", re.MULTILINE)
REMARK = re.compile(r"(\b(noqa|pragma|pylint|fmt|isort|mypy|type: ignore)\b|-\*-).*$|\w+://\S*", re.MULTILINE)
SCOPES = ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef
APART = {"site-packages", "dist-packages", "test", "tests", "encodings"}
"""Directories of what was installed, of what speaks of tests above all, and of tables with the names of letters."""


def python_files(root: Path) -> list[Path]:
    """List the Python files below a directory, in order."""
    return [path for path in sorted(root.rglob("*.py")) if APART.isdisjoint(path.relative_to(root).parts)]


def texts_of(file: Path) -> tuple[str, str]:
    """Give what the docstrings of a file say, and what its comments do; one that Python cannot read says nothing."""
    try:
        source = file.read_bytes()
        return docstrings_of(source), comments_of(source)
    except (OSError, SyntaxError, ValueError, RecursionError, MemoryError, tokenize.TokenError):
        return "", ""


def docstrings_of(source: bytes) -> str:
    """Join the docstrings of a source."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # such as those about doubtful escapes
        tree = ast.parse(source)
    return "\n".join(ast.get_docstring(node) or "" for node in ast.walk(tree) if isinstance(node, SCOPES))


def comments_of(source: bytes) -> str:
    """Join the comments of a source."""
    tokens = tokenize.tokenize(io.BytesIO(source).readline)
    return "\n".join(token.string for token in tokens if token.type == tokenize.COMMENT)


# The program.


def compare_vocabularies(
    root: Path, members: int, limit: int | None = None, workers: int | None = None
) -> tuple[Comparison, Report]:
    """Run the graph."""
    graph = comparison_graph(root, members, limit)
    report = graph.run(num_workers=workers, collect=[graph.compare.comparison])
    (comparison,) = report.collected["compare.comparison"]
    return comparison, report


def comparison_text(comparison: Comparison, top: int) -> Iterator[str]:
    """Write the comparison, line by line."""
    for name, vocabulary in (("Docstrings", comparison.docstrings), ("Comments", comparison.comments)):
        total = sum(entry.count for entry in vocabulary.values())
        yield f"{name}: {total:,} words, {len(vocabulary):,} different ones"
        for word, entry in sorted(vocabulary.items(), key=lambda item: (-item[1].count, item[0]))[:top]:
            yield f"  {entry.count:7,} in {entry.files:5,} files  {word:<14} first in {entry.first}"
        yield ""
    typical = comparison.typical()
    yield f"{'Typical of docstrings':<32}Typical of comments"
    for (more, here), (less, there) in list(zip(typical, reversed(typical), strict=True))[:top]:
        yield f"  {here:<18}{more:7.1f} x    {there:<18}{1 / less:7.1f} x"


def main() -> None:
    """Compare and print."""
    options = argparse.ArgumentParser(description="The vocabularies of docstrings and of comments, beside each other.")
    options.add_argument("--root", type=Path, default=sysconfig.get_path("stdlib"), help="the tree, if another one")
    options.add_argument("--limit", type=int, help="how many files are read at most")
    options.add_argument("--members", type=int, default=4, help="how many members each group has")
    options.add_argument("--workers", type=int, help="worker processes; by default as many as there are CPUs")
    options.add_argument("--top", type=int, default=12, help="how many words the lists have")
    given = options.parse_args()
    comparison, report = compare_vocabularies(given.root.resolve(), given.members, given.limit, given.workers)
    print(*comparison_text(comparison, given.top), "", report, sep="\n")


if __name__ == "__main__":
    main()
