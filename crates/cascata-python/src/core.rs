//! The heart of a worker: its ready queue, and what happens when nothing is ready.
//!
//! Wake-ups of channels do not go through the event loop one by one. They queue here; one `call_soon` drains the queue.
//! A lane that was woken is stepped directly, as its task and in its task's context, without asyncio's own wake-up. After
//! a slice of time the queue returns to the loop, so that timers and sockets are never starved. When nothing is ready, the
//! worker looks at its doorbell's notes and announces that it sleeps.

use std::{
    collections::{HashMap, VecDeque},
    mem,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, Mutex, OnceLock, Weak,
        atomic::{
            AtomicBool, AtomicU64, AtomicUsize,
            Ordering::{Relaxed, SeqCst},
        },
    },
    thread::{self, ThreadId},
};

use cascata::{
    channel::{Gather, Hub, Remote},
    memory::Memory,
};
use pyo3::{
    exceptions::{PyException, PyRuntimeError},
    intern,
    prelude::*,
};

use crate::{
    asyncio, call, clock, lock,
    object::Object,
    park::{Listener, Park},
    passive::PassiveTask,
    port::Line,
    wake::Drain,
};

/// How long, in nanoseconds, the ready queue keeps the event loop from timers and sockets.
const SLICE: u64 = 2_000_000;
/// Sends that find room, and firings, that a lane may do before others get their turn.
const BUDGET: usize = 64;
/// Steps between two looks at the clock and at the doorbell's notes.
const STEPS: usize = 16;

/// Something that can continue.
pub enum Ready {
    /// A lane that waits for items or room, by its number.
    Lane(usize),
    /// The park of a send, or a lane's that was cancelled.
    Park(Py<Park>),
    /// A passive port.
    Passive(Arc<PassiveTask>),
}

/// A lane, and what it takes to step it as its task.
pub struct LaneEntry {
    pub park: Py<Park>,
    pub step: Py<PyAny>,
    pub task: Py<PyAny>,
    pub run_in_context: Py<PyAny>,
    pub queued: Arc<AtomicBool>,
    /// The feedback loop that it belongs to, as the bells tell of it.
    pub cycle: Option<usize>,
}

/// What all parts of a worker share.
pub struct Core {
    pub worker: usize,
    pub memory: Memory,
    pub event_loop: Py<PyAny>,
    /// The worker's Python half, told of failures and of requests to stop.
    pub hooks: Py<PyAny>,
    pub remotes: Vec<Option<Arc<Remote<Object>>>>,
    /// By the number under which bells tell that a member has passed.
    /// The lanes that read them keep them, and these keep the core.
    gathers: HashMap<usize, Weak<Gather<Object>>>,
    hub: Option<Hub>,
    thread: ThreadId,
    ready: Mutex<VecDeque<Ready>>,
    lanes: Mutex<Arc<Vec<LaneEntry>>>,
    /// Outports that hold items back, those that have done so longest first.
    holding: Mutex<Vec<Arc<Line>>>,
    passives: Mutex<Vec<Arc<PassiveTask>>>,
    drain: OnceLock<Py<Drain>>,
    /// A drain runs or the loop has been asked for one.
    scheduled: AtomicBool,
    /// What is held back may go on, by what has been fed since.
    news: AtomicBool,
    dozing: AtomicBool,
    retired: AtomicBool,
    /// The lane that is stepped directly, and whether its task was cancelled meanwhile, from within.
    stepped: Mutex<Option<Py<Park>>>,
    cancelled_itself: AtomicBool,
    stop_seen: AtomicBool,
    /// Something in here has failed, so that nothing in here is to be relied on any more.
    broken: AtomicBool,
    /// All lanes have ended, and the worker stays only for items that still wait for room.
    leaving: AtomicBool,
    /// Lanes that run, are ready to, or await something that is no channel, and timers that are set.
    alive: AtomicUsize,
    budget: AtomicUsize,
    /// When the slice that runs is over; never, if none does.
    slice_end: AtomicU64,
    /// Counts drains: tells whether anything has happened between two looks.
    activity: AtomicUsize,
}

impl Core {
    pub fn new(
        worker: usize,
        memory: Memory,
        event_loop: Py<PyAny>,
        hooks: Py<PyAny>,
        remotes: Vec<Option<Arc<Remote<Object>>>>,
        gathers: HashMap<usize, Weak<Gather<Object>>>,
        hub: Option<Hub>,
    ) -> Self {
        Self {
            worker,
            memory,
            event_loop,
            hooks,
            remotes,
            gathers,
            hub,
            thread: thread::current().id(),
            ready: Mutex::default(),
            lanes: Mutex::default(),
            holding: Mutex::default(),
            passives: Mutex::default(),
            drain: OnceLock::new(),
            scheduled: AtomicBool::new(false),
            news: AtomicBool::new(false),
            dozing: AtomicBool::new(false),
            retired: AtomicBool::new(false),
            stepped: Mutex::default(),
            cancelled_itself: AtomicBool::new(false),
            stop_seen: AtomicBool::new(false),
            broken: AtomicBool::new(false),
            leaving: AtomicBool::new(false),
            alive: AtomicUsize::new(0),
            budget: AtomicUsize::new(BUDGET),
            slice_end: AtomicU64::new(u64::MAX),
            activity: AtomicUsize::new(0),
        }
    }

    /// Tells the core what to give to `call_soon`.
    pub fn set_drain(&self, drain: Py<Drain>) {
        let _ = self.drain.set(drain);
    }

    pub fn set_lanes(&self, lanes: Vec<LaneEntry>) {
        let old = mem::replace(&mut *lock(&self.lanes), Arc::new(lanes));
        drop(old);
    }

    /// Has the passive ports drained from now on.
    pub fn set_passives(&self, passives: Vec<Arc<PassiveTask>>) {
        passives.iter().cloned().for_each(|passive| self.push(Ready::Passive(passive)));
        *lock(&self.passives) = passives;
    }

    /// The worker no longer counts as something that moves, and lets go of everything that refers back to the core. Sends
    /// that tasks on the side still wait for can be cancelled as before.
    pub fn retire(&self) {
        self.rouse();
        if !self.retired.swap(true, Relaxed) {
            if let Some(hub) = &self.hub {
                hub.retire();
            }
            self.memory.bells().retire(self.worker);
        }
        self.set_lanes(Vec::new());
        let holding = mem::take(&mut *lock(&self.holding));
        drop(holding);
        let passives = mem::take(&mut *lock(&self.passives));
        passives.iter().for_each(|passive| passive.close());
        let ready = mem::take(&mut *lock(&self.ready));
        drop(ready);
    }

    /// Queues something that can continue and sees to it that the queue is drained.
    pub fn push(&self, ready: Ready) {
        lock(&self.ready).push_back(ready);
        self.schedule();
    }

    /// Something has happened that nobody in particular waits for.
    pub fn bring_news(&self) {
        self.news.store(true, SeqCst);
        self.schedule();
    }

    /// Has the event loop drain the queue soon.
    pub fn schedule(&self) {
        if self.scheduled.swap(true, SeqCst) {
            return;
        }
        let Some(drain) = self.drain.get() else { return };
        Python::attach(|py| {
            let method = if thread::current().id() == self.thread {
                intern!(py, "call_soon")
            } else {
                intern!(py, "call_soon_threadsafe")
            };
            // It fails only when the loop has been closed, and then nothing waits any more.
            let _ = self.event_loop.call_method1(py, method, (drain,));
        });
    }

    /// One send or firing is done; `false` when the lane has used up its turn.
    pub fn spend(&self) -> bool {
        let left = self.budget.load(Relaxed).saturating_sub(1);
        self.budget.store(left, Relaxed);
        // A few long firings use up the slice long before the budget.
        left > 0 && !self.slice_is_over()
    }

    fn slice_is_over(&self) -> bool {
        clock::coarse() >= self.slice_end.load(Relaxed)
    }

    /// Does something in a slice of time, after which [`spend`](Self::spend) says no; inside of another slice, in that.
    pub fn in_slice<R>(&self, something: impl FnOnce() -> R) -> R {
        let outer = self.slice_end.fetch_min(clock::coarse() + SLICE, Relaxed);
        let result = something();
        self.slice_end.store(outer, Relaxed);
        result
    }

    pub fn refill(&self) {
        self.budget.store(BUDGET, Relaxed);
    }

    pub fn lane_woke(&self) {
        self.alive.fetch_add(1, Relaxed);
    }

    pub fn lane_slept(&self) {
        self.alive.fetch_sub(1, Relaxed);
    }

    /// Anything runs: the worker no longer sleeps.
    pub fn rouse(&self) {
        if self.dozing.swap(false, Relaxed) {
            self.memory.bells().rouse(self.worker);
        }
    }

    pub fn stopping(&self) -> bool {
        self.stop_seen.load(Relaxed) || self.memory.stopping()
    }

    /// Whether nothing here can move but by a channel, and how often anything has moved so far.
    pub fn quiet(&self) -> (bool, usize) {
        (self.alive.load(Relaxed) == 0 && lock(&self.ready).is_empty(), self.activity.load(Relaxed))
    }

    /// Whether `park` is that of the lane that is just stepped. Its task then cannot be cancelled by way of the park: like
    /// any task that runs, it notes the cancellation (and may take it back) and continues with it when the step is over.
    pub fn cancels_itself(&self, park: &Bound<'_, Park>) -> bool {
        let itself = lock(&self.stepped).as_ref().is_some_and(|stepped| stepped.is(park));
        self.cancelled_itself.fetch_or(itself, Relaxed);
        itself
    }

    /// Runs something for the event loop, which would only log an error of ours, or a panic, and go on without us: the run
    /// fails instead.
    ///
    /// # Errors
    /// Something asked for the end of the event loop: `SystemExit` out of a task that a component made.
    pub fn guarded(&self, py: Python<'_>, something: impl FnOnce() -> PyResult<()>) -> PyResult<()> {
        if self.broken.load(Relaxed) {
            return Ok(());
        }
        let outcome = catch_unwind(AssertUnwindSafe(something)).unwrap_or_else(|_| {
            Err(PyRuntimeError::new_err("Cascata itself has failed here; what it was is on the standard error output"))
        });
        match outcome {
            Err(error) if error.is_instance_of::<PyException>(py) => {
                self.broken.store(true, Relaxed);
                let worker = format!("worker {}", self.worker);
                self.hooks.call_method1(py, intern!(py, "on_failure"), (worker, error.value(py), py.None()))?;
                self.hooks.call_method0(py, intern!(py, "on_stop")).map(drop)
            }
            outcome => outcome,
        }
    }

    /// Runs what is ready, for a slice of time.
    ///
    /// # Errors
    /// Something asked for the end of the event loop: `SystemExit` out of a task that a component made.
    pub fn run_ready(self: &Arc<Self>, py: Python<'_>) -> PyResult<()> {
        self.scheduled.store(true, SeqCst);
        let result = self.in_slice(|| self.run_slice(py));
        if result.is_err() {
            // The loop may go on to cancel what is left, which needs the queue.
            self.scheduled.store(false, SeqCst);
            self.schedule();
        }
        result
    }

    fn run_slice(self: &Arc<Self>, py: Python<'_>) -> PyResult<()> {
        self.rouse();
        self.activity.fetch_add(1, Relaxed);
        let lanes = lock(&self.lanes).clone();
        loop {
            self.look_around(py)?;
            for _ in 0..STEPS {
                let Some(ready) = lock(&self.ready).pop_front() else { break };
                self.run_one(py, &lanes, ready)?;
            }
            self.news.store(false, SeqCst);
            self.feed();
            if self.leaving.load(Relaxed) && self.has_delivered() {
                self.hooks.call_method0(py, intern!(py, "on_delivered"))?;
            }
            if lock(&self.ready).is_empty() && !self.news.load(SeqCst) {
                if self.fall_asleep() {
                    return Ok(());
                }
            } else if self.slice_is_over() {
                // The loop gets its turn, then the queue goes on.
                self.scheduled.store(false, SeqCst);
                self.schedule();
                return Ok(());
            }
        }
    }

    /// Heeds what other processes want of this worker: a stop, a second look at channels that have changed.
    fn look_around(&self, py: Python<'_>) -> PyResult<()> {
        if self.memory.stopping() && !self.stop_seen.swap(true, Relaxed) {
            self.hooks.call_method0(py, intern!(py, "on_stop"))?;
        }
        let mut rung = Vec::new();
        self.memory.bells().take(self.worker, |channel| rung.push(channel));
        for channel in rung {
            // What else it tells of, memory and desks, `feed` sees to.
            if let Some(Some(remote)) = self.remotes.get(channel) {
                remote.on_bell();
            } else if let Some(gather) = self.gathers.get(&channel) {
                gather.upgrade().iter().for_each(|gather| gather.on_bell());
            } else {
                self.wake_cycle(channel);
            }
        }
        Ok(())
    }

    /// Has the lanes of a feedback loop look at what has become of it.
    fn wake_cycle(&self, cycle: usize) {
        let lanes = lock(&self.lanes).clone();
        for (number, entry) in lanes.iter().enumerate() {
            if entry.cycle == Some(cycle) && !entry.queued.swap(true, SeqCst) {
                self.push(Ready::Lane(number));
            }
        }
    }

    /// Whether no item waits for room any more whose sender has ended. If some do, `on_delivered` of the hooks will say
    /// when they no longer do.
    pub fn has_delivered(&self) -> bool {
        let held = !lock(&self.holding).is_empty();
        let waiting = held || self.remotes.iter().flatten().any(|remote| remote.has_waiting());
        self.leaving.store(waiting, Relaxed);
        !waiting
    }

    /// That outport holds items back.
    pub fn hold(&self, line: &Arc<Line>) {
        let mut holding = lock(&self.holding);
        if !holding.iter().any(|other| Arc::ptr_eq(other, line)) {
            holding.push(line.clone());
        }
    }

    /// Has what outports hold back try again, unless it waits for shared memory and there is none; and gives back what
    /// others wait for.
    fn feed(&self) {
        if let Some(hub) = &self.hub {
            hub.relieve();
        }
        let holding = lock(&self.holding).clone();
        for line in holding {
            let short = self.hub.as_ref().is_some_and(Hub::awaits_memory);
            if short && !line.outport.is_closed() && !line.outport.seeks_member() {
                continue;
            }
            if !line.outport.feed() {
                lock(&self.holding).retain(|other| !Arc::ptr_eq(other, &line));
            }
        }
    }

    /// Announces that the worker sleeps; `false` if there is something to do after all.
    fn fall_asleep(&self) -> bool {
        self.scheduled.store(false, SeqCst);
        // After that store another thread that queues something schedules a drain of its own; before it, it may have
        // relied on this one.
        if !lock(&self.ready).is_empty() && !self.scheduled.swap(true, SeqCst) {
            return false;
        }
        if self.retired.load(Relaxed) {
            return true;
        }
        if let Some(hub) = &self.hub {
            hub.reclaim();
        }
        self.dozing.store(true, Relaxed);
        if self.memory.bells().doze(self.worker, self.alive.load(Relaxed) == 0) {
            return true;
        }
        self.dozing.store(false, Relaxed);
        self.scheduled.store(true, SeqCst);
        false
    }

    fn run_one(self: &Arc<Self>, py: Python<'_>, lanes: &[LaneEntry], ready: Ready) -> PyResult<()> {
        self.refill();
        match ready {
            Ready::Lane(number) => self.step_lane(py, lanes, number),
            Ready::Passive(task) => {
                task.run(py);
                Ok(())
            }
            Ready::Park(park) => {
                let park = park.bind(py);
                match park.get().take_listener() {
                    Listener::None => Ok(()),
                    Listener::Lane(number) => self.step_lane(py, lanes, number),
                    task => {
                        park.get().restore(task);
                        Park::fire(park)
                    }
                }
            }
        }
    }

    /// Steps a lane as its task would.
    fn step_lane(self: &Arc<Self>, py: Python<'_>, lanes: &[LaneEntry], number: usize) -> PyResult<()> {
        let Some(entry) = lanes.get(number) else { return Ok(()) };
        entry.queued.store(false, SeqCst);
        let park = entry.park.bind(py);
        if !park.get().has_task() {
            // The task has not begun, awaits something else, or has ended: the wake-up is stale.
            return Ok(());
        }
        if !park.get().is_cancelled() {
            let (event_loop, task) = (self.event_loop.bind(py), entry.task.bind(py));
            asyncio::enter_task(event_loop, task)?;
            *lock(&self.stepped) = Some(entry.park.clone_ref(py));
            let parked = call::with_1(entry.run_in_context.bind(py), [entry.step.bind_borrowed(py)]);
            let stepped = lock(&self.stepped).take();
            drop(stepped);
            asyncio::leave_task(event_loop, task)?;
            let cancelled = self.cancelled_itself.swap(false, Relaxed);
            if parked?.is_truthy()? && !cancelled {
                return Ok(());
            }
        }
        // Something for the task itself: an object to await, the end, a cancellation.
        Park::fire(park)
    }
}
