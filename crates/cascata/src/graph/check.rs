//! Finds what would keep a graph from running.
//!
//! A component can fire if each port of one of its trigger groups has a value, a tap, or a producer that can fire.
//! That is a least fixpoint: two components that only wait for each other cannot. Of those that cannot, some only
//! lack what comes from others, and some would lack it still if all others fired. The latter form *cycles*, and
//! cycles and ports that nothing feeds are the causes; they are told first.

use std::collections::{HashMap, HashSet};

use super::{End, Export, Graph, Issue, PortKind, Taps, sharing, strong_components, told};

/// Everything that would keep the graph from running, causes before consequences. Empty: it can run.
///
/// `taps` are the inports that the calling program is going to feed.
pub fn check<V>(graph: &Graph<V>, taps: &Taps) -> Vec<Issue> {
    let waiting = Waiting::new(graph, taps);
    let mut issues = unfed(graph, &waiting);
    let everyone: Vec<_> = (0..graph.nodes().len()).collect();
    let mut cycles = Vec::new();
    waiting.cycles(&everyone, &mut cycles);
    let in_cycles: HashSet<_> = cycles.iter().flat_map(|cycle| cycle.nodes.iter().copied()).collect();
    issues.extend(cycles.into_iter().map(|cycle| Issue::Cycle {
        nodes: told::names(graph, &cycle.nodes),
        ports: told::ports(graph, &cycle.ports),
    }));
    issues.extend(sharing::issues(graph, taps));
    issues.extend(starved(graph, &waiting, &in_cycles, &everyone));
    issues
}

/// The inports that have neither producer nor value nor tap.
fn unfed<V>(graph: &Graph<V>, waiting: &Waiting) -> Vec<Issue> {
    let mut ports = Vec::new();
    for (node, described) in graph.nodes().values().enumerate() {
        let triggers: HashSet<_> = described.triggers.iter().flatten().copied().collect();
        let unfed = (0..described.definition.inports.len()).filter(|&inport| waiting.is_unfed((node, inport)));
        ports.extend(unfed.map(|inport| (node, (inport, triggers.contains(&inport)))));
    }
    let issue = |(end, (inport, trigger)): (End, (usize, bool))| {
        let place = |export: &Export| (export.end, export.kind, export.port) == (end, PortKind::Inport, inport);
        let export = graph.exports().iter().find(|(_, export)| place(export)).map(|(name, _)| name.clone());
        Issue::Unfed { port: told::port(graph, &end, inport), trigger, export }
    };
    told::of_groups(graph, &ports).into_iter().map(issue).collect()
}

/// The components that lack what others would send, except for those that wait for each other.
fn starved<V>(graph: &Graph<V>, waiting: &Waiting, in_cycles: &HashSet<usize>, everyone: &[usize]) -> Vec<Issue> {
    let stuck = waiting.stuck(everyone, Outside::Silent);
    let nodes = waiting.components(&stuck).into_iter().flatten().filter(|node| !in_cycles.contains(node));
    let waits: HashMap<_, _> = nodes.clone().filter_map(|node| Some((node, waiting.waits(node, &stuck)?))).collect();
    let inports = |waits: &[(usize, &[usize])]| waits.iter().map(|&(inport, _)| inport).collect::<Vec<_>>();
    let facts: Vec<_> = nodes.filter_map(|node| Some((node, inports(waits.get(&node)?)))).collect();
    let issue = |(end, inports): (End, Vec<usize>)| {
        let from = |inport: usize| {
            let waits = graph.members(&end).iter().flat_map(|member| &waits[member]);
            let mut from: Vec<_> =
                waits.filter(|wait| wait.0 == inport).flat_map(|(_, from)| from.iter().copied()).collect();
            let mut seen = HashSet::new();
            from.retain(|&from| seen.insert(from));
            told::names(graph, &from)
        };
        let waits = inports.into_iter().map(|inport| (told::port(graph, &end, inport), from(inport))).collect();
        Issue::Starved { node: graph.end_name(&end).to_owned(), waits }
    };
    told::of_groups(graph, &facts).into_iter().map(issue).collect()
}

/// An inport, as positions of node and port.
type Port = (usize, usize);

/// Who waits for whom.
struct Waiting {
    /// The trigger groups of every component.
    groups: Vec<Vec<Vec<usize>>>,
    /// The inports that every component feeds.
    feeds: Vec<Vec<Port>>,
    /// The components that feed an inport, each once.
    producers: HashMap<Port, Vec<usize>>,
    /// The inports that have a value or a tap.
    supplied: HashSet<Port>,
}

/// What to suppose about everything outside of a set of components.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Outside {
    /// It sends nothing.
    Silent,
    /// It fires, and ports that nothing feeds are fed.
    Helpful,
}

/// The components that can fire, given what is outside of them, and the ports at which they wait for the others.
struct Stuck {
    /// The components that can never fire, in ascending order.
    nodes: Vec<usize>,
    /// The ports that get an item.
    ready: HashSet<Port>,
}

/// Components that wait for each other whatever the others do.
struct Cycle {
    nodes: Vec<usize>,
    ports: Vec<Port>,
}

impl Waiting {
    fn new<V>(graph: &Graph<V>, taps: &Taps) -> Self {
        let mut feeds = vec![Vec::new(); graph.nodes().len()];
        let mut producers: HashMap<Port, Vec<usize>> = HashMap::new();
        for edge in graph.edges() {
            let port = (edge.to, edge.inport);
            let producers = producers.entry(port).or_default();
            if !producers.contains(&edge.from) {
                producers.push(edge.from);
                feeds[edge.from].push(port);
            }
        }
        let mut supplied = taps.clone();
        for (node, described) in graph.nodes().values().enumerate() {
            let inports = 0..described.definition.inports.len();
            supplied.extend(inports.filter(|&inport| graph.initial(node, inport).is_some()).map(|port| (node, port)));
        }
        let groups = (0..graph.nodes().len()).map(|node| graph.trigger_groups(node, taps)).collect();
        Self { groups, feeds, producers, supplied }
    }

    fn is_unfed(&self, port: Port) -> bool {
        !self.supplied.contains(&port) && !self.producers.contains_key(&port)
    }

    /// Those of `among` that can never fire.
    fn stuck(&self, among: &[usize], outside: Outside) -> Stuck {
        let members: HashSet<_> = among.iter().copied().collect();
        let helped = |port: &Port| match self.producers.get(port) {
            None => true,
            Some(producers) => producers.iter().any(|producer| !members.contains(producer)),
        };
        let mut ready: HashSet<Port> = (among.iter())
            .flat_map(|&node| self.triggers(node).map(move |inport| (node, inport)))
            .filter(|port| self.supplied.contains(port) || (outside == Outside::Helpful && helped(port)))
            .collect();
        let mut fires = HashSet::new();
        let mut candidates = among.to_vec();
        while let Some(node) = candidates.pop() {
            if fires.contains(&node) || !self.can_fire(node, &ready) {
                continue;
            }
            fires.insert(node);
            for &port in self.feeds[node].iter().filter(|port| members.contains(&port.0)) {
                ready.insert(port);
                candidates.push(port.0);
            }
        }
        let nodes = among.iter().copied().filter(|node| !fires.contains(node)).collect();
        Stuck { nodes, ready }
    }

    fn can_fire(&self, node: usize, ready: &HashSet<Port>) -> bool {
        let groups = &self.groups[node];
        groups.is_empty() || groups.iter().any(|group| group.iter().all(|&inport| ready.contains(&(node, inport))))
    }

    fn triggers(&self, node: usize) -> impl Iterator<Item = usize> {
        self.groups[node].iter().flatten().copied()
    }

    /// The ports at which `node` waits in vain, with those who feed them; none if ports that nothing feeds explain
    /// it all.
    fn waits(&self, node: usize, stuck: &Stuck) -> Option<Vec<(usize, &[usize])>> {
        let unfed = |group: &Vec<usize>| group.iter().any(|&inport| self.is_unfed((node, inport)));
        if self.groups[node].iter().all(unfed) {
            return None;
        }
        let blocked = self.triggers(node).filter(|&inport| !stuck.ready.contains(&(node, inport)));
        let mut waits: Vec<_> =
            blocked.filter_map(|inport| Some((inport, self.producers.get(&(node, inport))?.as_slice()))).collect();
        waits.sort_unstable();
        Some(waits)
    }

    /// The stuck components, those that wait for each other in one set, producers before consumers.
    fn components(&self, stuck: &Stuck) -> Vec<Vec<usize>> {
        let place: HashMap<_, _> = stuck.nodes.iter().enumerate().map(|(place, &node)| (node, place)).collect();
        let edges = stuck.nodes.iter().flat_map(|&node| {
            let waits = self.triggers(node).filter(move |&inport| !stuck.ready.contains(&(node, inport)));
            let from = waits.flat_map(move |inport| self.producers.get(&(node, inport)).into_iter().flatten());
            from.filter_map(|from| place.get(from)).map(move |&from| (from, node))
        });
        let edges = edges.map(|(from, to)| (from, place[&to]));
        let components = strong_components(stuck.nodes.len(), edges).into_iter();
        components.map(|component| component.into_iter().map(|place| stuck.nodes[place]).collect()).collect()
    }

    /// Finds the sets of components that wait for each other even if everything outside the set fires.
    fn cycles(&self, among: &[usize], found: &mut Vec<Cycle>) {
        let stuck = self.stuck(among, Outside::Helpful);
        for nodes in self.components(&stuck) {
            if nodes != among {
                // Some of what it waits for lies outside, which may be all that it lacks.
                self.cycles(&nodes, found);
                continue;
            }
            let ports = nodes.iter().flat_map(|&node| {
                let mut ports: Vec<_> = self.triggers(node).map(|inport| (node, inport)).collect();
                ports.sort_unstable();
                ports
            });
            let ports = ports.filter(|port| !stuck.ready.contains(port)).collect();
            found.push(Cycle { nodes, ports });
        }
    }
}
