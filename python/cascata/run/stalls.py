"""Workers whose event loop does not come to its turn, because something in it does not let go.

Each worker is asked now and then whether it is awake. Its event loop answers; if it has not after some time, it is
reported once, with what it executes. Who asks may be held up itself, as by a terminal that takes no more text; it hears
no answer meanwhile, so that time does not count against anybody.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from cascata.log import log
from cascata.run.source import text_of
from cascata.text import names_text

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from cascata.run.source import Line

__all__ = ["Patient", "Stall", "Stalls"]

SHARE = 4
"""How many times in the time that makes a stall a worker is asked."""


@dataclass(slots=True)
class Stall:
    """A worker whose event loop stood still, and what it executed.

    Attributes:
        worker: Its number.
        component: The component whose code it was, or `None` if that is not known: a task that one had started.
        component_class: The name of that component's definition.
        seconds: How long, from the first question that it did not answer.
        where: The component's line of code, and the one that it had called, as `"app.py:12 in parse"`; empty if the
            process did not run at all.

    """

    worker: int
    component: str | None
    component_class: str | None
    seconds: float
    where: str

    def __str__(self) -> str:
        """Tell it in a line."""
        who = self.component or "a component"
        return f"{who} let nothing else run on worker {self.worker} for {self.seconds:.1f} s, {self.where or 'stopped'}"


class Patient(Protocol):
    """A worker as it is watched over."""

    index: int
    pid: int
    components: Sequence[str]

    def rouse(self) -> None:
        """Ask it whether it is awake."""

    def where(self) -> list[Line] | None:
        """Give the lines that it executes, the innermost first; None if it does not run."""


@dataclass(slots=True)
class _Question:
    """What a worker has not answered yet: when it was asked, and for how long nobody listened since."""

    at: float
    deaf: float = 0.0


class Stalls:
    """Watches over the event loops of a run; for one thread."""

    def __init__(self, after: float | None, running: Callable[[int], tuple[str, str] | None]) -> None:
        """Take the seconds that make a stall, and what gives the component, and its class, that a worker runs."""
        self.after = after
        self._running = running
        self._asked: dict[int, _Question] = {}
        self._open: dict[int, Stall] = {}
        self._next = 0.0
        self.found: list[Stall] = []

    def due(self) -> float | None:
        """Give the time at which to look again."""
        return None if self.after is None else self._next

    def look(self, patients: Sequence[Patient], *, deaf: bool = True) -> None:
        """Ask those that have answered, and report those that have not.

        Who looks later than it wanted to has been `deaf` for that time, unless answers come in without it.
        """
        if self.after is None or (now := time.monotonic()) < self._next:
            return
        for question in self._asked.values() if deaf else ():
            question.deaf += now - self._next
        self._next = now + self.after / SHARE
        for patient in patients:
            asked = self._asked.get(patient.index)
            if asked is None:
                self._asked[patient.index] = _Question(now)
                patient.rouse()
            elif patient.index in self._open:
                self._open[patient.index].seconds = now - asked.at
            elif now - asked.at - asked.deaf >= self.after:
                self._report(patient, now - asked.at)

    def awake(self, worker: int) -> None:
        """Take the answer of a worker, or its end."""
        asked, stall = self._asked.pop(worker, None), self._open.pop(worker, None)
        if stall is not None and asked is not None:
            stall.seconds = time.monotonic() - asked.at

    def _report(self, patient: Patient, seconds: float) -> None:
        # This first: looking interrupts a C function that sleeps, and then the component goes on.
        name, definition = self._running(patient.index) or (None, None)
        lines = patient.where()
        stall = Stall(patient.index, name, definition, seconds, text_of(lines or []))
        self._open[patient.index] = stall
        self.found.append(stall)
        extra = {"component": name, "component_class": definition, "worker": patient.index, "pid": patient.pid}
        if lines is None:
            running = names_text(patient.components)
            log.warning(
                "worker %d has not run for %.1f s: it was stopped by a signal, or waits for the system; on it: %s",
                patient.index,
                seconds,
                running,
                extra=extra,
            )
            return
        log.warning(
            "%s has let nothing else run on worker %d for %.1f s: %s; what blocks belongs into "
            "`await asyncio.to_thread(...)`, or give the time it may take as run(stall_after=...)",
            name or "code of a component",
            patient.index,
            seconds,
            stall.where,
            extra=extra,
        )
