"""Starting workers by forking the calling process, of which they inherit everything."""

from __future__ import annotations

import multiprocessing
import os
import threading
import warnings
from multiprocessing.popen_fork import Popen
from typing import TYPE_CHECKING, Any

from cascata.run import child
from cascata.run.processes import WorkerProcess

if TYPE_CHECKING:
    from collections.abc import Sequence
    from multiprocessing.connection import Connection
    from multiprocessing.process import BaseProcess

    from cascata import _native
    from cascata.run.job import Job

__all__ = ["Forking"]


class Forking:
    """Starts the workers of one run by `fork`."""

    def __init__(self, job: Job) -> None:
        """Take the job."""
        self._job = job
        self._ours: list[Connection[Any, Any]] = []

    def start(self, memory: _native.RunMemory, index: int, components: Sequence[str], mask: set[int]) -> WorkerProcess:
        """Start a worker. This process blocks all signals meanwhile, and otherwise those of `mask`.

        Raises:
            OSError: If the system has no processes or descriptors left.

        """

        def fork(ours: Connection[Any, Any], theirs: Connection[Any, Any], witness: int) -> int:
            self._ours.append(ours)
            return self._fork(memory, index, theirs, witness, mask)

        return WorkerProcess.start(index, components, fork)

    def _fork(
        self, memory: _native.RunMemory, index: int, connection: Connection[Any, Any], witness: int, mask: set[int]
    ) -> int:
        """Fork a `multiprocessing` process, so that components may use `multiprocessing` themselves.

        It is not one of this process's `active_children()`: those are reaped by whichever thread looks at them.
        """
        process = multiprocessing.get_context("fork").Process(
            target=child.forked,
            args=(self._job, memory, index, connection),
            kwargs={"witness": witness, "parent": os.getpid(), "inherited": self._ours, "mask": mask},
            name=child.process_name(index),
        )
        with _forking, warnings.catch_warnings():
            # What the child runs before its components is imported here already, so that no other thread can hold
            # the lock of an import at the time.
            warnings.filterwarnings("ignore", "This process .* is multi-threaded", DeprecationWarning)
            return _Fork(process).pid

    def close(self) -> None:
        """Let go of what was needed until all have been started."""
        self._ours.clear()


class _Fork(Popen):
    """Forks without the pipes of `multiprocessing`, which tell of a death what a pidfd tells better."""

    def _launch(self, process_obj: BaseProcess) -> None:
        self.finalizer = None
        parent = os.pidfd_open(os.getpid())
        try:
            self.pid = os.fork()
            if self.pid == 0:
                child.run_and_exit(process_obj, parent)
        finally:
            os.close(parent)


_forking = threading.Lock()
"""Held while a process is forked, because `catch_warnings` changes what all threads share."""


def _unlock_in_child() -> None:
    global _forking  # noqa: PLW0603  a lock that is held at a fork stays held in the child
    _forking = threading.Lock()


os.register_at_fork(after_in_child=_unlock_in_child)
