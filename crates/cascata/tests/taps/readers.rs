//! Who counts as a reader of a tap.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    thread,
    time::Duration,
};

use cascata::{
    memory::Memory,
    taps::{Owner, Taps, Task},
};

use crate::{
    list::List,
    parts::{exported, planned, reading},
    run::LIMIT,
};

#[derive(Debug, Default)]
struct Job {
    identity: usize,
    over: AtomicBool,
}

impl Task for Job {
    fn identity(&self) -> usize {
        self.identity
    }

    fn is_over(&self) -> bool {
        self.over.load(SeqCst)
    }
}

fn job(identity: usize) -> Arc<Job> {
    Arc::new(Job { identity, ..Job::default() })
}

fn within(task: &Arc<Job>) -> Owner {
    Owner::here(Some(task.clone()))
}

fn open() -> Arc<Taps<List>> {
    let plan = planned(&exported(1, 1), 0);
    Taps::open(&plan, &Memory::new(&plan, LIMIT).unwrap()).unwrap()
}

#[test]
fn a_task_that_waits_keeps_itself_from_reading_and_a_thread_all_its_tasks() {
    let taps = open();
    let tap = reading(&taps);
    let (one, other) = (job(1), job(2));
    let mark = tap.enter(within(&one));
    assert!(!tap.is_read_beside(&Owner::here(None)) && !tap.is_read_beside(&within(&one)));
    assert!(tap.is_read_beside(&within(&other)));
    mark.seen(Owner::here(None));
    assert!(!tap.is_read_beside(&within(&other)) && !tap.is_read_beside(&Owner::here(None)));
    assert!(thread::scope(|scope| scope.spawn(|| tap.is_read_beside(&Owner::here(None))).join().unwrap()));
    assert!(tap.exit(&mark));
    assert!(!thread::scope(|scope| scope.spawn(|| tap.is_read_beside(&Owner::here(None))).join().unwrap()));
    taps.end();
}

#[test]
fn a_thread_that_has_ended_reads_no_more() {
    let taps = open();
    let tap = reading(&taps);
    let mark = thread::spawn({
        let tap = tap.clone();
        move || tap.enter(Owner::here(None))
    });
    let mark = mark.join().unwrap();
    assert!(!tap.is_read_beside(&Owner::here(None)));
    mark.seen(within(&job(1)));
    assert!(tap.is_read_beside(&within(&job(2))));
    taps.end();
}

#[test]
fn a_task_that_is_over_reads_no_more_in_a_while() {
    let taps = open();
    let tap = reading(&taps);
    let (one, other) = (job(1), job(2));
    let mark = tap.enter(within(&one));
    one.over.store(true, SeqCst);
    assert!(tap.is_read_beside(&within(&other)), "another one may take the next step");
    thread::sleep(Duration::from_millis(1100));
    assert!(!tap.is_read_beside(&within(&other)));
    mark.seen(within(&job(3)));
    assert!(tap.is_read_beside(&within(&other)));
    taps.end();
}
