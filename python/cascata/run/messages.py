"""What a worker and the process that started it tell each other, and the ways there: directly, or through a pipe."""

from __future__ import annotations

import enum
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

__all__ = [
    "Awake",
    "Begun",
    "Collected",
    "Failed",
    "Finished",
    "Link",
    "Logged",
    "Message",
    "PipeLink",
    "Printed",
    "Question",
    "Quiet",
    "Where",
]


class Question(enum.Enum):
    """What a worker is asked; with a number, which its answer bears."""

    QUIET = enum.auto()
    """Whether anything in it can move on its own accord."""
    AWAKE = enum.auto()
    """Whether its event loop comes to its turn."""
    WHERE = enum.auto()
    """Where its components await."""


@dataclass(frozen=True, slots=True)
class Begun:
    """The worker can be asked from now on."""


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
class Awake:
    """The answer to "do you come to your turn?"."""


@dataclass(frozen=True, slots=True)
class Where:
    """The answer to "where do your components await?": lines of source by component, of those that fire."""

    lines: dict[str, str]


@dataclass(frozen=True, slots=True)
class Finished:
    """The worker has said everything and ends."""


Message = Begun | Failed | Collected | Logged | Printed | Quiet | Awake | Where | Finished


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
