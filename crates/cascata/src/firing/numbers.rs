//! The numbers that a group's firings bear: see [`order`](crate::order).

use super::Port;
use crate::{
    channel::Item,
    order::{NONE, Watch, Word},
};

/// What numbers the firings of a lane.
#[derive(Debug)]
pub struct Numbers {
    lane: Word,
    /// Inports whose items bring the numbers; with none the firings are counted.
    inports: Vec<usize>,
    watches: Vec<Watch>,
    number: Option<u64>,
}

impl Numbers {
    /// Numbers from the items of `inports`, or, if these are none, counted from 0; noted in `lane`, for those who `watch`.
    pub fn new(lane: Word, inports: Vec<usize>, watches: Vec<Watch>) -> Self {
        Self { lane, inports, watches, number: None }
    }

    /// The number of the firing that runs, or ran last.
    pub fn number(&self) -> u64 {
        self.number.unwrap_or(0)
    }

    /// A firing begins, on items that lie in `ports` still.
    pub(super) fn begin<T: Item>(&mut self, ports: &[Port<T>]) {
        let number = if self.inports.is_empty() {
            self.number.map_or(0, |number| number + 1)
        } else {
            let numbered = ports.iter().filter(|port| port.first.is_none() && self.inports.contains(&port.inport));
            numbered.map(|port| port.inlet.first()).filter(|&number| number != NONE).max().unwrap_or(self.number())
        };
        self.lane.set(number);
        self.number = Some(number);
    }

    /// The firing is over, if one was there.
    pub(super) fn end(&mut self) {
        let Some(number) = self.number else { return };
        self.lane.set(if self.inports.is_empty() { number + 1 } else { NONE });
        self.watches.iter().for_each(Watch::tell);
    }
}
