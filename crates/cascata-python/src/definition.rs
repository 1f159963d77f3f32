//! Components as declared, as the DSL's handles see them.

use std::sync::Arc;

use cascata::graph as rust;
use pyo3::exceptions::PyValueError;
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use crate::graph::refused;
use crate::object::Object;

/// A component as declared: its name, its ports and the Python object that describes it. Immutable.
#[pyclass(frozen, module = "cascata._native")]
pub struct Definition {
    pub(crate) inner: Arc<rust::Definition<Object>>,
}

#[pymethods]
impl Definition {
    /// Inports are `(name, capacity, default)`; a default is `(value,)`, none is `()`, and no capacity is no bound.
    #[new]
    fn new(
        name: String,
        module: String,
        inports: Vec<(String, Option<usize>, Bound<'_, PyTuple>)>,
        outports: Vec<String>,
        persists: Vec<String>,
        owner: Py<PyAny>,
    ) -> PyResult<Self> {
        let inports = inports
            .into_iter()
            .map(|(name, capacity, default)| Ok(rust::Inport { name, capacity, default: optional(&default)? }))
            .collect::<PyResult<_>>()?;
        let outports = outports.into_iter().map(|name| rust::Outport { name }).collect();
        let persists = persists.into_iter().map(|name| rust::Persist { name }).collect();
        let inner = rust::Definition::new(name, module, inports, outports, persists, Object(owner)).map_err(refused)?;
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Name of the component's function.
    #[getter]
    fn name(&self) -> &str {
        &self.inner.name
    }

    /// Where the function lives.
    #[getter]
    fn module(&self) -> &str {
        &self.inner.module
    }

    /// The Python object that describes the component.
    #[getter]
    fn owner(&self, py: Python<'_>) -> Py<PyAny> {
        self.inner.payload.0.clone_ref(py)
    }

    fn __repr__(&self) -> String {
        format!("<Definition {}.{}>", self.inner.module, self.inner.name)
    }

    // Like a tuple it needs no `__clear__`: nothing it holds can have held it when it was made, so any cycle leads
    // through an object that changed later, and can be cleared.
    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.inner.payload.0)?;
        self.inner
            .inports
            .iter()
            .filter_map(|inport| inport.default.as_ref())
            .try_for_each(|value| visit.call(&value.0))
    }
}

/// From `()` or `(value,)`.
fn optional(value: &Bound<'_, PyTuple>) -> PyResult<Option<Object>> {
    match value.len() {
        0 => Ok(None),
        1 => Ok(Some(Object(value.get_item(0)?.unbind()))),
        _ => Err(PyValueError::new_err("a default is given as (value,), and none as ()")),
    }
}
