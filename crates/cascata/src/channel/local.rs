//! A channel inside one process: items pass by reference, nothing is encoded.

use std::{
    collections::VecDeque,
    mem,
    sync::{Arc, Mutex},
    task::{Context, Poll, Waker},
};

use cascata_shm::Gate;

use super::{Offer, Ticket, doorway::Doorway, lock, note};
use crate::metrics::InportMeter;

/// See the [contract](super).
#[derive(Debug)]
pub struct Local<T> {
    capacity: usize,
    meter: InportMeter,
    doorway: Doorway,
    state: Mutex<State<T>>,
}

#[derive(Debug)]
struct State<T> {
    items: VecDeque<T>,
    /// Items without room and the tickets they wait under; empty as long as there is room.
    waiting: VecDeque<(T, Arc<Ticket>)>,
    publishers: usize,
    closed: bool,
    /// Kept over wake-ups, since it is the same one each time; `receiver_waits` says whether it is to be called.
    receiver: Option<Waker>,
    receiver_waits: bool,
}

impl<T> State<T> {
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
            publishers,
            closed: false,
            receiver: None,
            receiver_waits: false,
        };
        Self { capacity: capacity.unwrap_or(usize::MAX), meter, doorway: Doorway::default(), state: Mutex::new(state) }
    }

    /// The channel with a gate of the feedback loop that its receiver belongs to.
    #[must_use]
    pub fn behind(self, gate: Option<Gate>) -> Self {
        Self { doorway: Doorway::new(gate), ..self }
    }

    pub(super) fn gate(&self) -> Option<&Gate> {
        self.doorway.gate()
    }

    /// Puts `item` inside, or lets it wait under `ticket`, which is made if it is the first that has to wait.
    pub fn offer(&self, item: T, ticket: &mut Option<Arc<Ticket>>) -> Offer {
        let mut state = lock(&self.state);
        if state.closed || self.doorway.is_closed() {
            // Counted under the lock, which makes this thread the only writer.
            self.meter.discarded.add(1);
            drop(state);
            drop(item);
            Offer::Closed
        } else if state.items.len() < self.capacity {
            state.items.push_back(item);
            self.meter.received.add(1);
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
            state.waiting.push_back((item, ticket.clone()));
            Offer::Waits
        }
    }

    /// See [`Inlet::poll_item`](super::Inlet::poll_item).
    pub fn poll_item(&self, cx: &mut Context<'_>) -> Poll<bool> {
        let mut state = lock(&self.state);
        if !state.items.is_empty() {
            Poll::Ready(true)
        } else if state.publishers == 0 || state.closed {
            Poll::Ready(false)
        } else {
            let other = state.wait(cx, &self.doorway);
            drop(state);
            drop(other);
            Poll::Pending
        }
    }

    /// See [`Inlet::take`](super::Inlet::take).
    pub fn take(&self) -> Option<T> {
        let mut state = lock(&self.state);
        let item = state.items.pop_front()?;
        self.taken(state);
        Some(item)
    }

    /// See [`Inlet::poll_take`](super::Inlet::poll_take).
    pub fn poll_take(&self, cx: &mut Context<'_>) -> Poll<Option<T>> {
        let mut state = lock(&self.state);
        if let Some(item) = state.items.pop_front() {
            self.taken(state);
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
    fn taken(&self, mut state: std::sync::MutexGuard<'_, State<T>>) {
        self.meter.taken.add(1);
        let waiting = state.waiting.len();
        let mut withdrawn = Vec::new();
        let mut waker = None;
        while let Some((item, ticket)) = state.waiting.pop_front() {
            if let Some(claim) = ticket.claim() {
                state.items.push_back(item);
                self.meter.received.add(1);
                waker = claim.entered();
                break;
            }
            withdrawn.push(item);
        }
        let waited = waiting - state.waiting.len();
        drop(state);
        self.doorway.waited(waited);
        drop(withdrawn);
        if let Some(waker) = waker {
            waker.wake();
        }
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
        let mut state = lock(&self.state);
        state.closed = true;
        let items = mem::take(&mut state.items);
        let waiting = mem::take(&mut state.waiting);
        let mut wakers: Vec<_> = state.wake_receiver(&self.doorway).into_iter().collect();
        let mut discarded = items.len();
        // What was withdrawn just now was never sent.
        for claim in waiting.iter().filter_map(|(_, ticket)| ticket.claim()) {
            discarded += 1;
            wakers.extend(claim.refused());
        }
        let kept = state.receiver.take();
        self.meter.discarded.add(discarded as u64);
        drop(state);
        self.doorway.waited(waiting.len());
        drop((kept, items, waiting));
        wakers.into_iter().for_each(Waker::wake);
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
