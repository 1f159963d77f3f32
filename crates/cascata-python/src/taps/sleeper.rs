//! How a thread that waits is reached.

use std::{
    sync::{Condvar, Mutex, PoisonError},
    time::{Duration, Instant},
};

use cascata::taps::Signal;
use pyo3::prelude::*;

use crate::lock;

/// How soon Ctrl-C is noticed.
const TICK: Duration = Duration::from_millis(50);

/// A thread that waits, outside of the interpreter.
#[derive(Debug, Default)]
pub struct Sleeper {
    woken: Mutex<bool>,
    bell: Condvar,
}

impl Signal for Sleeper {
    fn wake(&self) -> bool {
        *lock(&self.woken) = true;
        self.bell.notify_one();
        true
    }

    fn is_lost(&self) -> bool {
        false
    }
}

impl Sleeper {
    /// Sleeps until it is woken; `false` if the time is over before.
    ///
    /// # Errors
    /// A signal handler has raised.
    pub fn sleep(&self, py: Python<'_>, deadline: Option<Instant>) -> PyResult<bool> {
        loop {
            let left = deadline.map_or(TICK, |deadline| deadline.saturating_duration_since(Instant::now()).min(TICK));
            let woken = py.detach(|| {
                let woken = lock(&self.woken);
                let waited = self.bell.wait_timeout_while(woken, left, |woken| !*woken);
                std::mem::take(&mut *waited.unwrap_or_else(PoisonError::into_inner).0)
            });
            if woken {
                return Ok(true);
            }
            py.check_signals()?;
            if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
                return Ok(false);
            }
        }
    }
}

/// When a time given in seconds is over; never, if it is so long that no clock can tell.
pub fn deadline(timeout: Option<f64>) -> Option<Instant> {
    let time = Duration::try_from_secs_f64(timeout?.max(0.0)).ok()?;
    Instant::now().checked_add(time)
}
