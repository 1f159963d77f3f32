//! The memory of a run, laid out from its plan: control words, doorbells, counters, rings, arena spans.
//!
//! It is made before the workers start and mapped by all of them. It has no name: the kernel frees it with the last
//! process that maps it, however the run ends.

use std::{
    io, iter,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    sync::{Arc, atomic::Ordering::SeqCst},
};

use cascata_shm::{Bells, Cycle, Doorbell, Gate, Layout, MOST_SLOTS, Pool, Region, Ring, Words, layout::PAGE};

use crate::{
    channel::Hub,
    cycles::{Cycles, Shape},
    metrics::{Holding, InportMeter, MeterLayout, NodeMeter},
    order::{Order, OrderLayout},
    plan::{Plan, PlannedChannel},
};

/// Slots of a ring whose channel has no bound: its receiver takes them off as they come.
const UNBOUNDED_SLOTS: usize = 1024;
/// Address space that all arena spans together may take, half of what a process has.
const ADDRESSES: usize = 1 << 46;
const LINE: usize = 128;
const CONTROL: usize = 1;
const STOP: usize = 0;

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
    order: Order,
    workers: usize,
    cycles: Vec<Cycle>,
    members: Arc<Cycles>,
}

/// Where everything lies.
struct Places {
    control: usize,
    bells: usize,
    meters: usize,
    /// The ring of each channel that crosses workers.
    rings: Vec<Option<usize>>,
    cycles: Vec<usize>,
    pool: usize,
    span: usize,
    limit: usize,
    len: usize,
    workers: usize,
    /// Numbers by which bells tell of something.
    topics: Topics,
    meter_layout: MeterLayout,
    order: OrderLayout,
    members: Cycles,
}

impl Places {
    fn new<V>(plan: &Plan<V>, limit: usize) -> Self {
        let workers = plan.participants();
        let shared = plan.channels.iter().any(|channel| channel.shared);
        let limit = limit.clamp(Pool::LEAST, ADDRESSES).next_multiple_of(PAGE);
        let span = if shared { Pool::span(limit).min(ADDRESSES / workers / PAGE * PAGE) } else { PAGE };
        let topics = Topics::new(plan);
        let members = Cycles::new(plan);
        let meter_layout = MeterLayout::new(plan);
        let mut layout = Layout::new();
        let control = layout.reserve(CONTROL * 8, LINE);
        let bells = layout.reserve(Bells::footprint(workers, topics.count()), LINE);
        let meters = layout.reserve(meter_layout.len() * 8, LINE);
        let rings = plan
            .channels
            .iter()
            .map(|channel| channel.shared.then(|| layout.reserve(Ring::footprint(slots(channel)), LINE)))
            .collect();
        let cycles = members.all.iter().map(|cycle| layout.reserve(Cycle::footprint(cycle.gates), LINE)).collect();
        let order = OrderLayout::new(plan, &mut layout);
        let pool = layout.reserve(Pool::footprint(workers, span), PAGE);
        let len = layout.len();
        Self {
            control,
            bells,
            meters,
            rings,
            cycles,
            pool,
            span,
            limit,
            len,
            workers,
            topics,
            meter_layout,
            order,
            members,
        }
    }
}

/// What bells tell of, each under a number of its own.
#[derive(Clone, Copy, Debug)]
pub struct Topics {
    channels: usize,
    desks: usize,
    gathers: usize,
    turnstiles: usize,
    cycles: usize,
}

impl Topics {
    /// Those of a run of `plan`.
    pub fn new<V>(plan: &Plan<V>) -> Self {
        Self {
            channels: plan.channels.len(),
            desks: plan.desks.len(),
            gathers: plan.gathers.len(),
            turnstiles: plan.turnstiles.len(),
            cycles: plan.cycles.len(),
        }
    }

    /// That there may be shared memory for those who wait for some. The numbers below are those of channels.
    pub fn memory(self) -> usize {
        self.channels
    }

    /// That others have shared out at a desk.
    pub fn desk(self, desk: usize) -> usize {
        self.memory() + 1 + desk
    }

    /// That a member has passed whose results are gathered.
    pub fn gather(self, gather: usize) -> usize {
        self.desk(self.desks) + gather
    }

    /// That another member has passed a turnstile.
    pub fn turnstile(self, turnstile: usize) -> usize {
        self.gather(self.gathers) + turnstile
    }

    /// That a feedback loop has closed, or that batches in it are to be flushed.
    pub fn cycle(self, cycle: usize) -> usize {
        self.turnstile(self.turnstiles) + cycle
    }

    /// How many numbers there are.
    pub fn count(self) -> usize {
        self.cycle(self.cycles)
    }
}

/// Slots of a channel's ring. A channel with a larger capacity would run out of memory before it is full.
fn slots(channel: &PlannedChannel) -> usize {
    channel.capacity.unwrap_or(UNBOUNDED_SLOTS).min(MOST_SLOTS)
}

impl Memory {
    /// Lays out and maps the memory for `plan`, in which items between workers may take `limit` bytes.
    ///
    /// # Errors
    /// The system has no descriptors or address space left.
    pub fn new<V>(plan: &Plan<V>, limit: usize) -> io::Result<Self> {
        let places = Places::new(plan, limit);
        let region = Region::create(places.len)?;
        let doorbells: Arc<[Doorbell]> = (0..=places.workers).map(|_| Doorbell::new()).collect::<io::Result<_>>()?;
        let bells = Bells::create(&region, places.bells, places.workers, places.topics.count(), doorbells.clone());
        let ring = |(channel, at): (&PlannedChannel, &Option<usize>)| {
            at.map(|at| Ring::create(&region, at, slots(channel), channel.publishers as u32))
        };
        let rings = plan.channels.iter().zip(&places.rings).map(ring).collect();
        let pool = Pool::create(&region, places.pool, places.workers, places.span, places.limit);
        let order = Order::create(&region, places.order.clone(), plan);
        for (shape, at) in places.members.all.iter().zip(&places.cycles) {
            Cycle::create(&region, *at, shape.gates, shape.parts);
        }
        Ok(Self::at(places, &region, bells, doorbells, rings, pool, order))
    }

    /// Maps the memory that another process has laid out for `plan` and `limit`, from its [`descriptors`](Self::descriptors).
    ///
    /// # Errors
    /// `InvalidInput` if they are not those of such a memory; or the system has no address space left.
    pub fn attach<V>(plan: &Plan<V>, limit: usize, descriptors: Vec<OwnedFd>) -> io::Result<Self> {
        let unfit = |what| io::Error::new(io::ErrorKind::InvalidInput, what);
        let places = Places::new(plan, limit);
        let mut descriptors = descriptors.into_iter();
        let region = Region::open(descriptors.next().ok_or_else(|| unfit("there are no descriptors"))?)?;
        let doorbells: Arc<[Doorbell]> = descriptors.map(Doorbell::from).collect();
        if region.len() != places.len || doorbells.len() != places.workers + 1 {
            return Err(unfit("the descriptors are those of the memory of another plan"));
        }
        let bells = Bells::attach(&region, places.bells, places.workers, places.topics.count(), doorbells.clone());
        let rings = places.rings.iter().map(|at| at.map(|at| Ring::attach(&region, at))).collect();
        let pool = Pool::attach(&region, places.pool, places.workers, places.span);
        let order = Order::attach(&region, places.order.clone());
        Ok(Self::at(places, &region, bells, doorbells, rings, pool, order))
    }

    fn at(
        places: Places,
        region: &Arc<Region>,
        bells: Bells,
        doorbells: Arc<[Doorbell]>,
        rings: Vec<Option<Ring>>,
        pool: Pool,
        order: Order,
    ) -> Self {
        let cycle = |(number, (shape, at)): (usize, (&Shape, &usize))| {
            let bell = places.topics.cycle(number);
            Cycle::attach(region, *at, shape.gates, bells.clone(), shape.workers.clone(), bell)
        };
        let cycles = places.members.all.iter().zip(&places.cycles).enumerate().map(cycle).collect();
        Self {
            cycles,
            members: Arc::new(places.members),
            control: Words::new(region, places.control, CONTROL),
            meters: Words::new(region, places.meters, places.meter_layout.len()),
            layout: places.meter_layout,
            bells,
            doorbells,
            rings,
            pool,
            order,
            workers: places.workers,
        }
    }

    /// What a process that was not forked needs to [`attach`](Self::attach): the region's descriptor, then those of the
    /// doorbells.
    pub fn descriptors(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        iter::once(self.pool.region().fd()).chain(self.doorbells.iter().map(Doorbell::as_fd))
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

    /// The gate before `channel`, if its receiver belongs to a feedback loop.
    pub fn gate(&self, channel: usize) -> Option<Gate> {
        self.members.of_channel[channel].map(|(cycle, gate)| self.cycles[cycle].gate(gate))
    }

    /// The feedback loop that component `node` belongs to.
    pub fn cycle(&self, node: usize) -> Option<&Cycle> {
        self.members.of_node[node].map(|cycle| &self.cycles[cycle])
    }

    /// What an outport of component `node` has to do with feedback loops: that in which its items go round, and those that
    /// it feeds from outside, once for each connection.
    pub fn cycles_behind(&self, node: usize, outport: usize) -> (Option<Cycle>, Vec<Cycle>) {
        let cycle = |number: usize| self.cycles[number].clone();
        (self.members.home(node, outport).map(cycle), self.members.fed_by(node, outport).map(cycle).collect())
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

    /// What keeps the order of groups' results, and shares items out.
    pub fn order(&self) -> &Order {
        &self.order
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

    /// How many take part in the run: the workers, and the calling program if it has taps.
    pub fn participants(&self) -> usize {
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
