"""A worker process, as its supervisor sees it."""

from __future__ import annotations

import contextlib
import os
import pickle
import signal
import struct
from multiprocessing.connection import Pipe
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cascata.run import source
from cascata.run.messages import Question
from cascata.run.witness import Witness

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from multiprocessing.connection import Connection

    from cascata.run.messages import Message
    from cascata.run.source import Line

__all__ = ["WorkerProcess"]

FAULTS = (signal.SIGSEGV, signal.SIGFPE, signal.SIGABRT, signal.SIGBUS, signal.SIGILL)
"""Signals of which a process dies with a stack. What processes write that it has forked lies in the same file."""

STOPPED = "Tt"
"""States of processes, as the system names them, that a signal or a debugger has stopped."""

CHUNK = 1 << 18
"""Bytes that are read from a worker before the others get their turn."""


class WorkerProcess:
    """A worker process with its control pipe and a descriptor that becomes readable when it has ended."""

    def __init__(
        self, index: int, components: Sequence[str], pid: int, connection: Connection[Any, Any], witness: Witness
    ) -> None:
        """Take a process that has just been started, our end of its pipe, and where it leaves its stack."""
        self.index = index
        self.components = components
        self.connection = connection
        self.begun = self.finished = False
        self.alive = True
        self.exitcode: int | None = None
        self.signal: int | None = None
        self.pid = pid
        self._witness = witness
        self._received = bytearray()
        os.set_blocking(connection.fileno(), False)
        self.pidfd = os.pidfd_open(pid)

    @classmethod
    def start(
        cls,
        index: int,
        components: Sequence[str],
        launch: Callable[[Connection[Any, Any], Connection[Any, Any], int], int],
    ) -> WorkerProcess:
        """Start a worker by a function that gives its process number.

        It takes the two ends of the worker's pipe, ours and its own, and the descriptor where it leaves its stack.

        Raises:
            OSError: If the system has no processes or descriptors left.

        """
        ours, theirs = Pipe(duplex=True)
        with contextlib.ExitStack() as undo:
            undo.callback(ours.close)
            witness = Witness()
            undo.callback(witness.close)
            with theirs:
                pid = launch(ours, theirs, witness.descriptor)
            undo.callback(os.waitpid, pid, 0)
            undo.callback(os.kill, pid, signal.SIGKILL)
            worker = cls(index, components, pid, ours, witness)
            undo.pop_all()
        return worker

    def ask(self, question: Question, number: int = 0) -> None:
        """Ask it something; it answers when its event loop comes to it."""
        with contextlib.suppress(OSError):
            self.connection.send_bytes(pickle.dumps((question, number)))

    def rouse(self) -> None:
        """Ask whether it is awake."""
        self.ask(Question.AWAKE)

    def where(self) -> list[Line] | None:
        """Give the lines that it executes, the innermost first; None if it does not run, or has not begun."""
        runs = self.begun and self.alive and not self._is_stopped()
        text = self._witness.ask(self.pidfd) if runs else ""
        return source.of_dump(text) if text else None

    def _is_stopped(self) -> bool:
        """Tell whether a signal has stopped it: then it writes nothing, and need not be waited for."""
        try:
            stat = Path(f"/proc/{self.pid}/stat").read_text("utf-8", "replace")
        except OSError:
            return False
        return stat.rpartition(")")[2].split()[0] in STOPPED

    def last_words(self) -> str:
        """Give what it has written of its stack when it died of a fault."""
        text = self._witness.text() if self.signal in FAULTS else ""
        return source.shortened(text) if text.startswith("Fatal") else ""

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
            _, status = os.waitpid(self.pid, 0)
        except ChildProcessError:  # the program collects its children by itself
            return
        code = os.waitstatus_to_exitcode(status)
        self.exitcode, self.signal = (code, None) if code >= 0 else (None, -code)

    def close(self) -> None:
        """Close the descriptors."""
        self.connection.close()
        os.close(self.pidfd)
        self._witness.close()
