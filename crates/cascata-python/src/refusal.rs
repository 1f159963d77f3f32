//! What is raised for items that cannot be sent or restored.

use pyo3::{
    exceptions::PyException,
    prelude::*,
    types::{PyAny, PyType},
};

pyo3::import_exception!(cascata.errors, ItemError);

/// An `ItemError` that `error` has caused; `text` says what, given the error's value. What is no `Exception`, such as
/// Ctrl-C, stays what it is.
pub fn refusal(py: Python<'_>, error: PyErr, text: impl FnOnce(&Bound<'_, PyAny>) -> String) -> PyErr {
    if !error.is_instance_of::<PyException>(py) {
        return error;
    }
    let refusal = ItemError::new_err(text(error.value(py)));
    refusal.set_cause(py, Some(error));
    refusal
}

/// How a type is called in messages.
pub fn type_text(kind: &Bound<'_, PyType>) -> String {
    kind.fully_qualified_name().map_or_else(|_| "unknown".to_owned(), |name| name.to_string())
}
