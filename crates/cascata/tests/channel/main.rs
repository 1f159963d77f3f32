//! Channels: the contract of [`cascata::channel`], tested once, for every implementation and arrangement.
//!
//! `contract` states it promise by promise, `outport` what a send to several channels adds; `random` compares random
//! sequences of operations with a `model`; `shortage` takes the shared memory away; `stress` runs it on threads, `processes`
//! between processes, `explored` in every order of steps.

#[path = "../common/rig.rs"]
mod rig;
#[path = "../common/token.rs"]
mod token;
#[path = "../common/wakes.rs"]
mod wakes;

mod arrangement;
mod contract;
mod explored;
mod model;
mod outport;
mod processes;
mod random;
mod shortage;
mod stress;
