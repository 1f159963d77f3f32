//! Arrows, and the figures on their way: group connectors, members, exports.

use std::collections::{HashMap, HashSet};

use indexmap::IndexSet;

use super::drawing::{Arrow, Figure, Frame, Point, Shape, label};
use super::text::shown;
use crate::graph::{End, Export, Graph, Link, Policy, PortKind, Taps};

/// An inport or outport of a component or group, by its position.
type At = (End, PortKind, usize);

/// Draws the arrows of a graph.
pub(super) struct Arrows<'a, V> {
    graph: &'a Graph<V>,
    frames: &'a [Frame],
    figures: Vec<Figure>,
    names: HashSet<String>,
    arrows: IndexSet<Arrow>,
    /// The figures of components and groups.
    ends: HashMap<End, usize>,
    /// The figures of what connections pass on their way.
    passed: HashMap<Passed, usize>,
}

#[derive(Clone, PartialEq, Eq, Hash)]
enum Passed {
    Shared { group: usize, inport: usize },
    Gathered { group: usize, outport: usize, ordered: bool },
    Member(At),
    Export { frame: Option<usize>, label: String },
}

impl<'a, V> Arrows<'a, V> {
    /// Takes the figures of components and groups.
    pub(super) fn new(graph: &'a Graph<V>, frames: &'a [Frame], figures: Vec<Figure>) -> Self {
        let end = |(position, figure): (usize, &Figure)| graph.end(&figure.name).ok().map(|end| (end, position));
        let ends = figures.iter().enumerate().filter_map(end).collect();
        let names = figures.iter().map(|figure| figure.name.clone()).collect();
        Self { graph, frames, figures, names, arrows: IndexSet::new(), ends, passed: HashMap::new() }
    }

    /// Gives all figures and arrows.
    pub(super) fn draw<E>(
        mut self,
        text: &mut dyn FnMut(&V) -> Result<String, E>,
    ) -> Result<(Vec<Figure>, Vec<Arrow>), E> {
        let graph = self.graph;
        for link in graph.links() {
            let paired = graph.is_paired(link);
            let from = (link.from, PortKind::Outport, link.outport);
            let to = (link.to, PortKind::Inport, link.inport);
            let (inner, outer) = (self.frame(&link.from), self.frame(&link.to));
            let common = self.common(inner, outer);
            let begin = self.exit(from, link.ordered, paired, common);
            let end = self.entry(to, paired, common, text)?;
            self.arrows.insert(Arrow { from: begin, to: end });
        }
        for (frame, subgraph) in graph.subgraphs().values().enumerate() {
            self.exports(Some(frame), subgraph.exports.iter(), text)?;
        }
        self.exports(None, graph.exports().iter(), text)?;
        Ok((self.figures, self.arrows.into_iter().collect()))
    }

    /// Draws what a frame, or the graph, exports.
    fn exports<'e, E>(
        &mut self,
        frame: Option<usize>,
        exports: impl Iterator<Item = (&'e String, &'e Export)>,
        text: &mut dyn FnMut(&V) -> Result<String, E>,
    ) -> Result<(), E> {
        for (label, export) in exports {
            let at = (export.end, export.kind, export.port);
            let paired = self.is_paired(&at);
            let figure = self.export(frame, label, export.kind);
            let outside = Point { figure, port: None };
            let arrow = match export.kind {
                PortKind::Outport => Arrow { from: self.exit(at, export.ordered, paired, frame), to: outside },
                _ => Arrow { from: outside, to: self.entry(at, paired, frame, text)? },
            };
            self.arrows.insert(arrow);
        }
        Ok(())
    }

    /// Where arrows to an inport lead that come from a frame around it.
    fn entry<E>(
        &mut self,
        at: At,
        paired: bool,
        from: Option<usize>,
        text: &mut dyn FnMut(&V) -> Result<String, E>,
    ) -> Result<Point, E> {
        let (end, _, inport) = at;
        let mut point = match end {
            End::Group(group) if !paired => self.shared(group, inport, text)?,
            End::Node(_) | End::Group(_) => self.component(at),
        };
        for frame in self.between(self.frame(&end), from) {
            if let Some(label) = self.exported(frame, &at, true) {
                let outside = Point { figure: self.export(Some(frame), &label, PortKind::Inport), port: None };
                self.arrows.insert(Arrow { from: outside, to: point });
                point = outside;
            }
        }
        Ok(point)
    }

    /// Where arrows from an outport begin that lead to a frame around it.
    fn exit(&mut self, at: At, ordered: bool, paired: bool, to: Option<usize>) -> Point {
        let (end, _, outport) = at;
        let mut point = match end {
            End::Group(group) if !paired => self.gathered(group, outport, ordered),
            End::Node(_) | End::Group(_) => self.component(at),
        };
        for frame in self.between(self.frame(&end), to) {
            if let Some(label) = self.exported(frame, &at, ordered) {
                let outside = Point { figure: self.export(Some(frame), &label, PortKind::Outport), port: None };
                self.arrows.insert(Arrow { from: point, to: outside });
                point = outside;
            }
        }
        point
    }

    /// The port of a component or group; arrows with one member alone pass its name.
    fn component(&mut self, at: At) -> Point {
        let (end, kind, port) = at;
        let group = match end {
            End::Node(node) => self.graph.group_of(node),
            End::Group(_) => None,
        };
        let whole = group.map_or(end, End::Group);
        let component = Point { figure: self.ends[&whole], port: Some(port) };
        if group.is_none() {
            return component;
        }
        let name = self.graph.end_name(&end);
        let shape = Shape::Member(label(name, self.frame(&end).map(|frame| self.frames[frame].name.as_str())));
        self.pass(Passed::Member(at), shape, &format!("{name}.{}", self.port(&at)), component, kind)
    }

    /// The group connector that shares out what comes to a group's inport.
    fn shared<E>(
        &mut self,
        group: usize,
        inport: usize,
        text: &mut dyn FnMut(&V) -> Result<String, E>,
    ) -> Result<Point, E> {
        let at = (End::Group(group), PortKind::Inport, inport);
        let shape = Shape::Connector(shown(&self.policy(group, inport, text)?));
        let name = format!("{}.{} shared out", self.graph.end_name(&at.0), self.port(&at));
        let component = self.component(at);
        Ok(self.pass(Passed::Shared { group, inport }, shape, &name, component, PortKind::Inport))
    }

    /// How a group shares out what comes to an inport.
    fn policy<E>(
        &self,
        group: usize,
        inport: usize,
        text: &mut dyn FnMut(&V) -> Result<String, E>,
    ) -> Result<String, E> {
        let described = &self.graph.groups()[group];
        if let Some(policy) = &described.policies[inport] {
            return Ok(match policy {
                Policy::Keyed(function) => format!("keyed: {}", text(function)?),
                policy => policy.name().to_owned(),
            });
        }
        // What fires together is shared out together, as one of the ports says.
        let rows = self.graph.trigger_groups(described.members[0], &Taps::new());
        let row = rows.into_iter().find(|row| row.contains(&inport)).unwrap_or_default();
        let deciding = row.into_iter().find(|&other| described.policies[other].is_some());
        let with = |other| format!("with {}", self.port(&(End::Group(group), PortKind::Inport, other)));
        Ok(deciding.map_or_else(|| Policy::<V>::Balanced.name().to_owned(), with))
    }

    /// The group connector that gathers what a group's outport sends.
    fn gathered(&mut self, group: usize, outport: usize, ordered: bool) -> Point {
        let at = (End::Group(group), PortKind::Outport, outport);
        let how = if ordered { "ordered" } else { "unordered" };
        let name = format!("{}.{} {how}", self.graph.end_name(&at.0), self.port(&at));
        let component = self.component(at);
        let passed = Passed::Gathered { group, outport, ordered };
        self.pass(passed, Shape::Connector(how.to_owned()), &name, component, PortKind::Outport)
    }

    /// A figure that all arrows to or from a port of a component pass.
    fn pass(&mut self, passed: Passed, shape: Shape, name: &str, component: Point, kind: PortKind) -> Point {
        let frame = self.figures[component.figure].frame;
        let point = Point { figure: self.figure(passed, frame, name, shape), port: None };
        let (from, to) = if kind == PortKind::Outport { (component, point) } else { (point, component) };
        self.arrows.insert(Arrow { from, to });
        point
    }

    fn export(&mut self, frame: Option<usize>, label: &str, kind: PortKind) -> usize {
        let name = frame.map_or_else(|| label.to_owned(), |frame| format!("{}_{label}", self.frames[frame].name));
        let shape = Shape::Export { label: shown(label), inport: kind == PortKind::Inport };
        self.figure(Passed::Export { frame, label: label.to_owned() }, frame, &name, shape)
    }

    fn figure(&mut self, passed: Passed, frame: Option<usize>, name: &str, shape: Shape) -> usize {
        if let Some(&figure) = self.passed.get(&passed) {
            return figure;
        }
        let mut name = name.to_owned();
        while !self.names.insert(name.clone()) {
            name.push('\'');
        }
        self.figures.push(Figure { name, frame, shape });
        self.passed.insert(passed, self.figures.len() - 1);
        self.figures.len() - 1
    }

    /// The name that a frame has for a port, if it exports it; of a group's outport, with this way of gathering.
    fn exported(&self, frame: usize, at: &At, ordered: bool) -> Option<String> {
        let gathers = matches!(at, (End::Group(_), PortKind::Outport, _));
        let is =
            |export: &Export| (export.end, export.kind, export.port) == *at && (!gathers || export.ordered == ordered);
        let exports = &self.graph.subgraphs()[frame].exports;
        exports.iter().find(|(_, export)| is(export)).map(|(name, _)| name.clone())
    }

    /// Whether all connections of a port join members of groups one to one, and there are some.
    fn is_paired(&self, at: &At) -> bool {
        let of_port = |link: &&Link| {
            *at == (link.from, PortKind::Outport, link.outport) || *at == (link.to, PortKind::Inport, link.inport)
        };
        let mut links = self.graph.links().filter(of_port).peekable();
        links.peek().is_some() && links.all(|link| self.graph.is_paired(link))
    }

    fn port(&self, &(ref end, kind, port): &At) -> String {
        self.graph.nodes()[self.graph.members(end)[0]].definition.names(kind).swap_remove(port)
    }

    fn frame(&self, end: &End) -> Option<usize> {
        let whole = match *end {
            End::Node(node) => self.graph.group_of(node).map_or(*end, End::Group),
            End::Group(_) => *end,
        };
        self.figures[self.ends[&whole]].frame
    }

    /// The frames from `inner` outward, up to `outer` and without it.
    fn between(&self, inner: Option<usize>, outer: Option<usize>) -> Vec<usize> {
        std::iter::successors(inner, |&frame| self.frames[frame].parent)
            .take_while(|&frame| Some(frame) != outer)
            .collect()
    }

    /// The innermost frame around both.
    fn common(&self, one: Option<usize>, other: Option<usize>) -> Option<usize> {
        let around = self.between(other, None);
        self.between(one, None).into_iter().find(|frame| around.contains(frame))
    }
}
