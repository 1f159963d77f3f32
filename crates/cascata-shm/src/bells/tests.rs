use std::sync::atomic::{AtomicBool, AtomicUsize};
use std::time::Duration;

use super::*;
use crate::testing::{Random, Watchdog, again, fork, readable, region, soon_readable};
use crate::{Layout, Peek, Pop, Push, Ring};

pub(super) fn doorbells(workers: usize) -> Arc<[Doorbell]> {
    (0..=workers).map(|_| Doorbell::new().unwrap()).collect()
}

fn bells(workers: usize, channels: usize) -> Bells {
    let region = region(Bells::footprint(workers, channels));
    Bells::create(&region, 0, workers, channels, doorbells(workers))
}

pub(super) fn taken(bells: &Bells, worker: usize) -> Vec<usize> {
    let mut channels = Vec::new();
    assert_eq!(bells.take(worker, |channel| channels.push(channel)), !channels.is_empty());
    channels
}

/// Whether the bell of `worker` rings; that of the supervisor comes behind the last worker's. It is quiet then.
pub(super) fn rings(bells: &Bells, worker: usize) -> bool {
    let rings = readable(&bells.doorbells[worker], Duration::ZERO);
    bells.doorbells[worker].drain();
    rings
}

#[test]
fn events_arrive_once_in_order_at_their_worker() {
    let bells = bells(3, 10_000);
    for channel in [9_999, 0, 63, 64, 4096, 5000, 64] {
        bells.raise(1, channel);
    }
    assert_eq!(taken(&bells, 1), [0, 63, 64, 4096, 5000, 9_999]);
    assert_eq!((taken(&bells, 0), taken(&bells, 1), taken(&bells, 2)), (vec![], vec![], vec![]));
    assert!(!rings(&bells, 1), "it was awake");
}

#[test]
fn a_sleeper_is_rung_once_and_counted_as_it_said() {
    let bells = bells(2, 10);
    for (idle, active) in [(false, 2), (true, 1)] {
        assert!(bells.doze(1, idle));
        assert_eq!(bells.active(), active);
        bells.raise(1, 5);
        assert_eq!((bells.active(), rings(&bells, 1)), (2, true));
        bells.raise(1, 6);
        bells.rouse(1);
        assert_eq!((bells.active(), rings(&bells, 1)), (2, false));
        assert_eq!(taken(&bells, 1), [5, 6]);
    }
}

#[test]
fn nobody_sleeps_over_an_event() {
    let bells = bells(1, 10);
    bells.raise(0, 5);
    for idle in [true, false] {
        assert!(!bells.doze(0, idle));
        assert_eq!((bells.active(), rings(&bells, 1)), (1, false));
    }
    assert_eq!(taken(&bells, 0), [5]);
    assert!(bells.doze(0, true));
}

#[test]
fn the_supervisor_hears_of_quiet() {
    let bells = bells(2, 10);
    assert!(bells.doze(0, true) && bells.doze(1, false));
    assert!(!rings(&bells, 2));
    bells.rouse(1);
    assert!(bells.doze(1, true));
    assert_eq!((rings(&bells, 2), bells.active()), (true, 0));
    bells.rouse(0);
    bells.rouse(0);
    assert_eq!(bells.active(), 1);
    assert!(bells.doze(0, true));
    assert!(rings(&bells, 2));
}

#[test]
fn who_dozes_off_twice_is_not_counted_twice() {
    let bells = bells(2, 10);
    assert!(bells.doze(0, true) && bells.doze(0, true));
    assert_eq!(bells.active(), 1);
}

#[test]
fn the_retired_leave_the_count_for_good() {
    let bells = bells(3, 10);
    assert!(bells.doze(1, true) && bells.doze(2, false));
    for worker in [0, 1, 2, 0] {
        bells.retire(worker);
        bells.raise(worker, 3);
        assert!(!rings(&bells, worker));
    }
    assert_eq!((bells.active(), rings(&bells, 3)), (0, true));
}

#[test]
fn an_interrupt_rings_whoever_and_leaves_the_count_alone() {
    let bells = bells(2, 10);
    assert!(bells.doze(1, true));
    bells.interrupt(0);
    bells.interrupt(1);
    assert_eq!((rings(&bells, 0), rings(&bells, 1), bells.active()), (true, true, 1));
}

#[test]
#[should_panic(expected = "there are no bells")]
fn attaching_needs_bells_of_that_size() {
    let region = region(Bells::footprint(2, 10));
    Bells::create(&region, 0, 2, 10, doorbells(2));
    Bells::attach(&region, 0, 2, 9, doorbells(2));
}

/// Tokens hop between workers until each has made its hops. A worker without a token dozes, most often as idle; now
/// and then it wakes for nothing. A lost wake-up is a doorbell that never rings; a false end is an `active` of 0
/// while a token is alive.
fn hop(workers: usize, tokens: usize, hops: usize, channels: usize) {
    let _watchdog = Watchdog::new();
    let bells = bells(workers, channels);
    let inboxes: Vec<Vec<AtomicUsize>> =
        (0..workers).map(|_| (0..channels).map(|_| AtomicUsize::new(0)).collect()).collect();
    let (left, done) = (AtomicUsize::new(tokens * hops), AtomicBool::new(false));
    let send = |worker: usize, channel: usize| {
        inboxes[worker][channel].fetch_add(1, SeqCst);
        bells.raise(worker, channel);
    };
    let work = |worker: usize| {
        let mut random = Random(worker as u64 + 1);
        while !done.load(SeqCst) {
            bells.take(worker, |channel| {
                for _ in 0..inboxes[worker][channel].swap(0, SeqCst) {
                    if left.fetch_update(SeqCst, SeqCst, |left| left.checked_sub(1)).is_ok_and(|left| left >= tokens) {
                        send(random.below(workers), random.below(channels));
                    }
                }
            });
            let idle = random.below(8) != 0;
            if !bells.doze(worker, idle) {
                continue;
            }
            // One that is idle has nothing but its doorbell; one that sleeps has timers.
            if idle {
                assert!(soon_readable(&bells.doorbells[worker]), "a wake-up was lost");
            } else {
                readable(&bells.doorbells[worker], Duration::from_micros(random.below(50) as u64));
            }
            bells.rouse(worker);
            bells.doorbells[worker].drain();
        }
    };
    (0..tokens).for_each(|token| send(token % workers, token % channels));
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..workers).map(|worker| scope.spawn(move || work(worker))).collect();
        // Somebody who reads all the time sees every false 0 that a supervisor might.
        let reader = scope.spawn(|| {
            while !done.load(SeqCst) {
                if bells.active() == 0 {
                    assert_eq!(left.load(SeqCst), 0, "quiet while something is under way");
                }
            }
        });
        let mut random = Random(77);
        while left.load(SeqCst) > 0 || bells.active() > 0 {
            if readable(&bells.doorbells[workers], Duration::from_micros(200)) {
                bells.doorbells[workers].drain();
            }
            bells.interrupt(random.below(workers));
            assert!(!threads.iter().any(|thread| thread.is_finished()), "a worker failed");
        }
        done.store(true, SeqCst);
        (0..workers).for_each(|worker| bells.interrupt(worker));
        reader.join().unwrap();
    });
    assert!(inboxes.iter().flatten().all(|inbox| inbox.load(SeqCst) == 0), "a token was left behind");
}

#[test]
fn no_wake_up_is_lost_and_quiet_is_never_false_with_one_token() {
    hop(2, 1, 20_000, 3);
}

#[test]
fn no_wake_up_is_lost_and_quiet_is_never_false_with_many_workers() {
    hop(5, 3, 10_000, 500);
}

/// One worker of a chain of processes: takes from the ring before it, puts into the ring behind it, dozes when it
/// can do neither. Gives what it took, if it is the last.
fn pass_on(bells: &Bells, rings: &[Ring], worker: usize, items: u64) -> u64 {
    let (mut next, mut held, mut sum) = (0, None, 0);
    let input = worker.checked_sub(1).map(|ring| &rings[ring]);
    let output = rings.get(worker);
    loop {
        let mut moved = false;
        if held.is_none() {
            held = match input {
                None => (next < items).then_some(next),
                Some(ring) => match ring.try_pop(worker).unwrap() {
                    Pop::Item { slot, fill, senders_waiting } => {
                        assert!(fill < ring.capacity());
                        if senders_waiting {
                            ring.take_waiting_senders().unwrap().iter().for_each(|sender| bells.raise(sender, sender));
                        }
                        let item = u64::from_le_bytes(slot.payload().try_into().unwrap());
                        assert_eq!(item, next, "in order, nothing lost");
                        Some(item)
                    }
                    Pop::Empty => None,
                    Pop::Ended => {
                        assert_eq!(ring.poll_item(worker), Ok(Peek::Ended));
                        break;
                    }
                },
            };
            next += u64::from(held.is_some());
            moved = held.is_some();
            if !moved && input.is_none() {
                break;
            }
        }
        if let Some(item) = held {
            let pushed = match output {
                None => Push::Pushed { waiting: crate::WorkerSet::EMPTY },
                Some(ring) => ring.try_push(worker, 0, &item.to_le_bytes()).unwrap(),
            };
            if let Push::Pushed { waiting } = pushed {
                waiting.iter().for_each(|receiver| bells.raise(receiver, worker));
                (held, sum, moved) = (None, sum + item, true);
            }
        }
        if !moved && bells.doze(worker, true) {
            assert!(soon_readable(&bells.doorbells[worker]), "worker {worker} missed a wake-up");
            bells.rouse(worker);
            bells.doorbells[worker].drain();
        }
        bells.take(worker, |_| ());
    }
    if let Some(ring) = output {
        ring.unpublish().unwrap().iter().for_each(|receiver| bells.raise(receiver, worker));
    }
    bells.retire(worker);
    sum
}

#[test]
fn a_chain_of_processes_passes_everything_on_and_ends() {
    let _watchdog = Watchdog::new();
    let (workers, items) = (4, 20_000_u64);
    for capacity in [1, 10] {
        let mut layout = Layout::new();
        let bells_at = layout.reserve(Bells::footprint(workers, workers), 128);
        let rings_at: Vec<_> = (1..workers).map(|_| layout.reserve(Ring::footprint(capacity), 128)).collect();
        let region = Region::create(layout.len()).unwrap();
        let doorbells = doorbells(workers);
        let bells = Bells::create(&region, bells_at, workers, workers, Arc::clone(&doorbells));
        for &at in &rings_at {
            Ring::create(&region, at, capacity, 1);
        }
        let children: Vec<_> = (0..workers)
            .map(|worker| {
                fork(|| {
                    // A mapping of its own, elsewhere: nothing may depend on where the region lies.
                    let region = again(&region);
                    let bells = Bells::attach(&region, bells_at, workers, workers, Arc::clone(&doorbells));
                    let rings: Vec<_> = rings_at.iter().map(|&at| Ring::attach(&region, at)).collect();
                    assert_eq!(pass_on(&bells, &rings, worker, items), items * (items - 1) / 2);
                })
            })
            .collect();
        assert!(soon_readable(&doorbells[workers]), "the supervisor hears of the end");
        assert_eq!(bells.active(), 0);
        children.into_iter().for_each(crate::testing::Child::succeed);
    }
}
