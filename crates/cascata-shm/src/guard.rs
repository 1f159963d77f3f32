//! The end of a process whose parent is gone.

use std::convert::Infallible;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, Signal, getpid, kill_process};

/// A descriptor of process `pid`, which becomes readable when that process ends.
///
/// A process opens one of itself before it starts workers and hands it down; opened by the child, the number might
/// belong to somebody else already.
///
/// # Errors
///
/// `NotFound` if there is no such process, `InvalidInput` for what cannot be one; else those of the system.
pub fn pidfd_open(pid: u32) -> io::Result<OwnedFd> {
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw).ok_or(io::ErrorKind::InvalidInput)?;
    match rustix::process::pidfd_open(pid, PidfdFlags::empty()) {
        Err(Errno::SRCH) => Err(io::ErrorKind::NotFound.into()),
        outcome => Ok(outcome?),
    }
}

/// Starts a thread that kills this process at once when the process behind `parent` has ended.
///
/// The thread is native and takes no signals, so it works however stuck the rest of the process is. The kill is
/// SIGKILL: nothing of this process may go on, clean up or report to somebody who is gone.
///
/// # Errors
///
/// Those of the system, if no thread can be started.
pub fn watch_parent(parent: OwnedFd) -> io::Result<()> {
    start_thread("parent-watch", 64 * 1024, move || match await_end(&parent) {})
}

/// Starts a thread that takes no signals; nobody waits for its end.
///
/// # Errors
///
/// Those of the system, if no thread can be started.
pub fn start_thread(name: &str, stack: usize, main: impl FnOnce() + Send + 'static) -> io::Result<()> {
    let before = block_signals()?;
    // The thread inherits the mask of its starter. Dropping the handle detaches it.
    let started = std::thread::Builder::new().name(name.into()).stack_size(stack).spawn(main);
    restore_signals(&before);
    started.map(drop)
}

fn await_end(parent: &OwnedFd) -> Infallible {
    loop {
        let mut fds = [PollFd::new(parent, PollFlags::IN)];
        if poll(&mut fds, None) != Err(Errno::INTR) {
            // Also when the descriptor was closed under us: a worker that cannot watch must not stay.
            let _ = kill_process(getpid(), Signal::KILL);
        }
    }
}

fn block_signals() -> io::Result<libc::sigset_t> {
    let mut all = MaybeUninit::uninit();
    let mut before = MaybeUninit::uninit();
    // SAFETY: `sigfillset` makes the set that `pthread_sigmask` then reads; that fills `before` if it succeeds.
    unsafe {
        libc::sigfillset(all.as_mut_ptr());
        match libc::pthread_sigmask(libc::SIG_SETMASK, all.as_ptr(), before.as_mut_ptr()) {
            0 => Ok(before.assume_init()),
            error => Err(io::Error::from_raw_os_error(error)),
        }
    }
}

fn restore_signals(mask: &libc::sigset_t) {
    // SAFETY: the mask came from `pthread_sigmask`.
    unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, mask, std::ptr::null_mut()) };
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Watchdog, fork, soon_readable};

    #[test]
    fn a_process_ends_with_its_parent_however_stuck_it_is() {
        let _watchdog = Watchdog::new();
        let (mut started, starts) = io::pipe().unwrap();
        let parent = fork(|| {
            let this = pidfd_open(std::process::id()).unwrap();
            let worker = fork(|| {
                watch_parent(this).unwrap();
                block_signals().unwrap();
                io::Write::write_all(&mut &starts, b"!").unwrap();
                loop {
                    std::hint::spin_loop();
                }
            });
            std::thread::park();
            drop(worker);
        });
        drop(starts);
        assert!(soon_readable(&started));
        io::Read::read_exact(&mut started, &mut [0]).unwrap();
        parent.kill();
        parent.wait();
        // Only the worker holds the other end still: it closes when the worker ends.
        assert!(soon_readable(&started), "the worker outlives its parent");
        assert_eq!(io::Read::read(&mut started, &mut [0]).unwrap(), 0);
    }

    #[test]
    fn a_parent_that_is_gone_already_counts() {
        let _watchdog = Watchdog::new();
        let gone = fork(std::thread::park);
        let pidfd = gone.pidfd();
        gone.kill();
        gone.wait();
        let worker = fork(|| {
            watch_parent(pidfd).unwrap();
            std::thread::park();
        });
        assert_eq!(worker.wait().terminating_signal(), Some(Signal::KILL.as_raw()));
    }

    #[test]
    fn the_signal_mask_stays_as_it_was() {
        let _watchdog = Watchdog::new();
        let before = blocked();
        watch_parent(pidfd_open(std::process::id()).unwrap()).unwrap();
        assert_eq!(blocked(), before);
    }

    /// The signals this thread blocks, as the kernel writes them.
    fn blocked() -> String {
        let status = std::fs::read_to_string("/proc/thread-self/status").unwrap();
        status.lines().find(|line| line.starts_with("SigBlk")).unwrap().to_owned()
    }

    #[test]
    fn what_is_no_process_is_an_error() {
        assert_eq!(pidfd_open(0).unwrap_err().kind(), io::ErrorKind::InvalidInput);
        assert_eq!(pidfd_open(u32::MAX).unwrap_err().kind(), io::ErrorKind::InvalidInput);
        assert_eq!(pidfd_open(i32::MAX as u32).unwrap_err().kind(), io::ErrorKind::NotFound);
    }
}
