//! The queue behind a public channel: bounded, many-to-many, between coroutines, threads and processes that come and go.
//!
//! [`Queue`] is its shared memory: a ring, the table of the processes that use it, and their arena spans. [`Endpoint`] is
//! what a process that uses it has beside that: who waits there, in two [lines](crate::line), and a thread that [watches](watch)
//! the queue for them as long as anybody waits.
//!
//! A wake-up is a hint: who is woken tries again, and passes the hint on if it leaves without having tried. So nothing is
//! ever done on behalf of somebody who may have been cancelled meanwhile. Notes in the ring say which processes wait, the
//! lines say who in a process does; whoever takes or puts sees to it that those behind it have a hint or a note.
//!
//! A process that dies is found out by any other in which somebody waits; one that dies inside an operation leaves the
//! queue [broken](Outcome::Broken) for everybody.

mod endpoint;
mod watch;

use std::{
    io,
    os::fd::{BorrowedFd, OwnedFd},
    sync::Arc,
};

use cascata_shm::{Layout, MAX_WORKERS, MOST_SLOTS, Members, Pool, Region, Ring, SLOT, layout::PAGE};

pub use endpoint::{Endpoint, Outcome, PackError, Taken};

pub use crate::{
    channel::Full,
    line::{Place, Signal},
};

/// Slots of a queue without bound, at least.
const LEAST_UNBOUNDED: usize = 1 << 20;
/// The most memory for items that a span can have addresses for.
const MOST: usize = 1 << 40;
const LINE: usize = 128;

/// The shared memory of a queue. A clone is another handle to the same.
#[derive(Clone, Debug)]
pub struct Queue {
    ring: Ring,
    members: Members,
    pool: Pool,
    shape: Shape,
}

/// What is to be known before the memory can be mapped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Items that fit; `None` for as many as memory holds.
    pub capacity: Option<usize>,
    /// Bytes that items may take that are too large for a slot of the ring.
    pub limit: usize,
}

/// Where everything lies.
struct Places {
    slots: usize,
    ring: usize,
    members: usize,
    pool: usize,
    head: usize,
    span: usize,
    limit: usize,
}

impl Places {
    fn new(shape: Shape) -> Self {
        let limit = shape.limit.clamp(Pool::LEAST, MOST).next_multiple_of(PAGE);
        let span = Pool::span(limit);
        // A bound that memory sets before the slots do is no bound.
        let unbounded = (limit / SLOT).max(LEAST_UNBOUNDED);
        let slots = shape.capacity.unwrap_or(unbounded).min(MOST_SLOTS);
        let mut layout = Layout::new();
        let ring = layout.reserve(Ring::footprint(slots), LINE);
        let members = layout.reserve(Members::FOOTPRINT, LINE);
        // Its first page, before the spans.
        let pool = layout.reserve(PAGE, PAGE);
        Self { slots, ring, members, pool, head: layout.len(), span, limit }
    }
}

impl Queue {
    /// Makes an empty queue without publishers.
    ///
    /// # Errors
    /// The system has no descriptors or address space left.
    ///
    /// # Panics
    /// If the capacity is 0.
    pub fn create(shape: Shape) -> io::Result<Self> {
        let places = Places::new(shape);
        let region = Region::create_windowed(places.head, places.span, MAX_WORKERS)?;
        let ring = Ring::create(&region, places.ring, places.slots, 0);
        let pool = Pool::create(&region, places.pool, MAX_WORKERS, places.span, places.limit);
        Ok(Self::at(&places, &region, ring, pool, shape))
    }

    /// Maps the queue of this shape behind a descriptor from another process.
    ///
    /// # Errors
    /// `InvalidInput` if there is none; or the system has no address space left.
    pub fn open(fd: OwnedFd, shape: Shape) -> io::Result<Self> {
        let places = Places::new(shape);
        let region = Region::open_windowed(fd, places.span, MAX_WORKERS)?;
        if region.len() != places.head + places.span * MAX_WORKERS {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "the descriptor is that of another channel"));
        }
        let ring = Ring::attach(&region, places.ring);
        let pool = Pool::attach(&region, places.pool, MAX_WORKERS, places.span);
        Ok(Self::at(&places, &region, ring, pool, shape))
    }

    fn at(places: &Places, region: &Arc<Region>, ring: Ring, pool: Pool, shape: Shape) -> Self {
        let members = Members::attach(region, places.members, &ring, &pool);
        Self { ring, members, pool, shape }
    }

    /// What another process needs to [`open`](Self::open) it, beside the shape.
    pub fn fd(&self) -> BorrowedFd<'_> {
        self.pool.region().fd()
    }

    /// What it was made with.
    pub fn shape(&self) -> Shape {
        self.shape
    }

    /// Items inside, as of a moment ago.
    pub fn fill(&self) -> usize {
        self.ring.fill()
    }

    /// Publishers, as of a moment ago.
    pub fn publishers(&self) -> u32 {
        self.ring.publishers()
    }

    /// Whether the last publisher has gone, as of a moment ago.
    pub fn is_ended(&self) -> bool {
        self.ring.is_ended()
    }

    /// Bytes of memory that items take which are too large for a slot, caches included.
    pub fn memory(&self) -> usize {
        self.pool.taken()
    }

    /// Processes that use it or whose items are still referred to.
    pub fn members(&self) -> usize {
        self.members.count()
    }
}
