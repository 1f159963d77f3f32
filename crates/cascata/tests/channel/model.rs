//! Channels and sends as plain queues: what [`random`](crate::random) expects of the real ones.

use std::collections::VecDeque;

use crate::{
    rig::{Sender, Spec, WORKERS},
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

/// An item that is held back behind one whose sender has given up.
#[derive(Debug)]
struct Held {
    id: u64,
    nature: Nature,
    ticket: usize,
}

#[derive(Debug)]
pub struct Model {
    spec: Spec,
    pub channels: Vec<Channel>,
    pub tickets: Vec<Ticket>,
    pub sent: Vec<u64>,
    ended: Vec<bool>,
    /// The channels know that the sender has ended.
    left: Vec<bool>,
    held: Vec<VecDeque<Held>>,
    /// Sends that their sender could not withdraw.
    abandoned: Vec<Vec<usize>>,
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
            left: vec![false; senders],
            held: (0..senders).map(|_| VecDeque::new()).collect(),
            abandoned: vec![Vec::new(); senders],
            spec: spec.clone(),
        }
    }

    /// Sends `id`. If the send waits, its ticket is the last one.
    pub fn send(&mut self, sender: usize, id: u64, nature: Nature) -> Outcome {
        if self.ended[sender] {
            return Outcome::Ended;
        }
        let number = self.tickets.len();
        if self.held[sender].is_empty() && !self.is_behind_abandoned(sender) {
            if self.is_unencodable(sender, nature) {
                return Outcome::Unencodable;
            }
            self.sent[sender] += 1;
            self.tickets.push(Ticket { sender, open: 1, reached: false, withdrawn: false });
            self.deliver(number, id, nature);
        } else {
            self.sent[sender] += 1;
            self.tickets.push(Ticket { sender, open: 1, reached: false, withdrawn: false });
            self.held[sender].push_back(Held { id, nature, ticket: number });
            self.feed(sender);
        }
        let Ticket { open, reached, .. } = self.tickets[number];
        if open == 0 {
            self.tickets.pop();
            return Outcome::Now(reached);
        }
        Outcome::Waits
    }

    fn is_unencodable(&self, sender: usize, nature: Nature) -> bool {
        let Sender { worker, targets } = &self.spec.senders[sender];
        nature == Nature::Unencodable && targets.iter().any(|&target| self.channels[target].receiver != *worker)
    }

    fn is_behind_abandoned(&self, sender: usize) -> bool {
        self.abandoned[sender].iter().any(|&ticket| !self.tickets[ticket].is_done())
    }

    /// Offers an item to all channels behind its sender.
    fn deliver(&mut self, number: usize, id: u64, nature: Nature) {
        let ticket = &mut self.tickets[number];
        let Sender { worker, targets } = self.spec.senders[ticket.sender].clone();
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
        ticket.open -= 1;
    }

    /// Offers what the sender holds back and need not any more.
    fn feed(&mut self, sender: usize) {
        while !self.is_behind_abandoned(sender) {
            let Some(Held { id, nature, ticket }) = self.held[sender].pop_front() else { break };
            let closed = self.spec.senders[sender].targets.iter().all(|&target| self.channels[target].closed);
            if self.is_unencodable(sender, nature) && !closed {
                self.sent[sender] -= 1;
                self.tickets[ticket].open = 0;
            } else {
                self.deliver(ticket, id, nature);
            }
        }
        self.tell(sender);
    }

    /// What the senders of a worker hold back is looked at.
    pub fn feed_all(&mut self, worker: usize) {
        for sender in 0..self.held.len() {
            if self.spec.senders[sender].worker == worker && !self.held[sender].is_empty() {
                self.feed(sender);
            }
        }
    }

    /// Tells the channels of a sender's end.
    fn tell(&mut self, sender: usize) {
        if self.ended[sender] && self.held[sender].is_empty() && !std::mem::replace(&mut self.left[sender], true) {
            for &target in &self.spec.senders[sender].targets {
                self.channels[target].publishers -= 1;
            }
        }
    }

    /// Whether the send was taken back.
    pub fn withdraw(&mut self, number: usize) -> bool {
        let ticket = &mut self.tickets[number];
        let sender = ticket.sender;
        if ticket.reached || ticket.open == 0 {
            self.abandoned[sender].push(number);
            return false;
        }
        if !std::mem::replace(&mut ticket.withdrawn, true) {
            self.sent[sender] -= 1;
        }
        let line = self.spec.senders[sender].worker;
        for channel in &mut self.channels {
            channel.waiting[line].retain(|entry| entry.ticket != Some(number));
        }
        self.held[sender].retain(|held| held.ticket != number);
        self.tell(sender);
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
        self.ended[sender] = true;
        self.tell(sender);
    }

    /// A worker answers all its bells, and those that it thereby rings itself.
    pub fn answer_bells(&mut self, worker: usize) {
        loop {
            self.look_at_channels(worker);
            let held = self.held_back();
            self.feed_all(worker);
            if self.held_back() == held {
                return;
            }
        }
    }

    fn held_back(&self) -> usize {
        self.held.iter().map(VecDeque::len).sum()
    }

    fn look_at_channels(&mut self, worker: usize) {
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
        (held.filter(|entry| entry.own).count() + self.held_back()) as i64
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
