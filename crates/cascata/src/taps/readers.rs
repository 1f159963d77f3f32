//! Who reads a tap.

use std::{
    fmt::Debug,
    sync::{Arc, Mutex, Weak},
    time::{Duration, Instant},
};

use crate::channel::lock;

/// How long a reader counts whose task is over: one that makes a task for each step has none between two of them.
const PATIENCE: Duration = Duration::from_secs(1);

thread_local! {
    /// As long as the thread lives.
    static LIFE: Arc<()> = Arc::new(());
}

/// A task of an event loop, as the language knows it that the task is written in. Asked, and dropped, without any lock.
pub trait Task: Debug + Send + Sync {
    /// Which one it is of those that live.
    fn identity(&self) -> usize;

    /// Whether it will take no step any more.
    fn is_over(&self) -> bool;
}

/// Where code runs.
#[derive(Debug, Clone)]
pub struct Owner {
    thread: Weak<()>,
    task: Option<Arc<dyn Task>>,
}

impl Owner {
    /// In this thread, and there in `task`; or outside of tasks, or for all of them.
    pub fn here(task: Option<Arc<dyn Task>>) -> Self {
        Self { thread: LIFE.try_with(Arc::downgrade).unwrap_or_default(), task }
    }
}

/// One who reads: where it was seen last, and when.
#[derive(Debug)]
pub struct Mark(Mutex<(Owner, Instant)>);

impl Mark {
    fn new(owner: Owner) -> Self {
        Self(Mutex::new((owner, Instant::now())))
    }

    /// It is seen here.
    pub fn seen(&self, owner: Owner) {
        let before = std::mem::replace(&mut *lock(&self.0), (owner, Instant::now()));
        drop(before);
    }

    /// Whether anybody may still come back to read.
    fn lives(&self) -> bool {
        let (Owner { thread, task }, seen) = lock(&self.0).clone();
        thread.strong_count() > 0 && (seen.elapsed() < PATIENCE || !task.is_some_and(|task| task.is_over()))
    }

    /// Whether it can go on while `owner` waits.
    fn is_beside(&self, owner: &Owner) -> bool {
        let (Owner { thread, task }, _) = lock(&self.0).clone();
        // A thread that waits keeps all its tasks from running; a task that waits only itself.
        let other_task =
            || matches!((&owner.task, task), (Some(owner), Some(task)) if owner.identity() != task.identity());
        (!thread.ptr_eq(&owner.thread) || other_task()) && self.lives()
    }
}

/// Those who have begun to read and have not come to the end.
#[derive(Debug, Default)]
pub(super) struct Readers {
    marks: Mutex<Vec<Arc<Mark>>>,
}

impl Readers {
    pub fn enter(&self, owner: Owner) -> Arc<Mark> {
        let mark = Arc::new(Mark::new(owner));
        lock(&self.marks).push(mark.clone());
        mark
    }

    pub fn exit(&self, mark: &Arc<Mark>) -> bool {
        let mut marks = lock(&self.marks);
        marks.retain(|other| !Arc::ptr_eq(other, mark));
        marks.is_empty()
    }

    /// Whether others read than `owner`, who can go on while that waits; without an owner, whether anybody reads.
    pub fn remain(&self, owner: Option<&Owner>) -> bool {
        let marks = lock(&self.marks).clone();
        marks.iter().any(|mark| owner.map_or_else(|| mark.lives(), |owner| mark.is_beside(owner)))
    }
}
