//! A feedback loop, wired as a worker wires it, and driven by tasks that do what a worker's driver does.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, Weak,
        atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
    },
    task::{Poll, Wake, Waker},
};

use cascata::{
    channel::{EncodeError, Encoder, Gather, Item, Loan, Outport, Remote, Sent, Ticket},
    ends::{self, Ends},
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
/// What follows a token's name.
const NAMED: u64 = 1000;

/// A component to be made, or a group. Those that are neither a source nor the group form one circle, in their order. A
/// source feeds the group, if there is one, whose results go to the first of the circle in order; else that one.
#[derive(Clone, Debug)]
pub struct Member {
    /// One for each instance.
    workers: Vec<usize>,
    capacity: Option<usize>,
    batch: Option<Batch>,
    seed: Option<u64>,
    sends: Option<Vec<u64>>,
    aside: bool,
}

impl Member {
    pub fn on(worker: usize) -> Self {
        Self { workers: vec![worker], capacity: Some(4), batch: None, seed: None, sends: None, aside: false }
    }

    /// A group of such that pass on what they are given, but for tokens [to be dropped](dropped).
    pub fn group(workers: &[usize]) -> Self {
        Self { workers: workers.to_vec(), ..Self::on(0) }
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

    /// A source that feeds another inport of the first of the circle, which then fires on both.
    pub fn aside(self) -> Self {
        Self { aside: true, ..self }
    }

    fn is_group(&self) -> bool {
        self.workers.len() > 1
    }
}

/// A token of so many lives, the `name`-th from outside.
pub fn named(name: u64, lives: u64) -> u64 {
    name * NAMED + lives
}

/// The `name`-th token from outside, which the group drops.
pub fn dropped(name: u64) -> u64 {
    named(name, NAMED - 1)
}

/// An item: a token, or a batch of them.
#[derive(Clone, Debug, PartialEq)]
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
    running: Mutex<Vec<Worker>>,
    seen: Arc<Seen>,
}

/// What firings of the circle have seen.
#[derive(Default)]
struct Seen {
    lives: AtomicUsize,
    /// Names of tokens from outside, in the order in which they came.
    names: Mutex<Vec<u64>>,
}

/// What runs on one worker.
struct Worker {
    number: usize,
    memory: Memory,
    remotes: Vec<Option<Arc<Remote<Lives>>>>,
    gathers: HashMap<usize, Weak<Gather<Lives>>>,
    components: Vec<Running>,
    /// Outports of components that have ended, with items that wait.
    leaving: Vec<Outport<Lives>>,
    /// Set when a group may have room.
    news: Arc<News>,
}

#[derive(Default)]
struct News(AtomicBool);

impl Wake for News {
    fn wake(self: Arc<Self>) {
        self.0.store(true, SeqCst);
    }
}

/// A component at work.
struct Running {
    inputs: Inputs<Lives>,
    inports: usize,
    outport: Outport<Lives>,
    /// What it still has to send in this firing, the last first, and the send that waits.
    to_send: Vec<u64>,
    waiting: Option<Arc<Ticket>>,
    kind: Kind,
    party: Party,
    /// Woken by the loop itself.
    rung: bool,
    seen: Arc<Seen>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Source,
    Group,
    Circle,
}

impl Circuit {
    pub fn new(members: &[Member]) -> Self {
        let plan = plan(members);
        let memory = Memory::new(&plan, LIMIT).unwrap();
        let seen = Arc::new(Seen::default());
        let workers = (0..WORKERS).map(|worker| wire(&plan, members, &memory, worker, &seen));
        Self { running: Mutex::new(workers.collect()), memory, seen }
    }

    /// Runs to the end.
    pub fn run(&self) {
        let workers = std::mem::take(&mut *self.running.lock().unwrap());
        let tasks: Vec<_> = workers.into_iter().map(|worker| spawn(move || worker.drive())).collect();
        tasks.into_iter().for_each(|task| task.join().unwrap());
        assert_eq!(self.memory.bells().active(), 0);
    }

    /// Lives that firings have seen.
    pub fn lived(&self) -> usize {
        self.seen.lives.load(SeqCst)
    }

    /// Names of the tokens from outside, in the order in which they came into the circle.
    pub fn names(&self) -> Vec<u64> {
        self.seen.names.lock().unwrap().clone()
    }
}

/// The plan of a circuit, placed by hand.
fn plan(members: &[Member]) -> Plan<Lives> {
    let mut graph = Graph::new();
    let (sources, others): (Vec<_>, Vec<_>) = (0..members.len()).partition(|&index| members[index].sends.is_some());
    let (groups, circle): (Vec<_>, Vec<_>) = others.into_iter().partition(|&index| members[index].is_group());
    let first = circle[0];
    for (index, member) in members.iter().enumerate() {
        let inport = |name: &str| Inport { name: name.into(), capacity: member.capacity, default: None };
        let zips = index == first && members.iter().any(|member| member.aside);
        let inports = match member.sends {
            Some(_) => vec![],
            None if zips => vec![inport("x"), inport("y")],
            None => vec![inport("x")],
        };
        let outports = vec![Declared { name: "out".into() }];
        let definition =
            Arc::new(Definition::new("member", "tests", inports, outports, vec![], Lives(vec![])).unwrap());
        match member.workers.len() {
            1 => drop(graph.add(format!("c{index}"), definition).unwrap()),
            size => drop(graph.add_group(format!("c{index}"), definition, size).unwrap()),
        }
    }
    let mut link = |from: usize, to: usize, inport: &str| {
        let (from, to, batch) = (format!("c{from}"), format!("c{to}"), members[to].batch);
        match batch {
            Some(batch) => graph.connect_in_batches(&from, "out", &to, inport, batch),
            None => graph.connect(&from, "out", &to, inport),
        }
        .unwrap();
    };
    let fed = *groups.first().unwrap_or(&first);
    sources.iter().for_each(|&source| match members[source].aside {
        true => link(source, first, "y"),
        false => link(source, fed, "x"),
    });
    groups.iter().for_each(|&group| link(group, first, "x"));
    circle.iter().zip(circle.iter().skip(1).chain([&first])).for_each(|(&from, &to)| link(from, to, "x"));
    for (index, member) in members.iter().enumerate() {
        if let Some(lives) = member.seed {
            graph.set_initial(&format!("c{index}"), "x", Lives(vec![lives]), true).unwrap();
        }
    }
    let mut plan = Plan::new(&graph, 1, &[], None).unwrap();
    plan.workers = WORKERS;
    plan.nodes.iter_mut().zip(instances(members)).for_each(|(node, (_, worker))| node.worker = worker);
    for channel in &mut plan.channels {
        let worker = plan.nodes[channel.node].worker;
        channel.shared = channel.producers.iter().any(|&(node, _)| plan.nodes[node].worker != worker);
    }
    plan
}

/// For each node of a plan what it is, and its worker.
fn instances(members: &[Member]) -> impl Iterator<Item = (&Member, usize)> {
    members.iter().flat_map(|member| member.workers.iter().map(move |&worker| (member, worker)))
}

/// What a worker makes of its part of a plan.
fn wire(plan: &Plan<Lives>, members: &[Member], memory: &Memory, number: usize, seen: &Arc<Seen>) -> Worker {
    let ends = Ends::new(plan, memory, number);
    let news = Arc::new(News::default());
    let seeker = Waker::from(news.clone());
    let here = plan.nodes.iter().zip(instances(members)).enumerate().filter(|(_, (_, (_, worker)))| *worker == number);
    let components = here.map(|(node, (planned, (member, _)))| {
        let ports = planned.inports.iter().enumerate().filter_map(|(inport, port)| {
            let made = Port::new(inport, port.initial.clone(), ends.inlet(plan, node, inport)?);
            Some(match port.batch {
                Some(batch) => made.in_batches(batch),
                None => made,
            })
        });
        let inports = planned.inports.len();
        let inputs = Inputs::new(ports.collect(), inports, Latest::new(vec![None; inports]), true);
        let inputs = match ends::numbers(plan, memory, node) {
            Some(numbers) => inputs.numbered(numbers),
            None => inputs,
        };
        let (home, feeds) = memory.cycles_behind(node, 0);
        let meter = memory.meter(node).outports[0].clone();
        Running {
            inputs: inputs.in_cycle(memory.cycle(node).cloned()),
            inports,
            outport: ends.outport(plan, &planned.outports[0], None, meter, &seeker).in_cycles(home, feeds),
            to_send: member.sends.iter().flatten().rev().copied().collect(),
            waiting: None,
            kind: match member.sends {
                Some(_) => Kind::Source,
                None if member.is_group() => Kind::Group,
                None => Kind::Circle,
            },
            party: Party::new(),
            rung: false,
            seen: seen.clone(),
        }
    });
    let components = components.collect();
    let (remotes, gathers, memory) = (ends.remotes(), ends.gathers(plan), memory.clone());
    Worker { number, memory, remotes, gathers, components, leaving: Vec::new(), news }
}

impl Worker {
    /// What a worker's driver does.
    fn drive(mut self) {
        let bells = self.memory.bells().clone();
        loop {
            let mut moved = self.answer();
            for mut component in std::mem::take(&mut self.components) {
                let awake = std::mem::take(&mut component.rung) || !component.party.sleeps();
                moved |= awake;
                if awake && component.step() {
                    self.leaving.push(component.outport);
                } else {
                    self.components.push(component);
                }
            }
            moved |= self.news.0.swap(false, SeqCst);
            for component in &self.components {
                component.outport.feed();
            }
            self.leaving.retain(Outport::feed);
            let waits = || self.remotes.iter().flatten().any(|remote| remote.has_waiting());
            if self.components.is_empty() && self.leaving.is_empty() && !waits() {
                break;
            }
            if !moved && bells.doze(self.number, true) {
                wait_for_bell(self.memory.doorbell(self.number));
                bells.rouse(self.number);
                self.memory.doorbell(self.number).drain();
            }
        }
        bells.retire(self.number);
    }

    /// Heeds its bells. Whether any has rung.
    fn answer(&mut self) -> bool {
        let mut rung = Vec::new();
        self.memory.bells().take(self.number, |event| rung.push(event));
        for event in &rung {
            if let Some(end) = self.remotes.get(*event) {
                end.as_ref().expect("a local channel has no bell").on_bell();
            } else if let Some(gather) = self.gathers.get(event) {
                gather.upgrade().iter().for_each(|gather| gather.on_bell());
            } else {
                // Memory, a desk, or the loop.
                self.components.iter_mut().for_each(|component| component.rung = true);
            }
        }
        !rung.is_empty()
    }
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
            if self.kind == Kind::Source {
                self.outport.close();
                return true;
            }
            let mut row = vec![None; self.inports];
            match self.party.poll(|cx| self.inputs.poll_row(cx, &mut row)) {
                Poll::Pending => return false,
                Poll::Ready(Ok(true)) => {
                    self.inputs.number().iter().for_each(|&number| self.outport.bear(number));
                    self.fire(row);
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

    /// A member of the group passes on what it has got, but for what is to be dropped; one of the circle what goes round.
    fn fire(&mut self, row: Vec<Option<Lives>>) {
        let mut row = row.into_iter().map(|value| value.expect("a row has all values").0);
        let lives = row.next().expect("all have an inport");
        if self.kind == Kind::Group {
            self.to_send.extend(lives.into_iter().filter(|lives| lives % NAMED != NAMED - 1));
            return;
        }
        self.seen.lives.fetch_add(lives.len() + row.flatten().count(), SeqCst);
        self.seen.names.lock().unwrap().extend(lives.iter().map(|lives| lives / NAMED).filter(|&name| name > 0));
        self.to_send.extend(lives.into_iter().filter_map(|lives| (lives % NAMED).checked_sub(1)));
    }
}
