//! Where an order is promised for what the members of groups send.

use std::collections::HashSet;

use super::numbers::Numbers;
use super::wire::{Place, Wiring};
use super::{FedBy, Numbering};
use crate::graph::{End, Graph};

/// The outports on whose order somebody relies: results of them are gathered in order, or shared out in order, or give
/// their numbers to firings on whose results somebody relies.
pub(super) fn promised<V>(graph: &Graph<V>, numbers: &[Option<Numbers>], wiring: &Wiring<V>) -> HashSet<Place> {
    let gathered = wiring.gathers.iter().flat_map(|gather| {
        gather.members.iter().flat_map(|&(_, channel)| wiring.channels[channel].producers.iter().copied())
    });
    let in_turn = wiring
        .routes
        .iter()
        .filter_map(|(&place, (_, shares))| shares.iter().any(|share| share.turnstile.is_some()).then_some(place));
    // Where there is one member it has nobody to wait for, and yet it has promised as much as several would.
    let alone = graph.links().filter_map(|link| match link.from {
        End::Group(group) if link.ordered && numbers[group].is_some() && !graph.is_paired(link) => {
            let members = &graph.groups()[group].members;
            (members.len() == 1).then(|| (members[0], link.outport))
        }
        _ => None,
    });
    let mut promised: HashSet<Place> = gathered.chain(in_turn).chain(alone).collect();
    let mut nodes: Vec<usize> = promised.iter().map(|place| place.0).collect();
    while let Some(node) = nodes.pop() {
        let Some(Numbering::Fed(ports)) = wiring.numbering.get(&node) else { continue };
        for port in ports.iter().filter(|port| matches!(port.by, FedBy::Member(_))) {
            let producers = &wiring.channels[port.channel].producers;
            nodes.extend(producers.iter().filter(|place| promised.insert(**place)).map(|place| place.0));
        }
    }
    promised
}
