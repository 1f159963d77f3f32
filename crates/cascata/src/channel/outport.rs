//! An outport at work: one value to every channel behind it.

use std::{
    collections::VecDeque,
    fmt::Debug,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    task::{Context, Poll},
};

use super::{
    EncodeError, Full, Item, Local, Offer, Remote, Ticket, lock,
    parcel::{Depot, Parcel},
};
use crate::metrics::OutportMeter;

/// What a channel between processes is given: an item for the own process, or an encoded one.
#[derive(Debug)]
pub(super) enum Freight<T: Item> {
    Own(T),
    Parcel(Parcel),
}

/// A place outside the graph that sees every item of an outport, such as the lists of `collect`.
pub trait Collector<T: Item>: Debug + Send + Sync {
    /// Gives the form in which `item` is collected, as it is now: it may change later.
    ///
    /// # Errors
    /// The item cannot be taken; it then reaches no channel, either.
    fn pack(&self, item: &T) -> Result<T, T::Error>;

    /// Takes a packed item. Never waits.
    fn collect(&self, packed: T);
}

/// Why a value was not sent. It has reached no channel.
#[derive(Debug)]
pub enum SendError<E> {
    /// The outport's component has ended.
    Ended,
    /// The value cannot be encoded.
    Encode(E),
    /// Its encoded form, of so many bytes, is larger than what the shared memory has room for.
    TooLarge(usize),
}

/// What became of a value that was sent.
#[derive(Debug)]
pub enum Sent {
    /// It is inside all channels that are open; `false` if none is.
    Now(bool),
    /// It waits for room in some of them.
    Waits(Arc<Ticket>),
}

/// A running component's outport.
#[derive(Debug)]
pub struct Outport<T: Item> {
    locals: Vec<Arc<Local<T>>>,
    /// Channels through shared memory, and whether their receiver is in this process.
    remotes: Vec<(Arc<Remote<T>>, bool)>,
    collection: Option<Collection<T>>,
    /// Where encoded items lie; `None` as long as nothing is encoded.
    depot: Option<Depot>,
    meter: OutportMeter,
    ended: AtomicBool,
}

/// A collector, and the items that it gets once they have reached a channel: one that is withdrawn was never sent.
#[derive(Debug)]
struct Collection<T: Item> {
    collector: Arc<dyn Collector<T>>,
    /// In the order sent.
    waiting: Mutex<VecDeque<(Arc<Ticket>, T)>>,
}

impl<T: Item> Collection<T> {
    /// Collects an item that has just been sent, or waits, after those before it.
    fn add(&self, packed: T, ticket: Option<&Arc<Ticket>>) {
        match ticket {
            Some(ticket) => {
                lock(&self.waiting).push_back((ticket.clone(), packed));
                self.settle();
            }
            None => {
                self.settle();
                self.collector.collect(packed);
            }
        }
    }

    /// Collects what has reached a channel meanwhile, and forgets what was withdrawn.
    fn settle(&self) {
        loop {
            let mut waiting = lock(&self.waiting);
            let Some(sent) = waiting.front().and_then(|(ticket, _)| ticket.is_sent()) else { return };
            let front = waiting.pop_front();
            drop(waiting);
            if let (true, Some((_, packed))) = (sent, front) {
                self.collector.collect(packed);
            }
        }
    }
}

impl<T: Item> Outport<T> {
    /// An outport before `locals`, `remotes` (each with whether its receiver is in this process) and `collector`.
    pub fn new(
        locals: Vec<Arc<Local<T>>>,
        remotes: Vec<(Arc<Remote<T>>, bool)>,
        collector: Option<Arc<dyn Collector<T>>>,
        meter: OutportMeter,
    ) -> Self {
        let depot = remotes.iter().find(|(_, own)| !own).map(|(remote, _)| remote.depot().clone());
        let collection = collector.map(|collector| Collection { collector, waiting: Mutex::default() });
        Self { locals, remotes, collection, depot, meter, ended: AtomicBool::new(false) }
    }

    /// Sends `item` to every channel behind the port.
    ///
    /// Items that find no room queue behind those that already wait there, in the order of the calls.
    ///
    /// # Errors
    /// See [`SendError`]; the item has then reached no channel.
    pub fn send(&self, item: T) -> Result<Sent, SendError<T::Error>> {
        if self.ended.load(Relaxed) {
            return Err(SendError::Ended);
        }
        let parcel = match &self.depot {
            Some(depot) => Some(Parcel::pack(depot, &item)?),
            None => None,
        };
        let packed = match &self.collection {
            Some(collection) => Some(collection.collector.pack(&item).map_err(SendError::Encode)?),
            None => None,
        };
        self.meter.sent.add(1);
        let mut ticket = None;
        let mut reached = false;
        for (remote, own) in &self.remotes {
            let freight = match &parcel {
                Some(parcel) if !own => Freight::Parcel(parcel.clone()),
                _ => Freight::Own(item.clone()),
            };
            reached |= remote.offer(freight, &mut ticket) == Offer::Taken;
        }
        drop(parcel);
        if let Some((last, others)) = self.locals.split_last() {
            for local in others {
                reached |= local.offer(item.clone(), &mut ticket) == Offer::Taken;
            }
            reached |= last.offer(item, &mut ticket) == Offer::Taken;
        } else if self.remotes.is_empty() && self.collection.is_none() {
            self.meter.dropped.add(1);
        }
        // A collector alone is reason enough to go on sending.
        let result = |reached| reached || self.collection.is_some();
        let sent = match ticket {
            None => Sent::Now(result(reached)),
            Some(ticket) => match ticket.seal(reached) {
                Some(reached) => Sent::Now(result(reached)),
                None => Sent::Waits(ticket),
            },
        };
        if let (Some(collection), Some(packed)) = (&self.collection, packed) {
            let ticket = match &sent {
                Sent::Waits(ticket) => Some(ticket),
                Sent::Now(_) => None,
            };
            collection.add(packed, ticket);
        }
        Ok(sent)
    }

    /// Waits until a send that waits is done; see [`Ticket::poll`].
    pub fn poll(&self, ticket: &Ticket, cx: &mut Context<'_>) -> Poll<bool> {
        let done = ticket.poll(cx);
        match &self.collection {
            Some(collection) if done.is_ready() => {
                collection.settle();
                Poll::Ready(true)
            }
            _ => done,
        }
    }

    /// Takes a waiting send back from all channels; it then counts as never sent. `false` if that is too late: one of
    /// them has let the item in, and the others will, too, or all have closed.
    pub fn withdraw(&self, ticket: &Ticket) -> bool {
        if !ticket.withdraw() {
            return false;
        }
        self.meter.sent.take_back(1);
        self.locals.iter().for_each(|local| local.purge());
        self.remotes.iter().for_each(|(remote, _)| remote.purge());
        true
    }

    /// The component has ended: it will send nothing more. Items that wait for room still enter.
    pub fn close(&self) {
        if !self.ended.swap(true, Relaxed) {
            self.locals.iter().for_each(|local| local.unpublish());
            self.remotes.iter().for_each(|(remote, _)| remote.unpublish());
        }
    }
}

impl<E> From<EncodeError<E>> for SendError<E> {
    fn from(error: EncodeError<E>) -> Self {
        match error {
            EncodeError::Refused(error) => Self::Encode(error),
            EncodeError::Full(Full(bytes)) => Self::TooLarge(bytes),
        }
    }
}
