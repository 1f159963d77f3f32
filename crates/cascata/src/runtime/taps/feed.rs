//! Feeding an exported inport.

use std::{
    fmt,
    future::poll_fn,
    marker::PhantomData,
    mem,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use futures_sink::Sink;
use thiserror::Error;

use super::gate::{Gate, Inside};
use crate::runtime::{
    Data, Declaration, Failure, Value,
    component::{Blueprint, Course},
    lane::Lane,
};

/// The program's end of an exported inport: a [`Sink`] for values of type `T`. The inport ends when this is dropped.
///
/// As long as it is open the run is alive, however long nothing moves. Values go in with the back-pressure of the inport: as
/// many as its capacity says, and one more waits here.
pub struct Feed<T> {
    gate: Arc<Gate>,
    values: PhantomData<fn(T)>,
}

/// Nobody can receive any more: the components behind the port have ended, the run is over or being stopped, or the feed
/// was closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("nobody can receive any more")]
pub struct Closed;

impl<T> fmt::Debug for Feed<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Feed").finish_non_exhaustive()
    }
}

impl<T: Data> Feed<T> {
    pub(super) fn new(gate: Arc<Gate>) -> Self {
        Self { gate, values: PhantomData }
    }

    /// Puts a value in, and waits as long as there is no room for it. `false` once nobody can receive any more, which is the
    /// sign for an endless source to stop.
    ///
    /// # Cancel safety
    /// If this is dropped while it waits, nothing was put in, or the value is inside.
    pub async fn put(&mut self, value: T) -> bool {
        if !poll_fn(|cx| self.gate.poll_empty(cx)).await || !self.gate.bring(Value::new(value)) {
            return false;
        }
        let withdrawal = Withdrawal(&self.gate);
        let inside = poll_fn(|cx| self.gate.poll_empty(cx)).await;
        mem::forget(withdrawal);
        inside
    }

    /// Says that no more will come. What was put in is used up, then the inport ends.
    pub fn close(self) {}
}

/// Takes back what was brought, if it is dropped.
struct Withdrawal<'a>(&'a Gate);

impl Drop for Withdrawal<'_> {
    fn drop(&mut self) {
        self.0.withdraw();
    }
}

impl<T> Drop for Feed<T> {
    fn drop(&mut self) {
        self.gate.close();
    }
}

impl<T: Data> Sink<T> for Feed<T> {
    type Error = Closed;

    fn poll_ready(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Closed>> {
        self.gate.poll_empty(cx).map(|open| if open { Ok(()) } else { Err(Closed) })
    }

    fn start_send(self: Pin<&mut Self>, value: T) -> Result<(), Closed> {
        if self.gate.bring(Value::new(value)) { Ok(()) } else { Err(Closed) }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Closed>> {
        self.poll_ready(cx)
    }

    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Closed>> {
        // What waits is inside, or reaches nobody; either way it is over.
        ready!(self.gate.poll_empty(cx));
        self.gate.close();
        Poll::Ready(Ok(()))
    }
}

/// The component that feeds.
pub(super) struct Feeding {
    gate: Arc<Gate>,
    declaration: Declaration,
}

impl Feeding {
    pub fn new(gate: Arc<Gate>) -> Self {
        Self { gate, declaration: Declaration::new("tap", "") }
    }
}

impl Blueprint for Feeding {
    fn declaration(&self) -> &Declaration {
        &self.declaration
    }

    fn courses(self: Arc<Self>, lanes: Vec<Lane>, _: Vec<Option<Value>>) -> Vec<Course> {
        let course = |lane| Box::pin(feed(lane, Inside(self.gate.clone()))) as Course;
        lanes.into_iter().map(course).collect()
    }
}

async fn feed(mut lane: Lane, gate: Inside) -> Result<(), Failure> {
    lane.next().await?;
    while let Some(value) = poll_fn(|cx| gate.poll_brought(cx)).await {
        let mut sending = lane.outports.send_value(0, value);
        let reached = poll_fn(|cx| match Pin::new(&mut sending).poll(cx) {
            Poll::Pending if gate.is_withdrawn(cx) => Poll::Ready(true),
            polled => polled,
        });
        let reached = reached.await;
        // If it was withdrawn, that is done here.
        drop(sending);
        if !reached {
            break;
        }
        gate.land();
    }
    lane.end();
    Ok(())
}
