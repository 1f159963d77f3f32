"""Instances: components with a name, in a graph or not yet in one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cascata._native import GraphCore
from cascata.component import ports_text
from cascata.owner import Owner
from cascata.port import InputPort, OutputPort, PersistentPort

if TYPE_CHECKING:
    from cascata.component import Component
    from cascata.graph import Graph

__all__ = ["Instance"]


class Instance(Owner):
    """A named component, in a graph or not yet in one.

    Its ports are its attributes. It also serves as its definition: it can be called, multiplied, tested and pickled.
    """

    def __init__(self, definition: Component, core: GraphCore, node: str) -> None:
        """Take the graph core that describes the instance, and the name it has there."""
        declared = definition.__declaration__
        ports: dict[str, Any] = {name: InputPort(self, name) for name in declared.inports}
        ports.update((name, OutputPort(self, name)) for name in declared.outports)
        ports.update((mark.name, PersistentPort(self, mark)) for mark in declared.persists.values())
        super().__init__(definition, core, node, ports)

    @property
    def group_name(self) -> str | None:
        """The name of the group that the instance is a member of, or `None`."""
        group: str | None = self._core.group(self._node)
        return group

    def copy(self) -> Instance:
        """Make an instance of the same name, with the same values, batches and trigger groups, that is in no graph.

        Connections belong to the graph and are not copied.
        """
        core = GraphCore()
        core.adopt(self._node, self._core, self._node)
        return Instance(self._origin, core, self._node)

    def _enter(self, graph: Graph, core: GraphCore, name: str) -> None:
        """Become the node of this name of a graph; the ports stay valid."""
        core.adopt(name, self._core, self._node)
        vars(self).update(_graph=graph, _core=core, _node=name)

    def __copy__(self) -> Instance:
        """As `copy`."""
        return self.copy()

    def __deepcopy__(self, memo: dict[int, Any]) -> Instance:
        """As `copy`."""
        return self.copy()

    def __repr__(self) -> str:
        """Show the ports and the values they have."""
        initial = {name: self._core.initial(self._node, name) for name in self.__declaration__.inports}
        where = "" if self._graph is not None else " in no graph"
        return f"<{self.name} ({self.__name__}){where}{ports_text(self.__declaration__, initial)}>"
