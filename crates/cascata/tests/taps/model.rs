//! Random steps of feeders, of readers and of the component between them, in one process, against a model.

use std::{
    collections::VecDeque,
    sync::Arc,
    task::{Context, Poll, Waker},
    thread,
    time::{Duration, Instant},
};

use cascata::{
    channel::{Inlet, Outport, Sent, Ticket},
    memory::Memory,
    taps::{Place, Signal, Spot, Taken, Taps},
};
use proptest::prelude::*;

use crate::{
    list::List,
    parts::{INTO, OUT, ROOM, Waiter, exported, feed, planned, reading},
    run::LIMIT,
    wakes::{self, Watchdog},
};

#[derive(Clone, Copy, Debug)]
enum Step {
    Put,
    /// A feeder that waits looks again.
    Poll(usize),
    Withdraw(usize),
    CloseFeed,
    /// The component passes an item on.
    Fire,
    Take,
    Wait,
    /// A reader that waits looks again.
    Retry(usize),
    GiveUp(usize),
    CloseReading,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        40 => Just(Step::Put),
        20 => (0..6_usize).prop_map(Step::Poll),
        8 => (0..6_usize).prop_map(Step::Withdraw),
        2 => Just(Step::CloseFeed),
        50 => Just(Step::Fire),
        20 => Just(Step::Take),
        30 => Just(Step::Wait),
        30 => (0..6_usize).prop_map(Step::Retry),
        8 => (0..6_usize).prop_map(Step::GiveUp),
        1 => Just(Step::CloseReading),
    ];
    prop::collection::vec(step, 0..150)
}

/// What ought to be where.
#[derive(Debug, Default)]
struct Model {
    capacity: usize,
    /// Puts that wait for room.
    waiting: VecDeque<u64>,
    inside: VecDeque<u64>,
    /// What the component has taken, and what waits for room behind it.
    sending: Option<u64>,
    out: VecDeque<u64>,
    sent: u64,
    taken: u64,
    discarded: u64,
    fed: bool,
    ended: bool,
    read: bool,
}

impl Model {
    /// Whether it is inside at once.
    fn put(&mut self, id: u64) -> bool {
        self.sent += 1;
        let room = self.inside.len() < self.capacity;
        if room {
            self.inside.push_back(id)
        } else {
            self.waiting.push_back(id)
        }
        room
    }

    fn withdraw(&mut self, id: u64) -> bool {
        let before = self.waiting.len();
        self.waiting.retain(|other| *other != id);
        let withdrawn = self.waiting.len() < before;
        self.sent -= u64::from(withdrawn);
        withdrawn
    }

    fn fire(&mut self) {
        if self.sending.is_some() || self.ended {
            return;
        }
        let Some(id) = self.inside.pop_front() else {
            self.ended = !self.fed;
            return;
        };
        self.inside.extend(self.waiting.pop_front());
        if !self.read {
            self.discarded += 1;
        } else if self.out.len() < ROOM {
            self.out.push_back(id);
        } else {
            self.sending = Some(id);
        }
    }

    fn take(&mut self) -> Option<u64> {
        let id = self.out.pop_front()?;
        self.out.extend(self.sending.take());
        self.taken += 1;
        Some(id)
    }

    fn close_reading(&mut self) {
        self.read = false;
        self.discarded += self.out.len() as u64 + u64::from(self.sending.is_some());
        self.out.clear();
        self.sending = None;
    }

    fn is_at_end(&self) -> bool {
        self.out.is_empty() && (!self.read || self.ended && self.sending.is_none())
    }

    /// Whether the calling program can still set something going.
    fn is_alive(&self) -> bool {
        self.fed || !self.out.is_empty()
    }
}

/// A feeder that waits.
struct Feeder {
    id: u64,
    ticket: Arc<Ticket>,
    spot: Option<Spot>,
    waiter: Arc<Waiter>,
}

/// A reader that waits.
struct Reader {
    place: Option<Place>,
    waiter: Arc<Waiter>,
}

/// The component.
struct Component {
    inlet: Inlet<List>,
    outport: Outport<List>,
    sending: Option<Arc<Ticket>>,
    ended: bool,
}

impl Component {
    fn fire(&mut self) {
        let mut cx = Context::from_waker(Waker::noop());
        if self.ended
            || self.sending.take_if(|ticket| ticket.poll(&mut cx).is_ready()).is_none() && self.sending.is_some()
        {
            return;
        }
        match self.inlet.poll_take(&mut cx) {
            Poll::Ready(Ok(Some(item))) => {
                if let Sent::Waits(ticket) = self.outport.send(item).unwrap() {
                    self.sending = Some(ticket);
                }
            }
            Poll::Ready(end) => {
                assert_eq!(end, Ok(None));
                self.outport.close();
                self.ended = true;
            }
            Poll::Pending => {}
        }
    }
}

fn signal() -> (Arc<Waiter>, Arc<dyn Signal>) {
    let waiter = Arc::new(Waiter::default());
    (waiter.clone(), waiter)
}

/// The item's number; `None` at the end.
fn id_of(taken: Taken<List>) -> Option<u64> {
    match taken {
        Taken::Item(picked) => Some(picked.open().unwrap().unwrap().0[0]),
        Taken::Ended => None,
    }
}

/// Whether what was taken, if anything was, is what the model says.
fn taken_as(model: &mut Model, taken: Option<Taken<List>>) -> bool {
    let (at_end, taken) = (model.is_at_end(), taken.map(id_of));
    taken == model.take().map_or(at_end.then_some(None), |id| Some(Some(id)))
}

/// Whether the bells come to count so many within a time that is far longer than it takes.
fn comes_to(memory: &Memory, active: u64) -> bool {
    let begun = Instant::now();
    while memory.bells().active() != active {
        if begun.elapsed() > wakes::LIMIT {
            return false;
        }
        thread::sleep(Duration::from_millis(1));
    }
    true
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    /// Items go in and come out in order, each once. Feeders are woken when their items are inside; of the readers that wait,
    /// one is when there is an item or the end, and wakes the next. As long as the program could set anything going the run
    /// counts as alive, and no longer.
    #[test]
    fn taps_do_what_the_model_does(capacity in 1..4_usize, steps in steps()) {
        let _watchdog = Watchdog::new();
        let plan = planned(&exported(capacity, 1), 0);
        let memory = Memory::new(&plan, LIMIT).unwrap();
        let taps = Taps::open(&plan, &memory).unwrap();
        let outport = &plan.nodes[0].outports[0];
        let meter = memory.meter(0).outports.swap_remove(0);
        let mut component = Component {
            inlet: taps.ends().inlet(&plan, 0, 0).unwrap(),
            outport: taps.ends().outport(&plan, outport, None, meter, Waker::noop()),
            sending: None,
            ended: false,
        };
        let mut model = Model { capacity, fed: true, read: true, ..Model::default() };
        let (mut feeders, mut readers): (Vec<Feeder>, Vec<Reader>) = (Vec::new(), Vec::new());
        for (id, step) in (0..).zip(steps) {
            match step {
                Step::Put if model.fed => match feed(&taps).put(List(vec![id])).unwrap() {
                    Sent::Now(reached) => prop_assert!(reached && model.put(id)),
                    Sent::Waits(ticket) => {
                        prop_assert!(!model.put(id));
                        let (waiter, signal) = signal();
                        let mut spot = None;
                        prop_assert!(feed(&taps).poll(&ticket, &mut spot, &signal).is_pending());
                        feeders.push(Feeder { id, ticket, spot, waiter });
                    }
                },
                Step::Put => prop_assert!(feed(&taps).put(List(vec![id])).is_err()),
                Step::Poll(index) if index < feeders.len() => {
                    let Feeder { id, ticket, spot, waiter } = &mut feeders[index];
                    let (fresh, signal) = signal();
                    match feed(&taps).poll(ticket, spot, &signal) {
                        Poll::Pending => {
                            prop_assert!(model.waiting.contains(id));
                            *waiter = fresh;
                        }
                        Poll::Ready(reached) => {
                            prop_assert!(reached.unwrap() && !model.waiting.contains(id));
                            feeders.remove(index);
                        }
                    }
                }
                Step::Withdraw(index) if index < feeders.len() => {
                    let Feeder { id, ticket, spot, .. } = feeders.remove(index);
                    let expected = if model.withdraw(id) { None } else { Some(true) };
                    prop_assert_eq!(feed(&taps).withdraw(&ticket, spot), expected);
                }
                Step::CloseFeed => {
                    taps.close(INTO);
                    model.fed = false;
                }
                Step::Fire => {
                    component.fire();
                    model.fire();
                }
                Step::Take => {
                    let taken = taps.take(OUT, &mut None, None);
                    prop_assert!(taken_as(&mut model, taken));
                }
                Step::Wait => {
                    let ((waiter, signal), mut place) = (signal(), None);
                    let taken = taps.take(OUT, &mut place, Some(&signal));
                    prop_assert_eq!(taken.is_none(), place.is_some());
                    if taken.is_none() {
                        readers.push(Reader { place, waiter });
                    }
                    prop_assert!(taken_as(&mut model, taken));
                }
                Step::Retry(index) if index < readers.len() => {
                    let (fresh, signal) = signal();
                    let taken = taps.take(OUT, &mut readers[index].place, Some(&signal));
                    readers[index].waiter = fresh;
                    if taken.is_some() {
                        readers.remove(index);
                    }
                    prop_assert!(taken_as(&mut model, taken));
                }
                Step::GiveUp(index) if index < readers.len() => {
                    reading(&taps).give_up(&mut readers.remove(index).place);
                }
                Step::CloseReading => {
                    taps.close(OUT);
                    model.close_reading();
                }
                Step::Poll(_) | Step::Withdraw(_) | Step::Retry(_) | Step::GiveUp(_) => {}
            }
            for feeder in feeders.iter().filter(|feeder| !model.waiting.contains(&feeder.id)) {
                prop_assert!(feeder.waiter.is_woken(), "an item is inside, and its feeder does not know");
            }
            let woken = readers.iter().filter(|reader| reader.waiter.is_woken()).count();
            prop_assert!(model.out.is_empty() || readers.is_empty() || woken > 0, "nobody knows of an item");
            prop_assert!(!model.is_at_end() || readers.is_empty() || woken > 0, "nobody knows of the end");
            prop_assert!(!model.is_alive() || memory.bells().active() == 2, "the run counts as dead");
        }
        let active = 1 + u64::from(model.is_alive());
        prop_assert!(comes_to(&memory, active));
        let unread = model.out.len() as u64;
        prop_assert_eq!(taps.counts(), [(model.sent, 0), (model.taken, model.discarded + unread)]);
        taps.end();
        prop_assert!(comes_to(&memory, 1));
    }
}
