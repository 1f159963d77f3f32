//! What a trigger group is doing, in one word.

/// What the task of a trigger group is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LaneState {
    /// It has not run yet.
    New,
    /// Its code runs.
    Running,
    /// It has used up its turn and goes on after the others.
    Ready,
    /// Its firing awaits something that is no channel.
    Awaiting,
    /// It waits for an item at this inport.
    Waiting(usize),
    /// It waits for room behind this outport.
    Blocked(usize),
    /// It has ended.
    Done,
}

impl LaneState {
    /// As a word: the kind in the low byte, the port above it.
    pub fn to_word(self) -> u64 {
        match self {
            Self::New => 0,
            Self::Running => 1,
            Self::Awaiting => 2,
            Self::Waiting(port) => 3 | (port as u64) << 8,
            Self::Blocked(port) => 4 | (port as u64) << 8,
            Self::Done => 5,
            Self::Ready => 6,
        }
    }

    /// The inverse of [`to_word`](Self::to_word); unknown kinds read as `Running`.
    pub fn from_word(word: u64) -> Self {
        let port = (word >> 8) as usize;
        match word & 0xff {
            0 => Self::New,
            2 => Self::Awaiting,
            3 => Self::Waiting(port),
            4 => Self::Blocked(port),
            5 => Self::Done,
            6 => Self::Ready,
            _ => Self::Running,
        }
    }
}
