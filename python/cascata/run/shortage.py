"""The shared memory of a run: how long somebody has waited for it, and who has it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from cascata.log import log
from cascata.text import bytes_text, count_text

if TYPE_CHECKING:
    from cascata import _native

__all__ = ["Shortage", "who_has_it"]

PATIENCE = 5.0
"""Seconds that a worker waits for memory before that is logged."""


class Shortage:
    """Watches over workers that wait for memory; for the supervisor's thread."""

    def __init__(self, memory: _native.RunMemory) -> None:
        """Begin without any."""
        self._memory = memory
        self._since: float | None = None
        self._told = False

    def look(self, *, freed: bool = False) -> None:
        """See to it that what can be given back is; say it once when that takes long. `freed` if something just was."""
        if not self._memory.is_short():
            self._since, self._told = None, False
            return
        now = time.monotonic()
        if self._since is None:
            self._since = now
        if freed or self._memory.active():
            # A thread that drops the last reference to an item wakes nobody.
            self._memory.nudge()
        if not self._told and now - self._since >= PATIENCE:
            self._told = True
            log.warning(
                "an item has waited for shared memory for %g s: %s", PATIENCE, "; ".join(who_has_it(self._memory))
            )


def who_has_it(memory: _native.RunMemory) -> list[str]:
    """Say in sentences how much of the shared memory is taken, who refers to it, and what can be done."""
    taken, limit = memory.usage()
    received, made = memory.holdings()
    sentences = [f"{bytes_text(taken)} of {bytes_text(limit)} of the run's shared memory are taken"]
    on_the_way = taken
    for component, port, blocks, size in sorted(received, key=lambda held: -held[3]):
        on_the_way -= size
        what = f"{count_text(blocks, 'buffer')} ({bytes_text(size)})"
        sentences.append(f"{component} still refers to {what} that it received at {port}")
    for worker, blocks, size in made:
        on_the_way -= size
        what = f"{count_text(blocks, 'buffer')} ({bytes_text(size)})"
        sentences.append(f"worker {worker} still refers to {what} that its components made")
    if on_the_way > limit // 20:
        sentences.append(f"the rest ({bytes_text(on_the_way)}) lies in channels, or in pieces that are too small")
    sentences.append(
        "keep fewer of the items as they come, or private copies (cascata.writable), which take ordinary memory; "
        "lower the capacity of ports for large items; or give more: run(shared_memory=...)"
    )
    return sentences
