//! Where boxes and arrows go: columns from left to right, after Sugiyama, Tagawa and Toda, "Methods for visual
//! understanding of hierarchical system structures" (1981).
//!
//! * [`layers`]: which column a box is in, and where long arrows pass the columns between;
//! * [`order`]: what stands above what in a column, for few crossings;
//! * [`heights`]: how high everything stands, for straight arrows;
//! * [`columns`]: how far apart the columns are;
//! * [`fold`]: which row a column is in, where one row would be too wide;
//! * [`route`]: the ways of the arrows.
//!
//! [`arrange`] knows boxes with ports on their left and right sides, nothing of graphs. A subgraph is arranged by itself;
//! in what it lies in it is one box, whose ports are on its borders. So nothing can overlap:
//! arrows are curved only between columns, where no boxes are, and pass a column level, in a place of their own.

mod columns;
mod fold;
mod heights;
mod layers;
mod order;
mod route;

/// A box.
#[derive(Debug, Clone, Default)]
pub(super) struct Item {
    pub(super) width: f64,
    pub(super) height: f64,
    /// How far below its top the ports on its left side are.
    pub(super) inlets: Vec<f64>,
    /// The same on its right side.
    pub(super) outlets: Vec<f64>,
    pub(super) side: Side,
}

/// Where a box stands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Side {
    /// Wherever it is best.
    #[default]
    Free,
    /// At the left border. Nothing leads to it.
    Left,
    /// At the right border. It leads nowhere.
    Right,
}

/// An arrow from an outlet to an inlet, each by the positions of the box and of the port.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Wire {
    pub(super) from: (usize, usize),
    pub(super) to: (usize, usize),
}

/// Boxes and arrows, each in its place.
#[derive(Debug, Clone, Default)]
pub(super) struct Arranged {
    pub(super) width: f64,
    pub(super) height: f64,
    /// The left upper corner of every box.
    pub(super) items: Vec<(f64, f64)>,
    /// The way of every wire.
    pub(super) ways: Vec<Way>,
}

/// The way of an arrow: where it begins, and its parts.
#[derive(Debug, Clone, Default)]
pub(super) struct Way {
    pub(super) from: (f64, f64),
    pub(super) parts: Vec<Part>,
}

/// A part of the way of an arrow, from where the one before has ended.
#[derive(Debug, Clone, Copy)]
pub(super) enum Part {
    /// Level, as far as this.
    Line(f64),
    /// Straight down, or up, as far as this.
    Plumb(f64),
    /// A curve: two control points and the end.
    Curve([(f64, f64); 3]),
}

/// The space between things that are not joined.
const APART: f64 = 30.0;

/// How wide single boxes may get that are set side by side, if nothing else is wider.
const ROW: f64 = 900.0;

/// What is asked of an arrangement.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wishes {
    /// How far boxes that do not stand at a border keep away from it.
    pub(super) padding: f64,
    /// The least width.
    pub(super) least: f64,
    /// The greatest width, where boxes allow it; without it, what is far wider than high is folded by itself.
    pub(super) most: Option<f64>,
}

/// Arranges boxes.
pub(super) fn arrange(items: &[Item], wires: &[Wire], wishes: Wishes) -> Arranged {
    let Wishes { padding, least, most } = wishes;
    let mut arranged = Arranged {
        items: vec![(0.0, 0.0); items.len()],
        ways: vec![Way::default(); wires.len()],
        width: least,
        height: 0.0,
    };
    let mut singles = Vec::new();
    for part in parts(items.len(), wires) {
        if let [item] = part[..]
            && items[item].side == Side::Free
            && !wires.iter().any(|wire| wire.from.0 == item)
        {
            singles.push(item);
        } else {
            arranged.stack(items, wires, &part, wishes);
        }
    }
    let row = most.map_or(ROW, |most| most.min(ROW));
    let widest = singles.iter().map(|&item| items[item].width + 2.0 * padding).fold(row, f64::max);
    arranged.rows(items, &singles, padding, widest.max(arranged.width));
    arranged.align_right(items, wires);
    arranged
}

impl Arranged {
    /// Puts boxes that are joined below all that is there.
    fn stack(&mut self, items: &[Item], wires: &[Wire], part: &[usize], wishes: Wishes) {
        let mut places = vec![usize::MAX; items.len()];
        part.iter().enumerate().for_each(|(place, &item)| places[item] = place);
        let own: Vec<_> = (0..wires.len()).filter(|&wire| places[wires[wire].from.0] != usize::MAX).collect();
        let of_part: Vec<_> = part.iter().map(|&item| items[item].clone()).collect();
        let local = |wire: &usize| {
            let Wire { from, to } = wires[*wire];
            Wire { from: (places[from.0], from.1), to: (places[to.0], to.1) }
        };
        let wires_of_part: Vec<_> = own.iter().map(local).collect();
        let mut layered = layers::layered(&of_part, &wires_of_part);
        order::order(&mut layered);
        let heights = heights::heights(&layered);
        let most = wishes.most.map(|most| most - 2.0 * wishes.padding);
        let mut laid = route::route(&of_part, &wires_of_part, &layered, &heights, most);
        let at = |side| of_part.iter().any(|item| item.side == side);
        let (left, right) = (at(Side::Left), at(Side::Right));
        let below = if self.height > 0.0 { self.height + APART } else { 0.0 };
        laid.shift(if left { 0.0 } else { wishes.padding }, below);
        self.width = self.width.max(laid.width + if right { 0.0 } else { wishes.padding });
        self.height = laid.height;
        part.iter().zip(laid.items).for_each(|(&item, place)| self.items[item] = place);
        own.into_iter().zip(laid.ways).for_each(|(wire, way)| self.ways[wire] = way);
    }

    /// Puts single boxes in rows below all that is there.
    fn rows(&mut self, items: &[Item], singles: &[usize], padding: f64, width: f64) {
        let (mut x, mut y) = (padding, if self.height > 0.0 { self.height + APART } else { 0.0 });
        for &item in singles {
            if x > padding && x + items[item].width + padding > width {
                (x, y) = (padding, self.height + APART);
            }
            self.items[item] = (x, y);
            x += items[item].width + padding;
            self.width = self.width.max(x);
            self.height = self.height.max(y + items[item].height);
            x += APART - padding;
        }
    }

    /// Puts what stands at the right border there, now that it is known where that is.
    fn align_right(&mut self, items: &[Item], wires: &[Wire]) {
        for (item, described) in items.iter().enumerate() {
            if described.side == Side::Right {
                self.items[item].0 = self.width - described.width;
            }
        }
        for (wire, way) in wires.iter().zip(&mut self.ways) {
            if items[wire.to.0].side == Side::Right {
                way.parts.push(Part::Line(self.items[wire.to.0].0));
            }
        }
    }

    fn shift(&mut self, x: f64, y: f64) {
        self.width += x;
        self.height += y;
        self.items.iter_mut().for_each(|place| *place = (place.0 + x, place.1 + y));
        self.ways.iter_mut().for_each(|way| *way = way.shifted(x, y));
    }
}

impl Way {
    /// The same way elsewhere.
    pub(super) fn shifted(&self, x: f64, y: f64) -> Self {
        let moved = |point: (f64, f64)| (point.0 + x, point.1 + y);
        let part = |part: &Part| match *part {
            Part::Line(to) => Part::Line(to + x),
            Part::Plumb(to) => Part::Plumb(to + y),
            Part::Curve(points) => Part::Curve(points.map(moved)),
        };
        Self { from: moved(self.from), parts: self.parts.iter().map(part).collect() }
    }
}

/// The sets of boxes that are joined, each in ascending order.
fn parts(items: usize, wires: &[Wire]) -> Vec<Vec<usize>> {
    let mut first: Vec<usize> = (0..items).collect();
    fn root(first: &mut [usize], mut item: usize) -> usize {
        while first[item] != item {
            first[item] = first[first[item]];
            item = first[item];
        }
        item
    }
    for wire in wires {
        let (one, other) = (root(&mut first, wire.from.0), root(&mut first, wire.to.0));
        first[one.max(other)] = one.min(other);
    }
    let mut parts = vec![Vec::new(); items];
    for item in 0..items {
        let root = root(&mut first, item);
        parts[root].push(item);
    }
    parts.retain(|part| !part.is_empty());
    parts
}
