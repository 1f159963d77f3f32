//! A passive port: it takes each value as it comes and keeps the latest.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{
            AtomicBool,
            Ordering::{AcqRel, Release},
        },
    },
    task::{Context, Poll},
    time::Instant,
};

use super::{Latest, Port, gathering::Gathering};
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
    pub(super) inport: usize,
    inlet: Inlet<T>,
    /// A value is on its way. No second one is taken meanwhile: it would be overtaken, or overtake. This is no lock, as
    /// decoding may run any code, that of the component included.
    taking: AtomicBool,
    /// The batch to be, if the port delivers batches: the latest batch is its value.
    gathering: Option<Mutex<Box<Gathering<T>>>>,
    replaced: Counter,
}

impl<T: Item> Passive<T> {
    /// Keeps the latest value of `port` in `latest`: its initial value, if it has one, from now on.
    pub fn new(port: Port<T>, latest: Latest<T>, replaced: Counter) -> Self {
        let Port { inport, first, inlet, gathering, heirs: _ } = port;
        if let Some(value) = first {
            drop(latest.replace(inport, value));
        }
        let source = Arc::new(Source {
            inport,
            inlet,
            taking: AtomicBool::new(false),
            gathering: gathering.map(Mutex::new),
            replaced,
        });
        latest.watch(source.clone());
        Self { source, latest }
    }

    /// Takes what has come; ready when nothing more can come. It is to be polled again when it is woken, and at the time
    /// that [`due`](Self::due) gives.
    ///
    /// # Errors
    /// A value could not be decoded; it is lost.
    pub fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), T::Error>> {
        for _ in 0..BUDGET {
            match self.source.inlet.poll_item(cx) {
                Poll::Pending => {
                    return match self.source.settle(&self.latest, Gathering::expire) {
                        Ok(()) => Poll::Pending,
                        Err(error) => Poll::Ready(Err(error)),
                    };
                }
                Poll::Ready(false) => return Poll::Ready(self.source.settle(&self.latest, Gathering::flush)),
                Poll::Ready(true) => {}
            }
            if let Err(error) = self.source.take(&self.latest) {
                return Poll::Ready(Err(error));
            }
        }
        cx.waker().wake_by_ref();
        match self.source.settle(&self.latest, Gathering::expire) {
            Ok(()) => Poll::Pending,
            Err(error) => Poll::Ready(Err(error)),
        }
    }

    /// When a batch will be complete even if nothing more comes.
    pub fn due(&self) -> Option<Instant> {
        lock(self.source.gathering.as_ref()?).due()
    }

    /// Which inport it is.
    pub fn inport(&self) -> usize {
        self.source.inport
    }

    /// The component has ended: nothing is taken any more.
    pub fn close(&mut self) {
        if let Some(gathering) = &self.source.gathering {
            let gathered = lock(gathering).discard();
            drop(gathered);
        }
        self.source.inlet.close();
    }
}

impl<T: Item> Source<T> {
    /// Takes what is inside now, and not what comes meanwhile.
    pub(super) fn drain(&self, latest: &Latest<T>) -> Result<(), T::Error> {
        (0..self.inlet.fill()).try_for_each(|_| self.take(latest))?;
        self.settle(latest, Gathering::expire)
    }

    /// Takes one item: the latest value, or one more of its batch.
    fn take(&self, latest: &Latest<T>) -> Result<(), T::Error> {
        self.show(latest, || match &self.gathering {
            None => self.inlet.take(),
            Some(gathering) => {
                let Some(item) = self.inlet.take()? else { return Ok(None) };
                lock(gathering).push(item);
                Self::batch(gathering)
            }
        })
    }

    /// Shows the batch if `complete` says that it is.
    fn settle(&self, latest: &Latest<T>, complete: impl FnOnce(&mut Gathering<T>) -> bool) -> Result<(), T::Error> {
        match &self.gathering {
            Some(gathering) if complete(&mut lock(gathering)) => self.show(latest, || Self::batch(gathering)),
            _ => Ok(()),
        }
    }

    /// The batch, if it is complete, as one value.
    fn batch(gathering: &Mutex<Box<Gathering<T>>>) -> Result<Option<T>, T::Error> {
        let items = lock(gathering).take()?;
        items.map(T::list).transpose()
    }

    /// Makes what `take` gives the latest value.
    fn show(&self, latest: &Latest<T>, take: impl FnOnce() -> Result<Option<T>, T::Error>) -> Result<(), T::Error> {
        if self.taking.swap(true, AcqRel) {
            return Ok(());
        }
        let taken = take().map(|value| value.and_then(|value| latest.replace(self.inport, value)));
        if matches!(taken, Ok(Some(_))) {
            self.replaced.add(1);
        }
        self.taking.store(false, Release);
        // The older value, whose end may run any code.
        taken.map(drop)
    }
}
