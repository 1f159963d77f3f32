//! A run of a plan whose components are closures, in workers that do what a worker's driver does.
//!
//! What wakes a worker as a whole, such as room for what is shared out, wakes nobody here: as in the driver it happens
//! while the worker is awake, which sees to what is held back before it sleeps.

#![allow(dead_code, reason = "each test file uses a part")]

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, Weak},
    task::{Poll, Waker},
};

use cascata::{
    channel::{Gather, Hub, Outport, Remote, Sent, Ticket},
    ends::{self, Ends},
    firing::{Heirs, Inputs, Latest, Port},
    graph::Graph,
    memory::{Memory, Topics},
    order::LAST,
    plan::{InportRole, Plan},
};
use cascata_shm::{
    Doorbell,
    model::{spawn, wait_for_bell},
};

use crate::{list::List, wakes::Party};

/// Bytes that items between workers may take.
pub const LIMIT: usize = 1 << 20;

/// What a component is told.
#[derive(Debug)]
pub enum Told {
    /// A firing begins: its number, if it bears one, and the values of all inports.
    Fire(Option<u64>, Vec<List>),
    /// There will be no more.
    Finish,
}

/// An item to send.
#[derive(Clone, Debug)]
pub struct Sending {
    pub outport: usize,
    pub item: List,
    /// Whether it is waited for; if not, it is withdrawn if it has to wait.
    pub patient: bool,
}

impl Sending {
    /// `item`, by the first outport, waited for.
    pub fn of(item: List) -> Self {
        Self { outport: 0, item, patient: true }
    }
}

/// What a component does: it gives what is to be sent, one after the other.
pub type Act = Box<dyn FnMut(Told) -> Vec<Sending> + Send>;

/// A plan for `graph` whose components are placed by hand.
pub fn placed(graph: &Graph<List>, workers: &[usize]) -> Plan<List> {
    let mut plan = Plan::new(graph, 1, &[], None).unwrap();
    plan.workers = workers.iter().max().map_or(1, |last| last + 1);
    assert_eq!(plan.nodes.len(), workers.len(), "a place for every component");
    plan.nodes.iter_mut().zip(workers).for_each(|(node, worker)| node.worker = *worker);
    for channel in &mut plan.channels {
        let worker = plan.nodes[channel.node].worker;
        channel.shared = channel.producers.iter().any(|&(node, _)| plan.nodes[node].worker != worker);
    }
    let bequests = plan.nodes.iter().flat_map(|node| node.bequests.iter().map(|(_, share)| (node.worker, share)));
    for (worker, share) in bequests {
        for &channel in &share.channels {
            let channel = &mut plan.channels[channel];
            channel.shared |= plan.nodes[channel.node].worker != worker;
        }
    }
    plan
}

/// The run.
pub struct Run {
    pub memory: Memory,
    pub workers: Vec<Worker>,
    /// What was withdrawn.
    pub withdrawn: Arc<Mutex<Vec<List>>>,
}

/// A worker, and what is there.
pub struct Worker {
    pub index: usize,
    pub parts: Vec<Part>,
    memory: Memory,
    hub: Option<Hub>,
    remotes: Vec<Option<Arc<Remote<List>>>>,
    gathers: HashMap<usize, Weak<Gather<List>>>,
    topics: Topics,
}

/// A component at work.
pub struct Part {
    pub node: usize,
    /// Items that the component has been told are sent.
    pub sent: usize,
    inputs: Inputs<List>,
    inports: usize,
    outports: Vec<Outport<List>>,
    /// What shares out again what it leaves.
    bequests: Vec<Arc<Outport<List>>>,
    act: Act,
    stage: Stage,
    to_send: VecDeque<Sending>,
    waiting: Option<(usize, Arc<Ticket>)>,
    withdrawn: Arc<Mutex<Vec<List>>>,
    party: Party,
    /// Woken by the feedback loop itself.
    rung: bool,
}

/// The other members of a group.
#[derive(Debug)]
struct Siblings(Arc<Outport<List>>);

impl Heirs<List> for Siblings {
    fn received(&self, items: usize) {
        self.0.received(items);
    }

    fn reclaim(&self, items: usize) -> bool {
        self.0.reclaim(items)
    }

    fn inherit(&self, item: Option<List>) {
        self.0.inherit(item);
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Firing,
    Finishing,
    Ended,
}

impl Run {
    /// A run of `plan` whose components do as `acts` say, in the order of the graph.
    pub fn new(plan: &Plan<List>, acts: Vec<Act>) -> Self {
        let memory = Memory::new(plan, LIMIT).unwrap();
        let withdrawn = Arc::default();
        let mut acts: Vec<_> = acts.into_iter().map(Some).collect();
        let workers = (0..plan.workers).map(|index| {
            let ends = Ends::new(plan, &memory, index);
            let here = (0..plan.nodes.len()).filter(|&node| plan.nodes[node].worker == index);
            let parts = here.map(|node| {
                let act = acts[node].take().expect("a component is in one place");
                Part::new(plan, &memory, &ends, node, act, &withdrawn)
            });
            Worker {
                index,
                parts: parts.collect(),
                memory: memory.clone(),
                hub: ends.hub().cloned(),
                remotes: ends.remotes(),
                gathers: ends.gathers(plan),
                topics: Topics::new(plan),
            }
        });
        let workers = workers.collect();
        Self { memory, workers, withdrawn }
    }

    /// Runs to the end, each worker a task that is explored. Gives what was withdrawn.
    pub fn explore(self) -> Vec<List> {
        let drive = |worker: Worker| spawn(move || worker.drive(wait_for_bell));
        let tasks: Vec<_> = self.workers.into_iter().map(drive).collect();
        tasks.into_iter().for_each(|task| task.join().unwrap());
        assert_eq!(self.memory.bells().active(), 0);
        std::mem::take(&mut self.withdrawn.lock().unwrap())
    }
}

impl Worker {
    /// Does all that is to be done; `wait` waits for the doorbell.
    pub fn drive(mut self, wait: impl Fn(&Doorbell)) {
        let (memory, index) = (self.memory.clone(), self.index);
        while !self.has_ended() {
            self.answer();
            self.parts.iter_mut().filter(|part| part.is_awake()).for_each(|part| while part.advance() {});
            self.feed();
            if self.parts.iter().any(Part::is_awake) || self.has_ended() {
                continue;
            }
            if memory.bells().doze(index, true) {
                wait(memory.doorbell(index));
                memory.bells().rouse(index);
                memory.doorbell(index).drain();
            }
        }
        memory.bells().retire(index);
    }

    /// Heeds what the others tell. Whether there was anything.
    pub fn answer(&mut self) -> bool {
        let mut rung = Vec::new();
        self.memory.bells().take(self.index, |event| rung.push(event));
        for &event in &rung {
            if let Some(Some(remote)) = self.remotes.get(event) {
                remote.on_bell();
            } else if let Some(gather) = self.gathers.get(&event) {
                gather.upgrade().iter().for_each(|gather| gather.on_bell());
            } else if event >= self.topics.cycle(0) {
                self.parts.iter_mut().for_each(|part| part.rung = true);
            }
        }
        !rung.is_empty()
    }

    /// Sees to what is held back.
    pub fn feed(&mut self) {
        if let Some(hub) = &self.hub {
            hub.relieve();
        }
        for outport in self.parts.iter().flat_map(Part::ways) {
            let short = self.hub.as_ref().is_some_and(Hub::awaits_memory);
            if outport.holds_back() && !(short && !outport.is_closed() && !outport.seeks_member()) {
                outport.feed();
            }
        }
    }

    /// Whether nobody has told it of anything.
    pub fn may_sleep(&self) -> bool {
        let sleeps = self.memory.bells().doze(self.index, true);
        self.memory.bells().rouse(self.index);
        sleeps
    }

    /// Whether all is done here, and all is delivered.
    pub fn has_ended(&self) -> bool {
        self.parts.iter().all(|part| part.stage == Stage::Ended)
            && !self.remotes.iter().flatten().any(|remote| remote.has_waiting())
            && !self.parts.iter().flat_map(Part::ways).any(Outport::holds_back)
    }
}

impl Part {
    fn new(
        plan: &Plan<List>,
        memory: &Memory,
        ends: &Ends<List>,
        node: usize,
        act: Act,
        withdrawn: &Arc<Mutex<Vec<List>>>,
    ) -> Self {
        let planned = &plan.nodes[node];
        let meters = memory.meter(node).outports.split_off(planned.outports.len());
        let bequests = planned
            .bequests
            .iter()
            .zip(meters)
            .map(|((inport, share), meter)| (*inport, Arc::new(ends.bequest(plan, share, meter, Waker::noop()))));
        let bequests: HashMap<_, _> = bequests.collect();
        let ports = planned.groups.iter().flatten().filter_map(|&inport| {
            let declared = &planned.inports[inport];
            let port = Port::new(inport, declared.initial.clone(), ends.inlet(plan, node, inport)?);
            let port = match declared.batch {
                Some(batch) => port.in_batches(batch),
                None => port,
            };
            Some(match bequests.get(&inport) {
                Some(bequest) => port.leaving_to(Arc::new(Siblings(bequest.clone()))),
                None => port,
            })
        });
        let constants = planned.inports.iter().map(|port| match port.role {
            InportRole::Constant => port.initial.clone(),
            InportRole::Trigger | InportRole::Passive => None,
        });
        let inports = planned.inports.len();
        let inputs = Inputs::new(ports.collect(), inports, Latest::new(constants.collect()), true);
        let inputs = inputs.in_cycle(memory.cycle(node).cloned());
        let inputs = match ends::numbers(plan, memory, node) {
            Some(numbers) => inputs.numbered(numbers),
            None => inputs,
        };
        let outports = planned.outports.iter().zip(memory.meter(node).outports).enumerate();
        let outports = outports.map(|(index, (port, meter))| {
            let (home, feeds) = memory.cycles_behind(node, index);
            ends.outport(plan, port, None, meter, Waker::noop()).in_cycles(home, feeds)
        });
        Self {
            node,
            sent: 0,
            inputs,
            inports,
            outports: outports.collect(),
            bequests: bequests.into_values().collect(),
            act,
            stage: Stage::Firing,
            to_send: VecDeque::new(),
            waiting: None,
            withdrawn: withdrawn.clone(),
            party: Party::new(),
            rung: false,
        }
    }

    /// Where what it sends or leaves goes.
    fn ways(&self) -> impl Iterator<Item = &Outport<List>> {
        self.outports.iter().chain(self.bequests.iter().map(|bequest| &**bequest))
    }

    /// Whether it may do something: nothing that it waits for is known not to have come.
    pub fn is_awake(&self) -> bool {
        self.stage != Stage::Ended && (self.rung || !self.party.sleeps())
    }

    /// Whether it waits for one of its sends.
    pub fn sends(&self) -> bool {
        self.waiting.is_some()
    }

    /// Does one thing; `false` if it has to wait, or has ended.
    pub fn advance(&mut self) -> bool {
        self.rung = false;
        if let Some((outport, ticket)) = &self.waiting {
            match self.party.poll(|cx| self.outports[*outport].poll(ticket, cx)) {
                Poll::Pending => return false,
                Poll::Ready(reached) => self.sent += usize::from(reached.unwrap()),
            }
            self.waiting = None;
            return true;
        }
        if let Some(sending) = self.to_send.pop_front() {
            self.send(sending);
            return true;
        }
        match self.stage {
            Stage::Firing => return self.fire(),
            Stage::Finishing => {
                self.outports.iter().for_each(Outport::close);
                self.inputs.leave();
                self.stage = Stage::Ended;
            }
            Stage::Ended => {}
        }
        false
    }

    fn send(&mut self, Sending { outport, item, patient }: Sending) {
        match self.outports[outport].send(item.clone()).unwrap() {
            Sent::Now(reached) => self.sent += usize::from(reached),
            Sent::Waits(ticket) if !patient => {
                if self.outports[outport].withdraw(&ticket) {
                    self.withdrawn.lock().unwrap().push(item);
                }
            }
            Sent::Waits(ticket) => self.waiting = Some((outport, ticket)),
        }
    }

    fn fire(&mut self) -> bool {
        let mut row = vec![None; self.inports];
        let Poll::Ready(fires) = self.party.poll(|cx| self.inputs.poll_row(cx, &mut row)) else { return false };
        let number = self.inputs.number();
        let (bears, told) = if fires.unwrap() {
            let row = row.into_iter().map(|value| value.expect("a row has all values")).collect();
            (number, Told::Fire(number, row))
        } else {
            self.stage = Stage::Finishing;
            (number.map(|_| LAST), Told::Finish)
        };
        bears.into_iter().for_each(|number| self.outports.iter().for_each(|outport| outport.bear(number)));
        self.to_send = (self.act)(told).into();
        true
    }
}
