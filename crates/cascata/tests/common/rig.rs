//! Channels and outports of two workers in one process, wired as a plan says and without anything that drives them.

#![allow(dead_code, reason = "each test file uses a part")]

use std::sync::Arc;

use cascata::{
    channel::{Hub, Inlet, Local, Outport, Remote, Sent, Ticket},
    graph::{Definition, Graph, Inport, Outport as Declared},
    metrics::{InportMeter, MeterLayout, NodeMeter, OutportMeter},
    plan::Plan,
};
use cascata_shm::{Bells, Doorbell, Layout, Pool, Region, Ring, Words};

use super::token::{Census, Token};

pub const WORKERS: usize = 2;
const PAGE: usize = 4096;
const LINE: usize = 128;
/// Pages of each worker's arena span: enough for what a test keeps inside, too few for one that leaks.
const SPAN: usize = 400;
/// The largest payload that such a span has room for.
pub const LARGEST: usize = (SPAN - 1) * PAGE - 64;

/// A channel to be made.
#[derive(Clone, Debug)]
pub struct Channel {
    pub capacity: Option<usize>,
    /// The worker that receives.
    pub receiver: usize,
    /// Shared memory even if all its senders are with the receiver.
    pub shared: bool,
}

/// An outport to be made.
#[derive(Clone, Debug)]
pub struct Sender {
    pub worker: usize,
    pub targets: Vec<usize>,
}

/// What a rig consists of. Every channel has a sender.
#[derive(Clone, Debug)]
pub struct Spec {
    pub channels: Vec<Channel>,
    pub senders: Vec<Sender>,
    /// Slots of the ring of an unbounded channel.
    pub slots: usize,
}

/// The ends of one channel, by worker.
#[derive(Debug)]
pub enum Ends {
    Local(Arc<Local<Token>>),
    Remote([Arc<Remote<Token>>; WORKERS]),
}

pub struct Rig {
    pub spec: Spec,
    pub census: Arc<Census>,
    pub outports: Vec<Outport<Token>>,
    pub inlets: Vec<Inlet<Token>>,
    pub ends: Vec<Ends>,
    pub bells: Bells,
    pub doorbells: Arc<[Doorbell]>,
    pub hubs: [Hub; WORKERS],
    rings: Vec<Option<Ring>>,
    meters: Vec<NodeMeter>,
}

impl Spec {
    /// The plan: a component for every channel, then one for every sender.
    pub fn plan(&self) -> Plan<i64> {
        let mut graph = Graph::new();
        for (index, channel) in self.channels.iter().enumerate() {
            let inport = Inport { name: "x".into(), capacity: channel.capacity, default: None };
            let receiver = Definition::new("receiver", "tests", vec![inport], vec![], vec![], 0).unwrap();
            graph.add(format!("c{index}"), Arc::new(receiver)).unwrap();
        }
        for (index, sender) in self.senders.iter().enumerate() {
            let outports = vec![Declared { name: "out".into() }];
            let definition = Definition::new("sender", "tests", vec![], outports, vec![], 0).unwrap();
            graph.add(format!("s{index}"), Arc::new(definition)).unwrap();
            for target in &sender.targets {
                graph.connect(&format!("s{index}"), "out", &format!("c{target}"), "x").unwrap();
            }
        }
        let mut plan = Plan::new(&graph, 1, &[], None).unwrap();
        // Placed by hand: a worker may well have nothing to do here.
        plan.workers = WORKERS;
        let workers = self.channels.iter().map(|channel| channel.receiver);
        let workers = workers.chain(self.senders.iter().map(|sender| sender.worker));
        plan.nodes.iter_mut().zip(workers).for_each(|(node, worker)| node.worker = worker);
        for (index, channel) in plan.channels.iter_mut().enumerate() {
            assert_eq!(channel.node, index, "every channel has a sender");
            channel.shared = self.is_shared(index);
        }
        plan
    }

    /// Whether the channel goes through shared memory.
    pub fn is_shared(&self, channel: usize) -> bool {
        let Channel { receiver, shared, .. } = self.channels[channel];
        shared || self.senders.iter().any(|sender| sender.targets.contains(&channel) && sender.worker != receiver)
    }
}

impl Rig {
    pub fn new(spec: Spec) -> Self {
        let plan = spec.plan();
        let layout = MeterLayout::new(&plan);
        let slots = |index: usize| spec.channels[index].capacity.unwrap_or(spec.slots);

        let mut places = Layout::new();
        let bells_at = places.reserve(Bells::footprint(WORKERS, plan.channels.len() + 1), LINE);
        let meters_at = places.reserve(layout.len() * 8, LINE);
        let rings_at: Vec<_> = (0..plan.channels.len())
            .map(|index| plan.channels[index].shared.then(|| places.reserve(Ring::footprint(slots(index)), LINE)))
            .collect();
        let pool_at = places.reserve(Pool::footprint(WORKERS, SPAN * PAGE), PAGE);
        let region = Region::create(places.len()).unwrap();

        let doorbells: Arc<[Doorbell]> = (0..=WORKERS).map(|_| Doorbell::new().unwrap()).collect();
        let bells = Bells::create(&region, bells_at, WORKERS, plan.channels.len() + 1, doorbells.clone());
        let pool = Pool::create(&region, pool_at, WORKERS, SPAN * PAGE, WORKERS * SPAN * PAGE);
        let words = Words::new(&region, meters_at, layout.len());
        let hubs: [Hub; WORKERS] = std::array::from_fn(|worker| {
            let made = layout.made(&words, worker);
            used(Hub::new(worker, bells.clone(), pool.clone(), plan.channels.len(), made))
        });
        let rings: Vec<_> = rings_at
            .into_iter()
            .enumerate()
            .map(|(index, at)| {
                let publishers = plan.channels[index].publishers as u32;
                at.map(|at| Ring::create(&region, at, slots(index), publishers))
            })
            .collect();
        let meters: Vec<_> = (0..plan.nodes.len()).map(|node| layout.node(&words, node)).collect();

        let ends: Vec<_> = plan
            .channels
            .iter()
            .enumerate()
            .map(|(index, channel)| {
                let meter = || meters[channel.node].inports[channel.inport].clone();
                let unbounded = channel.capacity.is_none();
                match &rings[index] {
                    None => Ends::Local(Arc::new(Local::new(channel.capacity, channel.publishers, meter()))),
                    Some(ring) => Ends::Remote(std::array::from_fn(|worker| {
                        let receives = spec.channels[index].receiver == worker;
                        let hub = hubs[worker].clone();
                        Arc::new(Remote::new(index, ring.clone(), hub, receives, unbounded, meter()))
                    })),
                }
            })
            .collect();
        let outports = spec.senders.iter().enumerate().map(|(index, sender)| {
            let meter = meters[spec.channels.len() + index].outports[0].clone();
            outport(&spec, &ends, sender.worker, &sender.targets, meter)
        });
        let inlets = ends.iter().enumerate().map(|(index, ends)| match ends {
            Ends::Local(local) => Inlet::Local(local.clone()),
            Ends::Remote(remotes) => Inlet::Remote(remotes[spec.channels[index].receiver].clone()),
        });
        let (outports, inlets) = (outports.collect(), inlets.collect());
        Self { census: Census::new(), outports, inlets, ends, bells, doorbells, hubs, rings, meters, spec }
    }

    /// A small item.
    pub fn token(&self, id: u64) -> Token {
        self.census.token(id)
    }

    /// Sends a small item that finds room, or for which nobody is left.
    #[track_caller]
    pub fn send(&self, sender: usize, id: u64) -> bool {
        match self.outports[sender].send(self.token(id)) {
            Ok(Sent::Now(reached)) => reached,
            other => panic!("the send of {id} gave {other:?}"),
        }
    }

    /// Sends a small item that finds no room.
    #[track_caller]
    pub fn send_waiting(&self, sender: usize, id: u64) -> Arc<Ticket> {
        match self.outports[sender].send(self.token(id)) {
            Ok(Sent::Waits(ticket)) => ticket,
            other => panic!("the send of {id} gave {other:?}"),
        }
    }

    /// Takes the first item, if there is one.
    pub fn take(&self, channel: usize) -> Option<u64> {
        self.inlets[channel].take().unwrap().map(|token| token.id)
    }

    /// Takes all there is, and what enters thereby.
    pub fn take_all(&self, channel: usize) -> Vec<u64> {
        let mut taken = Vec::new();
        loop {
            self.settle();
            match self.take(channel) {
                Some(id) => taken.push(id),
                None => return taken,
            }
        }
    }

    /// Items inside, as the channel counts them.
    pub fn fill(&self, channel: usize) -> usize {
        match (&self.ends[channel], &self.rings[channel]) {
            (Ends::Local(local), _) => local.fill(),
            (_, ring) => ring.as_ref().unwrap().fill(),
        }
    }

    /// Has `worker` look once at what the others have told it. Whether there was anything.
    pub fn answer(&self, worker: usize) -> bool {
        let mut rung = Vec::new();
        self.bells.take(worker, |channel| rung.push(channel));
        for &channel in &rung {
            match self.ends.get(channel) {
                None => {} // of memory
                Some(Ends::Local(_)) => panic!("a local channel has no bell"),
                Some(Ends::Remote(remotes)) => remotes[worker].on_bell(),
            }
        }
        self.feed(worker);
        !rung.is_empty()
    }

    /// Has `worker` do what it does all the time about the shared memory.
    pub fn feed(&self, worker: usize) {
        self.hubs[worker].relieve();
        for (sender, outport) in self.spec.senders.iter().zip(&self.outports) {
            let waits = self.hubs[worker].awaits_memory() && !outport.is_closed();
            if sender.worker == worker && outport.holds_back() && !waits {
                outport.feed();
            }
        }
    }

    /// Has `worker` answer its bells until none rings.
    pub fn answer_bells(&self, worker: usize) {
        let quiet = (0..1000).any(|_| !self.answer(worker));
        assert!(quiet, "worker {worker} rings its own bell for ever");
    }

    /// Whether nobody has told `worker` of anything, so that it may sleep.
    pub fn may_sleep(&self, worker: usize) -> bool {
        self.feed(worker);
        let sleeps = self.bells.doze(worker, false);
        self.bells.rouse(worker);
        sleeps
    }

    /// Has all workers answer their bells until none rings.
    pub fn settle(&self) {
        for _ in 0..1000 {
            if (0..WORKERS).all(|worker| self.may_sleep(worker)) {
                return;
            }
            (0..WORKERS).for_each(|worker| self.answer_bells(worker));
        }
        panic!("the workers ring each other for ever");
    }

    /// Whether items of senders on `worker` wait for room.
    pub fn waits(&self, worker: usize) -> bool {
        self.ends.iter().any(|ends| matches!(ends, Ends::Remote(remotes) if remotes[worker].has_waiting()))
    }

    /// The counters of a channel.
    pub fn meter(&self, channel: usize) -> &InportMeter {
        &self.meters[channel].inports[0]
    }

    /// Of these: taken, discarded.
    pub fn received(&self, channel: usize) -> (u64, u64) {
        (self.meter(channel).taken.get(), self.meter(channel).discarded.get())
    }

    /// How many items have entered a channel.
    pub fn entered(&self, channel: usize) -> u64 {
        match &self.rings[channel] {
            None => self.meter(channel).received.get(),
            Some(ring) => ring.pushed(),
        }
    }

    /// How many items a sender has sent.
    pub fn sent(&self, sender: usize) -> u64 {
        self.meters[self.spec.channels.len() + sender].outports[0].sent.get()
    }

    /// Closes all channels and checks that nothing is left: no item, no block in an arena.
    pub fn dispose(self) {
        self.inlets.iter().for_each(Inlet::close);
        self.settle();
        assert_eq!(self.census.alive(), 0, "items outlive their channels");
        for (worker, hub) in self.hubs.iter().enumerate() {
            hub.blank(LARGEST).unwrap_or_else(|full| panic!("the arena of worker {worker} has lost memory: {full:?}"));
        }
    }
}

fn outport(spec: &Spec, ends: &[Ends], worker: usize, targets: &[usize], meter: OutportMeter) -> Outport<Token> {
    let (mut locals, mut remotes) = (Vec::new(), Vec::new());
    for &target in targets {
        match &ends[target] {
            Ends::Local(local) => locals.push(local.clone()),
            Ends::Remote(ends) => remotes.push((ends[worker].clone(), spec.channels[target].receiver == worker)),
        }
    }
    Outport::new(locals, remotes, None, meter)
}

/// A hub all of whose memory was used once, so that all of it is free again when nothing is inside.
fn used(hub: Hub) -> Hub {
    let all = hub.blank(LARGEST).unwrap();
    hub.blank(LARGEST).expect_err("that was all");
    drop(all);
    hub.reclaim();
    hub
}
