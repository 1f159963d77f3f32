//! How groups share out and how their results keep their order.
//!
//! `sharing` compares random sequences of operations with a `model`.

#[path = "../common/list.rs"]
mod list;
#[path = "../common/run.rs"]
mod run;
#[path = "../common/wakes.rs"]
mod wakes;

mod circuit;
mod explored;
mod frontier;
mod model;
mod random;
mod rig;
mod sharing;
