//! Where a component is told that it can go on, and whether it counts as something that moves.

use std::{
    sync::{
        Arc, OnceLock,
        atomic::{
            AtomicBool, AtomicU8,
            Ordering::{Relaxed, SeqCst},
        },
    },
    task::{Wake, Waker},
};

use super::crew::Crew;

/// It is at work, or waits for something that is no channel.
const AWAKE: u8 = 0;
/// It was told to go on since it began to work, and will.
const WOKEN: u8 = 1;
/// It waits for channels only, and has given up its part in the run's count.
const IDLE: u8 = 2;

/// One for each component.
///
/// # The count never reads 0 while something can move
///
/// The crew counts *parts*: one for each component unless its post is `IDLE`, and one for each end of a channel outside
/// of the graph that may bring something. Channels wake a component from within a step of another one, which has a part
/// until that step is over; so the part of the component that is woken is there before that one can be given up. A
/// component becomes idle by one compare-and-swap, which fails if it was woken since it began to look.
#[derive(Debug)]
pub(super) struct Post {
    crew: Arc<Crew>,
    state: AtomicU8,
    /// What is held back behind its outports may find room.
    news: AtomicBool,
    task: OnceLock<Waker>,
}

impl Post {
    /// That of a component whose part is counted.
    pub fn new(crew: Arc<Crew>) -> Arc<Self> {
        Arc::new(Self { crew, state: AtomicU8::new(AWAKE), news: AtomicBool::new(false), task: OnceLock::new() })
    }

    pub fn crew(&self) -> &Arc<Crew> {
        &self.crew
    }

    /// A step begins, on the task that `task` wakes, the same each time.
    pub fn begin(&self, task: &Waker) {
        self.task.get_or_init(|| task.clone());
        self.resume();
    }

    /// The component goes on, for whatever reason.
    pub fn resume(&self) {
        if self.state.swap(AWAKE, SeqCst) == IDLE {
            self.crew.enter();
        }
    }

    /// The component waits for channels only; it goes on when it is woken.
    pub fn rest(&self) {
        // If it fails it was woken, and will look again.
        if self.state.compare_exchange(AWAKE, IDLE, SeqCst, SeqCst).is_ok() {
            self.crew.leave();
        }
    }

    /// Whether what is held back is to be tried again.
    pub fn take_news(&self) -> bool {
        self.news.load(Relaxed) && self.news.swap(false, SeqCst)
    }

    /// There may be room for what is held back.
    pub fn bring_news(&self) {
        self.news.store(true, SeqCst);
        self.tell();
    }

    /// Has the component go on.
    pub fn tell(&self) {
        let before = self.state.swap(WOKEN, SeqCst);
        if before == IDLE {
            self.crew.enter();
        }
        if before != WOKEN {
            // Before the first step there is nobody to wake, and then it looks at everything.
            self.task.get().into_iter().for_each(Waker::wake_by_ref);
        }
    }
}

/// A channel has something for the component.
impl Wake for Post {
    fn wake(self: Arc<Self>) {
        self.tell();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.tell();
    }
}

/// Wakes a component for what is no channel. As long as anybody keeps a clone the component may go on by itself.
#[derive(Debug)]
pub(super) struct Foreign(pub Arc<Post>);

impl Wake for Foreign {
    fn wake(self: Arc<Self>) {
        self.0.tell();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.0.tell();
    }
}

/// Tells components that what they hold back may find room, or has its turn.
#[derive(Debug)]
pub(super) struct Seeker(pub Vec<Arc<Post>>);

impl Wake for Seeker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.0.iter().for_each(|post| post.bring_news());
    }
}
