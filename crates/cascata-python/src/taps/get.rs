//! A coroutine's wait for an item.

use std::sync::{Arc, Mutex};

use cascata::taps::{Place, Signal};
use pyo3::{prelude::*, types::PyTuple};

use super::{
    reader::{Found, TapReader},
    while_dropped,
};
use crate::{channel::Wakeup, lock};

/// One item to be taken, by somebody who waits for it.
#[pyclass(frozen, module = "cascata._native")]
pub struct TapGet {
    reader: Py<TapReader>,
    place: Mutex<Option<Place>>,
    found: Mutex<Option<Found>>,
}

impl TapGet {
    pub(super) fn new(reader: Py<TapReader>) -> Self {
        Self { reader, place: Mutex::default(), found: Mutex::default() }
    }
}

#[pymethods]
impl TapGet {
    /// Tries. Gives a future to be awaited before the next attempt, or `None` if there is a result.
    fn advance(&self, py: Python<'_>) -> PyResult<Option<Py<PyAny>>> {
        let (wakeup, future) = Wakeup::new(py)?;
        let signal: Arc<dyn Signal> = Arc::new(wakeup);
        let mut place = lock(&self.place).take();
        let found = self.reader.get().find(py, &mut place, &signal);
        *lock(&self.place) = place;
        let Some(found) = found? else { return Ok(Some(future)) };
        *lock(&self.found) = Some(found);
        Ok(None)
    }

    /// The item as `(item,)`, or `()` at the end; `None` at the end of a run that was stopped.
    fn result<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyTuple>>> {
        let found = lock(&self.found).take();
        match found {
            Some(Found::Item(item)) => PyTuple::new(py, [item]).map(Some),
            Some(Found::Ended) => Ok(Some(PyTuple::empty(py))),
            Some(Found::Stopped) | None => Ok(None),
        }
    }

    /// Waits no more.
    fn close(&self) {
        let mut place = lock(&self.place).take();
        self.reader.get().give_up(&mut place);
    }
}

impl Drop for TapGet {
    fn drop(&mut self) {
        if self.place.get_mut().is_ok_and(|place| place.is_some()) {
            while_dropped(|_| self.close());
        }
    }
}
