//! Building graphs.

use std::sync::Mutex;

use super::{Defined, Instance, Place, Ports, done};
use crate::{
    channel::lock,
    graph::{self, End, Issue, Taps},
    runtime::{Launch, Value, launch},
};

/// A graph of components written in Rust.
///
/// ```
/// use cascata::prelude::*;
///
/// #[component]
/// async fn count(#[inport] end: u64, #[outport] number: Outport<'_, u64>) {
///     for k in 0..end {
///         number.send(k).await;
///     }
/// }
///
/// #[component]
/// async fn square(#[inport] number: u64, #[outport] result: Outport<'_, u64>) {
///     result.send(number * number).await;
/// }
///
/// let graph = Graph::new();
/// let count = graph.add("count", count());
/// let square = graph.add("square", square());
/// count.number >> square.number;
/// count.end.set(4);
///
/// let report = graph.run().collect(square.result).wait()?;
/// assert_eq!(report.collected(square.result), Some(vec![0, 1, 4, 9]));
/// # Ok::<_, RunError>(())
/// ```
///
/// What does not fit does not compile:
///
/// ```compile_fail,E0277
/// # use cascata::prelude::*;
/// # #[component]
/// # async fn count(#[outport] number: Outport<'_, u64>) {}
/// # #[component]
/// # async fn print(#[inport] text: String) {}
/// # let graph = Graph::new();
/// # let count = graph.add("count", count());
/// # let print = graph.add("print", print());
/// count.number >> print.text;
/// ```
#[derive(Debug, Default)]
pub struct Graph {
    pub(super) inner: Mutex<graph::Graph<Value>>,
}

impl Graph {
    /// An empty graph.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an instance of a component and gives its ports.
    ///
    /// # Panics
    /// The name is empty or taken, or the component has an inport with a capacity of 0.
    #[track_caller]
    pub fn add<P: Ports>(&self, name: &str, definition: Defined<P>) -> P::At<'_> {
        let definition = done(definition.inner);
        let node = done(lock(&self.inner).add(name, definition));
        <P::At<'_>>::at(Place { graph: self, end: End::Node(node) })
    }

    /// Adds `n` instances of a component as a group and gives its ports: what comes to them is shared out among the
    /// members, what leaves by them is gathered in the order of what the members were given.
    ///
    /// # Panics
    /// As for [`add`](Self::add), and if `n` is 0.
    #[track_caller]
    pub fn add_group<P: Ports>(&self, name: &str, definition: Defined<P>, n: usize) -> P::At<'_> {
        let definition = done(definition.inner);
        let group = done(lock(&self.inner).add_group(name, definition, n));
        <P::At<'_>>::at(Place { graph: self, end: End::Group(group) })
    }

    /// Does something with the graph as it is without types: weights, say, or ports by their names. What
    /// other threads do with the graph meanwhile is lost.
    ///
    /// ```
    /// # use cascata::prelude::*;
    /// let graph = Graph::new();
    /// let size = graph.edit(|graph| graph.nodes().len());
    /// assert_eq!(size, 0);
    /// ```
    pub fn edit<R>(&self, edit: impl FnOnce(&mut graph::Graph<Value>) -> R) -> R {
        // A copy, as no lock is held while code runs that is not ours.
        let mut inner = lock(&self.inner).clone();
        let result = edit(&mut inner);
        let before = std::mem::replace(&mut *lock(&self.inner), inner);
        drop(before);
        result
    }

    /// Everything that would keep the graph from running, causes before consequences.
    ///
    /// ```
    /// # use cascata::prelude::*;
    /// #[component]
    /// async fn show(#[inport] text: String) {
    ///     println!("{text}");
    /// }
    ///
    /// let graph = Graph::new();
    /// let show = graph.add("show", show());
    /// assert!(graph.check()[0].to_string().starts_with("show.text: nothing feeds it"));
    /// show.text.set("a rose".to_owned());
    /// assert!(graph.check().is_empty());
    /// ```
    pub fn check(&self) -> Vec<Issue> {
        graph::check(&lock(&self.inner), &Taps::new())
    }

    /// A run of the graph as it is now, which has not begun.
    pub fn run(&self) -> Launch {
        launch(&lock(&self.inner))
    }
}

impl From<graph::Graph<Value>> for Graph {
    /// A graph whose ports have types only by the names of its exports.
    fn from(inner: graph::Graph<Value>) -> Self {
        Self { inner: Mutex::new(inner) }
    }
}
