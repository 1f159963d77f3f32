"""What a run has done."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from cascata.errors import DeadlockError, RunError
from cascata.text import count_text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from cascata import _native
    from cascata.run.job import Job
    from cascata.run.stalls import Stall

__all__ = ["ComponentReport", "InportReport", "OutportReport", "Report", "TapReport"]


@dataclass(frozen=True, slots=True)
class InportReport:
    """Items of one connected inport.

    Attributes:
        taken: Items that firings took; for a passive port, that it took over.
        discarded: Items that no firing saw, because the component had ended.
        replaced: Values of a passive port that a newer one replaced.

    """

    taken: int
    discarded: int
    replaced: int


@dataclass(frozen=True, slots=True)
class OutportReport:
    """Items of one outport.

    Attributes:
        sent: Items sent.
        dropped: Of these, items sent while nothing was connected.

    """

    sent: int
    dropped: int


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

    @property
    def items_in(self) -> int:
        """Items taken at all inports."""
        return sum(port.taken for port in self.inports.values())

    @property
    def items_out(self) -> int:
        """Items sent from all outports."""
        return sum(port.sent for port in self.outports.values())


@dataclass(frozen=True, slots=True)
class TapReport:
    """Items that passed between the calling program and one of the graph's exports.

    Attributes:
        items: Items that the program put in, or read.
        unread: Of an exported outport, items that it has not read.

    """

    items: int
    unread: int


@dataclass(frozen=True)
class Report:
    """What a run has done; `print` it.

    Attributes:
        seconds: From the start of the workers to the end of the last one.
        workers: The names of the components on each worker.
        start_method: How the workers were started: `"fork"` or `"spawn"`, or `"none"` for a run in the calling process.
        start_reason: Why so.
        components: What each component has done, by name.
        collected: The items of the outports named in `collect=`, by `"component.port"` or `"group.port"`; those of a
            group in the order in which they are gathered from its members.
        stalls: Where the event loop of a worker stood still for longer than `stall_after=`.
        taps: What the calling program has put in and read, by the name of the export.

    """

    seconds: float
    workers: list[list[str]]
    start_method: str
    start_reason: str
    components: dict[str, ComponentReport]
    collected: dict[str, list[Any]] = field(repr=False)
    stalls: list[Stall] = field(default_factory=list)
    taps: dict[str, TapReport] = field(default_factory=dict)

    @classmethod
    def conclude(  # noqa: PLR0913  all that is known at the end
        cls,
        job: Job,
        snapshot: list[dict[str, Any]],
        seconds: float,
        collected: dict[str, list[Any]],
        *,
        errors: Sequence[BaseException],
        stalls: list[Stall],
        taps: _native.Taps | None,
    ) -> Report:
        """Give the report of a run that has ended, or raise what went wrong first, with the rest in its `others`."""
        if errors:
            first, *others = errors
            if isinstance(first, RunError | DeadlockError):
                first.others[:] = others
            try:
                raise first.with_traceback(None)
            finally:
                del first, others, errors  # else the traceback keeps them alive in a cycle
        components = {node["name"]: _component(node) for node in snapshot if node["lanes"]}
        counts = [] if taps is None else taps.counts()
        tapped = {
            name: TapReport(*counted)
            for (exports, *_), counted in zip(job.plan.taps, counts, strict=True)
            for name in exports
        }
        return cls(seconds, job.workers, job.start_method, job.start_reason, components, collected, stalls, tapped)

    def weights(self) -> dict[str, tuple[float, float]]:
        """Give the measured cost (busy seconds) and traffic (items sent) of each component, for a placement."""
        return {name: (max(c.busy, 1e-9), float(c.items_out)) for name, c in self.components.items()}

    def __str__(self) -> str:
        """Write a table of the components, those that were busy longest first."""
        here = self.start_method == "none"
        where = "in the calling process" if here else count_text(len(self.workers), "worker")
        width = max([9, *map(len, self.components)])
        counts = ("worker", "in", "fired", "out")
        times = ("busy", "awaiting", "waiting", "blocked")
        heads = " ".join(f"{head:>9}" for head in (*counts, *times))
        total = count_text(len(self.components), "component")
        lines = [f"{total}, {where}, {self.seconds:.2f} s", f"{'component':<{width}} {heads}"]
        for entry in sorted(self.components.values(), key=lambda entry: -entry.busy):
            numbers = (entry.worker, entry.items_in, entry.firings, entry.items_out)
            seconds = (entry.busy, entry.awaiting, entry.waiting, entry.blocked)
            cells = [f"{number:>9,}" for number in numbers] + [f"{time:>7.2f} s" for time in seconds]
            lines.append(f"{entry.name:<{width}} {' '.join(cells)}")
        lines.extend(self._losses())
        return "\n".join(lines)

    def _losses(self) -> list[str]:
        """Name stalls, and the ports where items came to nothing."""
        lines = [str(stall) for stall in self.stalls]
        for entry in self.components.values():
            for name, inport in entry.inports.items():
                if inport.discarded:
                    lines.append(
                        f"{entry.name}.{name} discarded {count_text(inport.discarded, 'item')}: the component had ended"
                    )
            for name, outport in entry.outports.items():
                if outport.dropped:
                    lines.append(
                        f"{entry.name}.{name} dropped {count_text(outport.dropped, 'item')}: nothing is connected"
                    )
        for name, tap in self.taps.items():
            if tap.unread:
                lines.append(f"{count_text(tap.unread, 'item')} of the export {name} came to nothing: not read")
        return lines


def _component(node: dict[str, Any]) -> ComponentReport:
    inports = {
        name: InportReport(counts["taken"], counts["discarded"], counts["replaced"])
        for name, counts in node["inports"].items()
    }
    outports = {name: OutportReport(counts["sent"], counts["dropped"]) for name, counts in node["outports"].items()}
    return ComponentReport(
        name=node["name"],
        component=node["component"],
        worker=node["worker"],
        firings=node["firings"],
        busy=node["busy"],
        awaiting=node["awaiting"],
        waiting=node["waiting"],
        blocked=node["blocked"],
        inports=inports,
        outports=outports,
    )
