"""The graph as Rust keeps it: values by reference, errors, and what the garbage collector must be able to free."""

import gc
import weakref

import pytest

from cascata._native import Definition, GraphCore
from cascata.errors import GraphError


class Value:
    """Something whose life can be watched, and that may refer to anything."""


def definition(name="f", owner=None):
    return Definition(name, "tests", [("x", 10, ()), ("y", None, (5,))], ["out"], ["seen"], owner)


def graph(*names):
    core, shared = GraphCore(), definition()
    for name in names:
        core.add(name, shared)
    return core


def test_a_definition_keeps_what_it_was_given():
    owner = Value()
    made = Definition("f", "m", [], [], [], owner)
    assert (made.name, made.module) == ("f", "m")
    assert made.owner is owner
    assert repr(made) == "<Definition m.f>"
    core = GraphCore()
    core.add("a", made)
    assert core.definition("a") is made


def test_a_default_is_one_value_or_none():
    with pytest.raises(ValueError, match=r"\(value,\)"):
        Definition("f", "m", [("x", 10, (1, 2))], [], [], None)
    with pytest.raises(GraphError, match="capacity 0"):
        Definition("f", "m", [("x", 0, ())], [], [], None)


def test_values_are_kept_by_reference_and_none_is_one():
    core, value = graph("a"), Value()
    assert core.initial("a", "x") == ()
    assert core.initial("a", "y") == (5,)
    core.set_initial("a", "x", value)
    assert core.initial("a", "x")[0] is value
    core.set_initial("a", "x", None)
    assert core.initial("a", "x") == (None,)
    assert core.arguments("a", "seen") == core.state("a", "seen") == ()
    core.set_arguments("a", "seen", value)
    core.set_state("a", "seen", None)
    assert core.arguments("a", "seen") == (value,)
    assert core.state("a", "seen") == (None,)
    core.set_arguments("a", "seen", 1)
    assert core.state("a", "seen") == ()


def test_a_connected_port_drops_its_default_and_keeps_what_was_set():
    core = graph("a", "b")
    core.set_initial("b", "x", 1)
    core.connect("a", "out", "b", "x")
    core.connect("a", "out", "b", "y")
    assert core.initial("b", "x") == (1,)
    assert core.initial("b", "y") == ()
    core.set_initial("b", "y", 2, explicit=False)
    assert core.initial("b", "y") == ()
    assert core.edges() == [("a", "out", "b", "x"), ("a", "out", "b", "y")]


def test_a_node_is_adopted_with_its_values_also_within_one_graph():
    core, value = graph("a"), Value()
    core.set_initial("a", "x", value)
    core.clk("a", ["y"])
    core.adopt("b", core, "a")
    other = GraphCore()
    other.adopt("c", core, "b")
    assert other.initial("c", "x") == (value,)
    assert other.triggers("c") == [["y"]]
    assert other.definition("c") is core.definition("a")
    core.set_initial("a", "x", 0)
    assert other.initial("c", "x") == (value,)
    with pytest.raises(GraphError, match="has a component c already"):
        other.adopt("c", core, "a")
    assert core.nodes() == ["a", "b"]
    assert other.nodes() == ["c"]


@pytest.mark.parametrize(
    ("step", "message"),
    [
        (lambda core: core.add("a", definition()), "has a component a already"),
        (lambda core: core.definition("c"), "has no component c; there are: a, b"),
        (lambda core: core.connect("a", "out", "b", "x"), r"a\.out is connected to b\.x already"),
        (lambda core: core.sync("a", []), "names no port"),
        (lambda core: core.clk("a", ["x", "x"]), r"names a\.x twice"),
        (lambda core: core.weigh("a", 0.0, None), "cost of a cannot be 0"),
        (lambda core: core.weigh("a", None, float("nan")), "traffic of a cannot be NaN"),
        (lambda core: core.pin("a", -1), "they count from 0"),
        (lambda core: core.join_nodes(["a"]), "only a was"),
        (lambda core: core.plan(2, [("c", "out")]), "has no component c"),
        (lambda core: core.plan(2, [], {"a": (-1.0, 0.0)}), "cost measured for a is -1"),
    ],
)
def test_steps_that_are_refused(step, message):
    core = graph("a", "b")
    core.connect("a", "out", "b", "x")
    with pytest.raises(GraphError, match=message):
        step(core)


@pytest.mark.parametrize(
    "step",
    [
        lambda core: core.initial("a", "typo"),
        lambda core: core.set_initial("a", "typo", 1),
        lambda core: core.connect("a", "typo", "a", "x"),
        lambda core: core.connect("a", "out", "a", "typo"),
        lambda core: core.sync("a", ["typo"]),
        lambda core: core.state("a", "typo"),
        lambda core: core.plan(1, [("a", "typo")]),
    ],
)
def test_a_misspelt_port_is_an_attribute_error_that_lists_those_there_are(step):
    with pytest.raises(AttributeError, match=r"a has no .* typo; there are: (x, y|out|seen)"):
        step(graph("a"))


def test_groups_are_told_by_name():
    core = graph("a")
    core.add_group("g", definition(), 2)
    core.set_initial("g", "x", 3)
    core.connect("a", "out", "g", "y", policy=("keyed", abs))
    core.connect("g", "out", "a", "x", ordered=False)
    assert core.groups() == [("g", ["g_0", "g_1"])]
    assert (core.group("g_1"), core.group("a")) == ("g", None)
    assert core.links() == [("a", "out", "g", "y", True), ("g", "out", "a", "x", False)]
    assert (core.policy("g", "y"), core.policy("g", "x"), core.policy("a", "x")) == (("keyed", abs), None, None)
    core.share("g", "x", ("round_robin", None))
    assert core.policy("g", "x") == ("round_robin", None)
    with pytest.raises(ValueError, match="there is no policy fair"):
        core.share("g", "x", ("fair", None))
    core.export("e", "g", "out", inport=False, ordered=False)
    other = GraphCore()
    other.embed("p", core)
    assert other.subgraphs() == [("p", ["p_a", "p_g_0", "p_g_1", "p_g"], [("e", "p_g", "out", False)])]
    assert other.policy("p_g", "y") == ("keyed", abs)
    assert other.initial("p_g_1", "x") == (3,)
    assert other.definition("p_g_0") is core.definition("g_0")
    assert core.prefixed("q").exports() == [("e", "q_g", "out", False)]
    assert core.copy().links() == core.links()


def test_a_graph_can_be_embedded_in_itself():
    core = graph("a")
    core.embed("p", core)
    core.embed("q", core)
    assert core.nodes() == ["a", "p_a", "q_a", "q_p_a"]


def test_check_tells_everything_in_sentences():
    core = graph("a", "b")
    core.connect("a", "out", "b", "x")
    core.clk("b", ["x"])
    core.clk("a", ["x"])
    cause, consequence = core.check()
    assert cause.startswith("a.x is to trigger firings, but nothing feeds it.")
    assert consequence.startswith("b can never fire")
    core.set_initial("a", "x", 0)
    assert core.check() == []


def test_a_plan_tells_its_placement():
    core = graph("a", "b", "c")
    core.connect("a", "out", "b", "x")
    core.connect("b", "out", "c", "x")
    assert core.plan(0, []).workers == [["a", "b", "c"]]
    assert core.plan(3, []).workers == [["a"], ["b"], ["c"]]
    core.pin("b", 1)
    core.join_nodes(["a", "c"])
    plan = core.plan(2, [], {"a": (1.0, 10.0)})
    assert plan.workers == [["a", "c"], ["b"]]
    assert repr(plan) == "<Plan: a, c | b>"
    assert GraphCore().plan(2, []).workers == []


def test_a_plan_keeps_what_the_graph_had_when_it_was_made():
    core, value = graph("a"), Value()
    core.set_initial("a", "x", value)
    watch = weakref.ref(value)
    del value
    plan = core.plan(1, [])
    core.set_initial("a", "x", None)
    gc.collect()
    assert watch() is not None
    del plan
    assert watch() is None


def test_a_finalizer_may_use_the_graph_that_drops_its_object():
    core, seen = graph("a"), []

    class Last:
        def __del__(self):
            seen.append(core.initial("a", "x"))
            core.set_initial("a", "y", len(seen))

    for set_value in (core.set_initial, core.set_arguments, core.set_state):
        port = "x" if set_value == core.set_initial else "seen"
        set_value("a", port, Last())
        set_value("a", port, 0)
    assert seen == [(0,), (0,), (0,)]
    assert core.initial("a", "y") == (3,)


def _initial(core, value):
    core.set_initial("a", "x", value)


def _arguments(core, value):
    core.set_arguments("a", "seen", value)


def _state(core, value):
    core.set_state("a", "seen", value)


def _owner(core, value):
    core.add("b", definition(owner=value))


def _adopted(core, value):
    _owner(core, value)
    core.adopt("c", core, "b")


def _keyed(core, value):
    core.add_group("b", definition(), 2)
    core.share("b", "x", ("keyed", value))


def _group(core, value):
    core.add_group("b", definition(owner=value), 2)
    core.adopt_group("c", core, ["b_0", "b_1"])


def _embedded(core, value):
    inner = graph("a")
    _keyed(inner, value)
    _initial(inner, value)
    core.embed("p", inner)


def _default(core, value):
    core.add("b", Definition("g", "tests", [("x", 1, (value,))], [], [], None))


@pytest.mark.parametrize("hold", [_initial, _arguments, _state, _owner, _adopted, _keyed, _group, _embedded, _default])
@pytest.mark.parametrize("planned", [False, True])
def test_a_graph_in_a_cycle_of_references_is_freed(hold, planned):
    core, value = graph("a"), Value()
    value.core = core
    if planned:
        hold(core, value)
        value.plan = core.plan(2, [])
    else:
        hold(core, value)
    watch = weakref.ref(value)
    # What is still in use must survive.
    kept = core
    del core, value
    gc.collect()
    assert watch() is not None
    assert vars(watch())["core"] is kept
    del kept
    gc.collect()
    assert watch() is None


def test_an_owner_that_holds_its_definition_is_freed():
    owner = Value()
    owner.definition = definition(owner=owner)
    watch = weakref.ref(owner)
    plan = GraphCore()
    plan.add("a", owner.definition)
    planned = plan.plan(1, [])
    del owner, plan
    gc.collect()
    assert vars(watch())["definition"].name == "f", "the plan still needs it"
    del planned
    gc.collect()
    assert watch() is None
