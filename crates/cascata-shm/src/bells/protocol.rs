//! The two promises of the bells in every order of steps: no wake-up is lost, and the count is never too low.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use super::tests::doorbells;
use super::*;
use crate::model::{Search, Task, always, everything, explore, spawn, wait_for_bell};
use crate::testing::{Watchdog, region};

/// Bells, and what they tell of: tokens that lie with a worker on a channel. Only bells are steps; a token appears
/// with the step before.
struct Hall {
    bells: Bells,
    workers: usize,
    inboxes: Vec<Vec<AtomicUsize>>,
    /// Tokens that have not come to rest.
    under_way: AtomicUsize,
    over: AtomicUsize,
}

impl Hall {
    /// As memory is when a run begins.
    fn open(bells: &Bells, workers: usize, channels: usize, tokens: usize) -> Arc<Self> {
        let (region, doorbells) = (bells.words.region(), Arc::clone(&bells.doorbells));
        doorbells.iter().for_each(Doorbell::drain);
        let bells = Bells::create(region, 0, workers, channels, doorbells);
        let inboxes = (0..workers).map(|_| (0..channels).map(|_| AtomicUsize::new(0)).collect()).collect();
        let hall = Self { bells, workers, inboxes, under_way: AtomicUsize::new(tokens), over: AtomicUsize::new(0) };
        let hall = Arc::new(hall);
        let observed = Arc::clone(&hall);
        always(move || observed.check());
        hall
    }

    fn check(&self) {
        let counted = (0..self.workers).filter(|&worker| self.bells.desk(worker).state.load(SeqCst) < IDLE).count();
        let active = self.bells.active();
        assert!(active >= counted as u64, "{counted} are awake or may wake by themselves, {active} are counted");
        assert!(active > 0 || self.under_way.load(Relaxed) == 0, "quiet while something is under way");
    }

    fn send(&self, worker: usize, channel: usize) {
        self.inboxes[worker][channel].fetch_add(1, Relaxed);
        self.bells.raise(worker, channel);
    }

    /// Takes what has come; `on_token` gets the channel of each.
    fn take(&self, worker: usize, mut on_token: impl FnMut(usize)) {
        self.bells.take(worker, |channel| {
            (0..self.inboxes[worker][channel].swap(0, Relaxed)).for_each(|_| on_token(channel));
        });
    }

    /// Falls asleep, unless there is something to take, and wakes by the bell.
    fn sleep(&self, worker: usize, idle: bool) {
        if self.bells.doze(worker, idle) {
            wait_for_bell(&self.bells.doorbells[worker]);
            self.bells.rouse(worker);
            self.bells.doorbells[worker].drain();
        }
    }

    fn is_over(&self) -> bool {
        self.over.load(Relaxed) > 0
    }

    /// The supervisor: hears when nothing moves any more, says that all is over, and hears of the end.
    fn supervise(&self, workers: Vec<Task<()>>) {
        self.hear_of_quiet();
        assert_eq!(self.under_way.load(Relaxed), 0);
        self.over.store(1, Relaxed);
        (0..self.workers).for_each(|worker| self.bells.interrupt(worker));
        workers.into_iter().for_each(|worker| worker.join().unwrap());
        assert_eq!(self.bells.active(), 0, "what was added was dropped");
        assert!(self.inboxes.iter().flatten().all(|inbox| inbox.load(Relaxed) == 0), "a token was left behind");
    }

    fn hear_of_quiet(&self) {
        let bell = &self.bells.doorbells[self.workers];
        loop {
            wait_for_bell(bell);
            bell.drain();
            if self.bells.active() == 0 {
                return;
            }
        }
    }
}

/// Explores what happens in a hall; `run` spawns its workers.
fn in_a_hall(
    search: Search,
    (workers, channels, tokens): (usize, usize, usize),
    run: impl Fn(&Arc<Hall>) + Send + Sync + 'static,
) {
    let _watchdog = Watchdog::patient();
    let region = region(Bells::footprint(workers, channels));
    let bells = Bells::create(&region, 0, workers, channels, doorbells(workers));
    let orders = explore(search, move || run(&Hall::open(&bells, workers, channels, tokens)));
    println!("{search:?}: {orders} orders");
}

/// Spawns `main` for each of so many workers.
fn staff(hall: &Arc<Hall>, workers: usize, main: impl Fn(&Hall, usize) + Clone + Send + 'static) -> Vec<Task<()>> {
    let one = |worker| {
        let (hall, main) = (Arc::clone(hall), main.clone());
        spawn(move || main(&hall, worker))
    };
    (0..workers).map(one).collect()
}

/// Tokens hop from worker to worker, so often; then all is quiet.
fn hop(search: Search, workers: usize, tokens: usize, hops: usize) {
    let channels = 200;
    in_a_hall(search, (workers, channels, tokens), move |hall| {
        let left = Arc::new(AtomicUsize::new(hops));
        (0..tokens).for_each(|token| hall.send(token % workers, token * 64));
        let work = move |hall: &Hall, worker: usize| {
            while !hall.is_over() {
                hall.take(worker, |channel| {
                    if left.fetch_update(Relaxed, Relaxed, |left| left.checked_sub(1)).is_ok() {
                        hall.send((worker + 1) % workers, channel);
                    } else {
                        hall.under_way.fetch_sub(1, Relaxed);
                    }
                });
                hall.sleep(worker, true);
            }
            hall.bells.retire(worker);
        };
        hall.supervise(staff(hall, workers, work));
    });
}

#[test]
fn tokens_hop_between_two() {
    hop(Search::Preemptions(if everything() { 4 } else { 2 }), 2, 1, 2);
}

#[test]
fn two_tokens_hop_between_two() {
    hop(Search::Preemptions(if everything() { 3 } else { 2 }), 2, 2, 1);
}

#[test]
fn tokens_hop_between_three() {
    hop(Search::Preemptions(if everything() { 3 } else { 1 }), 3, 2, 2);
}

#[test]
fn tokens_hop_between_many() {
    hop(Search::Random(if everything() { 100_000 } else { 2_000 }), 5, 3, 12);
}

/// Two raise channels of a worker that also wakes by itself: as one that sleeps, whose timer comes at once, then as one
/// that is idle.
fn a_light_sleeper(search: Search, far: usize) {
    in_a_hall(search, (3, 4097, 2), move |hall| {
        let work = move |hall: &Hall, worker: usize| {
            if worker > 0 {
                hall.send(0, (worker - 1) * far);
            } else {
                if hall.bells.doze(0, false) {
                    hall.bells.rouse(0);
                }
                while hall.under_way.load(Relaxed) > 0 {
                    hall.take(0, |_| _ = hall.under_way.fetch_sub(1, Relaxed));
                    if hall.under_way.load(Relaxed) > 0 {
                        hall.sleep(0, true);
                    }
                }
            }
            hall.bells.retire(worker);
        };
        let tasks = staff(hall, 3, work);
        hall.supervise(tasks);
    });
}

#[test]
fn a_sleeper_that_wakes_by_itself_misses_nothing() {
    // The same word of events, another word, a word of another summary.
    for far in [1, 64, 4096] {
        a_light_sleeper(Search::Preemptions(if everything() { 3 } else { 1 }), far);
    }
    a_light_sleeper(Search::Random(if everything() { 100_000 } else { 2_000 }), 64);
}

/// One leaves for good while others raise for it, and while another goes to sleep; straight out of its sleep, or awake.
fn leave(search: Search, wakes: bool) {
    in_a_hall(search, (3, 1, 0), move |hall| {
        let work = move |hall: &Hall, worker: usize| match worker {
            0 => {
                if hall.bells.doze(0, true) && wakes {
                    hall.bells.rouse(0);
                }
                hall.bells.retire(0);
            }
            1 => {
                hall.bells.raise(0, 0);
                hall.sleep(1, true);
                hall.bells.retire(1);
            }
            _ => {
                hall.bells.raise(0, 0);
                hall.bells.retire(2);
            }
        };
        let tasks = staff(hall, 3, work);
        hall.supervise(tasks);
    });
}

#[test]
fn who_retires_while_it_is_raised_for_is_not_counted() {
    for wakes in [false, true] {
        leave(Search::Preemptions(if everything() { 4 } else { 2 }), wakes);
    }
}
