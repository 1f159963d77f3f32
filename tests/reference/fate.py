"""Whether a graph comes to an end, or is bound to die, as far as the specification decides it.

A network whose components each fire in one order, on rows that time has no part in, is a Kahn network: with given
capacities it always does the same, and if it dies it always dies in the same state. Time has a part where several
outports feed one port, where trigger groups overlap, and where members share by who has room. Behind such places the
only things that can wait for ever are zips (all else takes whatever comes), so without zips there they do not matter.
"""

from __future__ import annotations

from functools import lru_cache

from description import ENDLESS, Link, Plan


def mortal(plan: Plan) -> bool:
    """Tell whether a graph may die: only where a firing needs several items, or in loops."""
    return bool(plan.cycles) or any(len(lane) > 1 for position in _all(plan) for lane in plan.lanes(position))


def certain(plan: Plan) -> bool:
    """Tell whether it is certain what becomes of a graph, whatever the order of steps."""
    if any(node.members for node in plan.nodes):
        return not mortal(plan)
    for position in _all(plan):
        for lane in plan.lanes(position):
            if (len(lane) > 1 or position in plan.cycle(position)) and not _lane_timeless(plan, position, lane):
                return False
    return True


@lru_cache(maxsize=1000)  # there are exponentially many ways back to the sources
def timeless(plan: Plan, position: int) -> bool:
    """Tell whether what a node sends, and in what order, does not depend on time."""
    node = plan.nodes[position]
    lanes = plan.lanes(position)
    if node.items == ENDLESS and not plan.connected(position):
        return sum(link.source == position for link in plan.links) == 1  # else who stops first matters to the others
    return not node.members and len(lanes) == 1 and _lane_timeless(plan, position, lanes[0])


def _lane_timeless(plan: Plan, position: int, lane: tuple[int, ...]) -> bool:
    feeds = [plan.feeds(position, place) for place in lane]
    within = any(plan.nodes[position].inports[place].within for place in lane)
    return not within and all(
        len(links) == 1 and all(_link_timeless(plan, position, link) for link in links) for links in feeds
    )


def _link_timeless(plan: Plan, position: int, link: Link) -> bool:
    return link.source == position or timeless(plan, link.source)


def _all(plan: Plan) -> range:
    return range(len(plan.nodes))
