//! Taps, without Python.
//!
//! `plans` looks at what becomes of exports. `model` goes step by step through what feeders, readers and the component
//! between them do, against a small model. `threads` has them all at once, with workers. `readers` is about who counts as
//! one, `watch` about the thread that watches.

#[path = "../common/mod.rs"]
mod common;
#[path = "../common/list.rs"]
mod list;
#[path = "../common/run.rs"]
mod run;
#[path = "../common/wakes.rs"]
mod wakes;

mod acting;
mod model;
mod parts;
mod plans;
mod readers;
mod threads;
mod watch;
