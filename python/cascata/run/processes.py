"""A worker process, as its supervisor sees it."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import pickle
import warnings
from typing import TYPE_CHECKING, Any

from cascata.run import child

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from multiprocessing.connection import Connection
    from multiprocessing.process import BaseProcess

    from cascata import _native
    from cascata.run.job import Job
    from cascata.run.messages import Message

__all__ = ["WorkerProcess"]


class WorkerProcess:
    """A worker process with its control pipe and a descriptor that becomes readable when it has ended."""

    def __init__(
        self, index: int, components: Sequence[str], process: BaseProcess, connection: Connection[Any, Any]
    ) -> None:
        """Take a process that has just been started, and the supervisor's end of its pipe."""
        self.index = index
        self.components = components
        self.connection = connection
        self.finished = False
        self.alive = True
        self.exitcode: int | None = None
        self.signal: int | None = None
        self._process = process
        self.pidfd = os.pidfd_open(process.pid or 0)

    @classmethod
    def fork(
        cls,
        job: Job,
        memory: _native.RunMemory,
        index: int,
        components: Sequence[str],
        inherited: Sequence[Connection[Any, Any]],
    ) -> WorkerProcess:
        """Start a worker by forking this process.

        Raises:
            OSError: If the system has no processes or descriptors left.

        """
        context = multiprocessing.get_context("fork")
        ours, theirs = context.Pipe(duplex=True)
        with contextlib.ExitStack() as undo:
            undo.callback(ours.close)
            process = context.Process(
                target=child.main,
                args=(job, memory, index, theirs),
                kwargs={"parent": os.getpid(), "inherited": [*inherited, ours]},
                name=f"cascata-worker-{index}",
            )
            with theirs, warnings.catch_warnings():
                # The child runs nothing that other threads of this process could have left locked.
                warnings.filterwarnings("ignore", "This process .* is multi-threaded", DeprecationWarning)
                process.start()
            worker = cls(index, components, process, ours)
            undo.pop_all()
        return worker

    def ask(self, number: int) -> None:
        """Ask whether anything in it could move."""
        with contextlib.suppress(OSError):
            self.connection.send_bytes(pickle.dumps(number))

    def receive(self, *, everything: bool) -> Iterator[Message]:
        """Give the next message, or all there are."""
        while True:
            try:
                if not self.connection.poll():
                    return
                data = self.connection.recv_bytes()
            except (EOFError, OSError):
                return
            yield pickle.loads(data)  # noqa: S301  own child
            if not everything:
                return

    def terminate(self) -> None:
        """Send SIGTERM."""
        if self.alive:
            self._process.terminate()

    def kill(self) -> None:
        """Send SIGKILL."""
        if self.alive:
            self._process.kill()

    def reap(self) -> None:
        """Collect the exit status of a process that has ended or been killed."""
        self._process.join()
        code = self._process.exitcode or 0
        self.exitcode, self.signal = (code, None) if code >= 0 else (None, -code)
        self.alive = False

    def close(self) -> None:
        """Close the descriptors."""
        self.connection.close()
        os.close(self.pidfd)
        self._process.close()
