//! The thread that watches the calling program's doorbell.
//!
//! It runs no user code but what signals do: items are encoded, decoded and dropped by those who put and take them.

use std::{
    fmt::Debug,
    io,
    sync::{Arc, Condvar, Mutex, PoisonError},
    time::{Duration, Instant},
};

use super::Taps;
use crate::{
    channel::{Item, lock},
    servant,
};

/// How long those have to come who were woken, before others are.
const PAUSE: Duration = Duration::from_millis(200);

/// Whether the thread runs.
#[derive(Debug, Default)]
pub(super) struct Watch {
    runs: Mutex<bool>,
    gone: Condvar,
}

impl Watch {
    /// Waits until it does not.
    pub fn join(&self) {
        let mut runs = lock(&self.runs);
        while *runs {
            runs = self.gone.wait(runs).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn set(&self, runs: bool) {
        *lock(&self.runs) = runs;
        self.gone.notify_all();
    }
}

/// Says so when the thread has let go of everything, however it ends.
struct Gone<T: Item> {
    taps: Option<Arc<Taps<T>>>,
    watch: Arc<Watch>,
}

impl<T: Item> Drop for Gone<T> {
    fn drop(&mut self) {
        self.taps = None;
        self.watch.set(false);
    }
}

pub(super) fn start<T: Item + Debug + Sync>(taps: &Arc<Taps<T>>) -> io::Result<()>
where
    T::Error: Send,
{
    taps.watch.set(true);
    let watched = Gone { taps: Some(taps.clone()), watch: taps.watch.clone() };
    servant::start("taps-watch", move || {
        let Gone { taps: Some(taps), .. } = &watched else { return };
        let mut due = None;
        let mut is_time = false;
        while let Some(soon) = taps.look(is_time) {
            let now = Instant::now();
            due = if soon { due.filter(|_| !is_time).or(Some(now + PAUSE)) } else { None };
            taps.memory.doorbell(taps.participant).wait(due.map(|due| due.saturating_duration_since(now)));
            // It may have rung before.
            is_time = due.is_some_and(|due| due <= Instant::now());
        }
    })
}
