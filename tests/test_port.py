"""Ports and persistent values as handles."""

import pytest

from cascata import Graph, PersistentValue, component, inport, outport, persist
from cascata.errors import GraphError
from cascata.port import InputPort, OutputPort
from cascata.port import PersistentValue as PersistentValueOfPort


@component
@inport("x", capacity=2)
@inport("y", capacity=None, default=7)
@outport("z")
@persist("state", dict)
async def work(x: int, y, z: float, state): ...


@pytest.fixture
def graph():
    graph = Graph()
    graph.a = work
    graph.b = work
    graph.c = work
    return graph


def test_what_a_port_tells(graph):
    x = graph.a.x
    assert (x.name, x.component, x.capacity, x.channel.capacity, x.type) == ("x", graph.a, 2, 2, int)
    assert graph.a.y.capacity is None
    assert graph.a.z.type is float


def test_handles_of_one_port_are_equal_and_hashable(graph):
    assert graph.a.x == graph.a.x
    assert graph.a.x != graph.b.x
    assert graph.a.x != graph.a.y
    assert len({graph.a.x, graph.a.x, graph.b.x}) == 2


def test_initial_values(graph):
    assert graph.a.x.initialization_value is None
    assert graph.a.y.initialization_value == 7
    _ = graph.a.x < 1
    assert graph.a.x.initialization_value == 1
    graph.a.x.set(2)
    assert graph.a.x.initialization_value == 2
    graph.a.x.initialize(3)
    assert graph.a.x.initialization_value == 3
    _ = graph.a.y < None
    assert graph._core.initial("a", "y") == (None,)


def test_initial_values_can_be_of_any_kind(graph):
    for value in [(), [1], {"a": 1}, "é", object(), lambda: 1, float("nan")]:
        _ = graph.a.x < value
        assert graph.a.x.initialization_value is value


def test_connecting_fans_out(graph):
    a, b, c = graph.a, graph.b, graph.c
    assert (a.z >> b.y >> c.y) is a.z
    assert a.z.connect(a.y) is a.z
    assert graph.edges == [(a.z, b.y), (a.z, c.y), (a.z, a.y)]


def test_a_value_set_before_the_graph_is_kept(graph):
    instance = work("d")
    port = instance.x
    _ = port < 5
    graph.d = instance
    assert port is graph.d.x
    assert port.initialization_value == 5
    _ = port < 6
    assert graph._core.initial("d", "x") == (6,)


def test_ports_outside_of_graphs_cannot_be_connected(graph):
    lone = work("lone")
    with pytest.raises(GraphError, match=r"lone\.z >> a\.y: lone is in no graph yet"):
        lone.z >> graph.a.y
    other = Graph()
    other.e = work
    with pytest.raises(GraphError, match="e and a are in different graphs"):
        other.e.z >> graph.a.y


def test_types_are_checked_when_connecting(graph):
    with pytest.raises(TypeError, match=r"a\.z >> b\.x: a\.z sends float, but b\.x takes int"):
        graph.a.z >> graph.b.x
    assert graph.edges == []


def test_setting_a_value_is_no_comparison(graph):
    port = graph.a.x
    with pytest.raises(TypeError, match="compares nothing"):
        bool(port < 3)
    with pytest.raises(TypeError, match="no initial value"):
        sorted(graph.a.inports)
    assert port.initialization_value == 3


def test_repr_of_ports(graph):
    _ = graph.a.x < 1
    graph.a.z >> graph.b.y >> graph.c.y
    assert repr(graph.a.x) == "<inport a.x: int, capacity 2, initially 1, not connected>"
    assert repr(graph.b.y) == "<inport b.y: Any, capacity None, fed by a.z>"  # the default is dropped
    assert repr(graph.a.y) == "<inport a.y: Any, capacity None, initially 7, not connected>"
    assert repr(graph.a.z) == "<outport a.z: float, feeds b.y, c.y>"
    assert repr(graph.b.z) == "<outport b.z: float, not connected>"
    assert repr(graph.a.state) == "<persistent value a.state, starts as dict()>"


def test_import_paths_of_the_prior_system():
    assert InputPort.__name__ == "InputPort"
    assert OutputPort.__name__ == "OutputPort"
    assert PersistentValueOfPort is PersistentValue


class TestPersistentValue:
    @pytest.mark.parametrize(
        ("arguments", "expected"),
        [
            ((1, 2), ((1, 2), {})),
            (((1, 2), {"c": 3}), ((1, 2), {"c": 3})),
            ({"c": 3}, ((), {"c": 3})),
            ([1, 2], (([1, 2],), {})),
            ("ab", (("ab",), {})),
            (None, ((None,), {})),
            ((), ((), {})),
            (([1], {"c": 3}), (([1], {"c": 3}), {})),
        ],
    )
    def test_arguments(self, arguments, expected):
        value = PersistentValue(lambda *args, **kwargs: (args, kwargs))
        _ = value < arguments
        assert value.get() == expected

        instance = work("a")
        _ = instance.state < arguments
        assert instance._core.arguments("a", "state") == (arguments,)

    def test_starts_when_first_needed_and_only_once(self):
        made = []
        value = PersistentValue(lambda: made.append(1) or made)
        assert made == []
        assert value.get() is value.get()
        assert made == [1]

    def test_set_and_get(self):
        value = PersistentValue(list)
        value.set(None)
        assert value.get() is None

    def test_prepared_for_a_run(self):
        assert PersistentValue.prepare(dict).initialise() == {}
        assert PersistentValue.prepare(dict, ({"a": 1},)).initialise() == {"a": 1}
        assert PersistentValue.prepare(dict, (), (None,)).initialise() is None

    def test_an_instance_s_value_can_be_read_before_a_run(self, graph):
        _ = graph.a.state < {"k": 1}
        assert graph.a.state.get() == {"k": 1}
        assert graph.b.state.get() == {}

    def test_set_before_the_run_is_the_start_value(self, graph):
        graph.a.state.set({"k": 2})
        assert graph._core.state("a", "state") == ({"k": 2},)
        assert graph.a.state.get() == {"k": 2}

    def test_arguments_given_after_a_value_replace_it(self, graph):
        graph.a.state.set({"k": 2})
        _ = graph.a.state < {"k": 3}
        assert graph.a.state.get() == {"k": 3}

    def test_keeps_through_entering_a_graph(self, graph):
        instance = work("d")
        instance.state.set(1)
        graph.d = instance
        assert graph._core.state("d", "state") == (1,)

    def test_what_it_tells(self, graph):
        state = graph.a.state
        assert (state.name, state.component) == ("state", graph.a)
        assert isinstance(state, PersistentValue)
        assert repr(PersistentValue(set)) == "<persistent value, to start as set()>"

    def test_initialiser_must_be_callable(self):
        with pytest.raises(TypeError, match="3 is not callable"):
            PersistentValue(3)
