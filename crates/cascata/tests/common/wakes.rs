//! Wakers that count, and a wait for a future that ends.

#![allow(dead_code, reason = "each test file uses a part")]

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering::SeqCst},
        mpsc,
    },
    task::{Context, Poll, Wake, Waker},
    thread::{self, Thread},
    time::Duration,
};

use cascata_shm::Doorbell;
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::Errno,
};

/// Far longer than anything here takes: who waits so long waits for ever.
pub const LIMIT: Duration = Duration::from_secs(60);

/// Ends the test process if it is not dropped in time.
pub struct Watchdog {
    _alive: mpsc::Sender<()>,
}

impl Watchdog {
    pub fn new() -> Self {
        let (alive, watched) = mpsc::channel::<()>();
        let test = thread::current().name().unwrap_or("a test").to_owned();
        thread::spawn(move || {
            if watched.recv_timeout(2 * LIMIT) == Err(mpsc::RecvTimeoutError::Timeout) {
                // Not `eprintln`, which the test harness would capture.
                let _ = std::io::Write::write_all(&mut std::io::stderr(), format!("{test} hangs\n").as_bytes());
                std::process::abort();
            }
        });
        Self { _alive: alive }
    }
}

/// Waits until a doorbell rings, and makes it quiet.
pub fn hear(doorbell: &Doorbell) {
    let limit = Timespec { tv_sec: LIMIT.as_secs() as i64, tv_nsec: 0 };
    loop {
        match poll(&mut [PollFd::new(doorbell, PollFlags::IN)], Some(&limit)) {
            Err(Errno::INTR) => {}
            rung => break assert!(rung.unwrap() > 0, "a wake-up was lost: the doorbell does not ring"),
        }
    }
    doorbell.drain();
}

/// Somebody who polls, and what has happened to it since.
#[derive(Debug)]
pub struct Party {
    wakes: Arc<Wakes>,
    waker: Waker,
    /// Wake-ups there had been when it was last told to wait.
    waits_since: Mutex<Option<usize>>,
}

#[derive(Debug)]
struct Wakes {
    count: AtomicUsize,
    thread: Thread,
}

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.count.fetch_add(1, SeqCst);
        self.thread.unpark();
    }
}

impl Party {
    pub fn new() -> Self {
        let wakes = Arc::new(Wakes { count: AtomicUsize::new(0), thread: thread::current() });
        Self { waker: Waker::from(wakes.clone()), wakes, waits_since: Mutex::default() }
    }

    /// Polls, and remembers whether it waits now.
    pub fn poll<T>(&self, poll: impl FnOnce(&mut Context<'_>) -> Poll<T>) -> Poll<T> {
        let before = self.wakes.count.load(SeqCst);
        let result = poll(&mut Context::from_waker(&self.waker));
        *self.since() = result.is_pending().then_some(before);
        result
    }

    /// Whether it waits: it was told to, and nobody has woken it since.
    pub fn sleeps(&self) -> bool {
        *self.since() == Some(self.wakes.count.load(SeqCst))
    }

    /// Whether something holds its waker.
    pub fn is_known(&self) -> bool {
        Arc::strong_count(&self.wakes) > 2
    }

    /// Polls, on the thread that made this, until there is a result; between polls it waits for a wake-up.
    pub fn block_on<T>(&self, mut poll: impl FnMut(&mut Context<'_>) -> Poll<T>) -> T {
        loop {
            match self.poll(&mut poll) {
                Poll::Ready(result) => return result,
                Poll::Pending => {
                    while self.sleeps() {
                        thread::park_timeout(LIMIT);
                    }
                }
            }
        }
    }

    fn since(&self) -> std::sync::MutexGuard<'_, Option<usize>> {
        self.waits_since.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
