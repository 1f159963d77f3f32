//! Shared memory that somebody still refers to.

use super::Counter;

/// How much of the arenas' memory one inport has received, or one worker has made, that is not given back yet. Threads
/// of the same process write it.
#[derive(Clone, Debug)]
pub struct Holding {
    /// Blocks.
    pub blocks: Counter,
    /// Their bytes.
    pub bytes: Counter,
}

impl Holding {
    /// A block of `bytes` bytes more.
    pub fn add(&self, bytes: usize) {
        self.blocks.add_shared(1);
        self.bytes.add_shared(bytes as u64);
    }

    /// A block of `bytes` bytes less.
    pub fn remove(&self, bytes: usize) {
        self.blocks.add_shared(1_u64.wrapping_neg());
        self.bytes.add_shared((bytes as u64).wrapping_neg());
    }
}
