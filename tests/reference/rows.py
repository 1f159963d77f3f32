"""In what order the rows of a group were shared out that are made of the items of several ports.

Logs tell which member got a row, in which order each member got its own, and in which order each sender has sent. Where
that leaves something open, whoever was sent first comes first: then no row comes before one that had to be fired on for
its items to be sent.
"""

from __future__ import annotations

import heapq
import itertools
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import random
    from collections.abc import Iterable, Mapping, Sequence

    from description import Item

Row = tuple[int, int]
"""A member, and how many rows it had got before."""


def ordered_rows(
    parts: Sequence[Mapping[Item, Row]],
    ways: Sequence[Iterable[Sequence[Item]]],
    begun: Mapping[Item, float],
    chance: random.Random | None,
) -> list[Row]:
    """Give the rows in an order in which they can have been shared out.

    For each port, `parts` has the row of each item that was taken, and `ways` what came to it in an order that is known.
    `begun` says when items were sent. If `chance` is given it decides what is open.
    """
    rows = {row for rows_of in parts for row in rows_of.values()}
    behind: dict[Row, set[Row]] = {row: set() for row in rows}
    for place, number in rows:
        if (place, number + 1) in rows:
            behind[place, number].add((place, number + 1))
    for rows_of, ways_to in zip(parts, ways, strict=True):
        for items in ways_to:
            known = [rows_of[item] for item in items if item in rows_of]
            for earlier, later in itertools.pairwise(known):
                if earlier != later:
                    behind[earlier].add(later)
    when = dict.fromkeys(rows, 0.0)
    for rows_of in parts:
        for item, row in rows_of.items():
            when[row] = max(when[row], begun.get(item, 0.0))
    missing = dict.fromkeys(rows, 0)
    for later in itertools.chain.from_iterable(behind.values()):
        missing[later] += 1

    def turn(row: Row) -> tuple[float, Row]:
        return (chance.random() if chance else when[row]), row

    ready = [turn(row) for row in rows if not missing[row]]
    heapq.heapify(ready)
    order: list[Row] = []
    while ready:
        _, row = heapq.heappop(ready)
        order.append(row)
        for later in behind[row]:
            missing[later] -= 1
            if not missing[later]:
                heapq.heappush(ready, turn(later))
    return order
