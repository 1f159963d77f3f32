//! From a graph and a number of workers to all that a run needs to know: which component runs where, which channels
//! there are, who sends into them. Pure functions; the same graph always gives the same plan.

mod build;
mod error;
mod numbers;
mod packed;
mod place;
mod promise;
mod wire;

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
    /// The channels of all connected inports, in the order of nodes and of their inports: mostly one for each.
    pub channels: Vec<PlannedChannel>,
    /// Where groups' results are taken in their order.
    pub gathers: Vec<PlannedGather>,
    /// Where groups' results are shared out in their order.
    pub turnstiles: Vec<PlannedTurnstile>,
    /// Where items are shared out among the members of groups.
    pub desks: Vec<PlannedDesk<V>>,
    /// How many workers there are. Each has at least one component.
    pub workers: usize,
    /// Whether the worker is the calling process itself: then everything passes by reference.
    pub local: bool,
    /// What the calling program feeds and reads. Their nodes come after all others and are those of a *participant* of
    /// its own, which has the number after the last worker's and runs nothing.
    pub taps: Vec<PlannedTap>,
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
    /// How its firings get their numbers, if they bear any; it has one trigger group then.
    pub numbering: Option<Numbering>,
    /// Who takes results in order and has to know of its firings' numbers.
    pub watched: Vec<Watcher>,
    /// For inports of a member of a group: how what they leave is shared out among the other members.
    pub bequests: Vec<(usize, Share)>,
}

/// An export that the calling program feeds or reads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedTap {
    /// Its node.
    pub node: usize,
    /// The names of what is exported here.
    pub exports: Vec<String>,
    /// Whether the calling program feeds it: the node has one outport. Else it reads it: the node has one inport.
    pub feeds: bool,
}

/// Who takes results of a group in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Watcher {
    /// An inport: a gather, by position.
    Gather(usize),
    /// A member of the group itself, which shares its results out in its turn: a turnstile, by position, and its place there.
    Turnstile(usize, usize),
}

/// How firings get their numbers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Numbering {
    /// Each is the next.
    Counted,
    /// From the items of these ports.
    Fed(Vec<NumberedPort>),
}

/// A port whose items bear numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct NumberedPort {
    /// The inport.
    pub inport: usize,
    /// Its channel.
    pub channel: usize,
    /// Who gives the numbers.
    pub by: FedBy,
}

/// Who gives the items of a port their numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum FedBy {
    /// They are shared out.
    Desk {
        /// Position of the desk.
        desk: usize,
        /// The desk's port.
        port: usize,
    },
    /// They are results of this node.
    Member(usize),
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
    /// How it gathers the items that come into lists, if it does.
    pub batch: Option<Batch>,
    /// What it reads: nothing if it is a constant.
    pub sources: Vec<PlannedSource>,
}

/// What an inport reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum PlannedSource {
    /// A channel, as items come.
    Channel(usize),
    /// The results of a group, in their order.
    Gather(usize),
}

/// A place where a group's results are taken in their order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedGather {
    /// The consumer.
    pub node: usize,
    /// Its inport.
    pub inport: usize,
    /// The members of the group, with the channel of each.
    pub members: Vec<(usize, usize)>,
}

/// The members of a group that share their results out to another group, one after the other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedTurnstile {
    /// The members.
    pub members: Vec<usize>,
    /// How many results of each may wait for their turn without their sender.
    pub room: usize,
}

/// A place where items are shared out among the members of a group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedDesk<V> {
    /// For each port how many items of it make a row, all of which go to one member: as many as a batch has.
    pub units: Vec<u64>,
    /// By how many rows one port may be ahead of another; 0 for one port.
    pub rows: usize,
    /// How many outports share out here, if what a member leaves when it ends is shared out again; else 0.
    pub senders: u64,
    /// Who gets the next.
    pub sharing: Sharing<V>,
}

/// Which member gets an item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Sharing<V> {
    /// The one with most room.
    Balanced,
    /// One after the other.
    RoundRobin,
    /// The one that a function of the value decides.
    Keyed {
        /// The function.
        function: V,
        /// The desk's port whose values it is given.
        port: usize,
    },
}

/// An outport of a plan.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PlannedOutport {
    /// Name of the port.
    pub name: String,
    /// The channels that get every item, in ascending order, which is the same for all who send into several at once.
    pub channels: Vec<usize>,
    /// The groups that get every item, each by one member.
    pub shares: Vec<Share>,
    /// Position in the list of outports to collect.
    pub collect: Option<usize>,
    /// Whether somebody relies on the order in which items leave it among those of other members of its group.
    pub ordered: bool,
}

/// A way from an outport to the members of a group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Share {
    /// The desk where it is decided who gets an item.
    pub desk: usize,
    /// The desk's port.
    pub port: usize,
    /// The members' channels.
    pub channels: Vec<usize>,
    /// The turnstile where this waits for its turn, and its place there.
    pub turnstile: Option<(usize, usize)>,
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
    /// How many keep it open: the outports that send into it, or one desk for all of them.
    pub publishers: usize,
    /// The outports that send into it, as (node, outport), in the order in which they were connected.
    pub producers: Vec<(usize, usize)>,
    /// Whether a producer runs on another worker than the consumer.
    pub shared: bool,
    /// Whether its items bear numbers.
    pub numbered: bool,
}

impl<V> Plan<V> {
    /// The channels that an inport reads.
    pub fn channels_of(&self, node: usize, inport: usize) -> impl Iterator<Item = usize> {
        self.nodes[node].inports[inport].sources.iter().flat_map(|source| match source {
            PlannedSource::Channel(channel) => vec![*channel],
            PlannedSource::Gather(gather) => self.gathers[*gather].members.iter().map(|member| member.1).collect(),
        })
    }

    /// How many take part in the run: the workers, and the calling program if there are taps.
    pub fn participants(&self) -> usize {
        self.workers.max(1) + usize::from(!self.taps.is_empty())
    }

    /// Whether the calling program has this node: it is a tap.
    pub fn is_tap(&self, node: usize) -> bool {
        self.nodes[node].worker >= self.workers.max(1)
    }

    /// Whether what has to do with a node is in the process of a participant.
    pub fn is_with(&self, node: usize, participant: usize) -> bool {
        self.local || self.nodes[node].worker == participant
    }

    /// The placement: for every worker the components that it runs, as positions in `nodes`.
    pub fn shard(&self) -> Vec<Vec<usize>> {
        let mut shard = vec![Vec::new(); self.workers];
        for (index, node) in self.nodes.iter().enumerate() {
            // What is left are taps.
            if let Some(nodes) = shard.get_mut(node.worker) {
                nodes.push(index);
            }
        }
        shard
    }
}
