//! Feedback loops of the engine's own channels and trigger groups, in every order of the steps that two workers make in
//! shared memory: each loop closes, its members hear of that, and by then all that was to go round has done so.
//!
//! An item is a list of lives. A firing sends on each that is left, one shorter. What is lost leaves all tasks waiting, or
//! too few firings, which is noticed at once.

mod circuit;
#[path = "../common/wakes.rs"]
mod wakes;

use cascata::graph::Batch;
use cascata_shm::model::{Search, everything, explore};
use circuit::{Circuit, Member, dropped, named};
use wakes::Watchdog;

/// Runs a circuit in all these orders; its members are to have `lives` lives in all.
fn run(search: Search, members: &[Member], lives: usize) {
    let _watchdog = Watchdog::new();
    let described = format!("{members:?}");
    let members = members.to_vec();
    let orders = explore(search, move || {
        let circuit = Circuit::new(&members);
        circuit.run();
        assert_eq!(circuit.lived(), lives, "every life is lived once");
        assert!(circuit.names().is_sorted(), "what comes from outside comes in order: {:?}", circuit.names());
    });
    println!("{search:?}: {orders} orders, {described}");
}

fn around(most: usize) -> Search {
    Search::Sections(if everything() { most + 1 } else { most })
}

const TWICE: Batch = Batch { size: Some(2), within: None };

#[test]
fn a_token_between_two_workers() {
    for capacity in [Some(1), None] {
        run(around(1), &[Member::on(0).of(capacity).seeded(2), Member::on(1).of(capacity)], 3);
    }
}

#[test]
fn a_token_from_outside() {
    let source = Member::on(1).source(&[1]);
    run(around(1), &[source.clone(), Member::on(0), Member::on(0)], 2);
    run(around(1), &[source, Member::on(0), Member::on(1)], 2);
}

#[test]
fn tokens_that_wait_for_room() {
    let source = Member::on(1).source(&[0, 1, 0]);
    run(around(1), &[source, Member::on(0).of(Some(1)), Member::on(1).of(Some(1))], 4);
}

#[test]
fn a_batch_that_is_flushed() {
    run(around(1), &[Member::on(0).seeded(2), Member::on(1).in_batches(TWICE)], 3);
    let source = Member::on(1).source(&[1, 0]);
    run(around(1), &[source, Member::on(0).in_batches(Batch { size: Some(3), within: None }), Member::on(1)], 3);
}

#[test]
fn a_batch_that_takes_several_looks() {
    let source = Member::on(1).source(&[0; 70]);
    let whole = Batch { size: None, within: None };
    run(Search::Random(40), &[source, Member::on(0).of(Some(80)).in_batches(whole), Member::on(1)], 70);
}

#[test]
fn longer_ways() {
    let count = if everything() { 10_000 } else { 300 };
    let source = Member::on(1).source(&[3, 5, 2]);
    let loops = [
        source.clone(),
        Member::on(0).of(Some(2)).seeded(4),
        Member::on(1).of(Some(3)),
        Member::on(0).of(None).in_batches(TWICE),
        Member::on(1).of(Some(2)),
    ];
    run(Search::Random(count), &loops, 18);
    run(Search::Random(count), &[source, Member::on(0).of(None), Member::on(1).of(None).in_batches(TWICE)], 13);
}

/// A trigger group that waits at one port of its loop and has an item at the other.
#[test]
fn an_item_that_waits_for_a_partner_keeps_no_loop_open() {
    for capacity in [Some(4), None] {
        let source = Member::on(1).source(&[0]).aside();
        run(around(2), &[source, Member::on(0).of(capacity), Member::on(0)], 0);
    }
}

#[test]
fn results_of_a_group_come_in_order() {
    let source = Member::on(0).source(&[named(1, 0), named(2, 0), named(3, 0)]);
    for capacity in [Some(4), None] {
        for workers in [[0, 0], [1, 1], [0, 1]] {
            run(around(1), &[source.clone(), Member::group(&workers), Member::on(0).of(capacity)], 3);
        }
    }
}

#[test]
fn results_wait_for_one_that_never_comes() {
    let source = Member::on(1).source(&[dropped(1), named(2, 1), dropped(3), named(4, 0)]);
    for capacity in [Some(1), None] {
        for workers in [[1, 1], [0, 1]] {
            let group = Member::group(&workers);
            run(around(1), &[source.clone(), group.clone(), Member::on(0).of(capacity), Member::on(1)], 3);
        }
    }
}

#[test]
fn results_go_into_batches_that_are_flushed() {
    let source = Member::on(1).source(&[named(1, 1), dropped(2), named(3, 0)]);
    for workers in [[1, 1], [0, 1]] {
        run(around(1), &[source.clone(), Member::group(&workers), Member::on(0).in_batches(TWICE), Member::on(1)], 3);
    }
}

#[test]
fn results_and_tokens_that_go_round() {
    let count = if everything() { 10_000 } else { 300 };
    let tokens = [named(1, 2), dropped(2), named(3, 0), named(4, 5), dropped(5), named(6, 1)];
    for workers in [[0, 1, 0], [1, 1, 0]] {
        for capacity in [Some(1), None] {
            let source = Member::on(0).source(&tokens);
            let first = Member::on(0).of(capacity).seeded(3);
            let group = Member::group(&workers).of(Some(1));
            run(Search::Random(count), &[source, group, first, Member::on(1).of(None)], 16);
        }
    }
}
