//! The search against trying everything, on small problems.

use super::Problem;
use super::arrangement::{Arrangement, Limit, Score};
use super::clusters::Cluster;
use super::search::{Random, best_of};

/// A connected problem of up to seven clusters. The same number gives the same problem.
fn problem(number: u64) -> Problem {
    let mut random = Random(number);
    let (count, bins, classes) = (3 + random.below(5), 2 + random.below(2), random.below(3));
    let equal = random.below(2) == 0;
    let weight = |random: &mut Random| if equal { 1000 } else { 1 + random.below(2000) as i64 };
    let mut clusters: Vec<Cluster> = Vec::new();
    for node in 0..count {
        let mut cluster = Cluster { nodes: vec![node], cost: weight(&mut random), ..Cluster::default() };
        if classes > 0 && random.below(2) == 0 {
            cluster.classes.push((random.below(classes), 1));
        }
        if node > 0 {
            let (other, traffic) = (random.below(node), weight(&mut random));
            cluster.neighbours.push((other, traffic));
            clusters[other].neighbours.push((node, traffic));
        }
        clusters.push(cluster);
    }
    if random.below(3) == 0 {
        clusters[random.below(count)].bin = Some(0);
    }
    Problem { clusters, classes, pinned: Vec::new(), bins }
}

/// The score of the best of all arrangements.
fn exhaustive(problem: &Problem, limit: Limit) -> Score {
    let count = problem.clusters.len();
    let arrangements = (0..problem.bins.pow(count as u32)).filter_map(|mut number| {
        let mut arrangement = Arrangement::new(problem, limit);
        for cluster in 0..count {
            let bin = number % problem.bins;
            number /= problem.bins;
            if problem.clusters[cluster].bin.is_some_and(|pinned| pinned != bin) {
                return None;
            }
            arrangement.put(cluster, bin);
        }
        Some(arrangement.score())
    });
    arrangements.min().unwrap()
}

#[test]
fn small_problems_are_solved_exactly() {
    for number in 0..100 {
        let problem = problem(number);
        let limit = Limit::of(&problem);
        assert_eq!(best_of(&problem, limit).score(), exhaustive(&problem, limit), "problem {number}");
    }
}

#[test]
fn a_change_is_worth_the_difference_of_the_scores() {
    for number in 0..100 {
        let problem = problem(number);
        let mut arrangement = best_of(&problem, Limit::of(&problem));
        let mut random = Random(number);
        for _ in 0..20 {
            let (cluster, to) = (random.below(problem.clusters.len()), random.below(problem.bins));
            let from = arrangement.bins[cluster].unwrap();
            if from == to {
                continue;
            }
            let (before, leaving) = (arrangement.score(), arrangement.leaving(cluster, from));
            let joining = arrangement.joining(cluster, to);
            arrangement.put(cluster, to);
            let worth: Score = std::array::from_fn(|index| before[index] + joining[index] - leaving[index]);
            assert_eq!(arrangement.score(), worth, "problem {number}");
        }
    }
}
