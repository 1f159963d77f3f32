//! Who waits at gates: a trigger group, as a rule.

use std::mem;

use super::{Cycle, Found, Gate};

/// Somebody who reads channels of a cycle, and holds a part of it except while it rests.
#[derive(Debug)]
pub struct Reader {
    cycle: Cycle,
    rests: bool,
}

/// How a reader goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rise {
    /// As it likes.
    Look,
    /// It flushes its incomplete batches, then looks.
    Flush,
    /// Not at all: the cycle has closed.
    End,
}

impl Reader {
    /// A reader whose part was counted when the cycle was made.
    pub fn new(cycle: Cycle) -> Self {
        Self { cycle, rests: false }
    }

    /// It has looked at all its channels, has said at the gates of those that are empty that it waits, and has not found
    /// enough: it gives up its part. `false` if something has come since: then it looks again.
    ///
    /// For what comes after that, it is going to be woken. The part for what came before would otherwise stay, as it may
    /// have been woken for that already, and have looked elsewhere.
    pub fn rest<'a>(&mut self, gates: impl Iterator<Item = &'a Gate> + Clone) -> bool {
        if gates.clone().any(Gate::has_passed) {
            self.withdraw(gates);
            return false;
        }
        self.rests = true;
        self.cycle.leave(1);
        true
    }

    /// It is awake, for whatever reason. `gates` are all its gates; it waits at none of them any more, and has one part.
    pub fn rise<'a>(&mut self, gates: impl Iterator<Item = &'a Gate> + Clone) -> Rise {
        let flush = self.withdraw(gates);
        if self.cycle.is_closed() {
            Rise::End
        } else if flush {
            Rise::Flush
        } else {
            Rise::Look
        }
    }

    /// It waits at none of `gates` any more and has one part, whether it rests or not. Whether it is to flush.
    pub fn withdraw<'a>(&mut self, gates: impl Iterator<Item = &'a Gate> + Clone) -> bool {
        let mut parts = usize::from(!mem::take(&mut self.rests));
        // A part first: as soon as nothing is said at a gate, nobody adds one on this reader's behalf.
        if parts == 0 && !gates.clone().any(Gate::has_passed) {
            self.cycle.enter();
            parts = 1;
        }
        let mut flush = false;
        for gate in gates {
            let found = gate.withdraw();
            parts += usize::from(found != Found::Untouched);
            flush |= found == Found::Flush;
        }
        self.cycle.leave(parts - 1);
        flush
    }

    /// It will read no more, and nothing comes of what it has read: it gives up its part for good.
    pub fn leave(mut self) {
        if !mem::replace(&mut self.rests, true) {
            self.cycle.leave(1);
        }
    }
}
