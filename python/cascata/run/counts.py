"""What components, ports and connections have counted."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Self

    from cascata import _native

__all__ = ["ComponentReport", "Counts", "EdgeReport", "InportReport", "OutportReport", "arrivals_of"]


@dataclass(frozen=True, slots=True)
class EdgeReport:
    """Items of one connection.

    Attributes:
        source: Where they come from, as `"component.outport"`; the name of the export if the calling program puts them
            in, and `"component.inport"` if a member of a group has left them to the others because it had ended.
        target: Where they were sent to, as `"component.inport"`, or the name of the export that the program reads.
        share: Where items are shared out among the members of a group, which of the ways from the source to groups it
            belongs to, from 0; `None` if all items of the source go there.
        items: How many, those included that the target discarded.

    """

    source: str
    target: str
    share: int | None
    items: int


@dataclass(frozen=True, slots=True)
class InportReport:
    """Items of one connected inport.

    Attributes:
        received: Items sent to it. An initial value is none.
        taken: Items that firings took; for a passive port, that it took over.
        discarded: Items that no firing saw, because the component had ended.
        passed_on: Items that it left to other members of its group, because the component had ended.
        replaced: Values of a passive port that a newer one replaced.
        batched: Of the items taken, those in a batch that no firing has got yet.
        in_flight: Items in its channel, or waiting for room there. At its end a run has none, unless it was stopped.
        firings: Firings of the trigger group that it belongs to; 0 for a passive port.
        trigger: Whether it belongs to one.
        initial: Whether it has an initial value, which comes before all items.
        batches: Whether firings get its items in batches.

    """

    received: int
    taken: int
    discarded: int
    passed_on: int
    replaced: int
    batched: int
    in_flight: int
    firings: int
    trigger: bool
    initial: bool
    batches: bool

    @classmethod
    def of(cls, node: dict[str, Any], name: str, arrivals: Mapping[str, int], **more: Any) -> Self:
        """Take what the counters of its component say, and what the connections have brought it."""
        counts, received = node["inports"][name], arrivals[_end(node["name"], name)]
        discarded = counts["discarded"] + counts["lost"]
        lane = counts["lane"]
        return cls(
            received=received,
            taken=counts["taken"],
            discarded=discarded,
            passed_on=counts["passed_on"],
            replaced=counts["replaced"],
            batched=counts["batched"],
            # While the run goes on, what is taken is counted later than what is received.
            in_flight=max(0, received - counts["taken"] - discarded - counts["passed_on"]),
            firings=0 if lane is None else node["fired"][lane],
            trigger=lane is not None,
            initial=counts["seeded"],
            batches=counts["batch"] is not None,
            **more,
        )


@dataclass(frozen=True, slots=True)
class OutportReport:
    """Items of one outport.

    Attributes:
        sent: Items sent.
        dropped: Of these, items sent while nothing was connected.
        collected: Of these, items in the report's `collected`; `None` if they are not collected.

    """

    sent: int
    dropped: int
    collected: int | None = None


@dataclass(frozen=True, slots=True)
class ComponentReport:
    """What one component has done.

    Attributes:
        name: Its name in the graph.
        component: The name of its definition.
        worker: The worker it ran on.
        firings: How often its runner was called.
        busy: Seconds in which its code ran.
        awaiting: Seconds in which a firing awaited something other than a channel.
        waiting: Seconds without a row of items to fire on, or while it was others' turn.
        blocked: Seconds in which a firing waited for room behind an outport.
        inports: By name, the connected ones.
        outports: By name.

    Times of several trigger groups add up.

    """

    name: str
    component: str
    worker: int
    firings: int
    busy: float
    awaiting: float
    waiting: float
    blocked: float
    inports: Mapping[str, InportReport]
    outports: Mapping[str, OutportReport]

    @classmethod
    def of(
        cls,
        node: dict[str, Any],
        inports: Mapping[str, InportReport],
        collected: Mapping[str, int],
        **more: Any,
    ) -> Self:
        """Take what its counters say."""
        outports = {
            name: OutportReport(counts["sent"], counts["dropped"], collected.get(_end(node["name"], name)))
            for name, counts in node["outports"].items()
        }
        same = ("name", "component", "worker", "firings", "busy", "awaiting", "waiting", "blocked")
        return cls(**{name: node[name] for name in same}, inports=inports, outports=outports, **more)

    @property
    def items_in(self) -> int:
        """Items taken at all inports."""
        return sum(port.taken for port in self.inports.values())

    @property
    def items_out(self) -> int:
        """Items sent from all outports."""
        return sum(port.sent for port in self.outports.values())


class Counts:
    """All counters of a run, as they were read."""

    def __init__(self, memory: _native.RunMemory) -> None:
        """Read them."""
        # What has arrived is read first: then what has become of it is not less.
        flows = memory.flows()
        # Those without trigger groups are taps.
        self.nodes: list[dict[str, Any]] = [node for node in memory.snapshot() if node["lanes"]]
        self.edges: list[EdgeReport] = [
            EdgeReport(_end(*source), _end(*target), share, items) for source, target, share, items in flows
        ]


def arrivals_of(edges: Iterable[EdgeReport]) -> Counter[str]:
    """Count the items that came to each target of connections."""
    arrivals = Counter[str]()
    for edge in edges:
        arrivals[edge.target] += edge.items
    return arrivals


def _end(component: str, port: str | None) -> str:
    return component if port is None else f"{component}.{port}"
