"""Graphs: components by name, and the connections of their ports."""

from __future__ import annotations

import difflib
import inspect
import math
from collections.abc import Iterable
from dataclasses import dataclass
from numbers import Real
from typing import TYPE_CHECKING, Any, NoReturn

from cascata._native import GraphCore
from cascata.component import Component
from cascata.declare import MARKS
from cascata.errors import DeadlockError, GraphError
from cascata.instance import Instance
from cascata.namespace import inject, namespace_of
from cascata.port import InputPort, OutputPort, Port
from cascata.text import count_text, name_problem, value_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cascata.run import Report, Run

__all__ = ["DeadlockError", "Graph", "Shard"]

MAX_WORKERS = 256
"""What the memory of a run has room for; more workers are not started."""

_SHOWN = 20
"""How many components and connections a `repr` shows."""


@dataclass(frozen=True, slots=True)
class Shard:
    """The components that a placement puts on one worker."""

    components: list[Instance]


class Graph:
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

    __slots__ = ("__weakref__", "_core", "_namespace", "_nodes", "_started")

    _core: GraphCore
    _namespace: dict[str, Any] | None
    _nodes: dict[str, Instance]
    _started: Run | None

    def __init__(self) -> None:
        """Make an empty graph; made at module level, it makes the names of its components variables there."""
        namespace = namespace_of(inspect.currentframe())
        own = {"_core": GraphCore(), "_nodes": {}, "_started": None, "_namespace": namespace}
        for name, value in own.items():
            object.__setattr__(self, name, value)

    def add(self, name: str, component: Component) -> Instance:
        """Put a component into the graph: an instance of a definition, or an instance made before.

        Args:
            name: Its name: an identifier that is new in the graph and no attribute of graphs.
            component: A definition, or an instance that is in no graph yet; it keeps its values.

        Returns:
            The instance, as it is in the graph.

        Raises:
            TypeError: If it is not a component.
            GraphError: If the name cannot be used, or the instance is in a graph already.

        """
        return self._put(name, component)

    @property
    def nodes(self) -> dict[str, Instance]:
        """The instances by name, in the order they were added."""
        return dict(self._nodes)

    @property
    def edges(self) -> list[tuple[OutputPort, InputPort]]:
        """The connections, as pairs of ports."""
        nodes = self._nodes
        return [(nodes[a].ports[out], nodes[b].ports[port]) for a, out, b, port in self._core.edges()]

    def check_deadlocks(self) -> None:
        """Check that the graph can run to its end; `run` and `start` do it first.

        Raises:
            DeadlockError: If a port gets no value or components can never fire; names everything that is wrong.

        """
        if issues := self._core.check():
            raise DeadlockError(issues)

    def weigh(self, component: Instance, *, cost: float | None = None, traffic: float | None = None) -> None:
        """Tell the automatic placement how heavy a component is; everything weighs 1 until it is told.

        Args:
            component: An instance of this graph.
            cost: How much computing it does, compared with others.
            traffic: How much it sends, compared with others.

        Raises:
            TypeError: If neither `cost` nor `traffic` is given, or a weight is no number.
            GraphError: If the instance is not in this graph, or a weight is negative or not finite, or a cost is 0.

        """
        (node,) = self._own([component], "weigh")
        if cost is None and traffic is None:
            msg = "graph.weigh(...): say how heavy it is, with `cost=2` or `traffic=2`; everything weighs 1 until told"
            raise TypeError(msg)
        self._core.weigh(node, _weight("cost", cost), _weight("traffic", traffic))

    def place(self, *components: Instance, worker: int | None = None, together: bool = False) -> None:
        """Overrule the automatic placement.

        Args:
            *components: Instances of this graph.
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
        if isinstance(n, bool) or not isinstance(n, int):
            msg = f"graph.shard({value_text(n)}): give the number of workers, a whole number such as graph.shard(2)"
            raise TypeError(msg)
        if n < 0:
            msg = f"graph.shard({value_text(n)}): the number of workers is negative; give 1 or more"
            raise ValueError(msg)
        placed = self._core.plan(min(n, MAX_WORKERS), [], None).workers
        return [Shard([self._nodes[name] for name in names]) for names in placed]

    def run(  # noqa: PLR0913  options, by name
        self,
        num_workers: int | None = None,
        *,
        timeout: float | None = None,
        collect: Iterable[OutputPort] = (),
        placement: Report | None = None,
        start_method: str | None = None,
        shared_memory: int | None = None,
    ) -> Report:
        """Run the graph to its end and report on it.

        Args:
            num_workers: How many worker processes to use at most; by default the usable CPUs, and not more than there
                are components. 0 runs everything in this process.
            timeout: Seconds after which the run is stopped.
            collect: Outports; what they send is in the report's `collected`, by `"component.port"`.
            placement: The report of an earlier run, whose measurements weigh the components.
            start_method: `"fork"` or `"spawn"`; by default `"fork"`, but `"spawn"` if this process has other threads or
                a running event loop.
            shared_memory: Bytes that items between workers may take together, on their way or referred to where they
                arrived; by default half of the machine's memory. Beyond that, sends wait.

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
    ) -> Run:
        """Start the graph and return the run, whose `join()` waits for the end; the arguments are those of `run`."""
        ports = self._outports(collect)
        from cascata import run

        started = run.start(
            self,
            num_workers=num_workers,
            timeout=timeout,
            collect=ports,
            placement=placement,
            start_method=start_method,
            shared_memory=shared_memory,
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

    def _put(self, name: str, component: Component) -> Instance:
        if not isinstance(name, str):
            msg = f"the name of a component is a string, not {name!r}"
            raise TypeError(msg)
        if not isinstance(component, Component):
            msg = f"graph.{name} = {_text(component)}: only components go into a graph; {_hint(component)}"
            raise TypeError(msg)
        self._check_name(name)
        instance = component if isinstance(component, Instance) else component(name)
        if instance.graph is not None:
            if not instance._stands_in:
                where = "this graph" if instance.graph is self else "another graph"
                msg = (
                    f"graph.{name} = {instance.name}: this instance is in {where} already, as {instance.name!r}; "
                    f"use {instance.name}.copy() for another one with the same values"
                )
                raise GraphError(msg)
            # Name injection has put it where the definition was, so the definition is what was meant.
            instance = instance(name)
        instance._enter(self, self._core, name)
        self._nodes[name] = instance
        if self._namespace is not None:
            inject(self._namespace, name, instance)
        return instance

    def _outports(self, collect: Iterable[OutputPort]) -> Sequence[OutputPort]:
        """Check what shall be collected."""
        mend = "give a list of outports, such as collect=[graph.split.word]"
        if isinstance(collect, str) or not isinstance(collect, Iterable):
            msg = f"collect={_text(collect)}: {mend}"
            raise TypeError(msg)
        ports = list(collect)
        for port in ports:
            if not isinstance(port, OutputPort):
                msg = f"collect=[{_text(port)}]: only what outports send can be collected; {mend}"
                raise TypeError(msg)
            if port.component.graph is not self:
                msg = f"collect=[{port.label}]: {port.component.name} is not in this graph; {mend}"
                raise GraphError(msg)
        return ports

    def _own(self, components: Sequence[object], method: str) -> list[str]:
        """Return the names of instances, which must be in this graph."""
        if not components:
            msg = f"graph.{method}(...) names no component; give some, as in graph.{method}(graph.split, worker=1)"
            raise TypeError(msg)
        for component in components:
            if not isinstance(component, Instance) or component.graph is not self:
                msg = f"graph.{method}(...): {_text(component)} is no component of this graph. {self._known()}"
                raise GraphError(msg)
        return [component.name for component in components if isinstance(component, Instance)]

    def _check_name(self, name: str) -> None:
        if problem := name_problem(name):
            msg = f"{name!r} cannot be the name of a component: {problem}"
        elif name.startswith("_"):
            msg = f"{name!r} cannot be the name of a component: names with an underscore in front are the graph's own"
        elif hasattr(type(self), name):
            msg = f"{name!r} cannot be the name of a component: graph.{name} means something else; take another name"
        elif name in self._nodes:
            msg = f"graph.{name} is there already, {self._nodes[name]!r}; take a new name"
        else:
            return
        raise GraphError(msg)

    def _known(self) -> str:
        return f"It has: {', '.join(self._nodes)}" if self._nodes else "It has no components yet"

    def __setattr__(self, name: str, component: Component) -> None:
        """Put a component into the graph, as `add` does."""
        self._put(name, component)

    def __getattr__(self, name: str) -> Any:
        """Give a component by name."""
        if name.startswith("_"):
            msg = f"{type(self).__name__!r} object has no attribute {name!r}"
            raise AttributeError(msg)
        if name in self._nodes:
            return self._nodes[name]
        similar = difflib.get_close_matches(name, self._nodes, 1)
        hint = f"; did you mean {similar[0]!r}?" if similar else "."
        msg = f"the graph has no component {name!r}{hint} {self._known()}"
        raise AttributeError(msg)

    def __delattr__(self, name: str) -> NoReturn:
        """Explain that a graph only grows."""
        msg = f"graph.{name} cannot be deleted: a graph only grows; build another one without it"
        raise AttributeError(msg)

    def __dir__(self) -> list[str]:
        """Include the components, for completion."""
        return [*super().__dir__(), *self._nodes]

    def __repr__(self) -> str:
        """Show components with their values, and connections."""
        edges = [f"{out.label} {port.batch.arrow if port.batch else '>>'} {port.label}" for out, port in self.edges]
        lines = [f"<Graph of {count_text(len(self._nodes), 'component')} and {count_text(len(edges), 'connection')}"]
        for shown in ([repr(node)[1:-1] for node in self._nodes.values()], edges):
            lines += shown[:_SHOWN]
            if len(shown) > _SHOWN:
                lines.append(f"… {len(shown) - _SHOWN} more")
        return "\n  ".join(lines) + ">"


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


def _text(value: object) -> str:
    if isinstance(value, Port):
        return value.label
    return value.name if isinstance(value, Instance) else value_text(value)


def _hint(value: object) -> str:
    """Say what may have been meant by something that is no component."""
    if hasattr(value, MARKS):
        return "it is a plain function with ports: put @component on top of its decorators"
    if inspect.isroutine(value):
        return "it is a plain function: put @component on top and declare its parameters with @inport and @outport"
    if isinstance(value, Port):
        return "it is a port: connect ports with `>>`"
    return "to set an initial value, use `<` on an inport"
