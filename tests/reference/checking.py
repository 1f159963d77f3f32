"""Runs a plan and compares what happened with the model."""

from __future__ import annotations

import dataclasses
import re
from collections import Counter
from typing import TYPE_CHECKING

from build import build, logs
from description import INPORTS, OUTPORTS
from fate import certain, mortal
from model import Play, TooLongError
from schedules import Lots, Replay, Schedule

from cascata import DeadlockError
from cascata.errors import RunTimeout

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from description import Plan
    from model import Event, Outcome

    from cascata.run import Report

PATIENCE = 20.0
"""Seconds that a run may take before it counts as hanging."""

SCHEDULES = 300
"""How many orders of steps are tried to find one in which a graph dies as it has died."""


def settled(plan: Plan) -> tuple[Plan, Outcome]:
    """Give a plan that can be judged, and what the model does with it.

    A firing that awaits anything but a channel counts as alive (SPEC 13), be it a future that waits for a send. So in
    graphs that may die all sends are awaited plainly.
    """
    outcome = Play(plan, Schedule()).run()
    if outcome.stuck or (mortal(plan) and not certain(plan)):
        plan = dataclasses.replace(plan, nodes=tuple(dataclasses.replace(node, style="await") for node in plan.nodes))
        outcome = Play(plan, Schedule()).run()
    return plan, outcome


def compare(
    plan: Plan, expected: Outcome, workers: int, places: Sequence[int] = (), start_method: str | None = None
) -> None:
    """Run a plan on so many workers, and fail if the model could not have done what came of it."""
    graph = build(plan)
    if workers > 1:
        for node, place in zip(graph.nodes.values(), places, strict=False):
            graph.place(node, worker=place % workers)
    collect = [node.log for node in graph.nodes.values()]
    try:
        report = graph.run(num_workers=workers, collect=collect, timeout=PATIENCE, start_method=start_method)
    except DeadlockError as error:
        differences = died(plan, expected, error)
    except RunTimeout as error:
        differences = [f"it does not end: {error}"]
    else:
        differences = ended(plan, expected, report)
    if differences:
        raise AssertionError("\n  ".join([f"on {workers} workers, {start_method}:", *differences, brief(plan)]))


def died(plan: Plan, expected: Outcome, error: DeadlockError) -> list[str]:
    """Compare who has not ended and, if time has no part in it, how full the ports are."""
    stuck = {issue.split()[0] for issue in error.issues}
    fills = {port: int(fill) for issue in error.issues for port, fill in re.findall(r"(\S+) \((\d+) of", issue)}
    if certain(plan):
        possible = stuck == expected.stuck and all(
            expected.fills[port] == fill for port, fill in fills.items() if port in expected.fills
        )
    else:
        possible = stuck == expected.stuck or any(_can_die(plan, number, stuck) for number in range(SCHEDULES))
    if possible:
        return []
    return [
        f"it died: {error.issues}",
        f"the model ends with {sorted(expected.stuck) or 'nobody'} stuck, and these fills: {expected.fills}",
    ]


def _can_die(plan: Plan, number: int, stuck: set[str]) -> bool:
    """Tell whether a graph dies in this way if these lots are drawn."""
    try:
        return Play(plan, Lots(number)).run().stuck == stuck
    except TooLongError:
        return False


def ended(plan: Plan, expected: Outcome, report: Report) -> list[str]:
    """Let the model follow what a run has done; compare what it has counted."""
    differences = followed(plan, logs(plan, report))
    if certain(plan) and expected.stuck:
        differences.append(f"it ended, but should have died with {sorted(expected.stuck)} waiting")
    return differences + miscounted(plan, report)


def followed(plan: Plan, done: Mapping[str, Sequence[Event]]) -> list[str]:
    """Let the model follow what has been done; say where it cannot."""
    replay = Replay(plan, done)
    return replay.differences(Play(plan, replay).run())


def miscounted(plan: Plan, report: Report) -> list[str]:
    """Compare the counts of a report with the logs: nothing is lost or doubled, and what is left over is counted."""
    done = logs(plan, report)
    sent = Counter((name, content[0]) for name, log in done.items() for what, content in log if what == "sends")
    differences = []

    def same(what: str, counted: int, logged: int) -> None:
        if counted != logged:
            differences.append(f"{what}: the report says {counted}, but by the logs it is {logged}")

    for position in range(len(plan.nodes)):
        names = plan.names(position)
        for name in names:
            of = report.components[name]
            same(f"firings of {name}", of.firings, sum(what == "fires" for what, _ in done[name]))
            for outport in OUTPORTS:
                connected = any((link.source, link.outport) == (position, outport) for link in plan.links)
                same(f"sent from {name}.{outport}", of.outports[outport].sent, sent[name, outport])
                dropped = 0 if connected else sent[name, outport]
                same(f"dropped at {name}.{outport}", of.outports[outport].dropped, dropped)
        for place in plan.connected(position):
            ports = [report.components[name].inports[INPORTS[place]] for name in names]
            came = sum(  # an initial value has not come from anywhere
                sent[source, link.outport] for link in plan.feeds(position, place) for source in plan.names(link.source)
            )
            came *= len(names) if plan.policy(position, place) == "broadcast" else 1
            label = f"{plan.name(position)}.{INPORTS[place]}"
            same(f"came to {label}", sum(port.taken + port.discarded for port in ports), came)
    return differences


def brief(plan: Plan) -> str:
    """Write a plan as it would be typed, without what goes without saying."""

    def said(thing: object) -> str:
        if isinstance(thing, tuple):
            return f"({''.join(said(part) + ', ' for part in thing)})".replace(", )", ",)" if len(thing) == 1 else ")")
        if not dataclasses.is_dataclass(thing):
            return repr(thing)
        fields = [
            f"{field.name}={said(value)}"
            for field in dataclasses.fields(thing)
            if (value := getattr(thing, field.name)) != field.default
        ]
        return f"{type(thing).__name__}({', '.join(fields)})"

    return said(plan)
