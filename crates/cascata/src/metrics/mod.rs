//! Counters: what every component and port has done so far.
//!
//! They lie in the run's memory, so that the supervisor reads them at any time without asking a worker. Each word has one
//! writer unless it says otherwise; readers see each word whole, and different words at slightly different times.

mod counter;
mod flow;
mod holding;
mod layout;
mod node;
mod state;

pub use counter::Counter;
pub use flow::{Exit, Flow, flows};
pub use holding::Holding;
pub use layout::{InportMeter, MeterLayout, OutportMeter};
pub use node::{LaneMeter, NodeMeter, Times};
pub use state::LaneState;
