//! Processes that are killed at a given step.

use std::cell::Cell;
use std::io::{PipeReader, PipeWriter};
use std::rc::Rc;

use super::{Checker, checked};
use crate::testing::{Child, fork, soon_readable};

const HALT: &[u8; 1] = b"!";
const DONE: &[u8; 1] = b".";

/// Stops at a step, says so, and waits for its end.
struct Halt {
    left: Cell<usize>,
    halts: PipeWriter,
}

impl Checker for Halt {
    fn step(&self) {
        match self.left.get().checked_sub(1) {
            Some(left) => self.left.set(left),
            None => {
                rustix::io::write(&self.halts, HALT).unwrap();
                loop {
                    std::thread::park();
                }
            }
        }
    }
}

/// A process in the middle of something.
pub(crate) struct Victim {
    child: Child,
    said: PipeReader,
}

impl Victim {
    /// Forks a process that does `what` up to its step `number`, counted from 0, and stands still there.
    pub(crate) fn at(number: usize, what: impl FnOnce()) -> Self {
        let (said, says) = std::io::pipe().unwrap();
        let child = fork(move || {
            let halts = says.try_clone().unwrap();
            checked(Rc::new(Halt { left: Cell::new(number), halts }), what);
            rustix::io::write(&says, DONE).unwrap();
        });
        Self { child, said }
    }

    /// Waits until it stands still; `false` if it has finished before that step.
    pub(crate) fn stands(&self) -> bool {
        assert!(soon_readable(&self.said), "the victim hangs");
        let mut word = [0];
        let len = rustix::io::read(&self.said, &mut word).unwrap();
        assert!(len == 1, "the victim failed by itself");
        word == *HALT
    }

    /// Kills it where it is.
    pub(crate) fn kill(self) {
        self.child.kill();
        self.child.wait();
    }
}

/// Calls `trial` for each step at which something can be killed, and at last for none: it is to make a [`Victim`] at that
/// step, and to say whether it came to stand there. Gives the number of steps.
pub(crate) fn at_every_step(mut trial: impl FnMut(usize) -> bool) -> usize {
    const MOST: usize = 10_000;
    let steps = (0..MOST).find(|&step| !trial(step)).expect("an operation takes few steps");
    assert!(steps > 0, "an operation has steps");
    steps
}
