//! Instances of one component under one name.

use std::sync::Arc;

use super::{Definition, Graph, GraphError, Node};

/// More members than anything could run; whoever asks for more has mistaken something.
pub const MAX_MEMBERS: usize = 100_000;

/// Instances of one component under one name, and how the items that come to the name are shared out among them.
#[derive(Debug, Clone)]
pub struct Group<V> {
    /// The nodes, by position, in the order of their numbers. Never empty; all of one definition.
    pub members: Vec<usize>,
    /// How each inport shares items out, by its position in the definition; `None` where nothing was said, which
    /// comes to [`Policy::Balanced`].
    pub policies: Vec<Option<Policy<V>>>,
}

/// Which member of a group gets an item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Policy<V> {
    /// The one with most room.
    Balanced,
    /// One after the other.
    RoundRobin,
    /// Every one of them.
    Broadcast,
    /// Always the same for items for which this function gives equal keys.
    Keyed(V),
}

impl<V> Policy<V> {
    /// What it is called, without the function that it may have.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Balanced => "balanced",
            Self::RoundRobin => "round_robin",
            Self::Broadcast => "broadcast",
            Self::Keyed(_) => "keyed",
        }
    }
}

impl<V> Graph<V> {
    /// Adds `n` instances of one component as a group, named `name_0`, `name_1`, …, and gives its position.
    ///
    /// # Errors
    ///
    /// When `n` is 0, or the group's name or that of a member is empty or taken.
    pub fn add_group(
        &mut self,
        name: impl Into<String>,
        definition: Arc<Definition<V>>,
        n: usize,
    ) -> Result<usize, GraphError> {
        self.adopt_group(name, (0..n).map(|_| Node::new(definition.clone())).collect())
    }

    /// Adds instances of one component that were described before as a group, as [`add_group`](Self::add_group) does.
    ///
    /// # Errors
    ///
    /// As for [`add_group`](Self::add_group), and when they are instances of several components.
    pub fn adopt_group(&mut self, name: impl Into<String>, nodes: Vec<Node<V>>) -> Result<usize, GraphError> {
        let name = name.into();
        let Some(node) = nodes.first() else { return Err(GraphError::EmptyGroup { group: name }) };
        if let Some(other) = nodes.iter().find(|other| !Arc::ptr_eq(&other.definition, &node.definition)) {
            let (first, other) = (node.definition.name.clone(), other.definition.name.clone());
            return Err(GraphError::MixedGroup { group: name, first, other });
        }
        let policies = node.definition.inports.iter().map(|_| None).collect();
        let names: Vec<_> = (0..nodes.len()).map(|number| format!("{name}_{number}")).collect();
        self.check_parts("group", &name, &names)?;
        let named = names.into_iter().zip(nodes);
        let members: Vec<_> = named.map(|(name, node)| self.nodes.insert_full(name, node).0).collect();
        self.memberships.extend(members.iter().map(|&member| (member, self.groups.len())));
        Ok(self.groups.insert_full(name, Group { members, policies }).0)
    }

    /// The position of the group that a node is a member of.
    pub fn group_of(&self, node: usize) -> Option<usize> {
        self.memberships.get(&node).copied()
    }
}
