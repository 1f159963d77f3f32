//! A connection.

/// A connection from an outport to an inport, by the positions of nodes and ports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Edge {
    /// The producer.
    pub from: usize,
    /// The producer's outport.
    pub outport: usize,
    /// The consumer.
    pub to: usize,
    /// The consumer's inport.
    pub inport: usize,
}
