//! What it takes to write components and graphs in Rust. Routes, plans and engines have the other modules for their door.

pub use cascata_macros::component;

pub use crate::runtime::{
    BlockingOutport, Data, ExportedIn, ExportedOut, Failure, Feed, Graph, In, Instance, Key, Out, Outport, Registry,
    Report, Run, RunError, Tap,
};
