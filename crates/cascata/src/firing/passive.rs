//! A passive port: it takes each value as it comes and keeps the latest.

use std::{
    sync::{Arc, Mutex},
    task::{Context, Poll},
};

use super::{Latest, Port};
use crate::{
    channel::{Inlet, Item, lock},
    metrics::Counter,
};

/// Values taken in one go, so that a sender that never pauses does not keep others from their turn.
const BUDGET: usize = 64;

/// Drains one passive port for as long as it is polled when woken.
#[derive(Debug)]
pub struct Passive<T: Item> {
    source: Arc<Source<T>>,
    latest: Latest<T>,
}

/// The channel of a passive port: taken from when something comes, and when a firing wants to see the latest.
#[derive(Debug)]
pub(super) struct Source<T: Item> {
    inport: usize,
    inlet: Inlet<T>,
    /// Locked while a value is on its way, so that of two who take at once the later one has the later value. Only the
    /// component itself takes.
    replaced: Mutex<Counter>,
}

impl<T: Item> Passive<T> {
    /// Keeps the latest value of `port` in `latest`: its initial value, if it has one, from now on.
    pub fn new(port: Port<T>, latest: Latest<T>, replaced: Counter) -> Self {
        let Port { inport, first, inlet } = port;
        if let Some(value) = first {
            drop(latest.replace(inport, value));
        }
        let source = Arc::new(Source { inport, inlet, replaced: Mutex::new(replaced) });
        latest.watch(source.clone());
        Self { source, latest }
    }

    /// Takes what has come; ready when nothing more can come.
    ///
    /// # Errors
    /// A value could not be decoded; it is lost.
    pub fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), T::Error>> {
        for _ in 0..BUDGET {
            match self.source.inlet.poll_item(cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(false) => return Poll::Ready(Ok(())),
                Poll::Ready(true) => {}
            }
            if let Err(error) = self.source.take(&self.latest) {
                return Poll::Ready(Err(error));
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// The component has ended: nothing is taken any more.
    pub fn close(&mut self) {
        self.source.inlet.close();
    }
}

impl<T: Item> Source<T> {
    /// Takes what is inside now, and not what comes meanwhile.
    pub(super) fn drain(&self, latest: &Latest<T>) -> Result<(), T::Error> {
        (0..self.inlet.fill()).try_for_each(|_| self.take(latest))
    }

    fn take(&self, latest: &Latest<T>) -> Result<(), T::Error> {
        let replaced = lock(&self.replaced);
        let Some(value) = self.inlet.take()? else { return Ok(()) };
        let older = latest.replace(self.inport, value);
        if older.is_some() {
            replaced.add(1);
        }
        drop(replaced);
        drop(older);
        Ok(())
    }
}
