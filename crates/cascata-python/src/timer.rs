//! The event loop's timers, for batches that are to be complete at a time.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    task::Waker,
    time::{Duration, Instant},
};

use pyo3::{intern, prelude::*};

use crate::core::Core;

/// Event loops may refuse longer waits; a timer that rings before its time is set anew.
const LONGEST: Duration = Duration::from_secs(24 * 3600);

/// Wakes what waits for a time. As long as that time is ahead its worker counts as alive.
pub struct Timer {
    core: Arc<Core>,
    set: Option<Set>,
}

struct Set {
    due: Instant,
    alarm: Py<Alarm>,
    /// What cancels it.
    handle: Py<PyAny>,
}

/// What the event loop calls.
#[pyclass(frozen, module = "cascata._native")]
struct Alarm {
    waker: Waker,
    rung: AtomicBool,
}

#[pymethods]
impl Alarm {
    fn __call__(&self) {
        self.rung.store(true, Relaxed);
        self.waker.wake_by_ref();
    }
}

impl Timer {
    pub fn new(core: Arc<Core>) -> Self {
        Self { core, set: None }
    }

    /// Has `waker` woken at `due`, and not at what was said before; never, without a time.
    ///
    /// # Errors
    /// The event loop sets no timers.
    pub fn set(&mut self, due: Option<Instant>, waker: &Waker) -> PyResult<()> {
        match &self.set {
            None => {}
            Some(set) if Some(set.due) == due && !set.alarm.get().rung.load(Relaxed) => return Ok(()),
            Some(_) => self.clear(),
        }
        let Some(due) = due else { return Ok(()) };
        Python::attach(|py| {
            let alarm = Py::new(py, Alarm { waker: waker.clone(), rung: AtomicBool::new(false) })?;
            let delay = due.saturating_duration_since(Instant::now()).min(LONGEST).as_secs_f64();
            let handle = self.core.event_loop.call_method1(py, intern!(py, "call_later"), (delay, &alarm))?;
            self.core.lane_woke();
            self.set = Some(Set { due, alarm, handle });
            Ok(())
        })
    }

    /// Nothing is to be woken any more.
    pub fn clear(&mut self) {
        let Some(set) = self.set.take() else { return };
        self.core.lane_slept();
        Python::attach(|py| {
            if let Err(error) = set.handle.call_method0(py, intern!(py, "cancel")) {
                error.write_unraisable(py, Some(set.handle.bind(py)));
            }
        });
    }
}

impl Drop for Timer {
    /// Whoever is gone is not woken, and does not keep the event loop from anything.
    fn drop(&mut self) {
        self.clear();
    }
}
