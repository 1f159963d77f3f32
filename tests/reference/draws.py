"""Random plans."""

from __future__ import annotations

import dataclasses
import os
from typing import TYPE_CHECKING

from build import STYLES
from description import ENDLESS, OUTPORTS, ROUNDS, WHOLE, Inport, Link, Node, Plan
from hypothesis import strategies as st

if TYPE_CHECKING:
    from collections.abc import Sequence

LARGEST = 7
"""Nodes in a plan, at most."""

FEATURES = frozenset(os.environ.get("CASCATA_FEATURES", "").split())
"""What else may be drawn: `groups`, `batches`, `subgraphs`, `loops`."""

CAPACITIES = st.one_of(st.integers(1, 3), st.integers(1, 20), st.none())
WORDS = st.sampled_from(["x", "", "xx", "y", "xy", "yx", "xxx", "xyx", ".x", "x.x", "x~", "xt", "y.", "."])
SCRIPTS = st.lists(WORDS, min_size=1, max_size=4).map(tuple)


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    """Draw a plan."""
    nodes: list[Node] = []
    links: list[Link] = []
    zipping = draw(st.booleans())  # half of the plans zip whatever they can, which is what makes graphs die
    merging = not zipping or draw(st.integers(0, 3)) == 0
    for position in range(draw(st.integers(1, LARGEST))):
        inports, fed = draw(_inports(position, merging=merging)) if position and draw(st.integers(0, 4)) else ((), [])
        links += fed
        lanes = None if zipping else draw(_lanes(sorted({link.inport for link in fed})))
        node = Node(
            inports=inports,
            script=draw(SCRIPTS),
            by_item=draw(st.integers(0, 3)) == 0,
            items=draw(st.integers(0, 30)),
            lanes=lanes,
            finish=draw(st.sampled_from(["", "", "x", "y", "x.y"])),
            style=draw(st.sampled_from(STYLES)) if draw(st.booleans()) else "await",
        )
        if not fed and draw(st.integers(0, 9)) == 0:
            node = dataclasses.replace(node, items=ENDLESS, script=(*node.script, "x"), finish="", style="await")
        if lanes is None and fed and len(inports) < 3 and draw(st.integers(0, 3)) == 0:
            node, link = _with_token(node, position)
            links.append(link)
        nodes.append(node)
    if "groups" in FEATURES and draw(st.integers(0, 3)):
        plan = draw(_grouped(Plan(tuple(nodes), tuple(links))))
        nodes, links = [*plan.nodes], [*plan.links]
    if "batches" in FEATURES and draw(st.booleans()):
        nodes = [draw(_batched(node)) for node in nodes]
    plan = Plan(tuple(nodes), tuple(links))
    if "subgraphs" in FEATURES and draw(st.booleans()):
        plan = dataclasses.replace(plan, subgraphs=draw(_spans(0, len(nodes))))
    if "loops" in FEATURES and draw(st.booleans()):
        plan = draw(_looped(plan))
    return _without_endless_streams(plan)


@st.composite
def _inports(draw: st.DrawFn, position: int, *, merging: bool) -> tuple[tuple[Inport, ...], list[Link]]:
    """Draw inports of a component, and what feeds them; each by one outport unless `merging`."""
    outports = [(source, outport) for source in range(position) for outport in "xy"]
    inports: list[Inport] = []
    links: list[Link] = []
    for place in range(draw(st.integers(1, 3))):
        count = min(draw(st.sampled_from([1, 1, 1, 1, 0, 2, 3])) if merging else 1, len(outports))
        feeds = draw(st.lists(st.sampled_from(outports), min_size=count, max_size=count, unique=True))
        links += [Link(source, outport, position, place) for source, outport in feeds]
        inports.append(Inport(capacity=draw(CAPACITIES), seeded=not feeds or draw(st.integers(0, 4)) == 0))
    return tuple(inports), links


@st.composite
def _lanes(draw: st.DrawFn, connected: Sequence[int]) -> tuple[tuple[int, ...], ...] | None:
    """Draw what trigger groups to declare; the connected inports in none of them are passive."""
    if not connected or draw(st.booleans()):
        return None
    left = draw(st.permutations(connected))
    lanes: list[tuple[int, ...]] = []
    while left and (not lanes or draw(st.booleans())):
        size = draw(st.integers(1, len(left)))
        lanes.append(tuple(left[:size]))
        left = left[size:]
    return tuple(lanes)


@st.composite
def _grouped(draw: st.DrawFn, plan: Plan) -> Plan:
    """Make groups of some nodes: such as have one trigger group, and no loop of their own."""
    nodes = [*plan.nodes]
    for position, node in enumerate(nodes):
        if node.lanes is not None or position in plan.cycle(position) or node.items == ENDLESS or draw(st.booleans()):
            continue
        chosen = draw(st.integers(0, 2))
        policy = draw(st.sampled_from(["balanced", "round_robin", "broadcast", "keyed"]))
        inports = tuple(
            dataclasses.replace(
                port,
                seeded=port.seeded and not plan.feeds(position, place),
                policy=policy
                if (place == chosen or policy == "broadcast") and plan.feeds(position, place)
                else "balanced",
            )
            for place, port in enumerate(node.inports)
        )
        nodes[position] = dataclasses.replace(node, inports=inports, members=draw(st.integers(1, 4)))
    links = tuple(
        dataclasses.replace(link, ordered=not nodes[link.source].members or draw(st.integers(0, 3)) > 0)
        for link in plan.links
    )
    plan = Plan(tuple(nodes), links)
    for position, node in enumerate(nodes):  # how rows of other origins are counted along with pairs is not said
        if any(map(plan.paired, plan.links_to(position))) and len(plan.links_to(position)) > 1:
            nodes[position] = dataclasses.replace(node, members=node.members + 4)
    return Plan(tuple(nodes), links)


@st.composite
def _spans(draw: st.DrawFn, begin: int, end: int) -> tuple[tuple[int, int], ...]:
    """Draw subgraphs, of which some have subgraphs of their own."""
    spans: list[tuple[int, int]] = []
    while begin < end and draw(st.booleans()):
        begin = draw(st.integers(begin, end - 1))
        span = begin, draw(st.integers(begin + 1, end))
        spans.append(span)
        spans += [inner for inner in draw(_spans(*span)) if inner != span] if span[1] - begin > 1 else []
        begin = span[1]
    return tuple(spans)


@st.composite
def _batched(draw: st.DrawFn, node: Node) -> Node:
    """Let some inports deliver batches, if a firing sees them as such: passive ports do not."""
    sizes = st.sampled_from([None, None, None, 1, 2, 3, 7, WHOLE])
    inports = tuple(
        dataclasses.replace(port, batch=draw(sizes), within=draw(st.integers(0, 3)) == 0)
        if port.rounds == ROUNDS  # else it is the token of a loop, which would wait for others to come along
        else port
        for port in node.inports
    )
    inports = tuple(dataclasses.replace(port, within=port.within and bool(port.batch)) for port in inports)
    return node if node.lanes is not None or node.members else dataclasses.replace(node, inports=inports)


@st.composite
def _looped(draw: st.DrawFn, plan: Plan) -> Plan:
    """Lead some outports back to inports that others feed, too."""
    nodes, links = [*plan.nodes], [*plan.links]
    for _ in range(draw(st.integers(1, 2))):
        fed = [
            Link(source, outport, target, place)
            for target in range(len(nodes))
            for place in plan.connected(target)
            for source in range(target, len(nodes))
            for outport in OUTPORTS
            if plan.connected(source)
        ]
        if not fed:
            break
        link = draw(st.sampled_from(fed))
        if link in links:
            continue
        links.append(link)
        if draw(st.integers(0, 4)):  # else it is bounded, and may die
            inports = [*nodes[link.target].inports]
            inports[link.inport] = dataclasses.replace(inports[link.inport], capacity=None)
            nodes[link.target] = dataclasses.replace(nodes[link.target], inports=tuple(inports))
    return dataclasses.replace(plan, nodes=tuple(nodes), links=tuple(links))


def _with_token(node: Node, position: int) -> tuple[Node, Link]:
    """Give a component a loop of its own: an inport that gets one item back for each firing, beginning with a token."""
    token = Inport(capacity=1, seeded=True, rounds=10**6)
    script = tuple(word.replace("y", "") + "y" for word in node.script)
    link = Link(position, "y", position, len(node.inports))
    return dataclasses.replace(node, inports=(*node.inports, token), script=script, finish=""), link


def _without_endless_streams(plan: Plan) -> Plan:
    """Let those sources end whose items somebody would take for ever."""
    for position, node in enumerate(plan.nodes):
        if node.items == ENDLESS and not plan.stoppable(position):
            nodes = [*plan.nodes]
            nodes[position] = dataclasses.replace(node, items=20)
            return _without_endless_streams(dataclasses.replace(plan, nodes=tuple(nodes)))
    return plan
