"""Watching over an event loop of this process, from a thread of its own."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from typing import TYPE_CHECKING

from cascata.run.source import of_frame
from cascata.run.stalls import SHARE

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Sequence

    from cascata.run.source import Line
    from cascata.run.stalls import Stalls

__all__ = ["Heartbeat"]


class Heartbeat:
    """Reports that the loop of the thread which makes it stands still, until it is closed."""

    index = 0

    def __init__(self, loop: asyncio.AbstractEventLoop, components: Sequence[str], stalls: Stalls) -> None:
        """Begin."""
        self.pid = os.getpid()
        self.components = components
        self._loop = loop
        self._stalls = stalls
        self._answered = False
        self._over = threading.Event()
        self._watched = threading.get_ident()
        self._thread = threading.Thread(target=self._run, name="cascata-heartbeat", daemon=True)
        self._thread.start()

    def rouse(self) -> None:
        """Ask the loop whether it comes to its turn."""
        with contextlib.suppress(RuntimeError):  # it has been closed
            self._loop.call_soon_threadsafe(self._answer)

    def where(self) -> list[Line] | None:
        """Give the lines that its thread executes, the innermost first."""
        return of_frame(sys._current_frames().get(self._watched))

    def close(self) -> None:
        """End; the loop's thread waits for it."""
        self._over.set()
        self._thread.join()

    def _answer(self) -> None:
        self._answered = True

    def _run(self) -> None:
        pause = (self._stalls.after or 0.0) / SHARE
        while not self._over.wait(pause):
            if self._answered:
                self._answered = False
                self._stalls.awake(self.index)
            # The loop notes its answers itself. What keeps this thread from its turn may be what keeps the loop from
            # its own: C code that holds the interpreter's lock.
            self._stalls.look([self], deaf=False)
        self._stalls.awake(self.index)
