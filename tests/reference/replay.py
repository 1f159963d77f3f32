"""A schedule that follows what an engine has done. What the model cannot follow is what an engine may not do."""

from __future__ import annotations

import itertools
import math
import random
from collections import Counter, deque
from typing import TYPE_CHECKING, TypeVar

from actors import items_of
from description import ENDLESS
from logs import text
from rows import ordered_rows
from schedules import NOTHING, Schedule, key

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from channels import Channel, Entry, Junction, Sending
    from description import Item, Plan, Value
    from logs import Done
    from model import Event, Instance, Outcome
    from rows import Row

T = TypeVar("T")

RETHOUGHT = 0.2
"""How often lots go against what is likely."""


class Replay(Schedule):
    """Follows what an engine has done. What the model cannot follow is what an engine may not do.

    If that was found dead, some sends have not returned. Their items are let in where they have been taken, and
    elsewhere only when nothing moves without, and not everywhere.
    """

    roomy = True

    def __init__(self, plan: Plan, done: Mapping[str, Done], attempt: int = 0, *, boundless: bool = False) -> None:
        """Take what each instance has done; attempts differ in what no log tells, like which of two rows came first.

        If it is `boundless`, no port is ever full: then it matters not where items stood when nothing moved any more.
        """
        self.boundless = boundless
        self.plan = plan
        self.chance = random.Random(attempt) if attempt else None  # noqa: S311  lots, not secrets
        self.done_by = done
        self.logs = {name: what.log for name, what in done.items()}
        self.unfinished = {item for what in done.values() for item in what.unfinished}
        self.dead = {name for name, what in done.items() if what.dead}
        self.lenient = not self.unfinished
        self.times = {item: time for what in done.values() for item, time in what.times.items()}
        self.left: dict[Channel, deque[tuple[float, Item]]] = {}
        self.gone: dict[Channel | Junction, set[Item]] = {}
        self.order: dict[Junction, list[Row]] = {}
        self.begun = {item: time for what in done.values() for item, time in what.begun.items()}
        self.granted = False
        self.refused = False
        self.left_behind: set[Item] = set()
        self.over = False
        self.further: list[str] = []
        self.done = dict.fromkeys(self.logs, 0)
        self.comes: dict[Channel, list[Item]] = {}
        self.taken: dict[Channel, set[Item]] = {}
        self.dealt_to: dict[Channel, list[Item]] = {}
        self.come: Counter[Channel] = Counter()
        self.origin: dict[Item, tuple[tuple[str, str], int]] = {}
        for name, log in self.logs.items():
            for number, (what, content) in enumerate(log):
                if what == "sends":
                    self.origin[content[1]] = (name, content[0]), number
        self.members: dict[Junction, dict[str, set[int]]] = {}
        self.ages: dict[tuple[Channel, tuple[str, str]], int] = {}

    def shuffled(self, steps: list[T]) -> list[T]:
        """Put steps in an order."""
        return self.chance.sample(steps, len(steps)) if self.chance else steps

    def next_event(self, instance: Instance) -> Event | None:
        """Give what an instance has done next."""
        log, done = self.logs[instance.name], self.done[instance.name]
        return log[done] if done < len(log) else None

    def may(self, instance: Instance, event: Event) -> bool:
        """Let an instance do what it has done next."""
        if event != self.next_event(instance):
            if self.over:
                self.further.append(f"{instance.name} could have gone on: it {text(event)}")
            return False
        self.done[instance.name] += 1
        for channel in instance.passive if event[0] == "fires" else ():
            if (shown := event[1][channel.place]) in self.origin:
                source, age = self.origin[shown]
                self.ages[channel, source] = age
        return True

    def relents(self) -> bool:
        """Let in items that nobody has taken, and then sends that have not returned, into some of their ports."""
        if self.refused and not self.granted:
            self.refused, self.granted = False, True
            return True
        before, self.lenient = self.lenient, True
        return not before

    def keeps_waiting(self, sender: Instance, item: Item) -> bool:
        """Tell whether a result has kept its sender waiting."""
        return item in self.unfinished and not self.boundless

    def history(self, channel: Channel) -> list[Item]:
        """Give the items that firings have taken from a channel, without its initial value."""
        if channel not in self.comes:
            values = [content[channel.place] for what, content in self.logs[channel.owner.name] if what == "fires"]
            changes = [value for value, _ in itertools.groupby(values)]
            self.comes[channel] = [item for value in changes for item in items_of(value) if item in self.origin]
            self.taken[channel] = {*self.comes[channel]}
        return self.comes[channel]

    def has_taken(self, channel: Channel, item: Item) -> bool:
        """Tell whether a firing has taken an item from a channel."""
        self.history(channel)
        return item in self.taken[channel]

    def dealt(self, junction: Junction, place: int) -> list[Item]:
        """Give those of the items that a member has taken which were shared out, not sent to this member alone."""
        channel = junction.channels[place]
        if channel not in self.dealt_to:
            ways = {(source.name, link.outport) for link, source, known in junction.lines if known is None}
            history = self.history(channel)
            self.dealt_to[channel] = [item for item in history if self.origin.get(item, (None, 0))[0] in ways]
        return self.dealt_to[channel]

    def expected(self, channel: Channel) -> Item | None:
        """Give the item that has come next, of those that a firing has taken."""
        history, come = self.history(channel), self.come[channel]
        return history[come] if come < len(history) else None

    def admits(self, channel: Channel, entry: Entry) -> bool:
        """Let items in in the order in which they have come."""
        if self.over:
            return True
        if channel.closed or channel in channel.owner.passive:
            return True
        expected = self.expected(channel)
        if expected is not None and expected != entry.item:
            return False
        if expected is None:
            full = self.waits_at(entry.item) if entry.item in self.unfinished else None
            if entry.item in self.unfinished and not self.lenient and (full is None or channel.label in full):
                return False
            if not self.comes_next(channel, entry.item):
                return False
            self.granted = False
        else:
            self.come[channel] += 1
        return True

    def completes(self, channel: Channel, entry: Entry) -> bool:
        """Let no send return that has not, and none wait where there was room."""
        if self.over or self.boundless or entry.item not in self.unfinished:
            return True
        full = self.waits_at(entry.item)
        return entry.sending.waiting > 1 if full is None or len(full) > 1 else channel.label not in full

    def waits_at(self, item: Item) -> set[str] | None:
        """Give the full ports of which some have not let in an item; `None` if that is not known."""
        (name, outport), _ = self.origin[item]
        return self.done_by[name].full.get(outport)

    def comes_next(self, channel: Channel, item: Item) -> bool:
        """Tell whether no other item that nobody has taken there must have come sooner."""
        junction = channel.junction
        if junction is None or len(junction.lines) == 1:
            return True
        if channel not in self.left:
            self.left[channel] = self.untaken(junction, channel)
        left = self.left[channel]
        gone = self.gone.setdefault(channel if junction.everywhere else junction, set())
        while left and left[0][1] in gone:
            left.popleft()
        if left and left[0][0] < self.begun.get(item, 0.0):
            return False
        gone.add(item)
        return True

    def untaken(self, junction: Junction, channel: Channel) -> deque[tuple[float, Item]]:
        """Give the items that may come to a channel and that nobody has taken, by the times by which they had come."""
        channels = [channel] if junction.everywhere else junction.channels
        times: dict[Item, float] = {}
        for link, source, known in junction.lines:
            if known not in {None, channel.owner.member}:
                continue
            log = self.logs[source.name]
            sent = [content[1] for what, content in log if what == "sends" and content[0] == link.outport]
            latest = math.inf
            for earlier in reversed(sent):  # what comes behind others has come no sooner
                if not self.plan.ordered(link):  # else it may have waited for its turn without its sender
                    latest = min(latest, self.times.get(earlier, math.inf))
                times[earlier] = min(latest, times.get(earlier, math.inf))
        left = [item for item in times if not any(self.has_taken(channel, item) for channel in channels)]
        return deque(sorted((times[item], item) for item in left))

    def overfills(self, channel: Channel) -> bool:
        """Let in whatever comes after the last that was taken: who of several came first then, no log tells."""
        if self.boundless:
            return True
        junction = channel.junction
        several = junction is not None and len(junction.lines) > 1
        return several and channel.owner.name not in self.dead and self.expected(channel) is None

    def shown(self, channel: Channel) -> Value:
        """Show what a passive port has shown, if it has come and nothing newer of the same origin was shown before."""
        event = self.next_event(channel.owner)
        if channel not in channel.owner.passive or event is None or event[0] != "fires":
            return super().shown(channel)
        value = event[1][channel.place]
        if value is None:
            nothing_yet = not any(of is channel for of, _ in self.ages)
            return None if nothing_yet and not channel.seeded else channel.latest
        source, age = self.origin.get(value, (None, 0))
        old = age < self.ages.get((channel, source), 0) if source else any(of is channel for of, _ in self.ages)
        return value if value in channel.history and not old else NOTHING

    def flushes(self, channel: Channel) -> bool:
        """Deliver what was delivered."""
        values = [content[channel.place] for what, content in self.logs[channel.owner.name] if what == "fires"]
        changes = [value for value, _ in itertools.groupby(values) if value is not None]
        return len(channel.batch) == len((*changes, ())[min(channel.delivered, len(changes))])

    def wanted(self, instance: Instance, sending: Sending) -> bool | None:
        """Let an endless source go on as long as it did, and stop no sooner than it may."""
        event = self.next_event(instance)
        goes_on = instance.node.items != ENDLESS or (event is not None and event[0] == "sends")
        return True if goes_on else False if super().wanted(instance, sending) is False else None

    def balanced(self, junction: Junction, item: Item) -> int | None:
        """Choose the member that has got the item; one that nobody has taken goes anywhere, after those that were."""
        if self.over:
            return super().balanced(junction, item)
        for place, channel in enumerate(junction.channels):
            if self.has_taken(channel, item):
                if junction.bequeaths and self.expected(channel) != item:
                    return self.detour(junction, item)
                return place if self.ready(junction, place, item) else None
        if junction.channels[0] in junction.members[0].passive:
            return min(range(len(junction.members)), key=junction.rows.count)
        partner = self.partner(junction)
        return self.spare(junction, item) if partner is None else partner

    def spare(self, junction: Junction, item: Item) -> int | None:
        """Choose a member for an item that nobody has taken, as far as possible after those that were."""
        idle = [place for place, channel in enumerate(junction.channels) if self.expected(channel) is None]
        closed = [place for place in idle if junction.channels[place].closed]
        if closed and (item not in self.unfinished or len(closed) == len(junction.channels)):
            return closed[0]
        room = [place for place in idle if place not in closed and junction.load(place)[0] < 0]
        late = len(junction.lines) > 1 and len(idle) < len(junction.channels)
        if (late or not room) and not self.granted:
            self.refused = True
            return None
        open_ones = room or [place for place in idle if place not in closed]
        alone = {link.to for link in self.plan.links_to(junction.position)}
        kept = [place for place in open_ones if place in alone] or [
            place for place in open_ones if junction.members[place].name in self.dead
        ]
        if kept and not (self.chance and self.chance.random() < RETHOUGHT):
            open_ones = kept  # who has an item and fires not, lacks another, or has not ended
        if self.chance and open_ones:
            return self.chance.choice(open_ones)
        return min(open_ones, key=junction.load, default=None)

    def detour(self, junction: Junction, item: Item) -> int | None:
        """Choose a member for an item that it left to the others, which had later ones of the same sender by then."""
        if item in self.left_behind:
            return None
        if not self.granted:
            self.refused = True
            return None
        self.granted = False
        self.left_behind.add(item)
        ways = [place for place, channel in enumerate(junction.channels) if self.expected(channel) is None]
        ended = [place for place in ways if junction.channels[place].closed]  # it may have been there before
        return (ended or [*ways, None])[0]

    def round_robin(self, junction: Junction, item: Item) -> int | None:
        """Choose the next member; no log tells what passive ports got in which order, nor when members ended."""
        untold = junction.channels[0] in junction.members[0].passive or self.plan.apart(junction.position)
        if untold and not self.over:
            return self.balanced(junction, item)
        place = super().round_robin(junction, item)
        taken = [other for other, channel in enumerate(junction.channels) if self.has_taken(channel, item)]
        return place if taken in ([], [place]) else None

    def partner(self, junction: Junction) -> int | None:
        """Give the member that has got another part of the next row, if that is known."""
        for port in (channel.junction for channel in junction.lane_of(0)):
            if port is junction or port is None or len(port.lines) > 1:
                continue
            ((link, source, _),) = port.lines
            log = self.logs[source.name]
            sent = (content[1] for what, content in log if what == "sends" and content[0] == link.outport)
            for item in itertools.islice(sent, junction.row * port.size, junction.row * port.size + 1):
                for place, channel in enumerate(port.channels):
                    if self.has_taken(channel, item):
                        return place
        return None

    def ready(self, junction: Junction, place: int, item: Item) -> bool:
        """Tell whether the row of an item may be the next one, if it has parts at other ports."""
        ports = [port for channel in junction.lane_of(place) if (port := channel.junction) is not None]
        if len(ports) == 1:
            return True
        if junction not in self.order:
            self.order |= self.retraced(ports)
        come = sum(self.come[channel] for channel in junction.channels) // junction.size
        row = place, self.dealt(junction, place).index(item) // junction.size
        return row in self.order[junction][come : come + 1]

    def retraced(self, ports: Sequence[Junction]) -> dict[Junction, list[Row]]:
        """Give the order in which rows of several ports were shared out, for each as far as its items were taken."""
        parts = [
            {
                item: (place, number // port.size)
                for place in range(len(port.channels))
                for number, item in enumerate(self.dealt(port, place))
            }
            for port in ports
        ]
        order = ordered_rows(parts, [list(self.ways(port)) for port in ports], self.begun, self.chance)
        taken = [{*rows.values()} for rows in parts]
        return {port: [row for row in order if row in rows] for port, rows in zip(ports, taken, strict=True)}

    def ways(self, junction: Junction) -> Iterator[list[Item]]:
        """Give what came to a port from each sender, as far as its order is known."""
        for link, source, _ in junction.lines:
            ports = {link.outport}
            if not source.at_once and not self.plan.ordered(link):  # one is waited for before the next is sent
                ports = {other.outport for other, of, _ in junction.lines if of is source}
            log = self.logs[source.name]
            yield [content[1] for what, content in log if what == "sends" and content[0] in ports]

    def keyed(self, junction: Junction, item: Item) -> int | None:
        """Choose the member that has got the item, if it is the one that all others of the same key have gone to."""
        if junction not in self.members:
            members: dict[str, set[int]] = {}
            for place in range(len(junction.channels)):
                for taken in self.dealt(junction, place)[:: junction.size]:  # the first of a row says it
                    members.setdefault(key(taken), set()).add(place)
            self.members[junction] = members
        known = self.members[junction].get(key(item))
        if known is None and not self.over and (chosen := self.balanced(junction, item)) is not None:
            known = self.members[junction][key(item)] = {chosen}
        if known is not None and self.plan.apart(junction.position) and not self.over:
            return self.balanced(junction, item)  # the next one has got the key when a member had ended
        if known is None or len(known) != 1:
            return None
        (place,) = known
        taken = self.has_taken(junction.channels[place], item)
        return place if not taken or self.ready(junction, place, item) else None

    def differences(self, outcome: Outcome) -> list[str]:
        """Say where an engine has done what the model could not do, or has left undone what it would have."""
        texts = []
        for name, log in self.logs.items():
            done = self.done[name]
            if done < len(log):
                texts.append(f"{name}: after {done} of {len(log)} events of its log it {text(log[done])}, out of turn")
            elif (name in outcome.stuck) != (name in self.dead) and not (self.boundless and name in self.dead):
                how = "waited for ever" if name in self.dead else "ended"
                texts.append(f"{name}: has {how} after {done} events, which it should not")
        return texts
