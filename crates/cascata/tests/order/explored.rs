//! Whole circuits in every order of the steps that their workers make in shared memory, or in many: they end, and results
//! come in order. A wake-up that is lost leaves all tasks waiting, which is noticed at once.

use cascata_shm::model::{Search, everything, explore};

use crate::{
    circuit::{Circuit, Layer, Shape, Sharing},
    wakes::Watchdog,
};

fn layer(sharing: Sharing, capacity: Option<usize>, members: &[usize]) -> Layer {
    Layer { sharing, capacity, members: members.to_vec(), rations: None }
}

fn shape(items: &[(usize, u64)], layers: &[Layer], sink: usize) -> Shape {
    let sink = (sink, Some(1));
    Shape { sources: items.to_vec(), layers: layers.to_vec(), sink, finishes: false, withdraws: false, seed: 3 }
}

fn run(search: Search, shape: Shape) {
    let _watchdog = Watchdog::new();
    let circuit = Circuit::new(shape);
    let described = format!("{:?}", circuit.shape);
    let orders = explore(search, move || {
        let (run, log) = circuit.run();
        let withdrawn = run.explore();
        circuit.check(&log, &withdrawn);
    });
    println!("{search:?}: {orders} orders, {described}");
}

fn some(count: usize) -> Search {
    Search::Random(if everything() { 30 * count } else { count })
}

#[test]
fn one_group() {
    let around = Search::Sections(if everything() { 2 } else { 1 });
    run(around, shape(&[(0, 2)], &[layer(Sharing::RoundRobin, Some(1), &[0, 1])], 0));
    for sharing in [Sharing::Balanced, Sharing::RoundRobin, Sharing::Keyed, Sharing::Broadcast] {
        for capacity in [Some(1), None] {
            run(some(40), shape(&[(0, 4), (1, 3)], &[layer(sharing, capacity, &[0, 1, 1])], 0));
        }
    }
}

#[test]
fn groups_of_one_size() {
    let layers = [layer(Sharing::Balanced, Some(1), &[0, 1]), layer(Sharing::Balanced, Some(2), &[1, 0])];
    run(some(100), shape(&[(1, 6)], &layers, 0));
    let layers = [layer(Sharing::Broadcast, Some(1), &[0, 1]), layer(Sharing::Balanced, None, &[1, 1])];
    run(some(60), shape(&[(1, 4)], &layers, 0));
}

#[test]
fn groups_of_different_sizes() {
    for withdraws in [false, true] {
        for (before, behind) in [(&[0, 1][..], &[1, 0, 1][..]), (&[0, 1, 1], &[0, 1]), (&[1, 1], &[0])] {
            let layers = [layer(Sharing::Balanced, Some(1), before), layer(Sharing::RoundRobin, Some(1), behind)];
            run(some(60), Shape { withdraws, finishes: true, ..shape(&[(0, 5)], &layers, 1) });
        }
    }
}

#[test]
fn members_that_end() {
    let ends = Layer { rations: Some(vec![1, 3]), ..layer(Sharing::RoundRobin, Some(1), &[0, 1]) };
    run(some(60), Shape { finishes: true, ..shape(&[(0, 6)], std::slice::from_ref(&ends), 1) });
    let layers = [ends.clone(), layer(Sharing::Balanced, Some(1), &[1, 0, 1])];
    run(some(60), Shape { finishes: true, ..shape(&[(1, 6)], &layers, 0) });
    let layers = [layer(Sharing::Balanced, Some(1), &[1, 0, 1]), ends];
    run(some(60), Shape { finishes: true, ..shape(&[(1, 6)], &layers, 0) });
}
