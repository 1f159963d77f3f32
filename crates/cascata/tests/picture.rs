//! What is seen of graphs.

mod common;

use std::sync::Arc;

use cascata::graph::{Batch, Definition, Graph, Inport, Policy, PortKind};
use cascata::picture::{self, Drawing, Place, Shape};
use common::definition;

/// What the figures are, each in a few words: its name, its frame, what it is.
fn figures(drawing: &Drawing) -> Vec<String> {
    let figures = drawing.figures.iter().map(|figure| {
        let frame = figure.frame.map_or("", |frame| &drawing.frames[frame].name);
        let what = match &figure.shape {
            Shape::Component(component) => {
                let members = component.members.map(|members| format!(" ×{members}")).unwrap_or_default();
                format!("{}{members}", component.label)
            }
            Shape::Connector(how) => format!("({how})"),
            Shape::Member(name) => format!("member {name}"),
            Shape::Export { label, inport } => format!("{} {label}", if *inport { "inport" } else { "outport" }),
        };
        format!("{frame}/{}: {what}", figure.name)
    });
    figures.collect()
}

/// The arrows, as `from.port > to.port`.
fn arrows(drawing: &Drawing) -> Vec<String> {
    let arrows = drawing.arrows.iter().map(|arrow| {
        let point = |point: picture::Point, begins: bool| {
            let figure = &drawing.figures[point.figure];
            match (&figure.shape, point.port) {
                (Shape::Component(component), Some(port)) => {
                    let ports = if begins { &component.outports } else { &component.inports };
                    format!("{}.{}", figure.name, ports[port].name)
                }
                _ => figure.name.clone(),
            }
        };
        format!("{} > {}", point(arrow.from, true), point(arrow.to, false))
    });
    arrows.collect()
}

fn component<'a>(drawing: &'a Drawing, name: &str) -> &'a picture::Component {
    let figure = drawing.figures.iter().find(|figure| figure.name == name).unwrap();
    let Shape::Component(component) = &figure.shape else { panic!("{name} is no component") };
    component
}

/// What is said of the inports: value and notes.
fn inports(drawing: &Drawing, name: &str) -> Vec<String> {
    let inports = component(drawing, name).inports.iter();
    inports.map(|port| [port.value.clone().into_iter().collect(), port.notes.clone()].concat().join(", ")).collect()
}

#[test]
fn a_group_is_one_figure_and_group_connectors_are_on_the_way() {
    let relay = definition("relay", &["x"], &["out"]);
    let mut graph = Graph::new();
    graph.add("a", relay.clone()).unwrap();
    graph.add_group("two", relay.clone(), 2).unwrap();
    graph.add_group("same", relay.clone(), 2).unwrap();
    graph.add_group("three", relay.clone(), 3).unwrap();
    graph.add("b", relay).unwrap();
    graph.link("a", "out", "two", "x", true, Some(Policy::Keyed(7))).unwrap();
    graph.connect("two", "out", "same", "x").unwrap();
    graph.connect_unordered("same", "out", "three", "x").unwrap();
    graph.connect("three", "out", "b", "x").unwrap();
    let drawing = Drawing::of(&graph, None);
    assert_eq!(
        figures(&drawing),
        [
            "/a: a",
            "/two: two ×2",
            "/same: same ×2",
            "/three: three ×3",
            "/b: b",
            "/two.x shared out: (keyed: 7)",
            "/same.out unordered: (unordered)",
            "/three.x shared out: (balanced)",
            "/three.out ordered: (ordered)",
        ]
    );
    assert_eq!(
        arrows(&drawing),
        [
            "two.x shared out > two.x",
            "a.out > two.x shared out",
            "two.out > same.x",
            "same.out > same.out unordered",
            "three.x shared out > three.x",
            "same.out unordered > three.x shared out",
            "three.out > three.out ordered",
            "three.out ordered > b.x",
        ]
    );
}

#[test]
fn what_fires_with_a_port_that_has_a_policy_is_shared_out_with_it() {
    let mut graph = Graph::new();
    graph.add("a", definition("source", &[], &["out", "key"])).unwrap();
    graph.add_group("pool", definition("pair", &["x", "key"], &[]), 2).unwrap();
    graph.connect("a", "out", "pool", "x").unwrap();
    graph.link("a", "key", "pool", "key", true, Some(Policy::RoundRobin)).unwrap();
    let drawing = Drawing::of(&graph, None);
    let connectors: Vec<_> = figures(&drawing).into_iter().filter(|figure| figure.contains('(')).collect();
    assert_eq!(connectors, ["/pool.x shared out: (with key)", "/pool.key shared out: (round_robin)"]);
}

#[test]
fn a_connection_with_one_member_says_with_which() {
    let relay = definition("relay", &["x"], &["out"]);
    let mut graph = Graph::new();
    graph.add("a", relay.clone()).unwrap();
    graph.add_group("two", relay, 2).unwrap();
    graph.connect("two_1", "out", "a", "x").unwrap();
    graph.connect("a", "out", "two_0", "x").unwrap();
    assert_eq!(
        arrows(&Drawing::of(&graph, None)),
        ["two.out > two_1.out", "two_1.out > a.x", "two_0.x > two.x", "a.out > two_0.x"]
    );
}

#[test]
fn connections_into_subgraphs_pass_their_exports() {
    let relay = definition("relay", &["x"], &["out"]);
    let mut inner = Graph::new();
    inner.add("a", relay.clone()).unwrap();
    inner.add("b", relay.clone()).unwrap();
    inner.connect("a", "out", "b", "x").unwrap();
    inner.export("inp", "a", (PortKind::Inport, "x"), true, None).unwrap();
    inner.export("out", "b", (PortKind::Outport, "out"), true, None).unwrap();
    let mut middle = Graph::new();
    middle.embed("in", &inner).unwrap();
    middle.export("first", "in_a", (PortKind::Inport, "x"), true, None).unwrap();
    let mut graph = Graph::new();
    graph.add("source", relay.clone()).unwrap();
    graph.embed("one", &middle).unwrap();
    graph.add("sink", relay).unwrap();
    graph.connect("source", "out", "one_in_a", "x").unwrap();
    graph.connect("one_in_b", "out", "sink", "x").unwrap();
    graph.export("all", "sink", (PortKind::Outport, "out"), true, None).unwrap();
    let drawing = Drawing::of(&graph, None);
    let frames: Vec<_> = drawing.frames.iter().map(|frame| (&*frame.name, &*frame.label, frame.parent)).collect();
    assert_eq!(frames, [("one_in", "in", Some(1)), ("one", "one", None)]);
    assert_eq!(
        figures(&drawing),
        [
            "/source: source",
            "one_in/one_in_a: a",
            "one_in/one_in_b: b",
            "/sink: sink",
            "one_in/one_in_inp: inport inp",
            "one/one_first: inport first",
            "one_in/one_in_out: outport out",
            "/all: outport all",
        ]
    );
    assert_eq!(
        arrows(&drawing),
        [
            "one_in_a.out > one_in_b.x",
            "one_in_inp > one_in_a.x",
            "one_first > one_in_inp",
            "source.out > one_first",
            "one_in_b.out > one_in_out",
            "one_in_out > sink.x",
            "sink.out > all",
        ]
    );
}

#[test]
fn all_that_was_said_of_ports_is_told() {
    let mut graph = Graph::new();
    graph.add("a", definition("source", &[], &["out"])).unwrap();
    graph.add("b", definition("sink", &["v=3", "w", "x", "y", "z"], &[])).unwrap();
    graph.connect("a", "out", "b", "w").unwrap();
    graph.set_initial("b", "w", 5, true).unwrap();
    graph.connect("a", "out", "b", "z").unwrap();
    graph.set_batch("b", "x", Batch { size: Some(2), within: None }).unwrap();
    graph.sync("b", &["w", "x"]).unwrap();
    graph.clk("b", &["y"]).unwrap();
    graph.set_arguments("b", "seen", 8).unwrap();
    let drawing = Drawing::of(&graph, None);
    assert_eq!(inports(&drawing, "b"), ["= 3", "starts with 5, sync", "lists of 2, sync", "clk", "passive"]);
    assert_eq!(component(&drawing, "b").persists[0].value.as_deref(), Some("< 8"));
    graph.set_state("b", "seen", 9).unwrap();
    assert_eq!(component(&Drawing::of(&graph, None), "b").persists[0].value.as_deref(), Some("= 9"));
}

#[test]
fn trigger_groups_of_several_ports_are_numbered_if_there_are_several() {
    let mut graph = Graph::new();
    graph.add("b", definition("sink", &["v", "w", "x", "y"], &[])).unwrap();
    graph.sync("b", &["v", "y"]).unwrap();
    graph.sync("b", &["w", "x"]).unwrap();
    assert_eq!(inports(&Drawing::of(&graph, None), "b"), ["sync 1", "sync 2", "sync 2", "sync 1"]);
}

#[test]
fn capacities_are_told_where_they_are_not_the_usual_one() {
    let inport = |name: &str, capacity| Inport { name: name.to_owned(), capacity, default: None };
    let inports_ = vec![inport("a", Some(10)), inport("b", Some(3)), inport("c", None)];
    let mut graph = Graph::<i64>::new();
    graph.add("a", Arc::new(Definition::new("a", "tests", inports_, vec![], vec![], 0).unwrap())).unwrap();
    assert_eq!(inports(&Drawing::of(&graph, None), "a"), ["", "capacity 3", "no limit"]);
}

#[test]
fn members_of_which_other_things_were_said_are_told_apart() {
    let mut graph = Graph::new();
    graph.add_group("two", definition("relay", &["x"], &[]), 2).unwrap();
    graph.set_initial("two", "x", 1, true).unwrap();
    assert_eq!(inports(&Drawing::of(&graph, None), "two"), ["= 1"]);
    graph.set_initial("two_1", "x", 2, true).unwrap();
    graph.clk("two_0", &["x"]).unwrap();
    assert_eq!(inports(&Drawing::of(&graph, None), "two"), ["= 1 / = 2, clk / –"]);
}

#[test]
fn workers_are_those_said_or_those_of_a_placement() {
    let relay = definition("relay", &["x"], &["out"]);
    let mut graph = Graph::new();
    graph.add("a", relay.clone()).unwrap();
    graph.add_group("two", relay, 2).unwrap();
    graph.pin("a", 1).unwrap();
    graph.pin("two_1", 0).unwrap();
    graph.join(&["a", "two_0"]).unwrap();
    let drawing = Drawing::of(&graph, None);
    assert_eq!(component(&drawing, "a").places, [Place { worker: 1, members: None }]);
    assert_eq!(component(&drawing, "two").places, [Place { worker: 0, members: Some(1) }]);
    assert_eq!(component(&drawing, "two").together, [1]);
    let drawing = Drawing::of(&graph, Some(&[1, 1, 0]));
    let each = |worker| Place { worker, members: Some(1) };
    assert_eq!(component(&drawing, "two").places, [each(0), each(1)]);
    assert_eq!(component(&drawing, "two").together, [0; 0]);
}

#[test]
fn a_value_that_cannot_be_written_is_the_error() {
    let mut graph = Graph::new();
    graph.add("a", definition("a", &["x=1"], &[])).unwrap();
    assert_eq!(Drawing::new(&graph, None, &mut |_| Err("no")).unwrap_err(), "no");
}

#[test]
fn names_that_mean_something_to_graphviz_and_to_mermaid_are_escaped() {
    let mut graph = Graph::<i64>::new();
    let name = "a \"b\" <c> & \\";
    graph.add(name, definition("A<B>&", &["x:y"], &["\"z\\"])).unwrap();
    graph.connect(name, "\"z\\", name, "x:y").unwrap();
    let drawing = Drawing::of(&graph, None);
    let dot = picture::dot(&drawing).to_string();
    assert!(dot.contains(r#""a \"b\" <c> & \\" [label=<<TABLE"#), "{dot}");
    assert!(dot.contains("<B>a &quot;b&quot; &lt;c&gt; &amp; \\\\</B>"), "{dot}");
    assert!(dot.contains(r#""a \"b\" <c> & \\":"\"z\\":e -> "a \"b\" <c> & \\":"x:y":w"#), "{dot}");
    let mermaid = picture::mermaid(&drawing);
    assert!(mermaid.contains("<b>a #34;b#34; #60;c#62; #38; #92;</b><br/>A#60;B#62;#38;"), "{mermaid}");
}

#[test]
fn figures_with_names_alike_stay_apart() {
    let relay = definition("relay", &["x"], &["out"]);
    let mut graph = Graph::new();
    graph.add("two.x shared out", relay.clone()).unwrap();
    graph.add_group("two", relay, 2).unwrap();
    graph.connect("two.x shared out", "out", "two", "x").unwrap();
    assert_eq!(
        arrows(&Drawing::of(&graph, None)),
        ["two.x shared out' > two.x", "two.x shared out.out > two.x shared out'"]
    );
}
