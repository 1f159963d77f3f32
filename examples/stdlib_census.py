"""A census of the Python standard library: its files are parsed and measured on all cores.

::

    python examples/stdlib_census.py                    this interpreter's library, on all CPUs
    python examples/stdlib_census.py --workers 1        the same census, slower
    python examples/stdlib_census.py --parsers 8        with eight members that parse
    python examples/stdlib_census.py --compare          one worker against two
    python examples/stdlib_census.py --root ~/project   any other source tree

The graph::

    root ──▶ walk ──▶ parse * n ──▶ merge ──▶ Census
               files    balanced     unordered

`walk` finds the files. `parse` is a group, and each file goes to the member with most room: it is read, parsed and
measured there, and a small `Module` goes on, or `Unparsable`. Source and syntax trees stay where they are. `merge`
gathers these as they come, for it puts them in order anyway, and sends one `Census` at the end. That is the same
whichever member got which file, and however many members there are.
"""

from __future__ import annotations

import argparse
import ast
import os
import sys
import sysconfig
import textwrap
import warnings
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cascata import Graph, component, inport, outport, persist

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from cascata.run import Report

# What the components tell each other. It crosses from process to process, so it is small.


@dataclass(frozen=True, slots=True)
class Function:
    """A function or method: its name within the module, its line and its complexity, as `branches` counts it."""

    name: str
    line: int
    complexity: int


@dataclass(frozen=True, slots=True)
class Module:
    """A module that parses.

    `complexity` is the sum over its functions, `hardest` are the most complex ones of them. `imports` are dotted names
    that may be modules: for `from a.b import c` these are `a`, `a.b` and `a.b.c`.
    """

    path: str
    size: int
    lines: int
    classes: int
    functions: int
    complexity: int
    hardest: tuple[Function, ...]
    imports: frozenset[str]

    @property
    def name(self) -> str:
        """The name that it is imported by."""
        return module_name(self.path)


@dataclass(frozen=True, slots=True)
class Unparsable:
    """A file that this Python cannot read or parse, and why."""

    path: str
    reason: str


Examined = Module | Unparsable


@dataclass(frozen=True, slots=True)
class Census:
    """The modules of a tree, in the order of their paths."""

    modules: list[Module]
    unparsable: list[Unparsable]

    def most_imported(self) -> list[tuple[str, int]]:
        """Count the modules that import a module: those of this tree, and what is imported by a name without dots."""
        own = {module.name for module in self.modules}
        counts = Counter(name for module in self.modules for name in module.imports if name in own or "." not in name)
        return sorted(counts.items(), key=lambda entry: (-entry[1], entry[0]))

    def most_complex(self) -> list[tuple[Module, Function]]:
        """Pair the functions that the modules name with their modules."""
        pairs = [(module, function) for module in self.modules for function in module.hardest]
        return sorted(pairs, key=lambda pair: -pair[1].complexity)


# The components and their graph.


@component
@inport("root")
@outport("found")
async def walk(root: Path, found: Path) -> None:
    """Find the files, and send the largest first, so that those at the end take the parsers equally long."""
    for file in python_files(root):
        await found.send(file)  # noqa: ASYNC240  the outport, not a path


@component
@inport("file")
@inport("base")
@inport("top", default=10)
@outport("examined")
async def parse(file: Path, base: Path, top: int, examined: Examined) -> None:
    """Examine a file; name its `top` most complex functions."""
    await examined.send(examine(file, base, top))


@component
@inport("examined", capacity=100)
@outport("census")
@persist("found", list)
async def merge(examined: Examined, census: Census, found: list[Examined]) -> None:
    """Gather what the parsers have found out."""
    found.get().append(examined)


@merge.finish
async def conclude(census: Census, found: list[Examined]) -> None:
    """Put it in order and send it on, once the parsers have ended."""
    in_order = sorted(found.get(), key=lambda entry: entry.path)
    modules = [entry for entry in in_order if isinstance(entry, Module)]
    unparsable = [entry for entry in in_order if isinstance(entry, Unparsable)]
    await census.send(Census(modules, unparsable))


def census_graph(root: Path, top: int, parsers: int) -> Graph:
    """Build the graph that counts the tree below `root`, with a group of so many parsers."""
    graph = Graph()
    graph.walk = walk
    graph.parse = parse * parsers
    graph.merge = merge

    graph.walk.root < root
    graph.parse.base < import_base(root)
    graph.parse.top < top
    graph.walk.found >> graph.parse.file
    graph.parse.examined.unordered >> graph.merge.examined
    return graph


# Examining a file: plain functions that know nothing of graphs.

INSTALLED = {"site-packages", "dist-packages", "__pycache__"}
"""Directories that are no part of a library's source."""

LEAVES = {ast.Name, ast.Constant, ast.Load, ast.Store}
"""Nodes that count for nothing, nor what is in them; more than half of all nodes."""

FORKS = {ast.If, ast.IfExp, ast.For, ast.AsyncFor, ast.While, ast.ExceptHandler, ast.match_case}
"""Nodes at which one more way begins."""


def python_files(root: Path) -> list[Path]:
    """Find the Python files below a directory, the largest first; installed packages are left out."""
    sizes: dict[Path, int] = {}
    for folder, folders, names in os.walk(root):
        folders[:] = set(folders) - INSTALLED
        files = (Path(folder, name) for name in names if name.endswith(".py"))
        sizes.update((file, file.stat().st_size) for file in files if file.is_file())
    return sorted(sizes, key=lambda file: (-sizes[file], file))


def import_base(root: Path) -> Path:
    """Return the directory that the names of modules start from: the first one, upwards, that is no package."""
    return next((folder for folder in (root, *root.parents) if not (folder / "__init__.py").exists()), root)


def module_name(path: str) -> str:
    """Return the dotted name of the module of this path, which is relative to the base."""
    return path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def examine(file: Path, base: Path, top: int) -> Examined:
    """Read a file, parse it and measure it."""
    path = file.relative_to(base).as_posix()
    try:
        source = file.read_bytes()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # such as those about doubtful escapes
            tree = ast.parse(source)  # which heeds the encoding that the source declares
    except SyntaxError as error:
        return Unparsable(path, f"line {error.lineno}: {error.msg}" if error.lineno else error.msg)
    except (OSError, ValueError, RecursionError, MemoryError) as error:  # not readable, null bytes, nested too deeply
        return Unparsable(path, f"{type(error).__name__}: {error}".removesuffix(": "))
    return measure(tree, source, path, top)


def measure(tree: ast.Module, source: bytes, path: str, top: int) -> Module:
    """Measure a module in one pass over its tree."""
    package = module_name(path) if path.endswith("__init__.py") else module_name(path).rpartition(".")[0]
    complexity: Counter[tuple[int, str]] = Counter()
    imports: set[str] = set()
    classes = 0
    # Nodes still to visit, with the scope and the function around them; expressions nest more deeply than calls may.
    todo: list[tuple[ast.AST, str, tuple[int, str] | None]] = [(tree, "", None)]
    while todo:
        node, scope, function = todo.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            function = (node.lineno, scope + node.name)
            complexity[function] = 1
            scope = f"{scope}{node.name}."
        elif isinstance(node, ast.ClassDef):
            classes += 1
            scope = f"{scope}{node.name}."
        elif isinstance(node, ast.Import | ast.ImportFrom):
            imports.update(imported_names(node, package))
        elif function is not None:
            complexity[function] += branches(node)
        todo += [(child, scope, function) for child in ast.iter_child_nodes(node) if type(child) not in LEAVES]
    hardest = sorted(complexity, key=lambda function: (-complexity[function], function))[:top]
    return Module(
        path=path,
        size=len(source),
        lines=len(source.splitlines()),
        classes=classes,
        functions=len(complexity),
        complexity=complexity.total(),
        hardest=tuple(Function(name, line, complexity[line, name]) for line, name in hardest),
        imports=frozenset(imports),
    )


def branches(node: ast.AST) -> int:
    """Count the ways that begin at a node. The complexity of a function, McCabe's, is 1 and the branches in it.

    One each for `if`, `elif`, `for`, `while`, `except`, `case`, a conditional expression, an `and` or `or` between two
    operands, and a `for` or `if` in a comprehension. What lambdas and classes in a function contain counts for it; a
    function in a function counts for itself.
    """
    if type(node) in FORKS:
        return 1
    if isinstance(node, ast.BoolOp):
        return len(node.values) - 1
    return 1 + len(node.ifs) if isinstance(node, ast.comprehension) else 0


def imported_names(node: ast.Import | ast.ImportFrom, package: str) -> Iterator[str]:
    """Give the dotted names that a statement in a package may import, and those of the packages that they are in."""
    names = [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        above = package.split(".")[: 1 - node.level or None] if node.level else []
        names = [".".join(filter(None, [*above, node.module, name.strip("*")])) for name in names]
    for name in filter(None, names):
        yield from accumulate(name.split("."), "{}.{}".format)


# The printed census.

WIDTH = 100
LABEL, BAR, NUMBER = 44, 20, 10


def census_text(census: Census, root: Path, top: int) -> Iterator[str]:
    """Write the census, line by line."""

    def total(what: str) -> int:
        return sum(getattr(module, what) for module in census.modules)

    yield f"Census of {root}"
    yield ""
    yield (
        f"  modules {len(census.modules):,} · lines {total('lines'):,} · classes {total('classes'):,} "
        f"· functions {total('functions'):,} · mean complexity {total('complexity') / (total('functions') or 1):.2f} "
        f"· {total('size') / 1e6:.1f} MB"
    )
    largest = sorted(census.modules, key=lambda module: -module.lines)[:top]
    yield from table(
        ("Largest modules", "lines", "classes", "functions"),
        [(module.name, module.lines, module.classes, module.functions) for module in largest],
    )
    yield from table(("Most imported modules", "importers"), census.most_imported()[:top])
    yield from table(
        ("Most complex functions", "complexity"),
        [
            (f"{module.path}:{function.line} {function.name}", function.complexity)
            for module, function in census.most_complex()[:top]
        ],
    )
    if census.unparsable:
        yield from heading(f"Not parsed: {len(census.unparsable):,}")
    widest = min(LABEL, max((len(entry.path) for entry in census.unparsable), default=0))
    for entry in census.unparsable:
        reason = textwrap.shorten(entry.reason, WIDTH - widest - 4, placeholder=" …")
        yield f"  {clipped(entry.path, LABEL):<{widest}}  {reason}"


def table(headings: tuple[str, ...], rows: Sequence[tuple[Any, ...]]) -> Iterator[str]:
    """Write a table of labels and numbers, with bars for the first numbers. Without rows there is no table."""
    if not rows:
        return
    title, first, *others = headings
    columns = "".join(f"{name:>{NUMBER}}" for name in others)
    yield from heading(f"{title:<{LABEL + 2}}{first:>{NUMBER}}  {'':{BAR}}  {columns}")
    longest = max(row[1] for row in rows) or 1
    for label, number, *more in rows:
        bar = "█" * round(number / longest * BAR)
        columns = "".join(f"{value:>{NUMBER},}" for value in more)
        yield f"  {clipped(label, LABEL):<{LABEL}}{number:>{NUMBER},}  {bar:<{BAR}}  {columns}".rstrip()


def heading(text: str) -> tuple[str, ...]:
    """Set a heading off from what is above and below it."""
    return "", text.rstrip(), "─" * WIDTH


def clipped(text: str, width: int) -> str:
    """Drop the start of a text that is too long: the ends of names tell more."""
    return text if len(text) <= width else f"…{text[1 - width :]}"


# The program.


def take_census(root: Path, top: int, parsers: int, workers: int | None) -> tuple[Census, Report]:
    """Run the graph; the census comes out of its one loose end."""
    graph = census_graph(root, top, parsers)
    report = graph.run(num_workers=workers, collect=[graph.merge.census])
    (census,) = report.collected["merge.census"]
    return census, report


def compare(root: Path, top: int, parsers: int) -> bool:
    """Take the census with one worker and with two, and tell how long it took and whether it is the same."""
    for file in python_files(root):  # so that neither run has to wait for the disk
        with suppress(OSError):
            file.read_bytes()
    one, alone = take_census(root, top, parsers, 1)
    two, together = take_census(root, top, parsers, 2)
    print(f"1 worker   {alone.seconds:6.2f} s")
    print(f"2 workers  {together.seconds:6.2f} s, {alone.seconds / together.seconds:.2f} times as fast")
    print(f"The results {'are equal' if one == two else 'DIFFER'}.")
    return one == two


def main() -> int:
    """Read the command line, take the census and print it, and how the run went."""
    usable = len(os.sched_getaffinity(0))
    options = argparse.ArgumentParser(description="A census of the Python standard library, taken on all cores.")
    options.add_argument("--root", type=Path, default=sysconfig.get_path("stdlib"), help="the tree, if another one")
    options.add_argument("--parsers", type=int, default=usable, help="members that parse; by default one for each CPU")
    options.add_argument("--workers", type=int, help="worker processes; by default as many as there are CPUs")
    options.add_argument("--top", type=int, default=10, help="how many entries the tables have")
    options.add_argument("--compare", action="store_true", help="time one worker against two instead")
    given = options.parse_args()
    root = given.root.resolve()
    if not root.is_dir():
        options.error(f"--root {given.root}: there is no such directory")
    if min(given.top, given.parsers) < 1 or (given.workers or 0) < 0:
        options.error("--top and --parsers are 1 or more, --workers 0 or more")
    sys.stdout.reconfigure(errors="replace")  # a terminal may lack the characters of a bar, or of a file's name
    if given.compare:
        return 0 if compare(root, given.top, given.parsers) else 1
    census, report = take_census(root, given.top, given.parsers, given.workers)
    print(*census_text(census, root, given.top), *heading("The run"), report, sep="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
