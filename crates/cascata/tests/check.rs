//! What keeps a graph from running, and how that is told.

mod common;

use cascata::graph::{Graph, Issue, Policy, PortKind, Taps, check};
use common::{definition, network};

fn sentences(graph: &Graph<i64>) -> Vec<String> {
    check(graph, &Taps::new()).iter().map(Issue::to_string).collect()
}

/// Says that `node.x` for each of these is fed by nothing.
fn unfed(port: &str) -> String {
    format!(
        "{port}: nothing feeds it. Connect an outport to it (outport >> {port}) or give it a value ({port} < value)"
    )
}

#[test]
fn a_graph_that_can_run_has_no_issues() {
    assert!(sentences(&Graph::new()).is_empty());
    assert!(sentences(&network(&[("read", "split"), ("split", "count"), ("read", "count")])).is_empty());
}

#[test]
fn constants_and_defaults_feed_a_component() {
    let mut graph = Graph::new();
    graph.add("a", definition("f", &["x", "y=1"], &["out"])).unwrap();
    assert_eq!(sentences(&graph), [unfed("a.x")]);
    graph.set_initial("a", "x", 1, true).unwrap();
    assert!(sentences(&graph).is_empty());
    graph.clk("a", &["y"]).unwrap();
    assert!(sentences(&graph).is_empty(), "a trigger group of constants fires once");
}

#[test]
fn an_unfed_trigger_is_told_as_such_and_what_it_starves_follows() {
    let mut graph = Graph::new();
    graph.add("late", definition("g", &["x"], &["out"])).unwrap();
    graph.add("a", definition("f", &["x", "y"], &["out"])).unwrap();
    graph.add("b", definition("g", &["x"], &["out"])).unwrap();
    graph.connect("a", "out", "b", "x").unwrap();
    graph.connect("b", "out", "late", "x").unwrap();
    graph.sync("a", &["x"]).unwrap();
    assert_eq!(
        sentences(&graph),
        [
            "a.x is to trigger firings, but nothing feeds it. Connect an outport to it (outport >> a.x) or give it a \
             value (a.x < value)"
                .to_owned(),
            unfed("a.y"),
            "b can never fire, because what feeds it never does: it waits at b.x for a".to_owned(),
            "late can never fire, because what feeds it never does: it waits at late.x for b".to_owned(),
        ]
    );
}

#[test]
fn a_passive_port_never_blocks_but_must_be_fed() {
    let mut graph = network(&[("a", "b")]);
    graph.add("late", definition("f", &["tick", "latest"], &["out"])).unwrap();
    graph.clk("late", &["tick"]).unwrap();
    graph.connect("a", "out", "late", "tick").unwrap();
    assert_eq!(sentences(&graph), [unfed("late.latest")]);
    graph.connect("late", "out", "late", "latest").unwrap();
    assert!(sentences(&graph).is_empty());
}

#[test]
fn one_group_that_can_fire_is_enough() {
    let mut graph = network(&[("a", "b")]);
    graph.add("c", definition("f", &["x", "y"], &["out"])).unwrap();
    graph.connect("a", "out", "c", "x").unwrap();
    graph.connect("c", "out", "c", "y").unwrap();
    assert_eq!(
        sentences(&graph),
        ["c can never fire, because it waits for itself: give c.y an initial value (c.y < value)"]
    );
    graph.clk("c", &["x", "y"]).unwrap();
    assert!(sentences(&graph).is_empty());
}

#[test]
fn a_crawler_can_fire() {
    assert!(sentences(&network(&[("seed", "fetch"), ("fetch", "fetch")])).is_empty());
    assert!(sentences(&network(&[("seed", "a"), ("a", "b"), ("b", "a"), ("b", "report")])).is_empty());
}

#[test]
fn components_that_wait_for_each_other_are_told_in_one_sentence() {
    let mut graph = network(&[("a", "b"), ("b", "a"), ("b", "report")]);
    assert_eq!(
        sentences(&graph),
        [
            "a and b can never fire, because they wait for each other: give one of the ports a.x and b.x an initial \
             value (port < value)",
            "report can never fire, because what feeds it never does: it waits at report.x for b",
        ]
    );
    graph.set_initial("b", "x", 0, false).unwrap();
    assert_eq!(sentences(&graph).len(), 2, "a default is dropped when the port is connected");
    graph.set_initial("b", "x", 0, true).unwrap();
    assert!(sentences(&graph).is_empty());
}

#[test]
fn a_cycle_that_only_lacks_its_seed_is_not_the_cause() {
    let mut graph = Graph::new();
    let relay = definition("relay", &["x"], &["out"]);
    for name in ["fetch", "seed"] {
        graph.add(name, relay.clone()).unwrap();
    }
    graph.connect("seed", "out", "fetch", "x").unwrap();
    graph.connect("fetch", "out", "fetch", "x").unwrap();
    assert_eq!(sentences(&graph), [unfed("seed.x")], "without triggers declared, seed would still be called once");
    graph.clk("seed", &["x"]).unwrap();
    assert_eq!(
        sentences(&graph),
        [
            "seed.x is to trigger firings, but nothing feeds it. Connect an outport to it (outport >> seed.x) or give it \
             a value (seed.x < value)",
            "fetch can never fire, because what feeds it never does: it waits at fetch.x for seed and fetch",
        ]
    );
}

#[test]
fn cycles_that_feed_each_other_are_told_apart() {
    // Each waits for itself at y; at x the second would get what it lacks from the first.
    let mut graph = Graph::new();
    let pair = definition("pair", &["x=1", "y"], &["out"]);
    graph.add("a", pair.clone()).unwrap();
    graph.add("b", pair).unwrap();
    for (from, to, inport) in [("a", "a", "y"), ("a", "b", "x"), ("b", "b", "y")] {
        graph.connect(from, "out", to, inport).unwrap();
    }
    let itself = |port: &str| {
        let node = &port[..1];
        format!("{node} can never fire, because it waits for itself: give {port} an initial value ({port} < value)")
    };
    assert_eq!(sentences(&graph), [itself("a.y"), itself("b.y")]);
}

#[test]
fn a_tap_feeds_a_port() {
    let mut graph = Graph::new();
    graph.add("a", definition("f", &["x"], &["out"])).unwrap();
    assert_eq!(sentences(&graph), [unfed("a.x")]);
    assert!(check(&graph, &Taps::from([(0, 0)])).is_empty());
}

/// A source, a group `pairs` of two with inports `x` and `y`, and a sink `s`.
fn pairs() -> Graph<i64> {
    let mut graph = Graph::new();
    graph.add("a", definition("source", &[], &["out"])).unwrap();
    graph.add_group("pairs", definition("pair", &["x", "y"], &["out"]), 2).unwrap();
    graph.add("s", definition("sink", &["x"], &["out"])).unwrap();
    graph
}

#[test]
fn what_holds_for_all_members_of_a_group_is_told_once() {
    let mut graph = pairs();
    graph.connect("pairs", "out", "s", "x").unwrap();
    graph.sync("pairs", &["x"]).unwrap();
    let starved = "s can never fire, because what feeds it never does: it waits at s.x for pairs";
    assert_eq!(
        sentences(&graph),
        [
            "pairs.x is to trigger firings, but nothing feeds it. Connect an outport to it (outport >> pairs.x) or give it \
             a value (pairs.x < value)"
                .to_owned(),
            unfed("pairs.y"),
            starved.to_owned(),
        ]
    );
    graph.connect("a", "out", "pairs_1", "x").unwrap();
    graph.set_initial("pairs", "y", 0, true).unwrap();
    assert_eq!(
        sentences(&graph),
        [
            "pairs_0.x is to trigger firings, but nothing feeds it. Connect an outport to it (outport >> pairs_0.x) or give \
          it a value (pairs_0.x < value)"
        ]
    );
}

#[test]
fn groups_that_wait_for_each_other_are_told_as_groups() {
    let mut graph = Graph::new();
    let relay = definition("relay", &["x"], &["out"]);
    graph.add_group("a", relay.clone(), 2).unwrap();
    graph.add_group("b", relay.clone(), 3).unwrap();
    graph.add_group("c", relay, 3).unwrap();
    graph.connect("a", "out", "b", "x").unwrap();
    graph.connect("b", "out", "a", "x").unwrap();
    graph.connect("b", "out", "c", "x").unwrap();
    assert_eq!(
        sentences(&graph),
        [
            "a and b can never fire, because they wait for each other: give one of the ports a.x and b.x an initial value \
             (port < value)",
            "c can never fire, because what feeds it never does: it waits at c.x for b",
        ]
    );
}

#[test]
fn an_exported_port_is_told_by_both_names() {
    let mut graph = pairs();
    graph.export("inp", "pairs", (PortKind::Inport, "x"), true, None).unwrap();
    graph.connect("a", "out", "s", "x").unwrap();
    graph.connect("a", "out", "pairs", "y").unwrap();
    assert_eq!(
        sentences(&graph),
        [
            "pairs.x, which is exported as inp, is fed by nothing. Connect an outport to it (outport >> pairs.x) or give it a \
          value (pairs.x < value)"
        ]
    );
}

/// The sentence about ports that each want to decide who gets a row.
fn contradiction(ports: &str) -> String {
    format!(
        "{ports} fire together, so one group connector shares out their items by rows, and only one of them can decide \
         who gets a row. Keep the policy of that one, or call clk to have them fire apart"
    )
}

#[test]
fn ports_that_fire_together_do_not_contradict_each_other() {
    let policies = [Policy::Balanced, Policy::RoundRobin, Policy::Broadcast, Policy::Keyed(1)];
    for x in &policies {
        for y in &policies {
            let mut graph = pairs();
            graph.connect("a", "out", "s", "x").unwrap();
            graph.link("a", "out", "pairs", "x", true, Some(x.clone())).unwrap();
            graph.link("a", "out", "pairs", "y", true, Some(y.clone())).unwrap();
            let expected = if x != y || *x == Policy::Keyed(1) {
                vec![contradiction(&format!("pairs.x ({}) and pairs.y ({})", x.name(), y.name()))]
            } else {
                vec![]
            };
            assert_eq!(sentences(&graph), expected);
            graph.clk("pairs", &["x", "y"]).unwrap();
            assert!(sentences(&graph).is_empty(), "apart they may do as they like");
        }
    }
}

#[test]
fn a_port_about_which_nothing_was_said_follows_the_other() {
    let mut graph = pairs();
    graph.connect("a", "out", "s", "x").unwrap();
    graph.link("a", "out", "pairs", "x", true, Some(Policy::Keyed(1))).unwrap();
    graph.connect("a", "out", "pairs", "y").unwrap();
    assert!(sentences(&graph).is_empty());
    assert_eq!(graph.shared_inports(0), [0, 1]);
}

#[test]
fn members_agree_on_what_fires_together() {
    let mut graph = pairs();
    graph.connect("a", "out", "s", "x").unwrap();
    graph.connect("a", "out", "pairs", "x").unwrap();
    graph.connect("a", "out", "pairs", "y").unwrap();
    graph.sync("pairs_1", &["y", "x"]).unwrap();
    assert!(sentences(&graph).is_empty(), "that is what the other does unasked");
    graph.clk("pairs_0", &["x"]).unwrap();
    assert_eq!(
        sentences(&graph),
        [
            "the members of group pairs do not agree on what fires together at pairs.x and pairs.y, which a group connector \
          shares out: pairs_1 differs from the first. Call sync and clk on pairs itself, not on its members"
        ]
    );
}

#[test]
fn what_is_not_shared_out_may_trigger_each_member_as_it_likes() {
    let mut graph = pairs();
    graph.connect("a", "out", "s", "x").unwrap();
    graph.connect("a", "out", "pairs", "x").unwrap();
    graph.connect("a", "out", "pairs_0", "y").unwrap();
    graph.set_initial("pairs_1", "y", 1, true).unwrap();
    assert!(sentences(&graph).is_empty());
}
