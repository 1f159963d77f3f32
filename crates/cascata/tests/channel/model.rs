//! Channels and sends as plain queues: what [`random`](crate::random) expects of the real ones.

use std::collections::VecDeque;

use crate::{
    rig::{Spec, WORKERS},
    token::Nature,
};

/// An item in a channel, or in front of one.
#[derive(Clone, Debug)]
pub struct Entry {
    pub id: u64,
    pub nature: Nature,
    /// It came from the receiver's own process, by reference.
    pub own: bool,
    /// The send that it waits under.
    ticket: Option<usize>,
}

/// A channel.
#[derive(Debug)]
pub struct Channel {
    receiver: usize,
    shared: bool,
    bounded: bool,
    /// Items that fit; without bound those that fit the ring.
    room: usize,
    inside: VecDeque<Entry>,
    /// What an unbounded channel has taken off its ring.
    backlog: VecDeque<Entry>,
    /// The ring knows that the receiver's worker wants to hear of the next item.
    noted: bool,
    /// The lines in front of it, one in each worker.
    waiting: [VecDeque<Entry>; WORKERS],
    publishers: usize,
    closed: bool,
    pub entered: u64,
    pub taken: u64,
    pub discarded: u64,
}

/// A send that had to wait.
#[derive(Debug)]
pub struct Ticket {
    pub sender: usize,
    /// Channels that it waits for.
    open: usize,
    pub reached: bool,
    withdrawn: bool,
}

impl Ticket {
    pub fn is_done(&self) -> bool {
        self.open == 0
    }
}

/// What the model says of a send.
#[derive(Debug, PartialEq, Eq)]
pub enum Outcome {
    Ended,
    Unencodable,
    Now(bool),
    Waits,
}

/// What a receiver finds.
#[derive(Debug, PartialEq, Eq)]
pub enum Front {
    Item,
    Nothing,
    End,
}

#[derive(Debug)]
pub struct Model {
    spec: Spec,
    pub channels: Vec<Channel>,
    pub tickets: Vec<Ticket>,
    pub sent: Vec<u64>,
    ended: Vec<bool>,
}

impl Model {
    pub fn new(spec: &Spec) -> Self {
        let channels = spec.channels.iter().enumerate().map(|(index, channel)| Channel {
            receiver: channel.receiver,
            shared: spec.is_shared(index),
            bounded: channel.capacity.is_some(),
            room: match channel.capacity {
                Some(capacity) => capacity,
                None if spec.is_shared(index) => spec.slots,
                None => usize::MAX,
            },
            inside: VecDeque::new(),
            backlog: VecDeque::new(),
            noted: true,
            waiting: Default::default(),
            publishers: spec.senders.iter().filter(|sender| sender.targets.contains(&index)).count(),
            closed: false,
            entered: 0,
            taken: 0,
            discarded: 0,
        });
        let senders = spec.senders.len();
        Self {
            channels: channels.collect(),
            tickets: Vec::new(),
            sent: vec![0; senders],
            ended: vec![false; senders],
            spec: spec.clone(),
        }
    }

    /// Sends `id`. If the send waits, its ticket is the last one.
    pub fn send(&mut self, sender: usize, id: u64, nature: Nature) -> Outcome {
        if self.ended[sender] {
            return Outcome::Ended;
        }
        let worker = self.spec.senders[sender].worker;
        let targets = self.spec.senders[sender].targets.clone();
        let leaves = |&target: &usize| self.channels[target].receiver != worker;
        if nature == Nature::Unencodable && targets.iter().any(leaves) {
            return Outcome::Unencodable;
        }
        self.sent[sender] += 1;
        let number = self.tickets.len();
        let mut ticket = Ticket { sender, open: 0, reached: false, withdrawn: false };
        for target in targets {
            let channel = &mut self.channels[target];
            let entry = Entry { id, nature, own: channel.receiver == worker, ticket: None };
            if !channel.waiting[worker].is_empty() {
                channel.waiting[worker].push_back(Entry { ticket: Some(number), ..entry });
                ticket.open += 1;
            } else if channel.closed {
                channel.discarded += 1;
            } else if channel.inside.len() < channel.room {
                let at_once = channel.noted && worker == channel.receiver && channel.shared && !channel.bounded;
                channel.enter(entry);
                if at_once {
                    channel.unload();
                }
                ticket.reached = true;
            } else {
                channel.waiting[worker].push_back(Entry { ticket: Some(number), ..entry });
                ticket.open += 1;
            }
        }
        if ticket.open == 0 {
            return Outcome::Now(ticket.reached);
        }
        self.tickets.push(ticket);
        Outcome::Waits
    }

    /// Whether the send was taken back.
    pub fn withdraw(&mut self, number: usize) -> bool {
        let ticket = &mut self.tickets[number];
        if ticket.reached || ticket.open == 0 {
            return false;
        }
        if !std::mem::replace(&mut ticket.withdrawn, true) {
            self.sent[ticket.sender] -= 1;
        }
        let line = self.spec.senders[ticket.sender].worker;
        for channel in &mut self.channels {
            channel.waiting[line].retain(|entry| entry.ticket != Some(number));
        }
        true
    }

    /// What the receiver sees when it looks.
    pub fn front(&self, channel: usize) -> Front {
        let channel = &self.channels[channel];
        if channel.closed {
            Front::End
        } else if channel.held() > 0 {
            Front::Item
        } else if channel.publishers == 0 && channel.waiting.iter().all(VecDeque::is_empty) {
            Front::End
        } else {
            Front::Nothing
        }
    }

    /// The receiver looks.
    pub fn look(&mut self, channel: usize) {
        let channel = &mut self.channels[channel];
        if channel.shared && !channel.bounded && !channel.closed {
            channel.unload();
        }
    }

    /// The receiver takes the first item.
    pub fn take(&mut self, number: usize) -> Option<Entry> {
        let channel = &mut self.channels[number];
        if !channel.shared {
            let entry = channel.inside.pop_front()?;
            channel.taken += 1;
            self.serve(number, channel_line(&self.spec, number), Some(1));
            return Some(entry);
        }
        if !channel.bounded && !channel.closed && channel.backlog.is_empty() {
            channel.unload();
        }
        let entry = if channel.bounded { channel.inside.pop_front() } else { channel.backlog.pop_front() };
        channel.taken += u64::from(entry.is_some());
        entry
    }

    /// The receiver goes.
    pub fn close(&mut self, number: usize) {
        let channel = &mut self.channels[number];
        channel.closed = true;
        channel.discarded += channel.held() as u64;
        channel.inside.clear();
        channel.backlog.clear();
        self.serve(number, channel_line(&self.spec, number), None);
    }

    /// A sender's component ends.
    pub fn leave(&mut self, sender: usize) {
        if !std::mem::replace(&mut self.ended[sender], true) {
            for &target in &self.spec.senders[sender].targets {
                self.channels[target].publishers -= 1;
            }
        }
    }

    /// A worker answers all its bells.
    pub fn answer_bells(&mut self, worker: usize) {
        for number in 0..self.channels.len() {
            let channel = &self.channels[number];
            if !channel.shared {
                continue;
            }
            let unloads = channel.receiver == worker && !channel.bounded && !channel.closed;
            self.serve(number, worker, None);
            while unloads && (!self.channels[number].inside.is_empty() || !self.channels[number].noted) {
                self.channels[number].unload();
                self.serve(number, worker, None);
            }
        }
    }

    /// Lets in, of those who wait in `worker`'s line, as many as there is room for, and at most `most`.
    fn serve(&mut self, number: usize, worker: usize, most: Option<usize>) {
        let channel = &mut self.channels[number];
        for _ in 0..most.unwrap_or(usize::MAX) {
            if !channel.closed && channel.inside.len() >= channel.room {
                return;
            }
            let Some(entry) = channel.waiting[worker].pop_front() else { return };
            let ticket = &mut self.tickets[entry.ticket.unwrap()];
            ticket.open -= 1;
            if channel.closed {
                channel.discarded += 1;
            } else {
                ticket.reached = true;
                channel.enter(entry);
            }
        }
    }

    /// Items that are in this process as objects.
    pub fn alive(&self) -> i64 {
        let held = self
            .channels
            .iter()
            .flat_map(|channel| channel.inside.iter().chain(&channel.backlog).chain(channel.waiting.iter().flatten()));
        held.filter(|entry| entry.own).count() as i64
    }
}

impl Channel {
    pub fn fill(&self) -> usize {
        self.inside.len()
    }

    pub fn is_shared(&self) -> bool {
        self.shared
    }

    /// Whether somebody in `worker`'s line could move.
    pub fn can_serve(&self, worker: usize) -> bool {
        !self.waiting[worker].is_empty() && (self.closed || self.inside.len() < self.room)
    }

    fn held(&self) -> usize {
        self.inside.len() + self.backlog.len()
    }

    fn enter(&mut self, entry: Entry) {
        self.inside.push_back(entry);
        self.entered += 1;
        self.noted = false;
    }

    /// The receiver's worker takes what is on the ring, and leaves a note if that was less than the ring holds.
    fn unload(&mut self) {
        self.noted = self.inside.len() < self.room;
        self.backlog.append(&mut self.inside);
    }
}

/// The receiver's worker.
fn channel_line(spec: &Spec, channel: usize) -> usize {
    spec.channels[channel].receiver
}
