"""What a graph does, as an interpreter: one thread, one step at a time, no event loop, no processes.

It is written from the specification alone; each rule names the section that it comes from. Where that leaves something
open (who is faster, which of two senders comes first, which member has most room), a *schedule* decides: `schedules.py`
has one that draws lots and one that follows what an engine has done. Everything else is determined.

Here are instances and their firings; `channels.py` has what lies between them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from actors import Actor
from channels import FREE, Channel, Entry, Junction, Sending
from description import INPORTS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from actors import Action, Firing
    from channels import Number
    from description import Item, Plan, Value
    from schedules import Schedule

Event = tuple[str, object]
"""`("fires", values)` or `("sends", (outport, item))`: what an instance does, in order."""

MOST = 5000
"""Firings and sends that a test has time for."""
OVER: Action = ("over", "", None)


class TooLongError(Exception):
    """A graph does more than a test has time for."""


@dataclass(eq=False)
class Lane:
    """A trigger group of an instance, or its finish function."""

    owner: Instance
    channels: list[Channel]
    row: dict[Channel, Value] | None = None
    """What it has taken and not yet fired on; so a passive port may go on in between."""
    firing: Firing | None = None
    action: Action | None = None
    """What it does next; `None` if it has not been asked yet."""
    number: Number = FREE
    """A firing bears the number of its input (SPEC 8); initial values have none."""
    sendings: list[Sending] = field(default_factory=list)
    ended: bool = False

    @property
    def busy(self) -> bool:
        """Tell whether it has a row, or a firing that is not over."""
        return self.row is not None or self.firing is not None

    def step(self) -> bool:
        """Go on with a firing, or begin the next one, or end. Firings are sequential (SPEC 3)."""
        if self.ended or self.firing is not None:
            return self.firing is not None and self.go_on(self.firing)
        return self.take() if self.row is None else self.fire(self.row)

    def take(self) -> bool:
        """Take a row, or end."""
        if any(channel.ended() for channel in self.channels) or (not self.channels and self.owner.fired):
            self.end()  # zip: when any of its ports has ended; if it has none, after one firing (SPEC 3)
            return True
        if any(channel.head() is None for channel in self.channels):
            return False  # a row is taken only when all its ports have an item (SPEC 3)
        self.row = {channel: channel.head() for channel in self.channels}
        self.number = max((channel.take() for channel in self.channels), default=FREE)
        return True

    def fire(self, row: dict[Channel, Value]) -> bool:
        """Fire on a row; of the other ports it sees the latest value (SPEC 3)."""
        shown = self.owner.play.schedule.shown
        values = [row[channel] if channel in row else shown(channel) for channel in self.owner.channels]
        if not self.owner.does(("fires", tuple(values))):
            return False
        for channel, value in row.items():
            channel.latest = value
        self.begin(self.owner.actor.fire(values))
        self.owner.fired += 1
        self.owner.play.count()
        return True

    def begin(self, firing: Firing) -> None:
        """Begin a firing."""
        self.firing, self.row, self.action, self.sendings = firing, None, None, []

    def go_on(self, firing: Firing) -> bool:
        """Do the next thing in a firing; sends are awaited one by one, or all together before it returns."""
        waits = any(sending.waiting for sending in self.sendings)
        if waits and not self.owner.at_once:
            return False
        if self.action is None:
            answer = self.owner.play.schedule.wanted(self.owner, self.sendings[-1]) if self.sendings else None
            if self.sendings and answer is None:
                return False
            try:
                self.action = firing.send(answer)
            except StopIteration:
                self.action = OVER
        kind, what, item = self.action
        if (kind == "over" and waits) or (kind == "send" and not self.owner.does(("sends", (what, item)))):
            return False
        if kind == "over":
            self.firing = None
        elif item is not None:
            self.sendings.append(self.owner.send(what, item, self.number))
        self.action = None
        return True

    def floor(self) -> Number:
        """Give the lowest number that it may still send something with."""
        if self.ended:
            return math.inf
        to_come = max((channel.floor() for channel in self.channels), default=math.inf)
        return min(self.number, to_come) if self.busy else to_come

    def end(self) -> None:
        """End; its ports discard what they hold and whatever still comes (SPEC 3)."""
        self.ended = True
        for channel in self.channels:
            channel.close()


class Instance:
    """A component at play, or a member of a group."""

    def __init__(self, play: Play, position: int, member: int) -> None:
        """Begin as described."""
        self.play = play
        self.position = position
        self.member = member
        self.node = play.plan.nodes[position]
        self.actor = Actor(play.plan, position, member)
        self.at_once = self.node.style in {"gather", "tasks"}
        self.channels = [Channel(self, place, inport) for place, inport in enumerate(self.node.inports)]
        lanes = play.plan.lanes(position, member)
        self.lanes = [Lane(self, [self.channels[place] for place in lane]) for lane in lanes]
        for lane in self.lanes:
            for channel in lane.channels:
                channel.lane = lane
        self.passive = [self.channels[place] for place in play.plan.connected(position, member)]
        self.passive = [channel for channel in self.passive if channel.lane is None]
        for channel in self.passive:
            channel.drink()  # an initial value is there from the start (SPEC 4)
        self.finishing: Lane | None = None
        self.ended = False
        self.fired = 0
        self.log: list[Event] = []

    @property
    def name(self) -> str:
        """The name that it has in a graph."""
        return self.play.plan.names(self.position)[self.member]

    def steps(self) -> Iterator[bool]:
        """Make what steps it can, one by one; tell of each whether it could."""
        for channel in self.channels:
            yield channel.admit()
            yield channel.fill()
            if channel.within and self.play.schedule.flushes(channel):
                yield channel.flush()
        for channel in self.passive:  # each value as it comes (SPEC 3)
            yield channel.drink()
        for lane in self.lanes:
            yield lane.step()
        if not self.ended and all(lane.ended for lane in self.lanes):
            yield self.conclude()

    def conclude(self) -> bool:
        """Finish once all trigger groups have ended, and then end (SPEC 2, 3)."""
        if self.finishing is None:
            self.finishing = Lane(self, [])
            self.finishing.number = math.inf
            self.finishing.begin(self.actor.finish())
            return True
        if self.finishing.firing is not None:
            return self.finishing.go_on(self.finishing.firing)
        self.ended = True
        for channel in self.channels:
            channel.close()
        return True

    def does(self, event: Event) -> bool:
        """Do something others may see, if the schedule lets it."""
        if not self.play.schedule.may(self, event):
            return False
        self.log.append(event)
        return True

    def send(self, outport: str, item: Item, number: Number) -> Sending:
        """Send to every connected port (SPEC 4)."""
        self.play.count()
        sending = Sending()
        for junction in self.play.junctions:
            for link in junction.links:
                if (link.source, link.outport) == (self.position, outport) and link.of in {None, self.member}:
                    junction.offer(link, self, Entry(item, number, sending))
                    sending.targets.append(junction)
        return sending

    def floor(self) -> Number:
        """Give the lowest number that it may still send something with."""
        return min(lane.floor() for lane in self.lanes)


@dataclass
class Outcome:
    """What has happened: the log of each instance, and of those that have not ended, what their ports hold."""

    logs: dict[str, list[Event]]
    stuck: set[str]
    fills: dict[str, int]


class Play:
    """A graph at play."""

    def __init__(self, plan: Plan, schedule: Schedule) -> None:
        """Set everything up."""
        self.plan = plan
        self.schedule = schedule
        self.done = 0
        self.shared: dict[tuple[int, tuple[int, ...]], list[int]] = {}
        self.instances = [
            [Instance(self, position, member) for member in range(node.members or 1)]
            for position, node in enumerate(plan.nodes)
        ]
        self.everybody = [instance for members in self.instances for instance in members]
        self.junctions = [
            Junction(self, position, place) for position in range(len(plan.nodes)) for place in plan.connected(position)
        ]
        for junction in self.junctions:
            for member, instance in enumerate(self.instances[junction.position]):
                if plan.feeds(junction.position, junction.place, member):
                    instance.channels[junction.place].junction = junction
        self.cycles = self.loops()

    def loops(self) -> list[list[Instance]]:
        """Find the loops: instances that reach each other by trigger ports."""
        feeds = {
            instance: {source for lane in instance.lanes for source in self.sources(lane)}
            for instance in self.everybody
        }
        reached = {instance: {*sources} for instance, sources in feeds.items()}
        for middle in self.everybody:
            for behind in reached.values():
                if middle in behind:
                    behind.update(reached[middle])
        loops = {
            frozenset(other for other in behind if instance in reached[other])
            for instance, behind in reached.items()
            if instance in behind
        }
        return [[instance for instance in self.everybody if instance in loop] for loop in loops]

    def sources(self, lane: Lane) -> Iterator[Instance]:
        """Give the instances that feed a trigger group."""
        for channel in lane.channels:
            if channel.junction is not None:
                yield from (source for source, _ in channel.junction.reaching(lane.owner))

    def run(self) -> Outcome:
        """Play to the end, or until nothing can move."""
        while self.sweep() or self.schedule.relents() or self.close_a_cycle() or self.schedule.passes():
            pass
        stuck = [instance for instance in self.everybody if not instance.ended]
        fills = {
            f"{instance.name}.{INPORTS[place]}": len(channel.inside)
            for instance in stuck
            for place, channel in enumerate(instance.channels)
        }
        logs = {instance.name: instance.log for instance in self.everybody}
        return Outcome(logs, {instance.name for instance in stuck}, fills)

    def sweep(self) -> bool:
        """Make every step that is possible and that the schedule picks; tell whether there was any."""
        moved = False
        for actor in self.schedule.shuffled([*self.junctions, *self.everybody]):
            for step in actor.steps():
                moved |= step
            if moved and self.schedule.strict:
                break
        return moved

    def close_a_cycle(self) -> bool:
        """Close a loop in which nothing moves (SPEC 11), when nothing else moves either."""
        return any(self.close([instance for instance in cycle if not instance.ended]) for cycle in self.cycles)

    def close(self, inside: list[Instance]) -> bool:
        """Flush the incomplete batches of a loop, or end it, if all that feeds it has ended and no send waits."""
        lanes = [lane for instance in inside for lane in instance.lanes]
        feeds = {source for lane in lanes for source in self.sources(lane)}.difference(inside)
        if all(lane.ended for lane in lanes):
            return False  # it is closed, and some may wait for room for what their finish functions send
        if any(lane.busy for lane in lanes) or not all(source.ended for source in feeds):
            return False
        if begun := [channel for lane in lanes for channel in lane.channels if channel.begun]:
            return self.schedule.closes(begun) and all(channel.flush() for channel in begun)
        for lane in lanes:
            lane.end()
        return True

    def count(self) -> None:
        """Count firings and sends, and give up on what takes too long."""
        self.done += 1
        if self.done > MOST and not self.schedule.roomy:  # what has been done already is followed to its end
            raise TooLongError
