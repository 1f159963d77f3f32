"""What lies between the instances of the model: channels, and the junctions before them.

Every inport of every instance has a channel. Every inport of a node has one junction, where what is gathered is put in
order, and what is shared out gets its number and its member. A component that is alone is a group of one.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from description import WHOLE, seed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from description import Inport, Item, Link, Value
    from model import Instance, Play

Number = float
"""The place of a row among those that are shared out, and of all that comes of it; infinite for what has none."""


@dataclass(eq=False)
class Sending:
    """A send under way: over when no port has its item waiting any more. Each takes it as it has room (SPEC 3)."""

    waiting: int = 0
    targets: list[Junction] = field(default_factory=list)


@dataclass(frozen=True)
class Entry:
    """An item on its way, the number it bears, and the send to tell."""

    item: Item
    number: Number
    sending: Sending


class Channel:
    """The queue of one inport of one instance."""

    junction: Junction | None = None

    def __init__(self, owner: Instance, place: int, inport: Inport) -> None:
        """Begin empty. An initial value is the first item delivered (SPEC 4), and takes no room."""
        self.owner = owner
        self.place = place
        self.size = {None: 0, WHOLE: math.inf}.get(inport.batch, inport.batch or 0)
        self.within = inport.within
        self.capacity = math.inf if inport.capacity is None else inport.capacity
        self.seeded = inport.seeded
        self.first = seed(owner.play.plan, owner.position, owner.member, place) if inport.seeded else None
        self.waiting: deque[Entry] = deque()
        self.inside: deque[Entry] = deque()
        self.batch: list[Entry] = []
        self.flushed = False
        self.delivered = 0
        """How often something has been taken."""
        self.latest: Value = None
        self.history: list[Value] = []
        self.closed = False

    def admit(self) -> bool:
        """Let in the next item if there is room: exactly `capacity` items fit (SPEC 5)."""
        full = len(self.inside) >= self.capacity
        if not self.waiting or (full and not self.owner.play.schedule.overfills(self)):
            return False
        entry = self.waiting.popleft()
        entry.sending.waiting -= 1
        self.inside.append(entry)
        return True

    def fill(self) -> bool:
        """Take an item into the batch, where it lies outside the capacity (SPEC 7); after the initial value."""
        if self.first is not None or not self.inside or self.flushed or len(self.batch) >= self.size:
            return False
        self.batch.append(self.inside.popleft())
        return True

    def flush(self) -> bool:
        """Let an incomplete batch go as it is."""
        if self.flushed or not self.batch or len(self.batch) >= self.size:
            return False
        self.flushed = True
        return True

    def drink(self) -> bool:
        """Take the next value of a passive port (SPEC 3)."""
        if (value := self.head()) is None:
            return False
        self.take()
        self.latest = value
        self.history.append(value)
        return True

    def head(self) -> Value:
        """Give what the port delivers next, if there is something."""
        if self.first is not None or self.junction is None:
            return self.first
        if not self.size:
            return self.inside[0].item if self.inside else None
        whole = len(self.batch) == self.size or self.flushed or self.dry()  # the last one may be shorter (SPEC 7)
        return [entry.item for entry in self.batch] if self.batch and whole else None

    def take(self) -> Number:
        """Take the head off, and give its number."""
        self.delivered += 1
        if self.first is not None:
            self.first = None
            return math.inf
        if not self.size:
            return self.inside.popleft().number
        number = max(entry.number for entry in self.batch)
        self.batch, self.flushed = [], False
        return number

    def dry(self) -> bool:
        """Tell whether nothing more can come out of the queue."""
        assert self.junction is not None
        return not (self.waiting or self.inside) and self.junction.dry(self.owner)

    def ended(self) -> bool:
        """Tell whether every outport connected here has closed and the channel is empty (SPEC 3)."""
        return self.closed or (self.first is None and not self.batch and self.dry())

    def close(self) -> None:
        """Discard what is here and whatever still comes, which wakes senders (SPEC 3)."""
        self.closed = True
        if self.junction is not None:
            self.first = None
        for entry in self.waiting:
            entry.sending.waiting -= 1
        self.waiting.clear()
        self.inside.clear()
        self.batch = []

    def floor(self) -> Number:
        """Give the lowest number that may still be taken here."""
        if self.closed or self.junction is None:
            return math.inf
        entries = [*self.waiting, *self.inside, *self.batch]
        return min([self.junction.floor(self.owner), *(entry.number for entry in entries)])


class Junction:
    """Where the connections of an inport meet."""

    def __init__(self, play: Play, position: int, place: int) -> None:
        """Take the connections of one inport of one node."""
        self.play = play
        self.position = position
        self.place = place
        self.links = play.plan.feeds(position, place)
        self.members = play.instances[position]
        self.channels = [member.channels[place] for member in self.members]
        self.lines: dict[tuple[Link, Instance], deque[Entry]] = {
            (link, source): deque() for link in self.links for source in play.instances[link.source]
        }
        self.count = 0
        """How many items have gone through."""

    def offer(self, link: Link, source: Instance, entry: Entry) -> None:
        """Let an item stand in line; how many results may wait there for their turn is open (SPEC 8)."""
        if self.play.schedule.roomy and link.ordered and self.play.plan.numbered(link.source):
            entry = Entry(entry.item, entry.number, Sending())
        entry.sending.waiting += 1
        self.lines[link, source].append(entry)

    def steps(self) -> Iterator[bool]:
        """Let items go from the heads of the lines to the channels; those of one outport in the order sent (SPEC 4)."""
        for (link, source), line in self.play.schedule.shuffled(list(self.lines.items())):
            yield bool(line) and self.in_turn(link, source) and self.deliver(link, source, line)

    def deliver(self, link: Link, source: Instance, line: deque[Entry]) -> bool:
        """Let the head of a line go to its channels, with a number if it is shared out (SPEC 8)."""
        entry, paired = line[0], self.play.plan.paired(link)
        chosen = [source.member] if paired else self.choose(entry.item)
        channels = [self.channels[member] for member in chosen or ()]
        if not channels or not self.play.schedule.admits(channels, entry.item):
            return False
        line.popleft()
        entry.sending.waiting -= 1
        number = entry.number if paired else float(self.count)
        if not paired:
            self.count += 1
            self.play.rows(self)[self.count - 1 :] = [chosen, *self.play.rows(self)[self.count :]]
        for channel in channels:
            if not channel.closed:  # else it is discarded (SPEC 3)
                entry.sending.waiting += 1
                channel.waiting.append(Entry(entry.item, number, entry.sending))
        return True

    def choose(self, item: Item) -> list[int] | None:
        """Choose the members that get the next item (SPEC 8); `None` if that is not known yet."""
        size = len(self.members)
        rows = self.play.rows(self)
        if size == 1:
            return [0]
        if self.count < len(rows):  # another port has the first item of this row: rows are shared out, not items
            return rows[self.count]
        return self.decide(item, size)

    def decide(self, item: Item, size: int) -> list[int] | None:
        """Choose as the policy says."""
        match self.play.plan.policy(self.position, self.place):
            case "round_robin":
                return [self.count % size]
            case "broadcast":
                return list(range(size))
            case "keyed":
                return self.play.schedule.keyed(self, item)
            case "keyed elsewhere":
                return None
            case _:
                return self.play.schedule.balanced(self, item)

    def in_turn(self, link: Link, source: Instance) -> bool:
        """Tell whether the head of a line may leave: in the order of numbers, and then of members (SPEC 8)."""
        if not link.ordered or self.play.plan.paired(link) or not self.play.plan.numbered(link.source):
            return True
        if self.play.schedule.roomy and not self.play.plan.retraceable(link.source):
            return True
        mine = self.earliest(link, source)
        others = [self.earliest(link, other) for other in self.play.instances[link.source] if other is not source]
        return all(mine < other or mine[0] == other[0] == math.inf for other in others)

    def earliest(self, link: Link, source: Instance) -> tuple[Number, int]:
        """Give the lowest number with which something may still come from an instance."""
        line = self.lines[link, source]
        return line[0].number if line else source.floor(), source.member

    def reaching(self, member: Instance) -> Iterator[tuple[Instance, deque[Entry]]]:
        """Give the instances whose items may come to a member, and their lines."""
        for (link, source), line in self.lines.items():
            if not self.play.plan.paired(link) or source.member == member.member:
                yield source, line

    def dry(self, member: Instance) -> bool:
        """Tell whether nothing can come to a member any more."""
        return not any(line or not source.ended for source, line in self.reaching(member))

    def floor(self, member: Instance) -> Number:
        """Give the lowest number with which something may still come to a member."""
        if self.dry(member):
            return math.inf
        paired = [link for link in self.links if self.play.plan.paired(link)]
        floors = [self.earliest(link, self.play.instances[link.source][member.member])[0] for link in paired]
        return min([*floors, *([float(self.count)] if len(paired) < len(self.links) else [])])
