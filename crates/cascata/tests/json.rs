//! Graphs as data, in a language of whole numbers: round trips, and that nothing else is taken for a graph.

mod common;

use std::collections::HashMap;
use std::sync::Arc;

use cascata::graph::json::{Arguments, FormatError, Json, Language, Place, Slot, load, save};
use cascata::graph::{Batch, Definition, Graph, Node, Policy, PortKind};
use common::definition;
use proptest::prelude::*;

/// Values are numbers, of which those below 0 cannot be written. Components are in module `m`, functions are `f<key>`.
#[derive(Default)]
struct Numbers {
    found: HashMap<String, Arc<Definition<i64>>>,
    loaded: Vec<String>,
}

impl Numbers {
    fn with(definitions: &[&Arc<Definition<i64>>]) -> Self {
        let found = definitions.iter().map(|definition| (definition.name.clone(), (*definition).clone()));
        Self { found: found.collect(), loaded: Vec::new() }
    }
}

impl Language for Numbers {
    type Value = i64;

    fn place(&mut self, definition: &Definition<i64>) -> Result<Place, String> {
        Ok(Place { module: definition.module.clone(), name: definition.name.clone() })
    }

    fn place_of_function(&mut self, function: &i64) -> Result<Place, String> {
        Ok(Place { module: "functions".to_owned(), name: format!("f{function}") })
    }

    fn write(&mut self, _: Slot<'_, i64>, value: &i64) -> Result<Json, String> {
        written(*value)
    }

    fn write_arguments(&mut self, arguments: &i64) -> Result<Arguments, String> {
        Ok(Arguments { args: vec![written(*arguments)?], ..Arguments::default() })
    }

    fn permit(&mut self, module: &str) -> Result<(), String> {
        if module == "forbidden" { Err("it is forbidden".to_owned()) } else { Ok(()) }
    }

    fn load(&mut self, module: &str) -> Result<(), String> {
        self.loaded.push(module.to_owned());
        Ok(())
    }

    fn definition(&mut self, place: &Place) -> Result<Arc<Definition<i64>>, String> {
        self.found.get(&place.name).cloned().ok_or_else(|| format!("no {}", place.name))
    }

    fn function(&mut self, place: &Place) -> Result<i64, String> {
        place.name[1..].parse().map_err(|_| "no function".to_owned())
    }

    fn read(&mut self, _: Slot<'_, i64>, value: &Json) -> Result<i64, String> {
        number(value)
    }

    fn read_arguments(&mut self, arguments: &Arguments) -> Result<i64, String> {
        number(&arguments.args[0])
    }
}

fn written(value: i64) -> Result<Json, String> {
    if value < 0 { Err("below 0".to_owned()) } else { Ok(json(&value.to_string())) }
}

fn number(value: &Json) -> Result<i64, String> {
    value.text().parse().map_err(|_| format!("{} is no number", value.text()))
}

fn json(text: &str) -> Json {
    Json::new(text.to_owned()).unwrap()
}

/// A relay with two inports, of which one has a default, two outports and a persistent value.
fn relay() -> Arc<Definition<i64>> {
    definition("relay", &["x", "y=5"], &["out", "more"])
}

/// Writes and reads a graph, checks that the text stays the same, and gives it with what was read.
fn restored(graph: &Graph<i64>, relay: &Arc<Definition<i64>>) -> (String, Graph<i64>) {
    let mut language = Numbers::with(&[relay]);
    let text = save(graph, &mut language).unwrap();
    let again = load(&text, &mut language).unwrap();
    assert_eq!(save(&again, &mut language).unwrap(), text);
    (text, again)
}

fn refused(text: &str) -> (String, String) {
    let FormatError { path, problem } = load(text, &mut Numbers::with(&[&relay()])).unwrap_err();
    (path, problem)
}

#[test]
fn the_layout() {
    let relay = relay();
    let mut graph = Graph::new();
    graph.add("a", relay.clone()).unwrap();
    graph.add("b", relay.clone()).unwrap();
    graph.connect("a", "out", "b", "x").unwrap();
    graph.set_initial("a", "x", 7, true).unwrap();
    let (text, _) = restored(&graph, &relay);
    let port = |initial: &str| format!(r#"{{"capacity":10,"initial":{initial},"batch_size":null}}"#);
    let node = |x: &str| {
        let inports = format!(r#"{{"x":{},"y":{}}}"#, port(x), port("5"));
        format!(r#"{{"module":"{}","class":"relay","group":null,"inports":{inports}}}"#, relay.module)
    };
    let nodes = format!(r#"{{"a":{},"b":{}}}"#, node("7"), node("null"));
    let rest = r#""edges":[["a","out","b","x"]],"group_handles":{},"exports":{},"subgraphs":{}"#;
    assert_eq!(text, format!(r#"{{"version":2,"nodes":{nodes},{rest}}}"#));
}

#[test]
fn what_cannot_be_written_is_told_with_its_path_and_a_default_is_left_to_the_declaration() {
    let relay = definition("relay", &["x", "y=-1"], &[]);
    let mut graph = Graph::new();
    graph.add("a", relay.clone()).unwrap();
    let (text, _) = restored(&graph, &relay);
    assert!(text.contains(r#""y":{"capacity":10,"initial":null"#), "{text}");
    graph.set_initial("a", "x", -7, true).unwrap();
    let mut outer = Graph::new();
    outer.embed("p", &graph).unwrap();
    let error = save(&outer, &mut Numbers::default()).unwrap_err();
    assert_eq!(error.to_string(), "subgraphs.p.nodes.a.inports.x.initial: below 0");
}

#[test]
fn subgraphs_lie_in_each_other_only_so_deep_when_written_as_when_read() {
    let relay = relay();
    let mut graph = Graph::new();
    graph.add("a", relay.clone()).unwrap();
    for _ in 0..50 {
        let mut outer = Graph::new();
        outer.embed("p", &graph).unwrap();
        graph = outer;
    }
    restored(&graph, &relay);
    let text = save(&graph, &mut Numbers::default()).unwrap();
    let mut outer = Graph::new();
    outer.embed("p", &graph).unwrap();
    assert!(save(&outer, &mut Numbers::default()).unwrap_err().problem.contains("50 deep"));
    let deeper = format!(r#"{{"subgraphs":{{"p":{text}}}}}"#);
    assert!(load(&deeper, &mut Numbers::with(&[&relay])).unwrap_err().problem.contains("50 deep"));
    let much = format!("{}{}", r#"{"subgraphs":{"p":"#.repeat(10_000), "1".to_owned() + &"}}".repeat(10_000));
    assert!(load(&much, &mut Numbers::default()).unwrap_err().problem.contains("recursion"));
}

#[test]
fn text_is_read_strictly() {
    let node = |more: &str| format!(r#"{{"nodes": {{"a": {{"module": "m", "class": "relay"{more}}}}}}}"#);
    let port = |said: &str| node(&format!(r#", "inports": {{"x": {{{said}}}}}"#));
    for (text, path, problem) in [
        (String::new(), "the graph", "EOF"),
        ("[]".to_owned(), "the graph", "invalid type: sequence, expected an object"),
        ("{} 1".to_owned(), "the graph", "trailing characters"),
        (r#"{"nodes": {"a": ["m", "relay", null]}}"#.to_owned(), "nodes.a", "expected an object"),
        (
            r#"{"nodes": {"a": {"module": "m", "module": "m", "class": "relay"}}}"#.to_owned(),
            "nodes.a",
            "duplicate field `module`",
        ),
        (r#"{"exports": {"a": {"port": "x"}, "a": {"port": "y"}}}"#.to_owned(), "exports", r#""a" is there twice"#),
        (r#"{"nodes": {"a b": {"module": "m"}}}"#.to_owned(), r#"nodes["a b"]"#, "missing field `class`"),
        (r#"{"edges": [["a", "out", "b"]]}"#.to_owned(), "edges[0]", "component, outport, component, inport"),
        (r#"{"node": {}}"#.to_owned(), "node", "unknown field `node`, expected one of `version`, `nodes`"),
        (
            port(r#""capacity": true"#),
            "nodes.a.inports.x.capacity",
            "boolean `true`, expected a whole number, 1 or more",
        ),
        (port(r#""capacity": 0"#), "nodes.a.inports.x.capacity", "integer `0`"),
        (port(r#""capacity": 9223372036854775808"#), "nodes.a.inports.x.capacity", "integer"),
        (port(r#""capacity": 1e3"#), "nodes.a.inports.x.capacity", "floating point"),
        (port(r#""capacity": 1e999"#), "nodes.a.inports.x.capacity", "number out of range"),
        (port(r#""within": 1"#), "nodes.a.inports.x.within", "batch_size"),
        (port(r#""batch_size": 1, "within": -0.5"#), "nodes.a.inports.x.within", "a number above 0"),
        (port(r#""initial": "text""#), "nodes.a.inports.x.initial", "is no number"),
        (port(r#""policy": "balanced""#), "nodes.a.inports.x.policy", "drop the policy"),
        (port(r#""policy": {"balanced": null}"#), "nodes.a.inports.x.policy", "expected a string"),
        (node(r#", "count": 2"#), "nodes.a.count", "group_handles"),
        (node(r#", "worker": 256"#), "nodes.a.worker", "from 0 to 255"),
        (node(r#", "cost": 0"#), "nodes.a.cost", "a number above 0"),
        (node(r#", "triggers": [["x"], ["x"]]"#), "nodes.a.triggers[1]", "already"),
        (node(r#", "group": "g""#), "nodes.a.group", "no group g"),
        (r#"{"version": 3}"#.to_owned(), "version", "1 to 2"),
        (r#"{"order": ["a"]}"#.to_owned(), "order[0]", "no component"),
        (r#"{"unordered": [["a", "b", "c", "d"]]}"#.to_owned(), "unordered[0]", "edges"),
        (r#"{"exports": {"e": {"port": "x"}}}"#.to_owned(), "exports.e", "one of these keys"),
        (r#"{"together": [["a", "b"]]}"#.to_owned(), "together[0]", "no component a"),
    ] {
        let (at, what) = refused(&text);
        assert_eq!(at, path, "{text}: {what}");
        assert!(what.contains(problem), "{text}: {what}");
        assert!(!what.contains(" line ") || at == "the graph", "{what}");
    }
}

#[test]
fn nothing_is_loaded_before_everything_is_permitted() {
    let key = r#"{"key": {"module": "forbidden", "function": "f1"}, "policy": "keyed"}"#;
    let group = format!(r#"{{"module": "m", "class": "relay", "count": 2, "inports": {{"x": {key}}}}}"#);
    let nodes = r#"{"a": {"module": "m", "class": "relay"}}"#;
    let text =
        format!(r#"{{"version": 2, "nodes": {nodes}, "subgraphs": {{"p": {{"group_handles": {{"g": {group}}}}}}}}}"#);
    let mut language = Numbers::with(&[&relay()]);
    let error = load(&text, &mut language).unwrap_err();
    assert_eq!(error.to_string(), "subgraphs.p.group_handles.g.inports.x.key.module: it is forbidden");
    assert!(language.loaded.is_empty());
    load(&text.replace("forbidden", "allowed"), &mut language).unwrap();
    assert_eq!(language.loaded, ["m", "m", "allowed"]);
}

#[test]
fn subgraphs_without_a_version_have_their_name_in_front() {
    let nodes = r#"{"a": {"module": "m", "class": "relay"}, "p_b": {"module": "m", "class": "relay"}}"#;
    let edges = r#"["p_b", "out", "p_b", "x"]"#;
    let inner = format!(r#"{{"nodes": {{"p_b": {{"module": "m", "class": "relay"}}}}, "edges": [{edges}]}}"#);
    let text = format!(r#"{{"nodes": {nodes}, "edges": [{edges}], "subgraphs": {{"p": {inner}}}}}"#);
    let relay = relay();
    let graph = load(&text, &mut Numbers::with(&[&relay])).unwrap();
    assert_eq!(graph.nodes().keys().collect::<Vec<_>>(), ["a", "p_b"]);
    assert_eq!(graph.edges().len(), 1);
    assert_eq!(
        refused(&text.replace(
            r#""p_b": {"module": "m", "class": "relay"}}, "edges""#,
            r#""b": {"module": "m", "class": "relay"}}, "edges""#
        ))
        .0,
        "subgraphs.p.nodes.b"
    );
}

/// One step of describing a graph; names are made of numbers, and a step that is refused does nothing.
#[derive(Debug, Clone)]
enum Step {
    Add,
    Group(usize),
    Embed,
    Connect(usize, usize, usize, bool),
    Share(usize, usize, u8),
    Initial(usize, usize, i64, bool),
    Capacity(usize, usize, usize),
    Batch(usize, usize, usize, bool),
    Sync(usize, Vec<usize>),
    Argument(usize, i64),
    State(usize, i64),
    Weigh(usize, u8),
    Pin(usize, usize),
    Join(Vec<usize>),
    Export(usize, usize),
}

const INPORTS: [&str; 2] = ["x", "y"];

fn step() -> impl Strategy<Value = Step> {
    let (end, port) = (0..12_usize, 0..2_usize);
    let (e, p) = (end.clone(), port.clone());
    prop_oneof![
        3 => Just(Step::Add),
        2 => (1..4_usize).prop_map(Step::Group),
        1 => Just(Step::Embed),
        6 => (e.clone(), e.clone(), p.clone(), any::<bool>()).prop_map(|(a, b, c, d)| Step::Connect(a, b, c, d)),
        2 => (e.clone(), p.clone(), any::<u8>()).prop_map(|(a, b, c)| Step::Share(a, b, c)),
        3 => (e.clone(), p.clone(), 3..7_i64, any::<bool>()).prop_map(|(a, b, c, d)| Step::Initial(a, b, c, d)),
        1 => (e.clone(), p.clone(), 0..12_usize).prop_map(|(a, b, c)| Step::Capacity(a, b, c)),
        2 => (e.clone(), p.clone(), 0..3_usize, any::<bool>()).prop_map(|(a, b, c, d)| Step::Batch(a, b, c, d)),
        2 => (e.clone(), prop::collection::vec(p, 1..3)).prop_map(|(a, b)| Step::Sync(a, b)),
        1 => (e.clone(), 0..3_i64).prop_map(|(a, b)| Step::Argument(a, b)),
        1 => (e.clone(), 0..3_i64).prop_map(|(a, b)| Step::State(a, b)),
        1 => (e.clone(), 0..4_u8).prop_map(|(a, b)| Step::Weigh(a, b)),
        1 => (e.clone(), 0..4_usize).prop_map(|(a, b)| Step::Pin(a, b)),
        1 => prop::collection::vec(end, 1..4).prop_map(Step::Join),
        1 => (e, port).prop_map(|(a, b)| Step::Export(a, b)),
    ]
}

/// Takes the steps, of which `Embed` puts what there is so far into a new graph.
fn described(steps: &[Step], relay: &Arc<Definition<i64>>) -> Graph<i64> {
    let mut graph = Graph::new();
    for (number, step) in steps.iter().enumerate() {
        let names: Vec<_> = graph.groups().keys().chain(graph.nodes().keys()).cloned().collect();
        let name = |index: &usize| names.get(index % names.len().max(1)).cloned().unwrap_or_default();
        let taken = match step {
            Step::Add => graph.add(format!("n{number}"), relay.clone()).map(drop),
            Step::Group(n) => graph.add_group(format!("g{number}"), relay.clone(), *n).map(drop),
            Step::Embed => {
                let inner = std::mem::take(&mut graph);
                if number % 2 == 1 {
                    graph.add(format!("b{number}"), relay.clone()).unwrap();
                }
                graph.embed(format!("s{number}"), &inner).and_then(|()| graph.embed(format!("t{number}"), &inner))
            }
            Step::Connect(a, b, port, true) => graph.connect(&name(a), "out", &name(b), INPORTS[*port]),
            Step::Connect(a, b, port, false) => graph.connect_unordered(&name(a), "more", &name(b), INPORTS[*port]),
            Step::Share(end, port, policy) => {
                let policy = match policy % 4 {
                    0 => Policy::Balanced,
                    1 => Policy::RoundRobin,
                    2 => Policy::Broadcast,
                    _ => Policy::Keyed(i64::from(*policy)),
                };
                graph.share(&name(end), INPORTS[*port], policy)
            }
            Step::Initial(end, port, value, explicit) => {
                // What is set but not said is a default, which files know by the declaration only.
                let value = if *explicit { *value } else { 5 };
                graph.set_initial(&name(end), INPORTS[*port], value, *explicit || *port == 0).map(drop)
            }
            Step::Capacity(end, port, capacity) => {
                graph.set_capacity(&name(end), INPORTS[*port], (*capacity < 11).then_some(*capacity))
            }
            Step::Batch(end, port, size, within) => {
                let batch = Batch { size: (*size > 0).then_some(*size), within: within.then_some(0.5) };
                graph.set_batch(&name(end), INPORTS[*port], batch).map(drop)
            }
            Step::Sync(end, ports) => {
                graph.sync(&name(end), &ports.iter().map(|&port| INPORTS[port]).collect::<Vec<_>>())
            }
            Step::Argument(end, value) => graph.set_arguments(&name(end), "seen", *value).map(drop),
            Step::State(end, value) => graph.set_state(&name(end), "seen", *value).map(drop),
            Step::Weigh(end, weight) => {
                graph.weigh(&name(end), Some(f64::from(*weight) / 2.0), Some(f64::from(*weight)))
            }
            Step::Pin(end, worker) => graph.pin(&name(end), *worker),
            Step::Join(ends) => graph.join(&ends.iter().map(name).collect::<Vec<_>>()),
            Step::Export(end, port) => {
                graph.export(format!("e{number}"), &name(end), (PortKind::Inport, INPORTS[*port]), true, None)
            }
        };
        drop(taken);
    }
    graph
}

fn is_said(node: &Node<i64>, port: usize) -> bool {
    node.initials[port].as_ref().is_some_and(|initial| initial.explicit)
}

/// All that a graph says, with connections in the order of their names: a copy has its own first.
fn told(graph: &Graph<i64>) -> String {
    let mut links: Vec<_> = graph.links().map(|link| format!("{link:?}")).collect();
    links.sort();
    let mut edges: Vec<_> = graph.edges().map(|edge| format!("{edge:?}")).collect();
    edges.sort();
    let mut together: Vec<_> = graph.wishes().together.clone();
    together.sort();
    let nodes: Vec<_> = (0..graph.nodes().len())
        .map(|position| {
            let (name, node) = graph.nodes().get_index(position).unwrap();
            let initials: Vec<_> = (0..2)
                .map(|port| (graph.initial(position, port), is_said(node, port), node.capacities[port]))
                .collect();
            let weights = (node.cost, node.traffic, graph.wishes().pins.get(&position));
            format!("{name} {initials:?} {:?} {:?} {:?} {weights:?}", node.batches, node.persists, node.triggers)
        })
        .collect();
    format!(
        "{nodes:#?} {:#?} {links:#?} {edges:#?} {together:?} {:?} {:#?}",
        graph.groups(),
        graph.exports(),
        graph.subgraphs()
    )
}

proptest! {
    #[test]
    fn what_is_read_is_what_was_written(steps in prop::collection::vec(step(), 1..60)) {
        let relay = relay();
        let graph = described(&steps, &relay);
        let (_, again) = restored(&graph, &relay);
        prop_assert_eq!(told(&again), told(&graph));
    }

    #[test]
    fn no_text_makes_it_panic(steps in prop::collection::vec(step(), 1..20), place in any::<prop::sample::Index>(), junk in "[a-z0-9\"{}\\[\\],:.-]{0,3}") {
        let relay = relay();
        let mut text = save(&described(&steps, &relay), &mut Numbers::default()).unwrap();
        let place = place.index(text.len());
        text.replace_range(place..(place + junk.len()).min(text.len()), &junk);
        let _ = load(&text, &mut Numbers::with(&[&relay]));
    }
}
