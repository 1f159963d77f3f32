//! Who sleeps, who must be woken, and whether anything in a run can still move.
//!
//! Each worker has a *state*, a bitmap of *events* (one bit a channel) and a [`Doorbell`] that its event loop watches.
//! Whoever changes a channel that another worker waits for *raises* that channel there; the bell is rung only if the
//! worker has said that it sleeps, so work under load makes no system call. A worker with nothing to do says so, looks
//! at its events once more, and sleeps.
//!
//! # No wake-up is lost
//!
//! A raiser sets the bit, then reads the state (`SYNC POINT: raise`). A worker writes the state, then reads the bits
//! (`SYNC POINT: doze`). All four are sequentially consistent, so at least one of the two sees what the other did:
//! either the worker finds the bit and stays awake, or the raiser finds the announcement and rings.
//!
//! # The count never reads 0 while something is under way
//!
//! `active` counts credits. Every worker holds one, except while it is `IDLE` and settled, or `RETIRED`. A credit is
//! added *before* the state that needs it and dropped *after* the state that does not:
//!
//! - A worker that dozes off as `IDLE` announces it, finds no bit, and drops its credit last.
//! - Whoever takes that announcement back (`IDLE` to `BUSY`, by one compare-and-swap, so exactly one succeeds) has
//!   added a credit beforehand, and drops it again if another was faster.
//! - If a raiser was faster while the worker itself, still in `doze`, takes its announcement back because of a bit, the
//!   worker has two credits, its own and the raiser's, and drops one.
//!
//! Raisers are workers that are awake, and hold their own credit from before the change they report until they doze. So
//! as long as anything is under way, somebody's credit stands; and once `active` reads 0 no worker can become
//! active again by itself. The one raiser without a credit is the supervisor: a process that raises from outside must
//! not at the same time, in another thread, draw conclusions from `active`.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::sync::Arc;
use std::time::Duration;

use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

use crate::region::Region;
use crate::sync::{self, AtomicU64, Ordering::SeqCst};
use crate::words::Words;
use crate::workers::{MAX_WORKERS, bits};

/// Awake, or about to be: it will look at its events before it sleeps.
const BUSY: u64 = 0;
/// Asleep, and something there is alive: a timer, a socket, a computation in a thread. Counted.
const SLEEPING: u64 = 1;
/// Asleep, and everything there waits for channels only. Not counted.
const IDLE: u64 = 2;
/// Gone for good. Not counted, never woken.
const RETIRED: u64 = 3;

/// Words in a pair of cache lines; what different workers write to lies that far apart.
const LINE: usize = 16;
const ACTIVE: usize = 0;
const SIZES: usize = LINE;
const DESKS: usize = 2 * LINE;

/// A bell that an event loop can watch: an eventfd.
#[derive(Debug)]
pub struct Doorbell {
    fd: OwnedFd,
}

impl Doorbell {
    /// A bell that does not ring.
    ///
    /// # Errors
    ///
    /// Those of the system, if there is no descriptor left.
    pub fn new() -> io::Result<Self> {
        let fd = rustix::event::eventfd(0, EventfdFlags::NONBLOCK | EventfdFlags::CLOEXEC)?;
        Ok(Self { fd })
    }

    /// Rings: the descriptor is readable from now on until it is drained.
    ///
    /// # Panics
    ///
    /// If somebody closed the descriptor: a wake-up that is lost in silence would be a hang.
    pub fn ring(&self) {
        sync::step();
        match rustix::io::write(&self.fd, &1_u64.to_ne_bytes()) {
            // The counter is at its top: it rings already.
            Ok(_) | Err(Errno::AGAIN) => sync::changed(self),
            Err(error) => panic!("the doorbell of a worker is gone: {error}"),
        }
    }

    /// Waits until it rings, or for so long, for a thread that has nothing else to do.
    ///
    /// # Panics
    ///
    /// If somebody closed the descriptor.
    pub fn wait(&self, timeout: Option<Duration>) {
        let timeout = timeout.map(|time| Timespec::try_from(time).unwrap_or(Timespec { tv_sec: 1, tv_nsec: 0 }));
        match poll(&mut [PollFd::new(&self.fd, PollFlags::IN)], timeout.as_ref()) {
            Ok(_) | Err(Errno::INTR) => (),
            Err(error) => panic!("the doorbell of a worker is gone: {error}"),
        }
    }

    /// Makes it quiet again. It need not have rung.
    ///
    /// # Panics
    ///
    /// If somebody closed the descriptor.
    pub fn drain(&self) {
        sync::step();
        match rustix::io::read(&self.fd, &mut [0; 8]) {
            Ok(_) | Err(Errno::AGAIN) => (),
            Err(error) => panic!("the doorbell of a worker is gone: {error}"),
        }
    }
}

impl From<OwnedFd> for Doorbell {
    /// The bell behind a descriptor that came from another process.
    fn from(fd: OwnedFd) -> Self {
        Self { fd }
    }
}

impl AsFd for Doorbell {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl AsRawFd for Doorbell {
    fn as_raw_fd(&self) -> RawFd {
        self.fd.as_raw_fd()
    }
}

/// States, events and bells of all workers. A clone is another handle to the same.
#[derive(Debug, Clone)]
pub struct Bells {
    words: Words,
    doorbells: Arc<[Doorbell]>,
    channels: usize,
}

/// What belongs to one worker.
struct Desk<'a> {
    state: &'a AtomicU64,
    /// One bit for each word of `events` that may be other than 0.
    summary: &'a [AtomicU64],
    /// One bit a channel.
    events: &'a [AtomicU64],
}

impl Bells {
    /// Bytes to reserve in the region, aligned to 128.
    pub fn footprint(workers: usize, channels: usize) -> usize {
        (DESKS + workers * desk_words(channels)) * 8
    }

    /// Builds the bells: no events, every worker awake and counted.
    ///
    /// `doorbells` has one bell for each worker, and as its last the supervisor's, which rings when `active` has
    /// come down to 0.
    ///
    /// # Panics
    ///
    /// If the sizes do not fit together, or there are more than [`MAX_WORKERS`].
    pub fn create(
        region: &Arc<Region>,
        offset: usize,
        workers: usize,
        channels: usize,
        doorbells: Arc<[Doorbell]>,
    ) -> Self {
        let bells = Self::at(region, offset, workers, channels, doorbells);
        for word in bells.words.iter() {
            word.store(0, SeqCst);
        }
        bells.words[SIZES].store(workers as u64, SeqCst);
        bells.words[SIZES + 1].store(channels as u64, SeqCst);
        bells.words[ACTIVE].store(workers as u64, SeqCst);
        bells
    }

    /// A handle to the bells that were created there, before this process or its attachment began.
    ///
    /// # Panics
    ///
    /// If there are none of these sizes.
    pub fn attach(
        region: &Arc<Region>,
        offset: usize,
        workers: usize,
        channels: usize,
        doorbells: Arc<[Doorbell]>,
    ) -> Self {
        let bells = Self::at(region, offset, workers, channels, doorbells);
        let sizes = (bells.words[SIZES].load(SeqCst) as usize, bells.words[SIZES + 1].load(SeqCst) as usize);
        assert!(sizes == (workers, channels), "there are no bells for {workers} workers, {channels} channels");
        bells
    }

    fn at(region: &Arc<Region>, offset: usize, workers: usize, channels: usize, doorbells: Arc<[Doorbell]>) -> Self {
        assert!(workers <= MAX_WORKERS, "{workers} workers are more than {MAX_WORKERS}");
        assert!(doorbells.len() == workers + 1, "each worker and the supervisor have one doorbell");
        assert!(offset.is_multiple_of(LINE * 8), "bells start at a multiple of {}", LINE * 8);
        let words = Words::new(region, offset, Self::footprint(workers, channels) / 8);
        Self { words, doorbells, channels }
    }

    fn desk(&self, worker: usize) -> Desk<'_> {
        let size = desk_words(self.channels);
        let (state, events) = self.words[DESKS + worker * size..][..size].split_at(LINE);
        let (summary, events) = events.split_at(summary_words(self.channels));
        Desk { state: &state[0], summary, events }
    }

    /// Tells `worker` that something happened to `channel`, and wakes it if it sleeps.
    ///
    /// Called after the change, by a worker that is awake or for the supervisor.
    ///
    /// # Panics
    ///
    /// If there is no such worker or channel.
    pub fn raise(&self, worker: usize, channel: usize) {
        assert!(channel < self.channels, "there is no channel {channel}");
        let Desk { state, summary, events } = self.desk(worker);
        let word = channel / 64;
        events[word].fetch_or(1 << (channel % 64), SeqCst);
        // A summary bit that is there already will be cleared before its word is read, so the bit above is found.
        let bit = 1 << (word % 64);
        if summary[word / 64].load(SeqCst) & bit == 0 {
            summary[word / 64].fetch_or(bit, SeqCst);
        }
        // SYNC POINT: raise. The bits are set; now the state is read.
        if self.wake(state) {
            self.doorbells[worker].ring();
        }
    }

    /// Clears the events of `worker` and reports each channel, in ascending order. Whether there was any.
    ///
    /// Called by the worker itself.
    pub fn take(&self, worker: usize, mut report: impl FnMut(usize)) -> bool {
        let Desk { summary, events, .. } = self.desk(worker);
        let mut any = false;
        for (index, word) in summary.iter().enumerate() {
            if word.load(SeqCst) == 0 {
                continue;
            }
            for word in bits(word.swap(0, SeqCst)) {
                let word = index * 64 + word;
                for bit in bits(events[word].swap(0, SeqCst)) {
                    any = true;
                    report(word * 64 + bit);
                }
            }
        }
        any
    }

    /// Announces that `worker` goes to sleep, as `idle` if all there waits for channels only. `false` if an event is
    /// there: it is awake still, and should take it. `true` if it may sleep until its doorbell rings; after that, or
    /// whenever it wakes for another reason, it calls [`rouse`](Bells::rouse) first.
    ///
    /// Called by the worker itself. If this leaves nobody active, the supervisor's bell rings.
    pub fn doze(&self, worker: usize, idle: bool) -> bool {
        let Desk { state, summary, .. } = self.desk(worker);
        self.wake(state);
        // SYNC POINT: doze. The state is written; now the bits are read.
        state.swap(if idle { IDLE } else { SLEEPING }, SeqCst);
        if summary.iter().any(|word| word.load(SeqCst) != 0) {
            let found = state.swap(BUSY, SeqCst);
            if idle && found == BUSY {
                // A raiser took the announcement back first, and added a credit to the one that is still held.
                self.drop_credit();
            }
            return false;
        }
        if idle {
            self.drop_credit();
        }
        true
    }

    /// `worker` is awake again, for whatever reason. Called by the worker itself.
    pub fn rouse(&self, worker: usize) {
        self.wake(self.desk(worker).state);
    }

    /// `worker` has finished for good: it leaves the count, and events for it wake nobody.
    ///
    /// Called by the worker itself.
    pub fn retire(&self, worker: usize) {
        let found = self.desk(worker).state.swap(RETIRED, SeqCst);
        if found == BUSY || found == SLEEPING {
            self.drop_credit();
        }
    }

    /// Workers that are not idle. When it reads 0, nothing will move again by itself.
    pub fn active(&self) -> u64 {
        self.words[ACTIVE].load(SeqCst)
    }

    /// Rings the bell of `worker` whatever its state, and leaves the count alone: for a request to stop, which the
    /// worker finds elsewhere.
    pub fn interrupt(&self, worker: usize) {
        self.doorbells[worker].ring();
    }

    /// Takes the announcement of a sleeper back. Whether there was one.
    fn wake(&self, state: &AtomicU64) -> bool {
        loop {
            let seen = state.load(SeqCst);
            match seen {
                SLEEPING => (),
                IDLE => _ = self.words[ACTIVE].fetch_add(1, SeqCst),
                _ => return false,
            }
            if state.compare_exchange(seen, BUSY, SeqCst, SeqCst).is_ok() {
                return true;
            }
            if seen == IDLE {
                self.drop_credit();
            }
        }
    }

    fn drop_credit(&self) {
        if self.words[ACTIVE].fetch_sub(1, SeqCst) == 1 {
            self.doorbells[self.doorbells.len() - 1].ring();
        }
    }
}

fn event_words(channels: usize) -> usize {
    channels.div_ceil(64)
}

fn summary_words(channels: usize) -> usize {
    event_words(channels).div_ceil(64)
}

fn desk_words(channels: usize) -> usize {
    (LINE + summary_words(channels) + event_words(channels)).next_multiple_of(LINE)
}

#[cfg(test)]
mod deaths;
#[cfg(test)]
mod protocol;
#[cfg(test)]
mod tests;
