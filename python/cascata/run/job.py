"""What is to be run: the checked graph's plan, and the run's options."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, TypedDict

from cascata.errors import DeadlockError
from cascata.graph import MAX_WORKERS
from cascata.handler import GroupOutputPort
from cascata.run.collecting import in_order
from cascata.run.report import Report
from cascata.run.resources import usable_cpus, usable_memory

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cascata._native import GraphCore, Plan
    from cascata.graph import Graph
    from cascata.port import OutputPort
    from cascata.run.collecting import Taken

__all__ = ["Job", "Options"]

START_METHODS = ("fork", "spawn")
LONG = 365 * 86400.0
"""Seconds. A longer timeout is none."""
LEAST_MEMORY = 1 << 20
"""Bytes."""


class Options(TypedDict):
    """The arguments of `Graph.run`."""

    num_workers: int | None
    timeout: float | None
    collect: Sequence[OutputPort]
    placement: Report | None
    start_method: str | None
    shared_memory: int | None
    stall_after: float | None


@dataclass(frozen=True)
class Job:
    """One run, before it starts. Nothing in it refers to the graph, which may change meanwhile."""

    plan: Plan
    in_process: bool
    timeout: float | None
    collect: tuple[str, ...]
    """The outports whose items are collected, as `"component.port"`, in the order of the plan's indices."""
    collected: dict[str, tuple[int, ...]]
    """Which of them go into which list of the report; those of a group's members into one."""
    targets: dict[tuple[str, str], list[tuple[str, str]]]
    """The inports behind each outport, for messages."""
    start_method: str
    """`"fork"`, `"spawn"`, `"none"` for a run in the calling process; empty until it has been chosen."""
    start_reason: str
    shared_memory: int
    """Bytes that items between workers may take."""
    stall_after: float | None
    """Seconds after which an event loop that stands still is reported."""
    prepared: ClassVar[int] = 0
    """How many there have been in this process."""
    exports: dict[str, str]
    """The exports of the graph that are no taps, and why they are not."""

    @classmethod
    def prepare(cls, graph: Graph, options: Options, feed: Sequence[str] | None = None) -> Job:
        """Check the graph and the options, and plan; with taps, if `feed` says which exports with values are some.

        Raises:
            DeadlockError: If the graph cannot run.
            TypeError, ValueError: If an option makes no sense.

        """
        num_workers, timeout, start_method = options["num_workers"], options["timeout"], options["start_method"]
        _check_workers(num_workers)
        _check_seconds("timeout", timeout, "leave it out to wait for ever")
        _check_seconds("stall_after", options["stall_after"], "None for never")
        _check_memory(options["shared_memory"])
        if start_method is not None and start_method not in START_METHODS:
            msg = f"start_method={start_method!r}: choose one of {', '.join(map(repr, START_METHODS))}, or leave it out"
            raise ValueError(msg)
        core = graph._core
        if feed is None:
            graph.check_deadlocks()
        elif issues := core.check(feed):
            raise DeadlockError(issues)
        wanted = min(usable_cpus() if num_workers is None else num_workers, MAX_WORKERS)
        ports, collected = _outports(options["collect"])
        placement = options["placement"]
        if placement is not None and not isinstance(placement, Report):
            msg = f"placement={placement!r} is no report; give what an earlier run of the graph returned"
            raise TypeError(msg)
        weights = None if placement is None else placement.weights()
        plan = core.plan(wanted, ports, weights, feed)
        targets: dict[tuple[str, str], list[tuple[str, str]]] = {}
        for source, outport, target, inport in core.edges():
            targets.setdefault((source, outport), []).append((target, inport))
        cls.prepared += 1
        for (name, *_), feeds, read in plan.taps:
            for port in read if not feeds else ():
                targets.setdefault(port, []).append((name, "tap"))
        return cls(
            plan=plan,
            in_process=wanted == 0,
            timeout=None if timeout is None or timeout > LONG else float(timeout),
            collect=tuple(f"{component}.{port}" for component, port in ports),
            collected=collected,
            targets=targets,
            start_method="none" if wanted == 0 else start_method or "",
            start_reason="num_workers=0 runs in the calling process" if wanted == 0 else "asked for",
            shared_memory=options["shared_memory"] or usable_memory() // 2,
            stall_after=options["stall_after"],
            exports=_no_taps(core, {name for exports, *_ in plan.taps for name in exports}),
        )

    def gather(self, taken: Sequence[Taken]) -> dict[str, list[Any]]:
        """Give what was collected from each outport as the report has it."""
        return {name: in_order([taken[place] for place in places]) for name, places in self.collected.items()}

    @property
    def workers(self) -> list[list[str]]:
        """The names of the components on each worker."""
        return self.plan.workers


def _outports(collect: Sequence[OutputPort]) -> tuple[list[tuple[str, str]], dict[str, tuple[int, ...]]]:
    """Return the outports of components to collect, each once, and under which name they come into the report."""
    places: dict[tuple[str, str], int] = {}
    collected = {}
    for port in collect:
        members = port.members if isinstance(port, GroupOutputPort) else [port]
        names = [(member.component.name, member.name) for member in members]
        collected[f"{port.component.name}.{port.name}"] = tuple(places.setdefault(name, len(places)) for name in names)
    return list(places), collected


def _no_taps(core: GraphCore, taps: set[str]) -> dict[str, str]:
    """Say of all other exports why they are no taps."""
    connected = core.connected_exports()
    reasons = {}
    for name, *_ in core.exports():
        if name in connected:
            reasons[name] = "it is connected inside of the graph, and only what is not can be fed or read from outside"
        elif name not in taps:
            reasons[name] = f"it has a value, which it keeps; to feed it nevertheless, graph.start(feed=[{name!r}])"
    return reasons


def _check_workers(num_workers: object) -> None:
    if num_workers is None:
        return
    if isinstance(num_workers, bool) or not isinstance(num_workers, int):
        msg = f"num_workers={num_workers!r} is not a whole number; leave it out to use all CPUs"
        raise TypeError(msg)
    if num_workers < 0:
        msg = f"num_workers={num_workers} is negative; 0 runs in the calling process, None uses all CPUs"
        raise ValueError(msg)


def _check_seconds(option: str, seconds: object, never: str) -> None:
    if seconds is None:
        return
    mend = f"give seconds above 0, or {never}"
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        msg = f"{option}={seconds!r} is not a number of seconds; {mend}"
        raise TypeError(msg)
    if not seconds > 0:
        msg = f"{option}={seconds} is no time; {mend}"
        raise ValueError(msg)


def _check_memory(size: object) -> None:
    if size is None:
        return
    if isinstance(size, bool) or not isinstance(size, int):
        msg = f"shared_memory={size!r} is not a number of bytes; leave it out for half of the machine's memory"
        raise TypeError(msg)
    if size < LEAST_MEMORY:
        msg = (
            f"shared_memory={size} is too little for items between workers; give at least {LEAST_MEMORY} bytes (1 MiB)"
        )
        raise ValueError(msg)
