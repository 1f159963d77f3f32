"""Descriptions, step by step, against what the guide says that they come to.

The model knows components, groups and copied graphs as lists of names, and no handles.
"""

from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scale import SCALE

from cascata import Graph, GraphError, component, inport, outport

pytestmark = pytest.mark.once

PORTS = ("x", "z")
POLICIES = (None, None, ("balanced", None), ("broadcast", None), ("keyed", abs), ("keyed", hash))


@component
@inport("x")
@inport("z", default=0)
@outport("y")
async def relay(x, z, y): ...


@dataclass
class Model:
    """A graph: `ends` are components and groups with the components that they are."""

    ends: dict = field(default_factory=dict)
    groups: set = field(default_factory=set)
    links: list = field(default_factory=list)
    policies: dict = field(default_factory=dict)
    values: dict = field(default_factory=dict)
    triggers: dict = field(default_factory=dict)
    exports: dict = field(default_factory=dict)
    sources: set = field(default_factory=set)
    size: int = 0

    def new_name(self):
        self.size += 1
        return f"n{self.size}"

    def edges(self, links=None, policies=None):
        """Give what connections come to, one by one."""
        policies = self.policies if policies is None else policies
        edges = []
        for source, target, port, _ in self.links if links is None else links:
            senders, receivers = self.ends[source], self.ends[target]
            paired = {source, target} <= self.groups and len(senders) == len(receivers)
            if paired and (target, port) not in policies:
                edges += [(a, b, port) for a, b in zip(senders, receivers, strict=True)]
            else:
                edges += [(a, b, port) for a in senders for b in receivers]
        return edges

    def connect(self, link, policy):
        """Connect, and tell whether that can be."""
        place = link[1:3]
        if policy is not None and self.policies.get(place, policy) != policy:
            return False
        policies = self.policies if policy is None else {**self.policies, place: policy}
        edges = self.edges([*self.links, link], policies)
        if len(set(edges)) < len(edges):
            return False
        self.links.append(link)
        self.policies = policies
        return True

    def embed(self, name, other):
        """Add a copy of another graph; its exports become ends of connections under their own names."""
        prefix = f"{name}_"
        self.ends.update((prefix + end, [prefix + node for node in nodes]) for end, nodes in other.ends.items())
        self.groups |= {prefix + group for group in other.groups}
        self.links += [(prefix + a, prefix + b, port, ordered) for a, b, port, ordered in other.links]
        for mine, theirs in ((self.policies, other.policies), (self.values, other.values)):
            mine.update(((prefix + end, port), value) for (end, port), value in theirs.items())
        self.triggers.update((prefix + node, ports) for node, ports in other.triggers.items())


INDEX = st.integers(0, 30)
PORT = st.sampled_from(PORTS)
SIZES = st.lists(st.sampled_from([0, 1, 2, 2, 3]), min_size=3, max_size=4)
"""What each graph begins with: components (0) and groups."""
STEPS = {
    "add": st.tuples(st.just("add"), st.integers(0, 3)),
    "connect": st.tuples(st.just("connect"), INDEX, INDEX, PORT, st.booleans(), st.sampled_from(POLICIES)),
    "embed": st.tuples(st.just("embed"), st.integers(0, 2)),
    "export": st.tuples(st.just("export"), INDEX, PORT),
    "set": st.tuples(st.just("set"), INDEX, PORT, st.integers()),
    "clk": st.tuples(st.just("clk"), INDEX, PORT),
}
ORDER = st.sampled_from(["add", "embed", "export", "set", "clk", *["connect"] * 6])
STEP = ORDER.flatmap(STEPS.__getitem__)


class Described:
    """Three graphs and their models."""

    def __init__(self):
        self.graphs = [Graph() for _ in range(3)]
        self.models = [Model() for _ in range(3)]

    def handle(self, number, index):
        """Pick a component or group, through a chain of subgraphs if it is in some."""
        model, graph = self.models[number], self.graphs[number]
        name = list(model.ends)[index % len(model.ends)]
        return name, _reached(graph, name, index)

    def add(self, number, size):
        model, graph = self.models[number], self.graphs[number]
        name = model.new_name()
        if size == 0:
            graph.add(name, relay)
            model.ends[name] = [name]
            return
        graph.add(name, relay * size)
        model.groups.add(name)
        members = [f"{name}_{i}" for i in range(size)]
        model.ends.update({name: members} | {member: [member] for member in members})

    def connect(self, number, *step):
        model, (source, target, port, ordered, policy) = self.models[number], step
        (source, out), (target, inp) = self.handle(number, source), self.handle(number, target)
        ordered = ordered or source not in model.groups
        policy = policy if target in model.groups else None
        outport, inport = out.y if ordered else out.y.unordered, inp.ports[port]
        if policy is not None:
            inport = inport.keyed(policy[1]) if policy[0] == "keyed" else getattr(inport, policy[0])
        if model.connect((source, target, port, ordered), policy):
            assert outport >> inport is outport
        else:
            with pytest.raises(GraphError, match="already"):
                outport >> inport

    def embed(self, number, other):
        model = self.models[number]
        if other == number or number in self.models[other].sources:
            with pytest.raises(GraphError, match="no graph can be part of itself"):
                self.graphs[number].add("itself", self.graphs[other])
            return
        name = model.new_name()
        handle = self.graphs[number].add(name, self.graphs[other])
        model.embed(name, self.models[other])
        model.sources |= {other} | self.models[other].sources
        graph = self.graphs[number]
        for export, (end, port) in self.models[other].exports.items():
            real = getattr(graph, f"{name}_{end}").ports[port]
            assert getattr(handle, export) is getattr(graph, f"{name}_{export}") is real

    def export(self, number, index, port):
        name, handle = self.handle(number, index)
        export = f"e{len(self.models[number].exports)}"
        self.graphs[number].export(handle.ports[port], export)
        self.models[number].exports[export] = (name, port)

    def set(self, number, index, port, value):
        name, handle = self.handle(number, index)
        _ = handle.ports[port] < value
        self.models[number].values.update(((node, port), value) for node in self.models[number].ends[name])

    def clk(self, number, index, port):
        name, handle = self.handle(number, index)
        model = self.models[number]
        nodes = model.ends[name]
        if any([port] in model.triggers.get(node, ()) for node in nodes):
            with pytest.raises(GraphError, match="in a trigger group already"):
                handle.clk(handle.ports[port])
            return
        handle.clk(handle.ports[port])
        for node in nodes:
            model.triggers[node] = [*model.triggers.get(node, ()), [port]]

    def compare(self):
        for graph, model in zip(self.graphs, self.models, strict=True):
            assert [(a.component.name, b.component.name, b.name) for a, b in graph.edges] == model.edges()
            assert graph._core.links() == [(a, "y", b, port, ordered) for a, b, port, ordered in model.links]
            assert set(graph.nodes) == set(model.ends) - model.groups
            groups = {name: [member.name for member in group] for name, group in graph.group_handles.items()}
            assert groups == {group: model.ends[group] for group in model.groups}
            for group in model.groups:
                for port in PORTS:
                    assert graph._core.policy(group, port) == model.policies.get((group, port))
            fed = {(node, port) for _, node, port in model.edges()}
            for name, node in graph.nodes.items():
                assert graph._core.triggers(name) == model.triggers.get(name, [])
                for port in PORTS:
                    default = (0,) if port == "z" and (name, port) not in fed else ()
                    expected = (model.values[name, port],) if (name, port) in model.values else default
                    assert graph._core.initial(name, port) == expected
                    assert node.ports[port].component is node
            assert {name: (port.component.name, port.name) for name, port in graph.exports.items()} == model.exports


def _reached(graph, name, index):
    """Get a handle by its name, or by way of the subgraph that it is in."""
    for prefix, subgraph in graph.subgraphs.items():
        if index % 2 and name.startswith(f"{prefix}_"):
            return getattr(subgraph, name.removeprefix(f"{prefix}_"))
    return getattr(graph, name)


@settings(max_examples=int(100 * SCALE), deadline=None)
@given(st.tuples(SIZES, SIZES, SIZES), st.lists(st.tuples(st.integers(0, 2), STEP), min_size=15, max_size=40))
def test_descriptions_come_to_what_the_guide_says(begin, steps):
    described = Described()
    for number, sizes in enumerate(begin):
        for size in sizes:
            described.add(number, size)
    for number, (step, *arguments) in steps:
        getattr(described, step)(number, *arguments)
        described.compare()
    for graph in described.graphs:
        assert repr(graph.copy()) == repr(graph)
