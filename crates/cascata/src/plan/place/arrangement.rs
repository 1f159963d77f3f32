//! Clusters in bins, and how good that is.

use std::collections::BTreeSet;

use super::{Problem, TOLERANCE};

/// How bad an arrangement is, or how much worse a change makes it. Compared by the first entry that differs:
/// overload, crowding of siblings, traffic between bins, unevenness.
pub(super) type Score = [i64; 4];

/// Limits on the load of a bin.
#[derive(Clone, Copy)]
pub(super) struct Limit {
    /// What a bin may hold.
    pub(super) load: i64,
    /// The unit in which excess is counted, so that trifles do not.
    pub(super) step: i64,
}

impl Limit {
    /// The least that any arrangement could do with, and the tolerance.
    pub(super) fn of(problem: &Problem) -> Self {
        let total: i64 = problem.clusters.iter().map(|cluster| cluster.cost).sum();
        let heaviest = problem.clusters.iter().map(|cluster| cluster.cost).max().unwrap_or(0);
        let least = (total / problem.bins.max(1) as i64).max(heaviest);
        let step = (least * TOLERANCE / 100).max(1);
        Self { load: least + step, step }
    }
}

/// Clusters in bins, with what is needed to value a change quickly.
#[derive(Clone)]
pub(super) struct Arrangement<'a> {
    pub(super) problem: &'a Problem,
    limit: Limit,
    /// The bin of every cluster.
    pub(super) bins: Vec<Option<usize>>,
    /// The clusters in every bin.
    pub(super) members: Vec<BTreeSet<usize>>,
    /// The cost in every bin.
    pub(super) loads: Vec<i64>,
    /// Members in a bin, by class and bin.
    crowds: Vec<i64>,
    /// Traffic to and from a bin, by cluster and bin.
    ties: Vec<i64>,
}

impl<'a> Arrangement<'a> {
    /// Only the pinned clusters.
    pub(super) fn new(problem: &'a Problem, limit: Limit) -> Self {
        let mut arrangement = Self {
            problem,
            limit,
            bins: vec![None; problem.clusters.len()],
            members: vec![BTreeSet::new(); problem.bins],
            loads: vec![0; problem.bins],
            crowds: vec![0; problem.classes * problem.bins],
            ties: vec![0; problem.clusters.len() * problem.bins],
        };
        for (cluster, pinned) in problem.clusters.iter().enumerate() {
            if let Some(bin) = pinned.bin {
                arrangement.put(cluster, bin);
            }
        }
        arrangement
    }

    /// Puts a cluster into a bin, taking it out of the one it is in.
    pub(super) fn put(&mut self, cluster: usize, bin: usize) {
        if let Some(from) = self.bins[cluster].replace(bin) {
            self.members[from].remove(&cluster);
            self.account(cluster, from, -1);
        }
        self.members[bin].insert(cluster);
        self.account(cluster, bin, 1);
    }

    fn account(&mut self, cluster: usize, bin: usize, sign: i64) {
        let bins = self.problem.bins;
        let described = &self.problem.clusters[cluster];
        self.loads[bin] += sign * described.cost;
        for &(class, count) in &described.classes {
            self.crowds[class * bins + bin] += sign * count;
        }
        for &(other, traffic) in &described.neighbours {
            self.ties[other * bins + bin] += sign * traffic;
        }
    }

    /// Traffic between a cluster and what is in a bin.
    pub(super) fn tie(&self, cluster: usize, bin: usize) -> i64 {
        self.ties[cluster * self.problem.bins + bin]
    }

    /// Whether a bin holds more than it may.
    pub(super) fn is_overloaded(&self, bin: usize) -> bool {
        self.loads[bin] > self.limit.load
    }

    /// What it costs to add a cluster to a bin that it is not in. Traffic counts as negative: what is saved.
    pub(super) fn joining(&self, cluster: usize, bin: usize) -> Score {
        let described = &self.problem.clusters[cluster];
        let (load, cost) = (self.loads[bin], described.cost);
        let crowding = described.classes.iter().map(|&(class, count)| {
            let crowd = self.crowds[class * self.problem.bins + bin];
            square(crowd + count) - square(crowd)
        });
        [
            self.overload(load + cost) - self.overload(load),
            crowding.sum(),
            -self.tie(cluster, bin),
            square(load + cost) - square(load),
        ]
    }

    /// What is saved by taking a cluster out of the bin that it is in.
    pub(super) fn leaving(&self, cluster: usize, bin: usize) -> Score {
        let described = &self.problem.clusters[cluster];
        let (load, cost) = (self.loads[bin], described.cost);
        let crowding = described.classes.iter().map(|&(class, count)| {
            let crowd = self.crowds[class * self.problem.bins + bin];
            square(crowd) - square(crowd - count)
        });
        [
            self.overload(load) - self.overload(load - cost),
            crowding.sum(),
            -self.tie(cluster, bin),
            square(load) - square(load - cost),
        ]
    }

    /// How bad the whole is.
    pub(super) fn score(&self) -> Score {
        let cut: i64 = (self.problem.clusters.iter().zip(&self.bins))
            .flat_map(|(cluster, bin)| cluster.neighbours.iter().map(move |neighbour| (neighbour, bin)))
            .filter(|&(&(other, _), bin)| self.bins[other] != *bin)
            .map(|(&(_, traffic), _)| traffic)
            .sum();
        [
            self.loads.iter().map(|&load| self.overload(load)).sum(),
            self.crowds.iter().map(|&crowd| square(crowd)).sum(),
            // Each was counted from both ends.
            cut / 2,
            self.loads.iter().map(|&load| square(load)).sum(),
        ]
    }

    fn overload(&self, load: i64) -> i64 {
        square((load - self.limit.load + self.limit.step - 1).max(0) / self.limit.step)
    }
}

fn square(value: i64) -> i64 {
    value * value
}
