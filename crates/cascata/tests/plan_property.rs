//! What holds of every plan, on random graphs.

mod common;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use cascata::graph::Graph;
use cascata::plan::{InportRole, Plan, PlannedSource};
use common::definition;
use proptest::prelude::*;

#[derive(Debug, Clone)]
struct Shape {
    nodes: Vec<(usize, f64)>,
    edges: Vec<(usize, usize, usize, usize)>,
    together: Vec<(usize, usize)>,
    workers: usize,
}

fn shapes() -> impl Strategy<Value = Shape> {
    prop::collection::vec((0..3_usize, 0.1..20.0), 1..30).prop_flat_map(|nodes| {
        let count = nodes.len();
        let edge = (0..count, 0..2_usize, 0..count, 0..2_usize);
        let together = prop::collection::vec((0..count, 0..count), 0..3);
        (Just(nodes), prop::collection::vec(edge, 0..count * 2), together, 0..9_usize)
            .prop_map(|(nodes, edges, together, workers)| Shape { nodes, edges, together, workers })
    })
}

fn name(node: usize) -> String {
    format!("n{node}")
}

fn build(shape: &Shape) -> Graph<i64> {
    let mut graph = Graph::new();
    let kinds = ["f", "g", "h"].map(|kind| definition(kind, &["x", "y=1"], &["p", "q"]));
    for (node, &(kind, cost)) in shape.nodes.iter().enumerate() {
        graph.add(name(node), kinds[kind].clone()).unwrap();
        graph.weigh(&name(node), Some(cost), Some(cost)).unwrap();
    }
    for &(from, outport, to, inport) in &shape.edges {
        // The same connection may come twice, and is refused then.
        let _ = graph.connect(&name(from), ["p", "q"][outport], &name(to), ["x", "y"][inport]);
    }
    for &(one, other) in shape.together.iter().filter(|(one, other)| one != other) {
        graph.join(&[name(one), name(other)]).unwrap();
    }
    graph
}

fn loads(plan: &Plan<i64>, shape: &Shape) -> Vec<f64> {
    plan.shard().iter().map(|nodes| nodes.iter().map(|&node| shape.nodes[node].1).sum()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(200) })]

    #[test]
    fn every_component_is_placed_once(shape in shapes()) {
        let graph = build(&shape);
        let plan = Plan::new(&graph, shape.workers, &[], None).unwrap();
        let shard = plan.shard();
        let mut placed = shard.concat();
        placed.sort_unstable();
        prop_assert_eq!(placed, (0..shape.nodes.len()).collect::<Vec<_>>());
        prop_assert_eq!(shard.len(), plan.workers);
        prop_assert!(plan.workers <= shape.workers.max(1));
        prop_assert!(shard.iter().all(|worker| !worker.is_empty()));
    }

    #[test]
    fn the_same_graph_has_the_same_plan(shape in shapes()) {
        let plan = || {
            let plan = Plan::new(&build(&shape), shape.workers, &[], None).unwrap();
            (plan.shard(), plan.channels, plan.cycles)
        };
        prop_assert_eq!(plan(), plan());
    }

    #[test]
    fn channels_agree_with_the_edges(shape in shapes()) {
        let graph = build(&shape);
        let plan = Plan::new(&graph, shape.workers, &[], None).unwrap();
        let worker = |node: usize| plan.nodes[node].worker;
        let mut routes = HashSet::new();
        for (index, channel) in plan.channels.iter().enumerate() {
            let edges: Vec<_> =
                graph.edges().filter(|edge| (edge.to, edge.inport) == (channel.node, channel.inport)).collect();
            prop_assert_eq!(channel.publishers, edges.len());
            let producers: Vec<_> = edges.iter().map(|edge| (edge.from, edge.outport)).collect();
            prop_assert_eq!(&channel.producers, &producers);
            prop_assert_eq!(channel.shared, edges.iter().any(|edge| worker(edge.from) != worker(edge.to)));
            let inport = &plan.nodes[channel.node].inports[channel.inport];
            prop_assert_eq!(&inport.sources[..], &[PlannedSource::Channel(index)]);
            prop_assert_eq!(inport.role, InportRole::Trigger);
            routes.extend(producers.into_iter().map(|producer| (producer, index)));
        }
        let mut planned = HashSet::new();
        for (index, node) in plan.nodes.iter().enumerate() {
            prop_assert!(Arc::ptr_eq(&node.definition, &graph.nodes()[index].definition));
            for (outport, route) in node.outports.iter().enumerate() {
                prop_assert!(route.channels.is_sorted());
                planned.extend(route.channels.iter().map(|&channel| ((index, outport), channel)));
            }
        }
        prop_assert_eq!(planned, routes);
    }

    #[test]
    fn orders_are_obeyed(shape in shapes(), pins in prop::collection::vec((any::<prop::sample::Index>(), 0..8_usize), 0..6)) {
        let mut graph = build(&shape);
        for (node, worker) in &pins {
            graph.pin(&name(node.index(shape.nodes.len())), *worker).unwrap();
        }
        let pins = graph.wishes().pins.clone();
        let workers = shape.workers.max(1);
        match Plan::new(&graph, workers, &[], None) {
            Ok(plan) => {
                let worker = |node: usize| plan.nodes[node].worker;
                for set in &graph.wishes().together {
                    prop_assert!(set.iter().all(|&node| worker(node) == worker(set[0])));
                }
                for (&one, left) in &pins {
                    prop_assert!(*left < workers);
                    for (&other, right) in &pins {
                        prop_assert_eq!(left.cmp(right), worker(one).cmp(&worker(other)));
                    }
                }
            }
            Err(error) => {
                let impossible = pins.values().any(|&pin| pin >= workers);
                prop_assert!(impossible || !shape.together.is_empty(), "{error}");
            }
        }
    }

    #[test]
    fn no_worker_is_loaded_without_need(shape in shapes()) {
        let shape = Shape { together: Vec::new(), workers: shape.workers.max(1), ..shape };
        let plan = Plan::new(&build(&shape), shape.workers, &[], None).unwrap();
        let costs = || shape.nodes.iter().map(|node| node.1);
        let heaviest = costs().fold(0.0, f64::max);
        let share = costs().sum::<f64>() / shape.workers as f64;
        let most = loads(&plan, &shape).into_iter().fold(0.0, f64::max);
        // No move of one component can help by more than the tolerance, so a worker exceeds its share by one
        // component at the most.
        prop_assert!(most <= (share + heaviest) * 1.06, "{most} with a share of {share}, the heaviest {heaviest}");
    }

    #[test]
    fn cycles_are_what_reaches_itself(shape in shapes()) {
        let graph = build(&shape);
        let plan = Plan::new(&graph, 1, &[], None).unwrap();
        let count = shape.nodes.len();
        let mut reach = vec![vec![false; count]; count];
        graph.edges().for_each(|edge| reach[edge.from][edge.to] = true);
        for via in 0..count {
            for from in 0..count {
                for to in 0..count {
                    reach[from][to] |= reach[from][via] && reach[via][to];
                }
            }
        }
        let cycle_of: HashMap<_, _> =
            plan.cycles.iter().enumerate().flat_map(|(index, cycle)| cycle.iter().map(move |&node| (node, index))).collect();
        for (from, reached) in reach.iter().enumerate() {
            prop_assert_eq!(cycle_of.contains_key(&from), reached[from]);
            for (to, reached_by) in reach.iter().enumerate() {
                if let (Some(one), Some(other)) = (cycle_of.get(&from), cycle_of.get(&to)) {
                    prop_assert_eq!(one == other, reached[to] && reached_by[from]);
                    prop_assert!(!reached[to] || one <= other, "producers come first");
                }
            }
        }
    }
}
