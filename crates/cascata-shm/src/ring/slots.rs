//! The slots of a ring as memory: how an item lies in one, and when memory goes back to the system.

use std::ops::Range;
use std::sync::Arc;

use crate::layout::PAGE;
use crate::region::Region;
use crate::sync::{AtomicU64, Ordering::Relaxed};
use crate::words::Words;

/// Words of a slot: one for kind and length, one for the number, the others for the payload. Two cache lines, as
/// processors fetch them.
const SLOT_WORDS: usize = 16;
const HEAD_WORDS: usize = 2;
/// Bytes of a slot.
pub const SLOT: usize = SLOT_WORDS * 8;

/// Bytes that fit a slot; larger payloads go through the [arena](crate::arena) and the slot names the block.
pub const INLINE: usize = SLOT - HEAD_WORDS * 8;

/// Slots a ring may walk through before it gives the memory behind it back.
pub(super) const CHUNK: usize = 4 * 1024 * 1024 / SLOT;

/// A small message, copied out of the ring.
#[derive(Debug, Clone, Copy)]
pub struct Slot {
    /// What the sender called it; the ring gives it no meaning.
    pub kind: u32,
    /// The number it bears, see [`Front`](super::Front); 0 in a ring without numbers.
    pub number: u64,
    len: u32,
    bytes: [u8; INLINE],
}

impl Slot {
    /// The bytes that were sent.
    pub fn payload(&self) -> &[u8] {
        &self.bytes[..self.len as usize]
    }
}

/// The slots of a ring. Used under its lock, which orders what happens here.
#[derive(Clone)]
pub(super) struct Slots {
    region: Arc<Region>,
    offset: usize,
    words: Words,
    count: usize,
}

impl Slots {
    /// Bytes to reserve for `count` slots wherever they start, a multiple of 128 that is.
    pub(super) fn footprint(count: usize) -> usize {
        count * SLOT + if count > CHUNK { PAGE } else { 0 }
    }

    /// # Panics
    ///
    /// If they do not lie inside the region.
    pub(super) fn new(region: &Arc<Region>, offset: usize, count: usize) -> Self {
        // Chunks that go back to the system are whole pages.
        let offset = if count > CHUNK { offset.next_multiple_of(PAGE) } else { offset };
        let words = Words::new(region, offset, count * SLOT_WORDS);
        Self { region: Arc::clone(region), offset, words, count }
    }

    fn slot(&self, index: usize) -> (&[AtomicU64; HEAD_WORDS], &[AtomicU64]) {
        self.words[index * SLOT_WORDS..][..SLOT_WORDS].split_first_chunk().expect("a slot has words")
    }

    pub(super) fn write(&self, index: usize, number: u64, kind: u32, payload: &[u8]) {
        let ([head, bears], words) = self.slot(index);
        head.store(u64::from(kind) | (payload.len() as u64) << 32, Relaxed);
        bears.store(number, Relaxed);
        let (whole, rest) = payload.as_chunks();
        for (word, bytes) in words.iter().zip(whole) {
            word.store(u64::from_ne_bytes(*bytes), Relaxed);
        }
        if !rest.is_empty() {
            let mut last = [0; 8];
            last[..rest.len()].copy_from_slice(rest);
            words[whole.len()].store(u64::from_ne_bytes(last), Relaxed);
        }
    }

    pub(super) fn read(&self, index: usize) -> Slot {
        let ([head, bears], words) = self.slot(index);
        let head = head.load(Relaxed);
        // A length beyond the slot could come from memory that was overwritten only; it must not lead outside.
        let len = ((head >> 32) as usize).min(INLINE);
        let mut bytes = [0; INLINE];
        for (bytes, word) in bytes.as_chunks_mut().0.iter_mut().zip(words).take(len.div_ceil(8)) {
            *bytes = word.load(Relaxed).to_ne_bytes();
        }
        Slot { kind: head as u32, number: bears.load(Relaxed), len: len as u32, bytes }
    }

    /// The number that the item in a slot bears.
    pub(super) fn number(&self, index: usize) -> u64 {
        self.slot(index).0[1].load(Relaxed)
    }

    /// Gives the memory of a chunk back that the head leaves on its way from `head` to `next`. The first chunk stays,
    /// since that is where an empty ring starts again. `fill` is that before the step.
    pub(super) fn pass(&self, head: usize, fill: usize, next: usize) {
        if let Some(passed) = passed(head, fill, next, self.count) {
            self.region.discard(self.offset + passed.start * SLOT..self.offset + passed.end * SLOT);
        }
    }
}

fn passed(head: usize, fill: usize, next: usize, count: usize) -> Option<Range<usize>> {
    let chunk = head / CHUNK * CHUNK;
    if chunk == 0 || next / CHUNK * CHUNK == chunk {
        return None;
    }
    // The items of a nearly full ring reach around, up to here.
    let tail = (head + fill).saturating_sub(count);
    Some(chunk.max(tail)..head + 1)
}

#[cfg(test)]
mod tests {
    use super::{CHUNK, passed};

    #[test]
    fn a_chunk_goes_when_the_head_leaves_it() {
        let count = 3 * CHUNK;
        assert_eq!(passed(CHUNK - 1, 5, CHUNK, count), None, "the first stays");
        assert_eq!(passed(CHUNK, 5, CHUNK + 1, count), None, "still inside");
        assert_eq!(passed(2 * CHUNK - 1, 5, 2 * CHUNK, count), Some(CHUNK..2 * CHUNK));
        assert_eq!(passed(count - 1, 5, 0, count), Some(2 * CHUNK..count), "around the end");
        assert_eq!(passed(CHUNK + 7, 1, 0, count), Some(CHUNK..CHUNK + 8), "empty, so it starts anew");
    }

    #[test]
    fn items_that_reach_around_stay() {
        let count = 2 * CHUNK;
        let head = count - 1;
        assert_eq!(passed(head, count, 0, count), Some(head..count));
        assert_eq!(passed(head, 9, 0, count), Some(CHUNK..count));
    }
}
