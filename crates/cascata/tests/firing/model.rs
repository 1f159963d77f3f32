//! When a component fires, in the words of the specification: queues of values, and what has been seen last.

use std::collections::VecDeque;

use cascata::graph::Batch;

use crate::{
    component::{Row, Shape},
    token::list_id,
};

#[derive(Clone, Debug)]
struct Port {
    /// All values that no firing has taken: in the channel, in front of it, and the initial one.
    queue: VecDeque<Value>,
    /// The initial value is still the first of the queue. It takes no room.
    token: bool,
    capacity: usize,
    /// Its sender has ended.
    fed: bool,
    /// It discards.
    closed: bool,
    batch: Option<Batch>,
    /// Out of the queue, on their way into a list.
    gathered: Vec<Value>,
    complete: bool,
    pub taken: u64,
    pub discarded: u64,
    pub replaced: u64,
}

#[derive(Clone, Copy, Debug)]
struct Value {
    id: u64,
    decodable: bool,
}

/// What a port has for the next firing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Look {
    Value,
    Nothing,
    End,
}

/// What a trigger group does next.
#[derive(Debug, PartialEq, Eq)]
pub enum Next {
    Row(Row),
    /// A value of the row cannot be decoded: this one.
    Lost(u64),
    Wait,
    End,
}

#[derive(Debug)]
pub struct Model {
    shape: Shape,
    ports: Vec<Option<Port>>,
    latest: Row,
    ended: Vec<bool>,
}

impl Model {
    pub fn new(shape: &Shape) -> Self {
        let triggers = shape.groups.concat();
        let mut latest = vec![None; shape.inports.len()];
        let ports = shape.inports.iter().enumerate().map(|(number, inport)| {
            let Some(feed) = inport.feed else {
                latest[number] = inport.initial;
                return None;
            };
            let passive = !triggers.contains(&number);
            let token = inport.initial.filter(|_| !passive).map(|id| Value { id, decodable: true });
            if passive {
                latest[number] = inport.initial;
            }
            Some(Port {
                queue: token.into_iter().collect(),
                token: token.is_some(),
                capacity: feed.capacity.unwrap_or(usize::MAX),
                fed: true,
                closed: false,
                batch: inport.batch,
                gathered: Vec::new(),
                complete: false,
                taken: 0,
                discarded: 0,
                replaced: 0,
            })
        });
        let ports = ports.collect();
        Self { ports, latest, ended: vec![false; shape.groups.len().max(1)], shape: shape.clone() }
    }

    fn port(&mut self, inport: usize) -> &mut Port {
        self.ports[inport].as_mut().expect("it is connected")
    }

    /// What `send` says: whether anybody will receive the value, or nothing if it waits for room.
    pub fn send(&mut self, inport: usize, id: u64, decodable: bool) -> Option<bool> {
        let port = self.port(inport);
        if port.closed {
            port.discarded += 1;
            return Some(false);
        }
        let room = port.sent() < port.capacity;
        port.queue.push_back(Value { id, decodable });
        room.then_some(true)
    }

    /// Whether the next value would be inside its channel at once.
    pub fn has_room(&self, inport: usize) -> bool {
        self.ports[inport].as_ref().is_some_and(|port| port.sent() < port.capacity)
    }

    pub fn end(&mut self, inport: usize) {
        self.port(inport).fed = false;
    }

    /// Whether the sender of this inport can go on.
    pub fn is_fed(&self, inport: usize) -> bool {
        self.ports[inport].as_ref().is_some_and(|port| port.fed)
    }

    /// Items in the channel, taken, of these in a batch, discarded, replaced.
    pub fn counters(&self, inport: usize) -> (usize, u64, u64, u64, u64) {
        let port = self.ports[inport].as_ref().expect("it is connected");
        let batched = port.gathered.iter().filter(|value| value.decodable).count() as u64;
        (port.sent().min(port.capacity), port.taken, batched, port.discarded, port.replaced)
    }

    /// The connected ports of a group.
    fn members(&self, group: usize) -> Vec<usize> {
        let group = self.shape.groups.get(group).into_iter().flatten().copied();
        group.filter(|&inport| self.ports[inport].is_some()).collect()
    }

    /// What the ports of a group would have if it was polled.
    fn looks(&self, group: usize) -> Vec<Look> {
        self.members(group)
            .iter()
            .filter_map(|&inport| self.ports[inport].clone())
            .map(|mut port| port.look())
            .collect()
    }

    /// Whether the group would wait if it was polled.
    pub fn waits(&self, group: usize) -> bool {
        let looks = self.looks(group);
        !self.ended[group] && looks.contains(&Look::Nothing) && !looks.contains(&Look::End)
    }

    /// Whether the group would take a row if it was polled.
    pub fn next_is_row(&self, group: usize) -> bool {
        !self.ended[group] && self.looks(group).iter().all(|look| *look == Look::Value)
    }

    /// Completes the batches of a group. Whether there were any to complete.
    pub fn flush(&mut self, group: usize) -> bool {
        let members = self.members(group);
        members.into_iter().fold(false, |begun, inport| self.port(inport).flush() | begun)
    }

    /// Polls a group.
    pub fn next(&mut self, group: usize) -> Next {
        let members = self.members(group);
        if self.ended[group] {
            return Next::End;
        }
        let mut waits = false;
        for inport in members.clone() {
            match self.port(inport).look() {
                Look::Value => {}
                Look::Nothing => waits = true,
                Look::End => {
                    self.close(group);
                    return Next::End;
                }
            }
        }
        if waits {
            return Next::Wait;
        }
        // Constants alone: once.
        self.ended[group] = members.is_empty();
        let taken: Vec<_> = members.iter().map(|&inport| (inport, self.port(inport).take())).collect();
        let lost = self.shape.groups.get(group).into_iter().flatten();
        let lost = lost.filter_map(|member| taken.iter().find(|(inport, value)| inport == member && !value.decodable));
        if let Some((_, value)) = lost.take(1).next() {
            return Next::Lost(value.id);
        }
        for (inport, value) in taken {
            self.latest[inport] = Some(value.id);
        }
        for inport in self.passives() {
            // What had room by now is seen; what waits in front of the port is not.
            let inside = self.port(inport).sent().min(self.port(inport).capacity);
            self.drain(inport, inside);
            self.show(inport, Port::is_over);
        }
        Next::Row(self.latest.clone())
    }

    /// The group ends: its ports discard.
    pub fn close(&mut self, group: usize) {
        self.ended[group] = true;
        self.members(group).into_iter().for_each(|inport| self.discard(inport));
    }

    /// The component ends: its passive ports discard.
    pub fn close_passives(&mut self) {
        self.passives().into_iter().for_each(|inport| self.discard(inport));
    }

    /// Whether all groups have ended.
    pub fn is_over(&self) -> bool {
        self.ended.iter().all(|ended| *ended)
    }

    /// A passive port takes all there is. Whether nothing more can come.
    pub fn drain_all(&mut self, inport: usize) -> bool {
        self.drain(inport, usize::MAX);
        let ended = !self.port(inport).fed || self.port(inport).closed;
        self.show(inport, |port| ended || port.is_over());
        ended
    }

    /// Whether a passive port would wait if it was polled.
    pub fn passive_waits(&self, inport: usize) -> bool {
        self.ports[inport].as_ref().is_some_and(|port| port.queue.is_empty() && port.fed && !port.closed)
    }

    fn passives(&self) -> Vec<usize> {
        let triggers = self.shape.groups.concat();
        (0..self.ports.len()).filter(|inport| self.ports[*inport].is_some() && !triggers.contains(inport)).collect()
    }

    fn drain(&mut self, inport: usize, most: usize) {
        for _ in 0..most {
            if self.port(inport).queue.is_empty() {
                return;
            }
            if self.port(inport).batch.is_some() {
                self.port(inport).gather();
                self.show(inport, |_| false);
            } else {
                self.replace(inport);
            }
        }
    }

    /// Shows the batch of a passive port if it is complete, or `over` says so.
    fn show(&mut self, inport: usize, over: impl FnOnce(&Port) -> bool) {
        let port = self.port(inport);
        port.complete |= over(port) && !port.gathered.is_empty();
        if port.complete {
            self.replace(inport);
        }
    }

    fn replace(&mut self, inport: usize) {
        let value = self.port(inport).take();
        if self.latest[inport].replace(value.id).is_some() {
            self.port(inport).replaced += 1;
        }
    }

    fn discard(&mut self, inport: usize) {
        let port = self.port(inport);
        port.closed = true;
        let gathered = port.gathered.iter().filter(|value| value.decodable).count() as u64;
        port.taken -= gathered;
        port.discarded += port.sent() as u64 + gathered;
        port.gathered.clear();
        port.complete = false;
        port.queue.clear();
        port.token = false;
    }
}

impl Port {
    /// Values from its sender that nobody has taken.
    fn sent(&self) -> usize {
        self.queue.len() - usize::from(self.token)
    }

    /// What a firing would find. Gathers if the port delivers batches.
    fn look(&mut self) -> Look {
        let Some(_) = self.batch.filter(|_| !self.token) else {
            return match () {
                () if !self.queue.is_empty() => Look::Value,
                () if self.fed => Look::Nothing,
                () => Look::End,
            };
        };
        while !self.complete && !self.queue.is_empty() {
            self.gather();
        }
        if !self.fed || self.is_over() {
            self.flush();
        }
        match () {
            () if self.complete => Look::Value,
            () if self.fed => Look::Nothing,
            () => Look::End,
        }
    }

    /// Takes one value out of the queue into the batch.
    fn gather(&mut self) {
        let value = self.queue.pop_front().expect("the caller has looked");
        self.taken += 1;
        self.gathered.push(value);
        let size = self.batch.and_then(|batch| batch.size);
        self.complete = !value.decodable || Some(self.gathered.len()) == size;
    }

    /// Whether the time of the batch is over, which it is at once or never.
    fn is_over(&self) -> bool {
        self.batch.and_then(|batch| batch.within).is_some_and(|within| within < 1.0) && !self.gathered.is_empty()
    }

    fn flush(&mut self) -> bool {
        let begun = !self.complete && !self.gathered.is_empty();
        self.complete |= begun;
        begun
    }

    fn take(&mut self) -> Value {
        if self.batch.is_some() && !self.token {
            self.complete = false;
            let gathered = std::mem::take(&mut self.gathered);
            let ids: Vec<_> = gathered.iter().map(|value| value.id).collect();
            let list = Value { id: list_id(&ids), decodable: true };
            return gathered.into_iter().find(|value| !value.decodable).unwrap_or(list);
        }
        self.taken += u64::from(!std::mem::take(&mut self.token));
        self.queue.pop_front().expect("the caller has looked")
    }
}
