//! The codec by itself.

use cascata::channel::{self, SendError};
use pyo3::{
    exceptions::{PyMemoryError, PyRuntimeError},
    prelude::*,
};

use crate::object::Object;

/// Shared memory through which items can be sent without any worker: for tests and measurements of what crosses.
#[pyclass(frozen, module = "cascata._native")]
pub struct Loopback {
    inner: channel::Loopback,
}

#[pymethods]
impl Loopback {
    /// With so many bytes of shared memory.
    #[new]
    fn new(size: usize) -> PyResult<Self> {
        Ok(Self { inner: channel::Loopback::new(size)? })
    }

    /// What another worker would receive if it were sent `item`.
    fn transfer(&self, item: Py<PyAny>) -> PyResult<Py<PyAny>> {
        match self.inner.transfer(&Object(item)) {
            Ok(received) => Ok(received.0),
            Err(SendError::Encode(error)) => Err(error),
            Err(SendError::TooLarge(bytes)) => Err(PyMemoryError::new_err(format!("no room for {bytes} bytes"))),
            Err(SendError::Ended) => Err(PyRuntimeError::new_err("the shared memory is damaged")),
        }
    }

    /// Bytes of shared memory in use.
    fn in_use(&self) -> usize {
        self.inner.in_use()
    }
}
