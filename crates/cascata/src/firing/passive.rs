//! A passive port: it takes each value as it comes and keeps the latest.

use std::task::{Context, Poll};

use super::{Latest, Port};
use crate::{channel::Item, metrics::Counter};

/// Drains one passive port for as long as it is polled when woken.
#[derive(Debug)]
pub struct Passive<T: Item> {
    port: Port<T>,
    latest: Latest<T>,
    replaced: Counter,
}

impl<T: Item> Passive<T> {
    /// Keeps the latest value of `port` in `latest`.
    pub fn new(port: Port<T>, latest: Latest<T>, replaced: Counter) -> Self {
        Self { port, latest, replaced }
    }

    /// Takes what has come; ready when nothing more can come.
    ///
    /// # Errors
    /// A value could not be decoded.
    pub fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), T::Error>> {
        loop {
            match self.port.poll_item(cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(false) => return Poll::Ready(Ok(())),
                Poll::Ready(true) => {}
            }
            match self.port.take() {
                Err(error) => return Poll::Ready(Err(error)),
                Ok(None) => {}
                Ok(Some(value)) => {
                    if self.latest.replace(self.port.inport(), value).is_some() {
                        self.replaced.add(1);
                    }
                }
            }
        }
    }

    /// The component has ended: nothing is taken any more.
    pub fn close(&mut self) {
        self.port.close();
    }
}
