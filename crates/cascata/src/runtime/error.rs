//! What can go wrong with a run.

use std::{error::Error, fmt, io, time::Duration};

use thiserror::Error;

use super::Value;
use crate::{
    graph::{Issue, sentence},
    plan::{PlanError, PlannedNode},
};

/// What a component fails with: any error.
pub type Failure = Box<dyn Error + Send + Sync>;

/// Why a run has failed, or could not begin.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum RunError {
    /// The graph cannot run: some inport is fed by nothing, or components wait for each other.
    #[error("the graph cannot run: {}", lines(.0))]
    Check(Vec<Issue>),
    /// Values would come to ports of other types, or not be there when they are needed.
    #[error("the ports of the graph do not fit: {}", lines(.0))]
    Types(Vec<String>),
    /// It was asked for something that cannot be planned.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// The system has refused memory or a thread.
    #[error("the system cannot start the run: {0}")]
    System(#[from] io::Error),
    /// A component has failed.
    #[error(transparent)]
    Component(#[from] ComponentError),
    /// Nothing can move any more: what each unfinished component waits for.
    #[error("nothing can move any more: every unfinished component waits for another: {}", lines(.0))]
    Deadlock(Vec<String>),
    /// It took too long: the time it was given, and what each unfinished component was doing.
    #[error("the run has not ended within {after:?}: {}", lines(unfinished))]
    Timeout {
        /// The time.
        after: Duration,
        /// What was still running.
        unfinished: Vec<String>,
    },
}

/// A component has failed.
#[derive(Debug)]
pub struct ComponentError {
    /// Its name in the graph.
    pub component: String,
    /// The name of its definition.
    pub definition: String,
    /// What the firing was called with, shortened: a text for each inport that had a value. Empty if that was not
    /// [written down](super::Launch::show_inputs), or if it was no firing that failed.
    pub inputs: Vec<(String, String)>,
    /// Why.
    pub cause: Cause,
    /// What else has gone wrong on the way.
    pub others: Vec<RunError>,
}

/// Why a component has failed.
#[derive(Debug)]
pub enum Cause {
    /// Its runner, or what makes its state, has returned this error.
    Error(Failure),
    /// It has panicked, with this message.
    Panic(String),
}

impl Cause {
    pub(super) fn of(self, node: &PlannedNode<Value>, inputs: Vec<(String, String)>) -> RunError {
        let (component, definition) = (node.name.clone(), node.definition.name.clone());
        RunError::Component(ComponentError { component, definition, inputs, cause: self, others: Vec::new() })
    }
}

impl fmt::Display for ComponentError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "component {}", self.component)?;
        if self.definition != self.component {
            write!(f, " ({})", self.definition)?;
        }
        match &self.cause {
            Cause::Error(error) => write!(f, " has failed: {error}")?,
            Cause::Panic(text) => write!(f, " has panicked: {text}")?,
        }
        if !self.inputs.is_empty() {
            let inputs: Vec<_> = self.inputs.iter().map(|(name, value)| format!("{name}={value}")).collect();
            write!(f, "; it was called with {}", inputs.join(", "))?;
        }
        match &self.others[..] {
            [] => Ok(()),
            others => write!(f, "; besides: {}", sentence(&others.iter().map(ToString::to_string).collect::<Vec<_>>())),
        }
    }
}

impl Error for ComponentError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match &self.cause {
            Cause::Error(error) => Some(&**error),
            Cause::Panic(_) => None,
        }
    }
}

/// Each on a line of its own if there are several.
fn lines<T: fmt::Display>(texts: &[T]) -> String {
    match texts {
        [text] => text.to_string(),
        texts => texts.iter().map(|text| format!("\n  {text}")).collect(),
    }
}
