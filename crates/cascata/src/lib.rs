//! Cascata.

#![forbid(unsafe_code)]

pub mod channel;
mod cycles;
pub mod ends;
pub mod firing;
pub mod graph;
pub mod memory;
pub mod metrics;
pub mod order;
pub mod picture;
pub mod plan;
pub mod queue;
