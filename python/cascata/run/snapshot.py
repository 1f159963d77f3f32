"""What a run is doing: its counters at one moment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cascata.run.counts import ComponentReport, Counts, EdgeReport, InportReport, arrivals_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["ComponentSnapshot", "InportSnapshot", "Rates", "Snapshot"]

LIVELIEST_FIRST = "running", "ready", "awaiting", "blocked", "waiting", "new", "done"
USUAL_CAPACITY = 10
LEAST_SHARE = 0.01
"""Of its time that a component must have been at work to be called the slowest."""


@dataclass(frozen=True, slots=True)
class InportSnapshot(InportReport):
    """An inport of a run that goes on, with its items so far.

    Attributes:
        fill: Items in its channel.
        capacity: How many there can be; `None` if it has no bound.

    """

    fill: int
    capacity: int | None

    @property
    def fullness(self) -> float:
        """How full the channel is, from 0 to 1; without a bound, beside the usual capacity of 10."""
        return min(1.0, self.fill / (self.capacity or USUAL_CAPACITY))


@dataclass(frozen=True, slots=True)
class ComponentSnapshot(ComponentReport):
    """What one component has done so far; times include what it is doing just now.

    Attributes:
        inports: By name, the connected ones.
        states: What each trigger group is doing: `"new"` (it has not begun), `"running"`, `"ready"` (to go on after
            others), `"awaiting"` (something that is no channel), `"waiting"` (for an item), `"blocked"` (for room
            behind an outport) or `"done"`.

    """

    inports: Mapping[str, InportSnapshot]
    states: tuple[str, ...]

    @property
    def state(self) -> str:
        """The liveliest of its states."""
        return min(self.states, key=LIVELIEST_FIRST.index)

    @property
    def fullest(self) -> InportSnapshot | None:
        """The fullest of its inports; `None` if none is connected."""
        return max(self.inports.values(), key=lambda port: port.fullness, default=None)


@dataclass(frozen=True, slots=True)
class Rates:
    """How fast a component was between two snapshots.

    Attributes:
        items_in: Items taken in a second.
        firings: Calls of its runner in a second.
        items_out: Items sent in a second.
        busy: The share of the time in which its code ran.
        awaiting: The share in which a firing awaited something other than a channel.
        waiting: The share in which there was no row of items to fire on, or it was others' turn.
        blocked: The share in which a firing waited for room behind an outport.

    Shares are averages over the trigger groups.

    """

    items_in: float = 0.0
    firings: float = 0.0
    items_out: float = 0.0
    busy: float = 0.0
    awaiting: float = 0.0
    waiting: float = 0.0
    blocked: float = 0.0

    @property
    def at_work(self) -> float:
        """The share of the time in which it was held up by nothing but itself: busy or awaiting."""
        return self.busy + self.awaiting


@dataclass(frozen=True)
class Snapshot:
    """What a run has done up to a moment, and what it is doing there; `print` it.

    Counters are read one after the other while the run goes on, so an item may be counted where it came from and not
    yet where it is.

    Attributes:
        seconds: How long the run has been going on, or lasted if it has ended.
        running: Whether it goes on.
        workers: How many workers it has.
        components: What each component has done and is doing, by name.
        edges: The items of each connection.

    """

    seconds: float
    running: bool
    workers: int
    components: dict[str, ComponentSnapshot]
    edges: list[EdgeReport]

    @classmethod
    def of(cls, counts: Counts, seconds: float, *, running: bool, workers: int) -> Snapshot:
        """Take what the run's memory says."""
        arrivals = arrivals_of(counts.edges)
        components = {node["name"]: _component(node, arrivals) for node in counts.nodes}
        return cls(seconds, running, workers, components, counts.edges)

    def rates(self, since: Snapshot | None = None) -> dict[str, Rates]:
        """Give the rates of each component since an earlier snapshot of this run, or since its start.

        Raises:
            ValueError: If that snapshot is a later one, or of another graph's run.

        """
        if since is not None and (since.seconds > self.seconds or since.components.keys() != self.components.keys()):
            msg = "snapshot.rates(since): give an earlier snapshot of the same run"
            raise ValueError(msg)
        seconds = self.seconds - (since.seconds if since else 0.0)
        if seconds <= 0:
            return dict.fromkeys(self.components, Rates())
        return {
            name: _rates(component, since.components[name] if since else None, seconds)
            for name, component in self.components.items()
        }

    def slowest(self, since: Snapshot | None = None) -> str | None:
        """Name the component that the others wait for; `None` if none has been at work.

        It is the one that was at work for most of the time since the earlier snapshot: those before it were blocked
        meanwhile, those behind it waited. Of components that are alike in this, it is the one with the fullest inport.

        Raises:
            ValueError: As for `rates`.

        """
        return slowest_of(self, self.rates(since))

    def __str__(self) -> str:
        """Write a table of the components, with their rates since the start."""
        from cascata.run.progress.table import Table

        return str(Table.of(self))


def slowest_of(snapshot: Snapshot, rates: dict[str, Rates]) -> str | None:
    """As `Snapshot.slowest`, from rates that are known already."""
    name = max(rates, key=lambda name: score(snapshot.components[name], rates[name]), default=None)
    return None if name is None or rates[name].at_work < LEAST_SHARE else name


def score(component: ComponentSnapshot, rates: Rates) -> float:
    """Say how likely it is that others wait for a component.

    One that awaits the next tick of a clock is at work all the time, and yet nobody's concern. So a full inport, where
    somebody waits for room, counts as much again.
    """
    fullest = component.fullest
    return rates.at_work * (1.0 + (fullest.fullness if fullest else 0.0))


def _rates(now: ComponentSnapshot, then: ComponentSnapshot | None, seconds: float) -> Rates:
    def gone(count: Callable[[ComponentSnapshot], float]) -> float:
        return max(0.0, count(now) - (count(then) if then else 0.0)) / seconds

    groups = len(now.states)
    return Rates(
        items_in=gone(lambda c: c.items_in),
        firings=gone(lambda c: c.firings),
        items_out=gone(lambda c: c.items_out),
        busy=min(1.0, gone(lambda c: c.busy) / groups),
        awaiting=min(1.0, gone(lambda c: c.awaiting) / groups),
        waiting=min(1.0, gone(lambda c: c.waiting) / groups),
        blocked=min(1.0, gone(lambda c: c.blocked) / groups),
    )


def _component(node: dict[str, Any], arrivals: Mapping[str, int]) -> ComponentSnapshot:
    states = tuple(kind for kind, _ in node["lanes"])
    done = all(state == "done" for state in states)
    inports = {
        name: InportSnapshot.of(
            node,
            name,
            arrivals,
            fill=0 if done else counts["fill"],  # the rest has been discarded
            capacity=counts["capacity"],
        )
        for name, counts in node["inports"].items()
    }
    return ComponentSnapshot.of(node, inports, {}, states=states)
