"""Subgraphs: copies of graphs in graphs, and the ports that they export."""

import gc
import types
import weakref

import pytest

from cascata import DeadlockError, Graph, GraphError, component, inport, outport, persist
from cascata.namespace import NameTakenWarning
from cascata.subgraph import Subgraph


@component
@outport("number")
async def count(number: int):
    for n in range(3):
        await number.send(n)


@component
@inport("x")
@inport("factor", default=2)
@outport("y")
@persist("seen", list)
async def scale(x: int, factor: int, y: int, seen):
    seen.get().append(x)
    await y.send(factor * x)


@component
@inport("a")
@inport("b")
@outport("y")
async def pair(a, b, y): ...


@pytest.fixture
def sub():
    """`first` feeds `second`; exports `inp` and `out`."""
    sub = Graph()
    sub.first = scale
    sub.second = scale
    sub.first.y >> sub.second.x
    sub.export(sub.first.x, "inp")
    sub.export(sub.second.y, "out")
    return sub


def edges(graph):
    return [f"{out.label} >> {inp.label}" for out, inp in graph.edges]


def test_all_names_of_a_copy_have_a_prefix(sub):
    main = Graph()
    main.count = count
    main.prep = sub
    main.count.number >> main.prep.inp
    assert isinstance(main.prep, Subgraph)
    assert list(main.nodes) == ["count", "prep_first", "prep_second"]
    assert all(node.graph is main for node in main.nodes.values())
    assert edges(main) == ["prep_first.y >> prep_second.x", "count.number >> prep_first.x"]
    assert main.subgraphs == {"prep": main.prep}
    assert (main.prep.name, main.prep.graph) == ("prep", main)
    assert main.run(num_workers=0, collect=[main.prep.out]).collected == {"prep_second.y": [0, 4, 8]}


def test_exports_and_parts_are_attributes(sub):
    main = Graph()
    prep = main.add("prep", sub)
    assert prep is main.prep
    assert prep.first is main.prep_first is main.nodes["prep_first"]
    assert prep.inp is main.prep_inp is main.prep_first.x
    assert prep.exports == {"inp": prep.inp, "out": prep.out}
    assert prep.nodes == {"first": prep.first, "second": prep.second}
    assert {"inp", "out", "first", "second"} <= set(dir(prep))
    assert {"prep", "prep_inp", "prep_first"} <= set(dir(main))
    assert repr(prep) == "<subgraph prep of first, second; exports inp (prep_first.x), out (prep_second.y)>"
    assert sub.exports == {"inp": sub.first.x, "out": sub.second.y}
    assert sub.inp is sub.first.x
    assert main.exports == {}


def test_a_port_may_be_assigned_to_itself(sub):
    main = Graph()
    main.prep = sub
    main.prep.out = main.prep.out
    main.prep_out = main.prep.out


def test_a_part_that_only_seems_to_be_one_is_none(sub):
    main = Graph()
    main.prep = sub
    main.prep_extra = count
    with pytest.raises(
        AttributeError, match=r"^subgraph prep has no 'extra'\. It exports: inp, out; and consists of: fi"
    ):
        main.prep.extra


def test_the_original_and_the_copy_go_their_own_ways(sub):
    main = Graph()
    main.prep = sub
    sub.third = scale
    sub.second.y >> sub.third.x
    sub.export(sub.third.y, "last")
    _ = sub.first.x < 1
    sub.second.seen.set([1])
    assert list(main.nodes) == ["prep_first", "prep_second"]
    assert edges(main) == ["prep_first.y >> prep_second.x"]
    assert main.prep.first.x.initialization_value is None
    assert main.prep.second.seen.get() == []
    assert list(main.prep.exports) == ["inp", "out"]
    _ = main.prep.inp < 2
    assert sub.first.x.initialization_value == 1


def test_one_graph_can_be_copied_many_times(sub):
    main = Graph()
    main.a = sub
    main.b = sub
    main.a.out >> main.b.inp
    assert list(main.nodes) == ["a_first", "a_second", "b_first", "b_second"]
    assert edges(main)[-1] == "a_second.y >> b_first.x"
    assert main.a.first._definition is main.b.first._definition is scale
    other = Graph()
    other.a = sub
    assert other.a.inp.component.graph is other


def test_graphs_can_be_nested(sub):
    middle = Graph()
    middle.inner = sub
    middle.count = count
    middle.count.number >> middle.inner.inp
    middle.export(middle.inner.out, "out")
    main = Graph()
    main.m = middle
    main.n = middle
    assert list(main.nodes) == [f"{m}_{name}" for m in "mn" for name in ("inner_first", "inner_second", "count")]
    assert list(main.subgraphs) == ["m_inner", "m", "n_inner", "n"]
    assert main.m.inner is main.m_inner
    assert main.m.out is main.m_out is main.m.inner.out is main.m.inner_out is main.m_inner_out is main.m_inner_second.y
    assert main.m.inner.first is main.m.inner_first is main.m_inner_first
    assert main.m.inner.inp.label == "m_inner_first.x"


def test_everything_that_was_said_survives():
    sub = Graph()
    sub.ws = scale * 2
    sub.pair = pair
    sub.gather = scale
    sub.ws.y >> sub.pair.a
    sub.ws.y.unordered >> sub.gather.x
    sub.gather.y >> sub.ws.x.keyed(abs)
    _ = sub.ws.factor < 3
    _ = sub.ws[1].seen < "ab"
    sub.gather.seen.set([4])
    _ = sub.pair.b < 5
    sub.pair.clk(sub.pair.a)
    sub.weigh(sub.gather, cost=3)
    sub.place(sub.pair, worker=1)
    sub.place(sub.ws, together=True)
    main = Graph()
    main.one = pair
    main.more = pair * 2
    main.sub = sub
    core = main._core
    assert main.sub.ws is main.sub_ws is main.group_handles["sub_ws"]
    assert main.sub.ws.group == [main.sub_ws_0, main.sub_ws_1]
    assert main.sub_ws_0.group_name == "sub_ws"
    assert core.links() == [
        ("sub_ws", "y", "sub_pair", "a", True),
        ("sub_ws", "y", "sub_gather", "x", False),
        ("sub_gather", "y", "sub_ws", "x", True),
    ]
    assert edges(main) == [
        f"sub_{a} >> sub_{b}"
        for a, b in [
            ("ws_0.y", "pair.a"),
            ("ws_1.y", "pair.a"),
            ("ws_0.y", "gather.x"),
            ("ws_1.y", "gather.x"),
            ("gather.y", "ws_0.x"),
            ("gather.y", "ws_1.x"),
        ]
    ]
    assert core.policy("sub_ws", "x") == ("keyed", abs)
    assert [member.factor.initialization_value for member in main.sub.ws] == [3, 3]
    assert [member.seen.get() for member in main.sub.ws] == [[], ["a", "b"]]
    assert main.sub.gather.seen.get() == [4]
    assert main.sub.pair.b.initialization_value == 5
    assert core.triggers("sub_pair") == [["a"]]
    shards = [{node.name for node in shard.components} for shard in main.shard(2)]
    assert "sub_pair" in shards[1]
    assert any({"sub_ws_0", "sub_ws_1"} <= names for names in shards)


def test_ports_of_groups_can_be_exported_and_views_of_them():
    sub = Graph()
    sub.ws = scale * 2
    sub.export(sub.ws.x.broadcast, "inp")
    sub.export(sub.ws.factor, "factor")
    sub.export(sub.ws.y.unordered, "loose")
    sub.export(sub.ws.y, "strict")
    main = Graph()
    main.count = count
    main.a = scale
    main.b = scale
    main.prep = sub
    main.count.number >> main.prep.inp
    main.prep.loose >> main.a.x
    main.prep.strict >> main.b.x
    _ = main.prep_factor < 9
    assert main.prep.inp is main.prep_ws.x
    assert main._core.policy("prep_ws", "x") == ("broadcast", None)
    assert [ordered for *_, ordered in main._core.links()] == [True, False, True]
    assert [member.factor.initialization_value for member in main.prep.ws] == [9, 9]
    again = Graph()
    again.deep = main
    assert again.deep.prep.loose.label == "deep_prep_ws.y.unordered"


def test_a_copy_of_a_graph_is_a_graph(sub):
    sub.ws = scale * 2
    copy = sub.copy()
    assert list(copy.nodes) == list(sub.nodes)
    assert copy.nodes["first"] is not sub.nodes["first"]
    assert copy.exports["inp"] is copy.first.x
    assert edges(copy) == edges(sub)
    copy.more = count
    assert "more" not in sub.nodes
    left = sub.copy("left")
    assert list(left.nodes) == ["left_first", "left_second", "left_ws_0", "left_ws_1"]
    assert left.exports == {"inp": left.left_first.x, "out": left.left_second.y}
    assert list(left.group_handles) == ["left_ws"]
    with pytest.raises(GraphError, match="'a b' cannot be the name"):
        sub.copy("a b")
    with pytest.raises(TypeError, match=r"^graph\.copy\(3\): a prefix is a string"):
        sub.copy(3)


def test_a_subgraph_can_be_placed_and_weighed(sub):
    main = Graph()
    main.count = count
    main.prep = sub
    main.count.number >> main.prep.inp
    main.place(main.prep, worker=1)
    main.place(main.count, worker=0)
    assert [[node.name for node in shard.components] for shard in main.shard(2)] == [
        ["count"],
        ["prep_first", "prep_second"],
    ]
    main.weigh(main.prep, cost=2)


def test_an_empty_graph_is_a_part_like_any_other():
    main = Graph()
    main.prep = Graph()
    assert main.nodes == {}
    assert repr(main.prep) == "<subgraph prep of nothing; exports nothing>"


def test_an_exported_port_that_nothing_feeds_is_told_as_such(sub):
    with pytest.raises(DeadlockError) as caught:
        sub.check_deadlocks()
    (issue,) = caught.value.issues
    assert issue.startswith(
        "first.x, which is exported as inp, is fed by nothing. Connect an outport to it (outport >> "
    )
    _ = sub.inp < 1
    sub.check_deadlocks()


def test_graphs_are_freed(sub):
    main = Graph()
    main.prep = sub
    watch = [weakref.ref(graph) for graph in (main, sub)]
    del sub
    gc.collect()
    kept = watch[1]() is not None  # the fixture has it, too
    del main
    gc.collect()
    assert watch[0]() is None
    assert kept


def test_a_graph_that_is_gone_may_have_been_part(sub):
    main = Graph()
    main.prep = sub.copy()
    gc.collect()
    sub.main = main
    assert "main_prep_first" in sub.nodes


class TestInjection:
    @pytest.fixture
    def module(self):
        module = types.ModuleType("made")
        module.run = lambda code: exec(code, vars(module))  # noqa: S102  that is how a module runs
        module.run("from cascata import *\n@component\n@inport('x')\n@outport('y')\nasync def relay(x, y): ...\n")
        return module

    def test_the_name_of_a_subgraph_is_a_variable(self, module):
        module.run(
            "sub = Graph()\nsub.one = relay\nsub.export(one.x, 'inp')\nmain = Graph()\nmain.prep = sub\nprep.inp < 3"
        )
        assert module.prep is module.main.prep
        assert module.main.prep_one.x.initialization_value == 3
        module.run("main = Graph()\nmain.prep = sub")
        assert module.prep is module.main.prep

    def test_the_name_of_a_graph_stays_with_a_warning(self, module):
        with pytest.warns(NameTakenWarning, match=r"'prep' stays what it is here, a Graph"):
            module.run("prep = Graph()\nmain = Graph()\nmain.prep = prep")
        assert isinstance(module.prep, Graph)
