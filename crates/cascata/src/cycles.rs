//! The feedback loops of a run: who belongs to which, and how many parts each opens with.

use std::collections::{BTreeSet, HashSet};

use crate::plan::{InportRole, Plan};

/// What a plan says of its feedback loops, for the shared memory and the workers.
#[derive(Clone, Debug)]
pub(crate) struct Cycles {
    /// The loop of each component.
    pub of_node: Vec<Option<usize>>,
    /// For each channel of a component in a loop: the loop, and a gate of it unless the port is passive.
    pub of_channel: Vec<Option<(usize, Option<usize>)>>,
    pub all: Vec<Shape>,
    /// The outports that feed a trigger port of their own loop, as (node, outport).
    inner: HashSet<(usize, usize)>,
}

/// One feedback loop.
#[derive(Clone, Debug)]
pub(crate) struct Shape {
    /// A gate for each trigger port.
    pub gates: usize,
    /// One for each trigger group, and one for each connection from outside to a trigger port.
    pub parts: u64,
    /// The workers that run components of it.
    pub workers: Vec<usize>,
    /// The outports that feed trigger ports of it from outside, as (node, outport), once for each connection.
    pub feeders: Vec<(usize, usize)>,
}

impl Cycles {
    pub fn new<V>(plan: &Plan<V>) -> Self {
        let mut of_node = vec![None; plan.nodes.len()];
        let mut all = Vec::with_capacity(plan.cycles.len());
        let mut inner = HashSet::new();
        for (number, members) in plan.cycles.iter().enumerate() {
            members.iter().for_each(|&node| of_node[node] = Some(number));
            let workers: BTreeSet<_> = members.iter().map(|&node| plan.nodes[node].worker).collect();
            let lanes: usize = members.iter().map(|&node| plan.nodes[node].groups.len()).sum();
            let workers = workers.into_iter().collect();
            all.push(Shape { gates: 0, parts: lanes as u64, workers, feeders: Vec::new() });
        }
        let of_channel = plan.channels.iter().map(|channel| {
            let number = of_node[channel.node]?;
            if plan.nodes[channel.node].inports[channel.inport].role != InportRole::Trigger {
                return Some((number, None));
            }
            let shape: &mut Shape = &mut all[number];
            for &producer in &channel.producers {
                if of_node[producer.0] == Some(number) {
                    inner.insert(producer);
                } else {
                    shape.feeders.push(producer);
                }
            }
            shape.gates += 1;
            Some((number, Some(shape.gates - 1)))
        });
        let of_channel = of_channel.collect();
        for shape in &mut all {
            shape.parts += shape.feeders.len() as u64;
        }
        Self { of_node, of_channel, all, inner }
    }

    /// The loop in which items of this outport go round.
    pub fn home(&self, node: usize, outport: usize) -> Option<usize> {
        if self.inner.contains(&(node, outport)) { self.of_node[node] } else { None }
    }

    /// The loops that an outport feeds from outside, once for each connection.
    pub fn fed_by(&self, node: usize, outport: usize) -> impl Iterator<Item = usize> {
        self.all.iter().enumerate().flat_map(move |(number, shape)| {
            shape.feeders.iter().filter(move |&&feeder| feeder == (node, outport)).map(move |_| number)
        })
    }
}
