//! The values that firings see of ports outside their trigger group.

use std::sync::{Arc, Mutex};

use super::passive::Source;
use crate::channel::{Item, lock};

/// The latest value of each inport of a component, `None` before the first.
#[derive(Clone, Debug)]
pub struct Latest<T: Item> {
    shared: Arc<Shared<T>>,
}

#[derive(Debug)]
struct Shared<T: Item> {
    values: Mutex<Vec<Option<T>>>,
    /// The passive ports. What they hold when a firing begins is newer than the values.
    passives: Mutex<Arc<[Arc<Source<T>>]>>,
}

impl<T: Item> Latest<T> {
    /// Starts with `values`, one for each inport: those of the constants.
    pub fn new(values: Vec<Option<T>>) -> Self {
        Self { shared: Arc::new(Shared { values: Mutex::new(values), passives: Mutex::new(Arc::new([])) }) }
    }

    /// Notes a newer value of `inport` and gives the one before.
    pub fn replace(&self, inport: usize, value: T) -> Option<T> {
        // The old value leaves the lock before it is dropped: dropping may run user code.
        lock(&self.shared.values)[inport].replace(value)
    }

    /// Copies what `row` does not have yet, once the passive ports have given what they hold: whatever was sent to them
    /// before the items of the row were is seen by its firing.
    ///
    /// # Errors
    /// The item of a passive port, this one, could not be decoded; it is lost.
    pub fn complete(&self, row: &mut [Option<T>]) -> Result<(), (usize, T::Error)> {
        let passives = lock(&self.shared.passives).clone();
        for passive in passives.iter() {
            passive.drain(self).map_err(|error| (passive.inport, error))?;
        }
        for (value, latest) in row.iter_mut().zip(lock(&self.shared.values).iter()) {
            if value.is_none() {
                value.clone_from(latest);
            }
        }
        Ok(())
    }

    /// Has firings look at one more passive port.
    pub(super) fn watch(&self, passive: Arc<Source<T>>) {
        let mut passives = lock(&self.shared.passives);
        *passives = passives.iter().cloned().chain([passive]).collect();
    }
}
