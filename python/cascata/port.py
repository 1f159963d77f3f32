"""Ports as handles: what can be said about the port of an instance while a graph is built."""

from __future__ import annotations

from types import GenericAlias
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, NoReturn, Protocol, Self, SupportsIndex, cast, overload

from cascata.batching import WHOLE, Batch, Batched, batch, is_size, of_size
from cascata.errors import GraphError
from cascata.persistent import UNSET, PersistentValue, Setting, call_text
from cascata.text import value_text
from cascata.types import acceptable, port_type, type_text

if TYPE_CHECKING:
    from cascata.declare import PersistMark
    from cascata.instance import Instance
    from cascata.owner import Owner

__all__ = ["InputPort", "OutputPort", "PersistentPort", "PersistentValue", "Port", "PortHandler", "check_types"]

SHARING = ("balanced", "round_robin", "broadcast", "keyed")
"""How a group can share out what comes to one of its inports."""
GATHERING = ("ordered", "unordered")
"""How what a group sends can be gathered."""


class Port:
    """What inports and outports have in common; two handles are equal if they are one."""

    __slots__ = ("__weakref__", "_component", "_name")

    _kind: ClassVar[str]

    def __init__(self, component: Owner, name: str) -> None:
        """Take the instance, or the group, and the port's name."""
        self._component = component
        self._name = name

    @property
    def name(self) -> str:
        """The name it was declared by."""
        return self._name

    @property
    def component(self) -> Any:
        """The instance, or the group, that it is a port of."""
        return self._component

    @property
    def label(self) -> str:
        """Instance and port, as in `split.text`."""
        return f"{self._component.name}.{self._name}"

    @property
    def type(self) -> Any:
        """The type of its items: the runner's annotation, or `Any`."""
        return port_type(self._component.__wrapped__, self._name)

    if not TYPE_CHECKING:  # type checkers would take every attribute for one that is there

        def __getattr__(self, name: str) -> NoReturn:
            """Explain what only the ports of groups have."""
            msg = f"{type(self).__name__!r} object has no attribute {name!r}"
            if name in SHARING or name in GATHERING:
                msg = f"{self.label}.{name}: {self._why_not(name)}"
            raise AttributeError(msg)

    def _why_not(self, way: str) -> str:
        """Say why something cannot be shared out, or gathered, here."""
        does, kind = (
            ("shares out what comes to", "inport") if way in SHARING else ("gathers what comes from", "outport")
        )
        if self._kind != kind:
            return f"{self.label} is an {self._kind}; how a group connector {does} a group is said of the {kind}"
        if group := self._component.group_name:
            return f"a group connector {does} a whole group, not one of its members; say it of {group}.{self._name}"
        name, definition = self._component.name, self._component.__name__
        mend = f"drop .{way}, or make a group with `graph.{name} = {definition} * 4`"
        return f"a group connector {does} a group, and {name} is one component; {mend}"

    def __setattr__(self, name: str, value: object) -> None:
        """Explain that a port is what its declaration says."""
        if name in Port.__slots__:
            super().__setattr__(name, value)
            return
        mend = "what a port is belongs to its declaration"
        if name == "capacity":
            mend = f'the capacity belongs to the declaration of the inport: @inport("…", capacity={value_text(value)})'
        msg = f"{self.label}.{name} cannot be assigned; {mend}"
        raise AttributeError(msg)


class ChannelView(NamedTuple):
    """What is known of an inport's channel before a run."""

    capacity: int | None


class InputPort(Port):
    """An inport of an instance."""

    __slots__ = ()

    _kind = "inport"

    @property
    def capacity(self) -> int | None:
        """How many items may wait here; `None` is without limit."""
        capacity: int | None = self._component._core.capacity(self._component._node, self._name)
        return capacity

    @property
    def channel(self) -> ChannelView:
        """The channel that belongs to the port; it has a `capacity`."""
        return ChannelView(self.capacity)

    @property
    def batch(self) -> Batch | None:
        """The batches in which it delivers its items, or `None` if it delivers them one by one."""
        limits = self._component._core.batch(self._component._node, self._name)
        return None if limits is None else Batch(*limits)

    @property
    def batch_size(self) -> int | None:
        """How many items a batch has: `None` if there are no batches, 0 if their size has no limit.

        It can be set once, which has the port deliver batches whatever gets connected to it.
        """
        return None if (batch := self.batch) is None else batch.size or 0

    @batch_size.setter
    def batch_size(self, size: SupportsIndex | None) -> None:
        what = f"{self.label}.batch_size ="
        if size is None:
            if self.batch is not None:
                msg = f"{what} None: it delivers {self.batch!r} already, which cannot be taken back"
                raise GraphError(msg)
            return
        whole = not isinstance(size, bool) and size == 0
        limits = WHOLE if whole else of_size(size, what)
        self._check_sources(f"{what} {value_text(size)}")
        self._component._core.set_batch(self._component._node, self._name, *limits)

    def _inports(self) -> list[InputPort]:
        return [self]

    def _check_sources(self, what: str) -> None:
        """Check what is connected already, before it becomes part of batches."""
        graph = self._component.graph
        if graph is None or self.batch is not None:
            return
        for source, target in graph.edges:
            if target in self._inports():
                check_types(f"{what}, as also {source.label} >> {self.label}", source, self, batched=True)

    @property
    def initialization_value(self) -> Any:
        """The initial value, or `None` if there is none."""
        value = self._component._core.initial(self._component._node, self._name)
        return value[0] if value else None

    def set(self, value: object) -> None:
        """Set the initial value, the only one of an unconnected port and the first item of a connected one.

        Raises:
            TypeError: If the value is a port.

        """
        if isinstance(value, Port | PersistentPort | PortHandler):
            msg = f"{self.label} < {value.label}: a port is no initial value; connect an outport to an inport with `>>`"
            raise TypeError(msg)
        self._component._core.set_initial(self._component._node, self._name, value)

    initialize = set  # noqa: A003  the method

    def __setattr__(self, name: str, value: object) -> None:
        """Let the size of batches be set."""
        if name == "batch_size":
            object.__setattr__(self, name, value)
        else:
            super().__setattr__(name, value)

    def connect(self, other: object) -> Any:
        """Explain that an inport sends nothing, as `>>` does."""
        return self >> other

    def __lt__(self, value: object) -> Setting:
        """Set the initial value."""
        self.set(value)
        return Setting(lambda: f"{self.label} < {value_text(value)}")

    def __rshift__(self, other: object) -> Any:
        """Explain that an inport sends nothing."""
        hint = "connections run from an outport to an inport"
        if isinstance(other, OutputPort):
            hint = f"turn it round: {other.label} >> {self.label}"
        msg = f"{self.label} >> {_operand(other)}: {self.label} is an inport; {hint}"
        raise TypeError(msg)

    def __rrshift__(self, other: object) -> Any:
        """Explain that only outports can be connected."""
        msg = (
            f"{_operand(other)} >> {self.label}: only outports can be connected; to set a value, write {self.label} < …"
        )
        raise TypeError(msg)

    def __repr__(self) -> str:
        """Show type, capacity, initial value and what feeds it."""
        owner = self._component
        parts = [f"inport {self.label}: {type_text(self.type)}", f"capacity {self.capacity}"]
        if value := owner._core.initial(owner._node, self._name):
            parts.append(f"initially {value_text(value[0])}")
        if self.batch is not None:
            parts.append(repr(self.batch))
        if owner.graph is not None:
            sources = self._sources()
            parts.append(f"fed by {', '.join(sources)}" if sources else "not connected")
        return f"<{', '.join(parts)}>"

    def _policy(self) -> tuple[str, Any] | None:
        """Give how a connection to this handle is to be shared out, if it says so."""
        return None

    def _sources(self) -> list[str]:
        place = [self._component.name, self._name]
        return [f"{a}.{out}" for a, out, *target in self._component._core.edges() if target == place]


class OutputPort(Port):
    """An outport of an instance."""

    __slots__ = ()

    _kind = "outport"

    def connect(self, target: InputPort) -> OutputPort:
        """Let every item that is sent here go to an inport too, and return this outport.

        If the inport delivers batches, because of another connection, the items become part of them.

        Raises:
            TypeError: If the target is no inport, or its type does not accept what is sent here.
            GraphError: If the two are not in one graph, or are connected already.

        """
        return self._join(target, None)

    def batch(self, size: SupportsIndex | None = None, *, within: float | None = None) -> Batched:
        """Gather the items for the connection that follows into lists: `out.batch(100, within=0.5).connect(inp)`.

        The arguments and errors are those of `cascata.batch`; without any, the whole stream becomes one list.

        >>> from cascata import Graph, component, inport, outport
        >>> @component
        ... @outport("number")
        ... async def count(number: int):
        ...     for n in range(5):
        ...         await number.send(n)
        >>> @component
        ... @inport("numbers")
        ... @outport("total")
        ... async def add(numbers: list[int], total: int):
        ...     await total.send(sum(numbers))
        >>> graph = Graph()
        >>> graph.count = count
        >>> graph.add_up = add
        >>> graph.count.number.batch(2).connect(graph.add_up.numbers)
        <outport count.number: int, feeds add_up.numbers>
        >>> graph.run(num_workers=0, collect=[graph.add_up.total]).collected
        {'add_up.total': [1, 5, 4]}
        """
        return Batched(self, batch(size, within=within))

    def _join(self, target: InputPort, batch: Batch | None) -> OutputPort:
        """Connect, and have the target deliver batches if they are given."""
        what = f"{self.label} {batch.arrow if batch else '>>'} {_operand(target)}"
        if not isinstance(target, InputPort):
            msg = f"{what}: {_why_no_target(target)}"
            raise TypeError(msg)
        source, sink = self._component, target._component
        for end in (source, sink):
            if end.graph is None:
                msg = f"{what}: {end.name} is in no graph yet; put it into one first: graph.{end.name} = …"
                raise GraphError(msg)
        if source.graph is not sink.graph:
            where = "are in different graphs; put both into one, and connect them there"
            msg = f"{what}: {source.name} and {sink.name} {where}"
            raise GraphError(msg)
        check_types(what, self, target, batched=batch is not None or target.batch is not None)
        if batch is not None:
            target._check_sources(what)
        ends = (source._node, self._name, sink._node, target._name)
        source._core.connect(*ends, self._in_order(), target._policy(), batch)
        return self

    @overload
    def __rshift__(self, target: InputPort) -> OutputPort: ...
    @overload
    def __rshift__(self, target: SupportsIndex | Batch) -> Batched: ...
    def __rshift__(self, target: InputPort | SupportsIndex | Batch) -> OutputPort | Batched:
        """Connect; `a.out >> b.x >> c.y` sends every item to both, and `a.out >> 3 >= b.x` sends lists of three."""
        if isinstance(target, Batch):
            return Batched(self, target)
        if is_size(target):
            return Batched(self, of_size(target, f"{self.label} >>"))
        return self.connect(cast("InputPort", target))

    def __irshift__(self, target: InputPort) -> Self:  # type: ignore[misc]  # what `>>` gives depends on its target
        """Connect; all items arrive as one list at the end of the stream."""
        if isinstance(target, Batch) or is_size(target):
            shown = value_text(target)
            msg = f"{self.label} >>= {shown}: to deliver batches, write {self.label} >> {shown} >= … with an inport"
            raise TypeError(msg)
        self._join(target, WHOLE)
        return self

    def __ge__(self, target: object) -> Any:
        """Explain how batches are written."""
        port = _operand(target)
        ways = f"{self.label} >> 3 >= {port} for lists of three, {self.label} >>= {port} for one of all items"
        msg = f"{self.label} >= {port}: an outport is not compared; to deliver batches, write {ways}"
        raise TypeError(msg)

    def __lt__(self, value: object) -> Any:
        """Explain that an outport takes no value."""
        msg = f"{self.label} < {_operand(value)}: {self.label} is an outport; initial values are set on inports"
        raise TypeError(msg)

    def __repr__(self) -> str:
        """Show type and targets."""
        owner = self._component
        text = f"outport {self.label}: {type_text(self.type)}"
        if owner.graph is not None:
            targets = self._targets()
            text += f", feeds {', '.join(targets)}" if targets else ", not connected"
        return f"<{text}>"

    def _in_order(self) -> bool:
        """Whether what comes from a group by this handle is gathered in order."""
        return True

    def _targets(self) -> list[str]:
        place = (self._component.name, self._name)
        return [f"{b}.{port}" for a, out, b, port in self._component._core.edges() if (a, out) == place]


class PersistentPort(PersistentValue[Any]):
    """The persistent value of an instance; what is set here is what a run starts from.

    A run never changes it: each run makes its own value.
    """

    __slots__ = ("_component", "_name")

    def __init__(self, component: Instance, mark: PersistMark) -> None:
        """Take the instance and the declaration."""
        super().__init__(mark.initialiser)
        self._component = component
        self._name = mark.name

    @property
    def name(self) -> str:
        """The name it was declared by."""
        return self._name

    @property
    def component(self) -> Instance:
        """The instance that it belongs to."""
        return self._component

    @property
    def label(self) -> str:
        """Instance and name, as in `split.seen`."""
        return f"{self._component.name}.{self._name}"

    @property
    def type(self) -> Any:
        """The runner's annotation, or `Any`."""
        return port_type(self._component.__wrapped__, self._name)

    def initialise(self) -> Any:
        """Make the value that a run would start from."""
        self._load()
        return super().initialise()

    def set(self, value: object) -> None:
        """Set the value that a run starts from, instead of what the initialiser makes."""
        self._component._core.set_state(self._component._node, self._name, value)
        super().set(value)

    initialize = set  # noqa: A003  the method

    def __lt__(self, arguments: object) -> Setting:
        """Set the arguments of the initialiser."""
        if isinstance(arguments, Port | PersistentPort | PortHandler):
            msg = f"{self.label} < {arguments.label}: a port is no argument; connect an outport to an inport with `>>`"
            raise TypeError(msg)
        self._component._core.set_arguments(self._component._node, self._name, arguments)
        super().__lt__(arguments)
        return Setting(lambda: f"{self.label} = {call_text(self._initialiser, (arguments,))}")

    def _forget(self) -> None:
        """Have the graph say anew what the value is."""
        self._value = UNSET

    def _load(self) -> None:
        """Fetch what the graph says, which holds it."""
        core, node = self._component._core, self._component._node
        self._arguments = core.arguments(node, self._name)
        if self._value is UNSET and (state := core.state(node, self._name)):
            self._value = state[0]

    def __repr__(self) -> str:
        """Show the value, or how it will be made."""
        self._load()
        start = call_text(self._initialiser, self._arguments) if self._value is UNSET else value_text(self._value)
        return f"<persistent value {self.label}, starts as {start}>"


class PortHandler:
    """A port, or persistent value, of a whole group: what is said of it holds for that of every member."""

    __slots__ = ()

    @property
    def label(self) -> str:
        """Group and port, as in `workers.text`."""
        raise NotImplementedError

    @property
    def members(self) -> list[Any]:
        """The ports that it stands for, one of each member."""
        raise NotImplementedError


class Typed(Protocol):
    """What is known of a port's items."""

    @property
    def label(self) -> str:
        """Component and port."""

    @property
    def type(self) -> Any:
        """The type of its items."""


def check_types(what: str, source: Typed, target: Typed, *, batched: bool) -> None:
    """Check that whatever an outport sends may arrive at an inport, alone or in lists.

    Raises:
        TypeError: If it may not; `what` is how they are connected.

    """
    sent, taken = source.type, target.type
    listed = GenericAlias(list, (sent,))
    arrives = listed if batched else sent
    if acceptable(arrives, taken):
        return
    if batched:
        sends = f"{source.label} sends {type_text(sent)}, in batches {type_text(arrives)}"
        mend = "annotate the inport with the list, or mend what is wrong"
    else:
        sends = f"{source.label} sends {type_text(sent)}"
        mend = "mend the wrong annotation, or put a component between them that converts"
        if acceptable(listed, taken):
            mend = f"for lists of three, write {source.label} >> 3 >= {target.label}, for one of all items `>>=`"
    msg = f"{what}: {sends}, but {target.label} takes {type_text(taken)}; {mend}"
    raise TypeError(msg)


def _operand(value: object) -> str:
    """Name an operand as it may have been written."""
    if isinstance(value, Port | PersistentPort | PortHandler):
        return value.label
    name = getattr(value, "name", None)
    return name if hasattr(value, "__declaration__") and isinstance(name, str) else value_text(value)


def _why_no_target(value: object) -> str:
    hint = "the right side of `>>` is an inport"
    if isinstance(value, OutputPort):
        return f"{value.label} is an outport too; {hint}"
    if isinstance(value, PersistentPort | PortHandler):
        return f"{value.label} is a persistent value; {hint}"
    inports = getattr(getattr(value, "__declaration__", None), "inports", None)
    if inports is not None:
        return f"{_operand(value)} is a component; name one of its inports: {', '.join(inports) or 'it has none'}"
    return f"{value_text(value)} is no port; {hint}"
