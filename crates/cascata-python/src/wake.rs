//! What wakes a worker: the event loop's call, and the wakers of channels.

use std::{
    sync::{
        Arc, Weak,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    task::Wake,
};

use pyo3::prelude::*;

use crate::core::{Core, Ready};

/// What the event loop calls to drain the ready queue. It does not keep the core, which keeps it.
#[pyclass(frozen, module = "cascata._native")]
pub struct Drain {
    core: Weak<Core>,
}

impl Drain {
    pub fn new(core: &Arc<Core>) -> Self {
        Self { core: Arc::downgrade(core) }
    }
}

#[pymethods]
impl Drain {
    fn __call__(&self, py: Python<'_>) -> PyResult<()> {
        self.core.upgrade().map_or(Ok(()), |core| core.guarded(py, || core.run_ready(py)))
    }
}

/// Wakes the worker: something that nobody in particular waits for has happened.
pub struct CoreWaker {
    pub core: Arc<Core>,
}

impl Wake for CoreWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.core.bring_news();
    }
}

/// Wakes a lane.
pub struct LaneWaker {
    pub core: Arc<Core>,
    pub number: usize,
    /// It is in the queue already.
    pub queued: Arc<AtomicBool>,
}

impl Wake for LaneWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if !self.queued.swap(true, SeqCst) {
            self.core.push(Ready::Lane(self.number));
        }
    }
}
