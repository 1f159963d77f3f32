//! Graphs with taps, and those who wait at them.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering::SeqCst},
};

use cascata::{
    graph::{Definition, Graph, Inport, Outport, PortKind},
    plan::Plan,
    taps::{Feed, Reading, Signal, Tap, Taps},
};

use crate::list::List;

/// The taps' numbers.
pub const INTO: usize = 0;
pub const OUT: usize = 1;

/// What fits into an exported outport.
pub const ROOM: usize = 10;

/// A component, or a group of so many, whose inport and outport are exported.
pub fn exported(capacity: usize, members: usize) -> Graph<List> {
    let inports = vec![Inport { name: "in".into(), capacity: Some(capacity), default: None }];
    let outports = vec![Outport { name: "out".into() }];
    let definition = Definition::new("node", "tests", inports, outports, vec![], List::default()).unwrap();
    let mut graph = Graph::new();
    if members == 1 {
        graph.add("node", Arc::new(definition)).unwrap();
    } else {
        graph.add_group("node", Arc::new(definition), members).unwrap();
    }
    graph.export("into", "node", (PortKind::Inport, "in"), true, None).unwrap();
    graph.export("out", "node", (PortKind::Outport, "out"), true, None).unwrap();
    graph
}

/// Its plan; without workers, everything is in this process.
pub fn planned(graph: &Graph<List>, workers: usize) -> Plan<List> {
    let plan = Plan::with_taps(graph, &List::default(), &[], workers, &[], None).unwrap();
    assert!(plan.taps[INTO].feeds && !plan.taps[OUT].feeds);
    plan
}

pub fn feed(taps: &Taps<List>) -> &Feed<List> {
    match taps.tap(INTO) {
        Tap::Feed(feed) => feed,
        Tap::Reading(_) => panic!("it is fed"),
    }
}

pub fn reading(taps: &Taps<List>) -> &Arc<Reading<List>> {
    match taps.tap(OUT) {
        Tap::Reading(reading) => reading,
        Tap::Feed(_) => panic!("it is read"),
    }
}

/// Somebody who waits, and counts how often it was woken.
#[derive(Debug, Default)]
pub struct Waiter {
    woken: AtomicUsize,
}

impl Waiter {
    pub fn is_woken(&self) -> bool {
        self.woken.load(SeqCst) > 0
    }
}

impl Signal for Waiter {
    fn wake(&self) -> bool {
        self.woken.fetch_add(1, SeqCst);
        true
    }

    fn is_lost(&self) -> bool {
        false
    }
}
