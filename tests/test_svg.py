"""Pictures of graphs that need no other program."""

# ruff: noqa: RUF001  groups have the sign of times

import pytest
from drawn import approximately, check, read
from test_picture import AWKWARD, Awkward, example, poem, show, split, tally

from cascata import Graph, component, inport, outport

pytestmark = pytest.mark.once


@component
@inport("a")
@inport("b", default=None)
@outport("x")
@outport("y")
async def relay(a, b, x, y): ...


def drawn(graph, **options):
    """Draw a graph and check what holds for all pictures."""
    picture = read(graph.to_svg(**options))
    check(picture)
    return picture


def test_everything_of_a_graph_is_in_the_picture_once():
    picture = drawn(example())
    assert picture.of_kind("component") == {
        "poem": ["poem", "poem", "line", "worker 1"],
        "part_split": ["split", "split", "text", "word", "minimum", "= 3"],
        "part_tally": ["tally ×4", "tally", "word", "capacity 50", "count", "seen", "< {'the': 0}"],
        "show": ["show", "show", "counts", "lists of 100 · clk", "title", "= 'Words'"],
    }
    assert picture.of_kind("connector") == {
        "part_tally.word shared out": ["group connector", "keyed: str.lower"],
        "part_tally.count unordered": ["group connector", "unordered"],
    }
    assert picture.of_kind("export") == {"part_text": ["text"], "part_count": ["count"], "title": ["title"]}
    assert [(name, frame.texts) for name, frame in picture.frames.items()] == [("part", ["part"])]
    assert set(picture.arrows) == {
        ("poem.line", "part_text"),
        ("part_text", "part_split.text"),
        ("part_split.word", "part_tally.word shared out"),
        ("part_tally.word shared out", "part_tally.word"),
        ("part_tally.count", "part_tally.count unordered"),
        ("part_tally.count unordered", "part_count"),
        ("part_count", "show.counts"),
        ("title", "show.title"),
    }


def test_exports_are_on_the_borders_of_what_they_export():
    picture = drawn(example())
    part = picture.frames["part"].box
    assert picture.figures["part_text"].box.left == approximately(part.left)
    assert picture.figures["part_count"].box.right == approximately(part.right)
    assert {name for name, figure in picture.figures.items() if part.holds(figure.box)} == {
        "part_split",
        "part_tally",
        "part_text",
        "part_count",
        "part_tally.word shared out",
        "part_tally.count unordered",
    }


def test_what_flows_flows_to_the_right():
    graph = Graph()
    graph.one, graph.two, graph.three, graph.four = relay, relay, relay, relay
    graph.one.x >> graph.two.a
    graph.two.x >> graph.three.a
    graph.one.y >> graph.three.b
    graph.three.x >> graph.four.a
    lefts = [drawn(graph).figures[name].box.left for name in ("one", "two", "three", "four")]
    assert lefts == sorted(set(lefts))


def test_loops_lead_round_what_is_in_them():
    graph = Graph()
    graph.one, graph.two, graph.three = relay, relay, relay
    graph.one.x >> graph.two.a
    graph.two.x >> graph.three.a
    graph.three.x >> graph.one.a
    graph.three.y >> graph.three.b
    graph.two.y >> graph.one.b
    drawn(graph)


def test_frames_lie_in_frames_and_arrows_cross_borders_without_exports():
    inner = Graph()
    inner.one, inner.two = relay, relay
    inner.one.x >> inner.two.a
    inner.export(inner.one.a, "inp")
    middle = Graph()
    middle.deep, middle.beside = inner, relay
    middle.deep.two.x >> middle.beside.a
    middle.beside.x >> middle.deep.two.b
    graph = Graph()
    graph.poem, graph.first, graph.second = poem, middle, middle
    graph.poem.line >> graph.first.deep.one.a
    graph.first.deep.one.y >> graph.second.deep.two.b
    graph.second.deep.two.y >> graph.first.beside.b
    picture = drawn(graph)
    assert picture.frames_around(picture.figures["second_deep_two"].box) == {"second", "second_deep"}
    assert [frame.texts for frame in picture.frames.values()] == [["second"], ["deep"], ["first"], ["deep"]]


def test_what_is_not_joined_is_set_apart():
    graph = Graph()
    for number in range(40):
        graph.add(f"alone{number}", split)
    graph.one, graph.two = relay, relay
    graph.one.x >> graph.two.a
    picture = drawn(graph)
    assert len(picture.figures) == 42
    assert picture.size.right < 4 * picture.size.bottom


def test_workers_have_colours():
    def fills(picture):
        return {shape.get("fill") for shape in picture.root.iter() if shape.get("fill")}

    graph = example()
    assert drawn(graph, num_workers=2).of_kind("component")["poem"][-1] == "worker 1"
    assert len(fills(drawn(graph, num_workers=2)) - fills(drawn(graph))) == 1


@pytest.mark.parametrize("text", AWKWARD, ids=range(len(AWKWARD)))
def test_no_text_breaks_a_picture(text):
    graph = Graph()
    graph.show = show
    graph.show.counts < Awkward(text)
    assert len(drawn(graph).figures["show"].texts) == 6


@pytest.mark.parametrize("letter", ["W", "i", "Ж", "Ñ"])
def test_names_of_any_length_fit_into_their_boxes(letter):
    name = letter * 200
    graph = Graph()
    graph.add(name, tally * 3)
    sub = Graph()
    sub.add("a" + name, relay)
    graph.add("b" + name, sub)
    picture = drawn(graph)
    assert picture.figures[name].texts[0] == letter * 39 + "… ×3"
    assert name in picture.figures


def test_a_large_graph_has_a_picture():
    graph = Graph()
    graph.n0 = relay
    for number in range(1, 600):
        node = graph.add(f"n{number}", relay)
        getattr(graph, f"n{number - 1}").x >> node.a
        getattr(graph, f"n{max(number - 7, 0)}").y >> node.b
    assert len(read(graph.to_svg()).arrows) == 2 * 599


def test_an_empty_graph_has_a_picture():
    assert drawn(Graph()).figures == {}


def test_who_cannot_see_it_hears_what_it_shows():
    root = drawn(example()).root
    assert root.get("role") == "img"
    assert root.get("aria-label") == root[0].text == "Graph of 7 components and 3 connections"
    assert root[1].text == "poem, part_split, part_tally, show"


def test_pictures_beside_each_other_do_not_meet():
    root = drawn(example()).root
    assert not any(element.get("id") for element in root.iter())
    assert not list(root.iter("{http://www.w3.org/2000/svg}style"))


def test_a_notebook_shows_a_graph():
    from IPython.core.formatters import DisplayFormatter

    graph = example()
    shown, _ = DisplayFormatter().format(graph)
    assert shown["image/svg+xml"] == graph.to_svg()
    assert shown["text/plain"] == repr(graph)
