//! A stretch of a region as atomic words: counters, flags, bitmaps.

use std::ops::Deref;
use std::sync::Arc;

use crate::region::Region;
use crate::sync::AtomicU64;

/// Atomic words of a region. A clone is another handle to the same words.
#[derive(Debug, Clone)]
pub struct Words {
    region: Arc<Region>,
    offset: usize,
    len: usize,
}

impl Words {
    /// `len` words from byte `offset` on.
    ///
    /// # Panics
    ///
    /// If they do not lie inside the region, or `offset` is not a multiple of 8.
    pub fn new(region: &Arc<Region>, offset: usize, len: usize) -> Self {
        let inside = region.get_many::<AtomicU64>(offset, len).is_some();
        assert!(inside, "{len} words at offset {offset} are out of place in a region of {}", region.len());
        Self { region: Arc::clone(region), offset, len }
    }
}

#[cfg(test)]
impl Words {
    pub(crate) fn region(&self) -> &Arc<Region> {
        &self.region
    }
}

impl Deref for Words {
    type Target = [AtomicU64];

    fn deref(&self) -> &[AtomicU64] {
        self.region.get_many(self.offset, self.len).expect("the place was checked when the handle was made")
    }
}
