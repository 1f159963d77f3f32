//! Groups in messages: what holds for all members is told once, of the group.

use std::collections::{HashMap, HashSet};
use std::hash::Hash;

use super::{End, Graph};

/// Facts about nodes, in which a fact that holds for all members of a group becomes one about the group. Each stands
/// where it was told first.
pub(super) fn of_groups<V, F: Clone + Eq + Hash>(graph: &Graph<V>, facts: &[(usize, F)]) -> Vec<(End, F)> {
    let known: HashSet<_> = facts.iter().cloned().collect();
    let mut whole: HashMap<(usize, F), bool> = HashMap::new();
    let mut told = Vec::new();
    for (node, fact) in facts {
        let Some(group) = graph.group_of(*node) else {
            told.push((End::Node(*node), fact.clone()));
            continue;
        };
        let holds_for = |member: &usize| known.contains(&(*member, fact.clone()));
        match whole.get(&(group, fact.clone())) {
            Some(true) => {}
            Some(false) => told.push((End::Node(*node), fact.clone())),
            None => {
                let all = graph.groups()[group].members.iter().all(holds_for);
                whole.insert((group, fact.clone()), all);
                told.push((if all { End::Group(group) } else { End::Node(*node) }, fact.clone()));
            }
        }
    }
    told
}

/// The names of nodes, those of all members of a group as that of the group.
pub(super) fn names<V>(graph: &Graph<V>, nodes: &[usize]) -> Vec<String> {
    let facts: Vec<_> = nodes.iter().map(|&node| (node, ())).collect();
    of_groups(graph, &facts).iter().map(|(end, ())| graph.end_name(end).to_owned()).collect()
}

/// The names of inports, those of all members of a group as that of the group.
pub(super) fn ports<V>(graph: &Graph<V>, ports: &[(usize, usize)]) -> Vec<String> {
    of_groups(graph, ports).iter().map(|(end, inport)| port(graph, end, *inport)).collect()
}

/// `component.port` or `group.port`.
pub(super) fn port<V>(graph: &Graph<V>, end: &End, inport: usize) -> String {
    let definition = &graph.nodes()[graph.members(end)[0]].definition;
    format!("{}.{}", graph.end_name(end), definition.inports[inport].name)
}
