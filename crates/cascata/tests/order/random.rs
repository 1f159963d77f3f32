//! Random circuits, whose components go at random speeds: results keep their order, and something always goes on.

use cascata::order::NONE;
use proptest::prelude::*;

use crate::{
    circuit::{Circuit, Layer, Shape, Sharing},
    run::{Run, Worker},
};

const WORKERS: usize = 3;

fn layers() -> impl Strategy<Value = Layer> {
    let sharing = prop_oneof![
        3 => Just(Sharing::Balanced),
        1 => Just(Sharing::RoundRobin),
        1 => Just(Sharing::Keyed),
        1 => Just(Sharing::Broadcast),
    ];
    let capacity = prop_oneof![5 => (1..4_usize).prop_map(Some), 1 => Just(None)];
    let member = (0..WORKERS, 0..6_u64);
    (sharing, capacity, prop::collection::vec(member, 1..4), prop::bool::weighted(0.2)).prop_map(
        |(sharing, capacity, members, ends)| {
            let rations = ends.then(|| members.iter().map(|member| member.1).collect());
            Layer { sharing, capacity, members: members.into_iter().map(|member| member.0).collect(), rations }
        },
    )
}

fn shapes() -> impl Strategy<Value = Shape> {
    let capacity = prop_oneof![5 => (1..4_usize).prop_map(Some), 1 => Just(None)];
    (
        prop::collection::vec((0..WORKERS, 0..10_u64), 1..3),
        prop::collection::vec(layers(), 1..4),
        (0..WORKERS, capacity),
        any::<bool>(),
        prop::bool::weighted(0.3),
        any::<u32>(),
    )
        .prop_map(|(sources, layers, sink, finishes, withdraws, seed)| Shape {
            sources,
            layers,
            sink,
            finishes,
            withdraws,
            seed: seed.into(),
        })
}

/// Numbers that look like chance.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) as usize) % limit
    }
}

/// Has anybody do something until all have ended.
fn play(circuit: &Circuit, run: &mut Run, mut dice: Dice) {
    let all: Vec<_> =
        run.workers.iter().flat_map(|worker| (0..worker.parts.len()).map(|part| (worker.index, part))).collect();
    let slow: Vec<_> = all.iter().map(|_| [1, 1, 3, 20][dice.below(4)]).collect();
    while !run.workers.iter().all(Worker::has_ended) {
        let choice = dice.below(all.len() + 2 * run.workers.len());
        match (all.get(choice), choice.saturating_sub(all.len())) {
            (Some(&(worker, part)), _) => {
                let part = &mut run.workers[worker].parts[part];
                if part.is_awake() && dice.below(slow[choice]) == 0 {
                    part.advance();
                }
            }
            (None, other) => {
                let worker = &mut run.workers[other / 2];
                if other % 2 == 0 {
                    worker.answer();
                } else {
                    worker.feed();
                }
            }
        }
        check_room(circuit, run);
        let rests = |worker: &Worker| worker.may_sleep() && !worker.parts.iter().any(crate::run::Part::is_awake);
        if run.workers.iter().all(rests) {
            // Before a worker sleeps it sees to what is held back.
            run.workers.iter_mut().for_each(Worker::feed);
            let stuck = run.workers.iter().all(rests) && !run.workers.iter().all(Worker::has_ended);
            assert!(!stuck, "nothing can go on: {:?}", circuit.shape);
        }
    }
}

/// No more results wait for their turn without their senders than may.
fn check_room(circuit: &Circuit, run: &Run) {
    for (number, turnstile) in circuit.plan.turnstiles.iter().enumerate() {
        let share = circuit.plan.nodes[turnstile.members[0]].outports[0].shares.first().expect("it is shared out");
        assert_eq!(share.turnstile, Some((number, 0)));
        let entered = run.memory.order().desk(share.desk).next(share.port).get();
        assert_ne!(entered, NONE);
        let parts = run.workers.iter().flat_map(|worker| &worker.parts);
        let sent: usize = parts.filter(|part| turnstile.members.contains(&part.node)).map(|part| part.sent).sum();
        assert!(
            sent as u64 <= entered + (turnstile.room * turnstile.members.len()) as u64,
            "{sent} sent, {entered} in"
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn results_keep_their_order_and_something_always_goes_on(shape in shapes(), seed in any::<u64>()) {
        let circuit = Circuit::new(shape);
        let (mut run, log) = circuit.run();
        play(&circuit, &mut run, Dice(seed));
        let withdrawn = std::mem::take(&mut *run.withdrawn.lock().unwrap());
        circuit.check(&log, &withdrawn);
    }
}
