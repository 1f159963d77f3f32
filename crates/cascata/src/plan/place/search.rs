//! Finds a good arrangement: simple ones to start from, improved step by step.

use std::cmp::Reverse;

use super::Problem;
use super::arrangement::{Arrangement, Limit, Score};

/// How often all clusters are looked at for an improvement.
const PASSES: usize = 50;

/// How many swaps are valued before swapping is given up, so that a graph of thousands of components does not take
/// long.
const SWAPS: usize = 1_000_000;

/// How many times an arrangement is shaken to see whether it settles better, at the most, and for how many choices of
/// cluster and bin together. So a graph of the usual size comes close to its best arrangement, and a large one is
/// left as it is.
const SHAKES: usize = 32;
const SHAKEN: usize = 10_000;

/// The bin of every cluster, in the best arrangement found.
pub(super) fn best(problem: &Problem) -> Vec<usize> {
    let least = Limit::of(problem);
    let level = best_of(problem, least);
    // The least load may be out of reach. What one bin cannot do without is allowed to all, if it saves traffic.
    let reached = level.loads.iter().copied().max().unwrap_or(0);
    if reached <= least.load {
        return level.bins.iter().flatten().copied().collect();
    }
    let limit = Limit { load: reached, ..least };
    let mut loose = Arrangement::new(problem, limit);
    for (cluster, bin) in level.bins.iter().enumerate() {
        bin.iter().for_each(|&bin| loose.put(cluster, bin));
    }
    improve(&mut loose);
    let other = best_of(problem, limit);
    let best = if other.score() < loose.score() { other } else { loose };
    best.bins.iter().flatten().copied().collect()
}

/// The best of a few arrangements within `limit`, each improved.
pub(super) fn best_of(problem: &Problem, limit: Limit) -> Arrangement<'_> {
    let mut best = blocks(problem, limit);
    improve(&mut best);
    for start in [greedy, heaviest_first] {
        let mut other = start(problem, limit);
        improve(&mut other);
        if other.score() < best.score() {
            best = other;
        }
    }
    shake(best)
}

/// Moves a few clusters anywhere and improves again, several times, and keeps what is better.
fn shake(mut best: Arrangement<'_>) -> Arrangement<'_> {
    let problem = best.problem;
    let clusters: Vec<_> = free(problem).collect();
    if clusters.len() < 2 || problem.bins < 2 {
        return best;
    }
    let mut random = Random(1);
    let mut score = best.score();
    for _ in 0..SHAKES.min(SHAKEN / (clusters.len() * problem.bins)) {
        let mut other = best.clone();
        for _ in 0..3 {
            other.put(clusters[random.below(clusters.len())], random.below(problem.bins));
        }
        improve(&mut other);
        if other.score() <= score {
            score = other.score();
            best = other;
        }
    }
    best
}

/// Numbers that look random and are the same every time: a linear congruential generator.
pub(super) struct Random(pub(super) u64);

impl Random {
    /// The next one from 0 up to and without `bound`.
    pub(super) fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % bound
    }
}

/// Cuts the flow of data into pieces of equal cost.
fn blocks(problem: &Problem, limit: Limit) -> Arrangement<'_> {
    let mut arrangement = Arrangement::new(problem, limit);
    let total: i64 = problem.clusters.iter().map(|cluster| cluster.cost).sum();
    let share = total / problem.bins.max(1) as i64;
    // What is pinned has taken its part of a bin already.
    let mut ends = Vec::with_capacity(problem.bins);
    let mut end = 0;
    for load in &arrangement.loads {
        end += (share - load).max(0);
        ends.push(end);
    }
    let mut passed = 0;
    for (index, cluster) in problem.clusters.iter().enumerate().filter(|(_, cluster)| cluster.bin.is_none()) {
        let bin = ends.partition_point(|&end| end <= passed + cluster.cost / 2).min(problem.bins - 1);
        arrangement.put(index, bin);
        passed += cluster.cost;
    }
    arrangement
}

/// Puts each cluster, in the order of the flow, where it does best beside those before it.
fn greedy(problem: &Problem, limit: Limit) -> Arrangement<'_> {
    let mut arrangement = Arrangement::new(problem, limit);
    for cluster in free(problem) {
        if let Some(bin) = (0..problem.bins).min_by_key(|&bin| (arrangement.joining(cluster, bin), bin)) {
            arrangement.put(cluster, bin);
        }
    }
    arrangement
}

/// Puts each cluster, heaviest first, where the load is least.
fn heaviest_first(problem: &Problem, limit: Limit) -> Arrangement<'_> {
    let mut arrangement = Arrangement::new(problem, limit);
    let mut clusters: Vec<_> = free(problem).collect();
    clusters.sort_by_key(|&cluster| Reverse(problem.clusters[cluster].cost));
    for cluster in clusters {
        let rank = |&bin: &usize| (arrangement.loads[bin], arrangement.joining(cluster, bin), bin);
        if let Some(bin) = (0..problem.bins).min_by_key(rank) {
            arrangement.put(cluster, bin);
        }
    }
    arrangement
}

/// The clusters that are not pinned.
fn free(problem: &Problem) -> impl Iterator<Item = usize> {
    (0..problem.clusters.len()).filter(|&cluster| problem.clusters[cluster].bin.is_none())
}

/// Moves and swaps clusters as long as that helps.
fn improve(arrangement: &mut Arrangement<'_>) {
    let problem = arrangement.problem;
    let mut budget = SWAPS;
    for _ in 0..PASSES {
        let mut better = false;
        for cluster in free(problem) {
            better |= relocate(arrangement, cluster) || swap(arrangement, cluster, &mut budget);
        }
        if !better {
            break;
        }
    }
}

/// Moves a cluster to where it does best, if that is better than where it is.
fn relocate(arrangement: &mut Arrangement<'_>, cluster: usize) -> bool {
    let Some(from) = arrangement.bins[cluster] else { return false };
    let leaving = arrangement.leaving(cluster, from);
    let others = (0..arrangement.problem.bins).filter(|&bin| bin != from);
    let best = others.map(|bin| (change(leaving, arrangement.joining(cluster, bin)), bin)).min();
    match best {
        Some((change, bin)) if change < Score::default() => {
            arrangement.put(cluster, bin);
            true
        }
        _ => false,
    }
}

/// Swaps a cluster with the one in another bin for which this helps most, if there is any.
fn swap(arrangement: &mut Arrangement<'_>, cluster: usize, budget: &mut usize) -> bool {
    let problem = arrangement.problem;
    let Some(from) = arrangement.bins[cluster] else { return false };
    let leaving = arrangement.leaving(cluster, from);
    for to in (0..problem.bins).filter(|&bin| bin != from) {
        let first = change(leaving, arrangement.joining(cluster, to));
        let draws = first[1] < 0 || first[2] < 0 || arrangement.is_overloaded(from);
        if !draws || *budget == 0 {
            continue;
        }
        arrangement.put(cluster, to);
        let mut best = None;
        for &other in &arrangement.members[to] {
            if other == cluster || problem.clusters[other].bin.is_some() {
                continue;
            }
            *budget = budget.saturating_sub(1);
            let second = change(arrangement.leaving(other, to), arrangement.joining(other, from));
            best = best.into_iter().chain([(sum(first, second), other)]).min();
        }
        match best {
            Some((change, other)) if change < Score::default() => {
                arrangement.put(other, from);
                return true;
            }
            _ => arrangement.put(cluster, from),
        }
    }
    false
}

/// What a move changes: positive is worse.
fn change(leaving: Score, joining: Score) -> Score {
    std::array::from_fn(|index| joining[index] - leaving[index])
}

fn sum(first: Score, second: Score) -> Score {
    std::array::from_fn(|index| first[index] + second[index])
}
