//! Feeders and readers in threads of their own, some of whom give up again and again, and workers between them.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, mpsc},
    task::Poll,
    thread,
    time::Duration,
};

use cascata::{
    channel::Sent,
    memory::Memory,
    taps::{Signal, Taken, Taps},
};

use crate::{
    list::List,
    parts::{INTO, OUT, exported, feed, planned, reading},
    run::{Act, Run, Sending, Told},
    wakes::{self, Watchdog, hear},
};

const FEEDERS: u64 = 3;
const READERS: usize = 3;
const EACH: u64 = 200;

/// A thread that waits.
#[derive(Debug)]
struct Bell(mpsc::Sender<()>);

impl Signal for Bell {
    fn wake(&self) -> bool {
        // Nobody listens any more after the last attempt.
        let _ = self.0.send(());
        true
    }

    fn is_lost(&self) -> bool {
        false
    }
}

/// Waits for a hint, or not for long: whether it came.
fn wait(woken: &mpsc::Receiver<()>, patient: bool) -> bool {
    let limit = if patient { wakes::LIMIT } else { Duration::from_micros(50) };
    let came = woken.recv_timeout(limit).is_ok();
    assert!(came || !patient, "a wake-up was lost");
    came
}

/// Puts an item in, unless it gives up; whether it is in.
fn put(taps: &Taps<List>, item: List, patient: bool) -> bool {
    let ticket = match feed(taps).put(item).unwrap() {
        Sent::Now(reached) => return reached,
        Sent::Waits(ticket) => ticket,
    };
    let (bell, woken) = mpsc::channel();
    let signal: Arc<dyn Signal> = Arc::new(Bell(bell));
    let mut spot = None;
    loop {
        match feed(taps).poll(&ticket, &mut spot, &signal) {
            Poll::Ready(reached) => return reached.unwrap(),
            Poll::Pending if wait(&woken, patient) => {}
            Poll::Pending => return feed(taps).withdraw(&ticket, spot) == Some(true),
        }
    }
}

/// Takes items until the end, now and then after having given up.
fn read(taps: &Taps<List>) -> Vec<List> {
    let (bell, woken) = mpsc::channel();
    let signal: Arc<dyn Signal> = Arc::new(Bell(bell));
    let (mut items, mut place) = (Vec::new(), None);
    for attempt in 0_u64.. {
        match taps.take(OUT, &mut place, Some(&signal)) {
            Some(Taken::Item(picked)) => items.push(picked.open().unwrap().unwrap()),
            Some(Taken::Ended) => break,
            None => {
                if !wait(&woken, !attempt.is_multiple_of(3)) {
                    reading(taps).give_up(&mut place);
                }
            }
        }
    }
    items
}

/// Sends what comes, except every fifth item of a feeder, and every third twice.
fn passes_on() -> Act {
    Box::new(|told| match told {
        Told::Fire(_, mut row) => {
            let item = row.remove(0);
            let times = expected(item.0[1]);
            vec![Sending::of(item); times]
        }
        Told::Finish => Vec::new(),
    })
}

fn expected(item: u64) -> usize {
    if item.is_multiple_of(5) { 0 } else { 1 + usize::from(item.is_multiple_of(3)) }
}

fn all_at_once(members: usize, workers: usize) {
    let _watchdog = Watchdog::new();
    let plan = planned(&exported(2, members), workers);
    let run = Run::new(&plan, plan.nodes.iter().map(|_| passes_on()).collect());
    let memory: Memory = run.memory.clone();
    let taps = Taps::open(&plan, &memory).unwrap();
    let inside = Mutex::new(Vec::new());
    let seen: Vec<Vec<List>> = thread::scope(|scope| {
        for worker in run.workers {
            scope.spawn(move || worker.drive(hear));
        }
        let feeders: Vec<_> = (0..FEEDERS)
            .map(|feeder| {
                let (taps, inside) = (&taps, &inside);
                scope.spawn(move || {
                    for number in 0..EACH {
                        if put(taps, List(vec![feeder, number]), !number.is_multiple_of(4)) {
                            inside.lock().unwrap().push((feeder, number));
                        }
                    }
                })
            })
            .collect();
        let readers: Vec<_> = (0..READERS).map(|_| scope.spawn(|| read(&taps))).collect();
        feeders.into_iter().for_each(|feeder| feeder.join().unwrap());
        taps.close(INTO);
        readers.into_iter().map(|reader| reader.join().unwrap()).collect()
    });
    let mut counts: HashMap<(u64, u64), usize> = HashMap::new();
    for items in &seen {
        for feeder in 0..FEEDERS {
            let of_feeder = items.iter().filter(|item| item.0[0] == feeder);
            assert!(of_feeder.map(|item| item.0[1]).is_sorted(), "a reader sees a feeder's items in their order");
        }
        items.iter().for_each(|item| *counts.entry((item.0[0], item.0[1])).or_default() += 1);
    }
    let inside = inside.into_inner().unwrap();
    for item in &inside {
        assert_eq!(counts.remove(item).unwrap_or(0), expected(item.1), "{item:?}");
    }
    assert!(counts.is_empty(), "these were not put in: {counts:?}");
    let read = seen.iter().map(Vec::len).sum::<usize>() as u64;
    assert_eq!(taps.counts(), [(inside.len() as u64, 0), (read, 0)]);
    taps.end();
    assert_eq!(memory.bells().active(), 0);
}

#[test]
fn a_component_elsewhere() {
    all_at_once(1, 1);
}

#[test]
fn a_group_in_order() {
    all_at_once(3, 2);
}
