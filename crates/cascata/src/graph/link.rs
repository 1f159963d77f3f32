//! Connections as they were said, and what they come to between nodes.

use super::{Edge, Graph};

/// One side of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum End {
    /// A node, by position.
    Node(usize),
    /// A group, by position.
    Group(usize),
}

/// A connection from an outport to an inport as it was said: of nodes or of whole groups.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Link {
    /// The producer.
    pub from: End,
    /// The producer's outport.
    pub outport: usize,
    /// The consumer.
    pub to: End,
    /// The consumer's inport.
    pub inport: usize,
    /// Whether results of a group leave it in the order of what its members were given. Without meaning where nothing
    /// is gathered.
    pub ordered: bool,
}

impl<V> Graph<V> {
    /// The nodes that an end stands for: itself, or the members of the group.
    ///
    /// # Panics
    ///
    /// When there is no such group.
    pub fn members<'a>(&'a self, end: &'a End) -> &'a [usize] {
        match end {
            End::Node(node) => std::slice::from_ref(node),
            End::Group(group) => &self.groups[*group].members,
        }
    }

    /// Whether a connection joins the members of two groups of one size one to one. A policy of the inport rules this
    /// out: then the items of all are gathered and shared out as it says.
    ///
    /// # Panics
    ///
    /// When it names what there is not.
    pub fn is_paired(&self, link: &Link) -> bool {
        match (link.from, link.to) {
            (End::Group(from), End::Group(to)) => {
                let (from, to) = (&self.groups[from], &self.groups[to]);
                from.members.len() == to.members.len() && to.policies[link.inport].is_none()
            }
            _ => false,
        }
    }

    /// Whether a connection needs a group connector: what shares out what comes to a group, or gathers what comes from
    /// one.
    ///
    /// # Panics
    ///
    /// When it names what there is not.
    pub fn is_shared_or_gathered(&self, link: &Link) -> bool {
        let of_group = |end| matches!(end, End::Group(_));
        (of_group(link.from) || of_group(link.to)) && !self.is_paired(link)
    }

    /// Whether a connection shares items out among the members of a group: each goes to one of them.
    ///
    /// # Panics
    ///
    /// When it names what there is not.
    pub fn is_shared_out(&self, link: &Link) -> bool {
        let End::Group(group) = link.to else { return false };
        !self.is_paired(link) && !self.is_broadcast(group, link.inport)
    }

    /// What a connection comes to between nodes.
    pub(crate) fn expand(&self, link: &Link) -> Vec<Edge> {
        let edge = |from, to| Edge { from, outport: link.outport, to, inport: link.inport };
        let (from, to) = (self.members(&link.from), self.members(&link.to));
        if self.is_paired(link) {
            return from.iter().zip(to).map(|(&from, &to)| edge(from, to)).collect();
        }
        from.iter().flat_map(|&from| to.iter().map(move |&to| edge(from, to))).collect()
    }
}
