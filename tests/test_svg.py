"""Pictures of graphs that need no other program."""

# ruff: noqa: RUF001  groups have the sign of times

from itertools import pairwise

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


def pipeline(length):
    graph = Graph()
    names = [f"step{number}" for number in range(length)]
    for name in names:
        graph.add(name, relay)
    for before, after in pairwise(names):
        graph.nodes[before].x >> graph.nodes[after].a
    return graph


def rows_of(picture):
    """Give the names of the components of each row, from left to right, the highest row first."""
    rows = {}
    for name, figure in picture.figures.items():
        rows.setdefault(figure.box.top, []).append((figure.box.left, name))
    return [[name for _, name in sorted(rows[top])] for top in sorted(rows)]


def test_a_long_pipeline_goes_on_in_rows():
    graph = pipeline(60)
    picture = drawn(graph)
    rows = rows_of(picture)
    assert [name for row in rows for name in row] == list(graph.nodes)
    assert len(rows) > 3
    assert max(map(len, rows)) - min(map(len, rows[:-1])) <= 1
    assert len(rows[-1]) > 1, "the last row is not a component alone"
    assert picture.size.right < 3 * picture.size.bottom


def test_a_short_one_stays_in_one_row():
    assert len(rows_of(drawn(pipeline(5)))) == 1


@pytest.mark.parametrize("width", [1, 400, 700, 1500, 12_345.6])
def test_a_picture_is_as_wide_as_was_asked_for(width):
    graph = pipeline(20)
    graph.step19.y >> graph.step3.b
    graph.step0.y >> graph.step12.b
    picture = drawn(graph, width=width)
    widest = max(figure.box.right - figure.box.left for figure in picture.figures.values())
    assert picture.size.right <= max(width, widest + 200)


def test_a_long_subgraph_goes_on_in_rows_inside_its_frame():
    graph = Graph()
    graph.part = pipeline(30)
    part = graph.subgraphs["part"]
    graph.export(part.step0.a, "text")
    graph.export(part.step29.x, "words")
    picture = drawn(graph)
    frame = picture.frames["part"].box
    assert all(frame.holds(figure.box) for name, figure in picture.figures.items() if name.startswith("part_"))
    assert frame.bottom - frame.top > (frame.right - frame.left) / 4


@pytest.mark.parametrize(
    ("width", "error", "message"),
    [
        ("wide", TypeError, r"graph\.to_svg\(width='wide'\): a width is a number; give a number of pixels above 0"),
        (True, TypeError, "a width is a number"),
        (0, ValueError, r"graph\.to_svg\(width=0\): give a number of pixels above 0, as width=800, or leave it out"),
        (float("nan"), ValueError, "give a number of pixels above 0"),
    ],
)
def test_a_width_is_a_number_above_0(width, error, message):
    with pytest.raises(error, match=message):
        pipeline(2).to_svg(width=width)
