"""Whether those who wait for ever have reason to, by what a `DeadlockError` and the logs say: for any graph.

A wake-up that was lost, or a count of what is awake that was wrong, shows as somebody who waits for what is there.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from actors import items_of
from description import INPORTS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from description import Link, Plan
    from logs import Done

FOR_ITEM = re.compile(r"waits for an item at (\S+)\.(\w) \((\d+) \S+ ?\S* inside(?:, (\d+)[^)]* in its batch)?\)")
FOR_TURN = re.compile(r"waits for room or its turn behind (\S+)\.(\w): ")


def unfounded(plan: Plan, done: Mapping[str, Done], issues: Iterable[str]) -> list[str]:
    """Say who waits for something that is there, or for something that cannot come any more."""
    people = {
        name: (position, member)
        for position in range(len(plan.nodes))
        for member, name in enumerate(plan.names(position))
    }
    texts: list[str] = []
    for issue in issues:
        for name, port, fill, batched in FOR_ITEM.findall(issue):
            position, member = people[name]
            texts += _for_item(plan, done, (position, member, INPORTS.index(port)), int(fill), int(batched or 0))
        for name, port in FOR_TURN.findall(issue):
            position, member = people[name]
            links = [link for link in plan.links if (link.source, link.outport) == (position, port)]
            ports = {(link.target, link.inport) for link in links if link.of in {None, member}}
            if not any(_waits_for_others(plan, link) for port in ports for link in plan.feeds(*port)):
                texts.append(f"{name} waits for room behind {port}, where all ports have some")
    return texts


def _for_item(
    plan: Plan, done: Mapping[str, Done], port: tuple[int, int, int], fill: int, batched: int
) -> Iterator[str]:
    position, member, place = port
    label = f"{plan.names(position)[member]}.{INPORTS[place]}"
    feeds = plan.feeds(position, place, member)
    sent = [(name, link) for link in feeds for name in _sources(plan, link, member)]
    if fill and not any(map(plan.ordered, feeds)):
        yield f"{label} is waited for, and has {fill}"
    left = any(_waits_for_others(plan, link) for link in feeds) or plan.bequeaths(position, place)
    if not left and not any(done[name].dead for name, _ in sent):
        yield f"{label} is waited for, and all that feed it have ended"
    if not plan.nodes[position].members and not any(map(plan.ordered, feeds)):
        taken = {
            item
            for what, content in done[plan.name(position)].log
            if what == "fires"
            for item in items_of(content[place])
        }
        over = [
            content[1]
            for name, link in sent
            for what, content in done[name].log
            if what == "sends" and content[0] == link.outport and content[1] not in done[name].unfinished
        ]
        lost = sum(item not in taken for item in over) - fill - batched
        if lost > 0:
            yield f"{label} is waited for, and {lost} of what was sent there is nowhere"


def _waits_for_others(plan: Plan, link: Link) -> bool:
    """Tell whether an item may wait for others on its way, as the order of results or another part of its row."""
    in_rows = plan.nodes[link.target].members > 0 and len(plan.desk(link.target, link.inport)) > 1
    return plan.ordered(link) or in_rows


def _sources(plan: Plan, link: Link, member: int) -> list[str]:
    names = plan.names(link.source)
    return [names[link.of]] if link.of is not None else [names[member]] if plan.paired(link) else names
