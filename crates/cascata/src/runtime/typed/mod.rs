//! Graphs whose connections the compiler checks.
//!
//! A [`Graph`] holds the same description as one without types, and has the ports of what is in it as values: their types
//! say what fits. A port is a place in a graph and a position; it has nothing of its own.

mod defined;
mod export;
mod graph;
mod instance;
mod picture;
mod ports;

pub use defined::{Defined, Ports};
pub use export::{Export, ExportError, ExportedIn, ExportedOut, Port, Subgraph};
pub use graph::Graph;
pub use instance::{Inports, Instance};
pub use ports::{Batched, In, Out, Place, State};

use crate::graph::GraphError;

/// A mistake in the program is told where it was made.
#[track_caller]
fn done<T>(step: Result<T, GraphError>) -> T {
    step.unwrap_or_else(|error| panic!("{error}"))
}
