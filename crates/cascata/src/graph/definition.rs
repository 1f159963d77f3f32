//! What a component is, apart from its instances.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};

use super::{GraphError, PortKind};

/// How many items the channel of an inport holds if nothing else is said.
pub const DEFAULT_CAPACITY: usize = 10;

/// A component as it was declared: its ports and the language's own description of it.
///
/// Every instance in a graph shares one definition by [`Arc`](std::sync::Arc); two nodes are instances of the same
/// component when they hold the same `Arc`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Definition<V> {
    /// Name of the component's function.
    pub name: String,
    /// Where the function lives.
    pub module: String,
    /// The declared inports, in order.
    pub inports: Vec<Inport<V>>,
    /// The declared outports, in order.
    pub outports: Vec<Outport>,
    /// The declared persistent values, in order.
    pub persists: Vec<Persist>,
    /// What the language needs to run the component.
    pub payload: V,
}

/// Where values enter a component.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Inport<V> {
    /// Name of the port, and of the runner's parameter.
    pub name: String,
    /// How many items its channel holds; `None` is without bound.
    pub capacity: Option<usize>,
    /// The value of the port while nothing is connected to it.
    pub default: Option<V>,
}

/// Where values leave a component.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Outport {
    /// Name of the port, and of the runner's parameter.
    pub name: String,
}

/// State that an instance keeps between firings.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Persist {
    /// Name of the persistent value, and of the runner's parameter.
    pub name: String,
}

impl<V> Definition<V> {
    /// Declares a component.
    ///
    /// # Errors
    ///
    /// When a name is empty or used twice, or a capacity is 0.
    pub fn new(
        name: impl Into<String>,
        module: impl Into<String>,
        inports: Vec<Inport<V>>,
        outports: Vec<Outport>,
        persists: Vec<Persist>,
        payload: V,
    ) -> Result<Self, GraphError> {
        let definition = Self { name: name.into(), module: module.into(), inports, outports, persists, payload };
        definition.validate()?;
        Ok(definition)
    }

    /// The same with other values.
    pub(crate) fn map<W, E>(&self, convert: &mut impl FnMut(&V) -> Result<W, E>) -> Result<Definition<W>, E> {
        let mut inports = Vec::with_capacity(self.inports.len());
        for Inport { name, capacity, default } in &self.inports {
            let default = default.as_ref().map(&mut *convert).transpose()?;
            inports.push(Inport { name: name.clone(), capacity: *capacity, default });
        }
        Ok(Definition {
            name: self.name.clone(),
            module: self.module.clone(),
            inports,
            outports: self.outports.clone(),
            persists: self.persists.clone(),
            payload: convert(&self.payload)?,
        })
    }

    /// Position of the port called `port`, of the kind asked for.
    pub fn position(&self, kind: PortKind, port: &str) -> Option<usize> {
        match kind {
            PortKind::Inport => self.inports.iter().position(|declared| declared.name == port),
            PortKind::Outport => self.outports.iter().position(|declared| declared.name == port),
            PortKind::Persist => self.persists.iter().position(|declared| declared.name == port),
        }
    }

    /// The names of all ports of one kind, in the order of their declaration.
    pub fn names(&self, kind: PortKind) -> Vec<String> {
        match kind {
            PortKind::Inport => self.inports.iter().map(|port| port.name.clone()).collect(),
            PortKind::Outport => self.outports.iter().map(|port| port.name.clone()).collect(),
            PortKind::Persist => self.persists.iter().map(|port| port.name.clone()).collect(),
        }
    }

    fn validate(&self) -> Result<(), GraphError> {
        if self.name.is_empty() {
            return Err(GraphError::UnnamedDefinition);
        }
        let mut seen = HashSet::new();
        for kind in [PortKind::Inport, PortKind::Outport, PortKind::Persist] {
            for port in self.names(kind) {
                if port.is_empty() {
                    return Err(GraphError::UnnamedPort { definition: self.name.clone(), kind });
                }
                if !seen.insert(port.clone()) {
                    return Err(GraphError::DuplicatePort { definition: self.name.clone(), port });
                }
            }
        }
        match self.inports.iter().find(|port| port.capacity == Some(0)) {
            Some(port) => Err(GraphError::ZeroCapacity { definition: self.name.clone(), port: port.name.clone() }),
            None => Ok(()),
        }
    }
}
