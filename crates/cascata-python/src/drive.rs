//! The steps of a lane.
//!
//! Each step takes rows and runs firings until something must be waited for, and says what that is.

use std::{
    mem,
    sync::{Arc, atomic::AtomicBool},
    task::{Context, Poll, Waker},
};

use cascata::{firing::Inputs, metrics::LaneState, order::LAST};
use pyo3::{intern, prelude::*};

use crate::{
    asyncio::is_cancelled,
    clock,
    component::{Component, Given},
    core::Core,
    coroutine::{self, Step},
    object::Object,
    park::Park,
    port::Sender,
    timer::Timer,
    wake::LaneWaker,
};

/// What a step came to.
pub enum Outcome {
    /// The lane waits for a channel, or for its turn.
    Parked(LaneState),
    /// The firing awaits this.
    Awaits(Py<PyAny>),
    /// The lane has ended; with an error only when it was cancelled by a stop.
    Ended(Option<PyErr>),
}

/// How far the lane is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    New,
    Firing,
    Finishing,
    Ended,
}

/// What drives a lane: takes rows, steps the coroutines of its firings.
pub struct Drive {
    pub core: Arc<Core>,
    component: Arc<Component>,
    number: usize,
    inputs: Inputs<Object>,
    row: Vec<Option<Object>>,
    stage: Stage,
    /// The coroutine that runs: a firing, or the finish function.
    coroutine: Option<Py<PyAny>>,
    /// The outports that are its own.
    owned: Vec<Py<Sender>>,
    /// The lane's turn is over, but it has not yet let others run. A firing uses it up when it is over, as a send does
    /// when the item is in: so a consumer takes as many items in a turn as a producer sends.
    spent: bool,
    waker: Waker,
    /// Set while the lane waits for a batch that will be complete at a time.
    timer: Timer,
    /// Which of the component's trigger groups it is.
    group: usize,
    /// Whether it counts as alive in the core.
    awake: bool,
}

impl Drive {
    pub fn new(
        core: Arc<Core>,
        component: Arc<Component>,
        number: usize,
        group: usize,
        inputs: Inputs<Object>,
        queued: Arc<AtomicBool>,
    ) -> Self {
        core.lane_woke();
        component.meter.enter(group, LaneState::New, clock::now());
        Self {
            waker: Waker::from(Arc::new(LaneWaker { core: core.clone(), number, queued })),
            row: vec![None; component.inports.len()],
            timer: Timer::new(core.clone()),
            core,
            component,
            number,
            inputs,
            stage: Stage::New,
            coroutine: None,
            owned: Vec::new(),
            spent: false,
            group,
            awake: true,
        }
    }

    /// The coroutine of the firing, or of the finish function, that is under way.
    pub fn coroutine(&self, py: Python<'_>) -> Option<Py<PyAny>> {
        self.coroutine.as_ref().map(|coroutine| coroutine.clone_ref(py))
    }

    /// Runs until something must be waited for.
    pub fn advance(&mut self, py: Python<'_>, thrown: Option<PyErr>) -> Outcome {
        self.core.rouse();
        if !self.awake {
            self.awake = true;
            self.core.lane_woke();
        }
        self.account(LaneState::Running);
        let outcome = self.step(py, thrown);
        let state = match &outcome {
            Outcome::Parked(state) => *state,
            Outcome::Awaits(_) => LaneState::Awaiting,
            Outcome::Ended(_) => LaneState::Done,
        };
        self.account(state);
        if !matches!(state, LaneState::Ready | LaneState::Awaiting) {
            self.awake = false;
            self.core.lane_slept();
        }
        outcome
    }

    /// Notes what the lane does from now on.
    fn account(&self, state: LaneState) {
        self.component.meter.enter(self.group, state, clock::now());
    }

    fn step(&mut self, py: Python<'_>, mut thrown: Option<PyErr>) -> Outcome {
        loop {
            if let Some(coroutine) = &self.coroutine {
                let coroutine = coroutine.bind(py);
                let step = match thrown.take() {
                    None => coroutine::resume(coroutine),
                    Some(error) => coroutine::throw(coroutine, error),
                };
                if !matches!(step, Step::Yielded(_)) {
                    self.owned.drain(..).for_each(|sender| sender.get().end());
                }
                match step {
                    Step::Yielded(awaited) => return self.awaits(awaited),
                    Step::Returned => {
                        self.coroutine = None;
                        self.row.fill(None);
                        if self.stage == Stage::Finishing {
                            return self.end(py);
                        }
                        if self.core.stopping() {
                            return self.abandon();
                        }
                        self.spent = !self.core.spend();
                    }
                    Step::Raised(error) => return self.fail(py, error),
                }
            } else if let Some(error) = thrown.take() {
                return self.fail(py, error);
            }
            let next = match self.stage {
                Stage::New => self.component.start(py).map(|started| {
                    self.stage = if started { Stage::Firing } else { Stage::Ended };
                    None
                }),
                Stage::Firing => self.fire(py),
                Stage::Finishing => self.finish(py),
                Stage::Ended => return Outcome::Ended(None),
            };
            match next {
                Ok(None) => {}
                Ok(Some(outcome)) => return outcome,
                Err(error) => return self.fail(py, error),
            }
        }
    }

    /// Begins the next firing, or says why there is none.
    fn fire(&mut self, py: Python<'_>) -> PyResult<Option<Outcome>> {
        if mem::take(&mut self.spent) {
            self.waker.wake_by_ref();
            return Ok(Some(Outcome::Parked(LaneState::Ready)));
        }
        let mut cx = Context::from_waker(&self.waker);
        if let Some(outport) = self.component.lags_at(&mut cx) {
            return Ok(Some(Outcome::Parked(LaneState::Blocked(outport))));
        }
        let polled = self.inputs.poll_row(&mut cx, &mut self.row);
        self.timer.set(if polled.is_pending() { self.inputs.due() } else { None }, &self.waker)?;
        match polled {
            Poll::Pending => return Ok(Some(Outcome::Parked(LaneState::Waiting(self.inputs.missing())))),
            Poll::Ready(Err(error)) => {
                return Err(self.component.undecodable(py, error, self.inputs.missing()));
            }
            Poll::Ready(Ok(row)) => {
                if row {
                    self.bear(self.inputs.number());
                    self.component.meter.lanes[self.group].firings.add(1);
                    self.owned = self.component.hand_out(py)?;
                    let given = Given { row: &self.row, owned: &self.owned };
                    self.coroutine = Some(self.component.runner.call(py, &given)?.unbind());
                } else if self.component.lane_ended() {
                    self.stage = Stage::Finishing;
                } else {
                    self.stage = Stage::Ended;
                    self.inputs.leave();
                }
            }
        }
        Ok(None)
    }

    /// What is sent from now on bears this number, if firings bear any.
    fn bear(&self, number: Option<u64>) {
        if let Some(number) = number {
            self.component.lines.iter().for_each(|line| line.outport.bear(number));
        }
    }

    /// Begins the finish function, or ends the component if it has none.
    fn finish(&mut self, py: Python<'_>) -> PyResult<Option<Outcome>> {
        match &self.component.finish {
            Some(finish) => {
                self.bear(self.inputs.number().map(|_| LAST));
                self.owned = self.component.hand_out(py)?;
                self.coroutine = Some(finish.call(py, &Given { row: &[], owned: &self.owned })?.unbind());
                Ok(None)
            }
            None => Ok(Some(self.end(py))),
        }
    }

    fn end(&mut self, py: Python<'_>) -> Outcome {
        self.stage = Stage::Ended;
        if let Err(error) = self.component.end(py) {
            return self.fail(py, error);
        }
        // Not before the outports have closed, nor when the run is being stopped: others would begin to finish.
        self.inputs.leave();
        Outcome::Ended(None)
    }

    /// The run is being stopped: nothing more is taken.
    fn abandon(&mut self) -> Outcome {
        self.stage = Stage::Ended;
        Outcome::Ended(None)
    }

    fn fail(&mut self, py: Python<'_>, error: PyErr) -> Outcome {
        let row = mem::take(&mut self.row);
        let inputs = (self.coroutine.take().is_some() && self.stage == Stage::Firing).then_some(&row[..]);
        self.stage = Stage::Ended;
        if self.core.stopping() && is_cancelled(py, &error) {
            return Outcome::Ended(Some(error));
        }
        self.component.fail(py, &self.core, error, inputs);
        Outcome::Ended(None)
    }

    /// What the firing waits for.
    fn awaits(&self, awaited: Bound<'_, PyAny>) -> Outcome {
        match awaited.cast_exact::<Park>() {
            Ok(park) if park.get().is_of(&self.core) => {
                let park = park.get();
                park.listen(self.number);
                // Without an outport it only lets others run.
                Outcome::Parked(park.outport.map_or(LaneState::Ready, LaneState::Blocked))
            }
            _ => Outcome::Awaits(awaited.unbind()),
        }
    }
}

impl Drop for Drive {
    /// A lane that was destroyed before its end closes its coroutine.
    fn drop(&mut self) {
        if let Some(coroutine) = self.coroutine.take() {
            Python::attach(|py| {
                if let Err(error) = coroutine.call_method0(py, intern!(py, "close")) {
                    error.write_unraisable(py, Some(coroutine.bind(py)));
                }
            });
        }
    }
}
