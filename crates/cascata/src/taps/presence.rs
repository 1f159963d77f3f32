//! What the bells are told of the calling program, by several of its threads.

use std::{
    ops::Deref,
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
    },
};

use cascata_shm::Bells;

use crate::channel::lock;

/// What has been announced.
#[derive(Debug)]
pub(super) struct Presence {
    bells: Bells,
    participant: usize,
    state: Mutex<State>,
    /// How many threads are in the middle of something, or have been told to come.
    acting: AtomicUsize,
    /// Somebody would have said that all here is idle but for those.
    awaited: AtomicBool,
}

/// Somebody is in the middle of something: what the taps look like now is not how they will be left. A port that is being
/// closed, say, has ended for some members of a group and not for others.
///
/// An interrupted thread may stay there for long, and all others come to rest meanwhile.
#[derive(Debug)]
pub(super) struct Acting<P: Deref<Target = Presence>>(P);

impl<P: Deref<Target = Presence>> Acting<P> {
    pub fn begin(presence: P) -> Self {
        presence.acting.fetch_add(1, SeqCst);
        Self(presence)
    }
}

impl<P: Deref<Target = Presence>> Drop for Acting<P> {
    fn drop(&mut self) {
        if self.0.acting.fetch_sub(1, SeqCst) == 1 && self.0.awaited.swap(false, SeqCst) {
            self.0.ring();
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// The thread that watches is at work, or about to be, and will say what is so when it is done.
    Awake,
    /// It sleeps, and something else here can move.
    Asleep,
    /// It sleeps, and everything here waits for channels.
    Idle,
    Retired,
}

impl Presence {
    pub fn new(bells: Bells, participant: usize) -> Self {
        Self {
            bells,
            participant,
            state: Mutex::new(State::Awake),
            acting: AtomicUsize::new(0),
            awaited: AtomicBool::new(false),
        }
    }

    /// Whether nobody is in the middle of something. To be asked after all else that tells whether anything can move:
    /// what has been done before is then seen.
    ///
    /// If somebody is, the thread looks again when that is over.
    pub fn nobody_acts(&self) -> bool {
        self.acting.load(SeqCst) == 0 || {
            self.awaited.store(true, SeqCst);
            // The last may have left before it could see that it is awaited.
            self.acting.load(SeqCst) == 0
        }
    }

    /// Has the thread look.
    pub fn ring(&self) {
        self.bells.interrupt(self.participant);
    }

    /// The thread begins to look; `false` if there is nothing to look at any more.
    pub fn rouse(&self) -> bool {
        let mut state = lock(&self.state);
        if *state == State::Retired {
            return false;
        }
        *state = State::Awake;
        self.bells.rouse(self.participant);
        true
    }

    /// The thread is about to sleep: whether it may. `None` if there is nothing to come back for.
    pub fn rest(&self, is_idle: impl FnOnce() -> bool) -> Option<bool> {
        let mut state = lock(&self.state);
        if *state == State::Retired {
            return None;
        }
        let idle = is_idle();
        let rests = self.bells.doze(self.participant, idle);
        if rests {
            *state = if idle { State::Idle } else { State::Asleep };
        }
        Some(rests)
    }

    /// Another thread has closed something or found nothing: perhaps all here is idle now.
    pub fn settle(&self, is_idle: impl FnOnce() -> bool) {
        let mut state = lock(&self.state);
        if *state != State::Asleep || !is_idle() {
            return;
        }
        if self.bells.doze(self.participant, true) {
            *state = State::Idle;
        } else {
            *state = State::Awake;
            self.ring();
        }
    }

    /// Something has come, in this process, of which no bell tells. Called by who has brought it, who is awake.
    pub fn stir(&self) {
        let mut state = lock(&self.state);
        if *state == State::Idle {
            *state = State::Awake;
            self.bells.rouse(self.participant);
            self.ring();
        }
    }

    /// For good. Whether it was not before.
    pub fn retire(&self) -> bool {
        let mut state = lock(&self.state);
        if *state == State::Retired {
            return false;
        }
        *state = State::Retired;
        self.bells.retire(self.participant);
        self.ring();
        true
    }
}
