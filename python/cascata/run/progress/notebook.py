"""Progress in a notebook: the output of the cell that runs the graph, replaced over and over."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING, Any

from cascata.run.progress.table import HEADS, Table, is_number

if TYPE_CHECKING:
    from cascata.run.snapshot import Snapshot

__all__ = ["Notebook"]


class Notebook:
    """Shows the table as HTML."""

    def __init__(self, interval: float) -> None:
        """Take the seconds between two updates."""
        self.interval = interval
        self._handle: Any = None

    def show(self, now: Snapshot, since: Snapshot | None) -> None:
        """Put the table into the cell, or in place of the earlier one."""
        from IPython.display import display

        table = Table.of(now, since)
        bundle = {"text/plain": str(table), "text/html": _html(table)}
        if self._handle is None:
            self._handle = display(bundle, raw=True, display_id=True)  # type: ignore[no-untyped-call]
        else:
            self._handle.update(bundle, raw=True)

    def conclude(self, last: Snapshot) -> None:
        """Leave the last one there."""
        self.show(last, None)

    def close(self) -> None:
        """Do nothing."""


def _html(table: Table) -> str:
    def cell(kind: str, column: str, text: str) -> str:
        side = "right" if is_number(column) else "left"
        return f'<{kind} style="text-align: {side}">{html.escape(text)}</{kind}>'

    def line(cells: list[str], *, bold: bool) -> str:
        style = ' style="font-weight: bold"' if bold else ""
        return f"<tr{style}>{''.join(cells)}</tr>"

    lines = [line([cell("th", column, head) for column, head in HEADS.items()], bold=True)]
    lines += [line([cell("td", column, row.cells[column]) for column in HEADS], bold=row.slowest) for row in table.rows]
    below = f"<p>{html.escape(table.below)}</p>" if table.below else ""
    return f"<p>{html.escape(table.title)}</p><table>{''.join(lines)}</table>{below}"
