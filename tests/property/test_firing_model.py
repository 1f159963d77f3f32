"""Random graphs do on any number of workers what the model says."""

from collections import Counter

import pytest
from engine import STYLES, build
from hypothesis import assume, event, given, settings
from hypothesis import strategies as st
from model import names, simulate
from plans import LARGEST, SCALE, plans

from cascata import DeadlockError

WORKERS = (0, 1, 2, 3)
MOST_FIRINGS = 1500
PATIENCE = 10.0
"""Seconds that a run may take before it counts as hanging."""


def check(plan, expected, report):
    """Compare what a run has done with what the model says."""
    rows = {}
    sent = {}
    for number in range(len(plan.components)):
        rows[number] = report.collected[f"c{number}.rows"]
        for outport in ("x", "y", "again"):
            sent[number, outport] = report.collected[f"c{number}.{outport}"]
    for number, component in enumerate(plan.components):
        fired = [row for row, _ in rows[number]]
        for group in plan.trigger_groups(component):
            mine = [row for row in fired if of_group(row, group)]
            wanted = [row for row in expected.rows[number] if of_group(row, group)]
            if plan.ordered_rows(number, group):
                assert mine == wanted, f"rows of c{number} {group}"
            else:
                assert Counter(mine) == Counter(wanted), f"rows of c{number} {group}"
        for outport in ("x", "y", "again"):
            if plan.ordered(number):
                assert sent[number, outport] == expected.sent[number, outport], f"sent by c{number}.{outport}"
            else:
                assert Counter(sent[number, outport]) == Counter(expected.sent[number, outport])
        for index, port in enumerate(component.inports):
            check_port(number, index, port, rows[number], sent)
        assert report.components[f"c{number}"].firings == len(fired)


def of_group(row, group):
    return {index for index, value in enumerate(row) if value is not None} == set(group)


def check_port(number, index, port, rows, sent):
    """Items of one outport arrive in the order sent, each once; what a passive port shows grows no older."""
    taken = [row[index] for row, _ in rows if row[index] is not None]
    assert len(set(taken)) == len(taken)
    if port.initial is not None and taken:
        assert taken[0] == port.initial
    taken = [name for item in taken for name in names(item)]
    for producer in port.producers:
        sources = [name for name, _ in sent[producer]]
        arrived = [name for name in taken if name in sources]
        assert arrived == sources[: len(arrived)], f"order at c{number} port {index}"
    if len(port.producers) == 1:
        history = [*([port.initial[0]] if port.initial else []), *(name for name, _ in sent[port.producers[0]])]
        age = {name: place for place, name in enumerate(history)}
        shown = [-1 if values[index] is None else age[names(values[index])[0]] for _, values in rows]
        assert shown == sorted(shown), f"values shown of c{number} port {index}"
    elif not port.producers:
        assert all(values[index] == port.initial for _, values in rows)


@settings(max_examples=int(120 * SCALE), deadline=None)
@given(
    plan=plans(),
    style=st.sampled_from(STYLES),
    places=st.lists(st.integers(0, 5), min_size=LARGEST, max_size=LARGEST),
)
def test_a_graph_does_what_the_model_says(plan, style, places):
    expected = simulate(plan)
    assume(sum(map(len, expected.rows)) <= MOST_FIRINGS)
    event(f"dead: {bool(expected.stuck)}")
    event(f"batches: {any(port.batch is not None for component in plan.components for port in component.inports)}")
    event(f"in order throughout: {all(map(plan.ordered, range(len(plan.components))))}")
    # What a firing awaits besides a channel counts as alive, so only plain sends can be found dead.
    for workers in WORKERS:
        graph = build(plan, "await" if expected.stuck else style)
        collect = [port for node in graph.nodes.values() for port in node.outports]
        for node, place in zip(graph.nodes.values(), places, strict=False):
            if workers > 1:
                graph.place(node, worker=place % workers)
        if not expected.stuck:
            check(plan, expected, graph.run(num_workers=workers, collect=collect, timeout=PATIENCE))
            continue
        with pytest.raises(DeadlockError) as raised:
            graph.run(num_workers=workers, collect=collect, timeout=PATIENCE)
        stuck = {issue.split()[0] for issue in raised.value.issues}
        assert stuck == {f"c{number}" for number in expected.stuck}
