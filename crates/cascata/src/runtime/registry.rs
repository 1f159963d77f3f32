//! Components by name, for graphs that are written to files and read from them.

use std::{fmt, marker::PhantomData, sync::Arc};

use indexmap::IndexMap;

use super::{
    Data, Defined, Graph, Ports, Value,
    component::declared,
    traits::Store,
    types::{self, misfit},
};
use crate::graph::{
    self, Definition, PortKind,
    json::{self, Arguments, FormatError, Json, Language, Place, Side, Slot},
    sentence,
};

/// The components that graphs in files may have, each by a module and a name there.
///
/// A file is the same for Rust and for Python. What it tells is read by nobody but those who are named here: a graph from
/// elsewhere can run no other code.
///
/// ```
/// use cascata::prelude::*;
///
/// #[component]
/// async fn numbers(#[inport] end: u64, #[outport] number: Outport<'_, u64>) {
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
/// let registry = Registry::new().add(numbers()).add_as("my_project.numbers", "square", square());
///
/// let graph = Graph::new();
/// let (numbers, squares) = (graph.add("numbers", numbers()), graph.add_group("squares", square(), 2));
/// numbers.number >> squares.number;
/// numbers.end.set(4);
/// let text = graph.to_json(&registry)?;
///
/// let again = Graph::from_json(&text, &registry)?;
/// assert_eq!(again.to_json(&registry)?, text);
/// let report = again.run().collect_at("squares", "result").wait()?;
/// assert_eq!(report.collected_at("squares", "result")?, Some(vec![0_u64, 1, 4, 9]));
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Registry {
    components: IndexMap<Place, Arc<Definition<Value>>>,
    keys: IndexMap<Place, Value>,
}

/// A function with a name that gives values of type `T` their keys; see [`In::keyed_by`](super::In::keyed_by).
pub struct Key<T> {
    place: Place,
    pub(super) function: Value,
    values: PhantomData<fn(T)>,
}

impl<T> fmt::Debug for Key<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Key").field(&self.place).finish()
    }
}

impl<T> Clone for Key<T> {
    fn clone(&self) -> Self {
        Self { place: self.place.clone(), function: self.function.clone(), values: PhantomData }
    }
}

impl<T: Data> Key<T> {
    /// The function of this name in a module; the key of values that are to meet the same member of a group is equal.
    pub fn new(
        module: impl Into<String>,
        name: impl Into<String>,
        function: impl Fn(&T) -> u64 + Send + Sync + 'static,
    ) -> Self {
        let place = Place { module: module.into(), name: name.into() };
        let function = Value::key_at(Some(place.clone()), function);
        Self { place, function, values: PhantomData }
    }
}

impl Registry {
    /// One without components.
    pub fn new() -> Self {
        Self::default()
    }

    /// One component more, by the name of its function and the path of the module that this is in.
    ///
    /// # Panics
    /// There is one of this name, or it has an inport with a capacity of 0.
    #[must_use]
    #[track_caller]
    #[expect(clippy::should_implement_trait, reason = "what is added is no registry")]
    pub fn add<P: Ports>(self, definition: Defined<P>) -> Self {
        let definition = definition.definition().unwrap_or_else(|error| panic!("{error}"));
        let (module, name) = (definition.module.clone(), definition.name.clone());
        self.define(module, name, definition)
    }

    /// One component more, by the name that files have for it: what a Python program calls it, or what it was called before.
    /// A graph is written with the name under which a component was added first.
    ///
    /// # Panics
    /// As for [`add`](Self::add).
    #[must_use]
    #[track_caller]
    pub fn add_as<P: Ports>(self, module: impl Into<String>, name: impl Into<String>, definition: Defined<P>) -> Self {
        let definition = definition.definition().unwrap_or_else(|error| panic!("{error}"));
        self.define(module, name, definition)
    }

    /// The same for a definition without types.
    ///
    /// # Panics
    /// There is one of this name.
    #[must_use]
    #[track_caller]
    pub fn define(
        mut self,
        module: impl Into<String>,
        name: impl Into<String>,
        definition: Arc<Definition<Value>>,
    ) -> Self {
        let place = Place { module: module.into(), name: name.into() };
        let text = format!("{}.{}", place.module, place.name);
        assert!(self.components.insert(place, definition).is_none(), "there are two components {text}");
        self
    }

    /// One function more that gives keys.
    ///
    /// # Panics
    /// There is one of this name.
    #[must_use]
    #[track_caller]
    pub fn key<T: Data>(mut self, key: &Key<T>) -> Self {
        let text = format!("{}.{}", key.place.module, key.place.name);
        let before = self.keys.insert(key.place.clone(), key.function.clone());
        assert!(before.is_none(), "there are two functions {text}");
        self
    }

    /// Writes a graph without types as the text of a file.
    ///
    /// # Errors
    /// As for [`Graph::to_json`].
    pub fn save(&self, graph: &graph::Graph<Value>) -> Result<String, FormatError> {
        json::save(graph, &mut Names(self))
    }

    /// Reads a graph without types.
    ///
    /// # Errors
    /// As for [`Graph::from_json`].
    pub fn load(&self, text: &str) -> Result<graph::Graph<Value>, FormatError> {
        json::load(text, &mut Names(self))
    }

    /// Those of a module.
    fn names(places: impl Iterator<Item = Place>, module: &str) -> String {
        let names: Vec<_> = places.filter(|place| place.module == module).map(|place| place.name).collect();
        sentence(&names)
    }
}

impl Graph {
    /// Writes the graph as the text of a file: plain JSON, the same as Python's; see the guide to graphs as files.
    ///
    /// # Errors
    /// A component, or a function that gives keys, is not in the registry; or a value on a port is of a type that cannot be
    /// written: one that has both of serde's traits can.
    pub fn to_json(&self, registry: &Registry) -> Result<String, FormatError> {
        self.edit(|graph| registry.save(graph))
    }

    /// Reads a graph from the text of a file.
    ///
    /// # Errors
    /// It is not the text of a graph: a key that there is not, a component that is not in the registry, a port that it does
    /// not have, a value of another type, ports of different types that are connected. The error says where in the file.
    pub fn from_json(text: &str, registry: &Registry) -> Result<Self, FormatError> {
        registry.load(text).map(Self::from)
    }
}

/// What a file is written and read with.
struct Names<'a>(&'a Registry);

/// How the values of a port or persistent value are stored, and whether those of a port are lists.
fn store<'a>(slot: Slot<'a, Value>) -> Result<(&'a Store, bool), String> {
    let declared = declared(slot.definition).ok_or("it is no component of this library")?;
    let (traits, lists) = match slot.kind {
        PortKind::Persist => (&declared.persists[slot.position].traits, false),
        _ => {
            let inport = &declared.inports[slot.position];
            (&inport.traits, inport.element.is_some())
        }
    };
    let store =
        traits.store().ok_or("its type cannot be written as JSON and read again: derive serde's traits for it")?;
    Ok((store, lists))
}

impl Language for Names<'_> {
    type Value = Value;

    fn place(&mut self, definition: &Definition<Value>) -> Result<Place, String> {
        let same = |known: &Definition<Value>| (&known.module, &known.name) == (&definition.module, &definition.name);
        let found = self.0.components.iter().find(|(_, known)| same(known));
        found.map(|(place, _)| place.clone()).ok_or_else(|| {
            format!("the component {} of {} is not in the registry: add it", definition.name, definition.module)
        })
    }

    fn place_of_function(&mut self, function: &Value) -> Result<Place, String> {
        let place = function.key_place().filter(|place| self.0.keys.contains_key(*place));
        let unknown = || "the function is not in the registry: give it a name (Key) and add it".to_owned();
        place.cloned().ok_or_else(unknown)
    }

    fn write(&mut self, slot: Slot<'_, Value>, value: &Value) -> Result<Json, String> {
        let (store, lists) = store(slot)?;
        match slot.kind {
            PortKind::Persist => (store.write_state)(value),
            _ if lists => (store.write_list)(value),
            _ => (store.write)(value),
        }
    }

    fn write_arguments(&mut self, _: &Value) -> Result<Arguments, String> {
        Err(no_arguments())
    }

    fn permit(&mut self, module: &str) -> Result<(), String> {
        let places = || self.0.components.keys().chain(self.0.keys.keys());
        if places().any(|place| place.module == module) {
            return Ok(());
        }
        let mut modules: Vec<_> = places().map(|place| place.module.clone()).collect();
        modules.sort();
        modules.dedup();
        Err(format!("nothing of module {module} is in the registry; there are: {}", sentence(&modules)))
    }

    fn load(&mut self, _: &str) -> Result<(), String> {
        Ok(())
    }

    fn definition(&mut self, place: &Place) -> Result<Arc<Definition<Value>>, String> {
        self.0.components.get(place).cloned().ok_or_else(|| {
            let Place { module, name } = place;
            let names = Registry::names(self.0.components.keys().cloned(), module);
            format!("the registry has no component {name} of module {module}; there are: {names}")
        })
    }

    fn function(&mut self, place: &Place) -> Result<Value, String> {
        self.0.keys.get(place).cloned().ok_or_else(|| {
            let Place { module, name } = place;
            let names = Registry::names(self.0.keys.keys().cloned(), module);
            format!("the registry has no function {name} of module {module}; there are: {names}")
        })
    }

    fn read(&mut self, slot: Slot<'_, Value>, value: &Json) -> Result<Value, String> {
        let (store, lists) = store(slot)?;
        match slot.kind {
            PortKind::Persist => (store.read_state)(value),
            _ if lists => (store.read_list)(value),
            _ => (store.read)(value),
        }
    }

    fn read_arguments(&mut self, _: &Arguments) -> Result<Value, String> {
        Err(no_arguments())
    }

    fn check_connection(&mut self, from: &Side<'_, Value>, to: &Side<'_, Value>, batched: bool) -> Result<(), String> {
        let sides = (side(from, PortKind::Outport), side(to, PortKind::Inport));
        let (Some(from), Some(to)) = sides else { return Ok(()) };
        misfit(from, to, batched).map_or(Ok(()), Err)
    }
}

fn side<'a>(side: &Side<'a, Value>, kind: PortKind) -> Option<types::Side<'a>> {
    Some((side.name, declared(side.definition)?, side.definition.position(kind, side.port)?))
}

fn no_arguments() -> String {
    "components written in Rust take no arguments for their state: give the state itself".to_owned()
}
