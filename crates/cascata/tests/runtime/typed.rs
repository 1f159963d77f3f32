//! Graphs whose ports have types: trigger groups, parts of graphs, pictures.

use cascata::{graph::Issue, prelude::*, runtime::ExportError};

#[component]
async fn count(#[inport] end: u64, #[outport] number: Outport<'_, u64>) {
    for k in 0..end {
        number.send(k).await;
    }
}

#[component]
async fn double(#[inport] number: u64, #[outport] result: Outport<'_, u64>) {
    result.send(2 * number).await;
}

/// Sends `100 a + 10 b + c`, with 9 for what is not there.
#[component]
async fn digits(
    #[inport(latest)] a: Option<u64>,
    #[inport(latest)] b: Option<u64>,
    #[inport(latest)] c: Option<u64>,
    #[outport] number: Outport<'_, u64>,
) {
    let [a, b, c] = [a, b, c].map(|digit| digit.unwrap_or(9));
    number.send(100 * a + 10 * b + c).await;
}

#[component]
async fn sum(#[inport] list: Vec<u64>, #[outport] total: Outport<'_, u64>) {
    total.send(list.iter().sum()).await;
}

fn collected(graph: &Graph, port: Out<'_, u64>) -> Vec<u64> {
    let run = graph.run().timeout(std::time::Duration::from_secs(60));
    let report = run.collect(port).wait().unwrap();
    report.check();
    report.collected(port).unwrap()
}

#[test]
fn trigger_groups() {
    let graph = Graph::new();
    let (count, digits) = (graph.add("count", count()), graph.add("digits", digits()));
    count.end.set(3);
    count.number >> digits.a;
    count.number >> digits.b;
    digits.c.set(7);
    digits.sync((digits.a, digits.b));
    assert_eq!(collected(&graph, digits.number), [7, 117, 227]);
}

#[test]
fn each_port_triggers_by_itself() {
    let graph = Graph::new();
    let digits = graph.add("digits", digits());
    for port in [digits.a, digits.b, digits.c] {
        let count = graph.add(&format!("count_{}", port.name()), count());
        count.end.set(2);
        count.number >> port;
    }
    digits.clk([digits.a, digits.b]);
    digits.clk(digits.c);
    let groups = graph.edit(|graph| graph.nodes()["digits"].triggers.clone());
    assert_eq!(groups, [[0], [1], [2]]);
    assert_eq!(collected(&graph, digits.number).len(), 6);
}

#[test]
fn the_members_of_a_group_are_instances() {
    let graph = Graph::new();
    let (count, doubles) = (graph.add("count", count()), graph.add_group("doubles", double(), 2));
    count.end.set(4);
    count.number >> doubles.number.round_robin();
    assert_eq!(count.members().len(), 1);
    let [first, second] = doubles.members()[..] else { panic!("two members") };
    assert_eq!(
        (doubles.name(), first.name(), second.name()),
        ("doubles".into(), "doubles_0".into(), "doubles_1".into())
    );
    assert_eq!(collected(&graph, second.result), [2, 6]);
}

#[test]
#[should_panic(expected = "count.end is no inport of double: name its own")]
fn ports_of_others_trigger_nothing() {
    let graph = Graph::new();
    let (count, double) = (graph.add("count", count()), graph.add("double", double()));
    double.sync((double.number, count.end));
}

#[test]
#[should_panic(expected = "digits.a is in a trigger group already")]
fn a_port_is_in_one_trigger_group() {
    let graph = Graph::new();
    let digits = graph.add("digits", digits());
    digits.clk(digits.a);
    digits.sync((digits.a, digits.b));
}

/// Doubles in two members, and what comes out in lists is added up.
fn part() -> (Graph, ExportedIn<u64>, ExportedOut<u64>) {
    let graph = Graph::new();
    let (doubles, sum) = (graph.add_group("doubles", double(), 2), graph.add("sum", sum()));
    doubles.result.batch(2) >> sum.list;
    let (number, total) = (graph.export("number", doubles.number), graph.export("total", sum.total));
    (graph, number, total)
}

#[test]
fn graphs_are_parts_of_others() {
    let (part, number, total) = part();
    let whole = Graph::new();
    let (first, second) = (whole.embed("first", &part), whole.embed("second", &part));
    first.port(&total) >> second.port(&number);
    let (number, total) = (whole.export("number", first.port(&number)), whole.export("total", second.port(&total)));

    let graph = Graph::new();
    let count = graph.add("count", count());
    count.end.set(8);
    let whole = graph.embed("whole", &whole);
    count.number >> whole.port(&number);
    // 2 × (0 + 1), 2 × (2 + 3), … and once more.
    let total = whole.port(&total);
    assert_eq!(collected(&graph, total), [2 * (2 + 10), 2 * (18 + 26)]);
    assert_eq!(format!("{total:?}"), "whole_second_sum.total");
}

#[test]
fn a_graph_is_a_part_of_itself_before() {
    let graph = Graph::new();
    graph.add("double", double());
    let copy = graph.embed("copy", &graph);
    assert_eq!(copy.name(), "copy");
    assert_eq!(graph.edit(|graph| graph.nodes().keys().cloned().collect::<Vec<_>>()), ["double", "copy_double"]);
}

#[test]
fn exports_that_there_are_not() {
    let (part, ..) = part();
    let graph = Graph::new();
    let copy = graph.embed("copy", &part);
    let refused = |error: ExportError| error.to_string();
    assert_eq!(
        refused(copy.try_port(&ExportedIn::<u64>::named("x")).unwrap_err()),
        "there is no export x; there are: number and total"
    );
    assert_eq!(
        refused(copy.try_port(&ExportedIn::<u64>::named("total")).unwrap_err()),
        "the export total is an outport, and was taken for an inport"
    );
    assert_eq!(
        refused(copy.try_port(&ExportedOut::<String>::named("total")).unwrap_err()),
        "the export total is for values of type u64, and was taken for one of alloc::string::String"
    );
}

#[test]
#[should_panic(expected = "double.result is a port of another graph")]
fn ports_are_exported_by_their_graph() {
    let (graph, other) = (Graph::new(), Graph::new());
    let double = graph.add("double", double());
    other.export("result", double.result);
}

#[test]
fn results_are_exported_as_they_come() {
    let graph = Graph::new();
    let doubles = graph.add_group("doubles", double(), 2);
    let result = graph.export("result", doubles.result.unordered());
    let whole = Graph::new();
    let (copy, sum) = (whole.embed("copy", &graph), whole.add("sum", sum()));
    copy.port(&result).as_list() >> sum.list;
    assert!(whole.edit(|graph| graph.links().all(|link| !link.ordered)));
}

#[test]
fn what_is_wrong_with_a_batch_leaves_all_as_it_was() {
    let graph = Graph::new();
    let (double, sum) = (graph.add("double", double()), graph.add("sum", sum()));
    double.result.batch(2) >> sum.list;
    assert!(double.result.batch(3).connect(sum.list).is_err());
    assert!(double.result.batch(2).connect(sum.list).is_err(), "they are connected");
    assert_eq!(graph.edit(|graph| graph.links().len()), 1);
}

#[test]
fn all_that_is_wrong_is_found_at_once() {
    let graph = Graph::new();
    let (a, b) = (graph.add("a", double()), graph.add("b", double()));
    graph.add("count", count());
    a.result >> b.number;
    b.result >> a.number;
    let issues = graph.check();
    assert!(matches!(&issues[..], [Issue::Unfed { port, .. }, Issue::Cycle { nodes, .. }]
        if port == "count.end" && *nodes == ["a", "b"]));
    let Err(RunError::Check(refused)) = graph.run().wait() else { panic!("it cannot run") };
    assert_eq!(refused, issues);
}

/// Has no `Debug`.
#[derive(Clone)]
struct Opaque;

#[component]
async fn hide(#[inport] _opaque: Opaque, #[inport] _texts: Vec<String>) {}

#[test]
fn pictures() {
    let (part, number, _) = part();
    let graph = Graph::new();
    let (count, hide, copy) = (graph.add("count", count()), graph.add("hide", hide()), graph.embed("copy", &part));
    count.end.set(12345);
    count.number >> copy.port(&number);
    hide.opaque.set(Opaque);
    hide.texts.set(vec!["a rose".to_owned()]);
    for picture in [graph.to_svg(), graph.to_dot(), graph.to_mermaid()] {
        for seen in ["12345", "a rose", "opaque", "doubles", "copy"] {
            assert!(picture.contains(seen), "{seen}");
        }
    }
    assert!(graph.to_svg().contains("= …"), "what cannot be shown is there, too");
}
