//! The calling program's ends of the channels of its run.
//!
//! To the graph a tap is a component like any other, connected to what is exported ([`Graph::tapped`]), and here it is one:
//! it has a task, whose only firing passes values on between its port and a [`Gate`], where the program stands. So
//! back-pressure, order, dead runs and the end are those of components: one that waits for the program at a gate awaits
//! something that is no channel, and is alive.
//!
//! [`Graph::tapped`]: crate::graph::Graph::tapped

mod feed;
mod gate;
mod tap;

pub use feed::{Closed, Feed};
pub use tap::Tap;

use std::sync::Arc;

use indexmap::IndexMap;
use thiserror::Error;

use self::{feed::Feeding, gate::Gate, tap::Reading};
use super::{
    Data, Export, ExportedIn, ExportedOut, Kind, Value,
    component::{Blueprint, declared},
    crew::Crew,
};
use crate::{
    graph::sentence,
    plan::{Plan, PlannedTap},
};

/// Why a tap cannot be had.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum TapError {
    /// There is no such one.
    #[error("the run has no tap {export} of this kind; there are: {}", sentence(exports))]
    Unknown {
        /// The name of the export.
        export: String,
        /// Those there are.
        exports: Vec<String>,
    },
    /// Somebody has it already.
    #[error("the tap {export} was taken before: it has one end")]
    Taken {
        /// The name of the export.
        export: String,
    },
    /// It is for values of another type.
    #[error("the tap {export} is for values of type {is}, and was taken for one of {asked}")]
    Values {
        /// The name of the export.
        export: String,
        /// Their type.
        is: Kind,
        /// What was asked for.
        asked: Kind,
    },
}

/// The taps of a run.
#[derive(Debug)]
pub(super) struct Taps {
    gates: Vec<Arc<Gate>>,
}

impl Taps {
    /// Those of a run of `plan`.
    pub fn new(plan: &Plan<Value>) -> Self {
        Self { gates: plan.taps.iter().map(|_| Arc::default()).collect() }
    }

    /// What the node of a tap does.
    pub fn blueprint(&self, plan: &Plan<Value>, node: usize) -> Option<Arc<dyn Blueprint>> {
        let number = plan.taps.iter().position(|tap| tap.node == node)?;
        let gate = self.gates[number].clone();
        Some(if plan.taps[number].feeds { Arc::new(Feeding::new(gate)) } else { Arc::new(Reading::new(gate)) })
    }

    pub fn feed<T: Data>(&self, crew: &Crew, export: &ExportedIn<T>) -> Result<Feed<T>, TapError> {
        self.take(crew, export, true).map(Feed::new)
    }

    pub fn tap<T: Data>(&self, crew: &Arc<Crew>, export: &ExportedOut<T>) -> Result<Tap<T>, TapError> {
        self.take(crew, export, false).map(|gate| Tap::new(gate, crew.clone()))
    }

    fn take<E: Export>(&self, crew: &Crew, export: &E, feeds: bool) -> Result<Arc<Gate>, TapError> {
        let (plan, name) = (&crew.plan, export.name());
        let named = |tap: &PlannedTap| tap.feeds == feeds && tap.exports.iter().any(|other| other == name);
        let Some(number) = plan.taps.iter().position(named) else {
            let exports = plan.taps.iter().filter(|tap| tap.feeds == feeds).flat_map(|tap| tap.exports.clone());
            return Err(TapError::Unknown { export: name.to_owned(), exports: exports.collect() });
        };
        if let Some(is) = values(plan, &plan.taps[number]).filter(|is| *is != E::values()) {
            return Err(TapError::Values { export: name.to_owned(), is, asked: E::values() });
        }
        let gate = &self.gates[number];
        if gate.take() { Ok(gate.clone()) } else { Err(TapError::Taken { export: name.to_owned() }) }
    }

    /// The program waits for the end of the run: nothing more is fed, and what nobody reads meanwhile is discarded.
    pub fn end(&self, plan: &Plan<Value>) {
        for (gate, tap) in self.gates.iter().zip(&plan.taps) {
            if tap.feeds || !gate.is_read_elsewhere() {
                gate.close();
            }
        }
    }
}

/// The type of what passes a tap.
fn values(plan: &Plan<Value>, tap: &PlannedTap) -> Option<Kind> {
    if !tap.feeds {
        let channel = plan.channels_of(tap.node, 0).next()?;
        let &(node, outport) = plan.channels[channel].producers.first()?;
        return Some(declared(&plan.nodes[node].definition)?.outports[outport].1);
    }
    let port = &plan.nodes[tap.node].outports[0];
    let channel = port.channels.first().or_else(|| port.shares.first()?.channels.first())?;
    let channel = &plan.channels[*channel];
    let node = &plan.nodes[channel.node];
    let inport = &declared(&node.definition)?.inports[channel.inport];
    let batched = node.inports[channel.inport].batch.is_some();
    Some(inport.element.filter(|_| batched).unwrap_or(inport.kind))
}

/// What has passed a tap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TapReport {
    /// Items that the program has put in or read.
    pub items: u64,
    /// Items that nobody has read.
    pub unread: u64,
}

/// By the names of exports.
pub(super) fn report(crew: &Crew) -> IndexMap<String, TapReport> {
    let taps = crew.plan.taps.iter().flat_map(|tap| {
        let meter = crew.memory.meter(tap.node);
        let report = if tap.feeds {
            TapReport { items: meter.outports[0].sent.get(), unread: 0 }
        } else {
            TapReport { items: meter.inports[0].taken.get(), unread: meter.inports[0].discarded.get() }
        };
        tap.exports.iter().map(move |export| (export.clone(), report))
    });
    taps.collect()
}
