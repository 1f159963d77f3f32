"""What instances and groups have in common: a name, a graph, and ports as attributes."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Any, cast

from cascata.component import Component
from cascata.port import InputPort, OutputPort, Port, PortHandler

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cascata._native import GraphCore
    from cascata.graph import Graph

__all__ = ["Owner"]


class Owner(Component):
    """A component under a name, in a graph or not yet in one.

    Its ports are its attributes. It also serves as its definition: it can be called, multiplied, tested and pickled.
    """

    def __init__(self, definition: Component, core: GraphCore, node: str, ports: dict[str, Any]) -> None:
        """Take the graph core that describes it, the name it has there, and its ports."""
        vars(self).update(vars(definition), _native=None)
        vars(self).update(_origin=definition, _core=core, _node=node, _graph=None, _ports=ports)
        vars(self).update(_injected=False, _stands_in=None)

    @property
    def name(self) -> str:
        """The name in the graph; before that, the name it was made with."""
        return cast("str", self._node)

    @property
    def graph(self) -> Graph | None:
        """The graph that it is in, or `None`."""
        return cast("Graph | None", self._graph)

    @property
    def group_name(self) -> str | None:
        """The name of the group that it is a member of, or `None`."""
        return None

    @property
    def inports(self) -> set[InputPort]:
        """The inports."""
        return {port for port in self._ports.values() if isinstance(port, InputPort)}

    @property
    def outports(self) -> set[OutputPort]:
        """The outports."""
        return {port for port in self._ports.values() if isinstance(port, OutputPort)}

    @property
    def ports(self) -> dict[str, Any]:
        """All ports and persistent values, by name."""
        return dict(self._ports)

    def sync(self, *ports: InputPort) -> None:
        """Make one trigger group of these inports: the component fires when each of them has an item.

        Of a group, every member does.

        Raises:
            TypeError: If one of them is not an inport of this component.
            GraphError: If one of them is in a trigger group already.

        >>> from cascata import Graph, component, inport
        >>> @component
        ... @inport("left")
        ... @inport("right")
        ... @inport("factor")
        ... async def scale(left, right, factor): ...
        >>> graph = Graph()
        >>> graph.scale = scale
        >>> graph.scale.sync(graph.scale.left, graph.scale.right)  # `factor` is passive now
        """
        self._core.sync(self._node, self._own(ports, "sync"))

    def clk(self, *ports: InputPort) -> None:
        """Make a trigger group of each of these inports: the component fires on every item of any of them.

        Of a group, every member does.

        Raises:
            TypeError: If one of them is not an inport of this component.
            GraphError: If one of them is in a trigger group already.

        """
        self._core.clk(self._node, self._own(ports, "clk"))

    def _own(self, ports: Iterable[object], method: str) -> list[str]:
        """Return the names of inports, which must be this component's."""
        names = []
        for port in ports:
            mine = isinstance(port, Port) and port.component is self
            if isinstance(port, InputPort) and mine and port._policy() is None:
                names.append(port.name)
                continue
            if isinstance(port, InputPort) and mine:
                what = f"{port.label} says how a connection is shared out, and this is none"
            elif isinstance(port, Port | PortHandler) and not mine:
                what = f"{port.label} is a port of another component"
            elif isinstance(port, Port):
                what = f"{port.label} is an outport"
            else:
                what = f"{port!r} is no port"
            there = ", ".join(f"{self.name}.{name}" for name in self.__declaration__.inports) or "none"
            msg = f"{self.name}.{method}(...): {what}; give inports of {self.name}: {there}"
            raise TypeError(msg)
        return names

    @property
    def _definition(self) -> Component:
        return cast("Component", self._origin)

    def __getattr__(self, name: str) -> Any:
        """Give a port or persistent value by name."""
        if name.startswith("_"):
            msg = f"{type(self).__name__!r} object has no attribute {name!r}"
            raise AttributeError(msg)
        if name in self._ports:
            return self._ports[name]
        similar = difflib.get_close_matches(name, self._ports, 1)
        hint = f"; did you mean {similar[0]!r}?" if similar else "."
        msg = f"{self.name} ({self.__name__}) has no port {name!r}{hint} It has {self.__declaration__.describe()}"
        raise AttributeError(msg)

    def __setattr__(self, name: str, value: OutputPort) -> None:
        """Explain how values are set; see `Component`."""
        if name in self._ports:
            if value is self._ports[name] and isinstance(value, OutputPort):
                return  # `a.out >>= b.inp` assigns what it gives
            msg = f"{self.name}.{name} is a port and cannot be assigned; to set a value, write {self.name}.{name} < …"
            raise AttributeError(msg)
        if name == "name":
            msg = (
                f"{self.name}.name cannot be assigned: a component gets its name when it is put into a graph, "
                f"as in graph.x = {self.__name__}"
            )
            raise AttributeError(msg)
        if not name.startswith("_") and name in dir(self):
            msg = f"{self.name}.{name} cannot be assigned: it is what every component has, and no port"
            raise AttributeError(msg)
        if not name.startswith("_"):
            self.__getattr__(name)  # raises, and tells which ports there are
        super().__setattr__(name, value)

    def __dir__(self) -> list[str]:
        """Include the ports, for completion."""
        return [*super().__dir__(), *self._ports]
