//! The ways of the arrows between and through the columns.

use super::columns::{NEAR, columns};
use super::fold::{Folded, Lane, fold};
use super::layers::Layered;
use super::{Arranged, Item, Part, Side, Way, Wire};

/// How round arrows go from one row to the next.
const ROUND: f64 = 6.0;

/// Puts boxes where they were found to belong and gives wires their ways, in rows that are at most as wide as this, if they
/// can be.
pub(super) fn route(items: &[Item], wires: &[Wire], layered: &Layered, tops: &[f64], most: Option<f64>) -> Arranged {
    let (columns, gaps) = columns(items, layered, tops);
    let Folded { columns, lanes, size } = fold(columns, &gaps, layered, tops, most);
    let column = |vertex: usize| &columns[layered.vertices[vertex].layer];
    let top = |vertex: usize| tops[vertex] + column(vertex).lower;
    let places = items.iter().enumerate().map(|(item, described)| {
        let slack = column(item).right - column(item).left - described.width;
        let x = match described.side {
            Side::Left => column(item).left,
            Side::Free => column(item).left + slack / 2.0,
            Side::Right => column(item).left + slack,
        };
        (x, top(item))
    });
    let places: Vec<_> = places.collect();
    let ways = wires.iter().enumerate().map(|(number, wire)| {
        let (from, to) = (&items[wire.from.0], &items[wire.to.0]);
        let (from_place, to_place) = (places[wire.from.0], places[wire.to.0]);
        let mut pen = Pen::new((from_place.0 + from.width, from_place.1 + from.outlets[wire.from.1]));
        let end = (to_place.0, to_place.1 + to.inlets[wire.to.1]);
        // The lane to a column from the one on its left.
        let lane = |vertex: usize| lanes.get(&(number, layered.vertices[vertex].layer.checked_sub(1)?));
        pen.level(column(wire.from.0).right);
        if layered.leads_back[number] {
            let bends = &layered.bends[number];
            for (place, &bend) in bends.iter().enumerate() {
                match place.checked_sub(1).map(|before| lane(bends[before])) {
                    None => pen.turn(top(bend), 1.0),
                    Some(None) => pen.curve((column(bend).right, top(bend))),
                    Some(Some(lane)) => pen.lane_back(lane, (column(bend).right, top(bend))),
                }
                pen.level(column(bend).left);
            }
            pen.turn(end.1, -1.0);
        } else {
            let stops = layered.bends[number].iter().map(|&bend| (bend, top(bend)));
            for (vertex, height) in stops.chain([(wire.to.0, end.1)]) {
                match lane(vertex) {
                    None => pen.curve((column(vertex).left, height)),
                    Some(lane) => pen.lane(lane, (column(vertex).left, height)),
                }
                if vertex != wire.to.0 {
                    pen.level(column(vertex).right);
                }
            }
        }
        pen.level(end.0);
        pen.way
    });
    let ways = ways.collect();
    Arranged { width: size.0, height: size.1, items: places, ways }
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

    /// To the first column of the next row.
    fn lane(&mut self, lane: &Lane, to: (f64, f64)) {
        self.round(lane.right, lane.between);
        self.round(lane.left, to.1);
        self.level(to.0);
    }

    /// To the last column of the row before.
    fn lane_back(&mut self, lane: &Lane, to: (f64, f64)) {
        self.round(lane.left, lane.between);
        self.round(lane.right, to.1);
        self.level(to.0);
    }

    /// Level to `x`, up or down to `y`, and so far back as the corner is round.
    fn round(&mut self, x: f64, y: f64) {
        let (across, down) = ((x - self.at.0).signum(), (y - self.at.1).signum());
        let radius = ROUND.min((y - self.at.1).abs() / 2.0);
        let before = self.at.1;
        self.level(x - across * radius);
        self.corner((x, before), (x, before + down * radius));
        self.way.parts.push(Part::Plumb(y - down * radius));
        self.at.1 = y - down * radius;
        self.corner((x, y), (x - across * radius, y));
    }

    fn corner(&mut self, corner: (f64, f64), to: (f64, f64)) {
        let near = |end: (f64, f64)| (end.0 + 0.6 * (corner.0 - end.0), end.1 + 0.6 * (corner.1 - end.1));
        self.way.parts.push(Part::Curve([near(self.at), near(to), to]));
        self.at = to;
    }
}
