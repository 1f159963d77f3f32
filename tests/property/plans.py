"""Random plans for the model and the engine."""

from __future__ import annotations

import dataclasses
import os

from hypothesis import strategies as st
from model import ComponentPlan, Plan, PortPlan

SCALE = float(os.environ.get("CASCATA_EXAMPLES", "1"))
"""How many times the usual number of examples the property tests try."""

CAPACITIES = st.one_of(st.integers(1, 3), st.integers(1, 20), st.none())
LARGEST = 7
"""Components in a plan, at most."""


def _token(number: int, index: int) -> tuple[str, str]:
    return f"token {number}.{index}", ""


@st.composite
def _ports(draw: st.DrawFn, number: int, *, single: bool) -> tuple[PortPlan, ...]:
    """Draw inports of a component, fed by earlier ones; each by one outport if `single`."""
    outports = [(source, outport) for source in range(number) for outport in ("x", "y")]
    ports = []
    for index in range(draw(st.integers(1, 3))):
        feeds = 1 if single else min(draw(st.sampled_from([0, 1, 1, 1, 1, 1, 2, 3])), len(outports))
        producers = draw(st.lists(st.sampled_from(outports), min_size=feeds, max_size=feeds, unique=True))
        seeded = not producers or draw(st.integers(0, 4)) == 0
        ports.append(PortPlan(draw(CAPACITIES), tuple(producers), _token(number, index) if seeded else None))
    return tuple(ports)


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    """Draw a plan in which the model speaks for every order of steps; see there."""
    components: list[ComponentPlan] = []
    # Half of the plans zip whatever they can, which is what makes graphs die.
    zipping = draw(st.booleans())
    for number in range(draw(st.integers(1, LARGEST))):
        ports = draw(_ports(number, single=zipping)) if number and draw(st.integers(0, 4)) else ()
        component = ComponentPlan(
            seed=draw(st.integers(0, 10**6)) * LARGEST + number,
            inports=ports,
            groups=None if zipping else draw(_groups(ports)),
            items=draw(st.integers(0, 30)),
            most=draw(st.sampled_from([1, 1, 2, 3])),
            finishes=draw(st.integers(0, 3)) == 0,
        )
        component = draw(_batched(components, component))
        component = _kept_apart(components, component)
        if component.groups is None and draw(st.integers(0, 3)) == 0:
            component = _looped(components, component)
        components.append(component)
    return Plan(tuple(components))


@st.composite
def _groups(draw: st.DrawFn, ports: tuple[PortPlan, ...]) -> tuple[tuple[int, ...], ...] | None:
    """Draw what trigger groups to declare; the connected ports in none of them are passive."""
    connected = [index for index, port in enumerate(ports) if port.producers]
    if not connected or draw(st.booleans()):
        return None
    shuffled = draw(st.permutations(connected))
    groups: list[tuple[int, ...]] = []
    while shuffled and (not groups or draw(st.booleans())):
        size = draw(st.integers(1, len(shuffled)))
        groups.append(tuple(shuffled[:size]))
        shuffled = shuffled[size:]
    return tuple(groups)


@st.composite
def _batched(draw: st.DrawFn, earlier: list[ComponentPlan], component: ComponentPlan) -> ComponentPlan:
    """Let some ports deliver batches, if the order of what they are fed with is promised."""
    plan = Plan(tuple(earlier))
    ports = list(component.inports)
    for index, port in enumerate(ports):
        if len(port.producers) == 1 and plan.ordered(port.producers[0][0]) and draw(st.integers(0, 2)) == 0:
            ports[index] = dataclasses.replace(port, batch=draw(st.sampled_from([1, 2, 2, 3, 5, 20, 0])))
    return dataclasses.replace(component, inports=tuple(ports))


def _kept_apart(earlier: list[ComponentPlan], component: ComponentPlan) -> ComponentPlan:
    """Split trigger groups of several ports unless the order of all they are fed with is promised."""
    plan, number = Plan((*earlier, component)), len(earlier)
    groups = plan.trigger_groups(component)
    if all(len(group) < 2 or plan.ordered_rows(number, group) for group in groups):
        return component
    return dataclasses.replace(component, groups=tuple((index,) for group in groups for index in group))


def _looped(earlier: list[ComponentPlan], component: ComponentPlan) -> ComponentPlan:
    """Let a component feed an inport of its own, if it fires in an order that is promised."""
    number, index = len(earlier), len(component.inports)
    if not Plan((*earlier, component)).trigger_groups(component)[0] or index > 2:
        return component
    if not Plan((*earlier, component)).ordered(number):
        return component
    port = PortPlan(1, ((number, "again"),), _token(number, index))
    return dataclasses.replace(component, inports=(*component.inports, port), loop=index)
