//! The rules of firing, one by one.

use std::task::Poll;

use crate::{
    component::{Component, Shape},
    token::{Fault, Nature},
};

const ENDED: Poll<Result<Option<Vec<Option<u64>>>, Fault>> = Poll::Ready(Ok(None));

#[test]
fn the_kth_items_of_a_group_meet() {
    let mut component = Component::of(&[Shape::port(9), Shape::remote(9), Shape::port(9)], &[&[2, 0, 1]]);
    for (inport, id) in [(0, 1), (0, 2), (0, 3), (1, 11), (2, 21), (2, 22), (1, 12)] {
        component.send(inport, id);
    }
    assert_eq!(component.row(0), [Some(1), Some(11), Some(21)]);
    assert_eq!(component.row(0), [Some(2), Some(12), Some(22)]);
    assert_eq!(component.poll(0), Poll::Pending);
    assert_eq!(component.groups[0].0.missing(), 2, "the first of the group that lacks an item");
    component.send(2, 23);
    assert_eq!(component.poll(0), Poll::Pending);
    assert_eq!(component.groups[0].0.missing(), 1);
}

#[test]
fn items_that_wait_for_partners_stay_inside() {
    for port in [Shape::port(2), Shape::remote(2)] {
        let mut component = Component::of(&[port, port], &[&[0, 1]]);
        let sent: Vec<_> = (0..4).map(|id| component.send(0, id)).collect();
        assert_eq!(sent, [Some(true), Some(true), None, None]);
        assert_eq!(component.poll(0), Poll::Pending);
        assert_eq!((component.rig.fill(0), component.rig.received(0)), (2, (0, 0)));
        for id in 0..4 {
            component.send(1, 10 + id);
            assert_eq!(component.row(0), [Some(id), Some(10 + id)]);
        }
    }
}

#[test]
fn an_initial_value_is_the_first_item() {
    for port in [Shape::port(1), Shape::remote(1)] {
        let mut component = Component::of(&[port.with(100), port], &[&[0, 1]]);
        assert_eq!(component.send(0, 1), Some(true), "it takes no room");
        assert_eq!(component.poll(0), Poll::Pending);
        component.send(1, 11);
        assert_eq!(component.row(0), [Some(100), Some(11)]);
        component.send(1, 12);
        assert_eq!(component.row(0), [Some(1), Some(12)]);
        component.end(0);
        assert_eq!(component.poll(0), ENDED);

        let mut alone = Component::of(&[port.with(100)], &[&[0]]);
        alone.end(0);
        assert_eq!(alone.row(0), [Some(100)]);
        assert_eq!(alone.poll(0), ENDED);
    }
}

#[test]
fn a_group_ends_with_the_first_of_its_ports() {
    for order in [[0, 1], [1, 0]] {
        let mut component = Component::of(&[Shape::port(2), Shape::remote(1)], &[&order]);
        component.send(0, 1);
        component.send(1, 11);
        component.send(1, 12);
        component.end(0);
        assert_eq!(component.row(0), [Some(1), Some(11)]);
        assert_eq!(component.poll(0), ENDED);
        assert_eq!(component.send(1, 13), Some(false));
        assert_eq!(component.rig.received(1), (1, 2));
        assert_eq!(component.poll(0), ENDED, "and stays so");
    }
}

#[test]
fn a_port_that_ends_is_noticed_behind_one_that_has_nothing() {
    let mut component = Component::of(&[Shape::port(2), Shape::port(2), Shape::remote(2)], &[&[0, 1, 2]]);
    assert_eq!(component.poll(0), Poll::Pending);
    component.end(2);
    assert!(!component.groups[0].1.sleeps());
    assert_eq!(component.poll(0), ENDED);
    assert_eq!((component.send(0, 1), component.send(1, 1)), (Some(false), Some(false)));
}

#[test]
fn a_closed_group_takes_nothing_more() {
    let mut component = Component::of(&[Shape::port(2).with(5), Shape::remote(2)], &[&[0, 1]]);
    component.send(0, 1);
    component.send(1, 11);
    component.groups[0].0.close();
    assert_eq!(component.poll(0), ENDED);
    assert_eq!(component.send(1, 12), Some(false));
    assert_eq!((component.rig.received(0), component.rig.received(1)), ((0, 1), (0, 2)));
    assert_eq!(component.rig.census.alive(), 0);
}

#[test]
fn constants_alone_fire_once() {
    for groups in [&[][..], &[&[0, 1][..]], &[&[1][..]]] {
        let mut component = Component::of(&[Shape::constant(1), Shape::constant(2)], groups);
        assert_eq!(component.row(0), [Some(1), Some(2)]);
        assert_eq!(component.poll(0), ENDED);
    }
    let mut without_inports = Component::of(&[], &[]);
    assert_eq!(without_inports.row(0), []);
    assert_eq!(without_inports.poll(0), ENDED);
}

#[test]
fn constants_are_in_every_row() {
    let mut component = Component::of(&[Shape::constant(7), Shape::port(3)], &[&[1, 0]]);
    for id in 0..3 {
        component.send(1, id);
        assert_eq!(component.row(0), [Some(7), Some(id)]);
    }
}

#[test]
fn other_groups_show_their_latest_value() {
    let mut component = Component::of(&[Shape::port(3), Shape::port(3), Shape::port(3)], &[&[0], &[1, 2]]);
    component.send(0, 1);
    component.send(1, 11);
    assert_eq!(component.row(0), [Some(1), None, None], "what a group has not taken is not seen");
    component.send(2, 21);
    assert_eq!(component.row(1), [Some(1), Some(11), Some(21)]);
    component.send(0, 2);
    assert_eq!(component.row(0), [Some(2), Some(11), Some(21)]);
    component.end(1);
    assert_eq!(component.poll(1), ENDED);
    component.send(0, 3);
    assert_eq!(component.row(0), [Some(3), Some(11), Some(21)], "the last one stays");
}

#[test]
fn a_firing_sees_what_its_passive_port_got_before() {
    for passive in [Shape::port(3), Shape::remote(3)] {
        let mut component = Component::of(&[Shape::port(9), passive], &[&[0]]);
        component.send(0, 1);
        assert_eq!(component.row(0), [Some(1), None]);
        for id in 2..5 {
            // Nobody drains the port in between.
            component.send(1, 10 + id);
            component.send(0, id);
            assert_eq!(component.row(0), [Some(id), Some(10 + id)]);
        }
        component.end(1);
        component.send(0, 5);
        assert_eq!(component.row(0), [Some(5), Some(14)]);
        assert_eq!(component.drain(0), Ok(true));
        assert_eq!((component.rig.received(1), component.rig.meter(1).replaced.get()), ((3, 0), 2));
    }
}

#[test]
fn the_initial_value_of_a_passive_port_is_there_at_once() {
    let mut component = Component::of(&[Shape::port(9).with(0), Shape::port(1).with(10)], &[&[0]]);
    assert_eq!(component.row(0), [Some(0), Some(10)]);
    component.send(1, 11);
    component.send(0, 1);
    assert_eq!(component.row(0), [Some(1), Some(11)]);
    assert_eq!(component.rig.meter(1).replaced.get(), 1);
}

#[test]
fn a_passive_port_never_keeps_its_sender() {
    for passive in [Shape::port(1), Shape::remote(1)] {
        let mut component = Component::of(&[Shape::port(9), passive], &[&[0]]);
        for id in 0..300 {
            component.send(1, id);
            if id % 100 == 0 {
                assert_eq!(component.drain(0), Ok(false));
                assert_eq!(component.rig.received(1).0, id + 1);
            }
        }
        assert_eq!(component.drain(0), Ok(false));
        component.send(0, 1);
        assert_eq!(component.row(0), [Some(1), Some(299)]);
        component.groups[0].0.close();
        component.close();
        assert_eq!(component.send(1, 0), Some(false));
    }
}

#[test]
fn a_busy_passive_port_lets_others_have_their_turn() {
    let mut component = Component::of(&[Shape::port(9), Shape::port(1000)], &[&[0]]);
    (0..1000).for_each(|id| assert_eq!(component.send(1, id), Some(true)));
    let (_, passive, party) = &mut component.passives[0];
    assert!(party.poll(|cx| passive.poll(cx)).is_pending());
    assert!(!party.sleeps() && (1..1000).contains(&component.rig.received(1).0));
    assert_eq!(component.drain(0), Ok(false));
    assert_eq!(component.rig.received(1).0, 1000);
}

#[test]
fn a_row_that_cannot_be_decoded_is_lost_as_a_whole() {
    for bad in 0..3 {
        let mut component = Component::of(&[Shape::remote(3), Shape::remote(3), Shape::remote(3)], &[&[0, 1, 2]]);
        for row in 1..3 {
            for inport in 0..3 {
                let nature = if row == 1 && inport == bad { Nature::Undecodable } else { Nature::Plain };
                component.send_as(inport as usize, row * 10 + inport, nature);
            }
        }
        assert_eq!(component.poll(0), Poll::Ready(Err(Fault::Undecodable(10 + bad))));
        assert_eq!(component.row(0), [Some(20), Some(21), Some(22)], "the others are in step");
    }
}

#[test]
fn a_value_of_a_passive_port_that_cannot_be_decoded_is_told() {
    let mut component = Component::of(&[Shape::port(3), Shape::remote(3)], &[&[0]]);
    component.send_as(1, 1, Nature::Undecodable);
    component.send(1, 2);
    assert_eq!(component.drain(0), Err(Fault::Undecodable(1)));
    assert_eq!(component.drain(0), Ok(false));
    component.send_as(1, 3, Nature::Undecodable);
    component.send(0, 1);
    component.send(0, 2);
    assert_eq!(component.poll(0), Poll::Ready(Err(Fault::Undecodable(3))));
    assert_eq!(component.row(0), [Some(2), Some(2)]);
}
