"""The table of a run: which rows and columns, and what is written in them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from cascata.run.snapshot import score, slowest_of
from cascata.text import count_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cascata.run.snapshot import ComponentSnapshot, InportSnapshot, Rates, Snapshot

__all__ = ["GAP", "HEADS", "Row", "Table", "is_number", "line"]

MOST_ROWS = 20
GAP = 2
LEAST_NAME = 8
"""Letters of a component's name for which other columns give way."""

HEADS = {
    "component": "component",
    "worker": "worker",
    "in": "in",
    "in/s": "in/s",
    "out": "out",
    "out/s": "out/s",
    "inside": "inside",
    "time": "time",
    "mark": "",
}
"""The columns, and what is written above them."""
EXPENDABLE = "worker", "in", "out", "inside", "out/s", "mark", "in/s", "time"
"""Columns that are left out, in this order, when there is no room for all."""

THOUSANDS = (("k", 1e3), ("M", 1e6), ("G", 1e9), ("T", 1e12))
ROUND = 10_000_000
"""Counts from here on are shortened."""


@dataclass(frozen=True, slots=True)
class Row:
    """One component's row: what is in each column, its state, and whether it is the slowest."""

    cells: dict[str, str]
    state: str
    slowest: bool


@dataclass(frozen=True, slots=True)
class Table:
    """What a run is doing, as text in rows and columns.

    Attributes:
        title: How long, how many components and workers.
        rows: Those at work most, in the order of the graph.
        rest: How many components are left out.

    """

    title: str
    rows: list[Row]
    rest: int

    @classmethod
    def of(cls, snapshot: Snapshot, since: Snapshot | None = None, most: int = MOST_ROWS) -> Table:
        """Make the table, with rates since an earlier snapshot or the start, and with so many rows at most."""
        rates = snapshot.rates(since)
        slowest = slowest_of(snapshot, rates)
        names = list(snapshot.components)
        if len(names) > most:
            first = sorted(names, key=lambda name: score(snapshot.components[name], rates[name]), reverse=True)
            shown = set(first[: max(most, 1)])
            names = [name for name in names if name in shown]
        rows = [_row(snapshot, name, rates[name], slowest=name == slowest) for name in names]
        return cls(_title(snapshot), rows, len(snapshot.components) - len(rows))

    @property
    def below(self) -> str | None:
        """What is to be said of the components that are left out."""
        return f"and {count_text(self.rest, 'component')} more" if self.rest else None

    def columns(self, width: int) -> list[str]:
        """Give the columns for which so many letters have room."""
        columns = list(HEADS)
        for column in EXPENDABLE:
            if self._width(columns[1:]) + LEAST_NAME <= width:
                break
            columns.remove(column)
        return columns

    def room_for_names(self, width: int) -> int:
        """Give the letters of a name that have room beside the other columns."""
        return max(LEAST_NAME, width - self._width(self.columns(width)[1:]))

    def _width(self, columns: Sequence[str]) -> int:
        """Give the width of some columns, with the gap before each."""
        return sum(GAP + max(len(HEADS[column]), *(len(row.cells[column]) for row in self.rows)) for column in columns)

    def __str__(self) -> str:
        """Write it as plain text, as wide as it is."""
        lines = [HEADS, *(row.cells for row in self.rows)]
        widths = {column: max(len(cells[column]) for cells in lines) for column in HEADS}
        gap = " " * GAP
        texts = [
            gap.join(
                cells[column].rjust(widths[column]) if is_number(column) else cells[column].ljust(widths[column])
                for column in HEADS
            ).rstrip()
            for cells in lines
        ]
        return "\n".join([self.title, *texts, *([self.below] if self.below else [])])


def is_number(column: str) -> bool:
    """Tell whether a column is aligned to the right."""
    return column not in ("component", "time", "mark")


def line(snapshot: Snapshot, since: Snapshot | None) -> str:
    """Write in one line how far a run is."""
    rates = snapshot.rates(since)
    taken = sum(component.items_in for component in snapshot.components.values())
    speed = sum(rate.items_in for rate in rates.values())
    unfinished = sum(component.state != "done" for component in snapshot.components.values())
    text = f"{snapshot.seconds:.1f} s: {count_text(taken, 'item')}, {_rate(speed)}/s, {unfinished:,} of "
    text += f"{count_text(len(snapshot.components), 'component')} unfinished"
    if (name := slowest_of(snapshot, rates)) is not None:
        text += f", slowest: {name} ({_time(rates[name])}{_behind(snapshot.components[name])})"
    return text


def _behind(component: ComponentSnapshot) -> str:
    port = component.fullest
    return "" if port is None else f", {_inside(component, port)} inside"


def _title(snapshot: Snapshot) -> str:
    where = count_text(snapshot.workers, "worker") if snapshot.workers else "in the calling process"
    return f"{count_text(len(snapshot.components), 'component')}, {where}, {snapshot.seconds:.1f} s"


def _row(snapshot: Snapshot, name: str, rates: Rates, *, slowest: bool) -> Row:
    component = snapshot.components[name]
    port = component.fullest
    takes, sends = bool(component.inports), bool(component.outports)
    # When all have ended, how they spent their time says more.
    time = "done" if component.state == "done" and snapshot.running else _time(rates)
    cells = {
        "component": name,
        "worker": str(component.worker),
        "in": _count(component.items_in) if takes else "",
        "in/s": _rate(rates.items_in) if takes else "",
        "out": _count(component.items_out) if sends else "",
        "out/s": _rate(rates.items_out) if sends else "",
        "inside": "" if port is None else _inside(component, port),
        "time": time,
        "mark": "<- slowest" if slowest else "",
    }
    return Row(cells, component.state, slowest)


def _inside(component: ComponentSnapshot, port: InportSnapshot) -> str:
    """Write how full the fullest inport is, by name if there are several."""
    name = next(name for name, other in component.inports.items() if other is port)
    fill = f"{port.fill}" if port.capacity is None else f"{port.fill}/{port.capacity}"
    return f"{name} {fill}" if len(component.inports) > 1 else fill


def _time(rates: Rates) -> str:
    """Write what most of the time was spent on."""
    shares = {
        "busy": rates.busy,
        "awaiting": rates.awaiting,
        "waiting": rates.waiting,
        "blocked": rates.blocked,
    }
    most = max(shares, key=shares.__getitem__)
    return f"{100 * shares[most]:.0f}% {most}" if shares[most] else ""


def _count(number: int) -> str:
    return f"{number:,}" if number < ROUND else _short(number)


def _rate(number: float) -> str:
    if number >= ROUND:
        return _short(number)
    return f"{number:,.0f}" if number >= 10 or number == 0 else f"{number:.1f}"  # noqa: PLR2004  a digit more


def _short(number: float) -> str:
    unit, size = next((unit, size) for unit, size in reversed(THOUSANDS) if number >= size)
    return f"{number / size:.4g} {unit}"
