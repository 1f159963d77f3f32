//! The values that firings see of ports outside their trigger group.

use std::sync::{Arc, Mutex};

use crate::channel::lock;

/// The latest value of each inport of a component, `None` before the first.
#[derive(Clone, Debug)]
pub struct Latest<T> {
    values: Arc<Mutex<Vec<Option<T>>>>,
}

impl<T: Clone> Latest<T> {
    /// Starts with `values`, one for each inport: those of the constants.
    pub fn new(values: Vec<Option<T>>) -> Self {
        Self { values: Arc::new(Mutex::new(values)) }
    }

    /// Notes a newer value of `inport` and gives the one before.
    pub fn replace(&self, inport: usize, value: T) -> Option<T> {
        // The old value leaves the lock before it is dropped: dropping may run user code.
        lock(&self.values)[inport].replace(value)
    }

    /// Copies what `row` does not have yet.
    pub fn complete(&self, row: &mut [Option<T>]) {
        for (value, latest) in row.iter_mut().zip(lock(&self.values).iter()) {
            if value.is_none() {
                value.clone_from(latest);
            }
        }
    }
}
