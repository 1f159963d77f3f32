//! A process at a queue.

use std::{
    io,
    sync::{
        Arc, Mutex, MutexGuard, OnceLock,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    task::Poll,
};

use cascata_shm::{JoinError, Orphaned, Peek, Pop, Push, Room, Slot, WorkerSet};

use super::{Queue, watch};
use crate::{
    channel::{
        EncodeError, Full, Item, lock,
        parcel::{Depot, Opened, Parcel},
    },
    line::{Hint, Line, Place, Signal},
};

/// What became of an attempt to put.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The item is inside.
    Inside,
    /// The queue has ended.
    Ended,
    /// A process died inside an operation: what the queue holds cannot be trusted.
    Broken,
}

/// What an attempt to take has found.
#[derive(Debug)]
pub enum Taken {
    /// An item, to be [opened](Endpoint::open).
    Item(Slot),
    /// Nothing, and nothing will come.
    Ended,
    /// See [`Outcome::Broken`].
    Broken,
}

/// Why an item cannot be packed.
#[derive(Debug)]
pub enum PackError<E> {
    /// It cannot be encoded.
    Encode(E),
    /// There is no memory for it now.
    Full(Full),
    /// It takes more bytes than all the memory there is.
    TooLarge(usize),
    /// The system has no address space left.
    System(io::Error),
}

/// A process that uses a queue. Made in that process: one that is forked off makes its own, and neither uses nor drops
/// what it has inherited.
#[derive(Debug)]
pub struct Endpoint {
    pub(super) queue: Queue,
    pub(super) number: usize,
    depot: OnceLock<Depot>,
    /// It is another process's, from which this one was forked.
    disowned: AtomicBool,
    pub(super) state: Mutex<State>,
}

#[derive(Debug, Default)]
pub(super) struct State {
    pub senders: Line,
    pub receivers: Line,
    /// The thread runs.
    pub watched: bool,
}

#[derive(Clone, Copy)]
enum Side {
    Senders,
    Receivers,
}

impl State {
    fn line(&mut self, side: Side) -> &mut Line {
        match side {
            Side::Senders => &mut self.senders,
            Side::Receivers => &mut self.receivers,
        }
    }
}

impl Endpoint {
    /// This process starts to use `queue`.
    ///
    /// # Errors
    /// There are too many processes, or the queue is broken.
    pub fn new(queue: &Queue) -> Result<Arc<Self>, JoinError> {
        let number = queue.members.join()?;
        Ok(Arc::new(Self {
            queue: queue.clone(),
            number,
            depot: OnceLock::new(),
            disowned: AtomicBool::new(false),
            state: Mutex::default(),
        }))
    }

    /// This process has only inherited it: it is dropped here without any consequence for others.
    pub fn disown(&self) {
        self.disowned.store(true, Relaxed);
    }

    /// The queue.
    pub fn queue(&self) -> &Queue {
        &self.queue
    }

    /// One publisher more; `Ended` or `Broken` if it is too late.
    pub fn publish(&self) -> Outcome {
        match self.queue.members.publish(self.number) {
            Ok(true) => Outcome::Inside,
            Ok(false) => Outcome::Ended,
            Err(Orphaned) => Outcome::Broken,
        }
    }

    /// One publisher less. The last one ends the queue.
    pub fn unpublish(&self) {
        if let Ok(receivers) = self.queue.members.unpublish(self.number) {
            self.tell(receivers, Side::Receivers);
        }
    }

    /// Encodes an item. No lock is held meanwhile.
    ///
    /// # Errors
    /// See [`PackError`].
    pub fn pack<T: Item>(&self, item: &T) -> Result<Parcel, PackError<T::Error>> {
        let depot = self.depot().map_err(PackError::System)?;
        Parcel::pack(depot, item).map_err(|error| match error {
            EncodeError::Refused(error) => PackError::Encode(error),
            EncodeError::Full(full) if depot.could_hold(full) => PackError::Full(full),
            EncodeError::Full(full) => PackError::TooLarge(full.bytes),
        })
    }

    fn depot(&self) -> io::Result<&Depot> {
        if let Some(depot) = self.depot.get() {
            return Ok(depot);
        }
        // Under the lock, as a span must not be taken over twice.
        let _state = lock(&self.state);
        if self.depot.get().is_none() {
            let pool = self.queue.pool.clone();
            pool.reach(self.number)?;
            let arena = Arc::new(Mutex::new(pool.arena(self.number)));
            let _ = self.depot.set(Depot { pool, arena });
        }
        self.depot.get().ok_or_else(|| io::ErrorKind::Other.into())
    }

    /// Puts a parcel in, which is then taken out of `parcel`, unless there is no room or others wait already.
    ///
    /// With a signal it then waits at `place`; who does so must come back, or [give up](Self::give_up_put).
    pub fn put(
        self: &Arc<Self>,
        parcel: &mut Option<Parcel>,
        place: &mut Option<Place>,
        signal: Option<Arc<dyn Signal>>,
    ) -> Poll<Outcome> {
        let mut state = lock(&self.state);
        let (outcome, receivers) = match self.push(&state, parcel, place.as_ref()) {
            Ok(Push::Pushed { waiting }) => (Outcome::Inside, waiting),
            Ok(Push::Closed) => (Outcome::Ended, WorkerSet::EMPTY),
            Err(Orphaned) => (Outcome::Broken, WorkerSet::EMPTY),
            Ok(Push::Full) => {
                let old = signal.and_then(|signal| state.senders.wait(place, signal, None));
                self.watch(state);
                drop(old);
                return Poll::Pending;
            }
        };
        let sent = parcel.take();
        let has_blocks = sent.as_ref().is_some_and(Parcel::has_blocks);
        if let (Some(parcel), Outcome::Inside) = (sent, outcome) {
            parcel.delivered();
        }
        let gone = state.senders.remove(place.take());
        let hints = self.sender_hints(&mut state);
        if has_blocks {
            // Memory is to be given back when the item has been dropped, whatever this process does then.
            self.watch(state);
        } else {
            drop(state);
        }
        drop(gone);
        self.give(Side::Senders, hints);
        self.tell(receivers, Side::Receivers);
        Poll::Ready(outcome)
    }

    fn push(&self, state: &State, parcel: &mut Option<Parcel>, place: Option<&Place>) -> Result<Push, Orphaned> {
        let Some(parcel) = parcel else { return Ok(Push::Full) };
        if !state.senders.is_first(place) {
            // A new item does not overtake those that wait. Those who have been woken too early wait on.
            return Ok(match self.queue.ring.poll_room(self.number)? {
                Room::Closed => Push::Closed,
                Room::Free | Room::Full => Push::Full,
            });
        }
        parcel.announce();
        let pushed = self.queue.ring.try_push(self.number, parcel.kind(), parcel.payload());
        if !matches!(pushed, Ok(Push::Pushed { .. })) {
            parcel.retract();
        }
        pushed
    }

    /// Waits at `place` for memory, of which there was too little to encode an item.
    pub fn await_memory(self: &Arc<Self>, need: Full, place: &mut Option<Place>, signal: Arc<dyn Signal>) {
        let mut state = lock(&self.state);
        let old = state.senders.wait(place, signal, Some(need));
        self.watch(state);
        drop(old);
        if self.queue.pool.wait(self.number) {
            // Whoever keeps free memory gives it back.
            self.queue.members.wake(self.queue.members.everybody());
        }
    }

    /// Nobody will come back to put at `place`.
    pub fn give_up_put(&self, place: Option<Place>) {
        self.give_up(place, Side::Senders);
    }

    /// Nobody will come back to take at `place`.
    pub fn give_up_take(&self, place: Option<Place>) {
        self.give_up(place, Side::Receivers);
    }

    fn give_up(&self, place: Option<Place>, side: Side) {
        if place.is_none() {
            return;
        }
        let mut state = lock(&self.state);
        let gone = state.line(side).remove(place);
        // The hint that it may have had is passed on.
        let hints = self.hints(&mut state, side);
        drop(state);
        drop(gone);
        self.give(side, hints);
    }

    /// Takes the oldest item.
    ///
    /// If there is none, and with a signal, it then waits at `place`; who does so must come back, or
    /// [give up](Self::give_up_take).
    pub fn take(self: &Arc<Self>, place: &mut Option<Place>, signal: Option<Arc<dyn Signal>>) -> Poll<Taken> {
        let mut state = lock(&self.state);
        let mut owed = false;
        let taken = match self.queue.ring.try_pop(self.number) {
            Ok(Pop::Item { slot, senders_waiting, .. }) => {
                owed = senders_waiting;
                Taken::Item(slot)
            }
            Ok(Pop::Ended) => Taken::Ended,
            Err(Orphaned) => Taken::Broken,
            Ok(Pop::Empty) => {
                if let Some(signal) = signal {
                    let old = state.receivers.wait(place, signal, None);
                    self.watch(state);
                    drop(old);
                }
                return Poll::Pending;
            }
        };
        let gone = state.receivers.remove(place.take());
        let hints = self.receiver_hints(&mut state, false);
        drop(state);
        drop(gone);
        self.give(Side::Receivers, hints);
        if owed && let Ok(senders) = self.queue.ring.take_waiting_senders() {
            self.tell(senders, Side::Senders);
        }
        Poll::Ready(taken)
    }

    /// The item in a slot; `None` if it makes no sense, as only damaged memory does.
    ///
    /// # Errors
    /// The item could not be decoded; it is lost.
    pub fn open<T: Item>(&self, slot: &Slot) -> Result<Option<T>, T::Error> {
        let opened = Opened::new(self.queue.pool.region(), slot.kind, slot.payload(), None);
        opened.map(Opened::decode).transpose()
    }

    /// Wakes those who had noted that they wait.
    fn tell(&self, mut members: WorkerSet, side: Side) {
        let own = members.remove(self.number);
        self.queue.members.wake(members);
        if own {
            let hints = self.hints(&mut lock(&self.state), side);
            self.give(side, hints);
        }
    }

    fn hints(&self, state: &mut State, side: Side) -> Vec<Hint> {
        match side {
            Side::Senders => self.sender_hints(state),
            Side::Receivers => self.receiver_hints(state, false),
        }
    }

    /// Whom to wake, now that there are items; or else the ring has a note that this process waits. Those who were woken
    /// count as being about to take an item, unless it is `again` asked after some time.
    fn receiver_hints(&self, state: &mut State, again: bool) -> Vec<Hint> {
        if !state.receivers.sleeps() {
            return Vec::new();
        }
        let count = match self.queue.ring.poll_item(self.number) {
            Ok(Peek::Item) => self.queue.ring.fill().max(1),
            Ok(Peek::Empty) => return Vec::new(),
            Ok(Peek::Ended) | Err(Orphaned) => usize::MAX,
        };
        state.receivers.hints(count, !again)
    }

    /// As [`receiver_hints`](Self::receiver_hints), in order: who is first must be woken first.
    fn sender_hints(&self, state: &mut State) -> Vec<Hint> {
        if !state.senders.sleeps() {
            return Vec::new();
        }
        let count = match self.queue.ring.poll_room(self.number) {
            Ok(Room::Free) => self.queue.ring.capacity().saturating_sub(self.queue.ring.fill()).max(1),
            Ok(Room::Full) => return Vec::new(),
            Ok(Room::Closed) | Err(Orphaned) => return state.senders.hints(usize::MAX, true),
        };
        match state.senders.need() {
            Some(need) if !self.depot.get().is_some_and(|depot| depot.has_room(need)) => Vec::new(),
            Some(_) => state.senders.hints(1, true),
            None => state.senders.hints(count, true),
        }
    }

    /// Gives hints. One that reaches nobody is for the next.
    fn give(&self, side: Side, mut hints: Vec<Hint>) {
        while !hints.is_empty() {
            let lost: Vec<_> = hints.drain(..).filter_map(|hint| (!hint.signal.wake()).then_some(hint.place)).collect();
            if !lost.is_empty() {
                let mut state = lock(&self.state);
                let gone: Vec<_> = lost.into_iter().filter_map(|place| state.line(side).expel(place)).collect();
                hints = self.hints(&mut state, side);
                drop(state);
                drop(gone);
            }
        }
    }

    /// Sees to it that the thread runs.
    fn watch(self: &Arc<Self>, mut state: MutexGuard<'_, State>) {
        if !std::mem::replace(&mut state.watched, true) && watch::start(self).is_err() {
            // No thread can be started now; the next one who waits tries again.
            state.watched = false;
        }
    }

    /// What the thread does whenever it wakes; `is_time` if a while has passed since it was last told so.
    pub(super) fn look(&self, is_time: bool) -> Look {
        if is_time && let Ok(receivers) = self.queue.members.bury() {
            self.tell(receivers, Side::Receivers);
        }
        if self.queue.pool.is_short()
            && let Some(depot) = self.depot.get()
        {
            lock(&depot.arena).empty();
        }
        let mut state = lock(&self.state);
        if is_time {
            state.senders.miss();
        }
        let receivers = self.receiver_hints(&mut state, true);
        let senders = self.sender_hints(&mut state);
        let look = Look {
            waits: !state.receivers.is_empty() || !state.senders.is_empty(),
            starves: state.senders.need().is_some(),
        };
        drop(state);
        if !look.starves {
            self.queue.pool.stop_waiting(self.number);
        }
        self.give(Side::Receivers, receivers);
        self.give(Side::Senders, senders);
        look
    }

    /// Forgets those who cannot be woken any more, who may be kept alive by nothing else.
    pub(super) fn prune(&self) {
        let state = lock(&self.state);
        let asleep = [(Side::Senders, state.senders.signals()), (Side::Receivers, state.receivers.signals())];
        drop(state);
        for (side, hints) in asleep {
            for hint in hints.into_iter().filter(|hint| hint.signal.is_lost()) {
                self.give_up(Some(Place(hint.place)), side);
            }
        }
    }

    /// Lets the thread go, if nobody waits and no memory is kept. `rested` if that has been so for a while.
    pub(super) fn dismiss(&self, rested: bool) -> bool {
        let mut state = lock(&self.state);
        if !state.receivers.is_empty() || !state.senders.is_empty() || !rested {
            return false;
        }
        let is_empty = self.depot.get().is_none_or(|depot| {
            let mut arena = lock(&depot.arena);
            arena.empty();
            arena.is_empty()
        });
        state.watched = !is_empty;
        is_empty
    }
}

/// What the thread has seen.
pub(super) struct Look {
    /// Somebody waits here.
    pub waits: bool,
    /// Somebody waits for memory.
    pub starves: bool,
}

impl Drop for Endpoint {
    fn drop(&mut self) {
        if *self.disowned.get_mut() {
            return;
        }
        if let Some(depot) = self.depot.get() {
            lock(&depot.arena).retire();
        }
        // The thread looks, finds nobody and ends.
        self.queue.members.wake([self.number].into_iter().collect());
        self.queue.members.leave(self.number);
    }
}
