//! What is raised for items that cannot be sent or restored.

use cascata::channel::SendError;
use pyo3::{
    exceptions::{PyException, PyMemoryError},
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

/// What was called with an item, for messages.
pub struct Call {
    /// As it was written, with whose it is.
    pub name: String,
    /// What can be done for an item that cannot leave its process.
    pub instead: &'static str,
}

/// What is raised for a value of type `kind` that was not sent.
pub fn unsent(error: SendError<PyErr>, kind: &Bound<'_, PyType>, call: &Call, ended: impl FnOnce() -> PyErr) -> PyErr {
    let Call { name, instead } = call;
    match error {
        SendError::Ended => ended(),
        SendError::TooLarge(bytes) => PyMemoryError::new_err(format!(
            "{name}: an item of type {} takes at least {bytes} bytes, which is more than all shared memory of the run. \
             Give it more: run(shared_memory=...), send it in parts, or {instead}",
            type_text(kind),
        )),
        SendError::Key(error) => refusal(kind.py(), error, |why| {
            format!(
                "{name}: the function of .keyed(...) cannot tell which member of the group an item of type {} is \
                 for: {why}. It must give a hashable key for every item",
                type_text(kind),
            )
        }),
        SendError::Encode(error) => refusal(kind.py(), error, |why| {
            format!(
                "{name}: an item of type {} cannot be sent to another process: {why}. Send something that pickle \
                 or cloudpickle can handle (data rather than open files, locks, generators or sockets), or {instead}",
                type_text(kind),
            )
        }),
    }
}

/// How a type is called in messages.
pub fn type_text(kind: &Bound<'_, PyType>) -> String {
    kind.fully_qualified_name().map_or_else(|_| "unknown".to_owned(), |name| name.to_string())
}
