//! What wakes a worker: the event loop's call, and the wakers of channels.

use std::{
    sync::{
        Arc, Weak,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    task::{Wake, Waker},
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
///
/// It does not keep the core: a ticket keeps it, a send the ticket, and the traceback of a failure the send, which the
/// core's Python half keeps in turn.
pub struct CoreWaker {
    core: Weak<Core>,
}

impl CoreWaker {
    pub fn waker(core: &Arc<Core>) -> Waker {
        Waker::from(Arc::new(Self { core: Arc::downgrade(core) }))
    }
}

impl Wake for CoreWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if let Some(core) = self.core.upgrade() {
            core.bring_news();
        }
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
