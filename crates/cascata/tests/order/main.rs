//! How groups share out and how their results keep their order.
//!
//! `sharing` compares random sequences of operations at a group with a `model`. `circuit` makes whole circuits of groups
//! and tells from what their members have done what ought to have come of it: `random` has them go at random speeds,
//! `explored` in the orders of steps that their workers make in shared memory. `frontier` reads a frontier between any two
//! of these steps, `turnstile` goes move by move.

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
mod turnstile;
