//! A block of shared memory in the hands of whoever received or made it.

use std::{ops::Deref, sync::Arc};

use cascata_shm::{BlockGuard, Region};

use crate::metrics::Holding;

/// A view of a block, which is given back when it is dropped, and counted until then.
#[derive(Debug)]
pub struct Loan {
    guard: BlockGuard,
    holding: Option<Holding>,
}

impl Loan {
    /// A view that counts in `holding`.
    pub(super) fn new(guard: BlockGuard, holding: Option<&Holding>) -> Self {
        if let Some(holding) = holding {
            holding.add(guard.len());
        }
        Self { guard, holding: holding.cloned() }
    }

    /// What keeps the block from being used again.
    pub fn guard(&self) -> &BlockGuard {
        &self.guard
    }

    /// Whether it lies in `region`.
    pub fn is_of(&self, region: &Arc<Region>) -> bool {
        self.guard.is_of(region)
    }
}

impl Deref for Loan {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.guard
    }
}

impl Drop for Loan {
    fn drop(&mut self) {
        if let Some(holding) = &self.holding {
            holding.remove(self.guard.len());
        }
    }
}
