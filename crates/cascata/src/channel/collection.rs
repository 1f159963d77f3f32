//! What the caller wants of an outport's items: `collect`.

use std::{
    collections::VecDeque,
    fmt::Debug,
    sync::{Arc, Mutex},
};

use super::{Item, Ticket, lock};

/// A place outside the graph that sees every item of an outport, such as the lists of `collect`.
pub trait Collector<T: Item>: Debug + Send + Sync {
    /// Gives the form in which `item` is collected, as it is now: it may change later.
    ///
    /// # Errors
    /// The item cannot be taken; it then reaches no channel, either.
    fn pack(&self, item: &T) -> Result<T, T::Error>;

    /// Takes a packed item, and the number of the firing that has sent it: 0 where firings bear none. Never waits.
    fn collect(&self, packed: T, number: u64);
}

/// A collector, and the items that it gets once they have reached a channel: one that is withdrawn was never sent.
#[derive(Debug)]
pub(super) struct Collection<T: Item> {
    collector: Arc<dyn Collector<T>>,
    /// In the order sent.
    waiting: Mutex<VecDeque<(Numbered<T>, Arc<Ticket>)>>,
}

/// A packed item and the number of the firing that has sent it.
type Numbered<T> = (T, u64);

impl<T: Item> Collection<T> {
    pub fn new(collector: Arc<dyn Collector<T>>) -> Self {
        Self { collector, waiting: Mutex::default() }
    }

    /// See [`Collector::pack`].
    pub fn pack(&self, item: &T) -> Result<T, T::Error> {
        self.collector.pack(item)
    }

    /// Collects an item that has just been sent, or waits, after those before it.
    pub fn add(&self, packed: T, number: u64, ticket: Option<&Arc<Ticket>>) {
        match ticket {
            Some(ticket) => {
                lock(&self.waiting).push_back(((packed, number), ticket.clone()));
                self.settle();
            }
            None => {
                self.settle();
                self.collector.collect(packed, number);
            }
        }
    }

    /// Collects what has reached a channel meanwhile.
    pub fn settle(&self) {
        loop {
            let mut waiting = lock(&self.waiting);
            let Some(sent) = waiting.front().and_then(|(_, ticket)| ticket.is_sent()) else { return };
            let front = waiting.pop_front();
            drop(waiting);
            if let (true, Some(((packed, number), _))) = (sent, front) {
                self.collector.collect(packed, number);
            }
        }
    }

    /// The item under `ticket` was withdrawn. One that waits before it may do so for long.
    pub fn forget(&self, ticket: &Ticket) {
        let gone = ticket.remove_from(&mut lock(&self.waiting));
        drop(gone);
    }
}
