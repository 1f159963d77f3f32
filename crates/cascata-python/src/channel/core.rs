//! The channel in this process.

use std::{
    os::fd::{AsRawFd, RawFd},
    sync::Mutex,
    task::Poll,
};

use cascata::queue::{Endpoint, Queue, Shape};
use cascata_shm::{JoinError, descriptor};
use pyo3::{exceptions::PyRuntimeError, prelude::*};

use super::{Desk, Get, broken, get};
use crate::lock;

/// A channel. What of it is only this process's own is made when the process first uses it.
#[pyclass(frozen, module = "cascata._native")]
pub struct ChannelCore {
    queue: Queue,
    /// Locked only while attached, so that a fork, which needs that, too, never copies it locked.
    desk: Mutex<Option<Desk>>,
}

impl ChannelCore {
    pub(super) fn desk(&self) -> PyResult<Desk> {
        let mut desk = lock(&self.desk);
        if let Some(desk) = desk.as_ref().filter(|desk| desk.is_ours()) {
            return Ok(desk.clone());
        }
        let fresh = Desk::new(Endpoint::new(&self.queue).map_err(|error| match error {
            JoinError::Orphaned => broken("channel"),
            JoinError::Crowded => PyRuntimeError::new_err(
                "too many processes use the channel, or still refer to items of processes that have ended: 256 are the most",
            ),
            JoinError::System(error) => error.into(),
        })?);
        let inherited = desk.replace(fresh.clone());
        drop(desk);
        drop(inherited);
        Ok(fresh)
    }
}

#[pymethods]
impl ChannelCore {
    /// A new channel for `capacity` items, of which large ones take `limit` bytes of memory at most.
    #[new]
    #[pyo3(signature = (capacity, limit))]
    fn new(capacity: Option<usize>, limit: usize) -> PyResult<Self> {
        Ok(Self { queue: Queue::create(Shape { capacity, limit })?, desk: Mutex::new(None) })
    }

    /// The channel behind a descriptor, which stays the caller's.
    #[staticmethod]
    #[pyo3(signature = (fd, capacity, limit))]
    fn attach(fd: RawFd, capacity: Option<usize>, limit: usize) -> PyResult<Self> {
        let queue = Queue::open(descriptor::duplicate(fd)?, Shape { capacity, limit })?;
        Ok(Self { queue, desk: Mutex::new(None) })
    }

    /// The descriptor of the channel's memory.
    fn fileno(&self) -> RawFd {
        self.queue.fd().as_raw_fd()
    }

    /// What another process needs to attach, beside the descriptor.
    fn shape(&self) -> (Option<usize>, usize) {
        let Shape { capacity, limit } = self.queue.shape();
        (capacity, limit)
    }

    /// Items inside, publishers, and whether the last publisher has left.
    fn state(&self) -> (usize, u32, bool) {
        (self.queue.fill(), self.queue.publishers(), self.queue.is_ended())
    }

    /// Bytes of shared memory that large items take, caches included, and how many processes use the channel or have made
    /// items that are still referred to.
    fn usage(&self) -> (usize, usize) {
        (self.queue.memory(), self.queue.members())
    }

    /// Takes an item, or gives what waits for one.
    fn take(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        let desk = self.desk()?;
        match desk.endpoint.take(&mut None, None) {
            Poll::Ready(taken) => get::open(&desk, taken),
            Poll::Pending => Ok(Py::new(py, Get::new(desk))?.into_any()),
        }
    }
}
