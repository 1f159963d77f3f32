//! The orderings of the arena, under loom.
//!
//! loom has atomics of its own, which remember every value that a load might still see. They cannot lie in a mapped
//! file; so each atomic of shared memory gets one as its shadow, by address, when it is first used. That must happen
//! before other threads begin: loom takes the making of an atomic for a write like that of any plain value.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::atomic::{self, Ordering};

pub(crate) use loom::cell::UnsafeCell;
use loom::sync::atomic::AtomicU64 as Shadow;
pub(crate) use loom::thread::spawn;

/// An operation, for the sake of its ordering.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(non_camel_case_types, reason = "named as the operations")]
pub(crate) enum Access {
    load,
    store,
    /// And compare-and-swap.
    swap,
    fetch_add,
    fetch_sub,
    fetch_or,
    fetch_and,
}

thread_local! {
    /// Those of this execution; none outside of executions.
    static SHADOWS: RefCell<Option<HashMap<usize, Rc<Shadow>>>> = const { RefCell::new(None) };
    static WEAKENED: Cell<Option<(Access, Ordering)>> = const { Cell::new(None) };
}

/// Runs `body` once for each order of steps, with at most so many preemptions, and for each value that loads may see.
pub(crate) fn model(preemptions: usize, body: impl Fn() + Send + Sync + 'static) {
    struct Outside;
    impl Drop for Outside {
        fn drop(&mut self) {
            SHADOWS.take();
        }
    }
    let _outside = Outside;
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(preemptions);
    builder.check(move || {
        SHADOWS.set(Some(HashMap::new()));
        body();
    });
}

/// Runs `body` with each such operation of that ordering made relaxed, to see that somebody notices.
pub(crate) fn weakened(what: (Access, Ordering), body: impl FnOnce()) {
    struct Restored;
    impl Drop for Restored {
        fn drop(&mut self) {
            WEAKENED.set(None);
        }
    }
    WEAKENED.set(Some(what));
    let _restored = Restored;
    body();
}

/// The shadow of an atomic, if loom runs, and the ordering that applies.
pub(super) fn shadow(atomic: &impl Plain, order: Ordering, access: Access) -> Option<(Rc<Shadow>, Ordering)> {
    let shadow = SHADOWS.with_borrow_mut(|shadows| {
        let entry = shadows.as_mut()?.entry(std::ptr::from_ref(atomic).addr());
        Some(Rc::clone(entry.or_insert_with(|| Rc::new(Shadow::new(atomic.value())))))
    })?;
    let weak = WEAKENED.get() == Some((access, order));
    Some((shadow, if weak { Ordering::Relaxed } else { order }))
}

/// An atomic of the standard library.
pub(super) trait Plain {
    fn value(&self) -> u64;
}

impl Plain for atomic::AtomicU32 {
    fn value(&self) -> u64 {
        self.load(Ordering::Relaxed).into()
    }
}

impl Plain for atomic::AtomicU64 {
    fn value(&self) -> u64 {
        self.load(Ordering::Relaxed)
    }
}
