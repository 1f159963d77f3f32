//! Graphs as parts of others: copies under a prefix.

use std::ops::Range;

use indexmap::IndexMap;

use super::{Edge, End, Export, Graph, GraphError, Group, Link};

/// A graph that was copied into another, whose parts its own became.
#[derive(Debug, Clone)]
pub struct Subgraph {
    /// Its nodes, by position.
    pub nodes: Range<usize>,
    /// Its groups, by position.
    pub groups: Range<usize>,
    /// Its own subgraphs, and theirs, by position.
    pub subgraphs: Range<usize>,
    /// The ports that it exports, by the names it has for them.
    pub exports: IndexMap<String, Export>,
}

impl<V: Clone> Graph<V> {
    /// Puts a copy of `other` into this graph, every name in it with `name_` in front, and with all that was said in
    /// it: connections, values, triggers, groups, weights, orders about placement, subgraphs of its own.
    ///
    /// # Errors
    ///
    /// When the name, or that of a part, is empty or taken.
    pub fn embed(&mut self, name: impl Into<String>, other: &Self) -> Result<(), GraphError> {
        let name = name.into();
        let rename = |part: &str| format!("{name}_{part}");
        let parts: Vec<_> = other.names().map(|part| rename(&part)).collect();
        self.check_parts("subgraph", &name, &parts)?;
        let shift = self.shift();
        self.absorb(other, rename);
        let end = self.shift();
        let subgraph = Subgraph {
            nodes: shift.nodes..end.nodes,
            groups: shift.groups..end.groups,
            subgraphs: shift.subgraphs..end.subgraphs,
            exports: shift.exports(&other.exports),
        };
        self.subgraphs.insert(name, subgraph);
        Ok(())
    }

    /// A copy with `prefix_` in front of every name but those of the exports.
    #[must_use]
    pub fn prefixed(&self, prefix: &str) -> Self {
        let mut copy = Self::new();
        copy.absorb(self, |part| format!("{prefix}_{part}"));
        copy.exports.clone_from(&self.exports);
        copy
    }

    /// Adds all of another graph but its exports, under names that must be new.
    fn absorb(&mut self, other: &Self, rename: impl Fn(&str) -> String) {
        let shift = self.shift();
        self.nodes.extend(other.nodes.iter().map(|(name, node)| (rename(name), node.clone())));
        self.groups.extend(other.groups.iter().map(|(name, group)| {
            let members = group.members.iter().map(|&member| shift.node(member)).collect();
            (rename(name), Group { members, policies: group.policies.clone() })
        }));
        self.memberships
            .extend(other.memberships.iter().map(|(&node, &group)| (shift.node(node), shift.groups + group)));
        self.links.extend(other.links.iter().map(|link| Link {
            from: shift.end(&link.from),
            to: shift.end(&link.to),
            ..*link
        }));
        self.edges.extend(other.edges.iter().map(|edge| Edge {
            from: shift.node(edge.from),
            to: shift.node(edge.to),
            ..*edge
        }));
        self.connected.extend(other.connected.iter().map(|&(node, inport)| (shift.node(node), inport)));
        self.wishes.pins.extend(other.wishes.pins.iter().map(|(&node, &worker)| (shift.node(node), worker)));
        let together = other.wishes.together.iter();
        self.wishes.together.extend(together.map(|set| set.iter().map(|&node| shift.node(node)).collect()));
        self.subgraphs.extend(other.subgraphs.iter().map(|(name, subgraph)| {
            let moved = |range: &Range<usize>, by| range.start + by..range.end + by;
            let subgraph = Subgraph {
                nodes: moved(&subgraph.nodes, shift.nodes),
                groups: moved(&subgraph.groups, shift.groups),
                subgraphs: moved(&subgraph.subgraphs, shift.subgraphs),
                exports: shift.exports(&subgraph.exports),
            };
            (rename(name), subgraph)
        }));
    }

    /// Where the parts of another graph will stand when they are added to this one.
    fn shift(&self) -> Shift {
        Shift { nodes: self.nodes.len(), groups: self.groups.len(), subgraphs: self.subgraphs.len() }
    }
}

/// How far positions move when a graph is added to another.
#[derive(Clone, Copy)]
struct Shift {
    nodes: usize,
    groups: usize,
    subgraphs: usize,
}

impl Shift {
    fn node(self, node: usize) -> usize {
        self.nodes + node
    }

    fn end(self, end: &End) -> End {
        match end {
            End::Node(node) => End::Node(self.node(*node)),
            End::Group(group) => End::Group(self.groups + group),
        }
    }

    fn exports(self, exports: &IndexMap<String, Export>) -> IndexMap<String, Export> {
        let moved = |export: &Export| Export { end: self.end(&export.end), ..*export };
        exports.iter().map(|(name, export)| (name.clone(), moved(export))).collect()
    }
}
