//! Channels: the bounded queue that belongs to an inport, and the outports that feed it.
//!
//! The contract, which [`Local`] (one process) and [`Remote`] (shared memory) both keep:
//!
//! * exactly `capacity` items fit; each is taken once, in the order in which it entered;
//! * an item that finds no room waits in its sender's process, in order: a new item never overtakes one that waits;
//! * publishers are counted before the start; a channel has *ended* when the last one has left and it is empty;
//! * once its receiver has gone, it discards what it holds and whatever still comes, and says so to the senders;
//! * an item for which the shared memory has no room waits in its outport, with those behind it; so do those behind one
//!   that its sender has given up on although one of several channels had it already;
//! * no lock is held while an item is cloned into user code, encoded, decoded or dropped, or a waker is called or dropped:
//!   these may run user code.
//!
//! An inport may read several channels: one for each member of a group whose results it takes in their order ([`Gather`]).
//! An outport may share items out among the channels of a group's members ([`Share`]).
//!
//! A send to several channels is one [`Ticket`]: it is withdrawn from all of them or from none.

mod begun;
mod collection;
mod doorway;
mod gather;
mod held;
mod hub;
mod loan;
mod local;
mod loopback;
mod outport;
pub(crate) mod parcel;
mod picked;
mod remote;
mod share;
mod ticket;

use std::{
    fmt::Debug,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
};

use cascata_shm::Gate;

pub use collection::Collector;
pub use gather::{Gather, Member};
pub use hub::Hub;
pub use loan::Loan;
pub use local::Local;
pub use loopback::{Encoded, Loopback};
pub use outport::{Outport, SendError, Sent};
pub use parcel::{Encoder, Full, Mark, Parcel};
pub use picked::Picked;
pub use remote::Remote;
pub use share::{Share, Target};
pub use ticket::Ticket;

use crate::metrics::InportMeter;

/// A value that can travel through channels: shared by reference inside a process, encoded between processes.
pub trait Item: Clone + Send + 'static {
    /// Why a value could not be encoded or decoded.
    type Error: Debug;

    /// Writes the encoded value to `out`.
    ///
    /// # Errors
    /// The value cannot be sent to another process, or the shared memory has no room for it; `out` may hold a part of it.
    fn encode(&self, out: &mut Encoder<'_>) -> Result<(), EncodeError<Self::Error>>;

    /// Restores a value from what [`encode`](Item::encode) wrote: the bytes, and the attachments in their order.
    ///
    /// # Errors
    /// The bytes are not an encoded value, or what they name does not exist here.
    fn decode(bytes: &[u8], attached: Vec<Loan>) -> Result<Self, Self::Error>;

    /// Calls this value, a function, with `item`, and gives a number for the result: equal results, equal numbers, in all
    /// processes of a run.
    ///
    /// # Errors
    /// It is no function, or fails, or its result has no such number.
    fn key(&self, item: &Self) -> Result<u64, Self::Error>;

    /// Makes one value of the items of a batch, of which there is at least one.
    ///
    /// # Errors
    /// The value cannot be made; the items are lost.
    fn list(items: Vec<Self>) -> Result<Self, Self::Error>;
}

/// Why a value could not be encoded.
#[derive(Debug)]
pub enum EncodeError<E> {
    /// It cannot be sent to another process.
    Refused(E),
    /// The shared memory has no room for it now.
    Full(Full),
}

impl<E> From<Full> for EncodeError<E> {
    fn from(full: Full) -> Self {
        Self::Full(full)
    }
}

/// What became of an item that was offered to a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Offer {
    /// It is inside.
    Taken,
    /// It waits for room under the sender's ticket.
    Waits,
    /// The receiver has gone; the item was discarded.
    Closed,
}

/// What became of an item that is shared out and was offered to one of several channels. `W` says whom to wake.
#[derive(Debug)]
enum Attempt<I, W = Option<Waker>> {
    Taken(W),
    Full(I),
    Closed(I),
}

/// The end of a channel that a component reads.
#[derive(Debug)]
pub enum Inlet<T: Item> {
    /// All senders are in this process.
    Local(Arc<Local<T>>),
    /// Some sender is in another process.
    Remote(Arc<Remote<T>>),
    /// Several channels, some of which bring a group's results.
    Gather(Arc<Gather<T>>),
}

impl<T: Item> Clone for Inlet<T> {
    fn clone(&self) -> Self {
        match self {
            Self::Local(channel) => Self::Local(channel.clone()),
            Self::Remote(channel) => Self::Remote(channel.clone()),
            Self::Gather(channels) => Self::Gather(channels.clone()),
        }
    }
}

impl<T: Item> Inlet<T> {
    /// Waits until there is an item (`true`) or the channel has ended (`false`). Takes nothing: cancel-safe.
    pub fn poll_item(&self, cx: &mut Context<'_>) -> Poll<bool> {
        match self {
            Self::Local(channel) => channel.poll_item(cx),
            Self::Remote(channel) => channel.poll_item(cx),
            Self::Gather(channels) => channels.poll_item(cx),
        }
    }

    /// What [`poll_item`](Self::poll_item) would say, for one who does not wait.
    fn peek(&self) -> Poll<bool> {
        match self {
            Self::Local(channel) => channel.peek(),
            Self::Remote(channel) => channel.peek(),
            Self::Gather(channels) => channels.peek().map(|found| found.is_some()),
        }
    }

    /// Takes the first item; `None` when there is none.
    ///
    /// # Errors
    /// The item could not be decoded; it is lost.
    pub fn take(&self) -> Result<Option<T>, T::Error> {
        match self {
            Self::Local(channel) => Ok(channel.take()),
            Self::Remote(channel) => channel.take(),
            Self::Gather(channels) => channels.take(),
        }
    }

    /// Takes the first item off the channel as [`take`](Self::take) does, but runs no user code: that is left to
    /// [`Picked::open`]. For channels that several threads read.
    pub fn pick(&self) -> Option<Picked<T>> {
        match self {
            Self::Local(channel) => channel.pick(),
            Self::Remote(channel) => Remote::pick(channel),
            Self::Gather(channels) => channels.pick(),
        }
    }

    /// Waits for the first item and takes it; `None` at the end of the channel. Cancel-safe.
    ///
    /// # Errors
    /// The item could not be decoded; it is lost.
    pub fn poll_take(&self, cx: &mut Context<'_>) -> Poll<Result<Option<T>, T::Error>> {
        match self {
            Self::Local(channel) => channel.poll_take(cx).map(Ok),
            Self::Remote(_) | Self::Gather(_) => match self.poll_item(cx) {
                Poll::Ready(true) => Poll::Ready(self.take()),
                Poll::Ready(false) => Poll::Ready(Ok(None)),
                Poll::Pending => Poll::Pending,
            },
        }
    }

    /// The gates before it, if its reader belongs to a feedback loop: one for each channel.
    pub(crate) fn gates(&self) -> &[Gate] {
        match self {
            Self::Local(channel) => channel.gates(),
            Self::Remote(channel) => channel.gates(),
            Self::Gather(channels) => channels.gates(),
        }
    }

    /// How many items are inside.
    pub fn fill(&self) -> usize {
        match self {
            Self::Local(channel) => channel.fill(),
            Self::Remote(channel) => channel.fill(),
            Self::Gather(channels) => channels.fill(),
        }
    }

    /// The number of the first item, or [`NONE`](crate::order::NONE): for channels whose items bear numbers.
    pub fn first(&self) -> u64 {
        match self {
            Self::Local(channel) => channel.first(),
            Self::Remote(channel) => channel.first(),
            Self::Gather(_) => crate::order::NONE,
        }
    }

    /// How many items have ever come in.
    pub(crate) fn received(&self) -> u64 {
        self.meter().received.get() + self.pushed()
    }

    /// How many have come through rings, which count by themselves.
    fn pushed(&self) -> u64 {
        match self {
            Self::Local(_) => 0,
            Self::Remote(channel) => channel.pushed(),
            Self::Gather(channels) => channels.pushed(),
        }
    }

    /// What counts its items.
    pub(crate) fn meter(&self) -> &InportMeter {
        match self {
            Self::Local(channel) => channel.meter(),
            Self::Remote(channel) => channel.meter(),
            Self::Gather(channels) => channels.meter(),
        }
    }

    /// The receiver goes: what is inside and what still comes is discarded, waiting senders wake.
    pub fn close(&self) {
        match self {
            Self::Local(channel) => channel.close(),
            Self::Remote(channel) => channel.close(),
            Self::Gather(channels) => channels.close(),
        }
    }

    /// The receiver goes, and gives what is inside, so that others may have it; `None` for what cannot be decoded, which is
    /// discarded as what still comes is.
    pub fn hand_over(&self) -> Vec<Option<T>> {
        match self {
            Self::Local(channel) => channel.hand_over(),
            Self::Remote(channel) => channel.hand_over(),
            Self::Gather(channels) => {
                channels.close();
                Vec::new()
            }
        }
    }
}

/// Notes who is to be woken. Gives the waker that was noted before if it is another one, to be dropped without a lock:
/// it may be the last that keeps a task, and the end of a task runs anything.
#[must_use]
pub(crate) fn note(noted: &mut Option<Waker>, cx: &Context<'_>) -> Option<Waker> {
    match noted {
        Some(waker) if waker.will_wake(cx.waker()) => None,
        _ => noted.replace(cx.waker().clone()),
    }
}

/// Locks `mutex`. Nothing here can panic half-way through a change, so poison carries no news.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
