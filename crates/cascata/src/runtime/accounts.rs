//! Where all items of a run have gone, and whether that balances.
//!
//! The sums are formed from counters of different origin: a sender counts what it sends, a channel what is taken and
//! discarded, a trigger group its firings, a way to a group the items of each member.

use std::collections::HashMap;

use super::{Value, crew::Crew};
use crate::{
    metrics::{Exit, Flow, InportMeter, NodeMeter, flows},
    plan::{InportRole, Plan, PlannedNode},
};

/// Items of one connection.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct EdgeReport {
    /// Where they come from, as `component.outport`; the name of the export if the program puts them in, and
    /// `component.inport` if a member of a group has left them to the others because it had ended.
    pub source: String,
    /// Where they were sent to, as `component.inport`, or the name of the export that the program reads.
    pub target: String,
    /// Where items are shared out among the members of a group, which of the ways from the source to groups it is.
    pub share: Option<usize>,
    /// How many, those included that the target discarded.
    pub items: u64,
}

/// The items of all connections.
pub(super) fn edges(crew: &Crew) -> Vec<EdgeReport> {
    let plan = &crew.plan;
    let edge = |Flow { from, by, to: (to, inport), share, items }: Flow| EdgeReport {
        source: exit(plan, from, by),
        target: name(plan, to, &plan.nodes[to].inports[inport].name),
        share,
        items,
    };
    flows(plan, |node| crew.memory.meter(node)).into_iter().map(edge).collect()
}

fn exit(plan: &Plan<Value>, node: usize, by: Exit) -> String {
    let planned = &plan.nodes[node];
    let port = match by {
        Exit::Outport(port) => &planned.outports[port].name,
        Exit::Inport(port) => &planned.inports[port].name,
    };
    name(plan, node, port)
}

fn name(plan: &Plan<Value>, node: usize, port: &str) -> String {
    let name = &plan.nodes[node].name;
    if plan.is_tap(node) { name.clone() } else { format!("{name}.{port}") }
}

/// A sentence for each sum that does not balance. `collected` says how many items of each outport to collect there are.
pub(super) fn imbalances(crew: &Crew, collected: &[usize]) -> Vec<String> {
    let plan = &crew.plan;
    let flows = flows(plan, |node| crew.memory.meter(node));
    let mut arrivals: HashMap<(usize, usize), u64> = HashMap::new();
    flows.iter().for_each(|flow| *arrivals.entry(flow.to).or_default() += flow.items);
    let mut problems = Vec::new();
    for (number, node) in plan.nodes.iter().enumerate() {
        let meter = crew.memory.meter(number);
        for inport in (0..node.inports.len()).filter(|&inport| !node.inports[inport].sources.is_empty()) {
            let sent = arrivals.get(&(number, inport)).copied().unwrap_or_default();
            let mut found = came(node, &meter, inport, sent, crew.halted());
            // The firing of a tap may have an item that nobody has read, and a run that is stopped any.
            if found.is_none() && !crew.halted() && !plan.is_tap(number) {
                found = fired(node, &meter, inport);
            }
            problems.extend(found.map(|found| format!("{}: {found}", exit(plan, number, Exit::Inport(inport)))));
        }
        for (port, counted) in meter.outports.iter().take(node.outports.len()).enumerate() {
            let planned = &node.outports[port];
            let (sent, heard) = (counted.sent.get(), planned.collect.map(|place| collected[place] as u64));
            let connected = !planned.channels.is_empty() || !planned.shares.is_empty() || heard.is_some();
            let (name, dropped) = (|| exit(plan, number, Exit::Outport(port)), counted.dropped.get());
            if dropped != if connected { 0 } else { sent } {
                problems.push(format!("{}: sent {sent} items, dropped {dropped}", name()));
            }
            if let Some(heard) = heard.filter(|&heard| differ(heard, sent, crew.halted())) {
                problems.push(format!("{}: sent {sent} items, of which {heard} were collected", name()));
            }
        }
    }
    problems.extend(shared(crew, &flows));
    problems
}

/// Whether all that was sent to an inport has gone somewhere.
fn came(node: &PlannedNode<Value>, meter: &NodeMeter, inport: usize, sent: u64, stopped: bool) -> Option<String> {
    let InportMeter { taken, discarded, .. } = &meter.inports[inport];
    let (taken, mut discarded) = (taken.get(), discarded.get());
    let bequest = node.bequests.iter().position(|(port, _)| *port == inport);
    let bequest = bequest.and_then(|place| meter.outports.get(node.outports.len() + place));
    let left = bequest.map_or(0, |meter| meter.sent.get());
    discarded += bequest.map_or(0, |meter| meter.dropped.get());
    differ(taken + discarded + left, sent, stopped).then(|| {
        format!("was sent {sent} items, of which {taken} were taken, {discarded} discarded, and {left} passed on")
    })
}

/// Whether the component has fired for what was taken at an inport.
fn fired(node: &PlannedNode<Value>, meter: &NodeMeter, inport: usize) -> Option<String> {
    let (planned, counted) = (&node.inports[inport], &meter.inports[inport]);
    let (taken, replaced, batched) = (counted.taken.get(), counted.replaced.get(), counted.batched.get());
    if batched > 0 {
        return Some(format!("{batched} items of an incomplete batch came to nothing"));
    }
    // The initial value is no item; it comes first, if anything does.
    let most = taken + u64::from(planned.initial.is_some());
    if planned.role == InportRole::Passive {
        return (replaced > most).then(|| format!("took {taken} items, of which {replaced} were replaced"));
    }
    let group = node.groups.iter().position(|group| group.contains(&inport))?;
    let firings = meter.lanes[group].firings.get();
    let wrong = if planned.batch.is_some() {
        firings > most || (taken > 0 && firings == 0)
    } else {
        firings != most && (taken > 0 || firings > 0)
    };
    wrong.then(|| format!("took {taken} items for {firings} firings"))
}

/// Whether of what is shared out each item has gone to one member.
fn shared(crew: &Crew, flows: &[Flow]) -> Vec<String> {
    let mut given: Vec<((usize, Exit, usize), u64)> = Vec::new();
    for flow in flows {
        let Some(share) = flow.share else { continue };
        let way = (flow.from, flow.by, share);
        match given.last_mut().filter(|(last, _)| *last == way) {
            Some((_, items)) => *items += flow.items,
            None => given.push((way, flow.items)),
        }
    }
    let wrong = given.into_iter().filter_map(|((node, by, _), items)| {
        let (planned, meter) = (&crew.plan.nodes[node], crew.memory.meter(node));
        let place = match by {
            Exit::Outport(port) => port,
            Exit::Inport(port) => planned.outports.len() + planned.bequests.iter().position(|(at, _)| *at == port)?,
        };
        let sent = meter.outports[place].sent.get();
        let name = || exit(&crew.plan, node, by);
        differ(items, sent, crew.halted())
            .then(|| format!("{}: sent {sent} items, of which members of a group got {items}", name()))
    });
    wrong.collect()
}

/// Whether items are lost or doubled; those of a run that was stopped may still be on their way.
fn differ(arrived: u64, sent: u64, stopped: bool) -> bool {
    arrived > sent || (arrived < sent && !stopped)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        graph::Graph,
        runtime::{Component, Declaration, Failure, Outports, Row, Settings, define, launch},
    };

    /// Sends three numbers if nothing comes, and else passes on what does.
    struct Relay(bool);

    impl Component for Relay {
        type State = ();

        fn declare(&self) -> Declaration {
            let relay = Declaration::new("relay", "tests");
            let relay = if self.0 { relay } else { relay.inport::<u64>("x") };
            relay.outport::<u64>("out")
        }

        fn start(&self, _: Settings<'_>) -> Result<(), Failure> {
            Ok(())
        }

        async fn fire(&self, (): &mut (), row: &mut Row, outports: &Outports) -> Result<(), Failure> {
            let numbers = if self.0 { vec![0, 1, 2] } else { vec![row.take::<u64>(0)?] };
            for number in numbers {
                outports.get(0).send(number).await;
            }
            Ok(())
        }
    }

    #[tokio::test]
    async fn what_is_lost_or_doubled_is_found() {
        let mut graph = Graph::new();
        graph.add("a", define(Relay(true)).unwrap()).unwrap();
        graph.add_group("g", define(Relay(false)).unwrap(), 2).unwrap();
        graph.connect("a", "out", "g", "x").unwrap();
        let run = launch(&graph).collect_at("g", "out").start().unwrap();
        let crew = run.crew();
        run.join().await.unwrap().check();
        let found = |collected: &[usize]| imbalances(&crew, collected);
        let member = |number: usize| crew.memory.meter(1 + number);
        let passed = [member(0).outports[0].sent.get() as usize, member(1).outports[0].sent.get() as usize];
        assert!(found(&passed).is_empty());
        assert!(found(&[passed[0] + 1, passed[1]])[0].starts_with("g_0.out: sent"));
        member(0).inports[0].taken.add(1);
        let texts = found(&passed);
        assert!(texts[0].starts_with("g_0.x: was sent") && texts.len() == 1, "{texts:?}");
        member(0).inports[0].taken.take_back(1);
        member(1).lanes[0].firings.add(1);
        assert!(found(&passed)[0].starts_with("g_1.x: took"));
        member(1).lanes[0].firings.take_back(1);
        crew.memory.meter(0).outports[0].sent.add(1);
        assert_eq!(found(&passed), ["a.out: sent 4 items, of which members of a group got 3"]);
        crew.memory.meter(0).outports[0].dropped.add(1);
        assert_eq!(found(&passed)[0], "a.out: sent 4 items, dropped 1");
    }
}
