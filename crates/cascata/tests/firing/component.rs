//! A component with a sender before each of its connected inports, and nothing that drives it.

use std::task::Poll;

use cascata::{
    channel::Sent,
    firing::{Inputs, Latest, Passive, Port},
    graph::Batch,
};

use crate::{
    rig::{Channel, Rig, Sender, Spec},
    token::{Fault, Nature, Token},
    wakes::Party,
};

/// Slots of the ring of an unbounded channel.
const SLOTS: usize = 4;

/// An inport to be made.
#[derive(Clone, Copy, Debug)]
pub struct Inport {
    /// Its channel; `None` for a constant.
    pub feed: Option<Feed>,
    pub initial: Option<u64>,
    pub batch: Option<Batch>,
}

/// How the values of an inport come.
#[derive(Clone, Copy, Debug)]
pub struct Feed {
    pub capacity: Option<usize>,
    /// From another process.
    pub remote: bool,
}

/// A component to be made.
#[derive(Clone, Debug)]
pub struct Shape {
    pub inports: Vec<Inport>,
    /// Trigger groups, as positions of inports. An inport with a feed that is in none of them is passive.
    pub groups: Vec<Vec<usize>>,
}

/// What a firing gets.
pub type Row = Vec<Option<u64>>;

pub struct Component {
    pub rig: Rig,
    pub shape: Shape,
    /// The channel of each inport.
    channels: Vec<Option<usize>>,
    pub groups: Vec<(Inputs<Token>, Party)>,
    /// The passive ports, with their inports.
    pub passives: Vec<(usize, Passive<Token>, Party)>,
}

impl Shape {
    /// An inport that `capacity` items fit in front of, from a sender in the same process.
    pub fn port(capacity: usize) -> Inport {
        Inport { feed: Some(Feed { capacity: Some(capacity), remote: false }), initial: None, batch: None }
    }

    /// As [`port`](Self::port), with a sender in another process.
    pub fn remote(capacity: usize) -> Inport {
        Inport { feed: Some(Feed { capacity: Some(capacity), remote: true }), initial: None, batch: None }
    }

    /// An inport that always has this value.
    pub fn constant(value: u64) -> Inport {
        Inport { feed: None, initial: Some(value), batch: None }
    }
}

impl Inport {
    /// With an initial value.
    pub fn with(self, initial: u64) -> Self {
        Self { initial: Some(initial), ..self }
    }

    /// In batches of this size; `None` for the whole stream.
    pub fn batched(self, size: Option<usize>) -> Self {
        Self { batch: Some(Batch { size, within: None }), ..self }
    }

    /// In batches that are due so many seconds after their first item.
    pub fn timed(self, size: Option<usize>, within: f64) -> Self {
        Self { batch: Some(Batch { size, within: Some(within) }), ..self }
    }
}

impl Component {
    /// A component of these inports and groups.
    pub fn of(inports: &[Inport], groups: &[&[usize]]) -> Self {
        Self::new(Shape { inports: inports.into(), groups: groups.iter().map(|group| group.to_vec()).collect() })
    }

    pub fn new(shape: Shape) -> Self {
        let feeds: Vec<_> = shape.inports.iter().filter_map(|inport| inport.feed).collect();
        let rig = Rig::new(Spec {
            channels: feeds
                .iter()
                .map(|feed| Channel { capacity: feed.capacity, receiver: 0, shared: false })
                .collect(),
            senders: feeds
                .iter()
                .enumerate()
                .map(|(index, feed)| Sender { worker: usize::from(feed.remote), targets: vec![index] })
                .collect(),
            slots: SLOTS,
        });
        let token = |id| rig.token(id);
        let mut next = 0..;
        let channels: Vec<_> =
            shape.inports.iter().map(|inport| inport.feed.map(|_| next.next().expect("it is endless"))).collect();

        let port = |inport: usize| {
            let first = shape.inports[inport].initial.map(token);
            let port = Port::new(inport, first, rig.inlets[channels[inport]?].clone());
            Some(match shape.inports[inport].batch {
                Some(batch) => port.in_batches(batch),
                None => port,
            })
        };
        let constants = shape.inports.iter().map(|inport| match inport.feed {
            None => inport.initial.map(token),
            Some(_) => None,
        });
        let latest = Latest::new(constants.collect());
        let passives: Vec<_> = (0..shape.inports.len())
            .filter(|inport| shape.inports[*inport].feed.is_some() && !shape.groups.concat().contains(inport))
            .map(|inport| {
                let replaced = rig.meter(channels[inport].unwrap()).replaced.clone();
                (inport, Passive::new(port(inport).unwrap(), latest.clone(), replaced), Party::new())
            })
            .collect();
        let alone = shape.groups.len() <= 1 && passives.is_empty();
        let inputs = |group: &Vec<usize>| {
            let ports = group.iter().filter_map(|inport| port(*inport)).collect();
            (Inputs::new(ports, shape.inports.len(), latest.clone(), alone), Party::new())
        };
        let groups =
            if shape.groups.is_empty() { vec![inputs(&Vec::new())] } else { shape.groups.iter().map(inputs).collect() };
        Self { rig, channels, groups, passives, shape }
    }

    /// The channel in front of a connected inport.
    pub fn channel(&self, inport: usize) -> usize {
        self.channels[inport].expect("it is connected")
    }

    /// Sends a value to an inport. `None` if it waits.
    pub fn send(&self, inport: usize, id: u64) -> Option<bool> {
        self.send_as(inport, id, Nature::Plain)
    }

    pub fn send_as(&self, inport: usize, id: u64, nature: Nature) -> Option<bool> {
        let item = self.rig.census.make(id, nature, 0);
        let sent = match self.rig.outports[self.channel(inport)].send(item).unwrap() {
            Sent::Now(reached) => Some(reached),
            Sent::Waits(_) => None,
        };
        self.rig.settle();
        sent
    }

    /// The sender before an inport ends.
    pub fn end(&self, inport: usize) {
        self.rig.outports[self.channel(inport)].close();
        self.rig.settle();
    }

    /// The next row of a group; `Ok(None)` at its end.
    pub fn poll(&mut self, group: usize) -> Poll<Result<Option<Row>, Fault>> {
        let mut row = vec![None; self.shape.inports.len()];
        let (inputs, party) = &mut self.groups[group];
        let outcome = party.poll(|cx| inputs.poll_row(cx, &mut row));
        self.rig.settle();
        let ids = || row.iter().map(|value| value.as_ref().map(|token: &Token| token.id)).collect();
        outcome.map(|outcome| outcome.map(|more| more.then(ids)))
    }

    /// As [`poll`](Self::poll), where there must be a row.
    #[track_caller]
    pub fn row(&mut self, group: usize) -> Row {
        match self.poll(group) {
            Poll::Ready(Ok(Some(row))) => row,
            other => panic!("there is no row but {other:?}"),
        }
    }

    /// Polls the passive port at `place` among them until it waits; whether it has ended.
    pub fn drain(&mut self, place: usize) -> Result<bool, Fault> {
        loop {
            let (_, passive, party) = &mut self.passives[place];
            let outcome = party.poll(|cx| passive.poll(cx));
            self.rig.settle();
            match outcome {
                Poll::Ready(outcome) => return outcome.map(|()| true),
                Poll::Pending if self.passives[place].2.sleeps() => return Ok(false),
                Poll::Pending => {}
            }
        }
    }

    /// All groups have ended.
    pub fn close(&mut self) {
        self.passives.iter_mut().for_each(|(_, passive, _)| passive.close());
        self.rig.settle();
    }
}
