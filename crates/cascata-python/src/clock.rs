//! The clock of the machine, the same in all processes.

use rustix::time::{ClockId, clock_gettime};

/// Nanoseconds.
pub fn now() -> u64 {
    read(ClockId::Monotonic)
}

/// Nanoseconds, by a clock that costs next to nothing and moves every few milliseconds.
pub fn coarse() -> u64 {
    read(ClockId::MonotonicCoarse)
}

fn read(clock: ClockId) -> u64 {
    let now = clock_gettime(clock);
    now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64
}
