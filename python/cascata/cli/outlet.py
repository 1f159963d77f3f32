"""Standard output that may end before the program does, as in `cascata run … | head`."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from typing import TextIO

__all__ = ["Outlet"]


class Outlet:
    """Stands for standard output. When nobody reads it any more, the program is stopped as by Ctrl-C.

    Whoever writes there (a component, or the run that passes on what one has written) is not told: it is nothing that
    could be mended there.
    """

    def __init__(self, stream: TextIO) -> None:
        """Take the stream itself."""
        self._stream = stream
        self.broken = False

    def write(self, text: str) -> int:
        """Write, while somebody reads."""
        try:
            return self._stream.write(text)
        except BrokenPipeError:
            self._end()
            return len(text)

    def flush(self) -> None:
        """Flush, while somebody reads."""
        try:
            self._stream.flush()
        except BrokenPipeError:
            self._end()

    def _end(self) -> None:
        if not self.broken:
            self.broken = True
            signal.raise_signal(signal.SIGINT)

    def __getattr__(self, name: str) -> Any:
        """Give what the stream itself has."""
        return getattr(self._stream, name)
