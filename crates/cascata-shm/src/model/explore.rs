//! All orders in which tasks can make their steps, or many of them.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Poll, Waker};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use shuttle::scheduler::{PctScheduler, RandomScheduler, Schedule, Scheduler, Task as Runnable, TaskId};
pub use shuttle::thread::{JoinHandle as Task, spawn};
use shuttle::{Config, MaxSteps, Runner};

use super::{Checker, checked};
use crate::Doorbell;

/// Steps after which tasks that still run are held for a livelock; far more than any test here takes.
const MOST_STEPS: usize = 100_000;

/// Which orders are tried.
#[derive(Debug, Clone, Copy)]
pub enum Search {
    /// All, but that at most so many times a task is interrupted that could have gone on.
    Preemptions(usize),
    /// The same, and critical sections are not interrupted: everybody else would only come to wait for the lock.
    Sections(usize),
    /// So many at random, half of them by the PCT algorithm, which finds what few preemptions lead to with a probability
    /// that is known.
    Random(usize),
}

/// Whether the long searches were asked for, which take minutes: by `CASCATA_MODEL=all` in the environment.
pub fn everything() -> bool {
    std::env::var_os("CASCATA_MODEL").is_some_and(|value| value == "all")
}

/// Runs `body` once for each order of steps of the tasks that it [spawns](spawn), and gives the number of orders.
///
/// # Panics
///
/// If a task panics, or all wait, or some go on for ever.
pub fn explore(search: Search, body: impl Fn() + Send + Sync + 'static) -> usize {
    let explorer = Rc::new(Explorer { sections: matches!(search, Search::Sections(_)), ..Explorer::default() });
    let body = std::sync::Arc::new(body);
    checked(Rc::clone(&explorer) as Rc<dyn Checker>, || match search {
        Search::Preemptions(most) | Search::Sections(most) => run(DepthFirst { most, ..DepthFirst::default() }, &body),
        Search::Random(count) => {
            run(RandomScheduler::new_from_seed(1, count / 2), &body)
                + run(PctScheduler::new_from_seed(1, 4, count / 2), &body)
        }
    })
}

fn run(scheduler: impl Scheduler + 'static, body: &std::sync::Arc<impl Fn() + Send + Sync + 'static>) -> usize {
    let mut config = Config::new();
    config.max_steps = MaxSteps::FailAfter(MOST_STEPS);
    config.stack_size = 1 << 18;
    config.ungraceful_shutdown_config.immediately_return_on_panic = true;
    let body = std::sync::Arc::clone(body);
    Runner::new(scheduler, config).run(move || {
        EXECUTION.take();
        body();
    })
}

/// Has `invariant` checked after every step from now on.
pub fn always(invariant: impl Fn() + 'static) {
    EXECUTION.with_borrow_mut(|execution| execution.invariant = Some(Rc::new(invariant)));
}

/// Waits until the bell rings, as an event loop does.
pub fn wait_for_bell(bell: &Doorbell) {
    let now = Timespec { tv_sec: 0, tv_nsec: 0 };
    super::step();
    while poll(&mut [PollFd::new(bell, PollFlags::IN)], Some(&now)) == Ok(0) {
        assert!(super::waited(bell), "only explored tasks wait like this");
    }
}

/// What there is but once in an execution.
#[derive(Default)]
struct Execution {
    /// Tasks that wait for a change, by the address of what is to change.
    waiting: HashMap<usize, Vec<Waker>>,
    invariant: Option<Rc<dyn Fn()>>,
}

thread_local! {
    static EXECUTION: RefCell<Execution> = RefCell::default();
}

#[derive(Default)]
struct Explorer {
    sections: bool,
    /// Inside a critical section that is not interrupted.
    inside: Cell<bool>,
    /// Inside an invariant, whose accesses are no steps.
    looking: Cell<bool>,
}

impl Checker for Explorer {
    fn step(&self) {
        if self.looking.get() || self.inside.get() {
            return;
        }
        if let Some(invariant) = EXECUTION.with_borrow(|execution| execution.invariant.clone()) {
            self.looking.set(true);
            invariant();
            self.looking.set(false);
        }
        // Of no duration: a mere chance for others.
        shuttle::thread::sleep(std::time::Duration::ZERO);
    }

    fn critical(&self, begins: bool) {
        self.inside.set(begins && self.sections);
    }

    fn changed(&self, address: usize) {
        let woken = EXECUTION.with_borrow_mut(|execution| execution.waiting.remove(&address));
        woken.into_iter().flatten().for_each(Waker::wake);
    }

    fn waited(&self, address: usize) -> bool {
        let mut waits = false;
        shuttle::future::block_on(poll_fn(|cx| {
            if std::mem::replace(&mut waits, true) {
                return Poll::Ready(());
            }
            EXECUTION.with_borrow_mut(|execution| {
                execution.waiting.entry(address).or_default().push(cx.waker().clone());
            });
            Poll::Pending
        }));
        true
    }
}

/// Every choice in its turn, the last one first.
#[derive(Debug, Default)]
struct DepthFirst {
    most: usize,
    /// Where there was a choice: what was chosen, and of how many.
    path: Vec<(usize, usize)>,
    begun: bool,
    /// Choices that this execution has made.
    depth: usize,
    /// Preemptions among them.
    preemptions: usize,
}

impl Scheduler for DepthFirst {
    fn new_execution(&mut self) -> Option<Schedule> {
        if self.begun {
            while self.path.pop_if(|(chosen, of)| *chosen + 1 == *of).is_some() {}
            self.path.last_mut()?.0 += 1;
        }
        (self.begun, self.depth, self.preemptions) = (true, 0, 0);
        Some(Schedule::new(0))
    }

    fn next_task(&mut self, runnable: &[&Runnable], current: Option<TaskId>, _yields: bool) -> Option<TaskId> {
        let mut tasks: Vec<_> = runnable.iter().map(|task| task.id()).collect();
        let goes_on = tasks.iter().position(|&task| Some(task) == current);
        if let Some(index) = goes_on {
            // First the order without preemption, so that the next execution to differ does so late.
            tasks[..=index].rotate_right(1);
            if self.preemptions == self.most {
                tasks.truncate(1);
            }
        }
        if tasks.len() == 1 {
            return Some(tasks[0]);
        }
        if self.depth == self.path.len() {
            self.path.push((0, tasks.len()));
        }
        let (chosen, of) = self.path[self.depth];
        assert_eq!(of, tasks.len(), "a test does the same whenever its tasks take turns in the same order");
        self.depth += 1;
        self.preemptions += usize::from(goes_on.is_some() && chosen > 0);
        Some(tasks[chosen])
    }

    fn next_u64(&mut self) -> u64 {
        unreachable!("a search leaves nothing to chance")
    }
}
