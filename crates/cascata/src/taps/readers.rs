//! Who reads a tap.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed},
};

use crate::channel::lock;

/// Where code runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Owner {
    /// The thread, by a number of its own.
    pub thread: u64,
    /// The task of the thread's event loop; 0 outside of tasks, or for all of them.
    pub task: usize,
}

/// One who reads: where it was seen last.
#[derive(Debug)]
pub struct Mark {
    thread: AtomicU64,
    task: AtomicUsize,
}

impl Mark {
    /// It is seen here.
    pub fn seen(&self, owner: Owner) {
        self.thread.store(owner.thread, Relaxed);
        self.task.store(owner.task, Relaxed);
    }

    /// Whether it can go on while `owner` waits.
    fn is_beside(&self, owner: Owner) -> bool {
        let (thread, task) = (self.thread.load(Relaxed), self.task.load(Relaxed));
        // A thread that waits keeps all its tasks from running; a task that waits only itself.
        thread != owner.thread || (owner.task != 0 && task != 0 && task != owner.task)
    }
}

/// Those who have begun to read and have not come to the end.
#[derive(Debug, Default)]
pub(super) struct Readers {
    marks: Mutex<Vec<Arc<Mark>>>,
}

impl Readers {
    pub fn enter(&self, Owner { thread, task }: Owner) -> Arc<Mark> {
        let mark = Arc::new(Mark { thread: AtomicU64::new(thread), task: AtomicUsize::new(task) });
        lock(&self.marks).push(mark.clone());
        mark
    }

    pub fn exit(&self, mark: &Arc<Mark>) -> bool {
        let mut marks = lock(&self.marks);
        marks.retain(|other| !Arc::ptr_eq(other, mark));
        marks.is_empty()
    }

    pub fn others(&self, owner: Owner) -> bool {
        lock(&self.marks).iter().any(|mark| mark.is_beside(owner))
    }
}
