//! Taking from a channel.

use std::{
    sync::{Arc, Mutex},
    task::Poll,
};

use cascata::queue::{Place, Taken};
use pyo3::{
    exceptions::{PyRuntimeError, PyStopAsyncIteration},
    prelude::*,
};

use super::{Desk, broken, wakeup::Wakeup};
use crate::{lock, object::Object, refusal::refusal};

/// One item to be taken, by somebody who waits for it.
#[pyclass(frozen, module = "cascata._native")]
pub struct Get {
    state: Mutex<State>,
}

struct State {
    /// `None` when it is over.
    waiting: Option<(Desk, Option<Place>)>,
    item: Option<Py<PyAny>>,
}

impl Get {
    pub(super) fn new(desk: Desk) -> Self {
        Self { state: Mutex::new(State { waiting: Some((desk, None)), item: None }) }
    }
}

#[pymethods]
impl Get {
    /// Tries. Gives a future to be awaited before the next attempt, or `None` if the item is there.
    fn advance(&self, py: Python<'_>) -> PyResult<Option<Py<PyAny>>> {
        let (wakeup, future) = Wakeup::new(py)?;
        let Some((desk, mut place)) = lock(&self.state).waiting.take() else {
            return Err(PyRuntimeError::new_err("this wait for an item is over"));
        };
        match desk.endpoint.take(&mut place, Some(Arc::new(wakeup))) {
            Poll::Pending => {
                lock(&self.state).waiting = Some((desk, place));
                Ok(Some(future))
            }
            Poll::Ready(taken) => {
                let item = open(&desk, taken)?;
                lock(&self.state).item = Some(item);
                Ok(None)
            }
        }
    }

    /// The item.
    fn item(&self) -> PyResult<Py<PyAny>> {
        lock(&self.state).item.take().ok_or_else(|| PyRuntimeError::new_err("there is no item"))
    }

    /// Waits no more.
    fn close(&self) {
        let waiting = lock(&self.state).waiting.take();
        give_up(waiting);
    }
}

impl Drop for Get {
    fn drop(&mut self) {
        let waiting = lock(&self.state).waiting.take();
        give_up(waiting);
    }
}

fn give_up(waiting: Option<(Desk, Option<Place>)>) {
    if let Some((desk, place)) = waiting
        && desk.is_ours()
    {
        desk.endpoint.give_up_take(place);
    }
}

/// The item that was taken, or what is raised instead.
pub(super) fn open(desk: &Desk, taken: Taken) -> PyResult<Py<PyAny>> {
    let slot = match taken {
        Taken::Item(slot) => slot,
        Taken::Ended => return Err(PyStopAsyncIteration::new_err(())),
        Taken::Broken => return Err(broken("async for")),
    };
    match desk.endpoint.open::<Object>(&slot) {
        Ok(Some(object)) => Ok(object.0),
        Ok(None) => Err(broken("async for")),
        Err(error) => Err(Python::attach(|py| {
            let kind = error.get_type(py).qualname();
            let kind = kind.map_or_else(|_| "an exception".to_owned(), |name| name.to_string());
            refusal(py, error, |why| {
                format!(
                    "an item of the channel cannot be restored here: {kind}: {why}. It is lost; the channel goes on"
                )
            })
        })),
    }
}
