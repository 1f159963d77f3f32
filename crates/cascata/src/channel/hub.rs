//! What the channels of one worker share: its bell, and its part of the shared memory.

use std::sync::{
    Arc, Mutex,
    atomic::{Ordering::SeqCst, fence},
};

use cascata_shm::{Bells, Pool, WorkerSet, arena};

use super::{Full, Loan, lock, parcel::Depot};
use crate::metrics::Holding;

/// What the channels of one worker share.
#[derive(Clone, Debug)]
pub struct Hub {
    pub(super) worker: usize,
    pub(super) bells: Bells,
    pub(super) depot: Depot,
    /// The number under which the bells tell of memory; it is that of no channel.
    memory: usize,
    made: Holding,
}

impl Hub {
    /// The hub of `worker`, whose memory is the span of the same number in `pool`. The bells tell of memory as of
    /// channel `memory`; what is made [blank](Hub::blank) counts in `made`.
    pub fn new(worker: usize, bells: Bells, pool: Pool, memory: usize, made: Holding) -> Self {
        let arena = Arc::new(Mutex::new(pool.arena(worker)));
        Self { worker, bells, depot: Depot { pool, arena }, memory, made }
    }

    /// A block of `len` bytes for whoever will write them before it is sent.
    ///
    /// # Errors
    /// The arena has no room for them.
    pub fn blank(&self, len: usize) -> Result<Loan, Full> {
        let block = self.depot.store(len, |_| ())?;
        let guard = arena::bytes(self.depot.region(), block).map_err(|_| Full { bytes: len, cost: 0 })?;
        Ok(Loan::new(guard, Some(&self.made)))
    }

    /// Gives back the memory of items that their receivers have dropped: for a worker that falls asleep.
    pub fn reclaim(&self) {
        lock(&self.depot.arena).reclaim();
    }

    /// Notes that this worker waits for memory, and has the others give back what they can. `false` if it was noted
    /// already.
    pub fn await_memory(&self) -> bool {
        let fresh = self.depot.pool.wait(self.worker);
        if fresh {
            self.raise(self.others().collect());
        }
        // Whoever closes a channel after this sees the note.
        fence(SeqCst);
        fresh
    }

    /// Takes a note back that [`await_memory`](Self::await_memory) has made, for nothing else waits here.
    pub fn stop_waiting(&self) {
        self.depot.pool.stop_waiting(self.worker);
    }

    /// A channel has closed: what waits for memory to be sent there need not wait any more.
    pub(super) fn channel_closed(&self) {
        fence(SeqCst);
        if self.depot.pool.is_short() {
            self.raise(self.others().collect());
        }
    }

    fn others(&self) -> impl Iterator<Item = usize> {
        let this = self.worker;
        (0..self.depot.pool.count()).filter(move |&worker| worker != this)
    }

    /// Does what this worker can for those who wait for memory, and wakes them if there is some. To be called often, by a
    /// worker that is awake, and before it sleeps. Whether anybody waits.
    pub fn relieve(&self) -> bool {
        let pool = &self.depot.pool;
        if !pool.is_short() {
            return false;
        }
        self.reclaim();
        self.raise(self.others().filter(|&worker| pool.has_released(worker)).collect());
        self.raise(pool.freed());
        true
    }

    /// Whether this worker is noted as waiting for memory. If not, what waits in its outports tries again.
    pub fn awaits_memory(&self) -> bool {
        self.depot.pool.waits(self.worker)
    }

    /// The worker ends: what it has stored is given back without it from now on.
    pub fn retire(&self) {
        lock(&self.depot.arena).retire();
    }

    fn raise(&self, workers: WorkerSet) {
        for worker in workers.iter() {
            self.bells.raise(worker, self.memory);
        }
    }
}
