//! The promises of a cycle in every order of steps: it closes, all of its workers hear of that, and by then nothing was
//! under way and no batch incomplete.

use std::iter;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use super::*;
use crate::bells::Doorbell;
use crate::model::{Search, Task, always, everything, explore, spawn, wait_for_bell};
use crate::testing::{Watchdog, region};

/// A ring of readers, each a worker of its own with one channel, whose every access is a step. What a reader takes it
/// passes on to the next until it has been passed on often enough.
struct Circle {
    cycle: Cycle,
    doorbells: Arc<[Doorbell]>,
    /// Tokens inside, by channel, as steps and not as the channels' locks would have it: one at a time enters or leaves.
    inboxes: Words,
    readers: usize,
    /// How often tokens are still to be passed on.
    hops: AtomicUsize,
    /// Tokens that have not come to rest.
    under_way: AtomicUsize,
    /// Tokens that make up a batch.
    batch: usize,
    /// Tokens in incomplete batches.
    batched: AtomicUsize,
    flushed: AtomicUsize,
}

/// What a circle is made of.
#[derive(Clone, Copy)]
struct Sizes {
    readers: usize,
    /// Publishers outside, one token each.
    feeders: usize,
    hops: usize,
    batch: usize,
}

impl Circle {
    /// As memory is when a run begins.
    fn open(region: &Arc<Region>, doorbells: &Arc<[Doorbell]>, sizes: Sizes) -> Arc<Self> {
        let Sizes { readers, feeders, hops, batch } = sizes;
        doorbells.iter().for_each(Doorbell::drain);
        let bells = Bells::create(region, 0, readers, 2, Arc::clone(doorbells));
        let at = Bells::footprint(readers, 2);
        Cycle::create(region, at, readers, (readers + feeders) as u64);
        let cycle = Cycle::attach(region, at, readers, bells, (0..readers).collect(), 1);
        let inboxes = Words::new(region, at + Cycle::footprint(readers), readers);
        inboxes.iter().for_each(|inbox| inbox.store(0, Relaxed));
        let circle = Self {
            cycle,
            doorbells: Arc::clone(doorbells),
            inboxes,
            readers,
            hops: AtomicUsize::new(hops),
            under_way: AtomicUsize::new(feeders),
            batch,
            batched: AtomicUsize::new(0),
            flushed: AtomicUsize::new(0),
        };
        let circle = Arc::new(circle);
        let observed = Arc::clone(&circle);
        always(move || observed.check());
        circle
    }

    fn check(&self) {
        if self.cycle.is_closed() {
            assert_eq!(self.under_way.load(SeqCst), 0, "closed while something is under way");
            assert_eq!(self.batched.load(SeqCst), 0, "closed while a batch is incomplete");
        }
    }

    fn put(&self, reader: usize) {
        self.inboxes[reader].fetch_add(1, SeqCst);
        self.cycle.gate(Some(reader)).pass();
        self.cycle.bells.raise(reader, 0);
    }

    /// A publisher outside: sends a token, and leaves.
    fn feed(&self, reader: usize) {
        self.put(reader);
        self.cycle.leave(1);
    }

    /// A reader, as a worker of its own: until the cycle has closed. `looks_again` is what the protocol asks for.
    fn read(&self, reader: usize, looks_again: bool) {
        let gate = self.cycle.gate(Some(reader));
        let mut part = Reader::new(self.cycle.clone());
        let mut held = 0;
        loop {
            match part.rise(iter::once(&gate)) {
                Rise::Look => {}
                Rise::Flush => self.fire(reader, std::mem::take(&mut held), true),
                Rise::End => break,
            }
            let mut found = self.inboxes[reader].load(SeqCst) > 0;
            if !found {
                gate.expect();
                found = looks_again && self.inboxes[reader].load(SeqCst) > 0;
            }
            if found {
                self.inboxes[reader].fetch_sub(1, SeqCst);
                held += 1;
                if held == self.batch {
                    self.fire(reader, std::mem::take(&mut held), false);
                } else {
                    self.batched.fetch_add(1, SeqCst);
                    self.under_way.fetch_sub(1, SeqCst);
                }
                continue;
            }
            if held > 0 {
                gate.hold_batch();
            }
            if part.rest(iter::once(&gate)) {
                self.sleep(reader);
            }
        }
        assert_eq!(held, 0, "closed while a batch is incomplete");
        part.leave();
        self.cycle.bells.retire(reader);
    }

    /// A firing on so many tokens: each is passed on, as often as one is to be.
    fn fire(&self, reader: usize, tokens: usize, flushed: bool) {
        // All but the one that has completed the batch lay in it.
        let batched = if flushed { tokens } else { tokens - 1 };
        self.under_way.fetch_add(batched, SeqCst);
        self.batched.fetch_sub(batched, SeqCst);
        self.flushed.fetch_add(usize::from(flushed), SeqCst);
        for _ in 0..tokens {
            if self.hops.fetch_update(SeqCst, SeqCst, |hops| hops.checked_sub(1)).is_ok() {
                self.put((reader + 1) % self.readers);
            } else {
                self.under_way.fetch_sub(1, SeqCst);
            }
        }
    }

    /// Sleeps until there is news, unless there is some already.
    fn sleep(&self, reader: usize) {
        if !self.cycle.bells.take(reader, |_| ()) && self.cycle.bells.doze(reader, true) {
            wait_for_bell(&self.doorbells[reader]);
            self.cycle.bells.rouse(reader);
            self.doorbells[reader].drain();
        }
    }
}

/// Explores a circle; all its tasks come to an end, which shows that it closes and that all hear of it.
fn go_round(search: Search, sizes: Sizes, looks_again: bool) {
    let _watchdog = Watchdog::patient();
    let bytes = Bells::footprint(sizes.readers, 2) + Cycle::footprint(sizes.readers) + 8 * sizes.readers;
    let region = region(bytes);
    let doorbells: Arc<[Doorbell]> = (0..=sizes.readers).map(|_| Doorbell::new().unwrap()).collect();
    let orders = explore(search, move || {
        let circle = Circle::open(&region, &doorbells, sizes);
        let one = |task: usize| {
            let circle = Arc::clone(&circle);
            spawn(move || match task.checked_sub(sizes.readers) {
                None => circle.read(task, looks_again),
                Some(feeder) => circle.feed(feeder % sizes.readers),
            })
        };
        let tasks: Vec<Task<()>> = (0..sizes.readers + sizes.feeders).map(one).collect();
        tasks.into_iter().for_each(|task| task.join().unwrap());
        assert!(circle.cycle.is_closed());
        assert_eq!(circle.cycle.words[COUNT].load(SeqCst) & PARTS, 0, "what was added was given up");
        assert!(circle.inboxes.iter().all(|inbox| inbox.load(SeqCst) == 0), "a token was left behind");
        let least = usize::from(sizes.batch > sizes.feeders && sizes.feeders > 0);
        assert!(circle.flushed.load(SeqCst) >= least, "no batch was flushed");
    });
    println!("{search:?}: {orders} orders");
}

/// Few preemptions, or more if everything was asked for.
fn few(more: usize) -> Search {
    Search::Preemptions(if everything() { more } else { 2 })
}

fn many() -> Search {
    Search::Random(if everything() { 100_000 } else { 2_000 })
}

#[test]
fn a_cycle_of_one_closes_when_its_feeder_has_left() {
    go_round(few(4), Sizes { readers: 1, feeders: 1, hops: 2, batch: 1 }, true);
}

#[test]
fn a_token_goes_round_between_two() {
    go_round(few(3), Sizes { readers: 2, feeders: 1, hops: 2, batch: 1 }, true);
}

#[test]
fn a_cycle_that_nothing_feeds_closes() {
    go_round(few(4), Sizes { readers: 2, feeders: 0, hops: 0, batch: 1 }, true);
}

#[test]
fn two_tokens_go_round_among_three() {
    go_round(many(), Sizes { readers: 3, feeders: 2, hops: 5, batch: 1 }, true);
}

#[test]
fn incomplete_batches_are_flushed_first() {
    go_round(few(4), Sizes { readers: 1, feeders: 1, hops: 1, batch: 2 }, true);
    go_round(few(3), Sizes { readers: 2, feeders: 1, hops: 1, batch: 3 }, true);
    go_round(many(), Sizes { readers: 3, feeders: 4, hops: 9, batch: 3 }, true);
}

#[test]
#[should_panic(expected = "closed while something is under way")]
fn a_reader_that_does_not_look_again_is_noticed() {
    go_round(few(3), Sizes { readers: 2, feeders: 1, hops: 1, batch: 1 }, false);
}
