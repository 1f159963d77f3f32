//! The taps of a run: the calling program's threads and coroutines at its channels.
//!
//! * [`put`] and [`get`]: what waits for room, and for an item; either blocks its thread, or is a step of a coroutine of
//!   `cascata.run.taps`, which awaits the futures that it gives;
//! * [`reader`]: an iterator over a tap;
//! * [`performer`]: the task that does so, as long as it lives;
//! * [`sleeper`]: how a thread that waits is reached.
//!
//! A process that was forked off has copies of all of it, which it neither uses nor drops.

mod get;
mod performer;
mod put;
mod reader;
mod sleeper;

use std::{
    mem,
    sync::{Arc, Mutex},
};

use cascata::{
    channel::{SendError, Sent},
    taps::{self, Owner, Reading, Tap, Task},
};
use pyo3::{
    exceptions::PyRuntimeError,
    prelude::*,
    types::{PyBool, PyType},
};

use self::performer::Performer;
pub use self::{get::TapGet, put::TapPut, reader::TapReader};
use crate::{
    generation::Generation,
    lock,
    memory::RunMemory,
    object::Object,
    plan::Plan as PlanHandle,
    refusal::{Call, unsent},
};

/// The taps of a run, until nobody has any use for them.
struct Booth {
    /// `None` only while it is dropped.
    taps: Option<Arc<taps::Taps<Object>>>,
    generation: Generation,
}

impl Booth {
    fn taps(&self) -> PyResult<&Arc<taps::Taps<Object>>> {
        match &self.taps {
            Some(taps) if self.generation.is_ours() => Ok(taps),
            _ => Err(PyRuntimeError::new_err(
                "this process was forked off the one that has started the run, and only that one can feed and read it",
            )),
        }
    }

    fn reading(&self, tap: usize) -> PyResult<&Arc<Reading<Object>>> {
        match self.taps()?.tap(tap) {
            Tap::Reading(reading) => Ok(reading),
            Tap::Feed(_) => Err(PyRuntimeError::new_err("this tap is fed")),
        }
    }
}

impl Drop for Booth {
    fn drop(&mut self) {
        if !self.generation.is_ours() {
            mem::forget(self.taps.take());
        } else if let Some(taps) = &self.taps {
            // The thread that watches may need the interpreter before it ends.
            while_dropped(|py| py.detach(|| taps.end()));
        }
    }
}

/// The taps of a run, by their positions in its plan.
#[pyclass(frozen, module = "cascata._native")]
pub struct Taps {
    /// Until it is released.
    booth: Mutex<Option<Arc<Booth>>>,
    /// Shows what the plan holds to the garbage collector.
    _handle: Py<PlanHandle>,
    /// For each tap its name, and what it feeds or reads.
    labels: Vec<(String, String)>,
    /// What [`counts`](Self::counts) said when they were released.
    counts: Mutex<Vec<(u64, u64)>>,
}

#[pymethods]
impl Taps {
    /// Those of a run of `plan`. Not before its workers have been forked off. `OSError` if the system has no threads left.
    #[new]
    fn new(plan: &Bound<'_, PlanHandle>, memory: &RunMemory) -> PyResult<Self> {
        let handle = plan.clone().unbind();
        let taps = Some(taps::Taps::open(&plan.get().inner, &memory.inner)?);
        let booth = Arc::new(Booth { taps, generation: Generation::current() });
        let labels = plan.get().taps().into_iter().map(|(exports, _, ports)| {
            let ports: Vec<_> = ports.into_iter().map(|(component, port)| format!("{component}.{port}")).collect();
            (exports[0].clone(), ports.join(", "))
        });
        let labels = labels.collect();
        Ok(Self { booth: Mutex::new(Some(booth)), _handle: handle, labels, counts: Mutex::default() })
    }

    /// Puts `item` in: gives whether anybody can receive it, or what waits for room, or `None` if the run is being stopped
    /// or is over. `RuntimeError` if the tap is closed.
    fn put(&self, py: Python<'_>, tap: usize, item: Bound<'_, PyAny>) -> PyResult<Option<Py<PyAny>>> {
        let Some(booth) = self.booth() else { return Ok(None) };
        let taps = booth.taps()?;
        let Tap::Feed(feed) = taps.tap(tap) else { return Err(PyRuntimeError::new_err("this tap is read")) };
        if taps.stopping() {
            return Ok(None);
        }
        let kind = item.get_type();
        match feed.put(Object(item.unbind())) {
            Ok(Sent::Now(false)) if taps.stopping() => Ok(None),
            Ok(Sent::Now(reached)) => Ok(Some(PyBool::new(py, reached).to_owned().into_any().unbind())),
            Ok(Sent::Waits(ticket)) => {
                let put = TapPut::new(booth.clone(), tap, ticket, kind.unbind(), self.label(tap));
                Ok(Some(Py::new(py, put)?.into_any()))
            }
            Err(error) => Err(refused(error, &kind, &self.label(tap))),
        }
    }

    /// A reader of a tap, for a thread or for coroutines. `hooks` has `conclude()`, to be called when the run has been
    /// stopped and the reader is at its end, `abandoned(tap)` for a reader that nobody wants any more although it is not,
    /// and `check_thread(what)` before a thread waits.
    fn reader(&self, tap: usize, hooks: Py<PyAny>, timeout: Option<f64>) -> TapReader {
        let (name, _) = &self.labels[tap];
        TapReader::new(self.booth(), tap, format!("run.iter('{name}')"), hooks, timeout)
    }

    /// Closes a tap: nothing more can be put in, or what is inside and still comes is discarded.
    fn close(&self, tap: usize) -> PyResult<()> {
        match self.booth() {
            Some(booth) => booth.taps().map(|taps| taps.close(tap)),
            None => Ok(()),
        }
    }

    /// Whether others read a tap, who can go on while this thread waits; or, with a `task`, while that one does.
    fn is_read_beside(&self, tap: usize, task: Option<&Bound<'_, PyAny>>) -> PyResult<bool> {
        match self.booth() {
            Some(booth) => {
                let owner = Owner::here(match task {
                    Some(task) => Some(Performer::of(task)? as Arc<dyn Task>),
                    None => None,
                });
                booth.reading(tap).map(|reading| reading.is_read_beside(&owner))
            }
            None => Ok(false),
        }
    }

    /// For each tap how many items were put in or read, and how many were not read.
    fn counts(&self) -> PyResult<Vec<(u64, u64)>> {
        match self.booth() {
            Some(booth) => booth.taps().map(|taps| taps.counts()),
            None => Ok(lock(&self.counts).clone()),
        }
    }

    /// The program has no use for them any more, but for readers that others still have.
    fn release(&self) -> PyResult<()> {
        let counts = self.counts()?;
        *lock(&self.counts) = counts;
        let booth = lock(&self.booth).take();
        drop(booth);
        Ok(())
    }
}

impl Taps {
    fn booth(&self) -> Option<Arc<Booth>> {
        lock(&self.booth).clone()
    }

    /// The ends of all channels of a run in this process.
    pub fn ends(&self) -> PyResult<Arc<cascata::ends::Ends<Object>>> {
        let booth = self.booth().ok_or_else(|| PyRuntimeError::new_err("the taps have been released"))?;
        Ok(booth.taps()?.ends().clone())
    }

    fn label(&self, tap: usize) -> Arc<Label> {
        let (name, ports) = &self.labels[tap];
        Arc::new(Label { call: format!("run.put('{name}', ...)"), ports: ports.clone() })
    }
}

/// How a feed is called in messages.
struct Label {
    call: String,
    ports: String,
}

fn refused(error: SendError<PyErr>, kind: &Bound<'_, PyType>, label: &Label) -> PyErr {
    let Label { call, ports } = label;
    let ended = || {
        PyRuntimeError::new_err(format!("{call}: the tap to {ports} is closed; put before run.close() or run.join()"))
    };
    let call =
        Call { name: format!("{call} to {ports}"), instead: "run the graph in this process: start(num_workers=0)" };
    unsent(error, kind, &call, ended)
}

/// Does something while an object is dropped, which may be in the middle of an exception.
fn while_dropped(act: impl FnOnce(Python<'_>)) {
    Python::attach(|py| {
        let pending = PyErr::take(py);
        act(py);
        if let Some(error) = pending {
            error.restore(py);
        }
    });
}
