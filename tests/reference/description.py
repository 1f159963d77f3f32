"""Graphs as plain data: what the model and the engine are both given."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from functools import cached_property

Item = tuple[str, int, int, str]
"""Name, number, how many more times it may go round a loop, and ballast."""

Value = Item | list[Item] | None
"""What a firing sees at an inport: a list if the port is batched, `None` if there is nothing to be seen yet."""

INPORTS = "abc"
OUTPORTS = "xy"
ENDLESS = -1
WHOLE = 0
"""The size of a batch that takes the whole stream."""
ROUNDS = 3
"""How many times an item may go round a loop."""


@dataclass(frozen=True)
class Inport:
    """An inport; it is called `a`, `b` or `c` by its place."""

    capacity: int | None = 10
    seeded: bool = False
    token: bool = False
    """Whether it gets one item back for each firing, the first of which is on its initial value."""
    batch: int | None = None
    """The size of its batches; `WHOLE` for one list of everything, `None` for no batches."""
    within: bool = False
    """Whether a batch may also be delivered before it is full, after a moment."""
    policy: str = "balanced"
    """How a group's inport shares out."""


@dataclass(frozen=True)
class Node:
    """A component, or a group of them."""

    inports: tuple[Inport, ...] = ()
    script: tuple[str, ...] = ("x",)
    by_item: bool = False
    """Whether the numbers of the items say which step of the script it is, and not how many firings there have been."""
    items: int = 0
    """How many steps of the script a source goes through; `ENDLESS`: until nobody wants its items any more."""
    lanes: tuple[tuple[int, ...], ...] | None = None
    """The trigger groups that are declared, as places of inports; `None` if none is."""
    finish: str = ""
    """What the finish function does, in letters of a script."""
    style: str = "await"
    """How it waits for its sends; see `build`."""
    members: int = 0
    """How many there are in the group; 0 for a component that is alone."""


@dataclass(frozen=True)
class Link:
    """A connection."""

    source: int
    outport: str
    target: int
    inport: int
    ordered: bool = True
    """Whether what a group sends is gathered in order."""
    of: int | None = None
    """The member whose outport it is, if it is that of one alone."""
    to: int | None = None
    """The member whose inport it is, if it is that of one alone."""


@dataclass(frozen=True)
class Plan:
    """A graph. `subgraphs` are the nodes that are put into it in a subgraph of their own: ranges of places."""

    nodes: tuple[Node, ...]
    links: tuple[Link, ...] = ()
    subgraphs: tuple[tuple[int, int], ...] = ()
    again: tuple[int | None, ...] = ()
    """For each subgraph the other one that it is a copy of, if it is; what is not said is not."""

    def __deepcopy__(self, memo: object) -> Plan:
        """Give itself: every instance in the calling process is made with a copy of what it is given."""
        return self

    def feeds(self, target: int, inport: int, member: int | None = None) -> list[Link]:
        """Give the connections of an inport, of any member or of one."""
        links = [link for link in self.links if (link.target, link.inport) == (target, inport)]
        return links if member is None else [link for link in links if link.to in {None, member}]

    def links_to(self, position: int) -> list[Link]:
        """Give the connections of a node's inports."""
        return [link for link in self.links if link.target == position]

    def connected(self, position: int, member: int | None = None) -> tuple[int, ...]:
        """Give the inports that something feeds, of any member or of one."""
        links = [link for link in self.links_to(position) if member is None or link.to in {None, member}]
        return tuple(sorted({link.inport for link in links}))

    def lanes(self, position: int, member: int | None = None) -> tuple[tuple[int, ...], ...]:
        """Give the trigger groups, declared or not; the one without ports fires once."""
        node = self.nodes[position]
        return (self.connected(position, member),) if node.lanes is None else node.lanes

    def lane(self, position: int, inport: int) -> tuple[int, ...]:
        """Give the trigger group of an inport; a passive one is alone."""
        return next((lane for lane in self.lanes(position) if inport in lane), (inport,))

    @cached_property
    def cycles(self) -> list[frozenset[int]]:
        """The loops: nodes that reach each other."""
        reach = [self._reach(position) for position in range(len(self.nodes))]
        loops = {frozenset(b for b in reach[a] if a in reach[b]) for a in range(len(self.nodes)) if a in reach[a]}
        return sorted(loops, key=min)

    def _reach(self, position: int) -> set[int]:
        reached: set[int] = set()
        todo = deque([position])
        while todo:
            here = todo.popleft()
            further = {link.target for link in self.links if link.source == here and self.triggers(link)} - reached
            reached |= further
            todo.extend(further)
        return reached

    def triggers(self, link: Link) -> bool:
        """Tell whether a connection leads to a trigger port; a passive one sets nothing going."""
        return any(link.inport in lane for lane in self.lanes(link.target))

    def cycle(self, position: int) -> frozenset[int]:
        """Give the loop that a node is in, or nothing."""
        return next((cycle for cycle in self.cycles if position in cycle), frozenset())

    def goes_round(self, position: int, outport: str) -> bool:
        """Tell whether what is sent here stays in a loop; a token goes round as often as anything else comes."""
        cycle = self.cycle(position)
        return any(
            (link.source, link.outport) == (position, outport)
            and link.target in cycle
            and self.triggers(link)
            and not self.nodes[link.target].inports[link.inport].token
            for link in self.links
        )

    def gives_token(self, position: int, outport: str) -> bool:
        """Tell whether what is sent here is the token of a loop."""
        links = [link for link in self.links if (link.source, link.outport) == (position, outport)]
        return any(self.nodes[link.target].inports[link.inport].token for link in links)

    def finite(self, position: int) -> bool:
        """Tell whether a node comes to an end by itself: a zip does with the first of its ports."""
        if position not in self._finite:  # there are exponentially many ways back to the sources
            self._finite[position] = self._is_finite(position)
        return self._finite[position]

    def _is_finite(self, position: int) -> bool:
        node, cycle = self.nodes[position], self.cycle(position)
        if not self.connected(position):
            return node.items != ENDLESS
        return all(
            any(
                all(link.source not in cycle and self.finite(link.source) for link in self.feeds(position, place))
                for place in lane
            )
            for lane in self.lanes(position)
        )

    def stoppable(self, position: int) -> bool:
        """Tell whether all that take what a source sends end, and one of them keeps it from rushing ahead."""
        links = [link for link in self.links if link.source == position]
        ports = [self.nodes[link.target].inports[link.inport] for link in links if self.triggers(link)]
        bounded = any(port.capacity is not None and port.batch != WHOLE for port in ports)
        return bounded and all(self.finite(link.target) for link in links)

    def name(self, position: int, member: int | None = None) -> str:
        """Give the name of a node in the graph, or of a member of a group."""
        for number, span in enumerate(self.subgraphs):
            first = self.first(number)
            if first != number and span[0] <= position < span[1]:
                there = self.name(position - span[0] + self.subgraphs[first][0], member)
                return f"s{number}_" + there.removeprefix(f"s{first}_")
        prefix = "".join(f"s{number}_" for number, (a, b) in enumerate(self.subgraphs) if a <= position < b)
        return f"{prefix}c{position}" + ("" if member is None else f"_{member}")

    def subgraphs_in(self, span: tuple[int, int]) -> list[tuple[int, int]]:
        """Give the subgraphs that lie in one; of those that lie in each other, the outer one comes first."""
        further = self.subgraphs[self.subgraphs.index(span) + 1 :]
        return [inner for inner in further if span[0] <= inner[0] and inner[1] <= span[1]]

    def first(self, number: int) -> int:
        """Give the subgraph that one is a copy of, or its own number."""
        first = self.again[number] if number < len(self.again) else None
        return number if first is None else first

    def names(self, position: int) -> list[str]:
        """Give the names of a node's instances."""
        members = range(self.nodes[position].members)
        return [self.name(position, member) for member in members] or [self.name(position)]

    def paired(self, link: Link) -> bool:
        """Tell whether a connection is one of groups of equal size: member i to member i, unless a policy is said."""
        said = self.nodes[link.target].inports[link.inport].policy != "balanced"
        alone = link.of is not None or link.to is not None
        return not said and not alone and 0 < self.nodes[link.source].members == self.nodes[link.target].members

    def policy(self, position: int, inport: int) -> str:
        """Give the policy of a group's inport: that of its row, of which one port may say it.

        Every row of a trigger group may be for all, also if some of it is shared out by itself otherwise.
        """
        row, desk = self.lane(position, inport), self.desk(position, inport)
        said = {self._said(position, place): place for place in (*(set(row) - set(desk)), *desk)}
        if "broadcast" in said:
            return "broadcast"
        of_desk = {policy: place for policy, place in said.items() if policy != "balanced" and place in desk}
        policy, place = next(iter(of_desk.items()), ("balanced", inport))
        return "keyed elsewhere" if policy == "keyed" and place != inport else policy

    def _said(self, position: int, inport: int) -> str:
        """Give the policy that is said where an inport is connected."""
        shared = any(link.to is None for link in self.feeds(position, inport))
        return self.nodes[position].inports[inport].policy if shared else "balanced"

    def way(self, position: int, inport: int) -> str:
        """Say how items come to the members of a group: `shared`, `paired`, or `mixed`, which no numbers span."""
        feeds = self.feeds(position, inport)
        ways = {"paired" if self.paired(link) else "shared" if link.to is None else "mixed" for link in feeds}
        return "mixed" if len(ways) > 1 or (ways == {"paired"} and len(feeds) > 1) else next(iter(ways), "mixed")

    def desk(self, position: int, inport: int) -> tuple[int, ...]:
        """Give the ports whose rows are shared out together with those of an inport."""
        lane = self.lane(position, inport)
        whole = tuple(
            place
            for place in lane
            if not self.nodes[position].inports[place].within and self.way(position, place) == "shared"
        )
        return whole if inport in whole else (inport,)

    def apart(self, position: int) -> bool:
        """Tell whether members of a group may end before others: they fire on something that is their own, too.

        Or on something that is shared out by itself, and ends before the rest.
        """
        ports = [place for lane in self.lanes(position) for place in lane]
        return any(self.way(position, place) == "mixed" or self.bequeaths(position, place) for place in ports)

    def bequeaths(self, position: int, inport: int) -> bool:
        """Tell whether what a member has got here and not seen, as it ends before others, is shared out again.

        Not if it is part of a row, or in a loop.
        """
        alone = self.desk(position, inport) == (inport,) and self.way(position, inport) == "shared"
        shared = alone and bool(self.nodes[position].members) and self.policy(position, inport) != "broadcast"
        return shared and not self.cycle(position) and len(self.lane(position, inport)) > 1

    @cached_property
    def _finite(self) -> dict[int, bool]:
        return {}

    @cached_property
    def _numbered(self) -> dict[int, bool]:
        return {}

    @cached_property
    def _retraced(self) -> dict[int, bool]:
        return {}

    def numbered(self, position: int) -> bool:
        """Tell whether what a node sends bears numbers: a group outside of loops that something is shared out to.

        Where trigger groups overlap there is no order of inputs that results could be in.
        """
        if position not in self._numbered:
            self._numbered[position] = self._bears_numbers(position)
        return self._numbered[position]

    def _bears_numbers(self, position: int) -> bool:
        if not self.nodes[position].members or self.cycle(position) or len(self.lanes(position)) != 1:
            return False
        (lane,) = self.lanes(position)
        if any(set(self.connected(position, member)) & set(lane) != set(lane) for member in self._members(position)):
            return False
        ways = {place: self.way(position, place) for place in lane}
        if any(self.nodes[position].inports[place].within for place in lane) and (
            len(lane) > 1 or self.policy(position, lane[0]) == "broadcast"
        ):
            return False  # time makes the rows, and who has the same items is not equally far
        if "shared" in ways.values():
            return True
        paired = [place for place, way in ways.items() if way == "paired"]
        return any(self.numbered(self.feeds(position, place)[0].source) for place in paired)

    def ordered(self, link: Link) -> bool:
        """Tell whether what comes by a connection comes in the order of numbers."""
        return link.ordered and link.of is None and not self.paired(link) and self.numbered(link.source)

    def retraceable(self, position: int) -> bool:
        """Tell whether what the members of a group do tells in what order its rows were shared out."""
        if position not in self._retraced:
            self._retraced[position] = all(self._retraceable(position, place) for place in self.lanes(position)[0])
        return self._retraced[position]

    def _retraceable(self, position: int, inport: int) -> bool:
        feeds = self.feeds(position, inport)
        if self.nodes[position].inports[inport].within:
            return False  # when time was over is not known
        if all(map(self.paired, feeds)):
            return all(self.retraceable(link.source) for link in feeds)
        if self.policy(position, inport) in {"round_robin", "broadcast"}:
            return True
        (feed, *others) = feeds
        ordered = self.ordered(feed) and self.retraceable(feed.source)
        return not others and (ordered or feed.of is not None or not self.nodes[feed.source].members)

    def _members(self, position: int) -> range:
        return range(self.nodes[position].members or 1)
