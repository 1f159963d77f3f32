//! The check against the definition of it, on random graphs.

mod common;

use std::collections::{BTreeSet, HashSet};

use cascata::graph::{Graph, Issue, Taps, check};
use common::definition;
use proptest::prelude::*;

/// Inports of every component; the last has a default.
const INPORTS: [&str; 3] = ["x", "y", "z"];

#[derive(Debug, Clone)]
struct Shape {
    nodes: usize,
    /// Which of the nodes are groups of two.
    groups: Vec<bool>,
    edges: Vec<(usize, usize, usize)>,
    values: Vec<(usize, usize, bool)>,
    taps: Vec<(usize, usize)>,
    clocked: Vec<(usize, usize)>,
    synced: Vec<(usize, usize, usize)>,
}

fn shapes() -> impl Strategy<Value = Shape> {
    (1_usize..8).prop_flat_map(|nodes| {
        let (node, port) = (0..nodes, 0..INPORTS.len());
        let place = (node.clone(), port.clone());
        (
            prop::collection::vec(prop::bool::weighted(0.3), nodes),
            prop::collection::vec((node.clone(), node.clone(), port.clone()), 0..16),
            prop::collection::vec((node.clone(), port.clone(), any::<bool>()), 0..6),
            prop::collection::vec(place.clone(), 0..2),
            prop::collection::vec(place, 0..5),
            prop::collection::vec((node, port.clone(), port), 0..3),
        )
            .prop_map(move |(groups, edges, values, taps, clocked, synced)| Shape {
                nodes,
                groups,
                edges,
                values,
                taps,
                clocked,
                synced,
            })
    })
}

fn build(shape: &Shape) -> Graph<i64> {
    let mut graph = Graph::new();
    let plain = definition("plain", &["x", "y", "z=0"], &["out"]);
    let name = |node: usize| format!("n{node}");
    for node in 0..shape.nodes {
        match shape.groups[node] {
            true => graph.add_group(name(node), plain.clone(), 2).unwrap(),
            false => graph.add(name(node), plain.clone()).unwrap(),
        };
    }
    // Steps that are refused, such as a connection made twice, are left out.
    for &(from, to, inport) in &shape.edges {
        let _ = graph.connect(&name(from), "out", &name(to), INPORTS[inport]);
    }
    for &(node, inport, explicit) in &shape.values {
        graph.set_initial(&name(node), INPORTS[inport], 1, explicit).unwrap();
    }
    for &(node, inport) in &shape.clocked {
        let _ = graph.clk(&name(node), &[INPORTS[inport]]);
    }
    for &(node, one, other) in &shape.synced {
        let _ = graph.sync(&name(node), &[INPORTS[one], INPORTS[other]]);
    }
    graph
}

/// What the specification says, word for word, and as slowly as that takes.
struct Naive<'a> {
    graph: &'a Graph<i64>,
    taps: &'a Taps,
}

impl Naive<'_> {
    fn producers(&self, node: usize, inport: usize) -> BTreeSet<usize> {
        self.graph.edges().filter(|edge| (edge.to, edge.inport) == (node, inport)).map(|edge| edge.from).collect()
    }

    fn has_value(&self, node: usize, inport: usize) -> bool {
        let described = &self.graph.nodes()[node];
        let fed = !self.producers(node, inport).is_empty();
        match &described.initials[inport] {
            Some(set) => set.explicit || !fed,
            None => !fed && described.definition.inports[inport].default.is_some(),
        }
    }

    fn supplied(&self, node: usize, inport: usize) -> bool {
        self.has_value(node, inport) || self.taps.contains(&(node, inport))
    }

    fn unfed(&self) -> BTreeSet<String> {
        let ports = (0..self.graph.nodes().len()).flat_map(|node| (0..INPORTS.len()).map(move |inport| (node, inport)));
        ports
            .filter(|&(node, inport)| !self.supplied(node, inport) && self.producers(node, inport).is_empty())
            .map(|(node, inport)| format!("{}.{}", self.name(node), INPORTS[inport]))
            .collect()
    }

    fn groups(&self, node: usize) -> Vec<Vec<usize>> {
        let declared = self.graph.nodes()[node].triggers.clone();
        if !declared.is_empty() {
            return declared;
        }
        let fed = |&inport: &usize| !self.producers(node, inport).is_empty() || self.taps.contains(&(node, inport));
        let all: Vec<_> = (0..INPORTS.len()).filter(fed).collect();
        if all.is_empty() { Vec::new() } else { vec![all] }
    }

    fn never_fires(&self) -> BTreeSet<String> {
        let nodes = self.graph.nodes().len();
        let mut fires = vec![false; nodes];
        for _ in 0..=nodes {
            for node in 0..nodes {
                let groups = self.groups(node);
                let gets = |inport: &usize| {
                    self.supplied(node, *inport) || self.producers(node, *inport).iter().any(|&from| fires[from])
                };
                fires[node] = groups.is_empty() || groups.iter().any(|group| group.iter().all(gets));
            }
        }
        (0..nodes).filter(|&node| !fires[node]).map(|node| self.name(node).to_owned()).collect()
    }

    fn name(&self, node: usize) -> &str {
        self.graph.nodes().get_index(node).unwrap().0
    }

    /// What is told of a group, as told of its members.
    fn of_members(&self, told: &str) -> Vec<String> {
        let (name, port) =
            told.split_once('.').map_or((told, String::new()), |(name, port)| (name, format!(".{port}")));
        match self.graph.groups().get(name) {
            Some(group) => group.members.iter().map(|&member| format!("{}{port}", self.name(member))).collect(),
            None => vec![told.to_owned()],
        }
    }
}

fn split(port: &str) -> (&str, &str) {
    port.split_once('.').unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(2000) })]

    #[test]
    fn agrees_with_the_definition(shape in shapes()) {
        let graph = build(&shape);
        let taps: Taps = shape.taps.iter().copied().collect();
        let naive = Naive { graph: &graph, taps: &taps };
        let issues = check(&graph, &taps);

        let mut unfed = BTreeSet::new();
        let mut told = BTreeSet::new();
        for issue in &issues {
            match issue {
                Issue::Unfed { port, .. } => {
                    for port in naive.of_members(port) {
                        prop_assert!(unfed.insert(port.clone()), "{port} is told twice");
                    }
                }
                Issue::Cycle { nodes, ports } => {
                    for node in nodes.iter().flat_map(|node| naive.of_members(node)) {
                        prop_assert!(told.insert(node.clone()), "{node} is told twice");
                    }
                    prop_assert!(!ports.is_empty());
                }
                Issue::Starved { node, waits } => {
                    for node in naive.of_members(node) {
                        prop_assert!(told.insert(node.clone()), "{node} is told twice");
                    }
                    prop_assert!(waits.iter().all(|(_, from)| !from.is_empty()) && !waits.is_empty());
                }
                other => prop_assert!(false, "{other}"),
            }
        }
        prop_assert_eq!(&unfed, &naive.unfed());
        let stuck = naive.never_fires();
        prop_assert!(told.is_subset(&stuck), "{told:?} can fire in part, only {stuck:?} cannot");
        let explained: HashSet<_> = unfed.iter().map(|port| split(port).0.to_owned()).collect();
        for node in stuck.difference(&told) {
            prop_assert!(explained.contains(node), "nothing is said about {node}");
        }
    }

    #[test]
    fn mending_the_causes_mends_all(shape in shapes()) {
        let mut graph = build(&shape);
        let taps: Taps = shape.taps.iter().copied().collect();
        for issue in check(&graph, &taps) {
            let ports = match issue {
                Issue::Unfed { port, .. } => vec![port],
                Issue::Cycle { ports, .. } => ports,
                _ => Vec::new(),
            };
            for port in ports {
                let (node, inport) = split(&port);
                graph.set_initial(node, inport, 1, true).unwrap();
            }
        }
        prop_assert_eq!(check(&graph, &taps), Vec::new());
    }

    #[test]
    fn every_cause_has_to_be_mended(shape in shapes(), left in any::<prop::sample::Index>()) {
        let mut graph = build(&shape);
        let taps: Taps = shape.taps.iter().copied().collect();
        let mut causes: Vec<_> = check(&graph, &taps).into_iter().filter_map(|issue| match issue {
            Issue::Unfed { port, .. } => Some(vec![port]),
            Issue::Cycle { ports, .. } => Some(ports),
            _ => None,
        }).collect();
        prop_assume!(!causes.is_empty());
        causes.swap_remove(left.index(causes.len()));
        for port in causes.iter().flatten() {
            let (node, inport) = split(port);
            graph.set_initial(node, inport, 1, true).unwrap();
        }
        prop_assert!(!check(&graph, &taps).is_empty());
    }
}
