//! Ports that users of a graph see.

use super::{End, Graph, GraphError, PortKind};

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

impl<V> Graph<V> {
    /// Lets users of the graph see a port, by the name `export`.
    ///
    /// # Errors
    ///
    /// When there is no such port, when it is a persistent value, or when the name is empty or taken.
    pub fn export(
        &mut self,
        export: impl Into<String>,
        name: &str,
        kind: PortKind,
        port: &str,
        ordered: bool,
    ) -> Result<(), GraphError> {
        let export = export.into();
        let end = self.end(name)?;
        let position = self.port_of(&end, kind, port)?;
        if kind == PortKind::Persist {
            return Err(GraphError::NoExport { port: format!("{name}.{port}") });
        }
        self.check_name(&export)?;
        self.exports.insert(export, Export { end, kind, port: position, ordered });
        Ok(())
    }
}
