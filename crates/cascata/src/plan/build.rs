//! From a placed graph to channels and routes.

use std::collections::{HashMap, HashSet};

use cascata_shm::MAX_WORKERS;

use super::place::place;
use super::wire::{Wiring, wire};
use super::{InportRole, Plan, PlanError, PlannedInport, PlannedNode, PlannedOutport, PlannedPersist, PlannedTap};
use crate::graph::{Graph, PortKind, Tap, Taps, strong_components};

impl<V: Clone> Plan<V> {
    /// Plans a run of `graph` on at most `workers` workers; 0 puts everything on one, for a run in the calling
    /// process.
    ///
    /// `collect` names the outports whose items the caller wants, as (component, outport). `weights` are what an
    /// earlier run measured by component, (busy seconds, items sent); they replace what the graph says.
    ///
    /// # Errors
    ///
    /// When `collect` names what there is not, when orders about placement contradict each other or cannot be met
    /// with so many workers, or when a weight is no number from 0.
    pub fn new(
        graph: &Graph<V>,
        workers: usize,
        collect: &[(String, String)],
        weights: Option<&HashMap<String, (f64, f64)>>,
    ) -> Result<Self, PlanError> {
        let placement = place(graph, workers, weights)?;
        Self::placed(graph, placement, Vec::new(), workers == 0, collect)
    }

    /// Plans a run as [`new`](Self::new) does, of a graph whose taps the calling program has: see
    /// [`Graph::tapped`](crate::graph::Graph::tapped) for `payload` and `fed`.
    ///
    /// # Errors
    ///
    /// As for [`new`](Self::new) and for [`Graph::tapped`](crate::graph::Graph::tapped).
    pub fn with_taps(
        graph: &Graph<V>,
        payload: &V,
        fed: &[String],
        workers: usize,
        collect: &[(String, String)],
        weights: Option<&HashMap<String, (f64, f64)>>,
    ) -> Result<Self, PlanError> {
        let (tapped, taps) = graph.tapped(payload, fed)?;
        // The calling program takes part as one more.
        let most = if taps.is_empty() { MAX_WORKERS } else { MAX_WORKERS - 1 };
        let mut placement = place(graph, workers.min(most), weights)?;
        let caller = workers_of(&placement).max(1);
        placement.resize(tapped.nodes().len(), caller);
        let taps = taps.into_iter().map(|Tap { node, exports, feeds }| PlannedTap { node, exports, feeds });
        Self::placed(&tapped, placement, taps.collect(), workers == 0, collect)
    }

    fn placed(
        graph: &Graph<V>,
        placement: Vec<usize>,
        taps: Vec<PlannedTap>,
        local: bool,
        collect: &[(String, String)],
    ) -> Result<Self, PlanError> {
        let collect = collected(graph, collect)?;
        let cycles = cycles(graph);
        // Where a node is, as far as channels are concerned: in which process.
        let processes = if local { vec![0; placement.len()] } else { placement.clone() };
        let mut wiring = wire(graph, &processes, &cycles);
        let nodes = (0..graph.nodes().len()).map(|node| planned(graph, node, placement[node], &mut wiring, &collect));
        let nodes = nodes.collect();
        let Wiring { channels, gathers, turnstiles, desks, .. } = wiring;
        let workers = workers_of(&placement[..placement.len() - taps.len()]);
        Ok(Self { nodes, channels, gathers, turnstiles, desks, workers, local, taps, cycles })
    }
}

/// How many workers a placement comes to.
fn workers_of(placement: &[usize]) -> usize {
    placement.iter().max().map_or(0, |last| last + 1)
}

/// The place of every outport in the list of those to collect.
fn collected<V>(graph: &Graph<V>, collect: &[(String, String)]) -> Result<HashMap<(usize, usize), usize>, PlanError> {
    let mut places = HashMap::new();
    for (place, (node, port)) in collect.iter().enumerate() {
        let position = graph.position(node)?;
        let outport = graph.port(position, PortKind::Outport, port)?;
        if places.insert((position, outport), place).is_some() {
            return Err(PlanError::CollectedTwice { node: node.clone(), port: port.clone() });
        }
    }
    Ok(places)
}

/// A node with its ports.
fn planned<V: Clone>(
    graph: &Graph<V>,
    node: usize,
    worker: usize,
    wiring: &mut Wiring<V>,
    collect: &HashMap<(usize, usize), usize>,
) -> PlannedNode<V> {
    let described = &graph.nodes()[node];
    let definition = &described.definition;
    let groups = graph.trigger_groups(node, &Taps::new());
    let triggers: HashSet<usize> = groups.iter().flatten().copied().collect();
    let inports = definition.inports.iter().enumerate().map(|(inport, declared)| {
        let sources = wiring.sources.remove(&(node, inport)).unwrap_or_default();
        let role = match (sources.is_empty(), triggers.contains(&inport)) {
            (true, _) => InportRole::Constant,
            (false, true) => InportRole::Trigger,
            (false, false) => InportRole::Passive,
        };
        PlannedInport {
            name: declared.name.clone(),
            role,
            initial: graph.initial(node, inport).cloned(),
            batch: described.batches[inport],
            sources,
        }
    });
    let inports = inports.collect();
    let outports = definition.outports.iter().enumerate().map(|(outport, declared)| {
        let (channels, shares) = wiring.routes.remove(&(node, outport)).unwrap_or_default();
        let collect = collect.get(&(node, outport)).copied();
        let ordered = wiring.promised.contains(&(node, outport));
        PlannedOutport { name: declared.name.clone(), channels, shares, collect, ordered }
    });
    let outports = outports.collect();
    let persists = definition.persists.iter().zip(&described.persists).map(|(declared, set)| PlannedPersist {
        name: declared.name.clone(),
        arguments: set.arguments.clone(),
        state: set.state.clone(),
    });
    PlannedNode {
        name: graph.name(node).to_owned(),
        definition: definition.clone(),
        worker,
        inports,
        persists: persists.collect(),
        outports,
        groups,
        numbering: wiring.numbering.remove(&node),
        watched: wiring.watched.remove(&node).unwrap_or_default(),
        bequests: wiring.bequests.remove(&node).unwrap_or_default(),
    }
}

/// The sets of nodes that feed back into themselves. What goes to a passive port makes nothing go round.
fn cycles<V>(graph: &Graph<V>) -> Vec<Vec<usize>> {
    let groups = (0..graph.nodes().len()).map(|node| (node, graph.trigger_groups(node, &Taps::new())));
    let triggers: HashSet<_> =
        groups.flat_map(|(node, groups)| groups.into_iter().flatten().map(move |inport| (node, inport))).collect();
    let edges = || graph.edges().filter(|edge| triggers.contains(&(edge.to, edge.inport)));
    let loops: HashSet<usize> = edges().filter(|edge| edge.from == edge.to).map(|edge| edge.from).collect();
    strong_components(graph.nodes().len(), edges().map(|edge| (edge.from, edge.to)))
        .into_iter()
        .filter(|component| component.len() > 1 || loops.contains(&component[0]))
        .collect()
}
