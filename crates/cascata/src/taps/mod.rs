//! The calling program's ends of the channels of its run.
//!
//! The calling program takes part in a run as one more *participant*: it has a number, a doorbell and a place in the
//! quiescence count as a worker has, and its taps are nodes of the plan. So channels, groups, feedback loops and the end
//! of all movement know nothing of it. What it does not have is an event loop: any of its threads may [put](Feed) or
//! [take](Reading), and those that wait do so under a [`Signal`]. A thread of its own [watches](watch) the doorbell.
//!
//! As long as a feed is open, or something lies in a channel that the program may read, the program counts as something
//! that can still move. Otherwise it waits for channels only, as an idle worker does.

mod feed;
mod presence;
mod readers;
mod reading;
mod watch;

use std::{
    collections::HashMap,
    fmt::Debug,
    io,
    sync::{Arc, Weak},
    task::{Wake, Waker},
};

pub use self::{
    feed::{Feed, Spot},
    readers::{Mark, Owner, Task},
    reading::{Fetched, Reading, Taken},
};
pub use crate::line::{Place, Signal};
use crate::{
    channel::{Gather, Hub, Item, Remote},
    ends::Ends,
    memory::Memory,
    plan::Plan,
    servant,
};
use presence::Presence;
use watch::Watch;

/// All taps of a run. For the process that started it.
#[derive(Debug)]
pub struct Taps<T: Item> {
    memory: Memory,
    participant: usize,
    ends: Arc<Ends<T>>,
    remotes: Vec<Option<Arc<Remote<T>>>>,
    gathers: HashMap<usize, Weak<Gather<T>>>,
    hub: Option<Hub>,
    taps: Vec<Tap<T>>,
    presence: Arc<Presence>,
    watch: Arc<Watch>,
}

/// One of them.
#[derive(Debug)]
pub enum Tap<T: Item> {
    /// An exported inport.
    Feed(Box<Feed<T>>),
    /// An exported outport.
    Reading(Arc<Reading<T>>),
}

/// Has the thread look that watches.
struct Ring(Arc<Presence>);

impl Wake for Ring {
    fn wake(self: Arc<Self>) {
        self.0.ring();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.0.ring();
    }
}

impl<T: Item + Debug> Taps<T> {
    /// The taps of a run of `plan`, in its order. Not before workers have been forked off.
    ///
    /// # Errors
    /// The system can start no thread now.
    pub fn open(plan: &Plan<T>, memory: &Memory) -> io::Result<Arc<Self>>
    where
        T: Sync,
        T::Error: Send,
    {
        let participant = plan.workers.max(1);
        let ends = Arc::new(Ends::new(plan, memory, if plan.local { 0 } else { participant }));
        let hub = ends.hub().cloned();
        let presence = Arc::new(Presence::new(memory.bells().clone(), participant));
        let ring = Waker::from(Arc::new(Ring(presence.clone())));
        let taps = plan.taps.iter().map(|tap| {
            let (node, planned) = (tap.node, &plan.nodes[tap.node]);
            if tap.feeds {
                let meter = memory.meter(node).outports.swap_remove(0);
                let (home, feeds) = memory.cycles_behind(node, 0);
                let outport = ends.outport(plan, &planned.outports[0], None, meter, &ring).in_cycles(home, feeds);
                Tap::Feed(Box::new(Feed::new(outport, hub.clone(), presence.clone(), ring.clone())))
            } else {
                let inlet = ends.inlet(plan, node, 0).expect("a tap is connected");
                Tap::Reading(Arc::new(Reading::new(inlet, presence.clone())))
            }
        });
        let taps = taps.collect();
        let this = Arc::new(Self {
            memory: memory.clone(),
            participant,
            remotes: ends.remotes(),
            gathers: ends.gathers(plan),
            ends,
            hub,
            taps,
            presence,
            watch: Arc::default(),
        });
        watch::start(&this)?;
        Ok(this)
    }

    /// The ends of the channels of this process, which in a run inside of it are all.
    pub fn ends(&self) -> &Arc<Ends<T>> {
        &self.ends
    }

    /// One of the taps.
    pub fn tap(&self, number: usize) -> &Tap<T> {
        &self.taps[number]
    }

    /// Whether the run is being stopped: then nobody waits any more.
    pub fn stopping(&self) -> bool {
        self.memory.stopping()
    }

    /// For each tap how many items were put in or read, and how many lie unread or were discarded so.
    pub fn counts(&self) -> Vec<(u64, u64)> {
        let counts = self.taps.iter().map(|tap| match tap {
            Tap::Feed(feed) => (feed.sent(), 0),
            Tap::Reading(reading) => reading.counts(),
        });
        counts.collect()
    }

    /// Nothing more is put into tap `number`. What waits still enters.
    pub fn close(&self, number: usize) {
        match &self.taps[number] {
            Tap::Feed(feed) => feed.close(),
            Tap::Reading(reading) => reading.close(),
        }
        self.settle();
    }

    /// Takes the next item of tap `number`, if there is one.
    pub fn pick(&self, number: usize) -> Option<Fetched<T>> {
        let Tap::Reading(reading) = &self.taps[number] else { return None };
        let picked = reading.pick();
        if picked.is_some() {
            self.settle();
        }
        picked
    }

    /// Takes the next item of tap `number`, or waits for it at `place`, as [`Reading::take`] does.
    pub fn take(&self, number: usize, place: &mut Option<Place>, signal: Option<&Arc<dyn Signal>>) -> Option<Taken<T>> {
        let Tap::Reading(reading) = &self.taps[number] else { return Some(Taken::Ended) };
        let taken = reading.take(place, signal);
        self.settle();
        taken
    }

    /// The program is done with the run: everything closes. Waits for the thread that watches, which may need the
    /// interpreter: it must not be held by who calls this. What such a thread drops may call this, too; that waits for none.
    pub fn end(&self) {
        for tap in 0..self.taps.len() {
            self.close(tap);
        }
        if self.presence.retire() {
            self.hub.iter().for_each(Hub::retire);
        }
        if !servant::serves() {
            self.watch.join();
        }
    }

    /// The program may have come to wait for channels only: it has taken the last item, found none, or closed something.
    fn settle(&self) {
        let is_fed = |tap: &Tap<T>| matches!(tap, Tap::Feed(feed) if !feed.is_closed());
        if !self.taps.iter().any(is_fed) {
            self.presence.settle(|| self.is_idle());
        }
    }

    /// Whether nothing here can move unless somebody else does.
    fn is_idle(&self) -> bool {
        let rests = |tap: &Tap<T>| match tap {
            Tap::Feed(feed) => feed.is_closed(),
            Tap::Reading(reading) => reading.is_idle(),
        };
        self.taps.iter().all(rests) && self.presence.nobody_acts()
    }

    /// What the thread does whenever the doorbell rings, or `is_time` if a while has passed. Gives whether it is to come
    /// again soon; `None` when all is over.
    fn look(&self, is_time: bool) -> Option<bool> {
        if !self.presence.rouse() {
            return None;
        }
        loop {
            self.memory.doorbell(self.participant).drain();
            let mut rung = Vec::new();
            self.memory.bells().take(self.participant, |topic| rung.push(topic));
            for topic in rung {
                // What else bells tell of concerns feeds, which try again.
                if let Some(Some(remote)) = self.remotes.get(topic) {
                    remote.on_bell();
                } else if let Some(gather) = self.gathers.get(&topic) {
                    gather.upgrade().iter().for_each(|gather| gather.on_bell());
                }
            }
            if let Some(hub) = &self.hub {
                hub.relieve();
                hub.reclaim();
            }
            let stopping = self.stopping();
            let mut soon = false;
            for tap in &self.taps {
                match tap {
                    Tap::Feed(feed) => feed.on_news(stopping),
                    Tap::Reading(reading) => soon |= reading.look(stopping, is_time),
                }
            }
            if self.presence.rest(|| self.is_idle())? {
                return Some(soon);
            }
        }
    }
}
