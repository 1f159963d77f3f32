"""What runs a graph, as its handle sees it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from cascata import _native
    from cascata.run.report import Report
    from cascata.run.snapshot import Snapshot

__all__ = ["Engine"]


class Engine(Protocol):
    """What runs the graph: processes, or a thread."""

    taps: _native.Taps | None
    """What the calling program feeds and reads, once it has been started, if anything."""

    def start(self) -> None:
        """Start, without waiting."""

    def supervise(self) -> None:
        """Watch until everything has ended; for one thread."""

    def stop(self) -> None:
        """Ask for an orderly stop."""

    def kill(self) -> None:
        """Ask for a stop without any courtesy."""

    def snapshot(self) -> Snapshot:
        """Read the counters."""

    def result(self) -> Report:
        """Give the report, or raise what went wrong first."""
