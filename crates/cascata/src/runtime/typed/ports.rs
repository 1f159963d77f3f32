//! Ports of a graph, with the types of the values that pass them.

use std::{fmt, marker::PhantomData, ops::Shr, time::Duration};

use super::{Graph, done};
use crate::{
    channel::lock,
    graph::{Batch, End, GraphError, Policy, PortKind},
    runtime::{Data, Key, Value},
};

/// A component or group in a graph.
#[derive(Clone, Copy)]
pub struct Place<'graph> {
    pub(super) graph: &'graph Graph,
    pub(super) end: End,
}

impl fmt::Debug for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name())
    }
}

impl<'graph> Place<'graph> {
    /// The inport at a position, for values of type `T`.
    pub fn inport<T: Data>(self, port: usize) -> In<'graph, T> {
        In { place: self, port, values: PhantomData }
    }

    /// The outport at a position, for values of type `T`.
    pub fn outport<T: Data>(self, port: usize) -> Out<'graph, T> {
        Out { place: self, port, ordered: true, values: PhantomData }
    }

    /// The persistent value at a position, of type `T`.
    pub fn state<T: 'static>(self, port: usize) -> State<'graph, T> {
        State { place: self, port, values: PhantomData }
    }

    /// Its name in the graph.
    pub fn name(self) -> String {
        lock(&self.graph.inner).end_name(&self.end).to_owned()
    }

    pub(super) fn port(self, kind: PortKind, port: usize) -> String {
        let graph = lock(&self.graph.inner);
        let node = graph.members(&self.end).first().map(|&member| &graph.nodes()[member]);
        node.and_then(|node| node.definition.names(kind).into_iter().nth(port)).unwrap_or_default()
    }
}

/// Where values of type `T` enter a component, or the members of a group.
pub struct In<'graph, T> {
    pub(super) place: Place<'graph>,
    pub(super) port: usize,
    values: PhantomData<fn(T)>,
}

/// Where values of type `T` leave a component, or the members of a group.
///
/// `out >> inp` connects it; every inport that is connected gets every value.
pub struct Out<'graph, T> {
    pub(super) place: Place<'graph>,
    pub(super) port: usize,
    pub(super) ordered: bool,
    values: PhantomData<fn() -> T>,
}

/// A persistent value of type `T` of a component, or of each member of a group.
pub struct State<'graph, T> {
    place: Place<'graph>,
    port: usize,
    values: PhantomData<fn(T)>,
}

/// An outport whose values are to arrive in lists; see [`Out::batch`].
#[derive(Debug)]
#[must_use = "nothing is connected yet"]
pub struct Batched<'graph, T> {
    out: Out<'graph, T>,
    batch: Batch,
}

macro_rules! handles {
    ($($name:ident $kind:ident),*) => {$(
        impl<T> Clone for $name<'_, T> {
            fn clone(&self) -> Self {
                *self
            }
        }

        impl<T> Copy for $name<'_, T> {}

        impl<T> fmt::Debug for $name<'_, T> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}.{}", self.place.name(), self.name())
            }
        }

        impl<T> $name<'_, T> {
            /// Its name.
            pub fn name(&self) -> String {
                self.place.port(PortKind::$kind, self.port)
            }
        }
    )*};
}

handles!(In Inport, Out Outport, State Persist);

impl<'graph, T: Data> Out<'graph, T> {
    /// Connects the port to an inport, as `out >> inp` does.
    ///
    /// # Errors
    /// They are connected already, or are ports of different graphs.
    pub fn connect(self, inport: In<'_, T>) -> Result<(), GraphError> {
        self.link(inport.place, &inport.name(), None)
    }

    fn link(self, to: Place<'_>, inport: &str, batch: Option<Batch>) -> Result<(), GraphError> {
        if !std::ptr::eq(self.place.graph, to.graph) {
            return Err(GraphError::UnknownNode { node: to.name(), nodes: Vec::new() });
        }
        let (outport, from, to) = (self.name(), self.place.name(), to.name());
        let mut graph = lock(&self.place.graph.inner);
        match batch {
            Some(batch) => graph.link_in_batches(&from, &outport, &to, inport, self.ordered, None, batch),
            None => graph.link(&from, &outport, &to, inport, self.ordered, None),
        }
    }

    /// The same port of a group, whose values are delivered as they come, not in the order of what the members were given.
    #[must_use]
    pub fn unordered(self) -> Self {
        Self { ordered: false, ..self }
    }

    /// Has the values arrive in lists of `size`, the last one shorter: `out.batch(3) >> inp` for an inport of a `Vec`.
    pub fn batch(self, size: usize) -> Batched<'graph, T> {
        Batched { out: self, batch: Batch { size: Some(size), within: None } }
    }

    /// The same, and a list is complete so long after its first value, too.
    pub fn batch_within(self, size: usize, within: Duration) -> Batched<'graph, T> {
        Batched { out: self, batch: Batch { size: Some(size), within: Some(within.as_secs_f64()) } }
    }

    /// Has all values arrive as one list, at the end of the stream.
    pub fn as_list(self) -> Batched<'graph, T> {
        Batched { out: self, batch: Batch { size: None, within: None } }
    }

    pub(in crate::runtime) fn place(&self) -> (String, String) {
        (self.place.name(), self.name())
    }
}

/// Connects the ports.
///
/// # Panics
/// They are connected already, or are ports of different graphs.
impl<T: Data> Shr<In<'_, T>> for Out<'_, T> {
    type Output = ();

    #[track_caller]
    fn shr(self, inport: In<'_, T>) {
        done(self.connect(inport));
    }
}

impl<T: Data> Batched<'_, T> {
    /// Connects the port to an inport for lists, as `out.batch(3) >> inp` does.
    ///
    /// # Errors
    /// They are connected already, are ports of different graphs, or the inport delivers other batches.
    pub fn connect(self, inport: In<'_, Vec<T>>) -> Result<(), GraphError> {
        self.out.link(inport.place, &inport.name(), Some(self.batch))
    }
}

/// Connects the ports.
///
/// # Panics
/// They are connected already, are ports of different graphs, or the inport delivers other batches.
impl<T: Data> Shr<In<'_, Vec<T>>> for Batched<'_, T> {
    type Output = ();

    #[track_caller]
    fn shr(self, inport: In<'_, Vec<T>>) {
        done(self.connect(inport));
    }
}

impl<T: Data> In<'_, T> {
    /// Puts a value on the port: what it shows as long as nothing is connected, else the first that it delivers.
    pub fn set(self, value: T) {
        let (to, port) = (self.place.name(), self.name());
        let before = lock(&self.place.graph.inner).set_initial(&to, &port, Value::new(value), true);
        drop(done(before));
    }

    /// How many values its channel holds; `None` is without bound.
    ///
    /// # Panics
    /// The capacity is 0.
    #[track_caller]
    pub fn capacity(self, capacity: Option<usize>) -> Self {
        let (to, port) = (self.place.name(), self.name());
        done(lock(&self.place.graph.inner).set_capacity(&to, &port, capacity));
        self
    }

    /// Has values go to the members of the group one after the other.
    ///
    /// # Panics
    /// It is no port of a group, or has another policy.
    #[track_caller]
    pub fn round_robin(self) -> Self {
        self.share(Policy::RoundRobin)
    }

    /// Has every member of the group get every value.
    ///
    /// # Panics
    /// It is no port of a group, or has another policy.
    #[track_caller]
    pub fn broadcast(self) -> Self {
        self.share(Policy::Broadcast)
    }

    /// Has values for which the function gives equal keys always meet the same member of the group.
    ///
    /// # Panics
    /// It is no port of a group, or has another policy.
    #[track_caller]
    pub fn keyed(self, key: impl Fn(&T) -> u64 + Send + Sync + 'static) -> Self {
        self.share(Policy::Keyed(Value::key(key)))
    }

    /// The same by a function that has a name, so that a file can tell it.
    ///
    /// # Panics
    /// It is no port of a group, or has another policy.
    #[track_caller]
    pub fn keyed_by(self, key: &Key<T>) -> Self {
        self.share(Policy::Keyed(key.function.clone()))
    }

    #[track_caller]
    fn share(self, policy: Policy<Value>) -> Self {
        let (to, port) = (self.place.name(), self.name());
        done(lock(&self.place.graph.inner).share(&to, &port, policy));
        self
    }
}

impl<T: 'static> State<'_, T> {
    /// What a run starts with, in the place of what the component declares; called once for each run and instance.
    pub fn init(self, make: impl Fn() -> T + Send + Sync + 'static) {
        self.start(Value::maker(make));
    }

    /// The same where it is a clone of this value. A file can tell it, other than a function.
    pub fn set(self, value: T)
    where
        T: Data,
    {
        self.start(Value::starting(value));
    }

    fn start(self, maker: Value) {
        let (to, persist) = (self.place.name(), self.name());
        let before = lock(&self.place.graph.inner).set_state(&to, &persist, maker);
        drop(done(before));
    }
}
