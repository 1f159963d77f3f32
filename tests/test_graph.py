"""Graphs: names, injection, weights, placement."""

import gc
import types
import warnings
import weakref
from fractions import Fraction

import numpy as np
import pytest

from cascata import DeadlockError, Graph, component, inport, outport
from cascata.errors import GraphError
from cascata.graph import DeadlockError as DeadlockErrorOfGraph
from cascata.instance import Instance
from cascata.namespace import NameTakenWarning


@component
@outport("number")
async def count(number: int):
    for n in range(3):
        await number.send(n)


@component
@inport("x")
@outport("y")
async def double(x: int, y: int):
    await y.send(2 * x)


MODULE = """
from cascata import Graph, component, inport, outport

@component
@outport("number")
async def count(number: int): ...

@component
@inport("x")
async def show(x: int): ...

graph = Graph()
"""


@pytest.fixture
def module():
    """A module that has made a graph; `module.run(code)` goes on in it."""
    module = types.ModuleType("made")
    module.run = lambda code: exec(code, vars(module))  # noqa: S102  that is how a module runs
    module.run(MODULE)
    return module


def pipeline():
    graph = Graph()
    graph.count = count
    graph.double = double
    graph.count.number >> graph.double.x
    return graph


def test_assigning_and_adding():
    graph = Graph()
    graph.a = count
    b = graph.add("b", double)
    c = double("whatever")
    graph.c = c
    assert isinstance(graph.a, Instance)
    assert graph.b is b
    assert graph.c is c
    assert c.name == "c"
    assert c.graph is graph
    assert graph.nodes == {"a": graph.a, "b": b, "c": c}
    assert {"a", "b", "c"} <= set(dir(graph))


@pytest.mark.parametrize("name", [name for name in dir(Graph) if not name.startswith("_")])
def test_what_every_graph_has_is_no_name_of_a_component(name):
    with pytest.raises(GraphError, match=f"'{name}' cannot be the name of a component: .*; take another name"):
        Graph().add(name, count)


def test_an_instance_is_in_one_graph_once():
    graph = Graph()
    graph.a = count
    with pytest.raises(GraphError, match=r"in this graph already, as 'a'; use a\.copy\(\)"):
        graph.b = graph.a
    with pytest.raises(GraphError, match="in another graph already"):
        Graph().a = graph.a
    graph.b = graph.a.copy()
    assert list(graph.nodes) == ["a", "b"]


def test_what_a_graph_returns_can_be_changed_without_harm():
    graph = pipeline()
    graph.nodes.clear()
    graph.edges.clear()
    assert len(graph.nodes) == 2
    assert graph.edges == [(graph.count.number, graph.double.x)]


def test_repr():
    assert repr(Graph()) == "<Graph of 0 components and 0 connections>"
    assert repr(pipeline()).splitlines() == [
        "<Graph of 2 components and 1 connection",
        "  count (count): () -> number",
        "  double (double): x -> y",
        "  count.number >> double.x>",
    ]


def test_a_long_repr_is_cut():
    graph = Graph()
    for n in range(30):
        graph.add(f"c{n}", count)
    assert "… 10 more" in repr(graph)


def test_check_names_everything_at_once():
    graph = Graph()
    graph.a = double
    graph.b = double
    with pytest.raises(DeadlockError) as caught:
        graph.check_deadlocks()
    issues = caught.value.issues
    assert any("a.x" in issue for issue in issues)
    assert any("b.x" in issue for issue in issues)
    assert all(issue in str(caught.value) for issue in issues)
    pipeline().check_deadlocks()
    assert DeadlockErrorOfGraph is DeadlockError


def test_components_that_wait_only_for_each_other_can_never_fire():
    graph = Graph()
    graph.a = double
    graph.b = double
    graph.a.y >> graph.b.x
    graph.b.y >> graph.a.x
    with pytest.raises(DeadlockError) as caught:
        graph.check_deadlocks()
    (issue,) = caught.value.issues
    assert "a.x" in issue
    assert "b.x" in issue
    _ = graph.a.x < 1
    graph.check_deadlocks()


def test_a_crawler_can_fire():
    graph = Graph()
    graph.seed = count
    graph.crawl = double
    graph.seed.number >> graph.crawl.x
    graph.crawl.y >> graph.crawl.x
    graph.check_deadlocks()


def test_a_passive_port_never_blocks():
    @component
    @inport("tick")
    @inport("level")
    @outport("next_level")
    async def control(tick, level, next_level): ...

    graph = Graph()
    graph.ticks = count
    graph.control = control
    graph.ticks.number >> graph.control.tick
    graph.control.next_level >> graph.control.level
    with pytest.raises(DeadlockError, match="control"):
        graph.check_deadlocks()
    graph.control.clk(graph.control.tick)
    graph.check_deadlocks()


def test_shard_covers_every_component_and_is_deterministic():
    def placed(n):
        return [[c.name for c in shard.components] for shard in pipeline().shard(n)]

    assert sorted(name for names in placed(2) for name in names) == ["count", "double"]
    assert placed(2) == placed(2)
    assert placed(1) == [["count", "double"]]
    assert all(placed(5))


def test_place_overrules():
    graph = pipeline()
    graph.place(graph.count, graph.double, together=True)
    assert [{c.name for c in shard.components} for shard in graph.shard(2)] == [{"count", "double"}]
    graph = pipeline()
    graph.place(graph.count, worker=0)
    graph.place(graph.double, worker=1)
    assert [[c.name for c in shard.components] for shard in graph.shard(2)] == [["count"], ["double"]]


def test_cost_keeps_heavy_components_apart():
    graph = Graph()
    for name in "abcd":
        graph.add(name, count)
    for name in "ad":
        graph.weigh(graph.nodes[name], cost=10)
    a, d = [{"a", "d"} & {c.name for c in shard.components} for shard in graph.shard(2)]
    assert len(a) == len(d) == 1


def test_traffic_keeps_talkative_components_together():
    graph = Graph()
    for name in "abcd":
        graph.add(name, double)
    for source, sink in ("ab", "bc", "cd"):
        graph.nodes[source].y >> graph.nodes[sink].x
    assert [[c.name for c in shard.components] for shard in graph.shard(2)] == [["a", "b"], ["c", "d"]]
    graph.weigh(graph.b, traffic=50)
    assert [[c.name for c in shard.components] for shard in graph.shard(2)] == [["a", "d"], ["b", "c"]]


def test_weigh_takes_one_or_both():
    graph = pipeline()
    graph.weigh(graph.count, cost=3)
    graph.weigh(graph.count, traffic=0)
    graph.weigh(graph.count, cost=2.5, traffic=1)


@pytest.mark.parametrize("weight", [Fraction(5, 2), np.float32(2.5), np.int64(3)])
def test_a_weight_may_be_any_real_number(weight):
    graph = pipeline()
    graph.weigh(graph.count, cost=weight, traffic=weight)
    assert all(graph.shard(2))


def test_shard_shows_no_more_workers_than_a_run_may_have():
    graph = Graph()
    for number in range(300):
        graph.add(f"c{number}", count)
    graph.place(graph.c0, worker=255)
    shards = graph.shard(10**30)
    assert len(shards) == len(graph.shard(256)) <= 256
    assert sorted(c.name for shard in shards for c in shard.components) == sorted(graph.nodes)


@pytest.mark.parametrize("kind", [list, tuple, set, iter])
def test_outports_to_collect_come_in_any_order(kind):
    graph = pipeline()
    report = graph.run(num_workers=0, collect=kind([graph.double.y, graph.count.number]))
    assert report.collected == {"double.y": [0, 2, 4], "count.number": [0, 1, 2]}
    assert graph.run(num_workers=0, collect=graph.double.outports).collected == {"double.y": [0, 2, 4]}


def test_a_started_graph_can_be_joined():
    graph = pipeline()
    graph.start(num_workers=0, collect=[graph.double.y])
    assert graph.join().collected == {"double.y": [0, 2, 4]}


def test_graphs_are_freed():
    graph = pipeline()
    watch = weakref.ref(graph)
    del graph
    gc.collect()
    assert watch() is None


class TestInjection:
    def test_names_are_variables_where_the_graph_was_made(self, module):
        module.run("graph.source = count\ngraph.sink = show\nsource.number >> sink.x")
        assert module.source is module.graph.source
        assert module.graph.edges == [(module.source.number, module.sink.x)]

    def test_graphs_made_in_functions_leave_the_module_alone(self):
        pipeline()
        assert not isinstance(count, Instance)

    def test_replaces_definitions_which_keep_working(self, module):
        definition = module.count
        module.run("graph.count = count\ngraph.second = count\nthird = count('third')")
        assert module.count is module.graph.count
        assert module.graph.second._definition is definition
        assert module.third._definition is definition

    def test_a_cell_of_a_notebook_can_run_again(self, module):
        cell = "graph = Graph()\ngraph.count = count\ngraph.show = show\ncount.number >> show.x"
        module.run(cell)
        first = module.graph
        module.run(cell)
        assert module.graph is not first
        assert module.count is module.graph.count
        assert len(first.edges) == len(module.graph.edges) == 1

    def test_replaces_what_it_put_there_before(self, module):
        module.run("graph.a = count\ngraph = Graph()\ngraph.a = show")
        assert module.a.__name__ == "show"

    @pytest.mark.parametrize("value", ["3", "count('mine')"])
    def test_any_other_object_stays_with_a_warning(self, module, value):
        module.run(f"a = {value}")
        present = module.a
        with pytest.warns(NameTakenWarning, match=r"'a' stays what it is here.* reached as graph\.a"):
            module.run("graph.a = count")
        assert module.a is present
        assert module.graph.a.name == "a"

    def test_builtins_stay_with_a_warning(self, module):
        with pytest.warns(NameTakenWarning, match="'sum' stays what it is here, a builtin"):
            module.run("graph.sum = show")
        module.run("total = sum([1, 2])")
        assert module.total == 3

    def test_the_warning_points_at_the_line(self, module):
        for code in ("graph.a = count", "graph.add('b', count)"):
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                module.run(f"a = b = 3\n\n{code}")
            assert [(warning.filename, warning.lineno) for warning in caught] == [("<string>", 3)]

    def test_an_instance_may_be_assigned_to_its_own_name(self, module):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            module.run("a = count('a')\ngraph.a = a")
        assert module.a is module.graph.a
