//! The words of a frontier in every order of the steps in which they are written and read: whatever somebody reads of
//! them, all results below are where they were sent.

use std::sync::Arc;

use cascata::{
    graph::{Definition, Graph, Inport, Outport, Policy},
    order::FIRST,
    plan::Plan,
};
use cascata_shm::model::{Search, everything, explore, spawn};

use crate::{
    list::List,
    run::{Act, Run, Sending, Told, placed},
    wakes::Watchdog,
};

/// A source, groups of one member, each on a worker, and a sink.
fn line(source: usize, members: &[(usize, Option<usize>)], sink: usize) -> Plan<List> {
    let mut graph = Graph::new();
    let node = |capacity: Option<Option<usize>>, sends: bool| {
        let inports = capacity.map(|capacity| Inport { name: "x".into(), capacity, default: None });
        let outports = sends.then(|| Outport { name: "out".into() });
        let (inports, outports) = (inports.into_iter().collect(), outports.into_iter().collect());
        Arc::new(Definition::new("node", "tests", inports, outports, vec![], List::default()).unwrap())
    };
    graph.add("source", node(None, true)).unwrap();
    let mut from = "source".to_owned();
    for (index, &(_, capacity)) in members.iter().enumerate() {
        let group = format!("group{index}");
        graph.add_group(&group, node(Some(capacity), true), 1).unwrap();
        graph.connect(&from, "out", &group, "x").unwrap();
        from = group;
    }
    graph.add("sink", node(Some(None), false)).unwrap();
    graph.connect(&from, "out", "sink", "x").unwrap();
    let members = members.iter().map(|member| member.0);
    placed(&graph, &[source].into_iter().chain(members).chain([sink]).collect::<Vec<_>>())
}

fn acts(plan: &Plan<List>) -> Vec<Act> {
    let act = |node: usize| -> Act {
        let sink = node + 1 == plan.nodes.len();
        Box::new(move |told| match told {
            Told::Fire(_, row) if node > 0 => row.into_iter().filter(|_| !sink).map(Sending::of).collect(),
            Told::Fire(..) => vec![Sending::of(List(vec![0]))],
            Told::Finish => vec![],
        })
    };
    (0..plan.nodes.len()).map(act).collect()
}

/// Has an item go through, and the last member's frontier read at any moment.
fn run(source: usize, members: &[(usize, Option<usize>)], sink: usize) {
    let _watchdog = Watchdog::new();
    let plan = Arc::new(line(source, members, sink));
    let (last, behind) = (members.len(), plan.channels.len() - 1);
    assert!(plan.nodes[last].numbering.is_some() && plan.channels[behind].shared);
    // A component fires, sends, is heard by the next one's worker, and has done.
    let worker = |node: usize| plan.nodes[node].worker;
    let moves = (0..=last)
        .flat_map(|node| [Move::Part(node), Move::Part(node), Move::Answer(worker(node + 1)), Move::Part(node)]);
    let moves: Vec<_> = moves.collect();
    let (heard, fires) = (moves.len() - 5, moves.len() - 3);
    // As all moves are made between any two looks of the reader, they end before the result is sent: when the item has been
    // heard of, and when the last firing has begun. Then what sends it follows, and ends that firing.
    for moved in [1..heard, 1..fires, fires..moves.len()] {
        let (plan, moves) = (plan.clone(), moves.clone());
        let search = Search::Preemptions(if everything() { 3 } else { 2 });
        let described = format!("{:?}, {members:?}", &moves[moved.clone()]);
        let orders = explore(search, move || {
            let mut run = Run::new(&plan, acts(&plan));
            let frontier = run.memory.order().frontier(&plan, last);
            let ring = run.memory.ring(behind).unwrap().clone();
            moves[..moved.start].iter().for_each(|made| made.make(&mut run));
            let moves = moves[moved.clone()].to_vec();
            let mover = spawn(move || {
                moves.into_iter().for_each(|made| made.make(&mut run));
                run
            });
            let reader = spawn(move || {
                let bound = frontier.bound();
                let sent = ring.pushed();
                let next = FIRST + 1 + sent;
                assert!(bound <= next, "{sent} results are sent, and nothing is to come below {bound}");
            });
            let run = mover.join().unwrap();
            reader.join().unwrap();
            drop(run);
        });
        println!("{search:?}: {orders} orders, {described}");
    }
}

/// What can be done to a run.
#[derive(Clone, Copy, Debug)]
enum Move {
    /// A component does one thing.
    Part(usize),
    /// A worker heeds what it is told.
    Answer(usize),
}

impl Move {
    fn make(self, run: &mut Run) {
        match self {
            Self::Part(node) => {
                let mut parts = run.workers.iter_mut().flat_map(|worker| &mut worker.parts);
                parts.find(|part| part.node == node).expect("every component is somewhere").advance();
            }
            Self::Answer(worker) => _ = run.workers[worker].answer(),
        }
    }
}

#[test]
fn through_shared_memory() {
    run(0, &[(1, Some(1))], 0);
}

#[test]
fn through_a_backlog() {
    run(0, &[(1, None)], 0);
}

#[test]
fn inside_a_worker() {
    run(0, &[(0, Some(1))], 1);
}

#[test]
fn through_two_members() {
    run(0, &[(0, Some(1)), (0, Some(1))], 1);
}

/// A member's firing, which sends nothing, ends while the sink looks whether the result of another is next.
#[test]
fn who_passes_tells_who_waits() {
    let mut graph = Graph::new();
    let node = |inport: bool, outport: bool| {
        let inports = inport.then(|| Inport { name: "x".into(), capacity: Some(1), default: None });
        let outports = outport.then(|| Outport { name: "out".into() });
        let (inports, outports) = (inports.into_iter().collect(), outports.into_iter().collect());
        Arc::new(Definition::new("node", "tests", inports, outports, vec![], List::default()).unwrap())
    };
    graph.add("source", node(false, true)).unwrap();
    graph.add_group("two", node(true, true), 2).unwrap();
    graph.add("sink", node(true, false)).unwrap();
    graph.link("source", "out", "two", "x", true, Some(Policy::RoundRobin)).unwrap();
    graph.connect("two", "out", "sink", "x").unwrap();
    let plan = placed(&graph, &[0, 0, 0, 1]);
    explore(Search::Preemptions(if everything() { 3 } else { 2 }), move || {
        let act = |node: usize| -> Act {
            Box::new(move |told| match (told, node) {
                (Told::Fire(..), 0) => (0..2).map(|item| Sending::of(List(vec![item]))).collect(),
                (Told::Fire(_, row), 2) => row.into_iter().map(Sending::of).collect(),
                _ => vec![],
            })
        };
        let run = Run::new(&plan, (0..4).map(act).collect());
        let [mut here, mut there] = run.workers.try_into().ok().expect("there are two");
        // The source sends both, the first member begins, the second sends and has done.
        for part in [0, 0, 0, 1, 2, 2, 2] {
            here.parts[part].advance();
        }
        let passes = spawn(move || {
            here.parts[1].advance();
            here
        });
        let waits = spawn(move || {
            let fires = there.parts[0].advance();
            (there, fires)
        });
        let (_here, (there, fires)) = (passes.join().unwrap(), waits.join().unwrap());
        assert!(fires || !there.may_sleep(), "a result waits that is the next");
    });
}
