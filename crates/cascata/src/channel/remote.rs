//! A channel through shared memory: one ring, and in every process that touches it one of these.
//!
//! The ring holds small items themselves, larger ones as blocks of the sender's arena span, and items whose sender shares
//! the receiver's process as indices into the receiver's table of objects. So order and capacity are one matter for all
//! senders, and yet nothing is encoded inside a process.

use std::{
    collections::VecDeque,
    mem,
    sync::{Arc, Mutex, MutexGuard},
    task::{Context, Poll, Waker},
};

use cascata_shm::{Gate, Orphaned, Peek, Pop, Push, Ring, Slot, WorkerSet};

use super::{
    Attempt, Hub, Item, Offer, Picked, Ticket,
    doorway::Doorway,
    lock, note,
    outport::Freight,
    parcel::{Depot, Opened, kind},
};
use crate::{
    metrics::InportMeter,
    order::{NONE, Word},
};

/// One worker's end of a channel that crosses processes. See the [contract](super).
#[derive(Debug)]
pub struct Remote<T: Item> {
    index: usize,
    ring: Ring,
    hub: Hub,
    receives: bool,
    /// The receiver takes items off the ring as they come, so that senders never wait for it for long.
    unbounded: bool,
    meter: InportMeter,
    /// Tell the numbers of the oldest item in the ring and in the backlog, if items bear any.
    fronts: Option<[Word; 2]>,
    doorway: Doorway,
    state: Mutex<State<T>>,
}

/// An item with its number, which means something only if the channel has fronts.
type Numbered<T> = (Freight<T>, u64);

#[derive(Debug)]
struct State<T: Item> {
    /// Items of this process's senders that found no room.
    waiting: VecDeque<(Numbered<T>, Arc<Ticket>)>,
    /// Publishers that have left while items of theirs may still wait.
    leaving: usize,
    /// Items of this process's senders that are in the ring, by index.
    own: Vec<Option<T>>,
    free: Vec<usize>,
    /// What an unbounded channel has taken off the ring.
    backlog: VecDeque<Slot>,
    receiver: Option<Waker>,
    closed: bool,
}

impl<T: Item> State<T> {
    /// The index under which the next item of this process would be kept.
    fn next_index(&self) -> usize {
        self.free.last().copied().unwrap_or(self.own.len())
    }

    /// Keeps `item` for the receiver of this process under the [next index](Self::next_index).
    fn keep(&mut self, index: usize, item: T) {
        if self.free.pop().is_some() {
            self.own[index] = Some(item);
        } else {
            self.own.push(Some(item));
        }
    }

    fn release(&mut self, index: usize) -> Option<T> {
        let item = self.own.get_mut(index)?.take();
        self.free.push(index);
        item
    }
}

impl<T: Item> Remote<T> {
    /// This worker's end of channel `index`, whose items are in `ring`; `receives` if the receiver is here.
    pub fn new(index: usize, ring: Ring, hub: Hub, receives: bool, unbounded: bool, meter: InportMeter) -> Self {
        Self::numbered(index, ring, hub, receives, unbounded, meter, None)
    }

    /// The same for items that bear numbers; the fronts tell everybody those of the oldest in the ring, and of the oldest
    /// that an unbounded channel has taken off it.
    pub fn numbered(
        index: usize,
        ring: Ring,
        hub: Hub,
        receives: bool,
        unbounded: bool,
        meter: InportMeter,
        fronts: Option<[Word; 2]>,
    ) -> Self {
        let state = State {
            waiting: VecDeque::new(),
            leaving: 0,
            own: Vec::new(),
            free: Vec::new(),
            backlog: VecDeque::new(),
            receiver: None,
            closed: false,
        };
        let (state, doorway) = (Mutex::new(state), Doorway::default());
        let remote = Self { index, ring, hub, receives, unbounded, meter, fronts, doorway, state };
        if receives && unbounded {
            // From now on the ring has a note that this worker waits, so that whatever comes is taken off, even if the
            // component does not look at the channel for long.
            remote.unload(&mut lock(&remote.state));
        }
        remote
    }

    /// Puts an item inside that is shared out, if there is room; if not, the worker is noted as one that waits for some.
    pub(super) fn attempt(&self, freight: Freight<T>, number: u64) -> Attempt<Freight<T>, WorkerSet> {
        let mut state = lock(&self.state);
        if self.doorway.is_closed() {
            return Attempt::Closed(freight);
        }
        if !state.waiting.is_empty() {
            return Attempt::Full(freight);
        }
        match self.push(&mut state, freight, number) {
            Ok(receivers) => Attempt::Taken(receivers),
            Err(Refused::Full(freight)) => Attempt::Full(freight),
            Err(Refused::Closed(freight)) => Attempt::Closed(freight),
        }
    }

    /// Wakes the receivers for an item that an [`attempt`](Self::attempt) has put inside.
    pub(super) fn taken(&self, receivers: WorkerSet) {
        self.wake_receivers(lock(&self.state), receivers);
    }

    /// Has this worker told when an item is taken, and at the end; `false` if that has come.
    pub(super) fn await_news(&self) -> bool {
        !self.doorway.is_closed() && self.ring.await_news(self.hub.worker).unwrap_or(false)
    }

    /// How many items more would fit, as of a moment ago.
    pub(super) fn room(&self) -> usize {
        if self.unbounded {
            // What the receiver has taken off the ring lies in its backlog until a firing takes it.
            usize::MAX - self.ring.pushed().saturating_sub(self.meter.taken.get()) as usize
        } else {
            self.ring.capacity().saturating_sub(self.ring.fill())
        }
    }

    /// The number of the oldest item, or [`NONE`].
    pub(super) fn first(&self) -> u64 {
        self.fronts.as_ref().map_or(NONE, |fronts| fronts[0].get().min(fronts[1].get()))
    }

    /// The channel with a gate of the feedback loop that its receiver belongs to.
    #[must_use]
    pub fn behind(self, gate: Option<Gate>) -> Self {
        Self { doorway: Doorway::new(gate), ..self }
    }

    pub(super) fn gates(&self) -> &[Gate] {
        self.doorway.gates()
    }

    /// Puts `freight` into the ring, or lets it wait under `ticket`, which is made if it is the first that has to wait.
    pub(super) fn offer(&self, freight: Freight<T>, number: u64, ticket: &mut Option<Arc<Ticket>>) -> Offer {
        let mut state = lock(&self.state);
        let refused = if self.doorway.is_closed() {
            Refused::Closed(freight)
        } else if state.waiting.is_empty() {
            match self.push(&mut state, freight, number) {
                Ok(receivers) => {
                    self.wake_receivers(state, receivers);
                    return Offer::Taken;
                }
                Err(refused) => refused,
            }
        } else {
            Refused::Full(freight)
        };
        match refused {
            Refused::Full(freight) => {
                let ticket = ticket.get_or_insert_with(|| Arc::new(Ticket::new()));
                ticket.hold();
                self.doorway.wait();
                state.waiting.push_back(((freight, number), ticket.clone()));
                Offer::Waits
            }
            Refused::Closed(freight) => {
                drop(state);
                self.meter.discarded.add_shared(1);
                drop(freight);
                Offer::Closed
            }
        }
    }

    /// One attempt. Gives the workers whose receiver waits.
    fn push(&self, state: &mut State<T>, freight: Freight<T>, number: u64) -> Result<WorkerSet, Refused<T>> {
        let index = state.next_index();
        let own = (index as u64).to_le_bytes();
        let (kind, payload) = match &freight {
            Freight::Own(_) => (kind::OWN, &own[..]),
            Freight::Parcel(parcel) => (parcel.kind(), parcel.payload()),
        };
        let pushed = match &self.fronts {
            None => self.ring.try_push(self.hub.worker, kind, payload),
            Some([front, _]) => self.ring.try_push_numbered(self.hub.worker, kind, payload, number, front.front()),
        };
        match pushed {
            Ok(Push::Pushed { waiting }) => {
                match freight {
                    // Only this process takes indices off the ring, and not while the state is locked.
                    Freight::Own(item) => state.keep(index, item),
                    Freight::Parcel(parcel) => parcel.delivered(),
                }
                if !waiting.is_empty() {
                    self.doorway.pass();
                }
                Ok(waiting)
            }
            Ok(Push::Full) => Err(Refused::Full(freight)),
            // A ring whose lock lost its holder is as good as closed: the supervisor stops the run for that death.
            Ok(Push::Closed) | Err(_) => Err(Refused::Closed(freight)),
        }
    }

    pub(super) fn hub(&self) -> &Hub {
        &self.hub
    }

    fn depot(&self) -> &Depot {
        &self.hub.depot
    }

    pub(super) fn is_closed(&self) -> bool {
        self.doorway.is_closed() || self.ring.is_closed()
    }

    /// See [`Inlet::poll_item`](super::Inlet::poll_item).
    pub fn poll_item(&self, cx: &mut Context<'_>) -> Poll<bool> {
        let mut state = lock(&self.state);
        if state.closed {
            return Poll::Ready(false);
        }
        let mut peek = self.look(&mut state);
        if peek == Peek::Empty {
            // Before it is expected: who passes the gate wakes the receiver, also if that has found the item by itself.
            let other = note(&mut state.receiver, cx);
            if self.doorway.expect() {
                // Once more: who put something in before that did not know that it is expected.
                peek = self.look(&mut state);
            }
            drop(state);
            drop(other);
        }
        match peek {
            Peek::Item => Poll::Ready(true),
            Peek::Ended => Poll::Ready(false),
            Peek::Empty => Poll::Pending,
        }
    }

    /// What [`poll_item`](Self::poll_item) would say, for one who does not wait.
    pub(super) fn peek(&self) -> Poll<bool> {
        let state = lock(&self.state);
        let ended = state.closed || self.ring.is_ended();
        match (state.backlog.is_empty() && self.ring.fill() == 0, ended) {
            (false, _) => Poll::Ready(!state.closed),
            (true, true) => Poll::Ready(false),
            (true, false) => Poll::Pending,
        }
    }

    fn look(&self, state: &mut State<T>) -> Peek {
        if self.unbounded {
            return self.unload(state);
        }
        self.peek_ring()
    }

    fn peek_ring(&self) -> Peek {
        // A ring whose lock lost its holder is at its end; the supervisor has seen the death, too, and stops the run.
        self.ring.poll_item(self.hub.worker).unwrap_or(Peek::Empty)
    }

    /// Takes what is in the ring into the backlog of an unbounded channel, at most as much as the ring holds.
    fn unload(&self, state: &mut State<T>) -> Peek {
        let mut owed = false;
        let mut end = None;
        for _ in 0..self.ring.capacity() {
            if let Some([front, backlog]) = self.fronts.as_ref().filter(|_| state.backlog.is_empty()) {
                let peek = self.peek_ring();
                if peek != Peek::Item {
                    end = Some(peek);
                    break;
                }
                // Noted before it is off the ring: whoever looks must find it somewhere.
                backlog.set(front.get());
            }
            match self.try_pop() {
                Ok(Pop::Item { slot, senders_waiting, .. }) => {
                    state.backlog.push_back(slot);
                    owed |= senders_waiting;
                    continue;
                }
                Ok(Pop::Ended) => end = Some(Peek::Ended),
                Ok(Pop::Empty) | Err(_) => end = Some(Peek::Empty),
            }
            break;
        }
        if owed {
            self.wake_senders();
        }
        if end.is_none() {
            // Senders may be as quick as this worker, which has other things to do: it comes back for the rest.
            self.hub.bells.raise(self.hub.worker, self.index);
        }
        if state.backlog.is_empty() { end.unwrap_or(Peek::Empty) } else { Peek::Item }
    }

    /// See [`Inlet::take`](super::Inlet::take).
    ///
    /// # Errors
    /// The item could not be decoded; it is lost.
    pub fn take(&self) -> Result<Option<T>, T::Error> {
        match self.take_slot() {
            Some(slot) => self.open(&slot),
            None => Ok(None),
        }
    }

    /// See [`Inlet::pick`](super::Inlet::pick).
    pub(super) fn pick(this: &Arc<Self>) -> Option<Picked<T>> {
        this.take_slot().map(|slot| Picked::slot(this.clone(), slot))
    }

    fn take_slot(&self) -> Option<Slot> {
        let slot = if self.unbounded { self.pop_backlog() } else { self.pop() };
        self.meter.taken.add(u64::from(slot.is_some()));
        slot
    }

    fn pop_backlog(&self) -> Option<Slot> {
        let mut state = lock(&self.state);
        if state.backlog.is_empty() && !state.closed {
            self.unload(&mut state);
        }
        let slot = state.backlog.pop_front();
        if let Some([_, backlog]) = &self.fronts {
            backlog.set(state.backlog.front().map_or(NONE, |slot| slot.number));
        }
        slot
    }

    fn try_pop(&self) -> Result<Pop, Orphaned> {
        match &self.fronts {
            None => self.ring.try_pop(self.hub.worker),
            Some([front, _]) => self.ring.try_pop_numbered(self.hub.worker, front.front()),
        }
    }

    fn pop(&self) -> Option<Slot> {
        let Ok(Pop::Item { slot, senders_waiting, .. }) = self.try_pop() else { return None };
        if senders_waiting {
            // At once, and not only when there is room for many: the next firing may be a long one.
            self.wake_senders();
        }
        Some(slot)
    }

    /// The item in a slot, whose place in the ring is free already.
    pub(super) fn open(&self, slot: &Slot) -> Result<Option<T>, T::Error> {
        match slot.kind {
            kind::OWN => Ok(index_of(slot).and_then(|index| lock(&self.state).release(index))),
            kind => {
                let opened = Opened::new(self.depot().region(), kind, slot.payload(), Some(&self.meter.holding));
                opened.map(Opened::decode).transpose()
            }
        }
    }

    fn wake_senders(&self) {
        if let Ok(senders) = self.ring.take_waiting_senders() {
            self.raise(senders);
        }
    }

    fn raise(&self, workers: WorkerSet) {
        for worker in workers.iter() {
            self.hub.bells.raise(worker, self.index);
        }
    }

    /// Wakes the receiver, wherever it is.
    fn wake_receivers(&self, mut state: MutexGuard<'_, State<T>>, mut workers: WorkerSet) {
        let mut waker = None;
        if workers.remove(self.hub.worker) {
            if self.unbounded && !state.closed {
                self.unload(&mut state);
            }
            waker = state.receiver.take();
        }
        drop(state);
        self.raise(workers);
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Whether items of this process's senders still wait for room.
    pub fn has_waiting(&self) -> bool {
        !lock(&self.state).waiting.is_empty()
    }

    /// The channel has changed elsewhere: what waits here for room tries again, the receiver looks again.
    pub fn on_bell(&self) {
        let mut state = lock(&self.state);
        let mut receivers = WorkerSet::default();
        let mut wakers: Vec<Waker> = Vec::new();
        let mut refused = Vec::new();
        let waiting = state.waiting.len();
        while let Some(((freight, number), ticket)) = state.waiting.pop_front() {
            // While the ticket is claimed its sender cannot withdraw it.
            let Some(claim) = ticket.claim() else {
                refused.push(freight);
                continue;
            };
            match self.push(&mut state, freight, number) {
                Ok(waiting) => {
                    receivers |= waiting;
                    wakers.extend(claim.entered());
                }
                Err(Refused::Full(freight)) => {
                    drop(claim);
                    state.waiting.push_front(((freight, number), ticket));
                    break;
                }
                Err(Refused::Closed(freight)) => {
                    refused.push(freight);
                    self.meter.discarded.add_shared(1);
                    wakers.extend(claim.refused());
                }
            }
        }
        let waited = waiting - state.waiting.len();
        receivers |= self.leave(&mut state);
        if self.receives {
            receivers.insert(self.hub.worker);
        }
        self.wake_receivers(state, receivers);
        self.doorway.waited(waited);
        drop(refused);
        for waker in wakers {
            waker.wake();
        }
    }

    /// Forgets the item that waits under `ticket`, whose sender has withdrawn it.
    pub(super) fn forget(&self, ticket: &Ticket) {
        let mut state = lock(&self.state);
        let gone = ticket.remove_from(&mut state.waiting);
        let receivers = self.leave(&mut state);
        self.wake_receivers(state, receivers);
        self.doorway.waited(usize::from(gone.is_some()));
        drop(gone);
    }

    /// Takes leave for the publishers that only waited for their last items to enter.
    fn leave(&self, state: &mut State<T>) -> WorkerSet {
        let mut receivers = WorkerSet::default();
        if state.waiting.is_empty() {
            for _ in 0..mem::take(&mut state.leaving) {
                receivers |= self.ring.unpublish().unwrap_or_default();
            }
        }
        if !receivers.is_empty() {
            self.doorway.pass();
        }
        receivers
    }

    /// One publisher of this process leaves. What waits for room keeps the channel open.
    pub fn unpublish(&self) {
        let mut state = lock(&self.state);
        state.leaving += 1;
        let receivers = self.leave(&mut state);
        self.wake_receivers(state, receivers);
    }

    /// See [`Inlet::close`](super::Inlet::close).
    pub fn close(&self) {
        self.shut(|slot| {
            self.discard(&slot);
            true
        });
    }

    /// See [`Inlet::hand_over`](super::Inlet::hand_over).
    pub fn hand_over(&self) -> Vec<Option<T>> {
        let mut items = Vec::new();
        self.shut(|slot| {
            let item = self.open(&slot).ok().flatten();
            let lost = item.is_none();
            items.push(item);
            lost
        });
        items
    }

    /// Closes the channel; `end` sees what was inside and tells whether that counts as discarded.
    fn shut(&self, mut end: impl FnMut(Slot) -> bool) {
        if mem::replace(&mut lock(&self.state).closed, true) {
            return;
        }
        let senders = self.ring.close_receiver().unwrap_or_default();
        self.hub.channel_closed();
        let backlog = mem::take(&mut lock(&self.state).backlog);
        if let Some([_, noted]) = &self.fronts {
            noted.set(NONE);
        }
        let mut discarded = backlog.into_iter().map(|slot| u64::from(end(slot))).sum::<u64>();
        while let Ok(Pop::Item { slot, .. }) = self.try_pop() {
            discarded += u64::from(end(slot));
        }
        self.meter.discarded.add_shared(discarded);
        self.raise(senders);
        // What this process's own senders have waiting.
        self.on_bell();
    }

    pub(super) fn pushed(&self) -> u64 {
        self.ring.pushed()
    }

    pub(super) fn meter(&self) -> &InportMeter {
        &self.meter
    }

    /// How many items are inside, as this worker sees it: for the receiver.
    pub fn fill(&self) -> usize {
        lock(&self.state).backlog.len() + self.ring.fill()
    }

    /// Drops the item in a slot without decoding it.
    fn discard(&self, slot: &Slot) {
        match slot.kind {
            kind::OWN => drop(index_of(slot).and_then(|index| lock(&self.state).release(index))),
            kind => drop(Opened::new(self.depot().region(), kind, slot.payload(), None)),
        }
    }
}

enum Refused<T: Item> {
    Full(Freight<T>),
    Closed(Freight<T>),
}

fn index_of(slot: &Slot) -> Option<usize> {
    slot.payload().try_into().ok().map(u64::from_le_bytes).and_then(|index| index.try_into().ok())
}
