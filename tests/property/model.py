"""What a graph does, in the plainest terms: one thread, one step at a time, no event loop, no processes.

A `Plan` describes a graph of components whose behaviour is a pure function of the rows they fire on. `simulate` plays
it to its end by making any step that is possible, over and over, until none is. What it plays are the rules of
the user's guide: zipped rows, capacities, batches, initial values, ends. It knows nothing of how the engine does these
things.

Why one order of steps speaks for all: a step that is possible stays possible until it is made, and makes no other one
impossible, as long as no port is fed by several outports. Such ports (and what comes after them) are compared without
regard to order; they are kept away from trigger groups of several ports, where order would change what is paired, and
from batches, where it would change what comes together.
"""

from __future__ import annotations

import hashlib
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

Item = tuple[str, str]
"""A name that occurs once, and ballast."""


@dataclass(frozen=True)
class PortPlan:
    """An inport: what feeds it, as pairs of component and outport; nothing for a constant."""

    capacity: int | None
    producers: tuple[tuple[int, str], ...]
    initial: Item | None
    batch: int | None = None
    """How many items it delivers as one; 0: all of them."""


@dataclass(frozen=True)
class ComponentPlan:
    """A component. `groups` holds its trigger groups as indices of `inports`; `None`: none are declared."""

    seed: int
    inports: tuple[PortPlan, ...]
    groups: tuple[tuple[int, ...], ...] | None
    items: int
    """How many items it sends if it is a source."""
    most: int
    """How many items a firing sends from an outport at most."""
    finishes: bool
    loop: int | None = None
    """An inport that its own outport `again` feeds, with one item for each firing."""


@dataclass(frozen=True)
class Plan:
    """A graph."""

    components: tuple[ComponentPlan, ...]

    def trigger_groups(self, component: ComponentPlan) -> tuple[tuple[int, ...], ...]:
        """Give the groups, declared or not; the empty one fires once."""
        if component.groups is not None:
            return component.groups
        connected = tuple(index for index, port in enumerate(component.inports) if port.producers)
        return (connected,)

    def ordered(self, number: int) -> bool:
        """Tell whether the order in which a component fires, and so sends, is promised."""
        groups = self.trigger_groups(self.components[number])
        return len(groups) == 1 and self.ordered_rows(number, groups[0])

    def ordered_rows(self, number: int, group: tuple[int, ...]) -> bool:
        """Tell whether the order of the rows of one trigger group is promised."""
        ports = [self.components[number].inports[index] for index in group]
        return all(len(port.producers) == 1 for port in ports) and all(
            source == number or self.ordered(source) for port in ports for source, _ in port.producers
        )


def merged(items: Sequence[Item]) -> Item:
    """Give the item that stands for a batch."""
    return f"[{'|'.join(name for name, _ in items)}]", ""


def names(item: Item) -> list[str]:
    """Give the names of the items that one stands for."""
    return item[0][1:-1].split("|") if item[0].startswith("[") else [item[0]]


Action = tuple[str, str | None, Item | None]
"""`("send", outport, item)`, or something that only takes time: `("pause", how, None)`."""

PAUSES = ("yield", "sleep", "thread")
BALLAST = (0, 0, 0, 0, 5, 300, 5_000, 70_000)


def script(component: ComponentPlan, row: tuple[Item | None, ...]) -> list[Action]:
    """Say what a firing does; the row holds `None` for what is not in the trigger group."""
    if not any(row) and not component.inports:
        return _sends(component, f"{component.seed}", component.items, 6)
    name = f"{component.seed} {' '.join(item[0] if item else '-' for item in row)}"
    actions = _sends(component, name, _draw(name, "count") % (component.most + 1), 8)
    if component.loop is not None:
        actions.append(("send", "again", _item(f"{name} again")))
    return actions


def ending(component: ComponentPlan, firings: int) -> list[Action]:
    """Say what the finish function does."""
    return [("send", "x", (f"{component.seed} finished after {firings}", ""))] if component.finishes else []


def _sends(component: ComponentPlan, name: str, count: int, calm: int) -> list[Action]:
    actions: list[Action] = []
    for number in range(count):
        what = f"{name} {number}"
        pause = _draw(what, "pause") % (len(PAUSES) * calm)
        if pause < len(PAUSES) - 1 or (pause == len(PAUSES) - 1 and _draw(what, "rarely") % 8 == 0):
            actions.append(("pause", PAUSES[pause], None))
        outport = "xy"[_draw(what, "outport") % 2]
        actions.append(("send", outport, _item(what)))
    return actions


def _item(what: str) -> Item:
    name = hashlib.blake2b(what.encode(), digest_size=6).hexdigest()
    return name, "·" * BALLAST[_draw(what, "ballast") % len(BALLAST)]


def _draw(*what: str) -> int:
    return int.from_bytes(hashlib.blake2b(" ".join(what).encode(), digest_size=4).digest())


@dataclass
class Port:
    """An inport at play."""

    capacity: float
    first: Item | None = None
    """The initial value, delivered first. It is not in the channel and takes no room there."""
    inside: deque[Item] = field(default_factory=deque)
    waiting: deque[tuple[Item, Send]] = field(default_factory=deque)
    publishers: int = 0
    closed: bool = False
    batch: int | None = None
    gathered: list[Item] = field(default_factory=list)
    """What has left the channel for a batch."""

    def offer(self, item: Item, send: Send) -> None:
        """Take an item in, or let it wait; a closed port discards it."""
        if not self.closed:
            self.waiting.append((item, send))
            send.open += 1
            self.admit()

    def admit(self) -> None:
        """Let in what has room."""
        while self.waiting and len(self.inside) < self.capacity:
            item, send = self.waiting.popleft()
            self.inside.append(item)
            send.open -= 1

    def gather(self) -> bool:
        """Move what is inside into the batch, as long as that is not full; tell whether there was anything to move."""
        moved = False
        while self.batch is not None and self.first is None and self.inside and not self.full():
            self.gathered.append(self.inside.popleft())
            self.admit()
            moved = True
        return moved

    def full(self) -> bool:
        """Tell whether nothing more goes into the batch."""
        return bool(self.batch) and len(self.gathered) == self.batch

    def ready(self) -> bool:
        """Tell whether there is an item, or a batch."""
        if self.first is not None or self.batch is None:
            return self.first is not None or bool(self.inside)
        return self.full() or (bool(self.gathered) and not (self.inside or self.waiting or self.publishers))

    def take(self) -> Item:
        """Take the next item."""
        if self.first is not None:
            item, self.first = self.first, None
            return item
        if self.batch is not None:
            item = merged(self.gathered)
            self.gathered.clear()
            return item
        item = self.inside.popleft()
        self.admit()
        return item

    def ended(self) -> bool:
        """Tell whether nothing is there and nothing can come."""
        return self.closed or not (self.ready() or self.waiting or self.publishers)

    def close(self) -> None:
        """Discard what is there and whatever still comes."""
        self.closed = True
        self.first = None
        self.inside.clear()
        for _, send in self.waiting:
            send.open -= 1
        self.waiting.clear()


@dataclass
class Send:
    """A send; it is over when no port has it waiting any more."""

    open: int = 0


@dataclass
class Group:
    """A trigger group at play."""

    ports: tuple[int, ...]
    actions: Iterator[Action] | None = None
    send: Send | None = None
    ended: bool = False


@dataclass
class Component:
    """A component at play."""

    plan: ComponentPlan
    ports: list[Port]
    groups: list[Group]
    passive: list[Port]
    firings: int = 0
    finishing: Group | None = None
    ended: bool = False


@dataclass
class Outcome:
    """What has been seen: the rows of each component, what each outport has sent, and who has not ended."""

    rows: list[list[tuple[Item | None, ...]]]
    sent: dict[tuple[int, str], list[Item]]
    stuck: list[int]


def simulate(plan: Plan) -> Outcome:
    """Play a graph to its end, or until nothing can move."""
    play = _Play(plan)
    while sum(play.step(number) for number in range(len(plan.components))):
        pass
    stuck = [number for number, component in enumerate(play.components) if not component.ended]
    return Outcome(play.rows, play.sent, stuck)


class _Play:
    def __init__(self, plan: Plan) -> None:
        self.components = [_component(plan, component) for component in plan.components]
        self.rows: list[list[tuple[Item | None, ...]]] = [[] for _ in self.components]
        self.targets: dict[tuple[int, str], list[Port]] = {}
        for component in self.components:
            for port, planned in zip(component.ports, component.plan.inports, strict=True):
                for producer in planned.producers:
                    self.targets.setdefault(producer, []).append(port)
                    port.publishers += 1
        self.sent: dict[tuple[int, str], list[Item]] = {
            (number, outport): [] for number in range(len(self.components)) for outport in ("x", "y", "again")
        }

    def step(self, number: int) -> bool:
        """Make every step that the component can make; tell whether there was one."""
        component = self.components[number]
        moved = False
        for port in component.passive:
            while port.gather() or port.ready():
                if port.ready():
                    port.take()
                moved = True
        for group in [*component.groups, *([component.finishing] if component.finishing else [])]:
            while self.advance(number, group):
                moved = True
        if component.ended or not all(group.ended for group in component.groups):
            return moved
        if component.finishing is None:
            component.finishing = Group((), iter(ending(component.plan, component.firings)))
            return True
        if component.finishing.actions is None:
            self.end(number)
            return True
        return moved

    def advance(self, number: int, group: Group) -> bool:
        """Make one step of a group, if it can make one."""
        component = self.components[number]
        if group.ended or (group.send is not None and group.send.open > 0):
            return False
        if group.actions is not None:
            group.send = None
            match next(group.actions, None):
                case None:
                    group.actions = None
                case ("send", str(outport), tuple(item)):
                    group.send = Send()
                    self.sent[number, outport].append((item[0], item[1]))
                    for port in self.targets.get((number, outport), ()):
                        port.offer((item[0], item[1]), group.send)
            return True
        return group is not component.finishing and self.fire(number, group)

    def fire(self, number: int, group: Group) -> bool:
        """Begin a firing, or end the group, if either is due."""
        component = self.components[number]
        ports = [component.ports[index] for index in group.ports]
        if any(port.gather() for port in ports):
            return True
        if any(port.ended() for port in ports) or (not ports and component.firings):
            group.ended = True
            for port in ports:
                port.close()
            return True
        if not all(port.ready() for port in ports):
            return False
        row: list[Item | None] = [None] * len(component.ports)
        for index in group.ports:
            row[index] = component.ports[index].take()
        component.firings += 1
        self.rows[number].append(tuple(row))
        group.actions = iter(script(component.plan, tuple(row)))
        return True

    def end(self, number: int) -> None:
        component = self.components[number]
        component.ended = True
        for port in component.ports:
            port.close()
        for (producer, _), ports in self.targets.items():
            for port in ports if producer == number else ():
                port.publishers -= 1


def _component(plan: Plan, component: ComponentPlan) -> Component:
    ports = []
    for planned in component.inports:
        port = Port(float("inf") if planned.capacity is None else planned.capacity, batch=planned.batch)
        if planned.producers:  # else it is a constant
            port.first = planned.initial
        ports.append(port)
    groups = [Group(group) for group in plan.trigger_groups(component)]
    in_groups = {index for group in groups for index in group.ports}
    passive = [
        port
        for index, port in enumerate(ports)
        if component.groups is not None and index not in in_groups and component.inports[index].producers
    ]
    return Component(component, ports, groups, passive)
