use std::collections::VecDeque;

use proptest::prelude::*;
use rustix::process::Signal;

use super::slots::CHUNK;
use super::*;
use crate::testing::{Random, Watchdog, again, fork, region, resident, soon_readable};

fn ring(capacity: usize, publishers: u32) -> Ring {
    Ring::create(&region(Ring::footprint(capacity)), 0, capacity, publishers)
}

fn push(ring: &Ring, number: u64) -> Push {
    ring.try_push(0, 7, &number.to_le_bytes()).unwrap()
}

fn pop(ring: &Ring) -> Option<u64> {
    match ring.try_pop(0).unwrap() {
        Pop::Item { slot, .. } => {
            assert_eq!(slot.kind, 7);
            Some(u64::from_le_bytes(slot.payload().try_into().unwrap()))
        }
        Pop::Empty | Pop::Ended => None,
    }
}

fn set<const N: usize>(workers: [usize; N]) -> WorkerSet {
    workers.into_iter().collect()
}

const QUIET: Push = Push::Pushed { waiting: WorkerSet::EMPTY };

#[test]
fn a_payload_of_any_length_that_fits_arrives() {
    let ring = ring(3, 1);
    let bytes: Vec<u8> = (1..=255).collect();
    for len in 0..=INLINE {
        assert_eq!(ring.try_push(0, len as u32, &bytes[..len]), Ok(QUIET));
        assert_eq!(ring.try_push(0, u32::MAX, &bytes[len..][..len]), Ok(QUIET));
        for (kind, payload) in [(len as u32, &bytes[..len]), (u32::MAX, &bytes[len..][..len])] {
            let Pop::Item { slot, .. } = ring.try_pop(0).unwrap() else { panic!("an item is there") };
            assert_eq!((slot.kind, slot.payload()), (kind, payload));
        }
    }
}

#[test]
#[should_panic(expected = "do not fit a slot")]
fn a_payload_that_does_not_fit_is_refused() {
    let _ = ring(1, 1).try_push(0, 0, &[0; INLINE + 1]);
}

#[test]
fn exactly_capacity_items_fit_and_waiting_senders_are_named_once() {
    let ring = ring(2, 1);
    assert_eq!((push(&ring, 1), push(&ring, 2)), (QUIET, QUIET));
    assert_eq!(ring.try_push(5, 0, &[]), Ok(Push::Full));
    assert_eq!(ring.try_push(255, 0, &[]), Ok(Push::Full));
    assert_eq!((ring.fill(), ring.capacity(), ring.pushed()), (2, 2, 2));
    let Pop::Item { fill: 1, senders_waiting: true, .. } = ring.try_pop(0).unwrap() else { panic!() };
    let Pop::Item { fill: 0, senders_waiting: true, .. } = ring.try_pop(0).unwrap() else { panic!() };
    assert_eq!(ring.take_waiting_senders(), Ok(set([5, 255])));
    assert_eq!(ring.take_waiting_senders(), Ok(set([])));
    push(&ring, 3);
    let Pop::Item { senders_waiting: false, .. } = ring.try_pop(0).unwrap() else { panic!() };
}

#[test]
fn waiting_receivers_are_named_once() {
    let ring = ring(2, 1);
    assert!(matches!(ring.try_pop(9), Ok(Pop::Empty)));
    assert_eq!(ring.poll_item(64), Ok(Peek::Empty));
    assert_eq!(push(&ring, 1), Push::Pushed { waiting: set([9, 64]) });
    assert_eq!(ring.poll_item(9), Ok(Peek::Item));
    assert_eq!(push(&ring, 2), QUIET);
}

#[test]
fn it_ends_when_the_last_publisher_has_gone_and_it_is_empty() {
    let ring = ring(2, 2);
    assert_eq!(ring.unpublish(), Ok(set([])));
    assert!(matches!(ring.try_pop(3), Ok(Pop::Empty)));
    push(&ring, 1);
    assert_eq!(ring.unpublish(), Ok(set([])));
    assert_eq!((ring.poll_item(3), pop(&ring)), (Ok(Peek::Item), Some(1)));
    assert!(matches!((ring.try_pop(3), ring.poll_item(3)), (Ok(Pop::Ended), Ok(Peek::Ended))));
    assert_eq!((push(&ring, 2), ring.publish(), ring.publishers()), (Push::Closed, Ok(false), 0));
}

#[test]
fn the_end_wakes_receivers() {
    let ring = ring(2, 1);
    assert!(matches!(ring.try_pop(3), Ok(Pop::Empty)));
    assert_eq!(ring.unpublish(), Ok(set([3])));
}

#[test]
fn without_publishers_it_waits_for_the_first() {
    let ring = ring(2, 0);
    assert_eq!((ring.poll_item(3), ring.publish(), ring.publishers()), (Ok(Peek::Empty), Ok(true), 1));
    assert_eq!(ring.unpublish(), Ok(set([3])));
    assert_eq!(ring.poll_item(3), Ok(Peek::Ended));
}

#[test]
fn a_closed_ring_refuses_items_and_gives_out_what_is_inside() {
    let ring = ring(1, 1);
    push(&ring, 1);
    assert_eq!((ring.try_push(8, 0, &[]), ring.is_closed()), (Ok(Push::Full), false));
    assert_eq!((ring.close_receiver(), ring.is_closed()), (Ok(set([8])), true));
    assert_eq!((push(&ring, 2), pop(&ring)), (Push::Closed, Some(1)));
    assert!(matches!(ring.try_pop(0), Ok(Pop::Ended)));
}

#[test]
#[should_panic(expected = "there is no ring")]
fn attaching_needs_a_ring() {
    Ring::attach(&region(4096), 0);
}

#[derive(Debug, Clone, Copy)]
enum Step {
    Push(usize),
    Pop(usize),
    Look(usize),
    TakeSenders,
    Unpublish,
    Close,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let worker = 0..MAX_WORKERS;
    let step = prop_oneof![
        20 => worker.clone().prop_map(Step::Push),
        20 => worker.clone().prop_map(Step::Pop),
        5 => worker.prop_map(Step::Look),
        5 => Just(Step::TakeSenders),
        1 => Just(Step::Unpublish),
        1 => Just(Step::Close),
    ];
    prop::collection::vec(step, 0..200)
}

/// What a ring is meant to be.
#[derive(Default)]
struct Model {
    items: VecDeque<u64>,
    pushed: u64,
    publishers: u32,
    closed: bool,
    receivers: std::collections::BTreeSet<usize>,
    senders: std::collections::BTreeSet<usize>,
}

impl Model {
    fn over(&self) -> bool {
        self.closed || self.publishers == 0
    }

    fn waits(&mut self, worker: usize) -> bool {
        !self.over() && {
            self.receivers.insert(worker);
            true
        }
    }
}

fn taken(workers: &mut std::collections::BTreeSet<usize>) -> WorkerSet {
    std::mem::take(workers).into_iter().collect()
}

proptest! {
    #[test]
    fn it_does_what_the_model_does(capacity in 1..9_usize, publishers in 1..4_u32, steps in steps()) {
        let memory = region(Ring::footprint(capacity));
        let one = Ring::create(&memory, 0, capacity, publishers);
        let other = Ring::attach(&again(&memory), 0);
        let mut model = Model { publishers, ..Model::default() };
        for (step, ring) in steps.into_iter().zip([&one, &other].into_iter().cycle()) {
            match step {
                Step::Push(worker) => {
                    let expected = if model.over() {
                        Push::Closed
                    } else if model.items.len() == capacity {
                        model.senders.insert(worker);
                        Push::Full
                    } else {
                        model.items.push_back(model.pushed);
                        model.pushed += 1;
                        Push::Pushed { waiting: taken(&mut model.receivers) }
                    };
                    let number = ring.pushed();
                    prop_assert_eq!(ring.try_push(worker, 7, &number.to_le_bytes()), Ok(expected));
                }
                Step::Pop(worker) => match (ring.try_pop(worker).unwrap(), model.items.pop_front()) {
                    (Pop::Item { slot, fill, senders_waiting }, Some(item)) => {
                        prop_assert_eq!(slot.payload(), item.to_le_bytes());
                        prop_assert_eq!((fill, senders_waiting), (model.items.len(), !model.senders.is_empty()));
                    }
                    (Pop::Empty, None) => prop_assert!(model.waits(worker)),
                    (Pop::Ended, None) => prop_assert!(!model.waits(worker)),
                    (found, expected) => prop_assert!(false, "{found:?} instead of {expected:?}"),
                },
                Step::Look(worker) => {
                    let expected = match model.items.is_empty() {
                        false => Peek::Item,
                        true if model.waits(worker) => Peek::Empty,
                        true => Peek::Ended,
                    };
                    prop_assert_eq!(ring.poll_item(worker), Ok(expected));
                }
                Step::TakeSenders => prop_assert_eq!(ring.take_waiting_senders(), Ok(taken(&mut model.senders))),
                Step::Unpublish if model.publishers > 0 => {
                    model.publishers -= 1;
                    let expected = if model.publishers == 0 { taken(&mut model.receivers) } else { set([]) };
                    prop_assert_eq!(ring.unpublish(), Ok(expected));
                }
                Step::Unpublish => (),
                Step::Close => {
                    model.closed = true;
                    prop_assert_eq!(ring.close_receiver(), Ok(taken(&mut model.senders)));
                }
            }
            prop_assert_eq!((ring.fill(), ring.pushed()), (model.items.len(), model.pushed));
            prop_assert_eq!((ring.publishers(), ring.is_closed()), (model.publishers, model.closed));
        }
    }
}

#[test]
fn a_huge_ring_takes_the_memory_that_its_items_need() {
    let capacity = 1 << 24;
    let memory = region(Ring::footprint(capacity));
    let ring = Ring::create(&memory, 0, capacity, 1);
    for number in 0..10_000 {
        push(&ring, number);
        assert_eq!(pop(&ring), Some(number));
    }
    assert!(resident(&memory) <= 4 * 4096, "an empty ring starts again where it was");
    push(&ring, 0);
    for number in 1..6 * CHUNK as u64 {
        push(&ring, number);
        assert_eq!(pop(&ring), Some(number - 1));
    }
    assert!(resident(&memory) <= 2 * CHUNK * 128 + 4 * 4096, "what was passed is given back");
}

#[test]
fn giving_memory_back_spares_what_is_inside() {
    let capacity = CHUNK * 2 + 100;
    let ring = ring(capacity, 1);
    let mut random = Random(1);
    let (mut next, mut expected) = (0, 0);
    // Long strides, so that it is full, empty and in between at many places.
    while expected < 8 * capacity as u64 {
        for _ in 0..random.below(2 * capacity) {
            match push(&ring, next) {
                Push::Full => break,
                _ => next += 1,
            }
        }
        for _ in 0..random.below(2 * capacity) {
            match pop(&ring) {
                Some(number) => {
                    assert_eq!(number, expected);
                    expected += 1;
                }
                None => break,
            }
        }
    }
    assert_eq!(ring.fill() as u64, next - expected);
}

#[test]
fn a_holder_that_dies_orphans_the_ring() {
    let _watchdog = Watchdog::new();
    let ring = ring(2, 1);
    push(&ring, 1);
    let child = fork(|| {
        let _guard = ring.lock().unwrap();
        rustix::process::kill_process(rustix::process::getpid(), Signal::KILL).unwrap();
    });
    assert_eq!(child.wait().terminating_signal(), Some(Signal::KILL.as_raw()));
    for _ in 0..2 {
        assert_eq!(ring.try_push(0, 0, &[]), Err(Orphaned));
        assert!(matches!(ring.try_pop(0), Err(Orphaned)));
        assert_eq!(ring.poll_item(0), Err(Orphaned));
        assert_eq!(ring.take_waiting_senders(), Err(Orphaned));
        assert_eq!((ring.publish(), ring.unpublish()), (Err(Orphaned), Err(Orphaned)));
        assert_eq!(ring.close_receiver(), Err(Orphaned));
    }
    assert_eq!(ring.fill(), 1, "counters can be read still");
}

#[test]
fn who_waits_for_the_lock_is_told_when_its_holder_dies() {
    let _watchdog = Watchdog::new();
    let ring = ring(2, 1);
    let (held, holds) = std::io::pipe().unwrap();
    let child = fork(|| {
        let _guard = ring.lock().unwrap();
        rustix::io::write(&holds, b"!").unwrap();
        std::thread::park();
    });
    assert!(soon_readable(&held));
    let waiting: Vec<_> = [again(ring.header.region()), again(ring.header.region())]
        .map(|region| std::thread::spawn(move || Ring::attach(&region, 0).try_push(0, 0, &[])))
        .into();
    // Likely they wait in the kernel by then; if not they find the dead holder there, which must do as well.
    std::thread::sleep(std::time::Duration::from_millis(20));
    child.kill();
    for thread in waiting {
        assert_eq!(thread.join().unwrap(), Err(Orphaned));
    }
}

#[test]
fn a_process_killed_anywhere_leaves_it_consistent_or_orphaned() {
    let _watchdog = Watchdog::new();
    let mut random = Random(2);
    let mut orphaned = 0;
    for _ in 0..150 {
        let ring = ring(5, 1);
        let child = fork(|| {
            for number in 0.. {
                push(&ring, number);
                if number % 3 == 0 {
                    // Several at a time, so that the ring is empty, full and in between.
                    while pop(&ring).is_some() {}
                }
            }
        });
        while ring.pushed() == 0 {
            std::thread::yield_now();
        }
        std::thread::sleep(std::time::Duration::from_micros(random.below(500) as u64));
        child.kill();
        child.wait();
        match ring.poll_item(1) {
            Err(Orphaned) => orphaned += 1,
            Ok(_) => {
                let (fill, pushed) = (ring.fill(), ring.pushed());
                let left: Vec<_> = std::iter::from_fn(|| pop(&ring)).collect();
                assert_eq!(left.len(), fill);
                assert!(left.is_sorted_by(|a, b| a < b), "{left:?}");
                assert!(matches!(push(&ring, 1), Push::Pushed { .. }));
                assert_eq!((pop(&ring), ring.pushed()), (Some(1), pushed + 1));
            }
        }
    }
    assert!(orphaned < 150, "a kill outside an operation does no harm");
}
