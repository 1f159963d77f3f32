//! The numbers that a group's firings bear: see [`order`](crate::order).

use std::sync::Arc;

use super::Port;
use crate::{
    channel::Item,
    order::{FIRST, Feed, NONE, Watch, Word},
};

/// What numbers the firings of a lane.
#[derive(Debug)]
pub struct Numbers {
    lane: Word,
    /// Inports whose items bring the numbers; with none the firings are counted.
    feeds: Vec<(usize, Arc<Feed>)>,
    watches: Vec<Watch>,
    number: Option<u64>,
}

impl Numbers {
    /// Numbers from the items of the inports that `feeds` names, or, if these are none, counted; noted in `lane`, for
    /// those who `watch`.
    pub fn new(lane: Word, feeds: Vec<(usize, Feed)>, watches: Vec<Watch>) -> Self {
        let feeds = feeds.into_iter().map(|(inport, feed)| (inport, Arc::new(feed))).collect();
        Self { lane, feeds, watches, number: None }
    }

    /// What brings the numbers of an inport's items, if they bring those of firings.
    pub(super) fn feed(&self, inport: usize) -> Option<&Arc<Feed>> {
        self.feeds.iter().find(|(other, _)| *other == inport).map(|(_, feed)| feed)
    }

    /// The number of the firing that runs, or ran last.
    pub fn number(&self) -> u64 {
        self.number.unwrap_or(0)
    }

    /// A firing begins, on items that lie in `ports` still.
    pub(super) fn begin<T: Item>(&mut self, ports: &[Port<T>]) {
        let number = if self.feeds.is_empty() {
            self.number.unwrap_or(FIRST) + 1
        } else {
            let numbered = ports.iter().filter(|port| port.first.is_none() && self.feed(port.inport).is_some());
            numbered.map(Port::number).filter(|&number| number != NONE).max().unwrap_or(self.number())
        };
        self.lane.set(number);
        self.number = Some(number);
    }

    /// The firing is over, if one was there.
    pub(super) fn end(&mut self) {
        let Some(number) = self.number else { return };
        self.lane.set(if self.feeds.is_empty() { number + 1 } else { NONE });
        self.tell();
    }

    /// Tells those who wait for the numbers of these firings that they may have gone up.
    pub(super) fn tell(&self) {
        self.watches.iter().for_each(Watch::tell);
    }
}
