"""Every name that programs and tests written for cascata 0.1 use is there, and means what it meant."""

# ruff: noqa: N802  components are named as what they define would be, a class

import importlib
import inspect
import json

import pytest

import cascata
from cascata import Graph, component, inport, outport, persist
from cascata.channel import Channel
from cascata.component import GroupConnector
from cascata.graph import DeadlockError
from cascata.log import log
from cascata.port import InputPort, OutputPort, PersistentValue, PortHandler


@component
@inport("count", default=3)
@outport("number")
async def Source(count, number: int):
    for n in range(count):
        await number.send(n)


@component
@inport("x", capacity=7)
@inport("k", default=2)
@outport("y")
@persist("state", lambda *args, **named: [args, named])
async def Work(x: int, k: int, y, state):
    await y.send(x * k)


@component
@inport("item")
async def Sink(item):
    pass


@pytest.fixture
def graph():
    """Give a source, three workers and a sink."""
    graph = Graph()
    graph.source = Source
    graph.workers = Work * 3
    graph.sink = Sink
    graph.source.number >> graph.workers.x
    graph.workers.y >> graph.sink.item
    return graph


class TestImports:
    def test_star_import(self):
        namespace = {}
        exec("from cascata import *", namespace)  # noqa: S102  that is what is tested
        documented = {"component", "inport", "outport", "persist", "Graph", "log"}
        assert documented | {"batch", "Channel", "DeadlockError", "ComponentError", "WorkerDied"} <= set(namespace)

    @pytest.mark.parametrize(
        "path",
        [
            "cascata.channel.Channel",
            "cascata.component.GroupConnector",
            "cascata.component.component",
            "cascata.graph.DeadlockError",
            "cascata.graph.Graph",
            "cascata.log.log",
            "cascata.port.InputPort",
            "cascata.port.OutputPort",
            "cascata.port.PersistentValue",
            "cascata.port.PortHandler",
        ],
    )
    def test_paths(self, path):
        module, _, name = path.rpartition(".")
        assert hasattr(importlib.import_module(module), name)

    def test_the_decorator_has_what_the_module_of_its_name_has(self):
        assert cascata.component.GroupConnector is GroupConnector
        assert cascata.component.component is component

    def test_names_that_are_in_two_places_are_the_same(self):
        assert DeadlockError is cascata.DeadlockError
        assert PersistentValue is cascata.PersistentValue
        assert Channel is cascata.Channel
        assert log is cascata.log


class TestInstances:
    def test_attributes(self):
        work = Work("work")
        assert work.name == "work"
        assert isinstance(work.inports, set)
        assert {port.name for port in work.inports} == {"x", "k"}
        assert isinstance(work.outports, set)
        assert {port.name for port in work.outports} == {"y"}
        assert list(work.ports) == ["x", "k", "y", "state"]
        assert work.ports["x"] is work.x
        assert (work.group_name, work.graph) == (None, None)

    def test_in_a_graph(self, graph):
        assert graph.source.graph is graph
        assert [node.group_name for node in graph.nodes.values()] == [None, "workers", "workers", "workers", None]

    def test_copy_keeps_initial_and_persistent_values(self):
        work = Work("work")
        work.x < 5
        work.state < [1, 2]
        copied = work.copy()
        work.x < 6
        assert copied.x.initialization_value == 5
        assert copied.state.get() == [([1, 2],), {}]
        copied.state.set("else")
        assert (work.state.get(), copied.copy().state.get()) == ([([1, 2],), {}], "else")

    def test_the_module_of_a_definition_can_be_set(self):
        @component
        async def nothing(): ...

        nothing.__module__ = "another.module"
        assert nothing.__module__ == nothing("n").__module__ == "another.module"

    def test_repr_names_ports_and_component(self):
        assert all(text in repr(Work("w")) for text in ("x", "k", "y", "Work"))


class TestPorts:
    def test_attributes(self):
        work = Work("work")
        port = work.x
        assert isinstance(port, InputPort)
        assert isinstance(work.y, OutputPort)
        assert (port.name, work.y.name) == ("x", "y")
        assert port.component is work.y.component is work
        assert port.capacity == port.channel.capacity == 7
        assert port.type is int
        assert (port.batch_size, port.initialization_value, work.k.initialization_value) == (None, None, 2)

    def test_values(self):
        port = Work("work").x
        port.initialize(4)
        assert port.initialization_value == 4
        port < 5
        assert port.initialization_value == 5

    def test_the_size_of_batches(self, graph):
        port = graph.sink.item
        port.batch_size = 2
        assert port.batch_size == 2


class TestPersistentValues:
    @pytest.mark.parametrize(
        ("arguments", "value"),
        [
            ((1, 2), [(1, 2), {}]),
            (((1, 2), {"a": 3}), [(1, 2), {"a": 3}]),
            ({"a": 3}, [(), {"a": 3}]),
            ([1, 2], [([1, 2],), {}]),
            (None, [(None,), {}]),
        ],
    )
    def test_arguments(self, arguments, value):
        alone = PersistentValue(lambda *args, **named: [args, named])
        alone < arguments
        assert alone.get() == value
        of_instance = Work("work").state
        of_instance < arguments
        assert of_instance.get() == value

    def test_get_and_set(self):
        value = PersistentValue(dict)
        assert value.get() == {}
        value.set(1)
        assert value.get() == 1
        assert isinstance(Work("work").state, PersistentValue)


class TestGroups:
    def test_attributes(self, graph):
        workers = graph.workers
        assert (workers.name, workers.count) == ("workers", 3)
        assert workers.group == [graph.nodes[f"workers_{number}"] for number in range(3)]
        assert list(workers.ports) == ["x", "k", "y", "state"]
        assert all(isinstance(port, PortHandler) for port in workers.ports.values())
        assert workers.ports["x"].name == "x"
        assert "3" in repr(workers)

    def test_values(self, graph):
        graph.workers.initialize("k", 9)
        assert [member.k.initialization_value for member in graph.workers.group] == [9, 9, 9]
        graph.workers.k < 8
        graph.workers.state < 1
        assert [member.k.initialization_value for member in graph.workers.group] == [8, 8, 8]
        assert graph.workers.group[2].state.get() == [(1,), {}]

    @pytest.mark.parametrize("count", [2.5, "2", 0, -1])
    def test_a_number_of_members_that_makes_no_sense(self, count):
        with pytest.raises((TypeError, ValueError)):
            Work * count


class TestGraphs:
    def test_nodes(self, graph):
        assert list(graph.nodes) == ["source", "workers_0", "workers_1", "workers_2", "sink"]
        assert graph.nodes["source"] is graph.source

    def test_edges_are_pairs_of_ports(self, graph):
        assert (graph.source.number, graph.workers.group[1].x) in graph.edges
        assert len(graph.edges) == 6

    def test_edges_to_exports(self):
        sub = Graph()
        sub.sink = Sink
        sub.export(sub.sink.item, "item")
        main = Graph()
        main.sub = sub
        main.source = Source
        main.source.number >> main.sub.item
        assert (main.source.number, main.sub.item) in main.edges

    def test_groups(self, graph):
        assert graph.group_handles == {"workers": graph.workers}

    def test_connectors_are_no_nodes(self, graph):
        assert all(isinstance(connector, GroupConnector) for connector in graph.connectors)
        ends = [(connector.source, connector.target) for connector in graph.connectors]
        assert ends == [(graph.source.number, graph.workers.x), (graph.workers.y, graph.sink.item)]

    def test_an_instance_may_be_assigned(self):
        graph, source = Graph(), Source("source")
        graph.source = source
        assert graph.source is source

    def test_a_name_that_is_not_there(self, graph):
        with pytest.raises(AttributeError):
            graph.missing

    def test_an_export_is_made_once(self, graph):
        graph.export(graph.workers.k, "k")
        with pytest.raises(ValueError, match="k"):
            graph.export(graph.workers.k, "k")

    def test_copy(self, graph):
        graph.workers.k < 5
        graph.export(graph.source.count, "count")
        copied = graph.copy("left")
        assert list(copied.nodes) == [f"left_{name}" for name in graph.nodes]
        assert list(copied.group_handles) == ["left_workers"]
        assert copied.left_workers.group[0].k.initialization_value == 5
        assert len(copied.edges) == len(graph.edges)

    def test_check_deadlocks(self, graph):
        graph.check_deadlocks()
        graph.alone = Sink
        with pytest.raises(DeadlockError) as raised:
            graph.check_deadlocks()
        assert len(raised.value.issues) == 1

    def test_shard(self, graph):
        workers = graph.shard(2)
        assert sorted(node.name for worker in workers for node in worker.components) == sorted(graph.nodes)

    @pytest.mark.parametrize("arguments", [(1,), (2,), ()])
    def test_run_and_start_and_join(self, graph, arguments):
        graph.run(*arguments)
        graph.start(*arguments)
        graph.join()
        graph.run(num_workers=1)

    def test_to_json_and_from_json(self, graph):
        graph.source.count < 5
        graph.workers.initialize("k", 9)
        graph.sink.item.batch_size = 2
        data = graph.to_json()
        assert json.loads(json.dumps(data)) == data
        assert {"nodes", "edges", "group_handles", "exports", "subgraphs"} <= set(data)
        assert {"module", "class", "group", "inports"} <= set(data["nodes"]["source"])
        assert (data["nodes"]["source"]["module"], data["nodes"]["source"]["class"]) == (__name__, "Source")
        assert data["nodes"]["source"]["inports"]["count"] == {"capacity": 10, "initial": 5, "batch_size": None}
        assert data["nodes"]["sink"]["inports"]["item"]["batch_size"] == 2
        assert "workers_0" not in data["nodes"]
        assert data["group_handles"]["workers"]["count"] == 3
        assert data["group_handles"]["workers"]["inports"]["x"]["capacity"] == 7
        assert data["edges"] == [["source", "number", "workers", "x"], ["workers", "y", "sink", "item"]]
        restored = Graph.from_json(data)
        assert set(restored.nodes) == set(graph.nodes)
        assert restored.source.count.initialization_value == 5
        assert restored.workers.group[2].k.initialization_value == 9
        assert restored.to_json() == data
        restored.run(1)

    def test_to_dot(self, graph):
        pytest.importorskip("graphviz")
        source = graph.to_dot().source
        assert source.startswith("digraph")
        assert all(name in source for name in ("source", "workers", "sink", "Work"))

    def test_test_takes_values_by_name(self):
        assert Work.test(x=2, k=3) == {"y": [6]}

    def test_parameters_that_are_given_by_name(self):
        assert {"num_workers"} <= set(inspect.signature(Graph.run).parameters)
        assert {"port", "name"} <= set(inspect.signature(Graph.export).parameters)
