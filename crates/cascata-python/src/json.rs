//! Graphs as data: where Python finds components and functions, and how it writes values; see [`cascata::graph::json`].

use std::collections::HashMap;
use std::sync::Arc;

use cascata::graph::json::{self, Arguments, FormatError, Json, Language, Named, Place, Side, Slot};
use cascata::graph::{self as rust, Graph};
use indexmap::IndexMap;
use pyo3::intern;
use pyo3::prelude::*;

use crate::definition::Definition;
use crate::graph::GraphCore;
use crate::object::Object;

pyo3::import_exception!(cascata.errors, GraphFormatError);

/// Writes a graph as JSON. `places` is a `cascata.places.Places`.
#[pyfunction]
pub fn save_graph(core: &Bound<'_, GraphCore>, places: &Bound<'_, PyAny>) -> PyResult<String> {
    let graph = core.get().description();
    let mut python = Python::new(places);
    let written = json::save(&graph, &mut python);
    python.settle(written)
}

/// Reads a graph from JSON.
#[pyfunction]
pub fn load_graph(text: &str, places: &Bound<'_, PyAny>) -> PyResult<GraphCore> {
    let mut python = Python::new(places);
    let read = json::load(text, &mut python);
    let handles = std::mem::take(&mut python.handles);
    let graph: Graph<Object> = python.settle(read)?;
    let py = places.py();
    let handle = |node: &rust::Node<Object>| handles[&Arc::as_ptr(&node.definition)].clone_ref(py);
    let definitions = graph.nodes().values().map(handle).collect();
    Ok(GraphCore::of(graph, definitions))
}

/// What is asked of `cascata.places`.
struct Python<'a, 'py> {
    places: &'a Bound<'py, PyAny>,
    /// The handles of all definitions that were found.
    handles: HashMap<*const rust::Definition<Object>, Py<Definition>>,
    /// What was raised last.
    raised: Option<PyErr>,
}

impl<'a, 'py> Python<'a, 'py> {
    fn new(places: &'a Bound<'py, PyAny>) -> Self {
        Self { places, handles: HashMap::new(), raised: None }
    }

    /// Has `places` do something. What it raises is told by its text, and remembered.
    fn ask<R>(&mut self, step: impl FnOnce(&Bound<'py, PyAny>) -> PyResult<R>) -> Result<R, String> {
        step(self.places).map_err(|error| {
            let text = error.value(self.places.py()).to_string();
            // What is no refusal, such as Ctrl-C, is what will be raised, whatever else follows from it.
            if self.raised.as_ref().is_none_or(|raised| self.is_refusal(raised)) {
                self.raised = Some(error);
            }
            text
        })
    }

    fn is_refusal(&self, error: &PyErr) -> bool {
        error.is_instance_of::<GraphFormatError>(self.places.py())
    }

    /// Gives the outcome, or raises.
    fn settle<R>(self, outcome: Result<R, FormatError>) -> PyResult<R> {
        let py = self.places.py();
        if let Some(raised) = &self.raised
            && !self.is_refusal(raised)
        {
            return Err(raised.clone_ref(py));
        }
        outcome.map_err(|error| {
            let refusal = GraphFormatError::new_err(error.to_string());
            let raised = self.raised.filter(|raised| raised.value(py).to_string() == error.problem);
            refusal.set_cause(py, raised.and_then(|raised| raised.cause(py)));
            refusal
        })
    }
}

/// One side of a connection: the component's or group's name, its definition, the port.
type End<'a> = (&'a str, &'a Py<PyAny>, &'a str);

fn end<'a>(side: &Side<'a, Object>) -> End<'a> {
    (side.name, &side.definition.payload.0, side.port)
}

impl Language for Python<'_, '_> {
    type Value = Object;

    fn place(&mut self, definition: &rust::Definition<Object>) -> Result<Place, String> {
        let (module, name) =
            self.ask(|places| places.call_method1(intern!(places.py(), "place"), (&definition.payload.0,))?.extract())?;
        Ok(Place { module, name })
    }

    fn place_of_function(&mut self, function: &Object) -> Result<Place, String> {
        let (module, name) = self
            .ask(|places| places.call_method1(intern!(places.py(), "place_of_function"), (&function.0,))?.extract())?;
        Ok(Place { module, name })
    }

    fn write(&mut self, _: Slot<'_, Object>, value: &Object) -> Result<Json, String> {
        let text = self.ask(|places| places.call_method1(intern!(places.py(), "write"), (&value.0,))?.extract())?;
        Json::new(text).map_err(|error| error.to_string())
    }

    fn write_arguments(&mut self, arguments: &Object) -> Result<Arguments, String> {
        let (args, kwargs): (Vec<String>, Vec<(String, String)>) = self
            .ask(|places| places.call_method1(intern!(places.py(), "write_arguments"), (&arguments.0,))?.extract())?;
        let json = |text| Json::new(text).map_err(|error| error.to_string());
        let kwargs = kwargs.into_iter().map(|(name, text)| Ok((name, json(text)?)));
        Ok(Arguments {
            args: args.into_iter().map(json).collect::<Result<_, String>>()?,
            kwargs: kwargs.collect::<Result<IndexMap<_, _>, String>>()?,
        })
    }

    fn permit(&mut self, module: &str) -> Result<(), String> {
        self.ask(|places| places.call_method1(intern!(places.py(), "permit"), (module,)).map(drop))
    }

    fn load(&mut self, module: &str) -> Result<(), String> {
        self.ask(|places| places.call_method1(intern!(places.py(), "load"), (module,)).map(drop))
    }

    fn definition(&mut self, place: &Place) -> Result<Arc<rust::Definition<Object>>, String> {
        let handle: Py<Definition> = self.ask(|places| {
            let arguments = (&place.module, &place.name);
            Ok(places.call_method1(intern!(places.py(), "definition"), arguments)?.cast_into::<Definition>()?.unbind())
        })?;
        let definition = handle.get().inner.clone();
        self.handles.insert(Arc::as_ptr(&definition), handle);
        Ok(definition)
    }

    fn function(&mut self, place: &Place) -> Result<Object, String> {
        let arguments = (&place.module, &place.name);
        self.ask(|places| Ok(Object(places.call_method1(intern!(places.py(), "function"), arguments)?.unbind())))
    }

    fn read(&mut self, _: Slot<'_, Object>, value: &Json) -> Result<Object, String> {
        self.ask(|places| Ok(Object(places.call_method1(intern!(places.py(), "read"), (value.text(),))?.unbind())))
    }

    fn read_arguments(&mut self, arguments: &Arguments) -> Result<Object, String> {
        let args: Vec<_> = arguments.args.iter().map(Json::text).collect();
        let kwargs: Vec<_> = arguments.kwargs.iter().map(|(name, value)| (name, value.text())).collect();
        self.ask(|places| {
            let read = places.call_method1(intern!(places.py(), "read_arguments"), (args, kwargs))?;
            Ok(Object(read.unbind()))
        })
    }

    fn check_name(&mut self, named: Named, name: &str) -> Result<(), String> {
        let export = named == Named::Export;
        self.ask(|places| places.call_method1(intern!(places.py(), "check_name"), (name, export)).map(drop))
    }

    fn check_connection(
        &mut self,
        from: &Side<'_, Object>,
        to: &Side<'_, Object>,
        batched: bool,
    ) -> Result<(), String> {
        let arguments = (end(from), end(to), batched);
        self.ask(|places| places.call_method1(intern!(places.py(), "check_connection"), arguments).map(drop))
    }
}
