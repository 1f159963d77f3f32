//! A plan in a form that can leave its process.

use std::{collections::HashMap, convert::Infallible, sync::Arc};

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::{Plan, PlannedDesk, PlannedInport, PlannedNode, PlannedPersist, Sharing};
use crate::graph::Definition;

/// A plan apart from its values, which it names by position in a list; its nodes name their definitions so, too.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Packed {
    /// Each definition once, however many nodes are instances of it.
    definitions: Vec<Definition<usize>>,
    plan: Plan<usize, usize>,
}

/// A packed plan that names what there is not.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("the packed plan names {what} {position} of {len}")]
pub struct UnpackError {
    what: &'static str,
    position: usize,
    len: usize,
}

impl<V: Clone> Plan<V> {
    /// Separates the plan from its values.
    pub fn pack(&self) -> (Packed, Vec<V>) {
        let mut values = Vec::new();
        let mut take = |value: &V| {
            values.push(value.clone());
            Ok::<_, Infallible>(values.len() - 1)
        };
        let mut definitions = Vec::new();
        let mut positions = HashMap::new();
        let mut nodes = Vec::with_capacity(self.nodes.len());
        for node in &self.nodes {
            let position = *positions.entry(Arc::as_ptr(&node.definition)).or_insert_with(|| {
                let Ok(definition) = node.definition.map(&mut take);
                definitions.push(definition);
                definitions.len() - 1
            });
            let Ok(node) = node.map(position, &mut take);
            nodes.push(node);
        }
        let Ok(desks) = self.desks.iter().map(|desk| desk.map(&mut take)).collect::<Result<Vec<_>, _>>();
        (Packed { definitions, plan: self.with(nodes, desks) }, values)
    }
}

impl Packed {
    /// Puts a plan and its values together again. Nodes share their definitions as before.
    ///
    /// # Errors
    ///
    /// If it names a value or a definition that there is not.
    pub fn unpack<V: Clone>(&self, values: &[V]) -> Result<Plan<V>, UnpackError> {
        let mut give = |&position: &usize| at(values, position, "value");
        let mut definitions = Vec::with_capacity(self.definitions.len());
        for definition in &self.definitions {
            definitions.push(Arc::new(definition.map(&mut give)?));
        }
        let mut nodes = Vec::with_capacity(self.plan.nodes.len());
        for node in &self.plan.nodes {
            nodes.push(node.map(at(&definitions, node.definition, "definition")?, &mut give)?);
        }
        let desks = self.plan.desks.iter().map(|desk| desk.map(&mut give)).collect::<Result<_, _>>()?;
        Ok(self.plan.with(nodes, desks))
    }
}

fn at<T: Clone>(list: &[T], position: usize, what: &'static str) -> Result<T, UnpackError> {
    list.get(position).cloned().ok_or(UnpackError { what, position, len: list.len() })
}

impl<V, D> Plan<V, D> {
    /// The same with other nodes and desks.
    fn with<W, E>(&self, nodes: Vec<PlannedNode<W, E>>, desks: Vec<PlannedDesk<W>>) -> Plan<W, E> {
        Plan {
            nodes,
            channels: self.channels.clone(),
            gathers: self.gathers.clone(),
            turnstiles: self.turnstiles.clone(),
            desks,
            workers: self.workers,
            local: self.local,
            taps: self.taps.clone(),
            cycles: self.cycles.clone(),
        }
    }
}

impl<V> PlannedDesk<V> {
    /// The same with another value.
    fn map<W, E>(&self, convert: &mut impl FnMut(&V) -> Result<W, E>) -> Result<PlannedDesk<W>, E> {
        let sharing = match &self.sharing {
            Sharing::Balanced => Sharing::Balanced,
            Sharing::RoundRobin => Sharing::RoundRobin,
            Sharing::Keyed { function, port } => Sharing::Keyed { function: convert(function)?, port: *port },
        };
        Ok(PlannedDesk { units: self.units.clone(), rows: self.rows, senders: self.senders, sharing })
    }
}

impl<V, D> PlannedNode<V, D> {
    /// The same with other values, and with `definition` in the place of its own.
    fn map<W, D2, E>(
        &self,
        definition: D2,
        convert: &mut impl FnMut(&V) -> Result<W, E>,
    ) -> Result<PlannedNode<W, D2>, E> {
        let mut inports = Vec::with_capacity(self.inports.len());
        for PlannedInport { name, role, initial, batch, sources } in &self.inports {
            let (name, sources) = (name.clone(), sources.clone());
            let initial = initial.as_ref().map(&mut *convert).transpose()?;
            inports.push(PlannedInport { name, role: *role, initial, batch: *batch, sources });
        }
        let mut persists = Vec::with_capacity(self.persists.len());
        for PlannedPersist { name, arguments, state } in &self.persists {
            let arguments = arguments.as_ref().map(&mut *convert).transpose()?;
            let state = state.as_ref().map(&mut *convert).transpose()?;
            persists.push(PlannedPersist { name: name.clone(), arguments, state });
        }
        Ok(PlannedNode {
            name: self.name.clone(),
            definition,
            worker: self.worker,
            inports,
            outports: self.outports.clone(),
            persists,
            groups: self.groups.clone(),
            numbering: self.numbering.clone(),
            watched: self.watched.clone(),
            bequests: self.bequests.clone(),
        })
    }
}
