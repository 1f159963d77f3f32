//! Where a value passes between a program and a run.

use std::{
    sync::Mutex,
    task::{Context, Poll, Waker},
    thread::{self, ThreadId},
};

use tokio::task;

use super::super::Value;
use crate::channel::{lock, note};

/// A place for one value, which one side brings and the other takes, and where either finds out that the other has gone.
#[derive(Debug, Default)]
pub(super) struct Gate(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    hold: Hold,
    /// The program has had its end.
    taken: bool,
    /// The program has gone, or the run has closed its end.
    closed: bool,
    /// The component has gone.
    gone: bool,
    /// Who brought the value wants it back.
    withdrawn: bool,
    /// Where the program was when it looked last.
    seen: Option<Here>,
    program: Option<Waker>,
    component: Option<Waker>,
}

#[derive(Debug, Default)]
enum Hold {
    #[default]
    Empty,
    Value(Value),
    /// The component is sending it.
    Flying,
}

/// Where code runs: in a task, or outside of tasks in a thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Here {
    Task(task::Id),
    Thread(ThreadId),
}

impl Here {
    fn now() -> Self {
        task::try_id().map_or_else(|| Self::Thread(thread::current().id()), Self::Task)
    }
}

/// What is woken, or dropped, when the lock is gone.
fn wake(waker: Option<Waker>) {
    waker.into_iter().for_each(Waker::wake);
}

/// For the program.
impl Gate {
    /// Takes the program's end; `false` if that was done before.
    pub fn take(&self) -> bool {
        !std::mem::replace(&mut lock(&self.0).taken, true)
    }

    /// Waits until a value can be brought, and the one before is inside; `false` if none can be any more.
    pub fn poll_empty(&self, cx: &Context<'_>) -> Poll<bool> {
        let mut state = lock(&self.0);
        if state.closed || state.gone {
            return Poll::Ready(false);
        }
        if matches!(state.hold, Hold::Empty) {
            return Poll::Ready(true);
        }
        let other = note(&mut state.program, cx);
        drop(state);
        drop(other);
        Poll::Pending
    }

    /// Brings a value; `false` if nobody takes any. There must be room.
    pub fn bring(&self, value: Value) -> bool {
        let mut state = lock(&self.0);
        if state.closed || state.gone {
            return false;
        }
        debug_assert!(matches!(state.hold, Hold::Empty), "one value at a time");
        state.hold = Hold::Value(value);
        state.withdrawn = false;
        let waker = state.component.take();
        drop(state);
        wake(waker);
        true
    }

    /// Takes back what was brought, unless it is inside.
    pub fn withdraw(&self) {
        let mut state = lock(&self.0);
        let mut value = Hold::Empty;
        match state.hold {
            Hold::Value(_) => std::mem::swap(&mut value, &mut state.hold),
            Hold::Flying => state.withdrawn = true,
            Hold::Empty => return,
        }
        let waker = state.component.take();
        drop(state);
        drop(value);
        wake(waker);
    }

    /// Takes what the component has brought; `None` when nothing more comes.
    pub fn poll_value(&self, cx: &Context<'_>) -> Poll<Option<Value>> {
        let mut state = lock(&self.0);
        state.seen = Some(Here::now());
        if let Hold::Value(value) = std::mem::take(&mut state.hold) {
            let (component, program) = (state.component.take(), state.program.take());
            drop(state);
            drop(program);
            wake(component);
            return Poll::Ready(Some(value));
        }
        if state.closed || state.gone {
            return Poll::Ready(None);
        }
        let other = note(&mut state.program, cx);
        drop(state);
        drop(other);
        Poll::Pending
    }

    /// Whether somebody reads who can go on while this task waits: another one, or this one if it waits for a value, too.
    pub fn is_read_elsewhere(&self) -> bool {
        let state = lock(&self.0);
        state.taken && (state.program.is_some() || state.seen != Some(Here::now()))
    }

    /// Whether the program has begun to read, and has not come to the end.
    pub fn is_read(&self) -> bool {
        let state = lock(&self.0);
        state.seen.is_some() && !state.closed && !state.gone
    }

    /// The program's end goes: it brings nothing more, and takes nothing.
    pub fn close(&self) {
        let mut state = lock(&self.0);
        state.closed = true;
        let wakers = [state.component.take(), state.program.take()];
        drop(state);
        wakers.into_iter().for_each(wake);
    }
}

/// For the component.
impl Gate {
    /// Waits for a value to send; `None` when no more comes.
    pub fn poll_brought(&self, cx: &Context<'_>) -> Poll<Option<Value>> {
        let mut state = lock(&self.0);
        match std::mem::take(&mut state.hold) {
            Hold::Value(value) => {
                state.hold = Hold::Flying;
                return Poll::Ready(Some(value));
            }
            other => state.hold = other,
        }
        if state.closed {
            return Poll::Ready(None);
        }
        let other = note(&mut state.component, cx);
        drop(state);
        drop(other);
        Poll::Pending
    }

    /// Whether the value that flies is wanted back; if not, and as long as that can be, the component is woken when it is.
    pub fn is_withdrawn(&self, cx: &Context<'_>) -> bool {
        let mut state = lock(&self.0);
        // Nobody who keeps a clone of the waker: from here on it is a component that waits for room as any other.
        let other = if state.closed { state.component.take() } else { note(&mut state.component, cx) };
        let withdrawn = state.withdrawn;
        drop(state);
        drop(other);
        withdrawn
    }

    /// What flew is inside, or back.
    pub fn land(&self) {
        let mut state = lock(&self.0);
        state.hold = Hold::Empty;
        let wakers = [state.program.take(), state.component.take()];
        drop(state);
        let [program, component] = wakers;
        drop(component);
        wake(program);
    }

    /// Brings a value for the program; gives it back if nobody takes it any more.
    pub fn deliver(&self, value: Value) -> Option<Value> {
        let mut state = lock(&self.0);
        if state.closed {
            return Some(value);
        }
        state.hold = Hold::Value(value);
        let waker = state.program.take();
        drop(state);
        wake(waker);
        None
    }

    /// Waits until the program has taken the value; `Some` with it if nobody will.
    pub fn poll_delivered(&self, cx: &Context<'_>) -> Poll<Option<Value>> {
        let mut state = lock(&self.0);
        match std::mem::take(&mut state.hold) {
            Hold::Value(value) if state.closed => return Poll::Ready(Some(value)),
            Hold::Value(value) => state.hold = Hold::Value(value),
            _ => return Poll::Ready(None),
        }
        let other = note(&mut state.component, cx);
        drop(state);
        drop(other);
        Poll::Pending
    }

    /// Whether the program's end has gone; if not, who waits is woken when it goes.
    pub fn is_closed(&self, cx: &Context<'_>) -> bool {
        let mut state = lock(&self.0);
        let other = if state.closed { None } else { note(&mut state.component, cx) };
        let closed = state.closed;
        drop(state);
        drop(other);
        closed
    }
}

/// The component's end of a gate. However the component ends, the program finds out.
pub(super) struct Inside(pub std::sync::Arc<Gate>);

impl std::ops::Deref for Inside {
    type Target = Gate;

    fn deref(&self) -> &Gate {
        &self.0
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        let mut state = lock(&self.0.0);
        state.gone = true;
        if matches!(state.hold, Hold::Flying) {
            state.hold = Hold::Empty;
        }
        let wakers = [state.component.take(), state.program.take()];
        drop(state);
        let [component, program] = wakers;
        drop(component);
        wake(program);
    }
}
