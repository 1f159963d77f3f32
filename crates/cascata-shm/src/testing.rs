//! What the tests need of the system: processes, and an end to every wait.

use std::os::fd::{AsFd, OwnedFd};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, WaitIdOptions, WaitIdStatus};

use crate::layout::PAGE;
use crate::{Arena, Layout, Pool, Region};

/// Far longer than anything here takes; reaching it is a hang.
const LIMIT: Duration = Duration::from_secs(60);

/// Ends the test process if it is not dropped in time.
pub(crate) struct Watchdog {
    _alive: Sender<()>,
}

impl Watchdog {
    pub(crate) fn new() -> Self {
        Self::after(LIMIT)
    }

    /// For what computes, rather than waits, all the time.
    pub(crate) fn patient() -> Self {
        Self::after(60 * LIMIT)
    }

    fn after(limit: Duration) -> Self {
        let (alive, watched) = channel::<()>();
        let test = std::thread::current().name().unwrap_or("a test").to_owned();
        std::thread::spawn(move || {
            if watched.recv_timeout(limit) == Err(std::sync::mpsc::RecvTimeoutError::Timeout) {
                let _ = rustix::io::write(std::io::stderr(), format!("{test} hangs\n").as_bytes());
                std::process::abort();
            }
        });
        Self { _alive: alive }
    }
}

/// Whether the descriptor became readable (or its other end closed) in time.
pub(crate) fn readable(fd: impl AsFd, limit: Duration) -> bool {
    let limit = Timespec { tv_sec: limit.as_secs() as i64, tv_nsec: limit.subsec_nanos().into() };
    loop {
        match poll(&mut [PollFd::new(&fd, PollFlags::IN)], Some(&limit)) {
            Ok(ready) => return ready > 0,
            Err(error) => assert_eq!(error, rustix::io::Errno::INTR),
        }
    }
}

/// As [`readable`], with a limit that only a hang reaches.
pub(crate) fn soon_readable(fd: impl AsFd) -> bool {
    readable(fd, LIMIT / 2)
}

/// The arena of `len` bytes from `offset` on, which it has to itself but for a page.
pub(crate) fn lone_arena(region: &Arc<Region>, offset: usize, len: usize) -> Arena {
    Pool::create(region, offset, 1, len - PAGE, len).arena(0)
}

/// A forked process. Dropping it kills and reaps it.
pub(crate) struct Child {
    pid: Pid,
    pidfd: OwnedFd,
    reaped: bool,
}

/// Runs `main` in a forked process, which ends after it: with 0, or with 1 if it panics.
pub(crate) fn fork(main: impl FnOnce()) -> Child {
    // SAFETY: the child does only what works after a fork of a process with threads: it computes, makes system
    // calls, and allocates, which glibc provides for; it ends without running anything of the parent's.
    match unsafe { libc::fork() } {
        0 => {
            let outcome = catch_unwind(AssertUnwindSafe(main));
            if let Err(panic) = &outcome {
                let text = panic.downcast_ref::<String>().map_or("a child panics", String::as_str);
                let _ = rustix::io::write(std::io::stderr(), format!("{text}\n").as_bytes());
            }
            // SAFETY: ends the process, without the parent's exit handlers.
            unsafe { libc::_exit(outcome.is_err().into()) }
        }
        pid => {
            let pid = Pid::from_raw(pid).filter(|pid| pid.as_raw_nonzero().get() > 0).expect("a process can be forked");
            let pidfd = rustix::process::pidfd_open(pid, PidfdFlags::empty()).unwrap();
            Child { pid, pidfd, reaped: false }
        }
    }
}

impl Child {
    pub(crate) fn pid(&self) -> u32 {
        self.pid.as_raw_nonzero().get().cast_unsigned()
    }

    pub(crate) fn pidfd(&self) -> OwnedFd {
        self.pidfd.try_clone().unwrap()
    }

    pub(crate) fn kill(&self) {
        rustix::process::kill_process(self.pid, Signal::KILL).unwrap();
    }

    /// Waits until it sleeps in the kernel or has ended.
    pub(crate) fn rests(&self) {
        let stat = format!("/proc/{}/stat", self.pid.as_raw_nonzero());
        while std::fs::read_to_string(&stat).is_ok_and(|stat| stat.rsplit(") ").next().is_some_and(runs)) {
            std::thread::yield_now();
        }
        fn runs(fields: &str) -> bool {
            !fields.starts_with(['S', 'Z'])
        }
    }

    /// How it ended.
    pub(crate) fn wait(mut self) -> WaitIdStatus {
        assert!(soon_readable(&self.pidfd), "a child hangs");
        self.reap()
    }

    pub(crate) fn succeed(self) {
        assert_eq!(self.wait().exit_status(), Some(0), "a child failed");
    }

    fn reap(&mut self) -> WaitIdStatus {
        self.reaped = true;
        let id = rustix::process::WaitId::Pid(self.pid);
        rustix::process::waitid(id, WaitIdOptions::EXITED).unwrap().unwrap()
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        if !self.reaped {
            self.kill();
            self.reap();
        }
    }
}

/// A region with room for `bytes` at offset 0.
pub(crate) fn region(bytes: usize) -> Arc<Region> {
    let mut layout = Layout::new();
    layout.reserve(bytes, 1);
    Region::create(layout.len()).unwrap()
}

/// The same region, mapped a second time, as a process that was spawned would.
pub(crate) fn again(region: &Region) -> Arc<Region> {
    Region::open(region.fd().try_clone_to_owned().unwrap()).unwrap()
}

/// Bytes of memory behind the region.
pub(crate) fn resident(region: &Region) -> usize {
    rustix::fs::fstat(region.fd()).unwrap().st_blocks as usize * 512
}

/// A small generator for stress tests: xorshift.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % limit
    }
}
