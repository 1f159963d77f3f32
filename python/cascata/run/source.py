"""Where in the user's source something is, from frames, from coroutines, and from what faulthandler writes."""

from __future__ import annotations

import asyncio
import os
import re
import sysconfig
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cascata

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from types import FrameType

__all__ = ["Line", "of_coroutine", "of_dump", "of_frame", "shortened", "text_of"]

OURS = tuple(os.path.join(os.path.dirname(path), "") for path in (cascata.__file__, asyncio.__file__))  # noqa: PTH118, PTH120
"""The folders of what calls the user's code: everything further out than such a frame is not a component's."""

MOST = 1000
"""Frames that are looked at; a recursion has no end."""


@dataclass(frozen=True, slots=True)
class Line:
    """A line of code that is being executed, or awaits."""

    file: str
    number: int
    function: str

    def __str__(self) -> str:
        """Write it so that editors make a link of it; relative to here, or to where what is installed lies."""
        folders = (_here(), *(sysconfig.get_path(name) for name in ("stdlib", "purelib", "platlib")))
        starts = (os.path.join(folder, "") for folder in folders)  # noqa: PTH118
        fitting = max((start for start in starts if self.file.startswith(start)), key=len, default="")
        return f"{self.file.removeprefix(fitting)}:{self.number} in {self.function}"


def _here() -> str:
    """Give the working directory; nothing that is in any file's name if that has been removed."""
    try:
        return str(Path.cwd())
    except OSError:
        return "\0"


def text_of(lines: Sequence[Line]) -> str:
    """Write where a component is, of its own frames, the innermost first: its own line, and what that has called."""
    if not lines:
        return ""
    inner, outer = lines[0], lines[-1]
    return f"{outer}" if inner is outer else f"{outer}, which has called {inner}"


def of_frame(frame: FrameType | None) -> list[Line]:
    """Give the lines of a component, the innermost first, of a thread that executes it."""
    lines: list[Line] = []
    while frame is not None and len(lines) < MOST:
        lines.append(Line(frame.f_code.co_filename, frame.f_lineno, frame.f_code.co_name))
        frame = frame.f_back
    return _inside(lines)


def of_coroutine(coroutine: Any) -> list[Line]:
    """Give the lines of a coroutine that awaits, the innermost first."""
    lines: list[Line] = []
    while coroutine is not None and len(lines) < MOST:
        frame = _attribute(coroutine, "frame")
        if frame is not None:
            lines.append(Line(frame.f_code.co_filename, frame.f_lineno, frame.f_code.co_name))
        coroutine = _attribute(coroutine, "await", "yieldfrom")
    return lines[::-1]


def of_dump(text: str) -> list[Line]:
    """Give the lines of the first thread in what faulthandler has written, the innermost first."""
    return _inside(list(_dumped(text)))


def shortened(text: str) -> str:
    """Leave out of what faulthandler has written all that has called the component."""
    kept, own = [], of_dump(text)
    for entry in text.splitlines():
        kept.append(entry)
        if DUMPED.fullmatch(entry):
            own = own[1:]
            if not own:
                break
    return "\n".join(kept)


DUMPED = re.compile(r'  File "(.*)", line (\d+) in (.*)')


def _dumped(text: str) -> Iterator[Line]:
    heads = 0
    for entry in text.splitlines():
        if "most recent call first" in entry:
            heads += 1
        elif heads == 1 and (found := DUMPED.fullmatch(entry)):
            yield Line(found[1], int(found[2]), found[3])


def _attribute(coroutine: object, *names: str) -> Any:
    """Read what coroutines, generators and asynchronous generators call differently."""
    for prefix in ("cr", "gi", "ag"):
        for name in names:
            value = getattr(coroutine, f"{prefix}_{name}", None)
            if value is not None:
                return value
    return None


def _inside(lines: Sequence[Line]) -> list[Line]:
    """Leave out what has called the component, unless nothing else is there."""
    called = False
    for place, line in enumerate(lines):
        ours = line.file.startswith(OURS)
        if ours and called:
            return list(lines[:place])
        called |= not ours
    return list(lines)
