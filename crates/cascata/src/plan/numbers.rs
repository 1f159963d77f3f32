//! Which groups' firings bear numbers, and from where.

use std::collections::HashSet;

use crate::graph::{End, Graph, Taps};

/// How firings of a group's members get their numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Numbers {
    /// Every member gets all items and counts them.
    Counted,
    /// Items of these inports are shared out.
    Shared(Vec<usize>),
    /// Items of these inports come from the member of the same index in these groups.
    Paired(Vec<(usize, usize)>),
}

/// How the items of a group's inport come to its members.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    Shared,
    Broadcast,
    Paired(usize),
    /// In several ways, or to some members only: no order spans that.
    Mixed,
}

/// How the items of an inport come to the members; `None` if it is not connected.
pub(super) fn way<V>(graph: &Graph<V>, group: usize, inport: usize) -> Option<Way> {
    let members: HashSet<_> = graph.groups()[group].members.iter().copied().collect();
    let ways = graph.links().filter(|link| link.inport == inport).filter_map(|link| match (link.to, link.from) {
        (End::Node(node), _) => members.contains(&node).then_some(Way::Mixed),
        (End::Group(to), _) if to != group => None,
        (_, End::Group(from)) if graph.is_paired(link) => Some(Way::Paired(from)),
        _ if graph.is_shared_out(link) => Some(Way::Shared),
        _ => Some(Way::Broadcast),
    });
    // Items of several members would come with numbers that have nothing to do with each other.
    ways.reduce(|one, other| if one == other && !matches!(one, Way::Paired(_)) { one } else { Way::Mixed })
}

/// Whether an inport of a group delivers batches that time may complete: how many items make one is not known beforehand.
pub(super) fn is_timed<V>(graph: &Graph<V>, group: usize, inport: usize) -> bool {
    let batches = &graph.nodes()[graph.groups()[group].members[0]].batches;
    batches[inport].is_some_and(|batch| batch.within.is_some())
}

/// For each group how its firings get their numbers. They bear none where members have several trigger groups, or take
/// part in a feedback loop, or are given nothing that is shared out.
pub(super) fn numbers<V>(graph: &Graph<V>, cycles: &[Vec<usize>]) -> Vec<Option<Numbers>> {
    let looping: HashSet<_> = cycles.iter().flatten().copied().collect();
    let mut found = vec![None; graph.groups().len()];
    // Groups of one size may stand in a row: what is known of one tells of the next.
    loop {
        let mut news = false;
        for (group, described) in graph.groups().values().enumerate() {
            if found[group].is_none() && !described.members.iter().any(|member| looping.contains(member)) {
                found[group] = of_group(graph, group, &found);
                news |= found[group].is_some();
            }
        }
        if !news {
            return found;
        }
    }
}

fn of_group<V>(graph: &Graph<V>, group: usize, found: &[Option<Numbers>]) -> Option<Numbers> {
    let mut triggers = graph.groups()[group].members.iter().map(|&member| graph.trigger_groups(member, &Taps::new()));
    let first = triggers.next()?;
    if first.len() != 1 || triggers.any(|other| other != first) {
        return None;
    }
    let ways: Vec<_> = first[0].iter().filter_map(|&inport| Some((inport, way(graph, group, inport)?))).collect();
    let timed = |&(inport, _): &(usize, Way)| is_timed(graph, group, inport);
    if ways.iter().any(timed) && (ways.len() > 1 || ways.iter().any(|(_, way)| *way == Way::Broadcast)) {
        // Where time makes the rows, members with the same items are not equally far, and who has a part of a row may wait
        // for the other parts in vain: results in order would wait for it.
        return None;
    }
    let shared: Vec<_> = ways.iter().filter(|(_, way)| *way == Way::Shared).map(|&(inport, _)| inport).collect();
    if !shared.is_empty() {
        return Some(Numbers::Shared(shared));
    }
    let paired: Vec<_> = ways
        .iter()
        .filter_map(|&(inport, way)| match way {
            Way::Paired(from) if found[from].is_some() => Some((inport, from)),
            _ => None,
        })
        .collect();
    if !paired.is_empty() {
        return Some(Numbers::Paired(paired));
    }
    ways.iter().any(|(_, way)| *way == Way::Broadcast).then_some(Numbers::Counted)
}
