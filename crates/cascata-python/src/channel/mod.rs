//! The public channel: coroutines at a [`Queue`](cascata::queue::Queue).
//!
//! * [`core`]: the channel in this process;
//! * [`put`] and [`get`]: publishers with what they put, and takers; both as steps of a coroutine of `cascata.channel`,
//!   which awaits the futures that these give it;
//! * [`wakeup`]: how a coroutine that waits is reached from other threads.
//!
//! A process that was forked off has copies of all of it. They belong to the process they were made in (see
//! [`Generation`]), and are dropped here without consequence.

mod core;
mod get;
mod put;
mod wakeup;

use std::sync::Arc;

use cascata::queue::Endpoint;
use pyo3::PyErr;

use crate::generation::Generation;

pub use self::{
    core::ChannelCore,
    get::Get,
    put::{Publisher, Put},
    wakeup::{Wakeup, forget_inherited, quiesce, settle},
};

pyo3::import_exception!(cascata.errors, ChannelClosed);

/// An endpoint, and the process it was made in.
#[derive(Clone)]
struct Desk {
    endpoint: Arc<Endpoint>,
    generation: Generation,
}

impl Desk {
    fn new(endpoint: Arc<Endpoint>) -> Self {
        Self { endpoint, generation: Generation::current() }
    }

    /// Whether it was made in this process.
    fn is_ours(&self) -> bool {
        self.generation.is_ours()
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        if !self.is_ours() {
            self.endpoint.disown();
        }
    }
}

fn ended(what: &str) -> PyErr {
    ChannelClosed::new_err(format!("{what}: the channel has ended, as its last publisher has left it"))
}

fn broken(what: &str) -> PyErr {
    ChannelClosed::new_err(format!(
        "{what}: the channel is closed: a process died in the middle of an operation on it (killed, or out of memory), so \
         what it held cannot be trusted any more. Make a new channel"
    ))
}
