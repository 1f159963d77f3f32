//! A channel inside one process: items pass by reference, nothing is encoded.

use std::{
    collections::VecDeque,
    mem,
    sync::{Arc, Mutex},
    task::{Context, Poll, Waker},
};

use cascata_shm::Gate;

use super::{Attempt, Item, Offer, Picked, Ticket, doorway::Doorway, lock, note};
use crate::{
    metrics::InportMeter,
    order::{NONE, Word},
};

/// See the [contract](super).
#[derive(Debug)]
pub struct Local<T> {
    capacity: usize,
    meter: InportMeter,
    /// Tells the number of the oldest item, if items bear any.
    front: Option<Word>,
    doorway: Doorway,
    state: Mutex<State<T>>,
}

/// An item with its number, which means something only if the channel has a front.
type Numbered<T> = (T, u64);

#[derive(Debug)]
struct State<T> {
    items: VecDeque<Numbered<T>>,
    /// Items without room and the tickets they wait under; empty as long as there is room.
    waiting: VecDeque<(Numbered<T>, Arc<Ticket>)>,
    /// Who shares out and has found no room.
    seekers: Vec<Waker>,
    publishers: usize,
    closed: bool,
    /// Kept over wake-ups, since it is the same one each time; `receiver_waits` says whether it is to be called.
    receiver: Option<Waker>,
    receiver_waits: bool,
}

/// What is to be done, without any lock, when an item has left.
#[derive(Debug)]
#[must_use]
pub(super) struct Aftermath<T> {
    /// Items that waited, and whose senders have withdrawn them.
    withdrawn: Vec<Numbered<T>>,
    /// That of the sender whose item has entered.
    waker: Option<Waker>,
    seekers: Vec<Waker>,
}

impl<T> Aftermath<T> {
    pub fn settle(self) {
        drop(self.withdrawn);
        self.waker.into_iter().chain(self.seekers).for_each(Waker::wake);
    }
}

impl<T> State<T> {
    /// Whether there is an item (`true`) or the channel has ended (`false`).
    fn look(&self) -> Poll<bool> {
        if !self.items.is_empty() {
            Poll::Ready(true)
        } else if self.publishers == 0 || self.closed {
            Poll::Ready(false)
        } else {
            Poll::Pending
        }
    }

    /// Has `seeker` woken when an item is taken, and at the end.
    fn seek(&mut self, seeker: &Waker) {
        if !self.seekers.iter().any(|other| other.will_wake(seeker)) {
            self.seekers.push(seeker.clone());
        }
    }

    /// The waker of a receiver that waits. It must be called after the lock is gone.
    fn wake_receiver(&mut self, doorway: &Doorway) -> Option<Waker> {
        if !mem::take(&mut self.receiver_waits) {
            return None;
        }
        doorway.pass();
        self.receiver.clone()
    }

    /// Gives the waker of another receiver, which must be dropped after the lock is gone.
    #[must_use]
    fn wait(&mut self, cx: &Context<'_>, doorway: &Doorway) -> Option<Waker> {
        self.receiver_waits = true;
        // Under the lock: nothing can have come since the receiver has looked.
        doorway.expect();
        note(&mut self.receiver, cx)
    }
}

impl<T> Local<T> {
    /// A channel for `capacity` items (`None`: unbounded) that `publishers` outports feed.
    pub fn new(capacity: Option<usize>, publishers: usize, meter: InportMeter) -> Self {
        let state = State {
            items: VecDeque::new(),
            waiting: VecDeque::new(),
            seekers: Vec::new(),
            publishers,
            closed: false,
            receiver: None,
            receiver_waits: false,
        };
        let (capacity, doorway) = (capacity.unwrap_or(usize::MAX), Doorway::default());
        Self { capacity, meter, front: None, doorway, state: Mutex::new(state) }
    }

    /// The same for items that bear numbers; `front` tells everybody that of the oldest.
    #[must_use]
    pub fn numbered(mut self, front: Word) -> Self {
        self.front = Some(front);
        self
    }

    /// The channel with a gate of the feedback loop that its receiver belongs to.
    #[must_use]
    pub fn behind(self, gate: Option<Gate>) -> Self {
        Self { doorway: Doorway::new(gate), ..self }
    }

    pub(super) fn gates(&self) -> &[Gate] {
        self.doorway.gates()
    }

    fn enter(&self, state: &mut State<T>, item: Numbered<T>) {
        if let Some(front) = self.front.as_ref().filter(|_| state.items.is_empty()) {
            front.set(item.1);
        }
        state.items.push_back(item);
        if self.front.is_some() {
            // The inport has other channels, whose locks other threads may hold.
            self.meter.received.add_shared(1);
        } else {
            self.meter.received.add(1);
        }
    }

    fn pop(&self, state: &mut State<T>) -> Option<T> {
        let (item, _) = state.items.pop_front()?;
        if let Some(front) = &self.front {
            front.set(state.items.front().map_or(NONE, |item| item.1));
        }
        Some(item)
    }

    /// Puts an item inside that is shared out, if there is room; else `seeker` is woken when there is.
    pub(super) fn attempt(&self, item: T, number: u64, seeker: &Waker) -> Attempt<T> {
        let mut state = lock(&self.state);
        if state.closed || self.doorway.is_closed() {
            return Attempt::Closed(item);
        }
        if state.items.len() >= self.capacity || !state.waiting.is_empty() {
            state.seek(seeker);
            return Attempt::Full(item);
        }
        self.enter(&mut state, (item, number));
        Attempt::Taken(state.wake_receiver(&self.doorway))
    }

    /// Has `seeker` woken when an item is taken, and at the end; `false` if that has come.
    pub(super) fn await_news(&self, seeker: &Waker) -> bool {
        let mut state = lock(&self.state);
        if state.closed || self.doorway.is_closed() {
            return false;
        }
        state.seek(seeker);
        true
    }

    /// How many items more would fit.
    pub(super) fn room(&self) -> usize {
        self.capacity - lock(&self.state).items.len()
    }

    /// The number of the oldest item, or [`NONE`].
    pub(super) fn first(&self) -> u64 {
        self.front.as_ref().map_or(NONE, Word::get)
    }

    /// Puts `item` inside, or lets it wait under `ticket`, which is made if it is the first that has to wait.
    pub fn offer(&self, item: T, number: u64, ticket: &mut Option<Arc<Ticket>>) -> Offer {
        let mut state = lock(&self.state);
        if state.closed || self.doorway.is_closed() {
            self.meter.discarded.add_shared(1);
            drop(state);
            drop(item);
            Offer::Closed
        } else if state.items.len() < self.capacity {
            self.enter(&mut state, (item, number));
            let waker = state.wake_receiver(&self.doorway);
            drop(state);
            if let Some(waker) = waker {
                waker.wake();
            }
            Offer::Taken
        } else {
            let ticket = ticket.get_or_insert_with(|| Arc::new(Ticket::new()));
            ticket.hold();
            self.doorway.wait();
            state.waiting.push_back(((item, number), ticket.clone()));
            Offer::Waits
        }
    }

    /// See [`Inlet::poll_item`](super::Inlet::poll_item).
    pub fn poll_item(&self, cx: &mut Context<'_>) -> Poll<bool> {
        let mut state = lock(&self.state);
        let look = state.look();
        if look.is_pending() {
            let other = state.wait(cx, &self.doorway);
            drop(state);
            drop(other);
        }
        look
    }

    /// The same for one who does not wait.
    pub(super) fn peek(&self) -> Poll<bool> {
        lock(&self.state).look()
    }

    /// See [`Inlet::take`](super::Inlet::take).
    pub fn take(&self) -> Option<T> {
        let mut state = lock(&self.state);
        let item = self.pop(&mut state)?;
        self.taken(state).settle();
        Some(item)
    }

    /// See [`Inlet::pick`](super::Inlet::pick).
    pub(super) fn pick(&self) -> Option<Picked<T>>
    where
        T: Item,
    {
        let mut state = lock(&self.state);
        let item = self.pop(&mut state)?;
        Some(Picked::here(item, self.taken(state)))
    }

    /// See [`Inlet::poll_take`](super::Inlet::poll_take).
    pub fn poll_take(&self, cx: &mut Context<'_>) -> Poll<Option<T>> {
        let mut state = lock(&self.state);
        if let Some(item) = self.pop(&mut state) {
            self.taken(state).settle();
            Poll::Ready(Some(item))
        } else if state.publishers == 0 || state.closed {
            Poll::Ready(None)
        } else {
            let other = state.wait(cx, &self.doorway);
            drop(state);
            drop(other);
            Poll::Pending
        }
    }

    /// An item has left: the first one that waits enters.
    fn taken(&self, mut state: std::sync::MutexGuard<'_, State<T>>) -> Aftermath<T> {
        self.meter.taken.add(1);
        let waiting = state.waiting.len();
        let mut withdrawn = Vec::new();
        let mut waker = None;
        while let Some((item, ticket)) = state.waiting.pop_front() {
            if let Some(claim) = ticket.claim() {
                self.enter(&mut state, item);
                waker = claim.entered();
                break;
            }
            withdrawn.push(item);
        }
        let seekers = if waker.is_none() { mem::take(&mut state.seekers) } else { Vec::new() };
        let waited = waiting - state.waiting.len();
        drop(state);
        self.doorway.waited(waited);
        Aftermath { withdrawn, waker, seekers }
    }

    /// Forgets the item that waits under `ticket`, whose sender has withdrawn it.
    pub(super) fn forget(&self, ticket: &Ticket) {
        let gone = ticket.remove_from(&mut lock(&self.state).waiting);
        self.doorway.waited(usize::from(gone.is_some()));
        drop(gone);
    }

    /// One publisher leaves. What waits for room keeps the channel open.
    pub fn unpublish(&self) {
        let mut state = lock(&self.state);
        state.publishers -= 1;
        // With items inside the receiver does not wait; it will find the end after the last of them.
        let waker = if state.publishers == 0 { state.wake_receiver(&self.doorway) } else { None };
        drop(state);
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// See [`Inlet::close`](super::Inlet::close).
    pub fn close(&self) {
        drop(self.shut(true));
    }

    /// See [`Inlet::hand_over`](super::Inlet::hand_over).
    pub fn hand_over(&self) -> Vec<Option<T>> {
        self.shut(false).into_iter().map(|(item, _)| Some(item)).collect()
    }

    /// Closes the channel and gives what was inside, which counts as discarded if it is.
    fn shut(&self, discards: bool) -> VecDeque<Numbered<T>> {
        let mut state = lock(&self.state);
        state.closed = true;
        let items = mem::take(&mut state.items);
        let waiting = mem::take(&mut state.waiting);
        let wakers = state.wake_receiver(&self.doorway).into_iter();
        let mut wakers: Vec<_> = wakers.chain(mem::take(&mut state.seekers)).collect();
        if let Some(front) = &self.front {
            front.set(NONE);
        }
        let mut discarded = if discards { items.len() } else { 0 };
        // What was withdrawn just now was never sent.
        for claim in waiting.iter().filter_map(|(_, ticket)| ticket.claim()) {
            discarded += 1;
            wakers.extend(claim.refused());
        }
        let kept = state.receiver.take();
        self.meter.discarded.add_shared(discarded as u64);
        drop(state);
        self.doorway.waited(waiting.len());
        drop((kept, waiting));
        wakers.into_iter().for_each(Waker::wake);
        items
    }

    pub(super) fn is_closed(&self) -> bool {
        self.doorway.is_closed() || lock(&self.state).closed
    }

    pub(super) fn meter(&self) -> &InportMeter {
        &self.meter
    }

    /// How many items are inside.
    pub fn fill(&self) -> usize {
        lock(&self.state).items.len()
    }
}
