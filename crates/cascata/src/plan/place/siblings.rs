//! Instances of one component that work side by side.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;

use super::weights::Weights;
use crate::graph::Graph;

/// The class of every node. Siblings, which share a class, are instances of the same definition at the same distance
/// from the sources: the stages of a chain are none, the members of a group are. Nodes without a sibling have no
/// class.
///
/// A component much lighter than the average has none either: spreading it gains nothing.
pub(super) fn classes<V>(graph: &Graph<V>, components: &[Vec<usize>], weights: &Weights) -> Vec<Option<usize>> {
    let distances = distances(graph, components);
    let nodes = weights.costs.len() as i64;
    let total: i64 = weights.costs.iter().sum();
    let mut members: HashMap<_, Vec<usize>> = HashMap::new();
    for (node, described) in graph.nodes().values().enumerate() {
        // 10 is a tenth of the average.
        if weights.costs[node] * nodes * 10 >= total {
            let definition = Arc::as_ptr(&described.definition);
            members.entry((definition, distances[node])).or_default().push(node);
        }
    }
    let mut siblings: Vec<_> = members.into_values().filter(|members| members.len() > 1).collect();
    siblings.sort_unstable();
    let mut classes = vec![None; graph.nodes().len()];
    for (class, members) in siblings.into_iter().enumerate() {
        members.into_iter().for_each(|node| classes[node] = Some(class));
    }
    classes
}

/// For every node how far data has come when it reaches it: the longest way to its strongly connected component, and
/// the shortest one within that.
fn distances<V>(graph: &Graph<V>, components: &[Vec<usize>]) -> Vec<(usize, usize)> {
    let nodes = graph.nodes().len();
    let mut component_of = vec![0; nodes];
    for (component, members) in components.iter().enumerate() {
        members.iter().for_each(|&node| component_of[node] = component);
    }
    let mut targets = vec![Vec::new(); nodes];
    let mut entered = HashSet::new();
    for edge in graph.edges() {
        targets[edge.from].push(edge.to);
        if component_of[edge.from] != component_of[edge.to] {
            entered.insert(edge.to);
        }
    }
    for (node, described) in graph.nodes().values().enumerate() {
        let seeded = |inport| graph.is_connected(node, inport) && graph.initial(node, inport).is_some();
        if (0..described.definition.inports.len()).any(seeded) {
            entered.insert(node);
        }
    }
    let mut levels = vec![0; components.len()];
    let mut within = vec![usize::MAX; nodes];
    for (component, members) in components.iter().enumerate() {
        for &target in members.iter().flat_map(|&node| &targets[node]) {
            let target = component_of[target];
            if target != component {
                levels[target] = levels[target].max(levels[component] + 1);
            }
        }
        let mut queue: VecDeque<_> = members.iter().copied().filter(|node| entered.contains(node)).collect();
        if queue.is_empty() {
            queue.push_back(members[0]);
        }
        queue.iter().for_each(|&node| within[node] = 0);
        while let Some(node) = queue.pop_front() {
            for &target in targets[node].iter().filter(|&&target| component_of[target] == component) {
                if within[target] == usize::MAX {
                    within[target] = within[node] + 1;
                    queue.push_back(target);
                }
            }
        }
    }
    (0..nodes).map(|node| (levels[component_of[node]], within[node])).collect()
}
