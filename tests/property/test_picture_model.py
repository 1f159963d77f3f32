"""Pictures of random graphs: nothing overlaps, everything is there, and twice the same is drawn the same."""

import pytest
from build import build
from drawn import check, read
from draws import plans
from hypothesis import given, settings
from hypothesis import strategies as st
from scale import SCALE

pytestmark = pytest.mark.once

# None, and from so narrow that each column has a row of its own to so wide that there is one row.
WIDTHS = st.none() | st.integers(1, 2000)


@settings(max_examples=int(60 * SCALE), deadline=None)
@given(plan=plans(), workers=st.none() | st.integers(1, 4), width=WIDTHS)
def test_all_of_a_graph_is_seen_and_nothing_overlaps(plan, workers, width):
    graph = build(plan, "nowhere")
    svg = graph.to_svg(num_workers=workers, width=width)
    picture = read(svg)
    check(picture)
    grouped = {member.name for group in graph.group_handles.values() for member in group}
    ends = {name for name in graph.nodes if name not in grouped} | graph.group_handles.keys()
    assert picture.of_kind("component").keys() == ends
    assert picture.frames.keys() == graph.subgraphs.keys()
    for subgraph in graph.subgraphs.values():
        parts = [part for part in (f"{subgraph.name}_{name}" for name in subgraph.nodes) if part in ends]
        assert all(subgraph.name in picture.frames_around(picture.figures[part].box) for part in parts)
    joined = {name for ends in picture.arrows for name in ends}
    for source, target in graph.edges:
        for port in (source, target):
            owner = port.component.group_name or port.component.name
            assert f"{owner}.{port.name}" in joined
    again = build(plan, "nowhere")
    assert again.to_svg(num_workers=workers, width=width) == svg
    assert again.to_mermaid() == graph.to_mermaid()


@settings(max_examples=int(60 * SCALE), deadline=None)
@given(data=st.data())
def test_any_tangle_is_drawn(data):
    from test_svg import relay

    from cascata import Graph

    graph = Graph()
    names = [f"n{number}" for number in range(data.draw(st.integers(1, 12)))]
    for name in names:
        graph.add(name, relay)
    ends = st.sampled_from(names)
    links = st.tuples(ends, st.sampled_from("xy"), ends, st.sampled_from("ab"))
    for source, outport, target, inport in data.draw(st.lists(links, unique=True, max_size=30)):
        graph.nodes[source].ports[outport] >> graph.nodes[target].ports[inport]
    picture = read(graph.to_svg(width=data.draw(WIDTHS)))
    check(picture)
    assert len(picture.arrows) == len(graph.edges)
