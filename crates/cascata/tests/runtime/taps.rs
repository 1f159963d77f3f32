//! Taps: what a program feeds and reads while its graph runs.

use std::time::Duration;

use cascata::{
    graph::{Batch, Issue},
    prelude::*,
    runtime::{Closed, TapError},
};
use futures_util::{SinkExt, StreamExt, stream};
use tokio::{runtime::Builder, time::timeout};

#[component]
async fn double(#[inport(capacity = 2)] number: u64, #[outport] result: Outport<'_, u64>) {
    result.send(2 * number).await;
}

#[component]
async fn sum(#[inport] list: Vec<u64>, #[outport] total: Outport<'_, u64>) {
    total.send(list.iter().sum()).await;
}

/// Sends without end, until nobody receives.
#[component]
async fn endless(#[outport] number: Outport<'_, u64>) {
    let mut next = 0;
    while number.send(next).await {
        next += 1;
    }
}

#[component]
async fn refuse(#[inport] number: u64, #[outport] _result: Outport<'_, u64>) -> Result<(), String> {
    Err(format!("{number} is refused"))
}

/// Adds what comes to both.
#[component]
async fn both(#[inport] a: u64, #[inport(default = 1)] b: u64, #[outport] result: Outport<'_, u64>) {
    result.send(a + b).await;
}

#[component]
async fn none(#[inport] _number: u64, #[outport] _result: Outport<'_, u64>) {}

/// Runs a test on a runtime of so many threads, with a limit of time. On one thread time passes when nothing else can happen.
fn on<F: Future<Output = ()> + Send + 'static>(threads: usize, test: F) {
    let runtime = if threads == 1 {
        Builder::new_current_thread().enable_all().start_paused(true).build()
    } else {
        Builder::new_multi_thread().worker_threads(threads).enable_all().build()
    };
    let runtime = runtime.unwrap();
    // A task, as programs mostly are.
    runtime.block_on(async { tokio::spawn(timeout(Duration::from_secs(60), test)).await.unwrap().unwrap() });
}

/// A group that doubles, with its ports exported.
fn doubles(members: usize) -> (Graph, ExportedIn<u64>, ExportedOut<u64>) {
    let graph = Graph::new();
    let doubles = graph.add_group("doubles", double(), members);
    let exports = (graph.export("numbers", doubles.number), graph.export("results", doubles.result));
    (graph, exports.0, exports.1)
}

#[test]
fn what_is_fed_is_read() {
    for (threads, members) in [(1, 1), (1, 3), (2, 1), (2, 3)] {
        on(threads, async move {
            let (graph, numbers, results) = doubles(members);
            let run = graph.run().start().unwrap();
            let (feed, results) = (run.feed(&numbers).unwrap(), run.tap(&results).unwrap());
            let feeding = tokio::spawn(stream::iter(0..300).map(Ok).forward(feed));
            let read: Vec<u64> = results.collect().await;
            assert_eq!(read, (0..300).map(|number| 2 * number).collect::<Vec<_>>());
            feeding.await.unwrap().unwrap();
            let report = run.join().await.unwrap();
            report.check();
            assert_eq!((report.taps["numbers"].items, report.taps["results"].items), (300, 300));
            assert_eq!((report.taps["results"].unread, report.stopped), (0, false));
            assert_eq!(report.components.len(), members, "taps are no components");
        });
    }
}

#[test]
fn one_question_at_a_time() {
    for threads in [1, 2] {
        on(threads, async {
            let (graph, numbers, results) = doubles(1);
            let run = graph.run().start().unwrap();
            let (mut feed, mut results) = (run.feed(&numbers).unwrap(), run.tap(&results).unwrap());
            for number in 0..50 {
                assert!(feed.put(number).await);
                assert_eq!(results.next().await, Some(2 * number));
            }
            feed.close();
            assert_eq!(results.next().await, None);
            assert_eq!(results.next().await, None);
            run.join().await.unwrap();
        });
    }
}

#[test]
fn a_feed_waits_for_room_and_takes_back_what_it_has_not_put() {
    on(1, async {
        let (graph, numbers, results) = doubles(1);
        let run = graph.run().start().unwrap();
        let (mut feed, mut results) = (run.feed(&numbers).unwrap(), run.tap(&results).unwrap());
        let mut put = 0;
        while timeout(Duration::from_millis(50), feed.put(put)).await.is_ok() {
            put += 1;
        }
        // Two in the inport, one that is fired on, ten in the tap, and one that it holds.
        assert_eq!(put, 14);
        let mut read = Vec::new();
        for _ in 0..put {
            read.extend(results.next().await);
        }
        assert!(feed.put(1000).await, "what was given up is not there");
        read.extend(results.next().await);
        drop(feed);
        assert_eq!(results.next().await, None);
        assert_eq!(read, (0..put).chain([1000]).map(|number| 2 * number).collect::<Vec<_>>());
        let report = run.join().await.unwrap();
        report.check();
        assert_eq!(report.taps["numbers"].items, put + 1);
    });
}

#[test]
fn what_a_closed_feed_has_taken_goes_in() {
    on(1, async {
        let (graph, numbers, results) = doubles(2);
        let run = graph.run().start().unwrap();
        let (mut feed, results) = (run.feed(&numbers).unwrap(), run.tap(&results).unwrap());
        for number in 0..5 {
            feed.feed(number).await.unwrap();
        }
        // The last one waits in the sink.
        drop(feed);
        assert_eq!(results.collect::<Vec<_>>().await, [0, 2, 4, 6, 8]);
        run.join().await.unwrap();
    });
}

#[test]
fn what_nobody_reads_is_counted() {
    on(2, async {
        let (graph, numbers, _) = doubles(2);
        let run = graph.run().start().unwrap();
        let mut feed = run.feed(&numbers).unwrap();
        for number in 0..5 {
            assert!(feed.put(number).await);
        }
        // The feed is closed by this, although it is still there.
        let report = run.join().await.unwrap();
        report.check();
        assert!(!feed.put(5).await);
        assert_eq!(feed.send(5).await, Err(Closed));
        assert_eq!((report.taps["results"].items, report.taps["results"].unread), (0, 5));
        assert!(report.to_string().ends_with("5 items of the export results came to nothing: not read"));
    });
}

#[test]
fn what_this_task_has_begun_to_read_is_not_waited_for() {
    on(1, async {
        let (graph, numbers, results) = doubles(1);
        let run = graph.run().start().unwrap();
        let (mut feed, mut results) = (run.feed(&numbers).unwrap(), run.tap(&results).unwrap());
        for number in 0..12 {
            assert!(feed.put(number).await);
        }
        assert_eq!(results.next().await, Some(0));
        let report = run.join().await.unwrap();
        report.check();
        assert_eq!((report.taps["results"].items, report.taps["results"].unread, report.stopped), (1, 11, false));
        assert_eq!(results.next().await, None);
    });
}

#[test]
fn what_another_task_reads_is_waited_for() {
    on(2, async {
        let (graph, numbers, results) = doubles(1);
        let run = graph.run().start().unwrap();
        let (mut feed, results) = (run.feed(&numbers).unwrap(), run.tap(&results).unwrap());
        let reading = tokio::spawn(
            results
                .then(|result| async move {
                    tokio::task::yield_now().await;
                    result
                })
                .collect::<Vec<_>>(),
        );
        for number in 0..100 {
            assert!(feed.put(number).await);
        }
        let report = run.join().await.unwrap();
        report.check();
        assert_eq!(reading.await.unwrap().len(), 100);
        assert_eq!(report.taps["results"].items, 100);
    });
}

#[test]
fn who_stops_reading_stops_the_run() {
    for threads in [1, 2] {
        on(threads, async {
            let graph = Graph::new();
            let numbers = graph.export("numbers", graph.add("endless", endless()).number);
            let run = graph.run().start().unwrap();
            let mut tap = run.tap(&numbers).unwrap();
            assert_eq!((tap.next().await, tap.next().await), (Some(0), Some(1)));
            drop(tap);
            assert!(run.join().await.unwrap().stopped);
        });
    }
}

#[test]
fn who_closes_a_tap_lets_the_run_go_on() {
    on(1, async {
        let graph = Graph::new();
        let numbers = graph.export("numbers", graph.add("endless", endless()).number);
        let run = graph.run().start().unwrap();
        let mut tap = run.tap(&numbers).unwrap();
        assert_eq!(tap.next().await, Some(0));
        tap.close();
        let report = run.join().await.unwrap();
        report.check();
        assert!(!report.stopped);
        assert_eq!(report.taps["numbers"].items, 1);
        assert_eq!(report.components["endless"].outports["number"].sent, 1 + report.taps["numbers"].unread);
    });
}

#[test]
fn an_open_feed_keeps_the_run_alive() {
    on(1, async {
        let (graph, numbers, results) = doubles(1);
        let run = graph.run().start().unwrap();
        let (mut feed, mut results) = (run.feed(&numbers).unwrap(), run.tap(&results).unwrap());
        assert!(timeout(Duration::from_millis(50), results.next()).await.is_err(), "nothing comes, and nothing ends");
        assert!(feed.put(3).await);
        assert_eq!(results.next().await, Some(6));
        drop(feed);
        assert_eq!(results.next().await, None);
        run.join().await.unwrap();
    });
}

#[test]
fn a_run_is_dead_when_its_feeds_are_closed_and_its_taps_are_empty() {
    for threads in [1, 2] {
        on(threads, async {
            let graph = Graph::new();
            let (endless, both, none) =
                (graph.add("endless", endless()), graph.add("both", both()), graph.add("none", none()));
            // `b` has its first value, and then waits for `none`, which sends nothing. As it takes no more of `a`, the
            // source waits for it.
            endless.number >> both.a;
            both.result >> none.number;
            none.result >> both.b;
            both.b.set(5);
            let results = graph.export("results", both.result);
            let run = graph.run().start().unwrap();
            assert_eq!(
                run.tap(&results).unwrap_err().to_string(),
                "the run has no tap results of this kind; there are: none"
            );
            drop(run);
            let more = graph.add("more", double());
            both.result >> more.number;
            let doubled = graph.export("doubled", more.result);
            let run = graph.run().start().unwrap();
            let mut tap = run.tap(&doubled).unwrap();
            assert_eq!(tap.next().await, Some(10));
            assert_eq!(tap.next().await, None, "it ends with the run");
            let error = run.join().await.unwrap_err();
            assert!(matches!(&error, RunError::Deadlock(waits) if waits.len() == 4), "{error}");
        });
    }
}

#[test]
fn a_failure_ends_feeds_and_taps() {
    on(2, async {
        let graph = Graph::new();
        let refuse = graph.add("refuse", refuse());
        let (numbers, results) = (graph.export("numbers", refuse.number), graph.export("results", refuse.result));
        let run = graph.run().show_inputs(false).start().unwrap();
        let (mut feed, mut results) = (run.feed(&numbers).unwrap(), run.tap(&results).unwrap());
        while feed.put(7).await {}
        assert_eq!(results.next().await, None);
        let error = run.join().await.unwrap_err();
        assert_eq!(error.to_string(), "component refuse has failed: 7 is refused");
    });
}

#[test]
fn a_feed_of_what_has_ended_says_so() {
    on(1, async {
        let graph = Graph::new();
        let (both, one) = (graph.add("both", both()), graph.add("one", both()));
        // Its second port ends with what is fed to `one`.
        one.result >> both.b;
        let (left, right) = (graph.export("left", both.a), graph.export("right", one.a));
        let results = graph.export("results", both.result);
        let run = graph.run().start().unwrap();
        let (mut left, mut right) = (run.feed(&left).unwrap(), run.feed(&right).unwrap());
        let mut results = run.tap(&results).unwrap();
        assert!(left.put(1).await);
        assert!(right.put(2).await);
        assert_eq!(results.next().await, Some(1 + 2 + 1));
        right.close();
        assert_eq!(results.next().await, None, "it has ended, though its other port is fed");
        assert!(!left.put(2).await);
        assert!(timeout(Duration::from_secs(30), run.join()).await.unwrap().is_ok());
    });
}

#[test]
fn lists_are_made_of_what_is_fed() {
    on(1, async {
        let graph = Graph::new();
        let sum = graph.add("sum", sum());
        graph.export("numbers", sum.list);
        let totals = graph.export("totals", sum.total);
        let run = graph.run().start().unwrap();
        assert_eq!(
            run.feed(&ExportedIn::<u64>::named("numbers")).unwrap_err().to_string(),
            "the tap numbers is for values of type alloc::vec::Vec<u64>, and was taken for one of u64"
        );
        drop(run);
        graph.edit(|graph| graph.set_batch("sum", "list", Batch { size: Some(2), within: None })).unwrap();
        let run = graph.run().start().unwrap();
        let mut feed = run.feed(&ExportedIn::<u64>::named("numbers")).unwrap();
        let totals = run.tap(&totals).unwrap();
        for number in 1..=5 {
            assert!(feed.put(number).await);
        }
        drop(feed);
        assert_eq!(totals.collect::<Vec<_>>().await, [3, 7, 5]);
        run.join().await.unwrap();
    });
}

#[test]
fn an_export_with_a_value_is_fed_if_that_is_said() {
    on(1, async {
        let graph = Graph::new();
        let both = graph.add("both", both());
        let (a, b) = (graph.export("a", both.a), graph.export("b", both.b));
        let results = graph.export("results", both.result);
        let run = graph.run().start().unwrap();
        assert!(matches!(run.feed(&b), Err(TapError::Unknown { .. })));
        run.stop();
        run.join().await.unwrap();
        let run = graph.run().feeding(&b).start().unwrap();
        let (mut a, mut b) = (run.feed(&a).unwrap(), run.feed(&b).unwrap());
        assert!(a.put(1).await && b.put(10).await);
        assert_eq!(run.tap(&results).unwrap().next().await, Some(11));
    });
}

#[test]
fn each_tap_has_one_end() {
    on(1, async {
        let (graph, numbers, results) = doubles(1);
        let run = graph.run().start().unwrap();
        let _feed = run.feed(&numbers).unwrap();
        assert_eq!(run.feed(&numbers).unwrap_err().to_string(), "the tap numbers was taken before: it has one end");
        assert!(matches!(run.tap(&ExportedOut::<String>::named("results")), Err(TapError::Values { .. })));
        drop(run.tap(&results).unwrap());
        // It was not read, so that was no reason to stop.
        assert!(!run.join().await.unwrap().stopped);
    });
}

#[test]
fn without_a_start_there_are_no_taps() {
    on(1, async {
        let (graph, ..) = doubles(1);
        let Err(RunError::Check(issues)) = graph.run().await else { panic!("nothing feeds it") };
        assert!(matches!(&issues[..], [Issue::Unfed { export: Some(export), .. }] if export == "numbers"));
    });
}
