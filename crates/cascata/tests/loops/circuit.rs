//! A feedback loop, wired as a worker wires it, and driven by tasks that do what a worker's driver does.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
    },
    task::Poll,
};

use cascata::{
    channel::{EncodeError, Encoder, Inlet, Item, Loan, Local, Outport, Remote, Sent, Ticket},
    firing::{Inputs, Latest, Port},
    graph::{Batch, Definition, Graph, Inport, Outport as Declared},
    memory::Memory,
    plan::Plan,
};
use cascata_shm::model::{spawn, wait_for_bell};

use crate::wakes::Party;

const WORKERS: usize = 2;
/// Bytes that items may take.
const LIMIT: usize = 1 << 20;

/// A component to be made. Those that are no sources form one circle, in their order; a source feeds the first of them.
#[derive(Clone, Debug)]
pub struct Member {
    worker: usize,
    capacity: Option<usize>,
    batch: Option<Batch>,
    seed: Option<u64>,
    sends: Option<Vec<u64>>,
}

impl Member {
    pub fn on(worker: usize) -> Self {
        Self { worker, capacity: Some(4), batch: None, seed: None, sends: None }
    }

    pub fn of(self, capacity: Option<usize>) -> Self {
        Self { capacity, ..self }
    }

    pub fn in_batches(self, batch: Batch) -> Self {
        Self { batch: Some(batch), ..self }
    }

    /// Begins with a token of its own.
    pub fn seeded(self, lives: u64) -> Self {
        Self { seed: Some(lives), ..self }
    }

    /// Sends these, and ends.
    pub fn source(self, lives: &[u64]) -> Self {
        Self { sends: Some(lives.to_vec()), ..self }
    }
}

/// An item: a token, or a batch of them.
#[derive(Clone, Debug)]
pub struct Lives(Vec<u64>);

impl Item for Lives {
    type Error = ();

    fn encode(&self, out: &mut Encoder<'_>) -> Result<(), EncodeError<()>> {
        self.0.iter().for_each(|lives| out.bytes().extend(lives.to_le_bytes()));
        Ok(())
    }

    fn decode(bytes: &[u8], _: Vec<Loan>) -> Result<Self, ()> {
        Ok(Self(bytes.as_chunks().0.iter().map(|lives| u64::from_le_bytes(*lives)).collect()))
    }

    fn list(items: Vec<Self>) -> Result<Self, ()> {
        Ok(Self(items.into_iter().flat_map(|item| item.0).collect()))
    }

    fn key(&self, item: &Self) -> Result<u64, ()> {
        Ok(item.0[0])
    }
}

pub struct Circuit {
    memory: Memory,
    remotes: [Vec<Option<Arc<Remote<Lives>>>>; WORKERS],
    running: Mutex<Vec<Vec<Running>>>,
    lived: Arc<AtomicUsize>,
}

/// A component at work.
struct Running {
    inputs: Inputs<Lives>,
    outport: Outport<Lives>,
    /// What it still has to send in this firing, and the send that waits.
    to_send: Vec<u64>,
    waiting: Option<Arc<Ticket>>,
    source: bool,
    party: Party,
    /// Woken by the loop itself.
    rung: Arc<AtomicBool>,
    lived: Arc<AtomicUsize>,
}

impl Circuit {
    pub fn new(members: &[Member]) -> Self {
        let plan = plan(members);
        let memory = Memory::new(&plan, LIMIT).unwrap();
        let mut locals: Vec<Option<Arc<Local<Lives>>>> = vec![None; plan.channels.len()];
        let mut remotes: [Vec<Option<Arc<Remote<Lives>>>>; WORKERS] =
            std::array::from_fn(|_| vec![None; plan.channels.len()]);
        let hubs: [_; WORKERS] = std::array::from_fn(|worker| memory.hub(worker));
        for (number, channel) in plan.channels.iter().enumerate() {
            let meter = || memory.inport_meter(channel.node, channel.inport);
            match memory.ring(number) {
                None => {
                    let local = Local::new(channel.capacity, channel.publishers, meter());
                    locals[number] = Some(Arc::new(local.behind(memory.gate(number))));
                }
                Some(ring) => {
                    for (worker, ends) in remotes.iter_mut().enumerate() {
                        let receives = plan.nodes[channel.node].worker == worker;
                        let unbounded = channel.capacity.is_none();
                        let hub = hubs[worker].clone();
                        let end = Remote::new(number, ring.clone(), hub, receives, unbounded, meter());
                        ends[number] = Some(Arc::new(end.behind(memory.gate(number))));
                    }
                }
            }
        }
        let lived = Arc::new(AtomicUsize::new(0));
        let mut running: Vec<Vec<Running>> = (0..WORKERS).map(|_| Vec::new()).collect();
        for (node, planned) in plan.nodes.iter().enumerate() {
            let worker = planned.worker;
            let inlet = |channel: usize| match &locals[channel] {
                Some(local) => Inlet::Local(local.clone()),
                None => Inlet::Remote(remotes[worker][channel].clone().unwrap()),
            };
            let ports = planned.inports.iter().enumerate().filter_map(|(inport, port)| {
                let first = port.initial.map(|lives| Lives(vec![lives]));
                let made = Port::new(inport, first, inlet(plan.channels_of(node, inport).next()?));
                Some(match port.batch {
                    Some(batch) => made.in_batches(batch),
                    None => made,
                })
            });
            let inports = planned.inports.len();
            let inputs = Inputs::new(ports.collect(), inports, Latest::new(vec![None; inports]), true);
            let channels = &planned.outports[0].channels;
            let (home, feeds) = memory.cycles_behind(node, 0);
            let outport = Outport::new(
                channels.iter().filter_map(|&channel| locals[channel].clone()).collect(),
                channels
                    .iter()
                    .filter_map(|&channel| {
                        let own = plan.nodes[plan.channels[channel].node].worker == worker;
                        Some((remotes[worker][channel].clone()?, own))
                    })
                    .collect(),
                None,
                memory.meter(node).outports[0].clone(),
            );
            let sends = members[node].sends.clone();
            running[worker].push(Running {
                inputs: inputs.in_cycle(memory.cycle(node).cloned()),
                outport: outport.in_cycles(home, feeds),
                source: sends.is_some(),
                to_send: sends.unwrap_or_default(),
                waiting: None,
                party: Party::new(),
                rung: Arc::default(),
                lived: lived.clone(),
            });
        }
        Self { memory, remotes, running: Mutex::new(running), lived }
    }

    /// Runs to the end.
    pub fn run(&self) {
        let workers = std::mem::take(&mut *self.running.lock().unwrap());
        let tasks: Vec<_> = workers
            .into_iter()
            .enumerate()
            .map(|(worker, components)| {
                let (memory, remotes) = (self.memory.clone(), self.remotes[worker].clone());
                spawn(move || drive(&memory, &remotes, worker, components))
            })
            .collect();
        tasks.into_iter().for_each(|task| task.join().unwrap());
        assert_eq!(self.memory.bells().active(), 0);
    }

    /// Lives that firings have seen.
    pub fn lived(&self) -> usize {
        self.lived.load(SeqCst)
    }
}

/// The plan of a circuit, placed by hand.
fn plan(members: &[Member]) -> Plan<u64> {
    let mut graph = Graph::new();
    for (index, member) in members.iter().enumerate() {
        let inport = Inport { name: "x".into(), capacity: member.capacity, default: None };
        let inports = if member.sends.is_some() { vec![] } else { vec![inport] };
        let outports = vec![Declared { name: "out".into() }];
        let definition = Definition::new("member", "tests", inports, outports, vec![], 0).unwrap();
        graph.add(format!("c{index}"), Arc::new(definition)).unwrap();
    }
    let (sources, circle): (Vec<_>, Vec<_>) = (0..members.len()).partition(|&index| members[index].sends.is_some());
    let first = circle[0];
    let follows = circle.iter().zip(circle.iter().skip(1).chain([&first]));
    for (&from, &to) in follows.chain(sources.iter().map(|source| (source, &first))) {
        match members[to].batch {
            Some(batch) => graph.connect_in_batches(&format!("c{from}"), "out", &format!("c{to}"), "x", batch),
            None => graph.connect(&format!("c{from}"), "out", &format!("c{to}"), "x"),
        }
        .unwrap();
    }
    for (index, member) in members.iter().enumerate() {
        if let Some(lives) = member.seed {
            graph.set_initial(&format!("c{index}"), "x", lives, true).unwrap();
        }
    }
    let mut plan = Plan::new(&graph, 1, &[], None).unwrap();
    plan.workers = WORKERS;
    plan.nodes.iter_mut().zip(members).for_each(|(node, member)| node.worker = member.worker);
    for channel in &mut plan.channels {
        let worker = plan.nodes[channel.node].worker;
        channel.shared = channel.producers.iter().any(|&(node, _)| plan.nodes[node].worker != worker);
    }
    plan
}

/// What a worker's driver does.
fn drive(memory: &Memory, remotes: &[Option<Arc<Remote<Lives>>>], worker: usize, mut components: Vec<Running>) {
    let bells = memory.bells();
    loop {
        let mut rung = Vec::new();
        bells.take(worker, |event| rung.push(event));
        for &event in &rung {
            match remotes.get(event) {
                Some(Some(remote)) => remote.on_bell(),
                Some(None) => panic!("a local channel has no bell"),
                // Memory, or the loop.
                None => components.iter().for_each(|component| component.rung.store(true, SeqCst)),
            }
        }
        let mut moved = !rung.is_empty();
        components.retain_mut(|component| {
            let awake = component.rung.swap(false, SeqCst) || !component.party.sleeps();
            moved |= awake;
            !(awake && component.step())
        });
        if components.is_empty() && !remotes.iter().flatten().any(|remote| remote.has_waiting()) {
            break;
        }
        if !moved && bells.doze(worker, true) {
            wait_for_bell(memory.doorbell(worker));
            bells.rouse(worker);
            memory.doorbell(worker).drain();
        }
    }
    bells.retire(worker);
}

impl Running {
    /// Moves as far as it can; `true` once it has ended.
    fn step(&mut self) -> bool {
        loop {
            if let Some(ticket) = &self.waiting {
                if self.party.poll(|cx| ticket.poll(cx)).is_pending() {
                    return false;
                }
                self.waiting = None;
            }
            if let Some(lives) = self.to_send.pop() {
                match self.outport.send(Lives(vec![lives])).unwrap() {
                    Sent::Now(_) => {}
                    Sent::Waits(ticket) => self.waiting = Some(ticket),
                }
                continue;
            }
            if self.source {
                self.outport.close();
                return true;
            }
            let mut row = [None];
            match self.party.poll(|cx| self.inputs.poll_row(cx, &mut row)) {
                Poll::Pending => return false,
                Poll::Ready(Ok(true)) => {
                    let [lives] = row;
                    let lives = lives.expect("a row has all values").0;
                    self.lived.fetch_add(lives.len(), SeqCst);
                    self.to_send.extend(lives.into_iter().filter_map(|lives| lives.checked_sub(1)));
                }
                Poll::Ready(Ok(false)) => {
                    self.outport.close();
                    self.inputs.leave();
                    return true;
                }
                Poll::Ready(Err(())) => panic!("all can be decoded"),
            }
        }
    }
}
