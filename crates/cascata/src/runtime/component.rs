//! What a component written in Rust is: the door for those who do without the macro.

use std::{pin::Pin, sync::Arc};

use super::{
    Data, Failure, Kind, Mismatch, Outports, Traits, Value,
    lane::{Lane, Stage, drive},
};
use crate::graph::{DEFAULT_CAPACITY, Definition, GraphError, Inport, Outport, Persist};

/// A component: what it declares, and what it does.
///
/// ```
/// use cascata::runtime::{Component, Declaration, Failure, Outports, Row, Settings};
///
/// /// Cuts texts into words.
/// struct Split;
///
/// impl Component for Split {
///     type State = ();
///     const STATEFUL: bool = false;
///
///     fn declare(&self) -> Declaration {
///         Declaration::new("split", module_path!()).inport::<String>("text").outport::<String>("word")
///     }
///
///     fn start(&self, _: Settings<'_>) -> Result<(), Failure> {
///         Ok(())
///     }
///
///     async fn fire(&self, (): &mut (), row: &mut Row, outports: &Outports) -> Result<(), Failure> {
///         let (text, word) = (row.take::<String>(0)?, outports.get::<String>(0));
///         for part in text.split_whitespace() {
///             word.send(part.to_owned()).await;
///         }
///         Ok(())
///     }
/// }
/// ```
pub trait Component: Send + Sync + 'static {
    /// What an instance keeps between firings.
    type State: Send + 'static;

    /// Whether there is anything in the state. If not, firings of several trigger groups overlap where they await;
    /// otherwise they take turns, as each has the state for itself.
    const STATEFUL: bool = true;

    /// Names the component and its ports.
    fn declare(&self) -> Declaration;

    /// Makes the state of an instance, before its first firing.
    ///
    /// # Errors
    /// Whatever is wrong; the run fails with it.
    fn start(&self, settings: Settings<'_>) -> Result<Self::State, Failure>;

    /// Runs one firing: takes the values of `row`, by the positions of the inports, and sends by `outports`.
    ///
    /// It is dropped where it awaits when the run is stopped.
    ///
    /// # Errors
    /// Whatever goes wrong; the run fails with it.
    fn fire<'a>(
        &'a self,
        state: &'a mut Self::State,
        row: &'a mut Row,
        outports: &'a Outports,
    ) -> impl Future<Output = Result<(), Failure>> + Send + 'a;

    /// Is called once, after the last firing and before the outports close: the place to send totals.
    ///
    /// # Errors
    /// Whatever goes wrong; the run fails with it.
    fn finish<'a>(
        &'a self,
        _state: &'a mut Self::State,
        _outports: &'a Outports,
    ) -> impl Future<Output = Result<(), Failure>> + Send + 'a {
        async { Ok(()) }
    }
}

/// What a component declares. Ports have positions in the order in which they are declared, each kind by itself.
#[derive(Debug)]
#[must_use]
pub struct Declaration {
    pub(super) name: String,
    pub(super) module: String,
    pub(super) inports: Vec<DeclaredInport>,
    pub(super) outports: Vec<(String, Kind)>,
    pub(super) persists: Vec<DeclaredPersist>,
    /// Whether it is a persistent value that was declared last, of these and inports.
    persists_last: bool,
    pub(super) blocking: bool,
}

/// An inport as declared.
#[derive(Debug)]
pub(super) struct DeclaredInport {
    pub name: String,
    pub kind: Kind,
    /// That of the items, if the port takes a list.
    pub element: Option<Kind>,
    pub capacity: Option<usize>,
    pub default: Option<Value>,
    pub optional: bool,
    pub traits: Traits,
}

/// A persistent value as declared.
#[derive(Debug)]
pub(super) struct DeclaredPersist {
    pub name: String,
    pub traits: Traits,
}

impl DeclaredInport {
    /// A value of it as people read it, if that is known.
    pub fn show(&self, value: &Value) -> Option<String> {
        self.traits.show(value, self.element.is_some())
    }
}

impl Declaration {
    /// A component without ports, and the module that it comes from.
    pub fn new(name: impl Into<String>, module: impl Into<String>) -> Self {
        let (name, module) = (name.into(), module.into());
        let (inports, outports, persists) = (Vec::new(), Vec::new(), Vec::new());
        Self { name, module, inports, outports, persists, persists_last: false, blocking: false }
    }

    /// One inport more, for values of type `T`.
    pub fn inport<T: Data>(self, name: impl Into<String>) -> Self {
        self.port(name.into(), Kind::of::<T>(), None)
    }

    /// One inport more, for lists: batches of values of type `T`, or each a `Vec<T>` that was sent as such.
    pub fn inport_of_lists<T: Data>(self, name: impl Into<String>) -> Self {
        self.port(name.into(), Kind::of::<Vec<T>>(), Some(Kind::of::<T>()))
    }

    fn port(mut self, name: String, kind: Kind, element: Option<Kind>) -> Self {
        let capacity = Some(DEFAULT_CAPACITY);
        self.persists_last = false;
        let (default, optional, traits) = (None, false, Traits::default());
        self.inports.push(DeclaredInport { name, kind, element, capacity, default, optional, traits });
        self
    }

    /// The capacity of the inport declared last; `None` is without bound.
    pub fn capacity(mut self, capacity: Option<usize>) -> Self {
        if let Some(inport) = self.inports.last_mut() {
            inport.capacity = capacity;
        }
        self
    }

    /// What the inport declared last shows as long as nothing is connected to it.
    pub fn default<T: Data>(mut self, value: T) -> Self {
        if let Some(inport) = self.inports.last_mut() {
            inport.default = Some(Value::new(value));
        }
        self
    }

    /// The runner can do without a value of the inport declared last: see [`Row::take_latest`].
    pub fn optional(mut self) -> Self {
        if let Some(inport) = self.inports.last_mut() {
            inport.optional = true;
        }
        self
    }

    /// What is known of the values of the inport or persistent value declared last; of an inport for lists, of the values in
    /// them.
    pub fn traits(mut self, traits: Traits) -> Self {
        let persist = self.persists.last_mut().filter(|_| self.persists_last).map(|persist| &mut persist.traits);
        if let Some(declared) = persist.or(self.inports.last_mut().map(|inport| &mut inport.traits)) {
            *declared = traits;
        }
        self
    }

    /// One outport more, for values of type `T`.
    pub fn outport<T: Data>(mut self, name: impl Into<String>) -> Self {
        self.outports.push((name.into(), Kind::of::<T>()));
        self
    }

    /// One persistent value more, which the state holds.
    pub fn persist(mut self, name: impl Into<String>) -> Self {
        self.persists.push(DeclaredPersist { name: name.into(), traits: Traits::default() });
        self.persists_last = true;
        self
    }

    /// Firings compute for long, or wait for the system, without awaiting: each instance gets a thread of its own.
    pub fn blocking(mut self) -> Self {
        self.blocking = true;
        self
    }
}

/// What was set on the persistent values of an instance.
#[derive(Clone, Copy, Debug)]
pub struct Settings<'a>(pub(super) &'a [Option<Value>]);

impl Settings<'_> {
    /// The value that the persistent value at a position is to start with, if one was set.
    ///
    /// # Errors
    /// It is of another type.
    pub fn get<T: 'static>(&self, persist: usize) -> Result<Option<T>, Mismatch> {
        self.0.get(persist).and_then(Option::as_ref).map(Value::make).transpose()
    }
}

/// The values of one firing, by the positions of the inports.
#[derive(Debug)]
pub struct Row {
    pub(super) values: Vec<Option<Value>>,
}

impl Row {
    pub(super) fn new(inports: usize) -> Self {
        Self { values: vec![None; inports] }
    }

    /// Takes the value of an inport.
    ///
    /// # Errors
    /// It is of another type, or there is none: it was taken before, or the port has not had one yet.
    pub fn take<T: Data>(&mut self, inport: usize) -> Result<T, Failure> {
        Ok(self.value(inport).ok_or_else(|| absent(inport))?.take()?)
    }

    /// Takes the value of an inport that may not have had one yet: a passive port, or one of another trigger group.
    ///
    /// # Errors
    /// It is of another type.
    pub fn take_latest<T: Data>(&mut self, inport: usize) -> Result<Option<T>, Failure> {
        Ok(self.value(inport).map(Value::take).transpose()?)
    }

    /// Takes the list that an inport delivers: a batch, or a `Vec` that was sent as such.
    ///
    /// # Errors
    /// It is of another type, or there is none.
    pub fn take_list<T: Data>(&mut self, inport: usize) -> Result<Vec<T>, Failure> {
        Ok(self.value(inport).ok_or_else(|| absent(inport))?.take_list()?)
    }

    fn value(&mut self, inport: usize) -> Option<Value> {
        self.values.get_mut(inport)?.take()
    }
}

fn absent(inport: usize) -> Failure {
    format!("there is no value for the inport at position {inport}").into()
}

/// What a runner returns.
pub trait Outcome {
    /// As a result.
    ///
    /// # Errors
    /// What it says.
    fn into_result(self) -> Result<(), Failure>;
}

impl Outcome for () {
    fn into_result(self) -> Result<(), Failure> {
        Ok(())
    }
}

impl<E: Into<Failure>> Outcome for Result<(), E> {
    fn into_result(self) -> Result<(), Failure> {
        self.map_err(Into::into)
    }
}

/// What a lane does until it ends.
pub(super) type Course = Pin<Box<dyn Future<Output = Result<(), Failure>> + Send>>;

/// A component without its type: what definitions hold.
pub(super) trait Blueprint: Send + Sync {
    fn declaration(&self) -> &Declaration;
    fn courses(self: Arc<Self>, lanes: Vec<Lane>, settings: Vec<Option<Value>>) -> Vec<Course>;
}

struct Made<C> {
    component: C,
    declaration: Declaration,
}

impl<C: Component> Blueprint for Made<C> {
    fn declaration(&self) -> &Declaration {
        &self.declaration
    }

    fn courses(self: Arc<Self>, lanes: Vec<Lane>, settings: Vec<Option<Value>>) -> Vec<Course> {
        let stage = Arc::new(Stage::new(lanes.len(), settings));
        let course = |lane| {
            let (this, stage) = (self.clone(), stage.clone());
            Box::pin(async move { drive(&this.component, lane, &stage).await }) as Course
        };
        lanes.into_iter().map(course).collect()
    }
}

/// What the payload of a definition is.
pub(super) struct Payload(pub Arc<dyn Blueprint>);

/// What a component has declared; `None` if it is none that was [defined](define) here.
pub(super) fn declared(definition: &Definition<Value>) -> Option<&Declaration> {
    definition.payload.get::<Payload>().map(|payload| payload.0.declaration())
}

/// The definition of a component, of which graphs hold instances.
///
/// # Errors
/// A name is empty or used twice, or a capacity is 0.
pub fn define(component: impl Component) -> Result<Arc<Definition<Value>>, GraphError> {
    let declaration = component.declare();
    let inport = |port: &DeclaredInport| Inport {
        name: port.name.clone(),
        capacity: port.capacity,
        default: port.default.clone(),
    };
    let inports = declaration.inports.iter().map(inport).collect();
    let outports = declaration.outports.iter().map(|(name, _)| Outport { name: name.clone() }).collect();
    let persists = declaration.persists.iter().map(|persist| Persist { name: persist.name.clone() }).collect();
    let (name, module) = (declaration.name.clone(), declaration.module.clone());
    let payload = Value::new(Payload(Arc::new(Made { component, declaration })));
    Ok(Arc::new(Definition::new(name, module, inports, outports, persists, payload)?))
}
