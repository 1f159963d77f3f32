//! Checkers of the protocols: what can be put behind the `sync` module in tests.
//!
//! A [`Checker`] is told of every *step*: each atomic operation on shared memory, each operation of the lock, each ring
//! of a bell. So the code that is checked is the code that runs, on memory as it is mapped; only the moments at which
//! others get in between are chosen.
//!
//! # Which argument covers what
//!
//! - [`explore`] runs all tasks of a test in one thread, in turns, and searches through the orders of their steps: by
//!   depth first and completely, up to a number of preemptions; at random for more tasks than that is possible for. It
//!   covers every order that sequential consistency allows. That is all there are for the **bells**, all of whose
//!   operations are `SeqCst`, and for the **ring**, which changes under its lock only: data that a lock orders have no
//!   races, and programs without races are sequentially consistent. (Its counters are read without the lock in places,
//!   as of a moment ago; nothing is concluded from them.)
//! - The counts of **arena** blocks and the list of released ones use weaker orderings, and so do payloads, which are no
//!   atomics at all. `weak` runs them under loom, which also lets loads see what the orderings permit them to see, and
//!   notices a payload that is written and read at the same time. loom knows no `SeqCst` stronger than
//!   acquire-release, so what passes there does not need it.
//! - `kill` stops a process at a given step and kills it there, for what must hold whenever somebody dies.

mod atomic;
mod explore;
#[cfg(test)]
pub(crate) mod kill;
#[cfg(test)]
pub(crate) mod weak;

use std::cell::RefCell;
use std::rc::Rc;

pub(crate) use atomic::word;
pub use atomic::{AtomicU32, AtomicU64};
pub use explore::{Search, Task, always, everything, explore, spawn, wait_for_bell};

/// Who is told of the steps of a thread.
pub trait Checker {
    /// The thread is about to make a step.
    fn step(&self);

    /// A critical section begins or ends: what changes inside is seen by nobody who does not hold the lock.
    fn critical(&self, _begins: bool) {}

    /// What lies at this address, and others may wait for, has changed.
    fn changed(&self, _address: usize) {}

    /// Lets others run until what lies at this address has changed; `false` if the thread may block by itself.
    fn waited(&self, _address: usize) -> bool {
        false
    }
}

thread_local! {
    static CHECKER: RefCell<Option<Rc<dyn Checker>>> = const { RefCell::new(None) };
}

/// Runs `body` under `checker`.
pub fn checked<R>(checker: Rc<dyn Checker>, body: impl FnOnce() -> R) -> R {
    struct Restore(Option<Rc<dyn Checker>>);
    impl Drop for Restore {
        fn drop(&mut self) {
            CHECKER.set(self.0.take());
        }
    }
    let _restore = Restore(CHECKER.replace(Some(checker)));
    body()
}

/// The checker of this thread. A thread that unwinds or ends only cleans up, which is no part of any protocol.
fn checker() -> Option<Rc<dyn Checker>> {
    let checker = CHECKER.try_with(|checker| checker.borrow().clone()).ok().flatten();
    checker.filter(|_| !std::thread::panicking())
}

pub(crate) fn step() {
    if let Some(checker) = checker() {
        checker.step();
    }
}

pub(crate) fn critical(begins: bool) {
    if let Some(checker) = checker() {
        checker.critical(begins);
    }
}

pub(crate) fn changed<T>(what: &T) {
    if let Some(checker) = checker() {
        checker.changed(std::ptr::from_ref(what).addr());
    }
}

pub(crate) fn waited<T>(for_what: &T) -> bool {
    checker().is_some_and(|checker| checker.waited(std::ptr::from_ref(for_what).addr()))
}
