"""Plans of the model as graphs for the engine."""

# ruff: noqa: PLR0913, PLR0917  every port is a parameter

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from model import ComponentPlan, Item, Plan, ending, merged, script

from cascata import Graph, component, inport, outport, persist

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from model import Action

    from cascata.component import Component

STYLES = ("await", "gather", "tasks", "wait_for")


def build(plan: Plan, style: str) -> Graph:
    """Make a graph of components `c0`, `c1`, … that act as their scripts say."""
    graph = Graph()
    for number, planned in enumerate(plan.components):
        node = graph.add(f"c{number}", _component(plan, planned, style))
        for name, port in zip("abc", planned.inports, strict=False):
            if port.initial is not None:
                node.ports[name].set(port.initial)
    nodes = list(graph.nodes.values())
    for node, planned in zip(nodes, plan.components, strict=True):
        for name, port in zip("abc", planned.inports, strict=False):
            for source, outport_ in port.producers:
                sender = nodes[source].ports[outport_]
                if port.batch is None:
                    sender.connect(node.ports[name])
                else:
                    sender.batch(port.batch or None).connect(node.ports[name])
        for group in planned.groups or ():
            node.sync(*(node.ports["abc"[index]] for index in group))
    return graph


def _component(plan: Plan, planned: ComponentPlan, style: str) -> Component:
    groups = plan.trigger_groups(planned)

    async def fire(arrived: tuple[Any, ...], outports: dict[str, Any], seen: Any) -> None:
        values = tuple(merged(value) if isinstance(value, list) else value for value in arrived)
        group = _which(groups, values, seen.get())
        row = tuple(value if index in group else None for index, value in enumerate(values))
        seen.get()["firings"] += 1
        assert group not in seen.get()["running"], "two firings of one trigger group at once"
        seen.get()["running"].add(group)
        await outports["rows"].send((row, values))
        await _act(script(planned, row), outports, style)
        seen.get()["running"].remove(group)

    async def run0(x, y, again, rows, seen):
        await fire((), {"x": x, "y": y, "again": again, "rows": rows}, seen)

    async def run1(a, x, y, again, rows, seen):
        await fire((a,), {"x": x, "y": y, "again": again, "rows": rows}, seen)

    async def run2(a, b, x, y, again, rows, seen):
        await fire((a, b), {"x": x, "y": y, "again": again, "rows": rows}, seen)

    async def run3(a, b, c, x, y, again, rows, seen):
        await fire((a, b, c), {"x": x, "y": y, "again": again, "rows": rows}, seen)

    function: Any = (run0, run1, run2, run3)[len(planned.inports)]
    for name, port in zip("abc", planned.inports, strict=False):
        function = inport(name, capacity=port.capacity)(function)
    for name in ("x", "y", "again", "rows"):
        function = outport(name)(function)
    definition = component(persist("seen", _nothing_seen)(function))

    @definition.finish
    async def finish(x, seen):
        await _act(ending(planned, seen.get()["firings"]), {"x": x}, style)

    return definition


def _nothing_seen() -> dict[str, Any]:
    return {"firings": 0, "running": set(), "items": set()}


def _which(groups: Iterable[tuple[int, ...]], values: Sequence[Item | None], seen: dict[str, Any]) -> tuple[int, ...]:
    """Tell which trigger group fires: the one whose values have not been seen."""
    fresh = [group for group in groups if all((index, values[index]) not in seen["items"] for index in group)]
    fresh = [group for group in fresh if all(values[index] is not None for index in group)]
    assert len(fresh) == 1, f"of the groups {groups}, {fresh} fire on {values}"
    seen["items"].update((index, values[index]) for index in fresh[0])
    return fresh[0]


async def _act(actions: Sequence[Action], outports: dict[str, Any], style: str) -> None:
    sends: list[Any] = []
    for kind, what, item in actions:
        if kind == "send":
            match style:
                case "await":
                    await outports[what].send(item)
                case "gather":
                    sends.append(outports[what].send(item))
                case "tasks":
                    sends.append(asyncio.create_task(outports[what].send(item)))
                case "wait_for":
                    await asyncio.wait_for(outports[what].send(item), 50)
        elif what == "yield":
            await asyncio.sleep(0)
        elif what == "sleep":
            await asyncio.sleep(0.0005)
        else:
            await asyncio.to_thread(int)
    await asyncio.gather(*sends)
