//! An instance of a component.

use std::sync::Arc;

use super::{Batch, Definition};

/// An instance of a component, with all that was said about it: values, trigger groups, weights.
///
/// Ports are named by their position in the definition. A node knows nothing of its name or of what it is connected
/// to; that is the graph's.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Node<V> {
    /// What it is an instance of.
    pub definition: Arc<Definition<V>>,
    /// How many items the channel of each inport holds, as declared or set; `None` is without bound.
    pub capacities: Vec<Option<usize>>,
    /// The value set on each inport, in the place of the declared default.
    pub initials: Vec<Option<Initial<V>>>,
    /// The batches in which each inport delivers its items, if it does.
    pub batches: Vec<Option<Batch>>,
    /// What was set on each persistent value.
    pub persists: Vec<PersistSetting<V>>,
    /// Declared trigger groups, as positions of inports. Empty: the default group.
    pub triggers: Vec<Vec<usize>>,
    /// Relative work of the component.
    pub cost: f64,
    /// Relative number of items that leave it.
    pub traffic: f64,
}

/// A value on an inport.
#[derive(Debug, Clone)]
pub struct Initial<V> {
    /// The value.
    pub value: V,
    /// Whether it stays, as the first item, when the port is connected; a default does not.
    pub explicit: bool,
}

/// What was set on a persistent value of one instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PersistSetting<V> {
    /// Arguments of the initialiser.
    pub arguments: Option<V>,
    /// A value to start with, in place of calling the initialiser.
    pub state: Option<V>,
}

impl<V> Node<V> {
    pub(super) fn new(definition: Arc<Definition<V>>) -> Self {
        Self {
            capacities: definition.inports.iter().map(|inport| inport.capacity).collect(),
            initials: definition.inports.iter().map(|_| None).collect(),
            batches: definition.inports.iter().map(|_| None).collect(),
            persists: definition.persists.iter().map(|_| PersistSetting { arguments: None, state: None }).collect(),
            triggers: Vec::new(),
            cost: 1.0,
            traffic: 1.0,
            definition,
        }
    }
}
