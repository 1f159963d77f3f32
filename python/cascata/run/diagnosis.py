"""What keeps a run from moving, in sentences, from the counters alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cascata.errors import DeadlockError, RunTimeout

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cascata.run.job import Job

__all__ = ["dead", "describe", "timed_out"]

Snapshot = list[dict[str, Any]]
Ports = dict[tuple[str, str], dict[str, Any]]

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
    described = describe(job, snapshot, short=bool(shortage))
    stuck = {name: text for name, text in described.items() if text != "done"}
    if not stuck:
        return None
    issues = [f"{name} {text}" for name, text in stuck.items()]
    return DeadlockError(
        [*issues, *shortage], "nothing can move any more: every unfinished component waits for another"
    )


def timed_out(job: Job, snapshot: Snapshot) -> RunTimeout:
    """Give the error for a run that has not ended in time."""
    states = {name: text for name, text in describe(job, snapshot).items() if text != "done"}
    return RunTimeout(job.timeout or 0.0, states)


def describe(job: Job, snapshot: Snapshot, *, short: bool = False) -> dict[str, str]:
    """Say for each component what it is doing, by name."""
    ports = {(node["name"], name): port for node in snapshot for name, port in node["inports"].items()}
    return {node["name"]: _describe(job, ports, node, short=short) for node in snapshot}


def _describe(job: Job, ports: Ports, node: dict[str, Any], *, short: bool) -> str:
    states = dict.fromkeys(_lane(job, ports, node["name"], kind, port, short=short) for kind, port in node["lanes"])
    unfinished = [state for state in states if state != "done"]
    return " and ".join(unfinished) or "done"


def _lane(job: Job, ports: Ports, name: str, kind: str, port: str | None, *, short: bool) -> str:  # noqa: PLR0913
    if kind == "waiting" and port is not None and (name, port) in ports:
        return f"waits for an item at {_fill(ports, [(name, port)])}"
    if kind == "blocked" and port is not None:
        full = [
            target
            for target in job.targets.get((name, port), ())
            if target in ports and ports[target]["fill"] >= (ports[target]["capacity"] or float("inf"))
        ]
        if short and not full:
            return f"waits for shared memory for an item of {name}.{port}"
        text = f"waits for room behind {name}.{port}: {_fill(ports, full) or 'a full inport'}"
        looped = [f"{target}.{inport}" for target, inport in full if _in_one_loop(job, name, target)]
        if looped:
            text += f"; a loop that multiplies its items needs capacity=None at {' or '.join(looped)}"
        return text
    return STATES.get(kind, "runs")


def _in_one_loop(job: Job, name: str, target: str) -> bool:
    return any(name in loop and target in loop for loop in job.plan.cycles)


def _fill(ports: Ports, names: Sequence[tuple[str, str]]) -> str:
    texts = []
    for component, port in names:
        counts = ports[component, port]
        capacity = "unbounded" if counts["capacity"] is None else f"of {counts['capacity']}"
        texts.append(f"{component}.{port} ({counts['fill']} {capacity} inside)")
    return ", ".join(texts)
