"""Groups: several instances of one component under one name."""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Any, NoReturn, cast, overload

from cascata._native import MAX_MEMBERS, GraphCore
from cascata.component import ports_text
from cascata.handler import GroupInputPort, GroupOutputPort, GroupPersistentPort
from cascata.instance import Instance
from cascata.owner import Owner
from cascata.port import OutputPort
from cascata.text import value_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from cascata.component import Component

__all__ = ["Group", "Template", "multiply"]


class Template:
    """What `Worker * 4` gives: a group that is in no graph yet.

    Each graph that it is put into gets members of its own.
    """

    __slots__ = ("_core", "_definition", "_nodes")

    def __init__(self, definition: Component, core: GraphCore, nodes: Sequence[str]) -> None:
        """Take the core that describes the members, and the names they have there."""
        self._definition = definition
        self._core = core
        self._nodes = nodes

    def __len__(self) -> int:
        """Return how many members a group made of it has."""
        return len(self._nodes)

    def __mul__(self, n: object) -> NoReturn:
        """Explain that a group has no groups as members."""
        msg = f"{self._text} * {value_text(n)}: {_nested(self._definition, len(self), n)}"
        raise TypeError(msg)

    __rmul__ = __mul__

    if TYPE_CHECKING:
        # After `graph.workers = Worker * 4` mypy takes `graph.workers` for this, although it is a `Group`.
        def __getitem__(self, index: int) -> Instance: ...  # noqa: D105
        def __iter__(self) -> Iterator[Instance]: ...  # noqa: D105

    def __getattr__(self, name: str) -> Any:
        """Explain that the ports are those of groups in a graph."""
        if name.startswith("_"):
            msg = f"{type(self).__name__!r} object has no attribute {name!r}"
        else:
            what = "it is in no graph yet, and has no ports; put it into one"
            msg = f"({self._text}).{name}: {what}, as in graph.workers = {self._text}"
        raise AttributeError(msg)

    @property
    def _text(self) -> str:
        return f"{self._definition.__name__} * {len(self)}"

    def __repr__(self) -> str:
        """Show how many of what."""
        return f"<{self._text} in no graph>"


def multiply(component: Component, n: object) -> Template:
    """Make what a group is made of; see `Component.__mul__`."""
    name = component.name if isinstance(component, Owner) else component.__name__
    call = f"{name} * {value_text(n)}"
    if isinstance(component, Group) and component._stands_in is not component._definition:
        msg = f"{call}: {_nested(component._definition, len(component), n)}"
        raise TypeError(msg)
    if isinstance(n, bool) or not hasattr(n, "__index__"):
        msg = f"{call}: the number of members is a whole number; write {name} * 4"
        raise TypeError(msg)
    number = operator.index(n)
    if not 0 < number <= MAX_MEMBERS:
        what = "has no members" if number <= 0 else "is too large"
        msg = f"{call}: a group of {value_text(number)} {what}; give a number from 1 to {MAX_MEMBERS:,}"
        raise ValueError(msg)
    if isinstance(component, Instance) and component._stands_in is None:
        instance = component.copy()
    else:
        # A definition, or what name injection has put in its place.
        instance = component._definition()
    return Template(component._definition, instance._core, [instance.name] * number)


class Group(Owner):
    """Several instances of one component, its members, under one name; made by `graph.workers = Worker * 4`.

    They are called `workers_0`, `workers_1`, … What is said of the group holds for all of them: values, trigger groups,
    connections. What comes to one of its inports is shared out among the members, what they send is gathered.

    >>> from cascata import Graph, component, inport, outport
    >>> @component
    ... @inport("x")
    ... @inport("factor", default=1)
    ... @outport("y")
    ... async def scale(x: int, factor: int, y: int): ...
    >>> graph = Graph()
    >>> graph.scales = scale * 3
    >>> _ = graph.scales.factor < 10
    >>> len(graph.scales), graph.scales[2].name, graph.scales[2].factor.initialization_value
    (3, 'scales_2', 10)
    >>> graph.scales
    <scales (3 of scale): x, factor=10 -> y>
    """

    if TYPE_CHECKING:
        count: int
        """How many members it has."""
        group: list[Instance]
        """The members."""

    def __init__(self, definition: Component, core: GraphCore, name: str, members: Sequence[Instance]) -> None:
        """Take the graph core that describes it, the name it has there, and the handles of the members."""
        declared = definition.__declaration__
        ports: dict[str, Any] = {name: GroupInputPort(self, name) for name in declared.inports}
        ports.update((name, GroupOutputPort(self, name)) for name in declared.outports)
        ports.update((mark.name, GroupPersistentPort(self, mark)) for mark in declared.persists.values())
        super().__init__(definition, core, name, ports)
        vars(self).update(_graph=members[0].graph, _members=list(members))

    def initialize(self, port: str, value: object) -> None:
        """Set the initial value of an inport, or the start value of a persistent value, of all members.

        Raises:
            AttributeError: If they have no such port.
            TypeError: If it is an outport.

        """
        handle = self._ports.get(port) or Owner.__getattr__(self, port)
        if isinstance(handle, OutputPort):
            what = f"{handle.label} is an outport; initial values are set on inports"
            msg = f"{self.name}.initialize({port!r}, ...): {what}"
            raise TypeError(msg)
        handle.set(value)

    def copy(self) -> Template:
        """Make a group of members with the same values and trigger groups, to be put into a graph.

        Connections belong to the graph and are not copied.
        """
        core = GraphCore()
        for member in self:
            core.adopt(member.name, self._core, member.name)
        return Template(self._definition, core, [member.name for member in self])

    def __len__(self) -> int:
        """Return how many members there are."""
        return len(self._members)

    def __iter__(self) -> Iterator[Instance]:
        """Iterate over the members."""
        return iter(cast("list[Instance]", self._members))

    @overload
    def __getitem__(self, index: int) -> Instance: ...
    @overload
    def __getitem__(self, index: slice) -> list[Instance]: ...
    def __getitem__(self, index: int | slice) -> Instance | list[Instance]:
        """Give a member by its number, or several by a slice."""
        members: list[Instance] = self._members
        try:
            return members[index]
        except IndexError:
            msg = f"{self.name}[{index}]: there is no such member; {self.name} has {len(self)}, counted from 0"
            raise IndexError(msg) from None
        except TypeError:
            what = f"members go by number, as in {self.name}[0]; ports are attributes"
            msg = f"{self.name}[{value_text(index)}]: {what}"
            raise TypeError(msg) from None

    def __getattr__(self, name: str) -> Any:
        """Give a port or persistent value by name, or else the number of members, or a list of them."""
        # No properties: a port of this name comes first, or `workers.count < 5` would compare and say nothing.
        if name not in self._ports:
            if name == "count":
                return len(self)
            if name == "group":
                return list(self)
        return super().__getattr__(name)

    def __dir__(self) -> list[str]:
        """Include the ports, for completion."""
        return [*super().__dir__(), "count", "group"]

    def __copy__(self) -> Template:
        """As `copy`."""
        return self.copy()

    def __deepcopy__(self, memo: dict[int, Any]) -> Template:
        """As `copy`."""
        return self.copy()

    def __repr__(self) -> str:
        """Show how many of what, and the values of the first."""
        initial = {name: self._core.initial(self._node, name) for name in self.__declaration__.inports}
        return f"<{self.name} ({len(self)} of {self.__name__}){ports_text(self.__declaration__, initial)}>"


def _nested(definition: Component, size: int, n: object) -> str:
    more = size * n if isinstance(n, int) and not isinstance(n, bool) and n > 0 else size
    name = definition.__name__
    return f"a group has no groups as members; multiply the component: {name} * {more}"
