//! The outports that a firing is given, and what sending comes to.

use std::{
    cell::Cell as Unshared,
    fmt,
    marker::PhantomData,
    mem,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, Waker},
    thread,
};

use super::{Data, Mismatch, Value, lane::Cell, part::Part};
use crate::{
    channel::{Outport as Line, SendError, Sent, Ticket},
    metrics::LaneState,
};

/// The outports of a component, by their positions, as one of its firings sees them.
#[derive(Debug)]
pub struct Outports {
    pub(super) part: Arc<Part>,
    pub(super) cell: Arc<Cell>,
    /// The trigger group that fires.
    pub(super) group: usize,
}

impl Outports {
    /// The outport at a position, for an `async` runner.
    pub fn get<T: Data>(&self, outport: usize) -> Outport<'_, T> {
        Outport { outports: self, index: outport, item: PhantomData }
    }

    /// The outport at a position, for a runner that [blocks](super::Declaration::blocking).
    pub fn blocking<T: Data>(&self, outport: usize) -> BlockingOutport<'_, T> {
        BlockingOutport { outport: self.get(outport), thread: PhantomData }
    }

    /// Sends a value whose type is known to be that of the port.
    pub(super) fn send_value(&self, outport: usize, value: Value) -> Sending<'_> {
        Sending { outports: self, index: outport, stage: Stage::New(value) }
    }

    fn line(&self, outport: usize) -> &Line<Value> {
        &self.part.outports[outport]
    }

    /// Gives an item to the channels. What can go wrong are mistakes, which the types of ports rule out.
    fn send(&self, outport: usize, item: Value) -> Sent {
        self.line(outport).send(item).unwrap_or_else(|error| self.refuse(outport, &error))
    }

    fn refuse(&self, outport: usize, error: &SendError<Mismatch>) -> ! {
        let port = &self.part.crew().plan.nodes[self.part.node].outports[outport].name;
        panic!("{}.{port} cannot send that: {error:?}", self.part.name())
    }

    fn withdraw(&self, outport: usize, ticket: &Arc<Ticket>) {
        if !self.line(outport).withdraw(ticket) {
            // What is sent later is held back until this has reached all its ports.
            let _ = ticket.poll(&mut Context::from_waker(&self.part.seeker));
        }
        self.cell.set(LaneState::Running);
    }
}

/// Where values of type `T` leave a component.
///
/// It belongs to one firing, and cannot outlive it: sends are awaited before the runner returns, or not done at all.
pub struct Outport<'a, T> {
    outports: &'a Outports,
    index: usize,
    item: PhantomData<fn(T)>,
}

impl<T> fmt::Debug for Outport<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outport").field("component", &self.outports.part.name()).field("index", &self.index).finish()
    }
}

impl<T> Clone for Outport<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Outport<'_, T> {}

impl<'a, T: Data> Outport<'a, T> {
    /// Sends a value to every inport behind the port, and waits as long as one of them has no room for it.
    ///
    /// Gives `false` once no inport behind the port can receive any more, so that an endless source can stop; else
    /// `true`. A port that is connected to nothing drops what it is sent, and the report counts it.
    ///
    /// # Cancel safety
    ///
    /// A send that is dropped while it waits has reached none of its ports, or reaches all of them.
    ///
    /// ```
    /// # async fn runner(word: cascata::runtime::Outport<'_, String>) {
    /// for text in ["a", "rose"] {
    ///     if !word.send(text.to_owned()).await {
    ///         break;
    ///     }
    /// }
    /// # }
    /// ```
    pub fn send(&self, value: T) -> Sending<'a> {
        self.outports.send_value(self.index, Value::new(value))
    }
}

/// What [`Outport::send`] gives: sends when it is awaited.
#[must_use = "nothing is sent unless it is awaited"]
#[derive(Debug)]
pub struct Sending<'a> {
    outports: &'a Outports,
    index: usize,
    stage: Stage,
}

#[derive(Debug)]
enum Stage {
    New(Value),
    /// For room.
    Waits(Arc<Ticket>),
    /// It is done, and others have their turn first.
    Yields(bool),
    Over,
}

impl Sending<'_> {
    fn wait(&self, ticket: &Ticket, cx: &Context<'_>) -> Poll<bool> {
        let Outports { part, cell, .. } = self.outports;
        // The firing's own waker is not kept by channels: who keeps a clone of it may wake the component by itself.
        let direct = cx.waker().will_wake(&part.foreign);
        let waker = if direct { &part.channel } else { cx.waker() };
        let polled = self.outports.line(self.index).poll(ticket, &mut Context::from_waker(waker));
        cell.set(if polled.is_pending() { LaneState::Blocked(self.index) } else { LaneState::Running });
        polled.map(|reached| reached.unwrap_or_else(|error| self.outports.refuse(self.index, &error)))
    }
}

impl Future for Sending<'_> {
    type Output = bool;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<bool> {
        let this = &mut *self;
        let ticket = match mem::replace(&mut this.stage, Stage::Over) {
            Stage::New(value) => match this.outports.send(this.index, value) {
                Sent::Now(reached) if this.outports.cell.spend() => return Poll::Ready(reached),
                Sent::Now(reached) => {
                    this.stage = Stage::Yields(reached);
                    this.outports.cell.set(LaneState::Ready);
                    cx.waker().wake_by_ref();
                    return Poll::Pending;
                }
                Sent::Waits(ticket) => ticket,
            },
            Stage::Waits(ticket) => ticket,
            Stage::Yields(reached) => return Poll::Ready(reached),
            Stage::Over => panic!("a send was awaited again after its end"),
        };
        let polled = this.wait(&ticket, cx);
        if polled.is_pending() {
            this.stage = Stage::Waits(ticket);
        }
        polled
    }
}

impl Drop for Sending<'_> {
    fn drop(&mut self) {
        if let Stage::Waits(ticket) = &self.stage {
            self.outports.withdraw(self.index, ticket);
        }
    }
}

/// Where values of type `T` leave a component whose runner blocks.
pub struct BlockingOutport<'a, T> {
    outport: Outport<'a, T>,
    /// It is of use to the component's thread only, which is the one that is woken.
    thread: PhantomData<Unshared<()>>,
}

impl<T> fmt::Debug for BlockingOutport<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.outport.fmt(f)
    }
}

impl<T: Data> BlockingOutport<'_, T> {
    /// Sends a value as [`Outport::send`] does, and blocks the component's thread as long as a port has no room for it.
    ///
    /// Gives `false` also when the run is being stopped: the runner should return then.
    pub fn send(&self, value: T) -> bool {
        let Outport { outports, index, .. } = self.outport;
        let Outports { part, cell, group } = outports;
        let ticket = match outports.send(index, Value::new(value)) {
            Sent::Now(reached) => return reached && !part.crew().stopping(),
            Sent::Waits(ticket) => ticket,
        };
        part.account(*group, LaneState::Blocked(index));
        let reached = loop {
            if part.crew().stopping() {
                outports.withdraw(index, &ticket);
                break false;
            }
            part.feed();
            match outports.line(index).poll(&ticket, &mut Context::from_waker(&part.channel)) {
                Poll::Ready(Ok(reached)) => break reached,
                Poll::Ready(Err(error)) => outports.refuse(index, &error),
                Poll::Pending => {}
            }
            part.crew().answer_bells();
            part.post.rest();
            thread::park();
            part.post.resume();
        };
        cell.set(LaneState::Running);
        part.account(*group, LaneState::Running);
        reached
    }
}

/// Has the thread of a component that blocks go on.
#[derive(Debug)]
pub(super) struct Unpark(pub thread::Thread);

impl std::task::Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

impl Unpark {
    /// Of this thread.
    pub fn waker() -> Waker {
        Waker::from(Arc::new(Self(thread::current())))
    }
}
