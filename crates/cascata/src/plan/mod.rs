//! From a graph and a number of workers to all that a run needs to know: which component runs where, which channels
//! there are, who sends into them. Pure functions; the same graph always gives the same plan.

mod build;
mod error;
mod packed;
mod place;

pub use error::PlanError;
pub use packed::{Packed, UnpackError};

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::graph::{Batch, Definition};

/// What a run starts from. `D` is how a node refers to its definition.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Plan<V, D = Arc<Definition<V>>> {
    /// The components, in the order of the graph.
    pub nodes: Vec<PlannedNode<V, D>>,
    /// One channel for every connected inport, in the order of nodes and of their inports.
    pub channels: Vec<PlannedChannel>,
    /// How many workers there are. Each has at least one component.
    pub workers: usize,
    /// Feedback loops: the sets of nodes that are strongly connected by edges to trigger ports and contain such an edge,
    /// each in ascending order, those that feed others first.
    pub cycles: Vec<Vec<usize>>,
}

/// A component of a plan.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PlannedNode<V, D = Arc<Definition<V>>> {
    /// Name of the instance.
    pub name: String,
    /// What it is an instance of.
    pub definition: D,
    /// The worker that runs it.
    pub worker: usize,
    /// Its inports, as declared.
    pub inports: Vec<PlannedInport<V>>,
    /// Its outports, as declared.
    pub outports: Vec<PlannedOutport>,
    /// Its persistent values, as declared.
    pub persists: Vec<PlannedPersist<V>>,
    /// Trigger groups, as positions of inports: those declared, or else one of all connected inports, or none if
    /// nothing is connected. A declared group may contain constants.
    pub groups: Vec<Vec<usize>>,
}

/// How an inport takes part in firings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum InportRole {
    /// Connected, and one of a trigger group.
    Trigger,
    /// Connected, and in no trigger group: a firing sees its latest value.
    Passive,
    /// Not connected: every firing sees its initial value.
    Constant,
}

/// An inport of a plan.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PlannedInport<V> {
    /// Name of the port.
    pub name: String,
    /// How it takes part in firings.
    pub role: InportRole,
    /// The value of a constant, or the first item of a connected port. A constant without one occurs only in graphs
    /// that [`check`](crate::graph::check) refuses.
    pub initial: Option<V>,
    /// How it gathers the items of its channel into lists, if it does.
    pub batch: Option<Batch>,
    /// The channel it reads, unless it is a constant.
    pub channel: Option<usize>,
}

/// An outport of a plan.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PlannedOutport {
    /// Name of the port.
    pub name: String,
    /// The channels that get every item, in ascending order, which is the same for all who send into several at once.
    pub channels: Vec<usize>,
    /// Position in the list of outports to collect.
    pub collect: Option<usize>,
}

/// A persistent value of a plan.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PlannedPersist<V> {
    /// Name of the persistent value.
    pub name: String,
    /// Arguments for the initialiser.
    pub arguments: Option<V>,
    /// The value to start with, in place of calling the initialiser.
    pub state: Option<V>,
}

/// A channel of a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedChannel {
    /// The consumer.
    pub node: usize,
    /// The consumer's inport.
    pub inport: usize,
    /// How many items it holds; `None` is without bound.
    pub capacity: Option<usize>,
    /// How many outports send into it: `producers.len()`.
    pub publishers: usize,
    /// The outports that send into it, as (node, outport), in the order in which they were connected.
    pub producers: Vec<(usize, usize)>,
    /// Whether a producer runs on another worker than the consumer.
    pub shared: bool,
}

impl<V> Plan<V> {
    /// The placement: for every worker the components that it runs, as positions in `nodes`.
    pub fn shard(&self) -> Vec<Vec<usize>> {
        let mut shard = vec![Vec::new(); self.workers];
        for (index, node) in self.nodes.iter().enumerate() {
            shard[node.worker].push(index);
        }
        shard
    }
}
