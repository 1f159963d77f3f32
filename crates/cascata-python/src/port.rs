//! The outport that a runner is given, and what its `send` returns.

use std::{
    mem,
    sync::{
        Arc, Mutex, Weak,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    task::{Context, Poll, Waker},
};

use cascata::{
    channel::{Outport, SendError, Sent, Ticket},
    firing::Heirs,
};
use pyo3::{
    exceptions::{PyRuntimeError, PyRuntimeWarning, PyStopIteration},
    intern,
    prelude::*,
    types::PyType,
};

use crate::{
    core::Core,
    done::done,
    lock,
    object::Object,
    park::{Park, SendWaker},
    refusal::{Call, unsent},
    wake::CoreWaker,
};

/// An outport and the worker that it is in.
pub struct Line {
    pub core: Arc<Core>,
    pub outport: Outport<Object>,
}

/// The other members of a group, by what shares out among them what one leaves.
pub struct Siblings(pub Arc<Line>);

impl std::fmt::Debug for Siblings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Siblings").field(&self.0.outport).finish()
    }
}

impl Heirs<Object> for Siblings {
    fn received(&self, items: usize) {
        self.0.outport.received(items);
    }

    fn reclaim(&self, items: usize) -> bool {
        self.0.outport.reclaim(items)
    }

    fn inherit(&self, item: Option<Object>) {
        self.0.outport.inherit(item);
        if self.0.outport.holds_back() {
            self.0.core.hold(&self.0);
        }
    }
}

/// A component's outport while the graph runs.
///
/// There is one for all firings; but where results keep an order, each firing is given its own, which ends with it.
#[pyclass(frozen, module = "cascata._native")]
pub struct Sender {
    /// Held by the component: who keeps the port longer does not keep the run's memory.
    line: Weak<Line>,
    names: Arc<Names>,
    /// Its place among the component's outports.
    pub index: usize,
    /// The firing that it belongs to is over.
    over: AtomicBool,
}

/// Whose port it is, for messages.
struct Names {
    component: String,
    port: String,
}

#[pymethods]
impl Sender {
    /// The port's name.
    #[getter]
    pub fn name(&self) -> &str {
        &self.names.port
    }

    fn __repr__(&self) -> String {
        format!("<outport {}>", self.label())
    }

    /// Sends `value` to every inport behind the port.
    fn send(slf: &Bound<'_, Self>, value: Bound<'_, PyAny>) -> PyResult<Py<PyAny>> {
        let py = slf.py();
        let this = slf.get();
        let Some(line) = this.line.upgrade() else { return Err(this.ended()) };
        if this.over.load(Relaxed) {
            return Err(this.late());
        }
        let kind = value.get_type();
        match line.outport.send(Object(value.unbind())) {
            Ok(Sent::Now(reached)) => {
                if line.outport.is_gated() && line.outport.holds_back() {
                    line.core.hold(&line);
                }
                if line.core.spend() { done(py, reached) } else { Self::wait(slf, &line.core, Waits::Turn(reached)) }
            }
            Ok(Sent::Waits(ticket)) => {
                if line.outport.holds_back() {
                    line.core.hold(&line);
                }
                Self::wait(slf, &line.core, Waits::Room(ticket, kind.unbind()))
            }
            Err(error) => Err(this.refusal(error, &kind)),
        }
    }
}

impl Sender {
    pub fn new(line: &Arc<Line>, component: String, port: String, index: usize) -> Self {
        let (line, names) = (Arc::downgrade(line), Arc::new(Names { component, port }));
        Self { line, names, index, over: AtomicBool::new(false) }
    }

    /// The same for one firing.
    pub fn for_firing(&self) -> Self {
        Self { line: self.line.clone(), names: self.names.clone(), index: self.index, over: AtomicBool::new(false) }
    }

    /// The firing that it belongs to is over.
    pub fn end(&self) {
        self.over.store(true, Relaxed);
    }

    /// What is raised for a value of type `kind` that cannot be sent.
    fn refusal(&self, error: SendError<PyErr>, kind: &Bound<'_, PyType>) -> PyErr {
        let call = Call {
            name: format!("{}.send()", self.label()),
            instead: "keep both components on one worker: graph.place(a, b, together=True)",
        };
        unsent(error, kind, &call, || self.ended())
    }

    /// The component and the port, for messages.
    fn label(&self) -> String {
        format!("{}.{}", self.names.component, self.names.port)
    }

    fn ended(&self) -> PyErr {
        PyRuntimeError::new_err(format!(
            "{}.send(): component {:?} has ended; finish sends before the runner returns (await them, or use a task group)",
            self.label(),
            self.names.component
        ))
    }

    fn late(&self) -> PyErr {
        PyRuntimeError::new_err(format!(
            "{}.send(): the firing that was given this outport is over, and results of its group leave in the order of \
             what came in; finish sends before the runner returns (await them, or use a task group), or connect the \
             group's {}.unordered",
            self.label(),
            self.names.port
        ))
    }

    fn wait(slf: &Bound<'_, Self>, core: &Arc<Core>, waits: Waits) -> PyResult<Py<PyAny>> {
        let send = WaitingSend {
            sender: slf.clone().unbind(),
            waits,
            stage: Mutex::new(Stage::New(Arc::downgrade(core))),
            begun: AtomicBool::new(false),
        };
        Ok(Py::new(slf.py(), send)?.into_any())
    }
}

/// What a send waits for.
enum Waits {
    /// Room in some channel, or shared memory, for an item of that type.
    Room(Arc<Ticket>, Py<PyType>),
    /// Its turn: the item is delivered (or not), but others must run.
    Turn(bool),
}

/// How far a send is that waits. Whoever keeps one that is not awaited does not keep the run's memory.
enum Stage {
    /// Nobody has awaited it yet.
    New(Weak<Core>),
    /// It is awaited.
    Awaited(Py<Park>),
    Over,
}

/// A send that waits: for room, or only to let others run.
#[pyclass(frozen, name = "Send", module = "cascata._native")]
pub struct WaitingSend {
    sender: Py<Sender>,
    waits: Waits,
    stage: Mutex<Stage>,
    begun: AtomicBool,
}

impl WaitingSend {
    /// The wait is over; `false` if it was before.
    fn end(&self) -> bool {
        let stage = mem::replace(&mut *lock(&self.stage), Stage::Over);
        !matches!(stage, Stage::Over)
    }

    /// Where it waits.
    fn park(&self, py: Python<'_>) -> PyResult<Py<Park>> {
        let sender = self.sender.get();
        let core = match &*lock(&self.stage) {
            Stage::Awaited(park) => return Ok(park.clone_ref(py)),
            Stage::New(core) => core.upgrade(),
            Stage::Over => {
                let text = format!("cannot reuse already awaited {}.send()", sender.label());
                return Err(PyRuntimeError::new_err(text));
            }
        };
        let outport = matches!(self.waits, Waits::Room(..)).then_some(sender.index);
        let park = Py::new(py, Park::new(core.ok_or_else(|| sender.ended())?, outport))?;
        let old = mem::replace(&mut *lock(&self.stage), Stage::Awaited(park.clone_ref(py)));
        drop(old);
        Ok(park)
    }

    /// Takes the item back if it has reached no channel.
    fn withdraw(&self) {
        if self.end()
            && let Waits::Room(ticket, _) = &self.waits
            && let Some(line) = self.sender.get().line.upgrade()
        {
            let withdrawn = line.outport.withdraw(ticket);
            if !withdrawn {
                // Later items are held back until it has reached all its ports.
                let waker = CoreWaker::waker(&line.core);
                let _ = ticket.poll(&mut Context::from_waker(&waker));
            }
        }
    }

    /// How far it is: the result, or that it waits at `park`.
    fn poll(&self, py: Python<'_>, park: &Py<Park>, begun: bool) -> Poll<PyResult<bool>> {
        match &self.waits {
            Waits::Room(ticket, kind) => {
                let waker = Waker::from(Arc::new(SendWaker { park: park.clone_ref(py) }));
                let mut cx = Context::from_waker(&waker);
                let sender = self.sender.get();
                match sender.line.upgrade() {
                    Some(line) => {
                        let done = line.outport.poll(ticket, &mut cx);
                        done.map(|sent| sent.map_err(|error| sender.refusal(error, kind.bind(py))))
                    }
                    None => ticket.poll(&mut cx).map(Ok),
                }
            }
            Waits::Turn(reached) if begun => Poll::Ready(Ok(*reached)),
            Waits::Turn(_) => {
                park.get().push(park.clone_ref(py));
                Poll::Pending
            }
        }
    }
}

#[pymethods]
impl WaitingSend {
    fn __await__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    fn __iter__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    fn __next__(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        let begun = self.begun.swap(true, Relaxed);
        let park = self.park(py)?;
        match self.poll(py, &park, begun) {
            Poll::Ready(reached) => {
                self.end();
                Err(reached.map_or_else(|error| error, |reached| PyStopIteration::new_err((reached,))))
            }
            Poll::Pending => {
                park.get().arm();
                Ok(park.into_any())
            }
        }
    }

    fn send(&self, py: Python<'_>, _value: &Bound<'_, PyAny>) -> PyResult<Py<PyAny>> {
        self.__next__(py)
    }

    #[pyo3(signature = (kind, value = None, _traceback = None))]
    fn throw(
        &self,
        kind: Bound<'_, PyAny>,
        value: Option<Bound<'_, PyAny>>,
        _traceback: Option<Bound<'_, PyAny>>,
    ) -> PyResult<Py<PyAny>> {
        self.begun.store(true, Relaxed);
        self.withdraw();
        Err(PyErr::from_value(value.unwrap_or(kind)))
    }

    fn close(&self) {
        self.begun.store(true, Relaxed);
        self.withdraw();
    }

    fn __repr__(&self) -> String {
        format!("<{}.send() waiting>", self.sender.get().label())
    }
}

impl Drop for WaitingSend {
    fn drop(&mut self) {
        self.withdraw();
        if !*self.begun.get_mut() && matches!(self.waits, Waits::Room(..)) {
            Python::attach(|py| {
                let text = format!("{}.send() was never awaited", self.sender.get().label());
                let warned = py.import(intern!(py, "warnings")).and_then(|warnings| {
                    warnings.call_method1(intern!(py, "warn"), (text, py.get_type::<PyRuntimeWarning>()))
                });
                if let Err(error) = warned {
                    error.write_unraisable(py, None);
                }
            });
        }
    }
}
