"""What lies between the instances of the model: channels, and the junctions before them.

Every inport of every instance has a channel. Every inport of a node has one junction, where what is gathered is put in
order, and what is shared out gets its number and its member. A component that is alone is a group of one.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from actors import seed
from description import INPORTS, WHOLE

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from description import Inport, Item, Link, Value
    from model import Instance, Lane, Play

Number = float
"""The place of a row among those that are shared out, and of all that comes of it; infinite for what a finish function
sends."""

FREE = -math.inf
"""The number of what comes of initial values alone, before all else, or of items that are not shared out."""


ENDS = 10**9
"""Stands for the size of a batch that has none."""


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


Line = tuple["Link", "Instance", "int | None"]


class Channel:
    """The queue of one inport of one instance."""

    junction: Junction | None = None
    lane: Lane | None = None
    """The trigger group that it belongs to."""

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
        self.arrived = 0
        """How many items have come that go to every member."""
        self.delivered = 0
        """How often something has been taken."""
        self.latest: Value = None
        self.history: list[Value] = []
        self.closed = False

    @property
    def label(self) -> str:
        """The name that errors call it by."""
        return f"{self.owner.name}.{INPORTS[self.place]}"

    def admit(self) -> bool:
        """Let in the next item if there is room: exactly `capacity` items fit (SPEC 5)."""
        full = len(self.inside) >= self.capacity
        if not self.waiting or (full and not self.owner.play.schedule.overfills(self)):
            return False
        if not self.owner.play.schedule.completes(self, self.waiting[0]):
            return False
        entry = self.waiting.popleft()
        entry.sending.waiting -= 1
        self.inside.append(entry)
        return True

    def fill(self) -> bool:
        """Take an item into the batch, where it lies outside the capacity (SPEC 7); after the initial value.

        Nothing is gathered during a firing: one batch at most lies outside.
        """
        if (
            (self.lane is not None and self.lane.busy)
            or self.first is not None
            or not self.inside
            or self.flushed
            or len(self.batch) >= self.size
            or (self.within and self.owner.play.schedule.has_enough(self))
            or not self.owner.play.schedule.gathers(self, self.inside[0])
        ):
            return False
        self.batch.append(self.inside.popleft())
        return True

    @property
    def begun(self) -> bool:
        """Tell whether a batch waits here for more."""
        return bool(self.batch) and not self.flushed and len(self.batch) < self.size

    def flush(self) -> bool:
        """Let an incomplete batch go as it is."""
        if not self.begun:
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
            return FREE
        if not self.size:
            return self.inside.popleft().number
        number = self.number(self.batch)
        self.batch, self.flushed = [], False
        return number

    def number(self, entries: list[Entry]) -> Number:
        """Give the number of a batch that begins with these: of its last item, or of the next one if it is not full."""
        assert self.junction is not None
        if len(entries) >= self.size or self.junction.spans:
            return entries[min(len(entries), self.size) - 1].number
        to_come = self.junction.next_number(self.owner)
        return max(to_come - 1, entries[-1].number) if self.flushed else to_come

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
            self.bequeath()
        for entry in self.waiting:
            entry.sending.waiting -= 1
        self.waiting.clear()
        self.inside.clear()
        self.batch = []

    def bequeath(self) -> None:
        """Leave to other members of a group what no firing has seen; what is in a batch only if the stream goes on."""
        assert self.junction is not None
        if self.junction.bequeaths:
            entries = [*([] if self.junction.dry(self.owner) else self.batch), *self.inside]
            left = [*(Entry(entry.item, FREE, Sending(waiting=1)) for entry in entries), *self.waiting]
            self.waiting.clear()
            self.junction.left.append(deque(left))

    def floor(self) -> Number:
        """Give the lowest number that may still be taken here, if items bring numbers here."""
        if self.junction is None or not self.junction.numbers or (self.first is not None and not self.closed):
            return FREE
        entries = [*self.batch, *self.inside, *self.waiting]
        if self.closed or not entries:
            return math.inf if self.closed or self.dry() else self.junction.next_number(self.owner)
        return self.number(entries) if self.size else entries[0].number


class Junction:
    """Where the connections of an inport meet."""

    def __init__(self, play: Play, position: int, place: int) -> None:
        """Take the connections of one inport of one node."""
        self.play = play
        self.position = position
        self.place = place
        self.links = play.plan.feeds(position, place)
        self.size = 1
        """How many items of a row there are: the rows of several ports are made of batches."""
        inport, way = play.plan.nodes[position].inports[place], play.plan.way(position, place)
        self.spans = inport.batch is not None and len(play.plan.desk(position, place)) > 1
        if self.spans:
            self.size = inport.batch or ENDS
        others = [play.plan.way(position, other) for other in play.plan.lane(position, place)]
        self.numbers = way == "shared" or (way == "paired" and "shared" not in others)
        """Whether items bring numbers to firings."""
        self.members = play.instances[position]
        self.channels = [member.channels[place] for member in self.members]
        self.everywhere = play.plan.policy(position, place) == "broadcast"
        self.lines: dict[Line, deque[Entry]] = {
            (link, source, member): deque()
            for link in self.links
            for source in play.instances[link.source]
            if link.of in {None, source.member}
            for member in self.reached(link, source)
        }
        """Where items wait for their turn; the last part is the member they go to, if that is known."""
        self.gathers = any(map(play.plan.ordered, self.links))
        """Whether some wait here for their turn. Nor is it said then how many of the others come before those."""
        self.bequeaths = play.plan.bequeaths(position, place)
        self.left: list[deque[Entry]] = []
        """What members have left to the others."""
        self.count = 0
        """How many items have been shared out."""

    def offer(self, link: Link, source: Instance, entry: Entry) -> None:
        """Let an item stand in line; how many results may wait there for their turn is open (SPEC 8)."""
        if self.gathers and not self.play.schedule.keeps_waiting(source, entry.item):
            entry = Entry(entry.item, entry.number, Sending())
        for member in self.reached(link, source):
            entry.sending.waiting += 1
            self.lines[link, source, member].append(entry)

    def reached(self, link: Link, source: Instance) -> Sequence[int | None]:
        """Give the members that an item goes to; `None` for one of them."""
        if link.to is not None or self.play.plan.paired(link):
            return [source.member if link.to is None else link.to]
        return range(len(self.members)) if self.everywhere else [None]

    def steps(self) -> Iterator[bool]:
        """Let items go from the heads of the lines to the channels; those of one outport in the order sent (SPEC 4)."""
        for line, entries in self.play.schedule.shuffled(list(self.lines.items())):
            link, _, known = line
            counted = self.everywhere and link.to is None
            yield bool(entries) and self.in_turn(line) and self.deliver(entries, known, counted=counted)
        for _, entries in self.play.schedule.shuffled(list(enumerate(self.left))):
            yield bool(entries) and self.deliver(entries)

    def deliver(self, entries: deque[Entry], known: int | None = None, *, counted: bool = False) -> bool:
        """Let the head of a line go to its channel, with a number if it is shared out (SPEC 8)."""
        entry = entries[0]
        if known is None and self.play.schedule.sets_aside(self, entry.item):
            entries.popleft()
            entry.sending.waiting -= 1
            return True
        member = self.choose(entry.item) if known is None else known
        if member is None or not self.play.schedule.admits(self.channels[member], entry):
            return False
        entries.popleft()
        entry.sending.waiting -= 1
        channel, number = self.channels[member], entry.number
        if known is None:
            number = float(self.row)
            self.rows[self.row :] = [member, *self.rows[self.row + 1 :]]
            self.count += 1
        elif counted:
            number = float(channel.arrived)
            channel.arrived += 1
        if not channel.closed:  # else it is discarded (SPEC 3)
            entry.sending.waiting += 1
            channel.waiting.append(Entry(entry.item, number if self.numbers else FREE, entry.sending))
        elif known is None and self.hands_on(entries):
            self.left.append(deque([Entry(entry.item, FREE, Sending(waiting=1))]))
        return True

    def hands_on(self, entries: deque[Entry]) -> bool:
        """Tell whether what comes to a member that has ended goes to others; what one has left does so only once."""
        again = any(entries is left for left in self.left)
        return self.bequeaths and not again and not all(channel.closed for channel in self.channels)

    @property
    def row(self) -> int:
        """The row that the next item belongs to."""
        return self.count // self.size

    @cached_property
    def rows(self) -> list[int]:
        """The members that the rows of the trigger group go to, as far as that is known."""
        desk = self.play.plan.desk(self.position, self.place)
        return self.play.shared.setdefault((self.position, desk), [])

    def choose(self, item: Item) -> int | None:
        """Choose the member that gets the next item (SPEC 8); `None` if that is not known yet."""
        if len(self.members) == 1 or all(channel.closed for channel in self.channels):
            return 0
        if self.row < len(self.rows):  # another port has the first item of this row: rows are shared out, not items
            return self.rows[self.row]
        match self.play.plan.policy(self.position, self.place):
            case "round_robin":
                return self.play.schedule.round_robin(self, item)
            case "keyed":
                return self.play.schedule.keyed(self, item)
            case "keyed elsewhere":
                return None
            case _:
                return self.play.schedule.balanced(self, item)

    def load(self, place: int) -> tuple[float, int]:
        """Tell how full a member is: with what lies there, or with the rows that it has not fired on yet."""
        if len(channels := self.lane_of(place)) == 1:
            fill = len(channels[0].inside) + len(channels[0].waiting)
            return fill - channels[0].capacity, fill
        rows = self.rows.count(place) - self.members[place].fired
        return rows - min(channel.capacity for channel in channels), rows

    def lane_of(self, place: int) -> list[Channel]:
        """Give the channels of a member that share rows."""
        lane = self.play.plan.lane(self.position, self.place)
        channels = [self.members[place].channels[other] for other in lane]
        return [channel for channel in channels if channel.junction is not None and channel.junction.rows is self.rows]

    def in_turn(self, line: Line) -> bool:
        """Tell whether the head of a line may leave: in the order of numbers, and then of members (SPEC 8)."""
        link, source, member = line
        if not self.play.plan.ordered(link):
            return True
        if self.play.schedule.roomy and not self.play.plan.retraceable(link.source):
            return True
        mine = self.earliest(line)
        others = [other for other in self.play.instances[link.source] if other is not source]
        return all(
            mine < theirs or mine[0] == theirs[0] == math.inf
            for theirs in (self.earliest((link, other, member)) for other in others)
        )

    def earliest(self, line: Line) -> tuple[Number, int]:
        """Give the lowest number with which something may still come from an instance."""
        entries = self.lines[line]
        return (entries[0].number if entries else line[1].floor()), line[1].member

    def reaching(self, member: Instance) -> Iterator[tuple[Instance, deque[Entry]]]:
        """Give the instances whose items may come to a member, and their lines."""
        for (_, source, known), entries in self.lines.items():
            if known in {None, member.member}:
                yield source, entries

    def dry(self, member: Instance) -> bool:
        """Tell whether nothing can come to a member any more."""
        if self.bequeaths and any(channel.inside or channel.waiting for channel in self.channels):
            return False  # its member may end and leave that to others
        return not any(self.left) and not any(line or not source.ended for source, line in self.reaching(member))

    def next_number(self, member: Instance) -> Number:
        """Give the lowest number with which something may still come to a member."""
        (link, *others) = self.links
        if self.everywhere:
            return float(member.channels[self.place].arrived)
        if others or not self.play.plan.paired(link):
            return float(self.row)
        return self.earliest((link, self.play.instances[link.source][member.member], member.member))[0]
