//! Channels on threads, with real wake-ups and doorbells. Every wait has an end: a lost wake-up is a failure, not a hang.

use std::{
    sync::atomic::{AtomicBool, Ordering::SeqCst},
    task::{Context, Poll},
    thread,
};

use cascata::channel::{Inlet, Sent};

use crate::{
    rig::{Channel, Rig, Sender, Spec, WORKERS},
    token::{Nature, Token},
    wakes::{Party, Watchdog, hear},
};

const ROUNDS: u64 = 2000;

/// A small generator: xorshift.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % limit
    }
}

/// Calls something in the end, also when the thread panics: nobody shall wait for it then.
struct Finally<F: Fn()>(F);

impl<F: Fn()> Drop for Finally<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

/// Sends; now and then it takes back what waits. Gives what was delivered, and whether the last send reached anybody.
fn send(rig: &Rig, sender: usize, seed: u64) -> (Vec<u64>, bool) {
    let outport = &rig.outports[sender];
    let _close = Finally(|| outport.close());
    // Without bound, large ones might fill the arena.
    let bounded = rig.spec.channels.iter().all(|channel| channel.capacity.is_some());
    let (mut random, party) = (Random(seed), Party::new());
    let (mut delivered, mut reached) = (Vec::new(), true);
    for id in (sender as u64 * ROUNDS..).take(ROUNDS as usize) {
        let size = if bounded && random.below(10) == 0 { 17_000 } else { 20 };
        reached = match outport.send(rig.census.make(id, Nature::Plain, size)).unwrap() {
            Sent::Now(reached) => reached,
            Sent::Waits(ticket) => {
                if random.below(3) == 0 {
                    thread::yield_now();
                    if outport.withdraw(&ticket) {
                        continue;
                    }
                }
                party.block_on(|cx| ticket.poll(cx))
            }
        };
        if !reached {
            break;
        }
        delivered.push(id);
    }
    (delivered, reached)
}

/// Takes until the end, or until it has enough, and then closes.
fn receive(inlet: &Inlet<Token>, enough: usize) -> Vec<u64> {
    let _close = Finally(|| inlet.close());
    let (mut taken, party) = (Vec::new(), Party::new());
    while taken.len() < enough {
        match party.block_on(|cx| inlet.poll_take(cx)).unwrap() {
            Some(token) => taken.push(token.id),
            None => break,
        }
    }
    taken
}

/// Answers the bells of a worker until `over`; sleeps as long as none rings.
fn attend(rig: &Rig, worker: usize, over: &AtomicBool) {
    while !over.load(SeqCst) {
        if !rig.answer(worker) && rig.bells.doze(worker, false) {
            hear(&rig.doorbells[worker]);
        }
        rig.bells.rouse(worker);
    }
}

/// Runs senders and receivers, each on a thread, and compares what was sent and taken.
fn trial(spec: Spec, enough: usize, seed: u64) {
    let rig = Rig::new(spec);
    let over = AtomicBool::new(false);
    let (sent, taken) = thread::scope(|scope| {
        let (rig, over) = (&rig, &over);
        let _over = Finally(|| {
            over.store(true, SeqCst);
            (0..WORKERS).for_each(|worker| rig.bells.interrupt(worker));
        });
        (0..WORKERS).for_each(|worker| drop(scope.spawn(move || attend(rig, worker, over))));
        let receivers: Vec<_> = rig.inlets.iter().map(|inlet| scope.spawn(move || receive(inlet, enough))).collect();
        let senders: Vec<_> = (0..rig.spec.senders.len())
            .map(|sender| scope.spawn(move || send(rig, sender, seed + 77 * sender as u64)))
            .collect();
        let sent: Vec<_> = senders.into_iter().map(|sender| sender.join().unwrap()).collect();
        let taken: Vec<_> = receivers.into_iter().map(|receiver| receiver.join().unwrap()).collect();
        (sent, taken)
    });
    rig.settle();
    for (channel, taken) in taken.iter().enumerate() {
        assert_eq!(rig.received(channel).0, taken.len() as u64);
        assert_eq!(rig.fill(channel), 0);
        let from = |sender: usize| {
            let ids = taken.iter().copied().filter(move |id| id / ROUNDS == sender as u64);
            ids.collect::<Vec<_>>()
        };
        for (sender, (delivered, reached)) in sent.iter().enumerate() {
            if !rig.spec.senders[sender].targets.contains(&channel) {
                continue;
            }
            if enough == usize::MAX {
                assert!(*reached && from(sender) == *delivered, "each once, in order, and all of them");
            } else {
                assert!(delivered.starts_with(&from(sender)), "each once, in order, as long as it was open");
            }
        }
    }
    if rig.spec.channels.len() == 1 {
        let sent: u64 = (0..rig.spec.senders.len()).map(|sender| rig.sent(sender)).sum();
        let (taken, discarded) = rig.received(0);
        assert_eq!(sent, taken + discarded, "the counters balance");
    }
    rig.dispose();
}

fn spec(capacity: Option<usize>, senders: &[usize], channels: usize) -> Spec {
    let channels = (0..channels).map(|_| Channel { capacity, receiver: 0, shared: senders.contains(&1) });
    let channels: Vec<_> = channels.collect();
    let targets: Vec<_> = (0..channels.len()).collect();
    let senders = senders.iter().map(|&worker| Sender { worker, targets: targets.clone() });
    Spec { senders: senders.collect(), channels, slots: 8 }
}

/// Local, own, apart and mixed, by the workers of the senders.
const SENDERS: [&[usize]; 4] = [&[0, 0, 0], &[1], &[1, 1, 1], &[0, 1, 0, 1]];

#[test]
fn nothing_is_lost_between_threads() {
    let _watchdog = Watchdog::new();
    for (seed, capacity) in [Some(1), Some(2), Some(10), None].into_iter().enumerate() {
        for senders in SENDERS {
            trial(spec(capacity, senders, 1), usize::MAX, 1 + seed as u64);
        }
    }
}

#[test]
fn a_send_to_several_channels_is_all_or_none() {
    let _watchdog = Watchdog::new();
    for (seed, capacity) in [Some(1), Some(5)].into_iter().enumerate() {
        for senders in SENDERS {
            trial(spec(capacity, senders, 3), usize::MAX, 100 + seed as u64);
        }
    }
}

#[test]
fn senders_outlive_their_receiver() {
    let _watchdog = Watchdog::new();
    for (seed, capacity) in [Some(1), Some(10), None].into_iter().enumerate() {
        for senders in SENDERS {
            trial(spec(capacity, senders, 1), 300, 200 + seed as u64);
            trial(spec(capacity, senders, 2), 300, 300 + seed as u64);
        }
    }
}

/// Polls as a worker does in earnest: on its only thread, which dozes off as idle while the task waits.
fn work<T>(rig: &Rig, worker: usize, mut poll: impl FnMut(&mut Context<'_>) -> Poll<T>) -> T {
    let party = Party::new();
    loop {
        if let Poll::Ready(result) = party.poll(&mut poll) {
            return result;
        }
        while party.sleeps() {
            if !rig.answer(worker) && rig.bells.doze(worker, true) {
                hear(&rig.doorbells[worker]);
            }
            rig.bells.rouse(worker);
        }
    }
}

/// Takes an item and sends it on; nothing at the end.
fn pass_on(rig: &Rig, worker: usize, from: usize, to: usize) -> Option<u64> {
    let token = work(rig, worker, |cx| rig.inlets[from].poll_take(cx)).unwrap()?;
    let id = token.id;
    if let Sent::Waits(ticket) = rig.outports[to].send(token).unwrap() {
        assert!(work(rig, worker, |cx| ticket.poll(cx)));
    }
    Some(id)
}

#[test]
fn the_count_of_active_workers_is_never_zero_under_way() {
    let _watchdog = Watchdog::new();
    for (capacity, items) in [(Some(1), 1), (Some(1), 2), (Some(3), 5), (None, 20)] {
        // Items go in circles: outport 0 sends to worker 1, outport 1 back.
        let channels = [1, 0].map(|receiver| Channel { capacity, receiver, shared: true });
        let senders = [0, 1].map(|worker| Sender { worker, targets: vec![worker] });
        let rig = Rig::new(Spec { channels: channels.into(), senders: senders.into(), slots: 2 });
        let over = AtomicBool::new(false);
        thread::scope(|scope| {
            let (rig, over) = (&rig, &over);
            scope.spawn(move || {
                for id in 0..items {
                    if let Sent::Waits(ticket) = rig.outports[0].send(rig.token(id)).unwrap() {
                        work(rig, 0, |cx| ticket.poll(cx));
                    }
                }
                for round in 0..ROUNDS {
                    assert_eq!(pass_on(rig, 0, 1, 0), Some(round % items));
                }
                rig.outports[0].close();
                while work(rig, 0, |cx| rig.inlets[1].poll_take(cx)).unwrap().is_some() {}
                over.store(true, SeqCst);
                rig.bells.retire(0);
            });
            scope.spawn(move || {
                while pass_on(rig, 1, 0, 1).is_some() {}
                rig.outports[1].close();
                rig.bells.retire(1);
            });
            scope.spawn(move || {
                while !over.load(SeqCst) {
                    assert!(rig.bells.active() > 0 || over.load(SeqCst), "all sleep, but it is not over");
                    thread::yield_now();
                }
            });
        });
        assert_eq!(rig.bells.active(), 0);
        rig.dispose();
    }
}
