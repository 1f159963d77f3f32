//! From names to positions and back.

use super::{End, Graph, GraphError, PortKind};

impl<V> Graph<V> {
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
        self.port_of(&End::Node(node), kind, port)
    }

    /// Position of a port of a node or group.
    pub(super) fn port_of(&self, end: &End, kind: PortKind, port: &str) -> Result<usize, GraphError> {
        let definition = &self.nodes[self.members(end)[0]].definition;
        definition.position(kind, port).ok_or_else(|| GraphError::UnknownPort {
            node: self.end_name(end).to_owned(),
            port: port.to_owned(),
            kind,
            is: [PortKind::Inport, PortKind::Outport, PortKind::Persist]
                .into_iter()
                .find(|&other| definition.position(other, port).is_some()),
            ports: definition.names(kind),
        })
    }

    /// Whether a name can be given to something new.
    pub(super) fn check_name(&self, name: &str) -> Result<(), GraphError> {
        if name.is_empty() {
            return Err(GraphError::Unnamed);
        }
        match self.taken(name) {
            Some(taken) => Err(GraphError::NameTaken { name: name.to_owned(), taken }),
            None => Ok(()),
        }
    }

    /// Whether all these names can be given to the parts of a group or subgraph that is new.
    pub(super) fn check_parts(&self, whole: &'static str, name: &str, parts: &[String]) -> Result<(), GraphError> {
        self.check_name(name)?;
        for part in parts {
            if let Some(taken) = self.taken(part) {
                return Err(GraphError::PartTaken { whole, name: name.to_owned(), part: part.clone(), taken });
            }
        }
        Ok(())
    }

    /// What goes by a name, with an article. All that has a name in a graph shares one space of names.
    fn taken(&self, name: &str) -> Option<&'static str> {
        let exported = |(subgraph, described): (&String, &super::Subgraph)| {
            let export = name.strip_prefix(subgraph.as_str()).and_then(|rest| rest.strip_prefix('_'));
            export.is_some_and(|export| described.exports.contains_key(export))
        };
        if self.nodes.contains_key(name) {
            Some("a component")
        } else if self.groups.contains_key(name) {
            Some("a group")
        } else if self.subgraphs.contains_key(name) {
            Some("a subgraph")
        } else if self.exports.contains_key(name) || self.subgraphs.iter().any(exported) {
            Some("an export")
        } else {
            None
        }
    }

    /// All names in the graph.
    pub(super) fn names(&self) -> impl Iterator<Item = String> {
        let exported = self.subgraphs.iter().flat_map(|(subgraph, described)| {
            described.exports.keys().map(move |export| format!("{subgraph}_{export}"))
        });
        let own = self.nodes.keys().chain(self.groups.keys()).chain(self.subgraphs.keys()).chain(self.exports.keys());
        own.cloned().chain(exported)
    }

    /// `component.port`, as errors and reports name an inport.
    pub(crate) fn inport_name(&self, node: usize, inport: usize) -> String {
        format!("{}.{}", self.name(node), self.nodes[node].definition.inports[inport].name)
    }

    /// `component.port`, as errors and reports name an outport.
    pub(crate) fn outport_name(&self, node: usize, outport: usize) -> String {
        format!("{}.{}", self.name(node), self.nodes[node].definition.outports[outport].name)
    }

    /// Name of a node or group; empty if there is no such one.
    pub fn end_name(&self, end: &End) -> &str {
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
