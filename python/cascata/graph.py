"""Graphs: components by name, and the connections of their ports."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from numbers import Real
from typing import TYPE_CHECKING, Any, Self

from cascata.description import Description, text_of
from cascata.errors import DeadlockError, GraphError
from cascata.owner import Owner
from cascata.picture import digraph, picture, svg
from cascata.port import OutputPort
from cascata.subgraph import Subgraph
from cascata.text import value_text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import graphviz

    from cascata._native import GraphCore, Picture
    from cascata.component import Component
    from cascata.group import Template
    from cascata.instance import Instance
    from cascata.run import Progress, Report, Run

    Part = Component | Template | Description | Subgraph
    """What type checkers may take a part of a graph for: in truth an instance, a group or a subgraph."""

__all__ = ["DeadlockError", "Graph", "Shard"]

MAX_WORKERS = 256
"""What the memory of a run has room for; more workers are not started."""


@dataclass(frozen=True, slots=True)
class Shard:
    """The components that a placement puts on one worker."""

    components: list[Instance]


class Graph(Description):
    """A network of components.

    Assigning a component to an attribute puts an instance of that name into the graph, `>>` connects ports, `<` sets
    initial values. At module level the names are then also variables there.

    >>> from cascata import component, inport, outport
    >>> @component
    ... @inport("text")
    ... @outport("word")
    ... async def split(text: str, word: str):
    ...     for part in text.split():
    ...         await word.send(part)
    >>> @component
    ... @inport("word")
    ... @outport("length")
    ... async def measure(word: str, length: int):
    ...     await length.send(len(word))
    >>> graph = Graph()
    >>> graph.words = split
    >>> graph.lengths = measure
    >>> _ = graph.words.text < "every good boy"
    >>> _ = graph.words.word >> graph.lengths.word
    >>> graph.run(num_workers=0, collect=[graph.lengths.length]).collected
    {'lengths.length': [5, 4, 3]}
    """

    __slots__ = ("_started",)

    _started: Run | None

    def _begin(self, core: GraphCore, namespace: dict[str, Any] | None) -> None:
        super()._begin(core, namespace)
        object.__setattr__(self, "_started", None)

    def to_json(self) -> dict[str, Any]:
        """Give the graph as plain data, such as `json.dump` writes to a file and `from_json` takes.

        They tell all that was said of the graph: components by module and name, values, capacities, batches, trigger
        groups, policies, groups, subgraphs, exports, weights and places.

        Raises:
            GraphFormatError: If a component or the function of `keyed` cannot be imported, or a value is nothing that
                JSON can tell; the message has the path of the entry.

        >>> from cascata import Graph
        >>> Graph().to_json()
        {'version': 2, 'nodes': {}, 'edges': [], 'group_handles': {}, 'exports': {}, 'subgraphs': {}}

        """
        from cascata import plain
        from cascata._native import save_graph
        from cascata.places import Places

        return plain.read_graph(save_graph(self._core, Places(type(self))))

    @classmethod
    def from_json(cls, data: Mapping[str, Any], allow: Iterable[str] | None = None) -> Self:
        """Make the graph that data of `to_json` describe, or data that cascata 0.1 has written.

        Args:
            data: What `json.load` reads from a file.
            allow: The modules that may be imported, if these data are not to be trusted with that: names, and patterns
                such as `"my_project.*"` for a package and all in it. None is imported before all have been checked.

        Raises:
            GraphFormatError: If the data describe no graph, or components cannot be imported; the message has the path
                of the offending entry.
            TypeError: If `allow` is no list of texts.

        >>> from cascata import Graph
        >>> Graph.from_json({"nodes": {"split": {"module": "my_project.text"}}})
        Traceback (most recent call last):
        cascata.errors.GraphFormatError: nodes.split: missing field `class`

        """
        from cascata import plain
        from cascata._native import load_graph
        from cascata.places import Places, patterns

        places = Places(cls, patterns(allow))
        core = load_graph(plain.write_graph(data), places)
        graph = cls.__new__(cls)
        graph._begin(core, None)
        return graph

    def check_deadlocks(self) -> None:
        """Check that the graph can run to its end; `run` and `start` do it first.

        Raises:
            DeadlockError: If a port gets no value or components can never fire; names everything that is wrong.

        """
        if issues := self._core.check():
            raise DeadlockError(issues)

    def weigh(self, component: Part, *, cost: float | None = None, traffic: float | None = None) -> None:
        """Tell the automatic placement how heavy a component is; everything weighs 1 until it is told.

        Args:
            component: An instance of this graph, or a group, each of whose members weighs so much, or a subgraph.
            cost: How much computing it does, compared with others.
            traffic: How much it sends, compared with others.

        Raises:
            TypeError: If neither `cost` nor `traffic` is given, or a weight is no number.
            GraphError: If the instance is not in this graph, or a weight is negative or not finite, or a cost is 0.

        """
        nodes = self._own([component], "weigh")
        if cost is None and traffic is None:
            msg = "graph.weigh(...): say how heavy it is, with `cost=2` or `traffic=2`; everything weighs 1 until told"
            raise TypeError(msg)
        weights = _weight("cost", cost), _weight("traffic", traffic)
        for node in nodes:
            self._core.weigh(node, *weights)

    def place(self, *components: Part, worker: int | None = None, together: bool = False) -> None:
        """Overrule the automatic placement.

        Args:
            *components: Instances of this graph; groups and subgraphs stand for all that is in them.
            worker: The number of the worker that they shall run on, from 0.
            together: That they shall run on one worker, whichever it is.

        Raises:
            TypeError: If neither `worker` nor `together` is given, or the worker is not a whole number.
            ValueError: If there is never a worker of this number.
            GraphError: If an instance is not in this graph.

        """
        nodes = self._own(components, "place")
        if worker is None and not together:
            msg = "graph.place(...): say where, with `worker=1`, or with `together=True`"
            raise TypeError(msg)
        if worker is not None:
            call = f"graph.place(..., worker={value_text(worker)})"
            if isinstance(worker, bool) or not isinstance(worker, int):
                msg = f"{call}: a worker is given by its number, from 0"
                raise TypeError(msg)
            if worker >= MAX_WORKERS:
                msg = f"{call}: a run has {MAX_WORKERS} workers at most; give a number from 0 to {MAX_WORKERS - 1}"
                raise ValueError(msg)
            for node in nodes:
                self._core.pin(node, worker)
        if together:
            self._core.join_nodes(nodes)

    def shard(self, n: int) -> list[Shard]:
        """Return how the components would be placed on `n` workers; those with nothing to do are left out.

        Raises:
            TypeError: If `n` is not a whole number.
            ValueError: If `n` is negative.
            GraphError: If what `place` has been told cannot be done with so many workers.

        """
        workers = _workers(n, f"graph.shard({value_text(n)})", "graph.shard(2)")
        placed = self._core.plan(workers, [], None).workers
        return [Shard([self._parts.nodes[name] for name in names]) for names in placed]

    def to_svg(self, *, num_workers: int | None = None, width: float | None = None) -> str:
        """Draw the graph as an SVG document, which needs no other program; a notebook shows it by itself.

        Args:
            num_workers: A number of workers; each has a colour then, and shows what it would run.
            width: The greatest width, in pixels: what is wider goes on in rows below, as far as boxes allow it.
                By default a picture has rows if it would be far wider than high.

        Raises:
            TypeError: If `num_workers` is not a whole number, or `width` is not a number.
            ValueError: If `num_workers` is negative, or `width` not positive.
            GraphError: If what `place` has been told cannot be done with so many workers.

        >>> from cascata import component, inport
        >>> @component
        ... @inport("text", default="hello")
        ... async def show(text: str): ...
        >>> graph = Graph()
        >>> graph.show = show
        >>> graph.to_svg().splitlines()[1]
        '<title>Graph of 1 component and 0 connections</title>'
        """
        return svg(self._picture("to_svg", num_workers), width)

    def to_dot(self, *, num_workers: int | None = None) -> graphviz.Digraph:
        """Draw the graph for Graphviz, which can then make files of it; needs the Python package graphviz.

        Nodes have the names of components, groups and exports, ports those of ports, so that more can be said of them
        before the picture is made. `render` needs the system's Graphviz, `source` does not.

        Argument and errors are those of `to_svg`.

        Raises:
            ImportError: If the package graphviz is not there.

        >>> from cascata import component, inport
        >>> @component
        ... @inport("text", default="hello")
        ... async def show(text: str): ...
        >>> graph = Graph()
        >>> graph.show = show
        >>> drawing = graph.to_dot()
        >>> drawing.edge("show:text", "a remark", dir="none")
        >>> drawing.source.splitlines()[-2].strip()
        'show:text -> "a remark" [dir=none]'
        """
        return digraph(self._picture("to_dot", num_workers))

    def to_mermaid(self, *, num_workers: int | None = None) -> str:
        """Draw the graph as a Mermaid flowchart: a text that many wikis and code hosts show as a picture.

        Argument and errors are those of `to_svg`.

        >>> from cascata import component, inport
        >>> @component
        ... @inport("text", default="hello")
        ... async def show(text: str): ...
        >>> graph = Graph()
        >>> graph.show = show
        >>> print(graph.to_mermaid().splitlines()[1].strip())
        f0["<b>show</b><br/>show<br/>▸ text = 'hello'"]:::component
        """
        return self._picture("to_mermaid", num_workers).mermaid()

    def _repr_svg_(self) -> str:
        return self.to_svg()

    def _picture(self, method: str, workers: int | None) -> Picture:
        if workers is not None:
            call = f"graph.{method}(num_workers={value_text(workers)})"
            workers = _workers(workers, call, f"graph.{method}(num_workers=2)")
        return picture(self._core, workers)

    def run(  # noqa: PLR0913  options, by name
        self,
        num_workers: int | None = None,
        *,
        timeout: float | None = None,
        collect: Iterable[OutputPort] = (),
        placement: Report | None = None,
        start_method: str | None = None,
        shared_memory: int | None = None,
        progress: Progress = False,
        stall_after: float | None = 10.0,
    ) -> Report:
        """Run the graph to its end and report on it.

        Args:
            num_workers: How many worker processes to use at most; by default the usable CPUs, and not more than there
                are components. 0 runs everything in this process.
            timeout: Seconds after which the run is stopped.
            collect: Outports; what they send is in the report's `collected`, by `"component.port"` or `"group.port"`.
                What a group's members send is there in the order in which it is gathered from them: that of what they
                were given; where there is none, one member after the other.
            placement: The report of an earlier run, whose measurements weigh the components.
            start_method: `"fork"` or `"spawn"`; by default `"fork"`, but `"spawn"` if this process has other threads or
                a running event loop.
            shared_memory: Bytes that items between workers may take together, on their way or referred to where they
                arrived; by default half of the machine's memory. Beyond that, sends wait.
            progress: Whether to show on standard error how far the run is: as a table in a terminal or a notebook, else
                by a line now and then; or the seconds between two updates. Or a function that is called with a
                `Snapshot` twice a second, in a thread of its own, and once at the end; what it raises stops the run and
                is raised here.
            stall_after: Seconds after which code that lets nothing else run on its worker is reported, with its line of
                source, by a warning in the log and in the report's `stalls`. None is never.

        Raises:
            DeadlockError: If the graph cannot run to its end.
            ComponentError: If a component raised; its exception is the `__cause__`.
            WorkerDied: If a worker process ended unasked.
            RunTimeout: If the timeout has passed.
            ItemError: If workers are spawned and something in the graph cannot be sent to them.

        """
        ports = self._outports(collect)
        from cascata import run

        return run.run(
            self,
            num_workers=num_workers,
            timeout=timeout,
            collect=ports,
            placement=placement,
            start_method=start_method,
            shared_memory=shared_memory,
            progress=progress,
            stall_after=stall_after,
        )

    def start(  # noqa: PLR0913  options, by name
        self,
        num_workers: int | None = None,
        *,
        timeout: float | None = None,
        collect: Iterable[OutputPort] = (),
        placement: Report | None = None,
        start_method: str | None = None,
        shared_memory: int | None = None,
        progress: Progress = False,
        stall_after: float | None = 10.0,
        feed: Iterable[str] = (),
    ) -> Run:
        """Start the graph and return the run, whose `join()` waits for the end; the arguments are those of `run`.

        Exports to which nothing is connected are then *taps*: this program feeds exported inports (`run.put`,
        `run.aput`, `run.close`) and reads exported outports (`run.iter`, `run.stream`). An exported inport that has a
        value keeps it, and is no tap, unless `feed` names it: then a default is dropped, as when the port is
        connected, and another value is the first item.

        Raises:
            GraphError: If `feed` names what is no exported inport, or one that is connected.

        """
        ports = self._outports(collect)
        if isinstance(feed, str):
            msg = f"feed={feed!r}: give a list of names of exports, such as feed=[{feed!r}]"
            raise TypeError(msg)
        from cascata import run

        started = run.start(
            self,
            list(feed),
            num_workers=num_workers,
            timeout=timeout,
            collect=ports,
            placement=placement,
            start_method=start_method,
            shared_memory=shared_memory,
            progress=progress,
            stall_after=stall_after,
        )
        object.__setattr__(self, "_started", started)
        return started

    async def arun(  # noqa: PLR0913  options, by name
        self,
        num_workers: int | None = None,
        *,
        timeout: float | None = None,  # noqa: ASYNC109  the same arguments as `run`
        collect: Iterable[OutputPort] = (),
        placement: Report | None = None,
        start_method: str | None = None,
        shared_memory: int | None = None,
        progress: Progress = False,
        stall_after: float | None = 10.0,
    ) -> Report:
        """Run the graph from a coroutine; the arguments and errors are those of `run`.

        Cancelling it stops the run in order.
        """
        ports = self._outports(collect)
        from cascata import run

        return await run.arun(
            self,
            num_workers=num_workers,
            timeout=timeout,
            collect=ports,
            placement=placement,
            start_method=start_method,
            shared_memory=shared_memory,
            progress=progress,
            stall_after=stall_after,
        )

    def join(self) -> Report:
        """Wait for the end of the run that `start` began, as its own `join` does.

        Raises:
            RuntimeError: If the graph has not been started.

        """
        if self._started is None:
            msg = "graph.join(): the graph has not been started; call graph.start() first"
            raise RuntimeError(msg)
        return self._started.join()

    def _outports(self, collect: Iterable[OutputPort]) -> Sequence[OutputPort]:
        """Check what shall be collected."""
        mend = "give a list of outports, such as collect=[graph.split.word]"
        if isinstance(collect, str) or not isinstance(collect, Iterable):
            msg = f"collect={text_of(collect)}: {mend}"
            raise TypeError(msg)
        ports = list(collect)
        for port in ports:
            if not isinstance(port, OutputPort):
                msg = f"collect=[{text_of(port)}]: only what outports send can be collected; {mend}"
                raise TypeError(msg)
            if port.component.graph is not self:
                msg = f"collect=[{port.label}]: {port.component.name} is not in this graph; {mend}"
                raise GraphError(msg)
        return ports

    def _own(self, components: Sequence[object], method: str) -> list[str]:
        """Return the names of instances and groups of this graph; a subgraph stands for the instances in it."""
        if not components:
            msg = f"graph.{method}(...) names no component; give some, as in graph.{method}(graph.split, worker=1)"
            raise TypeError(msg)
        names: list[str] = []
        for component in components:
            if not isinstance(component, Owner | Subgraph) or component.graph is not self:
                msg = f"graph.{method}(...): {text_of(component)} is no component of this graph. {self._parts.known()}"
                raise GraphError(msg)
            names += [component.name] if isinstance(component, Owner) else [n.name for n in component.nodes.values()]
        return names


def _workers(number: object, call: str, example: str) -> int:
    """Check a number of workers; more are not started than there is room for."""
    if isinstance(number, bool) or not isinstance(number, int):
        msg = f"{call}: give the number of workers, a whole number such as {example}"
        raise TypeError(msg)
    if number < 0:
        msg = f"{call}: the number of workers is negative; give 1 or more"
        raise ValueError(msg)
    return min(number, MAX_WORKERS)


def _weight(name: str, value: object) -> float | None:
    """Check that a weight is a number; which ones will do is the core's to say."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, Real):
        msg = f"graph.weigh(..., {name}={value_text(value)}): give a number; everything weighs 1 until it is told"
        raise TypeError(msg)
    try:
        return float(value)
    except OverflowError:
        return math.inf
