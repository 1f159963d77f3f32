"""Which words do the docstrings of the standard library use most? Counted by a group that shares the words by key.

::

    python examples/keyed_word_count.py                this interpreter's library, on all CPUs
    python examples/keyed_word_count.py --counters 8   with eight members that count
    python examples/keyed_word_count.py --root ~/code  any other source tree

The graph::

    root ──▶ find ──▶ read * 2 ──▶ count * 4 ──▶ rank ──▶ the most frequent words
               files    balanced     keyed by       gathers
                                     first letter   totals

Equal keys always meet the same member, so each member of `count` has the whole truth about its words, and its `finish`
function sends totals that need only be put together.
"""

from __future__ import annotations

import argparse
import ast
import re
import sysconfig
import warnings
from collections import Counter
from pathlib import Path

from cascata import Graph, component, inport, outport, persist

WORD = re.compile(r"[a-z]{4,}")
SCOPES = ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef


@component
@inport("root")
@outport("file")
async def find(root: Path, file: Path) -> None:
    """Find the files, and send them one by one."""
    for path in python_files(root):
        await file.send(path)  # noqa: ASYNC240  the outport, not the path


@component
@inport("file", capacity=100)
@outport("words")
async def read(file: Path, words: tuple[str, Counter[str]]) -> None:
    """Count the words in the docstrings of a file, and send them by their first letters."""
    by_letter: dict[str, Counter[str]] = {}
    for word, number in Counter(WORD.findall(docstrings(file).lower())).items():
        by_letter.setdefault(word[0], Counter())[word] = number
    for letter, counts in by_letter.items():
        await words.send((letter, counts))


@component
@inport("words", capacity=100)
@outport("totals")
@persist("counts", Counter)
async def count(words: tuple[str, Counter[str]], totals: Counter[str], counts: Counter[str]) -> None:
    """Add up what comes."""
    counts.get().update(words[1])


@count.finish
async def send_totals(totals: Counter[str], counts: Counter[str]) -> None:
    """Send the totals, once all files have been read."""
    await totals.send(counts.get())


@component
@inport("totals")
@outport("ranking")
@persist("counts", Counter)
async def rank(totals: Counter[str], ranking: list[tuple[str, int]], counts: Counter[str]) -> None:
    """Put the totals of all members together; no word comes from two of them."""
    counts.get().update(totals)


@rank.finish
async def send_ranking(ranking: list[tuple[str, int]], counts: Counter[str]) -> None:
    """Send all words, the most frequent ones first."""
    await ranking.send(sorted(counts.get().items(), key=lambda entry: (-entry[1], entry[0])))


def python_files(root: Path) -> list[Path]:
    """List the Python files below a directory, without what was installed there."""
    installed = {"site-packages", "dist-packages"}
    return [path for path in sorted(root.rglob("*.py")) if installed.isdisjoint(path.relative_to(root).parts)]


def docstrings(file: Path) -> str:
    """Join the docstrings of a file; one that Python cannot parse has none."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(file.read_bytes())
    except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
        return ""
    return "\n".join(ast.get_docstring(node) or "" for node in ast.walk(tree) if isinstance(node, SCOPES))


def first_letter(words: tuple[str, Counter[str]]) -> str:
    """Give the key."""
    return words[0]


def word_count_graph(root: Path, counters: int) -> Graph:
    """Build the graph."""
    graph = Graph()
    graph.find = find
    graph.read = read * 2
    graph.count = count * counters
    graph.rank = rank
    graph.find.root < root
    graph.find.file >> graph.read.file
    graph.read.words >> graph.count.words.keyed(first_letter)
    graph.count.totals >> graph.rank.totals
    return graph


def main() -> None:
    """Count and print."""
    options = argparse.ArgumentParser(description="The most frequent words in docstrings, counted on all cores.")
    options.add_argument("--root", type=Path, default=sysconfig.get_path("stdlib"), help="the tree, if another one")
    options.add_argument("--counters", type=int, default=4, help="how many members count")
    options.add_argument("--workers", type=int, help="worker processes; by default as many as there are CPUs")
    options.add_argument("--top", type=int, default=20, help="how many words are printed")
    given = options.parse_args()
    graph = word_count_graph(given.root.resolve(), given.counters)
    report = graph.run(num_workers=given.workers, collect=[graph.rank.ranking])
    (ranking,) = report.collected["rank.ranking"]
    for word, number in ranking[: given.top]:
        print(f"{number:8,}  {word}")
    print(f"\n{sum(number for _, number in ranking):,} words, {len(ranking):,} different ones\n\n{report}")


if __name__ == "__main__":
    main()
