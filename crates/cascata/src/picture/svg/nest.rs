//! Frames in frames: each is arranged by itself, and is one box in what it lies in.
//!
//! An arrow into a frame passes its border, at an export if there is one for it. So it has one way in each frame that it
//! goes through, and those that lead to the same port share the inner ones.

use std::collections::HashMap;

use indexmap::IndexSet;

use super::sketch::Sketch;
use crate::picture::drawing::{Arrow, Drawing, Point, Shape};
use crate::picture::layout::{self, Arranged, Item, Side, Way, Wire, Wishes};

/// The space around what is in a frame, and for its title.
const PADDING: f64 = 18.0;
const TITLE: f64 = 32.0;
/// How much of the width of a picture, or of a frame, a frame in it takes at most, so that there is room beside it.
const SHARE: f64 = 0.75;
/// The space around the picture.
const MARGIN: f64 = 10.0;

/// Where everything is.
pub(super) struct Nested {
    pub(super) size: (f64, f64),
    /// The left upper corner of every figure.
    pub(super) figures: Vec<(f64, f64)>,
    /// The left upper corner and the size of every frame.
    pub(super) frames: Vec<((f64, f64), (f64, f64))>,
    /// The ways of every arrow, one after the other.
    pub(super) arrows: Vec<Vec<Way>>,
}

/// What is in a frame, or outside of all.
#[derive(Default)]
struct Level {
    items: Vec<Item>,
    wires: IndexSet<Wire>,
    /// The boxes at the left and at the right border, in the order of the frame's ports.
    borders: [Vec<usize>; 2],
    /// The boxes for what passes a border where no export is, by the port that it joins.
    passages: [HashMap<(usize, usize), usize>; 2],
    arranged: Arranged,
}

const LEFT: usize = 0;
const RIGHT: usize = 1;

/// A port of a box: the level, the box, the port.
type Place = (usize, (usize, usize));

struct Nest<'a> {
    drawing: &'a Drawing,
    /// The frames, then what is outside of all.
    levels: Vec<Level>,
    /// The level and box of every figure, and of every frame.
    figures: Vec<(usize, usize)>,
    frames: Vec<usize>,
}

/// Arranges all figures and arrows. `titles` are the widths of the frames' titles, `most` is how wide the picture may be,
/// where boxes allow it.
pub(super) fn nest(drawing: &Drawing, sketches: &[Sketch], titles: &[f64], most: Option<f64>) -> Nested {
    let mut nest = Nest::new(drawing, sketches);
    let pieces: Vec<_> = drawing.arrows.iter().map(|arrow| nest.pieces(arrow)).collect();
    nest.arrange(titles, most.map(|most| most - 2.0 * MARGIN));
    nest.place(&pieces, titles)
}

impl<'a> Nest<'a> {
    fn new(drawing: &'a Drawing, sketches: &[Sketch]) -> Self {
        let outside = drawing.frames.len();
        let levels = (0..=outside).map(|_| Level::default()).collect();
        let mut nest = Self { drawing, levels, figures: Vec::new(), frames: Vec::new() };
        for (figure, sketch) in drawing.figures.iter().zip(sketches) {
            let side = match figure.shape {
                Shape::Export { inport: true, .. } => Side::Left,
                Shape::Export { inport: false, .. } => Side::Right,
                _ => Side::Free,
            };
            let item = Item {
                width: sketch.width,
                height: sketch.height,
                inlets: sketch.inlets.clone(),
                outlets: sketch.outlets.clone(),
                side,
            };
            let level = figure.frame.unwrap_or(outside);
            let item = nest.levels[level].add(item);
            nest.figures.push((level, item));
        }
        for frame in &drawing.frames {
            let item = nest.levels[frame.parent.unwrap_or(outside)].add(Item::default());
            nest.frames.push(item);
        }
        nest
    }

    fn parent(&self, level: usize) -> usize {
        self.drawing.frames[level].parent.unwrap_or(self.drawing.frames.len())
    }

    /// Where an arrow begins or ends. Exports have an inner side, and an outer one, which is the frame's.
    fn point(&self, point: Point, begins: bool) -> Place {
        let (level, item) = self.figures[point.figure];
        match self.drawing.figures[point.figure].shape {
            Shape::Export { inport, .. } if inport != begins => {
                self.outside(level, item, if inport { LEFT } else { RIGHT })
            }
            _ => (level, (item, point.port.unwrap_or(0))),
        }
    }

    /// The outer side of a box at a border.
    fn outside(&self, level: usize, item: usize, side: usize) -> Place {
        let port = self.levels[level].borders[side].iter().position(|&other| other == item);
        (self.parent(level), (self.frames[level], port.unwrap_or(0)))
    }

    /// Lays an arrow through the frames, and gives its pieces: the level, and the wire there.
    fn pieces(&mut self, arrow: &Arrow) -> Vec<(usize, usize)> {
        let (mut from, mut to) = (self.point(arrow.from, true), self.point(arrow.to, false));
        let (mut begin, mut end) = (Vec::new(), Vec::new());
        while from.0 != to.0 {
            // The level of the deeper one, which lies before what it lies in, is left first.
            if from.0 < to.0 {
                let passage = self.levels[from.0].passage(from.1, RIGHT);
                begin.push((from.0, self.levels[from.0].wire(from.1, (passage, 0))));
                from = self.outside(from.0, passage, RIGHT);
            } else {
                let passage = self.levels[to.0].passage(to.1, LEFT);
                end.push((to.0, self.levels[to.0].wire((passage, 0), to.1)));
                to = self.outside(to.0, passage, LEFT);
            }
        }
        begin.push((from.0, self.levels[from.0].wire(from.1, to.1)));
        begin.extend(end.into_iter().rev());
        begin
    }

    /// Arranges all levels, each before the one that it is a box of.
    fn arrange(&mut self, titles: &[f64], most: Option<f64>) {
        for level in 0..self.levels.len() {
            let here = &mut self.levels[level];
            let wires: Vec<_> = here.wires.iter().copied().collect();
            let Some(title) = titles.get(level) else {
                here.arranged = layout::arrange(&here.items, &wires, Wishes { padding: 0.0, least: 0.0, most });
                continue;
            };
            let depth = i32::try_from(self.drawing.frames[level].depth).unwrap_or(i32::MAX).saturating_add(1);
            let most = most.map(|most| most * SHARE.powi(depth));
            let wishes = Wishes { padding: PADDING, least: title + 2.0 * PADDING, most };
            here.arranged = layout::arrange(&here.items, &wires, wishes);
            let (items, places) = (&here.items, &here.arranged.items);
            let middle = |&item: &usize| TITLE + places[item].1 + items[item].height / 2.0;
            let frame = Item {
                width: here.arranged.width,
                height: TITLE + here.arranged.height + PADDING,
                inlets: here.borders[LEFT].iter().map(middle).collect(),
                outlets: here.borders[RIGHT].iter().map(middle).collect(),
                side: Side::Free,
            };
            let (parent, item) = (self.parent(level), self.frames[level]);
            self.levels[parent].items[item] = frame;
        }
    }

    fn place(&self, pieces: &[Vec<(usize, usize)>], titles: &[f64]) -> Nested {
        let outside = titles.len();
        let mut origins = vec![(MARGIN, MARGIN); outside + 1];
        let mut frames = vec![((0.0, 0.0), (0.0, 0.0)); outside];
        let add = |a: (f64, f64), b: (f64, f64)| (a.0 + b.0, a.1 + b.1);
        for frame in (0..outside).rev() {
            let parent = self.parent(frame);
            let at = add(origins[parent], self.levels[parent].arranged.items[self.frames[frame]]);
            let Item { width, height, .. } = self.levels[parent].items[self.frames[frame]];
            frames[frame] = (at, (width, height));
            origins[frame] = add(at, (0.0, TITLE));
        }
        let figure = |&(level, item): &(usize, usize)| add(origins[level], self.levels[level].arranged.items[item]);
        let way = |&(level, wire): &(usize, usize)| {
            self.levels[level].arranged.ways[wire].shifted(origins[level].0, origins[level].1)
        };
        let Arranged { width, height, .. } = self.levels[outside].arranged;
        Nested {
            size: (width + 2.0 * MARGIN, height + 2.0 * MARGIN),
            figures: self.figures.iter().map(figure).collect(),
            frames,
            arrows: pieces.iter().map(|pieces| pieces.iter().map(way).collect()).collect(),
        }
    }
}

impl Level {
    fn add(&mut self, item: Item) -> usize {
        match item.side {
            Side::Left => self.borders[LEFT].push(self.items.len()),
            Side::Right => self.borders[RIGHT].push(self.items.len()),
            Side::Free => {}
        }
        self.items.push(item);
        self.items.len() - 1
    }

    /// The box at a border for what leads to or from a port.
    fn passage(&mut self, port: (usize, usize), side: usize) -> usize {
        if let Some(&passage) = self.passages[side].get(&port) {
            return passage;
        }
        let border = if side == LEFT { Side::Left } else { Side::Right };
        let passage = self.add(Item { inlets: vec![0.0], outlets: vec![0.0], side: border, ..Item::default() });
        self.passages[side].insert(port, passage);
        passage
    }

    fn wire(&mut self, from: (usize, usize), to: (usize, usize)) -> usize {
        self.wires.insert_full(Wire { from, to }).0
    }
}
