//! A turnstile move by move: who waits for its turn, with how many results in hand, and who lets it pass.

use std::sync::{Arc, Mutex};

use cascata::graph::{Definition, Graph, Inport, Outport, Policy};
use cascata_shm::model::{Search, everything, explore, spawn};

use crate::{
    list::List,
    run::{Act, Part, Run, Sending, Told, Worker, placed},
};

/// Of the group behind: so many results wait for their turn without their sender.
const ROOM: usize = 2;
const SOURCE: usize = 0;
const FIRST: usize = 1;
const SECOND: usize = 2;

/// Numbers and items, as they were got.
type Got = Arc<Mutex<Vec<(Option<u64>, u64)>>>;

/// What the second member sends when it is given number 1; the last of it is not waited for.
const SECOND_SENDS: u64 = 4;

/// A source of two items, a group of two, and one of three, whose items come to the list; all but the second member on
/// worker 0. The first member sends `first` results for number 0, in turns with the second.
fn run(first: u64) -> (Run, Got) {
    let node = |capacity: Option<Option<usize>>, sends: bool| {
        let inports = capacity.map(|capacity| Inport { name: "x".into(), capacity, default: None });
        let outports = sends.then(|| Outport { name: "out".into() });
        let (inports, outports) = (inports.into_iter().collect(), outports.into_iter().collect());
        Arc::new(Definition::new("node", "tests", inports, outports, vec![], List::default()).unwrap())
    };
    let mut graph = Graph::new();
    graph.add("source", node(None, true)).unwrap();
    graph.add_group("two", node(Some(Some(1)), true), 2).unwrap();
    graph.add_group("three", node(Some(Some(ROOM)), false), 3).unwrap();
    graph.link("source", "out", "two", "x", true, Some(Policy::RoundRobin)).unwrap();
    graph.connect("two", "out", "three", "x").unwrap();
    let plan = placed(&graph, &[0, 0, 1, 0, 0, 0]);
    assert_eq!(plan.turnstiles[0].room, ROOM);
    let got = Got::default();
    let act = |node: usize| -> Act {
        let got = got.clone();
        Box::new(move |told| match (told, node) {
            (Told::Finish, _) => vec![],
            (_, SOURCE) => (0..2).map(|item| Sending::of(List(vec![item]))).collect(),
            (_, FIRST) => (0..first).map(|item| Sending::of(List(vec![item]))).collect(),
            (_, SECOND) => {
                let send = |item| Sending { patient: item + 1 < SECOND_SENDS, ..Sending::of(List(vec![10 + item])) };
                (0..SECOND_SENDS).map(send).collect()
            }
            (Told::Fire(number, row), _) => {
                got.lock().unwrap().push((number, row[0].0[0]));
                vec![]
            }
        })
    };
    let run = Run::new(&plan, (0..plan.nodes.len()).map(act).collect());
    (run, got)
}

fn part(run: &mut Run, node: usize) -> &mut Part {
    let mut parts = run.workers.iter_mut().flat_map(|worker| &mut worker.parts);
    parts.find(|part| part.node == node).expect("every component is somewhere")
}

fn go(run: &mut Run, node: usize) {
    while part(run, node).advance() {}
}

fn to_the_end(run: &mut Run) {
    for _ in 0..1000 {
        if run.workers.iter().all(Worker::has_ended) {
            return;
        }
        for worker in &mut run.workers {
            worker.answer();
            worker.parts.iter_mut().filter(|part| part.is_awake()).for_each(|part| while part.advance() {});
            worker.feed();
        }
    }
    panic!("nothing can go on");
}

#[test]
fn a_member_waits_for_its_turn_with_so_many_results_in_hand() {
    for first in 0..3 {
        let (mut run, got) = run(first);
        go(&mut run, SOURCE);
        assert!(part(&mut run, FIRST).advance(), "number 0 is under way");
        run.workers[1].answer();
        go(&mut run, SECOND);
        run.workers[1].feed();
        assert!(part(&mut run, SECOND).sends(), "it waits");
        assert_eq!(part(&mut run, SECOND).sent, ROOM);
        (0..first).for_each(|_| assert!(part(&mut run, FIRST).advance()));
        assert_eq!(part(&mut run, FIRST).sent, first as usize, "who has its turn does not wait");
        while run.workers[1].answer() {}
        run.workers[1].feed();
        assert!(run.workers[1].may_sleep() && !part(&mut run, SECOND).advance(), "number 0 may send more");
        assert_eq!(run.memory.order().desk(1).next(0).0.get(), first);
        // It asks for its next row: number 0 is over.
        part(&mut run, FIRST).advance();
        assert!(!run.workers[1].may_sleep(), "the other one is told");
        to_the_end(&mut run);
        let mut got = std::mem::take(&mut *got.lock().unwrap());
        got.sort_unstable();
        let sent = (0..first)
            .chain(10..10 + SECOND_SENDS)
            .filter(|item| !run.withdrawn.lock().unwrap().contains(&List(vec![*item])));
        let sent: Vec<_> = sent.collect();
        assert!(sent.len() as u64 >= first + SECOND_SENDS - 1);
        // Number 0 is that of firings on initial values.
        assert_eq!(got, (1..).map(Some).zip(sent).collect::<Vec<_>>());
    }
}

/// The first member's firing ends while another looks whether it is its turn.
#[test]
fn who_passes_tells_who_waits() {
    explore(Search::Preemptions(if everything() { 3 } else { 2 }), || {
        let (mut run, _) = run(0);
        go(&mut run, SOURCE);
        // One begins, and so does the other.
        assert!(part(&mut run, FIRST).advance() && part(&mut run, SECOND).advance());
        let [mut here, mut there] = run.workers.try_into().ok().expect("there are two");
        let passes = spawn(move || {
            here.parts.iter_mut().find(|part| part.node == FIRST).expect("it is here").advance();
            here
        });
        let waits = spawn(move || {
            assert!(there.parts[0].advance(), "a result is sent");
            there
        });
        let (_here, there) = (passes.join().unwrap(), waits.join().unwrap());
        let shared_out = run.memory.order().desk(1).next(0).0.get();
        assert!(shared_out == 1 || !there.may_sleep(), "a result waits for a turn that has come");
    });
}
