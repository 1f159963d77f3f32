//! What everybody knows of a block: its handle, its header, its counts.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use super::{pool::Header, slabs};
use crate::layout::PAGE;
use crate::region::{Region, Shareable};
use crate::sync::{AtomicU32, AtomicU64, Ordering};

/// Bytes between the start of a block and its payload.
pub(super) const HEADER: usize = size_of::<BlockHeader>();

/// Mixed with the offset, so that a header that was copied elsewhere is none.
const BLOCK_MAGIC: u64 = u64::from_le_bytes(*b"c. block");
const SPAN_MAGIC: u64 = u64::from_le_bytes(*b"c. span ");

/// Allocated, and the owner's alone.
const DRAFT: u32 = 1;
/// The owner writes the payload.
const FILLING: u32 = 2;
/// The payload is there and changes no more.
const FILLED: u32 = 3;
/// As `FILLED`, and others than the owner may hold counts.
const SENT: u32 = 4;

/// A handle to a payload in the arena.
///
/// It is plain data, and worth one count of the block: whoever gets it must use it up, by [`bytes`], [`release`], or
/// by passing it on. To pass it on twice takes a [`retain`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Block {
    offset: usize,
    len: usize,
}

impl Block {
    pub(super) fn new(offset: usize, len: usize) -> Self {
        Self { offset, len }
    }

    /// Where the payload lies in the region.
    pub fn offset(&self) -> usize {
        self.offset
    }

    /// Bytes of the payload.
    #[expect(clippy::len_without_is_empty, reason = "the length of what it names; a handle is not empty")]
    pub fn len(&self) -> usize {
        self.len
    }

    /// The handle as it travels.
    pub fn to_bytes(self) -> [u8; 16] {
        (self.offset as u128 | (self.len as u128) << 64).to_le_bytes()
    }

    /// The handle that travelled. What it names is checked when it is used.
    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        let both = u128::from_le_bytes(bytes);
        Self { offset: both as u64 as usize, len: (both >> 64) as u64 as usize }
    }
}

/// A handle that names no block, or one that is used up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BlockError;

impl fmt::Display for BlockError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the handle names no block in shared memory")
    }
}

impl std::error::Error for BlockError {}

/// The start of a block.
#[repr(C, align(64))]
pub(super) struct BlockHeader {
    /// `BLOCK_MAGIC` mixed with the offset of the payload; 0 when freed.
    magic: AtomicU64,
    /// Bytes of the payload.
    len: AtomicU64,
    /// Where the span starts.
    span: AtomicU64,
    /// The block behind it in the list of released ones, or 0.
    next: AtomicU64,
    /// Counts that are out. Who takes it to 0 puts the block on the list.
    refs: AtomicU32,
    /// `DRAFT`, `FILLING`, `FILLED`, `SENT`.
    state: AtomicU32,
}

// SAFETY: atomics only, without any address.
unsafe impl Shareable for BlockHeader {}

impl BlockHeader {
    pub(super) fn init(&self, block: Block, span: usize) {
        self.len.store(block.len as u64, Ordering::Relaxed);
        self.span.store(span as u64, Ordering::Relaxed);
        self.next.store(0, Ordering::Relaxed);
        self.refs.store(1, Ordering::Relaxed);
        self.state.store(DRAFT, Ordering::Relaxed);
        self.magic.store(BLOCK_MAGIC ^ block.offset as u64, Ordering::Release);
    }

    /// Whether all its counts are back.
    pub(super) fn is_released(&self) -> bool {
        self.refs.load(Ordering::Relaxed) == 0
    }

    /// Makes handles to it invalid; the block behind it in the list.
    pub(super) fn unlink(&self) -> Option<usize> {
        self.magic.store(0, Ordering::Relaxed);
        link(self.next.load(Ordering::Relaxed))
    }

    fn retain(&self) -> Result<(), BlockError> {
        let more = |refs: u32| if refs == 0 { None } else { refs.checked_add(1) };
        self.refs.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).map(drop).map_err(|_| BlockError)
    }

    /// Whether that was the last count.
    fn release(&self) -> Result<bool, BlockError> {
        // SYNC POINT: release. Views of the payload end before the owner, who acquires by `take_released`, reuses it.
        let less = |refs: u32| refs.checked_sub(1);
        self.refs.fetch_update(Ordering::AcqRel, Ordering::Relaxed, less).map(|refs| refs == 1).map_err(|_| BlockError)
    }
}

/// The start of a span.
#[derive(Debug)]
#[repr(C, align(64))]
pub(super) struct SpanHeader {
    magic: AtomicU64,
    len: AtomicU64,
    /// The block released last, or 0. The owner takes the whole list at once, so that no link changes under it.
    released: AtomicU64,
    /// 1 once the owner has left.
    retired: AtomicU32,
    /// Where the pool lies.
    pool: AtomicU64,
    /// Pages that the span has taken from the pool.
    taken: AtomicU64,
    /// Blocks that are `SENT` and not released.
    out: AtomicU64,
}

// SAFETY: atomics only, without any address.
unsafe impl Shareable for SpanHeader {}

impl SpanHeader {
    pub(super) fn init(&self, offset: usize, len: usize, pool: usize) {
        self.len.store(len as u64, Ordering::Relaxed);
        self.pool.store(pool as u64, Ordering::Relaxed);
        self.taken.store(0, Ordering::Relaxed);
        self.out.store(0, Ordering::Relaxed);
        self.released.store(0, Ordering::Relaxed);
        self.retired.store(0, Ordering::Relaxed);
        self.magic.store(SPAN_MAGIC ^ offset as u64, Ordering::Release);
    }

    /// Whether anything was released, as of a moment ago.
    pub(super) fn has_released(&self) -> bool {
        self.released.load(Ordering::Relaxed) != 0
    }

    /// The head of the list of released blocks, which is empty now.
    pub(super) fn take_released(&self) -> Option<usize> {
        link(self.released.swap(0, Ordering::SeqCst))
    }

    /// The owner leaves.
    // SYNC POINT: retire. The mark is set; then the owner takes the list a last time.
    pub(super) fn retire(&self) {
        self.retired.store(1, Ordering::SeqCst);
    }

    /// Takes `pages` from the pool, if it has as many.
    pub(super) fn take(&self, pool: &Header, pages: usize) -> bool {
        let granted = pool.take(pages);
        if granted {
            self.taken.fetch_add(pages as u64, Ordering::SeqCst);
        }
        granted
    }

    /// Gives `pages` back to the pool, at most as many as it has.
    pub(super) fn give(&self, pool: &Header, pages: usize) {
        let mut given = 0;
        let _ = self.taken.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |taken| {
            given = taken.min(pages as u64);
            Some(taken - given)
        });
        pool.give(given as usize);
    }

    /// Whether others than the owner may hold counts.
    pub(super) fn is_out(&self) -> bool {
        self.out.load(Ordering::SeqCst) > 0
    }

    /// Whether somebody has used the span at `offset`.
    pub(super) fn is_known(&self, offset: usize) -> bool {
        self.magic.load(Ordering::Acquire) == SPAN_MAGIC ^ offset as u64
    }

    /// Nobody uses the span any more.
    pub(super) fn forget(&self) {
        self.magic.store(0, Ordering::Release);
    }

    fn push_released(&self, offset: usize, header: &BlockHeader) {
        let mut head = self.released.load(Ordering::Relaxed);
        loop {
            header.next.store(head, Ordering::Relaxed);
            match self.released.compare_exchange_weak(head, offset as u64, Ordering::SeqCst, Ordering::Relaxed) {
                Ok(_) => return,
                Err(found) => head = found,
            }
        }
    }
}

fn link(offset: u64) -> Option<usize> {
    (offset != 0).then_some(offset as usize)
}

/// A view of a payload. It is worth one count, given back when it is dropped; a clone is another count.
#[derive(Debug)]
pub struct BlockGuard {
    region: Arc<Region>,
    block: Block,
}

impl BlockGuard {
    /// The handle of what is viewed. To send it on, [`retain`] it first: the guard keeps its own count.
    pub fn block(&self) -> Block {
        self.block
    }

    /// Gives the count back although the guard is still there: for a process that ends in this moment.
    ///
    /// # Safety
    ///
    /// Nobody in this process looks at the payload any more, and the guard is never dropped.
    pub unsafe fn give_back(&self) {
        let _ = release(&self.region, self.block);
    }

    /// Whether it lies in `region`.
    pub fn is_of(&self, region: &Arc<Region>) -> bool {
        Arc::ptr_eq(&self.region, region)
    }
}

impl Deref for BlockGuard {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        // SAFETY: the payload was filled when the guard was made, is never filled twice, and its owner does not reuse
        // it before the count that this guard holds is given back.
        unsafe { self.region.slice(self.block.offset, self.block.len) }.expect("the handle was checked")
    }
}

impl Clone for BlockGuard {
    fn clone(&self) -> Self {
        retain(&self.region, self.block).expect("a block that is viewed is in use");
        Self { region: Arc::clone(&self.region), block: self.block }
    }
}

impl Drop for BlockGuard {
    fn drop(&mut self) {
        // Only memory that was overwritten could fail here, and then the block is better left alone.
        let _ = release(&self.region, self.block);
    }
}

/// A view of what the handle names. It takes over the handle's count.
///
/// # Errors
///
/// [`BlockError`] if there is no such block, or nobody has filled it.
pub fn bytes(region: &Arc<Region>, block: Block) -> Result<BlockGuard, BlockError> {
    let header = find(region, block)?;
    // SYNC POINT: filled. What the owner wrote before is seen from here on.
    if !matches!(header.state.load(Ordering::Acquire), FILLED | SENT) || header.refs.load(Ordering::Relaxed) == 0 {
        return Err(BlockError);
    }
    Ok(BlockGuard { region: Arc::clone(region), block })
}

/// One count more, for a handle that will be passed on once more. Whoever calls it holds a count.
///
/// # Errors
///
/// [`BlockError`] if there is no such block.
pub fn retain(region: &Region, block: Block) -> Result<(), BlockError> {
    find(region, block)?.retain()
}

/// Gives the handle's count back unseen.
///
/// # Errors
///
/// [`BlockError`] if there is no such block.
pub fn release(region: &Region, block: Block) -> Result<(), BlockError> {
    let header = find(region, block)?;
    let span_offset = header.span.load(Ordering::Relaxed) as usize;
    let span = region.get::<SpanHeader>(span_offset).ok_or(BlockError)?;
    let span_end = span_offset.saturating_add(span.len.load(Ordering::Relaxed) as usize);
    if !span.is_known(span_offset) || !(span_offset..span_end).contains(&block.offset) {
        return Err(BlockError);
    }
    let was_sent = header.state.load(Ordering::Relaxed) == SENT;
    if header.release()? {
        span.push_released(block.offset - HEADER, header);
        // SYNC POINT: retire. The block is on the list; now the mark is read. If it is there, the owner may not have
        // seen the block, and nobody will use its memory again.
        if span.retired.load(Ordering::SeqCst) != 0 {
            region.discard(block.offset..block.offset + block.len);
            if let Some(pool) = region.get::<Header>(span.pool.load(Ordering::Relaxed) as usize) {
                span.give(pool, whole_pages(block));
            }
        }
        if was_sent {
            // The last act: from now on the span of an owner who died may belong to somebody else.
            span.out.fetch_sub(1, Ordering::SeqCst);
        }
    }
    Ok(())
}

/// Says, before others may get the handle, that they may: should its owner die, the span is left alone until the block is
/// released. Whether that was news, and can be [taken back](retract).
///
/// # Errors
///
/// [`BlockError`] if there is no such block.
pub fn announce(region: &Region, block: Block) -> Result<bool, BlockError> {
    let header = find(region, block)?;
    let span = region.get::<SpanHeader>(header.span.load(Ordering::Relaxed) as usize).ok_or(BlockError)?;
    // Counted first: a process that dies in between leaves a span that is not used again, rather than one that is in use.
    span.out.fetch_add(1, Ordering::SeqCst);
    let is_news = header.state.compare_exchange(FILLED, SENT, Ordering::SeqCst, Ordering::Relaxed).is_ok();
    if !is_news {
        span.out.fetch_sub(1, Ordering::SeqCst);
    }
    Ok(is_news)
}

/// Nobody else has got the handle of a block that was [announced](announce).
pub fn retract(region: &Region, block: Block) {
    if let Ok(header) = find(region, block)
        && let Some(span) = region.get::<SpanHeader>(header.span.load(Ordering::Relaxed) as usize)
        && header.state.compare_exchange(SENT, FILLED, Ordering::SeqCst, Ordering::Relaxed).is_ok()
    {
        span.out.fetch_sub(1, Ordering::SeqCst);
    }
}

/// The pages inside a large block, without the first, in which its header stays; small blocks have none of their own.
fn whole_pages(block: Block) -> usize {
    if slabs::class_of(block.len + HEADER).is_some() { 0 } else { (block.len + HEADER).div_ceil(PAGE) - 1 }
}

/// Whether blocks of the span at `offset` were released that its owner has not taken back.
pub(super) fn has_released(region: &Region, offset: usize) -> bool {
    region.get::<SpanHeader>(offset).is_some_and(|span| span.released.load(Ordering::SeqCst) != 0)
}

/// See [`Arena::fill`](super::Arena::fill).
pub(super) fn fill<R>(region: &Region, block: Block, span: usize, write: impl FnOnce(&mut [u8]) -> R) -> R {
    let header = find(region, block).expect("a block is filled by its owner");
    assert!(header.span.load(Ordering::Relaxed) as usize == span, "a block is filled by its owner");
    let fresh = header.state.compare_exchange(DRAFT, FILLING, Ordering::Relaxed, Ordering::Relaxed).is_ok();
    assert!(fresh, "a block is filled once");
    // SAFETY: only one call ever gets past `DRAFT`; nobody views the block before `FILLED`; and the owner, who is
    // borrowed by this call, does not allocate the memory to somebody else meanwhile.
    let bytes = unsafe { region.slice_mut(block.offset, block.len) }.expect("the handle was checked");
    let outcome = write(bytes);
    // SYNC POINT: filled.
    header.state.store(FILLED, Ordering::Release);
    outcome
}

/// The header of what a handle names, if it names a block and lies inside the region.
fn find(region: &Region, block: Block) -> Result<&BlockHeader, BlockError> {
    let end = block.offset.checked_add(block.len).ok_or(BlockError)?;
    let start = block.offset.checked_sub(HEADER).ok_or(BlockError)?;
    let header = region.get::<BlockHeader>(start).ok_or(BlockError)?;
    let known = header.magic.load(Ordering::Acquire) == BLOCK_MAGIC ^ block.offset as u64
        && header.len.load(Ordering::Relaxed) == block.len as u64
        && end <= region.len();
    if known { Ok(header) } else { Err(BlockError) }
}
