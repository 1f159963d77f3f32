"""Finding out whether anything in a run can still move."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cascata.run.messages import Quiet

__all__ = ["RETRY", "QuietRounds"]

RETRY = 0.2
"""Seconds until it is looked again, while only tasks that components have made could move: their end rings no bell."""


class QuietRounds:
    """Rounds of asking all workers whether anything in them could move.

    One round of noes does not prove it: a worker may have moved after its answer because of another one that answered
    later. Two rounds of noes in a row, between which nobody has moved, do.
    """

    def __init__(self) -> None:
        """Begin without a round."""
        self.retry: float | None = None  # when to ask again
        self._round = 0
        self._missing: set[int] = set()
        self._answers: dict[int, Quiet] = {}
        self._before: dict[int, int] | None = None

    def begin(self, workers: set[int]) -> int:
        """Begin a round."""
        self.retry = None
        self._round += 1
        self._missing = set(workers)
        self._answers = {}
        return self._round

    def answer(self, worker: int, message: Quiet) -> bool:
        """Take an answer; True when it was the round's last."""
        if message.round != self._round or worker not in self._missing:
            return False
        self._answers[worker] = message
        return self.leave(worker)

    def leave(self, worker: int) -> bool:
        """Expect nothing more of a worker in this round; True when it was the round's last."""
        expected = worker in self._missing
        self._missing.discard(worker)
        return expected and not self._missing

    def all_quiet(self) -> bool:
        """Tell whether everybody said no."""
        return all(answer.quiet for answer in self._answers.values())

    def settled(self) -> bool:
        """Tell whether this round and the one before prove that nothing moves."""
        now = {worker: answer.activity for worker, answer in self._answers.items()}
        before, self._before = self._before, (now if self.all_quiet() else None)
        return self.all_quiet() and before == now
