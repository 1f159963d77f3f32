"""Random graphs as data: what is read is what was written, and damaged data are a graph or refused."""

import dataclasses
import itertools
import json
import sys
import types
from pathlib import Path

import checking
import json_parts as parts
import jsonschema
import pytest
from build import described, furnish
from draws import LARGEST, plans
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st
from model import TooLongError
from scale import SCALE
from test_description_model import SIZES, STEP, Described

from cascata import Graph, GraphFormatError, batch

pytestmark = pytest.mark.once

ROOT = Path(__file__).parents[2]
PRIOR = [json.loads(file.read_text()) for file in sorted((ROOT / "tests/fixtures/prior").glob("*/*.json"))]
SCHEMA = jsonschema.Draft202012Validator(json.loads((ROOT / "docs/graph.schema.json").read_text()))


def restored(graph):
    """Give what is read of what is written, by way of a file, after a look at whether that is stable."""
    data = graph.to_json()
    SCHEMA.validate(data)
    text = json.dumps(data)
    again = Graph.from_json(json.loads(text))
    assert json.dumps(again.to_json()) == text
    return again


def told(graph):
    """Give all that a graph says; connections in the order of their names, because those of subgraphs come first."""
    core = graph._core
    nodes = {}
    for name, node in graph.nodes.items():
        ports = node.__declaration__.inports
        inports = {
            port: (core.initial(name, port), core.capacity(name, port), core.batch(name, port)) for port in ports
        }
        nodes[name] = (node.__name__, inports, core.triggers(name), core.group(name))
    groups = {
        name: [core.policy(name, port) for port in group.__declaration__.inports]
        for name, group in graph.group_handles.items()
    }
    shards = [[node.name for node in shard.components] for shard in graph.shard(3)]
    order = list(graph.nodes), list(graph.group_handles)
    return nodes, groups, order, sorted(core.links()), sorted(core.edges()), core.exports(), core.subgraphs(), shards


def same(graph, again):
    """Compare two graphs. Where connections were made in another order, they may be placed otherwise."""
    one, two = told(graph), told(again)
    assert one[:-1] == two[:-1]
    if graph._core.edges() == again._core.edges():
        assert one[-1] == two[-1]


@settings(max_examples=int(60 * SCALE), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.tuples(SIZES, SIZES, SIZES), st.lists(st.tuples(st.integers(0, 2), STEP), max_size=25))
def test_descriptions(begin, steps):
    graphs = Described()
    for number, sizes in enumerate(begin):
        for size in sizes:
            graphs.add(number, size)
    for number, (step, *arguments) in steps:
        getattr(graphs, step)(number, *arguments)
    for graph in graphs.graphs:
        same(graph, restored(graph))


def importable(graph):
    """Put the components of a graph, which were made for it, where they can be imported from."""
    module = sys.modules["json_plan"] = types.ModuleType("json_plan")
    for node in graph.nodes.values():
        definition = node._definition
        if definition.__module__ != "json_plan":
            definition.__module__, definition.__qualname__ = "json_plan", f"part{len(vars(module))}"
            setattr(module, definition.__qualname__, definition)


def unseeded(plan):
    """Give a plan without tokens: these are tuples, which files have not."""
    nodes = []
    for node in plan.nodes:
        inports = tuple(dataclasses.replace(port, seeded=False) for port in node.inports)
        nodes.append(dataclasses.replace(node, inports=inports))
    return dataclasses.replace(plan, nodes=tuple(nodes))


@settings(max_examples=int(60 * SCALE), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(plan=plans())
def test_plans(plan):
    graph = described(unseeded(plan))
    importable(graph)
    same(graph, restored(graph))


def built_from_data(plan, place):
    graph = described(unseeded(plan))
    importable(graph)
    again = restored(graph)
    furnish(again, plan, place)
    return again


@settings(max_examples=int(40 * SCALE), deadline=None)
@given(plan=plans(), workers=st.sampled_from([0, 0, 0, 2]), places=st.lists(st.integers(0, 4), min_size=LARGEST))
def test_a_restored_graph_does_what_the_model_may_do(plan, workers, places):
    try:
        plan, expected = checking.settled(plan)
    except TooLongError:
        assume(condition=False)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(checking, "build", built_from_data)
        checking.compare(plan, expected, workers, places, "fork")


def rich():
    """Make a graph in whose data every key occurs."""
    sub = Graph()
    sub.first = parts.scale
    sub.workers = parts.scale * 2
    sub.first.y >> sub.workers.x
    sub.export(sub.first.x, "x")
    sub.export(sub.workers.y.unordered, "y")
    graph = Graph()
    graph.part = sub
    graph.source = parts.count
    graph.timed = parts.add_up
    graph.workers = parts.scale * 3
    graph.source.number >> graph.part.x
    graph.source.number >> batch(3, within=0.5) >= graph.timed.numbers
    graph.part.y >> graph.workers.x.keyed(parts.last_digit)
    graph.workers.sync(graph.workers.x, graph.workers.factor)
    graph.source.number >> graph.workers.factor
    graph.workers.seen < ([["a", 1]],)
    graph.workers[1].seen.set({"b": [2, None]})
    graph.workers.wide < None
    graph.source.upto < 6
    graph.place(graph.source, worker=1)
    graph.weigh(graph.workers, cost=2, traffic=0)
    graph.place(graph.workers, graph.part.first, together=True)
    return graph.to_json()


def keys(data):
    """Collect the keys in data."""
    if isinstance(data, dict):
        return set(data).union(*map(keys, data.values()))
    return set().union(*map(keys, data)) if isinstance(data, list) else set()


FILES = [rich(), *PRIOR[:7]]
NUMBERS = [0, 1, -1, 3, 2**63, 2**64, 10**400, 0.5, 1e300]
TEXTS = ["", "x", "source", "scale", "json_parts", "ü b", "a.b", "\ud800", "shutil", "keyed", "workers_0", "part_first"]
JUNK = [None, True, False, *NUMBERS, *TEXTS, [], {}, [[]], ["x"], {"x": 1}]
FIELDS = sorted(key for key in keys(FILES) if key.isidentifier())


def places(data, path=()):
    """Give the path of every entry."""
    yield path
    items = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    for key, value in items:
        yield from places(value, (*path, key))


def at(data, path):
    for step in path:
        data = data[step]
    return data


DAMAGES = st.tuples(
    st.sampled_from(["junk", "delete", "move", "rename", "add", "nest"]),
    st.integers(0, 2**20),
    st.integers(0, 2**20),
    st.integers(0, 2**20),
)


def damage(data, how, where, what, which):
    """Change something in data; the numbers choose what."""
    paths = list(places(data))[1:] or [()]
    path, junk, field = paths[where % len(paths)], JUNK[what % len(JUNK)], FIELDS[which % len(FIELDS)]
    if not path:
        data[field] = junk
        return
    home, last = at(data, path[:-1]), path[-1]
    match how:
        case "junk":
            home[last] = junk
        case "delete":
            del home[last]
        case "move":
            home[last] = json.loads(json.dumps(at(data, paths[what % len(paths)])))
        case "rename" if isinstance(home, dict):
            home[field] = home.pop(last)
        case "add" if isinstance(home, dict):
            home[field] = junk
        case "add" | "rename":
            home.insert(last, junk)
        case "nest":
            for _ in range((1, 2, 130, 300)[what % 4]):
                home[last] = {"p": home[last]} if which % 2 else [home[last]]


@st.composite
def damaged(draw):
    """Draw data of a graph with a few things changed at random."""
    data = json.loads(json.dumps(FILES[draw(st.integers(0, len(FILES) - 1))]))
    damages = draw(st.lists(DAMAGES, min_size=1, max_size=3))
    for chosen in [each for each in damages if each[0] != "nest"]:
        damage(data, *chosen)
    for chosen in [each for each in damages if each[0] == "nest"][:1]:  # at the end: what lies deep is hard to look at
        damage(data, *chosen)
    return data


@settings(max_examples=int(300 * SCALE), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=damaged())
def test_damaged_data_are_refused_or_a_graph(data):
    try:
        graph = Graph.from_json(data, allow=["json_parts", "prior_parts"])
    except GraphFormatError:
        return
    assert SCHEMA.is_valid(data), "what is read keeps to the schema"
    restored(graph)


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text("abü\ud800", max_size=3)
    | st.sampled_from(FIELDS),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(FIELDS), inner, max_size=4),
    max_leaves=15,
)


@settings(max_examples=int(150 * SCALE), deadline=None)
@given(data=VALUES)
@example(data={})
def test_any_data_are_refused_or_a_graph(data):
    try:
        graph = Graph.from_json(data, allow=["json_parts"])
    except GraphFormatError:
        return
    assert SCHEMA.is_valid(data)
    restored(graph)


@settings(max_examples=int(100 * SCALE), deadline=None)
@given(value=VALUES)
def test_values_come_back_as_they_were_or_are_refused(value):
    graph = Graph()
    graph.scale = parts.scale
    graph.scale.x < value
    if "nan" in (text := json.dumps(value).lower()) or "infinity" in text:
        with pytest.raises(GraphFormatError, match="is no number that JSON has"):
            graph.to_json()
        return
    data = graph.to_json()
    assert repr(Graph.from_json(data).scale.x.initialization_value) == repr(value)


@pytest.mark.parametrize("data", [*FILES, *PRIOR], ids=itertools.count())
def test_files_of_both_systems_keep_to_the_schema(data):
    SCHEMA.validate(data)


def test_the_schema_knows_every_key_and_refuses_others():
    data = rich()
    properties = {}
    for part in ("graph", "component", "group", "inport", "export"):
        properties[part] = set(SCHEMA.schema["$defs"][part]["properties"])
    # `explicit` is for a value that is also the default.
    assert set().union(*properties.values()) <= keys(data) | {"explicit"}
    refused = [
        {**data, "node": {}},
        {**data, "edges": [["a", "b", "c"]]},
        {**data, "version": 3},
        {**data, "nodes": []},
    ]
    for changes in ({"capacity": 0}, {"capacity": True}, {"within": 1}, {"policy": "keyed"}, {"key": {}}, {"size": 1}):
        port = {"capacity": 1, "initial": None, "batch_size": None, **changes}
        refused.append({"nodes": {"a": {"module": "m", "class": "c", "inports": {"x": port}}}})
    refused += [{"nodes": {"a": {"module": "m"}}}, {"nodes": {"a": {"class": "c"}}}, {"exports": {"e": {"port": "x"}}}]
    refused += [{"group_handles": {"g": {"module": "m", "class": "c", "count": count}}} for count in (0, None, 10**6)]
    for wrong in refused:
        assert not SCHEMA.is_valid(wrong)
        with pytest.raises(GraphFormatError):
            Graph.from_json(wrong, allow=["json_parts", "m"])
