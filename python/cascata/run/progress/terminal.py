"""Progress in a terminal: a table that is drawn over and over, below what the program prints."""

from __future__ import annotations

import contextlib
import os
import sys
from typing import TYPE_CHECKING, Self

from cascata.run.progress.screen import Screen, terminal_of
from cascata.run.progress.table import GAP, HEADS, Table, is_number

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table as Grid

    from cascata.run.snapshot import Snapshot

__all__ = ["Terminal"]

AROUND = 4
"""Lines of a terminal that the rows leave free: title, heads, what is left out, and the cursor's."""
MOST_ROWS = 40
USUAL_SIZE = 80, 24

STYLES = {"done": "dim", "new": "dim"}
SLOWEST = "bold yellow"


class Terminal:
    """Draws the table."""

    def __init__(self, interval: float) -> None:
        """Take the seconds between two tables; the screen has been claimed."""
        self.interval = interval
        self._stream = sys.stderr
        self._console: Console | None = None
        self._screen = Screen(self._stream)

    @classmethod
    def available(cls, interval: float) -> Self | None:
        """Give one, if standard error is a terminal that can be drawn on, and nobody else does."""
        drawable = terminal_of(sys.stderr) is not None and os.environ.get("TERM", "dumb") not in ("dumb", "unknown")
        return cls(interval) if drawable and Screen.claim() else None

    def show(self, now: Snapshot, since: Snapshot | None) -> None:
        """Draw the table in place of the earlier one."""
        with contextlib.suppress(OSError, ValueError):  # nobody may look any more
            width, height = self._size()
            self._screen.draw(self._text(now, since, width, height), width)

    def conclude(self, last: Snapshot) -> None:
        """Draw the last one."""
        self.show(last, None)

    def close(self) -> None:
        """Leave it there."""
        with contextlib.suppress(OSError, ValueError):
            self._screen.close()

    def _text(self, now: Snapshot, since: Snapshot | None, width: int, height: int) -> str:
        from rich.console import Console, ConsoleDimensions

        if self._console is None:  # it knows which colours the terminal has, and whether they are wanted
            self._console = Console(file=self._stream, highlight=False, emoji=False, markup=False)
        self._console.size = ConsoleDimensions(width, height)
        table = Table.of(now, since, most=max(1, min(height - AROUND, MOST_ROWS)))
        with self._console.capture() as captured:
            for text in (table.title, _grid(table, width), table.below):
                if text is not None:
                    self._console.print(text, no_wrap=True, overflow="ellipsis", width=width)
        return captured.get()

    def _size(self) -> tuple[int, int]:
        """Give columns, one less than there are so that no line is broken, and lines."""
        try:
            size = os.get_terminal_size(self._stream.fileno())
        except OSError:
            size = os.terminal_size(USUAL_SIZE)
        return max(1, (size.columns or USUAL_SIZE[0]) - 1), size.lines or USUAL_SIZE[1]


def _grid(table: Table, width: int) -> Grid:
    from rich.table import Table as Grid
    from rich.text import Text

    grid = Grid(box=None, padding=(0, GAP, 0, 0), pad_edge=False, header_style="bold")
    columns = table.columns(width)
    for column in columns:
        grid.add_column(
            HEADS[column],
            justify="right" if is_number(column) else "left",
            no_wrap=True,
            overflow="ellipsis",
            max_width=table.room_for_names(width) if column == "component" else None,
        )
    for row in table.rows:
        style = SLOWEST if row.slowest else STYLES.get(row.state, "")
        grid.add_row(*(Text(row.cells[column]) for column in columns), style=style)
    return grid
