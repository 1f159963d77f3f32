//! Feedback loops that end by themselves: what may still move in a cycle of channels, counted.
//!
//! A cycle counts *parts*. Whoever may cause something to happen in it holds one: each publisher that feeds it from
//! outside, until it has left; each item that waits for room or memory to enter it; and each of its readers, except while
//! it *rests*, that is, while it waits for items and does nothing else. Who gives up the last part closes the cycle: that
//! word is final, and all workers with readers are rung. Nothing here knows of quiescence elsewhere, so a cycle closes
//! however busy the rest of the run is.
//!
//! # The count never reads 0 while something is under way
//!
//! Each channel of a cycle has a [`Gate`]. A reader that finds the channel empty says at its gate that it waits there
//! ([`Gate::expect`]), *then* looks into the channel once more, and gives up its part only after it has done so with all
//! channels that it lacks an item of. Who puts an item in does so, *then* looks at the gate ([`Gate::pass`]). Both looks
//! into the channel are made under its lock. So either the reader finds the item, or the other one finds the word at the
//! gate; then it adds a part on the reader's behalf, before it takes the word away (`SYNC POINT: pass`), and while it still
//! holds a part of its own. A [`Reader`] that goes on takes back its words, and has as many parts as words that were taken
//! (`SYNC POINT: withdraw`); if it sees none that was, it adds a part beforehand, so that there is no moment at which
//! it neither has one nor would get one. So each part was added before anybody could give it up, the count is never too
//! low, and an item in a channel either has a reader that holds a part, or lacks partners for a row, or waits for its turn.
//!
//! An item may have to wait for its turn where a reader takes the results of several publishers in their order: a lower
//! one may come by another channel, at whose gate the reader waits. The publisher of that one holds a part. It passes the
//! gate when it leaves, and then gives its part up: so the reader gets one in time, whether the lower one comes or not.
//!
//! Whatever adds a part without holding one (a reader that was woken for nothing, somebody who sends although nobody waits
//! for that any more) does so before the cycle closes, which then waits for that part, too, or after it, and then finds
//! that it has: closing is one compare-and-swap of the count. It fails also if parts were added and given up again since
//! the count became 0, for then somebody else has brought it to 0 once more, and looks again at what is to be looked at.
//!
//! # Batches
//!
//! A reader that rests on an incomplete batch says so at the gate ([`Gate::hold_batch`]) before it gives up its part. Who
//! brings the count to 0 finds that, tells it to flush, adds a part on its behalf and rings, in place of closing the cycle.
//! A batch that was flushed is incomplete no more, so this ends.

mod reader;

use std::sync::Arc;

pub use reader::{Reader, Rise};

use crate::bells::Bells;
use crate::region::Region;
use crate::sync::Ordering::{AcqRel, Acquire, Relaxed};
use crate::words::Words;

/// Bits of the count that are the number of parts.
const PARTS: u64 = CLOSED - 1;
/// A bit of the count: the cycle has closed.
const CLOSED: u64 = 1 << 31;
/// What each part that is taken adds to the bits above. They say whether one was taken between two looks at the count,
/// unless there were as many as four thousand million.
const TAKEN: u64 = 1 << 32;

/// At a gate: nobody waits.
const OPEN: u64 = 0;
/// The reader waits for what comes here.
const EXPECTED: u64 = 1;
/// The same, and it holds an incomplete batch.
const BATCH: u64 = 2;
/// The reader is to flush its incomplete batch. It has got a part for that.
const FLUSH: u64 = 3;
/// Something has come. The reader has got a part for that.
const PASSED: u64 = 4;

/// Words in a pair of cache lines.
const LINE: usize = 16;
const COUNT: usize = 0;
const GATES: usize = LINE;

/// A feedback loop. A clone is another handle to the same.
#[derive(Debug, Clone)]
pub struct Cycle {
    words: Words,
    bells: Bells,
    /// The workers that have readers in it.
    workers: Arc<[usize]>,
    /// The number under which the bells tell of it.
    bell: usize,
}

/// The place in front of a channel of a cycle where its reader says that it waits.
#[derive(Debug, Clone)]
pub struct Gate {
    cycle: Cycle,
    /// `None` for a channel whose reader makes nothing happen, such as a passive port.
    word: Option<usize>,
}

/// What became of the word that a reader had left at a gate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Found {
    /// It was there still, or there was none.
    Untouched,
    /// Something came. The reader has got one part more.
    Passed,
    /// The reader is to flush its batch. It has got one part more.
    Flush,
}

impl Cycle {
    /// The bytes that a cycle with so many gates takes.
    pub fn footprint(gates: usize) -> usize {
        8 * (GATES + gates).next_multiple_of(LINE)
    }

    /// Builds a cycle that opens with so many parts.
    ///
    /// # Panics
    ///
    /// If the place does not suit [`footprint`](Cycle::footprint), or there is no part: nobody would ever close it.
    pub fn create(region: &Arc<Region>, offset: usize, gates: usize, parts: u64) {
        assert!(parts > 0, "a cycle opens with a part");
        let words = Words::new(region, offset, Self::footprint(gates) / 8);
        for word in words.iter() {
            word.store(OPEN, Relaxed);
        }
        words[COUNT].store(parts, Relaxed);
    }

    /// A handle to the cycle that was created there, before this process or its attachment began. When it closes, or
    /// readers are to flush, `bells` ring each of `workers` for `bell`.
    ///
    /// # Panics
    ///
    /// If the place does not suit.
    pub fn attach(
        region: &Arc<Region>,
        offset: usize,
        gates: usize,
        bells: Bells,
        workers: Vec<usize>,
        bell: usize,
    ) -> Self {
        let words = Words::new(region, offset, Self::footprint(gates) / 8);
        Self { words, bells, workers: workers.into(), bell }
    }

    /// The `index`-th gate; with `None` one at which nobody ever waits, but which knows whether the cycle has closed.
    pub fn gate(&self, index: Option<usize>) -> Gate {
        Gate { cycle: self.clone(), word: index.map(|index| GATES + index) }
    }

    /// Takes a part more.
    pub fn enter(&self) {
        self.words[COUNT].fetch_add(TAKEN + 1, Relaxed);
    }

    /// Gives up so many parts. If they were the last, the cycle closes, or batches in it are to be flushed.
    pub fn leave(&self, parts: usize) {
        let parts = parts as u64;
        if parts == 0 {
            return;
        }
        // SYNC POINT: leave. What was left at gates before parts were given up is seen by who gives up the last.
        let count = self.words[COUNT].fetch_sub(parts, AcqRel) - parts;
        if count & (PARTS | CLOSED) == 0 {
            self.settle(count);
        }
    }

    /// The number under which the bells tell of it.
    pub fn bell(&self) -> usize {
        self.bell
    }

    /// Whether it has closed.
    pub fn is_closed(&self) -> bool {
        self.words[COUNT].load(Acquire) & CLOSED != 0
    }

    /// There was no part any more when the count became this.
    fn settle(&self, count: u64) {
        let mut flush = false;
        for gate in &self.words[GATES..] {
            if gate.load(Relaxed) == BATCH {
                self.enter();
                if gate.compare_exchange(BATCH, FLUSH, AcqRel, Relaxed).is_ok() {
                    flush = true;
                } else {
                    // Its reader goes on for another reason.
                    self.leave(1);
                }
            }
        }
        // If it fails, somebody has taken a part meanwhile, and comes here when it gives that up.
        if flush || self.words[COUNT].compare_exchange(count, count | CLOSED, AcqRel, Relaxed).is_ok() {
            self.workers.iter().for_each(|&worker| self.bells.raise(worker, self.bell));
        }
    }
}

impl Gate {
    /// The cycle that it belongs to.
    pub fn cycle(&self) -> &Cycle {
        &self.cycle
    }

    /// The reader, which holds a part, has found the channel empty and will wait here, unless there is something when it
    /// looks once more.
    pub fn expect(&self) {
        if let Some(word) = self.word {
            let found = self.cycle.words[word].swap(EXPECTED, AcqRel);
            self.cycle.leave(usize::from(found == PASSED || found == FLUSH));
        }
    }

    /// The reader waits here with an incomplete batch. Said before it gives up its part.
    pub fn hold_batch(&self) {
        if let Some(word) = self.word {
            // If it fails, something has come.
            let _ = self.cycle.words[word].compare_exchange(EXPECTED, BATCH, AcqRel, Relaxed);
        }
    }

    /// Something has come for the reader: an item, or the end of the channel. If the reader waits, it gets a part.
    ///
    /// Called after the change, by somebody who holds a part.
    pub fn pass(&self) {
        let Some(word) = self.word else { return };
        let word = &self.cycle.words[word];
        let seen = word.load(Relaxed);
        if seen == EXPECTED || seen == BATCH {
            self.cycle.enter();
            // SYNC POINT: pass. Who finds the word gone finds the part added.
            if word.compare_exchange(seen, PASSED, AcqRel, Relaxed).is_err() {
                self.cycle.leave(1);
            }
        }
    }

    /// Whether the reader has got a part here.
    fn has_passed(&self) -> bool {
        self.word.is_some_and(|word| matches!(self.cycle.words[word].load(Relaxed), PASSED | FLUSH))
    }

    /// The reader waits no longer.
    fn withdraw(&self) -> Found {
        let Some(word) = self.word else { return Found::Untouched };
        let word = &self.cycle.words[word];
        if word.load(Relaxed) == OPEN {
            // Only the reader itself says anything here.
            return Found::Untouched;
        }
        // SYNC POINT: withdraw.
        match word.swap(OPEN, AcqRel) {
            PASSED => Found::Passed,
            FLUSH => Found::Flush,
            _ => Found::Untouched,
        }
    }
}

#[cfg(test)]
mod orderings;
#[cfg(test)]
mod protocol;
#[cfg(test)]
mod turns;
