//! What one component has done, and how its time was spent.

use std::ops::AddAssign;

use super::{Counter, InportMeter, LaneState, OutportMeter};

/// The counters of one component.
#[derive(Clone, Debug)]
pub struct NodeMeter {
    /// Nanoseconds in which its code ran.
    pub busy: Counter,
    /// Nanoseconds in which a firing awaited something that is no channel.
    pub awaiting: Counter,
    /// Nanoseconds without a row to fire on, or without its turn.
    pub waiting: Counter,
    /// Nanoseconds in which a firing waited for room behind an outport.
    pub blocked: Counter,
    /// One for each trigger group.
    pub lanes: Vec<LaneMeter>,
    /// One for each inport, in declared order.
    pub inports: Vec<InportMeter>,
    /// One for each outport, in declared order.
    pub outports: Vec<OutportMeter>,
}

/// What a trigger group is doing, and since when.
#[derive(Clone, Debug)]
pub struct LaneMeter {
    /// Firings begun.
    pub firings: Counter,
    /// A [`LaneState`].
    pub state: Counter,
    /// When it began, in nanoseconds of the clock of all workers; 0 as long as the group is not there.
    pub since: Counter,
}

/// How the time of a component was spent, in nanoseconds. That of several trigger groups adds up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Times {
    /// Its code ran.
    pub busy: u64,
    /// A firing awaited something that is no channel.
    pub awaiting: u64,
    /// There was no row to fire on, or it was others' turn.
    pub waiting: u64,
    /// A firing waited for room behind an outport.
    pub blocked: u64,
}

impl NodeMeter {
    /// Firings begun, of all trigger groups.
    pub fn firings(&self) -> u64 {
        self.lanes.iter().map(|lane| lane.firings.get()).sum()
    }

    /// What each trigger group is doing.
    pub fn states(&self) -> impl Iterator<Item = LaneState> {
        self.lanes.iter().map(LaneMeter::state)
    }

    /// Books the time of a trigger group up to `now` and notes what it does from there on; for its worker.
    pub fn enter(&self, group: usize, state: LaneState, now: u64) {
        let lane = &self.lanes[group];
        let past = lane.pending(now);
        self.busy.add(past.busy);
        self.awaiting.add(past.awaiting);
        self.waiting.add(past.waiting);
        self.blocked.add(past.blocked);
        lane.state.set(state.to_word());
        lane.since.set(now);
    }

    /// How the time up to `now` was spent, that of states which last included.
    ///
    /// A reader that meets a change of state may count the time of the old one twice, or not at all. The next one
    /// counts it right.
    pub fn times(&self, now: u64) -> Times {
        let mut times = Times {
            busy: self.busy.get(),
            awaiting: self.awaiting.get(),
            waiting: self.waiting.get(),
            blocked: self.blocked.get(),
        };
        self.lanes.iter().for_each(|lane| times += lane.pending(now));
        times
    }
}

impl LaneMeter {
    fn state(&self) -> LaneState {
        LaneState::from_word(self.state.get())
    }

    /// The time that has not been booked yet.
    fn pending(&self, now: u64) -> Times {
        let since = self.since.get();
        let past = if since == 0 { 0 } else { now.saturating_sub(since) };
        let none = Times::default();
        match self.state() {
            LaneState::New | LaneState::Ready | LaneState::Waiting(_) => Times { waiting: past, ..none },
            LaneState::Running => Times { busy: past, ..none },
            LaneState::Awaiting => Times { awaiting: past, ..none },
            LaneState::Blocked(_) => Times { blocked: past, ..none },
            LaneState::Done => none,
        }
    }
}

impl AddAssign for Times {
    fn add_assign(&mut self, other: Self) {
        self.busy += other.busy;
        self.awaiting += other.awaiting;
        self.waiting += other.waiting;
        self.blocked += other.blocked;
    }
}
