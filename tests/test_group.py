"""Groups: what `Worker * 4` gives, what is said of all members at once, and how they share out and gather."""

import copy
import types

import numpy as np
import pytest

from cascata import DeadlockError, Graph, GraphError, component, inport, outport, persist
from cascata.component import GroupConnector
from cascata.group import Group, Template
from cascata.instance import Instance
from cascata.namespace import NameTakenWarning
from cascata.port import PortHandler


@component
@outport("number")
async def count(number: int):
    for n in range(6):
        await number.send(n)


@component
@inport("x", capacity=3)
@inport("factor", default=2)
@outport("y")
@persist("seen", list)
async def scale(x: int, factor: int, y: int, seen):
    await y.send(factor * x)


@component
@inport("a")
@inport("b")
@outport("y")
async def pair(a, b, y): ...


@component
@inport("x")
@inport("factor", default=0)
@outport("y")
async def collect(x: int, factor: int, y: int):
    await y.send(x)


def grouped(n=3):
    graph = Graph()
    graph.count = count
    graph.scales = scale * n
    graph.sink = collect
    return graph


def edges(graph):
    return [f"{out.label} >> {inp.label}" for out, inp in graph.edges]


class TestMembers:
    def test_they_are_instances_named_by_number(self):
        graph = grouped()
        scales = graph.scales
        assert isinstance(scales, Group)
        assert [member.name for member in scales] == ["scales_0", "scales_1", "scales_2"]
        assert all(isinstance(member, Instance) and member.graph is graph for member in scales)
        assert scales.group == list(scales) == [graph.scales_0, graph.scales_1, graph.scales_2]
        assert (scales.name, scales.count, len(scales), scales.graph) == ("scales", 3, 3, graph)
        assert graph.nodes == {m.name: m for m in (graph.count, *scales, graph.sink)}
        assert graph.group_handles == {"scales": scales}
        assert scales[0].group_name == "scales"
        assert graph.count.group_name is None
        assert {"scales", "scales_0"} <= set(dir(graph))
        assert {"x", "seen", "count", "group"} <= set(dir(scales))

    def test_they_are_reached_by_number(self):
        scales = grouped().scales
        assert scales[0] is scales.group[0]
        assert scales[-1] is scales.group[2]
        assert scales[1:] == scales.group[1:]
        assert scales[1] in scales

    @pytest.mark.parametrize("n", [1, np.int64(4), 1000])
    def test_any_number_will_do(self, n):
        graph = Graph()
        assert graph.add("scales", scale * n) is graph.scales
        assert len(graph.scales) == n
        graph.others = n * scale
        assert len(graph.others) == n

    def test_a_template_can_be_used_many_times(self):
        template = scale * 2
        graph = Graph()
        graph.a = template
        graph.b = template
        _ = graph.a.x < 1
        other = Graph()
        other.a = template
        assert [len(group) for group in (graph.a, graph.b, other.a, template)] == [2, 2, 2, 2]
        assert graph.b[0].x.initialization_value is None
        assert repr(template) == "<scale * 2 in no graph>"

    def test_they_have_the_values_of_the_instance_that_was_multiplied(self):
        instance = scale("one")
        _ = instance.x < 5
        instance.seen.set([1])
        instance.clk(instance.factor)
        template = instance * 2
        _ = instance.x < 6
        graph = Graph()
        graph.scales = template
        for member in graph.scales:
            assert member.x.initialization_value == 5
            assert member.seen.get() == [1]
            assert graph._core.triggers(member.name) == [["factor"]]
        graph.one = instance
        graph.more = graph.one * 2
        assert graph.more[1].x.initialization_value == 6

    def test_a_copy_keeps_what_each_of_them_has(self):
        graph = grouped(2)
        graph.count.number >> graph.scales.x.round_robin
        _ = graph.scales[1].x < 7
        for made in (graph.scales.copy(), copy.copy(graph.scales), copy.deepcopy(graph.scales)):
            assert isinstance(made, Template)
        graph.others = graph.scales.copy()
        assert [member.x.initialization_value for member in graph.others] == [None, 7]
        assert edges(graph) == ["count.number >> scales_0.x", "count.number >> scales_1.x"]

    def test_a_group_tells_what_it_is(self):
        graph = grouped()
        assert repr(graph.scales) == "<scales (3 of scale): x, factor=2 -> y; keeps seen>"
        graph.count.number >> graph.scales.x.keyed(abs)
        graph.scales.y.unordered >> graph.sink.x
        assert repr(graph).splitlines() == [
            "<Graph of 5 components and 2 connections",
            "  count (count): () -> number",
            "  sink (collect): x, factor=0 -> y",
            "  scales (3 of scale): x, factor=2 -> y; keeps seen",
            "  count.number >> scales.x.keyed",
            "  scales.y.unordered >> sink.x>",
        ]
        assert repr(graph.scales.x) == "<inport scales.x: int, capacity 3, fed by count.number>"
        assert repr(graph.scales.y) == "<outport scales.y: int, feeds sink.x>"
        assert repr(graph.scales.seen) == "<persistent values scales.seen, 3 of them>"


class TestPorts:
    def test_they_stand_for_those_of_all_members(self):
        scales = grouped(2).scales
        assert scales.ports.keys() == {"x", "factor", "y", "seen"}
        assert scales.inports == {scales.x, scales.factor}
        assert scales.outports == {scales.y}
        for name, port in scales.ports.items():
            assert isinstance(port, PortHandler)
            assert (port.name, port.label, port.component) == (name, f"scales.{name}", scales)
            assert port.members == [member.ports[name] for member in scales]
            assert port.type == scales[0].ports[name].type
        assert scales.x.capacity == scales.x.channel.capacity == 3

    def test_a_value_is_set_for_all_members(self):
        scales = grouped(2).scales
        for set_value in (
            lambda value: scales.x < value,
            scales.x.set,
            scales.x.initialize,
            lambda value: scales.initialize("x", value),
        ):
            value = object()
            set_value(value)
            assert all(member.x.initialization_value is value for member in scales)
        assert scales.x.initialization_value is value

    def test_so_is_a_persistent_value(self):
        scales = grouped(2).scales
        assert scales[0].seen.get() == []
        assert repr(scales.seen < "ab") == "scales.seen = list('ab')"
        assert [member.seen.get() for member in scales] == [["a", "b"]] * 2
        assert scales[0].seen.get() is not scales[1].seen.get()
        scales.seen.set([3])
        assert [member.seen.get() for member in scales] == [[3]] * 2
        scales.initialize("seen", [4])
        assert [member.seen.get() for member in scales] == [[4]] * 2
        scales[0].seen.set([5])
        assert [member.seen.get() for member in scales] == [[5], [4]]

    def test_a_port_may_have_the_name_of_something_that_groups_have(self):
        @component
        @inport("count")
        @persist("group", int)
        async def odd(count, group): ...

        graph = Graph()
        graph.odds = odd * 2
        _ = graph.odds.count < 5
        _ = graph.odds.group < 6
        assert graph.odds[1].ports["count"].initialization_value == 5
        assert graph.odds[1].ports["group"].get() == 6
        assert len(graph.odds) == 2

    @pytest.mark.parametrize(("method", "triggers"), [("sync", [["b", "a"]]), ("clk", [["b"], ["a"]])])
    def test_trigger_groups_are_declared_for_all_members(self, method, triggers):
        graph = Graph()
        graph.pairs = pair * 2
        getattr(graph.pairs, method)(graph.pairs.b, graph.pairs.a)
        assert [graph._core.triggers(member.name) for member in graph.pairs] == [triggers] * 2

    def test_a_refused_trigger_group_changes_no_member(self):
        graph = Graph()
        graph.pairs = pair * 2
        graph.pairs[1].clk(graph.pairs[1].b)
        with pytest.raises(GraphError, match=r"^pairs_1\.b is in a trigger group already"):
            graph.pairs.sync(graph.pairs.a, graph.pairs.b)
        assert graph._core.triggers("pairs_0") == []


class TestConnections:
    def test_between_a_component_and_a_group(self):
        graph = grouped(2)
        assert graph.count.number >> graph.scales.x is graph.count.number
        assert graph.scales.y.connect(graph.sink.x) is graph.scales.y
        assert edges(graph) == [
            "count.number >> scales_0.x",
            "count.number >> scales_1.x",
            "scales_0.y >> sink.x",
            "scales_1.y >> sink.x",
        ]
        assert graph._core.links() == [
            ("count", "number", "scales", "x", True),
            ("scales", "y", "sink", "x", True),
        ]

    def test_between_groups(self):
        graph = grouped(2)
        graph.same = scale * 2
        graph.more = scale * 3
        graph.scales.y >> graph.same.x >> graph.more.x
        one_to_one = [f"scales_{i}.y >> same_{i}.x" for i in range(2)]
        all_to_all = [f"scales_{i}.y >> more_{j}.x" for i in range(2) for j in range(3)]
        assert edges(graph) == one_to_one + all_to_all

    def test_members_can_be_connected_alone(self):
        graph = grouped(2)
        graph.count.number >> graph.scales[0].x
        graph.scales_1.y >> graph.sink.x
        assert edges(graph) == ["count.number >> scales_0.x", "scales_1.y >> sink.x"]

    @pytest.mark.parametrize("policy", ["balanced", "round_robin", "broadcast"])
    def test_views_of_inports_say_how_to_share_out(self, policy):
        graph = grouped(2)
        view = getattr(graph.scales.x, policy)
        assert view.label == f"scales.x.{policy}"
        assert graph._core.policy("scales", "x") is None
        graph.count.number >> view
        assert graph._core.policy("scales", "x") == (policy, None)
        graph.sink.y >> graph.scales.x
        graph.second = count
        graph.second.number >> view
        assert graph._core.policy("scales", "x") == (policy, None)

    def test_keyed_has_a_function(self):
        class Key:
            def of(self, item):
                return item

        graph, key = grouped(2), Key()
        graph.count.number >> graph.scales.x.keyed(key.of)
        graph.sink.y >> graph.scales.x.keyed(key.of)
        assert graph._core.policy("scales", "x") == ("keyed", key.of)

    def test_a_policy_joins_groups_of_one_size_all_to_all(self):
        graph = grouped(2)
        graph.others = scale * 2
        graph.scales.y >> graph.others.x
        assert len(edges(graph)) == 2
        graph.count.number >> graph.others.x.keyed(abs)
        assert len(edges(graph)) == 6

    def test_views_of_outports_say_how_to_gather(self):
        graph = grouped(2)
        graph.other = collect
        graph.third = collect
        graph.scales.y.unordered >> graph.sink.x >> graph.other.x
        graph.scales.y.ordered >> graph.third.x
        assert [ordered for *_, ordered in graph._core.links()] == [False, False, True]
        assert graph.scales.y.unordered.label == "scales.y.unordered"
        assert graph.scales.y.ordered.label == "scales.y.ordered"

    def test_those_that_are_shared_out_or_gathered_have_a_connector(self):
        graph = grouped(2)
        graph.same = scale * 2
        graph.count.number >> graph.scales.x >> graph.sink.x
        graph.scales.y >> graph.same.x
        graph.same[0].y >> graph.sink.x
        graph.scales.y.unordered >> graph.sink.factor
        graph.sink.y >> graph.same.x.keyed(abs)
        assert graph.connectors == [
            GroupConnector(graph.count.number, graph.scales.x, ordered=True, policy="balanced"),
            GroupConnector(graph.scales.y, graph.same.x, ordered=True, policy="keyed"),
            GroupConnector(graph.scales.y, graph.sink.factor, ordered=False, policy=None),
            GroupConnector(graph.sink.y, graph.same.x, ordered=True, policy="keyed"),
        ]

    def test_a_view_may_be_assigned_to_itself(self):
        out = grouped().scales.y
        out.unordered = out.unordered
        with pytest.raises(AttributeError, match=r"^scales\.y\.unordered cannot be assigned"):
            out.unordered = out.ordered

    def test_a_refused_connection_leaves_no_policy(self):
        graph = grouped(2)
        graph.count.number >> graph.scales[1].x
        with pytest.raises(GraphError, match=r"count\.number is connected to scales_1\.x already"):
            graph.count.number >> graph.scales.x.broadcast
        assert graph._core.policy("scales", "x") is None
        assert edges(graph) == ["count.number >> scales_1.x"]


class TestChecks:
    def test_what_all_members_lack_is_told_of_the_group(self):
        graph = grouped()
        graph.scales.y >> graph.sink.x
        graph.scales.clk(graph.scales.x)
        with pytest.raises(DeadlockError) as caught:
            graph.check_deadlocks()
        unfed, starved = caught.value.issues
        assert unfed.startswith("scales.x is to trigger firings, but nothing feeds it. Connect an outport to it")
        assert starved == "sink can never fire, because what feeds it never does: it waits at sink.x for scales"
        _ = graph.scales[0].x < 1
        with pytest.raises(DeadlockError) as caught:
            graph.check_deadlocks()
        assert [issue.partition(" ")[0] for issue in caught.value.issues] == ["scales_1.x", "scales_2.x"]

    def test_ports_that_fire_together_have_one_policy(self):
        graph = Graph()
        graph.count = count
        graph.pairs = pair * 2
        graph.count.number >> graph.pairs.a.keyed(abs)
        graph.count.number >> graph.pairs.b.round_robin
        with pytest.raises(DeadlockError) as caught:
            graph.check_deadlocks()
        (issue,) = caught.value.issues
        assert issue.startswith("pairs.a (keyed) and pairs.b (round_robin) fire together, so one group connector")
        graph.pairs.clk(graph.pairs.a, graph.pairs.b)
        graph.check_deadlocks()


class TestPlacement:
    def test_a_group_weighs_what_its_members_do(self):
        graph = grouped(4)
        graph.weigh(graph.scales, cost=10)
        assert [sum(node.group_name == "scales" for node in shard.components) for shard in graph.shard(4)] == [
            1,
            1,
            1,
            1,
        ]

    def test_a_group_can_be_placed(self):
        graph = grouped(4)
        graph.place(graph.scales, worker=1)
        graph.place(graph.count, graph.sink, worker=0)
        assert [[node.name for node in shard.components] for shard in graph.shard(2)] == [
            ["count", "sink"],
            [f"scales_{i}" for i in range(4)],
        ]
        graph = grouped(4)
        graph.place(graph.scales, together=True)
        assert any({*graph.scales} <= {*shard.components} for shard in graph.shard(3))


def test_what_a_group_sends_can_be_collected():
    graph = grouped(2)
    graph.count.number >> graph.scales[0].x
    graph.count.number >> graph.scales[1].x
    _ = graph.scales[1].factor < 3
    _ = graph.sink.x < 0
    report = graph.run(num_workers=0, collect=[graph.scales.y, graph.scales[1].y])
    assert sorted(report.collected["scales.y"]) == sorted([2 * n for n in range(6)] + [3 * n for n in range(6)])
    assert report.collected["scales_1.y"] == [3 * n for n in range(6)]
    assert report.collected.keys() == {"scales.y", "scales_1.y"}


class TestInjection:
    @pytest.fixture
    def module(self):
        module = types.ModuleType("made")
        module.run = lambda code: exec(code, vars(module))  # noqa: S102  that is how a module runs
        module.run("from cascata import *\n@component\n@inport('x')\n@outport('y')\nasync def relay(x, y): ...\n")
        module.run("@component\n@outport('y')\nasync def source(y): ...\ngraph = Graph()")
        return module

    def test_the_name_of_a_group_is_a_variable(self, module):
        module.run("graph.source = source\ngraph.relays = relay * 2\nsource.y >> relays.x")
        assert module.relays is module.graph.relays
        assert not hasattr(module, "relays_0")
        assert len(module.graph.edges) == 2

    def test_in_the_place_of_a_definition_it_serves_as_that(self, module):
        definition = module.relay
        module.run("graph.relay = relay * 2\ngraph.more = relay * 3\ngraph.one = relay\ntwo = relay('two')")
        assert module.relay is module.graph.relay
        assert [len(group) for group in module.graph.group_handles.values()] == [2, 3]
        assert module.graph.one._definition is module.two._definition is definition
        assert module.relay.test(x=1) == {"y": []}

    def test_in_the_place_of_a_template_it_serves_as_that(self, module):
        module.run("relays = relay * 2\ngraph.relays = relays\nother = Graph()\nother.relays = relays")
        assert module.relays is module.other.relays
        assert len(module.other.relays) == 2
        with pytest.raises(TypeError, match="a group has no groups as members"):
            module.run("relays * 2")

    def test_an_instance_in_the_place_of_a_definition_is_multiplied_as_that(self, module):
        module.run("graph.relay = relay\nrelay.x < 5\ngraph.more = relay * 2")
        assert module.graph.more[0].x.initialization_value is None

    def test_any_other_object_stays_with_a_warning(self, module):
        with pytest.warns(NameTakenWarning, match=r"'size' stays what it is here, a int; .* as graph\.size"):
            module.run("size = 3\ngraph.size = relay * 2")
        assert module.size == 3
