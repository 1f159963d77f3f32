//! Rows: what is far wider than it is high is folded, as a text is broken into lines.
//!
//! All ways of breaking are compared, as Knuth and Plass do in "Breaking paragraphs into lines" (1981): what is best to the
//! left of a break does not depend on what comes after it. An arrow from one row to the next leaves the column on its
//! right, goes back between the rows, and comes to the next column from its left, in lanes that no other arrow has.

use std::collections::HashMap;

use super::columns::{Column, Gap};
use super::layers::Layered;

/// Without a width that was asked for, what is wider than this, and so many times wider than high, is folded to about half
/// as many times.
const WIDE: f64 = 1600.0;
const RATIO: f64 = 3.0;

/// Between lanes, from lanes to what is beside them, and from those to arrows that turn round there.
const LANE: f64 = 10.0;
const BESIDE: f64 = 18.0;
const TURNING: f64 = 46.0;

/// What a further row costs, and an arrow from one to the next: a row that is half empty costs 0.25.
const ROW_COST: f64 = 0.1;
const ARROW_COST: f64 = 0.05;

/// How much that counts which the last row leaves free.
const LAST: f64 = 0.25;

/// The columns in rows.
pub(super) struct Folded {
    /// Where every column is.
    pub(super) columns: Vec<Column>,
    /// How wires go from one row to the next, by the wire and the column at the end of the row.
    pub(super) lanes: HashMap<(usize, usize), Lane>,
    pub(super) size: (f64, f64),
}

/// A way from one row to the next: right of the upper one, between the two, left of the lower one.
#[derive(Debug, Clone, Copy)]
pub(super) struct Lane {
    pub(super) right: f64,
    pub(super) between: f64,
    pub(super) left: f64,
}

/// Folds columns that stand in one row, with what is between them, so that they are at most as wide as this if they can
/// be.
pub(super) fn fold(
    mut columns: Vec<Column>,
    gaps: &[Gap],
    layered: &Layered,
    tops: &[f64],
    most: Option<f64>,
) -> Folded {
    let heights: Vec<_> = layered.layers.iter().map(|layer| extent(layered, layer, tops)).collect();
    let width = columns.last().map_or(0.0, |column| column.right);
    let (top, bottom) = union(&heights);
    let room = 2.0 * gaps.iter().map(Gap::room).fold(0.0, f64::max);
    let rows = match most.or_else(|| automatic(width, bottom - top)) {
        Some(most) if width > most => rows(&columns, gaps, most - room),
        _ => std::iter::once(0..columns.len()).collect(),
    };
    let breaks = rows.iter().skip(1).map(|row| &gaps[row.start - 1]);
    let indent = breaks.map(Gap::room).fold(0.0, f64::max);
    let mut folded = Folded { columns: Vec::new(), lanes: HashMap::new(), size: (0.0, 0.0) };
    let mut y = 0.0;
    for row in rows {
        let (top, bottom) = union(&heights[row.clone()]);
        let x = if row.start > 0 { indent } else { 0.0 } - columns[row.start].left;
        for column in &mut columns[row.clone()] {
            column.shift(x, y - top);
        }
        y += bottom - top;
        let right = columns[row.end - 1].right;
        folded.size = (folded.size.0.max(right), y);
        if let Some(gap) = gaps.get(row.end - 1).filter(|_| row.end < columns.len()) {
            let beside = gap.first_lane();
            let mut wires = gap.wires.clone();
            wires.sort_by(|a, b| a.left.total_cmp(&b.left).then(a.right.total_cmp(&b.right)));
            for (place, wire) in wires.iter().enumerate() {
                // The highest goes round the others on the right, below them, and is the highest again.
                let (inner, outer) = (place as f64 * LANE, (wires.len() - 1 - place) as f64 * LANE);
                let lane =
                    Lane { right: right + beside + outer, between: y + BESIDE + outer, left: indent - beside - inner };
                folded.lanes.insert((wire.wire, row.end - 1), lane);
            }
            folded.size.0 = folded.size.0.max(right + gap.room());
            y += 2.0 * BESIDE + wires.len() as f64 * LANE;
        }
    }
    folded.columns = columns;
    folded
}

impl Gap {
    /// How far beside the columns the first lane is, if the row ends here.
    fn first_lane(&self) -> f64 {
        if self.turns { TURNING } else { BESIDE }
    }

    /// How much room is needed beside the columns then.
    fn room(&self) -> f64 {
        self.first_lane() + self.wires.len() as f64 * LANE
    }
}

/// How wide a picture of this size is best, if it is to be folded.
fn automatic(width: f64, height: f64) -> Option<f64> {
    (width > WIDE && width > RATIO * height).then(|| (width * height * RATIO / 2.0).sqrt().max(WIDE))
}

/// Where the rows are: those that leave the least free.
fn rows(columns: &[Column], gaps: &[Gap], most: f64) -> Vec<std::ops::Range<usize>> {
    // For every number of columns, what the best rows of so many cost, and where the last of them begins.
    let mut best = vec![(0.0, 0)];
    for end in 1..=columns.len() {
        let mut cheapest = (f64::INFINITY, 0);
        for start in (0..end).rev() {
            let width = columns[end - 1].right - columns[start].left;
            if width > most && start + 1 < end {
                break;
            }
            let free = (1.0 - width / most).max(0.0).powi(2);
            let (free, arrows) =
                if end == columns.len() { (LAST * free, 0) } else { (free, gaps[end - 1].wires.len()) };
            let cost = best[start].0 + free + ROW_COST + ARROW_COST * arrows as f64;
            if cost < cheapest.0 {
                cheapest = (cost, start);
            }
        }
        best.push(cheapest);
    }
    let mut rows = Vec::new();
    let mut end = columns.len();
    while end > 0 {
        rows.push(best[end].1..end);
        end = best[end].1;
    }
    rows.reverse();
    rows
}

/// The top and the bottom of what is in a column.
fn extent(layered: &Layered, layer: &[usize], tops: &[f64]) -> (f64, f64) {
    let extents: Vec<_> =
        layer.iter().map(|&vertex| (tops[vertex], tops[vertex] + layered.vertices[vertex].height)).collect();
    union(&extents)
}

fn union(extents: &[(f64, f64)]) -> (f64, f64) {
    let all = extents.iter().copied().reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)));
    all.unwrap_or((0.0, 0.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chain(widths: &[f64]) -> (Vec<Column>, Vec<Gap>) {
        let mut x = 0.0;
        let columns = widths.iter().map(|width| {
            x += width;
            Column::new(x - width, x)
        });
        (columns.collect(), vec![Gap::default(); widths.len()])
    }

    #[test]
    fn rows_are_as_full_as_can_be() {
        let (columns, gaps) = chain(&[40.0; 7]);
        assert_eq!(rows(&columns, &gaps, 130.0), [0..3, 3..6, 6..7]);
    }

    #[test]
    fn a_column_that_is_too_wide_has_a_row_of_its_own() {
        let (columns, gaps) = chain(&[40.0, 200.0, 40.0]);
        assert_eq!(rows(&columns, &gaps, 100.0), [0..1, 1..2, 2..3]);
    }

    #[test]
    fn rows_end_where_few_arrows_are() {
        let (columns, mut gaps) = chain(&[40.0; 4]);
        gaps[2].wires = vec![super::super::columns::Passing::default(); 9];
        assert_eq!(rows(&columns, &gaps, 130.0), [0..2, 2..4]);
    }
}
