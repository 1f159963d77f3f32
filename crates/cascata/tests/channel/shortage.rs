//! Sends for which the shared memory has no room: they wait, in order, until there is some.

use std::{sync::Arc, task::Poll};

use cascata::channel::{Inlet, SendError, Sent, Ticket};

use crate::{
    arrangement::Arrangement,
    rig::{LARGEST, Rig},
    token::{Fault, Nature},
    wakes::Party,
};

/// What is larger than a slot, so that it takes memory.
const SIZE: usize = 5000;

/// The second sender is apart from the receiver.
const SENDER: usize = 1;
const WORKER: usize = 1;

fn send(rig: &Rig, id: u64, size: usize) -> Result<Sent, SendError<Fault>> {
    rig.outports[SENDER].send(rig.census.make(id, Nature::Plain, size))
}

fn waiting(rig: &Rig, id: u64, size: usize) -> Arc<Ticket> {
    match send(rig, id, size) {
        Ok(Sent::Waits(ticket)) => ticket,
        other => panic!("the send of {id} gave {other:?}"),
    }
}

/// A rig whose sender apart has no memory left as long as the second value lives.
fn starved(capacity: Option<usize>) -> (Rig, impl Sized) {
    let rig = Arrangement::Mixed.rig(capacity);
    let all = rig.hubs[WORKER].blank(LARGEST).unwrap();
    (rig, all)
}

#[test]
fn what_finds_no_memory_waits_in_order() {
    let (rig, all) = starved(Some(10));
    assert!(matches!(send(&rig, 0, 0), Ok(Sent::Now(true))), "small items need none");
    let party = Party::new();
    let large = waiting(&rig, 1, SIZE);
    assert!(rig.outports[SENDER].holds_back());
    let small = waiting(&rig, 2, 0);
    let others = [waiting(&rig, 3, SIZE), waiting(&rig, 4, 0)];
    assert_eq!(party.poll(|cx| rig.outports[SENDER].poll(&large, cx).map(Result::unwrap)), Poll::Pending);
    assert_eq!((rig.take_all(0), rig.sent(SENDER)), (vec![0], 5));
    assert!(party.sleeps() && !small.is_done());
    drop(all);
    rig.settle();
    assert!(!party.sleeps());
    assert_eq!(party.poll(|cx| rig.outports[SENDER].poll(&large, cx).map(Result::unwrap)), Poll::Ready(true));
    assert!(small.is_done() && others.iter().all(|ticket| ticket.is_done()) && !rig.outports[SENDER].holds_back());
    assert_eq!(rig.take_all(0), [1, 2, 3, 4]);
    rig.dispose();
}

#[test]
fn what_then_finds_no_room_waits_for_that() {
    let (rig, all) = starved(Some(2));
    let tickets: Vec<_> = (0..5).map(|id| waiting(&rig, id, SIZE)).collect();
    drop(all);
    rig.settle();
    assert_eq!(tickets.iter().map(|ticket| ticket.is_done()).collect::<Vec<_>>(), [true, true, false, false, false]);
    assert!(rig.outports[SENDER].withdraw(&tickets[3]) && !rig.outports[SENDER].withdraw(&tickets[0]));
    assert_eq!(rig.take_all(0), [0, 1, 2, 4]);
    rig.dispose();
}

#[test]
fn what_is_taken_back_meanwhile_was_never_sent() {
    let (rig, all) = starved(Some(10));
    let tickets: Vec<_> = (0..5).map(|id| waiting(&rig, id, SIZE)).collect();
    for taken_back in [0, 2, 4] {
        assert!(rig.outports[SENDER].withdraw(&tickets[taken_back]));
    }
    assert_eq!((rig.sent(SENDER), rig.census.alive()), (2, 2));
    drop(all);
    assert_eq!(rig.take_all(0), [1, 3]);
    rig.dispose();
}

#[test]
fn nobody_waits_for_memory_when_nobody_receives() {
    let (rig, all) = starved(Some(10));
    let ticket = waiting(&rig, 1, SIZE);
    let party = Party::new();
    assert_eq!(party.poll(|cx| ticket.poll(cx)), Poll::Pending);
    rig.inlets[0].close();
    rig.settle();
    assert!(!party.sleeps(), "the closed channel has woken it");
    assert_eq!(party.poll(|cx| ticket.poll(cx)), Poll::Ready(false));
    assert!(matches!(send(&rig, 2, 0), Ok(Sent::Now(false))));
    drop(all);
    rig.dispose();
}

#[test]
fn a_sender_that_ends_leaves_when_nothing_of_it_waits() {
    let (rig, all) = starved(Some(10));
    let tickets = [waiting(&rig, 1, SIZE), waiting(&rig, 2, SIZE)];
    rig.outports.iter().for_each(cascata::channel::Outport::close);
    rig.settle();
    let Inlet::Remote(inlet) = &rig.inlets[0] else { unreachable!() };
    let party = Party::new();
    assert_eq!(party.poll(|cx| inlet.poll_item(cx)), Poll::Pending, "it has not ended");
    assert!(rig.outports[SENDER].withdraw(&tickets[0]));
    drop(all);
    assert_eq!(rig.take_all(0), [2]);
    assert_eq!(party.poll(|cx| inlet.poll_item(cx)), Poll::Ready(false));
    rig.dispose();

    let (rig, all) = starved(Some(10));
    let ticket = waiting(&rig, 1, SIZE);
    rig.outports.iter().for_each(cascata::channel::Outport::close);
    assert!(rig.outports[SENDER].withdraw(&ticket));
    rig.settle();
    let Inlet::Remote(inlet) = &rig.inlets[0] else { unreachable!() };
    assert_eq!(party.poll(|cx| inlet.poll_item(cx)), Poll::Ready(false), "nothing of it waits any more");
    drop(all);
    rig.dispose();
}

#[test]
fn what_cannot_be_sent_is_refused_when_its_turn_comes() {
    let (rig, all) = starved(Some(10));
    let first = waiting(&rig, 1, SIZE);
    let Ok(Sent::Waits(refused)) = rig.outports[SENDER].send(rig.census.make(2, Nature::Unencodable, 0)) else {
        panic!("it waits for its turn");
    };
    let last = waiting(&rig, 3, 0);
    drop(all);
    rig.settle();
    let party = Party::new();
    let outcome = |ticket: &Ticket| party.poll(|cx| rig.outports[SENDER].poll(ticket, cx));
    assert!(matches!(outcome(&refused), Poll::Ready(Err(SendError::Encode(Fault::Unencodable)))));
    assert!(matches!((outcome(&first), outcome(&last)), (Poll::Ready(Ok(true)), Poll::Ready(Ok(true)))));
    assert_eq!((rig.take_all(0), rig.sent(SENDER)), (vec![1, 3], 2));
    rig.dispose();
}

#[test]
fn what_can_never_find_room_is_refused_at_once() {
    let (rig, all) = starved(Some(10));
    assert!(matches!(send(&rig, 6, LARGEST + 1), Err(SendError::TooLarge(size)) if size == LARGEST + 1));
    let first = waiting(&rig, 2, SIZE);
    let second = waiting(&rig, 4, LARGEST + 1);
    drop(all);
    rig.settle();
    let party = Party::new();
    let outcome = party.poll(|cx| rig.outports[SENDER].poll(&second, cx));
    assert!(matches!(outcome, Poll::Ready(Err(SendError::TooLarge(size))) if size == LARGEST + 1), "behind another");
    assert!(first.is_done());
    assert_eq!((rig.take_all(0), rig.sent(SENDER)), (vec![2], 1));
    rig.dispose();
}

#[test]
fn memory_that_others_have_cached_is_enough() {
    // Both workers' memory was used once and lies in their caches; one item may be as large as all that one has.
    let rig = Arrangement::Mixed.rig(Some(10));
    let kept: Vec<_> = rig.hubs.iter().map(|hub| hub.blank(LARGEST / 2).unwrap()).collect();
    let ticket = waiting(&rig, 2, LARGEST - 1000);
    drop(kept);
    rig.settle();
    assert!(ticket.is_done());
    assert_eq!(rig.take_all(0), [2]);
    rig.dispose();
}

#[test]
fn waiting_for_memory_rings_nobody_for_ever() {
    let (rig, all) = starved(Some(10));
    let others = rig.hubs[0].blank(LARGEST).unwrap();
    let ticket = waiting(&rig, 3, SIZE);
    for _ in 0..3 {
        rig.settle();
    }
    assert!(rig.hubs[WORKER].awaits_memory() && !ticket.is_done());
    drop(others);
    rig.settle();
    assert!(!ticket.is_done(), "it is another's memory");
    drop(all);
    rig.settle();
    assert_eq!(rig.take_all(0), [3]);
    rig.dispose();
}
