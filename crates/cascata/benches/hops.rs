//! What an item costs at each hop from one component to the next, beside what it costs without Cascata: between tasks of
//! tokio by its channels, and between threads by those of crossbeam.
//!
//! A source, a chain of relays and a sink, joined by channels for ten items each. The time of a run is divided by items and
//! hops; starting and ending are in it.

use std::{hint::black_box, thread};

use cascata::prelude::*;
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use tokio::{runtime::Runtime, sync::mpsc};

const ITEMS: u64 = 20_000;
const CAPACITY: usize = 10;
const HOPS: [usize; 2] = [1, 4];

#[component]
async fn source(#[inport] items: u64, #[outport] out: Outport<'_, u64>) {
    for item in 0..items {
        out.send(item).await;
    }
}

#[component]
async fn relay(#[inport] item: u64, #[outport] out: Outport<'_, u64>) {
    out.send(item).await;
}

#[component]
async fn sink(#[inport] item: u64) {
    black_box(item);
}

/// A graph in which items make so many hops.
fn chain(hops: usize) -> Graph {
    let graph = Graph::new();
    let source = graph.add("source", source());
    source.items.set(ITEMS);
    let mut last = source.out;
    for number in 1..hops {
        let relay = graph.add(&format!("relay_{number}"), relay());
        last >> relay.item;
        last = relay.out;
    }
    let sink = graph.add("sink", sink());
    last >> sink.item;
    graph
}

/// The same by hand, as tasks.
async fn tasks(hops: usize) {
    let (first, mut last) = mpsc::channel(CAPACITY);
    let mut tasks = vec![tokio::spawn(async move {
        for item in 0..ITEMS {
            first.send(item).await.unwrap();
        }
    })];
    for _ in 1..hops {
        let (out, next) = mpsc::channel(CAPACITY);
        let mut items = std::mem::replace(&mut last, next);
        tasks.push(tokio::spawn(async move {
            while let Some(item) = items.recv().await {
                out.send(item).await.unwrap();
            }
        }));
    }
    tasks.push(tokio::spawn(async move {
        while let Some(item) = last.recv().await {
            black_box(item);
        }
    }));
    for task in tasks {
        task.await.unwrap();
    }
}

/// The same by hand, as threads.
fn threads(hops: usize) {
    thread::scope(|scope| {
        let (first, mut last) = crossbeam_channel::bounded(CAPACITY);
        scope.spawn(move || (0..ITEMS).for_each(|item| first.send(item).unwrap()));
        for _ in 1..hops {
            let (out, next) = crossbeam_channel::bounded(CAPACITY);
            let items = std::mem::replace(&mut last, next);
            scope.spawn(move || items.iter().for_each(|item| out.send(item).unwrap()));
        }
        for item in last {
            black_box(item);
        }
    });
}

fn current_thread() -> Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

fn hops(criterion: &mut Criterion) {
    for (name, make) in [("one thread", current_thread as fn() -> Runtime), ("all cores", || Runtime::new().unwrap())] {
        let mut group = criterion.benchmark_group(format!("an item and hop, on {name}"));
        for hops in HOPS {
            let (runtime, graph) = (make(), chain(hops));
            group.throughput(Throughput::Elements(ITEMS * hops as u64));
            group.bench_function(BenchmarkId::new("cascata", hops), |bencher| {
                // What firings are called with is written down for those who look for mistakes.
                bencher.iter(|| runtime.block_on(graph.run().show_inputs(false).into_future()).unwrap());
            });
            group.bench_function(BenchmarkId::new("tokio", hops), |bencher| {
                bencher.iter(|| runtime.block_on(tasks(hops)));
            });
        }
        group.finish();
    }
    let mut group = criterion.benchmark_group("an item and hop, a thread each");
    for hops in HOPS {
        group.throughput(Throughput::Elements(ITEMS * hops as u64));
        group.bench_function(BenchmarkId::new("crossbeam", hops), |bencher| bencher.iter(|| threads(hops)));
    }
    group.finish();
}

criterion_group!(benches, hops);
criterion_main!(benches);
