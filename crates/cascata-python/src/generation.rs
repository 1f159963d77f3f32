//! To which process something belongs: one that is forked off has copies of what is another one's.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use pyo3::prelude::*;

use crate::{channel, codec};

/// Counts how often what there was has ceased to be this process's own.
static CURRENT: AtomicUsize = AtomicUsize::new(0);

/// The time in which something was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Generation(usize);

impl Generation {
    /// Now.
    pub fn current() -> Self {
        Self(CURRENT.load(Relaxed))
    }

    /// Whether what was made then is this process's own.
    pub fn is_ours(self) -> bool {
        self == Self::current()
    }

    /// What was made until now is this process's own no more.
    pub fn end() {
        CURRENT.fetch_add(1, Relaxed);
    }
}

/// The process has just been forked off: what it has inherited belongs to another one.
#[pyfunction]
pub fn after_fork() {
    Generation::end();
    codec::forget_inherited();
    channel::forget_inherited();
}
