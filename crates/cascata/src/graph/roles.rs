//! What the trigger groups of a component come to, declared or not.

use super::{Graph, Node, Taps};

impl<V> Graph<V> {
    /// Whether an outport is connected to this inport.
    pub fn is_connected(&self, node: usize, inport: usize) -> bool {
        self.connected.contains(&(node, inport))
    }

    /// The value on an inport as it stands: a default, declared or set, counts only while the port is not connected.
    ///
    /// # Panics
    ///
    /// When there is no such node or inport.
    pub fn initial(&self, node: usize, inport: usize) -> Option<&V> {
        let Node { definition, initials, .. } = &self.nodes[node];
        match &initials[inport] {
            Some(initial) if initial.explicit => Some(&initial.value),
            _ if self.is_connected(node, inport) => None,
            Some(initial) => Some(&initial.value),
            None => definition.inports[inport].default.as_ref(),
        }
    }

    /// The trigger groups of a component, as positions of inports: those declared, or else one of all inports that
    /// are connected or fed by a tap. None: the component fires once.
    ///
    /// # Panics
    ///
    /// When there is no such node.
    pub fn trigger_groups(&self, node: usize, taps: &Taps) -> Vec<Vec<usize>> {
        let Node { definition, triggers, .. } = &self.nodes[node];
        if !triggers.is_empty() {
            return triggers.clone();
        }
        let fed = |&inport: &usize| self.is_connected(node, inport) || taps.contains(&(node, inport));
        let group: Vec<_> = (0..definition.inports.len()).filter(fed).collect();
        if group.is_empty() { Vec::new() } else { vec![group] }
    }
}
