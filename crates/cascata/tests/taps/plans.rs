//! Taps in graphs and plans: which exports are some, and what becomes of them.

use cascata::graph::{Graph, GraphError, Issue, Policy, PortKind, Taps, check};
use cascata::plan::{InportRole, Plan};

use crate::common::{definition, network};

/// `a.out >> b.inp`, with what is not connected exported, under its own name and component.
fn exported() -> Graph<i64> {
    let mut graph = Graph::new();
    graph.add("a", definition("first", &["in", "factor=3"], &["out"])).unwrap();
    graph.add("b", definition("second", &["in"], &["out"])).unwrap();
    graph.connect("a", "out", "b", "in").unwrap();
    for (name, node, kind, port) in [
        ("into", "a", PortKind::Inport, "in"),
        ("factor", "a", PortKind::Inport, "factor"),
        ("middle", "a", PortKind::Outport, "out"),
        ("inner", "b", PortKind::Inport, "in"),
        ("result", "b", PortKind::Outport, "out"),
        ("alias", "b", PortKind::Outport, "out"),
    ] {
        graph.export(name, node, (kind, port), true, None).unwrap();
    }
    graph
}

fn tapped(graph: &Graph<i64>, workers: usize, fed: &[&str]) -> Plan<i64> {
    let fed: Vec<_> = fed.iter().map(|&name| name.to_owned()).collect();
    Plan::with_taps(graph, &0, &fed, workers, &[], None).unwrap()
}

fn issues(graph: &Graph<i64>) -> Vec<String> {
    check(graph, &Taps::new()).iter().map(Issue::to_string).collect()
}

#[test]
fn unconnected_exports_without_a_value_are_taps() {
    let plan = tapped(&exported(), 2, &[]);
    let taps: Vec<_> = plan.taps.iter().map(|tap| (tap.exports.join(" "), tap.feeds)).collect();
    assert_eq!(taps, [("into".to_owned(), true), ("result alias".to_owned(), false)]);
    let names: Vec<_> = plan.nodes.iter().map(|node| node.name.as_str()).collect();
    assert_eq!(names, ["a", "b", "into", "result"]);
    assert_eq!(plan.nodes[0].inports[1].role, InportRole::Constant);
}

#[test]
fn a_value_that_is_fed_nevertheless_is_the_first_item_unless_it_is_a_default() {
    let mut graph = exported();
    let plan = tapped(&graph, 2, &["factor"]);
    assert_eq!(plan.taps.len(), 3);
    assert_eq!((plan.nodes[0].groups.clone(), plan.nodes[0].inports[1].initial), (vec![vec![0, 1]], None));
    graph.set_initial("a", "factor", 7, true).unwrap();
    assert_eq!(tapped(&graph, 2, &["factor"]).nodes[0].inports[1].initial, Some(7));
}

#[test]
fn only_unconnected_inports_can_be_asked_for() {
    for name in ["inner", "result", "nothing"] {
        let error = exported().tapped(&0, &[name.to_owned()]).unwrap_err();
        let exports = vec!["into".to_owned(), "factor".to_owned()];
        assert_eq!(error, GraphError::NoTap { export: name.to_owned(), exports });
    }
}

#[test]
fn the_calling_program_is_one_more_participant() {
    for (workers, used, local) in [(0, 1, true), (1, 1, false), (2, 2, false)] {
        let plan = tapped(&exported(), workers, &[]);
        assert_eq!((plan.workers, plan.participants(), plan.local), (used, used + 1, local));
        assert_eq!(plan.shard().concat(), [0, 1]);
        assert!(!plan.is_tap(0) && !plan.is_tap(1) && plan.is_tap(2) && plan.is_tap(3));
        let shared: Vec<_> = plan.channels.iter().map(|channel| channel.shared).collect();
        // a.in, b.in, result: those with the caller are between processes, unless there is but one.
        assert_eq!(shared, [!local, workers == 2, !local]);
    }
}

#[test]
fn a_graph_without_taps_is_planned_as_ever() {
    let graph = network(&[("a", "b")]);
    let plan = tapped(&graph, 2, &[]);
    assert_eq!((plan.taps.len(), plan.participants()), (0, plan.workers));
}

#[test]
fn groups_share_out_and_gather_as_with_components() {
    let mut graph = Graph::new();
    graph.add_group("members", definition("member", &["in"], &["out"]), 3).unwrap();
    graph.export("into", "members", (PortKind::Inport, "in"), true, Some(Policy::RoundRobin)).unwrap();
    graph.export("ordered", "members", (PortKind::Outport, "out"), true, None).unwrap();
    graph.export("unordered", "members", (PortKind::Outport, "out"), false, None).unwrap();
    let plan = tapped(&graph, 2, &[]);
    assert_eq!(plan.nodes[3].outports[0].shares.len(), 1);
    assert_eq!(plan.gathers.len(), 1);
    assert_eq!((plan.gathers[0].node, plan.gathers[0].members.len()), (4, 3));
    assert_eq!(plan.channels_of(5, 0).count(), 1);
}

#[test]
fn the_graph_itself_stays_what_it_is_and_is_refused_without_taps() {
    let graph = exported();
    let (tapped, _) = graph.tapped(&0, &[]).unwrap();
    assert_eq!((graph.nodes().len(), tapped.nodes().len()), (2, 4));
    assert_eq!(issues(&tapped), Vec::<String>::new());
    assert!(issues(&graph)[0].contains("into"), "{:?}", issues(&graph));
}
