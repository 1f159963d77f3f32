//! A worker, built from the plan: channels, outports and lanes of the components that it runs.

use std::{
    collections::HashMap,
    fmt,
    os::fd::AsRawFd,
    sync::{Arc, Mutex, atomic::AtomicBool},
};

use cascata::{
    channel::Collector,
    ends::Ends,
    firing::{Heirs, Inputs},
    memory::Memory,
    plan::{Plan, PlannedNode},
};
use cascata_shm::Cycle;
use pyo3::{
    exceptions::PyValueError,
    intern,
    prelude::*,
    types::{PyString, PyTuple},
};

use crate::{
    codec,
    component::{Argument, Component, Function},
    core::{Core, LaneEntry},
    drive::Drive,
    lane::Lane,
    lock,
    memory::RunMemory,
    object::Object,
    park::Park,
    passive::PassiveTask,
    plan::Plan as PlanHandle,
    port::{Line, Sender, Siblings},
    taps::Taps,
    wake::{CoreWaker, Drain},
};

/// A component's name, the owner of its definition, its persistent values.
type Described<'py> = (String, Py<PyAny>, Vec<(String, Bound<'py, PyTuple>, Bound<'py, PyTuple>)>);

/// A collector in Python: an object with `pack(item)`, `collect(packed)`, and `collect_numbered(packed, number)` for what
/// firings send that bear numbers.
struct Callback {
    object: Py<PyAny>,
    numbered: bool,
}

impl fmt::Debug for Callback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Callback")
    }
}

impl Collector<Object> for Callback {
    fn pack(&self, item: &Object) -> PyResult<Object> {
        Python::attach(|py| self.object.call_method1(py, intern!(py, "pack"), (&item.0,)).map(Object))
    }

    fn collect(&self, packed: Object, number: u64) {
        Python::attach(|py| {
            let collected = if self.numbered {
                self.object.call_method1(py, intern!(py, "collect_numbered"), (packed.0, number))
            } else {
                self.object.call_method1(py, intern!(py, "collect"), (packed.0,))
            };
            if let Err(error) = collected {
                error.write_unraisable(py, Some(self.object.bind(py)));
            }
        });
    }
}

/// The native half of a worker.
///
/// Its Python half makes it, calls `install` for each of the worker's components, then `launch`, and lets the event loop
/// run. It is told of what happens through the methods of `hooks`: `on_failure`, `on_stop` and
/// `on_delivered`.
#[pyclass(frozen, module = "cascata._native")]
pub struct Worker {
    plan: Arc<Plan<Object>>,
    /// Shows what the plan holds to the garbage collector.
    _handle: Py<PlanHandle>,
    core: Arc<Core>,
    memory: Memory,
    index: usize,
    ends: Arc<Ends<Object>>,
    collectors: Vec<Py<PyAny>>,
    /// The outports of each node that `senders` has made, until `install`.
    lines: Mutex<HashMap<usize, Vec<Arc<Line>>>>,
    /// Installed components with their nodes, until `launch`.
    components: Mutex<Vec<(usize, Arc<Component>)>>,
}

#[pymethods]
impl Worker {
    /// `taps` are those of a run in the calling process, which has the ends of all channels in common with them.
    #[new]
    #[pyo3(signature = (plan, memory, index, event_loop, hooks, collectors, taps = None))]
    fn new(
        plan: &Bound<'_, PlanHandle>,
        memory: &RunMemory,
        index: usize,
        event_loop: Py<PyAny>,
        hooks: Py<PyAny>,
        collectors: Vec<Py<PyAny>>,
        taps: Option<&Taps>,
    ) -> PyResult<Self> {
        let handle = plan.clone().unbind();
        let plan = plan.get().inner.clone();
        let memory = memory.inner.clone();
        let ends = match taps {
            Some(taps) => taps.ends()?,
            None => Arc::new(Ends::new(&plan, &memory, index)),
        };
        let hub = ends.hub().cloned();
        codec::set_hub(hub.clone());
        let core =
            Arc::new(Core::new(index, memory.clone(), event_loop, hooks, ends.remotes(), ends.gathers(&plan), hub));
        Ok(Self {
            plan,
            _handle: handle,
            core,
            memory,
            index,
            ends,
            collectors,
            lines: Mutex::default(),
            components: Mutex::default(),
        })
    }

    /// The nodes that this worker runs.
    fn nodes(&self) -> Vec<usize> {
        let here = |(_, node): &(usize, &PlannedNode<Object>)| node.worker == self.index;
        self.plan.nodes.iter().enumerate().filter(here).map(|(index, _)| index).collect()
    }

    /// What the plan says of `node`: its name, the owner of its definition, and for each persistent value its name, its
    /// arguments and its state; these two are each a tuple of nothing or of one value.
    fn component<'py>(&self, py: Python<'py>, node: usize) -> PyResult<Described<'py>> {
        let planned = &self.plan.nodes[node];
        let optional = |value: &Option<Object>| PyTuple::new(py, value.iter().map(|value| value.0.clone_ref(py)));
        let persists = planned
            .persists
            .iter()
            .map(|persist| Ok((persist.name.clone(), optional(&persist.arguments)?, optional(&persist.state)?)));
        let owner = planned.definition.payload.0.clone_ref(py);
        Ok((planned.name.clone(), owner, persists.collect::<PyResult<_>>()?))
    }

    /// A sender for each outport of `node`, in declared order.
    fn senders(&self, py: Python<'_>, node: usize) -> Vec<Sender> {
        let planned = &self.plan.nodes[node];
        let meter = self.memory.meter(node);
        let outports = planned.outports.iter().zip(meter.outports);
        let lines = outports.enumerate().map(|(index, (port, meter))| {
            let collector = port.collect.map(|index| {
                let (object, numbered) = (self.collectors[index].clone_ref(py), planned.numbering.is_some());
                Arc::new(Callback { object, numbered }) as Arc<dyn Collector<Object>>
            });
            let seeker = CoreWaker::waker(&self.core);
            let (home, feeds) = self.memory.cycles_behind(node, index);
            let outport = self.ends.outport(&self.plan, port, collector, meter, &seeker).in_cycles(home, feeds);
            Arc::new(Line { core: self.core.clone(), outport })
        });
        let lines: Vec<_> = lines.collect();
        let named = lines.iter().zip(&planned.outports).enumerate();
        let senders =
            named.map(|(index, (line, port))| Sender::new(line, planned.name.clone(), port.name.clone(), index));
        let senders = senders.collect();
        lock(&self.lines).insert(node, lines);
        senders
    }

    /// Installs a component.
    ///
    /// `positional` and `keyword` name the runner's parameters; `fixed` gives the objects of those that are no inports;
    /// `finish` is a function with the names of its parameters; `hooks` has the methods `start` and `close`.
    #[pyo3(signature = (node, runner, positional, keyword, fixed, finish, hooks))]
    #[allow(clippy::too_many_arguments, reason = "called once, from the worker's Python half")]
    fn install(
        &self,
        py: Python<'_>,
        node: usize,
        runner: Py<PyAny>,
        positional: Vec<String>,
        keyword: Vec<String>,
        fixed: HashMap<String, Py<PyAny>>,
        finish: Option<(Py<PyAny>, Vec<String>)>,
        hooks: Py<PyAny>,
    ) -> PyResult<()> {
        let planned = &self.plan.nodes[node];
        let lines = lock(&self.lines).remove(&node).unwrap_or_default();
        let in_order = lines.iter().zip(&planned.outports).filter(|(line, _)| line.outport.is_in_order());
        let owned = in_order.filter_map(|(_, port)| fixed.get(&port.name)?.extract::<Py<Sender>>(py).ok());
        let owned: Vec<_> = owned.collect();
        let argument = |name: &String| match fixed.get(name) {
            Some(object) => {
                let place = owned.iter().position(|sender| sender.is(object));
                Ok(place.map_or_else(|| Argument::Fixed(object.clone_ref(py)), Argument::Owned))
            }
            None => planned
                .inports
                .iter()
                .position(|port| port.name == *name)
                .map(Argument::Inport)
                .ok_or_else(|| PyValueError::new_err(format!("{}: no value for parameter {name:?}", planned.name))),
        };
        let keywords = |names: &[String]| {
            let pair = |name: &String| Ok((PyString::intern(py, name).unbind(), argument(name)?));
            names.iter().map(pair).collect::<PyResult<Vec<_>>>()
        };
        let runner = Function {
            function: runner,
            positional: positional.iter().map(argument).collect::<PyResult<_>>()?,
            keyword: keywords(&keyword)?,
        };
        let finish = match finish {
            Some((function, names)) => Some(Function { function, positional: Vec::new(), keyword: keywords(&names)? }),
            None => None,
        };
        let component = Component::new(
            planned.name.clone(),
            runner,
            finish,
            hooks,
            planned.inports.iter().map(|port| port.name.clone()).collect(),
            lines,
            owned,
            self.memory.meter(node),
            planned.groups.len().max(1),
        );
        lock(&self.components).push((node, Arc::new(component)));
        Ok(())
    }

    /// Makes the lanes of all installed components and a task for each by `spawn(lane, name)`, which gives the task and
    /// its context.
    fn launch(slf: &Bound<'_, Self>, spawn: &Bound<'_, PyAny>) -> PyResult<()> {
        let py = slf.py();
        let this = slf.get();
        this.core.set_drain(Py::new(py, Drain::new(&this.core))?);
        let components = std::mem::take(&mut *lock(&this.components));
        let mut entries = Vec::new();
        for (node, component) in &components {
            for (group, inputs) in this.wire(*node, component).into_iter().enumerate() {
                let number = entries.len();
                let queued = Arc::new(AtomicBool::new(false));
                let park = Py::new(py, Park::new(this.core.clone(), None))?;
                let core = this.core.clone();
                let drive = Drive::new(core, component.clone(), number, group, inputs, queued.clone());
                let lane = Py::new(py, Lane::new(drive, park.clone_ref(py)))?;
                let (task, context): (Bound<'_, PyAny>, Bound<'_, PyAny>) =
                    spawn.call1((&lane, &component.name))?.extract()?;
                entries.push(LaneEntry {
                    step: lane.getattr(py, "step_directly")?,
                    park,
                    task: task.unbind(),
                    run_in_context: context.getattr("run")?.unbind(),
                    queued,
                    cycle: this.memory.cycle(*node).map(Cycle::bell),
                });
            }
        }
        this.core.set_lanes(entries);
        let passives = components.iter().flat_map(|(_, component)| component.passives.get().into_iter().flatten());
        this.core.set_passives(passives.cloned().collect());
        this.core.schedule();
        Ok(())
    }

    /// The doorbell has rung; the event loop calls it.
    fn on_bell(&self, py: Python<'_>) -> PyResult<()> {
        self.core.guarded(py, || {
            self.memory.doorbell(self.index).drain();
            self.core.run_ready(py)
        })
    }

    /// The descriptor of the doorbell.
    fn fileno(&self) -> i32 {
        self.memory.doorbell(self.index).as_raw_fd()
    }

    /// Whether nothing here can move but by a channel, and a number that grows with whatever moves.
    fn quiet(&self) -> (bool, usize) {
        self.core.quiet()
    }

    /// Has the worker look whether something can go on.
    fn look(&self) {
        self.core.schedule();
    }

    /// Whether nothing that this worker's components have sent still waits for room. If something does, `on_delivered` of
    /// the hooks will say when it no longer does.
    fn has_delivered(&self) -> bool {
        self.core.has_delivered()
    }

    /// The worker is done: it no longer counts as something that moves, and lets go of its Python objects.
    fn retire(&self) {
        codec::set_hub(None);
        self.core.retire();
    }
}

impl Worker {
    /// Who gets what an inport leaves when its component ends, if anybody.
    fn heirs(&self, node: usize, inport: usize) -> Option<Arc<dyn Heirs<Object>>> {
        let planned = &self.plan.nodes[node];
        let (place, (_, share)) = planned.bequests.iter().enumerate().find(|(_, (other, _))| *other == inport)?;
        let meter = self.memory.meter(node).outports.swap_remove(planned.outports.len() + place);
        let seeker = CoreWaker::waker(&self.core);
        let outport = self.ends.bequest(&self.plan, share, meter, &seeker);
        Some(Arc::new(Siblings(Arc::new(Line { core: self.core.clone(), outport }))))
    }

    /// Makes the inputs of every lane of a component, and its passive ports.
    fn wire(&self, node: usize, component: &Arc<Component>) -> Vec<Inputs<Object>> {
        let inputs = self.ends.inputs(&self.plan, node, |inport| self.heirs(node, inport));
        let passives = inputs.passives.into_iter();
        let passives = passives.map(|passive| PassiveTask::new(self.core.clone(), component, passive));
        let _ = component.passives.set(passives.collect());
        inputs.lanes
    }
}

/// Starts a thread that ends this process when process `parent` is gone. `OSError` if that process does not exist.
#[pyfunction]
pub fn watch_parent(parent: u32) -> PyResult<()> {
    Ok(cascata_shm::guard::watch_parent(cascata_shm::guard::pidfd_open(parent)?)?)
}
