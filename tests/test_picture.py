"""Pictures of graphs for Graphviz and Mermaid."""

# ruff: noqa: RUF001  groups have the sign of times

import re
import sys

import graphviz
import pydot
import pytest

from cascata import Graph, GraphError, component, inport, outport, persist

pytestmark = [
    pytest.mark.once,
    pytest.mark.filterwarnings("ignore::DeprecationWarning:pydot"),  # of what it parses with
]


@component
@outport("line")
async def poem(line): ...


@component
@inport("text")
@inport("minimum", default=1)
@outport("word")
async def split(text, minimum, word): ...


@component
@inport("word", capacity=50)
@outport("count")
@persist("seen", dict)
async def tally(word, count, seen): ...


@component
@inport("counts")
@inport("title", default="Words")
async def show(counts, title): ...


def example():
    """Use all that pictures can show."""
    part = Graph()
    part.split = split
    part.tally = tally * 4
    part.split.word >> part.tally.word.keyed(str.lower)
    part.export(part.split.text, "text")
    part.export(part.tally.count.unordered, "count")
    graph = Graph()
    graph.poem = poem
    graph.part = part
    graph.show = show
    graph.poem.line >> graph.part.text
    graph.part.count >> 100 >= graph.show.counts
    graph.part.split.minimum < 3
    graph.part.tally.seen < {"the": 0}
    graph.show.sync(graph.show.counts)
    graph.place(graph.poem, worker=1)
    graph.export(graph.show.title, "title")
    return graph


def parsed(graph):
    """Read the picture for Graphviz: nodes with their labels by cluster, and edges."""
    (dot,) = pydot.graph_from_dot_data(graph.to_dot().source)
    nodes = {}

    def read(part, place):
        for node in part.get_nodes():
            if node.get_name() not in {"node", "edge", "graph"}:
                nodes[node.get_name().strip('"')] = place, node.get("label")
        for cluster in part.get_subgraphs():
            read(cluster, cluster.get_name().strip('"'))

    read(dot, None)
    edges = {(edge.get_source().replace('"', ""), edge.get_destination().replace('"', "")) for edge in dot.get_edges()}
    return nodes, edges


def cells(label):
    """Give the texts of a component's cells."""
    texts = re.findall(r"<TD[^>]*>(.*?)</TD>", label)
    return [re.sub(r"<[^>]*>", "", text.replace("<BR/>", "|")) for text in texts if text]


def test_components_groups_connectors_and_exports_are_nodes():
    nodes, _ = parsed(example())
    assert {name: place for name, (place, _) in nodes.items()} == {
        "poem": None,
        "part_split": "cluster_part",
        "part_tally": "cluster_part",
        "part_tally.word shared out": "cluster_part",
        "part_tally.count unordered": "cluster_part",
        "part_text": "cluster_part",
        "part_count": "cluster_part",
        "show": None,
        "title": None,
    }
    assert nodes["part_tally.word shared out"][1] == r'"group connector\nkeyed: str.lower"'
    assert nodes["part_text"][1] == '"text"'


def test_a_component_shows_its_ports_and_what_was_said_of_it():
    nodes, _ = parsed(example())
    assert cells(nodes["poem"][1]) == ["poem|poem", "line", "worker 1"]
    assert cells(nodes["part_split"][1]) == ["split|split", "text", "word", "minimum = 3"]
    assert cells(nodes["part_tally"][1]) == ["tally ×4|tally", "word · capacity 50", "count", "seen &lt; {'the': 0}"]
    assert cells(nodes["show"][1]) == ["show|show", "counts · lists of 100 · clk", "title = 'Words'"]


def test_edges_join_ports():
    assert parsed(example())[1] == {
        ("poem:line:e", "part_text:w"),
        ("part_text:e", "part_split:text:w"),
        ("part_split:word:e", "part_tally.word shared out:w"),
        ("part_tally.word shared out:e", "part_tally:word:w"),
        ("part_tally:count:e", "part_tally.count unordered:w"),
        ("part_tally.count unordered:e", "part_count:w"),
        ("part_count:e", "show:counts:w"),
        ("title:e", "show:title:w"),
    }


def test_what_is_drawn_for_graphviz_can_be_changed():
    drawing = example().to_dot()
    assert isinstance(drawing, graphviz.Digraph)
    drawing.graph_attr["rankdir"] = "TB"
    drawing.node("remark", "a remark")
    drawing.edge("remark", "show:title")
    (dot,) = pydot.graph_from_dot_data(drawing.source)
    assert [graph["rankdir"] for graph in dot.get_graph_defaults()] == ["TB"]
    assert dot.get_edge("remark", "show:title")


def test_without_the_package_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "graphviz", None)
    with pytest.raises(ImportError, match=r"pip install graphviz.*to_mermaid"):
        example().to_dot()
    assert example().to_mermaid()


def test_mermaid_has_the_same():
    assert (
        example().to_mermaid().split("  classDef")[0]
        == """\
flowchart LR
  f0["<b>poem</b><br/>poem<br/>worker 1"]:::worker1
  f3["<b>show</b><br/>show<br/>▸ counts · lists of 100 · clk<br/>▸ title = 'Words'"]:::component
  f8[/"title"/]:::exported
  subgraph s0 ["part"]
    f1["<b>split</b><br/>split<br/>▸ minimum = 3"]:::component
    f2["<b>tally ×4</b><br/>tally<br/>▸ word · capacity 50<br/><i>seen #60; #123;'the': 0#125;</i>"]:::component
    f4(["group connector<br/>keyed: str.lower"]):::connector
    f5[/"text"/]:::exported
    f6(["group connector<br/>unordered"]):::connector
    f7[/"count"/]:::exported
  end
  class s0 frame0
  f4 -->|"word"| f2
  f1 -->|"word"| f4
  f5 -->|"text"| f1
  f0 -->|"line"| f5
  f2 -->|"count"| f6
  f6 --> f7
  f7 -->|"counts"| f3
  f8 -->|"title"| f3
"""
    )


@pytest.mark.parametrize("method", ["to_dot", "to_mermaid"])
def test_a_number_of_workers_shows_the_placement(method):
    graph = example()
    drawn = str(getattr(graph, method)(num_workers=2))
    shown = {int(number) for number in re.findall(r"worker (\d+)", drawn)}
    assert shown == {0, 1}
    places = [[c.name for c in shard.components if c.name.startswith("part_tally_")] for shard in graph.shard(2)]
    for worker, members in enumerate(places):
        assert f"worker {worker}: {len(members)}" in drawn
    assert "worker 0" not in str(getattr(graph, method)())


@pytest.mark.parametrize("method", ["to_dot", "to_mermaid"])
@pytest.mark.parametrize(
    ("number", "error", "words"),
    [
        (-1, ValueError, "is negative; give 1 or more"),
        ("2", TypeError, "whole number such as graph.{}(num_workers=2)"),
        (True, TypeError, "whole number"),
        (1, GraphError, "worker 1"),
    ],
)
def test_numbers_of_workers_that_cannot_be_are_refused(method, number, error, words):
    with pytest.raises(error, match=re.escape(words.format(method))):
        getattr(example(), method)(num_workers=number)


class Awkward:
    def __init__(self, text):
        self.text = text

    def __repr__(self):
        return self.text


class Broken:
    def __repr__(self):
        raise ValueError


AWKWARD = [
    "<b>&amp;\"'</b>",
    "two\nlines\t\x00\x1b[31m",
    "שלום \u202eevil",
    "日本語 🦀 e\u0301",
    "\ud800",
    "x" * 100_000,
    "]] --> }} %% end ; `1. list`",
    "\\",
    "\\N \\l",
    "",
]


@pytest.mark.parametrize("text", AWKWARD, ids=range(len(AWKWARD)))
def test_no_text_breaks_a_picture(text):
    graph = Graph()
    graph.show = show
    graph.show.counts < Awkward(text)
    (dot,) = pydot.graph_from_dot_data(graph.to_dot().source)
    (node,) = (node for node in dot.get_nodes() if node.get_name() == '"show"')
    assert len(cells(node.get("label"))) == 3
    lines = graph.to_mermaid().splitlines()
    assert len(lines) == len(Graph.to_mermaid(_plain()).splitlines())
    assert re.fullmatch(r'  f0\["[^"\\`]*"\]:::component', lines[1])


def _plain():
    graph = Graph()
    graph.show = show
    graph.show.counts < 1
    return graph


def test_values_are_shown_without_what_changes_from_run_to_run():
    graph = Graph()
    graph.show = show
    graph.show.counts < object()
    graph.show.title < (lambda: None)
    text = graph.to_mermaid()
    assert "▸ counts = #60;object object#62;" in text
    assert "0x" not in text
    assert "#60;lambda#62;" in text


def test_a_value_that_cannot_be_written_does_no_harm():
    graph = Graph()
    graph.show = show
    graph.show.counts < Broken()
    assert "Broken instance" in graph.to_mermaid()


def test_an_empty_graph_has_a_picture():
    assert Graph().to_mermaid().startswith("flowchart LR\n")
    assert parsed(Graph()) == ({}, set())


def test_a_value_may_look_at_the_graph_while_it_is_drawn():
    graph = Graph()
    graph.show = show

    class Curious:
        def __repr__(self):
            return f"{len(graph.nodes)} {len(graph.edges)}"

    graph.show.counts < Curious()
    assert "▸ counts = 1 0" in graph.to_mermaid()
