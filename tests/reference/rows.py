"""In what order the rows of a group were shared out that are made of the items of several ports.

Logs tell which member got a row, in which order each member got its own, and in which order each sender has sent. Where
that leaves something open, whoever was sent first comes first: then no row comes before one that had to be fired on for
its items to be sent.
"""

from __future__ import annotations

import heapq
import itertools
from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import random
    from collections.abc import Iterable, Mapping, Sequence

    from channels import Junction
    from description import Item

Row = tuple[int, int]
"""A member, and how many rows it had got before."""


class RowOrder:
    """An order of rows that may be wrong where it is not known.

    Where the items of a port come in a known order, that port is `leading`: its rows are put right as they come. If
    others have gone on by then, what comes before what is `learned` for the next attempt.
    """

    def __init__(
        self,
        order: Sequence[Row],
        parts: Mapping[Junction, set[Row]],
        known: Mapping[Row, set[Row]],
        leading: set[Junction],
        learned: set[tuple[Row, Row]],
    ) -> None:
        """Take an order, the rows that each port has parts of, and for each row those that are known to come later."""
        self.order = {port: [row for row in order if row in rows] for port, rows in parts.items()}
        self.known = known
        self.leading = leading
        self.learned = learned

    def put(self, row: Row, come: int) -> None:
        """Let a row come after so many."""
        for order in self.order.values():
            if row in order:
                order.remove(row)
                order.insert(come, row)

    def may_be_next(self, row: Row, come: int) -> bool:
        """Tell whether a row may come after so many, as far as is known."""
        return not any(row in self.known[other] for order in self.order.values() for other in order[come:])

    def is_next(self, port: Junction, row: Row, come: int) -> bool:
        """Tell whether a row comes after so many."""
        to_come = self.order[port][come:]
        if port in self.leading and row not in to_come[:1]:
            self.learned |= {(row, later) for later in to_come if later != row}
        return row in to_come[:1]


def likely_order(
    parts: Sequence[Mapping[Item, Row]],
    behind: Mapping[Row, set[Row]],
    begun: Mapping[Item, float],
    chance: random.Random | None,
) -> list[Row]:
    """Give the rows in an order in which they can have been shared out.

    For each port, `parts` has the row of each item that was taken; for each row, `behind` has others that came later.
    `begun` says when items were sent. If `chance` is given it decides what is open.
    """
    when = dict.fromkeys(behind, 0.0)
    for item, row in itertools.chain.from_iterable(rows_of.items() for rows_of in parts):
        when[row] = max(when[row], begun.get(item, 0.0))
    missing = Counter(itertools.chain.from_iterable(behind.values()))
    turn = {row: (chance.random() if chance else when[row], row) for row in sorted(behind)}
    ready = [turn[row] for row in turn if not missing[row]]
    heapq.heapify(ready)
    order: list[Row] = []
    while ready:
        _, row = heapq.heappop(ready)
        order.append(row)
        for later in behind[row]:
            missing[later] -= 1
            if not missing[later]:
                heapq.heappush(ready, turn[later])
    return order


def known_order(
    parts: Sequence[Mapping[Item, Row]],
    ways: Sequence[Iterable[Sequence[Item]]],
    learned: Iterable[tuple[Row, Row]],
) -> dict[Row, set[Row]]:
    """Give for each row those of which it is known that they came later.

    For each port, `parts` has the row of each item that was taken, and `ways` what came to it in an order that is
    known. Of some pairs it was `learned` which came before the other.
    """
    rows = {row for rows_of in parts for row in rows_of.values()}
    behind = {(place, number): {(place, number + 1)} & rows for place, number in rows}
    for rows_of, ways_to in zip(parts, ways, strict=True):
        for items in ways_to:
            known = [rows_of[item] for item in items if item in rows_of]
            for earlier, later in itertools.pairwise(known):
                if earlier != later:
                    behind[earlier].add(later)
    for earlier, later in learned:
        behind[earlier].add(later)
    return behind
