"""A worker process, as its supervisor sees it."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import pickle
import signal
import struct
import threading
import warnings
from multiprocessing.popen_fork import Popen
from typing import TYPE_CHECKING, Any

from cascata import _native
from cascata.run import child

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from multiprocessing.connection import Connection
    from multiprocessing.process import BaseProcess

    from cascata.run.job import Job
    from cascata.run.messages import Message

__all__ = ["WorkerProcess"]

CHUNK = 1 << 18
"""Bytes that are read from a worker before the others get their turn."""


class WorkerProcess:
    """A worker process with its control pipe and a descriptor that becomes readable when it has ended."""

    def __init__(self, index: int, components: Sequence[str], popen: Popen, connection: Connection[Any, Any]) -> None:
        """Take a process that has just been started, and the supervisor's end of its pipe."""
        self.index = index
        self.components = components
        self.connection = connection
        self.finished = False
        self.alive = True
        self.exitcode: int | None = None
        self.signal: int | None = None
        self._popen = popen
        self._received = bytearray()
        os.set_blocking(connection.fileno(), False)
        self.pidfd = os.pidfd_open(popen.pid)

    @classmethod
    def fork(  # noqa: PLR0913, PLR0917  what a process starts from
        cls,
        job: Job,
        memory: _native.RunMemory,
        index: int,
        components: Sequence[str],
        inherited: Sequence[Connection[Any, Any]],
        mask: set[int],
    ) -> WorkerProcess:
        """Start a worker by forking this process, which blocks all signals meanwhile, and otherwise those of `mask`.

        The child is a `multiprocessing` process, so that components may use `multiprocessing` themselves, but not one
        of this process's `active_children()`: those are reaped by whichever thread looks at them.

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
                kwargs={"parent": os.getpid(), "inherited": [*inherited, ours], "mask": mask},
                name=f"cascata-worker-{index}",
            )
            with theirs, _forking, warnings.catch_warnings():
                # What the child runs before its components is imported here already, so that no other thread can hold
                # the lock of an import at the time.
                warnings.filterwarnings("ignore", "This process .* is multi-threaded", DeprecationWarning)
                popen = _Fork(process)
            undo.callback(os.waitpid, popen.pid, 0)
            undo.callback(os.kill, popen.pid, signal.SIGKILL)
            worker = cls(index, components, popen, ours)
            undo.pop_all()
        return worker

    def ask(self, number: int) -> None:
        """Ask whether anything in it could move."""
        with contextlib.suppress(OSError):
            self.connection.send_bytes(pickle.dumps(number))

    def receive(self, *, everything: bool) -> Iterator[Message]:
        """Give the messages that have arrived in full, of what is there to read now or of all there is.

        Never waits for the rest of a message: a worker may have been stopped, or killed, in the middle of one.
        """
        self._read(everything=everything)
        while (message := self._next()) is not None:
            yield pickle.loads(message)  # noqa: S301  own child

    def _read(self, *, everything: bool) -> None:
        with contextlib.suppress(OSError):  # nothing more at the moment, or ever
            while data := os.read(self.connection.fileno(), CHUNK):
                self._received += data
                if not everything:
                    return

    def _next(self) -> bytes | None:
        """Take the next message off what was received; the framing is that of `multiprocessing.Connection`."""
        for form, marked in (("!i", False), ("!iQ", True)):
            start = struct.calcsize(form)
            if len(self._received) < start:
                return None
            size = struct.unpack_from(form, self._received)[-1]
            if size >= 0 or marked:
                break
        if len(self._received) < start + size:
            return None
        message = bytes(self._received[start : start + size])
        del self._received[: start + size]
        return message

    def terminate(self) -> None:
        """Send SIGTERM."""
        self._send(signal.SIGTERM)

    def kill(self) -> None:
        """Send SIGKILL."""
        self._send(signal.SIGKILL)

    def _send(self, number: signal.Signals) -> None:
        if self.alive:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self.pidfd, number)

    def reap(self) -> None:
        """Collect the exit status of a process that has ended or been killed."""
        self.alive = False
        try:
            _, status = os.waitpid(self._popen.pid, 0)
        except ChildProcessError:  # the program collects its children by itself
            return
        code = os.waitstatus_to_exitcode(status)
        self.exitcode, self.signal = (code, None) if code >= 0 else (None, -code)

    def close(self) -> None:
        """Close the descriptors."""
        self.connection.close()
        os.close(self.pidfd)
        self._popen.close()


class _Fork(Popen):
    """Forks without the pipes of `multiprocessing`, which tell of a death what a pidfd tells better."""

    def _launch(self, process_obj: BaseProcess) -> None:
        self.finalizer = None
        parent = os.pidfd_open(os.getpid())
        try:
            self.pid = os.fork()
            if self.pid == 0:
                code = 1
                try:
                    code = process_obj._bootstrap(parent_sentinel=parent)  # type: ignore[attr-defined]
                    _native.abandon()
                finally:
                    os._exit(code)
        finally:
            os.close(parent)


_forking = threading.Lock()
"""Held while a process is forked, because `catch_warnings` changes what all threads share."""


def _unlock_in_child() -> None:
    global _forking  # noqa: PLW0603  a lock that is held at a fork stays held in the child
    _forking = threading.Lock()


os.register_at_fork(after_in_child=_unlock_in_child)
