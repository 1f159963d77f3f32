//! A graph as plain data: nodes, connections, trigger groups, weights and orders about placement.
//!
//! Every step of building is checked where it is made ([`GraphError`]); what only the whole can tell is found by
//! [`check`]. Nothing here runs anything.

mod build;
mod check;
mod connect;
mod definition;
mod edge;
mod error;
mod group;
mod issue;
mod link;
mod node;
mod order;
mod roles;
mod wishes;

pub use check::check;
pub use definition::{Definition, Inport, Outport, Persist};
pub use edge::Edge;
pub(crate) use error::sentence;
pub use error::{GraphError, PortKind};
pub use group::{Group, Policy};
pub use issue::Issue;
pub use link::{End, Link};
pub use node::{Initial, Node, PersistSetting};
pub(crate) use order::strong_components;
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

    /// Position of a node.
    ///
    /// # Errors
    ///
    /// [`GraphError::UnknownNode`]
    pub fn position(&self, node: &str) -> Result<usize, GraphError> {
        self.nodes.get_index_of(node).ok_or_else(|| GraphError::UnknownNode {
            node: node.to_owned(),
            nodes: self.nodes.keys().cloned().collect(),
        })
    }

    /// The node or group of this name.
    ///
    /// # Errors
    ///
    /// [`GraphError::UnknownNode`]
    pub fn end(&self, name: &str) -> Result<End, GraphError> {
        match self.groups.get_index_of(name) {
            Some(group) => Ok(End::Group(group)),
            None => self.position(name).map(End::Node),
        }
    }

    /// Position of a port of the node at `node`.
    ///
    /// # Errors
    ///
    /// [`GraphError::UnknownPort`]
    ///
    /// # Panics
    ///
    /// When there is no such node.
    pub fn port(&self, node: usize, kind: PortKind, port: &str) -> Result<usize, GraphError> {
        let definition = &self.nodes[node].definition;
        definition.position(kind, port).ok_or_else(|| GraphError::UnknownPort {
            node: self.nodes.get_index(node).map(|(name, _)| name.clone()).unwrap_or_default(),
            port: port.to_owned(),
            kind,
            is: [PortKind::Inport, PortKind::Outport, PortKind::Persist]
                .into_iter()
                .find(|&other| definition.position(other, port).is_some()),
            ports: definition.names(kind),
        })
    }

    /// `component.port`, as errors and reports name an inport.
    pub(crate) fn inport_name(&self, node: usize, inport: usize) -> String {
        format!("{}.{}", self.name(node), self.nodes[node].definition.inports[inport].name)
    }

    /// `component.port`, as errors and reports name an outport.
    pub(crate) fn outport_name(&self, node: usize, outport: usize) -> String {
        format!("{}.{}", self.name(node), self.nodes[node].definition.outports[outport].name)
    }

    /// Name of a node or group.
    pub(crate) fn end_name(&self, end: &End) -> &str {
        match end {
            End::Node(node) => self.name(*node),
            End::Group(group) => self.groups.get_index(*group).map_or("", |(name, _)| name),
        }
    }

    /// Name of the node at a position.
    pub(crate) fn name(&self, node: usize) -> &str {
        self.nodes.get_index(node).map_or("", |(name, _)| name)
    }
}
