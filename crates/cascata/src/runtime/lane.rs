//! A lane: one trigger group of a component. It takes rows and runs firings, until it ends.

use std::{
    future::poll_fn,
    mem,
    sync::{
        Arc, Mutex,
        atomic::{
            AtomicBool, AtomicU32, AtomicU64, AtomicUsize,
            Ordering::{Relaxed, SeqCst},
        },
    },
    task::{Context, Poll, Waker},
};

use super::{Component, Failure, Outports, Row, Settings, Value, alarm::Alarm, component::declared, part::Part};
use crate::{
    channel::{lock, note},
    firing,
    metrics::LaneState,
    order::LAST,
};

/// Sends that find room, and firings, that a lane may do before others get their turn.
const BUDGET: u32 = 64;

/// What a lane is doing, for those who look from outside of its future.
#[derive(Debug)]
pub(super) struct Cell {
    /// `Running` while it is polled. If it is so afterwards, the firing awaits something that is no channel.
    state: AtomicU64,
    budget: AtomicU32,
    /// A batch will be complete at a time.
    timed: AtomicBool,
    /// What the firing that runs was called with, if that is written down.
    inputs: Mutex<Inputs>,
}

/// What a firing was called with: a text for each inport.
pub(super) type Inputs = Vec<(String, String)>;

impl Cell {
    pub fn new() -> Arc<Self> {
        let state = AtomicU64::new(LaneState::New.to_word());
        Arc::new(Self {
            state,
            budget: AtomicU32::new(BUDGET),
            timed: AtomicBool::new(false),
            inputs: Mutex::default(),
        })
    }

    pub fn state(&self) -> LaneState {
        LaneState::from_word(self.state.load(Relaxed))
    }

    pub fn set(&self, state: LaneState) {
        self.state.store(state.to_word(), Relaxed);
    }

    /// A step of the lane begins.
    pub fn begin(&self) {
        self.set(LaneState::Running);
        self.budget.store(BUDGET, Relaxed);
    }

    /// What the firing that runs, or the one before, was called with.
    pub fn inputs(&self) -> Inputs {
        lock(&self.inputs).clone()
    }

    fn begin_firing(&self, inputs: Inputs) {
        *lock(&self.inputs) = inputs;
    }

    pub fn is_timed(&self) -> bool {
        self.timed.load(Relaxed)
    }

    /// One send or firing is done; `false` when the lane has used up its turn.
    pub fn spend(&self) -> bool {
        let left = self.budget.load(Relaxed).saturating_sub(1);
        self.budget.store(left, Relaxed);
        left > 0
    }
}

/// See the module.
pub(super) struct Lane {
    inputs: firing::Inputs<Value>,
    pub row: Row,
    pub outports: Outports,
    alarm: Alarm,
}

impl Lane {
    pub fn new(part: Arc<Part>, cell: Arc<Cell>, group: usize, inputs: firing::Inputs<Value>, inports: usize) -> Self {
        Self { inputs, row: Row::new(inports), outports: Outports { part, cell, group }, alarm: Alarm::default() }
    }

    /// Waits for the next row; `false` at the end.
    pub async fn next(&mut self) -> Result<bool, Failure> {
        self.row.values.fill(None);
        let more = poll_fn(|_| self.poll_next()).await?;
        let Outports { part, cell, group } = &self.outports;
        cell.set(LaneState::Running);
        if part.crew().shows_inputs {
            // None in the finish function.
            cell.begin_firing(if more { self.shown() } else { Inputs::new() });
        }
        if more {
            part.meter.lanes[*group].firings.add(1);
            self.bear(self.inputs.number());
        }
        Ok(more)
    }

    fn poll_next(&mut self) -> Poll<Result<bool, Failure>> {
        let Outports { part, cell, .. } = &self.outports;
        let mut cx = Context::from_waker(&part.channel);
        if let Some(outport) = part.lags_at(&mut cx) {
            cell.set(LaneState::Blocked(outport));
            return Poll::Pending;
        }
        loop {
            let polled = self.inputs.poll_row(&mut cx, &mut self.row.values);
            let due = if polled.is_pending() { self.inputs.due() } else { None };
            let rung = self.alarm.poll(due, &mut cx).is_ready();
            cell.timed.store(due.is_some() && !rung, Relaxed);
            match polled {
                Poll::Ready(row) => return Poll::Ready(Ok(row?)),
                Poll::Pending if rung => {}
                Poll::Pending => {
                    cell.set(LaneState::Waiting(self.inputs.missing()));
                    return Poll::Pending;
                }
            }
        }
    }

    /// Lets others have their turn if the lane has had its own.
    async fn fired(&self) {
        let Outports { part, cell, .. } = &self.outports;
        if !cell.spend() {
            let mut begun = false;
            poll_fn(|_| {
                if mem::replace(&mut begun, true) {
                    return Poll::Ready(());
                }
                cell.set(LaneState::Ready);
                part.post.tell();
                Poll::Pending
            })
            .await;
        }
    }

    /// The values of the row as people read them; of a type that cannot be shown, its name.
    fn shown(&self) -> Inputs {
        let part = &self.outports.part;
        let Some(declared) = declared(&part.crew().plan.nodes[part.node].definition) else { return Inputs::new() };
        let values =
            declared.inports.iter().zip(&self.row.values).filter_map(|(port, value)| Some((port, value.as_ref()?)));
        let shown = values.map(|(port, value)| {
            let text = port.show(value).unwrap_or_else(|| format!("<{}>", port.kind));
            (port.name.clone(), text)
        });
        shown.collect()
    }

    /// The only lane of a component ends, before its inputs do if need be.
    pub fn end(&mut self) {
        self.inputs.close();
        self.outports.part.outports.iter().for_each(|outport| outport.close());
        self.inputs.leave();
    }

    /// What was taken last at an inport came to nothing.
    pub fn take_back(&self, inport: usize) {
        let meter = &self.outports.part.meter.inports[inport];
        meter.taken.take_back(1);
        meter.discarded.add_shared(1);
    }

    /// What is sent from now on bears this number, if firings bear any.
    fn bear(&self, number: Option<u64>) {
        if let Some(number) = number {
            self.outports.part.outports.iter().for_each(|outport| outport.bear(number));
        }
    }
}

/// What a component's lanes have in common: its state.
pub(super) struct Stage<S> {
    lanes: AtomicUsize,
    /// Whether there is one lane only.
    alone: bool,
    settings: Vec<Option<Value>>,
    slot: Mutex<Slot<S>>,
}

struct Slot<S> {
    state: Place<S>,
    /// The component, while another lane has the state.
    waiting: Option<Waker>,
}

enum Place<S> {
    Unmade,
    Here(S),
    /// With a lane whose firing awaits something, or with one that has failed.
    Away,
}

impl<S> Stage<S> {
    pub fn new(lanes: usize, settings: Vec<Option<Value>>) -> Self {
        let slot = Mutex::new(Slot { state: Place::Unmade, waiting: None });
        Self { lanes: AtomicUsize::new(lanes), alone: lanes == 1, settings, slot }
    }

    /// Waits for the state, which is made for the first who asks.
    async fn state<C: Component<State = S>>(&self, component: &C, lane: &Lane) -> Result<S, Failure> {
        if self.alone || !C::STATEFUL {
            return component.start(Settings(&self.settings));
        }
        let Outports { part, cell, .. } = &lane.outports;
        let place = poll_fn(|_| {
            let mut slot = lock(&self.slot);
            let place = mem::replace(&mut slot.state, Place::Away);
            if !matches!(place, Place::Away) {
                return Poll::Ready(place);
            }
            let other = note(&mut slot.waiting, &Context::from_waker(&part.channel));
            drop(slot);
            drop(other);
            cell.set(LaneState::Ready);
            Poll::Pending
        });
        match place.await {
            Place::Here(state) => Ok(state),
            _ => component.start(Settings(&self.settings)),
        }
    }

    /// The firing is over.
    fn put_back(&self, state: S) {
        let mut slot = lock(&self.slot);
        slot.state = Place::Here(state);
        let waiting = slot.waiting.take();
        drop(slot);
        waiting.into_iter().for_each(Waker::wake);
    }

    /// A lane has fired for the last time. Whether it was the last one.
    fn leave(&self) -> bool {
        self.lanes.fetch_sub(1, SeqCst) == 1
    }
}

/// The course of a lane.
pub(super) async fn drive<C: Component>(component: &C, mut lane: Lane, stage: &Stage<C::State>) -> Result<(), Failure> {
    let keeps = stage.alone || !C::STATEFUL;
    let mut own = if keeps { Some(stage.state(component, &lane).await?) } else { None };
    while lane.next().await? {
        match &mut own {
            Some(state) => component.fire(state, &mut lane.row, &lane.outports).await?,
            None => {
                let mut state = stage.state(component, &lane).await?;
                component.fire(&mut state, &mut lane.row, &lane.outports).await?;
                stage.put_back(state);
            }
        }
        lane.fired().await;
    }
    if stage.leave() {
        let mut state = match own.take() {
            Some(state) => state,
            None => stage.state(component, &lane).await?,
        };
        lane.bear(lane.inputs.number().map(|_| LAST));
        component.finish(&mut state, &lane.outports).await?;
        // What it closes by its end is closed when the outports say that there is no more.
        drop(state);
        lane.outports.part.outports.iter().for_each(|outport| outport.close());
    }
    // Not before the outports have closed: a feedback loop would be taken for done.
    lane.inputs.leave();
    Ok(())
}
