"""Whether the counts of a run balance.

The sums are formed from counters of different origin: a sender counts what it sends, a channel what is taken and
discarded, a trigger group its firings, a way to a group the items of each member.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from cascata.run.counts import arrivals_of
from cascata.text import count_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cascata.run.counts import InportReport, OutportReport
    from cascata.run.report import Report

__all__ = ["imbalances"]


def imbalances(report: Report) -> Iterator[str]:
    """Yield a line for each sum that does not balance."""
    sources = {edge.source for edge in report.edges}
    for component in report.components.values():
        for name, inport in component.inports.items():
            for problem in _inport(inport, stopped=report.stopped):
                yield f"{component.name}.{name}: {problem}"
        for name, outport in component.outports.items():
            port = f"{component.name}.{name}"
            for problem in _outport(outport, connected=port in sources, stopped=report.stopped):
                yield f"{port}: {problem}"
    yield from _edges(report)


def _inport(port: InportReport, *, stopped: bool) -> Iterator[str]:
    accounted = port.taken + port.discarded + port.passed_on + port.in_flight
    if accounted != port.received or (port.in_flight and not stopped):
        yield (
            f"received {count_text(port.received, 'item')}, of which {port.taken:,} were taken, {port.discarded:,} "
            f"discarded, {port.passed_on:,} passed on, and {port.in_flight:,} are in flight"
        )
    if stopped:
        return  # in the middle of anything
    if port.batched:
        yield f"{count_text(port.batched, 'item')} of an incomplete batch came to nothing"
    # The initial value is no item; it comes first, if anything does.
    most = port.taken + port.initial
    if not port.trigger:
        if port.replaced > most:
            yield f"took {count_text(port.taken, 'item')}, of which {port.replaced:,} were replaced"
    elif port.batches:
        if port.firings > most or (port.taken and not port.firings):
            yield f"took {count_text(port.taken, 'item')} for {count_text(port.firings, 'firing')} on batches"
    elif port.firings != most and (port.taken or port.firings):
        yield f"took {count_text(port.taken, 'item')} for {count_text(port.firings, 'firing')}"


def _outport(port: OutportReport, *, connected: bool, stopped: bool) -> Iterator[str]:
    heard = connected or port.collected is not None
    if port.dropped != (0 if heard else port.sent):
        yield f"sent {count_text(port.sent, 'item')}, dropped {port.dropped:,}"
    if port.collected is not None and _differ(port.collected, port.sent, stopped=stopped):
        yield f"sent {count_text(port.sent, 'item')}, of which {port.collected:,} were collected"


def _edges(report: Report) -> Iterator[str]:
    """Each item goes to all that its source is connected to, but of a group to one member."""
    sent = {name: tap.items for name, tap in report.taps.items()}
    received = {name: tap.items + tap.unread for name, tap in report.taps.items()}
    for component in report.components.values():
        sent |= {f"{component.name}.{name}": port.sent for name, port in component.outports.items()}
        sent |= {f"{component.name}.{name}": port.passed_on for name, port in component.inports.items()}
        received |= {f"{component.name}.{name}": port.received for name, port in component.inports.items()}
    # What the program puts and reads when a run is stopped may be withdrawn after the counts have been read.
    loose = report.taps.keys() if report.stopped else ()
    given = Counter[tuple[str, int]]()
    for edge in report.edges:
        if edge.share is not None:
            given[edge.source, edge.share] += edge.items
        elif edge.items != sent[edge.source] and edge.source not in loose:
            total = count_text(sent[edge.source], "item")
            yield f"{edge.source}: sent {total}, {edge.items:,} of them to {edge.target}"
    for (source, _), items in given.items():
        if source not in loose and _differ(items, sent[source], stopped=report.stopped):
            yield f"{source}: sent {count_text(sent[source], 'item')}, of which members of a group got {items:,}"
    for target, items in arrivals_of(report.edges).items():
        if items != received[target] and target not in loose:
            yield f"{target}: was sent {count_text(items, 'item')}, and received {received[target]:,}"


def _differ(arrived: int, sent: int, *, stopped: bool) -> bool:
    """Tell whether items are lost or doubled; those of a run that was stopped may still be on their way."""
    return arrived > sent or (arrived < sent and not stopped)
