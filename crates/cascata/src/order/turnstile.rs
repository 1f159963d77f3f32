//! Where the members of a group share out what they send, one after the other, in the order of their numbers.

use std::sync::Arc;

use cascata_shm::Bells;

use super::{Frontier, LAST, NONE, Word};

const RESULTS: u64 = 1;
const ALL: u64 = 2;

/// Who waits for frontiers to pass.
#[derive(Clone, Debug)]
pub struct Watch {
    /// Set while it does.
    pub flag: Word,
    /// Its worker, and the number by which that one's bells tell of it.
    pub worker: usize,
    /// See `worker`.
    pub bell: usize,
    /// The bells.
    pub bells: Bells,
}

impl Watch {
    /// A frontier has passed.
    pub fn tell(&self) {
        if self.flag.get() != 0 && self.flag.swap(0) != 0 {
            self.bells.raise(self.worker, self.bell);
        }
    }
}

/// A member of the group, as the others see it.
#[derive(Debug)]
pub struct Party {
    /// How far it is.
    pub frontier: Arc<Frontier>,
    /// The number of the first that waits for its turn, or [`NONE`].
    pub waiting: Word,
    /// Whether all that its firings send has come here ([`RESULTS`]), or all that it will ever send has passed ([`ALL`]).
    pub passed: Word,
    /// How it is told that others have passed.
    pub watch: Watch,
}

impl Party {
    /// The lowest number that it may still share out.
    fn bound(&self) -> u64 {
        // In the order in which items go: from the firing to those that wait.
        let coming = self.frontier.bound();
        let waiting = self.waiting.get();
        match self.passed.get() {
            0 => coming.min(waiting),
            // Some of them may wait for their turn yet.
            RESULTS => LAST.min(waiting),
            _ => NONE,
        }
    }
}

/// The turnstile as one member sees it.
#[derive(Debug)]
pub struct Turnstile {
    members: Vec<Party>,
    place: usize,
    room: usize,
}

impl Turnstile {
    /// The turnstile of `members`, for the one at `place`, of which `room` results may wait without their sender.
    pub fn new(members: Vec<Party>, place: usize, room: usize) -> Self {
        Self { members, place, room }
    }

    /// How many results may wait for their turn without their sender.
    pub fn room(&self) -> usize {
        self.room
    }

    /// Whether it is the turn of `number`. If not, a bell tells when it may be.
    pub fn is_open(&self, number: u64) -> bool {
        if self.passes(number) {
            return true;
        }
        // Those that pass after this note tell; those that have passed before it are seen now.
        self.members[self.place].watch.flag.set(1);
        self.passes(number)
    }

    fn passes(&self, number: u64) -> bool {
        let others = self.members.iter().enumerate().filter(|(place, _)| *place != self.place);
        others.into_iter().all(|(place, party)| (number, self.place) < (party.bound(), place))
    }

    /// Notes the number of the first result that waits here, or [`NONE`].
    pub fn waits(&self, number: u64) {
        self.members[self.place].waiting.set(number);
    }

    /// Something comes that bears this number.
    pub fn comes(&self, number: u64) {
        if number == LAST && self.members[self.place].passed.get() == 0 {
            // Before it is the first that waits: the finish functions of others need not wait for this one's input.
            self.members[self.place].passed.set(RESULTS);
            self.tell();
        }
    }

    /// Tells the others that this member has passed.
    pub fn tell(&self) {
        let others = self.members.iter().enumerate().filter(|(place, _)| *place != self.place);
        others.for_each(|(_, party)| party.watch.tell());
    }

    /// This member will share out nothing more.
    pub fn leave(&self) {
        self.members[self.place].passed.set(ALL);
        self.tell();
    }
}
