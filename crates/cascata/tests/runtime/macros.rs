//! Components by `#[component]`, and graphs whose ports have types.

use std::{
    collections::{BTreeMap, HashSet},
    time::Duration,
};

use cascata::prelude::*;

/// Sends the lines of a poem.
#[component]
async fn poem(#[outport] line: Outport<'_, String>) {
    for text in ["a rose is a rose", "is a rose"] {
        line.send(text.to_owned()).await;
    }
}

#[component]
async fn split(
    #[inport(capacity = 3)] line: String,
    #[inport(default = 1)] minimum: usize,
    #[outport] word: Outport<'_, String>,
) {
    for text in line.split(' ').filter(|text| text.len() >= minimum) {
        word.send(text.to_owned()).await;
    }
}

type Counts = BTreeMap<String, u64>;

#[component(finish = totals)]
async fn tally(#[inport] word: String, #[outport] _count: Outport<'_, (String, u64)>, #[persist] seen: &mut Counts) {
    *seen.entry(word).or_default() += 1;
}

async fn totals(count: Outport<'_, (String, u64)>, seen: &mut Counts) {
    for (word, number) in std::mem::take(seen) {
        count.send((word, number)).await;
    }
}

#[test]
fn the_quick_start() {
    let graph = Graph::new();
    let poem = graph.add("poem", poem());
    let split = graph.add("split", split());
    let tally = graph.add("tally", tally());
    poem.line >> split.line;
    split.word >> tally.word;
    split.minimum.set(2);
    assert!(graph.check().is_empty());
    let report = graph.run().collect(tally.count).wait().unwrap();
    assert_eq!(report.collected(tally.count), Some(vec![("is".to_owned(), 2), ("rose".to_owned(), 3)]));
    assert_eq!(report.components["split"].inports["line"].taken, 2);
    // What a port is called is what its parameter is called, and its capacity what is declared.
    assert_eq!(format!("{:?} {:?} {:?}", split.line, split.word, tally.seen), "split.line split.word tally.seen");
    assert_eq!(graph.edit(|graph| graph.nodes()["split"].capacities.clone()), [Some(3), Some(10)]);
}

#[component]
async fn r#yield(#[inport] r#type: u64, #[inport(default = 7)] _unused: u64, #[outport] r#fn: Outport<'_, u64>) {
    r#fn.send(r#type).await;
}

#[test]
fn names_are_those_that_people_read() {
    let graph = Graph::new();
    let node = graph.add("node", r#yield());
    assert_eq!(format!("{:?} {:?} {:?}", node.r#type, node.unused, node.r#fn), "node.type node.unused node.fn");
    assert_eq!(graph.edit(|graph| graph.nodes()["node"].definition.name.clone()), "yield");
}

#[component]
async fn numbers(#[outport] out: Outport<'_, u64>) -> Result<(), std::num::ParseIntError> {
    for text in ["1", "2", "3", "4", "5"] {
        out.send(text.parse()?).await;
    }
    Ok(())
}

#[component]
async fn sums(#[inport] list: Vec<u64>, #[outport] sum: Outport<'_, u64>) {
    sum.send(list.iter().sum()).await;
}

#[test]
fn batches_come_to_inports_of_lists() {
    let graph = Graph::new();
    let (numbers, two, all, timed) = (
        graph.add("numbers", numbers()),
        graph.add("two", sums()),
        graph.add("all", sums()),
        graph.add("timed", sums()),
    );
    numbers.out.batch(2) >> two.list;
    numbers.out.as_list() >> all.list;
    numbers.out.batch_within(5, Duration::from_secs(60)) >> timed.list;
    let report = graph.run().collect(two.sum).collect(all.sum).collect(timed.sum).wait().unwrap();
    let sums = [two.sum, all.sum, timed.sum].map(|port| report.collected(port).unwrap());
    assert_eq!(sums, [vec![3, 7, 5], vec![15], vec![15]]);
}

#[component]
async fn lists(#[outport] out: Outport<'_, Vec<u64>>) {
    out.send(vec![1, 2]).await;
}

#[test]
fn lists_come_to_inports_of_lists() {
    let graph = Graph::new();
    let (lists, sums) = (graph.add("lists", lists()), graph.add("sums", sums()));
    lists.out >> sums.list;
    assert_eq!(graph.run().collect(sums.sum).wait().unwrap().collected(sums.sum), Some(vec![3]));
}

#[component(blocking)]
fn square(#[inport(unbounded)] x: u64, #[outport] out: BlockingOutport<'_, u64>) {
    out.send(x * x);
}

#[component]
async fn distinct(
    #[inport] x: u64,
    #[outport] out: Outport<'_, u64>,
    #[persist(HashSet::new)] seen: &mut HashSet<u64>,
    #[persist(|| 10_u64)] offset: &mut u64,
) {
    if seen.insert(x) {
        out.send(x + *offset).await;
    }
}

#[test]
fn groups_of_components_that_block() {
    let graph = Graph::new();
    let numbers = graph.add("numbers", numbers());
    let squares = graph.add_group("squares", square(), 2);
    let distinct = graph.add("distinct", distinct());
    numbers.out >> squares.x.round_robin();
    squares.out >> distinct.x;
    distinct.offset.init(|| 100);
    let report = graph.run().collect(distinct.out).wait().unwrap();
    report.check();
    let edges = report.edges.iter().map(|edge| (edge.source.as_str(), edge.target.as_str(), edge.share, edge.items));
    assert_eq!(
        edges.collect::<Vec<_>>(),
        [
            ("numbers.out", "squares_0.x", Some(0), 3),
            ("numbers.out", "squares_1.x", Some(0), 2),
            ("squares_0.out", "distinct.x", None, 3),
            ("squares_1.out", "distinct.x", None, 2),
        ]
    );
    assert_eq!(report.collected(distinct.out), Some(vec![101, 104, 109, 116, 125]));
    assert_eq!(report.components["squares_0"].firings, 3);
}

/// Names that the macro uses itself are free for ports.
#[component]
async fn names(
    #[inport] row: u64,
    #[inport(latest)] state: Option<u64>,
    #[outport] outports: Outport<'_, u64>,
    #[persist] settings: &mut u64,
) {
    *settings += row + state.unwrap_or(0);
    outports.send(*settings).await;
}

#[test]
fn a_latest_value_need_not_be_there() {
    let graph = Graph::new();
    let (numbers, names) = (graph.add("numbers", numbers()), graph.add("names", names()));
    numbers.out >> names.row;
    names.state.set(0);
    assert_eq!(
        graph.run().collect(names.outports).wait().unwrap().collected(names.outports),
        Some(vec![1, 3, 6, 10, 15])
    );
}

#[test]
#[should_panic(expected = "split")]
fn a_name_that_is_taken_is_told_where_it_is_given() {
    let graph = Graph::new();
    graph.add("split", split());
    graph.add("split", split());
}

#[test]
#[should_panic(expected = "connected")]
fn ports_are_connected_once() {
    let graph = Graph::new();
    let (poem, split) = (graph.add("poem", poem()), graph.add("split", split()));
    poem.line >> split.line;
    poem.line >> split.line;
}

#[test]
fn an_error_says_where() {
    #[component]
    async fn fails(#[inport] _line: String) -> Result<(), String> {
        Err("no poem".to_owned())
    }
    let graph = Graph::new();
    let (poem, fails) = (graph.add("poem", poem()), graph.add("fails", fails()));
    poem.line >> fails.line;
    let text = |show| graph.run().show_inputs(show).wait().unwrap_err().to_string();
    assert_eq!(text(false), "component fails has failed: no poem");
    assert_eq!(text(true), r#"component fails has failed: no poem; it was called with line="a rose is a rose""#);
}

#[derive(Clone)]
struct Opaque;

#[component]
async fn panics(
    #[inport] x: u64,
    #[inport] _list: Vec<u64>,
    #[inport] _opaque: Opaque,
    #[inport] _text: String,
    #[inport(latest)] _nothing: Option<f64>,
) {
    assert!(x < 3, "three");
}

#[test]
fn an_error_tells_what_the_firing_was_called_with() {
    let graph = Graph::new();
    let (numbers, panics) = (graph.add("numbers", numbers()), graph.add("panics", panics()));
    numbers.out >> panics.x;
    numbers.out.batch(1) >> panics.list;
    panics.opaque.set(Opaque);
    panics.text.set("x".repeat(1000));
    panics.nothing.set(0.5);
    let Err(RunError::Component(error)) = graph.run().show_inputs(true).wait() else { panic!("it fails") };
    let inputs: Vec<_> = error.inputs.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let text = format!("\"{}…", "x".repeat(79));
    let opaque = concat!("<", module_path!(), "::Opaque>");
    assert_eq!(inputs, [("x", "3"), ("list", "[3]"), ("opaque", opaque), ("text", &text), ("nothing", "0.5")]);
    assert!(error.to_string().starts_with("component panics has panicked: three; it was called with x=3, list=[3], "));
}

#[test]
fn the_finish_function_is_called_with_no_inputs() {
    #[component(finish = fail)]
    async fn last(#[inport] _x: u64) {}
    async fn fail() -> Result<(), String> {
        Err("at last".to_owned())
    }
    let graph = Graph::new();
    let (numbers, last) = (graph.add("numbers", numbers()), graph.add("last", last()));
    numbers.out >> last.x;
    let error = graph.run().show_inputs(true).wait().unwrap_err();
    assert_eq!(error.to_string(), "component last has failed: at last");
}
