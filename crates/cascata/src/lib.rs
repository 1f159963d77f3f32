//! Parallel, asynchronous graph execution.
//!
//! A program is a network of small components, which bounded channels join. There are two doors:
//!
//! - With the feature `runtime`, [`prelude`] is what it takes to write components and graphs in Rust; they run on tokio.
//! - The other modules are for those who write routes, languages or engines, as the Python package is one: a graph is plain
//!   data ([`graph`]), from which all that a run needs to know is computed ([`plan`]); what drives it makes the ends of channels
//!   ([`ends`], [`channel`]) in the memory of the run ([`memory`]), takes rows ([`firing`]), keeps groups in order ([`order`])
//!   and counts ([`metrics`]). [`runtime`] is one such engine.

#![deny(missing_docs)]
#![forbid(unsafe_code)]

pub mod channel;
mod cycles;
pub mod ends;
pub mod firing;
pub mod graph;
mod line;
pub mod memory;
pub mod metrics;
pub mod order;
pub mod picture;
pub mod plan;
#[cfg(feature = "runtime")]
pub mod prelude;
pub mod queue;
#[cfg(feature = "runtime")]
pub mod runtime;
pub mod servant;
pub mod taps;

/// The code of the file that registries show runs.
#[cfg(all(doctest, feature = "runtime"))]
#[doc = include_str!("../README.md")]
mod readme {}
