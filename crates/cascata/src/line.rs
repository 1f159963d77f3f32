//! Those of one process who wait for the same, in order.

use std::{collections::VecDeque, fmt::Debug, sync::Arc};

use crate::channel::Full;

/// How somebody who waits is reached. Called, and dropped, without any lock.
pub trait Signal: Debug + Send + Sync {
    /// Wakes; `false` if there is nobody any more who could be woken.
    fn wake(&self) -> bool;

    /// Whether there is nobody any more who could be woken.
    fn is_lost(&self) -> bool;
}

/// A place in a line. Who has one is in the line until it is [removed](Line::remove).
#[derive(Debug, PartialEq, Eq)]
pub struct Place(pub(crate) u64);

#[derive(Debug)]
struct Waiter {
    place: u64,
    /// `None` once it has been woken and has not come back.
    signal: Option<Arc<dyn Signal>>,
    /// How often it has been asked for in vain since it was woken.
    missed: u8,
    /// The memory it waits for, if that is what is missing.
    need: Option<Full>,
}

impl Waiter {
    /// It was woken long ago: its event loop does not run, and those behind it need not wait for that.
    fn stays_away(&self) -> bool {
        self.signal.is_none() && self.missed >= PATIENCE
    }
}

/// How often somebody who was woken may be missed until others go first.
const PATIENCE: u8 = 5;

/// A hint to be given when no lock is held.
pub(crate) struct Hint {
    pub signal: Arc<dyn Signal>,
    pub place: u64,
}

/// A line. Signals that leave it are handed out, to be dropped without a lock.
#[derive(Debug, Default)]
pub(crate) struct Line {
    /// By ascending place.
    waiters: VecDeque<Waiter>,
    next: u64,
}

impl Line {
    /// Waits at `place`, which is the end if it is none yet. Gives the signal that stood there.
    pub fn wait(
        &mut self,
        place: &mut Option<Place>,
        signal: Arc<dyn Signal>,
        need: Option<Full>,
    ) -> Option<Arc<dyn Signal>> {
        let index = place.as_ref().and_then(|place| self.index(place.0));
        match index.and_then(|index| self.waiters.get_mut(index)) {
            Some(waiter) => {
                waiter.need = need;
                waiter.missed = 0;
                waiter.signal.replace(signal)
            }
            None => {
                self.waiters.push_back(Waiter { place: self.next, signal: Some(signal), missed: 0, need });
                *place = Some(Place(self.next));
                self.next += 1;
                None
            }
        }
    }

    /// Leaves the line. Gives the signal that was not used.
    pub fn remove(&mut self, place: Option<Place>) -> Option<Arc<dyn Signal>> {
        self.waiters.remove(self.index(place?.0)?)?.signal
    }

    /// Removes one whom no signal reaches. Gives its signal.
    pub fn expel(&mut self, place: u64) -> Option<Arc<dyn Signal>> {
        self.remove(Some(Place(place)))
    }

    /// Whether nobody waits in front of `place`, or of somebody who has none; those who stay away do not count.
    pub fn is_first(&self, place: Option<&Place>) -> bool {
        let mut ahead = self.waiters.iter().take_while(|waiter| place.is_none_or(|place| waiter.place < place.0));
        ahead.all(Waiter::stays_away)
    }

    /// Some time has passed in which those who were woken could have come.
    pub fn miss(&mut self) {
        for waiter in self.waiters.iter_mut().filter(|waiter| waiter.signal.is_none()) {
            waiter.missed = waiter.missed.saturating_add(1);
        }
    }

    /// The signals of those who sleep, with their places.
    pub fn signals(&self) -> Vec<Hint> {
        let hint = |waiter: &Waiter| Some(Hint { signal: waiter.signal.clone()?, place: waiter.place });
        self.waiters.iter().filter_map(hint).collect()
    }

    pub fn is_empty(&self) -> bool {
        self.waiters.is_empty()
    }

    /// Whether somebody waits who has not been woken.
    pub fn sleeps(&self) -> bool {
        self.waiters.iter().any(|waiter| waiter.signal.is_some())
    }

    /// Whether somebody has been woken and has not come back.
    pub fn has_woken(&self) -> bool {
        self.waiters.iter().any(|waiter| waiter.signal.is_none())
    }

    /// The memory that the first one waits for.
    pub fn need(&self) -> Option<Full> {
        self.waiters.iter().find(|waiter| !waiter.stays_away())?.need
    }

    /// Takes the signals of the first `count` who sleep; those who are awake count only if `awake`.
    pub fn hints(&mut self, count: usize, awake: bool) -> Vec<Hint> {
        let mut left = count;
        let mut hints = Vec::new();
        for waiter in &mut self.waiters {
            if left == 0 {
                break;
            }
            match waiter.signal.take() {
                Some(signal) => hints.push(Hint { signal, place: waiter.place }),
                None if !awake || waiter.stays_away() => continue,
                None => {}
            }
            left -= 1;
        }
        hints
    }

    fn index(&self, place: u64) -> Option<usize> {
        self.waiters.binary_search_by_key(&place, |waiter| waiter.place).ok()
    }
}
