//! Graphs of components written in Rust, run on tokio.
//!
//! A run is made from a [`Plan`](crate::plan::Plan) for one process, by the same channels, trigger groups and orders as a
//! worker of a Python program. What is here is what drives them: a component is a task ([`task`]), each of its trigger
//! groups a future in it ([`lane`]), and a crew knows what still moves ([`crew`], [`post`]).

mod accounts;
mod alarm;
mod build;
mod collecting;
mod component;
mod crew;
mod diagnosis;
mod error;
mod lane;
mod outport;
mod part;
mod post;
mod registry;
mod report;
mod run;
mod taps;
mod task;
mod traits;
mod typed;
mod types;
mod value;

pub use accounts::EdgeReport;
pub use component::{Component, Declaration, Outcome, Row, Settings, define};
pub use error::{Cause, ComponentError, Failure, RunError};
pub use outport::{BlockingOutport, Outport, Outports, Sending};
pub use registry::{Key, Registry};
pub use report::{ComponentReport, InportReport, OutportReport, Report};
pub use run::{Launch, Run, launch};
pub use taps::{Closed, Feed, Tap, TapError, TapReport};
pub use traits::Traits;
#[doc(hidden)]
pub use traits::{Probe, ProbeNotShown, ProbeNotStored, ProbeShown, ProbeStored};
pub use typed::{
    Batched, Defined, Export, ExportError, ExportedIn, ExportedOut, Graph, In, Inports, Instance, Out, Place, Port,
    Ports, State, Subgraph,
};
pub use value::{Data, Kind, Mismatch, Value};

/// The code of the guide runs.
#[cfg(doctest)]
#[doc = include_str!("../../../../docs/rust.md")]
mod guide {}
