"""The parts of a graph as handles: instances, groups, subgraphs and exported ports, by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cascata.errors import GraphError
from cascata.group import Group
from cascata.handler import GroupOutputPort
from cascata.instance import Instance
from cascata.port import InputPort, OutputPort
from cascata.subgraph import Subgraph
from cascata.text import name_problem

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cascata._native import GraphCore
    from cascata.component import Component
    from cascata.graph import Graph
    from cascata.group import Template
    from cascata.port import Port

__all__ = ["Parts", "refuse_unusable"]


class Parts:
    """The handles on a graph's core: one for each thing in it that has a name."""

    __slots__ = ("_core", "_graph", "by_name", "groups", "nodes", "subgraphs")

    def __init__(self, graph: Graph, core: GraphCore) -> None:
        """Take a graph and its core, and make handles on what is in there."""
        self._graph = graph
        self._core = core
        self.by_name: dict[str, Any] = {}
        self.nodes: dict[str, Instance] = {}
        self.groups: dict[str, Group] = {}
        self.subgraphs: dict[str, Subgraph] = {}
        self._refresh()

    def add_instance(self, name: str, instance: Instance) -> Instance:
        """Put an instance into the graph; its handle goes on being its handle."""
        self.check(name)
        instance._enter(self._graph, self._core, name)
        self.nodes[name] = self.by_name[name] = instance
        return instance

    def add_group(self, name: str, template: Template) -> Group:
        """Put a group into the graph."""
        self.check(name, (f"{name}_{number}" for number in range(len(template))))
        self._core.adopt_group(name, template._core, template._nodes)
        self._refresh()
        return self.groups[name]

    def embed(self, name: str, other: Parts) -> Subgraph:
        """Put a copy of another graph into this one."""
        self.check(name, (f"{name}_{part}" for part in other.by_name))
        self._core.embed(name, other._core)
        self._refresh()
        return self.subgraphs[name]

    def export(self, name: str, port: Port) -> None:
        """Let users of the graph see a port."""
        self.check(name, what="an export")
        if hasattr(Subgraph, name):
            msg = f"{name!r} cannot be the name of an export: every subgraph has a {name!r}; take another name"
            raise GraphError(msg)
        inport = isinstance(port, InputPort)
        policy = port._policy() if isinstance(port, InputPort) else None
        ordered = not isinstance(port, OutputPort) or port._in_order()
        self._core.export(name, port.component._node, port.name, inport, ordered, policy)
        self._refresh()

    def check(self, name: str, parts: Iterable[str] = (), what: str = "a component") -> None:
        """Check that a name, and the names of the parts that come with it, can be used; see also the core's checks."""
        refuse_unusable(name, parts, type(self._graph), what)
        if name in self.by_name:
            msg = f"graph.{name} is there already, {self.by_name[name]!r}; take a new name"
            raise GraphError(msg)

    def known(self) -> str:
        """Say what there is."""
        return f"It has: {', '.join(self.by_name)}" if self.by_name else "It has no components yet"

    def _refresh(self) -> None:
        """Make handles on what the core has come to have: what is new comes last."""
        for name in self._core.nodes()[len(self.nodes) :]:
            definition: Component = self._core.definition(name).owner
            instance = Instance(definition, self._core, name)
            vars(instance)["_graph"] = self._graph
            self.nodes[name] = self.by_name[name] = instance
        for name, members in self._core.groups()[len(self.groups) :]:
            nodes = [self.nodes[member] for member in members]
            self.groups[name] = self.by_name[name] = Group(nodes[0]._definition, self._core, name, nodes)
        for name, parts, exports in self._core.subgraphs()[len(self.subgraphs) :]:
            self._add_subgraph(name, parts, exports)
        for export in self._core.exports():
            if export[0] not in self.by_name:
                self.by_name[export[0]] = self._port(export)

    def _add_subgraph(self, name: str, parts: list[str], exports: list[tuple[str, str, str, bool]]) -> None:
        prefix = f"{name}_"
        ports = {export[0]: self._port(export) for export in exports}
        inner = {part.removeprefix(prefix): self.by_name[part] for part in parts}
        for part in [part for part in inner.values() if isinstance(part, Subgraph)]:
            inner.update((f"{part.name}_{export}".removeprefix(prefix), port) for export, port in part.exports.items())
        self.subgraphs[name] = self.by_name[name] = Subgraph(self._graph, name, ports, inner)
        self.by_name.update((prefix + export, port) for export, port in ports.items())

    def _port(self, export: tuple[str, str, str, bool]) -> Port:
        _, owner, name, ordered = export
        port: Port = self.by_name[owner].ports[name]
        return port if ordered or not isinstance(port, GroupOutputPort) else port.unordered


def refuse_unusable(name: str, parts: Iterable[str], graphs: type, kind: str = "a component") -> None:
    """Raise `GraphError` if a name, or that of a part that comes with it, can be that of nothing in a graph."""
    if problem := name_problem(name):
        what = problem
    elif name.startswith("_"):
        what = "names with an underscore in front are the graph's own"
    elif hasattr(graphs, name):
        what = f"graph.{name} means something else; take another name"
    elif part := next((part for part in parts if hasattr(graphs, part)), None):
        what = f"a part of it would be called {part!r}, and graph.{part} means something else; take another name"
    else:
        return
    msg = f"{name!r} cannot be the name of {kind}: {what}"
    raise GraphError(msg)
