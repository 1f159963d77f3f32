//! What tokio runs: a component, with all its lanes and passive ports.
//!
//! One task for each component rather than for each lane: so a component is never in two threads at once, what it sends
//! has one order, and its counters have one writer. Its lanes overlap where they await.

use std::{
    any::Any,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    thread,
};

use super::{
    Value,
    alarm::Alarm,
    component::Course,
    error::Cause,
    lane::{Cell, Inputs},
    outport::Unpark,
    part::Part,
    post::Foreign,
};
use crate::{firing::Passive, metrics::LaneState};

/// Those who keep the waker of firings for good: the task, and its part's waker.
const KEEPERS: usize = 2;

/// See the module.
pub(super) struct Task {
    part: Arc<Part>,
    foreign: Arc<Foreign>,
    lanes: Vec<Option<(Course, Arc<Cell>)>>,
    passives: Vec<PassivePort>,
    /// The lane that makes a step.
    steps: Option<usize>,
    /// All lanes have ended; what is held back may still be delivered.
    ended: bool,
    /// The crew knows that it is over.
    over: bool,
}

struct PassivePort {
    passive: Passive<Value>,
    alarm: Alarm,
    timed: bool,
    ended: bool,
}

impl Task {
    pub fn new(
        part: Arc<Part>,
        foreign: Arc<Foreign>,
        lanes: Vec<(Course, Arc<Cell>)>,
        passives: Vec<Passive<Value>>,
    ) -> Self {
        let port = |passive| PassivePort { passive, alarm: Alarm::default(), timed: false, ended: false };
        let passives = passives.into_iter().map(port).collect();
        let lanes = lanes.into_iter().map(Some).collect();
        Self { part, foreign, lanes, passives, steps: None, ended: false, over: false }
    }

    /// Runs it in this thread, for a component that blocks.
    pub fn block(mut self) {
        let waker = Unpark::waker();
        let mut cx = Context::from_waker(&waker);
        while Pin::new(&mut self).poll(&mut cx).is_pending() {
            thread::park();
        }
    }

    /// Goes on as far as it can. Whether it is over.
    fn step(&mut self) -> bool {
        if self.part.crew().stopping() {
            return true;
        }
        self.part.feed();
        for group in 0..self.lanes.len() {
            self.steps = Some(group);
            self.step_lane(group);
        }
        self.steps = None;
        if !self.ended && self.lanes.iter().all(Option::is_none) {
            self.ended = true;
            self.passives.iter_mut().for_each(|port| port.passive.close());
            self.passives.clear();
        }
        for place in 0..self.passives.len() {
            self.drain(place);
        }
        self.part.crew().stopping() || self.ended && !self.part.holds_back()
    }

    fn step_lane(&mut self, group: usize) {
        let Some((course, cell)) = &mut self.lanes[group] else { return };
        cell.begin();
        self.part.account(group, LaneState::Running);
        let polled = course.as_mut().poll(&mut Context::from_waker(&self.part.foreign));
        let state = match (&polled, cell.state()) {
            (Poll::Ready(_), _) => LaneState::Done,
            (Poll::Pending, LaneState::Running) => LaneState::Awaiting,
            (Poll::Pending, state) => state,
        };
        self.part.account(group, state);
        if let Poll::Ready(outcome) = polled {
            let inputs = cell.inputs();
            self.lanes[group] = None;
            if let Err(failure) = outcome {
                self.fail(Cause::Error(failure), inputs);
            }
        }
    }

    fn drain(&mut self, place: usize) {
        let PassivePort { passive, alarm, timed, ended } = &mut self.passives[place];
        let mut cx = Context::from_waker(&self.part.channel);
        let mut failure = None;
        while !*ended {
            let polled = passive.poll(&mut cx);
            let due = if polled.is_pending() { passive.due() } else { None };
            let rung = alarm.poll(due, &mut cx).is_ready();
            *timed = due.is_some() && !rung;
            match polled {
                Poll::Pending if rung => {}
                Poll::Pending => break,
                Poll::Ready(outcome) => {
                    *ended = true;
                    failure = outcome.err();
                }
            }
        }
        if let Some(failure) = failure {
            self.fail(Cause::Error(failure.into()), Inputs::new());
        }
    }

    /// Whether nothing here goes on but by a channel.
    fn is_idle(&self) -> bool {
        let waits = |(_, cell): &(Course, Arc<Cell>)| {
            !cell.is_timed() && matches!(cell.state(), LaneState::Waiting(_) | LaneState::Blocked(_) | LaneState::Ready)
        };
        Arc::strong_count(&self.foreign) == KEEPERS
            && self.lanes.iter().flatten().all(waits)
            && !self.passives.iter().any(|port| port.timed)
    }

    fn fail(&self, cause: Cause, inputs: Inputs) {
        let node = &self.part.crew().plan.nodes[self.part.node];
        self.part.crew().fail(cause.of(node, inputs));
    }

    /// Lets go of everything, which may run code of the component.
    fn clear(&mut self) {
        let (lanes, passives) = (std::mem::take(&mut self.lanes), std::mem::take(&mut self.passives));
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| drop((lanes, passives)))) {
            self.fail(Cause::Panic(text(&*panic)), Inputs::new());
        }
    }

    /// It is over, however it has come to that.
    fn end(&mut self) {
        if !std::mem::replace(&mut self.over, true) {
            self.clear();
            self.part.crew().answer_bells();
            self.part.crew().ended(self.part.node);
        }
    }
}

impl Future for Task {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.get_mut();
        this.part.post.begin(cx.waker());
        let over = catch_unwind(AssertUnwindSafe(|| this.step())).unwrap_or_else(|panic| {
            let lane = this.steps.and_then(|group| this.lanes[group].as_ref());
            this.fail(Cause::Panic(text(&*panic)), lane.map(|(_, cell)| cell.inputs()).unwrap_or_default());
            true
        });
        if over {
            this.end();
            return Poll::Ready(());
        }
        this.part.crew().answer_bells();
        if this.is_idle() {
            this.part.post.rest();
        }
        Poll::Pending
    }
}

impl Drop for Task {
    /// Its runtime has gone before its end.
    fn drop(&mut self) {
        if !self.over {
            self.part.crew().stop();
            self.part.post.resume();
            self.end();
        }
    }
}

/// What a panic says.
fn text(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "a value that is no text".to_owned())
}
