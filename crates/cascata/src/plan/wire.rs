//! From connections to channels: who sends into which, where items are shared out and where results are gathered.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use super::numbers::{self, Numbers, Way};
use super::promise::promised;
use super::{
    FedBy, NumberedPort, Numbering, PlannedChannel, PlannedDesk, PlannedGather, PlannedSource, PlannedTurnstile, Share,
    Sharing, Watcher,
};
use crate::graph::{End, Graph, Link, Policy, Taps};

/// Results of a member that may wait for their turn where the capacity says nothing.
const MOST_WAITING: usize = 1024;
/// Rows by which one port may be ahead of another where no capacity says less.
const MOST_ROWS: usize = 1 << 20;

/// A port of a node.
pub(super) type Place = (usize, usize);

/// All that the connections of a graph come to.
#[derive(Debug)]
pub(super) struct Wiring<V> {
    pub channels: Vec<PlannedChannel>,
    pub gathers: Vec<PlannedGather>,
    pub turnstiles: Vec<PlannedTurnstile>,
    pub desks: Vec<PlannedDesk<V>>,
    /// What each inport reads.
    pub sources: HashMap<Place, Vec<PlannedSource>>,
    /// The channels that get every item of an outport, and the groups of which one member does.
    pub routes: HashMap<Place, (Vec<usize>, Vec<Share>)>,
    pub numbering: HashMap<usize, Numbering>,
    /// Those for whom a node's numbers matter.
    pub watched: HashMap<usize, Vec<Watcher>>,
    /// How what inports of a node leave is shared out again.
    pub bequests: HashMap<usize, Vec<(usize, Share)>>,
    /// Outports on whose order somebody relies.
    pub promised: HashSet<Place>,
}

/// What comes to an inport.
#[derive(Debug, Default)]
struct Coming {
    /// As items come.
    plain: Vec<Place>,
    /// In the order of numbers: group and outport.
    gathered: Vec<Place>,
}

/// Wires the connections of `graph`, whose nodes run on the workers that `placement` says.
pub(super) fn wire<V: Clone>(graph: &Graph<V>, placement: &[usize], cycles: &[Vec<usize>]) -> Wiring<V> {
    let numbers = numbers::numbers(graph, cycles);
    let looping: HashSet<_> = cycles.iter().flatten().copied().collect();
    let mut wiring = Wiring {
        channels: Vec::new(),
        gathers: Vec::new(),
        turnstiles: Vec::new(),
        desks: Vec::new(),
        sources: HashMap::new(),
        routes: HashMap::new(),
        numbering: HashMap::new(),
        watched: HashMap::new(),
        bequests: HashMap::new(),
        promised: HashSet::new(),
    };
    let mut plain = HashMap::new();
    for (place, coming) in coming(graph, &numbers) {
        if !coming.plain.is_empty() {
            let numbered = graph.group_of(place.0).is_some_and(|group| match &numbers[group] {
                Some(Numbers::Shared(ports)) => ports.contains(&place.1),
                Some(Numbers::Paired(ports)) => ports.iter().any(|(inport, _)| *inport == place.1),
                Some(Numbers::Counted) | None => false,
            });
            let channel = wiring.channel(graph, placement, place, coming.plain, numbered);
            if bequeaths(graph, place, &looping) {
                wiring.keep_open(graph, placement, channel);
            }
            wiring.sources.entry(place).or_default().push(PlannedSource::Channel(channel));
            plain.insert(place, channel);
        }
        for (group, outport) in coming.gathered {
            let members = graph.groups()[group].members.iter().map(|&member| {
                let channel = wiring.channel(graph, placement, place, vec![(member, outport)], true);
                wiring.routes.entry((member, outport)).or_default().0.push(channel);
                (member, channel)
            });
            let members = members.collect();
            wiring.sources.entry(place).or_default().push(PlannedSource::Gather(wiring.gathers.len()));
            wiring.gathers.push(PlannedGather { node: place.0, inport: place.1, members });
        }
    }
    let ports = wiring.desks(graph);
    wiring.bequests(graph, &plain, &ports, &looping);
    for link in graph.links() {
        if gathers(graph, link, &numbers).is_none() {
            wiring.route(graph, link, &numbers, &plain, &ports);
        }
    }
    for (channels, _) in wiring.routes.values_mut() {
        channels.sort_unstable();
    }
    wiring.number(graph, &numbers, &plain, &ports);
    wiring.watch();
    wiring.promised = promised(graph, &numbers, &wiring);
    wiring
}

/// The group whose results a connection takes in their order.
fn ordered<V>(graph: &Graph<V>, link: &Link, numbers: &[Option<Numbers>]) -> Option<usize> {
    let End::Group(from) = link.from else { return None };
    let ordered = link.ordered && numbers[from].is_some() && graph.groups()[from].members.len() > 1;
    (ordered && !graph.is_paired(link)).then_some(from)
}

/// The group whose results an inport gathers in their order.
fn gathers<V>(graph: &Graph<V>, link: &Link, numbers: &[Option<Numbers>]) -> Option<usize> {
    ordered(graph, link, numbers).filter(|_| !graph.is_shared_out(link))
}

/// What comes to each connected inport, in the order of nodes and inports.
fn coming<V>(graph: &Graph<V>, numbers: &[Option<Numbers>]) -> BTreeMap<Place, Coming> {
    let mut coming: BTreeMap<Place, Coming> = BTreeMap::new();
    for link in graph.links() {
        match gathers(graph, link, numbers) {
            Some(group) => {
                for &to in graph.members(&link.to) {
                    coming.entry((to, link.inport)).or_default().gathered.push((group, link.outport));
                }
            }
            None => {
                for edge in graph.expand(link) {
                    coming.entry((edge.to, edge.inport)).or_default().plain.push((edge.from, edge.outport));
                }
            }
        }
    }
    coming
}

impl<V: Clone> Wiring<V> {
    fn channel(
        &mut self,
        graph: &Graph<V>,
        placement: &[usize],
        (node, inport): Place,
        producers: Vec<Place>,
        numbered: bool,
    ) -> usize {
        self.channels.push(PlannedChannel {
            node,
            inport,
            capacity: graph.nodes()[node].capacities[inport],
            publishers: producers.len(),
            shared: producers.iter().any(|&(from, _)| placement[from] != placement[node]),
            producers,
            numbered,
        });
        self.channels.len() - 1
    }

    /// Has a desk keep a channel open for all who may still bring something: senders, and other members of its group.
    fn keep_open(&mut self, graph: &Graph<V>, placement: &[usize], channel: usize) {
        let channel = &mut self.channels[channel];
        let group = graph.group_of(channel.node).expect("what is shared out comes to a group");
        channel.publishers = 1;
        channel.shared |=
            graph.groups()[group].members.iter().any(|&other| placement[other] != placement[channel.node]);
    }

    /// Notes what is shared out again when a member ends.
    fn bequests(
        &mut self,
        graph: &Graph<V>,
        plain: &HashMap<Place, usize>,
        ports: &HashMap<Place, Place>,
        looping: &HashSet<usize>,
    ) {
        for (&(group, inport), &(desk, port)) in ports {
            let members = &graph.groups()[group].members;
            if !bequeaths(graph, (members[0], inport), looping) {
                continue;
            }
            let channels: Vec<_> = members.iter().map(|&member| plain[&(member, inport)]).collect();
            self.desks[desk].senders = self.channels[channels[0]].producers.len() as u64;
            for &member in members {
                let share = Share { desk, port, channels: channels.clone(), turnstile: None };
                self.bequests.entry(member).or_default().push((inport, share));
            }
        }
    }

    /// A desk for each trigger group of ports that are only shared out, and for every other port that is. Gives each
    /// port's place there, by group and inport.
    fn desks(&mut self, graph: &Graph<V>) -> HashMap<Place, Place> {
        let mut ports = HashMap::new();
        for (group, described) in graph.groups().values().enumerate() {
            let mut shared: Vec<_> = graph.links().filter(|link| link.to == End::Group(group)).collect();
            shared.retain(|link| graph.is_shared_out(link));
            let shared: BTreeSet<_> = shared.into_iter().map(|link| link.inport).collect();
            let pure = |inport: &usize| {
                !numbers::is_timed(graph, group, *inport) && numbers::way(graph, group, *inport) == Some(Way::Shared)
            };
            let mut sets: Vec<Vec<usize>> = graph.trigger_groups(described.members[0], &Taps::new());
            sets.iter_mut().for_each(|set| set.retain(|inport| shared.contains(inport) && pure(inport)));
            let rest = shared.iter().filter(|inport| !sets.iter().flatten().any(|other| other == *inport));
            let rest: Vec<_> = rest.map(|&inport| vec![inport]).collect();
            for set in sets.into_iter().filter(|set| !set.is_empty()).chain(rest) {
                for (port, &inport) in set.iter().enumerate() {
                    ports.insert((group, inport), (self.desks.len(), port));
                }
                let desk = desk(graph, group, &set);
                self.desks.push(desk);
            }
        }
        ports
    }

    /// Notes where the items go that come by a connection.
    fn route(
        &mut self,
        graph: &Graph<V>,
        link: &Link,
        numbers: &[Option<Numbers>],
        plain: &HashMap<Place, usize>,
        ports: &HashMap<Place, Place>,
    ) {
        match link.to {
            End::Group(group) if graph.is_shared_out(link) => {
                let (desk, port) = ports[&(group, link.inport)];
                let channels = graph.members(&link.to).iter().map(|&to| plain[&(to, link.inport)]).collect();
                let members = graph.members(&link.from);
                let turnstile = ordered(graph, link, numbers).map(|_| {
                    let capacity = graph.nodes()[graph.members(&link.to)[0]].capacities[link.inport];
                    let room = capacity.map_or(MOST_WAITING, |room| room.min(MOST_WAITING));
                    self.turnstiles.push(PlannedTurnstile { members: members.to_vec(), room });
                    self.turnstiles.len() - 1
                });
                let share = Share { desk, port, channels, turnstile: None };
                for (place, &from) in members.iter().enumerate() {
                    let share = Share { turnstile: turnstile.map(|turnstile| (turnstile, place)), ..share.clone() };
                    self.routes.entry((from, link.outport)).or_default().1.push(share);
                }
            }
            _ => {
                for edge in graph.expand(link) {
                    let channel = plain[&(edge.to, edge.inport)];
                    self.routes.entry((edge.from, edge.outport)).or_default().0.push(channel);
                }
            }
        }
    }

    /// Notes how the members of groups number their firings.
    fn number(
        &mut self,
        graph: &Graph<V>,
        numbers: &[Option<Numbers>],
        plain: &HashMap<Place, usize>,
        ports: &HashMap<Place, Place>,
    ) {
        for (group, numbers) in numbers.iter().enumerate() {
            for (index, &node) in graph.groups()[group].members.iter().enumerate() {
                let port = |inport, by| NumberedPort { inport, channel: plain[&(node, inport)], by };
                let numbering = match numbers {
                    None => continue,
                    Some(Numbers::Counted) => Numbering::Counted,
                    Some(Numbers::Shared(shared)) => Numbering::Fed(
                        shared
                            .iter()
                            .map(|&inport| {
                                let (desk, at) = ports[&(group, inport)];
                                port(inport, FedBy::Desk { desk, port: at })
                            })
                            .collect(),
                    ),
                    Some(Numbers::Paired(paired)) => {
                        let from = |from: usize| graph.groups()[from].members[index];
                        let paired = paired.iter().map(|&(inport, group)| port(inport, FedBy::Member(from(group))));
                        Numbering::Fed(paired.collect())
                    }
                };
                self.numbering.insert(node, numbering);
            }
        }
    }

    /// Notes for whom the numbers of a node's firings matter: they wait for what it may still send.
    fn watch(&mut self) {
        let gathers = self.gathers.iter().enumerate().map(|(number, gather)| {
            (Watcher::Gather(number), gather.members.iter().map(|&(member, _)| member).collect::<Vec<_>>())
        });
        let turnstiles = self.turnstiles.iter().enumerate().flat_map(|(number, turnstile)| {
            let others = |place: usize| turnstile.members.iter().enumerate().filter(move |(other, _)| *other != place);
            let others = move |place| others(place).map(|(_, &member)| member).collect();
            (0..turnstile.members.len()).map(move |place| (Watcher::Turnstile(number, place), others(place)))
        });
        for (watcher, mut nodes) in gathers.chain(turnstiles) {
            while let Some(node) = nodes.pop() {
                self.watched.entry(node).or_default().push(watcher);
                if let Some(Numbering::Fed(ports)) = self.numbering.get(&node) {
                    nodes.extend(ports.iter().filter_map(|port| match port.by {
                        FedBy::Member(from) => Some(from),
                        FedBy::Desk { .. } => None,
                    }));
                }
            }
        }
    }
}

/// Whether a member may end while others that get the same kind of items go on, as it fires on something else, too, that
/// is its own. What then lies in its channel goes to them. Not in a feedback loop, which ends as a whole, and not if it is
/// a part of rows, whose other parts may have gone elsewhere by then.
fn bequeaths<V>(graph: &Graph<V>, (node, inport): Place, looping: &HashSet<usize>) -> bool {
    let Some(group) = graph.group_of(node) else { return false };
    let members = &graph.groups()[group].members;
    let timed = |inport: usize| numbers::is_timed(graph, group, inport);
    let way = |inport: &usize| numbers::way(graph, group, *inport);
    if way(&inport) != Some(Way::Shared) || members.iter().any(|member| looping.contains(member)) {
        return false;
    }
    let mut own = false;
    for row in members.iter().flat_map(|&member| graph.trigger_groups(member, &Taps::new())) {
        for other in row.iter().filter(|other| row.contains(&inport) && **other != inport) {
            match way(other) {
                Some(Way::Shared) if !timed(*other) && !timed(inport) => return false,
                Some(Way::Broadcast) | None => {}
                Some(Way::Shared | Way::Paired(_) | Way::Mixed) => own = true,
            }
        }
    }
    own
}

fn desk<V: Clone>(graph: &Graph<V>, group: usize, inports: &[usize]) -> PlannedDesk<V> {
    let described = &graph.groups()[group];
    let policies = || inports.iter().map(|&inport| described.policies[inport].as_ref());
    let keyed = policies().enumerate().find_map(|(port, policy)| match policy {
        Some(Policy::Keyed(function)) => Some(Sharing::Keyed { function: function.clone(), port }),
        _ => None,
    });
    let in_turn = || policies().any(|policy| matches!(policy, Some(Policy::RoundRobin)));
    let sharing = keyed.unwrap_or_else(|| if in_turn() { Sharing::RoundRobin } else { Sharing::Balanced });
    let node = &graph.nodes()[described.members[0]];
    if inports.len() == 1 {
        return PlannedDesk { units: vec![1], rows: 0, senders: 0, sharing };
    }
    let unit = |inport: usize| node.batches[inport].map_or(1, |batch| batch.size.map_or(u64::MAX, |size| size as u64));
    // A port is ahead by what lies in the members' channels and in their batches, at most.
    let ahead = |inport: usize| {
        let rooms = described.members.iter().map(|&member| graph.nodes()[member].capacities[inport]);
        let room = rooms.map(|room| room.unwrap_or(MOST_ROWS)).max().unwrap_or(MOST_ROWS);
        room / usize::try_from(unit(inport)).unwrap_or(usize::MAX) + 2
    };
    let ahead = inports.iter().map(|&inport| ahead(inport)).max().unwrap_or(0);
    let rows = ahead.saturating_mul(described.members.len()).saturating_add(1).min(MOST_ROWS);
    PlannedDesk { units: inports.iter().map(|&inport| unit(inport)).collect(), rows, senders: 0, sharing }
}
