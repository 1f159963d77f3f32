"""Plans as graphs for the engine, whose components keep a log of what they do."""

# ruff: noqa: PLR0913, PLR0917  every port is a parameter

from __future__ import annotations

import asyncio
import pickle
import time
from pathlib import Path
from types import FunctionType
from typing import TYPE_CHECKING, Any

from actors import Actor, seed
from description import INPORTS, OUTPORTS
from logs import Done
from schedules import key

from cascata import Graph, component, inport, outport, persist

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from actors import Firing
    from description import Link, Node, Plan, Value

    from cascata.component import Component
STYLES = ("await", "wait_for", "gather", "tasks")


MOMENT = 0.002
"""Seconds after which a batch may be delivered although it is not full."""


class State:
    """What an instance keeps: who it is, and its log."""

    def __init__(self, plan: Plan, position: int, member: int, place: str) -> None:
        """Begin; the log goes into a file."""
        self.actor = Actor(plan, position, member)
        self.style = plan.nodes[position].style
        self.lanes = plan.lanes(position)
        self.firing = 0
        self.path = Path(place) / plan.names(position)[member]
        self.done = Done([], [], dead=True)

    def close(self) -> None:
        """Write down what was done, also if the run is stopped."""
        self.path.write_bytes(pickle.dumps(self.done))

    async def fire(self, values: Sequence[Value], outports: dict[str, Any]) -> None:
        """Do what a firing does."""
        self.done.log.append(("fires", tuple(values)))
        self.firing += 1
        assert self.firing <= len(self.lanes), "two firings of one trigger group at once"
        await self.act(self.actor.fire(values), outports)
        self.firing -= 1

    async def act(self, actions: Firing, outports: dict[str, Any]) -> None:
        """Take one step after the other."""
        answer = None
        sends: list[Any] = []
        while True:
            try:
                kind, what, item = actions.send(answer)
            except StopIteration:
                break
            if kind == "pause":
                await _pause(what)
                continue
            self.done.log.append(("sends", (what, item)))
            self.done.begun[item] = time.monotonic()
            send = outports[what].send(item)
            match self.style:
                case "await":
                    self.done.unfinished.append(item)
                    answer = await send
                    self.done.unfinished.remove(item)
                    self.done.times[item] = time.monotonic()
                case "wait_for":
                    answer = await asyncio.wait_for(send, 50)
                case "gather":
                    answer = True
                    sends.append(send)
                case "tasks":
                    answer = True
                    sends.append(asyncio.create_task(send))
        await asyncio.gather(*sends)


async def _pause(how: str) -> None:
    match how:
        case ".":
            await asyncio.sleep(0)
        case "~":
            await asyncio.sleep(0.0005)
        case _:
            await asyncio.to_thread(int)


async def run0(x, y, state):
    await state.get().fire((), {"x": x, "y": y})


async def run1(a, x, y, state):
    await state.get().fire((a,), {"x": x, "y": y})


async def run2(a, b, x, y, state):
    await state.get().fire((a, b), {"x": x, "y": y})


async def run3(a, b, c, x, y, state):
    await state.get().fire((a, b, c), {"x": x, "y": y})


async def finish(x, y, state):
    state = state.get()
    await state.act(state.actor.finish(), {"x": x, "y": y})
    state.done.dead = False


_RUNNERS: tuple[Callable[..., Any], ...] = (run0, run1, run2, run3)


def definition(node: Node) -> Component:
    """Make a component with the inports of a node."""
    runner = _RUNNERS[len(node.inports)]
    function: Any = FunctionType(runner.__code__, runner.__globals__, runner.__name__)
    for name, port in zip(INPORTS, node.inports, strict=False):
        function = inport(name, capacity=port.capacity)(function)
    for name in OUTPORTS:
        function = outport(name)(function)
    made = component(persist("state", State, close=State.close)(function))
    made.finish(finish)
    return made


def build(plan: Plan, place: str) -> Graph:
    """Make the graph of a plan, whose instances write their logs into a directory."""
    graph = described(plan)
    furnish(graph, plan, place)
    return graph


def described(plan: Plan) -> Graph:
    """Make the graph of a plan, of which no instance knows yet which it is."""
    return _Builder(plan, (0, len(plan.nodes)), plan.subgraphs).graph


def furnish(graph: Graph, plan: Plan, place: str) -> None:
    """Tell the instances of a plan's graph who they are, and give them the tokens they start with."""
    for position, node in enumerate(plan.nodes):
        for member, name in enumerate(plan.names(position)):
            instance: Any = graph.nodes[name]
            instance.state < (plan, position, member, place)
            for number, port in enumerate(node.inports):
                if port.seeded:  # in a copy it would else bear the name of the first
                    getattr(instance, INPORTS[number]).set(seed(plan, position, member, number))


def collected(plan: Plan, place: str) -> dict[str, Done]:
    """Give what the instances have done, of those that have lived to tell."""
    names = [name for position in range(len(plan.nodes)) for name in plan.names(position)]
    logs = {name: Path(place) / name for name in names}
    return {name: pickle.loads(log.read_bytes()) for name, log in logs.items() if log.exists()}  # noqa: S301  our own


class _Builder:
    """Makes a graph of a span of nodes. Subgraphs in it are made first, and export what is connected across."""

    def __init__(self, plan: Plan, span: tuple[int, int], subgraphs: Sequence[tuple[int, int]]) -> None:
        self.plan = plan
        self.graph = Graph()
        self.handles: dict[int, Any] = {}
        self.subgraphs: dict[int, Any] = {}
        self.exported: set[tuple[int, str, int | None]] = set()
        self.made: dict[int, Graph] = {}
        self.spans = subgraphs
        for position in range(*span):
            inner = next((other for other in subgraphs if other[0] == position), None)
            if inner is not None and position not in self.subgraphs:
                self.subgraphs |= dict.fromkeys(range(*inner), self.copied(inner))
            elif position not in self.subgraphs:
                self.handles[position] = self.put(position)
        for link in plan.links:
            ends = [self.subgraphs.get(end, end) for end in (link.source, link.target)]
            mine = all(span[0] <= end < span[1] for end in (link.source, link.target))
            if mine and (ends[0] is not ends[1] or link.source in self.handles):
                self.connect(link)
        for position, handle in self.handles.items():
            for lane in plan.nodes[position].lanes or ():
                handle.sync(*(getattr(handle, INPORTS[place]) for place in lane))

    def put(self, position: int) -> Any:
        """Put a component or a group into the graph."""
        node = self.plan.nodes[position]
        part: Any = definition(node)
        handle = self.graph.add(f"c{position}", part * node.members if node.members else part)
        for place, port in enumerate(node.inports):
            if port.seeded:
                value = seed(self.plan, position, 0, place)
                handle.initialize(INPORTS[place], value) if node.members else getattr(handle, INPORTS[place]).set(value)
        return handle

    def copied(self, span: tuple[int, int]) -> Any:
        """Put a subgraph into the graph."""
        number = self.plan.subgraphs.index(span)
        first = self.plan.first(number)
        if first not in self.made:
            self.made[first] = self.inner(first)
        return self.graph.add(f"s{number}", self.made[first])

    def inner(self, first: int) -> Graph:
        """Make the graph of a subgraph. It exports what is connected of any of its copies."""
        begin, end = self.plan.subgraphs[first]
        inner = _Builder(self.plan, (begin, end), self.plan.subgraphs_in((begin, end)))
        for number, (start, stop) in enumerate(self.plan.subgraphs):
            if self.plan.first(number) != first:
                continue
            for link in self.plan.links:
                ends = [start <= end < stop for end in (link.source, link.target)]
                if ends == [True, False]:
                    inner.export(link.source - start + begin, link.outport, link.of)
                if ends == [False, True]:
                    inner.export(link.target - start + begin, INPORTS[link.inport], link.to)
        return inner.graph

    def export(self, position: int, name: str, member: int | None) -> None:
        """Export a port for those who use a subgraph."""
        if (position, name, member) not in self.exported:
            self.exported.add((position, name, member))
            self.graph.export(self.port(position, name, member), _exported(position, name, member))

    def port(self, position: int, name: str, member: int | None) -> Any:
        """Give a port of a node, or of a member of a group, or the export that it is."""
        if position in self.handles:
            handle = self.handles[position]
            return getattr(handle if member is None else handle[member], name)
        inside = next(span for span in self.spans if span[0] <= position < span[1])
        begin = self.plan.subgraphs[self.plan.first(self.plan.subgraphs.index(inside))][0]
        return getattr(self.subgraphs[position], _exported(position - inside[0] + begin, name, member))

    def connect(self, link: Link) -> None:
        """Connect two ports as a plan says."""
        port = self.plan.nodes[link.target].inports[link.inport]
        source = self.port(link.source, link.outport, link.of)
        target = self.port(link.target, INPORTS[link.inport], link.to)
        if not link.ordered:
            source = source.unordered
        if port.batch is not None:
            source = source.batch(port.batch or None, within=MOMENT if port.within else None)
        if link.to is None and port.policy == "keyed":
            target = target.keyed(key)
        elif link.to is None and port.policy != "balanced":
            target = getattr(target, port.policy)
        source.connect(target)


def _exported(position: int, name: str, member: int | None) -> str:
    return f"c{position}_{name}" + ("" if member is None else f"_{member}")
