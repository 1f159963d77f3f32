//! Whether the values that come to ports are what their components expect.

use super::{
    Value,
    component::{self, Declaration},
};
use crate::{
    graph::Graph,
    plan::{InportRole, Plan},
};

/// What is wrong with the types of ports, in sentences.
pub(super) fn issues(graph: &Graph<Value>, plan: &Plan<Value>) -> Vec<String> {
    kinds(graph).into_iter().chain(absent(plan)).collect()
}

/// Connections whose ends are of different types.
fn kinds(graph: &Graph<Value>) -> Vec<String> {
    let declared = |node: usize| {
        let (name, node) = graph.nodes().get_index(node)?;
        Some((name, node, component::declared(&node.definition)?))
    };
    let edges = graph.edges().filter_map(|edge| {
        let ((from, _, sender), (to, node, receiver)) = (declared(edge.from)?, declared(edge.to)?);
        let sides = ((from.as_str(), sender, edge.outport), (to.as_str(), receiver, edge.inport));
        misfit(sides.0, sides.1, node.batches[edge.inport].is_some())
    });
    edges.collect()
}

/// A port: the name of its component or group, what that has declared, and its position.
pub(super) type Side<'a> = (&'a str, &'a Declaration, usize);

/// Why what is sent at an outport cannot arrive at an inport, alone or in batches, if it cannot.
pub(super) fn misfit(
    (from, sender, outport): Side<'_>,
    (to, receiver, inport): Side<'_>,
    batched: bool,
) -> Option<String> {
    let ((outport, sent), inport) = (&sender.outports[outport], &receiver.inports[inport]);
    let expected = match (batched, inport.element) {
        (false, _) => inport.kind,
        (true, Some(element)) => element,
        (true, None) => {
            let kind = inport.kind;
            return Some(format!("{to}.{} delivers lists, but is declared as {kind}: make it a Vec", inport.name));
        }
    };
    let text = || {
        let fits = format!("{from}.{outport} sends {sent}, but {to}.{} takes {expected}", inport.name);
        format!("{fits}: connect ports of one type")
    };
    (*sent != expected).then(text)
}

/// Inports that may have had no value yet when their component fires, and cannot do without.
fn absent(plan: &Plan<Value>) -> Vec<String> {
    let ports = plan.nodes.iter().flat_map(|node| {
        let declared = component::declared(&node.definition);
        let inports = declared.into_iter().flat_map(|declared| &declared.inports).enumerate();
        inports.filter_map(move |(inport, declared)| {
            let planned = &node.inports[inport];
            let waits = match planned.role {
                InportRole::Passive => planned.initial.is_none(),
                InportRole::Trigger => {
                    node.groups.len() > 1 && !node.groups.iter().all(|group| group.contains(&inport))
                }
                InportRole::Constant => false,
            };
            (waits && !declared.optional).then(|| {
                let port = format!("{}.{}", node.name, planned.name);
                format!(
                    "{port} may have no value yet when its component fires: declare it as an Option that is optional"
                )
            })
        })
    });
    ports.collect()
}
