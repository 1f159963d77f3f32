//! The ends of channels in a worker, made from the plan.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Weak},
    task::Waker,
};

use crate::{
    channel::{Collector, Gather, Hub, Inlet, Item, Local, Member, Outport, Remote, Share, Target},
    firing::{Heirs, Inputs, Latest, Numbers, Passive, Port},
    memory::{Memory, Topics},
    metrics::{Counter, OutportMeter},
    plan::{self, InportRole, Numbering, Plan, PlannedOutport, PlannedSource},
};

/// One end of a channel in this worker.
#[derive(Clone, Debug)]
enum End<T: Item> {
    Local(Arc<Local<T>>),
    Remote(Arc<Remote<T>>),
}

/// The ends of all channels that touch a worker.
#[derive(Debug)]
pub struct Ends<T: Item> {
    worker: usize,
    memory: Memory,
    ends: Vec<Option<End<T>>>,
    /// By node and inport.
    gathers: HashMap<(usize, usize), Arc<Gather<T>>>,
    hub: Option<Hub>,
}

impl<T: Item + std::fmt::Debug> Ends<T> {
    /// Those of worker `worker` in a run of `plan`.
    pub fn new(plan: &Plan<T>, memory: &Memory, worker: usize) -> Self {
        let mut hub: Option<Hub> = None;
        let here = || (0..plan.nodes.len()).filter(|&node| plan.is_with(node, worker));
        let bequeathed: HashSet<_> = here()
            .flat_map(|node| &plan.nodes[node].bequests)
            .flat_map(|(_, share)| &share.channels)
            .copied()
            .collect();
        let ends = plan.channels.iter().enumerate().map(|(number, channel)| {
            let receives = plan.is_with(channel.node, worker);
            let sends =
                channel.producers.iter().any(|&(node, _)| plan.is_with(node, worker)) || bequeathed.contains(&number);
            if !receives && !sends {
                return None;
            }
            let meter = memory.inport_meter(channel.node, channel.inport);
            let fronts = channel.numbered.then(|| memory.order().fronts(number));
            Some(match memory.ring(number) {
                None => {
                    let local = Local::new(channel.capacity, channel.publishers, meter);
                    let local = local.behind(memory.gate(number));
                    End::Local(Arc::new(match fronts {
                        Some([front, _]) => local.numbered(front),
                        None => local,
                    }))
                }
                Some(ring) => {
                    let hub = hub.get_or_insert_with(|| memory.hub(worker)).clone();
                    let unbounded = channel.capacity.is_none();
                    let remote = Remote::numbered(number, ring.clone(), hub, receives, unbounded, meter, fronts);
                    End::Remote(Arc::new(remote.behind(memory.gate(number))))
                }
            })
        });
        let ends = ends.collect();
        let mut this = Self { worker, memory: memory.clone(), ends, gathers: HashMap::new(), hub };
        let gathering = here().flat_map(|node| {
            let inports = plan.nodes[node].inports.iter().enumerate();
            let gathering =
                inports.filter(|(_, inport)| !matches!(inport.sources[..], [] | [PlannedSource::Channel(_)]));
            gathering.map(move |(inport, _)| (node, inport))
        });
        for (node, inport) in gathering {
            let gather = this.gather(plan, &plan.nodes[node].inports[inport].sources);
            this.gathers.insert((node, inport), Arc::new(gather));
        }
        this
    }

    /// What channels that cross processes share, if there are any.
    pub fn hub(&self) -> Option<&Hub> {
        self.hub.as_ref()
    }

    /// The channels that cross processes, by number.
    pub fn remotes(&self) -> Vec<Option<Arc<Remote<T>>>> {
        let remote = |end: &Option<End<T>>| match end {
            Some(End::Remote(remote)) => Some(remote.clone()),
            _ => None,
        };
        self.ends.iter().map(remote).collect()
    }

    /// What takes groups' results in their order, by the number under which bells tell of it.
    pub fn gathers(&self, plan: &Plan<T>) -> HashMap<usize, Weak<Gather<T>>> {
        let topics = Topics::new(plan);
        let here = plan.gathers.iter().enumerate().filter_map(|(number, gather)| {
            let made = self.gathers.get(&(gather.node, gather.inport))?;
            Some((topics.gather(number), Arc::downgrade(made)))
        });
        here.collect()
    }

    /// What an inport of a component of this worker reads; `None` if it is not connected.
    pub fn inlet(&self, plan: &Plan<T>, node: usize, inport: usize) -> Option<Inlet<T>> {
        if let Some(gather) = self.gathers.get(&(node, inport)) {
            return Some(Inlet::Gather(gather.clone()));
        }
        self.channel(plan.channels_of(node, inport).next()?)
    }

    fn channel(&self, channel: usize) -> Option<Inlet<T>> {
        match self.ends[channel].clone()? {
            End::Local(local) => Some(Inlet::Local(local)),
            End::Remote(remote) => Some(Inlet::Remote(remote)),
        }
    }

    fn gather(&self, plan: &Plan<T>, sources: &[PlannedSource]) -> Gather<T> {
        let order = self.memory.order();
        let mut channels = Vec::new();
        let mut groups = Vec::new();
        for source in sources {
            match source {
                PlannedSource::Channel(channel) => channels.extend(self.channel(*channel)),
                PlannedSource::Gather(gather) => {
                    let members = plan.gathers[*gather].members.iter().filter_map(|&(node, channel)| {
                        Some(Member { inlet: self.channel(channel)?, frontier: order.frontier(plan, node) })
                    });
                    groups.push((members.collect(), order.flag(*gather)));
                }
            }
        }
        Gather::new(channels, groups)
    }

    /// An outport before the channels that the plan says. `seeker` is woken when a group may have room.
    pub fn outport(
        &self,
        plan: &Plan<T>,
        port: &PlannedOutport,
        collector: Option<Arc<dyn Collector<T>>>,
        meter: OutportMeter,
        seeker: &Waker,
    ) -> Outport<T> {
        let mut locals = Vec::new();
        let mut remotes = Vec::new();
        for &channel in &port.channels {
            match self.target(plan, channel) {
                Some(Target::Local(local)) => locals.push(local),
                Some(Target::Remote(remote, own)) => remotes.push((remote, own)),
                None => {}
            }
        }
        let shares = port.shares.iter().zip(&meter.shared).map(|(share, given)| self.share(plan, share, given, seeker));
        let shares = shares.collect();
        let outport = Outport::new(locals, remotes, collector, meter).sharing(shares);
        if port.ordered { outport.in_order() } else { outport }
    }

    /// What shares out again what a member of a group has left.
    pub fn bequest(&self, plan: &Plan<T>, share: &plan::Share, meter: OutportMeter, seeker: &Waker) -> Outport<T> {
        let share = self.share(plan, share, &meter.shared[0], seeker).of_heirs();
        Outport::new(Vec::new(), Vec::new(), None, meter).sharing(vec![share])
    }

    fn share(&self, plan: &Plan<T>, share: &plan::Share, given: &[Counter], seeker: &Waker) -> Share<T> {
        let members = share.channels.iter().zip(given);
        let members =
            members.filter_map(|(&channel, given)| Some((self.target(plan, channel)?, given.clone()))).collect();
        let desk = (self.memory.order().desk(share.desk).clone(), share.port, Topics::new(plan).desk(share.desk));
        let sharing = plan.desks[share.desk].sharing.clone();
        let made = Share::new(members, desk, sharing, seeker.clone(), self.hub.clone());
        match share.turnstile {
            Some((turnstile, place)) => {
                made.behind_turnstile(self.memory.order().turnstile(plan, turnstile, place, self.memory.bells()))
            }
            None => made,
        }
    }

    fn target(&self, plan: &Plan<T>, channel: usize) -> Option<Target<T>> {
        Some(match self.ends[channel].clone()? {
            End::Local(local) => Target::Local(local),
            End::Remote(remote) => {
                Target::Remote(remote, plan.nodes[plan.channels[channel].node].worker == self.worker)
            }
        })
    }
}

/// What a component reads.
#[derive(Debug)]
pub struct ComponentInputs<T: Item> {
    /// Its trigger groups; one that gives one row if nothing is connected.
    pub lanes: Vec<Inputs<T>>,
    /// Its passive ports.
    pub passives: Vec<Passive<T>>,
}

impl<T: Item + std::fmt::Debug> Ends<T> {
    /// What a component of this worker reads. `heirs` gives who gets what an inport leaves when the component ends.
    pub fn inputs(
        &self,
        plan: &Plan<T>,
        node: usize,
        heirs: impl Fn(usize) -> Option<Arc<dyn Heirs<T>>>,
    ) -> ComponentInputs<T> {
        let planned = &plan.nodes[node];
        let port = |inport: usize| {
            let inlet = self.inlet(plan, node, inport)?;
            let port = Port::new(inport, planned.inports[inport].initial.clone(), inlet);
            let port = match planned.inports[inport].batch {
                Some(batch) => port.in_batches(batch),
                None => port,
            };
            Some(match heirs(inport) {
                Some(heirs) => port.leaving_to(heirs),
                None => port,
            })
        };
        let constants = planned.inports.iter().map(|port| match port.role {
            InportRole::Constant => port.initial.clone(),
            InportRole::Trigger | InportRole::Passive => None,
        });
        let latest = Latest::new(constants.collect());
        let of_role = |role| (0..planned.inports.len()).filter(move |&k| planned.inports[k].role == role);
        let passives: Vec<_> = of_role(InportRole::Passive)
            .filter_map(|inport| {
                let replaced = self.memory.inport_meter(node, inport).replaced;
                Some(Passive::new(port(inport)?, latest.clone(), replaced))
            })
            .collect();
        let alone = planned.groups.len() <= 1 && passives.is_empty();
        let inports = planned.inports.len();
        let cycle = self.memory.cycle(node);
        let inputs = |ports: Vec<_>| Inputs::new(ports, inports, latest.clone(), alone).in_cycle(cycle.cloned());
        if planned.groups.is_empty() {
            return ComponentInputs { lanes: vec![inputs(Vec::new())], passives };
        }
        let lanes = planned.groups.iter().map(|group| {
            let inputs = inputs(group.iter().filter_map(|&inport| port(inport)).collect());
            match numbers(plan, &self.memory, node) {
                Some(numbers) => inputs.numbered(numbers),
                None => inputs,
            }
        });
        ComponentInputs { lanes: lanes.collect(), passives }
    }
}

/// What numbers the firings of a node, if they bear numbers.
pub fn numbers<T>(plan: &Plan<T>, memory: &Memory, node: usize) -> Option<Numbers> {
    let planned = &plan.nodes[node];
    let order = memory.order();
    let feeds = match planned.numbering.as_ref()? {
        Numbering::Counted => Vec::new(),
        Numbering::Fed(ports) => ports.iter().map(|port| (port.inport, order.feed(plan, port))).collect(),
    };
    let watches = planned.watched.iter().map(|&watcher| order.watch(plan, watcher, memory.bells()));
    Some(Numbers::new(order.lane(node), feeds, watches.collect()))
}
