//! Random components, random arrivals and ends, step by step compared with the [model](crate::model).

use std::task::Poll;

use proptest::prelude::*;

use cascata::graph::Batch;

use crate::{
    component::{Component, Feed, Inport, Shape},
    model::{Model, Next},
    token::{Fault, Nature},
    wakes::Party,
};

/// Positions are taken modulo what there is.
#[derive(Clone, Copy, Debug)]
enum Op {
    Send {
        inport: usize,
        bad: bool,
    },
    End {
        inport: usize,
    },
    Poll {
        group: usize,
    },
    /// From now on somebody else polls.
    Relieve {
        group: usize,
    },
    Drain {
        passive: usize,
    },
    /// Batches that wait for more are completed.
    Flush {
        group: usize,
    },
    Close {
        group: usize,
    },
}

fn shapes() -> impl Strategy<Value = Shape> {
    let capacity = prop_oneof![Just(Some(1)), Just(Some(2)), Just(Some(5)), Just(None)];
    let feed = (capacity, any::<bool>()).prop_map(|(capacity, remote)| Feed { capacity, remote });
    let initial = prop::option::weighted(0.3, 10_000_u64..20_000);
    // Of the times one is over at once, and one is never.
    let size = prop_oneof![Just(Some(1)), Just(Some(2)), Just(Some(3)), Just(Some(9)), Just(None)];
    let within = prop_oneof![2 => Just(None), 1 => Just(Some(1e-10)), 1 => Just(Some(1e9))];
    let batch = prop::option::weighted(0.4, (size, within).prop_map(|(size, within)| Batch { size, within }));
    let inport = (prop::option::weighted(0.85, feed), initial, batch);
    let inport = inport.prop_map(|(feed, initial, mut batch)| {
        if let (Some(Feed { remote: true, .. }), Some(Batch { within: Some(within), .. })) = (feed, &mut batch) {
            // What comes at once depends on when the other process looks, too.
            *within = 1e9;
        }
        Inport { feed, initial, batch }
    });
    // Which group an inport is in; the last number stands for none.
    let inports = prop::collection::vec((inport, 0..4_usize), 0..6);
    (inports, any::<bool>()).prop_map(|(inports, declared)| {
        let (inports, marks): (Vec<_>, Vec<_>) = inports.into_iter().unzip();
        let of = |mark: usize| (0..marks.len()).filter(|&k| marks[k] == mark).collect::<Vec<_>>();
        let mut groups: Vec<_> = (0..3).map(of).filter(|group| declared && !group.is_empty()).collect();
        if groups.is_empty() {
            // None is declared: one of all that is connected, if anything is.
            let connected = (0..inports.len()).filter(|&k| inports[k].feed.is_some()).collect::<Vec<_>>();
            groups.extend((!connected.is_empty()).then_some(connected));
        }
        Shape { inports, groups }
    })
}

fn ops() -> impl Strategy<Value = Vec<Op>> {
    let index = 0..60_usize;
    let op = prop_oneof![
        24 => (index.clone(), prop::bool::weighted(0.03)).prop_map(|(inport, bad)| Op::Send { inport, bad }),
        1 => index.clone().prop_map(|inport| Op::End { inport }),
        16 => index.clone().prop_map(|group| Op::Poll { group }),
        2 => index.clone().prop_map(|group| Op::Relieve { group }),
        3 => index.clone().prop_map(|passive| Op::Drain { passive }),
        1 => index.clone().prop_map(|group| Op::Flush { group }),
        1 => Just(Op::Close { group: 0 }),
    ];
    prop::collection::vec(op, 1..120)
}

struct Trial {
    real: Component,
    model: Model,
    connected: Vec<usize>,
    next: u64,
}

impl Trial {
    fn new(shape: &Shape) -> Self {
        let connected = (0..shape.inports.len()).filter(|&inport| shape.inports[inport].feed.is_some()).collect();
        Self { real: Component::new(shape.clone()), model: Model::new(shape), connected, next: 0 }
    }

    fn step(&mut self, op: Op) {
        let groups = self.real.groups.len();
        match op {
            Op::Poll { group } => self.poll(group % groups),
            Op::Relieve { group } => self.real.groups[group % groups].1 = Party::new(),
            Op::Close { group } => {
                self.real.groups[group].0.close();
                self.real.rig.settle();
                self.model.close(group);
                self.close_passives();
            }
            Op::Flush { group } => {
                let group = group % groups;
                let inputs = &mut self.real.groups[group].0;
                let begun = inputs.has_begun_batch();
                assert_eq!((begun, inputs.flush()), (self.model.flush(group), begun));
                assert!(!inputs.has_begun_batch());
                // As whoever flushes does.
                self.poll(group);
            }
            Op::Drain { .. } if self.real.passives.is_empty() => {}
            Op::Drain { passive } => self.drain(passive % self.real.passives.len()),
            Op::Send { .. } | Op::End { .. } if self.connected.is_empty() => {}
            Op::Send { inport, bad } => self.send(self.connected[inport % self.connected.len()], bad),
            Op::End { inport } => {
                let inport = self.connected[inport % self.connected.len()];
                self.real.end(inport);
                self.model.end(inport);
            }
        }
        self.compare();
    }

    fn send(&mut self, inport: usize, bad: bool) {
        if !self.model.is_fed(inport) {
            return;
        }
        let trigger = self.real.shape.groups.concat().contains(&inport);
        let remote = self.real.shape.inports[inport].feed.is_some_and(|feed| feed.remote);
        // Whether a batch that ends has tried to decode what waits in another process depends on when that looks.
        let inside = self.real.shape.inports[inport].batch.is_none() || self.model.has_room(inport);
        let decodable = !(bad && trigger && remote && inside);
        let nature = if decodable { Nature::Plain } else { Nature::Undecodable };
        self.next += 1;
        let expected = self.model.send(inport, self.next, decodable);
        let real = self.real.send_as(inport, self.next, nature);
        // Without bound it may wait until the receiver's worker has looked, which it has by now.
        let bounded = self.real.shape.inports[inport].feed.is_some_and(|feed| feed.capacity.is_some());
        assert!(real == expected || (!bounded && expected == Some(true)), "{real:?}, not {expected:?}");
    }

    fn poll(&mut self, group: usize) {
        let expected = match self.model.next(group) {
            Next::Row(row) => Poll::Ready(Ok(Some(row))),
            Next::Lost(id) => Poll::Ready(Err(Fault::Undecodable(id))),
            Next::End => Poll::Ready(Ok(None)),
            Next::Wait => Poll::Pending,
        };
        let mut real = self.real.poll(group);
        // A batch may take more than there was room for: what has waited for it in another process comes after that.
        while real.is_pending() && !self.real.groups[group].1.sleeps() {
            real = self.real.poll(group);
        }
        assert_eq!(real, expected);
        self.close_passives();
    }

    /// When all groups have ended the component closes its passive ports.
    fn close_passives(&mut self) {
        if self.model.is_over() {
            self.real.close();
            self.model.close_passives();
        }
    }

    fn drain(&mut self, passive: usize) {
        let inport = self.real.passives[passive].0;
        let expected = self.model.drain_all(inport);
        assert_eq!(self.real.drain(passive), Ok(expected));
    }

    /// Whether all that can be seen is as the model says, and nobody sleeps who could go on.
    fn compare(&self) {
        let Self { real, model, .. } = self;
        for &inport in &self.connected {
            let channel = real.channel(inport);
            let (taken, discarded) = real.rig.received(channel);
            let replaced = real.rig.meter(channel).replaced.get();
            let batched = real.rig.meter(channel).batched.get();
            let counters = (real.rig.inlets[channel].fill(), taken, batched, discarded, replaced);
            assert_eq!(counters, model.counters(inport), "inport {inport}");
        }
        for (group, (_, party)) in real.groups.iter().enumerate() {
            assert!(!party.sleeps() || model.waits(group), "group {group} sleeps on");
        }
        for (inport, _, party) in &real.passives {
            assert!(!party.sleeps() || model.passive_waits(*inport), "passive inport {inport} sleeps on");
        }
    }

    /// Every sender ends, and with them every group.
    fn finish(mut self) {
        (0..self.connected.len()).for_each(|inport| self.step(Op::End { inport }));
        for group in 0..self.real.groups.len() {
            while self.model.next_is_row(group) {
                self.step(Op::Poll { group });
            }
            self.step(Op::Poll { group });
            assert_eq!(self.real.poll(group), Poll::Ready(Ok(None)));
        }
        assert!(self.model.is_over());
        let Component { rig, groups, passives, .. } = self.real;
        drop((groups, passives));
        rig.dispose();
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn components_fire_as_the_model_does(shape in shapes(), ops in ops()) {
        let mut trial = Trial::new(&shape);
        trial.compare();
        for op in ops {
            trial.step(op);
        }
        trial.finish();
    }
}
