//! How many items each connection has brought.

use super::NodeMeter;
use crate::plan::Plan;

/// The items of one connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flow {
    /// The node that they come from.
    pub from: usize,
    /// Its port.
    pub by: Exit,
    /// The node and the inport that they were for, those included that it discarded.
    pub to: (usize, usize),
    /// Where items are shared out, which of the port's ways to groups it belongs to.
    pub share: Option<usize>,
    /// How many.
    pub items: u64,
}

/// Where items leave a component.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// By an outport.
    Outport(usize),
    /// A member of a group has left what came by this inport to the other members.
    Inport(usize),
}

/// The flows of all connections of `plan`, whose nodes have these counters.
pub fn flows<V, D>(plan: &Plan<V, D>, meter: impl Fn(usize) -> NodeMeter) -> Vec<Flow> {
    let mut flows = Vec::new();
    for (from, node) in plan.nodes.iter().enumerate() {
        let outports = node.outports.iter().enumerate();
        let outports =
            outports.map(|(port, planned)| (Exit::Outport(port), &planned.channels[..], &planned.shares[..]));
        let bequests = node.bequests.iter();
        let bequests = bequests.map(|(port, share)| (Exit::Inport(*port), &[][..], std::slice::from_ref(share)));
        for ((by, channels, shares), meter) in outports.chain(bequests).zip(meter(from).outports) {
            let flow = |channel: &usize, share, items| {
                let channel = &plan.channels[*channel];
                Flow { from, by, to: (channel.node, channel.inport), share, items }
            };
            flows.extend(channels.iter().map(|channel| flow(channel, None, meter.sent.get())));
            for (number, (share, given)) in shares.iter().zip(&meter.shared).enumerate() {
                let members = share.channels.iter().zip(given);
                flows.extend(members.map(|(channel, items)| flow(channel, Some(number), items.get())));
            }
        }
    }
    flows
}
