//! The values of graphs written in Python.

use pyo3::prelude::*;

/// A Python object, shared by reference.
///
/// Dropping one may run Python code: never do so while a lock is held.
#[derive(Debug)]
pub struct Object(pub Py<PyAny>);

impl Clone for Object {
    fn clone(&self) -> Self {
        Self(Python::attach(|py| self.0.clone_ref(py)))
    }
}

/// Whether they are one object: comparing what they hold would run Python code.
impl PartialEq for Object {
    fn eq(&self, other: &Self) -> bool {
        self.0.is(&other.0)
    }
}
