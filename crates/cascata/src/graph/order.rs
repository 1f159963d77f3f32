//! Cycles and the order of what lies between them.

use petgraph::algo::kosaraju_scc;
use petgraph::graph::{DiGraph, NodeIndex};

/// The strongly connected components of a graph of `nodes` nodes, each in ascending order, producers before
/// consumers.
pub(crate) fn strong_components(nodes: usize, edges: impl IntoIterator<Item = (usize, usize)>) -> Vec<Vec<usize>> {
    let mut graph = DiGraph::<(), (), usize>::default();
    for _ in 0..nodes {
        graph.add_node(());
    }
    for (from, to) in edges {
        graph.add_edge(NodeIndex::new(from), NodeIndex::new(to), ());
    }
    // Not Tarjan's algorithm: petgraph's recurses, and a chain may be longer than a thread's stack is deep.
    let mut components = kosaraju_scc(&graph);
    components.reverse();
    components
        .into_iter()
        .map(|component| {
            let mut component: Vec<_> = component.into_iter().map(NodeIndex::index).collect();
            component.sort_unstable();
            component
        })
        .collect()
}
