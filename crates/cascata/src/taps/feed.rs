//! Feeding an exported inport.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    task::{Context, Poll, Wake, Waker},
};

use crate::{
    channel::{Hub, Item, Outport, SendError, Sent, Ticket, lock},
    line::Signal,
};

/// The calling program's end of an exported inport. Several threads may use it.
#[derive(Debug)]
pub struct Feed<T: Item> {
    outport: Outport<T>,
    hub: Option<Hub>,
    /// Has the watching thread look.
    ring: Waker,
    closed: AtomicBool,
    waiting: Mutex<Waiting>,
}

/// Where somebody who waits for room is listed, until it [comes back](Feed::poll) or [gives up](Feed::withdraw).
#[derive(Debug, PartialEq, Eq)]
pub struct Spot(u64);

/// Those who wait: to be told that what is held back is to be tried again, which only they do, as it takes user code.
#[derive(Debug, Default)]
struct Waiting {
    signals: BTreeMap<u64, Arc<dyn Signal>>,
    next: u64,
}

/// A signal as channels call it.
struct Woken(Arc<dyn Signal>);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.wake();
    }
}

impl<T: Item> Feed<T> {
    pub(super) fn new(outport: Outport<T>, hub: Option<Hub>, ring: Waker) -> Self {
        Self { outport, hub, ring, closed: AtomicBool::new(false), waiting: Mutex::default() }
    }

    /// Puts an item in. One that waits is to be [polled](Self::poll) until it is inside, or [withdrawn](Self::withdraw).
    ///
    /// # Errors
    /// See [`SendError`]; the item has then reached no channel.
    pub fn put(&self, item: T) -> Result<Sent, SendError<T::Error>> {
        self.outport.send(item)
    }

    /// Waits until an item is inside; `Ok(false)` if nobody can receive it any more. `signal` is woken when this is to be
    /// called again.
    ///
    /// Cancel-safe: polling can stop at any time; the item then still waits until it is withdrawn.
    ///
    /// # Errors
    /// When there was memory for the item at last, it proved impossible to send; it has reached no channel.
    pub fn poll(
        &self,
        ticket: &Ticket,
        spot: &mut Option<Spot>,
        signal: &Arc<dyn Signal>,
    ) -> Poll<Result<bool, SendError<T::Error>>> {
        // Before anything is tried: what changes afterwards is told.
        drop(self.list(spot, signal.clone()));
        let short = self.hub.as_ref().is_some_and(Hub::awaits_memory);
        if self.outport.holds_back() && (!short || self.outport.is_closed() || self.outport.seeks_member()) {
            self.outport.feed();
        }
        let waker = Waker::from(Arc::new(Woken(signal.clone())));
        let polled = self.outport.poll(ticket, &mut Context::from_waker(&waker));
        if polled.is_ready() {
            self.leave(spot);
        }
        polled
    }

    /// Takes an item back that waits. If that is too late, as it has reached one of its channels or all have closed,
    /// gives what [`poll`](Self::poll) would give in the end.
    pub fn withdraw(&self, ticket: &Arc<Ticket>, mut spot: Option<Spot>) -> Option<bool> {
        let late = if self.outport.withdraw(ticket) {
            None
        } else {
            // What is put in later is held back until it has reached all its channels.
            let polled = ticket.poll(&mut Context::from_waker(&self.ring));
            Some(matches!(polled, Poll::Pending | Poll::Ready(true)))
        };
        self.leave(&mut spot);
        self.ring.wake_by_ref();
        late
    }

    fn list(&self, spot: &mut Option<Spot>, signal: Arc<dyn Signal>) -> Option<Arc<dyn Signal>> {
        let mut waiting = lock(&self.waiting);
        let number = match spot {
            Some(Spot(number)) => *number,
            None => {
                waiting.next += 1;
                *spot = Some(Spot(waiting.next));
                waiting.next
            }
        };
        waiting.signals.insert(number, signal)
    }

    fn leave(&self, spot: &mut Option<Spot>) {
        let gone = spot.take().and_then(|Spot(number)| lock(&self.waiting).signals.remove(&number));
        drop(gone);
    }

    /// Something has changed that those who wait cannot see by themselves; or `all` are to look, whatever they wait for.
    pub(super) fn on_news(&self, all: bool) {
        if all || self.outport.holds_back() {
            let signals: Vec<_> = lock(&self.waiting).signals.values().cloned().collect();
            for signal in signals {
                signal.wake();
            }
        }
    }

    /// Nothing more will be put in.
    pub(super) fn close(&self) {
        self.closed.store(true, SeqCst);
        self.outport.close();
    }

    /// Whether it was closed.
    pub fn is_closed(&self) -> bool {
        self.closed.load(SeqCst)
    }

    /// Items put in.
    pub(super) fn sent(&self) -> u64 {
        self.outport.sent()
    }
}
