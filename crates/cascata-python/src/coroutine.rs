//! Steps of a coroutine.

use pyo3::{
    exceptions::PyStopIteration,
    intern,
    prelude::*,
    types::{PyIterator, PyNone, iterator::PySendResult},
};

/// What a coroutine did when it was resumed.
pub enum Step<'py> {
    /// It awaits this.
    Yielded(Bound<'py, PyAny>),
    /// It returned.
    Returned,
    /// It raised.
    Raised(PyErr),
}

/// Resumes `coroutine` with `None`.
#[allow(unsafe_code)]
pub fn resume<'py>(coroutine: &Bound<'py, PyAny>) -> Step<'py> {
    // SAFETY: `PyIter_Send` takes any object: one without the iterator protocol's slots gets its `send` method called.
    // The type is asserted only to reach that call; nothing else is done with the reference.
    let iterator = unsafe { coroutine.cast_unchecked::<PyIterator>() };
    match iterator.send(PyNone::get(coroutine.py()).as_any()) {
        Ok(PySendResult::Next(awaited)) => Step::Yielded(awaited),
        Ok(PySendResult::Return(_)) => Step::Returned,
        Err(error) => Step::Raised(error),
    }
}

/// Raises `error` where `coroutine` awaits.
pub fn throw<'py>(coroutine: &Bound<'py, PyAny>, error: PyErr) -> Step<'py> {
    let py = coroutine.py();
    match coroutine.call_method1(intern!(py, "throw"), (error.into_value(py),)) {
        Ok(awaited) => Step::Yielded(awaited),
        Err(error) if error.is_instance_of::<PyStopIteration>(py) => Step::Returned,
        Err(error) => Step::Raised(error),
    }
}
