"""Plans as graphs for the engine, whose components keep a log of what they do."""

# ruff: noqa: PLR0913, PLR0917  every port is a parameter

from __future__ import annotations

import asyncio
from types import FunctionType
from typing import TYPE_CHECKING, Any

from description import INPORTS, OUTPORTS, Actor, seed
from schedules import key

from cascata import Graph, component, inport, outport, persist

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from description import Firing, Link, Node, Plan, Value
    from model import Event

    from cascata.component import Component
    from cascata.run import Report

STYLES = ("await", "wait_for", "gather", "tasks")


MOMENT = 0.002
"""Seconds after which a batch may be delivered although it is not full."""


class State:
    """What an instance keeps: who it is, and its log."""

    def __init__(self, plan: Plan, position: int, member: int) -> None:
        """Begin."""
        self.actor = Actor(plan, position, member)
        self.style = plan.nodes[position].style
        self.lanes = plan.lanes(position)
        self.firing = 0
        self.log: list[Event] = []

    async def fire(self, values: Sequence[Value], outports: dict[str, Any]) -> None:
        """Do what a firing does."""
        self.log.append(("fires", tuple(values)))
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
            self.log.append(("sends", (what, item)))
            send = outports[what].send(item)
            match self.style:
                case "await":
                    answer = await send
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


async def run0(x, y, log, state):
    await state.get().fire((), {"x": x, "y": y})


async def run1(a, x, y, log, state):
    await state.get().fire((a,), {"x": x, "y": y})


async def run2(a, b, x, y, log, state):
    await state.get().fire((a, b), {"x": x, "y": y})


async def run3(a, b, c, x, y, log, state):
    await state.get().fire((a, b, c), {"x": x, "y": y})


async def finish(x, y, log, state):
    state = state.get()
    await state.act(state.actor.finish(), {"x": x, "y": y})
    await log.send(state.log)


_RUNNERS: tuple[Callable[..., Any], ...] = (run0, run1, run2, run3)


def definition(node: Node) -> Component:
    """Make a component with the inports of a node."""
    runner = _RUNNERS[len(node.inports)]
    function: Any = FunctionType(runner.__code__, runner.__globals__, runner.__name__)
    for name, port in zip(INPORTS, node.inports, strict=False):
        function = inport(name, capacity=port.capacity)(function)
    for name in (*OUTPORTS, "log"):
        function = outport(name)(function)
    made = component(persist("state", State)(function))
    made.finish(finish)
    return made


def build(plan: Plan) -> Graph:
    """Make the graph of a plan."""
    return _Builder(plan, (0, len(plan.nodes)), plan.subgraphs).graph


class _Builder:
    """Makes a graph of a span of nodes. Subgraphs in it are made first, and export what is connected across."""

    def __init__(self, plan: Plan, span: tuple[int, int], subgraphs: Sequence[tuple[int, int]]) -> None:
        self.plan = plan
        self.graph = Graph()
        self.handles: dict[int, Any] = {}
        self.subgraphs: dict[int, Any] = {}
        self.exported: set[tuple[int, str]] = set()
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
        for member, instance in enumerate(handle.group if node.members else [handle]):
            instance.state < (self.plan, position, member)
            for place, port in enumerate(node.inports):
                if port.seeded:
                    getattr(instance, INPORTS[place]).set(seed(self.plan, position, member, place))
        return handle

    def copied(self, span: tuple[int, int]) -> Any:
        """Put a subgraph into the graph."""
        inner = _Builder(self.plan, span, self.plan.subgraphs_in(span))
        for link in self.plan.links:
            for end, port in ((link.source, link.outport), (link.target, INPORTS[link.inport])):
                other = link.target if end == link.source else link.source
                crosses = span[0] <= end < span[1] and not span[0] <= other < span[1]
                if crosses and (end, port) not in inner.exported:
                    inner.exported.add((end, port))
                    inner.graph.export(inner.port(end, port), f"c{end}_{port}")
        return self.graph.add(f"s{self.plan.subgraphs.index(span)}", inner.graph)

    def port(self, position: int, name: str) -> Any:
        """Give a port of a node, or the export that it is."""
        if position in self.handles:
            return getattr(self.handles[position], name)
        return getattr(self.subgraphs[position], f"c{position}_{name}")

    def connect(self, link: Link) -> None:
        """Connect two ports as a plan says."""
        port = self.plan.nodes[link.target].inports[link.inport]
        source = self.port(link.source, link.outport)
        target = self.port(link.target, INPORTS[link.inport])
        if not link.ordered:
            source = source.unordered
        if port.batch is not None:
            source = source.batch(port.batch or None, within=MOMENT if port.within else None)
        if port.policy == "keyed":
            target = target.keyed(key)
        elif port.policy != "balanced":
            target = getattr(target, port.policy)
        source.connect(target)


def logs(plan: Plan, report: Report) -> dict[str, list[Event]]:
    """Give the log of each instance of a run that has ended."""
    return {name.removesuffix(".log"): log for name, (log,) in report.collected.items() if name.endswith(".log")}
