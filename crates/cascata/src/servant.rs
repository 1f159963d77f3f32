//! Threads of this library's own, by which those who wait in a process are reached.
//!
//! They wake coroutines, which takes code of the language these are written in. So that code can tell that it runs in
//! such a thread, which must stay out of an interpreter that is about to end.

use std::{cell::Cell, io};

use cascata_shm::guard;

/// Signals call into Python.
const STACK: usize = 512 * 1024;

thread_local! {
    static SERVES: Cell<bool> = const { Cell::new(false) };
}

/// Starts such a thread; it takes no signals, and nobody waits for its end.
///
/// # Errors
/// The system can start no thread now.
pub(crate) fn start(name: &str, main: impl FnOnce() + Send + 'static) -> io::Result<()> {
    guard::start_thread(name, STACK, move || {
        SERVES.set(true);
        main();
    })
}

/// Whether the current thread is one of them.
pub fn serves() -> bool {
    SERVES.get()
}
