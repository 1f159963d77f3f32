//! Which component runs on which worker, in graphs where one can tell what is best.

mod common;

use std::collections::HashMap;

use cascata::graph::Graph;
use cascata::plan::Plan;
use common::network;

fn shard_with(graph: &Graph<i64>, workers: usize, weights: Option<&HashMap<String, (f64, f64)>>) -> Vec<Vec<String>> {
    let plan = Plan::new(graph, workers, &[], weights).unwrap();
    plan.shard()
        .into_iter()
        .map(|nodes| nodes.into_iter().map(|node| plan.nodes[node].name.clone()).collect())
        .collect()
}

fn shard(graph: &Graph<i64>, workers: usize) -> Vec<Vec<String>> {
    shard_with(graph, workers, None)
}

/// The worker of each component.
fn workers_of<const N: usize>(shard: &[Vec<String>], names: [&str; N]) -> [usize; N] {
    names.map(|name| shard.iter().position(|worker| worker.iter().any(|other| other == name)).unwrap())
}

fn chain(names: &[&'static str]) -> Vec<(&'static str, &'static str)> {
    names.windows(2).map(|pair| (pair[0], pair[1])).collect()
}

#[test]
fn a_chain_is_cut_into_equal_pieces() {
    // Also if the stages are instances of one component: they do not work side by side.
    for stages in [["src", "a", "b", "c", "sink"], ["src", "a_0", "a_1", "a_2", "sink"]] {
        let graph = network(&chain(&stages));
        let two = shard(&graph, 2);
        assert_eq!(two.concat(), stages, "the pieces are contiguous");
        assert!(two.len() == 2 && two.iter().all(|worker| worker.len() >= 2));
        assert_eq!(shard(&graph, 5), stages.map(|stage| vec![stage]));
        assert_eq!(shard(&graph, 50), stages.map(|stage| vec![stage]));
        assert_eq!(shard(&graph, 1), [stages]);
    }
}

#[test]
fn siblings_are_spread() {
    let graph = network(&[
        ("read", "parse_0"),
        ("read", "parse_1"),
        ("parse_0", "join"),
        ("parse_1", "join"),
        ("join", "report"),
    ]);
    let [first, second, join, report] = workers_of(&shard(&graph, 2), ["parse_0", "parse_1", "join", "report"]);
    assert_ne!(first, second);
    assert_eq!(join, report);
}

#[test]
fn a_crawlers_siblings_are_spread() {
    let fetch = ["fetch_0", "fetch_1", "fetch_2", "fetch_3"];
    let mut edges = vec![("seed", "filter"), ("filter", "store")];
    fetch.iter().for_each(|fetch| edges.extend([("filter", *fetch), (*fetch, "filter")]));
    let mut workers = workers_of(&shard(&network(&edges), 4), fetch);
    workers.sort_unstable();
    assert_eq!(workers, [0, 1, 2, 3]);
}

#[test]
fn parallel_pipelines_stay_whole() {
    let mut edges = Vec::new();
    let pipelines = [["a_0", "b_0", "c_0"], ["a_1", "b_1", "c_1"], ["a_2", "b_2", "c_2"], ["a_3", "b_3", "c_3"]];
    pipelines.iter().for_each(|pipeline| edges.extend(chain(pipeline)));
    let graph = network(&edges);
    assert_eq!(shard(&graph, 4), pipelines);
    let two = shard(&graph, 2);
    assert!(two.iter().all(|worker| worker.len() == 6));
    for pipeline in pipelines {
        let [a, b, c] = workers_of(&two, pipeline);
        assert!(a == b && b == c);
    }
}

#[test]
fn heavy_components_are_kept_apart() {
    let mut graph = network(&chain(&["src", "a", "b", "c", "sink"]));
    graph.weigh("a", Some(10.0), None).unwrap();
    graph.weigh("b", Some(10.0), None).unwrap();
    let [a, b] = workers_of(&shard(&graph, 2), ["a", "b"]);
    assert_ne!(a, b);
    let three = shard(&graph, 3);
    let [a, b, c] = workers_of(&three, ["a", "b", "c"]);
    assert!(a != b && b != c && a != c, "what is light leaves the heavy ones alone: {three:?}");
}

#[test]
fn busy_connections_stay_on_one_worker() {
    let mut graph = network(&chain(&["a", "b", "c", "d"]));
    graph.weigh("b", None, Some(100.0)).unwrap();
    graph.weigh("d", Some(2.0), None).unwrap();
    // The level cut would be a, b, c | d or a, b | c, d.
    let [b, c] = workers_of(&shard(&graph, 2), ["b", "c"]);
    assert_eq!(b, c);
}

#[test]
fn a_level_load_that_cannot_be_reached_does_not_cost_traffic() {
    // Seven equal components on three workers: one has three of them, so others may, too.
    let graph = network(&[("a", "b"), ("b", "c"), ("d", "e"), ("e", "f"), ("f", "g")]);
    let three = shard(&graph, 3);
    let [a, b, c] = workers_of(&three, ["a", "b", "c"]);
    assert!(a == b && b == c, "{three:?}");
}

#[test]
fn measured_weights_replace_those_of_the_graph() {
    let mut graph = network(&chain(&["src", "a", "b", "sink"]));
    graph.weigh("sink", Some(50.0), None).unwrap();
    let measured = [("src", 9.0), ("a", 1.0), ("b", 1.0), ("sink", 1.0)];
    let weights = measured.map(|(name, busy)| (name.to_owned(), (busy, 100.0))).into();
    assert_eq!(shard_with(&graph, 2, Some(&weights)), [vec!["src"], vec!["a", "b", "sink"]]);
    // One that was not measured counts as an average one.
    let weights = HashMap::from([("src".to_owned(), (3.0, 1.0)), ("a".to_owned(), (3.0, 1.0))]);
    assert_eq!(shard_with(&graph, 2, Some(&weights)), [["src", "a"], ["b", "sink"]]);
    // A report of another graph says nothing.
    let weights = HashMap::from([("other".to_owned(), (1.0, 1.0))]);
    assert_eq!(shard_with(&graph, 2, Some(&weights)), [vec!["src", "a", "b"], vec!["sink"]]);
}

#[test]
fn components_that_cost_nothing_are_placed() {
    let graph = network(&chain(&["a", "b", "c"]));
    let weights = ["a", "b", "c"].map(|name| (name.to_owned(), (0.0, 0.0))).into();
    assert_eq!(shard_with(&graph, 3, Some(&weights)).len(), 3);
}

#[test]
fn pins_and_sets_that_run_together_overrule() {
    let mut graph = network(&chain(&["src", "a", "b", "sink"]));
    graph.pin("src", 1).unwrap();
    graph.pin("sink", 1).unwrap();
    graph.pin("b", 0).unwrap();
    assert_eq!(shard(&graph, 2), [["a", "b"], ["src", "sink"]]);
    graph.join(&["src", "a"]).unwrap();
    assert_eq!(shard(&graph, 2), [vec!["b"], vec!["src", "a", "sink"]]);
}

#[test]
fn workers_with_nothing_to_do_are_left_out() {
    let mut graph = network(&chain(&["a", "b"]));
    graph.pin("a", 5).unwrap();
    graph.pin("b", 3).unwrap();
    assert_eq!(shard(&graph, 8), [["b"], ["a"]]);
    graph.pin("b", 5).unwrap();
    assert_eq!(shard(&graph, 8), [["a", "b"]]);
}

#[test]
fn a_free_component_takes_a_worker_that_no_pin_has() {
    let mut graph = network(&chain(&["a", "b", "c"]));
    graph.pin("b", 0).unwrap();
    assert_eq!(shard(&graph, 3), [["b"], ["a"], ["c"]]);
}
