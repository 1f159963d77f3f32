//! Firing: which values meet in which row, and when that ends.
//!
//! `rows` states it case by case, `batches` for ports that deliver lists; `random` compares random components with a `model` of them.

#[path = "../common/rig.rs"]
mod rig;
#[path = "../common/token.rs"]
mod token;
#[path = "../common/wakes.rs"]
mod wakes;

mod batches;
mod component;
mod model;
mod random;
mod rows;
