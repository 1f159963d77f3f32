//! How far apart the columns are, and the ways of the arrows between and through them.

use super::layers::{Kind, Layered};
use super::{Arranged, Item, Part, Side, Way, Wire};

/// The least and the greatest distance of two columns.
const NEAR: f64 = 46.0;
const FAR: f64 = 130.0;

/// Puts boxes where they were found to belong and gives wires their ways.
pub(super) fn route(items: &[Item], wires: &[Wire], layered: &Layered, tops: &[f64]) -> Arranged {
    let columns = columns(items, layered, tops);
    let places = items.iter().enumerate().map(|(item, described)| {
        let column = &columns[layered.vertices[item].layer];
        let slack = column.right - column.left - described.width;
        let x = match described.side {
            Side::Left => column.left,
            Side::Free => column.left + slack / 2.0,
            Side::Right => column.left + slack,
        };
        (x, tops[item])
    });
    let places: Vec<_> = places.collect();
    let ways = wires.iter().enumerate().map(|(number, wire)| {
        let (from, to) = (&items[wire.from.0], &items[wire.to.0]);
        let (from_place, to_place) = (places[wire.from.0], places[wire.to.0]);
        let mut pen = Pen::new((from_place.0 + from.width, from_place.1 + from.outlets[wire.from.1]));
        let column = |vertex: usize| &columns[layered.vertices[vertex].layer];
        let end = (to_place.0, to_place.1 + to.inlets[wire.to.1]);
        pen.level(column(wire.from.0).right);
        if layered.leads_back[number] {
            for (place, &bend) in layered.bends[number].iter().enumerate() {
                let column = column(bend);
                if place == 0 {
                    pen.turn(tops[bend], 1.0)
                } else {
                    pen.curve((column.right, tops[bend]))
                }
                pen.level(column.left);
            }
            pen.turn(end.1, -1.0);
        } else {
            for &bend in &layered.bends[number] {
                pen.curve((column(bend).left, tops[bend]));
                pen.level(column(bend).right);
            }
            pen.curve((column(wire.to.0).left, end.1));
        }
        pen.level(end.0);
        pen.way
    });
    let ways = ways.collect();
    let height = items.iter().zip(&places).map(|(item, place)| place.1 + item.height);
    let passing = (0..layered.vertices.len()).map(|vertex| tops[vertex]);
    Arranged {
        width: columns.last().map_or(0.0, |column| column.right),
        height: height.chain(passing).fold(0.0, f64::max),
        items: places,
        ways,
    }
}

/// Where a column is.
struct Column {
    left: f64,
    right: f64,
}

fn columns(items: &[Item], layered: &Layered, tops: &[f64]) -> Vec<Column> {
    let mut steepest = vec![0.0_f64; layered.layers.len()];
    let mut turning = vec![false; layered.layers.len()];
    for segment in &layered.segments {
        let gap = layered.vertices[segment.left.0].layer;
        let height = |(vertex, at): (usize, f64)| tops[vertex] + at;
        steepest[gap] = steepest[gap].max((height(segment.left) - height(segment.right)).abs());
        turning[gap] |=
            [segment.left.0, segment.right.0].iter().any(|&vertex| layered.vertices[vertex].kind == Kind::Turn);
    }
    let mut x = 0.0;
    let mut columns: Vec<Column> = Vec::with_capacity(layered.layers.len());
    for (layer, vertices) in layered.layers.iter().enumerate() {
        let width = vertices.iter().filter_map(|&vertex| Some(items.get(vertex)?.width)).fold(0.0, f64::max);
        columns.push(Column { left: x, right: x + width });
        let room = 40.0 + 0.12 * steepest[layer] + if turning[layer] { 10.0 } else { 0.0 };
        x += width + room.clamp(NEAR, FAR);
    }
    columns
}

/// Draws a way.
struct Pen {
    way: Way,
    at: (f64, f64),
}

impl Pen {
    fn new(from: (f64, f64)) -> Self {
        Self { way: Way { from, parts: Vec::new() }, at: from }
    }

    fn level(&mut self, to: f64) {
        if (to - self.at.0).abs() > 0.01 {
            match self.way.parts.last_mut() {
                Some(Part::Line(end)) => *end = to,
                _ => self.way.parts.push(Part::Line(to)),
            }
            self.at.0 = to;
        }
    }

    /// To the next column.
    fn curve(&mut self, to: (f64, f64)) {
        if (to.1 - self.at.1).abs() < 0.01 {
            return self.level(to.0);
        }
        let middle = f64::midpoint(self.at.0, to.0);
        self.way.parts.push(Part::Curve([(middle, self.at.1), (middle, to.1), to]));
        self.at = to;
    }

    /// Round, beside a column, to another height at the same place.
    fn turn(&mut self, to: f64, direction: f64) {
        let reach = (14.0 + 0.08 * (to - self.at.1).abs()).min(NEAR - 8.0) * direction;
        let x = self.at.0;
        self.way.parts.push(Part::Curve([(x + reach, self.at.1), (x + reach, to), (x, to)]));
        self.at = (x, to);
    }
}
