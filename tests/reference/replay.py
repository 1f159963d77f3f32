"""A schedule that follows what an engine has done. What the model cannot follow is what an engine may not do.

Who gets what is shared out is found here; when things happen that were done, in `following.py`.
"""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING

from following import Following
from logs import text
from rows import RowOrder, known_order, likely_order
from schedules import key

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from channels import Channel, Entry, Junction
    from description import Item, Link, Plan
    from logs import Done
    from model import Outcome
    from rows import Row

Learned = dict[tuple[int, tuple[int, ...]], set[tuple["Row", "Row"]]]
"""For ports of a node that share rows, pairs of rows of which one came before the other."""

RETHOUGHT = 0.2
"""How often lots go against what is likely."""


class Replay(Following):
    """Follows what an engine has done, and lets those members have an item or a row that have taken it."""

    def __init__(
        self,
        plan: Plan,
        done: Mapping[str, Done],
        attempt: int = 0,
        learned: Learned | None = None,
        *,
        boundless: bool = False,
    ) -> None:
        """Take what was done, and what earlier attempts have `learned` of the order of rows, for later ones, too."""
        super().__init__(plan, done, attempt, boundless=boundless)
        self.learned: Learned = {} if learned is None else learned
        self.orders: dict[Junction, RowOrder] = {}
        self.members: dict[Junction, dict[str, set[int]]] = {}
        self.left_behind: set[Item] = set()

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

    def is_granted(self) -> bool:
        """Tell whether one may do what is done only if nothing else moves."""
        self.refused |= not self.granted
        granted, self.granted = self.granted, False
        return granted

    def detour(self, junction: Junction, item: Item) -> int | None:
        """Choose a member for an item that it left to the others, which had later ones of the same sender by then."""
        if item in self.left_behind:
            return None
        if not self.is_granted():
            return None
        self.left_behind.add(item)
        ways = [place for place, channel in enumerate(junction.channels) if self.expected(channel) is None]
        ended = [place for place in ways if junction.channels[place].closed]  # it may have been there before
        return ended[0] if ended else min(ways, key=junction.load, default=None)

    def gathers(self, channel: Channel, entry: Entry) -> bool:
        """Let what a member has left to others lie in its channel: in a batch it may be lost with the stream's end."""
        strays = entry.item in self.left_behind and not self.has_taken(channel, entry.item)
        return self.over or not strays or bool(channel.waiting)

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
        if junction not in self.orders:
            self.orders |= dict.fromkeys(ports, self.retraced(ports))
        order = self.orders[junction]
        come = sum(self.come[channel] for channel in junction.channels) // junction.size
        row = place, self.dealt(junction, place).index(item) // junction.size
        if come == max(-(-sum(self.come[channel] for channel in port.channels) // port.size) for port in ports):
            # What was thought of the order beforehand is no more than likely; a port where it is known goes first.
            likely = order.is_next(junction, row, come) and not order.leading
            if junction in order.leading or (not likely and order.may_be_next(row, come) and self.is_granted()):
                order.put(row, come)
            elif not likely:
                return False
        return order.is_next(junction, row, come)

    def retraced(self, ports: Sequence[Junction]) -> RowOrder:
        """Give the order in which rows of several ports were shared out, as far as their items were taken."""
        parts = [self.rows_of(port) for port in ports]
        learned = self.learned.setdefault((ports[0].position, tuple(port.place for port in ports)), set())
        known = known_order(parts, [list(self.ways(port)) for port in ports], learned)
        order = likely_order(parts, known, self.begun, self.chance)
        rows = {port: {*rows_of.values()} for port, rows_of in zip(ports, parts, strict=True)}
        return RowOrder(order, rows, known, {port for port in ports if self.leads(port)}, learned)

    def rows_of(self, port: Junction) -> dict[Item, Row]:
        """Give the row of each item of a port that was taken."""
        return {
            item: (place, number // port.size)
            for place in range(len(port.channels))
            for number, item in enumerate(self.dealt(port, place))
        }

    def leads(self, junction: Junction) -> bool:
        """Tell whether the items of a port come in an order that is known."""
        (link, *others) = junction.links
        return not others and (self.numbered(link) or len(junction.lines) == 1)

    def numbered(self, link: Link) -> bool:
        """Tell whether what comes by a connection comes in the order of numbers that are known."""
        return self.plan.ordered(link) and self.plan.retraceable(link.source)

    def learns(self) -> None:
        """Learn from what could not be followed: what waits for its turn among results goes in the order of numbers."""
        for port, order in self.orders.items():
            rows = self.rows_of(port)
            for link in filter(self.numbered, port.links):
                lines = [(source, entries) for (of, source, _), entries in port.lines.items() if of is link]
                waiting = [(entry.number, source.member, entry.item) for source, entries in lines for entry in entries]
                waiting = [entry for entry in waiting if entry[0] < math.inf and entry[2] in rows]
                waiting.sort(key=lambda entry: entry[:2])
                order.learned.update(
                    (rows[earlier], rows[later])
                    for (_, _, earlier), (_, _, later) in itertools.pairwise(waiting)
                    if rows[earlier] != rows[later]
                )

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
        if self.has_taken(junction.channels[place], item):
            return place if self.ready(junction, place, item) else None
        late = any(self.expected(channel) is not None for channel in junction.channels)
        if late and len(junction.lane_of(place)) > 1 and not self.granted and not self.over:
            self.refused = True  # a row of which nobody has taken a part comes after the others, as far as possible
            return None
        return place

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
