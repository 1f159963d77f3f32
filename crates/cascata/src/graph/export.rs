//! Ports that users of a graph see.

use super::{End, Graph, GraphError, Policy, PortKind};

/// A port that users of a graph see, by its position.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Export {
    /// What it is a port of.
    pub end: End,
    /// Inport or outport.
    pub kind: PortKind,
    /// The port, by its position among those of its kind.
    pub port: usize,
    /// Whether connections from it gather in order; see [`Link::ordered`](super::Link::ordered).
    pub ordered: bool,
}

impl<V: PartialEq> Graph<V> {
    /// Lets users of the graph see a port of a node or group, by the name `export`. With it can be said how the port
    /// gathers, if it is an outport, or shares out.
    ///
    /// # Errors
    ///
    /// When there is no such port, when it is a persistent value, or when the name is empty or taken; and as for
    /// [`share`](Self::share).
    pub fn export(
        &mut self,
        export: impl Into<String>,
        name: &str,
        (kind, port): (PortKind, &str),
        ordered: bool,
        policy: Option<Policy<V>>,
    ) -> Result<(), GraphError> {
        let export = export.into();
        let end = self.end(name)?;
        let position = self.port_of(&end, kind, port)?;
        if kind == PortKind::Persist {
            return Err(GraphError::NoExport { port: format!("{name}.{port}") });
        }
        self.check_name(&export)?;
        if let Some(policy) = policy {
            self.share(name, port, policy)?;
        }
        self.exports.insert(export, Export { end, kind, port: position, ordered });
        Ok(())
    }
}
