//! Where the words lie that keep order.

use std::sync::Arc;

use cascata_shm::{Bells, Layout, Region, Words};

use super::{Desk, FIRST, Feed, Frontier, NONE, Party, Source, Turnstile, Watch, Word};
use crate::{
    memory::Topics,
    plan::{FedBy, NumberedPort, Numbering, Plan, PlannedDesk, Watcher},
};

/// Words of a cache line: what different workers write does not share one.
const LINE: usize = 8;

/// The offsets of frontiers and desks, a pure function of the plan.
#[derive(Clone, Debug)]
pub struct OrderLayout {
    words: usize,
    len: usize,
    channels: usize,
    gathers: usize,
    /// The first member of each turnstile.
    turnstiles: Vec<usize>,
    desks: Vec<DeskLayout>,
}

impl OrderLayout {
    /// Places them in `layout`.
    pub fn new<V>(plan: &Plan<V>, layout: &mut Layout) -> Self {
        let numbered = plan.nodes.iter().any(|node| node.numbering.is_some());
        let (nodes, channels) = if numbered { (plan.nodes.len(), plan.channels.len()) } else { (0, 0) };
        let mut lines = nodes + channels + plan.gathers.len();
        let turnstiles = plan.turnstiles.iter().map(|turnstile| {
            lines += turnstile.members.len();
            lines - turnstile.members.len()
        });
        let turnstiles = turnstiles.collect();
        let len = lines * LINE;
        let words = layout.reserve(len.max(1) * 8, LINE * 8);
        let place = |PlannedDesk { units, rows, senders, .. }: &PlannedDesk<V>| {
            let at = layout.reserve(Desk::footprint(units.len(), *rows), LINE * 8);
            DeskLayout { at, units: units.clone(), rows: *rows, senders: *senders }
        };
        let desks = plan.desks.iter().map(place).collect();
        Self { words, len, channels: nodes, gathers: nodes + channels, turnstiles, desks }
    }
}

/// Where a desk lies, and what it is made with: see [`Desk::create`].
#[derive(Clone, Debug)]
struct DeskLayout {
    at: usize,
    units: Vec<u64>,
    rows: usize,
    senders: u64,
}

/// Frontiers and desks in the memory of a run.
#[derive(Clone, Debug)]
pub struct Order {
    layout: OrderLayout,
    words: Words,
    desks: Vec<Desk>,
}

impl Order {
    /// Makes them, for a run of `plan`: nothing runs, and nothing is inside.
    pub fn create<V>(region: &Arc<Region>, layout: OrderLayout, plan: &Plan<V>) -> Self {
        let desks = layout
            .desks
            .iter()
            .map(|desk| Desk::create(region, desk.at, &desk.units, desk.rows, desk.senders))
            .collect();
        let order = Self { words: Words::new(region, layout.words, layout.len), layout, desks };
        for (number, _) in plan.channels.iter().enumerate().filter(|(_, channel)| channel.numbered) {
            order.fronts(number).iter().chain([&order.batch(number)]).for_each(|word| word.set(NONE));
        }
        for (turnstile, planned) in plan.turnstiles.iter().enumerate() {
            (0..planned.members.len()).for_each(|place| order.party(turnstile, place, 1).set(NONE));
        }
        for (number, node) in plan.nodes.iter().enumerate() {
            // Members that have all they need from the beginning fire at once, before what others get.
            let seeded = || node.groups.iter().flatten().all(|&inport| node.inports[inport].initial.is_some());
            match node.numbering {
                Some(Numbering::Counted) => order.lane(number).set(FIRST + 1),
                Some(Numbering::Fed(_)) => order.lane(number).set(if seeded() { FIRST } else { NONE }),
                None => {}
            }
        }
        order
    }

    /// A handle to those that another process has made.
    pub fn attach(region: &Arc<Region>, layout: OrderLayout) -> Self {
        let desks = layout
            .desks
            .iter()
            .map(|desk| Desk::attach(region, desk.at, &desk.units, desk.rows, desk.senders))
            .collect();
        Self { words: Words::new(region, layout.words, layout.len), layout, desks }
    }

    fn word(&self, line: usize, at: usize) -> Word {
        Word::new(&self.words, line * LINE + at)
    }

    /// The desk of that number.
    pub fn desk(&self, desk: usize) -> &Desk {
        &self.desks[desk]
    }

    /// The word of a node whose firings bear numbers.
    pub fn lane(&self, node: usize) -> Word {
        self.word(node, 0)
    }

    /// The front and the backlog of a channel whose items bear numbers.
    pub fn fronts(&self, channel: usize) -> [Word; 2] {
        [0, 1].map(|at| self.word(self.layout.channels + channel, at))
    }

    /// The number of a batch of such a channel that waits for its firing.
    fn batch(&self, channel: usize) -> Word {
        self.word(self.layout.channels + channel, 2)
    }

    /// Whether who gathers waits for the frontiers of members.
    pub fn flag(&self, gather: usize) -> Word {
        self.word(self.layout.gathers + gather, 0)
    }

    fn party(&self, turnstile: usize, place: usize, at: usize) -> Word {
        self.word(self.layout.turnstiles[turnstile] + place, at)
    }

    /// How `watcher` is told that others have passed, in a run of `plan`.
    pub fn watch<V>(&self, plan: &Plan<V>, watcher: Watcher, bells: &Bells) -> Watch {
        let topics = Topics::new(plan);
        let (flag, node, bell) = match watcher {
            Watcher::Gather(gather) => (self.flag(gather), plan.gathers[gather].node, topics.gather(gather)),
            Watcher::Turnstile(turnstile, place) => (
                self.party(turnstile, place, 0),
                plan.turnstiles[turnstile].members[place],
                topics.turnstile(turnstile),
            ),
        };
        Watch { flag, worker: plan.nodes[node].worker, bell, bells: bells.clone() }
    }

    /// A turnstile as the member at `place` sees it.
    pub fn turnstile<V>(&self, plan: &Plan<V>, turnstile: usize, place: usize, bells: &Bells) -> Turnstile {
        let planned = &plan.turnstiles[turnstile];
        let members = planned.members.iter().enumerate().map(|(place, &node)| Party {
            frontier: self.frontier(plan, node),
            waiting: self.party(turnstile, place, 1),
            passed: self.party(turnstile, place, 2),
            watch: self.watch(plan, Watcher::Turnstile(turnstile, place), bells),
        });
        Turnstile::new(members.collect(), place, planned.room)
    }

    /// How far a node is whose firings bear numbers.
    ///
    /// # Panics
    /// If they bear none.
    pub fn frontier<V>(&self, plan: &Plan<V>, node: usize) -> Arc<Frontier> {
        let lane = self.lane(node);
        Arc::new(match plan.nodes[node].numbering.as_ref().expect("its firings bear numbers") {
            Numbering::Counted => Frontier::Counted(lane),
            Numbering::Fed(ports) => {
                Frontier::Fed { lane, ports: ports.iter().map(|port| self.feed(plan, port)).collect() }
            }
        })
    }

    /// A port whose items bear numbers.
    pub fn feed<V>(&self, plan: &Plan<V>, port: &NumberedPort) -> Feed {
        let [front, backlog] = self.fronts(port.channel);
        let source = match port.by {
            FedBy::Desk { desk, port } => {
                let (next, unit) = self.desks[desk].next(port);
                Source::Shared(next, unit)
            }
            FedBy::Member(node) => Source::Member(self.frontier(plan, node)),
        };
        Feed { front, backlog, batch: self.batch(port.channel), source }
    }
}
