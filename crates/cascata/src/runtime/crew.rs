//! The components of a run together: what still moves, what has failed, and who is to be told.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, OnceLock, Weak,
        atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
    },
    task::{Context, Poll, Waker},
    time::{Duration, Instant},
};

use super::{RunError, Value, diagnosis, post::Post};
use crate::{
    channel::{Gather, lock},
    memory::{Memory, Topics},
    plan::Plan,
};

/// See the module.
#[derive(Debug)]
pub(super) struct Crew {
    pub plan: Arc<Plan<Value>>,
    pub memory: Memory,
    /// Whether firings write down what they are called with.
    pub shows_inputs: bool,
    /// When the clock of its counters began.
    begun: Instant,
    /// See [`Post`].
    parts: AtomicUsize,
    /// Components that have not ended, taps that are read included.
    left: AtomicUsize,
    stopping: AtomicBool,
    /// The program has asked for that.
    halted: AtomicBool,
    failures: Mutex<Vec<RunError>>,
    members: OnceLock<Members>,
    joiner: Mutex<Option<Waker>>,
}

/// Those who can be told of something.
#[derive(Debug)]
struct Members {
    posts: Vec<Weak<Post>>,
    gathers: HashMap<usize, Weak<Gather<Value>>>,
    /// The nodes that a bell concerns, by its number.
    bells: HashMap<usize, Vec<usize>>,
}

impl Crew {
    /// The crew of a run of `plan`, in which each component and each tap has its part.
    pub fn new(plan: Arc<Plan<Value>>, memory: Memory, shows_inputs: bool) -> Arc<Self> {
        let parts = plan.nodes.len();
        let feeds = plan.taps.iter().filter(|tap| tap.feeds).count();
        Arc::new(Self {
            plan,
            memory,
            shows_inputs,
            begun: Instant::now(),
            parts: AtomicUsize::new(parts),
            left: AtomicUsize::new(parts - feeds),
            stopping: AtomicBool::new(false),
            halted: AtomicBool::new(false),
            failures: Mutex::default(),
            members: OnceLock::new(),
            joiner: Mutex::default(),
        })
    }

    /// Tells who is to be told of what, before anything begins. `posts` are those of the nodes, in their order.
    pub fn meet(&self, posts: &[Arc<Post>], gathers: HashMap<usize, Weak<Gather<Value>>>) {
        let (plan, topics) = (&self.plan, Topics::new(&self.plan));
        let cycles = plan.cycles.iter().enumerate().map(|(number, nodes)| (topics.cycle(number), nodes.clone()));
        let turnstiles = plan.turnstiles.iter().enumerate();
        let turnstiles = turnstiles.map(|(number, turnstile)| (topics.turnstile(number), turnstile.members.clone()));
        let bells = cycles.chain(turnstiles).collect();
        let posts = posts.iter().map(Arc::downgrade).collect();
        // It is done once.
        let _ = self.members.set(Members { posts, gathers, bells });
    }

    /// Nanoseconds by the clock of the counters, which never read 0.
    pub fn now(&self) -> u64 {
        u64::try_from(self.elapsed().as_nanos()).unwrap_or(u64::MAX).max(1)
    }

    /// The time since the run has begun.
    pub fn elapsed(&self) -> Duration {
        self.begun.elapsed()
    }

    /// Somebody more can move.
    pub fn enter(&self) {
        self.parts.fetch_add(1, SeqCst);
    }

    /// Somebody can move no more but by a channel. If that was the last one the run is dead.
    pub fn leave(&self) {
        if self.parts.fetch_sub(1, SeqCst) == 1 && self.left.load(SeqCst) > 0 && !self.stopping() {
            self.fail(RunError::Deadlock(diagnosis::unfinished(self)));
        }
    }

    /// A component has ended, as far as anybody has to do with that. It has its part still.
    pub fn ended(&self, node: usize) {
        let feeds = self.plan.taps.iter().any(|tap| tap.feeds && tap.node == node);
        if !feeds && self.left.fetch_sub(1, SeqCst) == 1 {
            // What is fed now reaches nobody.
            self.stop();
            let joiner = lock(&self.joiner).take();
            joiner.into_iter().for_each(Waker::wake);
        }
        self.leave();
    }

    /// Waits until all components have ended.
    pub fn poll_ended(&self, cx: &Context<'_>) -> Poll<()> {
        let before = lock(&self.joiner).replace(cx.waker().clone());
        drop(before);
        if self.left.load(SeqCst) == 0 { Poll::Ready(()) } else { Poll::Pending }
    }

    /// Something has gone wrong: the run stops.
    pub fn fail(&self, error: RunError) {
        lock(&self.failures).push(error);
        self.stop();
    }

    /// What has gone wrong, what did so first first.
    pub fn take_failures(&self) -> Vec<RunError> {
        std::mem::take(&mut lock(&self.failures))
    }

    /// Has all components end where they are.
    pub fn stop(&self) {
        self.stopping.store(true, SeqCst);
        let posts = self.members.get().into_iter().flat_map(|members| &members.posts);
        posts.filter_map(Weak::upgrade).for_each(|post| post.tell());
    }

    /// Stops the run because the program wants that, if it is not over yet.
    pub fn halt(&self) {
        if self.left.load(SeqCst) > 0 {
            self.halted.store(true, SeqCst);
            self.stop();
        }
    }

    /// Whether the program has stopped the run.
    pub fn halted(&self) -> bool {
        self.halted.load(SeqCst)
    }

    /// Whether the run is being stopped.
    pub fn stopping(&self) -> bool {
        self.stopping.load(SeqCst)
    }

    /// Tells whom bells are for. To be called by whoever may have rung one, while it has a part.
    pub fn answer_bells(&self) {
        let Some(members) = self.members.get() else { return };
        if members.bells.is_empty() && members.gathers.is_empty() {
            return;
        }
        for participant in 0..self.memory.participants() {
            self.memory.bells().take(participant, |topic| members.answer(topic));
        }
    }
}

impl Members {
    fn answer(&self, topic: usize) {
        if let Some(gather) = self.gathers.get(&topic) {
            gather.upgrade().iter().for_each(|gather| gather.on_bell());
        }
        let nodes = self.bells.get(&topic).into_iter().flatten();
        nodes.filter_map(|&node| self.posts.get(node)?.upgrade()).for_each(|post| post.bring_news());
    }
}
