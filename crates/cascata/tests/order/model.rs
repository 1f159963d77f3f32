//! How a group shares out, on one page: nothing but queues.

use std::{
    cell::Cell,
    collections::{HashMap, VecDeque},
    rc::Rc,
    sync::{LazyLock, Mutex},
};

use cascata::order::FIRST;

use crate::{
    list::List,
    rig::{KEYS, Rig, Sharing, Spec},
};

/// What becomes of a send.
#[derive(Debug)]
pub enum Outcome {
    Now(bool),
    Waits(Rc<Ticket>),
    Ended,
}

/// A send that waits.
#[derive(Debug, Default)]
pub struct Ticket {
    /// Ports where it waits, and one more until all have been asked.
    open: Cell<usize>,
    pub reached: Cell<bool>,
}

impl Ticket {
    pub fn is_done(&self) -> bool {
        self.open.get() == 0
    }

    fn settle(&self, reached: bool) {
        self.open.update(|open| open - 1);
        self.reached.update(|before| before | reached);
    }
}

/// An item; the last of its numbers is its key.
type Entry = (List, Rc<Ticket>);

#[derive(Debug, PartialEq, Eq)]
enum Place {
    At(usize),
    /// With that member, which has ended.
    Lost(usize),
    Waits,
}

/// A member's port.
#[derive(Clone, Debug, Default)]
pub struct Channel {
    pub items: VecDeque<(u64, List)>,
    pub taken: u64,
    pub discarded: u64,
}

#[derive(Debug)]
pub struct Sender {
    ports: Vec<usize>,
    /// For each of these, what waits there.
    lines: Vec<VecDeque<Entry>>,
    /// What waits for sends that were given up to be over.
    held: VecDeque<Entry>,
    abandoned: Vec<Rc<Ticket>>,
    has_left: bool,
    pub sent: u64,
}

#[derive(Debug)]
pub struct Model {
    spec: Spec,
    /// By how many rows a port may be ahead.
    most: usize,
    /// The member of each row.
    rows: Vec<usize>,
    /// The next row of each port.
    pub next: Vec<u64>,
    pub ended: Vec<bool>,
    /// By member and port.
    pub channels: Vec<Vec<Channel>>,
    pub senders: Vec<Sender>,
}

impl Model {
    pub fn new(spec: &Spec, most: usize) -> Self {
        let members = spec.members.len();
        let senders = spec.senders.iter().map(|(_, ports)| Sender {
            ports: ports.clone(),
            lines: vec![VecDeque::new(); ports.len()],
            held: VecDeque::new(),
            abandoned: Vec::new(),
            has_left: false,
            sent: 0,
        });
        Self {
            most,
            rows: Vec::new(),
            next: vec![0; spec.ports.len()],
            ended: vec![false; members],
            channels: vec![vec![Channel::default(); spec.ports.len()]; members],
            senders: senders.collect(),
            spec: spec.clone(),
        }
    }

    pub fn send(&mut self, sender: usize, item: List) -> Outcome {
        if self.senders[sender].has_left {
            return Outcome::Ended;
        }
        self.senders[sender].sent += 1;
        let ticket = Rc::new(Ticket::default());
        ticket.open.set(1);
        if self.is_behind(sender) || !self.senders[sender].held.is_empty() {
            self.senders[sender].held.push_back((item, ticket.clone()));
            self.feed(sender);
        } else {
            self.deliver(sender, item, &ticket);
        }
        if ticket.is_done() { Outcome::Now(ticket.reached.get()) } else { Outcome::Waits(ticket) }
    }

    fn deliver(&mut self, sender: usize, item: List, ticket: &Rc<Ticket>) {
        // It is encoded once for all ports, if at first sight any of them needs that.
        let leaves = |&port: &usize| self.choose(port, &item).is_some_and(|member| self.is_away(sender, member));
        let packed = self.senders[sender].ports.iter().any(leaves);
        for way in 0..self.senders[sender].ports.len() {
            ticket.open.update(|open| open + 1);
            self.senders[sender].lines[way].push_back((item.clone(), ticket.clone()));
            if self.senders[sender].lines[way].len() == 1 {
                self.drain(sender, way, packed);
            }
        }
        ticket.settle(false);
    }

    fn is_away(&self, sender: usize, member: usize) -> bool {
        self.spec.senders[sender].0 != self.spec.members[member]
    }

    /// What waits goes in, as far as it can; to another process only if it is encoded.
    fn drain(&mut self, sender: usize, way: usize, packed: bool) {
        let port = self.senders[sender].ports[way];
        while let Some((item, ticket)) = self.senders[sender].lines[way].front().cloned() {
            let number = self.next[port];
            let is_new = number as usize == self.rows.len();
            match self.place(port, &item) {
                Place::Waits => break,
                Place::At(member) if !packed && self.is_away(sender, member) => break,
                Place::At(member) => {
                    self.channels[member][port].items.push_back((FIRST + 1 + number, item));
                    self.rows.extend(is_new.then_some(member));
                    self.next[port] += 1;
                    ticket.settle(true);
                }
                Place::Lost(member) => {
                    self.channels[member][port].discarded += 1;
                    self.next[port] += u64::from(!is_new);
                    ticket.settle(false);
                }
            }
            self.senders[sender].lines[way].pop_front();
        }
    }

    /// What was held back goes on, as far as it can.
    pub fn feed(&mut self, sender: usize) {
        (0..self.senders[sender].ports.len()).for_each(|way| self.drain(sender, way, true));
        while !self.is_behind(sender) {
            let Some((item, ticket)) = self.senders[sender].held.pop_front() else { break };
            self.deliver(sender, item, &ticket);
        }
    }

    /// Whether something that this sender has given up waits still.
    fn is_behind(&mut self, sender: usize) -> bool {
        let abandoned = &mut self.senders[sender].abandoned;
        abandoned.retain(|ticket| !ticket.is_done());
        !abandoned.is_empty()
    }

    /// Whether something could go on that waits at this sender.
    pub fn could_go_on(&mut self, sender: usize) -> bool {
        let behind = self.is_behind(sender);
        let Sender { ports, lines, held, .. } = &self.senders[sender];
        let goes = |(&port, line): (&usize, &VecDeque<Entry>)| {
            line.front().is_some_and(|(item, _)| self.place(port, item) != Place::Waits)
        };
        ports.iter().zip(lines).any(goes) || !behind && !held.is_empty()
    }

    /// Where the next item of a port goes.
    fn place(&self, port: usize, item: &List) -> Place {
        match self.choose(port, item) {
            Some(member) if self.ended[member] => Place::Lost(member),
            Some(member) if self.room(member, port) > 0 => Place::At(member),
            None if self.ended.iter().all(|ended| *ended) => Place::Lost(0),
            _ => Place::Waits,
        }
    }

    /// Who is to get the next item of a port.
    fn choose(&self, port: usize, item: &List) -> Option<usize> {
        let (number, behind) = (self.next[port] as usize, self.next.iter().copied().min()? as usize);
        if number < self.rows.len() {
            return Some(self.rows[number]);
        }
        if self.most > 0 && number - behind >= self.most {
            return None;
        }
        let members = self.spec.members.len();
        let from = |start: usize| {
            let members = (0..members).map(move |step| (start + step) % members);
            members.filter(|&member| !self.ended[member])
        };
        let after = self.rows.last().map_or(0, |last| last + 1);
        match self.spec.sharing {
            Sharing::Keyed(decides) if decides != port => None,
            Sharing::Keyed(_) => from(home(item.0[item.0.len() - 1], members)).next(),
            Sharing::RoundRobin => from(after).next(),
            // The first of those with most room.
            Sharing::Balanced => from(after).rev().max_by_key(|&member| self.room(member, port)),
        }
    }

    fn room(&self, member: usize, port: usize) -> usize {
        self.spec.ports[port].unwrap_or(usize::MAX) - self.channels[member][port].items.len()
    }

    /// Takes a send back; `false` if that is too late.
    pub fn withdraw(&mut self, sender: usize, ticket: &Rc<Ticket>) -> bool {
        let withdrawn = !ticket.reached.get() && !ticket.is_done();
        let Sender { lines, held, abandoned, sent, .. } = &mut self.senders[sender];
        if withdrawn {
            lines.iter_mut().chain([held]).for_each(|line| line.retain(|(_, other)| !Rc::ptr_eq(ticket, other)));
            *sent -= 1;
        } else {
            abandoned.push(ticket.clone());
        }
        withdrawn
    }

    pub fn leave(&mut self, sender: usize) {
        self.senders[sender].has_left = true;
    }

    /// A member ends: what lies in its channels is gone.
    pub fn end(&mut self, member: usize) {
        self.ended[member] = true;
        for channel in &mut self.channels[member] {
            channel.discarded += channel.items.len() as u64;
            channel.items.clear();
        }
    }

    pub fn take(&mut self, member: usize, port: usize) -> Option<(u64, List)> {
        let channel = &mut self.channels[member][port];
        let taken = channel.items.pop_front();
        channel.taken += u64::from(taken.is_some());
        taken
    }

    /// Whether nothing will come to a member's port any more.
    pub fn has_ended(&self, member: usize, port: usize) -> bool {
        let gives = |sender: &Sender| {
            let waits = |(&to, line): (&usize, &VecDeque<Entry>)| to == port && !line.is_empty();
            let waits = !sender.held.is_empty() || sender.ports.iter().zip(&sender.lines).any(waits);
            sender.ports.contains(&port) && (waits || !sender.has_left)
        };
        self.ended[member] || self.channels[member][port].items.is_empty() && !self.senders.iter().any(gives)
    }
}

/// The member for a key, as it turned out when nothing else was there: the model says that it is the same ever after.
fn home(key: u64, members: usize) -> usize {
    static KNOWN: LazyLock<Mutex<HashMap<(u64, usize), usize>>> = LazyLock::new(Mutex::default);
    *KNOWN.lock().unwrap().entry((key, members)).or_insert_with(|| {
        let spec = Spec {
            sharing: Sharing::Keyed(0),
            members: vec![0; members],
            ports: vec![Some(1)],
            senders: vec![(0, vec![0])],
        };
        let rig = Rig::new(spec);
        rig.outports[0].send(List(vec![key % KEYS])).unwrap();
        (0..members).find(|&member| rig.inlets[member][0].fill() == 1).expect("somebody has it")
    })
}
