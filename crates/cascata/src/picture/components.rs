//! Components and groups as they are seen.

use super::drawing::{Component, Figure, Frame, Port, Shape, label, places};
use super::text::shown;
use crate::graph::{DEFAULT_CAPACITY, End, Graph, Node, Taps};

/// A figure for each component that is in no group, and for each group, at the place of its first member.
pub(super) fn figures<V, E>(
    graph: &Graph<V>,
    frames: &[Frame],
    placement: Option<&[usize]>,
    text: &mut dyn FnMut(&V) -> Result<String, E>,
) -> Result<Vec<Figure>, E> {
    let mut figures = Vec::new();
    for node in 0..graph.nodes().len() {
        let end = match graph.group_of(node) {
            Some(group) if graph.groups()[group].members[0] != node => continue,
            Some(group) => End::Group(group),
            None => End::Node(node),
        };
        // What lies in others stands before them, so the first is the innermost.
        let frame = graph.subgraphs().values().position(|subgraph| subgraph.nodes.contains(&node));
        let name = graph.end_name(&end);
        let component = component(graph, &end, placement, text)?;
        let label = label(name, frame.map(|frame| frames[frame].name.as_str()));
        let shape = Shape::Component(Component { label, ..component });
        figures.push(Figure { name: name.to_owned(), frame, shape });
    }
    Ok(figures)
}

fn component<V, E>(
    graph: &Graph<V>,
    end: &End,
    placement: Option<&[usize]>,
    text: &mut dyn FnMut(&V) -> Result<String, E>,
) -> Result<Component, E> {
    let members = graph.members(end);
    let nodes = || members.iter().map(|&member| (member, &graph.nodes()[member]));
    let definition = &graph.nodes()[members[0]].definition;
    let mut inports = Vec::with_capacity(definition.inports.len());
    for (position, inport) in definition.inports.iter().enumerate() {
        let mut values = Vec::with_capacity(members.len());
        for &member in members {
            let sign = if graph.is_connected(member, position) { "starts with" } else { "=" };
            let value = graph.initial(member, position).map(&mut *text).transpose()?;
            values.push(value.map(|value| format!("{sign} {value}")));
        }
        let capacity = match inport.capacity {
            Some(DEFAULT_CAPACITY) => None,
            Some(capacity) => Some(format!("capacity {capacity}")),
            None => Some("no limit".to_owned()),
        };
        let batch = agreed(nodes().map(|(_, node)| node.batches[position].map(|batch| batch.to_string())));
        let trigger = agreed(nodes().map(|(member, node)| trigger(graph, member, node, position)));
        let notes = [batch, capacity, trigger].into_iter().flatten().collect();
        inports.push(Port { value: agreed(values), notes, ..port(&inport.name) });
    }
    let mut persists = Vec::with_capacity(definition.persists.len());
    for (position, persist) in definition.persists.iter().enumerate() {
        let mut values = Vec::with_capacity(members.len());
        for (_, node) in nodes() {
            let setting = &node.persists[position];
            values.push(match (&setting.state, &setting.arguments) {
                (Some(state), _) => Some(format!("= {}", text(state)?)),
                (None, Some(arguments)) => Some(format!("< {}", text(arguments)?)),
                (None, None) => None,
            });
        }
        persists.push(Port { value: agreed(values), ..port(&persist.name) });
    }
    let pins = &graph.wishes().pins;
    let worker =
        |&member: &usize| placement.map_or_else(|| pins.get(&member).copied(), |workers| Some(workers[member]));
    let together = graph.wishes().together.iter().enumerate();
    let together = together.filter(|(_, set)| placement.is_none() && members.iter().any(|member| set.contains(member)));
    Ok(Component {
        label: String::new(),
        class: shown(&definition.name),
        members: matches!(end, End::Group(_)).then_some(members.len()),
        inports,
        outports: definition.outports.iter().map(|outport| port(&outport.name)).collect(),
        persists,
        places: places(members.iter().filter_map(worker), members.len()),
        together: together.map(|(order, _)| order + 1).collect(),
    })
}

fn port(name: &str) -> Port {
    Port { label: shown(name), name: name.to_owned(), value: None, notes: Vec::new() }
}

/// What a port has to do with firings, if any trigger group was declared.
fn trigger<V>(graph: &Graph<V>, position: usize, node: &Node<V>, inport: usize) -> Option<String> {
    if node.triggers.is_empty() {
        return None;
    }
    let groups = graph.trigger_groups(position, &Taps::new());
    let zipped: Vec<_> = groups.iter().filter(|group| group.len() > 1).collect();
    match groups.iter().find(|group| group.contains(&inport)) {
        Some(group) if group.len() == 1 => Some("clk".to_owned()),
        Some(_) if zipped.len() == 1 => Some("sync".to_owned()),
        Some(group) => {
            let number = zipped.iter().position(|other| *other == group)?;
            Some(format!("sync {}", number + 1))
        }
        None => graph.is_connected(position, inport).then(|| "passive".to_owned()),
    }
}

/// What holds for all, or, one after the other, for each.
fn agreed(texts: impl IntoIterator<Item = Option<String>>) -> Option<String> {
    let texts: Vec<_> = texts.into_iter().collect();
    if texts.iter().all(|text| *text == texts[0]) {
        return texts.into_iter().next().flatten().map(|text| shown(&text));
    }
    let texts: Vec<_> = texts.into_iter().map(|text| text.unwrap_or_else(|| "–".to_owned())).collect();
    Some(shown(&texts.join(" / ")))
}
