//! Graphs written to files and read from them, by Rust and by Python.

use std::{sync::mpsc, time::Duration};

use cascata::{graph::json::FormatError, prelude::*};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

#[component]
async fn count(#[inport(default = 5)] upto: u64, #[outport] number: Outport<'_, u64>) {
    for value in 0..upto {
        number.send(value).await;
    }
}

#[component]
async fn multiply(#[inport] number: u64, #[inport(default = 2)] factor: u64, #[outport] product: Outport<'_, u64>) {
    product.send(number * factor).await;
}

#[component]
async fn add(#[inport] numbers: Vec<u64>, #[outport] total: Outport<'_, u64>, #[persist] base: &mut u64) {
    total.send(numbers.iter().sum::<u64>() + *base).await;
}

/// Fires on `point` and on `pace`.
#[component]
async fn travel(
    #[inport(latest)] _point: Option<Point>,
    #[inport(latest)] _pace: Option<f64>,
    #[inport(latest)] _names: Option<String>,
    #[outport] _out: Outport<'_, Point>,
) {
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Point {
    x: i32,
    y: i32,
}

/// Cannot be written.
#[derive(Clone)]
struct Opaque;

#[component]
async fn hide(#[inport] _opaque: Opaque, #[persist] _sender: &mut Option<mpsc::Sender<u8>>) {}

fn parity() -> Key<u64> {
    Key::new("words", "parity", |number| number % 2)
}

fn registry() -> Registry {
    Registry::new()
        .add_as("words", "count", count())
        .add_as("words", "multiply", multiply())
        .add_as("words", "add", add())
        .add(travel())
        .add(hide())
        .key(&parity())
}

/// The data of a graph.
fn saved(graph: &Graph) -> Value {
    serde_json::from_str(&graph.to_json(&registry()).unwrap()).unwrap()
}

fn loaded(data: &Value) -> Result<Graph, FormatError> {
    Graph::from_json(&data.to_string(), &registry())
}

const PYTHON: &str = include_str!("words.json");

#[test]
fn what_python_has_written_runs() {
    let graph = Graph::from_json(PYTHON, &registry()).unwrap();
    let report = graph.run().timeout(Duration::from_secs(60)).collect_at("part_sums", "total").wait().unwrap();
    // What Python gives: lists of two of 0, 10, 20, 30, and 1000 each.
    assert_eq!(report.collected_at("part_sums", "total"), Ok(Some(vec![1010_u64, 1050])));
    assert_eq!(saved(&graph), serde_json::from_str::<Value>(PYTHON).unwrap());
}

#[test]
fn the_same_graph_gives_the_same_file() {
    let part = Graph::new();
    let (workers, sums) = (part.add_group("workers", multiply(), 2), part.add("sums", add()));
    workers.product.batch(2) >> sums.numbers;
    workers.factor.set(10);
    sums.base.set(1000);
    let (numbers, totals) = (part.export("numbers", workers.number), part.export("totals", sums.total));
    let graph = Graph::new();
    let (count, part) = (graph.add("numbers", count()), graph.embed("part", &part));
    count.number >> part.port(&numbers).keyed_by(&parity());
    count.upto.set(4);
    graph.export("totals", part.port(&totals));
    assert_eq!(saved(&graph), serde_json::from_str::<Value>(PYTHON).unwrap());
}

#[test]
fn what_rust_has_written_is_read() {
    let graph = Graph::new();
    let (count, travel) = (graph.add("count", count()), graph.add("travel", travel()));
    let workers = graph.add_group("workers", multiply(), 3);
    count.number >> workers.number.broadcast();
    count.upto.capacity(None);
    travel.point.set(Point { x: 1, y: -2 });
    travel.pace.set(0.5);
    travel.names.set("\"é\"".to_owned());
    travel.clk((travel.point, travel.pace));
    graph.edit(|graph| graph.weigh("count", Some(2.5), None)).unwrap();
    graph.export("out", travel.out);
    let data = saved(&graph);
    assert_eq!(data["nodes"]["travel"]["module"], module_path!());
    assert_eq!(data["nodes"]["travel"]["inports"]["point"]["initial"], json!({"x": 1, "y": -2}));
    assert_eq!(data["nodes"]["travel"]["triggers"], json!([["point"], ["pace"]]));
    let again = loaded(&data).unwrap();
    assert_eq!(saved(&again), data);
    let value = |graph: &Graph| graph.edit(|graph| graph.initial(1, 0).cloned().unwrap().take::<Point>());
    assert_eq!((value(&graph), value(&again)), (Ok(Point { x: 1, y: -2 }), Ok(Point { x: 1, y: -2 })));
}

/// The path and the problem.
fn told(error: FormatError) -> (String, String) {
    (error.path, error.problem)
}

#[track_caller]
fn refused(change: impl FnOnce(&mut Value), path: &str, problem: &str) {
    let mut data = serde_json::from_str(PYTHON).unwrap();
    change(&mut data);
    let (at, text) = told(loaded(&data).unwrap_err());
    assert_eq!(at, path);
    assert!(text.contains(problem), "{text}");
}

#[test]
fn what_is_wrong_is_told_with_its_path() {
    let of = "nodes.numbers.inports.upto";
    refused(
        |data| data["nodes"]["numbers"]["inports"]["upto"]["initial"] = json!("four"),
        &format!("{of}.initial"),
        "invalid type: string \"four\", expected u64",
    );
    refused(|data| data["nodes"]["numbers"]["inports"]["upto"]["capacity"] = json!(0), &format!("{of}.capacity"), "0");
    refused(|data| data["nodes"]["numbers"]["size"] = json!(1), "nodes.numbers.size", "unknown field");
    refused(
        |data| data["nodes"]["numbers"]["class"] = json!("counts"),
        "nodes.numbers.class",
        "the registry has no component counts of module words; there are: count, multiply and add",
    );
    refused(
        |data| data["nodes"]["numbers"]["module"] = json!("os"),
        "nodes.numbers.module",
        "nothing of module os is in the registry",
    );
    let part = "subgraphs.part";
    refused(
        |data| {
            data["subgraphs"]["part"]["group_handles"]["workers"]["inports"]["number"]["key"]["function"] = json!("p")
        },
        &format!("{part}.group_handles.workers.inports.number.key.function"),
        "no function p of module words; there are: parity",
    );
    refused(
        |data| data["subgraphs"]["part"]["nodes"]["sums"]["persists"]["base"] = json!({"arguments": {"args": [3]}}),
        &format!("{part}.nodes.sums.persists.base.arguments"),
        "give the state itself",
    );
    refused(
        |data| data["subgraphs"]["part"]["nodes"]["sums"]["inports"]["numbers"]["batch_size"] = json!(null),
        &format!("{part}.edges[0]"),
        "connect ports of one type",
    );
    refused(|data| data["edges"][0][3] = json!("numbers"), "edges[0]", "has no inport numbers");
}

#[test]
fn what_cannot_be_written_is_told_with_its_path() {
    let told = |graph: &Graph| told(graph.to_json(&registry()).unwrap_err());
    let graph = Graph::new();
    let hide = graph.add("hide", hide());
    hide.opaque.set(Opaque);
    assert_eq!(told(&graph).0, "nodes.hide.inports.opaque.initial");

    let graph = Graph::new();
    graph.add("add", add()).base.init(|| 7);
    let (path, problem) = told(&graph);
    assert_eq!(path, "nodes.add.persists.base.state");
    assert!(problem.contains("made by a function"), "{problem}");

    let graph = Graph::new();
    let travel = graph.add("travel", travel());
    travel.pace.set(f64::NAN);
    assert_eq!(told(&graph).0, "nodes.travel.inports.pace.initial");

    let graph = Graph::new();
    graph.add_group("workers", multiply(), 2).number.keyed(|number| *number);
    assert_eq!(told(&graph).0, "group_handles.workers.inports.number.key");

    let graph = Graph::new();
    graph.add("count", count());
    let (path, problem) = told_without(&graph);
    assert_eq!(path, "nodes.count");
    assert!(problem.contains("is not in the registry: add it"), "{problem}");
}

fn told_without(graph: &Graph) -> (String, String) {
    told(graph.to_json(&Registry::new()).unwrap_err())
}

#[test]
#[should_panic(expected = "there are two components words.count")]
fn a_name_is_that_of_one_component() {
    let _ = registry().add_as("words", "count", count());
}
