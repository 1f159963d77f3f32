//! The plan of a run, as the DSL's handles see it; see [`graph`](crate::graph) for who owns what.

use std::collections::HashSet;
use std::sync::Arc;

use cascata::plan;
use pyo3::exceptions::PyValueError;
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::intern;
use pyo3::prelude::*;

use crate::definition::Definition;
use crate::object::Object;

/// A function and its arguments, as pickle takes a plan: the structure, and the objects that it names by position.
type Reduced<'py> = (Bound<'py, PyAny>, (Vec<u8>, Vec<Py<PyAny>>));

/// A tap: the names of the export, whether it is fed, the ports there as (component, port).
type Tapped = (Vec<String>, bool, Vec<(String, String)>);

/// What a run starts from. Immutable.
#[pyclass(frozen, module = "cascata._native")]
pub struct Plan {
    /// What a worker needs.
    pub(crate) inner: Arc<plan::Plan<Object>>,
    pub(crate) definitions: Vec<Py<Definition>>,
}

#[pymethods]
impl Plan {
    /// The placement: the names of the components of every worker.
    #[getter]
    fn workers(&self) -> Vec<Vec<String>> {
        let name = |node: usize| self.inner.nodes[node].name.clone();
        self.inner.shard().into_iter().map(|nodes| nodes.into_iter().map(name).collect()).collect()
    }

    /// Feedback loops: the names of the components of each.
    #[getter]
    fn cycles(&self) -> Vec<Vec<&str>> {
        let name = |&node: &usize| self.inner.nodes[node].name.as_str();
        self.inner.cycles.iter().map(|cycle| cycle.iter().map(name).collect()).collect()
    }

    /// The taps: the names of the export, whether it is fed, and the components' ports there.
    #[getter]
    pub(crate) fn taps(&self) -> Vec<Tapped> {
        let name = |node: usize, port: &str| (self.inner.nodes[node].name.clone(), port.to_owned());
        let tapped = self.inner.taps.iter().map(|tap| {
            let channels = self.inner.channels.iter();
            let ports: Vec<_> = if tap.feeds {
                let fed = channels.filter(|channel| channel.producers.contains(&(tap.node, 0)));
                fed.map(|fed| name(fed.node, &self.inner.nodes[fed.node].inports[fed.inport].name)).collect()
            } else {
                let read = channels.filter(|channel| channel.node == tap.node).flat_map(|channel| &channel.producers);
                read.map(|&(node, port)| name(node, &self.inner.nodes[node].outports[port].name)).collect()
            };
            (tap.exports.clone(), tap.feeds, ports)
        });
        tapped.collect()
    }

    /// The Python objects in it, each with the component's name and what it is there: `""` for the definition, or a
    /// port's or persistent value's name.
    fn values<'py>(&self, py: Python<'py>) -> Vec<(&str, &str, Bound<'py, PyAny>)> {
        let mut values = Vec::new();
        for node in &self.inner.nodes {
            let mut take = |what, value: &Object| values.push((node.name.as_str(), what, value.0.bind(py).clone()));
            take("", &node.definition.payload);
            for (inport, declared) in node.inports.iter().zip(&node.definition.inports) {
                inport.initial.iter().chain(&declared.default).for_each(|value| take(&inport.name, value));
            }
            for persist in &node.persists {
                persist.arguments.iter().chain(&persist.state).for_each(|value| take(&persist.name, value));
            }
        }
        values
    }

    /// For another process: its structure as bytes, its objects as pickle takes them.
    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<Reduced<'py>> {
        let (packed, values) = self.inner.pack();
        let structure = serde_json::to_vec(&packed).map_err(|error| PyValueError::new_err(error.to_string()))?;
        let values = values.into_iter().map(|value| value.0).collect();
        Ok((py.get_type::<Self>().getattr(intern!(py, "restore"))?, (structure, values)))
    }

    /// Puts together what pickle has taken apart. `ValueError` if it does not fit.
    #[staticmethod]
    fn restore(structure: &[u8], values: Vec<Py<PyAny>>) -> PyResult<Self> {
        let packed: plan::Packed =
            serde_json::from_slice(structure).map_err(|error| PyValueError::new_err(error.to_string()))?;
        let values: Vec<_> = values.into_iter().map(Object).collect();
        let plan = packed.unpack(&values).map_err(|error| PyValueError::new_err(error.to_string()))?;
        let inner = Arc::new(plan);
        Python::attach(|py| {
            let mut shown = HashSet::new();
            let mut definitions = Vec::new();
            for node in inner.nodes.iter().filter(|node| shown.insert(Arc::as_ptr(&node.definition))) {
                definitions.push(Py::new(py, Definition { inner: node.definition.clone() })?);
            }
            Ok(Self { inner: inner.clone(), definitions })
        })
    }

    fn __repr__(&self) -> String {
        let workers: Vec<_> = self.workers().iter().map(|names| names.join(", ")).collect();
        format!("<Plan: {}>", workers.join(" | "))
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        // A run that shares the plan uses it behind the collector's back, so nothing of it may look unused.
        if Arc::strong_count(&self.inner) > 1 {
            return Ok(());
        }
        for node in &self.inner.nodes {
            let initials = node.inports.iter().filter_map(|inport| inport.initial.as_ref());
            let persists = node.persists.iter().flat_map(|persist| persist.arguments.iter().chain(&persist.state));
            initials.chain(persists).try_for_each(|value| visit.call(&value.0))?;
        }
        for desk in &self.inner.desks {
            if let plan::Sharing::Keyed { function, .. } = &desk.sharing {
                visit.call(&function.0)?;
            }
        }
        self.definitions.iter().try_for_each(|definition| visit.call(definition))
    }
}
