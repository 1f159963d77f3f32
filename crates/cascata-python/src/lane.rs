//! A lane: one trigger group of a component, driven as one asyncio task.
//!
//! A lane is the coroutine of its task. [`Drive`] steps it. A wait for a channel *parks* the lane: its task waits for the
//! lane's park, and the worker's core steps the lane directly when the channel has changed (see [`core`](crate::core));
//! the task notices nothing. Anything else that a firing awaits is passed on to the task, untouched, and so are the end
//! and cancellations.

use pyo3::{
    exceptions::{PyRuntimeError, PyStopIteration},
    intern,
    prelude::*,
};

use crate::{
    asyncio::is_cancelled,
    drive::{Drive, Outcome},
    park::Park,
};

/// See the module.
#[pyclass(module = "cascata._native")]
pub struct Lane {
    /// Until the end: whoever keeps the task longer does not keep the run's memory.
    drive: Option<Box<Drive>>,
    park: Option<Py<Park>>,
    /// What a direct step left for the task to take.
    handoff: Option<Outcome>,
}

impl Lane {
    pub fn new(drive: Drive, park: Py<Park>) -> Self {
        Self { drive: Some(Box::new(drive)), park: Some(park), handoff: None }
    }

    /// Has `drive`, taken out of the lane, take a step.
    fn advance(&mut self, py: Python<'_>, mut drive: Box<Drive>, thrown: Option<PyErr>) -> Outcome {
        let outcome = drive.advance(py, thrown);
        if matches!(outcome, Outcome::Ended(_)) {
            self.park = None;
        } else {
            self.drive = Some(drive);
        }
        outcome
    }

    /// A step that the task takes.
    fn resume(&mut self, py: Python<'_>, thrown: Option<PyErr>) -> PyResult<Py<PyAny>> {
        let Some(drive) = self.drive.take() else {
            return Err(thrown.unwrap_or_else(|| PyRuntimeError::new_err("cannot reuse already awaited coroutine")));
        };
        let core = drive.core.clone();
        core.refill();
        let outcome = core.in_slice(|| self.advance(py, drive, thrown));
        // The core looks, after the loop's other callbacks, whether the worker may sleep.
        core.schedule();
        self.deliver(py, outcome)
    }

    /// Gives the outcome of a step to the task.
    fn deliver(&mut self, py: Python<'_>, outcome: Outcome) -> PyResult<Py<PyAny>> {
        match outcome {
            Outcome::Parked(_) => {
                let Some(park) = &self.park else { return Err(PyRuntimeError::new_err("the lane has ended")) };
                park.get().arm();
                Ok(park.clone_ref(py).into_any())
            }
            Outcome::Awaits(awaited) => Ok(awaited),
            Outcome::Ended(None) => Err(PyStopIteration::new_err(())),
            Outcome::Ended(Some(error)) => Err(error),
        }
    }
}

#[pymethods]
impl Lane {
    fn __await__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    fn __iter__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    /// The coroutine of the firing under way, as coroutines show what they await: for those who look at the task.
    #[getter]
    fn cr_await(&self, py: Python<'_>) -> Option<Py<PyAny>> {
        self.drive.as_ref()?.coroutine(py)
    }

    fn __next__(&mut self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        match self.handoff.take() {
            Some(outcome) => self.deliver(py, outcome),
            None => self.resume(py, None),
        }
    }

    fn send(&mut self, py: Python<'_>, _value: &Bound<'_, PyAny>) -> PyResult<Py<PyAny>> {
        self.__next__(py)
    }

    #[pyo3(signature = (kind, value = None, _traceback = None))]
    fn throw(
        &mut self,
        py: Python<'_>,
        kind: Bound<'_, PyAny>,
        value: Option<Bound<'_, PyAny>>,
        _traceback: Option<Bound<'_, PyAny>>,
    ) -> PyResult<Py<PyAny>> {
        let error = PyErr::from_value(value.unwrap_or(kind));
        match self.handoff.take() {
            // The task was cancelled before it learnt what it awaits: asyncio cancels that, and waits for it.
            Some(Outcome::Awaits(awaited))
                if is_cancelled(py, &error)
                    && awaited.bind(py).hasattr(intern!(py, "cancel"))?
                    && awaited.call_method0(py, intern!(py, "cancel"))?.is_truthy(py)? =>
            {
                Ok(awaited)
            }
            Some(Outcome::Ended(_)) => Err(error),
            _ => self.resume(py, Some(error)),
        }
    }

    /// The task is destroyed: the firing is closed.
    fn close(&mut self) {
        self.handoff = None;
        self.drive = None;
        self.park = None;
    }

    /// A direct step, called by the core as the task and in its context. `true` if the lane is parked again, so that the
    /// task need not know.
    fn step_directly(&mut self, py: Python<'_>) -> bool {
        let Some(drive) = self.drive.take() else { return false };
        match self.advance(py, drive, None) {
            Outcome::Parked(_) => true,
            outcome => {
                self.handoff = Some(outcome);
                false
            }
        }
    }
}
