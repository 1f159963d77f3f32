//! From a plan to the tasks of its components.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
    task::Waker,
};

use super::{
    Value,
    collecting::Collected,
    component::Payload,
    crew::Crew,
    lane::{Cell, Lane},
    part::{Part, Siblings},
    post::{Foreign, Post, Seeker},
    taps::Taps,
    task::Task,
};
use crate::{
    channel::{Collector, Outport},
    ends::Ends,
    firing::Heirs,
    memory::Memory,
    plan::{Plan, Share},
};

/// The crew of a run, and the tasks of its components, those that block with a name for their thread.
pub(super) fn build(
    plan: Plan<Value>,
    memory: Memory,
    shows_inputs: bool,
    collected: &[Arc<Collected>],
    taps: &Taps,
) -> (Arc<Crew>, Vec<(Task, Option<String>)>) {
    let plan = Arc::new(plan);
    let crew = Crew::new(plan.clone(), memory.clone(), shows_inputs);
    let ends = Ends::new(&plan, &memory, 0);
    let posts: Vec<_> = plan.nodes.iter().map(|_| Post::new(crew.clone())).collect();
    crew.meet(&posts, ends.gathers(&plan));
    let sharers = sharers(&plan);
    let hall = Hall { plan: &plan, memory: &memory, ends: &ends, posts: &posts, sharers, collected, taps };
    let tasks = (0..plan.nodes.len()).filter_map(|node| hall.task(node)).collect();
    (crew, tasks)
}

/// What it takes to make the task of a component.
struct Hall<'a> {
    plan: &'a Plan<Value>,
    memory: &'a Memory,
    ends: &'a Ends<Value>,
    posts: &'a [Arc<Post>],
    sharers: HashMap<usize, BTreeSet<usize>>,
    collected: &'a [Arc<Collected>],
    taps: &'a Taps,
}

/// For each desk where several ports share rows, the nodes that share out there: what one does concerns the others.
fn sharers(plan: &Plan<Value>) -> HashMap<usize, BTreeSet<usize>> {
    let mut sharers: HashMap<usize, BTreeSet<usize>> = HashMap::new();
    for (number, node) in plan.nodes.iter().enumerate() {
        let shares = node.outports.iter().flat_map(|outport| &outport.shares);
        let shares = shares.chain(node.bequests.iter().map(|(_, share)| share));
        for share in shares.filter(|share| plan.desks[share.desk].rows > 0) {
            sharers.entry(share.desk).or_default().insert(number);
        }
    }
    sharers
}

impl Hall<'_> {
    fn task(&self, node: usize) -> Option<(Task, Option<String>)> {
        let planned = &self.plan.nodes[node];
        let defined = || planned.definition.payload.get::<Payload>().map(|payload| payload.0.clone());
        let blueprint = self.taps.blueprint(self.plan, node).or_else(defined)?;
        let meter = self.memory.meter(node);
        let mut meters = meter.outports.clone().into_iter();
        let outports = planned.outports.iter().zip(&mut meters).enumerate().map(|(index, (port, meter))| {
            let collector = port.collect.map(|place| self.collected[place].clone() as Arc<dyn Collector<Value>>);
            let (home, feeds) = self.memory.cycles_behind(node, index);
            let outport = self.ends.outport(self.plan, port, collector, meter, &self.seeker(node, &port.shares));
            Arc::new(outport.in_cycles(home, feeds))
        });
        let outports = outports.collect();
        let bequests = planned.bequests.iter().zip(&mut meters).map(|((inport, share), meter)| {
            let seeker = self.seeker(node, std::slice::from_ref(share));
            (*inport, Arc::new(self.ends.bequest(self.plan, share, meter, &seeker)))
        });
        let bequests: Vec<(usize, Arc<Outport<Value>>)> = bequests.collect();
        let heirs = |inport: usize| {
            let found = bequests.iter().find(|(other, _)| *other == inport)?;
            Some(Arc::new(Siblings(found.1.clone())) as Arc<dyn Heirs<Value>>)
        };
        let inputs = self.ends.inputs(self.plan, node, heirs);
        let bequests = bequests.iter().map(|(_, outport)| outport.clone()).collect();
        let foreign = Arc::new(Foreign(self.posts[node].clone()));
        let part = Part::new(node, self.posts[node].clone(), meter, outports, bequests, foreign.clone());
        let part = Arc::new(part);
        let cells: Vec<_> = inputs.lanes.iter().map(|_| Cell::new()).collect();
        let lanes =
            inputs.lanes.into_iter().zip(&cells).enumerate().map(|(group, (inputs, cell))| {
                Lane::new(part.clone(), cell.clone(), group, inputs, planned.inports.len())
            });
        let settings = planned.persists.iter().map(|persist| persist.state.clone()).collect();
        let thread = blueprint.declaration().blocking.then(|| planned.name.clone());
        let courses = blueprint.courses(lanes.collect(), settings);
        let lanes = courses.into_iter().zip(cells).collect();
        Some((Task::new(part, foreign, lanes, inputs.passives), thread))
    }

    /// What wakes those who share out there, where `node` does.
    fn seeker(&self, node: usize, shares: &[Share]) -> Waker {
        let others = shares.iter().filter_map(|share| self.sharers.get(&share.desk)).flatten().copied();
        let nodes: BTreeSet<usize> = others.chain([node]).collect();
        Waker::from(Arc::new(Seeker(nodes.into_iter().map(|node| self.posts[node].clone()).collect())))
    }
}
