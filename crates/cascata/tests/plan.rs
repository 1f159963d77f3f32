//! From a graph to a plan: roles, channels, routes, and what is refused.

mod common;

use std::{collections::HashMap, sync::Arc};

use cascata::graph::{Batch, Graph};
use cascata::plan::{InportRole, Packed, Plan, PlanError, PlannedChannel, PlannedSource};
use common::{definition, network};

fn plan(graph: &Graph<i64>, workers: usize) -> Plan<i64> {
    Plan::new(graph, workers, &[], None).unwrap()
}

fn named(node: &str, port: &str) -> (String, String) {
    (node.to_owned(), port.to_owned())
}

#[test]
fn an_empty_graph_has_an_empty_plan() {
    for workers in 0..3 {
        let plan = plan(&Graph::new(), workers);
        assert_eq!((plan.nodes.len(), plan.channels.len(), plan.workers), (0, 0, 0));
        assert!(plan.cycles.is_empty() && plan.shard().is_empty());
    }
}

#[test]
fn inports_play_the_part_that_was_said() {
    let mut graph = network(&[("a", "b")]);
    graph.add("c", definition("mixed", &["trigger", "passive", "constant=3", "first=4"], &[])).unwrap();
    for port in ["trigger", "passive", "first"] {
        graph.connect("b", "out", "c", port).unwrap();
    }
    graph.set_initial("c", "passive", 9, true).unwrap();
    let parts = |graph: &Graph<i64>| {
        let plan = plan(graph, 1);
        let node = plan.nodes.into_iter().find(|node| node.name == "c").unwrap();
        let inports = node.inports.into_iter().map(|inport| (inport.role, inport.initial, inport.sources));
        (node.groups, inports.collect::<Vec<_>>())
    };
    use InportRole::{Constant, Passive, Trigger};
    let channel = |channel| vec![PlannedSource::Channel(channel)];
    let trigger = |initial, number| (Trigger, initial, channel(number));
    assert_eq!(
        parts(&graph),
        (
            vec![vec![0, 1, 3]],
            vec![trigger(None, 1), trigger(Some(9), 2), (Constant, Some(3), vec![]), trigger(None, 3)]
        )
    );
    graph.sync("c", &["first", "constant"]).unwrap();
    graph.clk("c", &["trigger"]).unwrap();
    assert_eq!(
        parts(&graph),
        (
            vec![vec![3, 2], vec![0]],
            vec![trigger(None, 1), (Passive, Some(9), channel(2)), (Constant, Some(3), vec![]), trigger(None, 3)]
        )
    );
}

#[test]
fn channels_know_their_consumers_and_producers() {
    let mut graph = network(&[("c", "d"), ("a", "d"), ("a", "b"), ("b", "d")]);
    for (worker, node) in ["c", "d", "a", "b"].into_iter().enumerate() {
        graph.pin(node, usize::from(worker > 1)).unwrap();
    }
    let plan = plan(&graph, 2);
    let channel = |node, producers: &[(usize, usize)], shared| PlannedChannel {
        node,
        inport: 0,
        capacity: Some(10),
        publishers: producers.len(),
        producers: producers.to_vec(),
        shared,
        numbered: false,
    };
    assert_eq!(plan.channels, [channel(1, &[(0, 0), (2, 0), (3, 0)], true), channel(3, &[(2, 0)], false)]);
    let routes: Vec<_> = plan.nodes.iter().map(|node| node.outports[0].channels.clone()).collect();
    assert_eq!(routes, [vec![0], vec![], vec![0, 1], vec![0]]);
    assert_eq!(plan.shard(), [[0, 1], [2, 3]]);
}

#[test]
fn nothing_is_shared_in_the_calling_process() {
    let mut graph = network(&[("a", "b"), ("b", "c")]);
    graph.pin("c", 7).unwrap();
    let plan = plan(&graph, 0);
    assert_eq!(plan.shard(), [[0, 1, 2]]);
    assert!(plan.channels.iter().all(|channel| !channel.shared));
}

#[test]
fn what_was_set_on_persistent_values_is_planned() {
    let mut graph = network(&[("a", "b")]);
    graph.set_arguments("b", "seen", 1).unwrap();
    graph.set_state("b", "seen", 2).unwrap();
    let persist = &plan(&graph, 1).nodes[1].persists[0];
    assert_eq!((persist.name.as_str(), persist.arguments, persist.state), ("seen", Some(1), Some(2)));
}

#[test]
fn collected_outports_know_their_place() {
    let graph = network(&[("a", "b")]);
    let collect = [named("b", "out"), named("a", "out")];
    let plan = Plan::new(&graph, 1, &collect, None).unwrap();
    assert_eq!(plan.nodes.iter().map(|node| node.outports[0].collect).collect::<Vec<_>>(), [Some(1), Some(0)]);

    let refused = |collect: &[(String, String)]| Plan::new(&graph, 1, collect, None).unwrap_err().to_string();
    assert_eq!(refused(&[named("a", "x")]), "a has no outport x; there are: out");
    assert_eq!(refused(&[named("c", "out")]), "the graph has no component c; there are: a, b");
    let twice = [named("a", "out"), named("a", "out")];
    assert_eq!(refused(&twice), "a.out is to be collected twice: name each outport once");
}

#[test]
fn cycles_are_found_in_the_order_of_the_flow() {
    let edges =
        [("z", "y"), ("y", "z"), ("seed", "c"), ("c", "b"), ("b", "c"), ("b", "loop"), ("loop", "loop"), ("loop", "z")];
    let plan = plan(&network(&edges), 2);
    let names: Vec<Vec<_>> =
        plan.cycles.iter().map(|cycle| cycle.iter().map(|&node| plan.nodes[node].name.as_str()).collect()).collect();
    assert_eq!(names, [vec!["c", "b"], vec!["loop"], vec!["z", "y"]]);
}

#[test]
fn what_leads_to_a_passive_port_makes_no_cycle() {
    let mut graph = network(&[("seed", "b")]);
    graph.add("a", definition("a", &["x", "y"], &["out"])).unwrap();
    for (from, to, inport) in [("seed", "a", "x"), ("a", "b", "x"), ("b", "a", "y")] {
        graph.connect(from, "out", to, inport).unwrap();
    }
    let names = |graph: &Graph<i64>| plan(graph, 1).cycles;
    let (a, b) = (graph.position("a").unwrap(), graph.position("b").unwrap());
    assert_eq!(names(&graph), [vec![b, a]]);
    graph.clk("a", &["x"]).unwrap();
    assert!(names(&graph).is_empty());
}

#[test]
fn a_chain_of_many_thousand_components_is_planned() {
    let names: Vec<_> = (0..20_000).map(|index| format!("n_{index}")).collect();
    let mut graph = Graph::new();
    let relay = definition("relay", &["x"], &["out"]);
    names.iter().for_each(|name| drop(graph.add(name, relay.clone())));
    names.windows(2).for_each(|pair| graph.connect(&pair[0], "out", &pair[1], "x").unwrap());
    let plan = plan(&graph, 2);
    assert_eq!(plan.shard().iter().map(Vec::len).collect::<Vec<_>>(), [10_000, 10_000]);
}

#[test]
fn a_pin_needs_its_worker() {
    let mut graph = network(&[("a", "b")]);
    graph.pin("b", 2).unwrap();
    assert_eq!(
        Plan::new(&graph, 2, &[], None).unwrap_err().to_string(),
        "b is placed on worker 2, but this plan has 2, counted from 0: ask for at least 3 workers or place it on a \
         lower one"
    );
    assert!(Plan::new(&graph, 3, &[], None).is_ok());
}

#[test]
fn orders_that_contradict_each_other_are_refused() {
    let mut graph = network(&[("a", "b"), ("b", "c"), ("c", "d")]);
    graph.join(&["a", "c"]).unwrap();
    graph.join(&["c", "d"]).unwrap();
    graph.pin("a", 0).unwrap();
    graph.pin("d", 1).unwrap();
    graph.pin("b", 1).unwrap();
    assert_eq!(
        Plan::new(&graph, 2, &[], None).unwrap_err().to_string(),
        "a, c and d are to run together, but a is placed on worker 0 and d is placed on worker 1: drop one of these \
         orders"
    );
}

#[test]
fn measured_weights_are_numbers_from_0() {
    let graph = network(&[("a", "b")]);
    let with = |cost, traffic| {
        let weights = HashMap::from([("a".to_owned(), (cost, traffic)), ("unknown".to_owned(), (f64::NAN, 0.0))]);
        Plan::new(&graph, 2, &[], Some(&weights))
    };
    assert!(with(0.0, 0.0).is_ok() && with(1e300, 1e-300).is_ok());
    assert_eq!(
        with(-1.0, 0.0).unwrap_err().to_string(),
        "the cost measured for a is -1: it must be a finite number, 0 or more"
    );
    assert!(matches!(with(0.0, f64::INFINITY), Err(PlanError::Weight { .. })));
}

#[test]
fn a_plan_is_packed_without_its_values() {
    let mut graph = network(&[("a", "b"), ("a", "c")]);
    let mixed = definition("mixed", &["first=4", "constant=3"], &["out"]);
    for name in ["d", "e"] {
        graph.add(name, mixed.clone()).unwrap();
        graph.connect("b", "out", name, "first").unwrap();
        graph.set_initial(name, "first", 9, true).unwrap();
    }
    graph.set_batch("e", "first", Batch { size: Some(3), within: Some(0.1) }).unwrap();
    let plan = plan(&graph, 2);
    assert_eq!(plan.nodes[4].inports[0].batch, Some(Batch { size: Some(3), within: Some(0.1) }));
    assert_eq!(plan.nodes[3].inports[0].batch, None);
    let (packed, values) = plan.pack();
    let text = serde_json::to_string(&packed).unwrap();
    let packed: Packed = serde_json::from_str(&text).unwrap();
    let restored = packed.unpack(&values).unwrap();
    assert_eq!(format!("{plan:?}"), format!("{restored:?}"));
    let definition = |name: &str| {
        let node = restored.nodes.iter().find(|node| node.name == name).unwrap();
        node.definition.clone()
    };
    assert!(Arc::ptr_eq(&definition("d"), &definition("e")), "definitions are shared as before");
    let doubled: Vec<_> = values.iter().map(|value| value * 2).collect();
    let other = packed.unpack(&doubled).unwrap();
    let initials = |plan: &Plan<i64>| -> Vec<_> {
        plan.nodes.iter().flat_map(|node| node.inports.iter().filter_map(|inport| inport.initial)).collect()
    };
    assert_eq!(initials(&other), initials(&plan).iter().map(|value| value * 2).collect::<Vec<_>>());
    let error = packed.unpack(&values[1..]).unwrap_err();
    assert!(error.to_string().starts_with("the packed plan names value"), "{error}");
}

/// The components on the order of whose results somebody relies. Groups of these names and sizes, each with connections
/// from others: of results in their order, or with `!` before the name as they come.
fn in_order(groups: &[(&str, usize, &[&str])]) -> Vec<String> {
    let mut graph = network(&[]);
    graph.add("source", definition("source", &[], &["out"])).unwrap();
    graph.add("sink", definition("sink", &["x"], &["out"])).unwrap();
    for (name, size, _) in groups.iter().filter(|(name, ..)| *name != "sink") {
        graph.add_group(*name, definition("work", &["x"], &["out"]), *size).unwrap();
    }
    for (to, _, sources) in groups {
        for from in *sources {
            let (from, ordered) = from.strip_prefix('!').map_or((*from, true), |from| (from, false));
            graph.link(from, "out", to, "x", ordered, None).unwrap();
        }
    }
    let plan = plan(&graph, 2);
    let ordered = plan.nodes.into_iter().filter(|node| node.outports.iter().any(|outport| outport.ordered));
    ordered.map(|node| node.name).collect()
}

#[test]
fn order_is_promised_where_results_are_taken_in_it() {
    let one: &[&str] = &["source"];
    assert_eq!(in_order(&[("a", 2, one), ("sink", 1, &["a"])]), ["a_0", "a_1"]);
    assert_eq!(in_order(&[("a", 1, one), ("sink", 1, &["a"])]), ["a_0"], "one member promises as much");
    assert_eq!(in_order(&[("a", 2, one), ("b", 3, &["a"]), ("sink", 1, &["!b"])]), ["a_0", "a_1"]);
    assert_eq!(in_order(&[("a", 1, one), ("b", 3, &["a"])]), ["a_0"]);
    assert_eq!(in_order(&[("a", 2, one), ("b", 2, &["a"]), ("sink", 1, &["b"])]), ["a_0", "a_1", "b_0", "b_1"]);
    assert_eq!(in_order(&[("a", 1, one), ("b", 1, &["a"]), ("sink", 1, &["b"])]), ["a_0", "b_0"]);
}

#[test]
fn no_order_is_promised_where_nobody_takes_results_in_it() {
    let one: &[&str] = &["source"];
    assert!(in_order(&[("a", 2, one), ("sink", 1, &["!a"])]).is_empty());
    assert!(in_order(&[("a", 1, one), ("sink", 1, &["!a"])]).is_empty());
    assert!(in_order(&[("a", 2, one), ("b", 2, &["a"]), ("sink", 1, &["!b"])]).is_empty());
    assert!(in_order(&[("a", 2, one), ("b", 3, &["!a"]), ("sink", 1, &["!b"])]).is_empty());
    assert!(in_order(&[("a", 2, &[]), ("sink", 1, one)]).is_empty());
}
