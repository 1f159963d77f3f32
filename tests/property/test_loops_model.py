"""Random cyclic graphs end by themselves, once every token has gone round for as long as it lives.

What a component does with a token depends on both alone, so a loop over one list of tokens is a model of every order.
"""

# ruff: noqa: N802  components are named as what they define would be, a class

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st
from scale import SCALE

from cascata import Graph, component, inport, outport, persist

pytestmark = pytest.mark.once

PATIENCE = 20.0
"""Seconds after which a run counts as hanging."""
MOST = 6
"""Components of a graph, at most."""


@dataclass(frozen=True)
class Member:
    """A component: where its two outports lead, and how its inport takes tokens."""

    targets: tuple[tuple[int, ...], tuple[int, ...]]
    batch: int | None
    within: bool
    """Batches are also complete after a time, a very long one."""
    worker: int
    seeded: int | None
    """How long the token that it begins with lives."""
    fed: tuple[int, ...]
    """How long those live that come from outside."""


@dataclass(frozen=True)
class Plan:
    members: tuple[Member, ...]
    splits: bool
    """Tokens multiply, so that ports have no bound; otherwise they hold few."""


@st.composite
def plans(draw):
    count = draw(st.integers(1, MOST))
    targets = st.lists(st.integers(0, count - 1), max_size=2, unique=True).map(tuple)
    lives = st.integers(0, 9)
    member = st.builds(
        Member,
        targets=st.tuples(targets, targets),
        batch=st.sampled_from([None, None, None, 1, 2, 5, 0]),
        within=st.booleans(),
        worker=st.integers(0, 2),
        seeded=st.none() | lives,
        fed=st.lists(lives, max_size=2).map(tuple),
    )
    members = draw(st.lists(member, min_size=count, max_size=count))
    return Plan(tuple(members), draw(st.booleans()))


def moves(plan, number, token):
    """Say what a component sends for a token, as (outport, token)."""
    life, name = token
    if life == 0:
        return []
    turn = (life * 7 + name * 3 + number) % 4
    ports = (0, 1) if turn == 3 and plan.splits else (turn % 2,)
    spread = 2 if plan.splits else 1
    return [(port, (life - spread if life >= spread else 0, name * 2 + port + 1)) for port in ports]


def simulate(plan):
    """Give how often each component gets each token."""
    waiting = [
        (number, (life, index))
        for number, member in enumerate(plan.members)
        for index, life in enumerate((*(() if member.seeded is None else (member.seeded,)), *member.fed))
    ]
    got = [Counter() for _ in plan.members]
    while waiting:
        number, token = waiting.pop()
        got[number][token] += 1
        for port, moved in moves(plan, number, token):
            waiting += [(target, moved) for target in plan.members[number].targets[port]]
    return got


def make(plan, number):
    member = plan.members[number]

    @component
    @inport("tokens", capacity=None)
    @outport("left")
    @outport("right")
    @outport("total")
    @persist("got", Counter)
    async def Mover(tokens, left, right, total, got):
        for token in [tokens] if isinstance(tokens, tuple) else tokens:
            got.get()[token] += 1
            for port, moved in moves(plan, number, token):
                await (left, right)[port].send(moved)

    @Mover.finish
    async def finish(left, right, total, got):
        await total.send(dict(got.get()))

    return Mover, member


def source(tokens):
    @component
    @outport("out")
    async def Source(out):
        for token in tokens:
            await out.send(token)

    return Source


def build(plan, workers):
    graph = Graph()
    for number in range(len(plan.members)):
        definition, member = make(plan, number)
        node = graph.add(f"c{number}", definition)
        seeds = 0
        if member.seeded is not None:
            node.tokens < (member.seeded, 0)
            seeds = 1
        if workers > 1:
            graph.place(node, worker=member.worker % workers)
        if member.fed:
            tokens = [(life, index + seeds) for index, life in enumerate(member.fed)]
            graph.add(f"s{number}", source(tokens))
    for number, member in enumerate(plan.members):
        outs = [
            graph.nodes[f"c{other}"].ports[name]
            for other, sender in enumerate(plan.members)
            for name, targets in zip(("left", "right"), sender.targets, strict=True)
            for target in targets
            if target == number
        ]
        if member.fed:
            outs.append(graph.nodes[f"s{number}"].out)
        within = 1000 if member.within and member.batch else None
        for out in outs:
            way = out if member.batch is None else out.batch(member.batch or None, within=within)
            way.connect(graph.nodes[f"c{number}"].tokens)
    return graph


def alive(plan):
    """Drop what the check before a run would refuse: components that nothing can reach."""
    reached = {number for number, member in enumerate(plan.members) if member.seeded is not None or member.fed}
    while True:
        more = {target for number in reached for port in plan.members[number].targets for target in port} - reached
        if not more:
            return len(reached) == len(plan.members)
        reached |= more


@settings(max_examples=int(150 * SCALE), deadline=None)
@given(plan=plans().filter(alive), workers=st.sampled_from([0, 0, 0, 1, 2, 3]))
def test_random_loops_end_with_every_token_where_the_model_says(plan, workers):
    expected = simulate(plan)
    graph = build(plan, workers)
    names = [f"c{number}" for number in range(len(plan.members))]
    event(f"batches: {any(member.batch is not None for member in plan.members)}")
    report = graph.run(num_workers=workers, timeout=PATIENCE, collect=[graph.nodes[name].total for name in names])
    for name, tokens in zip(names, expected, strict=True):
        assert report.collected[f"{name}.total"] == [dict(tokens)], name
