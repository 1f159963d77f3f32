"""How the workers of a run are started: forked, or spawned."""

from __future__ import annotations

import asyncio
import dataclasses
import sys
import threading
from typing import TYPE_CHECKING, Protocol

from cascata.run.forking import Forking
from cascata.run.obstacles import explain
from cascata.run.pickling import ForkedLockError
from cascata.run.spawning import Spawning

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cascata import _native
    from cascata.run.job import Job
    from cascata.run.processes import WorkerProcess

__all__ = ["Starter", "starter"]


class Starter(Protocol):
    """A way to start the workers of one run."""

    def start(self, memory: _native.RunMemory, index: int, components: Sequence[str], mask: set[int]) -> WorkerProcess:
        """Start a worker, which blocks the signals of `mask`."""

    def close(self) -> None:
        """Let go of what was needed until all have been started."""


def starter(job: Job) -> tuple[Job, Starter]:
    """Choose how to start the workers of a job, unless it says so; gives the job with the choice, and how.

    Raises:
        ItemError: If the workers are to be spawned and something in the job cannot be sent to them.

    """
    if not job.start_method:
        method, reason = _choose()
        chosen = dataclasses.replace(job, start_method=method, start_reason=reason)
    else:
        chosen = job
    if chosen.start_method == "fork":
        return chosen, Forking(chosen)
    try:
        return chosen, Spawning(chosen)
    except Exception as problem:  # noqa: BLE001  whatever the user's objects raise when they are pickled
        obstacle = explain(chosen, problem)
    if not job.start_method and isinstance(obstacle.__cause__, ForkedLockError):
        reason = f"although {chosen.start_reason}: {obstacle}"
        chosen = dataclasses.replace(job, start_method="fork", start_reason=reason)
        return chosen, Forking(chosen)
    raise obstacle


def _choose() -> tuple[str, str]:
    """Give the method that is safe here, and why it is that one.

    A fork copies this thread alone, and with it the locks that others hold, which nobody will ever give back.
    """
    if asyncio._get_running_loop() is not None:
        return "spawn", "an event loop runs in this thread"
    me = threading.get_ident()
    others = [thread.name for thread in threading.enumerate() if thread.ident != me]
    if others:
        return "spawn", f"the process has other threads: {', '.join(others)}"
    if sys._current_frames().keys() - {me}:
        return "spawn", "the process has other threads, which `threading` did not start"
    return "fork", "the default on Linux"
