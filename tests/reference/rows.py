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

    For each port, `parts` has the row of each item that was taken, and `ways` what came to it in an order that is
    known. `begun` says when items were sent. If `chance` is given it decides what is open.
    """
    behind = _known_order(parts, ways)
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


def _known_order(parts: Sequence[Mapping[Item, Row]], ways: Sequence[Iterable[Sequence[Item]]]) -> dict[Row, set[Row]]:
    """Give for each row those of which it is known that they came later."""
    rows = {row for rows_of in parts for row in rows_of.values()}
    behind = {(place, number): {(place, number + 1)} & rows for place, number in rows}
    for rows_of, ways_to in zip(parts, ways, strict=True):
        for items in ways_to:
            known = [rows_of[item] for item in items if item in rows_of]
            for earlier, later in itertools.pairwise(known):
                if earlier != later:
                    behind[earlier].add(later)
    return behind
