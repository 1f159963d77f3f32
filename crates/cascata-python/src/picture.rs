//! Pictures of graphs, as the DSL asks for them.

use cascata::picture::{self, Drawing};
use cascata::plan;
use pyo3::prelude::*;

use crate::graph::{GraphCore, unplannable};

/// Attributes of one kind of thing in Graphviz's language: `graph`, `node` or `edge`, and what it is given.
type Attributes = (&'static str, Vec<(&'static str, String)>);

/// What is seen of a graph.
#[pyclass(frozen, module = "cascata._native")]
pub struct Picture {
    drawing: Drawing,
}

#[pymethods]
impl Picture {
    /// Looks at a graph. `text` writes a value; `workers` says for how many workers placement is shown.
    #[new]
    #[pyo3(signature = (graph, text, workers = None))]
    fn new(graph: &GraphCore, text: &Bound<'_, PyAny>, workers: Option<usize>) -> PyResult<Self> {
        // A copy, since `text` may do anything with the graph.
        let graph = graph.description();
        let placement = workers
            .map(|workers| plan::Plan::new(&graph, workers, &[], None).map_err(unplannable))
            .transpose()?
            .map(|plan| plan.nodes.iter().map(|node| node.worker).collect::<Vec<_>>());
        let py = text.py();
        let mut written = |value: &crate::object::Object| text.call1((value.0.bind(py),))?.extract::<String>();
        Ok(Self { drawing: Drawing::new(&graph, placement.as_deref(), &mut written)? })
    }

    /// In Graphviz's language: the attributes of all graphs, nodes and edges, and the lines of the body.
    fn dot(&self) -> (Vec<Attributes>, Vec<String>) {
        let dot = picture::dot(&self.drawing);
        (dot.attributes, dot.body)
    }

    /// As a Mermaid flowchart.
    fn mermaid(&self) -> String {
        picture::mermaid(&self.drawing)
    }

    /// As an SVG document, at most so many pixels wide. Other threads may go on: for a large graph it takes its time.
    #[pyo3(signature = (width = None))]
    fn svg(&self, py: Python<'_>, width: Option<f64>) -> String {
        py.detach(|| match width {
            Some(width) => picture::svg_within(&self.drawing, width),
            None => picture::svg(&self.drawing),
        })
    }
}
