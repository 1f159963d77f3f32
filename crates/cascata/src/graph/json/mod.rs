//! Graphs as data: what is written to a file, and read from one.
//!
//! A graph and a file know nothing of each other's components: a [`Language`] finds them by module and name, and turns
//! values into JSON and back. Everything else is here and the same for all languages: `document` is the layout, `strict`
//! and `check` refuse what does not keep to it, `prior` translates files of the system before this one, `write` and `read`
//! go from graph to document and back. What is read is built by the same steps as a graph in a program.

mod check;
mod document;
mod error;
mod prior;
mod read;
mod strict;
mod write;

pub use document::{Arguments, Json};
pub use error::FormatError;

use std::sync::Arc;

use document::Document;
use error::Path;

use super::{Definition, Graph, PortKind};

/// Where a component or a function can be found again.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Place {
    /// The module.
    pub module: String,
    /// Its name there.
    pub name: String,
}

/// What a name in a file is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Named {
    /// A component, a group or a subgraph.
    Part,
    /// A port that users of the graph see.
    Export,
}

/// One side of a connection in a file.
#[derive(Debug)]
pub struct Side<'a, V> {
    /// The component, or group.
    pub name: &'a str,
    /// What it is an instance of.
    pub definition: &'a Definition<V>,
    /// The port.
    pub port: &'a str,
}

/// What a value in a file is for: an inport, or a persistent value.
#[derive(Debug)]
pub struct Slot<'a, V> {
    /// Of what it is one.
    pub definition: &'a Definition<V>,
    /// Inport or persistent value.
    pub kind: PortKind,
    /// Which one, by its position.
    pub position: usize,
}

impl<V> Clone for Slot<'_, V> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<V> Copy for Slot<'_, V> {}

impl<'a, V> Slot<'a, V> {
    pub(super) fn inport(definition: &'a Definition<V>, position: usize) -> Self {
        Self { definition, kind: PortKind::Inport, position }
    }

    pub(super) fn persist(definition: &'a Definition<V>, position: usize) -> Self {
        Self { definition, kind: PortKind::Persist, position }
    }
}

/// What a file leaves to the language that a graph is written in. An error is a sentence, without where it happened.
pub trait Language {
    /// A value of the language.
    type Value: Clone + PartialEq;

    /// Where a component can be found.
    ///
    /// # Errors
    ///
    /// If it cannot be found again.
    fn place(&mut self, definition: &Definition<Self::Value>) -> Result<Place, String>;

    /// Where a function can be found.
    ///
    /// # Errors
    ///
    /// If it cannot be found again.
    fn place_of_function(&mut self, function: &Self::Value) -> Result<Place, String>;

    /// Writes a value.
    ///
    /// # Errors
    ///
    /// If JSON cannot tell it from others.
    fn write(&mut self, slot: Slot<'_, Self::Value>, value: &Self::Value) -> Result<Json, String>;

    /// Writes the arguments of a persistent value's initialiser.
    ///
    /// # Errors
    ///
    /// As for [`write`](Self::write).
    fn write_arguments(&mut self, arguments: &Self::Value) -> Result<Arguments, String>;

    /// Says whether a module may be loaded. Every module that a file names is asked for before any is loaded.
    ///
    /// # Errors
    ///
    /// If it may not.
    fn permit(&mut self, module: &str) -> Result<(), String>;

    /// Loads a module.
    ///
    /// # Errors
    ///
    /// If it cannot be.
    fn load(&mut self, module: &str) -> Result<(), String>;

    /// The component at a place in a module that has been loaded; the same one each time.
    ///
    /// # Errors
    ///
    /// If there is none.
    fn definition(&mut self, place: &Place) -> Result<Arc<Definition<Self::Value>>, String>;

    /// The function at a place in a module that has been loaded, for [`Policy::Keyed`](super::Policy::Keyed).
    ///
    /// # Errors
    ///
    /// If there is none, or it cannot give keys.
    fn function(&mut self, place: &Place) -> Result<Self::Value, String>;

    /// Reads a value.
    ///
    /// # Errors
    ///
    /// If it is none.
    fn read(&mut self, slot: Slot<'_, Self::Value>, value: &Json) -> Result<Self::Value, String>;

    /// Reads the arguments of a persistent value's initialiser.
    ///
    /// # Errors
    ///
    /// If they are none.
    fn read_arguments(&mut self, arguments: &Arguments) -> Result<Self::Value, String>;

    /// Says whether something in a graph can have this name.
    ///
    /// # Errors
    ///
    /// If it cannot.
    fn check_name(&mut self, _named: Named, _name: &str) -> Result<(), String> {
        Ok(())
    }

    /// Says whether what is sent at one port can arrive at the other, alone or in batches.
    ///
    /// # Errors
    ///
    /// If it cannot.
    fn check_connection(
        &mut self,
        _from: &Side<'_, Self::Value>,
        _to: &Side<'_, Self::Value>,
        _batched: bool,
    ) -> Result<(), String> {
        Ok(())
    }
}

/// Writes a graph as the text of a file.
///
/// # Errors
///
/// When the language cannot write a value or cannot find a component again, or subgraphs lie too deep in each other.
pub fn save<L: Language>(graph: &Graph<L::Value>, language: &mut L) -> Result<String, FormatError> {
    let document = write::document(graph, language)?;
    serde_json::to_string(&document).map_err(|error| FormatError::new(&Path::Root, error))
}

/// Reads a graph from the text of a file.
///
/// # Errors
///
/// When it is not the text of a graph: no JSON, keys, types or names that are not as they ought to be, components and
/// ports that there are not, contradictions, modules that the language does not permit. The path says where.
pub fn load<L: Language>(text: &str, language: &mut L) -> Result<Graph<L::Value>, FormatError> {
    let mut document = Document::parse(text)?;
    check::document(&document)?;
    prior::modernise(&mut document)?;
    read::graph(&document, language)
}
