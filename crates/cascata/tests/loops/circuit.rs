//! A feedback loop, and what its members do.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering::SeqCst},
};

use cascata::{
    graph::{Batch, Definition, Graph, Inport, Outport as Declared},
    plan::Plan,
};

use crate::{
    list::List,
    run::{Act, Run, Sending, Told, placed},
};

/// A component to be made. Those that are no sources form one circle, in their order; a source feeds the first of them.
#[derive(Clone, Debug)]
pub struct Member {
    worker: usize,
    capacity: Option<usize>,
    batch: Option<Batch>,
    seed: Option<u64>,
    sends: Option<Vec<u64>>,
}

impl Member {
    pub fn on(worker: usize) -> Self {
        Self { worker, capacity: Some(4), batch: None, seed: None, sends: None }
    }

    pub fn of(self, capacity: Option<usize>) -> Self {
        Self { capacity, ..self }
    }

    pub fn in_batches(self, batch: Batch) -> Self {
        Self { batch: Some(batch), ..self }
    }

    /// Begins with a token of its own.
    pub fn seeded(self, lives: u64) -> Self {
        Self { seed: Some(lives), ..self }
    }

    /// Sends these, and ends.
    pub fn source(self, lives: &[u64]) -> Self {
        Self { sends: Some(lives.to_vec()), ..self }
    }
}

/// The plan of a circuit. What goes round is a list of lives: a token, or a batch of them.
pub fn plan(members: &[Member]) -> Plan<List> {
    let mut graph = Graph::new();
    for (index, member) in members.iter().enumerate() {
        let inport = Inport { name: "x".into(), capacity: member.capacity, default: None };
        let inports = if member.sends.is_some() { vec![] } else { vec![inport] };
        let outports = vec![Declared { name: "out".into() }];
        let definition = Definition::new("member", "tests", inports, outports, vec![], List::default()).unwrap();
        graph.add(format!("c{index}"), Arc::new(definition)).unwrap();
    }
    let (sources, circle): (Vec<_>, Vec<_>) = (0..members.len()).partition(|&index| members[index].sends.is_some());
    let first = circle[0];
    let follows = circle.iter().zip(circle.iter().skip(1).chain([&first]));
    for (&from, &to) in follows.chain(sources.iter().map(|source| (source, &first))) {
        match members[to].batch {
            Some(batch) => graph.connect_in_batches(&format!("c{from}"), "out", &format!("c{to}"), "x", batch),
            None => graph.connect(&format!("c{from}"), "out", &format!("c{to}"), "x"),
        }
        .unwrap();
    }
    for (index, member) in members.iter().enumerate() {
        if let Some(lives) = member.seed {
            graph.set_initial(&format!("c{index}"), "x", List(vec![lives]), true).unwrap();
        }
    }
    let workers: Vec<_> = members.iter().map(|member| member.worker).collect();
    placed(&graph, &workers)
}

/// Runs a circuit to the end. Gives how many lives firings have seen.
pub fn run(plan: &Plan<List>, members: &[Member]) -> usize {
    let lived = Arc::new(AtomicUsize::new(0));
    let acts = members.iter().map(|member| {
        let (sends, lived) = (member.sends.clone(), lived.clone());
        let act: Act = Box::new(move |told| {
            let left = match (told, &sends) {
                (Told::Finish, _) => Vec::new(),
                (Told::Fire(..), Some(sends)) => sends.clone(),
                (Told::Fire(_, row), None) => {
                    let lives = row.into_iter().flat_map(|item| item.0);
                    lives.inspect(|_| _ = lived.fetch_add(1, SeqCst)).filter_map(|lives| lives.checked_sub(1)).collect()
                }
            };
            left.into_iter().map(|lives| Sending::of(List(vec![lives]))).collect()
        });
        act
    });
    Run::new(plan, acts.collect()).explore();
    lived.load(SeqCst)
}
