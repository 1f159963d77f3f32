//! The memory of a run, laid out from its plan: control words, doorbells, counters, rings, arena spans.
//!
//! It is made before the workers start and mapped by all of them. It has no name: the kernel frees it with the last
//! process that maps it, however the run ends.

use std::{
    io,
    sync::{Arc, atomic::Ordering::SeqCst},
};

use cascata_shm::{Bells, Doorbell, Layout, Pool, Region, Ring, Words};

use crate::{
    channel::Hub,
    metrics::{Holding, InportMeter, MeterLayout, NodeMeter},
    plan::Plan,
};

/// Slots of a ring whose channel has no bound: its receiver takes them off as they come.
const UNBOUNDED_SLOTS: usize = 1024;
/// Slots that a ring can count. A channel with a larger capacity would run out of memory before it is full.
const MOST_SLOTS: usize = u32::MAX as usize;
/// Address space that all arena spans together may take, half of what a process has.
const ADDRESSES: usize = 1 << 46;
/// The least memory for items: what small ones of a few sizes take.
const LEAST: usize = 1 << 20;
/// Addresses that a span may have beyond what can be used at once.
const SPARE: usize = 1 << 32;
const LINE: usize = 128;
const PAGE: usize = 4096;
const CONTROL: usize = 1;
const STOP: usize = 0;

/// The number under which the bells tell of memory.
fn memory_channel<V>(plan: &Plan<V>) -> usize {
    plan.channels.len()
}

/// The shared memory of one run.
#[derive(Clone, Debug)]
pub struct Memory {
    bells: Bells,
    doorbells: Arc<[Doorbell]>,
    control: Words,
    meters: Words,
    layout: MeterLayout,
    /// The ring of each channel that crosses workers.
    rings: Vec<Option<Ring>>,
    pool: Pool,
    workers: usize,
}

impl Memory {
    /// Lays out and maps the memory for `plan`, in which items between workers may take `limit` bytes.
    ///
    /// # Errors
    /// The system has no descriptors or address space left.
    pub fn new<V>(plan: &Plan<V>, limit: usize) -> io::Result<Self> {
        let workers = plan.workers.max(1);
        let shared = plan.channels.iter().any(|channel| channel.shared);
        let limit = limit.clamp(LEAST, ADDRESSES).next_multiple_of(PAGE);
        // Each worker has the addresses for all of it, and some to spare where it is little and soon in pieces.
        let span = if shared { (limit + limit.min(SPARE)).min(ADDRESSES / workers / PAGE * PAGE) } else { PAGE };
        let meter_layout = MeterLayout::new(plan);

        let mut layout = Layout::new();
        let control_at = layout.reserve(CONTROL * 8, LINE);
        let bells_at = layout.reserve(Bells::footprint(workers, memory_channel(plan) + 1), LINE);
        let meters_at = layout.reserve(meter_layout.len() * 8, LINE);
        let slots = |capacity: Option<usize>| capacity.unwrap_or(UNBOUNDED_SLOTS).min(MOST_SLOTS);
        let rings_at: Vec<_> = plan
            .channels
            .iter()
            .map(|channel| channel.shared.then(|| layout.reserve(Ring::footprint(slots(channel.capacity)), LINE)))
            .collect();
        let pool_at = layout.reserve(Pool::footprint(workers, span), PAGE);

        let region = Region::create(layout.len())?;
        let doorbells: Arc<[Doorbell]> = (0..=workers).map(|_| Doorbell::new()).collect::<io::Result<_>>()?;
        let bells = Bells::create(&region, bells_at, workers, memory_channel(plan) + 1, doorbells.clone());
        let rings = plan.channels.iter().zip(rings_at).map(|(channel, at)| {
            at.map(|at| Ring::create(&region, at, slots(channel.capacity), channel.publishers as u32))
        });
        let rings = rings.collect();
        Ok(Self {
            control: Words::new(&region, control_at, CONTROL),
            meters: Words::new(&region, meters_at, meter_layout.len()),
            layout: meter_layout,
            bells,
            doorbells,
            rings,
            pool: Pool::create(&region, pool_at, workers, span, limit),
            workers,
        })
    }

    /// The counters of component `node`.
    pub fn meter(&self, node: usize) -> NodeMeter {
        self.layout.node(&self.meters, node)
    }

    /// The counters of one inport of component `node`.
    pub fn inport_meter(&self, node: usize, inport: usize) -> InportMeter {
        self.layout.inport(&self.meters, node, inport)
    }

    /// The ring of `channel`, if it crosses workers.
    pub fn ring(&self, channel: usize) -> Option<&Ring> {
        self.rings[channel].as_ref()
    }

    /// What the channels of `worker` share; for this worker's process only, and once.
    pub fn hub(&self, worker: usize) -> Hub {
        let made = self.layout.made(&self.meters, worker);
        Hub::new(worker, self.bells.clone(), self.pool.clone(), self.rings.len(), made)
    }

    /// What of the shared memory the code on `worker` has made by itself and still refers to.
    pub fn made(&self, worker: usize) -> Holding {
        self.layout.made(&self.meters, worker)
    }

    /// The memory of items between workers.
    pub fn pool(&self) -> &Pool {
        &self.pool
    }

    /// Has all workers look whether they can give memory back to those who wait for some.
    pub fn nudge(&self) {
        for worker in 0..self.workers {
            self.bells.raise(worker, self.rings.len());
        }
    }

    /// The doorbells and the quiescence count.
    pub fn bells(&self) -> &Bells {
        &self.bells
    }

    /// The descriptor that wakes `worker`'s loop.
    pub fn doorbell(&self, worker: usize) -> &Doorbell {
        &self.doorbells[worker]
    }

    /// The descriptor that tells the supervisor that nothing moves any more.
    pub fn quiet(&self) -> &Doorbell {
        &self.doorbells[self.workers]
    }

    /// How many workers there are.
    pub fn workers(&self) -> usize {
        self.workers
    }

    /// Asks all workers to stop.
    pub fn stop(&self) {
        self.control[STOP].store(1, SeqCst);
        for worker in 0..self.workers {
            self.bells.interrupt(worker);
        }
    }

    /// Whether the run is being stopped.
    pub fn stopping(&self) -> bool {
        self.control[STOP].load(SeqCst) != 0
    }
}
