//! Pictures of graphs.

use std::{collections::HashMap, convert::Infallible};

use super::Graph;
use crate::{
    channel::lock,
    graph,
    picture::{self, Drawing},
    runtime::{Value, component::declared},
};

impl Graph {
    /// The graph in Graphviz's language.
    pub fn to_dot(&self) -> String {
        picture::dot(&self.drawing()).to_string()
    }

    /// The graph as a Mermaid flowchart.
    pub fn to_mermaid(&self) -> String {
        picture::mermaid(&self.drawing())
    }

    /// The graph as an SVG document, which needs no fonts, styles or scripts.
    ///
    /// ```
    /// # use cascata::prelude::*;
    /// #[component]
    /// async fn show(#[inport] text: String) {
    ///     println!("{text}");
    /// }
    ///
    /// let graph = Graph::new();
    /// graph.add("show", show()).text.set("a rose".to_owned());
    /// assert!(graph.to_svg().contains("&quot;a rose&quot;"));
    /// assert!(graph.to_mermaid().starts_with("flowchart LR"));
    /// assert!(graph.to_dot().starts_with("digraph"));
    /// ```
    pub fn to_svg(&self) -> String {
        picture::svg(&self.drawing())
    }

    /// What is seen of it. Values are written as [`Debug`](std::fmt::Debug) has them, if their types have that.
    pub fn drawing(&self) -> Drawing {
        // A copy, as no lock is held while code runs that is not ours.
        let graph = lock(&self.inner).clone();
        let texts = texts(&graph);
        let mut text = |value: &Value| {
            let text = texts.get(&value.address()).cloned();
            Ok::<_, Infallible>(text.unwrap_or_else(|| "…".to_owned()))
        };
        match Drawing::new(&graph, None, &mut text) {
            Ok(drawing) => drawing,
            Err(never) => match never {},
        }
    }
}

/// What is written of the values of a graph, by their addresses: a value does not know its type, but its port does.
fn texts(graph: &graph::Graph<Value>) -> HashMap<*const (), String> {
    let mut texts = HashMap::new();
    for (node, described) in graph.nodes().values().enumerate() {
        let Some(declared) = declared(&described.definition) else { continue };
        for (position, inport) in declared.inports.iter().enumerate() {
            if let Some(value) = graph.initial(node, position)
                && let Some(text) = inport.show(value)
            {
                texts.insert(value.address(), text);
            }
        }
        for (persist, said) in declared.persists.iter().zip(&described.persists) {
            if let Some(state) = &said.state
                && let Some(text) = persist.traits.show_state(state)
            {
                texts.insert(state.address(), text);
            }
        }
    }
    texts
}
