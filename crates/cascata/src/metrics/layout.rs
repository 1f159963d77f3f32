//! Where each component's counters lie.

use cascata_shm::Words;

use super::{Counter, Holding, LaneMeter, NodeMeter};
use crate::plan::Plan;

const NODE: usize = 4;
const LANE: usize = 3;
const INPORT: usize = 7;
const OUTPORT: usize = 2;
/// Words of a cache line: components are padded to it, so that workers do not disturb each other.
const LINE: usize = 8;

/// The offsets of all counters of a run, a pure function of its plan.
#[derive(Clone, Debug)]
pub struct MeterLayout {
    nodes: Vec<NodePlace>,
    workers: usize,
    len: usize,
}

#[derive(Clone, Debug)]
struct NodePlace {
    at: usize,
    /// Whether several threads write its counters, as those of the calling program do.
    several: bool,
    lanes: usize,
    inports: usize,
    /// For each outport how many may get an item by each of its ways to groups.
    outports: Vec<Vec<usize>>,
}

impl NodePlace {
    fn counter(&self, words: &Words, at: usize) -> Counter {
        let counter = Counter::new(words, at);
        if self.several { counter.of_several() } else { counter }
    }
}

/// The counters of one inport.
#[derive(Clone, Debug)]
pub struct InportMeter {
    /// Items that have entered the channel. For channels in shared memory the ring itself counts them.
    pub received: Counter,
    /// Items that firings (or a passive port) have taken, those gathered for a batch included.
    pub taken: Counter,
    /// Items that no firing will see, because the component had ended. Senders in several processes write it.
    pub discarded: Counter,
    /// Values of a passive port that a newer one replaced.
    pub replaced: Counter,
    /// Of the items taken, those in a batch that no firing has got yet.
    pub batched: Counter,
    /// What of the shared memory has come in by it and is still referred to.
    pub holding: Holding,
}

/// The counters of one outport.
#[derive(Clone, Debug)]
pub struct OutportMeter {
    /// Items sent.
    pub sent: Counter,
    /// Of these, items sent while nothing was connected. Of a [bequest](crate::plan::PlannedNode::bequests), items that
    /// could not be sent.
    pub dropped: Counter,
    /// For each way to a group: the items that each member got, those included that it discarded.
    pub shared: Vec<Vec<Counter>>,
}

impl MeterLayout {
    /// Places the counters of all components of `plan`.
    pub fn new<V>(plan: &Plan<V>) -> Self {
        let mut len = 0;
        let nodes = plan.nodes.iter().enumerate().map(|(number, node)| {
            let place = NodePlace {
                at: len,
                several: plan.taps.iter().any(|tap| tap.node == number),
                lanes: node.groups.len().max(1),
                inports: node.inports.len(),
                outports: node
                    .outports
                    .iter()
                    .map(|port| port.shares.iter().map(|share| share.channels.len()).collect())
                    .chain(node.bequests.iter().map(|(_, share)| vec![share.channels.len()]))
                    .collect(),
            };
            let outports = place.outports.iter().map(|shares| OUTPORT + shares.iter().sum::<usize>()).sum::<usize>();
            let words = NODE + place.lanes * LANE + place.inports * INPORT + outports;
            len += words.next_multiple_of(LINE);
            place
        });
        let nodes = nodes.collect();
        let workers = len;
        Self { nodes, workers, len: len + plan.participants() * LINE }
    }

    /// How many words there are in all.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The counters of component `node` in `words`. Those of its bequests are after those of its outports.
    pub fn node(&self, words: &Words, node: usize) -> NodeMeter {
        let place = &self.nodes[node];
        let counter = |at: usize| place.counter(words, at);
        let at = place.at;
        let lanes = at + NODE;
        let mut end = lanes + place.lanes * LANE + place.inports * INPORT;
        let mut next = || {
            end += 1;
            counter(end - 1)
        };
        NodeMeter {
            busy: counter(at),
            awaiting: counter(at + 1),
            waiting: counter(at + 2),
            blocked: counter(at + 3),
            lanes: (0..place.lanes)
                .map(|k| lanes + k * LANE)
                .map(|at| LaneMeter { firings: counter(at), state: counter(at + 1), since: counter(at + 2) })
                .collect(),
            inports: (0..place.inports).map(|k| self.inport(words, node, k)).collect(),
            outports: place
                .outports
                .iter()
                .map(|shares| OutportMeter {
                    sent: next(),
                    dropped: next(),
                    shared: shares.iter().map(|&members| (0..members).map(|_| next()).collect()).collect(),
                })
                .collect(),
        }
    }

    /// What of the shared memory the code on `worker` has made by itself and still refers to.
    pub fn made(&self, words: &Words, worker: usize) -> Holding {
        Self::holding(words, self.workers + worker * LINE)
    }

    fn holding(words: &Words, at: usize) -> Holding {
        Holding { blocks: Counter::new(words, at), bytes: Counter::new(words, at + 1) }
    }

    /// The counters of one inport of component `node` in `words`.
    pub fn inport(&self, words: &Words, node: usize, inport: usize) -> InportMeter {
        let place = &self.nodes[node];
        let at = place.at + NODE + place.lanes * LANE + inport * INPORT;
        let counter = |offset: usize| place.counter(words, at + offset);
        InportMeter {
            received: counter(0),
            taken: counter(1),
            discarded: counter(2),
            replaced: counter(3),
            batched: counter(4),
            holding: Self::holding(words, at + 5),
        }
    }
}
