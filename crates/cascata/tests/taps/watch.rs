//! The thread that watches the taps.

use std::{
    sync::{Arc, Mutex, mpsc},
    time::Duration,
};

use cascata::{
    channel::Sent,
    memory::Memory,
    taps::{Signal, Taken, Taps},
};

use crate::{
    list::List,
    parts::{INTO, OUT, Waiter, exported, feed, planned},
    run::LIMIT,
    wakes::{self, Watchdog},
};

/// Who waits, and ends the run's taps when that thread drops it: it may be the last that keeps what keeps them.
#[derive(Debug)]
struct Last {
    taps: Mutex<Option<Arc<Taps<List>>>>,
    gone: mpsc::Sender<()>,
}

impl Signal for Last {
    fn wake(&self) -> bool {
        true
    }

    fn is_lost(&self) -> bool {
        false
    }
}

impl Drop for Last {
    fn drop(&mut self) {
        if let Some(taps) = self.taps.get_mut().unwrap().take() {
            taps.end();
            self.gone.send(()).unwrap();
        }
    }
}

#[test]
fn what_it_drops_may_end_it() {
    let _watchdog = Watchdog::new();
    let plan = planned(&exported(1, 1), 0);
    let memory = Memory::new(&plan, LIMIT).unwrap();
    let taps = Taps::open(&plan, &memory).unwrap();
    let (gone, ended) = mpsc::channel();
    let signal: Arc<dyn Signal> = Arc::new(Last { taps: Mutex::new(Some(taps.clone())), gone });
    let mut place = None;
    assert!(taps.take(OUT, &mut place, Some(&signal)).is_none());
    drop(signal);
    memory.stop();
    ended.recv_timeout(wakes::LIMIT).expect("the thread waits for itself");
    taps.end();
}

/// Who is woken and does not come keeps an item from nobody for long, though no bell tells of it.
#[test]
fn who_stays_away_is_passed_over() {
    let _watchdog = Watchdog::new();
    let plan = planned(&exported(1, 1), 0);
    let memory = Memory::new(&plan, LIMIT).unwrap();
    let taps = Taps::open(&plan, &memory).unwrap();
    let waiters = [Arc::new(Waiter::default()), Arc::new(Waiter::default())];
    let mut places = [None, None];
    for (waiter, place) in waiters.iter().zip(&mut places) {
        let signal: Arc<dyn Signal> = waiter.clone();
        assert!(taps.take(OUT, place, Some(&signal)).is_none());
    }
    // Until the thread sleeps.
    std::thread::sleep(Duration::from_millis(50));
    let meter = memory.meter(0).outports.swap_remove(0);
    let outport = taps.ends().outport(&plan, &plan.nodes[0].outports[0], None, meter, std::task::Waker::noop());
    assert!(matches!(outport.send(List(vec![1])).unwrap(), Sent::Now(true)));
    assert!(waiters[0].is_woken() && !waiters[1].is_woken());
    while !waiters[1].is_woken() {
        std::thread::sleep(Duration::from_millis(5));
    }
    assert!(matches!(taps.take(OUT, &mut places[1], None), Some(Taken::Item(_))));
    taps.close(INTO);
    assert!(feed(&taps).put(List(vec![2])).is_err());
    taps.end();
}
