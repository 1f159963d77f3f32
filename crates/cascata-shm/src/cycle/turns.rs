//! A reader that waits although something lies in one of its channels: it is not the turn of that yet. In every order of
//! steps it takes all there is, in its order, and then the cycle closes.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use super::*;
use crate::bells::Doorbell;
use crate::model::{Search, always, everything, explore, spawn, wait_for_bell};
use crate::testing::{Watchdog, region};

/// Channels: one for each member of a group outside.
const CHANNELS: usize = 2;
/// What channels tell of themselves after what lies inside: that nothing more will come, or, between the two, nothing
/// before what the other member has sent.
const LEFT: u64 = 2;
const FURTHER: u64 = 1;

/// One reader of two members' results. The second member's come before the first one's.
struct Gathering {
    cycle: Cycle,
    doorbells: Arc<[Doorbell]>,
    /// How many items lie in each channel, as steps, and how far its sender is.
    words: Words,
    /// What has not come to rest.
    under_way: AtomicUsize,
}

/// How the members behave.
#[derive(Clone, Copy)]
struct Manner {
    /// The second member sends nothing.
    drops: bool,
    /// Who leaves passes the gate, as the protocol asks.
    passes: bool,
}

impl Gathering {
    /// As memory is when a run begins.
    fn open(region: &Arc<Region>, doorbells: &Arc<[Doorbell]>, drops: bool) -> Arc<Self> {
        doorbells.iter().for_each(Doorbell::drain);
        let bells = Bells::create(region, 0, 1, 2, Arc::clone(doorbells));
        let at = Bells::footprint(1, 2);
        Cycle::create(region, at, CHANNELS, 3);
        let cycle = Cycle::attach(region, at, CHANNELS, bells, vec![0], 1);
        let words = Words::new(region, at + Cycle::footprint(CHANNELS), 2 * CHANNELS);
        words.iter().for_each(|word| word.store(0, Relaxed));
        let under_way = AtomicUsize::new(if drops { 1 } else { 2 });
        let this = Arc::new(Self { cycle, doorbells: Arc::clone(doorbells), words, under_way });
        let observed = Arc::clone(&this);
        always(move || {
            let rests = observed.under_way.load(SeqCst) == 0;
            assert!(rests || !observed.cycle.is_closed(), "closed while something is under way");
        });
        this
    }

    fn gate(&self, channel: usize) -> Gate {
        self.cycle.gate(Some(channel))
    }

    fn put(&self, channel: usize) {
        self.words[channel].fetch_add(1, SeqCst);
        self.gate(channel).pass();
        self.cycle.bells.raise(0, 0);
    }

    /// A member, as a worker of its own.
    fn send(&self, member: usize, Manner { drops, passes }: Manner) {
        if member == 0 || !drops {
            self.put(member);
        }
        // That it has passed is told, and is no reason for a part: it has one itself.
        for far in [FURTHER, LEFT] {
            self.words[CHANNELS + member].store(far, SeqCst);
            if far == LEFT && passes {
                self.gate(member).pass();
            }
            self.cycle.bells.raise(0, 0);
        }
        self.cycle.leave(1);
    }

    /// Whether something lies in a channel; if not, how far its sender was before.
    fn look(&self, channel: usize) -> Result<(), u64> {
        let look = || self.words[channel].load(SeqCst) > 0;
        if look() {
            return Ok(());
        }
        self.gate(channel).expect();
        let far = self.words[CHANNELS + channel].load(SeqCst);
        if look() { Ok(()) } else { Err(far) }
    }

    /// The channel whose turn it is, if that is known.
    fn find(&self) -> Option<usize> {
        match [0, 1].map(|channel| self.look(channel)) {
            [_, Ok(())] => Some(1),
            [Ok(()), Err(FURTHER | LEFT)] => Some(0),
            _ => None,
        }
    }

    /// The reader, as a worker of its own.
    fn read(&self, drops: bool) {
        let gates: Vec<_> = (0..CHANNELS).map(|channel| self.gate(channel)).collect();
        let mut part = Reader::new(self.cycle.clone());
        let mut taken = Vec::new();
        while part.rise(gates.iter()) != Rise::End {
            if let Some(channel) = self.find() {
                self.words[channel].fetch_sub(1, SeqCst);
                taken.push(channel);
                self.under_way.fetch_sub(1, SeqCst);
            } else if part.rest(gates.iter()) {
                self.sleep();
            }
        }
        part.leave();
        self.cycle.bells.retire(0);
        assert_eq!(taken, if drops { vec![0] } else { vec![1, 0] });
    }

    /// Sleeps until there is news, unless there is some already.
    fn sleep(&self) {
        if !self.cycle.bells.take(0, |_| ()) && self.cycle.bells.doze(0, true) {
            wait_for_bell(&self.doorbells[0]);
            self.cycle.bells.rouse(0);
            self.doorbells[0].drain();
        }
    }
}

fn gather(manner: Manner) {
    let _watchdog = Watchdog::patient();
    let region = region(Bells::footprint(1, 2) + Cycle::footprint(CHANNELS) + 16 * CHANNELS);
    let doorbells: Arc<[Doorbell]> = (0..2).map(|_| Doorbell::new().unwrap()).collect();
    let search = Search::Preemptions(if everything() { 2 } else { 1 });
    let orders = explore(search, move || {
        let gathering = Gathering::open(&region, &doorbells, manner.drops);
        let members = [0, 1].map(|member| {
            let gathering = Arc::clone(&gathering);
            spawn(move || gathering.send(member, manner))
        });
        let reader = Arc::clone(&gathering);
        let reader = spawn(move || reader.read(manner.drops));
        members.into_iter().chain([reader]).for_each(|task| task.join().unwrap());
        assert!(gathering.cycle.is_closed());
        assert_eq!(gathering.cycle.words[COUNT].load(SeqCst) & PARTS, 0, "what was added was given up");
    });
    println!("{search:?}: {orders} orders");
}

#[test]
fn what_waits_for_its_turn_is_taken_before_a_cycle_closes() {
    for drops in [false, true] {
        gather(Manner { drops, passes: true });
    }
}

#[test]
#[should_panic(expected = "closed while something is under way")]
fn a_member_that_leaves_without_a_word_is_noticed() {
    gather(Manner { drops: true, passes: false });
}

/// A word that is left at a gate while the reader goes on would give it a part later, and nobody wakes it for that.
#[test]
fn who_goes_on_waits_nowhere() {
    let region = region(Bells::footprint(1, 2) + Cycle::footprint(2));
    let doorbells: Arc<[Doorbell]> = (0..2).map(|_| Doorbell::new().unwrap()).collect();
    let bells = Bells::create(&region, 0, 1, 2, doorbells);
    let at = Bells::footprint(1, 2);
    Cycle::create(&region, at, 2, 1);
    let cycle = Cycle::attach(&region, at, 2, bells, vec![0], 1);
    let gates = [0, 1].map(|index| cycle.gate(Some(index)));
    let mut part = Reader::new(cycle.clone());
    gates[0].expect();
    assert_eq!(part.rise(gates.iter()), Rise::Look);
    gates[0].pass();
    gates[1].expect();
    assert!(part.rest(gates.iter()));
    assert!(cycle.is_closed());
}
