//! Describing a graph: every step, and every step that is refused.

mod common;

use cascata::graph::{Batch, Definition, Edge, Graph, GraphError, Inport, Outport, PersistSetting, PortKind, Taps};
use common::definition;

/// `a` and `b`, each with inports `x` and `y=5` and outport `out`.
fn pair() -> Graph<i64> {
    let mut graph = Graph::new();
    let filter = definition("filter", &["x", "y=5"], &["out"]);
    graph.add("a", filter.clone()).unwrap();
    graph.add("b", filter).unwrap();
    graph
}

fn refused<T: std::fmt::Debug>(result: Result<T, GraphError>) -> String {
    result.unwrap_err().to_string()
}

#[test]
fn nodes_keep_their_order_and_share_definitions() {
    let graph = pair();
    assert_eq!(graph.nodes().keys().collect::<Vec<_>>(), ["a", "b"]);
    assert!(std::sync::Arc::ptr_eq(&graph.nodes()["a"].definition, &graph.nodes()["b"].definition));
    assert_eq!(graph.position("b"), Ok(1));
    assert_eq!(graph.port(1, PortKind::Inport, "y"), Ok(1));
}

#[test]
fn names_of_nodes_are_new_and_not_empty() {
    let mut graph = pair();
    let other = definition("other", &[], &[]);
    assert_eq!(refused(graph.add("a", other.clone())), "the graph has a component a already: choose another name");
    assert_eq!(refused(graph.add("", other)), "a component of a graph needs a name: the one given is empty");
    assert_eq!(graph.nodes().len(), 2);
}

#[test]
fn definitions_are_checked() {
    let inport = |name: &str, capacity| Inport { name: name.to_owned(), capacity, default: None };
    let outport = |name: &str| Outport { name: name.to_owned() };
    let new = |name: &str, inports, outports| Definition::new(name, "tests", inports, outports, Vec::new(), 0_i64);
    assert!(new("f", vec![inport("x", None), inport("y", Some(1))], vec![outport("z")]).is_ok());
    assert_eq!(refused(new("", vec![], vec![])), "a component needs a name: the one given is empty");
    assert_eq!(
        refused(new("f", vec![], vec![outport("")])),
        "component f declares a port with an empty name (outport): give it one"
    );
    assert_eq!(
        refused(new("f", vec![inport("x", None)], vec![outport("x")])),
        "component f declares x twice: give each port and persistent value a name of its own"
    );
    assert_eq!(
        refused(new("f", vec![inport("x", Some(0))], vec![])),
        "inport x of component f has capacity 0: it must be 1 or more, or None for no bound"
    );
}

#[test]
fn connections_keep_their_order_and_are_unique() {
    let mut graph = pair();
    graph.connect("a", "out", "b", "y").unwrap();
    graph.connect("a", "out", "b", "x").unwrap();
    graph.connect("b", "out", "b", "x").unwrap();
    let edge = |from, to, inport| Edge { from, outport: 0, to, inport };
    assert_eq!(graph.edges().copied().collect::<Vec<_>>(), [edge(0, 1, 1), edge(0, 1, 0), edge(1, 1, 0)]);
    assert_eq!(
        refused(graph.connect("a", "out", "b", "x")),
        "a.out is connected to b.x already: one connection carries every item, drop the second one"
    );
    assert_eq!(graph.edges().len(), 3);
    assert!(graph.is_connected(1, 0) && !graph.is_connected(0, 0));
}

#[test]
fn unknown_names_are_refused_with_those_there_are() {
    let mut graph = pair();
    assert_eq!(refused(graph.connect("c", "out", "b", "x")), "the graph has no component c; there are: a, b");
    assert_eq!(refused(graph.connect("a", "out", "b", "z")), "b has no inport z; there are: x, y");
    assert_eq!(refused(graph.connect("a", "x", "b", "x")), "a has no outport x (it is an inport); there are: out");
    assert_eq!(
        refused(graph.set_initial("a", "seen", 1, true)),
        "a has no inport seen (it is a persistent value); there are: x, y"
    );
    assert_eq!(refused(Graph::<i64>::new().position("a")), "the graph has no component a; there is no component");
    let mut many = Graph::new();
    let component = definition("f", &[], &[]);
    (0..30).for_each(|index| drop(many.add(format!("n{index}"), component.clone())));
    assert!(refused(many.position("a")).ends_with(", n19, 10 more"));
}

#[test]
fn a_default_is_dropped_when_the_port_is_connected_and_an_explicit_value_stays() {
    let mut graph = pair();
    assert_eq!((graph.initial(1, 0), graph.initial(1, 1)), (None, Some(&5)));
    assert_eq!(graph.set_initial("b", "x", 7, false), Ok(vec![]));
    assert_eq!(graph.initial(1, 0), Some(&7));
    graph.connect("a", "out", "b", "x").unwrap();
    graph.connect("a", "out", "b", "y").unwrap();
    assert_eq!((graph.initial(1, 0), graph.initial(1, 1)), (None, None));
    assert_eq!(graph.set_initial("b", "x", 8, true), Ok(vec![7]));
    assert_eq!(graph.initial(1, 0), Some(&8));
    assert_eq!(graph.initial(0, 1), Some(&5), "the other instance has its own");
}

#[test]
fn setting_a_persistent_value_gives_what_it_displaces() {
    let mut graph = pair();
    let set = |arguments, state| PersistSetting { arguments, state };
    assert_eq!(graph.set_arguments("a", "seen", 1), Ok(vec![set(None, None)]));
    assert_eq!(graph.set_state("a", "seen", 2), Ok(vec![]));
    assert_eq!(graph.set_state("a", "seen", 3), Ok(vec![2]));
    assert_eq!(graph.nodes()["a"].persists, [set(Some(1), Some(3))]);
    assert_eq!(graph.set_arguments("a", "seen", 4), Ok(vec![set(Some(1), Some(3))]));
    assert_eq!(graph.nodes()["a"].persists, [set(Some(4), None)], "the initialiser is called again");
    assert_eq!(refused(graph.set_state("a", "x", 3)), "a has no persistent value x (it is an inport); there are: seen");
}

#[test]
fn trigger_groups_are_those_declared_or_all_that_is_fed() {
    let mut graph = pair();
    let untapped = Taps::new();
    assert_eq!(graph.trigger_groups(1, &untapped), Vec::<Vec<usize>>::new());
    graph.connect("a", "out", "b", "x").unwrap();
    assert_eq!(graph.trigger_groups(1, &untapped), [[0]]);
    assert_eq!(graph.trigger_groups(1, &Taps::from([(1, 1)])), [[0, 1]]);
    graph.sync("a", &["y", "x"]).unwrap();
    graph.clk("b", &["x", "y"]).unwrap();
    assert_eq!(graph.trigger_groups(0, &untapped), [[1, 0]]);
    assert_eq!(graph.trigger_groups(1, &untapped), [[0], [1]]);
}

#[test]
fn a_port_is_in_one_trigger_group_at_most() {
    let mut graph = pair();
    let nothing: [&str; 0] = [];
    assert_eq!(
        refused(graph.sync("a", &nothing)),
        "sync on a names no port: name the inports that are to trigger it, of: x and y"
    );
    assert_eq!(refused(graph.clk("a", &["x", "x"])), "clk names a.x twice: name each port once");
    assert_eq!(refused(graph.clk("a", &["x", "out"])), "a has no inport out (it is an outport); there are: x, y");
    assert!(graph.nodes()["a"].triggers.is_empty(), "what is refused changes nothing");
    graph.clk("a", &["x"]).unwrap();
    assert_eq!(
        refused(graph.sync("a", &["y", "x"])),
        "a.x is in a trigger group already: a port can be in one of them only"
    );
    assert_eq!(graph.nodes()["a"].triggers, [[0]]);
}

#[test]
fn weights_are_finite_and_in_range() {
    let mut graph = pair();
    graph.weigh("a", Some(2.5), None).unwrap();
    graph.weigh("a", None, Some(0.0)).unwrap();
    assert_eq!((graph.nodes()["a"].cost, graph.nodes()["a"].traffic), (2.5, 0.0));
    assert_eq!(
        refused(graph.weigh("a", Some(0.0), None)),
        "the cost of a cannot be 0: it must be a finite number, above 0"
    );
    assert_eq!(
        refused(graph.weigh("a", Some(9.0), Some(-1.0))),
        "the traffic of a cannot be -1: it must be a finite number, 0 or more"
    );
    for wrong in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        assert!(graph.weigh("a", Some(wrong), None).is_err());
        assert!(graph.weigh("a", None, Some(wrong)).is_err());
    }
    assert_eq!((graph.nodes()["a"].cost, graph.nodes()["a"].traffic), (2.5, 0.0));
}

#[test]
fn orders_about_placement_are_kept() {
    let mut graph = pair();
    graph.pin("b", 1).unwrap();
    graph.pin("b", 2).unwrap();
    graph.join(&["b", "a", "b"]).unwrap();
    assert_eq!(graph.wishes().pins.get(&1), Some(&2), "the last order holds");
    assert_eq!(graph.wishes().together, [[0, 1]]);
    assert_eq!(refused(graph.join(&["a", "a"])), "to run together takes two components or more, and only a was named");
    assert!(graph.pin("c", 0).is_err() && graph.join(&["a", "c"]).is_err());
}

#[test]
fn a_node_can_be_adopted_with_all_that_was_said_about_it() {
    let mut graph = pair();
    graph.set_initial("a", "x", 1, true).unwrap();
    graph.set_state("a", "seen", 2).unwrap();
    graph.clk("a", &["x"]).unwrap();
    graph.weigh("a", Some(3.0), None).unwrap();
    graph.connect("a", "out", "b", "x").unwrap();

    let mut other = Graph::new();
    other.adopt("copy", graph.nodes()["a"].clone()).unwrap();
    let copy = &other.nodes()["copy"];
    assert_eq!((other.initial(0, 0), copy.persists[0].state, copy.cost), (Some(&1), Some(2), 3.0));
    assert_eq!(copy.triggers, [[0]]);
    assert_eq!(other.edges().len(), 0);
    assert!(other.adopt("copy", graph.nodes()["a"].clone()).is_err());
}

#[test]
fn a_batch_belongs_to_the_inport() {
    let mut graph = pair();
    let three = Batch { size: Some(3), within: None };
    graph.connect("a", "out", "b", "x").unwrap();
    graph.connect_in_batches("b", "out", "b", "x", three).unwrap();
    assert_eq!(graph.nodes()["b"].batches, [Some(three), None]);
    assert_eq!(graph.set_batch("b", "x", three), Ok(vec![Some(three)]), "the same may be said again");
    assert_eq!(graph.nodes()["a"].batches, [None, None]);
    assert_eq!(graph.edges().len(), 2);
    graph.adopt("c", graph.nodes()["b"].clone()).unwrap();
    assert_eq!(graph.nodes()["c"].batches, [Some(three), None], "a copy delivers the same");
}

#[test]
fn different_batches_at_one_inport_are_refused() {
    let batches = [(None, None), (Some(3), None), (None, Some(0.5)), (Some(3), Some(0.5))];
    let said =
        ["the whole stream as one list", "lists of 3", "lists of what comes within 0.5 s", "lists of 3, within 0.5 s"];
    for (k, (size, within)) in batches.into_iter().enumerate() {
        let mut graph = pair();
        graph.connect_in_batches("a", "out", "b", "x", Batch { size, within }).unwrap();
        let other = Batch { size: Some(4), within: None };
        let error = refused(graph.connect_in_batches("b", "out", "b", "x", other));
        assert_eq!(
            error,
            format!(
                "b.x delivers {} already and cannot deliver lists of 4, too: a batch belongs to the inport and merges all \
                 that is connected to it, so ask for the same each time",
                said[k]
            )
        );
        assert_eq!((graph.edges().len(), graph.nodes()["b"].batches[0]), (1, Some(Batch { size, within })));
    }
}

#[test]
fn batches_have_items_and_times_that_pass() {
    let mut graph = pair();
    let mut set = |size, within| refused(graph.set_batch("b", "x", Batch { size, within }));
    assert_eq!(
        set(Some(0), None),
        "b.x cannot deliver batches of 0 items: give 1 or more, or no size for the whole stream"
    );
    for within in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        let error = format!("b.x cannot deliver a batch within {within} s: give a finite number of seconds above 0");
        assert_eq!(set(None, Some(within)), error);
    }
    assert_eq!(graph.nodes()["b"].batches, [None, None]);
    assert!(matches!(
        graph.set_batch("b", "out", Batch { size: None, within: None }),
        Err(GraphError::UnknownPort { .. })
    ));
}

#[test]
fn a_connection_that_is_refused_leaves_no_batch() {
    let mut graph = pair();
    graph.connect("a", "out", "b", "x").unwrap();
    let batch = Batch { size: Some(3), within: None };
    assert!(matches!(graph.connect_in_batches("a", "out", "b", "x", batch), Err(GraphError::DuplicateEdge { .. })));
    assert!(graph.connect_in_batches("a", "nothing", "b", "y", batch).is_err());
    assert_eq!(graph.nodes()["b"].batches, [None, None]);
}
