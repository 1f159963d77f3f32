"""What components print and log, forwarded to the calling process."""

from __future__ import annotations

import copy
import io
import logging
import sys
from typing import TYPE_CHECKING

from cascata.run.messages import Link, Logged, Printed

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["forward_output", "log_here", "print_here"]


class ForwardedStream(io.TextIOBase):
    """Stands for `sys.stdout` or `sys.stderr` in a worker. Whole lines are passed on at once."""

    def __init__(self, link: Link, original: io.TextIOBase | None, *, error: bool) -> None:
        """Take the way to the caller, and the stream that it stands for."""
        super().__init__()
        self._link = link
        self._original = original
        self._error = error
        self._pending: list[str] = []

    @property
    def encoding(self) -> str:  # type: ignore[override]
        """That of the stream it stands for."""
        return getattr(self._original, "encoding", None) or "utf-8"

    def writable(self) -> bool:
        """Return True."""
        return True

    def isatty(self) -> bool:
        """Tell whether the text ends up in a terminal, for those who colour it."""
        return bool(self._original is not None and not self._original.closed and self._original.isatty())

    def fileno(self) -> int:
        """Return the descriptor of the original stream, for subprocesses and faulthandler."""
        if self._original is None:
            msg = "fileno"
            raise io.UnsupportedOperation(msg)
        return self._original.fileno()

    def write(self, text: str) -> int:
        """Write text; complete lines leave at once."""
        self._pending.append(text)
        if "\n" in text:
            lines, newline, rest = "".join(self._pending).rpartition("\n")
            self._pending = [rest] if rest else []
            self._link.tell(Printed(lines + newline, self._error))
        return len(text)

    def flush(self) -> None:
        """Pass on what does not end with a newline, too."""
        text = "".join(self._pending)
        self._pending.clear()
        if text:
            self._link.tell(Printed(text, self._error))


class ForwardedRecords(logging.Handler):
    """Passes log records on to the calling process."""

    def __init__(self, link: Link) -> None:
        """Take the way to the caller."""
        super().__init__()
        self._link = link

    def emit(self, record: logging.LogRecord) -> None:
        """Format what refers to objects of this process and pass the record on."""
        try:
            sent = copy.copy(record)
            sent.msg, sent.args = record.getMessage(), None
            if record.exc_info:
                sent.exc_text = record.exc_text or logging.Formatter().formatException(record.exc_info)
                sent.exc_info = None
            self._link.tell(Logged(sent))
        except Exception:  # noqa: BLE001  as all handlers of logging do
            self.handleError(record)


def forward_output(link: Link) -> Callable[[], None]:
    """Forward what this worker process prints and logs from now on; gives a function that flushes."""
    streams = []
    for name, error in (("stdout", False), ("stderr", True)):
        stream = ForwardedStream(link, getattr(sys, name), error=error)
        setattr(sys, name, stream)
        streams.append(stream)
    handler = ForwardedRecords(link)
    for logger in (logging.getLogger(), logging.getLogger("cascata")):
        for old in logger.handlers[:]:
            logger.removeHandler(old)
    logging.getLogger().addHandler(handler)

    def flush() -> None:
        for stream in streams:
            stream.flush()

    return flush


def print_here(message: Printed) -> None:
    """Print what a component of another process has printed."""
    stream = sys.stderr if message.error else sys.stdout
    if stream is not None:
        stream.write(message.text)
        stream.flush()


def log_here(message: Logged) -> None:
    """Log what a component of another process has logged; levels and handlers of this process decide."""
    logger = logging.getLogger(message.record.name)
    if logger.isEnabledFor(message.record.levelno):
        logger.handle(message.record)
