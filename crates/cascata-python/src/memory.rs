//! The run's memory, as the supervisor sees it.

use std::{io, os::fd::AsRawFd, sync::Arc};

use cascata::{
    memory::Memory,
    metrics::{Exit, Flow, LaneState, NodeMeter, flows},
    plan::Plan,
};
use cascata_shm::{Ring, descriptor};
use pyo3::{
    prelude::*,
    types::{PyDict, PyList},
};

use crate::{clock, object::Object, plan::Plan as PlanHandle};

/// A node and its port; no port if it is a tap.
type End = (String, Option<String>);

/// The shared memory of one run: made before the workers start, mapped by all of them.
#[pyclass(frozen, module = "cascata._native")]
pub struct RunMemory {
    pub inner: Memory,
    plan: Arc<Plan<Object>>,
    /// Shows what the plan holds to the garbage collector.
    _handle: Py<PlanHandle>,
}

#[pymethods]
impl RunMemory {
    /// Lays out and maps the memory for `plan`, in which items between workers may take `limit` bytes;
    /// `OSError` if the system has no descriptors or address space left.
    #[new]
    fn new(plan: &Bound<'_, PlanHandle>, limit: usize) -> PyResult<Self> {
        let inner = Memory::new(&plan.get().inner, limit)?;
        Ok(Self { inner, plan: plan.get().inner.clone(), _handle: plan.clone().unbind() })
    }

    /// Maps the memory that another process has laid out for `plan`, from its `descriptors`, which this process got as
    /// they were. They stay the caller's. `OSError` if they are those of something else.
    #[staticmethod]
    fn attach(plan: &Bound<'_, PlanHandle>, limit: usize, descriptors: Vec<i32>) -> PyResult<Self> {
        let owned = descriptors.into_iter().map(descriptor::duplicate).collect::<io::Result<_>>()?;
        let inner = Memory::attach(&plan.get().inner, limit, owned)?;
        Ok(Self { inner, plan: plan.get().inner.clone(), _handle: plan.clone().unbind() })
    }

    /// What a process that was not forked needs to `attach`.
    fn descriptors(&self) -> Vec<i32> {
        self.inner.descriptors().map(|descriptor| descriptor.as_raw_fd()).collect()
    }

    /// Asks all workers to stop.
    fn stop(&self) {
        self.inner.stop();
    }

    /// Whether the run is being stopped.
    fn stopping(&self) -> bool {
        self.inner.stopping()
    }

    /// Workers in which something can move without another one.
    fn active(&self) -> u64 {
        self.inner.bells().active()
    }

    /// The descriptor that becomes readable when nothing moves any more.
    fn fileno(&self) -> i32 {
        self.inner.quiet().as_raw_fd()
    }

    /// Makes `fileno` unreadable again.
    fn hush(&self) {
        self.inner.quiet().drain();
    }

    /// Whether a worker waits for memory for an item.
    fn is_short(&self) -> bool {
        self.inner.pool().is_short()
    }

    /// Has all workers look whether they can give memory back to those who wait for some.
    fn nudge(&self) {
        self.inner.nudge();
    }

    /// Bytes of memory that items take, and that they may take.
    fn usage(&self) -> (usize, usize) {
        let pool = self.inner.pool();
        (pool.taken(), pool.limit())
    }

    /// Who still refers to memory of items: blocks and bytes by component and inport, and by worker for what its components
    /// have made by themselves.
    #[expect(clippy::type_complexity, reason = "two tables, each read in one place")]
    fn holdings(&self) -> (Vec<(String, String, u64, u64)>, Vec<(usize, u64, u64)>) {
        let nodes = self.plan.nodes.iter().enumerate().flat_map(|(index, node)| {
            let meters = self.inner.meter(index).inports;
            let held =
                move |meter: cascata::metrics::InportMeter| (meter.holding.blocks.get(), meter.holding.bytes.get());
            let ports = node.inports.iter().zip(meters);
            ports.map(move |(port, meter)| (node.name.clone(), port.name.clone(), held(meter)))
        });
        let received = nodes.map(|(node, port, (blocks, bytes))| (node, port, blocks, bytes)).filter(|held| held.2 > 0);
        let made = (0..self.inner.participants()).map(|worker| (worker, self.inner.made(worker)));
        let made = made.map(|(worker, held)| (worker, held.blocks.get(), held.bytes.get())).filter(|held| held.1 > 0);
        (received.collect(), made.collect())
    }

    /// What every component has done and is doing: a dict for each node of the plan. Those of taps have no lanes.
    fn snapshot<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        let nodes = PyList::empty(py);
        let now = clock::now();
        for (index, node) in self.plan.nodes.iter().enumerate() {
            let meter = self.inner.meter(index);
            let entry = PyDict::new(py);
            entry.set_item("name", &node.name)?;
            entry.set_item("component", &node.definition.name)?;
            entry.set_item("worker", node.worker)?;
            entry.set_item("firings", meter.firings())?;
            let times = meter.times(now);
            for (name, spent) in [
                ("busy", times.busy),
                ("awaiting", times.awaiting),
                ("waiting", times.waiting),
                ("blocked", times.blocked),
            ] {
                entry.set_item(name, spent as f64 / 1e9)?;
            }
            entry.set_item("fired", meter.lanes.iter().map(|lane| lane.firings.get()).collect::<Vec<_>>())?;
            entry.set_item("lanes", self.lanes(&meter, index))?;
            entry.set_item("inports", self.inports(py, &meter, index)?)?;
            let outports = PyDict::new(py);
            for (port, meter) in node.outports.iter().zip(&meter.outports) {
                let counts = PyDict::new(py);
                counts.set_item("sent", meter.sent.get())?;
                counts.set_item("dropped", meter.dropped.get())?;
                outports.set_item(&port.name, counts)?;
            }
            entry.set_item("outports", outports)?;
            nodes.append(entry)?;
        }
        Ok(nodes)
    }

    /// How many items each connection has brought: node and port it comes from, node and port it leads to, which of
    /// its ways to groups it belongs to if it shares items out, items. Where a
    /// member of a group has left items to the others, it comes from its inport. Taps have their names alone.
    fn flows(&self) -> Vec<(End, End, Option<usize>, u64)> {
        let name = |node: usize, port: &str| {
            (self.plan.nodes[node].name.clone(), (!self.plan.is_tap(node)).then(|| port.to_owned()))
        };
        let flows = flows(&self.plan, |node| self.inner.meter(node)).into_iter();
        let named = flows.map(|Flow { from, by, to: (node, inport), share, items }| {
            let port = match by {
                Exit::Outport(port) => &self.plan.nodes[from].outports[port].name,
                Exit::Inport(port) => &self.plan.nodes[from].inports[port].name,
            };
            (name(from, port), name(node, &self.plan.nodes[node].inports[inport].name), share, items)
        });
        named.collect()
    }
}

impl RunMemory {
    /// The state of each lane: a word, and the port if it concerns one.
    fn lanes(&self, meter: &NodeMeter, index: usize) -> Vec<(&'static str, Option<String>)> {
        if self.plan.is_tap(index) {
            return Vec::new();
        }
        let node = &self.plan.nodes[index];
        let inport = |port: usize| node.inports.get(port).map(|port| port.name.clone());
        let outport = |port: usize| node.outports.get(port).map(|port| port.name.clone());
        let describe = |state| match state {
            LaneState::New => ("new", None),
            LaneState::Running => ("running", None),
            LaneState::Ready => ("ready", None),
            LaneState::Awaiting => ("awaiting", None),
            LaneState::Waiting(port) => ("waiting", inport(port)),
            LaneState::Blocked(port) => ("blocked", outport(port)),
            LaneState::Done => ("done", None),
        };
        meter.states().map(describe).collect()
    }

    fn inports<'py>(&self, py: Python<'py>, meter: &NodeMeter, index: usize) -> PyResult<Bound<'py, PyDict>> {
        let inports = PyDict::new(py);
        let (node, outports) = (&self.plan.nodes[index], &meter.outports);
        for (number, (port, meter)) in node.inports.iter().zip(&meter.inports).enumerate() {
            let mut channels = self.plan.channels_of(index, number).peekable();
            let Some(&first) = channels.peek() else { continue };
            // Rings count by themselves.
            let (mut received, mut room) = (meter.received.get(), 0_usize);
            for channel in channels {
                received += self.inner.ring(channel).map_or(0, Ring::pushed);
                room = room.saturating_add(self.plan.channels[channel].capacity.unwrap_or(usize::MAX));
            }
            let capacity = self.plan.channels[first].capacity.map(|_| room);
            let counts = PyDict::new(py);
            counts.set_item("received", received)?;
            counts.set_item("taken", meter.taken.get())?;
            counts.set_item("discarded", meter.discarded.get())?;
            counts.set_item("replaced", meter.replaced.get())?;
            let bequest = node.bequests.iter().position(|(inport, _)| *inport == number);
            let bequest = bequest.and_then(|place| outports.get(node.outports.len() + place));
            counts.set_item("passed_on", bequest.map_or(0, |meter| meter.sent.get()))?;
            counts.set_item("lost", bequest.map_or(0, |meter| meter.dropped.get()))?;
            counts.set_item("fill", received.saturating_sub(meter.taken.get()))?;
            counts.set_item("lane", node.groups.iter().position(|group| group.contains(&number)))?;
            counts.set_item("seeded", port.initial.is_some())?;
            counts.set_item("batched", meter.batched.get())?;
            counts.set_item("batch", port.batch.map(|batch| batch.size.unwrap_or(0)))?;
            counts.set_item("capacity", capacity)?;
            inports.set_item(&port.name, counts)?;
        }
        Ok(inports)
    }
}
