"""Progress where nothing can be drawn over: in a file, a pipe, the log of a service."""

from __future__ import annotations

import contextlib
import sys
from typing import TYPE_CHECKING

from cascata.run.progress.table import Table, line

if TYPE_CHECKING:
    from cascata.run.snapshot import Snapshot

__all__ = ["Plain"]


class Plain:
    """Writes a line now and then, and the table at the end."""

    def __init__(self, interval: float) -> None:
        """Take the seconds between two lines."""
        self.interval = interval

    def show(self, now: Snapshot, since: Snapshot | None) -> None:
        """Write a line."""
        self._write(line(now, since))

    def conclude(self, last: Snapshot) -> None:
        """Write the table."""
        self._write(str(Table.of(last)))

    def close(self) -> None:
        """Do nothing."""

    def _write(self, text: str) -> None:
        stream = sys.stderr
        if stream is not None:
            with contextlib.suppress(OSError, ValueError):  # nobody may read any more
                stream.write(text + "\n")
                stream.flush()
