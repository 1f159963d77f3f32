//! Circuits of whole groups: sources, groups one behind the other, and a sink that gathers. All keep a log, which tells
//! afterwards what ought to have come of it.
//!
//! An item is the way that it came: the number of its source and its place there, then for each member on the way the
//! member's place in the group and the item's place among those that its firing sent.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex},
};

use cascata::{
    graph::{Definition, Graph, Inport, Outport, Policy},
    order::{FIRST, LAST},
    plan::Plan,
};

use crate::{
    list::List,
    run::{Act, Run, Sending, Told, placed},
};

pub const KEYS: u64 = 3;

/// How a group is given what comes to it. What comes from a group of its size it is given one to one if it is balanced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sharing {
    Balanced,
    RoundRobin,
    Keyed,
    Broadcast,
}

/// A group to be made.
#[derive(Clone, Debug)]
pub struct Layer {
    pub sharing: Sharing,
    pub capacity: Option<usize>,
    /// The members' workers.
    pub members: Vec<usize>,
    /// After so many firings a member ends, whatever is still to come.
    pub rations: Option<Vec<u64>>,
}

/// A circuit to be made.
#[derive(Clone, Debug)]
pub struct Shape {
    /// Worker and number of items.
    pub sources: Vec<(usize, u64)>,
    pub layers: Vec<Layer>,
    /// Worker and capacity.
    pub sink: (usize, Option<usize>),
    /// Members have finish functions.
    pub finishes: bool,
    /// Some sends are withdrawn if they have to wait.
    pub withdraws: bool,
    /// Decides how many items a firing sends.
    pub seed: u64,
}

/// A firing, or what was done after the last.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The layer, and the place in it. Behind the last layer is the sink.
    layer: usize,
    place: usize,
    number: Option<u64>,
    item: Option<List>,
    sends: Vec<List>,
}

/// What all components have done, in the order of time.
pub type Log = Arc<Mutex<Vec<Entry>>>;

/// A plan, and the shape that it is of.
pub struct Circuit {
    pub shape: Shape,
    pub plan: Plan<List>,
}

fn mixed(seed: u64, item: &List) -> u64 {
    let mix = |mixed: u64, next: &u64| (mixed ^ next).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29);
    item.0.iter().fold(seed + 1, mix) >> 7
}

impl Circuit {
    pub fn new(shape: Shape) -> Self {
        let mut graph = Graph::new();
        let mut workers = Vec::new();
        let node = |inports: &[(&str, Option<usize>)], sends: bool| {
            let inport =
                |&(name, capacity): &(&str, Option<usize>)| Inport { name: name.into(), capacity, default: None };
            let inports = inports.iter().map(inport).collect();
            let outports = if sends { vec![Outport { name: "out".into() }] } else { vec![] };
            Arc::new(Definition::new("node", "tests", inports, outports, vec![], List::default()).unwrap())
        };
        for (index, &(worker, _)) in shape.sources.iter().enumerate() {
            graph.add(format!("source{index}"), node(&[], true)).unwrap();
            workers.push(worker);
        }
        for (index, layer) in shape.layers.iter().enumerate() {
            let ration = layer.rations.as_ref().map(|_| ("y", Some(1)));
            let inports: Vec<_> = [("x", layer.capacity)].into_iter().chain(ration).collect();
            graph.add_group(format!("group{index}"), node(&inports, true), layer.members.len()).unwrap();
            workers.extend(&layer.members);
        }
        graph.add("sink", node(&[("x", shape.sink.1)], false)).unwrap();
        workers.push(shape.sink.0);
        for (index, layer) in shape.layers.iter().enumerate() {
            for (place, worker) in layer.members.iter().enumerate().filter(|_| layer.rations.is_some()) {
                let ration = format!("ration{index}_{place}");
                graph.add(ration.clone(), node(&[], true)).unwrap();
                graph.connect(&ration, "out", &format!("group{index}_{place}"), "y").unwrap();
                workers.push(*worker);
            }
            let policy = match layer.sharing {
                Sharing::Balanced => None,
                Sharing::RoundRobin => Some(Policy::RoundRobin),
                Sharing::Keyed => Some(Policy::Keyed(List(vec![KEYS]))),
                Sharing::Broadcast => Some(Policy::Broadcast),
            };
            let sources = (0..shape.sources.len()).map(|source| format!("source{source}")).collect();
            let before = if index == 0 { sources } else { vec![format!("group{}", index - 1)] };
            for from in before {
                graph.link(&from, "out", &format!("group{index}"), "x", true, policy.clone()).unwrap();
            }
        }
        graph.connect(&format!("group{}", shape.layers.len() - 1), "out", "sink", "x").unwrap();
        Self { plan: placed(&graph, &workers), shape }
    }

    /// The run, and its log.
    pub fn run(&self) -> (Run, Log) {
        let log = Log::default();
        let Shape { sources, layers, seed, finishes, withdraws, .. } = self.shape.clone();
        let mut acts: Vec<Act> = Vec::new();
        let sender = |sends: Vec<List>| -> Act {
            Box::new(move |told| match told {
                Told::Fire(..) => sends.iter().cloned().map(Sending::of).collect(),
                Told::Finish => Vec::new(),
            })
        };
        for (source, &(_, items)) in sources.iter().enumerate() {
            acts.push(sender((0..items).map(|item| List(vec![source as u64, item])).collect()));
        }
        let places = layers
            .iter()
            .enumerate()
            .flat_map(|(layer, group)| (0..group.members.len()).map(move |place| (layer, place)));
        for (layer, place) in places.chain([(layers.len(), 0)]) {
            let (log, last) = (log.clone(), layers.len());
            acts.push(Box::new(move |told| {
                let (number, item, sends) = match told {
                    Told::Fire(number, mut row) => {
                        let item = row.swap_remove(0);
                        let sends = (0..mixed(seed, &item) % 4)
                            .map(|sent| List(item.0.iter().copied().chain([place as u64, sent]).collect()));
                        let sends = sends.collect();
                        (number, Some(item), sends)
                    }
                    Told::Finish if finishes => (Some(LAST), None, vec![List(vec![100 + layer as u64, place as u64])]),
                    Told::Finish => (Some(LAST), None, vec![]),
                };
                let sends: Vec<_> = if layer == last { vec![] } else { sends };
                log.lock().unwrap().push(Entry { layer, place, number, item, sends: sends.clone() });
                let patient = |item: &List| !(withdraws && mixed(seed, item).is_multiple_of(5));
                sends.into_iter().map(|item| Sending { outport: 0, patient: patient(&item), item }).collect()
            }));
        }
        let rations = layers.iter().filter_map(|layer| layer.rations.as_ref()).flatten();
        acts.extend(rations.map(|&ration| sender(vec![List(vec![]); ration as usize])));
        (Run::new(&self.plan, acts), log)
    }

    /// Whether all that a log tells is as it ought to be.
    pub fn check(&self, log: &Log, withdrawn: &[List]) {
        let mut log = std::mem::take(&mut *log.lock().unwrap());
        for entry in &mut log {
            entry.sends.retain(|item| !withdrawn.contains(item));
        }
        let of = |layer: usize| log.iter().filter(move |entry| entry.layer == layer).collect::<Vec<_>>();
        // What comes to a layer in its order; of the first one only how many.
        let mut coming = Coming::Any(self.shape.sources.iter().map(|source| source.1).sum());
        for (layer, group) in self.shape.layers.iter().enumerate() {
            let firings = of(layer);
            for place in 0..group.members.len() {
                let mine: Vec<_> =
                    firings.iter().filter(|entry| entry.place == place && entry.item.is_some()).collect();
                assert!(mine.is_sorted_by_key(|entry| entry.number), "firings of one member go by number");
                assert!(group.rations.as_ref().is_none_or(|rations| mine.len() as u64 <= rations[place]));
                if self.is_paired(layer) {
                    let given: Vec<_> = of(layer - 1).into_iter().filter(|entry| entry.place == place).collect();
                    let given =
                        given.iter().flat_map(|entry| entry.sends.iter().map(|item| (entry.number, Some(item))));
                    let given: Vec<_> = given.collect();
                    let got: Vec<_> = mine.iter().map(|entry| (entry.number, entry.item.as_ref())).collect();
                    assert!(given.starts_with(&got), "{got:?} of {given:?}: items bring their numbers");
                    assert!(got.len() == given.len() || group.rations.is_some(), "none is lost");
                } else if group.sharing == Sharing::Broadcast {
                    assert!(
                        (FIRST + 1..).zip(&mine).all(|(number, entry)| entry.number == Some(number)),
                        "they are counted"
                    );
                    check_items(group, &coming, &mine);
                }
            }
            if !self.is_paired(layer) && group.sharing != Sharing::Broadcast {
                let fired: Vec<_> = firings.iter().filter(|entry| entry.item.is_some()).collect();
                check_items(group, &coming, &fired);
                check_places(group, &fired);
            }
            let mut sent = firings;
            sent.sort_by_key(|entry| (entry.number, entry.place));
            coming = Coming::These(sent.into_iter().flat_map(|entry| &entry.sends).cloned().collect());
        }
        let got = of(self.shape.layers.len()).into_iter().filter_map(|entry| entry.item.clone()).collect();
        assert_eq!(Coming::These(got), coming, "results come in the order of numbers, then of members");
    }

    /// Whether member feeds member.
    fn is_paired(&self, layer: usize) -> bool {
        let layers = &self.shape.layers;
        let size = |layer: usize| layers[layer].members.len();
        layer > 0 && layers[layer].sharing == Sharing::Balanced && size(layer - 1) == size(layer)
    }
}

/// What comes to a group.
#[derive(Debug, PartialEq, Eq)]
enum Coming {
    /// So many items, in any order.
    Any(u64),
    These(Vec<List>),
}

/// Which of the items that were shared out a firing is of, counted from 0.
fn row(entry: &Entry) -> u64 {
    entry.number.expect("firings bear numbers") - FIRST - 1
}

/// Whether firings are of items that have come, each of one of its own, and of all of them unless members end early. What
/// these leave is shared out again, under another number, as long as there is a member to get it.
fn check_items(group: &Layer, coming: &Coming, firings: &[&&Entry]) {
    let mut numbers = HashSet::new();
    let expected = match coming {
        Coming::Any(most) => *most,
        Coming::These(items) => items.len() as u64,
    };
    if let (Some(rations), false) = (&group.rations, group.sharing == Sharing::Broadcast) {
        let items: HashSet<_> = firings.iter().filter_map(|entry| entry.item.as_ref()).map(|item| &item.0).collect();
        assert!(firings.iter().all(|entry| numbers.insert(row(entry))), "each number is that of one item");
        assert_eq!(items.len(), firings.len(), "none is doubled");
        if let Coming::These(coming) = coming {
            assert!(items.iter().all(|item| coming.iter().any(|other| other.0 == **item)), "all have come");
        }
        return assert_eq!(
            firings.len() as u64,
            expected.min(rations.iter().sum()),
            "none is lost that a member can have"
        );
    }
    for entry in firings {
        let number = row(entry);
        assert!(numbers.insert(number), "each number is that of one item");
        match coming {
            Coming::Any(most) => assert!(number < *most, "there are no gaps"),
            Coming::These(items) => {
                assert_eq!(entry.item, items.get(number as usize).cloned(), "results keep their order")
            }
        }
    }
    assert!(numbers.len() as u64 == expected || group.rations.is_some(), "none is lost");
}

/// Whether firings are at the members that the policy says, as long as nobody ends early.
fn check_places(group: &Layer, firings: &[&&Entry]) {
    let mut keys = HashMap::new();
    for entry in firings.iter().filter(|_| group.rations.is_none()) {
        let number = row(entry);
        let key = entry.item.as_ref().map(|item| item.0.last().map(|last| last % KEYS));
        let expected = match group.sharing {
            Sharing::RoundRobin => number as usize % group.members.len(),
            Sharing::Keyed => *keys.entry(key).or_insert(entry.place),
            Sharing::Balanced | Sharing::Broadcast => entry.place,
        };
        assert_eq!(entry.place, expected, "{:?}", group.sharing);
    }
}
