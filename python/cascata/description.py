"""Descriptions: what is in a graph, and how it gets there. `Graph` adds what can be done with it."""

from __future__ import annotations

import difflib
import inspect
import weakref
from typing import TYPE_CHECKING, Any, NoReturn, Self, cast, overload

from cascata._native import GraphCore
from cascata.batching import Batch
from cascata.component import Component, GroupConnector
from cascata.declare import MARKS
from cascata.errors import GraphError
from cascata.group import Group, Template
from cascata.instance import Instance
from cascata.namespace import inject, namespace_of
from cascata.owner import Owner
from cascata.parts import Parts, refuse_unusable
from cascata.port import InputPort, OutputPort, PersistentPort, Port, PortHandler
from cascata.subgraph import Subgraph
from cascata.text import count_text, value_text

if TYPE_CHECKING:
    from cascata.graph import Graph

__all__ = ["Description", "text_of"]

_SHOWN = 20
"""How many components and connections a `repr` shows."""


class Description:
    """Components by name, connections, groups, copies of other graphs, exports."""

    __slots__ = ("__weakref__", "_core", "_namespace", "_parts", "_sources")

    _core: GraphCore
    _namespace: dict[str, Any] | None
    _parts: Parts
    _sources: weakref.WeakSet[Description]

    def __init__(self) -> None:
        """Make an empty graph; made at module level, it makes the names of its components variables there."""
        self._begin(GraphCore(), namespace_of(inspect.currentframe()))

    def _begin(self, core: GraphCore, namespace: dict[str, Any] | None) -> None:
        parts = Parts(cast("Graph", self), core)
        own: dict[str, Any] = {"_core": core, "_namespace": namespace, "_sources": weakref.WeakSet(), "_parts": parts}
        for name, value in own.items():
            object.__setattr__(self, name, value)

    @overload
    def add(self, name: str, component: Component) -> Instance: ...
    @overload
    def add(self, name: str, component: Template) -> Group: ...
    @overload
    def add(self, name: str, component: Description) -> Subgraph: ...
    def add(self, name: str, component: Component | Template | Description) -> Any:
        """Put a component into the graph, or a group of instances of one, or a copy of another graph.

        Args:
            name: Its name: an identifier that is new in the graph and no attribute of graphs. The members of a group
                are called `name_0`, `name_1`, …, and all that is in a copied graph has `name_` in front.
            component: A definition; an instance that is in no graph yet, which keeps its values; `Worker * 4`; or a
                graph.

        Returns:
            The instance, group or subgraph, as it is in the graph.

        Raises:
            TypeError: If it is none of these.
            GraphError: If a name cannot be used, the instance is in a graph already, or a graph would be part of
                itself.

        """
        return self._put(name, component)

    def export(self, port: Port, name: str) -> None:
        """Let users of the graph see a port; in a graph that this one is copied into, it is `prep.name`.

        Args:
            port: An inport or outport of a component or group of this graph. A view of it (`keyed`, `unordered`, …)
                also says how everyone is to connect to it.
            name: The name they have for it, new in the graph.

        Raises:
            TypeError: If it is no port.
            GraphError: If it is none of this graph, or the name cannot be used.

        """
        call = f"graph.export({text_of(port)}, {name!r})"
        if not isinstance(port, Port):
            msg = f"{call}: only inports and outports can be exported, as in graph.export(graph.split.text, 'text')"
            raise TypeError(msg)
        if not isinstance(name, str):
            msg = f"{call}: the name of an export is a string"
            raise TypeError(msg)
        if port.component.graph is not self:
            msg = f"{call}: {port.component.name} is not in this graph; export ports of the graph's own components"
            raise GraphError(msg)
        self._parts.export(name, port)

    def copy(self, prefix: str | None = None) -> Self:
        """Make a graph of the same description: components, connections, values, groups, exports, orders.

        Args:
            prefix: What all names but those of exports get in front, with an underscore between.

        Raises:
            TypeError: If the prefix is not a string.
            GraphError: If names cannot begin with it.

        """
        core = self._core.copy()
        if prefix is not None:
            if not isinstance(prefix, str):
                msg = f"graph.copy({prefix!r}): a prefix is a string, as in graph.copy('left')"
                raise TypeError(msg)
            refuse_unusable(prefix, (f"{prefix}_{part}" for part in self._parts.by_name), type(self))
            core = self._core.prefixed(prefix)
        graph = type(self).__new__(type(self))
        graph._begin(core, None)
        graph._sources.update(self._sources)
        return graph

    @property
    def nodes(self) -> dict[str, Instance]:
        """The instances by name, members of groups and parts of subgraphs included, in the order they were added."""
        return dict(self._parts.nodes)

    @property
    def group_handles(self) -> dict[str, Group]:
        """The groups by name, in the order they were added."""
        return dict(self._parts.groups)

    @property
    def subgraphs(self) -> dict[str, Subgraph]:
        """The copies of other graphs by name, in the order they were added."""
        return dict(self._parts.subgraphs)

    @property
    def connectors(self) -> list[GroupConnector]:
        """The connections that share out what comes to a group, or gather what a group sends, in the order made."""
        handles, connectors = self._parts.by_name, []
        for source, outport, target, inport, ordered in self._core.connectors():
            policy = None
            if isinstance(handles[target], Group):
                policy = (self._core.policy(target, inport) or ("balanced", None))[0]
            ends = handles[source].ports[outport], handles[target].ports[inport]
            connectors.append(GroupConnector(*ends, ordered, policy))
        return connectors

    @property
    def exports(self) -> dict[str, Port]:
        """The exported ports, by the names they were given."""
        return {name: self._parts.by_name[name] for name, *_ in self._core.exports()}

    @property
    def edges(self) -> list[tuple[OutputPort, InputPort]]:
        """The connections, as pairs of ports; those of groups as what they come to between members."""
        nodes = self._parts.nodes
        return [(nodes[a].ports[out], nodes[b].ports[port]) for a, out, b, port in self._core.edges()]

    def _put(self, name: str, component: Component | Template | Description) -> Any:
        if not isinstance(name, str):
            msg = f"the name of a component is a string, not {name!r}"
            raise TypeError(msg)
        if isinstance(component, Owner) and component.graph is not None and component._stands_in is not None:
            # Name injection has put it where this was, so this is what was meant.
            component = component._stands_in
        handle: Owner | Subgraph
        if isinstance(component, Template):
            handle = self._parts.add_group(name, component)
        elif isinstance(component, Description):
            handle = self._embed(name, component)
        elif isinstance(component, Component):
            self._refuse_twice(name, component)
            self._parts.check(name)
            instance = component if isinstance(component, Instance) else component(name)
            handle = self._parts.add_instance(name, instance)
        else:
            msg = f"graph.{name} = {text_of(component)}: only components go into a graph; {_hint(component)}"
            raise TypeError(msg)
        if self._namespace is not None:
            inject(self._namespace, name, handle)
        return handle

    def _refuse_twice(self, name: str, component: Component) -> None:
        """Explain that what is in a graph is in that graph only."""
        if not isinstance(component, Owner) or component.graph is None:
            return
        what = "group" if isinstance(component, Group) else "instance"
        where = "this graph" if component.graph is self else "another graph"
        msg = (
            f"graph.{name} = {component.name}: this {what} is in {where} already, as {component.name!r}; "
            f"use {component.name}.copy() for another one with the same values"
        )
        raise GraphError(msg)

    def _embed(self, name: str, other: Description) -> Subgraph:
        """Copy another graph into this one."""
        if other is self or self in other._sources:
            what = "the graph itself" if other is self else "a graph that has a copy of this one in it"
            msg = f"graph.{name} = ...: this is {what}, and no graph can be part of itself; put graph.copy() into it"
            raise GraphError(msg)
        subgraph = self._parts.embed(name, other._parts)
        self._sources.update([other, *other._sources])
        return subgraph

    def __setattr__(self, name: str, component: Component | Template | Description) -> None:
        """Put a component into the graph, as `add` does."""
        if isinstance(component, Port) and component is self._parts.by_name.get(name):
            return  # `graph.prep_out >>= inp` assigns what it gives
        self._put(name, component)

    def __getattr__(self, name: str) -> Any:
        """Give a component by name."""
        if name.startswith("_"):
            msg = f"{type(self).__name__!r} object has no attribute {name!r}"
            raise AttributeError(msg)
        names = self._parts.by_name
        if name in names:
            return names[name]
        similar = difflib.get_close_matches(name, names, 1)
        hint = f"; did you mean {similar[0]!r}?" if similar else "."
        msg = f"the graph has no component {name!r}{hint} {self._parts.known()}"
        raise AttributeError(msg)

    def __delattr__(self, name: str) -> NoReturn:
        """Explain that a graph only grows."""
        msg = f"graph.{name} cannot be deleted: a graph only grows; build another one without it"
        raise AttributeError(msg)

    def __dir__(self) -> list[str]:
        """Include the components, for completion."""
        return [*super().__dir__(), *self._parts.by_name]

    def __repr__(self) -> str:
        """Show components and groups with their values, and connections."""
        nodes, links = self._parts.nodes, self._core.links()
        lines = [f"<Graph of {count_text(len(nodes), 'component')} and {count_text(len(links), 'connection')}"]
        members = {member for group in self._parts.groups.values() for member in group}
        handles = [*(node for node in nodes.values() if node not in members), *self._parts.groups.values()]
        for shown in ([repr(handle)[1:-1] for handle in handles], [self._link_text(*link) for link in links]):
            lines += shown[:_SHOWN]
            if len(shown) > _SHOWN:
                lines.append(f"… {len(shown) - _SHOWN} more")
        return "\n  ".join(lines) + ">"

    def _link_text(self, source: str, outport: str, target: str, inport: str, ordered: bool) -> str:  # noqa: FBT001
        policy = self._core.policy(target, inport)
        gathering, sharing = "" if ordered else ".unordered", f".{policy[0]}" if policy else ""
        limits = self._core.batch(target, inport)
        arrow = Batch(*limits).arrow if limits else ">>"
        return f"{source}.{outport}{gathering} {arrow} {target}.{inport}{sharing}"


def text_of(value: object) -> str:
    """Name a value as it may have been written."""
    if isinstance(value, Port | PortHandler | PersistentPort):
        return value.label
    return value.name if isinstance(value, Owner | Subgraph) else value_text(value)


def _hint(value: object) -> str:
    """Say what may have been meant by something that is no component."""
    if hasattr(value, MARKS):
        return "it is a plain function with ports: put @component on top of its decorators"
    if inspect.isroutine(value):
        return "it is a plain function: put @component on top and declare its parameters with @inport and @outport"
    if isinstance(value, Port):
        return "it is a port: connect ports with `>>`"
    if isinstance(value, Subgraph):
        return "it is a copy already; put the graph into it that it is a copy of"
    return "to set an initial value, use `<` on an inport"
