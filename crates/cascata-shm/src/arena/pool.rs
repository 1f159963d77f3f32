//! The memory of all arenas together: how much there may be, how much is taken, and who waits for some.
//!
//! Who finds no room [notes](Pool::wait) that it waits, and then tries once more. Who gives memory back does that first
//! and looks for notes then. So one of the two sees the other.

use std::io;
use std::sync::Arc;

use super::{
    Arena,
    block::{self, SpanHeader},
};
use crate::layout::PAGE;
use crate::region::{Region, Shareable, Shared};
use crate::sync::{AtomicU64, Ordering::SeqCst};
use crate::workers::{AtomicWorkerSet, WorkerSet};

/// What all arenas of a run share, and where their spans lie. A clone is another handle to the same.
#[derive(Debug, Clone)]
pub struct Pool {
    header: Shared<Header>,
    offset: usize,
    count: usize,
    span: usize,
}

#[derive(Debug)]
#[repr(C, align(128))]
pub(super) struct Header {
    /// Pages that all arenas together may keep memory behind.
    limit: AtomicU64,
    /// Pages that they do.
    taken: AtomicU64,
    /// Counts what was given back while somebody waited, so that it is seen by those who wake them.
    given: AtomicU64,
    /// Workers that wait for memory.
    waiting: AtomicWorkerSet,
}

// SAFETY: atomics only, without any address.
unsafe impl Shareable for Header {}

impl Header {
    /// Takes `pages` off what is left, if it is enough.
    pub(super) fn take(&self, pages: usize) -> bool {
        let limit = self.limit.load(SeqCst);
        let more = |taken: u64| taken.checked_add(pages as u64).filter(|&sum| sum <= limit);
        pages == 0 || self.taken.fetch_update(SeqCst, SeqCst, more).is_ok()
    }

    pub(super) fn give(&self, pages: usize) {
        if pages > 0 {
            // SYNC POINT: memory. It is given back; then (`Pool::freed`) the notes are read.
            self.taken.fetch_sub(pages as u64, SeqCst);
            self.given.fetch_add(1, SeqCst);
        }
    }

    fn left(&self) -> usize {
        self.limit.load(SeqCst).saturating_sub(self.taken.load(SeqCst)) as usize
    }
}

/// Addresses that a span has beyond what can be used at once.
const SPARE: usize = 1 << 32;

impl Pool {
    /// The least limit, in bytes, that makes sense: what small blocks of a few sizes take.
    pub const LEAST: usize = 1 << 20;

    /// Bytes of a span whose arena may use all of `limit`: some to spare where that is little and soon in pieces.
    pub fn span(limit: usize) -> usize {
        limit + limit.min(SPARE)
    }

    /// Bytes to reserve in the region, aligned to pages, for `count` spans of `span` bytes.
    ///
    /// # Panics
    ///
    /// If that is more than there are addresses.
    pub fn footprint(count: usize, span: usize) -> usize {
        count.checked_mul(span).and_then(|spans| spans.checked_add(PAGE)).expect("the spans fit the address space")
    }

    /// Builds the pool of `count` spans of `span` bytes (whole pages), which nobody has used yet, and which together may
    /// keep `limit` bytes of memory (whole pages).
    ///
    /// # Panics
    ///
    /// If it does not lie inside the region, or something is not whole pages.
    pub fn create(region: &Arc<Region>, offset: usize, count: usize, span: usize, limit: usize) -> Self {
        let pool = Self::attach(region, offset, count, span);
        pool.header.limit.store((limit / PAGE) as u64, SeqCst);
        pool.header.taken.store(0, SeqCst);
        pool
    }

    /// A handle to the pool that was created there.
    ///
    /// # Panics
    ///
    /// If it does not lie inside the region, or something is not whole pages.
    pub fn attach(region: &Arc<Region>, offset: usize, count: usize, span: usize) -> Self {
        let inside = offset.checked_add(Self::footprint(count, span)).is_some_and(|end| end <= region.len());
        assert!(inside, "{count} spans of {span} bytes at {offset} are out of place in a region of {}", region.len());
        assert!(offset.is_multiple_of(PAGE) && span.is_multiple_of(PAGE) && span > 0, "a span is whole pages");
        Self { header: Shared::new(region, offset), offset, count, span }
    }

    /// The owner's side of span `index`. Made in the process that will use it, once.
    ///
    /// # Panics
    ///
    /// If there is no such span.
    pub fn arena(&self, index: usize) -> Arena {
        assert!(index < self.count, "there is no span {index}");
        Arena::new(self, self.span_offset(index), self.span)
    }

    /// Sees to it that span `index` can be reached: in a region with windows it may have to be mapped first.
    ///
    /// # Errors
    ///
    /// Those of the system: no address space left.
    ///
    /// # Panics
    ///
    /// If there is no such span.
    pub fn reach(&self, index: usize) -> io::Result<()> {
        assert!(index < self.count, "there is no span {index}");
        self.region().reach(self.span_offset(index))
    }

    /// Nobody allocates in span `index` any more, whose owner has died or left. Whether the span is as good as new:
    /// not as long as others may hold blocks of it; then this is to be called again.
    ///
    /// By one process at a time.
    pub fn clear(&self, index: usize) -> bool {
        let at = self.span_offset(index);
        let span = self.region().get::<SpanHeader>(at);
        let Some(span) = span.filter(|span| span.is_known(at)) else { return true };
        span.retire();
        if span.is_out() {
            return false;
        }
        span.give(&self.header, usize::MAX);
        span.forget();
        self.region().discard(at..at + self.span);
        true
    }

    /// Spans there are.
    pub fn count(&self) -> usize {
        self.count
    }

    /// The region that it lies in.
    pub fn region(&self) -> &Arc<Region> {
        self.header.region()
    }

    /// Bytes of memory that all arenas together may keep.
    pub fn limit(&self) -> usize {
        self.header.limit.load(SeqCst) as usize * PAGE
    }

    /// Bytes of memory that they do, as of a moment ago.
    pub fn taken(&self) -> usize {
        self.header.taken.load(SeqCst) as usize * PAGE
    }

    /// Bytes of memory that are left to be taken, as of a moment ago.
    pub fn left(&self) -> usize {
        self.header.left() * PAGE
    }

    /// Notes that `worker` waits for memory; `false` if that was noted already. The caller tries once more before it
    /// does wait, and sees to it that the others [give back](Arena::reclaim) what they can.
    pub fn wait(&self, worker: usize) -> bool {
        // SYNC POINT: memory. The note is written; now the caller looks again.
        self.header.waiting.insert_shared(worker)
    }

    /// `worker` waits for memory no more.
    pub fn stop_waiting(&self, worker: usize) {
        self.header.waiting.remove_shared(worker);
    }

    /// Whether it is noted that `worker` waits.
    pub fn waits(&self, worker: usize) -> bool {
        self.header.waiting.contains(worker)
    }

    /// Whether anybody waits for memory.
    pub fn is_short(&self) -> bool {
        self.header.waiting.is_any()
    }

    /// Those who wait, if memory has been given back since this was last asked; they are not noted any more: the
    /// caller wakes them.
    pub fn freed(&self) -> WorkerSet {
        if self.is_short() && self.header.given.swap(0, SeqCst) != 0 {
            self.header.waiting.take_shared()
        } else {
            WorkerSet::EMPTY
        }
    }

    /// Whether blocks of span `index` were released that its owner has not taken back yet.
    pub fn has_released(&self, index: usize) -> bool {
        block::has_released(self.region(), self.span_offset(index))
    }

    pub(super) fn header(&self) -> &Header {
        &self.header
    }

    pub(super) fn offset(&self) -> usize {
        self.offset
    }

    fn span_offset(&self, index: usize) -> usize {
        self.offset + PAGE + index * self.span
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arena::{Block, announce, bytes, release, retract};
    use crate::testing::region;

    const MB: usize = 1024 * 1024;

    /// Two arenas that each could take more than both may.
    fn pool(limit: usize) -> (Pool, [Arena; 2]) {
        let region = region(Pool::footprint(2, 64 * MB));
        let pool = Pool::create(&region, 0, 2, 64 * MB, limit);
        let arenas = [pool.arena(0), pool.arena(1)];
        (pool, arenas)
    }

    fn store(arena: &mut Arena, len: usize) -> Option<Block> {
        let block = arena.allocate(len)?;
        arena.fill(block, |bytes| bytes.fill(1));
        Some(block)
    }

    #[test]
    fn arenas_share_one_limit() {
        let (pool, [mut one, mut other]) = pool(10 * MB);
        let blocks: Vec<_> = std::iter::from_fn(|| store(&mut one, MB)).collect();
        assert_eq!(blocks.len(), 9, "each takes a page more for its header");
        assert!(store(&mut other, MB).is_none());
        assert!(store(&mut other, MB / 2).is_some(), "what is left goes to whoever comes");
        assert!(pool.left() < MB / 2 && pool.taken() <= pool.limit());
    }

    #[test]
    fn what_one_has_cached_it_gives_back_when_another_waits() {
        let (pool, [mut one, mut other]) = pool(10 * MB);
        let block = store(&mut one, 8 * MB).unwrap();
        assert!(store(&mut other, 4 * MB).is_none());
        assert!(pool.wait(1) && !pool.wait(1) && pool.waits(1) && pool.is_short());
        assert!(pool.freed().is_empty(), "nothing was given back");
        release(pool.region(), block).unwrap();
        assert!(pool.has_released(0) && !pool.has_released(1));
        assert!(pool.freed().is_empty(), "its owner does not know yet");
        one.reclaim();
        assert_eq!(pool.freed().iter().collect::<Vec<_>>(), [1]);
        assert!(!pool.is_short() && pool.taken() == 0);
        assert!(store(&mut other, 4 * MB).is_some());
    }

    #[test]
    fn what_is_cached_is_used_before_it_is_refused() {
        let (pool, [mut one, _]) = pool(10 * MB);
        let small: Vec<_> = (0..9).map(|_| store(&mut one, MB).unwrap()).collect();
        small.into_iter().for_each(|block| release(pool.region(), block).unwrap());
        assert!(store(&mut one, 9 * MB).is_some());
    }

    #[test]
    fn nothing_stays_with_small_blocks_when_another_waits() {
        let (pool, [mut one, mut other]) = pool(10 * MB);
        let small: Vec<_> = (0..60).map(|step| store(&mut one, step * 250).unwrap()).collect();
        small.into_iter().for_each(|block| release(pool.region(), block).unwrap());
        one.reclaim();
        assert!(pool.taken() > 0);
        assert!(other.allocate(9 * MB).is_none());
        pool.wait(1);
        one.reclaim();
        assert_eq!((pool.taken(), pool.freed().is_empty()), (0, false));
        assert!(store(&mut one, 700).is_some() && other.allocate(9 * MB).is_some());
    }

    #[test]
    fn the_span_of_a_dead_owner_can_be_used_again_when_nothing_of_it_is_out() {
        let (pool, [mut dead, mut other]) = pool(10 * MB);
        let (sent, kept) = (store(&mut dead, 4 * MB).unwrap(), store(&mut dead, MB).unwrap());
        let small = store(&mut dead, 100).unwrap();
        assert!(announce(pool.region(), sent).unwrap() && !announce(pool.region(), sent).unwrap());
        assert!(announce(pool.region(), kept).unwrap() && announce(pool.region(), small).unwrap());
        retract(pool.region(), kept);
        std::mem::forget(dead);
        assert!(!pool.clear(0));
        let view = bytes(pool.region(), sent).unwrap();
        assert_eq!((view[0], view[4 * MB - 1]), (1, 1));
        drop(view);
        assert!(!pool.clear(0) && pool.taken() < 2 * MB, "large blocks go when they are released");
        release(pool.region(), small).unwrap();
        assert!(pool.clear(0) && pool.clear(0));
        assert_eq!(pool.taken(), 0);
        assert!(bytes(pool.region(), kept).is_err());
        assert!(store(&mut other, 9 * MB).is_some());
        assert!(pool.clear(1) && pool.taken() == 0);
        let mut again = pool.arena(0);
        assert!(store(&mut again, 9 * MB).is_some());
    }

    #[test]
    fn what_is_released_after_the_owner_left_counts_no_more() {
        let (pool, [mut one, mut other]) = pool(10 * MB);
        let block = store(&mut one, 8 * MB).unwrap();
        let view = bytes(pool.region(), block).unwrap();
        one.retire();
        assert!(store(&mut other, 4 * MB).is_none());
        pool.wait(1);
        drop(view);
        assert!(!pool.freed().is_empty());
        assert!(store(&mut other, 4 * MB).is_some());
    }
}
