//! A ring whose memory another process has overwritten: every operation comes back, with a result or a panic, and
//! touches nothing beyond the ring.
//!
//! The lock itself is left out: nobody can tell a damaged lock from one that is held.

use std::panic::{self, AssertUnwindSafe, catch_unwind};
use std::thread;
use std::time::{Duration, Instant};

use super::slots::CHUNK;
use super::*;
use crate::layout::PAGE;
use crate::testing::{Random, Watchdog, again, region};
use crate::words::Words;

/// The environment variable with the seconds that damage is done; without it as much as takes a moment.
const SECONDS: &str = "CASCATA_FUZZ_SECONDS";
const ROUNDS: usize = 300;
const STEPS: usize = 40;
/// Words of the header that are the lock's.
const LOCK: usize = size_of::<Lock>() / 8;
const HEADER: usize = size_of::<Header>() / 8;
/// What lies behind the ring, and must stay.
const SENTINEL: u64 = 0x5e57_1e15_5e57_1e15;

const EXTREMES: [u64; 9] =
    [0, 1, 2, u32::MAX as u64, 1 << 31, (1 << 32) - 2, u64::MAX, u64::MAX - 1, 0x0101_0101_0101_0101];

fn value(random: &mut Random) -> u64 {
    match random.below(3) {
        0 => EXTREMES[random.below(EXTREMES.len())],
        1 => (random.below(8) as u64) << 32 | random.below(8) as u64,
        _ => (random.below(1 << 32) as u64) << 32 | random.below(1 << 32) as u64,
    }
}

fn operate(ring: &Ring, random: &mut Random, front: &AtomicU64) -> Result<(), Orphaned> {
    let worker = random.below(MAX_WORKERS);
    let payload = [7; INLINE];
    match random.below(12) {
        0..3 => ring.try_push(worker, 1, &payload[..random.below(INLINE + 1)]).map(drop),
        3 => ring.try_push_numbered(worker, 1, &payload, random.below(100) as u64, Front(front)).map(drop),
        4..6 => ring.try_pop(worker).map(|popped| {
            if let Pop::Item { slot, .. } = popped {
                assert!(slot.payload().len() <= INLINE);
            }
        }),
        6 => ring.try_pop_numbered(worker, Front(front)).map(drop),
        7 => ring.poll_item(worker).map(drop).and(ring.poll_room(worker).map(drop)),
        8 => ring.take_waiting_senders().map(|set| assert!(set.iter().all(|worker| worker < MAX_WORKERS))),
        9 => ring.publish().map(drop).and(ring.unpublish().map(drop)),
        10 => ring.await_news(worker).map(drop),
        _ => {
            let _ = (ring.fill(), ring.pushed(), ring.publishers(), ring.is_closed(), ring.is_ended());
            Ok(())
        }
    }
}

/// Gives how many operations came back, and how many of them by a panic.
fn damage(seed: u64) -> (usize, usize) {
    let mut random = Random(seed);
    let capacity = if random.below(50) == 0 { CHUNK + 100 } else { 1 + random.below(6) };
    let footprint = Ring::footprint(capacity).next_multiple_of(PAGE);
    let region = region(footprint + PAGE);
    let behind = Words::new(&region, footprint, PAGE / 8);
    behind.iter().for_each(|word| word.store(SENTINEL, Relaxed));
    let ring = Ring::create(&region, 0, capacity, 2);
    let words = Words::new(&again(&region), 0, footprint / 8);
    let front = AtomicU64::new(0);
    let (mut done, mut panics) = (0, 0);
    for _ in 0..STEPS {
        if random.below(3) == 0 {
            let within = if random.below(4) == 0 { words.len() } else { HEADER };
            words[LOCK + random.below(within - LOCK)].store(value(&mut random), Relaxed);
        }
        let operated = catch_unwind(AssertUnwindSafe(|| operate(&ring, &mut random, &front)));
        done += 1;
        panics += usize::from(operated.is_err());
        // The lock has been given back, whatever came of it.
        let _ = ring.poll_item(0);
        if random.below(10) == 0 {
            let _ = catch_unwind(AssertUnwindSafe(|| Ring::attach(&region, 0).try_pop(0)));
        }
    }
    assert!(behind.iter().all(|word| word.load(Relaxed) == SENTINEL), "seed {seed}: it wrote beyond the ring");
    (done, panics)
}

#[test]
fn a_damaged_ring_is_left_in_one_piece() {
    let seconds = std::env::var(SECONDS).ok().map(|text| Duration::from_secs(text.parse().expect(SECONDS)));
    let (begun, here, before) = (Instant::now(), thread::current().id(), panic::take_hook());
    panic::set_hook(Box::new(move |info| {
        if thread::current().id() != here {
            before(info); // here they are what is looked for
        }
    }));
    let first = seconds.map_or(1, |_| u64::from(std::process::id()) << 32 | 1);
    let (mut rounds, mut done, mut panics) = (0, 0, 0);
    loop {
        let _watchdog = Watchdog::patient();
        for _ in 0..ROUNDS {
            let (more, failed) = damage(first + rounds);
            (rounds, done, panics) = (rounds + 1, done + more, panics + failed);
        }
        if seconds.is_none_or(|seconds| begun.elapsed() > seconds) {
            break;
        }
    }
    println!("{done} operations on {rounds} damaged rings, {panics} of them refused");
    assert!(panics > 0 && done > panics, "the damage reaches what it is meant for");
}
