//! Sets of components that must share a worker.

use std::collections::BTreeMap;

use petgraph::unionfind::UnionFind;

use super::weights::Weights;
use crate::graph::Graph;
use crate::plan::PlanError;

/// Components that share a worker.
#[derive(Default)]
pub(super) struct Cluster {
    /// The components.
    pub(super) nodes: Vec<usize>,
    /// The work of all of them.
    pub(super) cost: i64,
    /// The bin it has to be in.
    pub(super) bin: Option<usize>,
    /// The classes of siblings it has members of, and how many.
    pub(super) classes: Vec<(usize, i64)>,
    /// The other clusters it talks to, and how much, in both directions.
    pub(super) neighbours: Vec<(usize, i64)>,
}

/// The workers that components are pinned to, in ascending order.
pub(super) fn pinned<V>(graph: &Graph<V>, workers: usize) -> Result<Vec<usize>, PlanError> {
    let pins = &graph.wishes().pins;
    if let Some((&node, &worker)) = pins.iter().find(|&(_, &worker)| worker >= workers) {
        return Err(PlanError::NoSuchWorker { node: graph.name(node).to_owned(), worker, workers });
    }
    let mut pinned: Vec<_> = pins.values().copied().collect();
    pinned.sort_unstable();
    pinned.dedup();
    Ok(pinned)
}

/// Merges what must share a worker. Clusters are in the order in which their first nodes are in `flow`, and `pinned`
/// says which worker each of the first bins is.
pub(super) fn merge<V>(
    graph: &Graph<V>,
    flow: &[usize],
    weights: &Weights,
    siblings: &[Option<usize>],
    pinned: &[usize],
) -> Result<Vec<Cluster>, PlanError> {
    let wishes = graph.wishes();
    let mut sets = UnionFind::new(graph.nodes().len());
    for pair in wishes.together.iter().flat_map(|together| together.windows(2)) {
        sets.union(pair[0], pair[1]);
    }
    contradiction(graph, &sets)?;
    // Equal pins are an order to run together, too.
    let mut first: BTreeMap<usize, usize> = BTreeMap::new();
    for (&node, &worker) in &wishes.pins {
        sets.union(node, *first.entry(worker).or_insert(node));
    }

    let mut cluster_of = vec![None; graph.nodes().len()];
    let mut clusters: Vec<Cluster> = Vec::new();
    for &node in flow {
        let cluster = *cluster_of[sets.find(node)].get_or_insert_with(|| {
            clusters.push(Cluster::default());
            clusters.len() - 1
        });
        clusters[cluster].nodes.push(node);
        clusters[cluster].cost += weights.costs[node];
    }
    for (&worker, &node) in &first {
        if let Some(cluster) = cluster_of[sets.find(node)] {
            clusters[cluster].bin = pinned.binary_search(&worker).ok();
        }
    }
    for cluster in &mut clusters {
        cluster.classes = sums(cluster.nodes.iter().filter_map(|&node| siblings[node]).map(|class| (class, 1)));
    }
    let mut neighbours = vec![Vec::new(); clusters.len()];
    for (edge, &traffic) in graph.edges().zip(&weights.traffic) {
        let ends = (cluster_of[sets.find(edge.from)], cluster_of[sets.find(edge.to)]);
        if let (Some(from), Some(to)) = ends
            && from != to
        {
            neighbours[from].push((to, traffic));
            neighbours[to].push((from, traffic));
        }
    }
    for (cluster, neighbours) in clusters.iter_mut().zip(neighbours) {
        cluster.neighbours = sums(neighbours);
    }
    Ok(clusters)
}

/// Adds up what belongs to the same key.
fn sums(pairs: impl IntoIterator<Item = (usize, i64)>) -> Vec<(usize, i64)> {
    let mut sums = BTreeMap::new();
    for (key, value) in pairs {
        *sums.entry(key).or_insert(0) += value;
    }
    sums.into_iter().collect()
}

/// Refuses sets that are to run together and are pinned to different workers.
fn contradiction<V>(graph: &Graph<V>, sets: &UnionFind<usize>) -> Result<(), PlanError> {
    let mut worker_of = BTreeMap::new();
    for (&node, &worker) in &graph.wishes().pins {
        let set = sets.find(node);
        if *worker_of.entry(set).or_insert(worker) != worker {
            let members: Vec<_> = (0..graph.nodes().len()).filter(|&node| sets.find(node) == set).collect();
            let pins = members.iter().filter_map(|&node| Some((node, *graph.wishes().pins.get(&node)?)));
            return Err(PlanError::Contradiction {
                pins: pins.map(|(node, worker)| (graph.name(node).to_owned(), worker)).collect(),
                nodes: members.iter().map(|&node| graph.name(node).to_owned()).collect(),
            });
        }
    }
    Ok(())
}
