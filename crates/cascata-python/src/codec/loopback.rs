//! The codec by itself.

use cascata::channel::{self, SendError};
use pyo3::{
    exceptions::{PyMemoryError, PyRuntimeError},
    prelude::*,
    types::PyBytes,
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
        self.inner.transfer(&Object(item)).map(|received| received.0).map_err(raised)
    }

    /// What would travel if `item` were sent: the encoded bytes, and the attachments.
    fn encode<'py>(
        &self,
        py: Python<'py>,
        item: Py<PyAny>,
    ) -> PyResult<(Bound<'py, PyBytes>, Vec<Bound<'py, PyBytes>>)> {
        let (bytes, attached) = self.inner.encode(&Object(item)).map_err(raised)?;
        Ok((PyBytes::new(py, &bytes), attached.iter().map(|data| PyBytes::new(py, data)).collect()))
    }

    /// What another worker would receive if these bytes and attachments came to it.
    fn decode(&self, data: &[u8], attached: Vec<Bound<'_, PyBytes>>) -> PyResult<Py<PyAny>> {
        let attached: Vec<_> = attached.iter().map(|data| data.as_bytes()).collect();
        self.inner.decode::<Object>(data, &attached).map(|received| received.0).map_err(raised)
    }

    /// Bytes of shared memory in use.
    fn in_use(&self) -> usize {
        self.inner.in_use()
    }
}

fn raised(error: SendError<PyErr>) -> PyErr {
    match error {
        SendError::Encode(error) | SendError::Key(error) => error,
        SendError::TooLarge(bytes) => PyMemoryError::new_err(format!("no room for {bytes} bytes")),
        SendError::Ended => PyRuntimeError::new_err("the shared memory is damaged"),
    }
}
