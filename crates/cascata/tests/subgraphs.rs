//! Graphs in graphs: copies under a prefix, and the ports that are seen from outside.

mod common;

use cascata::graph::{End, Export, Graph, GraphError, Policy, PortKind};
use common::definition;

/// `a` feeds the group `two`, which feeds `b`; `inp` is `a.x`, `out` is `two.out`, unordered.
fn inner() -> Graph<i64> {
    let mut graph = Graph::new();
    let relay = definition("relay", &["x"], &["out"]);
    graph.add("a", relay.clone()).unwrap();
    graph.add_group("two", relay.clone(), 2).unwrap();
    graph.add("b", relay).unwrap();
    graph.link("a", "out", "two", "x", true, Some(Policy::Keyed(7))).unwrap();
    graph.connect_unordered("two", "out", "b", "x").unwrap();
    graph.export("inp", "a", (PortKind::Inport, "x"), true, None).unwrap();
    graph.export("out", "two", (PortKind::Outport, "out"), false, None).unwrap();
    graph
}

fn refused<T: std::fmt::Debug>(result: Result<T, GraphError>) -> String {
    result.unwrap_err().to_string()
}

fn names(graph: &Graph<i64>) -> Vec<&str> {
    graph.nodes().keys().map(String::as_str).collect()
}

/// The connections between nodes, as `from >> to`.
fn edges(graph: &Graph<i64>) -> Vec<String> {
    let name = |node: usize| graph.nodes().get_index(node).unwrap().0.as_str();
    graph.edges().map(|edge| format!("{} >> {}", name(edge.from), name(edge.to))).collect()
}

#[test]
fn a_copy_has_all_that_was_said_under_a_prefix() {
    let mut inner = inner();
    inner.set_initial("two_1", "x", 3, true).unwrap();
    inner.sync("b", &["x"]).unwrap();
    inner.weigh("a", Some(4.0), None).unwrap();
    inner.pin("b", 2).unwrap();
    inner.join(&["two", "a"]).unwrap();
    let mut graph = Graph::new();
    graph.add_group("first", definition("first", &[], &["out"]), 1).unwrap();
    graph.embed("p", &inner).unwrap();
    assert_eq!(names(&graph), ["first_0", "p_a", "p_two_0", "p_two_1", "p_b"]);
    assert_eq!(edges(&graph), ["p_a >> p_two_0", "p_a >> p_two_1", "p_two_0 >> p_b", "p_two_1 >> p_b"]);
    assert_eq!(graph.groups()["p_two"].members, [2, 3]);
    assert_eq!(graph.groups()["p_two"].policies, [Some(Policy::Keyed(7))]);
    assert_eq!((graph.group_of(1), graph.group_of(3)), (None, Some(1)));
    assert_eq!(graph.links().map(|link| link.ordered).collect::<Vec<_>>(), [true, false]);
    assert!(graph.is_connected(4, 0) && !graph.is_connected(1, 0));
    assert_eq!(graph.initial(3, 0), Some(&3));
    assert_eq!((graph.nodes()[1].cost, &graph.nodes()[4].triggers), (4.0, &vec![vec![0]]));
    assert_eq!(graph.wishes().pins.get(&4), Some(&2));
    assert_eq!(graph.wishes().together, [[1, 2, 3]]);
    let subgraph = &graph.subgraphs()["p"];
    assert_eq!((subgraph.nodes.clone(), subgraph.groups.clone(), subgraph.subgraphs.clone()), (1..5, 1..2, 0..0));
    let out = Export { end: End::Group(1), kind: PortKind::Outport, port: 0, ordered: false };
    assert_eq!(subgraph.exports["out"], out);
    assert!(graph.exports().is_empty());
}

#[test]
fn copies_of_copies_keep_their_subgraphs() {
    let mut middle = Graph::new();
    middle.embed("in", &inner()).unwrap();
    let mut graph = Graph::new();
    for name in ["l", "r"] {
        graph.embed(name, &middle).unwrap();
    }
    assert_eq!(graph.subgraphs().keys().collect::<Vec<_>>(), ["l_in", "l", "r_in", "r"]);
    let ranges = |name: &str| {
        let subgraph = &graph.subgraphs()[name];
        (subgraph.nodes.clone(), subgraph.groups.clone(), subgraph.subgraphs.clone())
    };
    assert_eq!(ranges("l"), (0..4, 0..1, 0..1));
    assert_eq!(ranges("r_in"), (4..8, 1..2, 2..2));
    assert_eq!(ranges("r"), (4..8, 1..2, 2..3));
    assert_eq!(graph.subgraphs()["r_in"].exports["inp"].end, End::Node(4));
}

#[test]
fn all_names_of_a_copy_are_new() {
    let mut graph = Graph::new();
    graph.add("p_b", definition("f", &[], &[])).unwrap();
    graph.add("q_out", definition("f", &[], &[])).unwrap();
    let taken = |name: &str, part: &str| {
        format!(
            "subgraph {name} cannot have a part {part}, because the graph has a component {part} already: choose another \
             name for the subgraph"
        )
    };
    assert_eq!(refused(graph.embed("p", &inner())), taken("p", "p_b"));
    assert_eq!(refused(graph.embed("q", &inner())), taken("q", "q_out"));
    assert_eq!(refused(graph.embed("p_b", &inner())), "the graph has a component p_b already: choose another name");
    assert_eq!(refused(graph.embed("", &inner())), "a component of a graph needs a name: the one given is empty");
    assert_eq!((graph.nodes().len(), graph.groups().len(), graph.subgraphs().len()), (2, 0, 0));
    graph.embed("s", &inner()).unwrap();
    for (name, what) in [("s_two", "a group"), ("s_a", "a component"), ("s", "a subgraph"), ("s_inp", "an export")] {
        let other = definition("f", &[], &[]);
        assert_eq!(
            refused(graph.add(name, other)),
            format!("the graph has {what} {name} already: choose another name")
        );
    }
}

#[test]
fn exports_are_ports_under_new_names() {
    let mut graph = inner();
    let inport = |port| (PortKind::Inport, port);
    assert_eq!(graph.exports().keys().collect::<Vec<_>>(), ["inp", "out"]);
    let taken = "the graph has an export inp already: choose another name";
    assert_eq!(refused(graph.export("inp", "b", inport("x"), true, None)), taken);
    assert_eq!(refused(graph.add("inp", definition("f", &[], &[]))), taken);
    assert!(graph.export("two_0", "b", inport("x"), true, None).is_err());
    assert_eq!(refused(graph.export("e", "two", inport("y"), true, None)), "two has no inport y; there are: x");
    assert_eq!(
        refused(graph.export("e", "a", (PortKind::Persist, "seen"), true, None)),
        "a.seen cannot be exported: users of a graph see inports and outports; persistent values are its own matter"
    );
    assert!(graph.export("e", "two", inport("x"), true, Some(Policy::Broadcast)).is_err(), "it is keyed");
    assert_eq!(graph.exports().len(), 2);
    graph.export("again", "two", inport("x"), true, Some(Policy::Keyed(7))).unwrap();
}

#[test]
fn a_prefixed_copy_exports_what_the_original_does() {
    let graph = inner().prefixed("left");
    assert_eq!(names(&graph), ["left_a", "left_two_0", "left_two_1", "left_b"]);
    assert_eq!(graph.exports(), inner().exports());
    assert_eq!(graph.groups().keys().collect::<Vec<_>>(), ["left_two"]);
}
