"""A schedule that follows what an engine has done, but for the members that get what is shared out: see `replay.py`."""

from __future__ import annotations

import itertools
import math
import random
from collections import Counter, deque
from typing import TYPE_CHECKING, TypeVar

from actors import items_of
from description import ENDLESS
from logs import text
from schedules import NOTHING, Schedule

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from channels import Channel, Entry, Junction, Sending
    from description import Item, Plan, Value
    from logs import Done
    from model import Event, Instance

T = TypeVar("T")


class Following(Schedule):
    """Does what an engine has done, at the times when it may be done.

    If that was found dead, some sends have not returned. Their items are let in where they have been taken, and
    elsewhere only when nothing moves without, and not everywhere.
    """

    roomy = True

    def __init__(
        self,
        plan: Plan,
        done: Mapping[str, Done],
        attempt: int = 0,
        *,
        boundless: bool = False,
    ) -> None:
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
        self.begun = {item: time for what in done.values() for item, time in what.begun.items()}
        self.granted = False
        self.refused = False
        self.late = False
        self.postponed = False
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
        if self.postponed:
            return False  # a batch is delivered
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
            self.gone_to(channel).add(entry.item)
            return True
        if (expected := self.expected(channel)) is None:
            return self.lets_in(channel, entry.item)
        if expected != entry.item:
            return False
        self.come[channel] += 1
        return True

    def lets_in(self, channel: Channel, item: Item) -> bool:
        """Let in an item that no firing has taken there."""
        if self.is_of_another(channel, item):
            return False
        full = self.waits_at(item) if item in self.unfinished else None
        if item in self.unfinished and not self.lenient and (full is None or channel.label in full):
            return False
        if not self.comes_next(channel, item):
            return False
        self.granted = False
        return True

    def is_of_another(self, channel: Channel, item: Item) -> bool:
        """Tell whether an item is part of a row that another member has taken: this row is not the next one then."""
        junction = channel.junction
        if junction is None or junction.everywhere or len(junction.lane_of(0)) == 1:
            return False
        return any(self.has_taken(other, item) for other in junction.channels)

    def sets_aside(self, junction: Junction, item: Item) -> bool:
        """Leave out what nobody has taken of the rows of several ports where it is not known how these stood."""
        rows = self.boundless and len(junction.lane_of(0)) > 1
        return rows and not any(self.has_taken(channel, item) for channel in junction.channels)

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
        gone = self.gone_to(channel)
        while left and left[0][1] in gone:
            left.popleft()
        if left and left[0][0] < self.begun.get(item, 0.0):
            return False
        gone.add(item)
        return True

    def gone_to(self, channel: Channel) -> set[Item]:
        """Give the items that nobody has taken and that are there."""
        junction = channel.junction
        return self.gone.setdefault(channel if junction is None or junction.everywhere else junction, set())

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
        """Deliver what was delivered; but where others wait in a loop, it may have been the loop that did."""
        if not self.has_enough(channel):
            return False
        loops = [loop for loop in channel.owner.play.cycles if channel.owner in loop]
        others = [other for loop in loops for member in loop for other in member.channels if other is not channel]
        if self.late or not any(other.size and other.lane is not None for other in others):
            self.late = False
            return True
        self.postponed = True
        return False

    def has_enough(self, channel: Channel) -> bool:
        """Tell whether so much was delivered."""
        values = [content[channel.place] for what, content in self.logs[channel.owner.name] if what == "fires"]
        changes = [value for value, _ in itertools.groupby(values) if value is not None]
        return channel.begun and len(channel.batch) == len((*changes, ())[min(channel.delivered, len(changes))])

    def closes(self, batches: Sequence[Channel]) -> bool:
        """Let a loop deliver what was delivered, if it may have been time."""
        return not self.postponed or all(map(self.has_enough, batches))

    def passes(self) -> bool:
        """Let a batch go that might have been delivered by a loop, but was not."""
        if not self.postponed:
            return False
        self.postponed, self.late = False, True
        return True

    def wanted(self, instance: Instance, sending: Sending) -> bool | None:
        """Let an endless source go on as long as it did, and stop no sooner than it may."""
        event = self.next_event(instance)
        goes_on = instance.node.items != ENDLESS or (event is not None and event[0] == "sends")
        return True if goes_on else False if super().wanted(instance, sending) is False else None
