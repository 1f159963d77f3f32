//! What is seen of a graph.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::fmt::Display;

use super::arrows::Arrows;
use super::components;
use crate::graph::Graph;

/// What is seen of a graph, before it is given a format. All texts are short and in one line.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Drawing {
    /// The subgraphs.
    pub frames: Vec<Frame>,
    /// What arrows join: components first.
    pub figures: Vec<Figure>,
    /// What goes where.
    pub arrows: Vec<Arrow>,
    /// How many components the graph has, members of groups counted.
    pub components: usize,
    /// How many connections were made in it.
    pub connections: usize,
}

/// A subgraph.
#[derive(Debug, Clone)]
pub struct Frame {
    /// Its name in the graph.
    pub name: String,
    /// Its name in the frame that it lies in.
    pub label: String,
    /// The frame that it lies in.
    pub parent: Option<usize>,
    /// How many frames it lies in.
    pub depth: usize,
}

/// Something that arrows join.
#[derive(Debug, Clone)]
pub struct Figure {
    /// A name that no other figure has: of a component, a group and an export its name in the graph.
    pub name: String,
    /// The frame that it lies in.
    pub frame: Option<usize>,
    /// What it is.
    pub shape: Shape,
}

/// What a figure is.
#[derive(Debug, Clone)]
pub enum Shape {
    /// A component, or a group of them.
    Component(Component),
    /// A group connector, and how it shares out or gathers.
    Connector(String),
    /// The member of a group that a connection is with, if it is not with all.
    Member(String),
    /// An export of the frame, or of the graph: an inport, if `inport`, or an outport.
    Export {
        /// Its name in the frame.
        label: String,
        /// Whether arrows lead from it to what is in the frame, and not from that to it.
        inport: bool,
    },
}

/// A component, or a group of them.
#[derive(Debug, Clone)]
pub struct Component {
    /// Its name in its frame.
    pub label: String,
    /// What it is an instance of.
    pub class: String,
    /// How many members it has, if it is a group.
    pub members: Option<usize>,
    /// The inports.
    pub inports: Vec<Port>,
    /// The outports.
    pub outports: Vec<Port>,
    /// The persistent values.
    pub persists: Vec<Port>,
    /// The workers, in ascending order, as far as they are known.
    pub places: Vec<Place>,
    /// The numbers of the orders that it runs where others do.
    pub together: Vec<usize>,
}

/// A port or persistent value.
#[derive(Debug, Clone)]
pub struct Port {
    /// Its name, shortened as all texts are.
    pub label: String,
    /// Its name.
    pub name: String,
    /// The value that it has or starts with, such as `= 3`.
    pub value: Option<String>,
    /// What else was said of it.
    pub notes: Vec<String>,
}

/// A worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// Its number.
    pub worker: usize,
    /// How many members run on it, if others of them run elsewhere.
    pub members: Option<usize>,
}

/// An arrow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Arrow {
    /// Where it begins.
    pub from: Point,
    /// Where it leads.
    pub to: Point,
}

/// One end of an arrow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Point {
    /// The figure, by position.
    pub figure: usize,
    /// Its outport, where an arrow begins, or inport, where one leads; only components have any.
    pub port: Option<usize>,
}

impl Drawing {
    /// What is seen of a graph. `placement` gives the worker of every node; without it, those are known that were said.
    /// `text` writes a value; what it fails with is the error.
    ///
    /// # Errors
    ///
    /// When `text` fails.
    ///
    /// # Panics
    ///
    /// When `placement` does not give the worker of every node.
    pub fn new<V, E>(
        graph: &Graph<V>,
        placement: Option<&[usize]>,
        text: &mut dyn FnMut(&V) -> Result<String, E>,
    ) -> Result<Self, E> {
        let frames = frames(graph);
        let figures = components::figures(graph, &frames, placement, text)?;
        let (figures, arrows) = Arrows::new(graph, &frames, figures).draw(text)?;
        let (components, connections) = (graph.nodes().len(), graph.links().len());
        Ok(Self { frames, figures, arrows, components, connections })
    }

    /// What is seen of a graph whose values write themselves.
    pub fn of<V: Display>(graph: &Graph<V>, placement: Option<&[usize]>) -> Self {
        match Self::new(graph, placement, &mut |value| Ok::<_, Infallible>(value.to_string())) {
            Ok(drawing) => drawing,
            Err(never) => match never {},
        }
    }

    /// The figures of a frame, or of none.
    pub(super) fn figures_in(&self, frame: Option<usize>) -> impl Iterator<Item = (usize, &Figure)> {
        self.figures.iter().enumerate().filter(move |(_, figure)| figure.frame == frame)
    }

    /// The frames that lie in a frame, or in none.
    pub(super) fn frames_in(&self, parent: Option<usize>) -> impl Iterator<Item = (usize, &Frame)> {
        self.frames.iter().enumerate().filter(move |(_, frame)| frame.parent == parent)
    }

    /// How much there is, in words.
    pub(super) fn summary(&self) -> String {
        let count = |number: usize, thing| format!("{number} {thing}{}", if number == 1 { "" } else { "s" });
        format!("{} and {}", count(self.components, "component"), count(self.connections, "connection"))
    }
}

impl Port {
    /// All that was said of it, its name first.
    pub(super) fn line(&self) -> String {
        let name_and_value = [Some(&self.label), self.value.as_ref()].into_iter().flatten().map(String::as_str);
        let first = name_and_value.collect::<Vec<_>>().join(" ");
        std::iter::once(first.as_str()).chain(self.notes.iter().map(String::as_str)).collect::<Vec<_>>().join(" · ")
    }
}

impl Component {
    /// What was said of where it runs.
    pub(super) fn whereabouts(&self) -> Vec<(String, Option<usize>)> {
        let place = |place: &Place| {
            let members = place.members.map(|members| format!(": {members}")).unwrap_or_default();
            (format!("worker {}{members}", place.worker), Some(place.worker))
        };
        let together = self.together.iter().map(|order| (format!("together {order}"), None));
        self.places.iter().map(place).chain(together).collect()
    }

    /// The worker that runs all of it, if that is known.
    pub(super) fn lone_worker(&self) -> Option<usize> {
        if let [Place { worker, members: None }] = self.places[..] { Some(worker) } else { None }
    }

    /// Its label, with the number of members.
    pub(super) fn title(&self) -> String {
        self.members.map_or_else(|| self.label.clone(), |members| format!("{} ×{members}", self.label))
    }
}

/// The workers of some nodes, with the number of nodes on each if there are several.
pub(super) fn places(workers: impl Iterator<Item = usize>, nodes: usize) -> Vec<Place> {
    let mut counts = BTreeMap::new();
    workers.for_each(|worker| *counts.entry(worker).or_insert(0) += 1);
    let place = |(worker, members)| Place { worker, members: (members < nodes).then_some(members) };
    counts.into_iter().map(place).collect()
}

/// The subgraphs, at their positions in the graph.
fn frames<V>(graph: &Graph<V>) -> Vec<Frame> {
    let subgraphs: Vec<_> = graph.subgraphs().iter().collect();
    let mut frames: Vec<Frame> = Vec::with_capacity(subgraphs.len());
    // What lies in others stands before them.
    let parent = |position: usize| {
        (position + 1..subgraphs.len()).find(|&other| subgraphs[other].1.subgraphs.contains(&position))
    };
    for (position, (name, _)) in subgraphs.iter().enumerate() {
        let parent = parent(position);
        let label = label(name, parent.map(|parent| subgraphs[parent].0.as_str()));
        frames.push(Frame { name: (*name).clone(), label, parent, depth: 0 });
    }
    for position in (0..frames.len()).rev() {
        frames[position].depth = frames[position].parent.map_or(0, |parent| frames[parent].depth + 1);
    }
    frames
}

/// A name as it is shown in the frame of this name.
pub(super) fn label(name: &str, frame: Option<&str>) -> String {
    let local = frame.and_then(|frame| name.strip_prefix(frame)?.strip_prefix('_'));
    super::text::shown(local.unwrap_or(name))
}
