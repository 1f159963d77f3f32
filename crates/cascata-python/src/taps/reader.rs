//! Readers of an exported outport.

use std::sync::{Arc, Mutex};

use cascata::taps::{Fetched, Mark, Owner, Place, Signal, Taken, Task};
use pyo3::{
    exceptions::{PyRuntimeError, PyTimeoutError},
    gc::{PyTraverseError, PyVisit},
    intern,
    prelude::*,
};

use super::{
    Booth, Performer, TapGet,
    sleeper::{Sleeper, deadline},
    while_dropped,
};
use crate::{lock, object::Object, refusal::refusal};

/// An iterator over what an exported outport sends.
#[pyclass(frozen, module = "cascata._native")]
pub struct TapReader {
    tap: usize,
    /// How it is called in messages.
    label: String,
    hooks: Py<PyAny>,
    timeout: Option<f64>,
    state: Mutex<State>,
}

struct State {
    /// `None` at the end.
    booth: Option<Arc<Booth>>,
    /// Once it has begun.
    mark: Option<Arc<Mark>>,
    /// The task in which it was seen last.
    performer: Option<Arc<Performer>>,
    /// What the run has come to need not be told any more.
    told: bool,
}

/// What there was.
pub(super) enum Found {
    Item(Py<PyAny>),
    /// Nothing, and nothing will come.
    Ended,
    /// The run has been stopped, and there is nothing.
    Stopped,
}

impl TapReader {
    pub(super) fn new(
        booth: Option<Arc<Booth>>,
        tap: usize,
        label: String,
        hooks: Py<PyAny>,
        timeout: Option<f64>,
    ) -> Self {
        Self {
            tap,
            label,
            hooks,
            timeout,
            state: Mutex::new(State { booth, mark: None, performer: None, told: false }),
        }
    }

    /// The taps, for that task, or for who is outside of tasks; `None` at the end.
    fn begin(&self, task: Option<Bound<'_, PyAny>>) -> PyResult<Option<Arc<Booth>>> {
        let known = lock(&self.state).performer.clone();
        let performer = match task {
            Some(task) => Some(known.filter(|known| known.is(&task)).map_or_else(|| Performer::of(&task), Ok)?),
            None => None,
        };
        let owner = Owner::here(performer.clone().map(|performer| performer as Arc<dyn Task>));
        let mut state = lock(&self.state);
        let Some(booth) = state.booth.clone() else { return Ok(None) };
        let before = std::mem::replace(&mut state.performer, performer);
        match state.mark.clone() {
            Some(mark) => {
                drop(state);
                mark.seen(owner);
            }
            None => state.mark = Some(booth.reading(self.tap)?.enter(owner)),
        }
        drop(before);
        Ok(Some(booth))
    }

    /// Takes an item; `None` if there is none yet.
    fn take(&self, py: Python<'_>, booth: &Booth) -> PyResult<Option<Found>> {
        match booth.taps()?.pick(self.tap) {
            Some(picked) => self.open(py, picked).map(Some),
            None => Ok(None),
        }
    }

    /// Takes an item, or finds that there is none any more, or waits for `signal` at `place`.
    pub(super) fn find(
        &self,
        py: Python<'_>,
        place: &mut Option<Place>,
        signal: &Arc<dyn Signal>,
    ) -> PyResult<Option<Found>> {
        let booth = lock(&self.state).booth.clone();
        let Some(booth) = booth else { return Ok(Some(self.ended())) };
        let taps = booth.taps()?;
        match taps.take(self.tap, place, Some(signal)) {
            Some(Taken::Item(picked)) => self.open(py, picked).map(Some),
            Some(Taken::Ended) => Ok(Some(self.finish(if taps.stopping() { Found::Stopped } else { Found::Ended }))),
            // Whoever asks for a stop after this wakes the signal.
            None if taps.stopping() => {
                booth.reading(self.tap)?.give_up(place);
                Ok(Some(self.finish(Found::Stopped)))
            }
            None => Ok(None),
        }
    }

    fn open(&self, py: Python<'_>, picked: Fetched<Object>) -> PyResult<Found> {
        match picked.open() {
            Ok(Some(item)) => Ok(Found::Item(item.0)),
            Ok(None) => Err(PyRuntimeError::new_err(format!("{}: an item was lost in damaged memory", self.label))),
            Err(error) => {
                let kind = error.get_type(py).qualname();
                let kind = kind.map_or_else(|_| "an exception".to_owned(), |name| name.to_string());
                Err(refusal(py, error, |why| {
                    format!(
                        "{}: an item cannot be restored here: {kind}: {why}. It is lost; the next one can be taken",
                        self.label
                    )
                }))
            }
        }
    }

    /// The reader is at its end.
    fn finish(&self, found: Found) -> Found {
        self.leave();
        found
    }

    /// What is found after the end: what a run that was stopped has come to, once.
    fn ended(&self) -> Found {
        if std::mem::replace(&mut lock(&self.state).told, true) { Found::Ended } else { Found::Stopped }
    }

    /// Reads no more; whether it was the last that had begun and was not at its end, of a run that is not being stopped. (One
    /// that is over has been: its hooks may be garbage with this.)
    fn leave(&self) -> bool {
        let mut state = lock(&self.state);
        let (booth, mark) = (state.booth.take(), state.mark.take());
        state.told = true;
        drop(state);
        match (&booth, mark) {
            (Some(booth), Some(mark)) => {
                let was_last = booth.reading(self.tap).is_ok_and(|reading| reading.exit(&mark));
                was_last && booth.taps().is_ok_and(|taps| !taps.stopping())
            }
            _ => false,
        }
    }

    /// Nobody will come back to `place`.
    pub(super) fn give_up(&self, place: &mut Option<Place>) {
        let booth = lock(&self.state).booth.clone();
        if let Some(Ok(reading)) = booth.as_ref().map(|booth| booth.reading(self.tap)) {
            reading.give_up(place);
        }
    }

    /// The end of a run that was stopped: raises what it has failed with.
    fn conclude(&self, py: Python<'_>) -> PyResult<()> {
        self.hooks.call_method0(py, intern!(py, "conclude")).map(drop)
    }
}

#[pymethods]
impl TapReader {
    fn __iter__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    /// The next item, for which this thread waits.
    fn __next__(&self, py: Python<'_>) -> PyResult<Option<Py<PyAny>>> {
        let Some(booth) = self.begin(Performer::current(py)?)? else {
            return match self.ended() {
                Found::Stopped => self.conclude(py).map(|()| None),
                _ => Ok(None),
            };
        };
        if let Some(Found::Item(item)) = self.take(py, &booth)? {
            return Ok(Some(item));
        }
        if !booth.taps()?.stopping() {
            self.hooks.call_method1(py, intern!(py, "check_thread"), (&self.label,))?;
        }
        let (deadline, sleeper) = (deadline(self.timeout), Arc::new(Sleeper::default()));
        let signal: Arc<dyn Signal> = sleeper.clone();
        let mut place = None;
        loop {
            match self.find(py, &mut place, &signal)? {
                Some(Found::Item(item)) => return Ok(Some(item)),
                Some(Found::Ended) => return Ok(None),
                Some(Found::Stopped) => {
                    drop(booth);
                    return self.conclude(py).map(|()| None);
                }
                None => {}
            }
            let slept = sleeper.sleep(py, deadline);
            if !matches!(slept, Ok(true)) {
                self.give_up(&mut place);
                slept?;
                let seconds = self.timeout.unwrap_or_default();
                return Err(PyTimeoutError::new_err(format!("{}: no item within {seconds} s", self.label)));
            }
        }
    }

    /// The next item for a coroutine of that task, or what waits for it.
    #[pyo3(name = "take")]
    fn take_or_wait(slf: &Bound<'_, Self>, task: Option<Bound<'_, PyAny>>) -> PyResult<Py<PyAny>> {
        let (py, this) = (slf.py(), slf.get());
        if let Some(booth) = this.begin(task)?
            && let Some(Found::Item(item)) = this.take(py, &booth)?
        {
            return Ok(item);
        }
        Ok(Py::new(py, TapGet::new(slf.clone().unbind()))?.into_any())
    }

    /// Reads no more. Before the end that stops the run, unless others read the same.
    fn close(&self, py: Python<'_>) -> PyResult<()> {
        if self.leave() {
            self.hooks.call_method1(py, intern!(py, "abandoned"), (self.tap,))?;
        }
        Ok(())
    }

    fn __repr__(&self) -> String {
        format!("<{}>", self.label)
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.hooks)
    }
}

impl Drop for TapReader {
    fn drop(&mut self) {
        if self.leave() {
            while_dropped(|py| {
                if let Err(error) = self.hooks.call_method1(py, intern!(py, "abandoned"), (self.tap,)) {
                    error.write_unraisable(py, None);
                }
            });
        }
    }
}
