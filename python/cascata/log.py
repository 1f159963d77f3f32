"""The logger of Cascata, for components and for what runs them.

`from cascata import log`, `import cascata.log as log` and `from cascata.log import log` all give the one logger, a
standard `logging` logger named `cascata`. Its records carry `component`, `component_class`, `worker` and `pid`;
those of worker processes pass through the process that started the run. Without any set-up, records from INFO on are
written to standard error, one line each::

    INFO - read@ReadFiles : 12 files

When the program has configured logging itself, its handlers get the records and nothing else is written.
"""

from __future__ import annotations

import logging
import os
import sys
from contextvars import ContextVar
from dataclasses import dataclass

__all__ = ["Origin", "current", "handle_remote", "log"]


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a record comes from: a component's name, its definition's name, and the worker's number."""

    component: str | None = None
    component_class: str | None = None
    worker: int | None = None


_OUTSIDE = Origin()

current: ContextVar[Origin] = ContextVar("cascata.log.current", default=_OUTSIDE)
"""What is running here; whoever drives a component sets it."""


class OriginFilter(logging.Filter):
    """Writes the origin into each record that has none; a record from a worker brings its own."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Let every record pass."""
        if not hasattr(record, "component"):
            origin = current.get()
            record.component = origin.component
            record.component_class = origin.component_class
            record.worker = origin.worker
            record.pid = record.process
        return True


class LineFormatter(logging.Formatter):
    """Writes `INFO - name@Component : message`, or `INFO - message` outside components."""

    COLOURS = ((logging.ERROR, "31"), (logging.WARNING, "33"), (logging.INFO, "32"), (logging.NOTSET, "36"))
    COMPONENT = "1"

    def __init__(self, *, coloured: bool = False) -> None:
        """Take whether level and component are coloured, by terminal codes."""
        super().__init__()
        self.coloured = coloured

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802  the name that logging gives it
        """Write the first line; exceptions follow below it."""
        level = record.levelname
        name = getattr(record, "component", None)
        origin = f"{name}@{getattr(record, 'component_class', None)}"
        if self.coloured:
            level = _colour(level, next(colour for least, colour in self.COLOURS if record.levelno >= least))
            origin = _colour(origin, self.COMPONENT)
        return f"{level} - {record.message}" if name is None else f"{level} - {origin} : {record.message}"


class StderrHandler(logging.Handler):
    """Writes to what `sys.stderr` is at the time, unless another handler gets the record anyway."""

    _plain = LineFormatter()
    _coloured = LineFormatter(coloured=True)

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record."""
        stream = sys.stderr
        if stream is None or self._others(logging.getLogger(record.name)):
            return
        try:
            coloured = stream.isatty() and not os.environ.get("NO_COLOR")
            stream.write((self._coloured if coloured else self._plain).format(record) + "\n")
            stream.flush()
        except Exception:  # noqa: BLE001  as all handlers of logging do
            self.handleError(record)

    def _others(self, logger: logging.Logger | None) -> bool:
        while logger is not None:
            if any(handler is not self for handler in logger.handlers):
                return True
            logger = logger.parent if logger.propagate else None
        return False


def _colour(text: str, code: str) -> str:
    return f"\x1b[{code}m{text}\x1b[0m"


def handle_remote(record: logging.LogRecord) -> None:
    """Pass on a record that a component logged in another process; the levels and handlers of this one decide."""
    if log.isEnabledFor(record.levelno):
        log.handle(record)


def _set_up() -> logging.Logger:
    logger = logging.getLogger("cascata")
    if logger.level == logging.NOTSET:  # else the program has chosen a level before this import
        logger.setLevel(logging.INFO)
    logger.addFilter(OriginFilter())
    logger.addHandler(StderrHandler())
    return logger


log = _set_up()

# `import cascata.log as log` gives the logger, but type checkers see this module there.
debug = log.debug
info = log.info
warning = log.warning
error = log.error
exception = log.exception
critical = log.critical
