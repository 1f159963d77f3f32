"""The counters of a run, read from its memory while it goes on, and kept when it is over."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from cascata.run.counts import Counts
from cascata.run.snapshot import Snapshot

if TYPE_CHECKING:
    from cascata import _native

__all__ = ["Counters"]


class Counters:
    """What a run has done. Any thread may read it; one concludes it."""

    def __init__(self, memory: _native.RunMemory, workers: int) -> None:
        """Take the memory of a run that begins now, and how many workers it has besides the calling process."""
        self.began: float = time.monotonic()
        self._memory: _native.RunMemory | None = memory
        self._workers = workers
        self._ended: float | None = None

    def conclude(self, *, stopped: bool) -> None:
        """Read them for the last time, and let go of the memory; `stopped`: the run was, before it came to its end."""
        self.stopped: bool = stopped
        if self._memory is not None:
            self._ended = time.monotonic()
            self.last: Counts = Counts(self._memory)
            self._memory = None

    @property
    def seconds(self) -> float:
        """How long the run has been going on, or lasted."""
        return (self._ended or time.monotonic()) - self.began

    def snapshot(self) -> Snapshot:
        """Read them now."""
        # The time first: reading takes a while, and no snapshot may seem to be later than the end.
        running, seconds, memory = self._ended is None, self.seconds, self._memory
        counts = self.last if memory is None else Counts(memory)
        return Snapshot.of(counts, seconds, running=running, workers=self._workers)
