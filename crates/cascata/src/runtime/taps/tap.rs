//! Reading an exported outport.

use std::{
    fmt,
    future::poll_fn,
    marker::PhantomData,
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll},
};

use futures_core::Stream;

use super::gate::{Gate, Inside};
use crate::runtime::{
    Data, Declaration, Failure, Value,
    component::{Blueprint, Course},
    crew::Crew,
    lane::Lane,
};

/// The program's end of an exported outport: a [`Stream`] of values of type `T`.
///
/// Ten items wait in its channel and one more here, then the component that sends them does. As long as an item waits here the
/// run is alive, as somebody may read it.
///
/// Who drops it before its end, having begun to read, is done with the run: it is stopped in order. [`close`](Self::close)
/// lets it go on.
pub struct Tap<T> {
    gate: Arc<Gate>,
    crew: Arc<Crew>,
    values: PhantomData<fn() -> T>,
}

impl<T> fmt::Debug for Tap<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tap").finish_non_exhaustive()
    }
}

impl<T: Data> Tap<T> {
    pub(super) fn new(gate: Arc<Gate>, crew: Arc<Crew>) -> Self {
        Self { gate, crew, values: PhantomData }
    }

    /// The next item; `None` at the end, which is that of the components behind the port or of the run, however that ends.
    ///
    /// # Cancel safety
    /// If this is dropped while it waits, nothing was taken.
    pub async fn next(&mut self) -> Option<T> {
        poll_fn(|cx| self.poll(cx)).await
    }

    fn poll(&self, cx: &Context<'_>) -> Poll<Option<T>> {
        // The types were compared when the tap was taken.
        self.gate.poll_value(cx).map(|value| value?.take().ok())
    }

    /// Reads no more: what lies here and what still comes is discarded, and counted.
    pub fn close(self) {
        self.gate.close();
    }
}

impl<T> Drop for Tap<T> {
    fn drop(&mut self) {
        let abandoned = self.gate.is_read();
        self.gate.close();
        if abandoned {
            self.crew.halt();
        }
    }
}

impl<T: Data> Stream for Tap<T> {
    type Item = T;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<T>> {
        self.poll(cx)
    }
}

/// The component that reads.
pub(super) struct Reading {
    gate: Arc<Gate>,
    declaration: Declaration,
}

impl Reading {
    pub fn new(gate: Arc<Gate>) -> Self {
        Self { gate, declaration: Declaration::new("tap", "") }
    }
}

impl Blueprint for Reading {
    fn declaration(&self) -> &Declaration {
        &self.declaration
    }

    fn courses(self: Arc<Self>, lanes: Vec<Lane>, _: Vec<Option<Value>>) -> Vec<Course> {
        let course = |lane| Box::pin(read(lane, Inside(self.gate.clone()))) as Course;
        lanes.into_iter().map(course).collect()
    }
}

async fn read(mut lane: Lane, gate: Inside) -> Result<(), Failure> {
    while let Some(value) = next(&mut lane, &gate).await? {
        let refused = match gate.deliver(value) {
            Some(value) => Some(value),
            None => poll_fn(|cx| gate.poll_delivered(cx)).await,
        };
        if refused.is_some() {
            lane.take_back(0);
            drop(refused);
            break;
        }
    }
    lane.end();
    Ok(())
}

/// Waits for an item, or for the program to go.
async fn next(lane: &mut Lane, gate: &Gate) -> Result<Option<Value>, Failure> {
    let part = lane.outports.part.clone();
    let more = {
        let mut next = pin!(lane.next());
        let polled = poll_fn(|cx| {
            // The waker of channels: who waits here for an item does not go on by itself.
            let closed = gate.is_closed(&Context::from_waker(&part.channel));
            if closed { Poll::Ready(Ok(false)) } else { next.as_mut().poll(cx) }
        });
        polled.await?
    };
    Ok(if more { lane.row.values[0].take() } else { None })
}
