//! What keeps a graph from running, and how that is told.

mod common;

use cascata::graph::{Graph, Issue, Taps, check};
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
