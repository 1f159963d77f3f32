//! Sets of workers, by index.

use crate::sync::{
    AtomicU64,
    Ordering::{Relaxed, SeqCst},
};

/// Workers that a run may have.
pub const MAX_WORKERS: usize = 256;

const WORDS: usize = MAX_WORKERS / 64;

/// A set of workers.
///
/// ```
/// use cascata_shm::WorkerSet;
///
/// let set: WorkerSet = [200, 3].into_iter().collect();
/// assert_eq!(set.iter().collect::<Vec<_>>(), [3, 200]);
/// ```
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct WorkerSet {
    words: [u64; WORDS],
}

impl WorkerSet {
    /// The set of nobody.
    pub const EMPTY: Self = Self { words: [0; WORDS] };

    /// Whether nobody is in it.
    pub fn is_empty(&self) -> bool {
        self.words == [0; WORDS]
    }

    /// Whether `worker` is in it.
    pub fn contains(&self, worker: usize) -> bool {
        self.words.get(worker / 64).is_some_and(|word| word & 1 << (worker % 64) != 0)
    }

    /// Adds `worker`.
    ///
    /// # Panics
    ///
    /// If it is not below [`MAX_WORKERS`].
    pub fn insert(&mut self, worker: usize) {
        self.words[worker / 64] |= 1 << (worker % 64);
    }

    /// Takes `worker` out; `false` if it was not in.
    pub fn remove(&mut self, worker: usize) -> bool {
        let was_in = self.contains(worker);
        if was_in {
            self.words[worker / 64] &= !(1 << (worker % 64));
        }
        was_in
    }

    /// The workers in it, in ascending order.
    pub fn iter(&self) -> impl Iterator<Item = usize> + use<> {
        self.words.into_iter().enumerate().flat_map(|(index, word)| bits(word).map(move |bit| index * 64 + bit))
    }
}

impl From<[u64; WORDS]> for WorkerSet {
    /// The set whose bits are these, those of the first 64 workers first.
    fn from(words: [u64; WORDS]) -> Self {
        Self { words }
    }
}

impl FromIterator<usize> for WorkerSet {
    /// # Panics
    ///
    /// If an index is not below [`MAX_WORKERS`].
    fn from_iter<I: IntoIterator<Item = usize>>(workers: I) -> Self {
        let mut set = Self::default();
        for worker in workers {
            set.insert(worker);
        }
        set
    }
}

impl std::ops::BitOrAssign for WorkerSet {
    fn bitor_assign(&mut self, other: Self) {
        self.words.iter_mut().zip(other.words).for_each(|(word, more)| *word |= more);
    }
}

/// The bits set in a word, in ascending order.
pub(crate) fn bits(mut word: u64) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let bit = word.trailing_zeros() as usize;
        word &= word.wrapping_sub(1);
        (bit < 64).then_some(bit)
    })
}

/// A set of workers in shared memory, changed under a lock, or else only by what says so.
#[derive(Debug)]
#[repr(C)]
pub(crate) struct AtomicWorkerSet {
    words: [AtomicU64; WORDS],
}

impl AtomicWorkerSet {
    /// # Panics
    ///
    /// If there is no such worker.
    pub(crate) fn insert(&self, worker: usize) {
        let word = &self.words[worker / 64];
        word.store(word.load(Relaxed) | 1 << (worker % 64), Relaxed);
    }

    /// As [`insert`](Self::insert), without a lock; `false` if it was inside.
    pub(crate) fn insert_shared(&self, worker: usize) -> bool {
        self.words[worker / 64].fetch_or(1 << (worker % 64), SeqCst) & 1 << (worker % 64) == 0
    }

    /// Takes `worker` out, without a lock.
    pub(crate) fn remove_shared(&self, worker: usize) {
        self.words[worker / 64].fetch_and(!(1 << (worker % 64)), SeqCst);
    }

    /// As [`take`](Self::take), without a lock.
    pub(crate) fn take_shared(&self) -> WorkerSet {
        WorkerSet { words: std::array::from_fn(|index| self.words[index].swap(0, SeqCst)) }
    }

    /// Whether `worker` is inside, as of a moment ago.
    pub(crate) fn contains(&self, worker: usize) -> bool {
        self.words[worker / 64].load(SeqCst) & 1 << (worker % 64) != 0
    }

    /// Whether anybody is inside, as of a moment ago.
    pub(crate) fn is_any(&self) -> bool {
        self.words.iter().any(|word| word.load(SeqCst) != 0)
    }

    /// What is inside, which is cleared.
    pub(crate) fn take(&self) -> WorkerSet {
        let mut words = [0; WORDS];
        for (taken, word) in words.iter_mut().zip(&self.words) {
            *taken = word.load(Relaxed);
            if *taken != 0 {
                word.store(0, Relaxed);
            }
        }
        WorkerSet { words }
    }
}
