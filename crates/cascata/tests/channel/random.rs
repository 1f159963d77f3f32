//! Random channels and random sequences of operations on them, step by step compared with the [model](crate::model).
//!
//! No wake-up may be lost: when a worker may sleep, because nobody rings its bell, nobody in it may be left asleep who
//! could go on.

use std::{sync::Arc, task::Poll};

use cascata::channel::{SendError, Sent};
use proptest::prelude::*;

use crate::{
    model::{Front, Model, Outcome},
    rig::{Channel, Ends, Rig, Sender, Spec, WORKERS},
    token::{Fault, Nature, Token},
    wakes::Party,
};

/// Encoded bytes of an item that fits a slot, and of one that does not.
const SIZES: [usize; 2] = [20, 17_000];

/// Indices are taken modulo what there is.
#[derive(Clone, Copy, Debug)]
enum Op {
    Send { sender: usize, nature: Nature, size: usize },
    Await { ticket: usize },
    Withdraw { ticket: usize },
    Drop { ticket: usize },
    Look { channel: usize },
    Take { channel: usize },
    AwaitItem { channel: usize },
    Close { channel: usize },
    Leave { sender: usize },
    AnswerBells { worker: usize },
}

fn specs() -> impl Strategy<Value = Spec> {
    let capacity = prop_oneof![Just(Some(1)), Just(Some(2)), Just(Some(3)), Just(Some(7)), Just(None)];
    let channel = (capacity, 0..WORKERS, any::<bool>()).prop_map(|(capacity, receiver, shared)| Channel {
        capacity,
        receiver,
        shared,
    });
    (prop::collection::vec(channel, 1..=3), prop::collection::vec((0..WORKERS, 1_usize..8), 1..=3), 1_usize..4)
        .prop_map(|(channels, senders, slots)| {
            let targets = |set: usize| (0..channels.len()).filter(|index| set & 1 << index != 0).collect::<Vec<_>>();
            let senders = senders.into_iter().map(|(worker, set)| Sender { worker, targets: targets(set) });
            let mut senders: Vec<_> = senders.filter(|sender| !sender.targets.is_empty()).collect();
            let orphans = (0..channels.len()).filter(|index| !senders.iter().any(|s| s.targets.contains(index)));
            let orphans: Vec<_> = orphans.collect();
            if !orphans.is_empty() {
                senders.push(Sender { worker: 0, targets: orphans });
            }
            Spec { channels, senders, slots }
        })
}

fn ops() -> impl Strategy<Value = Vec<Op>> {
    let index = 0..100_usize;
    let nature = prop_oneof![10 => Just(Nature::Plain), 1 => Just(Nature::Unencodable), 1 => Just(Nature::Undecodable)];
    let op = prop_oneof![
        30 => (index.clone(), nature, 0..SIZES.len()).prop_map(|(sender, nature, size)| Op::Send { sender, nature, size }),
        10 => index.clone().prop_map(|ticket| Op::Await { ticket }),
        6 => index.clone().prop_map(|ticket| Op::Withdraw { ticket }),
        2 => index.clone().prop_map(|ticket| Op::Drop { ticket }),
        4 => index.clone().prop_map(|channel| Op::Look { channel }),
        12 => index.clone().prop_map(|channel| Op::Take { channel }),
        16 => index.clone().prop_map(|channel| Op::AwaitItem { channel }),
        1 => index.clone().prop_map(|channel| Op::Close { channel }),
        2 => index.clone().prop_map(|sender| Op::Leave { sender }),
        14 => (0..WORKERS).prop_map(|worker| Op::AnswerBells { worker }),
    ];
    prop::collection::vec(op, 1..100)
}

/// The real thing beside the model.
struct Trial {
    rig: Rig,
    model: Model,
    next: u64,
    tickets: Vec<(Party, Option<Arc<cascata::channel::Ticket>>)>,
    receivers: Vec<Party>,
}

impl Trial {
    fn new(spec: &Spec) -> Self {
        let receivers = spec.channels.iter().map(|_| Party::new()).collect();
        Self { rig: Rig::new(spec.clone()), model: Model::new(spec), next: 0, tickets: Vec::new(), receivers }
    }

    fn step(&mut self, op: Op) {
        match op {
            Op::Send { sender, nature, size } => self.send(sender % self.rig.spec.senders.len(), nature, SIZES[size]),
            Op::AnswerBells { worker } => self.answer_bells(worker),
            Op::Leave { sender } => self.leave(sender % self.rig.spec.senders.len()),
            Op::Look { channel } => self.look(channel % self.receivers.len()),
            Op::Take { channel } => self.take(channel % self.receivers.len()),
            Op::AwaitItem { channel } => self.await_item(channel % self.receivers.len()),
            Op::Close { channel } => {
                let channel = channel % self.receivers.len();
                self.rig.inlets[channel].close();
                self.model.close(channel);
            }
            Op::Await { .. } | Op::Withdraw { .. } | Op::Drop { .. } if self.tickets.is_empty() => {}
            Op::Await { ticket } => self.await_room(ticket % self.tickets.len()),
            Op::Withdraw { ticket } => self.withdraw(ticket % self.tickets.len()),
            Op::Drop { ticket } => {
                let ticket = ticket % self.tickets.len();
                self.tickets[ticket].1 = None;
            }
        }
        self.compare();
    }

    fn send(&mut self, sender: usize, nature: Nature, size: usize) {
        let id = self.next;
        self.next += 1;
        let real = self.rig.outports[sender].send(self.rig.census.make(id, nature, size));
        match (self.model.send(sender, id, nature), real) {
            (Outcome::Now(expected), Ok(Sent::Now(reached))) => assert_eq!(reached, expected),
            (Outcome::Waits, Ok(Sent::Waits(ticket))) => self.tickets.push((Party::new(), Some(ticket))),
            (Outcome::Ended, Err(SendError::Ended)) => {}
            (Outcome::Unencodable, Err(SendError::Encode(Fault::Unencodable))) => {}
            (expected, real) => panic!("a send should be {expected:?} and is {real:?}"),
        }
    }

    fn await_room(&mut self, number: usize) {
        let (party, ticket) = &self.tickets[number];
        let Some(ticket) = ticket else { return };
        let expected = &self.model.tickets[number];
        let expected = if expected.is_done() { Poll::Ready(expected.reached) } else { Poll::Pending };
        assert_eq!(party.poll(|cx| ticket.poll(cx)), expected);
    }

    fn withdraw(&mut self, number: usize) {
        let Some(ticket) = self.tickets[number].1.take() else { return };
        let sender = self.model.tickets[number].sender;
        assert_eq!(self.rig.outports[sender].withdraw(&ticket), self.model.withdraw(number));
        // Nobody asks it any more.
        self.tickets[number].0 = Party::new();
    }

    fn leave(&mut self, sender: usize) {
        self.rig.outports[sender].close();
        self.model.leave(sender);
    }

    fn answer_bells(&mut self, worker: usize) {
        self.rig.answer_bells(worker);
        self.model.answer_bells(worker);
    }

    fn look(&mut self, channel: usize) {
        let expected = match self.model.front(channel) {
            Front::Item => Poll::Ready(true),
            Front::End => Poll::Ready(false),
            Front::Nothing => Poll::Pending,
        };
        self.model.look(channel);
        assert_eq!(self.receivers[channel].poll(|cx| self.rig.inlets[channel].poll_item(cx)), expected);
    }

    fn take(&mut self, channel: usize) {
        let real = self.rig.inlets[channel].take();
        self.compare_items(channel, real);
    }

    fn await_item(&mut self, channel: usize) {
        let front = self.model.front(channel);
        match self.receivers[channel].poll(|cx| self.rig.inlets[channel].poll_take(cx)) {
            Poll::Pending => assert_eq!(front, Front::Nothing),
            Poll::Ready(Ok(None)) => assert_eq!(front, Front::End),
            Poll::Ready(item) => {
                assert_eq!(front, Front::Item);
                self.model.look(channel);
                self.compare_items(channel, item);
                return;
            }
        }
        self.model.look(channel);
    }

    fn compare_items(&mut self, channel: usize, real: Result<Option<Token>, Fault>) {
        let expected = match self.model.take(channel) {
            Some(entry) if entry.nature == Nature::Undecodable && !entry.own => Err(Fault::Undecodable(entry.id)),
            entry => Ok(entry.map(|entry| entry.id)),
        };
        assert_eq!(real.map(|token| token.map(|token| token.id)), expected);
    }

    /// Whether all that can be seen is as the model says, and nobody sleeps who could go on.
    fn compare(&mut self) {
        for worker in 0..WORKERS {
            self.rig.feed(worker);
            self.model.feed_all(worker);
        }
        let Self { rig, model, .. } = self;
        for (number, channel) in model.channels.iter().enumerate() {
            assert_eq!(rig.fill(number), channel.fill(), "inside channel {number}");
            let counted = (rig.entered(number), rig.received(number));
            assert_eq!(counted, (channel.entered, (channel.taken, channel.discarded)), "counters of channel {number}");
        }
        for (sender, sent) in model.sent.iter().enumerate() {
            assert_eq!(rig.sent(sender), *sent);
        }
        assert_eq!(rig.census.alive(), model.alive());
        for ((party, ticket), expected) in self.tickets.iter().zip(&model.tickets) {
            assert!(ticket.as_ref().is_none_or(|ticket| ticket.is_done() == expected.is_done()));
            assert!(!(ticket.is_some() && party.sleeps() && expected.is_done()), "a sender sleeps on");
        }
        let may_sleep: [bool; WORKERS] = std::array::from_fn(|worker| rig.may_sleep(worker));
        for (number, channel) in model.channels.iter().enumerate() {
            if !channel.is_shared() || may_sleep[rig.spec.channels[number].receiver] {
                let sleeps = self.receivers[number].sleeps();
                assert!(!sleeps || model.front(number) == Front::Nothing, "the receiver of channel {number} sleeps on");
            }
            for (worker, may_sleep) in may_sleep.iter().enumerate() {
                assert!(!(may_sleep & channel.can_serve(worker)), "a send in worker {worker} waits on");
            }
        }
    }

    /// Everybody leaves, all that is left is taken, and then there is nothing more.
    fn finish(mut self) {
        (0..self.rig.spec.senders.len()).for_each(|sender| self.leave(sender));
        self.compare();
        loop {
            while !(0..WORKERS).all(|worker| self.rig.may_sleep(worker)) {
                for worker in 0..WORKERS {
                    self.answer_bells(worker);
                    self.compare();
                }
            }
            let Some(channel) = (0..self.receivers.len()).find(|&channel| self.model.front(channel) == Front::Item)
            else {
                break;
            };
            self.take(channel);
            self.compare();
        }
        for channel in 0..self.receivers.len() {
            assert_eq!(self.model.front(channel), Front::End);
            self.look(channel);
        }
        assert!(
            (0..self.tickets.len())
                .all(|number| self.tickets[number].1.is_none() || self.model.tickets[number].is_done())
        );
        drop(self.tickets);
        self.rig.dispose();
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn channels_do_what_the_model_does(spec in specs(), ops in ops()) {
        let mut trial = Trial::new(&spec);
        trial.compare();
        for op in ops {
            trial.step(op);
        }
        trial.finish();
    }

    /// As above, but every worker answers its bells at once.
    #[test]
    fn channels_do_so_too_when_nobody_tarries(spec in specs(), ops in ops()) {
        let mut trial = Trial::new(&spec);
        for op in ops {
            trial.step(op);
            for _ in 0..3 {
                (0..WORKERS).for_each(|worker| trial.step(Op::AnswerBells { worker }));
            }
        }
        trial.finish();
    }
}

/// The random channels are of all kinds, or the trials above would be worth little.
#[test]
fn the_trials_meet_every_kind_of_channel() {
    use proptest::{strategy::ValueTree, test_runner::TestRunner};

    let mut runner = TestRunner::deterministic();
    let mut kinds = std::collections::HashSet::new();
    for _ in 0..2000 {
        let spec = specs().new_tree(&mut runner).unwrap().current();
        let rig = Rig::new(spec.clone());
        for sender in &spec.senders {
            for &target in &sender.targets {
                let away = sender.worker != spec.channels[target].receiver;
                let local = matches!(rig.ends[target], Ends::Local(_));
                kinds.insert((away, local, spec.channels[target].capacity.is_none(), sender.targets.len()));
            }
        }
    }
    assert_eq!(kinds.len(), 3 * 2 * 3, "{kinds:?}");
}
