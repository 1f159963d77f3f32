//! How far apart the columns are.

use super::Item;
use super::layers::{Kind, Layered};

/// The least and the greatest distance of two columns.
pub(super) const NEAR: f64 = 46.0;
const FAR: f64 = 130.0;

/// Where a column is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Column {
    pub(super) left: f64,
    pub(super) right: f64,
    /// How much lower everything in it is than in a picture of one row.
    pub(super) lower: f64,
}

/// What is between a column and the next.
#[derive(Debug, Clone, Default)]
pub(super) struct Gap {
    /// The greatest difference of height of the two ends of an arrow.
    steepest: f64,
    /// Whether arrows turn round there.
    pub(super) turns: bool,
    /// The wires from the one to the other, or back.
    pub(super) wires: Vec<Passing>,
}

/// A wire that goes from column to column.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Passing {
    pub(super) wire: usize,
    /// How high it is in the left one, and in the right one.
    pub(super) left: f64,
    pub(super) right: f64,
}

/// Puts columns beside each other.
pub(super) fn columns(items: &[Item], layered: &Layered, tops: &[f64]) -> (Vec<Column>, Vec<Gap>) {
    let mut gaps = vec![Gap::default(); layered.layers.len()];
    for segment in &layered.segments {
        let gap = &mut gaps[layered.vertices[segment.left.0].layer];
        let height = |(vertex, at): (usize, f64)| tops[vertex] + at;
        let (left, right) = (height(segment.left), height(segment.right));
        gap.steepest = gap.steepest.max((left - right).abs());
        if [segment.left.0, segment.right.0].iter().any(|&vertex| layered.vertices[vertex].kind == Kind::Turn) {
            gap.turns = true;
        } else {
            gap.wires.push(Passing { wire: segment.wire, left, right });
        }
    }
    let mut x = 0.0;
    let mut columns = Vec::with_capacity(layered.layers.len());
    for (vertices, gap) in layered.layers.iter().zip(&gaps) {
        let width = vertices.iter().filter_map(|&vertex| Some(items.get(vertex)?.width)).fold(0.0, f64::max);
        columns.push(Column::new(x, x + width));
        let room = 40.0 + 0.12 * gap.steepest + if gap.turns { 10.0 } else { 0.0 };
        x += width + room.clamp(NEAR, FAR);
    }
    (columns, gaps)
}

impl Column {
    pub(super) fn new(left: f64, right: f64) -> Self {
        Self { left, right, lower: 0.0 }
    }

    pub(super) fn shift(&mut self, x: f64, lower: f64) {
        self.left += x;
        self.right += x;
        self.lower += lower;
    }
}
