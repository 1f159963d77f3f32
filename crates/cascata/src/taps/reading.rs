//! Reading an exported outport.

use std::{
    sync::{Arc, Mutex, Weak},
    task::{Context, Poll, Wake, Waker},
};

use super::{
    presence::{Acting, Presence},
    readers::{Mark, Owner, Readers},
};
use crate::{
    channel::{Inlet, Item, Picked, lock},
    line::{Hint, Line, Place, Signal},
};

/// The calling program's end of an exported outport. Several threads may read it; each item goes to one of them.
///
/// A wake-up is a hint: who is woken tries again, and passes the hint on if it leaves without having tried.
#[derive(Debug)]
pub struct Reading<T: Item> {
    inlet: Inlet<T>,
    waiting: Mutex<Waiting>,
    readers: Readers,
    presence: Arc<Presence>,
}

/// Those who wait for an item.
#[derive(Debug, Default)]
struct Waiting {
    line: Line,
    /// The thread that watches knows that some were woken while others sleep, and comes back when they have had their time.
    timed: bool,
}

impl Waiting {
    /// Whether those who sleep depend on those who were woken.
    fn is_undecided(&self) -> bool {
        self.line.has_woken() && self.line.sleeps()
    }
}

/// What there was to take.
#[derive(Debug)]
pub enum Taken<T: Item> {
    /// An item.
    Item(Fetched<T>),
    /// Nothing, and nothing will come.
    Ended,
}

/// An item that nobody has looked at yet. Those whom its room may help are told when that is done.
#[derive(Debug)]
#[must_use]
pub struct Fetched<T: Item> {
    picked: Picked<T>,
    _acting: Acting<Arc<Presence>>,
}

impl<T: Item> Fetched<T> {
    /// The item; `None` for one that damaged memory has lost. To be called without any lock.
    ///
    /// # Errors
    /// The item could not be decoded; it is lost.
    pub fn open(self) -> Result<Option<T>, T::Error> {
        self.picked.open()
    }
}

/// Called by channels when there may be an item.
struct Hinting<T: Item>(Weak<Reading<T>>);

impl<T: Item> Wake for Hinting<T> {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if let Some(reading) = self.0.upgrade() {
            reading.presence.stir();
            reading.hint(false);
        }
    }
}

impl<T: Item> Reading<T> {
    pub(super) fn new(inlet: Inlet<T>, presence: Arc<Presence>) -> Self {
        Self { inlet, waiting: Mutex::default(), readers: Readers::default(), presence }
    }

    /// Takes the next item if there is one.
    pub(super) fn pick(self: &Arc<Self>) -> Option<Fetched<T>> {
        let _acting = Acting::begin(self.presence.clone());
        let picked = self.inlet.pick()?;
        self.leave(&mut None);
        Some(Fetched { picked, _acting })
    }

    /// Takes the next item; `None` if there is none yet.
    ///
    /// With a signal it then waits at `place`; who does so must come back, or [give up](Self::give_up).
    pub(super) fn take(
        self: &Arc<Self>,
        place: &mut Option<Place>,
        signal: Option<&Arc<dyn Signal>>,
    ) -> Option<Taken<T>> {
        let _acting = Acting::begin(self.presence.clone());
        loop {
            if let Some(picked) = self.inlet.pick() {
                self.leave(place);
                return Some(Taken::Item(Fetched { picked, _acting }));
            }
            let mut waiting = lock(&self.waiting);
            let old = signal.and_then(|signal| waiting.line.wait(place, signal.clone(), None));
            // In the line already: what comes from now on is told.
            let found = self.look_for_item();
            drop(waiting);
            drop(old);
            match found {
                Poll::Ready(true) => {}
                Poll::Ready(false) => {
                    self.leave(place);
                    return Some(Taken::Ended);
                }
                Poll::Pending => return None,
            }
        }
    }

    /// Nobody will come back to take at `place`: the hint that it may have had is passed on.
    pub fn give_up(self: &Arc<Self>, place: &mut Option<Place>) {
        if place.is_some() {
            self.leave(place);
        }
    }

    fn leave(self: &Arc<Self>, place: &mut Option<Place>) {
        let mut waiting = lock(&self.waiting);
        let gone = waiting.line.remove(place.take());
        let hints = self.hints(&mut waiting, false);
        drop(waiting);
        drop(gone);
        self.give(hints);
    }

    /// Whether there is an item, or the end; if neither, the channel will tell.
    fn look_for_item(self: &Arc<Self>) -> Poll<bool> {
        let waker = Waker::from(Arc::new(Hinting(Arc::downgrade(self))));
        self.inlet.poll_item(&mut Context::from_waker(&waker))
    }

    /// There may be something to take. `again` if those who were woken have had the time to come.
    fn hint(self: &Arc<Self>, again: bool) {
        let hints = self.hints(&mut lock(&self.waiting), again);
        self.give(hints);
    }

    /// Whom to wake; if nobody is to be woken, the channel will tell when somebody is.
    fn hints(self: &Arc<Self>, waiting: &mut Waiting, again: bool) -> Vec<Hint> {
        if !waiting.line.sleeps() {
            return Vec::new();
        }
        let count = match self.look_for_item() {
            Poll::Ready(true) => self.inlet.fill().max(1),
            Poll::Ready(false) => usize::MAX,
            Poll::Pending => return Vec::new(),
        };
        let hints = waiting.line.hints(count, !again);
        if !waiting.timed && waiting.is_undecided() {
            waiting.timed = true;
            self.presence.ring();
        }
        hints
    }

    /// Gives hints. One that reaches nobody is for the next.
    fn give(self: &Arc<Self>, mut hints: Vec<Hint>) {
        while !hints.is_empty() {
            let lost: Vec<_> = hints.drain(..).filter_map(|hint| (!hint.signal.wake()).then_some(hint.place)).collect();
            if !lost.is_empty() {
                let mut waiting = lock(&self.waiting);
                let gone: Vec<_> = lost.into_iter().filter_map(|place| waiting.line.expel(place)).collect();
                hints = self.hints(&mut waiting, false);
                drop(waiting);
                drop(gone);
            }
        }
    }

    /// What the watching thread does here; when the run is `stopping`, nobody waits any more. Whether to look again soon,
    /// for those who were woken and have not come.
    pub(super) fn look(self: &Arc<Self>, stopping: bool, is_time: bool) -> bool {
        let mut waiting = lock(&self.waiting);
        let hints = if stopping { waiting.line.hints(usize::MAX, false) } else { Vec::new() };
        if is_time {
            waiting.line.miss();
        }
        waiting.timed = waiting.is_undecided();
        let soon = waiting.timed;
        drop(waiting);
        for hint in hints {
            hint.signal.wake();
        }
        if is_time {
            self.hint(true);
        }
        soon
    }

    /// Whether there is nothing to take.
    pub(super) fn is_idle(self: &Arc<Self>) -> bool {
        self.look_for_item() != Poll::Ready(true)
    }

    /// Nobody reads it any more: what is inside and what still comes is discarded.
    pub(super) fn close(&self) {
        let _acting = Acting::begin(&*self.presence);
        self.inlet.close();
    }

    /// Items taken, and items discarded. Those inside are as good as taken if anybody reads, else as good as discarded.
    pub(super) fn counts(&self) -> (u64, u64) {
        let meter = self.inlet.meter();
        let (taken, discarded) = (meter.taken.get(), meter.discarded.get());
        if discarded > 0 {
            return (taken, discarded); // it is closed, and empty
        }
        let received = self.inlet.received();
        if self.readers.remain(None) { (received, 0) } else { (taken, received.saturating_sub(taken)) }
    }

    /// Somebody begins to read.
    pub fn enter(&self, owner: Owner) -> Arc<Mark> {
        self.readers.enter(owner)
    }

    /// A reader reads no more; whether nobody does now.
    pub fn exit(&self, mark: &Arc<Mark>) -> bool {
        self.readers.exit(mark)
    }

    /// Whether others than `owner` read it, who may go on while that waits.
    pub fn is_read_beside(&self, owner: &Owner) -> bool {
        self.readers.remain(Some(owner))
    }
}
