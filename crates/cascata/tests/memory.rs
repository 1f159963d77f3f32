//! The memory of a run: what lies in it, and that nothing lies on anything else.

mod common;
#[path = "common/rig.rs"]
mod rig;
#[path = "common/token.rs"]
mod token;
#[path = "common/wakes.rs"]
mod wakes;

use std::{io::ErrorKind, os::fd::OwnedFd, sync::Arc};

use cascata::{
    channel::{Outport, Remote, Sent},
    graph::Graph,
    memory::Memory,
    metrics::{Counter, LaneState, NodeMeter, Times},
    plan::Plan,
};
use common::definition;
use rig::{Channel, Sender, Spec};
use token::{Census, Nature};
use wakes::hear;

/// Bytes that items may take.
const LIMIT: usize = 1 << 30;

/// A channel inside worker 0, one from worker 0 to 1, one back without bound.
fn spec() -> Spec {
    let channel = |capacity, receiver| Channel { capacity, receiver, shared: false };
    let channels = vec![channel(Some(3), 0), channel(Some(5), 1), channel(None, 0)];
    let sender = |worker, targets: &[usize]| Sender { worker, targets: targets.into() };
    Spec { channels, senders: vec![sender(0, &[0, 1]), sender(1, &[1, 2])], slots: 1 }
}

fn counters(meter: &NodeMeter) -> Vec<&Counter> {
    let mut all = vec![&meter.busy, &meter.awaiting, &meter.waiting, &meter.blocked];
    all.extend(meter.lanes.iter().flat_map(|lane| [&lane.firings, &lane.state, &lane.since]));
    for port in &meter.inports {
        all.extend([&port.received, &port.taken, &port.discarded, &port.replaced]);
    }
    for port in &meter.outports {
        all.extend([&port.sent, &port.dropped]);
        all.extend(port.shared.iter().flatten());
    }
    all
}

#[test]
fn every_counter_has_a_word_of_its_own() {
    let mut graph = Graph::new();
    for name in ["one", "two"] {
        graph.add(name, definition(name, &["a", "b", "c"], &["x", "y"])).unwrap();
        graph.clk(name, &["a", "b"]).unwrap();
    }
    graph.connect("one", "y", "two", "a").unwrap();
    let plan = Plan::new(&graph, 2, &[], None).unwrap();
    let memory = Memory::new(&plan, LIMIT).unwrap();
    let meters: Vec<_> = (0..plan.nodes.len()).map(|node| memory.meter(node)).collect();
    let all: Vec<_> = meters.iter().flat_map(counters).collect();
    for (value, counter) in all.iter().enumerate() {
        assert_eq!(counter.get(), 0);
        counter.set(value as u64);
    }
    // The same words, whoever asks.
    let again: Vec<_> = (0..plan.nodes.len()).map(|node| memory.clone().meter(node)).collect();
    let values: Vec<_> = again.iter().flat_map(counters).map(Counter::get).collect();
    assert_eq!(values, (0..all.len() as u64).collect::<Vec<_>>());
}

#[test]
fn a_counter_counts() {
    let memory = Memory::new(&spec().plan(), LIMIT).unwrap();
    let counter = &memory.meter(0).lanes[0].firings;
    counter.add(5);
    counter.add_shared(7);
    counter.take_back(2);
    assert_eq!((counter.get(), format!("{counter:?}")), (10, "10".to_owned()));
}

#[test]
fn the_states_of_trigger_groups_are_words() {
    let memory = Memory::new(&spec().plan(), LIMIT).unwrap();
    let meter = memory.meter(0);
    assert_eq!(meter.states().collect::<Vec<_>>(), [LaneState::New]);
    let ports = [0, 1, 300, 70_000];
    let states = [LaneState::New, LaneState::Running, LaneState::Awaiting, LaneState::Done];
    let states = states.into_iter().chain(ports.map(LaneState::Waiting)).chain(ports.map(LaneState::Blocked));
    for state in states {
        meter.lanes[0].state.set(state.to_word());
        assert_eq!(meter.states().collect::<Vec<_>>(), [state]);
    }
}

#[test]
fn time_is_booked_when_a_state_ends_and_told_before() {
    let memory = Memory::new(&spec().plan(), LIMIT).unwrap();
    let meter = memory.meter(0);
    assert_eq!(meter.times(1_000), Times::default(), "nobody is there yet");
    meter.enter(0, LaneState::New, 1_000);
    meter.enter(0, LaneState::Running, 1_001);
    meter.enter(0, LaneState::Waiting(0), 1_021);
    meter.enter(0, LaneState::Running, 1_321);
    meter.enter(0, LaneState::Blocked(0), 1_322);
    meter.enter(0, LaneState::Awaiting, 5_322);
    let mut times = Times { busy: 21, awaiting: 0, waiting: 301, blocked: 4_000 };
    assert_eq!(meter.awaiting.get(), 0);
    for _ in 0..2 {
        assert_eq!(meter.times(5_322 + times.awaiting), times);
        times.awaiting += 50_000;
    }
    assert_eq!(meter.times(0).awaiting, 0, "a clock that was read before the state began");
    meter.enter(0, LaneState::Done, 5_332);
    assert_eq!(meter.times(u64::MAX), Times { awaiting: 10, ..times });
}

#[test]
fn channels_that_cross_workers_have_rings() {
    let memory = Memory::new(&spec().plan(), LIMIT).unwrap();
    assert!(memory.ring(0).is_none());
    let ring = memory.ring(1).unwrap();
    assert_eq!((ring.capacity(), ring.publishers(), ring.fill()), (5, 2, 0));
    assert_eq!(memory.ring(2).unwrap().publishers(), 1);
}

#[test]
fn a_capacity_beyond_all_memory_is_one() {
    let mut plan = spec().plan();
    plan.channels[1].capacity = Some(usize::MAX);
    let ring = Memory::new(&plan, LIMIT).unwrap().ring(1).unwrap().clone();
    assert_eq!(ring.capacity(), u32::MAX as usize);
}

#[test]
fn hubs_join_their_workers() {
    let plan = spec().plan();
    let memory = Memory::new(&plan, LIMIT).unwrap();
    let end = |worker, receives| {
        let meter = memory.meter(0).inports[0].clone();
        Arc::new(Remote::new(1, memory.ring(1).unwrap().clone(), memory.hub(worker), receives, false, meter))
    };
    let (sender, receiver) = (end(0, false), end(1, true));
    let outport = Outport::new(vec![], vec![(sender, false)], None, memory.meter(3).outports[0].clone());
    let census = Census::new();
    // Far more than the spans of the rigs: a span is as large as the machine's memory.
    for (id, size) in [(1, 20), (2, 10_000_000)] {
        assert!(matches!(outport.send(census.make(id, Nature::Plain, size)), Ok(Sent::Now(true))));
        assert_eq!(receiver.take().unwrap().unwrap().id, id);
    }
}

#[test]
fn a_stop_is_told_to_all_workers() {
    let memory = Memory::new(&spec().plan(), LIMIT).unwrap();
    assert!(!memory.stopping());
    memory.clone().stop();
    assert!(memory.stopping());
    (0..memory.participants()).for_each(|worker| hear(memory.doorbell(worker)));
}

#[test]
fn the_supervisor_hears_when_nothing_moves() {
    let memory = Memory::new(&spec().plan(), LIMIT).unwrap();
    assert_eq!(memory.bells().active(), 2);
    assert!((0..memory.participants()).all(|worker| memory.bells().doze(worker, true)));
    hear(memory.quiet());
    assert_eq!(memory.bells().active(), 0);
}

#[test]
fn nothing_is_shared_that_need_not_be() {
    let mut plan = spec().plan();
    plan.channels.clear();
    plan.workers = 0;
    let memory = Memory::new(&plan, LIMIT).unwrap();
    assert_eq!(memory.participants(), 1, "the calling process is a worker, too");
    memory.hub(0);
}

fn descriptors(memory: &Memory) -> Vec<OwnedFd> {
    memory.descriptors().map(|fd| fd.try_clone_to_owned().unwrap()).collect()
}

#[test]
fn a_process_that_was_not_forked_attaches() {
    let plan = spec().plan();
    let memory = Memory::new(&plan, LIMIT).unwrap();
    let other = Memory::attach(&plan, LIMIT, descriptors(&memory)).unwrap();
    memory.meter(3).outports[0].sent.set(7);
    assert_eq!(other.meter(3).outports[0].sent.get(), 7);
    let end = |memory: &Memory, worker, receives| {
        let meter = memory.meter(0).inports[0].clone();
        Arc::new(Remote::new(1, memory.ring(1).unwrap().clone(), memory.hub(worker), receives, false, meter))
    };
    let (sender, receiver) = (end(&memory, 0, false), end(&other, 1, true));
    let outport = Outport::new(vec![], vec![(sender, false)], None, memory.meter(3).outports[0].clone());
    let census = Census::new();
    for (id, size) in [(1, 20), (2, 100_000)] {
        assert!(matches!(outport.send(census.make(id, Nature::Plain, size)), Ok(Sent::Now(true))));
        assert_eq!(receiver.take().unwrap().unwrap().id, id);
    }
    other.stop();
    assert!(memory.stopping());
    (0..memory.participants()).for_each(|worker| hear(memory.doorbell(worker)));
}

#[test]
fn the_memory_of_another_plan_is_refused() {
    let plan = spec().plan();
    let memory = Memory::new(&plan, LIMIT).unwrap();
    let mut other = plan.clone();
    other.channels[1].capacity = Some(1000);
    let refused = |plan, descriptors| Memory::attach(plan, LIMIT, descriptors).unwrap_err().kind();
    assert_eq!(refused(&other, descriptors(&memory)), ErrorKind::InvalidInput);
    assert_eq!(refused(&plan, vec![]), ErrorKind::InvalidInput);
    assert_eq!(refused(&plan, descriptors(&memory).split_off(1)), ErrorKind::InvalidInput);
    let mut few = descriptors(&memory);
    few.pop();
    assert_eq!(refused(&plan, few), ErrorKind::InvalidInput);
}
