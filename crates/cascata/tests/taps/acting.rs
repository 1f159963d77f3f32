//! Threads in the middle of something: they count as what can still move.

use std::{
    sync::{
        Arc, Mutex,
        mpsc::{self, Sender},
    },
    task::{Context, Wake, Waker},
    thread,
    time::Duration,
};

use cascata::{
    channel::Sent,
    ends::Ends,
    memory::Memory,
    plan::Plan,
    taps::{Signal, Taken, Taps},
};

use crate::{
    list::List,
    parts::{INTO, OUT, Waiter, exported, feed, planned},
    run::LIMIT,
    wakes::Watchdog,
};

/// How long the thread that watches certainly does not take; where it does, a test sees less and fails never.
const WHILE: Duration = Duration::from_millis(50);

fn begin(workers: usize) -> (Plan<List>, Memory, Arc<Taps<List>>) {
    let plan = planned(&exported(2, 1), workers);
    let memory = Memory::new(&plan, LIMIT).unwrap();
    let taps = Taps::open(&plan, &memory).unwrap();
    (plan, memory, taps)
}

/// The worker sleeps, and waits for channels.
fn rest(memory: &Memory) {
    while !memory.bells().doze(0, true) {
        memory.bells().take(0, |_| {});
    }
}

fn comes_to_rest(memory: &Memory) {
    while memory.bells().active() > 0 {
        thread::sleep(Duration::from_millis(1));
    }
}

/// Tells, when it is woken, whether anything can still move.
struct Witness {
    taps: Arc<Taps<List>>,
    memory: Memory,
    seen: Mutex<Sender<u64>>,
}

impl Wake for Witness {
    fn wake(self: Arc<Self>) {
        // Another thread goes on meanwhile, and finds nothing.
        let taps = self.taps.clone();
        thread::spawn(move || assert!(taps.take(OUT, &mut None, None).is_none())).join().unwrap();
        self.seen.lock().unwrap().send(self.memory.bells().active()).unwrap();
    }
}

#[test]
fn who_closes_a_feed() {
    let _watchdog = Watchdog::new();
    let (plan, memory, taps) = begin(0);
    let inlet = taps.ends().inlet(&plan, 0, 0).unwrap();
    let (seen, told) = mpsc::channel();
    let witness = Witness { taps: taps.clone(), memory: memory.clone(), seen: Mutex::new(seen) };
    assert!(inlet.poll_item(&mut Context::from_waker(&Waker::from(Arc::new(witness)))).is_pending());
    thread::sleep(WHILE);
    rest(&memory);
    taps.close(INTO);
    assert!(told.recv().unwrap() > 0);
    comes_to_rest(&memory);
    taps.end();
}

#[test]
fn who_opens_an_item() {
    let _watchdog = Watchdog::new();
    let (plan, memory, taps) = begin(0);
    let meter = memory.meter(0).outports.swap_remove(0);
    let outport = taps.ends().outport(&plan, &plan.nodes[0].outports[0], None, meter, Waker::noop());
    assert!(matches!(outport.send(List(vec![1])).unwrap(), Sent::Now(true)));
    taps.close(INTO);
    rest(&memory);
    let Some(Taken::Item(item)) = taps.take(OUT, &mut None, None) else { panic!("there is one") };
    thread::sleep(WHILE);
    assert!(memory.bells().active() > 0);
    assert_eq!(item.open().unwrap().unwrap().0, [1]);
    comes_to_rest(&memory);
    taps.end();
}

#[test]
fn who_is_called_to_try_again() {
    let _watchdog = Watchdog::new();
    let (plan, memory, taps) = begin(1);
    let ends = Ends::new(&plan, &memory, 0);
    let inlet = ends.inlet(&plan, 0, 0).unwrap();
    // Two thirds of what there is.
    let large = || List(vec![7; LIMIT / 12]);
    assert!(matches!(feed(&taps).put(large()).unwrap(), Sent::Now(true)));
    let Sent::Waits(ticket) = feed(&taps).put(large()).unwrap() else { panic!("it fits beside the first") };
    let waiter = Arc::new(Waiter::default());
    let signal: Arc<dyn Signal> = waiter.clone();
    let mut spot = None;
    assert!(feed(&taps).poll(&ticket, &mut spot, &signal).is_pending());
    taps.close(INTO);
    assert_eq!(inlet.pick().unwrap().open().unwrap().unwrap().0.len(), LIMIT / 12);
    ends.hub().unwrap().relieve();
    while !waiter.is_woken() {
        thread::sleep(Duration::from_millis(1));
    }
    thread::sleep(WHILE);
    rest(&memory);
    assert!(memory.bells().active() > 0);
    assert!(feed(&taps).poll(&ticket, &mut spot, &signal).is_ready());
    assert_eq!(inlet.pick().unwrap().open().unwrap().unwrap().0.len(), LIMIT / 12);
    rest(&memory);
    comes_to_rest(&memory);
    taps.end();
}
