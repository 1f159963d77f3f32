//! What stands above what, for few crossings: sweeps that sort each column by where its neighbours stand, after Gansner,
//! Koutsofios, North and Vo, "A technique for drawing directed graphs" (1993), with crossings counted as in Barth, Mutzel
//! and Jünger, "Simple and efficient bilayer cross counting" (2004). Ports count: two wires of one box can cross, too.

use super::layers::Layered;

/// How much work sorting may be, in vertices and segments looked at.
const WORK: usize = 3_000_000;

/// Orders every column.
pub(super) fn order(layered: &mut Layered) {
    let ties = Ties::new(layered);
    let size = layered.vertices.len() + layered.segments.len();
    let rounds = (WORK / size.max(1)).clamp(4, 24);
    let mut layers = first(layered, &ties);
    let mut places = places(&layers, layered.vertices.len());
    let (mut best, mut fewest) = (layers.clone(), usize::MAX);
    for round in 0..rounds {
        if round > 0 {
            sweep(&mut layers, &mut places, &ties, round % 2 == 1);
        }
        if size * layers.len() < WORK {
            exchange(&mut layers, &mut places, &ties);
        }
        let crossings = crossings(&layers, &places, &ties);
        if crossings < fewest {
            (best, fewest) = (layers.clone(), crossings);
        }
        if fewest == 0 {
            break;
        }
    }
    layered.layers = best;
}

/// What joins vertices with the columns beside theirs: the other vertex and its port as a part of its height, and the own
/// port.
struct Ties {
    left: Vec<Vec<Tie>>,
    right: Vec<Vec<Tie>>,
}

#[derive(Clone, Copy)]
struct Tie {
    other: usize,
    at: f64,
    own: f64,
}

impl Ties {
    fn new(layered: &Layered) -> Self {
        let mut ties =
            Self { left: vec![Vec::new(); layered.vertices.len()], right: vec![Vec::new(); layered.vertices.len()] };
        let part = |(vertex, at): (usize, f64)| at / (layered.vertices[vertex].height + 1.0);
        for segment in &layered.segments {
            let (left, right) = (part(segment.left), part(segment.right));
            ties.left[segment.right.0].push(Tie { other: segment.left.0, at: left, own: right });
            ties.right[segment.left.0].push(Tie { other: segment.right.0, at: right, own: left });
        }
        ties
    }
}

/// A first order: depth first from the left, so that what is joined stands together.
fn first(layered: &Layered, ties: &Ties) -> Vec<Vec<usize>> {
    let mut layers = vec![Vec::new(); layered.layers.len()];
    let mut seen = vec![false; layered.vertices.len()];
    for &start in layered.layers.iter().flatten() {
        let mut open = vec![start];
        while let Some(vertex) = open.pop() {
            if !std::mem::replace(&mut seen[vertex], true) {
                layers[layered.vertices[vertex].layer].push(vertex);
                let mut next: Vec<_> = ties.right[vertex].clone();
                next.sort_by(|a, b| b.own.total_cmp(&a.own));
                open.extend(next.iter().map(|tie| tie.other));
            }
        }
    }
    layers
}

fn places(layers: &[Vec<usize>], vertices: usize) -> Vec<f64> {
    let mut places = vec![0.0; vertices];
    layers.iter().for_each(|layer| settle(layer, &mut places));
    places
}

fn settle(layer: &[usize], places: &mut [f64]) {
    (0u32..).zip(layer).for_each(|(place, &vertex)| places[vertex] = f64::from(place));
}

/// Sorts the columns one after the other, each by the one before.
fn sweep(layers: &mut [Vec<usize>], places: &mut [f64], ties: &Ties, to_the_left: bool) {
    let number = layers.len();
    for step in 1..number {
        let layer = if to_the_left { &mut layers[number - 1 - step] } else { &mut layers[step] };
        let ties = if to_the_left { &ties.right } else { &ties.left };
        let mean = |vertex: usize| {
            let of = &ties[vertex];
            let sum: f64 = of.iter().map(|tie| places[tie.other] + tie.at).sum();
            if of.is_empty() { None } else { Some(sum / of.len() as f64) }
        };
        // What nothing joins with the column before stays where it is.
        let mut sorted: Vec<_> = layer.iter().filter_map(|&vertex| Some((mean(vertex)?, vertex))).collect();
        sorted.sort_by(|a, b| a.0.total_cmp(&b.0));
        let mut sorted = sorted.into_iter();
        for vertex in layer.iter_mut().filter(|vertex| !ties[**vertex].is_empty()) {
            if let Some((_, next)) = sorted.next() {
                *vertex = next;
            }
        }
        settle(layer, places);
    }
}

/// Exchanges neighbours where that makes fewer crossings.
fn exchange(layers: &mut [Vec<usize>], places: &mut [f64], ties: &Ties) {
    for layer in layers {
        for place in 1..layer.len() {
            let (above, below) = (layer[place - 1], layer[place]);
            let both = [&ties.left, &ties.right];
            let crossings = |one: usize, other: usize| -> usize {
                both.iter().map(|ties| pair(&ties[one], &ties[other], places)).sum()
            };
            if crossings(above, below) > crossings(below, above) {
                layer.swap(place - 1, place);
                places.swap(above, below);
            }
        }
    }
}

/// How often what joins one vertex with a column crosses what joins another one with it that stands below.
fn pair(above: &[Tie], below: &[Tie], places: &[f64]) -> usize {
    let place = |tie: &Tie| places[tie.other] + tie.at;
    above.iter().map(|one| below.iter().filter(|other| place(other) < place(one)).count()).sum()
}

fn crossings(layers: &[Vec<usize>], places: &[f64], ties: &Ties) -> usize {
    layers.iter().map(|layer| between(layer, places, ties)).sum()
}

/// The crossings between a column and the next one: pairs that stand the other way round there.
fn between(layer: &[usize], places: &[f64], ties: &Ties) -> usize {
    let mut ends: Vec<f64> = Vec::new();
    for &vertex in layer {
        let mut of: Vec<_> = ties.right[vertex].iter().map(|tie| (tie.own, places[tie.other] + tie.at)).collect();
        of.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
        ends.extend(of.iter().map(|end| end.1));
    }
    let mut sorted = ends.clone();
    sorted.sort_by(f64::total_cmp);
    sorted.dedup();
    // A tree of sums, by Fenwick: how many ends so far are at most as low as one.
    let mut sums = vec![0; sorted.len() + 1];
    let mut crossings = 0;
    for (before, end) in ends.iter().enumerate() {
        let rank = sorted.partition_point(|other| other < end) + 1;
        let mut at = rank;
        let mut not_below = 0;
        while at > 0 {
            not_below += sums[at];
            at &= at - 1;
        }
        crossings += before - not_below;
        at = rank;
        while at < sums.len() {
            sums[at] += 1;
            at += at & at.wrapping_neg();
        }
    }
    crossings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::layout::layers::layered;
    use crate::picture::layout::{Item, Wire};

    fn item(ports: usize) -> Item {
        let ports: Vec<_> = [10.0, 30.0, 50.0].into_iter().take(ports).collect();
        Item { width: 50.0, height: 60.0, inlets: ports.clone(), outlets: ports, ..Item::default() }
    }

    fn wires(wires: &[(usize, usize, usize, usize)]) -> Vec<Wire> {
        wires.iter().map(|&(from, outlet, to, inlet)| Wire { from: (from, outlet), to: (to, inlet) }).collect()
    }

    fn crossings_after(items: &[Item], wires: &[Wire]) -> usize {
        let mut layered = layered(items, wires);
        order(&mut layered);
        crossings(&layered.layers, &places(&layered.layers, layered.vertices.len()), &Ties::new(&layered))
    }

    #[test]
    fn wires_that_can_do_without_crossing_do() {
        let items = [item(1), item(1), item(1), item(1), item(1), item(1)];
        assert_eq!(crossings_after(&items, &wires(&[(0, 0, 5, 0), (1, 0, 4, 0), (2, 0, 3, 0), (0, 0, 4, 0)])), 0);
    }

    #[test]
    fn ports_say_which_box_is_above() {
        let items = [item(2), item(1), item(1), item(2)];
        assert_eq!(crossings_after(&items, &wires(&[(0, 1, 1, 0), (0, 0, 2, 0), (1, 0, 3, 1), (2, 0, 3, 0)])), 0);
    }

    #[test]
    fn crossings_that_must_be_are_counted() {
        let items = [item(2), item(2)];
        assert_eq!(crossings_after(&items, &wires(&[(0, 0, 1, 1), (0, 1, 1, 0)])), 1);
        let items = [item(3), item(3)];
        assert_eq!(crossings_after(&items, &wires(&[(0, 0, 1, 2), (0, 1, 1, 1), (0, 2, 1, 0)])), 3);
    }
}
