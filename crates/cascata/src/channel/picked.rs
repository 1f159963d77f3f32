//! An item that has left its channel and has not been looked at.

use std::sync::Arc;

use cascata_shm::Slot;

use super::{Item, Remote, local::Aftermath};

/// An item off its channel, before any user code has run: nobody has been woken in this process, nothing is decoded.
#[derive(Debug)]
#[must_use]
pub struct Picked<T: Item>(Content<T>);

#[derive(Debug)]
enum Content<T: Item> {
    Here(T, Aftermath<T>),
    Slot(Arc<Remote<T>>, Slot),
}

impl<T: Item> Picked<T> {
    pub(super) fn here(item: T, aftermath: Aftermath<T>) -> Self {
        Self(Content::Here(item, aftermath))
    }

    pub(super) fn slot(channel: Arc<Remote<T>>, slot: Slot) -> Self {
        Self(Content::Slot(channel, slot))
    }

    /// The item; `None` for one that damaged memory has lost. To be called without any lock.
    ///
    /// # Errors
    /// The item could not be decoded; it is lost.
    pub fn open(self) -> Result<Option<T>, T::Error> {
        match self.0 {
            Content::Here(item, aftermath) => {
                aftermath.settle();
                Ok(Some(item))
            }
            Content::Slot(channel, slot) => channel.open(&slot),
        }
    }
}
