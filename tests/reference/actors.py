"""What the components of a graph do: those of the model, and those of the engine.

A component goes through its `script`: one step for each firing, over and over. A step is a word; each letter of it is
one thing to do::

    x y    send an item from the outport of this name
    .      let others run
    ~      sleep for a moment
    t      wait for a thread

So `("x",)` passes everything on, `("x", "x", "")` drops every third row, `("xxx",)` multiplies, `("x", "y")`
alternates.
Each item bears a name that follows from what it was made of and that occurs once in a run: who has the name of an item
knows which row, which component and which send it came from.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from description import ENDLESS, INPORTS, OUTPORTS, ROUNDS, Item

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Sequence

    from description import Node, Plan, Value

    Firing = Generator["Action", bool | None, None]
    """What a firing does, one thing after another; each send is answered by what it returned."""

Action = tuple[str, str, Item | None]
"""`("send", outport, item)`, or something that only takes time: `("pause", how, None)`."""

_BALLAST = (0, 0, 0, 0, 0, 5, 300, 5_000, 70_000)


class Actor:
    """What one instance does. The model and the engine each ask one of their own."""

    def __init__(self, plan: Plan, position: int, member: int) -> None:
        """Begin, with nothing seen."""
        self.plan = plan
        self.position = position
        self.me = f"{position}" if not plan.nodes[position].members else f"{position}.{member}"
        self.firings = 0
        self.names = ""
        self.total = 0

    def fire(self, values: Sequence[Value]) -> Firing:
        """Give what a firing does."""
        node, lanes = self.plan.nodes[self.position], self.plan.lanes(self.position)
        if len(lanes) == 1 and self.plan.connected(self.position):  # what a passive port shows depends on time
            values = [value if index in lanes[0] else None for index, value in enumerate(values)]
        items = [item for value in values for item in items_of(value)]
        names, number = " ".join(item[0] for item in items), sum(item[1] for item in items)
        ports = zip(node.inports, values, strict=True)
        left = [item[2] for port, value in ports if not port.token for item in items_of(value)]
        # What the ports of other trigger groups show must not keep anything going round for ever.
        rounds = (max if len(lanes) == 1 else min)(left, default=ROUNDS) - bool(self.plan.cycle(self.position))
        step = number if node.by_item else self.firings
        self.firings += 1
        self.names, self.total = digest(f"{self.names} {names}"), self.total + number
        if not self.plan.connected(self.position):
            return self._play(_steps(node), f"{self.me} {names}", 0, rounds)
        return self._play([node.script[step % len(node.script)]], f"{self.me} {names}", number, rounds)

    def finish(self) -> Firing:
        """Give what the finish function does: it sends totals."""
        word = self.plan.nodes[self.position].finish
        return self._play([word], f"{self.me} finished {self.names}", self.total, 0)

    def _play(self, steps: Iterable[str], name: str, number: int, rounds: int) -> Firing:
        endless = self.plan.nodes[self.position].items == ENDLESS
        count = 0
        for word in steps:
            for letter in word:
                if letter not in OUTPORTS:
                    yield "pause", letter, None
                elif rounds > 0 or not self.plan.goes_round(self.position, letter):
                    wanted = yield "send", letter, _item(self.position, f"{name} {count}", number + count, rounds)
                    count += 1
                    if endless and not wanted:
                        return


def seed(plan: Plan, position: int, member: int, inport: int) -> Item:
    """Give the initial value of an inport."""
    return f"{position}.{member}{INPORTS[inport]}", 0, ROUNDS, ""


def digest(text: str) -> str:
    """Give a short name for a long one."""
    return hashlib.blake2b(text.encode(), digest_size=5).hexdigest()


def _steps(node: Node) -> Iterable[str]:
    """Go through the script of a source."""
    step = 0
    while step != node.items:
        yield node.script[step % len(node.script)]
        step += 1


def items_of(value: Value) -> list[Item]:
    """Give the items of a value: those of a batch, or the one that it is."""
    if isinstance(value, list):
        return value
    return [] if value is None else [value]


def _item(position: int, what: str, number: int, rounds: int) -> Item:
    name = digest(what)
    return f"{position}:{name}", number, rounds, "·" * _BALLAST[int(name, 16) % len(_BALLAST)]
