"""The logger of Cascata, for components and for what runs them.

`from cascata import log`, `import cascata.log as log` and `from cascata.log import log` all give the one logger, a
standard `logging` logger named `cascata`. Its records carry `component`, `component_class`, `worker` and `pid`;
those of worker processes pass through the process that started the run. Without any set-up, all of them are written to
standard error, one line each::

    INFO - read@ReadFiles : 12 files

When the program has configured logging itself, its levels and handlers count, and nothing else is written.
"""

from __future__ import annotations

import logging
import os
import sys
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TextIO
from zlib import crc32

__all__ = ["Origin", "OriginFilter", "current", "log"]


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a record comes from: a component's name, its definition's name, and the worker's number."""

    component: str | None = None
    component_class: str | None = None
    worker: int | None = None


_OUTSIDE = Origin()

current: ContextVar[Origin] = ContextVar("cascata.log.current", default=_OUTSIDE)
"""What is running here; whoever drives a component sets it."""


class ComponentLogger(logging.Logger):
    """The logger, which logs everything until somebody has said what is to be logged."""

    def getEffectiveLevel(self) -> int:  # noqa: N802  the name that logging gives it
        """Return its own level, or that of the root logger, unless that is the one which Python gives it."""
        level = super().getEffectiveLevel()
        return logging.DEBUG if level == logging.WARNING and not self.level else level


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
    COMPONENTS = ("34", "35", "36", "94", "95", "96")
    """None of them is a level's that asks for attention. A definition always has the same one."""

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
            definition = str(getattr(record, "component_class", None))
            origin = _colour(origin, self.COMPONENTS[crc32(definition.encode()) % len(self.COMPONENTS)])
        return f"{level} - {record.message}" if name is None else f"{level} - {origin} : {record.message}"


class StderrHandler(logging.StreamHandler[TextIO]):
    """Writes to what `sys.stderr` is at the time, unless another handler gets the record anyway.

    A stream that has been set (`log.handlers[0].setStream(file)`) gets every record.
    """

    _plain = LineFormatter()
    _coloured = LineFormatter(coloured=True)
    _own: TextIO | None = None

    @property
    def stream(self) -> TextIO:
        """The stream that has been set, or standard error."""
        return sys.stderr if self._own is None else self._own

    @stream.setter
    def stream(self, stream: TextIO) -> None:
        self._own = None if stream is sys.stderr else stream

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record, as far as there is anything to write to."""
        if self._own is None and (sys.stderr is None or self._others(logging.getLogger(record.name))):
            return
        super().emit(record)

    def format(self, record: logging.LogRecord) -> str:
        """Give the line, coloured in a terminal; as the formatter says that has been set."""
        if self.formatter is not None:
            return super().format(record)
        try:
            coloured = self.stream.isatty() and not os.environ.get("NO_COLOR")
        except (AttributeError, ValueError):  # something that can be written to, and no more
            coloured = False
        return (self._coloured if coloured else self._plain).format(record)

    def _others(self, logger: logging.Logger | None) -> bool:
        while logger is not None:
            if any(handler is not self for handler in logger.handlers):
                return True
            logger = logger.parent if logger.propagate else None
        return False


def _colour(text: str, code: str) -> str:
    return f"\x1b[{code}m{text}\x1b[0m"


def _set_up() -> logging.Logger:
    logger = logging.getLogger("cascata")
    # A program may have chosen the class of all loggers, or this one's level, before this import.
    logger.__class__ = type("ComponentLogger", (ComponentLogger, type(logger)), {})
    logger.addFilter(OriginFilter())
    logger.addHandler(StderrHandler())
    return logger


log: logging.Logger = _set_up()

# `import cascata.log as log` gives the logger, but type checkers see this module there.
debug = log.debug
info = log.info
warning = log.warning
error = log.error
exception = log.exception
critical = log.critical
