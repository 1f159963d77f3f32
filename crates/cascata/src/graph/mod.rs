//! A graph as plain data: nodes, connections, trigger groups, weights and orders about placement.
//!
//! Every step of building is checked where it is made ([`GraphError`]); what only the whole can tell is found by
//! [`check`]. Nothing here runs anything.

mod batch;
mod build;
mod check;
mod definition;
mod edge;
mod error;
mod issue;
mod node;
mod order;
mod roles;
mod wishes;

pub use batch::Batch;
pub use check::check;
pub use definition::{Definition, Inport, Outport, Persist};
pub use edge::Edge;
pub(crate) use error::sentence;
pub use error::{GraphError, PortKind};
pub use issue::Issue;
pub use node::{Initial, Node, PersistSetting};
pub(crate) use order::strong_components;
pub use wishes::Wishes;

use std::collections::HashSet;

use indexmap::{IndexMap, IndexSet};

/// Inports that the calling program feeds, as positions of node and inport.
pub type Taps = HashSet<(usize, usize)>;

/// A graph while it is described. `V` is a value of the language it is described in.
#[derive(Debug, Clone)]
pub struct Graph<V> {
    nodes: IndexMap<String, Node<V>>,
    edges: IndexSet<Edge>,
    /// The inports that an edge leads to, as (node, inport).
    connected: HashSet<(usize, usize)>,
    wishes: Wishes,
}

impl<V> Default for Graph<V> {
    fn default() -> Self {
        Self { nodes: IndexMap::new(), edges: IndexSet::new(), connected: HashSet::new(), wishes: Wishes::default() }
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

    /// The connections, in the order in which they were made.
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

    /// Name of the node at a position.
    pub(crate) fn name(&self, node: usize) -> &str {
        self.nodes.get_index(node).map_or("", |(name, _)| name)
    }
}
