"""What a run has done."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from cascata.errors import DeadlockError, RunError
from cascata.run.balance import imbalances
from cascata.run.counts import ComponentReport, EdgeReport, InportReport, arrivals_of
from cascata.text import count_text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from cascata import _native
    from cascata.run.collecting import Taken
    from cascata.run.counters import Counters
    from cascata.run.job import Job
    from cascata.run.stalls import Stall

__all__ = ["Report", "TapReport"]

COUNTS = ("received", "taken", "discarded", "passed_on", "replaced", "batched", "in_flight")
"""What is told of each inport."""


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
        edges: The items of each connection.
        collected: The items of the outports named in `collect=`, by `"component.port"` or `"group.port"`; those of a
            group in the order in which they are gathered from its members.
        stalls: Where the event loop of a worker stood still for longer than `stall_after=`.
        taps: What the calling program has put in and read, by the name of the export.
        stopped: Whether it was stopped before it came to its end.

    """

    seconds: float
    workers: list[list[str]]
    start_method: str
    start_reason: str
    components: dict[str, ComponentReport]
    edges: list[EdgeReport] = field(repr=False)
    collected: dict[str, list[Any]] = field(repr=False)
    stalls: list[Stall] = field(default_factory=list)
    taps: dict[str, TapReport] = field(default_factory=dict)
    stopped: bool = False

    @classmethod
    def conclude(  # noqa: PLR0913  all that is known at the end
        cls,
        job: Job,
        counters: Counters,
        collected: list[Taken],
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
        tapped = [] if taps is None else taps.counts()
        lengths = {port: len(taken.items) for port, taken in zip(job.collect, collected, strict=True)}
        arrivals = arrivals_of(counters.last.edges)
        return cls(
            seconds=counters.seconds,
            workers=job.workers,
            start_method=job.start_method,
            start_reason=job.start_reason,
            components={node["name"]: _component(node, arrivals, lengths) for node in counters.last.nodes},
            edges=counters.last.edges,
            collected=job.gather(collected),
            stalls=stalls,
            taps={
                name: TapReport(*counted)
                for (exports, *_), counted in zip(job.plan.taps, tapped, strict=True)
                for name in exports
            },
            stopped=counters.stopped,
        )

    def check(self) -> None:
        """Assert that nothing was lost and nothing doubled: that the counts of the run balance.

        What came to an inport has been taken, discarded, or left to other members of its group, or is still in flight
        (nothing is, unless the run was stopped); a trigger group has fired for each of its items or batches; what an
        outport has sent went to all that it is connected to, and for each group to one member; what was collected is
        what was sent. Each of these is counted by itself.

        Raises:
            AssertionError: If a sum does not balance, with a line for each. That is an error in Cascata.

        Examples:
            >>> from cascata import Graph, component, inport, outport
            >>> @component
            ... @outport("number")
            ... async def count(number):
            ...     for n in range(5):
            ...         await number.send(n)
            >>> @component
            ... @inport("number")
            ... async def show(number): ...
            >>> g = Graph()
            >>> g.count = count
            >>> g.show = show
            >>> _ = g.count.number >> g.show.number
            >>> report = g.run()
            >>> report.check()
            >>> report.edges
            [EdgeReport(source='count.number', target='show.number', share=None, items=5)]

        """
        if wrong := [*imbalances(self)]:
            raise AssertionError("\n".join(wrong))

    def weights(self) -> dict[str, tuple[float, float]]:
        """Give the measured cost (busy seconds) and traffic (items sent) of each component, for a placement."""
        return {name: (max(c.busy, 1e-9), float(c.items_out)) for name, c in self.components.items()}

    def accounts(self) -> str:
        """Write where all items have gone: a table of the connections, and one of the inports."""
        edges = [(f"{edge.source} >> {edge.target}", edge.items) for edge in self.edges]
        inports = [
            (f"{component.name}.{name}", *(getattr(port, count) for count in COUNTS))
            for component in self.components.values()
            for name, port in component.inports.items()
        ]
        heads = (count.replace("_", " ") for count in COUNTS)
        return "\n\n".join((_table(("connection", "items"), edges), _table(("inport", *heads), inports)))

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
                port = f"{entry.name}.{name}"
                if inport.discarded:
                    lines.append(f"{port} discarded {count_text(inport.discarded, 'item')}: the component had ended")
                if inport.in_flight:
                    lines.append(f"{count_text(inport.in_flight, 'item')} on the way to {port}: the run was stopped")
            for name, outport in entry.outports.items():
                if outport.dropped:
                    lines.append(
                        f"{entry.name}.{name} dropped {count_text(outport.dropped, 'item')}: nothing is connected"
                    )
        for name, tap in self.taps.items():
            if tap.unread:
                lines.append(f"{count_text(tap.unread, 'item')} of the export {name} came to nothing: not read")
        return lines


def _table(heads: Sequence[str], rows: Sequence[tuple[str, *tuple[int, ...]]]) -> str:
    lines = [heads, *((name, *(f"{count:,}" for count in counts)) for name, *counts in rows)]
    name, *counts = (max(map(len, column)) for column in zip(*lines, strict=True))
    return "\n".join(
        "  ".join([first.ljust(name), *(cell.rjust(width) for cell, width in zip(rest, counts, strict=True))])
        for first, *rest in lines
    )


def _component(node: dict[str, Any], arrivals: Mapping[str, int], collected: Mapping[str, int]) -> ComponentReport:
    inports = {name: InportReport.of(node, name, arrivals) for name in node["inports"]}
    return ComponentReport.of(node, inports, collected)
