//! How far a member of a group is: no number below its frontier will come from it any more.

use std::sync::Arc;

use super::{FIRST, NONE, Word};

/// What tells how far a member is.
#[derive(Debug)]
pub enum Frontier {
    /// Every member gets every item, and each counts its own: the number of the firing that runs or comes next.
    Counted(Word),
    /// Items bring their numbers: the firing that runs, and the ports by which it gets them.
    Fed {
        /// The number of the firing that runs, or [`NONE`].
        lane: Word,
        /// The ports whose items bear numbers, all of one trigger group.
        ports: Vec<Feed>,
    },
}

/// A port whose items bear numbers.
#[derive(Debug)]
pub struct Feed {
    /// The number of the oldest item in its channel, or [`NONE`].
    pub front: Word,
    /// The same for what an unbounded channel has taken off its ring.
    pub backlog: Word,
    /// The number of the batch that waits for its firing, or [`NONE`]. One that waits for more items has none yet.
    pub batch: Word,
    /// What is still to come.
    pub source: Source,
}

/// Where a port's items come from.
#[derive(Debug)]
pub enum Source {
    /// They are shared out: how many have been, and how many bear one number.
    Shared(Word, u64),
    /// They come from a member of another group, by numbers of its own input.
    Member(Arc<Frontier>),
}

impl Frontier {
    /// The lowest number that the member may still send, unless it is in a channel behind it already.
    pub fn bound(&self) -> u64 {
        match self {
            Self::Counted(next) => next.get(),
            Self::Fed { lane, ports } => {
                // In the order in which items go. A firing bears the highest number of its row.
                let next = ports.iter().map(Feed::bound).max().unwrap_or(0);
                next.min(lane.get())
            }
        }
    }
}

impl Source {
    /// The lowest number that may still come.
    pub fn bound(&self) -> u64 {
        match self {
            Self::Shared(next, unit) => FIRST + 1 + next.get() / unit,
            Self::Member(frontier) => frontier.bound(),
        }
    }
}

impl Feed {
    fn bound(&self) -> u64 {
        let to_come = self.source.bound();
        // In the order in which items go: one that is taken off a ring is noted in the backlog before it leaves the front,
        // and one that completes a batch is so before it leaves either.
        let words = [&self.front, &self.backlog, &self.batch];
        match words.into_iter().map(Word::get).min() {
            None | Some(NONE) => to_come,
            Some(inside) => inside,
        }
    }
}
