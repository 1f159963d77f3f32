//! Connections, and how groups share out what comes by them.

use indexmap::IndexSet;

use super::{Batch, Edge, End, Graph, GraphError, Link, Policy, PortKind};

impl<V> Graph<V> {
    /// Adds a connection that comes to these edges.
    pub(super) fn insert(&mut self, link: Link, edges: Vec<Edge>) {
        self.connected.extend(edges.iter().map(|edge| (edge.to, edge.inport)));
        self.edges.extend(edges);
        self.links.push(link);
    }
}

impl<V: PartialEq> Graph<V> {
    /// Connects an outport to an inport. Either may be that of a whole group.
    ///
    /// What comes to a group is shared out among its members; what comes from one is gathered in the order of what
    /// its members were given. Between groups of one size member feeds member.
    ///
    /// # Errors
    ///
    /// When one of them does not exist, or when they are connected already.
    pub fn connect(&mut self, from: &str, outport: &str, to: &str, inport: &str) -> Result<(), GraphError> {
        self.link(from, outport, to, inport, true, None)
    }

    /// Connects as [`connect`](Self::connect) does, but what a group sends is delivered as it comes.
    ///
    /// # Errors
    ///
    /// As for [`connect`](Self::connect).
    pub fn connect_unordered(&mut self, from: &str, outport: &str, to: &str, inport: &str) -> Result<(), GraphError> {
        self.link(from, outport, to, inport, false, None)
    }

    /// Connects an outport to an inport and may say how it gathers and shares out.
    ///
    /// # Errors
    ///
    /// As for [`connect`](Self::connect) and for [`share`](Self::share).
    pub fn link(
        &mut self,
        from: &str,
        outport: &str,
        to: &str,
        inport: &str,
        ordered: bool,
        policy: Option<Policy<V>>,
    ) -> Result<(), GraphError> {
        let (from, sink) = (self.end(from)?, self.end(to)?);
        let out = self.port_of(&from, PortKind::Outport, outport)?;
        let inp = self.port_of(&sink, PortKind::Inport, inport)?;
        let chosen = match policy {
            Some(policy) => self.choose(to, inport, policy)?,
            None => None,
        };
        let link = Link { from, outport: out, to: sink, inport: inp, ordered };
        let edges = self.expand(&link);
        if let Some(edge) = edges.iter().find(|edge| self.edges.contains(*edge)) {
            let error = self.connected_twice(*edge, &link);
            if let Some(chosen) = chosen {
                self.take_back(chosen);
            }
            return Err(error);
        }
        self.insert(link, edges);
        Ok(())
    }

    /// Connects as [`link`](Self::link) does, to an inport that delivers its items in batches: all of them, whoever
    /// sends them.
    ///
    /// # Errors
    ///
    /// As for [`link`](Self::link) and for [`set_batch`](Self::set_batch).
    #[expect(clippy::too_many_arguments, reason = "those of `link`, and the batch")]
    pub fn link_in_batches(
        &mut self,
        from: &str,
        outport: &str,
        to: &str,
        inport: &str,
        ordered: bool,
        policy: Option<Policy<V>>,
        batch: Batch,
    ) -> Result<(), GraphError> {
        let before = self.set_batch(to, inport, batch)?;
        let linked = self.link(from, outport, to, inport, ordered, policy);
        if linked.is_err() {
            let end = self.end(to)?;
            let port = self.port_of(&end, PortKind::Inport, inport)?;
            for (node, before) in self.members(&end).to_vec().into_iter().zip(before) {
                self.nodes[node].batches[port] = before;
            }
        }
        linked
    }

    /// Connects an outport to an inport that delivers its items in batches.
    ///
    /// # Errors
    ///
    /// As for [`link_in_batches`](Self::link_in_batches).
    pub fn connect_in_batches(
        &mut self,
        from: &str,
        outport: &str,
        to: &str,
        inport: &str,
        batch: Batch,
    ) -> Result<(), GraphError> {
        self.link_in_batches(from, outport, to, inport, true, None, batch)
    }

    /// Says how a group shares out what comes to one of its inports.
    ///
    /// # Errors
    ///
    /// When there is no such group or inport, when another policy was chosen for it, or when it joins what was
    /// connected one to one and some of it is connected already.
    pub fn share(&mut self, group: &str, inport: &str, policy: Policy<V>) -> Result<(), GraphError> {
        self.choose(group, inport, policy).map(drop)
    }

    /// Chooses a policy and gives, if that is new, the group and the inport that have it now.
    fn choose(&mut self, name: &str, inport: &str, policy: Policy<V>) -> Result<Option<(usize, usize)>, GraphError> {
        let end = self.end(name)?;
        let port = self.port_of(&end, PortKind::Inport, inport)?;
        let End::Group(group) = end else {
            let policy = policy.name();
            return Err(GraphError::NoGroup { node: name.to_owned(), port: inport.to_owned(), policy });
        };
        if let Some(present) = &self.groups[group].policies[port] {
            if *present == policy {
                return Ok(None);
            }
            let (present, policy) = (present.name(), policy.name());
            let (group, port) = (name.to_owned(), inport.to_owned());
            return Err(GraphError::OtherPolicy { group, port, present, policy });
        }
        let unpaired = |link: &Link| (link.to, link.inport) == (end, port) && self.is_paired(link);
        let unpairs = self.links.iter().any(unpaired);
        self.groups[group].policies[port] = Some(policy);
        if unpairs {
            match self.expanded() {
                Ok(edges) => self.edges = edges,
                Err(error) => {
                    self.groups[group].policies[port] = None;
                    return Err(error);
                }
            }
        }
        Ok(Some((group, port)))
    }

    /// Makes it as if a policy had never been chosen.
    fn take_back(&mut self, (group, inport): (usize, usize)) {
        self.groups[group].policies[inport] = None;
        if let Ok(edges) = self.expanded() {
            self.edges = edges;
        }
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
        let other = self.links.iter().find(|&other| !std::ptr::eq(other, link) && self.expand(other).contains(&edge));
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
