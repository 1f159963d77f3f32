//! How much work each component is, and how much goes over each connection.

use std::collections::{HashMap, HashSet};

use crate::graph::Graph;
use crate::plan::PlanError;

/// What all costs, and all traffic, add up to. Its square still fits, and a graph of a million components still has
/// a thousand for each.
const TOTAL: f64 = (1_u64 << 30) as f64;

/// Weights on a common scale.
pub(super) struct Weights {
    /// Of every node, at least 1.
    pub(super) costs: Vec<i64>,
    /// Of every edge, in the order of the graph.
    pub(super) traffic: Vec<i64>,
}

impl Weights {
    /// The weights that the graph was given, or those measured: (busy seconds, items sent) by component. Components
    /// that were not measured count as average ones.
    pub(super) fn new<V>(graph: &Graph<V>, measured: Option<&HashMap<String, (f64, f64)>>) -> Result<Self, PlanError> {
        let (costs, sent) = match measured {
            Some(measured) if graph.nodes().keys().any(|name| measured.contains_key(name)) => given(graph, measured)?,
            _ => graph.nodes().values().map(|node| (node.cost, node.traffic)).unzip(),
        };
        // What leaves a component is taken to leave in equal parts by all outports in use.
        let outports: HashSet<_> = graph.edges().map(|edge| (edge.from, edge.outport)).collect();
        let mut in_use = vec![0.0; sent.len()];
        outports.iter().for_each(|&(node, _)| in_use[node] += 1.0);
        let traffic: Vec<_> = graph.edges().map(|edge| sent[edge.from] / in_use[edge.from]).collect();
        let costs = scaled(&costs).into_iter().map(|cost| cost.max(1)).collect();
        Ok(Self { costs, traffic: scaled(&traffic) })
    }
}

fn given<V>(graph: &Graph<V>, measured: &HashMap<String, (f64, f64)>) -> Result<(Vec<f64>, Vec<f64>), PlanError> {
    let found: Vec<_> = graph.nodes().keys().map(|name| measured.get(name).copied()).collect();
    for (name, weights) in graph.nodes().keys().zip(&found) {
        let Some((cost, traffic)) = weights else { continue };
        for (what, value) in [("cost", cost), ("traffic", traffic)] {
            if !(value.is_finite() && *value >= 0.0) {
                return Err(PlanError::Weight { node: name.clone(), what, value: value.to_string() });
            }
        }
    }
    let count = found.iter().flatten().count() as f64;
    let average = |of: fn(&(f64, f64)) -> f64| found.iter().flatten().map(|weights| of(weights) / count).sum();
    let average: (f64, f64) = (average(|weights| weights.0), average(|weights| weights.1));
    Ok(found.into_iter().map(|weights| weights.unwrap_or(average)).unzip())
}

/// Integers in the same proportions. If all are 0, all are equal.
fn scaled(weights: &[f64]) -> Vec<i64> {
    let most = weights.iter().copied().fold(0.0, f64::max);
    // Dividing by the largest first keeps the sum finite.
    let shares: Vec<_> = weights.iter().map(|weight| if most > 0.0 { weight / most } else { 1.0 }).collect();
    let sum: f64 = shares.iter().sum();
    shares.iter().map(|share| (share / sum * TOTAL).round() as i64).collect()
}
