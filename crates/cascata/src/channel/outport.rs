//! An outport at work: one value to every channel behind it.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    task::{Context, Poll, Waker},
};

use cascata_shm::Cycle;

use super::{
    Collector, EncodeError, Full, Hub, Item, Local, Offer, Remote, Share, Ticket, begun::Begun, collection::Collection,
    held::Held, parcel::Parcel, share::Lot,
};
use crate::metrics::OutportMeter;

/// What a channel between processes is given: an item for the own process, or an encoded one.
#[derive(Debug)]
pub(super) enum Freight<T: Item> {
    Own(T),
    Parcel(Parcel),
}

/// Why a value was not sent. It has reached no channel.
#[derive(Debug)]
pub enum SendError<E> {
    /// The outport's component has ended.
    Ended,
    /// The value cannot be encoded.
    Encode(E),
    /// The function that says which member of a group it is for has failed.
    Key(E),
    /// Its encoded form, of at least so many bytes, is larger than all of the shared memory.
    TooLarge(usize),
}

/// What became of a value that was sent.
#[derive(Debug)]
pub enum Sent {
    /// It is inside all channels that are open; `false` if none is.
    Now(bool),
    /// It waits for room in some of them, for shared memory, or for an item before it that was abandoned.
    Waits(Arc<Ticket>),
}

/// A running component's outport.
#[derive(Debug)]
pub struct Outport<T: Item> {
    locals: Vec<Arc<Local<T>>>,
    /// Channels through shared memory, and whether their receiver is in this process.
    remotes: Vec<(Arc<Remote<T>>, bool)>,
    /// Groups of which one member gets the item.
    shares: Vec<Share<T>>,
    /// The number of the firing that sends, where firings bear some.
    number: AtomicU64,
    collection: Option<Collection<T>>,
    /// Where encoded items lie; `None` as long as nothing is encoded.
    hub: Option<Hub>,
    held: Held<Load<T>, T::Error>,
    /// What the firing that sends has begun to send, where results keep an order.
    begun: Option<Begun>,
    /// The feedback loops that it feeds from outside, once for each channel.
    feeds: Vec<Cycle>,
    meter: OutportMeter,
    ended: AtomicBool,
    /// The channels know that it has ended.
    left: AtomicBool,
}

/// An item that is sent.
#[derive(Clone, Debug)]
struct Load<T> {
    item: T,
    /// That of the firing that sends it.
    number: u64,
    /// What decides which members get it, for each group.
    keys: Vec<u64>,
}

/// An item as it goes out: encoded, if any channel needs that, and as its collector will get it.
#[derive(Debug)]
struct Packed<T> {
    parcel: Option<Parcel>,
    collected: Option<T>,
}

impl<T: Item> Outport<T> {
    /// An outport before `locals`, `remotes` (each with whether its receiver is in this process) and `collector`.
    pub fn new(
        locals: Vec<Arc<Local<T>>>,
        remotes: Vec<(Arc<Remote<T>>, bool)>,
        collector: Option<Arc<dyn Collector<T>>>,
        meter: OutportMeter,
    ) -> Self {
        let hub = remotes.iter().find(|(_, own)| !own).map(|(remote, _)| remote.hub().clone());
        Self {
            locals,
            remotes,
            shares: Vec::new(),
            number: AtomicU64::new(0),
            collection: collector.map(Collection::new),
            hub,
            held: Held::new(),
            begun: None,
            feeds: Vec::new(),
            meter,
            ended: AtomicBool::new(false),
            left: AtomicBool::new(false),
        }
    }

    /// The outport of a component of feedback loop `home`, if any, that feeds others: those of `feeds`, once for each
    /// channel. It keeps them open until it has left, and its own as long as it holds an item back.
    #[must_use]
    pub fn in_cycles(self, home: Option<Cycle>, feeds: Vec<Cycle>) -> Self {
        Self { held: self.held.within(home), feeds, ..self }
    }

    /// The same before groups, too, of which one member each gets an item.
    #[must_use]
    pub fn sharing(mut self, shares: Vec<Share<T>>) -> Self {
        self.hub = self.hub.or_else(|| shares.iter().find_map(Share::hub).cloned());
        self.shares = shares;
        self
    }

    /// The same for a member of a group whose results keep an order. See [`poll_over`](Self::poll_over).
    #[must_use]
    pub fn in_order(self) -> Self {
        Self { begun: Some(Begun::default()), ..self }
    }

    /// Whether what it sends keeps an order among the members of a group: what was not sent before its firing is over must
    /// not be sent at all.
    pub fn is_in_order(&self) -> bool {
        self.begun.is_some()
    }

    /// A firing begins that bears this number; so does what it sends.
    pub fn bear(&self, number: u64) {
        self.number.store(number, Relaxed);
    }

    /// Shares out `item`, which a member of a group has left; `None` for one that is lost.
    pub fn inherit(&self, item: Option<T>) {
        match item.map(|item| self.send(item)) {
            Some(Ok(_)) => return,
            Some(Err(_)) => self.meter.dropped.add(1),
            // Its channel has counted it.
            None => {}
        }
        self.shares.iter().for_each(Share::lost);
    }

    /// The member has taken so many items out of its channel, which it will not leave.
    pub fn received(&self, items: usize) {
        self.shares.iter().for_each(|share| share.received(items));
    }

    /// It will leave so many of them after all; `false` if it is too late, as the other members' channels have ended.
    pub fn reclaim(&self, items: usize) -> bool {
        self.shares.iter().all(|share| share.reclaim(items))
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
        let keys =
            self.shares.iter().map(|share| share.key(&item)).collect::<Result<_, _>>().map_err(SendError::Key)?;
        let load = Load { item, number: self.number.load(Relaxed), keys };
        if self.held.is_open() {
            match self.pack(&load) {
                Ok(packed) => {
                    self.meter.sent.add(1);
                    return Ok(self.note_begun(self.deliver(load, packed, None)));
                }
                Err(EncodeError::Full(full)) if self.could_hold(full) => self.held.needs(full),
                Err(reason) => return Err(reason.into()),
            }
        }
        let ticket = self.held.push(load);
        self.meter.sent.add(1);
        self.feed();
        if let Some(reason) = self.held.refusal(&ticket) {
            return Err(reason);
        }
        Ok(match ticket.outcome() {
            Some(reached) => Sent::Now(reached || self.collection.is_some()),
            None => self.note_begun(Sent::Waits(ticket)),
        })
    }

    fn note_begun(&self, sent: Sent) -> Sent {
        if let (Some(begun), Sent::Waits(ticket)) = (&self.begun, &sent) {
            begun.add(ticket);
        }
        sent
    }

    /// Where results keep an order, waits until nothing that was sent is on the way to a channel: before that a firing is
    /// not over, though its runner has returned.
    ///
    /// Cancel-safe: it takes nothing.
    pub fn poll_over(&self, cx: &mut Context<'_>) -> Poll<()> {
        self.begun.as_ref().map_or(Poll::Ready(()), |begun| begun.poll_over(cx))
    }

    fn pack(&self, load: &Load<T>) -> Result<Packed<T>, EncodeError<T::Error>> {
        let Load { item, keys, .. } = load;
        let leaves = || self.shares.iter().zip(keys).any(|(share, &key)| share.leaves_process(key));
        let parcel = match &self.hub {
            Some(hub) if self.remotes.iter().any(|(_, own)| !own) || leaves() => Some(Parcel::pack(&hub.depot, item)?),
            _ => None,
        };
        let collected = match &self.collection {
            Some(collection) => Some(collection.pack(item).map_err(EncodeError::Refused)?),
            None => None,
        };
        Ok(Packed { parcel, collected })
    }

    fn could_hold(&self, full: Full) -> bool {
        self.hub.as_ref().is_some_and(|hub| hub.depot.could_hold(full))
    }

    /// Offers an item to every channel, and to the collector.
    fn deliver(&self, load: Load<T>, packed: Packed<T>, mut ticket: Option<Arc<Ticket>>) -> Sent {
        let (Load { item, number, keys }, Packed { parcel, collected }) = (load, packed);
        let mut reached = false;
        for (share, key) in self.shares.iter().zip(keys) {
            let lot = Lot { item: item.clone(), number, parcel: parcel.clone(), key };
            reached |= share.offer(lot, &mut ticket) == Offer::Taken;
        }
        for (remote, own) in &self.remotes {
            let freight = match &parcel {
                Some(parcel) if !own => Freight::Parcel(parcel.clone()),
                _ => Freight::Own(item.clone()),
            };
            reached |= remote.offer(freight, number, &mut ticket) == Offer::Taken;
        }
        drop(parcel);
        if let Some((last, others)) = self.locals.split_last() {
            for local in others {
                reached |= local.offer(item.clone(), number, &mut ticket) == Offer::Taken;
            }
            reached |= last.offer(item, number, &mut ticket) == Offer::Taken;
        } else if self.remotes.is_empty() && self.shares.is_empty() && self.collection.is_none() {
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
        if let (Some(collection), Some(collected)) = (&self.collection, collected) {
            let ticket = match &sent {
                Sent::Waits(ticket) => Some(ticket),
                Sent::Now(_) => None,
            };
            collection.add(collected, number, ticket);
        }
        sent
    }

    /// Offers what was held back, as far as it need not be any more. Whether something still is: then this is to be called
    /// again when channels have changed, or [`Hub::awaits_memory`] says no.
    pub fn feed(&self) -> bool {
        for share in &self.shares {
            share.retry(|ticket, reason| {
                self.unsent();
                self.held.refuse(ticket, reason);
            });
        }
        while let Some((load, ticket)) = self.held.first() {
            if self.held.is_behind_abandoned() {
                return true;
            }
            let outcome = match self.pack_if_room(&load) {
                Err(EncodeError::Full(full)) if self.could_hold(full) => return true,
                outcome => outcome,
            };
            if self.held.take(&ticket) {
                match outcome {
                    Ok(packed) => drop(self.deliver(load, packed, Some(ticket.clone()))),
                    Err(reason) => {
                        self.unsent();
                        self.shares.iter().for_each(Share::lost);
                        self.held.refuse(ticket.clone(), reason.into());
                        ticket.seal(false);
                    }
                }
                self.held.settled();
            }
            if let Some(waker) = ticket.done() {
                waker.wake();
            }
        }
        self.leave();
        self.seeks_member()
    }

    /// An item that was counted as sent cannot be after all.
    fn unsent(&self) {
        self.meter.sent.take_back(1);
        if self.shares.iter().any(Share::inherits) {
            self.meter.dropped.add(1);
        }
    }

    /// Packs the first item that waits for memory, if there seems to be enough. If not, it is noted that this worker waits.
    fn pack_if_room(&self, load: &Load<T>) -> Result<Packed<T>, EncodeError<T::Error>> {
        let Some(hub) = &self.hub else { return self.pack(load) };
        let mut noted = false;
        loop {
            if self.is_closed() {
                return Ok(Packed { parcel: None, collected: None });
            }
            let need = self.held.need();
            let full = if hub.depot.has_room(need) {
                match self.pack(load) {
                    // It needs more than it had asked for until then, or somebody else was quicker.
                    Err(EncodeError::Full(full)) if self.could_hold(full) => full,
                    done => {
                        self.held.needs(Full::default());
                        return done;
                    }
                }
            } else {
                need
            };
            self.held.needs(full);
            if noted {
                return Err(EncodeError::Full(full));
            }
            // After the note once more: what was given back before it woke nobody.
            hub.await_memory();
            noted = true;
        }
    }

    /// Items sent so far.
    pub fn sent(&self) -> u64 {
        self.meter.sent.get()
    }

    /// Whether nobody behind the port can receive any more.
    pub fn is_closed(&self) -> bool {
        self.collection.is_none()
            && self.locals.iter().all(|local| local.is_closed())
            && self.remotes.iter().all(|(remote, _)| remote.is_closed())
            && self.shares.iter().all(Share::is_closed)
    }

    /// Whether something that was sent is held back, so that it is to be [fed](Self::feed).
    pub fn holds_back(&self) -> bool {
        !self.held.is_empty() || self.seeks_member()
    }

    /// Whether what was sent may be held back although its sender was told that it is inside.
    pub fn is_gated(&self) -> bool {
        self.shares.iter().any(Share::is_gated)
    }

    /// Whether something waits for a member of a group to have room, or for its turn.
    pub fn seeks_member(&self) -> bool {
        self.shares.iter().any(Share::has_waiting)
    }

    /// Waits until a send that waits is done; see [`Ticket::poll`].
    ///
    /// # Errors
    /// When there was memory for the item at last, it proved impossible to send; it has reached no channel.
    pub fn poll(&self, ticket: &Ticket, cx: &mut Context<'_>) -> Poll<Result<bool, SendError<T::Error>>> {
        let Poll::Ready(reached) = ticket.poll(cx) else { return Poll::Pending };
        if let Some(collection) = &self.collection {
            collection.settle();
        }
        match self.held.refusal(ticket) {
            Some(reason) => Poll::Ready(Err(reason)),
            None => Poll::Ready(Ok(reached || self.collection.is_some())),
        }
    }

    /// Takes a waiting send back from all channels; it then counts as never sent. `false` if that is too late: one of
    /// them has let the item in, and the others will, too, or all have closed. What is sent after that enters no channel
    /// before they have.
    pub fn withdraw(&self, ticket: &Arc<Ticket>) -> bool {
        if !ticket.withdraw() {
            self.held.abandon(ticket);
            return false;
        }
        self.meter.sent.take_back(1);
        self.held.forget(ticket);
        self.locals.iter().for_each(|local| local.forget(ticket));
        self.remotes.iter().for_each(|(remote, _)| remote.forget(ticket));
        self.shares.iter().for_each(|share| share.forget(ticket));
        if let Some(collection) = &self.collection {
            collection.forget(ticket);
        }
        self.leave();
        ticket.gone().into_iter().for_each(Waker::wake);
        true
    }

    /// The component has ended: it will send nothing more. Items that wait for room or memory still enter.
    pub fn close(&self) {
        self.ended.store(true, Relaxed);
        self.leave();
    }

    /// Tells the channels that the port has ended, once it has and nothing waits in it.
    fn leave(&self) {
        if self.ended.load(Relaxed) && self.held.is_empty() && !self.left.swap(true, Relaxed) {
            self.locals.iter().for_each(|local| local.unpublish());
            self.remotes.iter().for_each(|(remote, _)| remote.unpublish());
            self.shares.iter().for_each(|share| share.unpublish());
            self.feeds.iter().for_each(|cycle| cycle.leave(1));
        }
    }
}

impl<E> From<EncodeError<E>> for SendError<E> {
    fn from(error: EncodeError<E>) -> Self {
        match error {
            EncodeError::Refused(error) => Self::Encode(error),
            EncodeError::Full(Full { bytes, .. }) => Self::TooLarge(bytes),
        }
    }
}
