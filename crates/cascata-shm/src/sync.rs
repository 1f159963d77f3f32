//! The one door to atomics, to the lock, and to whatever else other processes see of a step: a checker can be put
//! behind it, see `model`.

pub(crate) use crate::lock::Lock;
pub(crate) use std::sync::atomic::Ordering;

#[cfg(any(test, feature = "model"))]
pub(crate) use crate::model::{AtomicU32, AtomicU64, changed, critical, step, waited, word};
#[cfg(not(any(test, feature = "model")))]
pub(crate) use product::*;

/// Nobody checks.
#[cfg(not(any(test, feature = "model")))]
mod product {
    pub(crate) use std::sync::atomic::{AtomicU32, AtomicU64};

    /// What the system knows of an atomic.
    #[inline(always)]
    pub(crate) fn word(atomic: &AtomicU32) -> &AtomicU32 {
        atomic
    }

    /// Said before a step that is not an atomic operation.
    #[inline(always)]
    pub(crate) fn step() {}

    /// Said when a critical section begins and when it ends.
    #[inline(always)]
    pub(crate) fn critical(_begins: bool) {}

    /// Said after a step that others may wait for: a lock is free, a bell rings.
    #[inline(always)]
    pub(crate) fn changed<T>(_what: &T) {}

    /// Whether a checker has let others run until that changed. If not, the caller blocks by itself.
    #[inline(always)]
    pub(crate) fn waited<T>(_for_what: &T) -> bool {
        false
    }
}
