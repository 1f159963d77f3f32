//! A component at work in a worker: what its lanes share.

use std::{
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
    },
    task::Context,
};

use cascata::metrics::NodeMeter;
use pyo3::{
    Borrowed,
    exceptions::PyRuntimeError,
    intern,
    prelude::*,
    types::{PyDict, PyNone, PyString, PyTuple},
};

use crate::{
    call,
    core::Core,
    object::Object,
    passive::PassiveTask,
    port::{Line, Sender},
};

/// Where an argument of the runner comes from.
pub enum Argument {
    /// The value of this inport.
    Inport(usize),
    /// The same object in every firing: an outport, a persistent value.
    Fixed(Py<PyAny>),
    /// An outport of the firing's own: that place in [`Component::owned`].
    Owned(usize),
}

/// What a call of a function is given.
pub struct Given<'a> {
    /// A value for each inport.
    pub row: &'a [Option<Object>],
    /// The outports that are the firing's own.
    pub owned: &'a [Py<Sender>],
}

impl Argument {
    /// What a firing is given for it; `none` stands for what is not there yet.
    fn value<'a, 'py>(&'a self, given: &'a Given<'_>, none: &'a Bound<'py, PyAny>) -> Borrowed<'a, 'py, PyAny> {
        let py = none.py();
        match self {
            Self::Inport(inport) => match &given.row[*inport] {
                Some(value) => value.0.bind_borrowed(py),
                None => none.as_borrowed(),
            },
            Self::Fixed(object) => object.bind_borrowed(py),
            Self::Owned(place) => given.owned[*place].as_any().bind_borrowed(py),
        }
    }
}

/// A Python coroutine function with the origin of each of its arguments.
pub struct Function {
    pub function: Py<PyAny>,
    pub positional: Vec<Argument>,
    pub keyword: Vec<(Py<PyString>, Argument)>,
}

impl Function {
    /// Calls it; gives the coroutine.
    pub fn call<'py>(&self, py: Python<'py>, given: &Given<'_>) -> PyResult<Bound<'py, PyAny>> {
        let (function, none) = (self.function.bind(py), PyNone::get(py).to_owned().into_any());
        let value = |argument| Argument::value(argument, given, &none);
        if self.keyword.is_empty() {
            // Few arguments go without a tuple.
            match &self.positional[..] {
                [a] => return call::with_1(function, [value(a)]),
                [a, b] => return call::with_2(function, [value(a), value(b)]),
                [a, b, c] => return call::with_3(function, [value(a), value(b), value(c)]),
                [a, b, c, d] => return call::with_4(function, [value(a), value(b), value(c), value(d)]),
                _ => {}
            }
        }
        let args = PyTuple::new(py, self.positional.iter().map(value))?;
        let kwargs = PyDict::new(py);
        for (name, argument) in &self.keyword {
            kwargs.set_item(name, value(argument))?;
        }
        self.function.bind(py).call(args, Some(&kwargs))
    }
}

/// What the lanes and passive ports of one component share.
pub struct Component {
    pub name: String,
    pub runner: Function,
    pub finish: Option<Function>,
    /// The Python half: `start()`, `close()`.
    pub hooks: Py<PyAny>,
    pub inports: Vec<String>,
    pub lines: Vec<Arc<Line>>,
    /// The outports that a firing is to have as its own; see [`Sender`].
    owned: Vec<Py<Sender>>,
    pub meter: NodeMeter,
    pub passives: OnceLock<Vec<Arc<PassiveTask>>>,
    lanes_left: AtomicUsize,
    begun: AtomicBool,
    started: AtomicBool,
    ended: AtomicBool,
}

impl Component {
    #[allow(clippy::too_many_arguments, reason = "called once, with everything named at the call")]
    pub fn new(
        name: String,
        runner: Function,
        finish: Option<Function>,
        hooks: Py<PyAny>,
        inports: Vec<String>,
        lines: Vec<Arc<Line>>,
        owned: Vec<Py<Sender>>,
        meter: NodeMeter,
        lanes: usize,
    ) -> Self {
        Self {
            name,
            runner,
            finish,
            hooks,
            inports,
            lines,
            owned,
            meter,
            passives: OnceLock::new(),
            lanes_left: AtomicUsize::new(lanes),
            begun: AtomicBool::new(false),
            started: AtomicBool::new(false),
            ended: AtomicBool::new(false),
        }
    }

    /// Initialises the persistent values, before the first firing of any lane. `false` for a lane that comes after the
    /// one for which this failed.
    ///
    /// # Errors
    /// An initialiser raised.
    pub fn start(&self, py: Python<'_>) -> PyResult<bool> {
        if !self.begun.swap(true, SeqCst) {
            self.hooks.call_method0(py, intern!(py, "start"))?;
            self.started.store(true, SeqCst);
        }
        Ok(self.started.load(SeqCst))
    }

    /// Makes the outports that are the next firing's own.
    pub fn hand_out(&self, py: Python<'_>) -> PyResult<Vec<Py<Sender>>> {
        self.owned.iter().map(|sender| Py::new(py, sender.get().for_firing())).collect()
    }

    /// The outport by which something is still on its way that the last firing has sent, if order depends on that. The
    /// waker is called when it may be there.
    pub fn lags_at(&self, cx: &mut Context<'_>) -> Option<usize> {
        let mut owned = self.owned.iter().map(|sender| sender.get().index);
        owned.find(|&index| self.lines[index].outport.poll_over(cx).is_pending())
    }

    /// A lane has fired for the last time; `true` for the last lane, which then ends the component.
    pub fn lane_ended(&self) -> bool {
        self.lanes_left.fetch_sub(1, SeqCst) == 1
    }

    /// Ends the component: persistent values are closed, then the outports.
    ///
    /// # Errors
    /// A `close` function raised. The outports stay as they are then, as after any failure: who reads behind them is not to
    /// take it for the end.
    pub fn end(&self, py: Python<'_>) -> PyResult<()> {
        self.ended.store(true, SeqCst);
        self.hooks.call_method0(py, intern!(py, "close"))?;
        self.passives.get().into_iter().flatten().for_each(|passive| passive.close());
        self.lines.iter().for_each(|line| line.outport.close());
        Ok(())
    }

    pub fn has_ended(&self) -> bool {
        self.ended.load(SeqCst)
    }

    /// Says of an error at which inport an item could not be decoded.
    pub fn undecodable(&self, py: Python<'_>, error: PyErr, inport: usize) -> PyErr {
        let text = format!("an item could not be restored at the inport {}.{}", self.name, self.inports[inport]);
        // What is no exception of Python's own may refuse to be annotated, and is told without it.
        let _ = error.value(py).call_method1(intern!(py, "add_note"), (text,));
        error
    }

    /// Reports that the component has failed, with the inputs of the firing that failed.
    pub fn fail(&self, py: Python<'_>, core: &Core, error: PyErr, row: Option<&[Option<Object>]>) {
        let report = || -> PyResult<()> {
            let inputs = match row {
                None => None,
                Some(row) => {
                    let inputs = PyDict::new(py);
                    for (name, value) in self.inports.iter().zip(row) {
                        inputs.set_item(name, value.as_ref().map(|value| value.0.clone_ref(py)))?;
                    }
                    Some(inputs)
                }
            };
            core.hooks.call_method1(py, intern!(py, "on_failure"), (&self.name, error.clone_ref(py), inputs))?;
            Ok(())
        };
        let reported = report();
        core.memory.stop();
        if let Err(defect) = reported {
            // Without the hook nobody would ever know: at least the interpreter does.
            PyRuntimeError::new_err("a failure could not be reported").write_unraisable(py, None);
            defect.write_unraisable(py, None);
        }
    }
}
