//! Cascata.

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
pub mod queue;
pub mod servant;
pub mod taps;
