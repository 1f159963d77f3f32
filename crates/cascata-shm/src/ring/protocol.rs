//! A ring and the bells, in every order of steps: nobody who waits is left asleep, each item arrives once and in order.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use super::*;
use crate::model::{Search, Task, always, everything, explore, spawn, wait_for_bell};
use crate::testing::{Watchdog, region};
use crate::{Bells, Doorbell, Layout};

/// The worker that receives; the others send.
const RECEIVER: usize = 0;
const CHANNEL: usize = 0;

/// What a receiver does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reception {
    /// Takes one item after the other, to the end.
    Pop,
    /// Looks first, and takes what it has seen.
    Look,
    /// Takes as many as the ring holds before it wakes senders, and never waits while the ring may have more.
    Unload,
    /// Goes after so many items.
    Leave(usize),
}

#[derive(Debug, Clone, Copy)]
struct Plan {
    capacity: usize,
    senders: usize,
    items: usize,
    reception: Reception,
}

/// A channel between workers, as far as shared memory goes.
struct Channel {
    plan: Plan,
    ring: Ring,
    bells: Bells,
    doorbells: Arc<[Doorbell]>,
    /// What was taken, or was inside when the receiver had left.
    taken: Mutex<Vec<u64>>,
    discarded: Mutex<Vec<u64>>,
}

impl Channel {
    fn raise(&self, workers: WorkerSet) {
        workers.iter().for_each(|worker| self.bells.raise(worker, CHANNEL));
    }

    /// Sleeps until something has happened to the channel, unless it has already.
    fn sleep(&self, worker: usize) {
        if self.bells.doze(worker, true) {
            wait_for_bell(&self.doorbells[worker]);
            self.bells.rouse(worker);
            self.doorbells[worker].drain();
        }
        self.bells.take(worker, |_| ());
    }

    fn send(&self, worker: usize) {
        let mut closed = false;
        for number in 0..self.plan.items {
            let item = (worker * 100 + number) as u64;
            while !closed {
                match self.ring.try_push(worker, 0, &item.to_le_bytes()).unwrap() {
                    Push::Pushed { waiting } => {
                        self.raise(waiting);
                        break;
                    }
                    Push::Full => self.sleep(worker),
                    Push::Closed => closed = true,
                }
            }
        }
        let receivers = self.ring.unpublish().unwrap();
        self.raise(receivers);
        self.bells.retire(worker);
    }

    /// One item, or whether there will be none. `owed` is said instead of waking senders.
    fn pop(&self, owed: Option<&mut bool>) -> Result<u64, bool> {
        match self.ring.try_pop(RECEIVER).unwrap() {
            Pop::Item { slot, fill, senders_waiting } => {
                assert!(fill < self.plan.capacity);
                match owed {
                    Some(owed) => *owed |= senders_waiting,
                    None if senders_waiting => self.raise(self.ring.take_waiting_senders().unwrap()),
                    None => (),
                }
                Ok(u64::from_le_bytes(slot.payload().try_into().unwrap()))
            }
            Pop::Empty => Err(false),
            Pop::Ended => Err(true),
        }
    }

    fn take(&self, item: u64) {
        self.taken.lock().unwrap().push(item);
    }

    fn receive(&self) {
        loop {
            if self.plan.reception == Reception::Leave(self.taken.lock().unwrap().len()) {
                self.raise(self.ring.close_receiver().unwrap());
                while let Ok(item) = self.pop(Some(&mut false)) {
                    self.discarded.lock().unwrap().push(item);
                }
                break;
            }
            let ended = match self.plan.reception {
                Reception::Look => match self.ring.poll_item(RECEIVER).unwrap() {
                    Peek::Item => {
                        self.take(self.pop(None).expect("nobody else takes what was seen"));
                        continue;
                    }
                    Peek::Empty => false,
                    Peek::Ended => true,
                },
                Reception::Unload => {
                    let mut owed = false;
                    let ended = (0..self.plan.capacity).find_map(|_| match self.pop(Some(&mut owed)) {
                        Ok(item) => {
                            self.take(item);
                            None
                        }
                        Err(ended) => Some(ended),
                    });
                    if owed {
                        self.raise(self.ring.take_waiting_senders().unwrap());
                    }
                    let Some(ended) = ended else {
                        self.bells.raise(RECEIVER, CHANNEL);
                        self.bells.take(RECEIVER, |_| ());
                        continue;
                    };
                    ended
                }
                Reception::Pop | Reception::Leave(_) => match self.pop(None) {
                    Ok(item) => {
                        self.take(item);
                        continue;
                    }
                    Err(ended) => ended,
                },
            };
            if ended {
                break;
            }
            self.sleep(RECEIVER);
        }
        self.bells.retire(RECEIVER);
    }

    fn check(&self) {
        let pushed = self.ring.pushed();
        let taken = std::mem::take(&mut *self.taken.lock().unwrap());
        let discarded = std::mem::take(&mut *self.discarded.lock().unwrap());
        let sent = self.plan.senders * self.plan.items;
        match self.plan.reception {
            Reception::Leave(most) => assert!(taken.len() <= most && pushed <= sent as u64),
            _ => assert_eq!((taken.len(), discarded.len(), pushed), (sent, 0, sent as u64), "none is lost"),
        }
        assert_eq!((taken.len() + discarded.len()) as u64, pushed, "each comes out once");
        let mut numbers = vec![VecDeque::from_iter(0..self.plan.items as u64); self.plan.senders + 1];
        for item in taken.into_iter().chain(discarded) {
            let number = numbers[item as usize / 100].pop_front();
            assert_eq!(number, Some(item % 100), "what one has sent comes in order");
        }
        assert_eq!((self.ring.fill(), self.bells.active()), (0, 0));
    }
}

fn send_and_receive(search: Search, plan: Plan) {
    let _watchdog = Watchdog::patient();
    let workers = plan.senders + 1;
    let mut layout = Layout::new();
    let bells_at = layout.reserve(Bells::footprint(workers, 1), 128);
    let ring_at = layout.reserve(Ring::footprint(plan.capacity), 128);
    let region = region(layout.len());
    let doorbells: Arc<[Doorbell]> = (0..=workers).map(|_| Doorbell::new().unwrap()).collect();
    let orders = explore(search, move || {
        doorbells.iter().for_each(Doorbell::drain);
        let ring = Ring::create(&region, ring_at, plan.capacity, plan.senders as u32);
        let observed = ring.clone();
        always(move || assert!(observed.fill() <= plan.capacity, "more is inside than fits"));
        let bells = Bells::create(&region, bells_at, workers, 1, Arc::clone(&doorbells));
        let (taken, discarded) = (Mutex::default(), Mutex::default());
        let channel = Channel { plan, ring, bells, doorbells: Arc::clone(&doorbells), taken, discarded };
        let channel = Arc::new(channel);
        let tasks: Vec<Task<()>> = (0..workers)
            .map(|worker| {
                let channel = Arc::clone(&channel);
                spawn(move || if worker == RECEIVER { channel.receive() } else { channel.send(worker) })
            })
            .collect();
        tasks.into_iter().for_each(|task| task.join().unwrap());
        channel.check();
    });
    println!("{search:?}: {orders} orders, {plan:?}");
}

const RECEPTIONS: [Reception; 5] =
    [Reception::Pop, Reception::Look, Reception::Unload, Reception::Leave(0), Reception::Leave(1)];

#[test]
fn one_sender_through_one_slot() {
    let (inside, around) = if everything() { (3, 5) } else { (1, 2) };
    for reception in RECEPTIONS {
        let plan = Plan { capacity: 1, senders: 1, items: 2, reception };
        send_and_receive(Search::Preemptions(inside), plan);
        send_and_receive(Search::Sections(around), plan);
    }
}

#[test]
fn two_senders_through_one_slot() {
    let (inside, around) = if everything() { (2, 4) } else { (1, 1) };
    for reception in RECEPTIONS {
        let plan = Plan { capacity: 1, senders: 2, items: 1, reception };
        send_and_receive(Search::Preemptions(inside), plan);
        send_and_receive(Search::Sections(around), Plan { items: 2, ..plan });
    }
}

#[test]
fn one_sender_through_two_slots() {
    for reception in [Reception::Pop, Reception::Unload] {
        let plan = Plan { capacity: 2, senders: 1, items: 4, reception };
        send_and_receive(Search::Sections(if everything() { 5 } else { 2 }), plan);
    }
}

#[test]
fn many_senders_and_items() {
    let count = if everything() { 50_000 } else { 600 };
    for (capacity, reception) in [1, 3].into_iter().zip([Reception::Pop, Reception::Unload, Reception::Leave(7)]) {
        send_and_receive(Search::Random(count), Plan { capacity, senders: 4, items: 6, reception });
    }
    send_and_receive(Search::Random(count), Plan { capacity: 2, senders: 3, items: 5, reception: Reception::Leave(4) });
}

/// Publishers that come while others go: the ring ends with the last, and what it says of that is so.
#[test]
fn publishers_come_and_go() {
    let _watchdog = Watchdog::patient();
    let region = region(Ring::footprint(1));
    let orders = explore(Search::Preemptions(if everything() { 4 } else { 2 }), move || {
        let ring = Arc::new(Ring::create(&region, 0, 1, 1));
        assert!(matches!(ring.try_pop(RECEIVER), Ok(Pop::Empty)));
        let woken = Arc::new(Mutex::new(WorkerSet::EMPTY));
        let leave = {
            let (ring, woken) = (Arc::clone(&ring), Arc::clone(&woken));
            move || {
                let named = ring.unpublish().unwrap();
                *woken.lock().unwrap() |= named;
            }
        };
        let come = {
            let (ring, leave) = (Arc::clone(&ring), leave.clone());
            move || {
                let published = ring.publish().unwrap();
                if published {
                    assert_ne!(ring.poll_item(RECEIVER), Ok(Peek::Ended), "who has published keeps it open");
                    leave();
                }
            }
        };
        let tasks = [spawn(leave), spawn(come.clone()), spawn(come)];
        tasks.into_iter().for_each(|task| task.join().unwrap());
        assert_eq!((ring.publishers(), ring.poll_item(RECEIVER)), (0, Ok(Peek::Ended)));
        assert!(woken.lock().unwrap().contains(RECEIVER), "who waited was named at the end");
    });
    println!("{orders} orders");
}
