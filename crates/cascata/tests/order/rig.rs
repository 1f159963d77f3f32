//! A group that shares out, and those who send to it: ends of channels in two workers, wired as a plan says, without
//! anything that drives them.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    task::{Wake, Waker},
};

use cascata::{
    channel::{Inlet, Outport, Remote},
    ends::Ends,
    graph::{Definition, Graph, Inport, Outport as Declared, Policy},
    memory::Memory,
    plan::Plan,
};

use crate::{
    list::List,
    run::{LIMIT, placed},
};

pub const WORKERS: usize = 2;
/// How many keys there are.
pub const KEYS: u64 = 4;

/// How items are shared out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sharing {
    Balanced,
    RoundRobin,
    /// By the items of that port.
    Keyed(usize),
}

/// What a rig consists of. Every port has a sender.
#[derive(Clone, Debug)]
pub struct Spec {
    pub sharing: Sharing,
    /// The members' workers.
    pub members: Vec<usize>,
    /// The capacities of the ports, which share rows.
    pub ports: Vec<Option<usize>>,
    /// The worker of each sender, and the ports that it sends to.
    pub senders: Vec<(usize, Vec<usize>)>,
}

impl Spec {
    fn plan(&self) -> Plan<List> {
        let mut graph = Graph::new();
        let name = |port: usize| format!("x{port}");
        let inports = self.ports.iter().enumerate();
        let inports = inports.map(|(port, &capacity)| Inport { name: name(port), capacity, default: None }).collect();
        let member = Definition::new("member", "tests", inports, vec![], vec![], List::default()).unwrap();
        graph.add_group("a", Arc::new(member), self.members.len()).unwrap();
        for (index, (_, ports)) in self.senders.iter().enumerate() {
            let outports = vec![Declared { name: "out".into() }];
            let sender = Definition::new("sender", "tests", vec![], outports, vec![], List::default()).unwrap();
            let sender = graph.add(format!("s{index}"), Arc::new(sender)).map(|_| format!("s{index}")).unwrap();
            for &port in ports {
                graph.connect(&sender, "out", "a", &name(port)).unwrap();
            }
        }
        match self.sharing {
            Sharing::Balanced => {}
            Sharing::RoundRobin => graph.share("a", "x0", Policy::RoundRobin).unwrap(),
            Sharing::Keyed(port) => graph.share("a", &name(port), Policy::Keyed(List(vec![KEYS]))).unwrap(),
        }
        let senders = self.senders.iter().map(|(worker, _)| *worker);
        let mut plan = placed(&graph, &self.members.iter().copied().chain(senders).collect::<Vec<_>>());
        plan.workers = WORKERS;
        plan
    }
}

/// Whether a worker has been told that something that waits for a member may find one.
#[derive(Default)]
struct Seeks(AtomicBool);

impl Wake for Seeks {
    fn wake(self: Arc<Self>) {
        self.0.store(true, SeqCst);
    }
}

pub struct Rig {
    pub spec: Spec,
    pub plan: Plan<List>,
    pub outports: Vec<Outport<List>>,
    /// By member and port.
    pub inlets: Vec<Vec<Inlet<List>>>,
    memory: Memory,
    remotes: Vec<Vec<Option<Arc<Remote<List>>>>>,
    seeks: [Arc<Seeks>; WORKERS],
}

impl Rig {
    pub fn new(spec: Spec) -> Self {
        let plan = spec.plan();
        let memory = Memory::new(&plan, LIMIT).unwrap();
        let ends: Vec<_> = (0..WORKERS).map(|worker| Ends::new(&plan, &memory, worker)).collect();
        let seeks: [Arc<Seeks>; WORKERS] = std::array::from_fn(|_| Arc::default());
        let inlets = spec.members.iter().enumerate().map(|(node, &worker)| {
            (0..spec.ports.len()).map(|port| ends[worker].inlet(&plan, node, port).unwrap()).collect()
        });
        let outports = spec.senders.iter().enumerate().map(|(index, &(worker, _))| {
            let node = spec.members.len() + index;
            let meter = memory.meter(node).outports[0].clone();
            let seeker = Waker::from(seeks[worker].clone());
            ends[worker].outport(&plan, &plan.nodes[node].outports[0], None, meter, &seeker)
        });
        let (inlets, outports) = (inlets.collect(), outports.collect());
        let remotes = ends.iter().map(Ends::remotes).collect();
        Self { spec, plan, outports, inlets, memory, remotes, seeks }
    }

    /// The row that the next item of each port belongs to.
    pub fn next(&self) -> Vec<u64> {
        let turn = self.memory.order().desk(0).open().unwrap();
        (0..self.spec.ports.len()).map(|port| turn.row(port)).collect()
    }

    /// Of the items of a member's port: taken, discarded.
    pub fn received(&self, member: usize, port: usize) -> (u64, u64) {
        let meter = self.memory.inport_meter(member, port);
        (meter.taken.get(), meter.discarded.get())
    }

    /// How many items a sender has sent.
    pub fn sent(&self, sender: usize) -> u64 {
        self.memory.meter(self.spec.members.len() + sender).outports[0].sent.get()
    }

    /// Has a worker heed what it has been told, once.
    pub fn answer(&self, worker: usize) {
        self.seeks[worker].0.store(false, SeqCst);
        let mut rung = Vec::new();
        self.memory.bells().take(worker, |event| rung.push(event));
        for remote in rung.into_iter().filter_map(|event| self.remotes[worker].get(event)?.as_ref()) {
            remote.on_bell();
        }
        for (outport, (at, _)) in self.outports.iter().zip(&self.spec.senders) {
            if *at == worker && outport.holds_back() {
                outport.feed();
            }
        }
    }

    /// Whether nobody has told a worker of anything, so that it may sleep.
    pub fn may_sleep(&self, worker: usize) -> bool {
        let sleeps = self.memory.bells().doze(worker, true);
        self.memory.bells().rouse(worker);
        sleeps && !self.seeks[worker].0.load(SeqCst)
    }
}
