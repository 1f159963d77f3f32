"""What a worker tells the process that started it, and the ways there: directly, or through a pipe."""

from __future__ import annotations

import os
import pickle
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import logging
    from array import array
    from multiprocessing.connection import Connection

    from cascata.run.failure import Failure

__all__ = ["Collected", "Failed", "Finished", "Link", "Logged", "Message", "PipeLink", "Printed", "Quiet"]


@dataclass(frozen=True, slots=True)
class Failed:
    """A component failed."""

    failure: Failure


@dataclass(frozen=True, slots=True)
class Collected:
    """Items of a collected outport, pickled one by one, in the order sent."""

    index: int
    items: list[bytes]
    numbers: array[int]
    """Those of the firings that sent them; empty if firings bear none."""


@dataclass(frozen=True, slots=True)
class Logged:
    """A log record, already formatted as far as it needs objects of the worker."""

    record: logging.LogRecord


@dataclass(frozen=True, slots=True)
class Printed:
    """Text for the caller's `sys.stdout` (`error=False`) or `sys.stderr`."""

    text: str
    error: bool


@dataclass(frozen=True, slots=True)
class Quiet:
    """The answer to "can anything move on its own accord?", with a count of all that has moved so far."""

    round: int
    quiet: bool
    activity: int


@dataclass(frozen=True, slots=True)
class Finished:
    """The worker has said everything and ends."""


Message = Failed | Collected | Logged | Printed | Quiet | Finished


class Link(Protocol):
    """A way for messages from a worker to whoever started it."""

    def tell(self, message: Message) -> None:
        """Deliver a message; messages arrive in the order told."""


class PipeLink:
    """The worker's end of its control pipe. Components may print from any thread, hence the lock."""

    def __init__(self, connection: Connection[Any, Any]) -> None:
        """Take the connection, for this worker alone."""
        self.connection = connection
        self._lock = threading.Lock()
        self._pid = os.getpid()

    def tell(self, message: Message) -> None:
        """Send a message. If nobody listens any more, the parent is gone and so will be this process.

        Processes that components fork share the pipe, and must not write into it.
        """
        if os.getpid() != self._pid:
            return
        if isinstance(message, Failed):
            message = Failed(message.failure.packed())
        data = pickle.dumps(message, protocol=5)
        try:
            with self._lock:
                self.connection.send_bytes(data)
        except OSError:
            pass
