"""Runs a plan and compares what happened with the model."""

from __future__ import annotations

import dataclasses
import re
from collections import Counter
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from build import build, collected
from deaths import unfounded
from description import INPORTS, OUTPORTS
from fate import certain, mortal
from model import Play
from replay import Replay
from schedules import Schedule

from cascata import DeadlockError
from cascata.errors import RunTimeout

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from description import Plan
    from logs import Done
    from model import Outcome
    from replay import Learned

    from cascata.run import Report

PATIENCE = 20.0
"""Seconds that a run may take before it counts as hanging."""

FULL = re.compile(r"waits for room behind (\S+)\.(\w): ([^;\n]*)")
"""Behind which outport somebody waits, and the ports that are full there."""

ATTEMPTS = 30
"""How many times the model tries to follow what a graph with groups has done."""


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
    with TemporaryDirectory() as place:
        graph = build(plan, place)
        if workers > 1:
            for node, worker in zip(graph.nodes.values(), places, strict=False):
                graph.place(node, worker=worker % workers)
        try:
            report = graph.run(num_workers=workers, timeout=PATIENCE, start_method=start_method)
        except (DeadlockError, RunTimeout) as caught:
            error: DeadlockError | RunTimeout | None = caught
        else:
            error = None
        done = collected(plan, place)
        if len(done) < len(graph.nodes):
            differences = [f"some have left no log: {error}"]
        elif isinstance(error, DeadlockError):
            differences = died(plan, done, expected, error)
        elif error is not None:
            differences = [f"it does not end: {error}", *followed(plan, done)]
        else:
            differences = ended(plan, done, expected, report)
    if differences:
        raise AssertionError("\n  ".join([f"on {workers} workers, {start_method}:", *differences, brief(plan)]))


def died(plan: Plan, done: Mapping[str, Done], expected: Outcome, error: DeadlockError) -> list[str]:
    """Let the model follow what was done: then nothing may move any more. Compare who waits, and how full ports are."""
    for name, outport, ports in FULL.findall("\n".join(error.issues)):
        done[name].full[outport] = set(re.findall(r"(\S+) \(", ports))
    differences = followed(plan, done) + unfounded(plan, done, error.issues)
    stuck = {issue.split()[0] for issue in error.issues}
    fills = {port: int(fill) for issue in error.issues for port, fill in re.findall(r"(\S+) \((\d+) of", issue)}
    dead = {name for name, what in done.items() if what.dead}
    if stuck != dead:
        differences.append(f"these had not ended: {sorted(dead)}")
    if certain(plan) and (stuck != expected.stuck or any(expected.fills.get(port) != fills[port] for port in fills)):
        differences.append(f"{sorted(expected.stuck) or 'nobody'} should have waited, with {expected.fills}")
    return [f"it died: {error.issues}", *differences] if differences else []


def ended(plan: Plan, done: Mapping[str, Done], expected: Outcome, report: Report) -> list[str]:
    """Let the model follow what a run has done; compare what it has counted."""
    differences = followed(plan, done)
    if certain(plan) and expected.stuck:
        differences.append(f"it ended, but should have died with {sorted(expected.stuck)} waiting")
    return differences + miscounted(plan, done, report)


def followed(plan: Plan, done: Mapping[str, Done]) -> list[str]:
    """Let the model follow what has been done; say where it cannot, and where it could go on."""
    learned: Learned = {}
    first = attempted(plan, done, 0, learned)
    tries = ATTEMPTS if any(node.members for node in plan.nodes) else 1
    # In a graph that has died the logs do not tell where each item stands: who came first to a port that is full?
    unknown = any(what.dead for what in done.values()) and not certain(plan)
    ways = [*((number, True) for number in range(tries) if unknown), *((number, False) for number in range(1, tries))]
    tried = (attempted(plan, done, number, learned, boundless=more) for number, more in ways)
    return first if first and all(tried) else []


def attempted(
    plan: Plan, done: Mapping[str, Done], number: int, learned: Learned, *, boundless: bool = False
) -> list[str]:
    """Let the model try to follow what has been done."""
    replay = Replay(plan, done, number, learned, boundless=boundless)
    play = Play(plan, replay)
    outcome = play.run()
    differences = replay.differences(outcome)
    replay.learns()
    # Elsewhere the logs do not tell where each item stood in the end.
    if any(what.dead for what in done.values()) and certain(plan):
        replay.over = True
        further = play.run()
        differences += replay.further
        differences += [f"{name} could have ended" for name in sorted(outcome.stuck - further.stuck)]
    return differences


def miscounted(plan: Plan, done: Mapping[str, Done], report: Report) -> list[str]:
    """Compare the counts of a report with the logs: nothing is lost or doubled, and what is left over is counted."""
    sent = Counter((name, content[0]) for name, of in done.items() for what, content in of.log if what == "sends")
    differences = []

    def same(what: str, counted: int, logged: int) -> None:
        if counted != logged:
            differences.append(f"{what}: the report says {counted}, but by the logs it is {logged}")

    for position in range(len(plan.nodes)):
        names = plan.names(position)
        for member, name in enumerate(names):
            of = report.components[name]
            same(f"firings of {name}", of.firings, sum(what == "fires" for what, _ in done[name].log))
            for outport in OUTPORTS:
                connected = any(
                    (link.source, link.outport) == (position, outport) and link.of in {None, member}
                    for link in plan.links
                )
                same(f"sent from {name}.{outport}", of.outports[outport].sent, sent[name, outport])
                dropped = 0 if connected else sent[name, outport]
                same(f"dropped at {name}.{outport}", of.outports[outport].dropped, dropped)
        for place in plan.connected(position):
            ports = [
                report.components[name].inports[INPORTS[place]]
                for member, name in enumerate(names)
                if place in plan.connected(position, member)
            ]
            came = 0  # an initial value has not come from anywhere
            for link in plan.feeds(position, place):
                sources = plan.names(link.source)
                sources = sources if link.of is None else [sources[link.of]]
                every = link.to is None and plan.policy(position, place) == "broadcast"
                came += sum(sent[source, link.outport] for source in sources) * (len(names) if every else 1)
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
