//! Feeding an exported inport.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
    },
    task::{Context, Poll, Wake, Waker},
};

use super::presence::{Acting, Presence};
use crate::{
    channel::{Hub, Item, Outport, SendError, Sent, Ticket, lock},
    line::Signal,
};

/// The calling program's end of an exported inport. Several threads may use it.
#[derive(Debug)]
pub struct Feed<T: Item> {
    outport: Outport<T>,
    hub: Option<Hub>,
    presence: Arc<Presence>,
    /// Has the watching thread look.
    ring: Waker,
    /// Since when nothing more is put in. The channels are told when those that are just being put in are inside.
    closed: AtomicBool,
    /// Threads that are putting an item in.
    putting: AtomicUsize,
    waiting: Mutex<Waiting>,
}

/// Where somebody who waits for room is listed, until it [comes back](Feed::poll) or [gives up](Feed::withdraw).
#[derive(Debug, PartialEq, Eq)]
pub struct Spot(u64);

/// Those who wait: to be told that what is held back is to be tried again, which only they do, as it takes user code.
#[derive(Debug, Default)]
struct Waiting {
    waiters: BTreeMap<u64, Waiter>,
    next: u64,
}

#[derive(Debug)]
struct Waiter {
    signal: Arc<dyn Signal>,
    /// From when it is called till it comes.
    called: Option<Acting<Arc<Presence>>>,
}

/// A thread that is putting an item in: only after that the channels are told that nothing more comes.
struct Putting<'a, T: Item>(&'a Feed<T>);

impl<'a, T: Item> Putting<'a, T> {
    fn begin(feed: &'a Feed<T>) -> Self {
        feed.putting.fetch_add(1, SeqCst);
        Self(feed)
    }
}

impl<T: Item> Drop for Putting<'_, T> {
    fn drop(&mut self) {
        if self.0.putting.fetch_sub(1, SeqCst) == 1 && self.0.is_closed() {
            self.0.outport.close();
        }
    }
}

/// A signal as channels call it.
struct Woken(Arc<dyn Signal>);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.wake();
    }
}

impl<T: Item> Feed<T> {
    pub(super) fn new(outport: Outport<T>, hub: Option<Hub>, presence: Arc<Presence>, ring: Waker) -> Self {
        Self {
            outport,
            hub,
            presence,
            ring,
            closed: AtomicBool::new(false),
            putting: AtomicUsize::new(0),
            waiting: Mutex::default(),
        }
    }

    /// Puts an item in. One that waits is to be [polled](Self::poll) until it is inside, or [withdrawn](Self::withdraw).
    ///
    /// # Errors
    /// See [`SendError`]; the item has then reached no channel.
    pub fn put(&self, item: T) -> Result<Sent, SendError<T::Error>> {
        let _acting = Acting::begin(&*self.presence);
        let _putting = Putting::begin(self);
        if self.is_closed() { Err(SendError::Ended) } else { self.outport.send(item) }
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
        let _acting = Acting::begin(&*self.presence);
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
        let _acting = Acting::begin(&*self.presence);
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

    fn list(&self, spot: &mut Option<Spot>, signal: Arc<dyn Signal>) -> Option<Waiter> {
        let mut waiting = lock(&self.waiting);
        let number = match spot {
            Some(Spot(number)) => *number,
            None => {
                waiting.next += 1;
                *spot = Some(Spot(waiting.next));
                waiting.next
            }
        };
        waiting.waiters.insert(number, Waiter { signal, called: None })
    }

    fn leave(&self, spot: &mut Option<Spot>) {
        let gone = spot.take().and_then(|Spot(number)| lock(&self.waiting).waiters.remove(&number));
        drop(gone);
    }

    /// Something has changed that those who wait cannot see by themselves; or `all` are to look, whatever they wait for.
    pub(super) fn on_news(&self, all: bool) {
        if all || self.outport.holds_back() {
            let mut waiting = lock(&self.waiting);
            let called = waiting.waiters.iter_mut().map(|(number, waiter)| {
                waiter.called.get_or_insert_with(|| Acting::begin(self.presence.clone()));
                (*number, waiter.signal.clone())
            });
            let called: Vec<_> = called.collect();
            drop(waiting);
            for (number, signal) in called {
                if !signal.wake() {
                    self.miss(number, &signal);
                }
            }
        }
    }

    /// Nobody comes who was called by that signal.
    fn miss(&self, number: u64, signal: &Arc<dyn Signal>) {
        let mut waiting = lock(&self.waiting);
        let waiter = waiting.waiters.get_mut(&number).filter(|waiter| Arc::ptr_eq(&waiter.signal, signal));
        let missed = waiter.and_then(|waiter| waiter.called.take());
        drop(waiting);
        drop(missed);
    }

    /// Nothing more will be put in.
    pub(super) fn close(&self) {
        let _acting = Acting::begin(&*self.presence);
        self.closed.store(true, SeqCst);
        if self.putting.load(SeqCst) == 0 {
            self.outport.close();
        }
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
