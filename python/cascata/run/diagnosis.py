"""What keeps a run from moving, in sentences, from the counters alone."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from cascata.errors import DeadlockError, RunTimeout
from cascata.text import first_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from cascata.run.job import Job

__all__ = ["dead", "timed_out"]

Snapshot = list[dict[str, Any]]

MOST_PORTS = 10
"""Ports that one sentence names."""

STATES = {
    "new": "has not begun",
    "ready": "is ready to go on",
    "awaiting": "awaits something that is no channel",
    "done": "done",
}
"""What to say of lanes that wait for no channel."""


def dead(job: Job, snapshot: Snapshot, shortage: Sequence[str] = ()) -> DeadlockError | None:
    """Give the error for a run in which nothing moves; None if it has come to its end.

    `shortage` are sentences about the shared memory if somebody waits for it.
    """
    stuck = unfinished(job, snapshot, short=bool(shortage))
    if not stuck:
        return None
    issues = [f"{name} {text}" for name, text in stuck.items()]
    return DeadlockError(
        [*issues, *shortage], "nothing can move any more: every unfinished component waits for another"
    )


def timed_out(job: Job, snapshot: Snapshot, where: Mapping[str, str]) -> RunTimeout:
    """Give the error for a run that has not ended in time; `where` are lines of source by component."""
    stuck = unfinished(job, snapshot)
    return RunTimeout(
        job.timeout or 0.0,
        {name: f"{text}, at {where[name]}" if name in where else text for name, text in stuck.items()},
    )


def unfinished(job: Job, snapshot: Snapshot, *, short: bool = False) -> dict[str, str]:
    """Say for each component that has not ended what it is doing, by name."""
    scene = _Scene(job, snapshot, short=short)
    described = {node["name"]: scene.describe(node) for node in snapshot}
    return {name: text for name, text in described.items() if text != "done"}


class _Scene:
    """What has to be known of the whole run to describe one component."""

    def __init__(self, job: Job, snapshot: Snapshot, *, short: bool) -> None:
        self._targets = job.targets
        self._ports = {(node["name"], name): port for node in snapshot for name, port in node["inports"].items()}
        self._loops = {name: number for number, loop in enumerate(job.plan.cycles) for name in loop}
        lanes = {node["name"]: [kind for kind, _ in node["lanes"]] for node in snapshot}
        self._ended = {name for name, kinds in lanes.items() if kinds and set(kinds) == {"done"}}
        self._taps = {name for name, kinds in lanes.items() if not kinds}
        self._short = short

    def describe(self, node: dict[str, Any]) -> str:
        states = dict.fromkeys(self._lane(node["name"], kind, port) for kind, port in node["lanes"])
        return " and ".join(state for state in states if state != "done") or "done"

    def _lane(self, name: str, kind: str, port: str | None) -> str:
        if kind == "waiting" and port is not None and (name, port) in self._ports:
            return f"waits for an item at {self._fill([(name, port)])}"
        if kind == "blocked" and port is not None:
            return self._blocked(name, port)
        return STATES.get(kind, "runs")

    def _blocked(self, name: str, port: str) -> str:
        open_ones = [target for target in self._targets.get((name, port), ()) if target[0] not in self._ended]
        full = [target for target in open_ones if self._is_full(target)]
        if self._short and not full:
            return f"waits for shared memory for an item of {name}.{port}"
        if not full:  # one of several channels of a port is, or another member or another part of a row comes first
            taken = [target for target in open_ones if self._ports[target]["fill"]]
            return f"waits for room or its turn behind {name}.{port}: {self._fill(taken or open_ones)}"
        text = f"waits for room behind {name}.{port}: {self._fill(full)}"
        loop = self._loops.get(name)
        looped = [
            f"{target}.{inport}" for target, inport in full if loop is not None and loop == self._loops.get(target)
        ]
        if looped:
            text += f"; a loop that multiplies its items needs capacity=None at {' or '.join(looped[:MOST_PORTS])}"
        return text

    def _is_full(self, target: tuple[str, str]) -> bool:
        port = self._ports.get(target)
        return port is not None and port["fill"] >= (port["capacity"] or math.inf)

    def _fill(self, names: Sequence[tuple[str, str]]) -> str:
        texts = []
        for component, port in names:
            counts = self._ports[component, port]
            capacity = "unbounded" if counts["capacity"] is None else f"of {counts['capacity']}"
            inside = f"{counts['fill']} {capacity} inside"
            if counts["batch"] is not None:
                size = f" of {counts['batch']}" if counts["batch"] else ""
                inside += f", {counts['batched']}{size} in its batch"
            name = f"the export {component}" if component in self._taps else f"{component}.{port}"
            texts.append(f"{name} ({inside})")
        return ", ".join(first_of(texts, MOST_PORTS))
