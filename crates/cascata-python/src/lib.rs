//! `cascata._native`: the only crate that knows Python.
//!
//! * [`definition`], [`graph`], [`plan`]: components, graphs and their plans, as the DSL's handles see them;
//! * [`json`]: graphs as data;
//! * [`picture`]: what is seen of graphs;
//! * [`memory`]: a run's shared memory, as the supervisor sees it;
//! * [`worker`]: a worker, built from the plan; [`component`], [`lane`] and [`drive`], [`passive`], [`port`] and
//!   [`done`] are its parts, [`core`] its heart, [`park`] how a task waits for it;
//! * [`taps`]: the calling program's ends of the channels of its run;
//! * [`channel`]: the public channel;
//! * [`asyncio`], [`timer`]: what is asked of the event loop;
//! * [`codec`], [`object`], [`call`], [`coroutine`]: Python objects as items, values, functions and coroutines.

#![deny(unsafe_code)]

mod asyncio;
mod call;
mod channel;
mod clock;
mod codec;
mod component;
mod core;
mod coroutine;
mod definition;
mod done;
mod drive;
mod generation;
mod graph;
mod json;
mod lane;
mod memory;
mod object;
mod park;
mod passive;
mod picture;
mod plan;
mod port;
mod refusal;
mod taps;
mod timer;
mod wake;
mod worker;

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Locks `mutex`. Nothing here can panic half-way through a change, so poison carries no news.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[pyo3::pymodule]
mod _native {
    #[pymodule_export]
    const MAX_MEMBERS: usize = cascata::graph::MAX_MEMBERS;

    #[pymodule_export]
    use super::{
        channel::{ChannelCore, Get, Publisher, Put, quiesce, settle},
        codec::{Loopback, View, abandon, received, shared_buffer, shown},
        definition::Definition,
        generation::after_fork,
        graph::GraphCore,
        json::{load_graph, save_graph},
        lane::Lane,
        memory::RunMemory,
        park::Park,
        picture::Picture,
        plan::Plan,
        port::{Sender, WaitingSend},
        taps::{TapGet, TapPut, TapReader, Taps},
        worker::{Worker, watch_parent},
    };
}
