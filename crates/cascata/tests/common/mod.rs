//! Small graphs, written briefly.

#![allow(dead_code, reason = "each test file uses a part")]

use std::sync::Arc;

use cascata::graph::{Definition, Graph, Inport, Outport, Persist};

/// A component called `name` with these ports. An inport is `"x"`, or `"x=5"` with a default.
pub fn definition(name: &str, inports: &[&str], outports: &[&str]) -> Arc<Definition<i64>> {
    let inports = inports.iter().map(|inport| {
        let (name, default) = match inport.split_once('=') {
            Some((name, default)) => (name, Some(default.parse().unwrap())),
            None => (*inport, None),
        };
        Inport { name: name.to_owned(), capacity: Some(10), default }
    });
    let outports = outports.iter().map(|outport| Outport { name: (*outport).to_owned() });
    let persists = vec![Persist { name: "seen".to_owned() }];
    Arc::new(Definition::new(name, "tests", inports.collect(), outports.collect(), persists, 0).unwrap())
}

/// A graph of components with one inport `x`, one outport `out`, and these connections; a component that nothing
/// leads to has no inport. Components that share the part of their name before an underscore share a definition.
pub fn network(edges: &[(&str, &str)]) -> Graph<i64> {
    let mut graph = Graph::new();
    let mut definitions: Vec<Arc<Definition<i64>>> = Vec::new();
    for name in edges.iter().flat_map(|&(from, to)| [from, to]) {
        if graph.nodes().contains_key(name) {
            continue;
        }
        let kind = name.split('_').next().unwrap();
        let inports: &[&str] = if edges.iter().any(|&(_, to)| to == name) { &["x"] } else { &[] };
        let known = definitions.iter().find(|known| known.name == kind && known.inports.len() == inports.len());
        let known = known.cloned().unwrap_or_else(|| {
            definitions.push(definition(kind, inports, &["out"]));
            definitions[definitions.len() - 1].clone()
        });
        graph.add(name, known).unwrap();
    }
    for (from, to) in edges {
        graph.connect(from, "out", to, "x").unwrap();
    }
    graph
}
