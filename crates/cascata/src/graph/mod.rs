//! A graph as plain data: nodes, connections, trigger groups, weights and orders about placement.
//!
//! Every step of building is checked where it is made ([`GraphError`]); what only the whole can tell is found by
//! [`check`]. Nothing here runs anything.

mod batch;
mod build;
mod check;
mod connect;
mod definition;
mod edge;
mod embed;
mod error;
mod export;
mod group;
mod issue;
pub mod json;
mod link;
mod name;
mod node;
mod order;
mod roles;
mod sharing;
mod tap;
mod told;
mod wishes;

pub use batch::Batch;
pub use check::check;
pub use definition::{DEFAULT_CAPACITY, Definition, Inport, Outport, Persist};
pub use edge::Edge;
pub use embed::Subgraph;
pub(crate) use error::sentence;
pub use error::{GraphError, PortKind};
pub use export::Export;
pub use group::{Group, MAX_MEMBERS, Policy};
pub use issue::Issue;
pub use link::{End, Link};
pub use node::{Initial, Node, PersistSetting};
pub(crate) use order::strong_components;
pub use tap::Tap;
pub use wishes::Wishes;

use std::collections::{HashMap, HashSet};

use indexmap::{IndexMap, IndexSet};

/// Inports that the calling program feeds, as positions of node and inport.
pub type Taps = HashSet<(usize, usize)>;

/// A graph while it is described. `V` is a value of the language it is described in.
#[derive(Debug, Clone)]
pub struct Graph<V> {
    nodes: IndexMap<String, Node<V>>,
    groups: IndexMap<String, Group<V>>,
    /// The group of every node that is a member of one.
    memberships: HashMap<usize, usize>,
    links: Vec<Link>,
    /// What the links come to between nodes.
    edges: IndexSet<Edge>,
    /// The inports that an edge leads to, as (node, inport).
    connected: HashSet<(usize, usize)>,
    exports: IndexMap<String, Export>,
    subgraphs: IndexMap<String, Subgraph>,
    wishes: Wishes,
}

impl<V> Default for Graph<V> {
    fn default() -> Self {
        Self {
            nodes: IndexMap::new(),
            groups: IndexMap::new(),
            memberships: HashMap::new(),
            links: Vec::new(),
            edges: IndexSet::new(),
            connected: HashSet::new(),
            exports: IndexMap::new(),
            subgraphs: IndexMap::new(),
            wishes: Wishes::default(),
        }
    }
}

impl<V> Graph<V> {
    /// An empty graph.
    pub fn new() -> Self {
        Self::default()
    }

    /// The nodes by name, in the order in which they were added. Positions in it are what edges speak of.
    pub fn nodes(&self) -> &IndexMap<String, Node<V>> {
        &self.nodes
    }

    /// The groups by name, in the order in which they were added. Positions in it are what links speak of.
    pub fn groups(&self) -> &IndexMap<String, Group<V>> {
        &self.groups
    }

    /// The connections as they were said, in the order in which they were made.
    pub fn links(&self) -> impl ExactSizeIterator<Item = &Link> {
        self.links.iter()
    }

    /// What the connections come to between nodes, in the order in which they were made.
    pub fn edges(&self) -> impl ExactSizeIterator<Item = &Edge> {
        self.edges.iter()
    }

    /// Orders about placement.
    pub fn wishes(&self) -> &Wishes {
        &self.wishes
    }

    /// The ports that users of the graph see, by the names they have for them.
    pub fn exports(&self) -> &IndexMap<String, Export> {
        &self.exports
    }

    /// The graphs that were copied into this one, by the prefix of their parts, in the order in which they were.
    pub fn subgraphs(&self) -> &IndexMap<String, Subgraph> {
        &self.subgraphs
    }
}
