//! A batch on its way to a firing.

use std::{
    mem,
    sync::Arc,
    task::{Context, Poll, ready},
    time::{Duration, Instant},
};

use crate::{
    channel::{Inlet, Item},
    graph::Batch,
    metrics::InportMeter,
    order::{Feed, NONE},
};

/// Items taken in one go, so that a large batch does not keep others from their turn.
const BUDGET: usize = 64;

/// The batch that an inport gathers: items that are out of the channel, and that no firing has seen.
#[derive(Debug)]
pub(super) struct Gathering<T: Item> {
    size: usize,
    within: Option<Duration>,
    items: Vec<T>,
    /// When it is complete whatever has come by then; counted from its first item.
    due: Option<Instant>,
    /// Nothing more goes into it.
    complete: bool,
    /// There may be more in the channel for it: it is the turn of others.
    pauses: bool,
    /// An item of it could not be decoded.
    broken: Option<T::Error>,
    /// If items bear numbers: what says which of them are still to come, and the number of the last item.
    feed: Option<Arc<Feed>>,
    number: u64,
    meter: InportMeter,
}

impl<T: Item> Gathering<T> {
    pub fn new(batch: Batch, meter: InportMeter) -> Self {
        Self {
            size: batch.size.unwrap_or(usize::MAX),
            // A time that no clock can tell is never.
            within: batch.within.and_then(|within| Duration::try_from_secs_f64(within).ok()),
            items: Vec::new(),
            due: None,
            complete: false,
            pauses: false,
            broken: None,
            feed: None,
            number: 0,
            meter,
        }
    }

    /// A batch has the number of the item that completes it, as `feed` lets others know.
    pub fn number_by(&mut self, feed: Arc<Feed>) {
        self.feed = Some(feed);
    }

    /// The number of the batch that is complete.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// Gathers from `inlet`; `true` once a batch is complete, `false` at the end of the channel, without one. What is
    /// there when its time is over still goes into it.
    pub fn poll(&mut self, inlet: &Inlet<T>, cx: &mut Context<'_>) -> Poll<bool> {
        self.pauses = false;
        for _ in 0..BUDGET {
            if self.complete {
                return Poll::Ready(true);
            }
            match self.poll_take(inlet, cx) {
                Poll::Ready(Ok(Some(item))) => self.push(item),
                Poll::Ready(Ok(None)) => {
                    self.flush();
                    return Poll::Ready(self.complete);
                }
                Poll::Ready(Err(error)) => {
                    self.broken = Some(error);
                    self.complete = true;
                }
                Poll::Pending => return if self.expire() { Poll::Ready(true) } else { Poll::Pending },
            }
        }
        if self.complete || self.expire() {
            return Poll::Ready(true);
        }
        self.pauses = true;
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    fn poll_take(&mut self, inlet: &Inlet<T>, cx: &mut Context<'_>) -> Poll<Result<Option<T>, T::Error>> {
        let Some(feed) = &self.feed else { return inlet.poll_take(cx) };
        if !ready!(inlet.poll_item(cx)) {
            return Poll::Ready(Ok(None));
        }
        self.number = inlet.first();
        if self.items.len() + 1 >= self.size {
            // Before it leaves the channel: whoever looks must find it somewhere.
            feed.batch.set(self.number);
        }
        Poll::Ready(inlet.take())
    }

    /// Adds an item; the batch must not be complete.
    pub fn push(&mut self, item: T) {
        if self.items.is_empty() {
            self.due = self.within.and_then(|within| Instant::now().checked_add(within));
        }
        self.items.push(item);
        self.complete = self.items.len() >= self.size;
        self.meter.batched.set(self.items.len() as u64);
    }

    /// Completes the batch if its time is over. Whether it is complete.
    pub fn expire(&mut self) -> bool {
        if !self.complete && self.due.is_some_and(|due| due <= Instant::now()) {
            self.complete = true;
            // With the last that was shared out, so that nobody who has got that far is waited for.
            self.number_early(|to_come| to_come.saturating_sub(1));
        }
        self.complete
    }

    /// Completes the batch if it has begun. Whether that was needed.
    pub fn flush(&mut self) -> bool {
        let begun = self.has_begun();
        if begun {
            self.complete = true;
            // After all that were shared out, among whom others may have been faster.
            self.number_early(|to_come| to_come);
        }
        begun
    }

    /// Numbers a batch that is complete before its size: by the lowest number that may still come, but not before its own
    /// items.
    fn number_early(&mut self, number: impl FnOnce(u64) -> u64) {
        let Some(feed) = &self.feed else { return };
        self.number = number(feed.source.bound()).max(self.number);
        feed.batch.set(self.number);
    }

    /// Whether there are items that wait for more.
    pub fn has_begun(&self) -> bool {
        !self.complete && !self.items.is_empty()
    }

    /// Whether it will go on by itself, as there may be more in the channel.
    pub fn pauses(&self) -> bool {
        self.pauses
    }

    /// When the batch will be complete without another item.
    pub fn due(&self) -> Option<Instant> {
        self.due.filter(|_| !self.complete)
    }

    /// The items of the batch if it is complete, and an empty batch instead.
    ///
    /// # Errors
    /// An item could not be decoded; the whole batch is lost.
    pub fn take(&mut self) -> Result<Option<Vec<T>>, T::Error> {
        if !mem::take(&mut self.complete) {
            return Ok(None);
        }
        let items = self.clear();
        match self.broken.take() {
            Some(error) => Err(error),
            None => Ok(Some(items)),
        }
    }

    /// How many items are out of the channel.
    pub fn len(&self) -> usize {
        self.items.len() + usize::from(self.broken.is_some())
    }

    /// Gives what was gathered, and no firing has seen, so that others may have it, and what could not be decoded.
    #[must_use]
    pub fn leave(&mut self) -> (Vec<T>, Option<T::Error>) {
        let items = self.clear();
        self.complete = false;
        self.meter.taken.take_back(items.len() as u64);
        (items, self.broken.take())
    }

    /// Gives up what was gathered, because no firing will see it, and gives it to be dropped without a lock. To be called
    /// before the channel is closed: from then on senders count what is discarded, too.
    #[must_use]
    pub fn discard(&mut self) -> (Vec<T>, Option<T::Error>) {
        let left = self.leave();
        self.meter.discarded.add_shared(left.0.len() as u64);
        left
    }

    fn clear(&mut self) -> Vec<T> {
        self.due = None;
        self.feed.iter().for_each(|feed| feed.batch.set(NONE));
        self.meter.batched.set(0);
        mem::take(&mut self.items)
    }
}
