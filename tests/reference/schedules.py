"""Who decides what the specification leaves open: chance, or what an engine has done.

A schedule picks which steps are made next, in what order senders come to a port that several of them feed, which member
of a group gets an item, what a passive port shows, and when an endless source learns that nobody wants its items.
"""

from __future__ import annotations

import random
import zlib
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Sequence

    from channels import Channel, Entry, Junction, Sending
    from description import Item, Value
    from model import Event, Instance

T = TypeVar("T")


RETHOUGHT = 0.003
"""How often lots draw anew who comes first."""

NOTHING: Item = ("nothing that could be seen", 0, 0, "")


class Schedule:
    """Makes every step as soon as it can be made."""

    strict = False
    """Whether to begin again from the first step after each one that was made."""

    roomy = False
    """Whether results of groups wait for their turn outside of any port, in the order in which they came if their turns
    are not known; else they keep their senders waiting."""

    def shuffled(self, steps: list[T]) -> list[T]:
        """Pick steps to try, in an order."""
        return steps

    def may(self, instance: Instance, event: Event) -> bool:
        """Tell whether an instance may do something now."""
        return True

    def relents(self) -> bool:
        """Tell whether it allows more, now that nothing moves."""
        return False

    def keeps_waiting(self, sender: Instance, item: Item) -> bool:
        """Tell whether a result that is not in turn keeps its sender waiting; how many do is open (SPEC 8)."""
        return True

    def admits(self, channel: Channel, entry: Entry) -> bool:
        """Tell whether an item may be the next one in a channel."""
        return True

    def sets_aside(self, junction: Junction, item: Item) -> bool:
        """Tell whether it does not matter who gets an item."""
        return False

    def completes(self, channel: Channel, entry: Entry) -> bool:
        """Tell whether a send may get its item in here, and return if this is the last port that it waits for."""
        return True

    def overfills(self, channel: Channel) -> bool:
        """Tell whether the room of a port does not matter any more."""
        return False

    def shown(self, channel: Channel) -> Value:
        """Say what a firing sees at a port that is not in its trigger group: the latest value (SPEC 3)."""
        return channel.first if channel.junction is None else channel.latest

    def flushes(self, channel: Channel) -> bool:
        """Tell whether it is time to deliver a batch although it is not full (SPEC 7)."""
        return True

    def has_enough(self, channel: Channel) -> bool:
        """Tell whether a batch that may be delivered before it is full takes in nothing more."""
        return False

    def gathers(self, channel: Channel, entry: Entry) -> bool:
        """Tell whether a member of a group takes an item into its batch before anything else happens."""
        return True

    def closes(self, batches: Sequence[Channel]) -> bool:
        """Tell whether a loop in which nothing moves delivers these batches, and not time some of them."""
        return True

    def passes(self) -> bool:
        """Tell whether time passes, now that nothing moves and no loop closes."""
        return False

    def wanted(self, instance: Instance, sending: Sending) -> bool | None:
        """Say what a send returns: whether any port behind it can still receive (SPEC 3); `None` if that takes time."""
        return any(not channel.closed for junction in sending.targets for channel in junction.channels)

    def balanced(self, junction: Junction, item: Item) -> int | None:
        """Choose the member with most room (SPEC 8)."""
        room = [
            (channel.capacity - len(channel.inside) - len(channel.waiting), -junction.load(place)[1], -place)
            for place, channel in enumerate(junction.channels)
            if not channel.closed
        ]
        most, _, place = max(room, default=(1, 0, 0))
        return -place if most > 0 else None

    def round_robin(self, junction: Junction, item: Item) -> int | None:
        """Choose the next member that has not ended."""
        return first_open(junction, junction.rows[-1] + 1 if junction.rows else 0)

    def keyed(self, junction: Junction, item: Item) -> int | None:
        """Choose the same member for equal keys (SPEC 8)."""
        return first_open(junction, zlib.crc32(key(item).encode()))


def first_open(junction: Junction, place: int) -> int:
    """Give a member, or the next one that has not ended."""
    size = len(junction.members)
    order = [(place + step) % size for step in range(size)]
    return next((place for place in order if not junction.channels[place].closed), order[0])


def key(item: Item) -> str:
    """Give the key that groups share out by."""
    return str(item[1] % 5)


class Lots(Schedule):
    """Draws lots: any step may be made before any other.

    Half of the time the steps are in no order at all. Else some come before others as long as they can be made, and now
    and then that changes: so some starve while others go as far as they get, which is what makes rare things happen.
    """

    def __init__(self, number: int) -> None:
        """Begin, with a number that says which lots are drawn."""
        self.chance = random.Random(number)  # noqa: S311  lots, not secrets
        self.strict = number % 2 == 0
        self.ranks: dict[object, float] = {}

    def shuffled(self, steps: list[T]) -> list[T]:
        """Put steps in an order."""
        if not self.strict or self.chance.random() < RETHOUGHT:
            self.ranks.clear()
        return sorted(steps, key=self.rank)

    def rank(self, step: object) -> float:
        """Say when a step comes, for now."""
        what = step[0] if isinstance(step, tuple) else step
        return self.ranks.setdefault(what, self.chance.random())

    def balanced(self, junction: Junction, item: Item) -> int | None:
        """Choose a member that has room: which one has most depends on time."""
        room = [
            place
            for place, channel in enumerate(junction.channels)
            if not channel.closed and not channel.waiting and len(channel.inside) < channel.capacity
        ]
        return self.chance.choice(room) if room else None

    def flushes(self, channel: Channel) -> bool:
        """Tell whether it is time to deliver a batch although it is not full."""
        return self.chance.random() < RETHOUGHT
