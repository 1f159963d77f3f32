//! What a channel has to do with the feedback loop that its receiver belongs to.

use cascata_shm::Gate;

/// The gate before a channel; where there is none, nothing here does anything.
#[derive(Debug, Default)]
pub(super) struct Doorway {
    gate: Option<Gate>,
}

impl Doorway {
    pub fn new(gate: Option<Gate>) -> Self {
        Self { gate }
    }

    /// The gate, if there is one.
    pub fn gates(&self) -> &[Gate] {
        self.gate.as_slice()
    }

    /// The receiver has found nothing and is going to wait. Whether it is to look once more.
    pub fn expect(&self) -> bool {
        if let Some(gate) = &self.gate {
            gate.expect();
        }
        self.gate.is_some()
    }

    /// Something has come for which the receiver waits; it is going to be woken.
    pub fn pass(&self) {
        if let Some(gate) = &self.gate {
            gate.pass();
        }
    }

    /// One more item waits for room: it keeps the loop open.
    pub fn wait(&self) {
        if let Some(gate) = &self.gate {
            gate.cycle().enter();
        }
    }

    /// So many items wait no longer.
    pub fn waited(&self, items: usize) {
        if let Some(gate) = &self.gate {
            gate.cycle().leave(items);
        }
    }

    /// Whether the loop has closed: the receiver takes nothing more.
    pub fn is_closed(&self) -> bool {
        self.gate.as_ref().is_some_and(|gate| gate.cycle().is_closed())
    }
}
