//! A passive port: it takes each value as it comes and keeps the latest.

use std::{
    sync::{
        Arc,
        atomic::{
            AtomicBool,
            Ordering::{AcqRel, Release},
        },
    },
    task::{Context, Poll},
};

use super::{Latest, Port};
use crate::{
    channel::{Inlet, Item},
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
    pub(super) inport: usize,
    inlet: Inlet<T>,
    /// A value is on its way. No second one is taken meanwhile: it would be overtaken, or overtake. This is no lock, as
    /// decoding may run any code, that of the component included.
    taking: AtomicBool,
    replaced: Counter,
}

impl<T: Item> Passive<T> {
    /// Keeps the latest value of `port` in `latest`: its initial value, if it has one, from now on.
    pub fn new(port: Port<T>, latest: Latest<T>, replaced: Counter) -> Self {
        let Port { inport, first, inlet } = port;
        if let Some(value) = first {
            drop(latest.replace(inport, value));
        }
        let source = Arc::new(Source { inport, inlet, taking: AtomicBool::new(false), replaced });
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

    /// Which inport it is.
    pub fn inport(&self) -> usize {
        self.source.inport
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
        if self.taking.swap(true, AcqRel) {
            return Ok(());
        }
        let taken = self.inlet.take().map(|value| value.and_then(|value| latest.replace(self.inport, value)));
        if matches!(taken, Ok(Some(_))) {
            self.replaced.add(1);
        }
        self.taking.store(false, Release);
        // The older value, whose end may run any code.
        taken.map(drop)
    }
}
