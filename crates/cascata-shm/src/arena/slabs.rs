//! Small blocks: slabs of equal slots.

use std::collections::BTreeSet;

use crate::layout::PAGE;

/// Pages of a slab.
pub(super) const PAGES: usize = 16;
const BYTES: usize = PAGES * PAGE;

/// Sizes of slots: every 64 bytes at first, later four to the doubling, so that at most a fifth of a slot is unused.
const SIZES: [usize; 27] = [
    128, 192, 256, 320, 384, 448, 512, 640, 768, 896, 1024, 1280, 1536, 1792, 2048, 2560, 3072, 3584, 4096, 5120, 6144,
    7168, 8192, 10240, 12288, 14336, 16384,
];

/// Words for one bit a slot.
const BITMAP: usize = BYTES / SIZES[0] / 64;

/// Bytes of a slot of `class`.
pub(super) fn size_of(class: usize) -> usize {
    SIZES[class]
}

/// The class of slots for blocks of `total` bytes with their header; nothing if they need pages of their own.
pub(super) fn class_of(total: usize) -> Option<usize> {
    let class = SIZES.partition_point(|size| *size < total);
    (class < SIZES.len()).then_some(class)
}

/// The books of all slabs of an arena. Offsets count from the first page.
#[derive(Debug, Default)]
pub(super) struct Slabs {
    slabs: Vec<Slab>,
    /// Numbers of slabs that were given back.
    unused: Vec<u32>,
    classes: [Class; SIZES.len()],
}

#[derive(Debug, Default)]
struct Class {
    /// Slabs with room, by number; always the same one is used first, so that the others can empty.
    roomy: BTreeSet<u32>,
    /// How many of them are empty. One is kept, as it will be needed again in a moment.
    empty: usize,
}

#[derive(Debug)]
struct Slab {
    start: usize,
    class: usize,
    used: usize,
    /// One bit for each slot in use.
    bitmap: [u64; BITMAP],
}

impl Slab {
    fn slots(&self) -> usize {
        BYTES / SIZES[self.class]
    }

    /// The slot that starts there, if one does.
    fn slot_at(&self, offset: usize) -> Option<usize> {
        let inside = offset.checked_sub(self.start)?;
        let slot = inside / SIZES[self.class];
        (inside.is_multiple_of(SIZES[self.class]) && slot < self.slots()).then_some(slot)
    }
}

impl Slabs {
    /// A slot of that class, if a slab has room.
    pub(super) fn allocate(&mut self, class: usize) -> Option<usize> {
        let books = &mut self.classes[class];
        let number = *books.roomy.first()?;
        let slab = &mut self.slabs[number as usize];
        let (index, word) = slab.bitmap.iter_mut().enumerate().find(|(_, word)| **word != u64::MAX)?;
        let bit = word.trailing_ones() as usize;
        *word |= 1 << bit;
        books.empty -= usize::from(slab.used == 0);
        slab.used += 1;
        if slab.used == slab.slots() {
            books.roomy.remove(&number);
        }
        Some(slab.start + (index * 64 + bit) * SIZES[class])
    }

    /// Makes a slab of [`PAGES`] pages at `start`; its number.
    pub(super) fn add(&mut self, class: usize, start: usize) -> u32 {
        let slab = Slab { start, class, used: 0, bitmap: [0; BITMAP] };
        let number = match self.unused.pop() {
            Some(number) => {
                self.slabs[number as usize] = slab;
                number
            }
            None => {
                self.slabs.push(slab);
                self.slabs.len() as u32 - 1
            }
        };
        self.classes[class].roomy.insert(number);
        self.classes[class].empty += 1;
        number
    }

    /// Whether a block in use starts at `offset` in that slab.
    pub(super) fn is_used(&self, number: u32, offset: usize) -> bool {
        let slab = &self.slabs[number as usize];
        slab.slot_at(offset).is_some_and(|slot| slab.bitmap[slot / 64] & 1 << (slot % 64) != 0)
    }

    /// Frees a slot in use. Where the slab starts if its pages are not needed any more.
    pub(super) fn free(&mut self, number: u32, offset: usize) -> Option<usize> {
        let slab = &mut self.slabs[number as usize];
        let slot = slab.slot_at(offset)?;
        slab.bitmap[slot / 64] &= !(1 << (slot % 64));
        slab.used -= 1;
        let books = &mut self.classes[slab.class];
        books.roomy.insert(number);
        if slab.used > 0 {
            return None;
        }
        if books.empty == 0 {
            books.empty = 1;
            return None;
        }
        books.roomy.remove(&number);
        self.unused.push(number);
        Some(slab.start)
    }

    /// Gives up an empty slab. Where it starts.
    pub(super) fn give_up(&mut self) -> Option<usize> {
        let books = self.classes.iter_mut().find(|class| class.empty > 0)?;
        let slabs = &self.slabs;
        let number = books.roomy.iter().copied().find(|&number| slabs[number as usize].used == 0)?;
        books.empty -= 1;
        books.roomy.remove(&number);
        self.unused.push(number);
        Some(self.slabs[number as usize].start)
    }

    /// Slabs kept although they are empty.
    #[cfg(test)]
    pub(super) fn kept(&self) -> usize {
        self.classes.iter().map(|class| class.empty).sum()
    }
}
