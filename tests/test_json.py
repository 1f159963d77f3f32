"""Graphs as data: what is written, and that what is read is the same graph."""

import json
import subprocess
import sys
from pathlib import Path

import json_parts as parts
import pytest

from cascata import Graph, batch

pytestmark = pytest.mark.once

PRIOR = Path(__file__).parent / "fixtures" / "prior"


def restored(graph):
    """Give what is read of what is written, by way of a file, after a look at whether that is stable."""
    data = graph.to_json()
    text = json.dumps(data)
    again = Graph.from_json(json.loads(text))
    assert json.dumps(again.to_json()) == text
    return again


def chain():
    graph = Graph()
    graph.source = parts.count
    graph.scale = parts.scale
    graph.sink = parts.gather
    graph.source.number >> graph.scale.x
    graph.scale.y >> graph.sink.item
    return graph


def collected(graph, port):
    return graph.run(num_workers=0, collect=[port]).collected[f"{port.component.name}.{port.name}"]


def test_the_layout():
    graph = chain()
    graph.scale.factor < 5
    entry = {"module": "json_parts", "group": None}
    port = {"capacity": 10, "initial": None, "batch_size": None}
    assert graph.to_json() == {
        "version": 2,
        "nodes": {
            "source": {**entry, "class": "count", "inports": {"upto": {**port, "initial": 6}}},
            "scale": {
                **entry,
                "class": "scale",
                "inports": {"x": port, "factor": {**port, "initial": 5}, "wide": {**port, "capacity": None}},
            },
            "sink": {**entry, "class": "gather", "inports": {"item": port}},
        },
        "edges": [["source", "number", "scale", "x"], ["scale", "y", "sink", "item"]],
        "group_handles": {},
        "exports": {},
        "subgraphs": {},
    }


def test_a_restored_graph_runs_as_the_one_that_was_written():
    graph = chain()
    graph.source.upto < 4
    graph.scale.factor < 10
    again = restored(graph)
    assert repr(again) == repr(graph)
    assert collected(again, again.sink.everything) == collected(graph, graph.sink.everything) == [[0, 10, 20, 30]]


def test_data_are_the_callers_own():
    value = [1]
    graph = Graph()
    graph.scale = parts.scale
    graph.scale.x < value
    data = graph.to_json()
    again = Graph.from_json(data)
    data["nodes"]["scale"]["inports"]["x"]["initial"].append(2)
    again.scale.x.initialization_value.append(3)
    assert value == [1]
    assert again.scale.x.initialization_value == [1, 3]
    assert graph.to_json()["nodes"]["scale"]["inports"]["x"]["initial"] == [1]


@pytest.mark.parametrize("value", [0, -1, 2**200, 1.0, 0.1, 1e-300, True, "", "é\n\ud800", [], {"a": [{}, None]}, None])
def test_initial_values(value):
    graph = Graph()
    graph.scale = parts.scale
    graph.scale.x < value
    again = restored(graph).scale.x.initialization_value
    assert again == value
    assert type(again) is type(value)


def test_none_is_a_value_and_no_value_is_none():
    graph = Graph()
    for name in ("said", "unsaid"):
        graph.add(name, parts.scale)
    graph.said.x < None
    again = restored(graph)
    assert again._core.initial("said", "x") == (None,)
    assert again._core.initial("unsaid", "x") == ()
    assert graph.to_json()["nodes"]["said"]["inports"]["x"]["has_initial"] is True


def test_a_token_stays_and_a_default_goes_when_the_port_is_connected():
    graph = Graph()
    graph.source = parts.count
    for name in ("default", "said", "same"):
        graph.add(name, parts.scale)
    graph.said.factor < 3
    graph.same.factor < 2  # what is declared, but said
    tokens = {"default": [], "said": [3], "same": [2]}
    connected = graph.copy()
    for name, token in tokens.items():
        # Connected before it is written, or after it has been read.
        connected.source.number >> connected.nodes[name].factor
        assert restored(connected)._core.initial(name, "factor") == tuple(token)
        again = restored(graph)
        again.source.number >> again.nodes[name].factor
        assert again._core.initial(name, "factor") == tuple(token)


def test_a_token_that_is_the_default_can_be_written_by_hand():
    graph = chain()
    data = graph.to_json()
    data["edges"].append(["source", "number", "scale", "factor"])
    data["nodes"]["scale"]["inports"]["factor"]["initial"] = 2
    assert Graph.from_json(data)._core.initial("scale", "factor") == (2,)


def test_capacities_are_those_of_the_file():
    graph = chain()
    data = graph.to_json()
    inports = data["nodes"]["scale"]["inports"]
    inports["x"]["capacity"], inports["factor"]["capacity"] = 3, None
    del inports["wide"]["capacity"]
    again = Graph.from_json(data)
    assert (again.scale.x.capacity, again.scale.x.channel.capacity) == (3, 3)
    assert (again.scale.factor.capacity, again.scale.wide.capacity) == (None, None)
    assert restored(again).scale.x.capacity == 3
    assert "capacity 3" in repr(again.scale.x)
    assert graph.scale.x.capacity == 10
    again.source.upto < 3
    assert collected(again, again.sink.everything) == [[0, 2, 4]]


def test_the_capacity_of_a_channel_is_the_files(tmp_path):
    """A sender that nobody takes from comes as far as the capacity says."""
    file = tmp_path / "sent"
    code = f"""
import asyncio, json_parts
from cascata import Graph, component, inport, outport

@component
@outport("number")
async def send(number):
    for n in range(20):
        await number.send(n)
        print(n, file=open({str(file)!r}, "a"))

@component
@inport("number")
async def wait(number):
    await asyncio.sleep(0.3)
    raise SystemExit("enough")

graph = Graph()
graph.send = send
graph.wait = wait
graph.send.number >> graph.wait.number
data = graph.to_json()
data["nodes"]["wait"]["inports"]["number"]["capacity"] = 4
try:
    Graph.from_json(data).run(num_workers=0)
except Exception as error:
    assert "enough" in str(error), error
"""
    run(code)
    assert len(file.read_text().split()) == 5  # one is being looked at


def test_batches():
    graph = Graph()
    graph.source = parts.count
    for name, size in {"whole": None, "pairs": 2}.items():
        graph.add(name, parts.add_up)
        graph.source.number.batch(size).connect(graph.nodes[name].numbers)
    graph.timed = parts.add_up
    graph.source.number >> batch(4, within=0.25) >= graph.timed.numbers
    graph.quick = parts.add_up
    graph.source.number >> batch(within=5) >= graph.quick.numbers
    data = graph.to_json()
    said = {name: entry["inports"]["numbers"] for name, entry in data["nodes"].items() if name != "source"}
    assert {name: (port["batch_size"], port.get("within")) for name, port in said.items()} == {
        "whole": (0, None),
        "pairs": (2, None),
        "timed": (4, 0.25),
        "quick": (0, 5.0),
    }
    again = restored(graph)
    assert again.timed.numbers.batch == (4, 0.25)
    assert [port.batch_size for port in (again.whole.numbers, again.pairs.numbers)] == [0, 2]
    assert collected(again, again.pairs.total) == [1, 5, 9]
    assert collected(again, again.whole.total) == [15]


def test_trigger_groups_persistent_values_and_places():
    graph = chain()
    graph.scale.sync(graph.scale.factor, graph.scale.x)
    graph.scale.clk(graph.scale.wide)
    graph.scale.seen < {"b": 2}
    graph.sink.items.set([7])
    graph.weigh(graph.scale, cost=2, traffic=0)
    graph.place(graph.sink, worker=2)
    graph.place(graph.scale, graph.source, together=True)
    data = graph.to_json()
    scale, sink = data["nodes"]["scale"], data["nodes"]["sink"]
    assert scale["triggers"] == [["factor", "x"], ["wide"]]
    assert scale["persists"] == {"seen": {"arguments": {"args": [], "kwargs": {"b": 2}}}}
    assert sink["persists"] == {"items": {"state": [7]}}
    assert (scale["cost"], scale["traffic"], sink["worker"]) == (2.0, 0.0, 2)
    assert data["together"] == [["source", "scale"]]
    again = restored(graph)
    assert again._core.triggers("scale") == [["factor", "x"], ["wide"]]
    assert again.scale.seen.get() == {"b": 2}
    assert again.sink.items.get() == [7]
    names = [[node.name for node in shard.components] for shard in again.shard(3)]
    assert names == [[node.name for node in shard.components] for shard in graph.shard(3)]
    assert names[-1] == ["sink"]


@pytest.mark.parametrize(
    ("arguments", "written"),
    [
        (("a", 1), {"args": ["a", 1], "kwargs": {}}),
        ((), {"args": [], "kwargs": {}}),
        ((([1],), {"b": 2}), {"args": [[1]], "kwargs": {"b": 2}}),
        ([1, 2], {"args": [[1, 2]], "kwargs": {}}),
        (None, {"args": [None], "kwargs": {}}),
    ],
)
def test_arguments_are_written_as_the_call_that_they_make(arguments, written):
    graph = Graph()
    graph.scale = parts.scale
    graph.scale.seen < arguments
    assert graph.to_json()["nodes"]["scale"]["persists"]["seen"]["arguments"] == written
    again = restored(graph)
    assert repr(again.scale.seen) == repr(graph.scale.seen)


def test_start_values_are_kept_beside_arguments():
    graph = Graph()
    graph.sinks = parts.gather * 2
    graph.sinks[0].items < [[1]]
    graph.sinks[0].items.set([2])
    graph.sinks[1].items < [[3]]
    again = restored(graph)
    assert [member.items.get() for member in again.sinks] == [[2], [[3]]]
    assert again._core.arguments("sinks_0", "items") == ((([[1]],), {}),)


class TestGroups:
    def test_what_holds_for_all_members_is_said_of_the_group(self):
        graph = chain()
        graph.workers = parts.scale * 3
        graph.workers.factor < 4
        graph.workers.clk(graph.workers.x)
        graph.source.number >> graph.workers.x.round_robin
        graph.workers.y.unordered >> graph.sink.item
        graph.weigh(graph.workers, cost=3)
        data = graph.to_json()
        assert list(data["nodes"]) == ["source", "scale", "sink"]
        group = data["group_handles"]["workers"]
        assert (group["module"], group["class"], group["count"]) == ("json_parts", "scale", 3)
        assert group["inports"]["x"] == {
            "capacity": 10,
            "initial": None,
            "batch_size": None,
            "policy": "round_robin",
        }
        assert (group["inports"]["factor"]["initial"], group["triggers"], group["cost"]) == (4, [["x"]], 3.0)
        assert data["unordered"] == [["workers", "y", "sink", "item"]]
        assert "order" not in data
        again = restored(graph)
        assert repr(again) == repr(graph)
        assert again._core.policy("workers", "x") == ("round_robin", None)

    def test_what_differs_is_said_of_the_member(self):
        graph = Graph()
        graph.workers = parts.scale * 3
        graph.workers.factor < 4
        graph.workers[1].factor < 5
        graph.workers.seen < {"a": 1}
        graph.workers[2].seen.set({"c": 3})
        graph.place(graph.workers[0], worker=1)
        graph.weigh(graph.workers[0], cost=9)
        data = graph.to_json()
        members = {name: entry["group"] for name, entry in data["nodes"].items()}
        assert members == dict.fromkeys(["workers_0", "workers_1", "workers_2"], "workers")
        assert data["nodes"]["workers_1"]["inports"] == {"factor": {"initial": 5, "batch_size": None}}
        again = restored(graph)
        assert [member.factor.initialization_value for member in again.workers] == [4, 5, 4]
        assert [member.seen.get() for member in again.workers] == [{"a": 1}, {"a": 1}, {"c": 3}]

    @pytest.mark.parametrize("function", [parts.last_digit, parts.Kept.parity, str.lower, len, int, hash])
    def test_keys_are_functions_that_can_be_imported(self, function):
        graph = Graph()
        graph.source = parts.count
        graph.workers = parts.gather * 2
        graph.source.number >> graph.workers.item.keyed(function)
        again = restored(graph)
        assert again._core.policy("workers", "item") == ("keyed", function)

    def test_connections_of_single_members_and_of_groups_of_one_size(self):
        graph = Graph()
        graph.source = parts.count
        graph.left = parts.scale * 2
        graph.right = parts.scale * 2
        graph.sinks = parts.gather * 1
        graph.source.number >> graph.left[1].x
        graph.left.y >> graph.right.x
        graph.right.y >> graph.sinks.item
        again = restored(graph)
        assert again._core.edges() == graph._core.edges()
        assert again._core.links() == graph._core.links()

    def test_no_connector_is_ever_in_the_data(self):
        graph = chain()
        graph.workers = parts.scale * 3
        graph.source.number >> graph.workers.x
        graph.workers.y >> graph.sink.item
        assert len(graph.connectors) == 2
        assert "onnector" not in json.dumps(graph.to_json())
        assert len(restored(graph).connectors) == 2


class TestSubgraphs:
    def nested(self):
        inner = Graph()
        inner.first = parts.scale
        inner.workers = parts.scale * 2
        inner.first.y >> inner.workers.x.broadcast
        inner.export(inner.first.x, "x")
        inner.export(inner.workers.y.unordered, "y")
        middle = Graph()
        middle.before = parts.scale
        middle.inner = inner
        middle.before.y >> middle.inner.x
        middle.export(middle.before.x, "x")
        middle.export(middle.inner.y, "y")
        return middle

    def test_each_part_is_said_once_with_the_name_it_has_in_its_own_graph(self):
        middle = self.nested()
        graph = Graph()
        graph.left = middle
        graph.source = parts.count
        graph.right = middle
        graph.source.number >> graph.left.x
        graph.source.number >> graph.right.x
        data = graph.to_json()
        assert list(data["nodes"]) == ["source"]
        assert data["subgraphs"]["left"] == data["subgraphs"]["right"] == middle.to_json()
        assert data["edges"] == [["source", "number", "left_before", "x"], ["source", "number", "right_before", "x"]]
        assert data["order"] == ["left", "source", "right"]
        inner = data["subgraphs"]["left"]["subgraphs"]["inner"]
        assert inner["exports"] == {
            "x": {"component": "first", "port": "x"},
            "y": {"group": "workers", "port": "y", "ordered": False},
        }
        again = restored(graph)
        assert list(again.nodes) == list(graph.nodes)
        assert list(again.subgraphs) == list(graph.subgraphs)
        labels = {name: port.label for name, port in again.left.exports.items()}
        assert labels == {"x": "left_before.x", "y": "left_inner_workers.y.unordered"}
        assert again.left.inner.workers is again.left_inner_workers
        assert sorted(again._core.links()) == sorted(graph._core.links())

    def test_a_subgraphs_data_are_a_graph_of_its_own(self):
        graph = Graph()
        graph.left = self.nested()
        again = Graph.from_json(graph.to_json()["subgraphs"]["left"])
        assert repr(again) == repr(self.nested())

    def test_what_is_said_of_a_copy_is_said_there(self):
        graph = Graph()
        graph.source = parts.count
        graph.left = self.nested()
        graph.right = self.nested()
        graph.left.inner.first.factor < 9
        graph.place(graph.left.before, graph.left.inner.first, together=True)
        graph.place(graph.left.before, graph.right, together=True)
        graph.left.inner.y >> graph.left.before.factor
        graph.source.number >> graph.left.inner.first.wide
        data = graph.to_json()
        left = data["subgraphs"]["left"]
        assert left["subgraphs"]["inner"]["nodes"]["first"]["inports"]["factor"]["initial"] == 9
        assert left["edges"][-1] == ["inner_workers", "y", "before", "factor"]
        assert left["together"] == [["before", "inner_first"]]
        assert data["together"] == [["left_before", "right_before", "right_inner_first", "right_inner_workers"]]
        again = restored(graph)
        assert sorted(again._core.links()) == sorted(graph._core.links())
        assert again._core.initial("left_inner_first", "factor") == (9,)

    def test_empty_graphs_and_empty_subgraphs(self):
        graph = Graph()
        graph.nothing = Graph()
        graph.a = parts.count
        graph.more = Graph()
        graph.b = parts.count
        again = restored(graph)
        assert list(again.subgraphs) == ["nothing", "more"]
        assert graph.to_json()["order"] == ["nothing", "a", "more", "b"]

    def test_exports_of_the_whole_are_taps(self):
        graph = chain()
        graph.export(graph.source.upto, "upto")
        graph.export(graph.sink.everything, "all")
        again = restored(graph)
        assert again.exports == {"upto": again.source.upto, "all": again.sink.everything}


def test_components_in_classes_and_defaults_that_json_has_not():
    graph = Graph()
    graph.inner = parts.Kept.inner
    graph.odd = parts.odd
    data = graph.to_json()
    assert data["nodes"]["inner"]["class"] == "Kept.inner"
    assert data["nodes"]["odd"]["inports"]["opaque"]["initial"] is None
    assert data["nodes"]["odd"]["inports"]["word"]["initial"] == "a"
    again = restored(graph)
    assert again.odd.opaque.initialization_value is graph.odd.opaque.initialization_value


def test_definitions_are_shared():
    graph = Graph()
    graph.a = parts.scale
    graph.b = parts.scale
    again = restored(graph)
    assert again.a._definition is again.b._definition is parts.scale
    again.c = again.a.copy()
    again.d = parts.scale * 2
    again.a.y >> again.d.x
    assert restored(again)._core.edges() == again._core.edges()


def test_a_graph_of_a_subclass():
    class Special(Graph):
        pass

    assert type(Special.from_json(chain().to_json())) is Special


@pytest.mark.parametrize("version", ["0.1.7", "0.1.8"])
class TestPrior:
    """Files of the system before this one."""

    def read(self, version, name):
        data = json.loads((PRIOR / version / f"{name}.json").read_text())
        before = json.dumps(data)
        graph = Graph.from_json(data)
        assert json.dumps(data) == before
        return restored(graph), graph

    @pytest.mark.parametrize(
        ("name", "expected"),
        [
            ("plain", [0, 2, 4, 6, 8]),
            ("values", [0, 10, 20]),
            ("groups", [0, 20, 40, 60, 80]),
            ("capacities", [0, 2, 4, 6, 8]),
            ("subgraphs", [0, 36, 72, 108, 144]),
        ],
    )
    def test_they_run(self, version, name, expected):
        for graph in self.read(version, name):
            assert collected(graph, graph.results.seen) == expected

    def test_values(self, version):
        for graph in self.read(version, "values"):
            assert graph.results.label.initialization_value == {"text": ["a", None, 1.5, True]}
            assert graph._core.initial("results", "item") == ()

    def test_batches(self, version):
        for graph in self.read(version, "batches"):
            assert (graph.pairs.numbers.batch_size, graph.all.numbers.batch_size) == (2, 0)
            assert collected(graph, graph.pairs.total) == [1, 5, 4]
            assert collected(graph, graph.all.total) == [10]

    def test_connectors_are_routes(self, version):
        for graph in self.read(version, "groups"):
            assert list(graph.nodes)[:2] == ["numbers", "results"]
            assert [len(group) for group in graph.group_handles.values()] == [3, 3]
            sources = {connector.source.label for connector in graph.connectors}
            assert sources == {"numbers.number", "doubled_again.product"}
            assert [member.factor.initialization_value for member in graph.doubled] == [10, 10, 10]

    def test_capacities(self, version):
        for graph in self.read(version, "capacities"):
            assert (graph.doubled.number.capacity, graph.results.item.capacity) == (7, 10)

    def test_subgraphs(self, version):
        for graph in self.read(version, "subgraphs"):
            assert list(graph.subgraphs) == ["left", "right"]
            assert graph.left.exports == {"number": graph.left_double.number, "product": graph.left_again.product}
            assert graph.right.again.factor.initialization_value == 3
            assert graph.exports == {"upto": graph.numbers.upto}

    def test_groups_in_subgraphs(self, version):
        for graph in self.read(version, "groups_in_subgraphs"):
            assert len(graph.sub.workers) == 2
            assert sorted(collected(graph, graph.sub.sink.seen)) == [0, 4, 8, 12, 16]

    def test_a_default_goes_when_the_program_connects_the_port(self, version):
        graph = self.read(version, "plain")[1]
        graph.numbers.number >> graph.doubled.factor
        assert graph._core.initial("doubled", "factor") == ()


def run(code):
    path = ":".join(map(str, [Path(__file__).parent, *sys.path]))
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={"PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=40,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


MAIN = """
import json
from cascata import Graph, component, inport, outport

@component
@inport("x", default=2)
@outport("y")
async def double(x, y):
    await y.send(2 * x)

graph = Graph()
graph.double = double
"""


def test_components_of_a_program_are_found_in_it():
    code = f"{MAIN}again = Graph.from_json(graph.to_json())\nprint(again.run(collect=[again.double.y]).collected)"
    assert run(code) == "{'double.y': [4]}\n"


def test_another_program_is_told_where_components_of_a_program_belong():
    data = run(f"{MAIN}print(json.dumps(graph.to_json()))")
    code = (
        f"from cascata import *\ntry:\n    Graph.from_json({json.loads(data)})\nexcept GraphFormatError as e: print(e)"
    )
    assert "the program that is running has no component 'double'" in run(code)
