//! What a task yields while it waits for a channel.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicBool, Ordering::Relaxed},
};
use std::task::Wake;

use pyo3::prelude::*;

use crate::{
    core::{Core, Ready},
    lock,
};

/// A wait for a channel, in the form in which asyncio's tasks wait for a future.
///
/// A lane has one for all its waits; a send that waits has one of its own. Waking does not go through the event loop:
/// the park is put on the worker's ready queue, which steps the lane directly or calls the task's wake-up.
#[pyclass(frozen, module = "cascata._native")]
pub struct Park {
    core: Arc<Core>,
    /// The outport behind which a send waits for room.
    pub outport: Option<usize>,
    /// asyncio's handshake: a future was awaited, not yielded by mistake.
    blocking: AtomicBool,
    woken: AtomicBool,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    listener: Listener,
    cancelled: Option<Option<Py<PyAny>>>,
}

/// Who continues when the park is woken.
#[derive(Default)]
pub enum Listener {
    /// Nobody yet.
    #[default]
    None,
    /// A lane whose firing awaits the send.
    Lane(usize),
    /// A task: its wake-up and its context.
    Task(Py<PyAny>, Option<Py<PyAny>>),
}

impl Park {
    pub fn new(core: Arc<Core>, outport: Option<usize>) -> Self {
        Self { core, outport, blocking: AtomicBool::new(false), woken: AtomicBool::new(false), state: Mutex::default() }
    }

    /// Queues itself, given as `park`.
    pub fn push(&self, park: Py<Self>) {
        self.core.push(Ready::Park(park));
    }

    /// Makes it ready to be yielded to a task.
    pub fn arm(&self) {
        self.blocking.store(true, Relaxed);
    }

    /// Whether it belongs to the worker of `core`.
    pub fn is_of(&self, core: &Arc<Core>) -> bool {
        Arc::ptr_eq(&self.core, core)
    }

    /// A lane waits in place of a task.
    pub fn listen(&self, lane: usize) {
        let old = std::mem::replace(&mut lock(&self.state).listener, Listener::Lane(lane));
        drop(old);
    }

    pub fn restore(&self, listener: Listener) {
        let old = std::mem::replace(&mut lock(&self.state).listener, listener);
        drop(old);
    }

    pub fn take_listener(&self) -> Listener {
        std::mem::take(&mut lock(&self.state).listener)
    }

    /// Whether a task waits for it.
    pub fn has_task(&self) -> bool {
        matches!(lock(&self.state).listener, Listener::Task(..))
    }

    pub fn is_cancelled(&self) -> bool {
        lock(&self.state).cancelled.is_some()
    }

    /// Calls the wake-up of the task that waits, in the task's context.
    pub fn fire(slf: &Bound<'_, Self>) -> PyResult<()> {
        let py = slf.py();
        if let Listener::Task(callback, context) = slf.get().take_listener() {
            match context {
                Some(context) => context.call_method1(py, pyo3::intern!(py, "run"), (callback, slf))?,
                None => callback.call1(py, (slf,))?,
            };
        }
        Ok(())
    }
}

#[pymethods]
impl Park {
    #[getter(_asyncio_future_blocking)]
    fn get_blocking(&self) -> bool {
        self.blocking.load(Relaxed)
    }

    #[setter(_asyncio_future_blocking)]
    fn set_blocking(&self, blocking: bool) {
        self.blocking.store(blocking, Relaxed);
    }

    fn get_loop(&self, py: Python<'_>) -> Py<PyAny> {
        self.core.event_loop.clone_ref(py)
    }

    #[pyo3(signature = (callback, *, context = None))]
    fn add_done_callback(slf: &Bound<'_, Self>, callback: Py<PyAny>, context: Option<Py<PyAny>>) {
        let this = slf.get();
        let old = std::mem::replace(&mut lock(&this.state).listener, Listener::Task(callback, context));
        drop(old);
        if this.woken.load(Relaxed) {
            this.push(slf.clone().unbind());
        }
    }

    fn remove_done_callback(&self, _callback: &Bound<'_, PyAny>) -> usize {
        usize::from(!matches!(self.take_listener(), Listener::None))
    }

    #[pyo3(signature = (msg = None))]
    fn cancel(slf: &Bound<'_, Self>, msg: Option<Py<PyAny>>) -> bool {
        let this = slf.get();
        if this.core.cancels_itself(slf) {
            return false;
        }
        let old = lock(&this.state).cancelled.replace(msg);
        drop(old);
        this.push(slf.clone().unbind());
        true
    }

    fn cancelled(&self) -> bool {
        self.is_cancelled()
    }

    fn done(&self) -> bool {
        self.woken.load(Relaxed) || self.is_cancelled()
    }

    /// Called by the task when it continues. A lane's park is used again, so the cancellation is handed out once.
    fn result(&self, py: Python<'_>) -> PyResult<()> {
        let cancelled = lock(&self.state).cancelled.take();
        match cancelled {
            None => Ok(()),
            Some(msg) => Err(crate::asyncio::cancelled_error(py, msg)),
        }
    }
}

/// Wakes the park of a send that waits for room.
pub struct SendWaker {
    pub park: Py<Park>,
}

impl Wake for SendWaker {
    fn wake(self: Arc<Self>) {
        Python::attach(|py| {
            let park = self.park.bind(py);
            park.get().woken.store(true, Relaxed);
            park.get().push(park.clone().unbind());
        });
    }
}
