//! The one door to atomics and to the lock, so that a model checker can be put behind it.

pub(crate) use crate::lock::Lock;
pub(crate) use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
