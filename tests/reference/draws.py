"""Random plans."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from build import STYLES
from description import ENDLESS, OUTPORTS, WHOLE, Inport, Link, Node, Plan
from hypothesis import strategies as st

if TYPE_CHECKING:
    from collections.abc import Sequence

LARGEST = 7
"""Nodes in a plan, at most."""

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
    if draw(st.integers(0, 2)):
        plan = draw(_grouped(Plan(tuple(nodes), tuple(links))))
        nodes, links = [*plan.nodes], [*plan.links]
    if draw(st.integers(0, 2)) == 0:
        nodes = [draw(_batched(node)) for node in nodes]
    plan = draw(_alone(Plan(tuple(nodes), tuple(links))))
    if draw(st.booleans()):
        plan = dataclasses.replace(plan, subgraphs=draw(_spans(0, len(nodes))))
    if draw(st.integers(0, 2)) == 0:
        plan = draw(_looped(plan))
    if plan.subgraphs and draw(st.booleans()):
        plan = draw(_repeated(plan))
    return _without_endless_streams(_without_seeded_rows(plan))


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
    """Make groups of some nodes: such as have no loop of their own."""
    nodes = [*plan.nodes]
    for position, node in enumerate(nodes):
        if position in plan.cycle(position) or node.items == ENDLESS or draw(st.booleans()):
            continue
        inports = [*node.inports]
        seeded = draw(st.booleans())
        for place, port in enumerate(inports):
            inports[place] = dataclasses.replace(
                port, seeded=port.seeded and (seeded or not plan.feeds(position, place))
            )
        for lane in {plan.lane(position, place) for place in plan.connected(position)}:
            chosen = draw(st.sampled_from(lane))
            policy = draw(st.sampled_from(["balanced", "balanced", "round_robin", "broadcast", "keyed"]))
            inports[chosen] = dataclasses.replace(inports[chosen], policy=policy)
        nodes[position] = dataclasses.replace(node, inports=tuple(inports), members=draw(st.integers(1, 4)))
    links = tuple(
        dataclasses.replace(link, ordered=not nodes[link.source].members or draw(st.integers(0, 3)) > 0)
        for link in plan.links
    )
    plan = Plan(tuple(nodes), links)
    for position, node in enumerate(nodes):
        if not _pairs_stand_alone(plan, position):
            nodes[position] = dataclasses.replace(node, members=node.members + 4)
    return Plan(tuple(nodes), links)


def _pairs_stand_alone(plan: Plan, position: int) -> bool:
    """Tell whether no other rows are counted along with pairs: how that goes is not said."""
    pairs = [link for link in plan.links_to(position) if plan.paired(link)]
    lanes = [plan.lane(position, link.inport) for link in pairs]
    return all(len(lane) == 1 or sum(len(plan.feeds(position, place)) for place in lane) == 1 for lane in lanes)


@st.composite
def _alone(draw: st.DrawFn, plan: Plan) -> Plan:
    """Connect single members of some groups."""
    links = [*plan.links]
    nodes = [*plan.nodes]
    for number, link in enumerate(links):
        source, target = nodes[link.source], nodes[link.target]
        if source.members and draw(st.integers(0, 6)) == 0:
            links[number] = dataclasses.replace(link, of=draw(st.integers(0, source.members - 1)), ordered=True)
        if not target.members or draw(st.integers(0, 6)):
            continue
        others = plan.feeds(link.target, link.inport)
        # Else logs do not tell who had the rows that a member has left or lacked a part of.
        single = len(plan.lane(link.target, link.inport)) == 1
        declared = target.lanes is not None and any(link.inport in lane for lane in target.lanes)
        if single and not (declared and len(others) == 1):
            links[number] = dataclasses.replace(links[number], to=draw(st.integers(0, target.members - 1)))
            inports = [*target.inports]  # members that nothing is connected to have a value
            inports[link.inport] = dataclasses.replace(inports[link.inport], seeded=True)
            nodes[link.target] = dataclasses.replace(target, inports=tuple(inports))
    for position, node in enumerate(nodes):  # what is declared to be a trigger must be connected everywhere
        for place in {place for lane in node.lanes or () for place in lane}:
            feeds = [number for number, link in enumerate(links) if (link.target, link.inport) == (position, place)]
            if all(links[number].to is not None for number in feeds):
                links[feeds[0]] = dataclasses.replace(links[feeds[0]], to=None)
    changed = Plan(tuple(nodes), tuple(links))
    return changed if all(_pairs_stand_alone(changed, position) for position in range(len(nodes))) else plan


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
    inports = [*node.inports]
    lanes = (tuple(range(len(inports))),) if node.lanes is None else node.lanes
    for lane in lanes:
        for place in lane:
            port = inports[place]
            batch = draw(sizes)
            if port.token:
                continue  # the token of a loop would wait for others to come along
            within = bool(batch) and draw(st.integers(0, 3)) == 0
            inports[place] = dataclasses.replace(port, batch=batch, within=within)
    return dataclasses.replace(node, inports=tuple(inports))


def _without_seeded_rows(plan: Plan) -> Plan:
    """Take initial values from ports that share rows where several feed one: no log tells which row is which then."""
    nodes = [*plan.nodes]
    for position, node in enumerate(nodes):
        inports = [*node.inports]
        for place in plan.connected(position) if node.members else ():
            lane = plan.lane(position, place)
            feeds = [plan.feeds(position, other) for other in lane]
            single = all(len(links) == 1 and not nodes[links[0].source].members for links in feeds)
            everywhere = all(place in plan.connected(position, member) for member in range(node.members))
            if len(lane) > 1 and not single and everywhere:
                inports[place] = dataclasses.replace(inports[place], seeded=False)
        nodes[position] = dataclasses.replace(node, inports=tuple(inports))
    return dataclasses.replace(plan, nodes=tuple(nodes))


@st.composite
def _repeated(draw: st.DrawFn, plan: Plan) -> Plan:
    """Use a subgraph once more: beside the first, or behind it."""
    outer = [
        span
        for span in plan.subgraphs
        if not any(a <= span[0] and span[1] <= b for a, b in plan.subgraphs if (a, b) != span)
    ]
    begin, end = span = draw(st.sampled_from(outer))
    shift = len(plan.nodes) - begin
    inside = [begin <= position < end for position in range(len(plan.nodes))]
    links = [*plan.links]
    for link in plan.links:
        moved = dataclasses.replace(
            link,
            source=link.source + shift * inside[link.source],
            target=link.target + shift * inside[link.target],
        )
        if inside[link.target] and not inside[link.source] and draw(st.integers(0, 2)) == 0:
            source = draw(st.integers(begin, end - 1))
            moved = dataclasses.replace(
                moved, source=source, outport=draw(st.sampled_from(OUTPORTS)), of=None, ordered=True
            )
        if moved not in links and (inside[link.target] or (inside[link.source] and draw(st.booleans()))):
            links.append(moved)
    number = plan.subgraphs.index(span)
    repeated = dataclasses.replace(
        plan,
        nodes=(*plan.nodes, *plan.nodes[begin:end]),
        links=tuple(links),
        subgraphs=(*plan.subgraphs, (begin + shift, end + shift)),
        again=(*[None] * len(plan.subgraphs), number),
    )
    fine = all(_pairs_stand_alone(repeated, position) for position in range(len(repeated.nodes)))
    return repeated if fine else plan


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
            if plan.connected(source) and not plan.gives_token(source, outport)
        ]
        if not fed:
            break
        link = draw(st.sampled_from(fed))
        looped = dataclasses.replace(plan, nodes=tuple(nodes), links=(*links, link))
        if link in links or not _pairs_stand_alone(looped, link.target):
            continue
        links.append(link)
        if draw(st.integers(0, 4)):  # else it is bounded, and may die
            inports = [*nodes[link.target].inports]
            inports[link.inport] = dataclasses.replace(inports[link.inport], capacity=None)
            nodes[link.target] = dataclasses.replace(nodes[link.target], inports=tuple(inports))
    return dataclasses.replace(plan, nodes=tuple(nodes), links=tuple(links))


def _with_token(node: Node, position: int) -> tuple[Node, Link]:
    """Give a component a loop of its own: an inport that gets one item back for each firing, beginning with a token."""
    token = Inport(capacity=1, seeded=True, token=True)
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
