"""Random plans."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from build import STYLES
from description import ENDLESS, Inport, Link, Node, Plan
from hypothesis import strategies as st

if TYPE_CHECKING:
    from collections.abc import Sequence

LARGEST = 7
"""Nodes in a plan, at most."""

FEATURES: frozenset[str] = frozenset()
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
    return _without_endless_streams(Plan(tuple(nodes), tuple(links)))


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
