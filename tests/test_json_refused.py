"""What cannot be written as data, and data that describe no graph: what is said, and where."""

import copy
import enum
import sys
import types
from collections import namedtuple

import json_parts as parts
import pytest

from cascata import Graph, GraphError, GraphFormatError, component, inport

SOURCE = {"module": "json_parts", "class": "count"}
SCALE = {"module": "json_parts", "class": "scale"}
GATHER = {"module": "json_parts", "class": "gather"}


def with_scale(**said):
    return {"nodes": {"scale": {**SCALE, **said}}}


def with_inport(port="x", **said):
    return with_scale(inports={port: said})


def with_group(**said):
    return {"group_handles": {"workers": {**SCALE, "count": 2, **said}}}


def with_edge(*edge, **said):
    return {"nodes": {"source": SOURCE, "scale": SCALE}, "edges": [list(edge)], **said}


def nested(data, depth):
    for _ in range(depth):
        data = {"version": 2, "subgraphs": {"p": data}}
    return data


class Level(enum.IntEnum):
    LOW = 1


class Heir(dict): ...


Point = namedtuple("Point", "x y")  # noqa: PYI024  a tuple with names

UNPLAIN = {
    "a set": ({1}, "{1} is a set, which JSON has not; it has None, bool, int, float, str, and lists and dicts of thes"),
    "a tuple": ((1, 2), "(1, 2) is a tuple, which would be read as a list; use that"),
    "a named tuple": (Point(1, 2), "Point(x=1, y=2) is a Point, which would be read as a list; use that"),
    "an enum": (Level.LOW, "<Level.LOW: 1> is a Level, which would be read as an int; use that"),
    "a dict's heir": (Heir(a=1), "{'a': 1} is a Heir, which would be read as a dict; use that"),
    "nan": (float("nan"), "nan is no number that JSON has; give a finite one"),
    "infinity": (float("-inf"), "-inf is no number that JSON has"),
    "many digits": (10**5000, "an int of so many digits is more than Python writes"),
    "bytes": (b"a", "b'a' is a bytes, which JSON has not"),
    "a key": ({1: 2}, "the key 1 is no str, and the keys of JSON are"),
    "a function": (len, "<built-in function len> is a builtin_function_or_method, which JSON has not"),
}


@pytest.mark.parametrize(("value", "problem"), UNPLAIN.values(), ids=UNPLAIN)
class TestValues:
    """Values that JSON cannot tell, or would change."""

    def test_as_an_initial_value(self, value, problem):
        graph = Graph()
        graph.scale = parts.scale
        graph.scale.x < value
        with pytest.raises(GraphFormatError) as caught:
            graph.to_json()
        assert str(caught.value).startswith(f"nodes.scale.inports.x.initial: {problem}")

    def test_deep_inside(self, value, problem):
        graph = Graph()
        graph.workers = parts.scale * 2
        graph.workers.seen < {"start": [{"a b": [0, value]}]}
        with pytest.raises(GraphFormatError) as caught:
            graph.to_json()
        path = 'group_handles.workers.persists.seen.arguments: at [0]["a b"][1]: '
        assert str(caught.value).startswith(path + problem)

    def test_in_data(self, value, problem):
        data = with_inport("x", initial=["a", {"b": value}])
        with pytest.raises(GraphFormatError) as caught:
            Graph.from_json(data)
        assert str(caught.value).startswith(f"nodes.scale.inports.x.initial[1].b: {problem}")


def test_a_start_value_that_cannot_be_written():
    graph = Graph()
    graph.outer = (inner := Graph())
    inner.sink = parts.gather
    inner.sink.items.set([object])
    graph.inner = inner
    with pytest.raises(
        GraphFormatError, match=r"^subgraphs.inner.nodes.sink.persists.items.state: at \[0\]: <class 'obj"
    ):
        graph.to_json()


def test_values_that_lie_too_deep():
    deep = []
    for _ in range(100):
        deep = [deep]
    graph = Graph()
    graph.scale = parts.scale
    graph.scale.x < deep
    with pytest.raises(GraphFormatError, match=r"^nodes.scale.inports.x.initial: .* more than 100 deep"):
        graph.to_json()
    with pytest.raises(GraphFormatError, match=r"^nodes.scale.inports.x.initial: .* more than 100 deep"):
        Graph.from_json(with_inport(initial=deep))
    graph.scale.x < deep[0]
    assert Graph.from_json(graph.to_json()).scale.x.initialization_value == deep[0]
    circle = []
    circle.append(circle)
    for data in (circle, with_inport("x", initial=circle)):
        with pytest.raises(GraphFormatError, match="more than 250 deep"):
            Graph.from_json(data)
    with pytest.raises(GraphFormatError, match="50 deep"):
        Graph.from_json(nested(with_scale(), 51))
    assert list(Graph.from_json(nested(with_scale(), 50)).nodes) == ["p_" * 50 + "scale"]


class TestComponents:
    """Components and functions that nobody could import."""

    def refused(self, definition, name="a"):
        graph = Graph()
        graph.add(name, definition)
        with pytest.raises(GraphFormatError) as caught:
            graph.to_json()
        return str(caught.value)

    def test_one_that_is_local(self):
        text = self.refused(parts.make_local())
        assert text.startswith(
            "nodes.a: component local of json_parts cannot be imported as make_local.<locals>.local; "
        )
        assert "at the top level of a module" in text

    def test_one_that_was_defined_again(self, monkeypatch):
        old = parts.scale
        monkeypatch.setattr(parts, "scale", parts.count)
        assert "cannot be imported: json_parts.scale is another component; define it once" in self.refused(old)
        monkeypatch.delattr(parts, "scale")
        assert "there is no json_parts.scale" in self.refused(old)

    def test_one_of_a_module_that_there_is_not(self):
        @component
        @inport("x")
        async def stray(x): ...

        stray.__module__, stray.__qualname__ = "no_such_module", "stray"
        text = self.refused(stray)
        assert (
            "module 'no_such_module' cannot be imported: ModuleNotFoundError: No module named 'no_such_module'" in text
        )

    @pytest.mark.parametrize("function", [lambda item: item, parts.last_digit.__get__(3), "ab".find, Level.LOW.__add__])
    def test_a_function_that_cannot_be_imported(self, function):
        graph = Graph()
        graph.source = parts.count
        graph.workers = parts.gather * 2
        graph.source.number >> graph.workers.item.keyed(function)
        with pytest.raises(GraphFormatError) as caught:
            graph.to_json()
        assert str(caught.value).startswith("group_handles.workers.inports.item.key: the function ")
        assert "at the top level of a module" in str(caught.value)


WRONG = {
    "text": ('{"nodes": {}}', "the graph: this is the text of a graph; read it first, as in Graph.from_json(json.load"),
    "a list": ([], "the graph: invalid type: sequence, expected an object"),
    "nothing": (None, "the graph: invalid type: null, expected an object"),
    "unknown key": ({"node": {}}, "node: unknown field `node`, expected one of `version`, `nodes`, `edges`"),
    "unknown key of a component": (with_scale(initial=1), "nodes.scale.initial: unknown field `initial`"),
    "unknown key of an inport": (with_inport(capcity=1), "nodes.scale.inports.x.capcity: unknown field `capcity`"),
    "no class": ({"nodes": {"a": {"module": "json_parts"}}}, "nodes.a: missing field `class`"),
    "a class that is no text": (with_scale(**{"class": 3}), "nodes.scale.class: invalid type: integer `3`, expected a"),
    "no such module": (
        with_scale(module="no_such_module"),
        "nodes.scale.module: module 'no_such_module' cannot be imported: ModuleNotFoundError: No module named",
    ),
    "a module that is none": (with_scale(module=""), "nodes.scale.module: module '' cannot be imported: ValueError"),
    "a relative module": (with_scale(module=".parts"), "nodes.scale.module: module '.parts' cannot be imported: TypeE"),
    "no such class": (
        with_scale(**{"class": "scael"}),
        "nodes.scale.class: module 'json_parts' has no component 'scael'; did you mean 'scale'?",
    ),
    "no such class at all": (with_scale(**{"class": "_"}), "nodes.scale.class: module 'json_parts' has no component '"),
    "no component": (
        with_scale(**{"class": "last_digit"}),
        "nodes.scale.class: json_parts.last_digit is no component, it is a function",
    ),
    "a connector": (
        with_scale(module="cascata.component", **{"class": "GroupConnector"}),
        "nodes.scale.class: cascata.component.GroupConnector is no component, it is a type",
    ),
    "a class by way of a module": (with_scale(module="os", **{"class": "path.join"}), "nodes.scale.class: module 'os'"),
    "no such inport": (with_inport("z"), "nodes.scale.inports.z: scale has no inport z; there are: x, factor, wide"),
    "an outport": (with_inport("y"), "nodes.scale.inports.y: scale has no inport y (it is an outport); there are"),
    "capacity 0": (with_inport(capacity=0), "nodes.scale.inports.x.capacity: invalid value: integer `0`, expected a w"),
    "capacity True": (with_inport(capacity=True), "nodes.scale.inports.x.capacity: invalid type: boolean `true`, expe"),
    "capacity 1.0": (with_inport(capacity=1.0), "nodes.scale.inports.x.capacity: invalid type: floating point `1.0`"),
    "a huge capacity": (with_inport(capacity=2**63), "nodes.scale.inports.x.capacity: invalid value: integer `9223372"),
    "a capacity beyond": (with_inport(capacity=2**70), "nodes.scale.inports.x.capacity: invalid type: floating point"),
    "capacity as text": (with_inport(capacity="3"), 'nodes.scale.inports.x.capacity: invalid type: string "3", expect'),
    "batches of True": (with_inport(batch_size=True), "nodes.scale.inports.x.batch_size: invalid type: boolean `true`"),
    "batches of -1": (with_inport(batch_size=-1), "nodes.scale.inports.x.batch_size: invalid value: integer `-1`"),
    "a time without batches": (with_inport(within=1), "nodes.scale.inports.x.within: the port delivers no batches"),
    "no time": (with_inport(batch_size=1, within=0), "nodes.scale.inports.x.within: invalid value: floating point `0."),
    "an explicit nothing": (with_inport(explicit=True), "nodes.scale.inports.x.explicit: there is no initial value"),
    "a policy of a component": (with_inport(policy="broadcast"), "nodes.scale.inports.x.policy: scale.x cannot be bro"),
    "no such policy": (
        with_group(inports={"x": {"policy": "random"}}),
        'group_handles.workers.inports.x.policy: there is no policy "random"; there are: balanced, round_robin, broa',
    ),
    "keyed by nothing": (
        with_group(inports={"x": {"policy": "keyed"}}),
        "group_handles.workers.inports.x: the policy keyed needs a key",
    ),
    "a key without the policy": (
        with_group(inports={"x": {"policy": "balanced", "key": {"module": "json_parts", "function": "last_digit"}}}),
        "group_handles.workers.inports.x.key: the policy balanced has no key",
    ),
    "no such function": (
        with_group(inports={"x": {"policy": "keyed", "key": {"module": "json_parts", "function": "last_digits"}}}),
        "group_handles.workers.inports.x.key.function: module 'json_parts' has no function 'last_digits'; did you mean",
    ),
    "an async function": (
        with_group(inports={"x": {"policy": "keyed", "key": {"module": "json_parts", "function": "no_key"}}}),
        "group_handles.workers.inports.x.key.function: json_parts.no_key: the function is async",
    ),
    "a count of a component": (with_scale(count=2), "nodes.scale.count: a component has no count: for a group"),
    "a group of 0": (with_group(count=0), "group_handles.workers.count: invalid value: integer `0`, expected a whole "),
    "a group of too many": (with_group(count=100_001), "group_handles.workers.count: a group has 100000 members at mo"),
    "a group of a group": (with_group(group=None), "group_handles.workers.group: a group is a member of no group"),
    "a group without a count": ({"group_handles": {"g": SCALE}}, "group_handles.g: missing field `count`"),
    "a member of no group": (with_scale(group="workers"), "nodes.scale.group: there is no group workers"),
    "a member beyond the group": (
        {**with_group(), "nodes": {"workers_2": {**SCALE, "group": "workers"}}},
        "nodes.workers_2.group: workers has 2 members, workers_0 and so on, and workers_2 is none of them",
    ),
    "a member of another component": (
        {**with_group(), "nodes": {"workers_1": {**SOURCE, "group": "workers"}}},
        "nodes.workers_1.group: the members of workers are instances of json_parts.scale, and this is not",
    ),
    "a component called as a member": (
        {**with_group(), "nodes": {"workers_1": SCALE}},
        "group_handles.workers: group workers cannot have a part workers_1, because the graph has a component workers_",
    ),
    "a component and a group of one name": (
        {**with_group(), "nodes": {"workers": SCALE}},
        "group_handles.workers: there is a component of this name",
    ),
    "a subgraph and a component of one name": (
        {**with_scale(), "subgraphs": {"scale": {}}},
        "subgraphs.scale: there is a component or group of this name",
    ),
    "a trigger twice": (with_scale(triggers=[["x"], ["wide", "x"]]), "nodes.scale.triggers[1]: scale.x is in a trigge"),
    "a trigger of nothing": (with_scale(triggers=[[]]), "nodes.scale.triggers[0]: sync on scale names no port"),
    "a weight of nan": (with_scale(cost=float("nan")), "nodes.scale.cost: nan is no number that JSON has"),
    "a negative weight": (with_scale(traffic=-1), "nodes.scale.traffic: invalid value: floating point `-1.0`, expecte"),
    "a worker beyond": (with_scale(worker=256), "nodes.scale.worker: there is never a worker 256: give a number from "),
    "no such persistent value": (with_scale(persists={"x": {}}), "nodes.scale.persists.x: scale has no persistent val"),
    "arguments as a list": (
        with_scale(persists={"seen": {"arguments": [1]}}),
        "nodes.scale.persists.seen.arguments: invalid type: sequence, expected an object",
    ),
    "an edge of three": (
        with_edge("source", "number", "scale"),
        "edges[0]: a connection has four names, component, outport, component, inport, and this has 3",
    ),
    "an edge of five": (with_edge("source", "number", "scale", "x", "y"), "edges[0]: a connection has four names"),
    "an edge from nowhere": (with_edge("sauce", "number", "scale", "x"), "edges[0]: the graph has no component sauce;"),
    "an edge from an inport": (with_edge("source", "upto", "scale", "x"), "edges[0]: source has no outport upto (it i"),
    "an edge to an outport": (with_edge("source", "number", "scale", "y"), "edges[0]: scale has no inport y (it is an"),
    "an edge twice": (
        {**with_edge("source", "number", "scale", "x"), "edges": [["source", "number", "scale", "x"]] * 2},
        "edges[1]: source.number is connected to scale.x already",
    ),
    "an edge of wrong types": (
        {
            "nodes": {
                "a": {"module": "json_parts", "class": "count"},
                "b": {"module": "json_parts", "class": "add_up"},
            },
            "edges": [["a", "number", "b", "numbers"]],
        },
        "edges[0]: a.number >> b.numbers: a.number sends int, but b.numbers takes list[int]; for lists of three, write",
    ),
    "unordered without an edge": (
        with_edge("source", "number", "scale", "x", unordered=[["source", "number", "scale", "wide"]]),
        "unordered[0]: there is no such connection among the edges",
    ),
    "an export of nothing": ({**with_scale(), "exports": {"e": {"port": "x"}}}, "exports.e: it is a port of one compo"),
    "an export of two": (
        {**with_scale(), "exports": {"e": {"component": "scale", "group": "scale", "port": "x"}}},
        "exports.e: it is a port of one component or of one group",
    ),
    "an export of a group's as a component's": (
        {**with_group(), "exports": {"e": {"component": "workers", "port": "x"}}},
        "exports.e.component: workers is a group: write so",
    ),
    "an export of state": (
        {**with_scale(), "exports": {"e": {"component": "scale", "port": "seen"}}},
        "exports.e: scale.seen cannot be exported: users of a graph see inports and outports",
    ),
    "an export of no port": (
        {**with_scale(), "exports": {"e": {"component": "scale", "port": "z"}}},
        "exports.e.port: scale has no inport or outport z; there are: x, factor, wide, y",
    ),
    "an export called as a subgraph's own": (
        {**with_scale(), "exports": {"nodes": {"component": "scale", "port": "x"}}},
        "exports.nodes: 'nodes' cannot be the name of an export",
    ),
    "an order that misses one": ({**with_scale(), "order": []}, "order: scale is missing"),
    "an order with one twice": ({**with_scale(), "order": ["scale", "scale"]}, "order[1]: scale is no component, grou"),
    "one alone together": ({**with_scale(), "together": [["scale"]]}, "together[0]: to run together takes two compone"),
    "a name that cannot be written": ({"nodes": {"a b": SCALE}}, "nodes[\"a b\"]: 'a b' cannot be the name of a compo"),
    "a name of the graph's own": ({"nodes": {"run": SCALE}}, "nodes.run: 'run' cannot be the name of a component: gra"),
    "a name that a subgraph makes": (
        {"version": 2, "subgraphs": {"check": {"nodes": {"deadlocks": SCALE}}}},
        "subgraphs.check.nodes.deadlocks: 'check_deadlocks' cannot be the name of a component",
    ),
    "a version to come": ({"version": 3}, "version: version 3 is not known here, where 1 to 2 are"),
    "an entry deep inside": (
        {"version": 2, "subgraphs": {"p": {"subgraphs": {"q": with_inport(capacity=0)}}}},
        "subgraphs.p.subgraphs.q.nodes.scale.inports.x.capacity: invalid value",
    ),
    "a prior file's port as a value": (
        with_inport(initial={"component": "scale", "port": "y"}),
        "nodes.scale.inports.x.initial: an inport cannot start from the outport scale.y: connect the two",
    ),
    "a prior file's subgraph without its name in front": (
        {"subgraphs": {"p": with_scale()}},
        "subgraphs.p.nodes.scale: scale is in a subgraph, where names begin with p_ in files without a version",
    ),
}


@pytest.mark.parametrize(("data", "problem"), WRONG.values(), ids=WRONG)
def test_wrong_data(data, problem):
    before = copy.deepcopy(data)
    with pytest.raises(GraphFormatError) as caught:
        Graph.from_json(data)
    assert str(caught.value).startswith(problem)
    assert isinstance(caught.value, GraphError)
    assert " line " not in str(caught.value)
    assert repr(data) == repr(before)


def test_the_cause_of_a_failed_import_is_kept(monkeypatch, tmp_path):
    monkeypatch.syspath_prepend(str(tmp_path))
    for text, kind in {"1 / 0": ZeroDivisionError, "exit(3)": SystemExit, "x =": SyntaxError}.items():
        name = f"broken_{kind.__name__}"
        (tmp_path / f"{name}.py").write_text(text)
        with pytest.raises(GraphFormatError) as caught:
            Graph.from_json(with_scale(module=name))
        assert str(caught.value).startswith(f"nodes.scale.module: module {name!r} cannot be imported: {kind.__name__}")
        assert isinstance(caught.value.__cause__, kind)


def test_ctrl_c_in_an_import_is_ctrl_c(monkeypatch, tmp_path):
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "interrupted.py").write_text("raise KeyboardInterrupt")
    with pytest.raises(KeyboardInterrupt):
        Graph.from_json(with_scale(module="interrupted"))


class TestAllow:
    @pytest.fixture
    def package(self, monkeypatch, tmp_path):
        monkeypatch.syspath_prepend(str(tmp_path))
        (tmp_path / "my_project").mkdir()
        (tmp_path / "my_project" / "__init__.py").write_text("")
        (tmp_path / "my_project" / "text.py").write_text(
            "from os import system\nimport os\nimport subprocess\nfrom json_parts import scale\n"
            "from cascata import component, inport\n"
            "@component\n@inport('x')\nasync def split(x): ...\n"
            "def key(item): return item\n"
        )
        (tmp_path / "my_projects.py").write_text("")
        yield
        for name in [name for name in sys.modules if name.startswith("my_project")]:
            del sys.modules[name]

    SPLIT = types.MappingProxyType({"module": "my_project.text", "class": "split"})

    def keyed(self, module, function):
        port = {"policy": "keyed", "key": {"module": module, "function": function}}
        return {"group_handles": {"g": {**self.SPLIT, "count": 2, "inports": {"x": port}}}}

    @pytest.mark.parametrize("allow", [["my_project.*"], ["my_project.text"], ["*"], ("other", "my_project.text.*")])
    def test_what_is_allowed(self, package, allow):
        for data in ({"nodes": {"a": dict(self.SPLIT)}}, self.keyed("my_project.text", "key")):
            assert Graph.from_json(data, allow=allow).to_json()

    @pytest.mark.parametrize(
        "allow", [[], ["my_projects"], ["my_proj*"], ["my_project"], ["my_project.text.more"], [""]]
    )
    def test_what_is_not(self, package, allow):
        with pytest.raises(
            GraphFormatError, match=r"^nodes.a.module: module 'my_project.text' may not be imported; allow"
        ):
            Graph.from_json({"nodes": {"a": dict(self.SPLIT)}}, allow)
        assert not [name for name in sys.modules if name.startswith("my_project")]

    def test_nothing_is_imported_of_what_is_refused(self, package):
        data = {"nodes": {"a": dict(self.SPLIT)}, "subgraphs": {"p": {"nodes": {"p_b": {**SCALE}}}}}
        with pytest.raises(GraphFormatError, match=r"^subgraphs.p.nodes.b.module: module 'json_parts' may not"):
            Graph.from_json(data, ["my_project.*"])
        data = {"nodes": {"a": dict(self.SPLIT), "b": {**SCALE, "cost": 0}}}
        with pytest.raises(GraphFormatError, match=r"^nodes.b.cost"):
            Graph.from_json(data)
        assert not [name for name in sys.modules if name.startswith("my_project")]

    @pytest.mark.parametrize(
        "function", ["system", "os.system", "subprocess.Popen", "__builtins__.eval", "key.__class__"]
    )
    def test_nothing_gets_in_by_way_of_an_allowed_module(self, package, function):
        with pytest.raises(GraphFormatError, match=r"^group_handles.g.inports.x.key.function: "):
            Graph.from_json(self.keyed("my_project.text", function), ["my_project.*"])

    def test_a_component_of_another_module_neither(self, package):
        data = {"nodes": {"a": {**self.SPLIT, "class": "scale"}}}
        assert Graph.from_json(data).to_json()["nodes"]["a"]["module"] == "json_parts"
        with pytest.raises(
            GraphFormatError, match=r"my_project.text.scale comes from json_parts, which may not be imported"
        ):
            Graph.from_json(data, ["my_project.*"])

    def test_builtins_are_a_module(self, package):
        data = self.keyed("builtins", "str.lower")
        with pytest.raises(GraphFormatError, match=r"g.inports.x.key.module: module 'builtins' may not be imported"):
            Graph.from_json(data, ["my_project.*"])
        assert Graph.from_json(data, ["my_project.*", "builtins"])

    @pytest.mark.parametrize("allow", ["my_project.*", [b"my_project.*"], 3, [None]])
    def test_what_is_no_list_of_patterns(self, allow):
        with pytest.raises(TypeError, match=r'give a list of names and patterns, such as allow=\["my_project'):
            Graph.from_json({}, allow)
