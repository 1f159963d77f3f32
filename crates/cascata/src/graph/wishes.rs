//! Orders about placement, which overrule the automatic one.

use std::collections::BTreeMap;

/// What the author of a graph wants to run where. Nodes are named by position.
#[derive(Debug, Clone, Default)]
pub struct Wishes {
    /// Nodes that run on a given worker.
    pub pins: BTreeMap<usize, usize>,
    /// Nodes that run on the same worker, whichever it is.
    pub together: Vec<Vec<usize>>,
}
