//! Groups: their members, what connections to and from them come to, and how they share out.

mod common;

use cascata::graph::{Edge, End, Graph, GraphError, Link, Policy};
use common::definition;

/// `a`, groups `three` and `others` of three, `two` of two, each with inports `x` and `y=5` and outport `out`.
fn groups() -> Graph<i64> {
    let mut graph = Graph::new();
    let filter = definition("filter", &["x", "y=5"], &["out"]);
    graph.add("a", filter.clone()).unwrap();
    for (name, n) in [("three", 3), ("others", 3), ("two", 2)] {
        graph.add_group(name, filter.clone(), n).unwrap();
    }
    graph
}

/// The connections between nodes, as `from >> to`.
fn edges(graph: &Graph<i64>) -> Vec<String> {
    let name = |node: usize| graph.nodes().get_index(node).unwrap().0.as_str();
    graph.edges().map(|&Edge { from, to, .. }| format!("{} >> {}", name(from), name(to))).collect()
}

fn refused<T: std::fmt::Debug>(result: Result<T, GraphError>) -> String {
    result.unwrap_err().to_string()
}

#[test]
fn members_are_nodes_named_by_number() {
    let graph = groups();
    assert_eq!(graph.groups().keys().collect::<Vec<_>>(), ["three", "others", "two"]);
    assert_eq!(graph.groups()["others"].members, [4, 5, 6]);
    assert_eq!(graph.nodes().get_index(5).unwrap().0, "others_1");
    assert_eq!((graph.group_of(0), graph.group_of(5)), (None, Some(1)));
    assert_eq!((graph.end("a"), graph.end("two")), (Ok(End::Node(0)), Ok(End::Group(2))));
    assert_eq!(graph.end("two_1"), Ok(End::Node(8)));
}

#[test]
fn a_group_adopts_what_was_described() {
    let mut graph = groups();
    graph.set_initial("a", "x", 3, true).unwrap();
    let node = graph.nodes()["a"].clone();
    graph.adopt_group("copies", vec![node; 2]).unwrap();
    assert_eq!(graph.groups()["copies"].members, [9, 10]);
    assert_eq!((graph.initial(9, 0), graph.initial(10, 0)), (Some(&3), Some(&3)));
}

#[test]
fn members_are_instances_of_one_component() {
    let mut graph = groups();
    graph.add("odd", definition("odd", &[], &[])).unwrap();
    let nodes = ["a", "odd"].map(|name| graph.nodes()[name].clone()).to_vec();
    assert_eq!(
        refused(graph.adopt_group("mixed", nodes)),
        "group mixed is to have members of different components, filter and odd: give it instances of one"
    );
}

#[test]
fn what_is_said_of_a_group_holds_for_its_members() {
    let mut graph = groups();
    assert_eq!(graph.set_initial("two_1", "x", 1, true), Ok(vec![]));
    assert_eq!(graph.set_initial("two", "x", 2, true), Ok(vec![1]));
    graph.set_arguments("two", "seen", 3).unwrap();
    graph.set_state("two", "seen", 4).unwrap();
    graph.sync("two", &["y", "x"]).unwrap();
    graph.weigh("two", Some(5.0), Some(6.0)).unwrap();
    graph.pin("two", 7).unwrap();
    graph.join(&["two", "a"]).unwrap();
    for member in [7, 8] {
        let node = &graph.nodes()[member];
        assert_eq!(graph.initial(member, 0), Some(&2));
        assert_eq!((node.persists[0].arguments, node.persists[0].state), (Some(3), Some(4)));
        assert_eq!((&node.triggers, node.cost, node.traffic), (&vec![vec![1, 0]], 5.0, 6.0));
        assert_eq!(graph.wishes().pins.get(&member), Some(&7));
    }
    assert_eq!(graph.wishes().together, [[0, 7, 8]]);
    graph.clk("three_2", &["x"]).unwrap();
    assert_eq!(
        refused(graph.clk("three", &["y", "x"])),
        "three_2.x is in a trigger group already: a port can be in one of them only"
    );
    assert!(graph.nodes()[1].triggers.is_empty(), "no member has changed");
    assert_eq!(refused(graph.set_initial("two", "z", 1, true)), "two has no inport z; there are: x, y");
}

#[test]
fn names_of_groups_and_members_are_new() {
    let mut graph = groups();
    let filter = definition("filter", &[], &[]);
    assert_eq!(
        refused(graph.add_group("a", filter.clone(), 2)),
        "the graph has a component a already: choose another name"
    );
    assert_eq!(refused(graph.add("two", filter.clone())), "the graph has a group two already: choose another name");
    graph.add("b_1", filter.clone()).unwrap();
    assert_eq!(
        refused(graph.add_group("b", filter.clone(), 2)),
        "group b cannot have a part b_1, because the graph has a component b_1 already: choose another name for the \
         group"
    );
    assert_eq!(refused(graph.add_group("c", filter, 0)), "group c is to have 0 members: give it 1 or more");
    assert_eq!((graph.nodes().len(), graph.groups().len()), (10, 3), "nothing was added");
}

#[test]
fn an_outport_feeds_every_member_and_an_inport_is_fed_by_every_member() {
    let mut graph = groups();
    graph.connect("a", "out", "two", "x").unwrap();
    graph.connect_unordered("two", "out", "a", "y").unwrap();
    assert_eq!(edges(&graph), ["a >> two_0", "a >> two_1", "two_0 >> a", "two_1 >> a"]);
    let (two, a) = (End::Group(2), End::Node(0));
    assert_eq!(
        graph.links().copied().collect::<Vec<_>>(),
        [
            Link { from: a, outport: 0, to: two, inport: 0, ordered: true },
            Link { from: two, outport: 0, to: a, inport: 1, ordered: false },
        ]
    );
    assert!(graph.is_connected(7, 0) && graph.is_connected(8, 0) && graph.is_connected(0, 1));
}

#[test]
fn groups_of_one_size_are_joined_one_to_one_and_others_all_to_all() {
    let mut graph = groups();
    graph.connect("three", "out", "others", "x").unwrap();
    graph.connect("others", "out", "two", "x").unwrap();
    let mut expected: Vec<_> = (0..3).map(|number| format!("three_{number} >> others_{number}")).collect();
    expected.extend((0..3).flat_map(|from| (0..2).map(move |to| format!("others_{from} >> two_{to}"))));
    assert_eq!(edges(&graph), expected);
    graph.connect("three_0", "out", "two_0", "y").unwrap();
    assert_eq!(graph.links().map(|link| graph.is_paired(link)).collect::<Vec<_>>(), [true, false, false]);
    assert_eq!(graph.links().map(|link| graph.is_shared_or_gathered(link)).collect::<Vec<_>>(), [false, true, false]);
}

#[test]
fn a_policy_joins_groups_of_one_size_all_to_all_whenever_it_is_said() {
    let mut before = groups();
    before.share("others", "x", Policy::Keyed(1)).unwrap();
    before.connect("three", "out", "others", "x").unwrap();
    let mut after = groups();
    after.connect("three", "out", "others", "x").unwrap();
    after.share("others", "x", Policy::Keyed(1)).unwrap();
    assert_eq!(edges(&before), edges(&after));
    assert_eq!(before.edges().len(), 9);
    assert_eq!(before.groups()["others"].policies, [Some(Policy::Keyed(1)), None]);
}

#[test]
fn a_port_has_one_policy() {
    let mut graph = groups();
    graph.share("two", "x", Policy::Keyed(1)).unwrap();
    graph.share("two", "x", Policy::Keyed(1)).unwrap();
    graph.share("two", "y", Policy::Broadcast).unwrap();
    let way = "a group connector shares out everything that comes to a port in one way";
    assert_eq!(
        refused(graph.share("two", "x", Policy::RoundRobin)),
        format!("two.x cannot be round_robin, because it is keyed already: {way}")
    );
    assert_eq!(
        refused(graph.share("two", "x", Policy::Keyed(2))),
        format!("two.x cannot be keyed, because it is keyed already, by another function: {way}")
    );
    assert_eq!(
        refused(graph.share("a", "x", Policy::Balanced)),
        "a.x cannot be balanced: a is one component, and only a group shares out what comes to it; drop the policy"
    );
    assert!(graph.share("three", "z", Policy::Balanced).is_err());
}

#[test]
fn a_refused_connection_leaves_no_policy() {
    let mut graph = groups();
    graph.connect("three", "out", "others", "x").unwrap();
    graph.connect("a", "out", "others_1", "x").unwrap();
    assert!(graph.link("a", "out", "others", "x", true, Some(Policy::Broadcast)).is_err());
    assert_eq!((graph.groups()["others"].policies[0].clone(), graph.edges().len()), (None, 4));
}

#[test]
fn what_is_connected_already_cannot_be_connected_as_part_of_a_group() {
    let mut graph = groups();
    graph.connect("a", "out", "two_1", "x").unwrap();
    assert_eq!(
        refused(graph.connect("a", "out", "two", "x")),
        "a.out is connected to two_1.x already: one connection carries every item, drop the second one"
    );
    graph.connect("two", "out", "a", "x").unwrap();
    for from in ["two", "two_0"] {
        assert_eq!(
            refused(graph.connect_unordered(from, "out", "a", "x")),
            "two_0.out is connected to a.x already by two.out >> a.x: one connection carries every item, drop the second \
             one"
        );
    }
    graph.connect("three", "out", "others", "x").unwrap();
    graph.connect("three_0", "out", "others_1", "x").unwrap();
    assert_eq!(
        refused(graph.share("others", "x", Policy::Balanced)),
        "three_0.out is connected to others_1.x already by three.out >> others.x: one connection carries every item, \
         drop the second one"
    );
    assert_eq!(graph.groups()["others"].policies[0], None);
    assert_eq!((graph.links().len(), graph.edges().len()), (4, 7));
}
