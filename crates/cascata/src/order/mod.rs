//! The order in which results leave a group: by the number of the input they came from, however the members hurry.
//!
//! Items that are shared out bear numbers, in the order in which they enter the members' channels ([`Desk`]). A firing
//! bears the number of its input, and so does whatever it sends; it lasts until that is in its channels. Who gathers has
//! a channel for each member and takes the lowest number; an empty channel is waited for as long as its member may still
//! send a lower one, which its [`Frontier`] tells. So nobody waits for members that have nothing to send, and no two
//! members wait for each other: whoever has the lowest number has it at the head of its line.
//!
//! Where results are shared out at once, to a group of another size, nobody gathers: each member waits for its turn at a
//! [`Turnstile`], with a few results in hand.
//!
//! Frontiers are words in the run's memory, written by one worker and read by another. An item goes from a count of what
//! was shared out to the front of a channel, from there to the firing, and its results to the next channel. Each step is
//! noted before the one before is erased; who reads the notes in the same order misses no item.

mod desk;
mod frontier;
mod layout;
mod turnstile;

pub use desk::{Desk, Placing, Turn};
pub use frontier::{Feed, Frontier, Source};
pub use layout::{Order, OrderLayout};
pub use turnstile::{Party, Turnstile, Watch};

use std::sync::atomic::Ordering::SeqCst;

use cascata_shm::{Front, Words};

/// Stands for "no number": nothing runs, or nothing is inside.
pub const NONE: u64 = Front::EMPTY;
/// The number of a firing on initial values: before all items.
pub const FIRST: u64 = 0;
/// The number of what a finish function sends: after all results.
pub const LAST: u64 = NONE - 1;

/// One word that other workers read.
#[derive(Clone, Debug)]
pub struct Word {
    words: Words,
    at: usize,
}

impl Word {
    /// The word at `at` of `words`.
    pub fn new(words: &Words, at: usize) -> Self {
        Self { words: words.clone(), at }
    }

    /// The value.
    pub fn get(&self) -> u64 {
        self.words[self.at].load(SeqCst)
    }

    /// Replaces the value.
    pub fn set(&self, value: u64) {
        self.words[self.at].store(value, SeqCst);
    }

    /// Replaces the value and gives the one before.
    pub fn swap(&self, value: u64) -> u64 {
        self.words[self.at].swap(value, SeqCst)
    }

    /// Adds to the value.
    pub(crate) fn add(&self, more: u64) {
        self.words[self.at].fetch_add(more, SeqCst);
    }

    /// Adds to the value, but not to 0. Whether it has.
    pub(crate) fn add_unless_zero(&self, more: u64) -> bool {
        let mut value = self.get();
        while value > 0 {
            match self.words[self.at].compare_exchange(value, value + more, SeqCst, SeqCst) {
                Ok(_) => return true,
                Err(other) => value = other,
            }
        }
        false
    }

    /// Subtracts from the value and gives what is left.
    pub(crate) fn subtract(&self, less: u64) -> u64 {
        self.words[self.at].fetch_sub(less, SeqCst) - less
    }

    /// As the front of a ring.
    pub(crate) fn front(&self) -> Front<'_> {
        Front(&self.words[self.at])
    }
}
