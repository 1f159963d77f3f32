//! Taps: the unconnected exports of a graph, which the calling program feeds or reads while the graph runs.
//!
//! A tap is a node like any other, connected to what is exported, except that nothing runs it. So whatever holds of
//! connections holds of taps: checks, trigger groups, how groups share out and gather, the ends of channels.

use std::sync::Arc;

use super::{Definition, End, Export, Graph, GraphError, Inport, Link, Node, Outport, PortKind};

/// Items that fit between a graph and who reads it, as of any inport that says nothing else.
const CAPACITY: usize = 10;
/// The port of a tap.
const PORT: &str = "tap";

/// An unconnected export.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tap {
    /// Its node, by position; its name is that of the first export.
    pub node: usize,
    /// The names of what is exported here: one port may have several.
    pub exports: Vec<String>,
    /// Whether it is an inport that is exported, so that the calling program feeds it rather than reads it.
    pub feeds: bool,
}

impl<V: Clone> Graph<V> {
    /// The graph with a node for each of its taps, which come after all others, and these taps.
    ///
    /// An exported inport that has a value keeps it, and is no tap, unless it is one of `fed`. The nodes are instances of
    /// components of that `payload`.
    ///
    /// # Errors
    ///
    /// [`GraphError::NoTap`] when `fed` names what is no unconnected exported inport.
    pub fn tapped(&self, payload: &V, fed: &[String]) -> Result<(Self, Vec<Tap>), GraphError> {
        let open = |export: &Export| export.kind == PortKind::Inport && !self.is_export_connected(export);
        if let Some(export) = fed.iter().find(|name| !self.exports.get(*name).is_some_and(open)) {
            let names = self.exports.iter().filter(|(_, export)| open(export)).map(|(name, _)| name.clone());
            return Err(GraphError::NoTap { export: export.clone(), exports: names.collect() });
        }
        let mut tapped = self.clone();
        let mut taps: Vec<(Export, Tap)> = Vec::new();
        for (name, export) in &self.exports {
            if self.is_export_connected(export) {
                continue;
            }
            if let Some((_, tap)) = taps.iter_mut().find(|(other, _)| other == export) {
                tap.exports.push(name.clone());
                continue;
            }
            let aliases = self.exports.iter().filter(|(_, other)| *other == export).map(|(alias, _)| alias);
            if self.has_value(export) && !aliases.into_iter().any(|alias| fed.contains(alias)) {
                continue;
            }
            let (node, feeds) = (tapped.nodes.len(), export.kind == PortKind::Inport);
            tapped.nodes.insert(name.clone(), Node::new(Arc::new(definition(feeds, payload.clone()))));
            let (ours, theirs, port) = (End::Node(node), export.end, export.port);
            let ordered = export.ordered;
            let link = if feeds {
                Link { from: ours, outport: 0, to: theirs, inport: port, ordered }
            } else {
                Link { from: theirs, outport: port, to: ours, inport: 0, ordered }
            };
            let edges = tapped.expand(&link);
            tapped.insert(link, edges);
            taps.push((*export, Tap { node, exports: vec![name.clone()], feeds }));
        }
        Ok((tapped, taps.into_iter().map(|(_, tap)| tap).collect()))
    }

    /// Whether anything is connected to an exported port, or, of a group, to that of a member.
    pub fn is_export_connected(&self, export: &Export) -> bool {
        let members = self.members(&export.end);
        match export.kind {
            PortKind::Inport => members.iter().any(|&member| self.is_connected(member, export.port)),
            _ => self.edges().any(|edge| edge.outport == export.port && members.contains(&edge.from)),
        }
    }

    /// Whether an exported inport has a value.
    fn has_value(&self, export: &Export) -> bool {
        let has = |&member: &usize| self.initial(member, export.port).is_some();
        export.kind == PortKind::Inport && self.members(&export.end).iter().any(has)
    }
}

/// What the node of a tap is an instance of.
fn definition<V>(feeds: bool, payload: V) -> Definition<V> {
    let port = PORT.to_owned();
    let (inports, outports) = if feeds {
        (Vec::new(), vec![Outport { name: port }])
    } else {
        (vec![Inport { name: port, capacity: Some(CAPACITY), default: None }], Vec::new())
    };
    let (name, module, persists) = (PORT.to_owned(), String::new(), Vec::new());
    Definition { name, module, inports, outports, persists, payload }
}
