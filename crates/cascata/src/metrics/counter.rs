//! One word that counts.

use std::sync::atomic::Ordering::Relaxed;

use cascata_shm::Words;

/// A counter in the run's memory.
#[derive(Clone)]
pub struct Counter {
    words: Words,
    at: usize,
    /// Whether several threads write it.
    several: bool,
}

impl std::fmt::Debug for Counter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.get())
    }
}

impl Counter {
    pub(super) fn new(words: &Words, at: usize) -> Self {
        Self { words: words.clone(), at, several: false }
    }

    /// The same for several writers.
    #[must_use]
    pub(super) fn of_several(self) -> Self {
        Self { several: true, ..self }
    }

    /// Adds `n`; for the word's only writer, unless it is [of several](Self::of_several).
    pub fn add(&self, n: u64) {
        if self.several {
            return self.add_shared(n);
        }
        let word = &self.words[self.at];
        word.store(word.load(Relaxed).wrapping_add(n), Relaxed);
    }

    /// Takes back `n` that were added before, as [`add`](Self::add) adds.
    pub fn take_back(&self, n: u64) {
        self.add(n.wrapping_neg());
    }

    /// Adds `n` to a word that several threads or processes write.
    pub fn add_shared(&self, n: u64) {
        self.words[self.at].fetch_add(n, Relaxed);
    }

    /// Replaces the value; for the word's only writer.
    pub fn set(&self, value: u64) {
        self.words[self.at].store(value, Relaxed);
    }

    /// The value.
    pub fn get(&self) -> u64 {
        self.words[self.at].load(Relaxed)
    }
}
