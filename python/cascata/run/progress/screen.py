"""The lower end of a terminal: text that is drawn over and over while the program prints above it.

`rich.Live` does this, too, but it sends what is printed to its own stream, breaks lines anew and ends them where the
program only flushed. Here text goes where it would have gone, as it is, in whole lines. Nothing is switched off in the
terminal (a cursor, an echo) that somebody would have to switch on again, however the program ends.
"""

from __future__ import annotations

import contextlib
import logging
import os
import sys
import threading
from typing import TYPE_CHECKING, Any, TextIO, cast

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["Screen", "terminal_of"]

LONGEST = 1 << 16
"""Letters of a line that are kept until it ends."""


class Screen:
    """Draws below what is printed to a terminal, by `sys.stdout`, `sys.stderr` and the handlers of `logging`."""

    _claimed = threading.Lock()
    """There is one end of a terminal."""
    _current: Screen | None = None

    def __init__(self, stream: TextIO) -> None:
        """Take the terminal's stream, which has been claimed, and stand between the program and it."""
        self._stream = stream
        self._lock = threading.RLock()  # a signal handler may print while this thread draws
        self._text = ""
        self._begun = False
        self._stand_ins: dict[str, StandIn] = {}
        for name in ("stdout", "stderr"):
            original = getattr(sys, name)
            if original is not None and terminal_of(original) == terminal_of(stream):
                with contextlib.suppress(OSError):
                    original.flush()  # what is drawn goes past its buffer
                self._stand_ins[name] = StandIn(self, original)
                setattr(sys, name, self._stand_ins[name])
        self._swap({stand_in.original: cast("TextIO", stand_in) for stand_in in self._stand_ins.values()})
        Screen._current = self

    @classmethod
    def claim(cls) -> bool:
        """Have the end of the terminal until `close`, unless somebody has it already."""
        return cls._claimed.acquire(blocking=False)

    def draw(self, text: str, width: int) -> None:
        """Draw some lines of at most so many letters, each with its end, in place of those that are there."""
        with self._lock:
            if not self._begun:  # if the program has left the cursor within a line, this goes to the next one
                self._put(" " * width + "\r")
                self._begun = True
            if text != self._text:
                self._put(self._erase() + text)
                self._text = text

    def above(self, stream: TextIO, text: str) -> None:
        """Write whole lines to a stream, above what is drawn."""
        with self._lock:
            drawn, erase = self._text, self._erase()
            self._text = ""  # Ctrl-C may end what follows: nobody may ever read it
            self._put(erase)
            stream.write(text)
            stream.flush()
            self._put(drawn)
            self._text = drawn

    def close(self) -> None:
        """Leave what is drawn where it is, and let the program print by itself again."""
        for stand_in in self._stand_ins.values():
            stand_in.finish()
        self._leave()

    def _leave(self) -> None:
        for name, stand_in in self._stand_ins.items():
            if getattr(sys, name) is stand_in:
                setattr(sys, name, stand_in.original)
        self._swap({cast("TextIO", stand_in): stand_in.original for stand_in in self._stand_ins.values()})
        Screen._current = None
        Screen._claimed.release()

    def _erase(self) -> str:
        """Give what moves the cursor to the first line that is drawn, and clears all below."""
        height = self._text.count("\n")
        return f"\r\x1b[{height}A\x1b[J" if height else ""

    def _put(self, text: str) -> None:
        """Write past the stream's buffer, whose lock would be held as long as the terminal takes nothing."""
        data = text.encode(self._stream.encoding or "utf-8", "replace")
        while data:
            data = data[os.write(self._stream.fileno(), data) :]

    @staticmethod
    def _swap(streams: dict[TextIO, TextIO]) -> None:
        """Have handlers that write to one stream write to another."""
        for handler in _handlers():
            for old, new in streams.items():
                if handler.stream is old:
                    handler.setStream(new)
                    break

    @classmethod
    def _forget(cls) -> None:
        """Let a process that was forked off print for itself: nobody draws there."""
        if cls._current is not None:
            cls._current._lock = threading.RLock()
            cls._current._text = ""
            cls._current._leave()


os.register_at_fork(after_in_child=Screen._forget)


class StandIn:
    """Stands for a stream of the program while somebody draws below what it prints."""

    def __init__(self, screen: Screen, original: TextIO) -> None:
        """Take the stream that it stands for."""
        self.original = original
        self._screen = screen
        self._lock = threading.RLock()
        self._pending = ""
        self._open = True

    def write(self, text: str) -> int:
        """Write the lines that are complete; the rest waits for its end."""
        if not self._open:
            return self.original.write(text)
        with self._lock:
            complete, end, rest = (self._pending + text).rpartition("\n")
            if len(rest) > LONGEST:
                complete, end, rest = complete + end + rest, "\n", ""
            self._pending = rest
            if end:
                self._screen.above(self.original, complete + end)
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        """Write some."""
        self.write("".join(lines))

    def flush(self) -> None:
        """Do nothing: what can be written has been."""

    def finish(self) -> None:
        """Write the last line although it has no end, and be nothing more than the stream itself."""
        with self._lock:
            if self._pending:
                self.write("\n")
            self._open = False

    def __getattr__(self, name: str) -> Any:
        """Give what the stream itself has."""
        return getattr(self.original, name)


def terminal_of(stream: TextIO) -> int | None:
    """Give the number of the terminal that a stream writes to."""
    with contextlib.suppress(OSError, ValueError, AttributeError):  # it has no descriptor
        if stream.isatty():
            return os.fstat(stream.fileno()).st_rdev
    return None


def _handlers() -> Iterator[logging.StreamHandler[Any]]:
    loggers = [logging.root, *logging.root.manager.loggerDict.values()]
    for logger in loggers:
        for handler in getattr(logger, "handlers", ()):  # some are places only
            if isinstance(handler, logging.StreamHandler):
                yield handler
