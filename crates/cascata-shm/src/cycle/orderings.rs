//! The orderings of a cycle under loom: with what those of the code permit, and no more.
//!
//! The channels are loom's mutexes, as those of a run have locks. loom knows of no `SeqCst`, and none is needed: what is
//! looked at before it is announced, and the other way round, is looked at under a lock. What the swaps at gates order,
//! they order for the count, which loom changes in the order of the program anyway: it cannot show that they have to.

use std::panic::{AssertUnwindSafe, catch_unwind};

use loom::sync::{Arc as Shared, Mutex};

use super::*;
use crate::bells::Doorbell;
use crate::model::everything;
use crate::model::weak::{Access, model, spawn, weakened};
use crate::testing::{Watchdog, region};

fn preemptions() -> usize {
    if everything() { 4 } else { 2 }
}

/// Two readers without bells: whoever waits for the other only looks whether there is something to do, and what it looks
/// at is all that orders the two.
struct Pair {
    cycle: Cycle,
    inboxes: [Mutex<usize>; 2],
}

/// A place for a pair; the bells are rung for nobody.
fn place() -> (Arc<Region>, Arc<[Doorbell]>) {
    let region = region(Bells::footprint(1, 1) + Cycle::footprint(2));
    let doorbells = (0..2).map(|_| Doorbell::new().unwrap()).collect();
    (region, doorbells)
}

impl Pair {
    fn open((region, doorbells): &(Arc<Region>, Arc<[Doorbell]>), parts: u64) -> Shared<Self> {
        let bells = Bells::create(region, 0, 1, 1, Arc::clone(doorbells));
        let at = Bells::footprint(1, 1);
        Cycle::create(region, at, 2, parts);
        let cycle = Cycle::attach(region, at, 2, bells, Vec::new(), 0);
        Shared::new(Self { cycle, inboxes: [Mutex::new(0), Mutex::new(0)] })
    }

    fn put(&self, reader: usize) {
        *self.inboxes[reader].lock().unwrap() += 1;
        self.cycle.gate(Some(reader)).pass();
    }

    fn take(&self, reader: usize) -> bool {
        let mut inbox = self.inboxes[reader].lock().unwrap();
        let taken = *inbox > 0;
        *inbox -= usize::from(taken);
        taken
    }

    fn reader(&self) -> Reader {
        Reader::new(self.cycle.clone())
    }

    /// Looks, and comes to rest if there is nothing; whether it has taken something.
    fn look(&self, part: &mut Reader, reader: usize, holds_batch: bool) -> bool {
        let gate = self.cycle.gate(Some(reader));
        gate.expect();
        if self.take(reader) {
            return true;
        }
        if holds_batch {
            gate.hold_batch();
        }
        !part.rest(std::iter::once(&gate)) && self.look(part, reader, holds_batch)
    }

    /// Wakes for whatever reason.
    fn wake(&self, part: &mut Reader, reader: usize) -> Rise {
        part.rise(std::iter::once(&self.cycle.gate(Some(reader))))
    }
}

/// A reader rests and wakes for nothing, while another puts something in and leaves: the cycle is open as long as it lies
/// there.
fn what_is_inside_keeps_it_open() {
    let place = place();
    model(preemptions(), move || {
        let pair = Pair::open(&place, 2);
        let other = {
            let pair = pair.clone();
            spawn(move || {
                pair.put(0);
                pair.cycle.leave(1);
            })
        };
        let mut part = pair.reader();
        let taken = pair.look(&mut part, 0, false) || {
            assert_eq!(pair.wake(&mut part, 0), Rise::Look, "closed while something is under way");
            pair.look(&mut part, 0, false)
        };
        other.join().unwrap();
        if !taken {
            assert_eq!(pair.wake(&mut part, 0), Rise::Look, "closed over an item");
            assert!(pair.look(&mut part, 0, false), "it is inside");
        }
        assert!(!pair.cycle.is_closed(), "closed while something is under way");
        // As a trigger group does that has ended: what may have come for it goes with it.
        part.withdraw(std::iter::once(&pair.cycle.gate(Some(0))));
        part.leave();
        assert!(pair.cycle.is_closed(), "nothing is left");
    });
}

/// Two come to rest at once, one of them with an incomplete batch: whoever is the last finds it.
fn a_batch_is_found() {
    let place = place();
    model(preemptions(), move || {
        let pair = Pair::open(&place, 2);
        let other = {
            let pair = pair.clone();
            spawn(move || {
                let mut part = pair.reader();
                assert!(!pair.look(&mut part, 1, true));
                part
            })
        };
        assert!(!pair.look(&mut pair.reader(), 0, false));
        let mut part = other.join().unwrap();
        assert_eq!(pair.wake(&mut part, 1), Rise::Flush, "closed over a batch");
        part.leave();
        assert!(pair.cycle.is_closed(), "nothing is left");
    });
}

#[test]
fn orderings_suffice() {
    let _watchdog = Watchdog::patient();
    what_is_inside_keeps_it_open();
    a_batch_is_found();
}

/// The ordering of `SYNC POINT: leave` is needed: without it who gives up the last part misses a batch.
#[test]
fn weaker_orderings_are_noticed() {
    let _watchdog = Watchdog::patient();
    let missing = || weakened((Access::fetch_sub, AcqRel), a_batch_is_found);
    assert!(catch_unwind(AssertUnwindSafe(missing)).is_err(), "nobody notices");
}
