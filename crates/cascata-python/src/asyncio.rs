//! What asyncio's own event loops and tasks are asked for.

use pyo3::{prelude::*, sync::PyOnceLock};

use crate::call;

static CANCELLED: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
static ENTER: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
static LEAVE: PyOnceLock<Py<PyAny>> = PyOnceLock::new();

/// `asyncio.CancelledError(msg)`.
pub fn cancelled_error(py: Python<'_>, msg: Option<Py<PyAny>>) -> PyErr {
    let made = CANCELLED.import(py, "asyncio", "CancelledError").and_then(|class| match msg {
        Some(msg) if !msg.is_none(py) => class.call1((msg,)),
        _ => class.call0(),
    });
    made.map_or_else(|error| error, PyErr::from_value)
}

/// Whether `error` is an `asyncio.CancelledError`.
pub fn is_cancelled(py: Python<'_>, error: &PyErr) -> bool {
    CANCELLED.import(py, "asyncio", "CancelledError").is_ok_and(|class| error.matches(py, class).unwrap_or(false))
}

/// From now on `task` is the current task of `event_loop`.
pub fn enter_task<'py>(event_loop: &Bound<'py, PyAny>, task: &Bound<'py, PyAny>) -> PyResult<()> {
    let enter = ENTER.import(task.py(), "asyncio.tasks", "_enter_task")?;
    call::with_2(enter, [event_loop.as_borrowed(), task.as_borrowed()]).map(drop)
}

/// No longer.
pub fn leave_task<'py>(event_loop: &Bound<'py, PyAny>, task: &Bound<'py, PyAny>) -> PyResult<()> {
    let leave = LEAVE.import(task.py(), "asyncio.tasks", "_leave_task")?;
    call::with_2(leave, [event_loop.as_borrowed(), task.as_borrowed()]).map(drop)
}
