//! Payloads that are too large for a slot.
//!
//! Every worker has a span of the region from which it alone [allocates](Arena); where what lies is known to its own
//! heap only. What others get is a [`Block`], a handle of 16 bytes that is worth one *count* in the block's header:
//! whoever holds it [views](bytes) the payload in place and gives the count back, or passes it on. Whoever gives the
//! last one back puts the block on a list in the span, and the owner collects that list when it allocates next.
//!
//! Spans are sparse: they may each be as large as the machine's memory, since only touched pages cost any. How much all
//! of them together may cost, the [`Pool`] says. Memory that was freed is used again first, as fresh pages are the main
//! cost of large payloads; what is free beyond a cache goes back to the system, and all of it when anybody waits for memory.

mod block;
mod pages;
mod pool;
mod slabs;

pub use block::{Block, BlockError, BlockGuard, announce, bytes, release, retain, retract};
use block::{BlockHeader, HEADER, SpanHeader};
use pages::Pages;
pub use pool::Pool;
use slabs::Slabs;

use crate::layout::PAGE;
use crate::region::Shared;

/// Free pages that may stay with an arena, apart from a share of what is in use.
const CACHE: usize = 64 * 1024 * 1024 / PAGE;

/// The owner's side of a span: the only one that allocates there.
///
/// Made in the process that will use it, not before a fork: the books are kept in that process.
#[derive(Debug)]
pub struct Arena {
    pool: Pool,
    span: Shared<SpanHeader>,
    span_offset: usize,
    /// Where page 0 of the books lies.
    base: usize,
    pages: Pages,
    slabs: Slabs,
    /// What lies on a page, by page number; as far as pages were ever used.
    uses: Vec<PageUse>,
    retired: bool,
}

/// What a page is used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum PageUse {
    /// Nothing that starts here.
    Other,
    /// Part of the slab of this number.
    Slab(u32),
    /// The start of a block of so many pages.
    Run(u32),
}

impl Arena {
    /// Takes over `len` bytes from `offset` on, which nobody has used yet.
    fn new(pool: &Pool, offset: usize, len: usize) -> Self {
        let span = Shared::<SpanHeader>::new(pool.region(), offset);
        span.init(offset, len, pool.offset());
        let pages = Pages::new(len / PAGE - 1);
        let (pool, base) = (pool.clone(), offset + PAGE);
        let (slabs, uses) = (Slabs::default(), Vec::new());
        Self { pool, span, span_offset: offset, base, pages, slabs, uses, retired: false }
    }

    /// Bytes of memory that a block for `len` bytes takes.
    pub fn cost(len: usize) -> usize {
        let total = len.saturating_add(HEADER);
        slabs::class_of(total).map_or_else(|| total.div_ceil(PAGE).saturating_mul(PAGE), slabs::size_of)
    }

    /// A block for `len` bytes, aligned to 64, worth one count; nothing if there is no room for it now.
    pub fn allocate(&mut self, len: usize) -> Option<Block> {
        if self.retired {
            return None;
        }
        self.collect();
        let total = len.checked_add(HEADER)?;
        let offset = match slabs::class_of(total) {
            Some(class) => self.allocate_small(class)?,
            None => self.allocate_large(total)?,
        };
        self.trim();
        let block = Block::new(offset + HEADER, len);
        self.header(offset).init(block, self.span_offset);
        Some(block)
    }

    fn allocate_small(&mut self, class: usize) -> Option<usize> {
        if let Some(offset) = self.slabs.allocate(class) {
            return Some(self.base + offset);
        }
        let page = self.take_pages(slabs::PAGES)?;
        let slab = self.slabs.add(class, page * PAGE);
        self.mark(page, slabs::PAGES, PageUse::Slab(slab));
        self.slabs.allocate(class).map(|offset| self.base + offset)
    }

    fn allocate_large(&mut self, total: usize) -> Option<usize> {
        let count = total.div_ceil(PAGE);
        let length = u32::try_from(count).ok()?;
        let page = self.take_pages(count)?;
        self.mark(page, 1, PageUse::Run(length));
        Some(self.base + page * PAGE)
    }

    fn take_pages(&mut self, count: usize) -> Option<usize> {
        let is_granted =
            |arena: &Self| arena.pages.cost(count).is_some_and(|cost| arena.span.take(arena.pool.header(), cost));
        if !is_granted(self) {
            // What is free here, in too small pieces, may be what is missing.
            self.give_up();
            if !is_granted(self) {
                return None;
            }
        }
        self.pages.take(count)
    }

    fn mark(&mut self, page: usize, count: usize, page_use: PageUse) {
        if self.uses.len() < page + count {
            self.uses.resize(page + count, PageUse::Other);
        }
        self.uses[page..page + count].fill(page_use);
    }

    /// Writes the payload of a block that [`allocate`](Arena::allocate) just gave, before anybody can read it. Once.
    ///
    /// # Panics
    ///
    /// If the block is not of this arena, or was filled before.
    pub fn fill<R>(&self, block: Block, write: impl FnOnce(&mut [u8]) -> R) -> R {
        block::fill(self.pool.region(), block, self.span_offset, write)
    }

    /// Takes back what others have released, and gives memory beyond the cache to the system. Allocating does that
    /// too; an owner that may not allocate for a while calls this.
    pub fn reclaim(&mut self) {
        if !self.retired {
            self.collect();
            self.trim();
        }
    }

    /// The owner leaves: nothing is allocated any more. Free memory goes to the system now, and that of larger blocks as
    /// soon as they are released.
    pub fn retire(&mut self) {
        if std::mem::replace(&mut self.retired, true) {
            return;
        }
        self.span.retire();
        self.collect_released();
        self.give_up();
    }

    /// Bytes of memory that blocks can take here if no other arena takes any.
    pub fn capacity(&self) -> usize {
        if self.retired { 0 } else { (self.pages.count() * PAGE).min(self.pool.limit()) }
    }

    /// Bytes in use, as pages count: those of blocks that are not reclaimed, and of what small ones share.
    pub fn in_use(&self) -> usize {
        self.pages.in_use() * PAGE
    }

    /// Whether no memory is kept here, neither in use nor free.
    pub fn is_empty(&self) -> bool {
        self.retired || self.pages.in_use() + self.pages.cached() == 0
    }

    /// Gives all memory that is free here to the system, and to the other arenas.
    pub fn empty(&mut self) {
        if !self.retired {
            self.collect();
            self.give_up();
        }
    }

    fn header(&self, offset: usize) -> &BlockHeader {
        self.pool.region().get(offset).expect("what the arena gives lies in its span")
    }

    fn collect(&mut self) {
        if self.span.has_released() {
            self.collect_released();
        }
    }

    fn collect_released(&mut self) {
        let mut next = self.span.take_released();
        // A link leads to a block in use that was released, which it is no more once it was freed: so the list ends,
        // and frees nothing that is viewed, even if it was overwritten.
        while let Some(offset) = next {
            let Some(page_use) = self.page_use(offset).filter(|_| self.header(offset).is_released()) else { return };
            next = self.header(offset).unlink();
            let inside = offset - self.base;
            match page_use {
                PageUse::Run(count) => self.free_pages(inside / PAGE, count as usize),
                PageUse::Slab(slab) => {
                    if let Some(start) = self.slabs.free(slab, inside) {
                        self.free_pages(start / PAGE, slabs::PAGES);
                    }
                }
                PageUse::Other => return,
            }
        }
    }

    /// What lies on the page of a block in use; nothing if there is no such block.
    fn page_use(&self, offset: usize) -> Option<PageUse> {
        let inside = offset.checked_sub(self.base)?;
        let page_use = *self.uses.get(inside / PAGE)?;
        let is_block = match page_use {
            PageUse::Run(_) => inside.is_multiple_of(PAGE),
            PageUse::Slab(slab) => self.slabs.is_used(slab, inside),
            PageUse::Other => false,
        };
        is_block.then_some(page_use)
    }

    fn free_pages(&mut self, page: usize, count: usize) {
        self.mark(page, count, PageUse::Other);
        self.pages.give(page, count);
    }

    fn trim(&mut self) {
        if self.pool.is_short() {
            return self.give_up();
        }
        let limit = CACHE + self.pages.in_use() / 2;
        if self.pages.cached() > limit {
            // Well below the limit, so that not every allocation trims.
            self.discard(limit / 2);
        }
    }

    /// Gives all memory that is free here to the system, and to the other arenas.
    fn give_up(&mut self) {
        while let Some(start) = self.slabs.give_up() {
            self.free_pages(start / PAGE, slabs::PAGES);
        }
        self.discard(0);
    }

    fn discard(&mut self, limit: usize) {
        let (region, base, cached) = (self.pool.region(), self.base, self.pages.cached());
        self.pages.trim(limit, |pages| region.discard(base + pages.start * PAGE..base + pages.end * PAGE));
        self.span.give(self.pool.header(), cached - self.pages.cached());
    }
}

#[cfg(test)]
mod deaths;
#[cfg(test)]
mod protocol;
#[cfg(test)]
mod tests;
