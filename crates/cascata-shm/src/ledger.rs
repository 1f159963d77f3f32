//! A stretch of words that change together, under a lock that outlives its holder.

use std::ops::Deref;
use std::sync::Arc;

use crate::lock::{Guard, Orphaned};
use crate::region::{Region, Shareable, Shared};
use crate::sync::{AtomicU32, AtomicU64, Lock, Ordering::Relaxed};
use crate::words::Words;

#[repr(C, align(64))]
struct Header {
    lock: Lock,
    flags: AtomicU32,
}

// SAFETY: an atomic and a lock, both valid as zeros, without any address.
unsafe impl Shareable for Header {}

/// Words in shared memory, and the robust lock under which they change. A clone is another handle to the same.
///
/// They can be read without the lock, too; each is then as of a moment ago.
#[derive(Clone)]
pub struct Ledger {
    header: Shared<Header>,
    words: Words,
}

impl Ledger {
    /// Bytes to reserve for `len` words, aligned to 64.
    pub fn footprint(len: usize) -> usize {
        size_of::<Header>() + len * 8
    }

    /// A ledger of `len` words, all 0.
    ///
    /// # Panics
    ///
    /// If the place does not suit [`footprint`](Self::footprint).
    pub fn create(region: &Arc<Region>, offset: usize, len: usize) -> Self {
        let ledger = Self::attach(region, offset, len);
        ledger.header.lock.init();
        ledger.header.flags.store(0, Relaxed);
        ledger.words.iter().for_each(|word| word.store(0, Relaxed));
        ledger
    }

    /// A handle to a ledger that was created there, before this process or its attachment began.
    ///
    /// # Panics
    ///
    /// If the place does not suit.
    pub fn attach(region: &Arc<Region>, offset: usize, len: usize) -> Self {
        let header = Shared::new(region, offset);
        Self { header, words: Words::new(region, offset + size_of::<Header>(), len) }
    }

    /// Waits for the lock and takes it until the result is dropped.
    ///
    /// # Errors
    ///
    /// [`Orphaned`], now and ever after, if a process died while it held the lock.
    pub fn open(&self) -> Result<Open<'_>, Orphaned> {
        let guard = self.header.lock.lock(&self.header.flags)?;
        Ok(Open { words: &self.words, _guard: guard })
    }

    /// The words, as anybody may read them.
    pub fn words(&self) -> &Words {
        &self.words
    }
}

impl std::fmt::Debug for Ledger {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ledger").field("words", &self.words.len()).finish_non_exhaustive()
    }
}

/// A ledger that nobody else can change.
pub struct Open<'a> {
    words: &'a [AtomicU64],
    _guard: Guard<'a>,
}

impl Deref for Open<'_> {
    type Target = [AtomicU64];

    fn deref(&self) -> &[AtomicU64] {
        self.words
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::kill::{Victim, at_every_step};
    use crate::testing::{Watchdog, again, region};

    /// Whoever holds the lock is killed at any step: the others are told, or see both words changed or neither.
    #[test]
    fn a_holder_that_is_killed_leaves_no_half_a_change() {
        let _watchdog = Watchdog::new();
        at_every_step(|step| {
            let region = region(Ledger::footprint(2));
            let ledger = Ledger::create(&region, 0, 2);
            let victim = Victim::at(step, || {
                let ledger = Ledger::attach(&again(&region), 0, 2);
                let open = ledger.open().unwrap();
                open[0].store(1, Relaxed);
                open[1].store(1, Relaxed);
            });
            let stood = victim.stands();
            victim.kill();
            if let Ok(open) = ledger.open() {
                assert_eq!(open[0].load(Relaxed), open[1].load(Relaxed));
            } else {
                assert!(stood && ledger.open().is_err(), "once and for all");
            }
            stood
        });
    }
}
