"""What shows a run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

    from cascata.run.snapshot import Snapshot

__all__ = ["Calls", "View"]


class View(Protocol):
    """Shows a run. All of it is called in one thread, `close` in any case."""

    interval: float
    """Seconds between two snapshots."""

    def show(self, now: Snapshot, since: Snapshot | None) -> None:
        """Show a run that goes on, with its rates since an earlier snapshot."""

    def conclude(self, last: Snapshot) -> None:
        """Show a run that has ended."""

    def close(self) -> None:
        """Put everything back as it was."""


class Calls:
    """Hands each snapshot to a callable of the caller's."""

    def __init__(self, function: Callable[[Snapshot], object], interval: float) -> None:
        """Take the callable."""
        self.interval = interval
        self._function = function

    def show(self, now: Snapshot, since: Snapshot | None) -> None:  # noqa: ARG002  it has its own
        """Call it."""
        self._function(now)

    def conclude(self, last: Snapshot) -> None:
        """Call it once more."""
        self._function(last)

    def close(self) -> None:
        """Do nothing."""
