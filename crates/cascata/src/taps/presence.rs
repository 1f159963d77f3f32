//! What the bells are told of the calling program, by several of its threads.

use std::sync::Mutex;

use cascata_shm::Bells;

use crate::channel::lock;

/// What has been announced.
#[derive(Debug)]
pub(super) struct Presence {
    bells: Bells,
    participant: usize,
    state: Mutex<State>,
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
        Self { bells, participant, state: Mutex::new(State::Awake) }
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
