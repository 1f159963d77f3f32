//! How high everything stands: as level with its neighbours as its place in the column allows.
//!
//! Each column in turn is given the heights that are best while those of its neighbours stay. That is a regression in which
//! the order is kept, and it is solved exactly by pooling what would overlap (Ayer and others, "An empirical distribution
//! function for sampling with incomplete information", 1955): first for least squares, which brings everything near to where
//! it belongs, then for least distances, which makes most arrows straight.

use super::layers::{Kind, Layered};

/// Space between boxes, between boxes and arrows, and between arrows.
const BOXES: f64 = 22.0;
const BOX_AND_BEND: f64 = 14.0;
const BENDS: f64 = 12.0;

/// How often all columns are gone through, if there are not so many vertices that this is too much.
const ROUNDS: usize = 12;
const WORK: usize = 1_000_000;

/// The top of every vertex; that of the highest is 0.
pub(super) fn heights(layered: &Layered) -> Vec<f64> {
    let wishes = Wishes::new(layered);
    let rounds = (WORK / layered.vertices.len().max(1)).clamp(2, ROUNDS);
    let mut tops = vec![0.0; layered.vertices.len()];
    let offsets: Vec<Vec<f64>> = layered.layers.iter().map(|layer| offsets(layered, layer)).collect();
    for (layer, offsets) in layered.layers.iter().zip(&offsets) {
        layer.iter().zip(offsets).for_each(|(&vertex, &offset)| tops[vertex] = offset);
    }
    let mut go = |round: usize, sides: Sides, fit: fn(&[Vec<Wish>]) -> Vec<f64>| {
        for step in 0..layered.layers.len() {
            let layer = if round.is_multiple_of(2) { step } else { layered.layers.len() - 1 - step };
            let (vertices, offsets) = (&layered.layers[layer], &offsets[layer]);
            let wished: Vec<Vec<Wish>> = vertices
                .iter()
                .zip(offsets)
                .map(|(&vertex, &offset)| wishes.of(vertex, sides, &tops, offset))
                .collect();
            for ((&vertex, &offset), base) in vertices.iter().zip(offsets).zip(fit(&wished)) {
                tops[vertex] = base + offset;
            }
        }
    };
    for round in 0..rounds {
        go(round, if round.is_multiple_of(2) { Sides::Left } else { Sides::Right }, least_squares);
    }
    for round in 0..4 {
        go(round, Sides::Both, least_squares);
    }
    for round in 0..rounds {
        go(round, Sides::Both, least_distances);
    }
    let highest = tops.iter().copied().fold(f64::INFINITY, f64::min);
    tops.iter().map(|top| top - highest).collect()
}

/// How far below the first vertex of a column the others are at least.
fn offsets(layered: &Layered, layer: &[usize]) -> Vec<f64> {
    let mut offset = 0.0;
    let mut offsets = Vec::with_capacity(layer.len());
    for (place, &vertex) in layer.iter().enumerate() {
        if let Some(&above) = place.checked_sub(1).and_then(|above| layer.get(above)) {
            let (above, below) = (&layered.vertices[above], &layered.vertices[vertex]);
            offset += above.height
                + match (above.kind, below.kind) {
                    (Kind::Item, Kind::Item) => BOXES,
                    (Kind::Item, Kind::Bend) | (Kind::Bend, Kind::Item) => BOX_AND_BEND,
                    (Kind::Bend, Kind::Bend) => BENDS,
                    // A turn takes no room; but what is on its two sides keeps its distance.
                    (Kind::Turn, Kind::Turn) => 0.0,
                    (Kind::Turn, Kind::Bend) | (Kind::Bend, Kind::Turn) => BENDS / 2.0,
                    (Kind::Turn, Kind::Item) | (Kind::Item, Kind::Turn) => BOXES / 2.0,
                };
        }
        offsets.push(offset);
    }
    offsets
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Sides {
    Left,
    Right,
    Both,
}

/// What joins a vertex with others: the other vertex, how much lower the own top has to be for a level line, how much that
/// matters.
type Tie = (usize, f64, f64);

/// Where something would stand best, and how much that matters.
type Wish = (f64, f64);

/// Where vertices would stand best.
struct Wishes {
    left: Vec<Vec<Tie>>,
    right: Vec<Vec<Tie>>,
}

impl Wishes {
    fn new(layered: &Layered) -> Self {
        let vertices = &layered.vertices;
        let mut wishes = Self { left: vec![Vec::new(); vertices.len()], right: vec![Vec::new(); vertices.len()] };
        for segment in &layered.segments {
            let ((left, left_at), (right, right_at)) = (segment.left, segment.right);
            // Long arrows are to be straight before short ones.
            let weight = match (vertices[left].kind, vertices[right].kind) {
                (Kind::Turn, _) | (_, Kind::Turn) => 0.2,
                (Kind::Item, Kind::Item) => 1.0,
                (Kind::Bend, Kind::Bend) => 8.0,
                _ => 2.0,
            };
            wishes.left[right].push((left, left_at - right_at, weight));
            wishes.right[left].push((right, right_at - left_at, weight));
        }
        wishes
    }

    /// Where a vertex would stand best, less `offset`, and how much each wish matters.
    fn of(&self, vertex: usize, sides: Sides, tops: &[f64], offset: f64) -> Vec<Wish> {
        let of = |ties: &[Tie]| -> Vec<Wish> {
            ties.iter().map(|&(other, lower, weight)| (tops[other] + lower - offset, weight)).collect()
        };
        let mut wishes = match sides {
            Sides::Left => of(&self.left[vertex]),
            Sides::Right => of(&self.right[vertex]),
            Sides::Both => [of(&self.left[vertex]), of(&self.right[vertex])].concat(),
        };
        if wishes.is_empty() {
            wishes.push((tops[vertex] - offset, 0.05));
        }
        wishes
    }
}

/// Ascending values, one for each of these sets of weighted wishes, with the least sum of squares of distances.
fn least_squares(wishes: &[Vec<Wish>]) -> Vec<f64> {
    let mut pools: Vec<(f64, f64, usize)> = Vec::new();
    for wishes in wishes {
        let weight: f64 = wishes.iter().map(|wish| wish.1).sum();
        let mut pool = (wishes.iter().map(|wish| wish.0 * wish.1).sum::<f64>(), weight, 1);
        while let Some(last) = pools.pop_if(|last| last.0 / last.1 > pool.0 / pool.1) {
            pool = (last.0 + pool.0, last.1 + pool.1, last.2 + pool.2);
        }
        pools.push(pool);
    }
    pools.iter().flat_map(|&(sum, weight, number)| std::iter::repeat_n(sum / weight, number)).collect()
}

/// Ascending values, one for each of these sets of weighted wishes, with the least sum of distances.
fn least_distances(wishes: &[Vec<Wish>]) -> Vec<f64> {
    let mut pools: Vec<(f64, Vec<Wish>, usize)> = Vec::new();
    for wishes in wishes {
        let mut pool = (0.0, wishes.clone(), 1);
        pool.0 = median(&mut pool.1);
        while let Some(mut last) = pools.pop_if(|last| last.0 > pool.0) {
            // Two sorted runs, which are as good as merged: `median` sorts them in one go.
            last.1.append(&mut pool.1);
            pool = (median(&mut last.1), last.1, last.2 + pool.2);
        }
        pools.push(pool);
    }
    pools.iter().flat_map(|&(value, _, number)| std::iter::repeat_n(value, number)).collect()
}

/// The value that half of the weight is at most at.
fn median(wishes: &mut [Wish]) -> f64 {
    wishes.sort_by(|a, b| a.0.total_cmp(&b.0));
    let half = wishes.iter().map(|wish| wish.1).sum::<f64>() / 2.0;
    let mut sum = 0.0;
    for &(value, weight) in &*wishes {
        sum += weight;
        if sum >= half - 1e-9 {
            return value;
        }
    }
    wishes.last().map_or(0.0, |wish| wish.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wishes(of: &[&[f64]]) -> Vec<Vec<Wish>> {
        of.iter().map(|values| values.iter().map(|&value| (value, 1.0)).collect()).collect()
    }

    #[test]
    fn wishes_that_keep_the_order_are_fulfilled() {
        let wishes = wishes(&[&[1.0], &[2.0], &[5.0]]);
        assert_eq!(least_squares(&wishes), [1.0, 2.0, 5.0]);
        assert_eq!(least_distances(&wishes), [1.0, 2.0, 5.0]);
    }

    #[test]
    fn those_that_do_not_are_pooled() {
        let wishes = wishes(&[&[4.0], &[0.0, 0.0], &[1.0]]);
        assert_eq!(least_squares(&wishes), [1.25, 1.25, 1.25]);
        assert_eq!(least_distances(&wishes), [0.0, 0.0, 1.0]);
    }

    #[test]
    fn a_heavy_wish_outweighs_others() {
        assert_eq!(least_distances(&[vec![(0.0, 1.0), (1.0, 1.0), (9.0, 3.0)]]), [9.0]);
    }
}
