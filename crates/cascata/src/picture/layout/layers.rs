//! Columns.

use super::{Item, Side, Wire};

/// Boxes in columns, and bends where arrows pass a column.
pub(super) struct Layered {
    /// The boxes, at their positions, then the bends.
    pub(super) vertices: Vec<Vertex>,
    /// What joins neighbouring columns.
    pub(super) segments: Vec<Segment>,
    /// What is in every column, from top to bottom.
    pub(super) layers: Vec<Vec<usize>>,
    /// The bends of every wire, in the order in which it passes them.
    pub(super) bends: Vec<Vec<usize>>,
    /// Whether a wire leads back, or to a box in the column where it begins.
    pub(super) leads_back: Vec<bool>,
}

/// Something in a column.
pub(super) struct Vertex {
    pub(super) layer: usize,
    pub(super) height: f64,
    pub(super) kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Item,
    /// Where an arrow passes.
    Bend,
    /// Where an arrow that leads back turns round. It takes no room: arrows turn beside the column.
    Turn,
}

/// What joins two vertices in neighbouring columns.
#[derive(Debug, Clone, Copy)]
pub(super) struct Segment {
    /// The wire that it is a part of.
    pub(super) wire: usize,
    /// In the left column: the vertex, and how far below its top.
    pub(super) left: (usize, f64),
    /// In the right column.
    pub(super) right: (usize, f64),
}

/// Puts boxes into columns.
pub(super) fn layered(items: &[Item], wires: &[Wire]) -> Layered {
    let leads_back = back(items.len(), wires);
    let mut ranks = ranks(items, wires, &leads_back);
    // Room for arrows to turn round beside the first column.
    if wires.iter().zip(&leads_back).any(|(wire, back)| *back && ranks[wire.to.0] == 0) {
        ranks.iter_mut().for_each(|rank| *rank += 1);
    }
    let mut layered =
        Layered { vertices: Vec::new(), segments: Vec::new(), layers: Vec::new(), bends: Vec::new(), leads_back };
    for (item, &layer) in items.iter().zip(&ranks) {
        layered.vertex(layer, item.height, Kind::Item);
    }
    for (number, wire) in wires.iter().enumerate() {
        let from = (wire.from.0, items[wire.from.0].outlets[wire.from.1]);
        let to = (wire.to.0, items[wire.to.0].inlets[wire.to.1]);
        let (first, last) = (ranks[wire.from.0], ranks[wire.to.0]);
        let bends = if layered.leads_back[number] {
            layered.chain_back(number, from, to, (first, last))
        } else {
            layered.chain(number, from, to, (first, last))
        };
        layered.bends.push(bends);
    }
    layered
}

impl Layered {
    fn vertex(&mut self, layer: usize, height: f64, kind: Kind) -> usize {
        if self.layers.len() <= layer {
            self.layers.resize(layer + 1, Vec::new());
        }
        self.vertices.push(Vertex { layer, height, kind });
        self.layers[layer].push(self.vertices.len() - 1);
        self.vertices.len() - 1
    }

    /// A wire to a later column.
    fn chain(
        &mut self,
        wire: usize,
        from: (usize, f64),
        to: (usize, f64),
        (first, last): (usize, usize),
    ) -> Vec<usize> {
        let bends: Vec<_> = (first + 1..last).map(|layer| self.vertex(layer, 0.0, Kind::Bend)).collect();
        let mut left = from;
        for &bend in &bends {
            self.segments.push(Segment { wire, left, right: (bend, 0.0) });
            left = (bend, 0.0);
        }
        self.segments.push(Segment { wire, left, right: to });
        bends
    }

    /// A wire to an earlier column, or to its own: it passes both columns beside the boxes that it joins.
    fn chain_back(
        &mut self,
        wire: usize,
        from: (usize, f64),
        to: (usize, f64),
        (first, last): (usize, usize),
    ) -> Vec<usize> {
        let turn = self.vertex(first + 1, 0.0, Kind::Turn);
        self.segments.push(Segment { wire, left: from, right: (turn, 0.0) });
        let bends: Vec<_> = (last..=first).rev().map(|layer| self.vertex(layer, 0.0, Kind::Bend)).collect();
        let mut right = (turn, 0.0);
        for &bend in &bends {
            self.segments.push(Segment { wire, left: (bend, 0.0), right });
            right = (bend, 0.0);
        }
        let turn = self.vertex(last - 1, 0.0, Kind::Turn);
        self.segments.push(Segment { wire, left: (turn, 0.0), right });
        self.segments.push(Segment { wire, left: (turn, 0.0), right: to });
        bends
    }
}

/// Which wires lead back: without them there is no cycle. Found going depth first, from boxes that nothing leads to,
/// then from those that were named first: most graphs are described in the order of what flows.
fn back(items: usize, wires: &[Wire]) -> Vec<bool> {
    let mut out = vec![Vec::new(); items];
    let mut fed = vec![false; items];
    for (number, wire) in wires.iter().enumerate() {
        out[wire.from.0].push(number);
        fed[wire.to.0] |= wire.from.0 != wire.to.0;
    }
    let mut back = vec![false; wires.len()];
    let (mut entered, mut left) = (vec![false; items], vec![false; items]);
    let sources = (0..items).filter(|&item| !fed[item]);
    for start in sources.chain(0..items) {
        if entered[start] {
            continue;
        }
        entered[start] = true;
        let mut path = vec![(start, 0)];
        while let Some((item, next)) = path.last_mut() {
            let Some(&wire) = out[*item].get(*next) else {
                left[*item] = true;
                path.pop();
                continue;
            };
            *next += 1;
            let to = wires[wire].to.0;
            if !entered[to] {
                entered[to] = true;
                path.push((to, 0));
            } else if !left[to] {
                back[wire] = true;
            }
        }
    }
    back
}

/// The columns of boxes: as far to the left as what feeds them allows, then closer to where most of their wires go.
fn ranks(items: &[Item], wires: &[Wire], back: &[bool]) -> Vec<usize> {
    let (mut before, mut after) = (vec![Vec::new(); items.len()], vec![Vec::new(); items.len()]);
    for (wire, _) in wires.iter().zip(back).filter(|(_, back)| !**back) {
        before[wire.to.0].push(wire.from.0);
        after[wire.from.0].push(wire.to.0);
    }
    let order = producers_first(&before, &after);
    let first = usize::from(items.iter().any(|item| item.side == Side::Left));
    let mut ranks: Vec<usize> = items.iter().map(|item| if item.side == Side::Left { 0 } else { first }).collect();
    let leftmost =
        |ranks: &[usize], item: usize| before[item].iter().map(|&other| ranks[other] + 1).max().unwrap_or(0).max(first);
    let free = |item: &usize| items[*item].side == Side::Free;
    for &item in order.iter().filter(|item| free(item)) {
        ranks[item] = leftmost(&ranks, item);
    }
    let last = (0..items.len()).filter(free).map(|item| ranks[item] + 1).max().unwrap_or(first);
    (0..items.len()).filter(|&item| items[item].side == Side::Right).for_each(|item| ranks[item] = last);
    for _ in 0..4 {
        for &item in order.iter().rev().filter(|item| free(item)) {
            if let Some(next) = after[item].iter().map(|&other| ranks[other]).min()
                && after[item].len() > before[item].len()
            {
                ranks[item] = next - 1;
            }
        }
        for &item in order.iter().filter(|item| free(item)) {
            if after[item].len() < before[item].len() {
                ranks[item] = leftmost(&ranks, item);
            }
        }
    }
    ranks
}

/// The boxes in an order in which all that feeds a box comes before it.
fn producers_first(before: &[Vec<usize>], after: &[Vec<usize>]) -> Vec<usize> {
    let mut missing: Vec<_> = before.iter().map(Vec::len).collect();
    let mut order: Vec<_> = (0..before.len()).filter(|&item| missing[item] == 0).collect();
    let mut next = 0;
    while let Some(&item) = order.get(next) {
        next += 1;
        for &other in &after[item] {
            missing[other] -= 1;
            if missing[other] == 0 {
                order.push(other);
            }
        }
    }
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    fn columns(sides: &[Side], wires: &[(usize, usize)]) -> (Vec<usize>, Vec<bool>) {
        let item = |&side: &Side| Item { inlets: vec![0.0], outlets: vec![0.0], side, ..Item::default() };
        let items: Vec<_> = sides.iter().map(item).collect();
        let wires: Vec<_> = wires.iter().map(|&(from, to)| Wire { from: (from, 0), to: (to, 0) }).collect();
        let layered = layered(&items, &wires);
        ((0..items.len()).map(|item| layered.vertices[item].layer).collect(), layered.leads_back)
    }

    #[test]
    fn a_source_stands_beside_what_it_feeds() {
        let free = [Side::Free; 5];
        assert_eq!(columns(&free, &[(0, 1), (1, 2), (2, 3), (4, 3)]).0, [0, 1, 2, 3, 2]);
    }

    #[test]
    fn a_loop_is_cut_where_it_comes_back() {
        let (layers, back) = columns(&[Side::Free; 3], &[(0, 1), (1, 2), (2, 1), (2, 2)]);
        assert_eq!(layers, [0, 1, 2]);
        assert_eq!(back, [false, false, true, true]);
    }

    #[test]
    fn a_loop_that_nothing_feeds_begins_with_what_was_named_first() {
        let (layers, back) = columns(&[Side::Free; 2], &[(0, 1), (1, 0)]);
        assert_eq!(back, [false, true]);
        assert_eq!(layers, [1, 2], "there is room to turn round before the first");
    }

    #[test]
    fn borders_have_columns_of_their_own() {
        let sides = [Side::Free, Side::Right, Side::Left, Side::Free];
        assert_eq!(columns(&sides, &[(2, 0), (0, 3), (0, 1)]).0, [1, 3, 0, 2]);
    }
}
