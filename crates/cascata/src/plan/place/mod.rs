//! Which component runs on which worker.
//!
//! Components that must share a worker are first merged into *clusters*. Clusters are then put into *bins* so that,
//! in this order of importance,
//!
//! 1. no bin holds more work than it must ([`TOLERANCE`] apart),
//! 2. instances of one component that work side by side are spread,
//! 3. little traffic crosses from bin to bin,
//! 4. the bins are level.
//!
//! The search starts from a few simple arrangements and improves each by moves and swaps of clusters
//! ([`search`]). Weights are scaled to integers first, so no rounding makes two equal arrangements differ.

mod arrangement;
mod clusters;
mod search;
mod siblings;
#[cfg(test)]
mod tests;
mod weights;

use std::collections::HashMap;

use super::PlanError;
use crate::graph::{Graph, strong_components};
use clusters::Cluster;
use weights::Weights;

/// By how much, in percent, a bin may exceed the load that cannot be avoided if this saves traffic.
const TOLERANCE: i64 = 5;

/// The worker of every node. Workers are counted from 0, and each has a node.
///
/// `workers` is the most there may be; 0 puts everything on one, whatever the graph orders.
pub(super) fn place<V>(
    graph: &Graph<V>,
    workers: usize,
    measured: Option<&HashMap<String, (f64, f64)>>,
) -> Result<Vec<usize>, PlanError> {
    let weights = Weights::new(graph, measured)?;
    if workers == 0 {
        return Ok(vec![0; graph.nodes().len()]);
    }
    let problem = Problem::new(graph, workers, &weights)?;
    Ok(problem.workers(&search::best(&problem), graph.nodes().len(), workers))
}

/// What is to be arranged.
struct Problem {
    /// Sets of nodes that share a worker, in the order in which data flows.
    clusters: Vec<Cluster>,
    /// How many classes of siblings there are.
    classes: usize,
    /// The workers that pinned clusters ask for. They are the first bins, in this order; other bins become whichever
    /// workers are left.
    pinned: Vec<usize>,
    /// How many bins there are.
    bins: usize,
}

impl Problem {
    fn new<V>(graph: &Graph<V>, workers: usize, weights: &Weights) -> Result<Self, PlanError> {
        let edges = graph.edges().map(|edge| (edge.from, edge.to));
        let components = strong_components(graph.nodes().len(), edges);
        let siblings = siblings::classes(graph, &components, weights);
        let pinned = clusters::pinned(graph, workers)?;
        let flow: Vec<_> = components.into_iter().flatten().collect();
        let clusters = clusters::merge(graph, &flow, weights, &siblings, &pinned)?;
        let free = clusters.iter().filter(|cluster| cluster.bin.is_none()).count();
        let bins = pinned.len() + free.min(workers - pinned.len());
        let classes = siblings.iter().flatten().max().map_or(0, |last| last + 1);
        Ok(Self { clusters, classes, pinned, bins })
    }

    /// From bins to workers: pinned bins keep their order among the workers, the others follow the order of the
    /// graph, and workers without nodes are left out.
    fn workers(&self, bins: &[usize], nodes: usize, workers: usize) -> Vec<usize> {
        let mut bin_of = vec![0; nodes];
        for (cluster, &bin) in self.clusters.iter().zip(bins) {
            cluster.nodes.iter().for_each(|&node| bin_of[node] = bin);
        }
        let mut free = (0..workers).filter(|worker| self.pinned.binary_search(worker).is_err());
        let mut worker_of: Vec<_> = self.pinned.iter().copied().map(Some).collect();
        worker_of.resize(self.bins, None);
        for &bin in &bin_of {
            worker_of[bin] = worker_of[bin].or_else(|| free.next());
        }
        let placed: Vec<_> = bin_of.iter().filter_map(|&bin| worker_of[bin]).collect();
        let mut used = placed.clone();
        used.sort_unstable();
        used.dedup();
        placed.iter().map(|worker| used.partition_point(|other| other < worker)).collect()
    }
}
