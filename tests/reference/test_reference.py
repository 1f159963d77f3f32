"""Random graphs do on any number of workers what the model could have done, too."""

from dataclasses import replace

import pytest
from build import build
from checking import compare, followed, settled
from description import ENDLESS, Inport, Link, Node, Plan
from draws import LARGEST, plans
from fate import certain, mortal, timeless
from hypothesis import assume, event, given, settings
from hypothesis import strategies as st
from logs import Done
from model import Play, TooLongError
from regressions import ALL
from scale import SCALE
from schedules import Lots, Schedule

pytestmark = pytest.mark.once

PLACES = st.lists(st.integers(0, 4), min_size=LARGEST, max_size=LARGEST)


def settled_or_skipped(plan):
    """Give a plan that can be judged and what the model does, if that does not take too long."""
    try:
        return settled(plan)
    except TooLongError:
        assume(condition=False)


def drawn_or_skipped(plan, number):
    """Give what the model does if these lots are drawn, if that does not take too long."""
    try:
        return Play(plan, Lots(number)).run()
    except TooLongError:
        assume(condition=False)


def sends(outcome, name):
    """Give what an instance has sent."""
    return [content for what, content in outcome.logs[name] if what == "sends"]


@settings(max_examples=int(130 * SCALE), deadline=None, derandomize=True)
@given(plan=plans())
def test_a_graph_in_the_calling_process(plan):
    plan, expected = settled_or_skipped(plan)
    event(f"dead: {bool(expected.stuck)}")
    event(f"mortal: {mortal(plan)}, certain: {certain(plan)}")
    compare(plan, expected, 0)


@settings(max_examples=int(50 * SCALE), deadline=None, derandomize=True)
@given(plan=plans(), workers=st.integers(1, 5), places=PLACES)
def test_a_graph_on_forked_workers(plan, workers, places):
    compare(*settled_or_skipped(plan), workers, places, "fork")


@settings(max_examples=int(3 * SCALE), deadline=None, derandomize=True)
@given(plan=plans(), workers=st.integers(1, 3), places=PLACES)
def test_a_graph_on_spawned_workers(plan, workers, places):
    compare(*settled_or_skipped(plan), workers, places, "spawn")


@pytest.mark.parametrize("workers", [0, 1, 3])
@pytest.mark.parametrize("name", ALL)
def test_a_graph_that_once_went_wrong(name, workers):
    compare(*settled(ALL[name]), workers, range(LARGEST))


@pytest.mark.parametrize("workers", [0, 2])
def test_a_row_that_waits_for_a_key_is_discarded_once_all_members_have_ended(workers, tmp_path):
    build(ALL["KEYS_THAT_NEVER_COME"], str(tmp_path)).run(num_workers=workers)


@settings(max_examples=int(60 * SCALE), deadline=None, derandomize=True)
@given(plan=plans(), number=st.integers(0, 10**6))
def test_the_model_does_the_same_in_any_order_where_time_has_no_part(plan, number):
    plan, expected = settled_or_skipped(plan)
    other = drawn_or_skipped(plan, number)
    if not mortal(plan):
        assert not other.stuck
    if certain(plan):
        assert (other.stuck, other.fills) == (expected.stuck, expected.fills)
    for position, node in enumerate(plan.nodes):
        if timeless(plan, position) and node.items != ENDLESS and not (expected.stuck | other.stuck):
            assert sends(expected, plan.name(position)) == sends(other, plan.name(position))


@settings(max_examples=int(60 * SCALE), deadline=None, derandomize=True)
@given(plan=plans(), number=st.integers(0, 10**6))
def test_the_model_can_follow_itself(plan, number):
    plan, _ = settled_or_skipped(plan)
    outcome = drawn_or_skipped(plan, number)
    if not outcome.stuck:
        assert followed(plan, {name: Done(log) for name, log in outcome.logs.items()}) == []


def ladder(source, *others):
    """Give a plan of forty more nodes, each of which has the one before it on all of its three ports."""
    nodes = (source, *others, *[others[-1]] * (40 - len(others)))
    links = (Link(n, out, n + 1, place) for n in range(40) for place, out in enumerate("xyx"))
    return Plan(nodes, tuple(links))


def test_what_is_known_of_a_plan_is_found_without_going_every_way():
    zip_, turns = Node(inports=(Inport(),) * 3), Node(inports=(Inport(policy="round_robin"),) * 3, members=2)
    assert not ladder(Node(items=ENDLESS), zip_).finite(40)  # there are 3 to the power of 40 ways
    assert ladder(Node(items=2), turns, replace(zip_, members=2)).retraceable(40)
    assert timeless(ladder(Node(items=2), zip_), 40)


CHAIN = Plan(
    (Node(items=5), Node((Inport(2),), ("x", "")), Node((Inport(1),))),
    (Link(0, "x", 1, 0), Link(1, "x", 2, 0)),
)


def test_the_model_follows_nothing_else():
    logs = {name: Done(log) for name, log in Play(CHAIN, Schedule()).run().logs.items()}
    assert followed(CHAIN, logs) == []
    for name, done in logs.items():
        for place in range(len(done.log) - 1):
            log = [*done.log]
            log[place : place + 2] = reversed(log[place : place + 2])
            assert followed(CHAIN, {**logs, name: Done(log)}), "two events the other way round"
            assert followed(CHAIN, {**logs, name: Done(done.log[: place + 1])}), "events left undone"
            assert followed(CHAIN, {**logs, name: Done([*done.log, done.log[place]])}), "an event twice"
