//! The bounded many-to-many queue between processes.
//!
//! Positions, notes and slots change under one lock, so that "full, and this sender waits" or "taken, and these
//! senders wait" is one step: no wake-up can fall between the look and the note. All of it is atomics with relaxed
//! ordering, which cost what plain memory costs; the lock orders them.
//!
//! A process killed inside an operation leaves the lock orphaned, and everybody else is told so from then on.

mod slots;

use std::sync::Arc;

use crate::lock::{Guard, Orphaned};
use crate::region::{Region, Shareable, Shared};
use crate::sync::{
    AtomicU32, AtomicU64, Lock,
    Ordering::{Relaxed, SeqCst},
};
use crate::workers::AtomicWorkerSet;
pub use crate::workers::{MAX_WORKERS, WorkerSet};
use slots::Slots;
pub use slots::{INLINE, SLOT, Slot};

/// Slots that a ring can count.
pub const MOST_SLOTS: usize = u32::MAX as usize;

/// Set by `create` as its last act, so that an `attach` to something else is noticed.
const MAGIC: u64 = u64::from_le_bytes(*b"c. ring ");

/// All publishers have gone: nothing will ever come.
const ENDED: u32 = 1;
/// The receiver has gone: nothing will ever be taken.
const CLOSED: u32 = 2;
/// There are notes in `receivers`; spares the look at their line.
const RECEIVERS_WAIT: u32 = 4;
/// There are notes in `senders`.
const SENDERS_WAIT: u32 = 8;

/// What every operation touches: with the lock, exactly one cache line.
#[repr(C, align(64))]
struct Hot {
    lock: Lock,
    /// `ENDED`, `CLOSED`, `RECEIVERS_WAIT`, `SENDERS_WAIT`, and the lock's own mark.
    flags: AtomicU32,
    /// Slot of the oldest item. 0 whenever the ring is empty, so that a large ring stays in the memory it needs.
    head: AtomicU32,
    /// Items inside; they lie in the slots from `head` on, the last slot followed by the first.
    fill: AtomicU32,
    /// Items ever pushed.
    pushed: AtomicU64,
}

/// Who waits. Written by those who go to sleep, read by those who find the flag.
#[repr(C, align(64))]
struct Notes {
    receivers: AtomicWorkerSet,
    senders: AtomicWorkerSet,
}

/// What rarely changes.
#[repr(C, align(64))]
struct Cold {
    magic: AtomicU64,
    capacity: AtomicU64,
    publishers: AtomicU32,
}

#[repr(C, align(128))]
struct Header {
    hot: Hot,
    notes: Notes,
    cold: Cold,
}

// SAFETY: atomics and a lock, all valid as zeros, without any address.
unsafe impl Shareable for Header {}

const _: () = assert!(size_of::<Hot>() == 64 && size_of::<Notes>() == 64 && size_of::<Header>() == 256);

/// What became of an item offered to [`Ring::try_push`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Push {
    /// It is inside.
    Pushed {
        /// The receivers that had noted they wait. Their notes are cleared: the caller wakes them.
        waiting: WorkerSet,
    },
    /// There is no room. The sender is noted as waiting.
    Full,
    /// Nobody will ever take it.
    Closed,
}

/// What [`Ring::try_pop`] found.
#[derive(Debug, Clone, Copy)]
pub enum Pop {
    /// The oldest item, now taken.
    Item {
        /// The item.
        slot: Slot,
        /// Items left inside.
        fill: usize,
        /// Whether senders have noted that they wait; [`Ring::take_waiting_senders`] names them.
        senders_waiting: bool,
    },
    /// There is nothing now. The receiver is noted as waiting.
    Empty,
    /// There is nothing, and nothing will come.
    Ended,
}

/// What [`Ring::poll_item`] saw.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Peek {
    /// There is an item.
    Item,
    /// There is nothing now. The receiver is noted as waiting.
    Empty,
    /// There is nothing, and nothing will come.
    Ended,
}

/// What [`Ring::poll_room`] saw.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Room {
    /// There is room.
    Free,
    /// There is none. The sender is noted as waiting.
    Full,
    /// Nobody will ever take anything.
    Closed,
}

/// A ring whose items bear numbers that ascend, and a word that tells everybody the number of its oldest item.
///
/// It changes under the ring's lock, before the item can be taken and after it has been.
#[derive(Clone, Copy)]
pub struct Front<'a>(pub &'a AtomicU64);

impl Front<'_> {
    /// What a front says of an empty ring.
    pub const EMPTY: u64 = u64::MAX;
}

/// A handle to a ring in shared memory. A clone is another handle to the same ring.
///
/// Workers are named by index, below [`MAX_WORKERS`]; a note says "wake this worker", whoever in it waits.
#[derive(Clone)]
pub struct Ring {
    header: Shared<Header>,
    slots: Slots,
    capacity: u32,
}

impl Ring {
    /// Bytes to reserve for a ring, aligned to 128.
    ///
    /// # Panics
    ///
    /// If `capacity` is 0 or above [`MOST_SLOTS`].
    pub fn footprint(capacity: usize) -> usize {
        assert!(capacity > 0 && capacity <= MOST_SLOTS, "no ring holds {capacity} items");
        size_of::<Header>() + Slots::footprint(capacity)
    }

    /// Builds an empty ring that waits for items of `publishers` publishers.
    ///
    /// With none, it waits for the first to [`publish`](Ring::publish).
    ///
    /// # Panics
    ///
    /// If the place does not suit [`footprint`](Ring::footprint).
    pub fn create(region: &Arc<Region>, offset: usize, capacity: usize, publishers: u32) -> Self {
        let ring = Self::at(region, offset, capacity);
        ring.header.hot.lock.init();
        ring.header.hot.flags.store(0, Relaxed);
        ring.header.hot.head.store(0, Relaxed);
        ring.header.hot.fill.store(0, Relaxed);
        ring.header.hot.pushed.store(0, Relaxed);
        ring.header.notes.receivers.take();
        ring.header.notes.senders.take();
        ring.header.cold.capacity.store(capacity as u64, Relaxed);
        ring.header.cold.publishers.store(publishers, Relaxed);
        ring.header.cold.magic.store(MAGIC, Relaxed);
        ring
    }

    /// A handle to a ring that was created there, before this process or its attachment began.
    ///
    /// # Panics
    ///
    /// If there is none.
    pub fn attach(region: &Arc<Region>, offset: usize) -> Self {
        let header = Shared::<Header>::new(region, offset);
        assert!(header.cold.magic.load(Relaxed) == MAGIC, "there is no ring at offset {offset}");
        Self::at(region, offset, header.cold.capacity.load(Relaxed) as usize)
    }

    fn at(region: &Arc<Region>, offset: usize, capacity: usize) -> Self {
        assert!(capacity > 0 && capacity <= MOST_SLOTS, "no ring holds {capacity} items");
        let header = Shared::new(region, offset);
        let slots = Slots::new(region, offset + size_of::<Header>(), capacity);
        Self { header, slots, capacity: capacity as u32 }
    }

    /// Puts an item in, or notes `worker` as a waiting sender.
    ///
    /// # Errors
    ///
    /// [`Orphaned`] if a process died in the middle of an operation on this ring.
    ///
    /// # Panics
    ///
    /// If `payload` is longer than [`INLINE`], or there is no such worker.
    pub fn try_push(&self, worker: usize, kind: u32, payload: &[u8]) -> Result<Push, Orphaned> {
        self.push(worker, kind, payload, 0, None)
    }

    /// [`try_push`](Self::try_push) of an item that bears a number, which must be above those that came before.
    ///
    /// # Errors
    ///
    /// [`Orphaned`] if a process died in the middle of an operation on this ring.
    ///
    /// # Panics
    ///
    /// If `payload` is longer than [`INLINE`], or there is no such worker.
    pub fn try_push_numbered(
        &self,
        worker: usize,
        kind: u32,
        payload: &[u8],
        number: u64,
        front: Front<'_>,
    ) -> Result<Push, Orphaned> {
        self.push(worker, kind, payload, number, Some(front))
    }

    fn push(
        &self,
        worker: usize,
        kind: u32,
        payload: &[u8],
        number: u64,
        front: Option<Front<'_>>,
    ) -> Result<Push, Orphaned> {
        assert!(payload.len() <= INLINE, "{} bytes do not fit a slot of {INLINE}", payload.len());
        let Header { hot, notes, .. } = &*self.header;
        let _guard = self.lock()?;
        let flags = hot.flags.load(Relaxed);
        if flags & (ENDED | CLOSED) != 0 {
            return Ok(Push::Closed);
        }
        let fill = hot.fill.load(Relaxed);
        if fill >= self.capacity {
            notes.senders.insert(worker);
            hot.flags.store(flags | SENDERS_WAIT, Relaxed);
            return Ok(Push::Full);
        }
        self.slots.write(self.index(hot.head.load(Relaxed), fill), number, kind, payload);
        if let Some(Front(front)) = front.filter(|_| fill == 0) {
            front.store(number, SeqCst);
        }
        hot.pushed.store(hot.pushed.load(Relaxed) + 1, Relaxed);
        hot.fill.store(fill + 1, Relaxed);
        Ok(Push::Pushed { waiting: self.take_notes(RECEIVERS_WAIT) })
    }

    /// Takes the oldest item, or notes `worker` as a waiting receiver.
    ///
    /// # Errors
    ///
    /// [`Orphaned`] if a process died in the middle of an operation on this ring.
    ///
    /// # Panics
    ///
    /// If there is no such worker.
    pub fn try_pop(&self, worker: usize) -> Result<Pop, Orphaned> {
        self.pop(worker, None)
    }

    /// [`try_pop`](Self::try_pop) of a ring whose items bear numbers.
    ///
    /// # Errors
    ///
    /// [`Orphaned`] if a process died in the middle of an operation on this ring.
    ///
    /// # Panics
    ///
    /// If there is no such worker.
    pub fn try_pop_numbered(&self, worker: usize, front: Front<'_>) -> Result<Pop, Orphaned> {
        self.pop(worker, Some(front))
    }

    fn pop(&self, worker: usize, front: Option<Front<'_>>) -> Result<Pop, Orphaned> {
        let hot = &self.header.hot;
        let _guard = self.lock()?;
        let fill = hot.fill.load(Relaxed);
        if fill == 0 {
            return Ok(if self.note_receiver(worker) { Pop::Empty } else { Pop::Ended });
        }
        let head = hot.head.load(Relaxed);
        let slot = self.slots.read(self.index(head, 0));
        let next = if fill == 1 { 0 } else { self.index(head, 1) as u32 };
        hot.head.store(next, Relaxed);
        hot.fill.store(fill - 1, Relaxed);
        if let Some(Front(front)) = front {
            front.store(if fill == 1 { Front::EMPTY } else { self.slots.number(next as usize) }, SeqCst);
        }
        self.slots.pass(head as usize, fill as usize, next as usize);
        let senders_waiting = hot.flags.load(Relaxed) & SENDERS_WAIT != 0;
        Ok(Pop::Item { slot, fill: fill as usize - 1, senders_waiting })
    }

    /// Looks whether there is an item without taking it, or notes `worker` as a waiting receiver.
    ///
    /// # Errors
    ///
    /// [`Orphaned`] if a process died in the middle of an operation on this ring.
    ///
    /// # Panics
    ///
    /// If there is no such worker.
    pub fn poll_item(&self, worker: usize) -> Result<Peek, Orphaned> {
        let hot = &self.header.hot;
        let _guard = self.lock()?;
        if hot.fill.load(Relaxed) > 0 {
            return Ok(Peek::Item);
        }
        Ok(if self.note_receiver(worker) { Peek::Empty } else { Peek::Ended })
    }

    /// Looks whether there is room, or notes `worker` as a waiting sender.
    ///
    /// # Errors
    ///
    /// [`Orphaned`] if a process died in the middle of an operation on this ring.
    ///
    /// # Panics
    ///
    /// If there is no such worker.
    pub fn poll_room(&self, worker: usize) -> Result<Room, Orphaned> {
        let Header { hot, notes, .. } = &*self.header;
        let _guard = self.lock()?;
        let flags = hot.flags.load(Relaxed);
        if flags & (ENDED | CLOSED) != 0 {
            return Ok(Room::Closed);
        }
        if hot.fill.load(Relaxed) < self.capacity {
            return Ok(Room::Free);
        }
        notes.senders.insert(worker);
        hot.flags.store(flags | SENDERS_WAIT, Relaxed);
        Ok(Room::Full)
    }

    /// Notes that a sender of `worker` waits for news, though there may be room: of the next item that is taken, or the
    /// end. `false`, and nothing noted, if no one will receive any more.
    ///
    /// # Errors
    ///
    /// [`Orphaned`] if a process died in the middle of an operation on this ring.
    pub fn await_news(&self, worker: usize) -> Result<bool, Orphaned> {
        let Header { hot, notes, .. } = &*self.header;
        let _guard = self.lock()?;
        let flags = hot.flags.load(Relaxed);
        if flags & CLOSED != 0 {
            return Ok(false);
        }
        notes.senders.insert(worker);
        hot.flags.store(flags | SENDERS_WAIT, Relaxed);
        Ok(true)
    }

    /// The senders that have noted they wait. Their notes are cleared: the caller wakes them.
    ///
    /// # Errors
    ///
    /// [`Orphaned`] if a process died in the middle of an operation on this ring.
    pub fn take_waiting_senders(&self) -> Result<WorkerSet, Orphaned> {
        let _guard = self.lock()?;
        Ok(self.take_notes(SENDERS_WAIT))
    }

    /// One publisher more. `false`, and nothing changed, if the ring has ended or is closed.
    ///
    /// # Errors
    ///
    /// [`Orphaned`] if a process died in the middle of an operation on this ring.
    pub fn publish(&self) -> Result<bool, Orphaned> {
        self.exclusively(|held| held.publish())
    }

    /// One publisher less. After the last one the ring has ended for good, and the receivers that had noted they
    /// wait are returned, their notes cleared: the caller wakes them.
    ///
    /// # Errors
    ///
    /// [`Orphaned`] if a process died in the middle of an operation on this ring.
    ///
    /// # Panics
    ///
    /// If there is no publisher.
    pub fn unpublish(&self) -> Result<WorkerSet, Orphaned> {
        self.exclusively(|held| held.unpublish(1))
    }

    /// Runs `change` while nobody else can change anything: what others keep about the ring changes together with it.
    /// `change` must not use the ring in any other way.
    ///
    /// # Errors
    ///
    /// [`Orphaned`] if a process died in the middle of an operation on this ring.
    pub(crate) fn exclusively<R>(&self, change: impl FnOnce(&Held<'_>) -> R) -> Result<R, Orphaned> {
        let _guard = self.lock()?;
        Ok(change(&Held { ring: self }))
    }

    /// Says that nobody will receive any more. Pushes are refused from now on; what is inside can still be popped,
    /// by whoever must free it. The senders that had noted they wait are returned, their notes cleared: the caller
    /// wakes them.
    ///
    /// # Errors
    ///
    /// [`Orphaned`] if a process died in the middle of an operation on this ring.
    pub fn close_receiver(&self) -> Result<WorkerSet, Orphaned> {
        let hot = &self.header.hot;
        let _guard = self.lock()?;
        hot.flags.store(hot.flags.load(Relaxed) | CLOSED, Relaxed);
        Ok(self.take_notes(SENDERS_WAIT))
    }

    /// Items inside, as of a moment ago. Takes no lock.
    pub fn fill(&self) -> usize {
        self.header.hot.fill.load(Relaxed) as usize
    }

    /// Items that fit.
    pub fn capacity(&self) -> usize {
        self.capacity as usize
    }

    /// Items ever pushed, as of a moment ago. Takes no lock.
    pub fn pushed(&self) -> u64 {
        self.header.hot.pushed.load(Relaxed)
    }

    /// Whether the receiver has gone, as of a moment ago. Takes no lock.
    pub fn is_closed(&self) -> bool {
        self.header.hot.flags.load(Relaxed) & CLOSED != 0
    }

    /// Whether all publishers have gone, as of a moment ago. Takes no lock.
    pub fn is_ended(&self) -> bool {
        self.header.hot.flags.load(Relaxed) & ENDED != 0
    }

    /// Publishers that have not gone, as of a moment ago. Takes no lock.
    pub fn publishers(&self) -> u32 {
        self.header.cold.publishers.load(Relaxed)
    }

    fn lock(&self) -> Result<Guard<'_>, Orphaned> {
        self.header.hot.lock.lock(&self.header.hot.flags)
    }

    /// The `steps`-th slot after `head`.
    fn index(&self, head: u32, steps: u32) -> usize {
        let (index, capacity) = (u64::from(head) + u64::from(steps), u64::from(self.capacity));
        (if index >= capacity { index - capacity } else { index }) as usize
    }

    /// Notes that `worker` waits for an item; `false` if there is nothing to wait for. Under the lock.
    fn note_receiver(&self, worker: usize) -> bool {
        let Header { hot, notes, .. } = &*self.header;
        let flags = hot.flags.load(Relaxed);
        if flags & (ENDED | CLOSED) != 0 {
            return false;
        }
        notes.receivers.insert(worker);
        hot.flags.store(flags | RECEIVERS_WAIT, Relaxed);
        true
    }

    /// The notes that `flag` stands for, cleared. Under the lock.
    fn take_notes(&self, flag: u32) -> WorkerSet {
        let Header { hot, notes, .. } = &*self.header;
        let flags = hot.flags.load(Relaxed);
        if flags & flag == 0 {
            return WorkerSet::EMPTY;
        }
        hot.flags.store(flags & !flag, Relaxed);
        if flag == RECEIVERS_WAIT { notes.receivers.take() } else { notes.senders.take() }
    }
}

/// A ring whose lock is held.
pub(crate) struct Held<'a> {
    ring: &'a Ring,
}

impl Held<'_> {
    /// See [`Ring::publish`].
    pub(crate) fn publish(&self) -> bool {
        let Header { hot, cold, .. } = &*self.ring.header;
        if hot.flags.load(Relaxed) & (ENDED | CLOSED) != 0 {
            return false;
        }
        cold.publishers.store(cold.publishers.load(Relaxed) + 1, Relaxed);
        true
    }

    /// See [`Ring::unpublish`]; for several at once.
    pub(crate) fn unpublish(&self, count: u32) -> WorkerSet {
        let Header { hot, cold, .. } = &*self.ring.header;
        if count == 0 {
            return WorkerSet::EMPTY;
        }
        let publishers = cold.publishers.load(Relaxed);
        assert!(publishers >= count, "a ring of {publishers} publishers cannot lose {count}");
        cold.publishers.store(publishers - count, Relaxed);
        if publishers > count {
            return WorkerSet::EMPTY;
        }
        hot.flags.store(hot.flags.load(Relaxed) | ENDED, Relaxed);
        self.ring.take_notes(RECEIVERS_WAIT)
    }
}

impl std::fmt::Debug for Ring {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ring").field("fill", &self.fill()).field("capacity", &self.capacity).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod damaged;
#[cfg(test)]
mod deaths;
#[cfg(test)]
mod protocol;
#[cfg(test)]
mod tests;
