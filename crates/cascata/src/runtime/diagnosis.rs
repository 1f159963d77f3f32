//! What keeps a run from moving, in sentences, from the counters alone.

use super::crew::Crew;
use crate::metrics::LaneState;

/// Ports that one sentence names.
const MOST_PORTS: usize = 10;

/// What each component that has not ended is doing.
pub(super) fn unfinished(crew: &Crew) -> Vec<String> {
    let nodes = crew.plan.nodes.iter().enumerate().filter(|&(node, _)| !crew.plan.is_tap(node));
    let described = nodes.filter_map(|(node, planned)| {
        let mut texts: Vec<_> = crew.memory.meter(node).states().filter_map(|state| lane(crew, node, state)).collect();
        texts.dedup();
        (!texts.is_empty()).then(|| format!("{} {}", planned.name, texts.join(" and ")))
    });
    described.collect()
}

fn lane(crew: &Crew, node: usize, state: LaneState) -> Option<String> {
    let text = match state {
        LaneState::Done => return None,
        LaneState::New => "has not begun".to_owned(),
        LaneState::Running => "runs".to_owned(),
        LaneState::Ready => "is ready to go on".to_owned(),
        LaneState::Awaiting => "awaits something that is no channel".to_owned(),
        LaneState::Waiting(inport) => format!("waits for an item at {}", fill(crew, node, inport)),
        LaneState::Blocked(outport) => blocked(crew, node, outport),
    };
    Some(text)
}

fn blocked(crew: &Crew, node: usize, outport: usize) -> String {
    let plan = &crew.plan;
    let name = format!("{}.{}", plan.nodes[node].name, plan.nodes[node].outports[outport].name);
    let behind = plan.channels.iter().filter(|channel| channel.producers.contains(&(node, outport)));
    let mut ports: Vec<_> = behind.map(|channel| (channel.node, channel.inport)).collect();
    ports.dedup();
    let done = |node: usize| crew.memory.meter(node).states().all(|state| state == LaneState::Done);
    ports.retain(|&(node, _)| plan.is_tap(node) || !done(node));
    let is_full = |&(node, inport): &(usize, usize)| room(crew, node, inport).is_some_and(|(fill, room)| fill >= room);
    let full: Vec<_> = ports.iter().copied().filter(is_full).collect();
    if full.is_empty() {
        return format!("waits for room or its turn behind {name}: {}", fills(crew, &ports));
    }
    let mut text = format!("waits for room behind {name}: {}", fills(crew, &full));
    let home = plan.cycles.iter().find(|cycle| cycle.contains(&node));
    let looped = full.iter().filter(|port| home.is_some_and(|cycle| cycle.contains(&port.0)));
    let looped: Vec<_> = looped.take(MOST_PORTS).map(|&(node, inport)| port(crew, node, inport)).collect();
    if !looped.is_empty() {
        let names = looped.join(" or ");
        text.push_str(&format!("; a loop that multiplies its items needs an inport without bound at {names}"));
    }
    text
}

fn fills(crew: &Crew, ports: &[(usize, usize)]) -> String {
    let named: Vec<_> = ports.iter().take(MOST_PORTS).map(|&(node, inport)| fill(crew, node, inport)).collect();
    let more = ports.len().saturating_sub(MOST_PORTS);
    named.join(", ") + &if more > 0 { format!(" and {more} more") } else { String::new() }
}

/// An inport with what is inside.
fn fill(crew: &Crew, node: usize, inport: usize) -> String {
    let name = port(crew, node, inport);
    let meter = crew.memory.inport_meter(node, inport);
    let inside = meter.received.get().saturating_sub(meter.taken.get());
    let capacity = room(crew, node, inport).map_or_else(|| "unbounded".to_owned(), |(_, room)| format!("of {room}"));
    let batch = crew.plan.nodes[node].inports[inport].batch.map(|batch| {
        let size = batch.size.map_or_else(String::new, |size| format!(" of {size}"));
        format!(", {}{size} in its batch", meter.batched.get())
    });
    format!("{name} ({inside} {capacity} inside{})", batch.unwrap_or_default())
}

/// How many items are inside, and how many there may be; `None` without bound.
fn room(crew: &Crew, node: usize, inport: usize) -> Option<(u64, u64)> {
    let capacities = crew.plan.channels_of(node, inport).map(|channel| crew.plan.channels[channel].capacity);
    let room = capacities.sum::<Option<usize>>()?;
    let meter = crew.memory.inport_meter(node, inport);
    Some((meter.received.get().saturating_sub(meter.taken.get()), room as u64))
}

fn port(crew: &Crew, node: usize, inport: usize) -> String {
    let planned = &crew.plan.nodes[node];
    if crew.plan.is_tap(node) {
        return format!("the export {}", planned.name);
    }
    format!("{}.{}", planned.name, planned.inports[inport].name)
}
