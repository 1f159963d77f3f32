//! From a placed graph to channels and routes.

use std::collections::{HashMap, HashSet};

use super::place::place;
use super::{InportRole, Plan, PlanError, PlannedChannel, PlannedInport, PlannedNode, PlannedOutport, PlannedPersist};
use crate::graph::{Graph, PortKind, Taps, strong_components};

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
        let collect = collected(graph, collect)?;
        let placement = place(graph, workers, weights)?;
        let (channels, index) = channels(graph, &placement);
        let mut nodes: Vec<_> =
            (0..graph.nodes().len()).map(|node| planned(graph, node, placement[node], &index, &collect)).collect();
        for edge in graph.edges() {
            nodes[edge.from].outports[edge.outport].channels.push(index[&(edge.to, edge.inport)]);
        }
        for outport in nodes.iter_mut().flat_map(|node| &mut node.outports) {
            outport.channels.sort_unstable();
        }
        let cycles = cycles(graph, &nodes);
        Ok(Self { nodes, channels, workers: placement.iter().max().map_or(0, |last| last + 1), cycles })
    }
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

/// One channel for every connected inport, and which one that is.
fn channels<V>(graph: &Graph<V>, placement: &[usize]) -> (Vec<PlannedChannel>, HashMap<(usize, usize), usize>) {
    let mut channels = Vec::new();
    let mut index = HashMap::new();
    for (node, planned) in graph.nodes().values().enumerate() {
        for (inport, declared) in planned.definition.inports.iter().enumerate() {
            if graph.is_connected(node, inport) {
                index.insert((node, inport), channels.len());
                channels.push(PlannedChannel {
                    node,
                    inport,
                    capacity: declared.capacity,
                    publishers: 0,
                    producers: Vec::new(),
                    shared: false,
                });
            }
        }
    }
    for edge in graph.edges() {
        let channel = &mut channels[index[&(edge.to, edge.inport)]];
        channel.publishers += 1;
        channel.producers.push((edge.from, edge.outport));
        channel.shared |= placement[edge.from] != placement[edge.to];
    }
    (channels, index)
}

/// A node with its ports, as yet without the channels that it sends into.
fn planned<V: Clone>(
    graph: &Graph<V>,
    node: usize,
    worker: usize,
    channels: &HashMap<(usize, usize), usize>,
    collect: &HashMap<(usize, usize), usize>,
) -> PlannedNode<V> {
    let described = &graph.nodes()[node];
    let definition = &described.definition;
    let groups = graph.groups(node, &Taps::new());
    let triggers: HashSet<usize> = groups.iter().flatten().copied().collect();
    let inports = definition.inports.iter().enumerate().map(|(inport, declared)| {
        let channel = channels.get(&(node, inport)).copied();
        let role = match channel {
            None => InportRole::Constant,
            Some(_) if triggers.contains(&inport) => InportRole::Trigger,
            Some(_) => InportRole::Passive,
        };
        PlannedInport {
            name: declared.name.clone(),
            role,
            initial: graph.initial(node, inport).cloned(),
            batch: described.batches[inport],
            channel,
        }
    });
    let outports = definition.outports.iter().enumerate().map(|(outport, declared)| PlannedOutport {
        name: declared.name.clone(),
        channels: Vec::new(),
        collect: collect.get(&(node, outport)).copied(),
    });
    let persists = definition.persists.iter().zip(&described.persists).map(|(declared, set)| PlannedPersist {
        name: declared.name.clone(),
        arguments: set.arguments.clone(),
        state: set.state.clone(),
    });
    PlannedNode {
        name: graph.name(node).to_owned(),
        definition: definition.clone(),
        worker,
        inports: inports.collect(),
        persists: persists.collect(),
        outports: outports.collect(),
        groups,
    }
}

/// The sets of nodes that feed back into themselves. What goes to a passive port makes nothing go round.
fn cycles<V>(graph: &Graph<V>, nodes: &[PlannedNode<V>]) -> Vec<Vec<usize>> {
    let edges = || graph.edges().filter(|edge| nodes[edge.to].inports[edge.inport].role == InportRole::Trigger);
    let loops: HashSet<usize> = edges().filter(|edge| edge.from == edge.to).map(|edge| edge.from).collect();
    strong_components(graph.nodes().len(), edges().map(|edge| (edge.from, edge.to)))
        .into_iter()
        .filter(|component| component.len() > 1 || loops.contains(&component[0]))
        .collect()
}
