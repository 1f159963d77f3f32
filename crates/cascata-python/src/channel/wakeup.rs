//! How a coroutine that waits is reached, from whatever thread.

use std::{
    sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
    thread::{self, ThreadId},
    time::{Duration, Instant},
};

use cascata::{queue::Signal, servant};
use pyo3::{
    exceptions::{PyException, PyRuntimeError},
    intern,
    prelude::*,
    sync::PyOnceLock,
};

/// The interpreter ends: threads of this library stay out of it from now on.
static CLOSING: AtomicBool = AtomicBool::new(false);
/// Threads of this library that are in the interpreter, or wait for it.
static INSIDE: AtomicUsize = AtomicUsize::new(0);
/// Longer than anything takes that such a thread does in the interpreter.
const PATIENCE: Duration = Duration::from_secs(2);

static RUNNING_LOOP: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
static SETTLE: PyOnceLock<Py<PyAny>> = PyOnceLock::new();

/// The process has just been forked off.
pub fn forget_inherited() {
    // Those threads are in the other process.
    INSIDE.store(0, SeqCst);
}

/// The interpreter ends. A thread that entered it from now on would be ended in the middle, which Rust does not survive.
#[pyfunction]
pub fn quiesce(py: Python<'_>) {
    CLOSING.store(true, SeqCst);
    py.detach(|| {
        let begun = Instant::now();
        while INSIDE.load(SeqCst) > 0 && begun.elapsed() < PATIENCE {
            thread::sleep(Duration::from_millis(1));
        }
    });
}

/// Wakes who awaits `future`, in its event loop's thread.
#[pyfunction]
pub fn settle(future: &Bound<'_, PyAny>) -> PyResult<()> {
    let py = future.py();
    if !future.call_method0(intern!(py, "done"))?.is_truthy()? {
        future.call_method1(intern!(py, "set_result"), (py.None(),))?;
    }
    Ok(())
}

/// A future that somebody awaits.
#[derive(Debug)]
pub struct Wakeup {
    /// `None` only while it is dropped.
    target: Option<Target>,
    thread: ThreadId,
}

#[derive(Debug)]
struct Target {
    event_loop: Py<PyAny>,
    future: Py<PyAny>,
}

impl Drop for Wakeup {
    fn drop(&mut self) {
        if servant::serves() {
            // At once, and not when somebody else comes by: it may be the last that keeps a task.
            attached(|_| self.target = None);
        }
    }
}

impl Wakeup {
    /// A future of the running loop, and how to complete it.
    pub fn new(py: Python<'_>) -> PyResult<(Self, Py<PyAny>)> {
        let event_loop = RUNNING_LOOP.import(py, "asyncio", "get_running_loop")?.call0().map_err(|error| {
            let refusal = PyRuntimeError::new_err(
                "a channel can only be waited for in a running event loop: await it in a coroutine that asyncio.run() runs",
            );
            refusal.set_cause(py, Some(error));
            refusal
        })?;
        let future = event_loop.call_method0(intern!(py, "create_future"))?.unbind();
        let target = Target { event_loop: event_loop.unbind(), future: future.clone_ref(py) };
        let wakeup = Self { target: Some(target), thread: thread::current().id() };
        Ok((wakeup, future))
    }

    fn is_closed(&self, py: Python<'_>) -> PyResult<bool> {
        let Some(Target { event_loop, .. }) = &self.target else { return Ok(true) };
        event_loop.bind(py).call_method0(intern!(py, "is_closed"))?.is_truthy()
    }

    fn wake_in(&self, py: Python<'_>) -> PyResult<bool> {
        let Some(Target { event_loop, future }) = &self.target else { return Ok(false) };
        let event_loop = event_loop.bind(py);
        if event_loop.call_method0(intern!(py, "is_closed"))?.is_truthy()? {
            return Ok(false);
        }
        if self.thread == thread::current().id() {
            settle(future.bind(py))?;
            return Ok(true);
        }
        let settle = SETTLE.import(py, "cascata._native", "settle")?;
        let asked = event_loop.call_method1(intern!(py, "call_soon_threadsafe"), (settle, future));
        match asked {
            // It was closed in this moment.
            Err(error) if error.is_instance_of::<PyRuntimeError>(py) => Ok(false),
            asked => asked.map(|_| true),
        }
    }
}

impl Signal for Wakeup {
    fn wake(&self) -> bool {
        attached(|py| {
            self.wake_in(py).unwrap_or_else(|error| {
                if error.is_instance_of::<PyException>(py) {
                    error.write_unraisable(py, None);
                } else {
                    // Ctrl-C, which is for whoever runs here, not for this wake-up.
                    let again =
                        py.import(intern!(py, "_thread")).and_then(|m| m.call_method0(intern!(py, "interrupt_main")));
                    drop(again);
                }
                true
            })
        })
        .unwrap_or(true)
    }

    fn is_lost(&self) -> bool {
        attached(|py| self.is_closed(py).unwrap_or(false)).unwrap_or(false)
    }
}

/// Runs `act` in the interpreter, unless that ends.
fn attached<R>(act: impl FnOnce(Python<'_>) -> R) -> Option<R> {
    if !servant::serves() {
        return Python::try_attach(act);
    }
    INSIDE.fetch_add(1, SeqCst);
    let done = if CLOSING.load(SeqCst) { None } else { Python::try_attach(act) };
    INSIDE.fetch_sub(1, SeqCst);
    done
}
