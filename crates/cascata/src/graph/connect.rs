//! Connections, and how groups share out what comes by them.

use indexmap::IndexSet;

use super::{Edge, End, Graph, GraphError, Link, Policy, PortKind};

impl<V> Graph<V> {
    /// Connects an outport to an inport. Either may be that of a whole group.
    ///
    /// What comes to a group is shared out among its members; what comes from one is gathered in the order of what
    /// its members were given. Between groups of one size member feeds member.
    ///
    /// # Errors
    ///
    /// When one of them does not exist, or when they are connected already.
    pub fn connect(&mut self, from: &str, outport: &str, to: &str, inport: &str) -> Result<(), GraphError> {
        self.link(from, outport, to, inport, true)
    }

    /// Connects as [`connect`](Self::connect) does, but what a group sends is delivered as it comes.
    ///
    /// # Errors
    ///
    /// As for [`connect`](Self::connect).
    pub fn connect_unordered(&mut self, from: &str, outport: &str, to: &str, inport: &str) -> Result<(), GraphError> {
        self.link(from, outport, to, inport, false)
    }

    /// Says how a group shares out what comes to one of its inports.
    ///
    /// # Errors
    ///
    /// When there is no such group or inport, when another policy was chosen for it, or when it joins what was
    /// connected one to one and some of it is connected already.
    pub fn share(&mut self, group: &str, inport: &str, policy: Policy<V>) -> Result<(), GraphError>
    where
        V: PartialEq,
    {
        let end = self.end(group)?;
        let port = self.port(self.members(&end)[0], PortKind::Inport, inport)?;
        let End::Group(position) = end else {
            let policy = policy.name();
            return Err(GraphError::NoGroup { node: group.to_owned(), port: inport.to_owned(), policy });
        };
        let present = &mut self.groups[position].policies[port];
        match present {
            Some(present) if *present == policy => return Ok(()),
            Some(present) => {
                let (present, policy) = (present.name(), policy.name());
                let (group, port) = (group.to_owned(), inport.to_owned());
                return Err(GraphError::OtherPolicy { group, port, present, policy });
            }
            None => *present = Some(policy),
        }
        match self.expanded() {
            Ok(edges) => self.edges = edges,
            Err(error) => {
                self.groups[position].policies[port] = None;
                return Err(error);
            }
        }
        Ok(())
    }

    fn link(&mut self, from: &str, outport: &str, to: &str, inport: &str, ordered: bool) -> Result<(), GraphError> {
        let (from, to) = (self.end(from)?, self.end(to)?);
        let outport = self.port(self.members(&from)[0], PortKind::Outport, outport)?;
        let inport = self.port(self.members(&to)[0], PortKind::Inport, inport)?;
        let link = Link { from, outport, to, inport, ordered };
        let edges = self.expand(&link);
        if let Some(edge) = edges.iter().find(|edge| self.edges.contains(*edge)) {
            return Err(self.connected_twice(*edge, &link));
        }
        self.connected.extend(edges.iter().map(|edge| (edge.to, edge.inport)));
        self.edges.extend(edges);
        self.links.push(link);
        Ok(())
    }

    /// What all connections come to between nodes.
    fn expanded(&self) -> Result<IndexSet<Edge>, GraphError> {
        let mut edges = IndexSet::with_capacity(self.edges.len());
        for link in &self.links {
            for edge in self.expand(link) {
                if !edges.insert(edge) {
                    return Err(self.connected_twice(edge, link));
                }
            }
        }
        Ok(edges)
    }

    /// The error of a connection that brings what another one brings already.
    fn connected_twice(&self, edge: Edge, link: &Link) -> GraphError {
        let (from, to) = (self.outport_name(edge.from, edge.outport), self.inport_name(edge.to, edge.inport));
        let other = self.links.iter().find(|other| *other != link && self.expand(other).contains(&edge));
        let text = |link: &Link| {
            let (from, to) = (self.members(&link.from)[0], self.members(&link.to)[0]);
            let (outport, inport) = (
                &self.nodes[from].definition.outports[link.outport].name,
                &self.nodes[to].definition.inports[link.inport].name,
            );
            format!("{}.{outport} >> {}.{inport}", self.end_name(&link.from), self.end_name(&link.to))
        };
        let other = other.map(text).filter(|other| *other != format!("{from} >> {to}"));
        GraphError::DuplicateEdge { from, to, other }
    }
}
