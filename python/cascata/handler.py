"""The ports of groups as handles: what is said of one holds for every member."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any, NoReturn

from cascata.persistent import Setting, call_text
from cascata.port import InputPort, OutputPort, PersistentPort, Port, PortHandler
from cascata.text import value_text
from cascata.types import port_type

if TYPE_CHECKING:
    from collections.abc import Callable

    from cascata.declare import PersistMark
    from cascata.group import Group

__all__ = ["GroupInputPort", "GroupOutputPort", "GroupPersistentPort", "key_problem"]


class GroupInputPort(InputPort, PortHandler):
    """An inport of all members of a group.

    What is connected to it is shared out: each item, or each row of items if the members fire on several ports at
    once, goes to one member. Connecting to one of its views (`balanced`, `round_robin`, `broadcast`, `keyed`) says to
    which.
    """

    __slots__ = ("_way",)

    _way: tuple[str, Any] | None

    def __init__(self, component: Group, name: str, way: tuple[str, Any] | None = None) -> None:
        """Take the group and the port's name; a view also has a way of sharing out."""
        super().__init__(component, name)
        object.__setattr__(self, "_way", way)

    @property
    def label(self) -> str:
        """Group and port, as in `workers.text`; of a view also how it shares out."""
        return super().label if self._way is None else f"{super().label}.{self._way[0]}"

    @property
    def members(self) -> list[InputPort]:
        """The inports that it stands for, one of each member."""
        return [member.ports[self.name] for member in self.component]

    def _inports(self) -> list[InputPort]:
        return self.members

    @property
    def balanced(self) -> GroupInputPort:
        """The port, with each item going to the member with most room; so it is when nothing is said."""
        return self._view("balanced")

    @property
    def round_robin(self) -> GroupInputPort:
        """The port, with the members getting items in turn."""
        return self._view("round_robin")

    @property
    def broadcast(self) -> GroupInputPort:
        """The port, with every member getting every item."""
        return self._view("broadcast")

    def keyed(self, function: Callable[[Any], object]) -> GroupInputPort:
        """Give the port, with items of equal keys always going to the same member.

        Args:
            function: What gives the key of an item. In a trigger group of several ports, the port that this is said of
                decides for the whole row.

        Raises:
            TypeError: If it cannot be called, or is async.

        >>> from cascata import Graph, component, inport, outport
        >>> @component
        ... @outport("word")
        ... async def words(word: str): ...
        >>> @component
        ... @inport("word")
        ... async def tally(word: str): ...
        >>> graph = Graph()
        >>> graph.words = words
        >>> graph.tallies = tally * 4
        >>> graph.words.word >> graph.tallies.word.keyed(str.lower)
        <outport words.word: str, feeds tallies_0.word, tallies_1.word, tallies_2.word, tallies_3.word>
        """
        call = f"{self.label}.keyed({value_text(function)})"
        if problem := key_problem(function):
            msg = f"{call}: {problem}"
            raise TypeError(msg)
        return self._view("keyed", function)

    def _view(self, name: str, function: object = None) -> GroupInputPort:
        if self._way is not None:
            plain = f"{self._component.name}.{self._name}"
            msg = f"{self.label}.{name}: it shares out in one way; write {plain}.{self._way[0]} or {plain}.{name}"
            raise TypeError(msg)
        return GroupInputPort(self.component, self._name, (name, function))

    def _policy(self) -> tuple[str, Any] | None:
        if self._way is None or self._way[0] != "keyed":
            return self._way
        present = self._component._core.policy(self._component._node, self._name)
        # The same method of the same object is another object each time it is looked up.
        same = present is not None and present[0] == "keyed" and present[1] == self._way[1]
        return present if same else self._way

    def _sources(self) -> list[str]:
        place = [self._component.name, self._name]
        return [f"{a}.{out}" for a, out, *target, _ in self._component._core.links() if target == place]


def key_problem(function: object) -> str | None:
    """Say why something cannot give the keys of items, and how to mend it; `None` if it can."""
    if not callable(function):
        return "give a function that gives the key of an item, such as `lambda item: item.name`"
    if inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function):
        return "the function is async, and it is not awaited; use a plain function"
    return None


class GroupOutputPort(OutputPort, PortHandler):
    """An outport of all members of a group.

    What they send is gathered in the order of what they were given; by its view `unordered`, as it comes.
    """

    __slots__ = ("_ordered",)

    _ordered: bool | None

    def __init__(self, component: Group, name: str, *, ordered: bool | None = None) -> None:
        """Take the group and the port's name; a view also says whether it gathers in order."""
        super().__init__(component, name)
        object.__setattr__(self, "_ordered", ordered)

    @property
    def label(self) -> str:
        """Group and port, as in `workers.word`; of a view also how it gathers."""
        return super().label if self._ordered is None else f"{super().label}.{'' if self._ordered else 'un'}ordered"

    @property
    def members(self) -> list[OutputPort]:
        """The outports that it stands for, one of each member."""
        return [member.ports[self.name] for member in self.component]

    @property
    def ordered(self) -> GroupOutputPort:
        """The port, gathering in the order of what the members were given; so it is when nothing is said."""
        return GroupOutputPort(self.component, self._name, ordered=True)

    @property
    def unordered(self) -> GroupOutputPort:
        """The port, gathering as things come."""
        return GroupOutputPort(self.component, self._name, ordered=False)

    def __setattr__(self, name: str, value: object) -> None:
        """Let a view be assigned to itself; see `Port`."""
        if isinstance(value, GroupOutputPort) and value.label == f"{self.label}.{name}":
            return  # `workers.out.unordered >>= inp` assigns what it gives
        super().__setattr__(name, value)

    def _in_order(self) -> bool:
        return self._ordered is not False

    def _targets(self) -> list[str]:
        place = (self._component.name, self._name)
        return [f"{b}.{port}" for a, out, b, port, _ in self._component._core.links() if (a, out) == place]


class GroupPersistentPort(PortHandler):
    """A persistent value of all members of a group: each has its own, and what is set here is set for all."""

    __slots__ = ("__weakref__", "_component", "_mark")

    def __init__(self, component: Group, mark: PersistMark) -> None:
        """Take the group and the declaration."""
        self._component = component
        self._mark = mark

    @property
    def name(self) -> str:
        """The name it was declared by."""
        return self._mark.name

    @property
    def component(self) -> Group:
        """The group that it belongs to."""
        return self._component

    @property
    def label(self) -> str:
        """Group and name, as in `workers.seen`."""
        return f"{self._component.name}.{self.name}"

    @property
    def type(self) -> Any:
        """The runner's annotation, or `Any`."""
        return port_type(self._component.__wrapped__, self.name)

    @property
    def members(self) -> list[Any]:
        """The persistent values that it stands for, one of each member."""
        return [member.ports[self.name] for member in self._component]

    def get(self) -> NoReturn:
        """Explain that each member has a value of its own."""
        msg = (
            f"{self.label}.get(): each member of {self._component.name} has its own; ask one, as in {self._first}.get()"
        )
        raise TypeError(msg)

    def set(self, value: object) -> None:
        """Set the value that each member starts from, instead of what the initialiser makes."""
        self._component._core.set_state(self._component._node, self.name, value)
        self._forget()

    initialize = set  # noqa: A003  the method

    def __lt__(self, arguments: object) -> Setting:
        """Set the arguments of the initialiser."""
        if isinstance(arguments, Port | PersistentPort | PortHandler):
            msg = f"{self.label} < {arguments.label}: a port is no argument; connect an outport to an inport with `>>`"
            raise TypeError(msg)
        self._component._core.set_arguments(self._component._node, self.name, arguments)
        self._forget()
        return Setting(lambda: f"{self.label} = {call_text(self._mark.initialiser, (arguments,))}")

    @property
    def _first(self) -> str:
        return f"{self._component.name}[0].{self.name}"

    def _forget(self) -> None:
        for member in self.members:
            member._forget()

    def __repr__(self) -> str:
        """Show how many there are."""
        return f"<persistent values {self.label}, {len(self._component)} of them>"
