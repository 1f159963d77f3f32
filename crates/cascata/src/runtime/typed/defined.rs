//! Definitions whose ports have types.

use std::{fmt, marker::PhantomData, sync::Arc};

use super::Instance;
use crate::{
    graph::{Definition, GraphError},
    runtime::{Component, Value, define},
};

/// A definition whose ports have types: what a function under `#[component]` gives.
pub struct Defined<P> {
    pub(super) inner: Result<Arc<Definition<Value>>, GraphError>,
    ports: PhantomData<fn() -> P>,
}

impl<P> fmt::Debug for Defined<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Defined").field(&self.inner.as_ref().map(|definition| &definition.name)).finish()
    }
}

impl<P> Clone for Defined<P> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), ports: PhantomData }
    }
}

impl<P: Ports> Defined<P> {
    /// The definition of a component whose ports are `P`.
    pub fn new(component: impl Component) -> Self {
        Self { inner: define(component), ports: PhantomData }
    }

    /// The definition without types.
    ///
    /// # Errors
    /// The component declares what no component can be: an inport with a capacity of 0.
    pub fn definition(&self) -> Result<Arc<Definition<Value>>, GraphError> {
        self.inner.clone()
    }
}

/// The ports of a component.
pub trait Ports {
    /// The same in a graph.
    type At<'graph>: Instance<'graph>;
}
