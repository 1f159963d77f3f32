//! Random groups, and random sequences of what is done to them, step by step compared with the [model](crate::model).
//!
//! No wake-up may be lost: when a worker may sleep, because nobody has told it of anything, nobody in it may be left
//! waiting who could go on.

use std::{rc::Rc, sync::Arc, task::Poll};

use cascata::channel::{SendError, Sent, Ticket};
use proptest::prelude::*;

use crate::{
    list::List,
    model::{self, Model, Outcome},
    rig::{KEYS, Rig, Sharing, Spec, WORKERS},
    wakes::Party,
};

/// Indices are taken modulo what there is.
#[derive(Clone, Copy, Debug)]
enum Op {
    Send { sender: usize, key: u64 },
    Await { ticket: usize },
    Withdraw { ticket: usize },
    Take { member: usize, port: usize },
    End { member: usize },
    Leave { sender: usize },
    Answer { worker: usize },
}

fn specs() -> impl Strategy<Value = Spec> {
    let sharing =
        prop_oneof![Just(Sharing::Balanced), Just(Sharing::RoundRobin), (0..3_usize).prop_map(Sharing::Keyed)];
    let capacity = prop_oneof![4 => (1..5_usize).prop_map(Some), 1 => Just(None)];
    let workers = prop::collection::vec(0..WORKERS, 1..5);
    let senders = prop::collection::vec((0..WORKERS, 1..8_usize), 1..4);
    (sharing, workers, prop::collection::vec(capacity, 1..4), senders).prop_map(
        |(sharing, members, mut ports, senders)| {
            let sharing = match sharing {
                Sharing::Keyed(port) => Sharing::Keyed(port % ports.len()),
                sharing => sharing,
            };
            if sharing == Sharing::Balanced {
                // Who has most room of what is without bound nobody promises.
                ports.iter_mut().for_each(|capacity| _ = capacity.get_or_insert(6));
            }
            let of = |set: usize| (0..ports.len()).filter(|port| set & 1 << port != 0).collect::<Vec<_>>();
            let mut senders: Vec<_> = senders.into_iter().map(|(worker, set)| (worker, of(set))).collect();
            senders.retain(|(_, ports)| !ports.is_empty());
            let lonely = |port: &usize| !senders.iter().any(|(_, ports)| ports.contains(port));
            let lonely: Vec<_> = (0..ports.len()).filter(lonely).collect();
            senders.extend(lonely.into_iter().map(|port| (port % WORKERS, vec![port])));
            Spec { sharing, members, ports, senders }
        },
    )
}

fn ops() -> impl Strategy<Value = Vec<Op>> {
    let index = 0..60_usize;
    let op = prop_oneof![
        40 => (index.clone(), 0..KEYS).prop_map(|(sender, key)| Op::Send { sender, key }),
        8 => index.clone().prop_map(|ticket| Op::Await { ticket }),
        8 => index.clone().prop_map(|ticket| Op::Withdraw { ticket }),
        40 => (index.clone(), index.clone()).prop_map(|(member, port)| Op::Take { member, port }),
        1 => index.clone().prop_map(|member| Op::End { member }),
        1 => index.clone().prop_map(|sender| Op::Leave { sender }),
        20 => (0..WORKERS).prop_map(|worker| Op::Answer { worker }),
    ];
    prop::collection::vec(op, 1..150)
}

/// A send that had to wait.
struct Waiting {
    sender: usize,
    party: Party,
    /// Until it is withdrawn.
    ticket: Option<Arc<Ticket>>,
    expected: Rc<model::Ticket>,
}

/// The real thing beside the model.
struct Trial {
    rig: Rig,
    model: Model,
    next: u64,
    tickets: Vec<Waiting>,
    /// By member and port.
    receivers: Vec<Vec<Party>>,
}

impl Trial {
    fn new(spec: &Spec) -> Self {
        let rig = Rig::new(spec.clone());
        let receivers = spec.members.iter().map(|_| spec.ports.iter().map(|_| Party::new()).collect());
        let model = Model::new(spec, rig.plan.desks[0].rows);
        Self { model, next: 0, tickets: Vec::new(), receivers: receivers.collect(), rig }
    }

    fn step(&mut self, op: Op) {
        let Spec { members, ports, senders, .. } = &self.rig.spec;
        let (members, ports, senders) = (members.len(), ports.len(), senders.len());
        match op {
            Op::Send { sender, key } => self.send(sender % senders, key),
            Op::Await { .. } | Op::Withdraw { .. } if self.tickets.is_empty() => {}
            Op::Await { ticket } => self.await_room(ticket % self.tickets.len()),
            Op::Withdraw { ticket } => self.withdraw(ticket % self.tickets.len()),
            Op::Take { member, port } => _ = self.take(member % members, port % ports),
            Op::End { member } => self.end(member % members),
            Op::Leave { sender } => self.leave(sender % senders),
            Op::Answer { worker } => self.answer(worker),
        }
        self.compare();
    }

    fn send(&mut self, sender: usize, key: u64) {
        let item = List(vec![self.next, sender as u64, key]);
        self.next += 1;
        match (self.model.send(sender, item.clone()), self.rig.outports[sender].send(item)) {
            (Outcome::Now(expected), Ok(Sent::Now(reached))) => assert_eq!(reached, expected),
            (Outcome::Waits(expected), Ok(Sent::Waits(ticket))) => {
                self.tickets.push(Waiting { sender, party: Party::new(), ticket: Some(ticket), expected });
            }
            (Outcome::Ended, Err(SendError::Ended)) => {}
            (expected, Ok(Sent::Waits(ticket))) if self.is_over() => {
                let expected = match expected {
                    Outcome::Waits(expected) => expected,
                    _ => Rc::default(),
                };
                self.tickets.push(Waiting { sender, party: Party::new(), ticket: Some(ticket), expected });
            }
            (_, Ok(Sent::Now(false))) if self.is_over() => {}
            (expected, real) => panic!("a send should be {expected:?} and is {real:?}"),
        }
    }

    fn await_room(&mut self, number: usize) {
        let Waiting { party, ticket, expected, .. } = &self.tickets[number];
        let Some(ticket) = ticket else { return };
        if self.is_over() {
            return;
        }
        let expected = if expected.is_done() { Poll::Ready(expected.reached.get()) } else { Poll::Pending };
        assert_eq!(party.poll(|cx| ticket.poll(cx)), expected);
    }

    fn withdraw(&mut self, number: usize) {
        let is_over = self.is_over();
        let Waiting { sender, ticket, expected, .. } = &mut self.tickets[number];
        let Some(ticket) = ticket.take() else { return };
        let withdrawn = self.rig.outports[*sender].withdraw(&ticket);
        assert!(is_over || withdrawn == self.model.withdraw(*sender, expected));
    }

    /// Whether there was something.
    fn take(&mut self, member: usize, port: usize) -> bool {
        let inlet = &self.rig.inlets[member][port];
        let number = inlet.first();
        let real = self.receivers[member][port].poll(|cx| inlet.poll_take(cx));
        let ended = self.model.has_ended(member, port);
        match (self.model.take(member, port), real) {
            (Some(expected), Poll::Ready(Ok(Some(item)))) => assert_eq!((number, item), expected),
            (None, Poll::Ready(Ok(None))) => assert!(ended, "port {port} of member {member} has ended too early"),
            (None, Poll::Pending) => assert!(!ended, "port {port} of member {member} has not ended"),
            (expected, real) => panic!("port {port} of member {member} should have {expected:?} and has {real:?}"),
        }
        !self.model.channels[member][port].items.is_empty()
    }

    fn end(&mut self, member: usize) {
        self.rig.inlets[member].iter().for_each(|inlet| inlet.close());
        self.model.end(member);
    }

    fn leave(&mut self, sender: usize) {
        self.rig.outports[sender].close();
        self.model.leave(sender);
    }

    fn answer(&mut self, worker: usize) {
        self.rig.answer(worker);
        let here = |sender: &usize| self.rig.spec.senders[*sender].0 == worker;
        (0..self.rig.spec.senders.len()).filter(here).for_each(|sender| self.model.feed(sender));
    }

    /// Whether all that can be seen is as the model says, and nobody sleeps who could go on.
    /// Whether all members have ended, so that nothing is shared out any more. In which row something is lost that waits
    /// for other ports is of no interest then; that it does not wait for ever is.
    fn is_over(&self) -> bool {
        self.rig.spec.ports.len() > 1 && self.model.ended.iter().all(|ended| *ended)
    }

    fn compare(&mut self) {
        if self.is_over() {
            return;
        }
        let Self { rig, model, .. } = self;
        assert_eq!(rig.next(), model.next, "the rows of the next items");
        let may_sleep: [bool; WORKERS] = std::array::from_fn(|worker| rig.may_sleep(worker));
        for (member, channels) in model.channels.iter().enumerate() {
            for (port, channel) in channels.iter().enumerate() {
                let inlet = &rig.inlets[member][port];
                assert_eq!(inlet.fill(), channel.items.len(), "inside port {port} of member {member}");
                assert_eq!(rig.received(member, port), (channel.taken, channel.discarded), "{port} of {member}");
                let idle = channel.items.is_empty() && !model.has_ended(member, port);
                let sleeps = self.receivers[member][port].sleeps();
                assert!(!sleeps || idle || !may_sleep[rig.spec.members[member]], "{port} of member {member} sleeps on");
            }
        }
        for Waiting { party, ticket, expected, .. } in &self.tickets {
            let Some(ticket) = ticket else { continue };
            assert_eq!(ticket.is_done(), expected.is_done());
            assert!(!party.sleeps() || !expected.is_done(), "a sender sleeps on");
        }
        for sender in 0..rig.spec.senders.len() {
            assert_eq!(rig.sent(sender), model.senders[sender].sent);
            let rests = may_sleep[rig.spec.senders[sender].0];
            assert!(!(rests && model.could_go_on(sender)), "what waits at sender {sender} waits on");
        }
    }

    /// Everybody leaves, all is taken that can be, and then there is nothing more.
    fn finish(mut self) {
        (0..self.rig.spec.senders.len()).for_each(|sender| self.step(Op::Leave { sender }));
        let ports: Vec<_> = (0..self.rig.spec.members.len())
            .flat_map(|member| (0..self.rig.spec.ports.len()).map(move |port| (member, port)))
            .collect();
        loop {
            while !(0..WORKERS).all(|worker| self.rig.may_sleep(worker)) {
                (0..WORKERS).for_each(|worker| self.step(Op::Answer { worker }));
            }
            let has_items = |&&(member, port): &&(usize, usize)| !self.model.channels[member][port].items.is_empty();
            let Some(&(member, port)) = ports.iter().find(has_items) else { break };
            self.step(Op::Take { member, port });
        }
        // What waits for a row that another port will never begin waits until the members end, which they do now.
        for member in 0..self.rig.spec.members.len() {
            self.step(Op::End { member });
        }
        while !(0..WORKERS).all(|worker| self.rig.may_sleep(worker)) {
            (0..WORKERS).for_each(|worker| self.step(Op::Answer { worker }));
        }
        let done = |waiting: &Waiting| waiting.ticket.as_ref().is_none_or(|ticket| ticket.is_done());
        assert!(self.tickets.iter().all(done), "nobody waits for ever");
        assert!(ports.iter().all(|&(member, port)| self.model.has_ended(member, port)));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn groups_share_out_as_the_model_does(spec in specs(), ops in ops()) {
        let mut trial = Trial::new(&spec);
        for op in ops {
            trial.step(op);
        }
        trial.finish();
    }
}
