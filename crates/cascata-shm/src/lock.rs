//! A mutex between processes that outlives its holder.

use std::cell::UnsafeCell;
use std::fmt;
use std::marker::PhantomData;

use crate::region::Shareable;
use crate::sync::{self, AtomicU32, Ordering};

/// A process died while it held the lock: what the lock protects can no longer be trusted.
///
/// It is said to everybody who comes later, too; nobody waits for the dead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Orphaned;

impl fmt::Display for Orphaned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a process died while it changed shared memory")
    }
}

impl std::error::Error for Orphaned {}

/// A robust mutex in shared memory.
///
/// The kernel hands it on when its holder is killed, at whatever instruction. The first to get it then marks what it
/// protects as orphaned for good, by a bit in a word that the protected structure has anyway.
#[repr(transparent)]
pub(crate) struct Lock {
    mutex: UnsafeCell<libc::pthread_mutex_t>,
}

/// The bit of the flags given to [`Lock::lock`] that says that a holder has died.
pub(crate) const ORPHANED: u32 = 1 << 31;

/// Attempts before waiting in the kernel. What the lock is for takes a fraction of a microsecond: under load that is
/// waited for without a system call, and a holder that was preempted is not waited for in vain.
const ATTEMPTS: usize = 16;
/// Pauses between two attempts.
const PAUSES: usize = 4;

// SAFETY: the mutex is made for use by several threads and processes.
unsafe impl Sync for Lock {}
// SAFETY: all zeros are an unlocked mutex. Others than the holder look at the futex word only, which takes any bytes;
// the list links inside are read by the process that wrote them, and by the kernel with every check.
unsafe impl Shareable for Lock {}

impl Lock {
    /// Makes the lock, unlocked. Nobody else may use it yet.
    pub(crate) fn init(&self) {
        let mut attributes = std::mem::MaybeUninit::<libc::pthread_mutexattr_t>::uninit();
        let attributes = attributes.as_mut_ptr();
        // SAFETY: the attributes are initialised before they are used and destroyed once; the mutex lies in memory
        // that lives as long as `self`, and by contract nobody uses it yet.
        unsafe {
            check(libc::pthread_mutexattr_init(attributes));
            check(libc::pthread_mutexattr_setpshared(attributes, libc::PTHREAD_PROCESS_SHARED));
            check(libc::pthread_mutexattr_setrobust(attributes, libc::PTHREAD_MUTEX_ROBUST));
            check(libc::pthread_mutex_init(self.mutex.get(), attributes));
            check(libc::pthread_mutexattr_destroy(attributes));
        }
    }

    /// Waits for the lock and takes it until the guard is dropped. `flags` change under this lock only.
    ///
    /// # Errors
    ///
    /// [`Orphaned`], now and ever after, if a process died while it held the lock.
    pub(crate) fn lock(&self, flags: &AtomicU32) -> Result<Guard<'_>, Orphaned> {
        let outcome = self.acquire();
        if outcome == libc::EOWNERDEAD {
            // The flag first: should this process die here too, the next one gets EOWNERDEAD again.
            flags.fetch_or(ORPHANED, Ordering::Relaxed);
            // SAFETY: this thread holds the mutex, in the state that EOWNERDEAD reports.
            check(unsafe { libc::pthread_mutex_consistent(self.mutex.get()) });
        } else {
            check(outcome);
        }
        let guard = Guard { lock: self, thread: PhantomData };
        sync::critical(true);
        // Relaxed: the mutex orders the flags.
        if flags.load(Ordering::Relaxed) & ORPHANED != 0 { Err(Orphaned) } else { Ok(guard) }
    }

    fn acquire(&self) -> libc::c_int {
        sync::step();
        loop {
            for _ in 0..ATTEMPTS {
                // SAFETY: `init` made the mutex, before anybody could get hold of the structure.
                match unsafe { libc::pthread_mutex_trylock(self.mutex.get()) } {
                    libc::EBUSY => (0..PAUSES).for_each(|_| std::hint::spin_loop()),
                    outcome => return outcome,
                }
            }
            if !sync::waited(self) {
                // SAFETY: as above.
                return unsafe { libc::pthread_mutex_lock(self.mutex.get()) };
            }
        }
    }
}

/// Holds the lock; dropping it gives it back.
#[must_use]
pub(crate) struct Guard<'a> {
    lock: &'a Lock,
    /// The thread that locked must unlock: the guard stays with it.
    thread: PhantomData<*const ()>,
}

impl Drop for Guard<'_> {
    fn drop(&mut self) {
        sync::critical(false);
        sync::step();
        // SAFETY: this thread holds the mutex, as the guard exists and cannot leave the thread.
        check(unsafe { libc::pthread_mutex_unlock(self.lock.mutex.get()) });
        sync::changed(self.lock);
    }
}

/// These calls fail by misuse or by memory that was overwritten only; going on would be worse than a panic.
#[track_caller]
fn check(outcome: libc::c_int) {
    assert!(outcome == 0, "shared mutex: {}", std::io::Error::from_raw_os_error(outcome));
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicU64;

    use super::*;
    use crate::region::Shared;
    use crate::testing::{Watchdog, again, fork, region};

    /// Two counters that only the lock keeps equal.
    #[repr(C)]
    struct Twins {
        lock: Lock,
        flags: AtomicU32,
        counters: [AtomicU64; 2],
    }

    // SAFETY: atomics and a lock.
    unsafe impl Shareable for Twins {}

    impl Twins {
        fn count(&self, rounds: u64) {
            for _ in 0..rounds {
                let _guard = self.lock.lock(&self.flags).unwrap();
                let [one, other] = self.counters.each_ref().map(|counter| counter.load(Ordering::Relaxed));
                assert_eq!(one, other);
                self.counters[0].store(one + 1, Ordering::Relaxed);
                self.counters[1].store(other + 1, Ordering::Relaxed);
            }
        }
    }

    #[test]
    fn one_at_a_time_between_threads_and_processes() {
        let _watchdog = Watchdog::new();
        let region = region(size_of::<Twins>());
        let twins = Shared::<Twins>::new(&region, 0);
        twins.lock.init();
        let children = [0; 2].map(|_| fork(|| Shared::<Twins>::new(&again(&region), 0).count(20_000)));
        std::thread::scope(|scope| {
            scope.spawn(|| twins.count(20_000));
            scope.spawn(|| twins.count(20_000));
        });
        children.into_iter().for_each(crate::testing::Child::succeed);
        assert_eq!(twins.counters[0].load(Ordering::Relaxed), 80_000);
    }
}
