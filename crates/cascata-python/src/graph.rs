//! The graph, as the DSL's handles see it: a thin layer over [`cascata::graph`] and [`cascata::plan`].
//!
//! Two rules keep it safe. While a graph is locked no Python code runs: objects are cloned under the lock, but created
//! and dropped outside of it, because a finalizer may call the same graph. And every reference to a Python object is
//! shown to the garbage collector once, by the object that owns it: what a definition holds by its handle
//! [`Definition`], however many graphs share the Rust part. So whoever holds that part also holds the handle.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use cascata::graph::{self as rust, Batch, End, Export, Graph, Link, Policy, PortKind, Taps, check};
use cascata::plan::{self, PlanError};
use indexmap::IndexMap;
use pyo3::exceptions::{PyAttributeError, PyValueError};
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use crate::definition::Definition;
use crate::lock;
use crate::object::Object;
use crate::plan::Plan;

pyo3::import_exception!(cascata.errors, GraphError);

/// A graph while it is described.
#[pyclass(frozen, module = "cascata._native")]
#[derive(Default)]
pub struct GraphCore {
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    graph: Graph<Object>,
    /// The handle of every node's definition, by position.
    definitions: Vec<Py<Definition>>,
}

impl GraphCore {
    /// Does something with the graph while it is locked. What this displaces is to be returned, not dropped.
    fn with<R>(&self, step: impl FnOnce(&mut Inner) -> R) -> R {
        step(&mut lock(&self.inner))
    }

    /// A graph that was built elsewhere, with the handle of every node's definition.
    pub(crate) fn of(graph: Graph<Object>, definitions: Vec<Py<Definition>>) -> Self {
        Self { inner: Mutex::new(Inner { graph, definitions }) }
    }

    /// A copy of the graph, for what calls Python while it looks at it.
    pub(crate) fn description(&self) -> Graph<Object> {
        self.with(|inner| inner.graph.clone())
    }

    /// Takes one step of building.
    fn build<R>(&self, step: impl FnOnce(&mut Graph<Object>) -> Result<R, rust::GraphError>) -> PyResult<R> {
        self.with(|inner| step(&mut inner.graph)).map_err(refused)
    }
}

#[pymethods]
impl GraphCore {
    #[new]
    fn new() -> Self {
        Self::default()
    }

    /// Adds an instance.
    fn add(&self, name: &str, definition: &Bound<'_, Definition>) -> PyResult<()> {
        let handle = definition.clone().unbind();
        self.with(|inner| {
            inner.graph.add(name, definition.get().inner.clone())?;
            inner.definitions.push(handle);
            Ok(())
        })
        .map_err(refused)
    }

    /// Adds an instance described in another graph, or in this one, with its values, triggers and weights.
    fn adopt(&self, py: Python<'_>, name: &str, other: &Self, node: &str) -> PyResult<()> {
        let (copy, handle) = other
            .with(|inner| {
                let position = inner.graph.position(node)?;
                Ok((inner.graph.nodes()[position].clone(), inner.definitions[position].clone_ref(py)))
            })
            .map_err(refused)?;
        self.with(|inner| {
            inner.graph.adopt(name, copy)?;
            inner.definitions.push(handle);
            Ok(())
        })
        .map_err(refused)
    }

    /// Adds this many instances as a group.
    fn add_group(&self, py: Python<'_>, name: &str, definition: &Bound<'_, Definition>, n: usize) -> PyResult<()> {
        let definition = definition.clone().unbind();
        self.with(|inner| {
            inner.graph.add_group(name, definition.get().inner.clone(), n)?;
            inner.definitions.extend((0..n).map(|_| definition.clone_ref(py)));
            Ok(())
        })
        .map_err(refused)
    }

    /// Adds instances described in another graph as a group, as `adopt` does.
    fn adopt_group(&self, py: Python<'_>, name: &str, other: &Self, nodes: Vec<String>) -> PyResult<()> {
        let (copies, handles) = other
            .with(|inner| {
                let mut copies = (Vec::new(), Vec::new());
                for node in &nodes {
                    let position = inner.graph.position(node)?;
                    copies.0.push(inner.graph.nodes()[position].clone());
                    copies.1.push(inner.definitions[position].clone_ref(py));
                }
                Ok(copies)
            })
            .map_err(refused)?;
        self.with(|inner| {
            inner.graph.adopt_group(name, copies)?;
            inner.definitions.extend(handles);
            Ok(())
        })
        .map_err(refused)
    }

    /// Puts a copy of another graph into this one, each name in it with `name_` in front.
    fn embed(&self, py: Python<'_>, name: &str, other: &Self) -> PyResult<()> {
        let copy = other.copy(py);
        let copy = lock(&copy.inner);
        self.with(|inner| {
            inner.graph.embed(name, &copy.graph)?;
            inner.definitions.extend(copy.definitions.iter().map(|handle| handle.clone_ref(py)));
            Ok(())
        })
        .map_err(refused)
    }

    /// A graph of the same description.
    fn copy(&self, py: Python<'_>) -> Self {
        let inner = self.with(|inner| Inner {
            graph: inner.graph.clone(),
            definitions: inner.definitions.iter().map(|handle| handle.clone_ref(py)).collect(),
        });
        Self { inner: Mutex::new(inner) }
    }

    /// A graph of the same description with `prefix_` in front of every name but those of the exports.
    fn prefixed(&self, py: Python<'_>, prefix: &str) -> Self {
        let copy = self.copy(py);
        let graph = copy.with(|inner| {
            let prefixed = inner.graph.prefixed(prefix);
            std::mem::replace(&mut inner.graph, prefixed)
        });
        drop(graph);
        copy
    }

    /// The names of all groups with those of their members, in the order in which they were added.
    fn groups(&self) -> Vec<(String, Vec<String>)> {
        self.with(|inner| {
            let graph = &inner.graph;
            let name = |&member: &usize| graph.nodes().get_index(member).map(|(name, _)| name.clone());
            let groups = graph.groups().iter();
            groups
                .map(|(group, described)| (group.clone(), described.members.iter().filter_map(name).collect()))
                .collect()
        })
    }

    /// The name of the group that a component is a member of.
    fn group(&self, node: &str) -> PyResult<Option<String>> {
        self.build(|graph| {
            let group = graph.group_of(graph.position(node)?);
            Ok(group.and_then(|group| graph.groups().get_index(group)).map(|(name, _)| name.clone()))
        })
    }

    /// The names of all components, in the order in which they were added.
    fn nodes(&self) -> Vec<String> {
        self.with(|inner| inner.graph.nodes().keys().cloned().collect())
    }

    /// What a component is an instance of.
    fn definition(&self, py: Python<'_>, node: &str) -> PyResult<Py<Definition>> {
        self.with(|inner| Ok(inner.definitions[inner.graph.position(node)?].clone_ref(py))).map_err(refused)
    }

    /// How many items an inport's channel holds, for a group that of its first member; `None` is without bound.
    fn capacity(&self, node: &str, port: &str) -> PyResult<Option<usize>> {
        self.build(|graph| {
            let node = graph.members(&graph.end(node)?)[0];
            Ok(graph.nodes()[node].capacities[graph.port(node, PortKind::Inport, port)?])
        })
    }

    /// Sets how many items an inport holds, in the place of what is declared; `None` is without bound.
    fn set_capacity(&self, node: &str, port: &str, capacity: Option<usize>) -> PyResult<()> {
        self.build(|graph| graph.set_capacity(node, port, capacity))
    }

    /// Puts a value on an inport. One that is not explicit is dropped when the port is connected.
    #[pyo3(signature = (node, port, value, explicit = true))]
    fn set_initial(&self, node: &str, port: &str, value: Py<PyAny>, explicit: bool) -> PyResult<()> {
        self.build(|graph| graph.set_initial(node, port, Object(value), explicit)).map(drop)
    }

    /// The value on an inport as it stands, for a group that of its first member, as `(value,)`, or `()`.
    fn initial<'py>(&self, py: Python<'py>, node: &str, port: &str) -> PyResult<Bound<'py, PyTuple>> {
        let value = self.build(|graph| {
            let node = graph.members(&graph.end(node)?)[0];
            let port = graph.port(node, PortKind::Inport, port)?;
            Ok(graph.initial(node, port).cloned())
        })?;
        tuple(py, value)
    }

    /// Sets the arguments of a persistent value's initialiser, in place of a value set before.
    fn set_arguments(&self, node: &str, persist: &str, value: Py<PyAny>) -> PyResult<()> {
        self.build(|graph| graph.set_arguments(node, persist, Object(value))).map(drop)
    }

    /// The arguments of a persistent value's initialiser, as `(value,)`, or `()`.
    fn arguments<'py>(&self, py: Python<'py>, node: &str, persist: &str) -> PyResult<Bound<'py, PyTuple>> {
        tuple(py, self.persist(node, persist, |set| set.arguments.clone())?)
    }

    /// Sets the value that a persistent value starts with.
    fn set_state(&self, node: &str, persist: &str, value: Py<PyAny>) -> PyResult<()> {
        self.build(|graph| graph.set_state(node, persist, Object(value))).map(drop)
    }

    /// The value that a persistent value starts with, as `(value,)`, or `()`.
    fn state<'py>(&self, py: Python<'py>, node: &str, persist: &str) -> PyResult<Bound<'py, PyTuple>> {
        tuple(py, self.persist(node, persist, |set| set.state.clone())?)
    }

    /// Connects an outport to an inport, either of which may be a group's. `ordered` says how it gathers, `policy` how
    /// it shares out; the policy `"keyed"` has a function. In batches, if these are given as `(size, within)`.
    #[expect(clippy::too_many_arguments, reason = "by name, from one place")]
    #[pyo3(signature = (node, outport, to_node, inport, ordered = true, policy = None, batch = None))]
    fn connect(
        &self,
        node: &str,
        outport: &str,
        to_node: &str,
        inport: &str,
        ordered: bool,
        policy: Option<(String, Py<PyAny>)>,
        batch: Option<(Option<usize>, Option<f64>)>,
    ) -> PyResult<()> {
        let policy = policy.map(chosen).transpose()?;
        self.build(|graph| match batch {
            None => graph.link(node, outport, to_node, inport, ordered, policy),
            Some((size, within)) => {
                let batch = Batch { size, within };
                graph.link_in_batches(node, outport, to_node, inport, ordered, policy, batch)
            }
        })
    }

    /// Has an inport deliver its items in batches, whatever gets connected to it.
    fn set_batch(&self, node: &str, port: &str, size: Option<usize>, within: Option<f64>) -> PyResult<()> {
        self.build(|graph| graph.set_batch(node, port, Batch { size, within })).map(drop)
    }

    /// The batches that an inport delivers, as `(size, within)`; `None` if it delivers its items one by one.
    fn batch(&self, node: &str, port: &str) -> PyResult<Option<(Option<usize>, Option<f64>)>> {
        self.build(|graph| {
            let end = graph.end(node)?;
            let node = graph.members(&end)[0];
            let port = graph.port(node, PortKind::Inport, port)?;
            Ok(graph.nodes()[node].batches[port].map(|batch| (batch.size, batch.within)))
        })
    }

    /// Says how a group shares out what comes to an inport.
    fn share(&self, group: &str, inport: &str, policy: (String, Py<PyAny>)) -> PyResult<()> {
        let policy = chosen(policy)?;
        self.build(|graph| graph.share(group, inport, policy))
    }

    /// How a group shares out what comes to an inport, as `connect` takes it, if that was said.
    fn policy(&self, py: Python<'_>, group: &str, inport: &str) -> PyResult<Option<(&'static str, Py<PyAny>)>> {
        let policy = self.build(|graph| {
            let End::Group(group) = graph.end(group)? else { return Ok(None) };
            let group = &graph.groups()[group];
            let inport = graph.port(group.members[0], PortKind::Inport, inport)?;
            Ok(group.policies[inport].clone())
        })?;
        Ok(policy.map(|policy| {
            let name = policy.name();
            (name, if let Policy::Keyed(Object(function)) = policy { function } else { py.None() })
        }))
    }

    /// The connections as they were said, of components and of whole groups: (name, outport, name, inport, whether they
    /// gather in order), in the order in which they were made.
    fn links(&self) -> Vec<Said> {
        self.with(|inner| inner.graph.links().map(|link| said(&inner.graph, link)).collect())
    }

    /// Those of them that need a group connector, which shares out or gathers.
    fn connectors(&self) -> Vec<Said> {
        self.with(|inner| {
            let graph = &inner.graph;
            graph.links().filter(|link| graph.is_shared_or_gathered(link)).map(|link| said(graph, link)).collect()
        })
    }

    /// What the connections come to between components, as (component, outport, component, inport), in the order in
    /// which they were made.
    fn edges(&self) -> Vec<(String, String, String, String)> {
        self.with(|inner| {
            let node = |position: usize| inner.graph.nodes().get_index(position);
            let edges = inner.graph.edges().filter_map(|edge| {
                let ((from, producer), (to, consumer)) = (node(edge.from)?, node(edge.to)?);
                let outport = &producer.definition.outports[edge.outport].name;
                let inport = &consumer.definition.inports[edge.inport].name;
                Some((from.clone(), outport.clone(), to.clone(), inport.clone()))
            });
            edges.collect()
        })
    }

    /// Lets users of the graph see an inport, or an outport, by the name `export`; `ordered` and `policy` as for
    /// `connect`.
    #[pyo3(signature = (export, node, port, inport, ordered = true, policy = None))]
    fn export(
        &self,
        export: &str,
        node: &str,
        port: &str,
        inport: bool,
        ordered: bool,
        policy: Option<(String, Py<PyAny>)>,
    ) -> PyResult<()> {
        let port = (if inport { PortKind::Inport } else { PortKind::Outport }, port);
        let policy = policy.map(chosen).transpose()?;
        self.build(|graph| graph.export(export, node, port, ordered, policy))
    }

    /// The ports that users of the graph see: (name, component or group, port, whether it gathers in order).
    fn exports(&self) -> Vec<Exported> {
        self.with(|inner| exported(&inner.graph, inner.graph.exports()))
    }

    /// The names of those of them that are connected to something in the graph.
    fn connected_exports(&self) -> Vec<String> {
        self.with(|inner| {
            let exports = inner.graph.exports().iter().filter(|(_, export)| inner.graph.is_export_connected(export));
            exports.map(|(name, _)| name.clone()).collect()
        })
    }

    /// The graphs that were copied into this one: the name, the names of components, groups and subgraphs in it, and
    /// what it exports.
    fn subgraphs(&self) -> Vec<(String, Vec<String>, Vec<Exported>)> {
        self.with(|inner| {
            let graph = &inner.graph;
            let subgraphs = graph.subgraphs().iter().map(|(name, subgraph)| {
                let nodes = subgraph.nodes.clone().map(|node| graph.end_name(&End::Node(node)));
                let groups = subgraph.groups.clone().map(|group| graph.end_name(&End::Group(group)));
                let within = subgraph.subgraphs.clone().filter_map(|inner| graph.subgraphs().get_index(inner));
                let parts = nodes.chain(groups).chain(within.map(|(name, _)| name.as_str()));
                (name.clone(), parts.map(str::to_owned).collect(), exported(graph, &subgraph.exports))
            });
            subgraphs.collect()
        })
    }

    /// Makes one trigger group of these inports.
    fn sync(&self, node: &str, ports: Vec<String>) -> PyResult<()> {
        self.build(|graph| graph.sync(node, &ports))
    }

    /// Makes a trigger group of each of these inports.
    fn clk(&self, node: &str, ports: Vec<String>) -> PyResult<()> {
        self.build(|graph| graph.clk(node, &ports))
    }

    /// The trigger groups that were declared, for a group those of its first member.
    fn triggers(&self, node: &str) -> PyResult<Vec<Vec<String>>> {
        self.build(|graph| {
            let node = &graph.nodes()[graph.members(&graph.end(node)?)[0]];
            let name = |&inport: &usize| node.definition.inports[inport].name.clone();
            Ok(node.triggers.iter().map(|group| group.iter().map(name).collect()).collect())
        })
    }

    /// Says how much work a component is and how much it sends; `None` leaves a weight as it is.
    fn weigh(&self, node: &str, cost: Option<f64>, traffic: Option<f64>) -> PyResult<()> {
        self.build(|graph| graph.weigh(node, cost, traffic))
    }

    /// Orders that a component runs on this worker.
    fn pin(&self, node: &str, worker: isize) -> PyResult<()> {
        let worker = usize::try_from(worker)
            .map_err(|_| GraphError::new_err(format!("{node} cannot run on worker {worker}: they count from 0")))?;
        self.build(|graph| graph.pin(node, worker))
    }

    /// Orders that these components run on one worker.
    fn join_nodes(&self, nodes: Vec<String>) -> PyResult<()> {
        self.build(|graph| graph.join(&nodes))
    }

    /// All that would keep the graph from running, a sentence each; or, with `fed` as for `plan`, from being started.
    #[pyo3(signature = (fed = None))]
    fn check(&self, py: Python<'_>, fed: Option<Vec<String>>) -> PyResult<Vec<String>> {
        let Some(fed) = fed else {
            return Ok(self.with(|inner| check(&inner.graph, &Taps::new())).iter().map(ToString::to_string).collect());
        };
        let payload = Object(py.None());
        let (graph, _) = self.build(|graph| graph.tapped(&payload, &fed))?;
        Ok(check(&graph, &Taps::new()).iter().map(ToString::to_string).collect())
    }

    /// Plans a run on at most this many workers; 0 is for the calling process. `collect` names outports as (component,
    /// port), `weights` are what an earlier run measured, by component: (busy seconds, items sent).
    /// With `fed` the run has taps: `fed` names exported inports that are taps although they have values.
    #[pyo3(signature = (workers, collect, weights = None, fed = None))]
    fn plan(
        &self,
        py: Python<'_>,
        workers: usize,
        collect: Vec<(String, String)>,
        weights: Option<HashMap<String, (f64, f64)>>,
        fed: Option<Vec<String>>,
    ) -> PyResult<Plan> {
        let payload = Object(py.None());
        self.with(|inner| {
            let (graph, weights) = (&inner.graph, weights.as_ref());
            let plan = match fed {
                None => plan::Plan::new(graph, workers, &collect, weights)?,
                Some(fed) => plan::Plan::with_taps(graph, &payload, &fed, workers, &collect, weights)?,
            };
            let definitions = inner.definitions.iter().map(|definition| definition.clone_ref(py)).collect();
            Ok(Plan { inner: Arc::new(plan), definitions })
        })
        .map_err(unplannable)
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        // Nobody can hold the lock here; if someone did, what is not shown would only be kept.
        let Ok(inner) = self.inner.try_lock() else { return Ok(()) };
        for node in inner.graph.nodes().values() {
            let initials = node.initials.iter().flatten().map(|initial| &initial.value);
            let persists = node.persists.iter().flat_map(|set| set.arguments.iter().chain(&set.state));
            initials.chain(persists).try_for_each(|value| visit.call(&value.0))?;
        }
        for policy in inner.graph.groups().values().flat_map(|group| &group.policies) {
            if let Some(Policy::Keyed(function)) = policy {
                visit.call(&function.0)?;
            }
        }
        inner.definitions.iter().try_for_each(|definition| visit.call(definition))
    }

    fn __clear__(&self) {
        drop(self.with(std::mem::take));
    }
}

impl GraphCore {
    fn persist(
        &self,
        node: &str,
        persist: &str,
        get: impl FnOnce(&rust::PersistSetting<Object>) -> Option<Object>,
    ) -> PyResult<Option<Object>> {
        self.build(|graph| {
            let node = graph.members(&graph.end(node)?)[0];
            let persist = graph.port(node, PortKind::Persist, persist)?;
            Ok(get(&graph.nodes()[node].persists[persist]))
        })
    }
}

/// Why there is no plan.
pub(crate) fn unplannable(error: PlanError) -> PyErr {
    match error {
        PlanError::Graph(error) => refused(error),
        error => GraphError::new_err(error.to_string()),
    }
}

/// A misspelt port is an `AttributeError`, as for any other object; the rest is a `GraphError`.
pub(crate) fn refused(error: rust::GraphError) -> PyErr {
    match error {
        rust::GraphError::UnknownPort { .. } => PyAttributeError::new_err(error.to_string()),
        error => GraphError::new_err(error.to_string()),
    }
}

/// A connection: component or group, outport, component or group, inport, whether it gathers in order.
type Said = (String, String, String, String, bool);

fn said(graph: &Graph<Object>, link: &Link) -> Said {
    let (from, to) = (&link.from, &link.to);
    let outport = port_name(graph, from, PortKind::Outport, link.outport);
    let inport = port_name(graph, to, PortKind::Inport, link.inport);
    (graph.end_name(from).to_owned(), outport, graph.end_name(to).to_owned(), inport, link.ordered)
}

/// An export: its name, its component or group, its port, whether it gathers in order.
type Exported = (String, String, String, bool);

fn exported(graph: &Graph<Object>, exports: &IndexMap<String, Export>) -> Vec<Exported> {
    let exported = exports.iter().map(|(name, export)| {
        let port = port_name(graph, &export.end, export.kind, export.port);
        (name.clone(), graph.end_name(&export.end).to_owned(), port, export.ordered)
    });
    exported.collect()
}

fn port_name(graph: &Graph<Object>, end: &End, kind: PortKind, port: usize) -> String {
    graph.nodes()[graph.members(end)[0]].definition.names(kind).swap_remove(port)
}

/// A policy from its name and its function, which is `None` for most.
fn chosen((name, function): (String, Py<PyAny>)) -> PyResult<Policy<Object>> {
    match name.as_str() {
        "balanced" => Ok(Policy::Balanced),
        "round_robin" => Ok(Policy::RoundRobin),
        "broadcast" => Ok(Policy::Broadcast),
        "keyed" => Ok(Policy::Keyed(Object(function))),
        other => Err(PyValueError::new_err(format!("there is no policy {other}"))),
    }
}

/// To `()` or `(value,)`.
fn tuple(py: Python<'_>, value: Option<Object>) -> PyResult<Bound<'_, PyTuple>> {
    PyTuple::new(py, value.map(|value| value.0))
}
