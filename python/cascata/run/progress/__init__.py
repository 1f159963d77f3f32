"""Showing a run while it goes on.

::

    Watch             (here) takes a snapshot every so often, in a thread of its own, and shows it
    choice            what shows it, from what `progress=` says and where messages go
    view              what there is for that: a callable of the caller's, or one of
    terminal          a table that is drawn over and over; `screen`: below what the program prints
    notebook, plain   a cell's output; a line now and then, where nothing can be drawn over
    table             the table, as text

Snapshots are read from the run's memory: no worker knows of it.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections import deque
from typing import TYPE_CHECKING, Protocol, Self

from cascata.run.progress.choice import Progress, check, view_of

if TYPE_CHECKING:
    from types import TracebackType

    from cascata.run.progress.view import View
    from cascata.run.snapshot import Snapshot

__all__ = ["Progress", "Watch"]

WINDOW = 2.0
"""Seconds over which rates are taken, unless views are further apart."""

LEISURE = 10
"""So many times as long as a view has taken the next one has to wait: those of a huge graph take their time."""


class Watched(Protocol):
    """A run that can be watched and stopped."""

    def snapshot(self) -> Snapshot:
        """Read its counters."""

    def stop(self) -> None:
        """Ask for an orderly stop."""


class Watch:
    """Shows a run from `begin` to the end of the `with` block."""

    def __init__(self, progress: Progress) -> None:
        """Take what `progress=` says.

        Raises:
            TypeError, ValueError: If it says nothing.

        """
        check(progress)
        self._progress = progress
        self._over = threading.Event()
        self._thread: threading.Thread | None = None
        self._error: BaseException | None = None

    def begin(self, run: Watched) -> None:
        """Show a run that has been started: a thread that is there before makes a fork of this process unsafe."""
        view = None
        try:
            if (view := view_of(self._progress)) is not None:
                self._thread = threading.Thread(
                    target=self._watch, args=(run, view), name="cascata-progress", daemon=True
                )
                self._thread.start()
        except BaseException as error:  # noqa: BLE001  raised by `check`, as the run is there already
            self._fail(run, error)

    def __enter__(self) -> Self:
        """Give the watch itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Show the end."""
        self._over.set()
        if self._thread is not None:
            self._thread.join()

    def check(self) -> None:
        """Raise what a callable of the caller's has raised."""
        if self._error is not None:
            raise self._error

    def _fail(self, run: Watched, error: BaseException) -> None:
        self._error = error
        run.stop()

    def _watch(self, run: Watched, view: View) -> None:
        try:
            with contextlib.closing(view):
                self._show(run, view)
        except BaseException as error:  # noqa: BLE001  raised by `check`
            self._fail(run, error)

    def _show(self, run: Watched, view: View) -> None:
        earlier: deque[Snapshot] = deque(maxlen=max(1, round(WINDOW / view.interval)))
        pause = view.interval
        while not self._over.wait(pause):
            began = time.monotonic()
            snapshot = run.snapshot()
            view.show(snapshot, earlier[0] if earlier else None)
            if earlier:  # the first view also imports what it needs
                pause = max(view.interval, LEISURE * (time.monotonic() - began))
            earlier.append(snapshot)
        view.conclude(run.snapshot())
