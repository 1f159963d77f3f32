//! A task of an event loop that uses taps.

use std::sync::Arc;

use cascata::taps::Task;
use pyo3::{
    intern,
    prelude::*,
    sync::PyOnceLock,
    types::{PyWeakrefMethods, PyWeakrefReference},
};

static RUNNING_LOOP: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
static CURRENT_TASK: PyOnceLock<Py<PyAny>> = PyOnceLock::new();

/// An `asyncio.Task`, which this does not keep.
#[derive(Debug)]
pub struct Performer {
    task: Py<PyWeakrefReference>,
    identity: usize,
}

impl Performer {
    pub fn of(task: &Bound<'_, PyAny>) -> PyResult<Arc<Self>> {
        let identity = task.as_ptr().addr();
        Ok(Arc::new(Self { task: PyWeakrefReference::new(task)?.unbind(), identity }))
    }

    /// Whether it is this one.
    pub fn is(&self, task: &Bound<'_, PyAny>) -> bool {
        // If another one has its address, it is no more.
        self.identity == task.as_ptr().addr() && self.task.bind(task.py()).upgrade().is_some()
    }

    /// The one that runs in this thread, if any does.
    pub fn current(py: Python<'_>) -> PyResult<Option<Bound<'_, PyAny>>> {
        let event_loop = RUNNING_LOOP.import(py, "asyncio", "_get_running_loop")?.call0()?;
        if event_loop.is_none() {
            return Ok(None);
        }
        let task = CURRENT_TASK.import(py, "asyncio", "current_task")?.call1((event_loop,))?;
        Ok((!task.is_none()).then_some(task))
    }
}

fn is_over(task: &Bound<'_, PyAny>) -> PyResult<bool> {
    let py = task.py();
    if task.call_method0(intern!(py, "done"))?.is_truthy()? {
        return Ok(true);
    }
    task.call_method0(intern!(py, "get_loop"))?.call_method0(intern!(py, "is_closed"))?.is_truthy()
}

impl Task for Performer {
    fn identity(&self) -> usize {
        self.identity
    }

    fn is_over(&self) -> bool {
        Python::attach(|py| match self.task.bind(py).upgrade() {
            // What is no task of asyncio's own may not say.
            Some(task) => is_over(&task).unwrap_or(false),
            None => true,
        })
    }
}
