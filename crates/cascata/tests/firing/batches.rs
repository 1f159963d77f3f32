//! Ports that deliver lists.

use std::{task::Poll, time::Instant};

use crate::{
    component::{Component, Inport, Shape},
    token::{Fault, Nature, list_id},
};

const ENDED: Poll<Result<Option<Vec<Option<u64>>>, Fault>> = Poll::Ready(Ok(None));
/// Seconds: at once, as no clock is so fine, and never.
const AT_ONCE: f64 = 1e-10;
const NEVER: f64 = 1e9;

fn list(ids: &[u64]) -> Option<u64> {
    Some(list_id(ids))
}

/// A port from a sender in the same process, and one from another.
fn ports(capacity: usize) -> [Inport; 2] {
    [Shape::port(capacity), Shape::remote(capacity)]
}

#[test]
fn items_come_in_lists_and_the_last_one_is_shorter() {
    for port in ports(9) {
        let mut component = Component::of(&[port.batched(Some(3))], &[&[0]]);
        (1..=7).for_each(|id| assert_eq!(component.send(0, id), Some(true)));
        assert_eq!(component.row(0), [list(&[1, 2, 3])]);
        assert_eq!(component.row(0), [list(&[4, 5, 6])]);
        assert_eq!(component.poll(0), Poll::Pending);
        assert!(component.groups[0].0.has_begun_batch());
        component.end(0);
        assert!(!component.groups[0].1.sleeps());
        assert_eq!(component.row(0), [list(&[7])]);
        assert_eq!(component.poll(0), ENDED);
        assert_eq!(component.rig.received(0), (7, 0));
    }
}

#[test]
fn a_stream_can_be_one_list() {
    for port in ports(2) {
        let mut component = Component::of(&[port.batched(None)], &[&[0]]);
        for id in 0..100 {
            assert_eq!(component.send(0, id), Some(true), "what was gathered takes no room");
            assert_eq!(component.poll(0), Poll::Pending);
        }
        assert_eq!(component.rig.meter(0).batched.get(), 100);
        component.end(0);
        assert_eq!(component.row(0), [list(&(0..100).collect::<Vec<_>>())]);
        assert_eq!((component.poll(0), component.rig.meter(0).batched.get()), (ENDED, 0));
    }
}

#[test]
fn a_stream_of_nothing_is_no_list() {
    for port in ports(2) {
        for size in [None, Some(2)] {
            let mut component = Component::of(&[port.batched(size)], &[&[0]]);
            component.end(0);
            assert_eq!(component.poll(0), ENDED);
        }
    }
}

#[test]
fn one_batch_lies_outside_of_the_capacity() {
    for port in ports(2) {
        let mut component = Component::of(&[port.batched(Some(3)), Shape::port(1)], &[&[0, 1]]);
        for id in 0..3 {
            assert_eq!(component.send(0, id), Some(true));
            assert_eq!(component.poll(0), Poll::Pending);
        }
        assert!(!component.groups[0].0.has_begun_batch(), "it is complete and waits for its partner");
        let sent: Vec<_> = (3..6).map(|id| component.send(0, id)).collect();
        assert_eq!(component.poll(0), Poll::Pending);
        assert_eq!((sent, component.rig.fill(0)), (vec![Some(true), Some(true), None], 2));
        component.send(1, 10);
        assert_eq!(component.row(0), [list(&[0, 1, 2]), Some(10)]);
        assert_eq!(component.poll(0), Poll::Pending);
        component.send(1, 11);
        assert_eq!(component.row(0), [list(&[3, 4, 5]), Some(11)]);
    }
}

#[test]
fn a_batch_is_gathered_while_another_port_is_waited_for() {
    for port in ports(1) {
        let mut component = Component::of(&[Shape::port(1), port.batched(Some(3))], &[&[0, 1]]);
        for id in 0..3 {
            assert_eq!(component.send(1, id), Some(true));
            assert_eq!(component.poll(0), Poll::Pending);
            assert_eq!(component.groups[0].0.missing(), 0);
        }
        component.send(0, 10);
        assert_eq!(component.row(0), [Some(10), list(&[0, 1, 2])]);
    }
}

#[test]
fn an_initial_value_is_delivered_as_it_is() {
    for port in ports(9) {
        let mut component = Component::of(&[port.with(100).batched(Some(2))], &[&[0]]);
        (1..=2).for_each(|id| assert_eq!(component.send(0, id), Some(true)));
        assert_eq!(component.row(0), [Some(100)]);
        assert_eq!(component.row(0), [list(&[1, 2])]);
    }
}

#[test]
fn what_no_firing_will_see_is_discarded() {
    for port in ports(2) {
        let mut component = Component::of(&[port.batched(Some(9)), Shape::port(1)], &[&[0, 1]]);
        for id in 0..3 {
            component.send(0, id);
            assert_eq!(component.poll(0), Poll::Pending);
        }
        component.end(1);
        assert_eq!(component.poll(0), ENDED);
        assert_eq!((component.rig.received(0), component.rig.meter(0).batched.get()), ((0, 3), 0));
        assert_eq!(component.rig.census.alive(), 0);
        assert_eq!(component.send(0, 4), Some(false));
    }
}

#[test]
fn a_batch_with_an_item_that_cannot_be_decoded_is_lost_as_a_whole() {
    let mut component = Component::of(&[Shape::remote(9).batched(Some(3))], &[&[0]]);
    for id in 1..=6 {
        component.send_as(0, id, if id == 2 { Nature::Undecodable } else { Nature::Plain });
    }
    assert_eq!(component.poll(0), Poll::Ready(Err(Fault::Undecodable(2))));
    assert_eq!(component.groups[0].0.missing(), 0);
    assert_eq!(component.row(0), [list(&[3, 4, 5])], "what came after it makes new ones");

    // The error waits for the firing that would have had the batch, as that of a single item does.
    let mut component = Component::of(&[Shape::remote(9).batched(Some(3)), Shape::port(2)], &[&[0, 1]]);
    component.send(0, 1);
    component.send_as(0, 2, Nature::Undecodable);
    assert_eq!(component.poll(0), Poll::Pending);
    component.send(1, 11);
    assert_eq!(component.poll(0), Poll::Ready(Err(Fault::Undecodable(2))));
    component.groups[0].0.close();
    assert_eq!(component.rig.census.alive(), 0);
}

#[test]
fn a_batch_is_due_a_time_after_its_first_item() {
    for port in ports(9) {
        let mut component = Component::of(&[port.timed(Some(3), NEVER)], &[&[0]]);
        assert_eq!((component.poll(0), component.groups[0].0.due()), (Poll::Pending, None));
        let before = Instant::now();
        component.send(0, 1);
        assert_eq!(component.poll(0), Poll::Pending);
        let due = component.groups[0].0.due().expect("it has an item");
        assert!(due - before >= std::time::Duration::from_secs_f64(NEVER));
        component.send(0, 2);
        assert_eq!(component.poll(0), Poll::Pending);
        assert_eq!(component.groups[0].0.due(), Some(due), "the first one counts");
        component.send(0, 3);
        assert_eq!(component.row(0), [list(&[1, 2, 3])]);
        assert_eq!(component.groups[0].0.due(), None);
    }
}

#[test]
fn a_batch_whose_time_is_over_has_what_has_come_by_then() {
    for port in ports(9) {
        let mut component = Component::of(&[port.timed(Some(3), AT_ONCE)], &[&[0]]);
        (1..=5).for_each(|id| assert_eq!(component.send(0, id), Some(true)));
        assert_eq!(component.row(0), [list(&[1, 2, 3])]);
        assert_eq!(component.row(0), [list(&[4, 5])]);
        assert_eq!((component.poll(0), component.groups[0].0.due()), (Poll::Pending, None));

        // It stays as it is while its partner is missing.
        let mut component = Component::of(&[port.timed(None, AT_ONCE), Shape::port(1)], &[&[0, 1]]);
        component.send(0, 1);
        assert_eq!((component.poll(0), component.groups[0].0.due()), (Poll::Pending, None));
        component.send(0, 2);
        component.send(1, 11);
        assert_eq!(component.row(0), [list(&[1]), Some(11)]);
    }
}

#[test]
fn a_group_is_due_with_the_first_of_its_batches() {
    let mut component =
        Component::of(&[Shape::port(9).timed(None, NEVER), Shape::remote(9).timed(None, NEVER / 2.0)], &[&[0, 1]]);
    component.send(0, 1);
    assert_eq!(component.poll(0), Poll::Pending);
    let late = component.groups[0].0.due().unwrap();
    component.send(1, 11);
    assert_eq!(component.poll(0), Poll::Pending);
    assert!(component.groups[0].0.due().unwrap() < late);
}

#[test]
fn a_time_beyond_all_clocks_is_never() {
    let mut component = Component::of(&[Shape::port(9).timed(None, f64::MAX)], &[&[0]]);
    component.send(0, 1);
    assert_eq!((component.poll(0), component.groups[0].0.due()), (Poll::Pending, None));
}

#[test]
fn batches_that_wait_for_more_can_be_flushed() {
    for port in ports(9) {
        let mut component = Component::of(&[port.batched(None), port.batched(Some(2)), Shape::port(9)], &[&[0, 1, 2]]);
        assert!(!component.groups[0].0.flush());
        component.send(0, 1);
        component.send(1, 11);
        assert_eq!(component.poll(0), Poll::Pending);
        assert!(component.groups[0].0.has_begun_batch());
        assert!(component.groups[0].0.flush());
        assert!(!component.groups[0].0.has_begun_batch() && !component.groups[0].0.flush());
        component.send(2, 21);
        assert_eq!(component.row(0), [list(&[1]), list(&[11]), Some(21)]);
        component.send(0, 2);
        assert_eq!(component.poll(0), Poll::Pending);
        assert!(component.groups[0].0.has_begun_batch(), "the next one fills as before");
    }
}

#[test]
fn a_large_batch_lets_others_have_their_turn() {
    let mut component = Component::of(&[Shape::port(1000).batched(None)], &[&[0]]);
    (0..1000).for_each(|id| assert_eq!(component.send(0, id), Some(true)));
    assert_eq!(component.poll(0), Poll::Pending);
    assert!(!component.groups[0].1.sleeps() && (1..1000).contains(&component.rig.received(0).0));
    while !component.groups[0].1.sleeps() {
        assert_eq!(component.poll(0), Poll::Pending);
    }
    assert_eq!(component.rig.received(0).0, 1000);

    // Not even a sender as fast as that delays a batch whose time is over.
    let mut component = Component::of(&[Shape::port(1000).timed(None, AT_ONCE)], &[&[0]]);
    (0..1000).for_each(|id| assert_eq!(component.send(0, id), Some(true)));
    component.row(0);
    assert!(component.rig.received(0).0 < 1000);
}

#[test]
fn a_passive_port_shows_its_latest_batch() {
    for passive in ports(9) {
        let mut component = Component::of(&[Shape::port(9), passive.with(100).batched(Some(2))], &[&[0]]);
        component.send(0, 1);
        assert_eq!(component.row(0), [Some(1), Some(100)], "an initial value as it is");
        for (id, latest) in [(1, Some(100)), (2, list(&[1, 2])), (3, list(&[1, 2])), (4, list(&[3, 4]))] {
            component.send(1, id);
            component.send(0, 1);
            assert_eq!(component.row(0), [Some(1), latest]);
        }
        assert_eq!((component.rig.received(1), component.rig.meter(1).replaced.get()), ((4, 0), 2));
        component.send(1, 5);
        component.end(1);
        assert_eq!(component.drain(0), Ok(true));
        component.send(0, 1);
        assert_eq!(component.row(0), [Some(1), list(&[5])], "the last one is shorter");
    }
}

#[test]
fn a_passive_batch_is_due_too() {
    for passive in ports(9) {
        let mut component = Component::of(&[Shape::port(9), passive.timed(None, NEVER)], &[&[0]]);
        assert_eq!((component.drain(0), component.passives[0].1.due()), (Ok(false), None));
        component.send(1, 1);
        assert_eq!(component.drain(0), Ok(false));
        assert!(component.passives[0].1.due().is_some());
        component.close();
        assert_eq!((component.rig.received(1), component.rig.census.alive()), ((0, 1), 0));

        let mut component = Component::of(&[Shape::port(9), passive.timed(None, AT_ONCE)], &[&[0]]);
        component.send(1, 1);
        component.send(1, 2);
        assert_eq!((component.drain(0), component.passives[0].1.due()), (Ok(false), None));
        component.send(1, 3);
        component.send(0, 1);
        assert_eq!(component.row(0), [Some(1), list(&[3])]);
        assert_eq!(component.rig.meter(1).replaced.get(), 1);
    }
}
