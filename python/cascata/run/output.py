"""What components print and log, forwarded to the calling process."""

from __future__ import annotations

import codecs
import contextlib
import copy
import io
import logging
import os
import pickle
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cascata.log import OriginFilter
from cascata.run.messages import Link, Logged, Printed

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import IO

__all__ = ["forward_output", "forward_records", "pass_on"]

MOST = 1 << 20
"""Bytes of one message: what is printed in one go may be of any size, and exists on its way in pieces only."""


class ForwardedOutput(io.RawIOBase):
    """The bytes below a worker's `sys.stdout` or `sys.stderr`; passed on as text, whatever is cut where."""

    def __init__(self, link: Link, original: IO[str] | None, *, error: bool) -> None:
        """Take the way to the caller, and the stream that it stands for."""
        super().__init__()
        self._link = link
        self._original = original
        self._error = error
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def writable(self) -> bool:
        """Return True."""
        return True

    def isatty(self) -> bool:
        """Tell whether the text ends up in a terminal, for those who colour it."""
        return self._original is not None and not self._original.closed and self._original.isatty()

    def fileno(self) -> int:
        """Return the descriptor of the original stream, for subprocesses and faulthandler."""
        if self._original is None:
            msg = "fileno"
            raise io.UnsupportedOperation(msg)
        return self._original.fileno()

    def write(self, data: Any) -> int:
        """Pass on some bytes, and say how many; the buffer above comes back with the rest."""
        view = memoryview(data).cast("B")[:MOST]
        text = self._decoder.decode(bytes(view))
        if text:
            self._link.tell(Printed(text, self._error))
        return view.nbytes


class ForwardedRecords(logging.Handler):
    """Passes log records on to the calling process."""

    def __init__(self, link: Link, worker: int) -> None:
        """Take the way to the caller, and the worker's number."""
        super().__init__()
        self._link = link
        self._worker = worker

    def emit(self, record: logging.LogRecord) -> None:
        """Format what refers to objects of this process and pass the record on."""
        try:
            sent = copy.copy(record)
            sent.msg, sent.args = record.getMessage(), None
            if getattr(record, "worker", self._worker) is None:  # from a thread of which nobody knows whose it is
                vars(sent)["worker"] = self._worker
            vars(sent).update({name: _portable(value) for name, value in vars(sent).items() if name != "exc_info"})
            if record.exc_info:
                sent.exc_text = record.exc_text or logging.Formatter().formatException(record.exc_info)
                sent.exc_info = None
            self._link.tell(Logged(sent))
        except Exception:  # noqa: BLE001  as all handlers of logging do
            self.handleError(record)


def forward_output(link: Link) -> Callable[[], None]:
    """Forward what this worker process prints from now on; gives a function that flushes."""
    streams = []
    originals = sys.stdout, sys.stderr
    for name, error in (("stdout", False), ("stderr", True)):
        raw = ForwardedOutput(link, getattr(sys, name), error=error)
        stream = io.TextIOWrapper(
            io.BufferedWriter(raw), encoding="utf-8", errors="backslashreplace", newline="", line_buffering=True
        )
        setattr(sys, name, stream)
        streams.append(stream)

    def restore() -> None:
        sys.stdout, sys.stderr = originals

    os.register_at_fork(after_in_child=restore)  # processes that components fork print for themselves

    def flush() -> None:
        for stream in streams:
            with contextlib.suppress(ValueError):  # a component has closed it
                stream.flush()

    return flush


def forward_records(link: Link, worker: int) -> None:
    """Forward what this worker process logs, and do nothing else with it: the caller's filters and handlers get it."""
    handler = ForwardedRecords(link, worker)
    root = logging.getLogger()
    loggers = [root, *(logger for logger in root.manager.loggerDict.values() if isinstance(logger, logging.Logger))]
    for logger in loggers:
        for old in logger.handlers[:]:
            logger.removeHandler(old)
        for own in logger.filters[:]:
            if not isinstance(own, OriginFilter):
                logger.removeFilter(own)
        if logger is root or not logger.propagate:
            logger.addHandler(handler)


@dataclass(frozen=True, slots=True)
class Attribute:
    """An attribute of a record, whose class may exist in the worker alone."""

    pickled: bytes
    shown: str

    def restore(self) -> object:
        """Give it, or what it looked like."""
        try:
            return pickle.loads(self.pickled)  # noqa: S301  own worker
        except BaseException:  # noqa: BLE001  whatever its class does here
            return self.shown


def _portable(value: object) -> object:
    """Give an attribute of a record in a form that can leave the process."""
    if value is None or type(value) in (str, int, float, bool):
        return value
    try:
        return Attribute(pickle.dumps(value), repr(value))
    except Exception:  # noqa: BLE001  whatever its class does while it is pickled
        return repr(value)


def pass_on(message: Logged | Printed) -> None:
    """Log or print what a component of another process has."""
    if isinstance(message, Logged):
        _log(message)
    else:
        _print(message)


def _print(message: Printed) -> None:
    stream = sys.stderr if message.error else sys.stdout
    if stream is not None:
        # Nobody may read any more, as in `program | head`: that is for the program to notice, not for the run.
        with contextlib.suppress(OSError, ValueError):
            stream.write(message.text)
            stream.flush()


def _log(message: Logged) -> None:
    record = message.record  # levels and handlers of this process decide
    logger = logging.getLogger(record.name)
    if logger.isEnabledFor(record.levelno):
        vars(record).update({name: value.restore() for name, value in vars(record).items() if type(value) is Attribute})
        logger.handle(record)
