//! An item that waits for room.

use std::{
    sync::{Arc, Mutex},
    task::Poll,
};

use cascata::{
    channel::Ticket,
    taps::{Feed, Signal, Spot, Tap},
};
use pyo3::{
    exceptions::{PyRuntimeError, PyTimeoutError},
    prelude::*,
    types::PyType,
};

use super::{
    Booth, Label, refused,
    sleeper::{Sleeper, deadline},
    while_dropped,
};
use crate::{channel::Wakeup, lock, object::Object};

/// An item that waits for room, or for memory.
#[pyclass(frozen, module = "cascata._native")]
pub struct TapPut {
    booth: Arc<Booth>,
    tap: usize,
    ticket: Arc<Ticket>,
    kind: Py<PyType>,
    label: Arc<Label>,
    state: Mutex<State>,
}

enum State {
    Waits(Option<Spot>),
    /// What came of it: see [`TapPut::result`].
    Over(Option<bool>),
}

impl TapPut {
    pub(super) fn new(booth: Arc<Booth>, tap: usize, ticket: Arc<Ticket>, kind: Py<PyType>, label: Arc<Label>) -> Self {
        Self { booth, tap, ticket, kind, label, state: Mutex::new(State::Waits(None)) }
    }

    fn feed(&self) -> PyResult<&Feed<Object>> {
        match self.booth.taps()?.tap(self.tap) {
            Tap::Feed(feed) => Ok(feed),
            Tap::Reading(_) => Err(PyRuntimeError::new_err("this tap is read")),
        }
    }

    /// Whether it is over; if not, `signal` says when to ask again.
    fn poll(&self, py: Python<'_>, signal: &Arc<dyn Signal>) -> PyResult<bool> {
        let feed = self.feed()?;
        let mut spot = match &mut *lock(&self.state) {
            State::Waits(spot) => spot.take(),
            State::Over(_) => return Ok(true),
        };
        let polled = feed.poll(&self.ticket, &mut spot, signal);
        match polled {
            Poll::Ready(Ok(reached)) => {
                self.end((reached || !self.booth.taps()?.stopping()).then_some(reached));
                Ok(true)
            }
            Poll::Ready(Err(error)) => {
                self.end(Some(false));
                Err(refused(error, self.kind.bind(py), &self.label))
            }
            Poll::Pending => {
                *lock(&self.state) = State::Waits(spot);
                // Whoever asks for a stop after this wakes the signal.
                let stopping = self.booth.taps()?.stopping();
                if stopping {
                    self.give_up(None);
                }
                Ok(stopping)
            }
        }
    }

    fn end(&self, result: Option<bool>) {
        *lock(&self.state) = State::Over(result);
    }

    /// Takes the item back, with that result; `false` if it is on its way already.
    fn give_up(&self, result: Option<bool>) -> bool {
        let spot = match &mut *lock(&self.state) {
            State::Waits(spot) => spot.take(),
            State::Over(_) => return true,
        };
        let late = self.feed().ok().and_then(|feed| feed.withdraw(&self.ticket, spot));
        self.end(late.or(result));
        late.is_none()
    }
}

#[pymethods]
impl TapPut {
    /// Blocks this thread until it is over, and gives the [result](Self::result). `TimeoutError` if that takes longer than
    /// so many seconds; the item is not in then.
    fn wait(&self, py: Python<'_>, timeout: Option<f64>) -> PyResult<Option<bool>> {
        let (deadline, sleeper) = (deadline(timeout), Arc::new(Sleeper::default()));
        let signal: Arc<dyn Signal> = sleeper.clone();
        while !self.poll(py, &signal)? {
            match sleeper.sleep(py, deadline) {
                Ok(true) => {}
                Ok(false) if self.give_up(None) => {
                    let seconds = timeout.unwrap_or_default();
                    let text = format!("{}: no room within {seconds} s; the item was not put in", self.label.call);
                    return Err(PyTimeoutError::new_err(text));
                }
                Ok(false) => {}
                Err(error) => {
                    self.give_up(None);
                    return Err(error);
                }
            }
        }
        Ok(self.result())
    }

    /// Tries. Gives a future to be awaited before the next attempt, or `None` if it is over.
    fn advance(&self, py: Python<'_>) -> PyResult<Option<Py<PyAny>>> {
        let (wakeup, future) = Wakeup::new(py)?;
        let signal: Arc<dyn Signal> = Arc::new(wakeup);
        Ok(if self.poll(py, &signal)? { None } else { Some(future) })
    }

    /// Whether anybody can receive the item; `None` if it was taken back because the run is being stopped.
    fn result(&self) -> Option<bool> {
        match &*lock(&self.state) {
            State::Waits(_) => None,
            State::Over(result) => *result,
        }
    }

    /// Waits no more: takes the item back, unless it is on its way.
    fn close(&self) {
        self.give_up(None);
    }
}

impl Drop for TapPut {
    fn drop(&mut self) {
        if self.booth.generation.is_ours() && matches!(self.state.get_mut(), Ok(State::Waits(_))) {
            while_dropped(|_| {
                self.give_up(None);
            });
        }
    }
}
