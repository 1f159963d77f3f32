//! How graphs run, and how runs end.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    time::Duration,
};

use cascata::{
    graph::{Batch, Graph, Policy},
    runtime::{Cause, RunError, Value, launch},
};

use crate::parts::{Count, Double, Gather, Lengths, Map, Pair, Until, chain, made, map, sent};

#[test]
fn items_pass_in_order() {
    for threads in [1, 2] {
        let graph = chain([made(Count(0..5000)), map(|x| vec![x + 1]), map(|x| vec![2 * x]), made(Gather)]);
        let all: Vec<Vec<u64>> = sent(&graph, "d", threads);
        assert_eq!(all, [(1..=5000).map(|x| 2 * x).collect::<Vec<_>>()]);
    }
}

#[test]
fn every_inport_behind_an_outport_gets_every_item() {
    let mut graph = chain([made(Count(0..1000)), made(Gather)]);
    graph.add("c", map(|x| vec![x + 1])).unwrap();
    graph.add("d", made(Gather)).unwrap();
    graph.connect("a", "out", "c", "x").unwrap();
    graph.connect("c", "out", "d", "x").unwrap();
    let report = launch(&graph).collect_at("b", "out").collect_at("d", "out").wait().unwrap();
    assert_eq!(report.collected_at("b", "out"), Ok(Some(vec![(0..1000).collect::<Vec<u64>>()])));
    assert_eq!(report.collected_at("d", "out"), Ok(Some(vec![(1..1001).collect::<Vec<u64>>()])));
    assert_eq!(report.components["a"].outports["out"].sent, 1000);
    assert_eq!(report.components["d"].inports["x"].taken, 1000);
    assert_eq!(report.components["d"].firings, 1000);
}

#[test]
fn what_was_set_on_a_persistent_value_begins_it() {
    let mut graph = chain([made(Count(0..2)), made(Gather)]);
    graph.set_state("b", "seen", Value::maker(|| vec![7_u64])).unwrap();
    assert_eq!(sent::<Vec<u64>>(&graph, "b", 1), [vec![7, 0, 1]]);
    // Nothing flows back: it begins anew.
    assert_eq!(sent::<Vec<u64>>(&graph, "b", 1), [vec![7, 0, 1]]);
}

/// A group between a source and a sink, whose members take the longer the lower the number is.
fn grouped(ordered: bool, policy: Option<Policy<Value>>) -> Graph<Value> {
    let mut graph = Graph::new();
    graph.add("a", made(Count(0..300))).unwrap();
    let pause = |x: u64| Duration::from_micros(if x.is_multiple_of(7) { 300 } else { 0 });
    let slow = made(Map(move |x: u64| Ok((if x.is_multiple_of(3) { vec![] } else { vec![x, x + 1000] }, pause(x)))));
    graph.add_group("g", slow, 3).unwrap();
    graph.add("b", made(Gather)).unwrap();
    if let Some(policy) = policy {
        graph.share("g", "x", policy).unwrap();
    }
    graph.connect("a", "out", "g", "x").unwrap();
    if ordered {
        graph.connect("g", "out", "b", "x").unwrap();
    } else {
        graph.connect_unordered("g", "out", "b", "x").unwrap();
    }
    graph
}

#[test]
fn results_of_a_group_keep_the_order_of_its_input() {
    let expected: Vec<u64> = (0..300).filter(|x| x % 3 != 0).flat_map(|x| [x, x + 1000]).collect();
    for threads in [1, 2, 4] {
        for policy in [None, Some(Policy::RoundRobin), Some(Policy::Keyed(Value::key(|x: &u64| x % 5)))] {
            assert_eq!(sent::<Vec<u64>>(&grouped(true, policy), "b", threads)[0], expected);
        }
        let mut unordered = sent::<Vec<u64>>(&grouped(false, None), "b", threads).remove(0);
        unordered.sort_unstable();
        let mut expected = expected.clone();
        expected.sort_unstable();
        assert_eq!(unordered, expected);
    }
}

#[test]
fn what_is_collected_of_a_group_keeps_the_order() {
    let expected: Vec<u64> = (0..300).filter(|x| x % 3 != 0).flat_map(|x| [x, x + 1000]).collect();
    assert_eq!(sent::<u64>(&grouped(true, None), "g", 2), expected);
}

#[test]
fn groups_of_different_sizes_in_a_row_keep_the_order() {
    for threads in [1, 3] {
        let mut graph = Graph::new();
        graph.add("a", made(Count(0..500))).unwrap();
        graph.add_group("g", map(|x| vec![x; (x % 3) as usize]), 3).unwrap();
        graph.add_group("h", map(|x| vec![x + 1]), 2).unwrap();
        graph.add("b", made(Gather)).unwrap();
        graph.connect("a", "out", "g", "x").unwrap();
        graph.connect("g", "out", "h", "x").unwrap();
        graph.connect("h", "out", "b", "x").unwrap();
        let expected: Vec<u64> = (0..500).flat_map(|x| vec![x + 1; (x % 3) as usize]).collect();
        assert_eq!(sent::<Vec<u64>>(&graph, "b", threads), [expected]);
    }
}

#[test]
fn rows_go_to_one_member() {
    for threads in [1, 3] {
        let mut graph = Graph::new();
        graph.add("a", made(Count(0..400))).unwrap();
        graph.add("b", map(|x| vec![x + 1])).unwrap();
        graph.add_group("g", made(Pair), 3).unwrap();
        graph.add("c", made(Gather)).unwrap();
        graph.connect("a", "out", "g", "x").unwrap();
        graph.connect("a", "out", "b", "x").unwrap();
        graph.connect("b", "out", "g", "y").unwrap();
        graph.connect("g", "out", "c", "x").unwrap();
        let expected: Vec<u64> = (0..400).map(|x| x * 1000 + x + 1).collect();
        assert_eq!(sent::<Vec<u64>>(&graph, "c", threads), [expected]);
    }
}

#[test]
fn batches_are_lists() {
    let mut graph = chain([made(Count(0..25)), made(Lengths), made(Gather)]);
    graph.set_batch("b", "x", Batch { size: Some(10), within: None }).unwrap();
    assert_eq!(sent::<Vec<u64>>(&graph, "c", 1), [vec![10, 10, 5]]);
}

#[test]
fn time_completes_batches() {
    // The source does not end before somebody has seen its first items.
    let seen = Arc::new(AtomicBool::new(false));
    let noted = seen.clone();
    let note = move |x| {
        noted.store(true, SeqCst);
        vec![x]
    };
    let mut graph = chain([made(Until(seen)), made(Lengths), map(note), made(Gather)]);
    graph.set_batch("b", "x", Batch { size: Some(100), within: Some(0.01) }).unwrap();
    assert_eq!(sent::<Vec<u64>>(&graph, "d", 1)[0].iter().sum::<u64>(), 3);
}

#[test]
fn trigger_groups_fire_by_themselves() {
    let mut graph = Graph::new();
    graph.add("a", made(Count(1..101))).unwrap();
    graph.add("b", made(Count(1..51))).unwrap();
    graph.add("p", made(Pair)).unwrap();
    graph.add("c", made(Gather)).unwrap();
    graph.connect("a", "out", "p", "x").unwrap();
    graph.connect("b", "out", "p", "y").unwrap();
    graph.connect("p", "out", "c", "x").unwrap();
    graph.clk("p", &["x", "y"]).unwrap();
    assert_eq!(sent::<Vec<u64>>(&graph, "c", 2)[0].len(), 150);
}

#[test]
fn a_loop_ends_by_itself() {
    for threads in [1, 3] {
        let mut graph = Graph::new();
        graph.add("a", made(Count(0..20))).unwrap();
        graph.add_group("g", map(|x| if x < 500 { vec![x + 20] } else { vec![] }), 2).unwrap();
        graph.add("b", made(Gather)).unwrap();
        graph.set_capacity("g", "x", None).unwrap();
        graph.connect("a", "out", "g", "x").unwrap();
        graph.add("h", map(|x| vec![x])).unwrap();
        graph.connect("g", "out", "h", "x").unwrap();
        graph.connect("h", "out", "g", "x").unwrap();
        graph.connect("h", "out", "b", "x").unwrap();
        let mut all = sent::<Vec<u64>>(&graph, "b", threads).remove(0);
        all.sort_unstable();
        assert_eq!(all, (20..520).collect::<Vec<u64>>());
    }
}

#[test]
fn an_error_ends_the_run() {
    let fails = Map(|x| if x == 3 { Err("three is too many".into()) } else { Ok((vec![x], Duration::ZERO)) });
    let graph = chain([made(Count(0..100)), made(fails), made(Gather)]);
    let error = launch(&graph).show_inputs(true).wait().unwrap_err();
    assert_eq!(error.to_string(), "component b (map) has failed: three is too many; it was called with x=3");
}

#[test]
fn a_panic_ends_the_run() {
    let panics = map(|x| if x == 3 { panic!("three is too many") } else { vec![x] });
    let error = launch(&chain([made(Count(0..100)), panics, made(Gather)])).wait().unwrap_err();
    let RunError::Component(error) = error else { panic!("{error}") };
    assert!(matches!(&error.cause, Cause::Panic(text) if text == "three is too many"), "{error}");
    assert_eq!(error.component, "b");
}

#[test]
fn what_cannot_move_is_told() {
    // The pair needs an item of each, but what comes to one of its ports went through a port that is full by then.
    for threads in [1, 2] {
        let mut graph = Graph::new();
        graph.add("a", made(Count(0..100))).unwrap();
        graph.add("b", map(|x| if x < 50 { vec![] } else { vec![x] })).unwrap();
        graph.add("p", made(Pair)).unwrap();
        graph.connect("a", "out", "p", "x").unwrap();
        graph.connect("a", "out", "b", "x").unwrap();
        graph.connect("b", "out", "p", "y").unwrap();
        let error = launch(&graph).threads(threads.try_into().unwrap()).wait().unwrap_err();
        assert_eq!(
            error.to_string(),
            "nothing can move any more: every unfinished component waits for another: \n  \
             a waits for room behind a.out: p.x (10 of 10 inside)\n  \
             b waits for an item at b.x (0 of 10 inside)\n  \
             p waits for an item at p.y (0 of 10 inside)"
        );
    }
}

#[test]
fn who_awaits_something_else_is_alive() {
    let slow = Map(|x| Ok((vec![x], Duration::from_millis(5))));
    assert_eq!(sent::<Vec<u64>>(&chain([made(Count(0..4)), made(slow), made(Gather)]), "c", 1), [vec![0, 1, 2, 3]]);
}

#[test]
fn time_runs_out() {
    let slow = Map(|x| Ok((vec![x], Duration::from_secs(3600))));
    let graph = chain([made(Count(0..4)), made(slow)]);
    let error = launch(&graph).timeout(Duration::from_millis(20)).wait().unwrap_err();
    assert_eq!(error.to_string(), "the run has not ended within 20ms: b awaits something that is no channel",);
}

#[test]
fn components_that_block_have_threads() {
    for threads in [1, 2] {
        let graph = chain([made(Count(0..2000)), made(Double), made(Double), made(Gather)]);
        assert_eq!(sent::<Vec<u64>>(&graph, "d", threads), [(0..2000).map(|x| 4 * x).collect::<Vec<_>>()]);
    }
}

#[test]
fn a_thread_that_waits_for_room_is_stopped() {
    let fails = Map(|x| if x == 30 { Err("enough".into()) } else { Ok((vec![], Duration::ZERO)) });
    let graph = chain([made(Count(0..100)), made(Double), made(fails)]);
    let error = launch(&graph).show_inputs(false).wait().unwrap_err();
    assert_eq!(error.to_string(), "component c (map) has failed: enough");
}

#[tokio::test]
async fn a_run_that_is_dropped_stops() {
    let begun = Arc::new(AtomicBool::new(false));
    let noted = begun.clone();
    let endless = Map(move |_| {
        noted.store(true, SeqCst);
        Ok((vec![], Duration::from_secs(3600)))
    });
    let run = launch(&chain([made(Count(0..4)), made(endless)])).start().unwrap();
    while !begun.load(SeqCst) {
        tokio::task::yield_now().await;
    }
    drop(run);
    // Nothing of it is left in the runtime.
    while tokio::runtime::Handle::current().metrics().num_alive_tasks() > 0 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn runs_share_the_callers_runtime() {
    let graph = chain([made(Count(0..100)), made(Gather)]);
    let (one, other) = tokio::join!(launch(&graph), launch(&graph));
    assert_eq!(one.unwrap().components["b"].firings, other.unwrap().components["b"].firings);
}

#[test]
fn what_does_not_fit_is_refused() {
    let graph = chain([made(Gather), map(|x| vec![x])]);
    let error = launch(&graph).wait().unwrap_err();
    assert!(error.to_string().contains("a.x"), "{error}");
    let graph = chain([made(Count(0..1)), made(Gather), map(|x| vec![x])]);
    let error = launch(&graph).wait().unwrap_err();
    let text = "the ports of the graph do not fit: b.out sends alloc::vec::Vec<u64>, but c.x takes u64: \
                connect ports of one type";
    assert_eq!(error.to_string(), text);
}
