"""How batches are asked for: operators, methods, and what is refused."""

import sys
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

import cascata
from cascata import Graph, batch, component, inport, outport
from cascata.errors import GraphError


@component
@outport("n")
async def numbers(n: int): ...


@component
@outport("t")
async def texts(t: str): ...


@component
@inport("item", capacity=2)
@inport("ints")
@inport("floats")
@inport("series")
@outport("out")
async def sink(item, ints: list[int], floats: list[float], series: Sequence[int | str], out): ...


@pytest.fixture
def g():
    graph = Graph()
    graph.a = numbers
    graph.t = texts
    graph.b = sink
    graph.c = sink
    return graph


def test_the_whole_stream_by_assignment(g):
    before = g.a.n
    g.a.n >>= g.b.item
    assert g.a.n is before
    assert g.edges == [(g.a.n, g.b.item)]
    out = g.a.n
    out >>= g.c.item
    assert out is before
    assert (g.b.item.batch, g.c.item.batch_size) == (batch(), 0)


def test_only_what_an_augmented_assignment_gives_can_be_assigned(g):
    with pytest.raises(AttributeError, match=r"a\.n is a port and cannot be assigned"):
        g.a.n = g.t.t
    with pytest.raises(AttributeError, match=r"b\.item is a port and cannot be assigned"):
        g.b.item = g.b.item


def test_names_at_module_level_stay_ports():
    code = """
from cascata import Graph, component, inport, outport
@component
@outport("n")
async def source(n): ...
@component
@inport("item")
async def sink(item): ...
graph = Graph()
graph.source = source
graph.sink = sink
source.n >>= sink.item
"""
    module = {"__name__": "made"}
    exec(code, module)  # noqa: S102  that is how a module runs
    assert module["graph"].edges == [(module["source"].n, module["sink"].item)]


def test_sizes(g):
    connected = g.a.n >> 3 >= g.b.item
    assert repr(connected) == "a.n >> 3 >= b.item"
    assert (g.b.item.batch_size, g.b.ints.batch_size) == (3, None)
    g.a.n >> np.int64(4) >= g.b.ints
    assert g.b.ints.batch_size == 4
    assert type(g.b.ints.batch_size) is int


def test_sizes_and_times(g):
    g.a.n >> batch(100, within=0.5) >= g.b.item
    g.a.n >> batch(within=Fraction(1, 2)) >= g.b.ints
    assert (g.b.item.batch, g.b.item.batch_size) == (batch(100, within=0.5), 100)
    assert (g.b.ints.batch, g.b.ints.batch_size) == (batch(within=0.5), 0)


def test_methods(g):
    assert g.a.n.batch(3).connect(g.b.item) is g.a.n
    g.a.n.batch(100, within=0.5).connect(g.b.ints)
    g.a.n.batch().connect(g.b.floats)
    assert [g.b.ports[name].batch for name in ("item", "ints", "floats", "series")] == [
        batch(3),
        batch(100, within=0.5),
        batch(),
        None,
    ]


def test_what_it_tells(g):
    assert [repr(one) for one in (batch(), batch(3), batch(within=2), batch(3, within=0.25))] == [
        "batch()",
        "batch(3)",
        "batch(within=2)",
        "batch(3, within=0.25)",
    ]
    assert repr(g.a.n >> 3) == "<a.n in batches, batch(3), not connected>"
    g.a.n >> 3 >= g.b.item
    g.a.n >>= g.b.ints
    g.a.n >> batch(within=1) >= g.b.floats
    g.a.n >> g.c.item
    assert repr(g.b.item) == "<inport b.item: Any, capacity 2, batch(3), fed by a.n>"
    assert repr(g).splitlines()[-4:] == [
        "  a.n >> 3 >= b.item",
        "  a.n >>= b.ints",
        "  a.n >> batch(within=1) >= b.floats",
        "  a.n >> c.item>",
    ]


def test_cascata_batch_is_public():
    assert cascata.batch is batch


@pytest.mark.parametrize(
    ("size", "error", "text"),
    [
        (0, ValueError, "a batch has 1 item or more"),
        (-1, ValueError, "a batch has 1 item or more"),
        (10**30, ValueError, "no batch can be so large"),
        (True, TypeError, "the size of a batch is a whole number"),
        (2.5, TypeError, "the size of a batch is a whole number"),
        (float("nan"), TypeError, "the size of a batch is a whole number"),
    ],
)
def test_sizes_that_cannot_be(g, size, error, text):
    for ask in (lambda: g.a.n >> size >= g.b.item, lambda: g.a.n.batch(size), lambda: batch(size)):
        with pytest.raises(error, match=text):
            ask()
    if size != 0:  # which is what programs of the prior system say for the whole stream
        with pytest.raises(error, match=text):
            g.b.item.batch_size = size
    assert (g.edges, g.b.item.batch) == ([], None)


@pytest.mark.parametrize(
    ("within", "error"),
    [
        (0, ValueError),
        (-1, ValueError),
        (float("nan"), ValueError),
        (float("inf"), ValueError),
        (10**400, ValueError),
        (True, TypeError),
        ("0.5", TypeError),
    ],
)
def test_times_that_cannot_be(within, error):
    with pytest.raises(error, match=r"batch\(within=.*seconds"):
        batch(within=within)


def test_a_text_is_no_size(g):
    with pytest.raises(TypeError, match="the size of a batch is a whole number"):
        batch("3")
    with pytest.raises(TypeError, match="'3' is no port"):
        g.a.n >> "3" >= g.b.item


@pytest.mark.parametrize(
    ("code", "text"),
    [
        ("g.a.n >> 3 > g.b.item", "a.n >> 3 > b.item: to deliver batches, write a.n >> 3 >= b.item"),
        ("g.a.n >> 3 >> g.b.item", "a.n >> 3 >> b.item: to deliver batches, write a.n >> 3 >= b.item"),
        ("g.a.n >> batch() >> g.b.item", r"write a.n >> batch\(\) >= b.item"),
        ("g.a.n >= g.b.item", "write a.n >> 3 >= b.item for lists of three, a.n >>= b.item for one of all items"),
        ("out = g.a.n; out >>= 3", "to deliver batches, write a.n >> 3 >= … with an inport"),
        ("g.a.n >> 3 >= g.t.t", "t.t is an outport too"),
        ("g.a.n >> 3 >= g.b", "b is a component; name one of its inports"),
        ("g.a.n >> 3 >= 4", "4 is no port"),
        ("g.a.n >> 3 >= g.b.item > g.c.item", r"a.n >> 3 >= b.item: here `>=` connects and compares nothing"),
        ("bool(g.a.n >> 3 >= g.b.item)", r"write one line for each target"),
        ("g.b.item >> 3", "b.item is an inport"),
    ],
)
def test_what_was_meant_otherwise(g, code, text):
    with pytest.raises(TypeError, match=text):
        exec(code, {"g": g, "batch": batch})  # noqa: S102  a table of statements


def test_different_batches_at_one_inport(g):
    g.a.n >> 3 >= g.b.item
    g.t.t >> 3 >= g.b.item
    g.c.out >> g.b.item
    text = r"b\.item delivers lists of 3 already and cannot deliver lists of 4"
    with pytest.raises(GraphError, match=text):
        g.b.out >> 4 >= g.b.item
    with pytest.raises(GraphError, match="cannot deliver the whole stream as one list"):
        g.b.out >>= g.b.item
    assert len(g.edges) == 3
    with pytest.raises(GraphError, match=text):
        g.b.item.batch_size = 4


def test_a_connection_that_fails_leaves_no_batch(g):
    g.a.n >> g.b.item
    with pytest.raises(GraphError, match=r"is connected to b\.item already"):
        g.a.n >> 3 >= g.b.item
    assert g.b.item.batch is None
    lone = sink("lone")
    with pytest.raises(GraphError, match=r"a\.n >> 3 >= lone\.item: lone is in no graph yet"):
        g.a.n >> 3 >= lone.item
    assert lone.item.batch is None


def test_the_type_of_a_batch_is_a_list(g):
    for port in (g.b.ints, g.b.floats, g.b.series):
        g.a.n >> 3 >= port
    with pytest.raises(
        TypeError, match=r"t\.t >>= c\.ints: t\.t sends str, in batches list\[str\], but c\.ints takes list"
    ):
        g.t.t >>= g.c.ints
    assert g.c.ints.batch is None
    with pytest.raises(
        TypeError, match=r"a\.n sends int, but c\.ints takes list\[int\]; for lists of three, write a\.n >> 3"
    ):
        g.a.n >> g.c.ints
    assert len(g.edges) == 3


def test_plain_connections_to_a_batched_port_are_checked_as_parts_of_its_batches(g):
    g.a.n >> 3 >= g.b.ints
    with pytest.raises(TypeError, match=r"t\.t >> b\.ints: t\.t sends str, in batches list\[str\]"):
        g.t.t >> g.b.ints
    g.c.out >> g.b.ints


@pytest.mark.parametrize("members", [None, 2])
def test_earlier_connections_are_checked_when_a_port_becomes_batched(members):
    @component
    @outport("out")
    async def lists(out: list[int]): ...

    @component
    @inport("item")
    async def takes(item: list[int]): ...

    graph = Graph()
    graph.lists = lists
    graph.numbers = numbers
    graph.takes = takes if members is None else takes * members
    graph.lists.out >> graph.takes.item
    text = r"as also lists\.out >> takes(_0)?\.item: lists\.out sends list\[int\], in batches list\[list\[int\]\], but"
    with pytest.raises(TypeError, match=text):
        graph.numbers.n >> 3 >= graph.takes.item
    with pytest.raises(TypeError, match=text):
        graph.takes.item.batch_size = 3
    assert (graph.takes.item.batch, len(graph.edges)) == (None, members or 1)


def test_the_size_can_be_set(g):
    g.b.item.batch_size = 2
    g.c.item.batch_size = 0
    assert (g.b.item.batch, g.c.item.batch) == (batch(2), batch())
    g.a.n >> g.b.item
    assert g.b.item.batch_size == 2
    g.b.ints.batch_size = None
    with pytest.raises(GraphError, match=r"b\.item\.batch_size = None: .* cannot be taken back"):
        g.b.item.batch_size = None
    with pytest.raises(AttributeError, match=r"a\.n\.batch_size cannot be assigned"):
        g.a.n.batch_size = 2


def test_a_batch_goes_with_its_instance(g):
    lone = sink("lone")
    lone.item.batch_size = 3
    copied = lone.copy()
    g.d = lone
    assert (g.d.item.batch_size, copied.item.batch_size) == (3, 3)


def test_any_type_can_come_in_lists(g):
    for hint in (None, Any, "int", int | None, list, tuple[int, ...]):

        @component
        @outport("out")
        async def source(out: hint): ...

        graph = Graph()
        graph.source = source
        graph.sink = sink
        graph.source.out >> 2 >= graph.sink.item


def test_a_batch_of_the_largest_size(g):
    g.a.n >> sys.maxsize >= g.b.item
    assert g.b.item.batch_size == sys.maxsize
