//! Channels through shared memory in every order of the steps that workers make there: the channel's own code, the ring
//! and the bells together. A wake-up that is lost leaves all tasks waiting, which is noticed at once.
//!
//! Each task is a worker, with the channel ends and components that live there, and does what a worker's driver does:
//! answers its bells, steps what is awake, and sleeps when nothing is.

use std::{
    sync::{Arc, Mutex},
    task::Poll,
};

use cascata::channel::{Inlet, Sent};
use cascata_shm::model::{Search, everything, explore, spawn, wait_for_bell};

use crate::{
    rig::{Channel, LARGEST, Rig, Sender, Spec, WORKERS},
    token::Nature,
    wakes::{Party, Watchdog},
};

/// An item that takes memory.
const LARGE: usize = 40_000;

/// A component, stepped whenever it is awake.
struct Component {
    party: Arc<Party>,
    /// Moves as far as it can; `true` once it has ended.
    step: Box<dyn FnMut() -> bool + Send>,
}

impl Component {
    fn new(mut step: impl FnMut(&Party) -> bool + Send + 'static) -> Self {
        let party = Arc::new(Party::new());
        Self { party: party.clone(), step: Box::new(move || step(&party)) }
    }
}

/// What a trial consists of beyond the channels.
#[derive(Clone, Copy, Debug)]
struct Trial {
    /// Items of each sender.
    items: u64,
    /// After so many items the receiver goes.
    enough: usize,
    /// Each sender takes back its last item if it still waits.
    withdraws: bool,
    /// The memory of worker 1 has room for one item only.
    starves: bool,
}

/// Sends `items` items, and leaves.
fn sender(rig: &Arc<Rig>, index: usize, trial: Trial, delivered: &Arc<Mutex<Vec<u64>>>) -> Component {
    let (rig, delivered) = (rig.clone(), delivered.clone());
    let (mut next, mut waiting) = (0, None);
    let size = if trial.starves { LARGE } else { 0 };
    Component::new(move |party| {
        loop {
            let id = index as u64 * 100 + next;
            let reached = match waiting.take() {
                None if next == trial.items => {
                    rig.outports[index].close();
                    return true;
                }
                None => match rig.outports[index].send(rig.census.make(id, Nature::Plain, size)).unwrap() {
                    Sent::Now(reached) => reached,
                    Sent::Waits(ticket) => {
                        if trial.withdraws && next + 1 == trial.items && rig.outports[index].withdraw(&ticket) {
                            next += 1;
                        } else {
                            waiting = Some(ticket);
                        }
                        continue;
                    }
                },
                Some(ticket) => match party.poll(|cx| ticket.poll(cx)) {
                    Poll::Ready(reached) => reached,
                    Poll::Pending => {
                        waiting = Some(ticket);
                        return false;
                    }
                },
            };
            if reached {
                delivered.lock().unwrap().push(id);
            }
            next = if reached { next + 1 } else { trial.items };
        }
    })
}

/// Takes until the end, or until it has enough.
fn receiver(rig: &Arc<Rig>, channel: usize, trial: Trial, taken: &Arc<Mutex<Vec<u64>>>) -> Component {
    let (rig, taken) = (rig.clone(), taken.clone());
    Component::new(move |party| {
        let inlet = &rig.inlets[channel];
        while taken.lock().unwrap().len() < trial.enough {
            match party.poll(|cx| inlet.poll_take(cx)) {
                Poll::Ready(Ok(Some(token))) => taken.lock().unwrap().push(token.id),
                Poll::Ready(end) => {
                    end.unwrap();
                    break;
                }
                Poll::Pending => return false,
            }
        }
        inlet.close();
        true
    })
}

/// What a worker's driver does.
fn drive(rig: &Rig, worker: usize, mut components: Vec<Component>) {
    loop {
        while rig.answer(worker) {}
        let mut moved = false;
        components.retain_mut(|component| {
            let sleeps = component.party.sleeps();
            moved |= !sleeps;
            sleeps || !(component.step)()
        });
        if components.is_empty() && !rig.waits(worker) {
            break;
        }
        if !moved && rig.bells.doze(worker, true) {
            wait_for_bell(&rig.doorbells[worker]);
            rig.bells.rouse(worker);
            rig.doorbells[worker].drain();
        }
    }
    rig.bells.retire(worker);
}

/// One channel, received by worker 0, from senders on these workers.
fn run(search: Search, capacity: Option<usize>, senders: &[usize], trial: Trial) {
    let _watchdog = Watchdog::new();
    let senders: Vec<_> = senders.iter().map(|&worker| Sender { worker, targets: vec![0] }).collect();
    let channels = vec![Channel { capacity, receiver: 0, shared: true }];
    let spec = Spec { channels, senders, slots: 1 };
    let described = format!("{capacity:?} {trial:?} {:?}", spec.senders.iter().map(|s| s.worker).collect::<Vec<_>>());
    let orders = explore(search, move || {
        let rig = Arc::new(Rig::new(spec.clone()));
        let most = trial.starves.then(|| rig.hubs[1].blank(LARGEST - LARGE - LARGE / 2).unwrap());
        let (delivered, taken) = (Arc::default(), Arc::default());
        let mut components: [Vec<Component>; WORKERS] = [vec![receiver(&rig, 0, trial, &taken)], vec![]];
        for (index, sender_spec) in rig.spec.senders.iter().enumerate() {
            components[sender_spec.worker].push(sender(&rig, index, trial, &delivered));
        }
        let tasks: Vec<_> = components
            .into_iter()
            .enumerate()
            .map(|(worker, components)| {
                let rig = rig.clone();
                spawn(move || drive(&rig, worker, components))
            })
            .collect();
        tasks.into_iter().for_each(|task| task.join().unwrap());
        assert_eq!(rig.bells.active(), 0);
        check(&rig, trial, &delivered.lock().unwrap(), &taken.lock().unwrap());
        let rig = Arc::into_inner(rig).expect("the tasks have ended");
        rig.inlets.iter().for_each(Inlet::close);
        drop(most);
    });
    println!("{search:?}: {orders} orders, {described}");
}

fn check(rig: &Rig, trial: Trial, delivered: &[u64], taken: &[u64]) {
    let of = |ids: &[u64], sender: usize| -> Vec<u64> {
        ids.iter().copied().filter(|id| id / 100 == sender as u64).collect()
    };
    let (counted, discarded) = rig.received(0);
    assert_eq!(counted, taken.len() as u64);
    assert!(taken.len() <= trial.enough);
    for sender in 0..rig.spec.senders.len() {
        let (delivered, taken) = (of(delivered, sender), of(taken, sender));
        assert!(delivered.starts_with(&taken), "{taken:?} of {delivered:?}: in order, each once");
        assert!(taken.len() == delivered.len() || trial.enough < usize::MAX, "none is lost");
        assert!(trial.withdraws || trial.enough < usize::MAX || taken.len() as u64 == trial.items);
    }
    assert!(counted + discarded <= rig.spec.senders.len() as u64 * trial.items, "none is counted twice");
}

const ALL: Trial = Trial { items: 2, enough: usize::MAX, withdraws: false, starves: false };

#[test]
fn between_two_workers() {
    let (inside, around) = if everything() { (3, 4) } else { (2, 2) };
    for capacity in [Some(1), None] {
        run(Search::Preemptions(inside), capacity, &[1], ALL);
        run(Search::Sections(around), capacity, &[1], Trial { items: 3, ..ALL });
    }
}

#[test]
fn with_senders_on_both_sides() {
    let around = if everything() { 4 } else { 2 };
    for capacity in [Some(1), Some(2), None] {
        run(Search::Sections(around), capacity, &[0, 1], ALL);
        run(Search::Sections(around), capacity, &[1, 1], ALL);
    }
}

#[test]
fn with_a_receiver_that_goes() {
    let around = if everything() { 4 } else { 2 };
    for enough in [0, 1, 2] {
        for capacity in [Some(1), None] {
            run(Search::Sections(around), capacity, &[0, 1], Trial { enough, ..ALL });
        }
    }
}

#[test]
fn with_sends_that_are_withdrawn() {
    let around = if everything() { 4 } else { 2 };
    run(Search::Sections(around), Some(1), &[1, 1], Trial { withdraws: true, ..ALL });
    run(Search::Sections(around), Some(1), &[0, 1], Trial { withdraws: true, ..ALL });
}

#[test]
fn with_little_memory() {
    // Each order makes and takes back memory, which takes longer than the steps themselves.
    let (around, count) = if everything() { (3, 20_000) } else { (1, 200) };
    for trial in [ALL, Trial { items: 3, ..ALL }, Trial { enough: 1, ..ALL }, Trial { withdraws: true, ..ALL }] {
        run(Search::Sections(around), Some(2), &[1], Trial { starves: true, ..trial });
    }
    run(Search::Sections(1), Some(2), &[1, 1], Trial { starves: true, ..ALL });
    run(Search::Random(count), Some(2), &[0, 1, 1], Trial { items: 5, starves: true, ..ALL });
}

#[test]
fn with_many_items() {
    let count = if everything() { 20_000 } else { 200 };
    for (capacity, enough) in [(Some(1), usize::MAX), (Some(3), usize::MAX), (None, usize::MAX), (Some(2), 5)] {
        run(Search::Random(count), capacity, &[0, 1, 1], Trial { items: 5, enough, ..ALL });
    }
}
