"""Where all components of a run are at a moment, in lines of their source."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from cascata.run.messages import Question
from cascata.run.source import text_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from cascata.run.processes import WorkerProcess

__all__ = ["Whereabouts", "running"]

PATIENCE = 0.5
"""Seconds that a worker has to answer. Longer takes only one that something blocks, whose stack is read instead."""


class Whereabouts:
    """Asks every worker, and looks at those that do not answer."""

    def __init__(self, workers: Sequence[WorkerProcess], running: Callable[[int], tuple[str, str] | None]) -> None:
        """Ask; `running` gives the component whose code a worker runs."""
        self._running = running
        self.deadline = time.monotonic() + PATIENCE
        self.lines: dict[str, str] = {}
        self._missing = {worker.index: worker for worker in workers}
        for worker in workers:
            worker.ask(Question.WHERE)

    def answer(self, worker: int, lines: dict[str, str]) -> None:
        """Take an answer."""
        self.lines |= lines
        self.leave(worker)

    def leave(self, worker: int) -> None:
        """Expect nothing of a worker any more."""
        self._missing.pop(worker, None)

    def complete(self) -> bool:
        """Tell whether nothing is missing; once the time is over, those that have not answered are looked at."""
        if self._missing and time.monotonic() >= self.deadline:
            for worker in self._missing.values():
                name = self._running(worker.index)
                if name is not None and (text := text_of(worker.where() or [])):
                    self.lines[name[0]] = text
            self._missing.clear()
        return not self._missing


def running(snapshot: list[dict[str, Any]], worker: int) -> tuple[str, str] | None:
    """Give the component whose code a worker runs, and its class."""
    for node in snapshot:
        if node["worker"] == worker and any(kind == "running" for kind, _ in node["lanes"]):
            return node["name"], node["component"]
    return None
