//! Publishers, and what they put into a channel.

use std::{
    sync::{Arc, Mutex},
    task::Poll,
};

use cascata::{
    channel::Parcel,
    queue::{Full, Outcome, PackError, Place},
};
use pyo3::{
    exceptions::{PyMemoryError, PyRuntimeError},
    prelude::*,
};

use super::{ChannelCore, Desk, broken, ended, wakeup::Wakeup};
use crate::{
    lock,
    object::Object,
    refusal::{refusal, type_text},
};

/// A publisher, which counts while it is open, and until its last item that waits for room is inside.
#[pyclass(frozen, module = "cascata._native")]
pub struct Publisher {
    core: Py<ChannelCore>,
    stand: Arc<Stand>,
}

/// A publisher's part in the channel.
struct Stand {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Where it is counted.
    desk: Option<Desk>,
    open: bool,
    /// Puts that wait.
    pending: usize,
}

impl Stand {
    /// A put waits no more.
    fn settle(&self) {
        let mut state = lock(&self.state);
        state.pending -= 1;
        Self::leave(state);
    }

    fn close(&self) {
        let mut state = lock(&self.state);
        state.open = false;
        Self::leave(state);
    }

    fn leave(mut state: std::sync::MutexGuard<'_, State>) {
        let desk = if !state.open && state.pending == 0 { state.desk.take() } else { None };
        drop(state);
        if let Some(desk) = desk
            && desk.is_ours()
        {
            desk.endpoint.unpublish();
        }
    }
}

#[pymethods]
impl Publisher {
    #[new]
    fn new(core: Py<ChannelCore>) -> Self {
        Self { core, stand: Arc::new(Stand { state: Mutex::default() }) }
    }

    /// One publisher more.
    fn enter(&self) -> PyResult<()> {
        let desk = self.core.get().desk()?;
        let mut state = lock(&self.stand.state);
        // A process that was forked off has inherited what another one has opened.
        let inherited = if state.desk.as_ref().is_some_and(|desk| !desk.is_ours()) { state.desk.take() } else { None };
        if inherited.is_some() {
            *state = State::default();
        }
        if state.open || state.pending > 0 {
            return Err(PyRuntimeError::new_err("this publisher is open already: call channel.open() for another one"));
        }
        let outcome = desk.endpoint.publish();
        if outcome == Outcome::Inside {
            state.desk = Some(desk);
            state.open = true;
        }
        drop(state);
        drop(inherited);
        result(outcome, "open()")
    }

    /// One publisher less, as soon as nothing waits any more.
    fn leave(&self) {
        self.stand.close();
    }

    /// Puts `item` in, or gives what waits for room.
    fn put(&self, py: Python<'_>, item: Py<PyAny>) -> PyResult<Option<Py<Put>>> {
        let desk = self.desk()?;
        let mut draft = Draft { item: Object(item), parcel: None, place: None };
        if draft.pack(&desk)?.is_none()
            && let Poll::Ready(outcome) = desk.endpoint.put(&mut draft.parcel, &mut None, None)
        {
            return result(outcome, "put()").map(|()| None);
        }
        lock(&self.stand.state).pending += 1;
        let put = Put { stand: self.stand.clone(), waiting: Mutex::new(Some((desk, draft))) };
        Py::new(py, put).map(Some)
    }
}

impl Publisher {
    /// Where it is open.
    fn desk(&self) -> PyResult<Desk> {
        let state = lock(&self.stand.state);
        match &state.desk {
            Some(desk) if state.open && desk.is_ours() => Ok(desk.clone()),
            Some(desk) if state.open && !desk.is_ours() => Err(PyRuntimeError::new_err(
                "put(): this publisher was opened in another process, from which this one was forked; open the channel \
                 here: async with channel.open() as ch",
            )),
            _ => Err(PyRuntimeError::new_err(
                "put() outside of its block: put inside of `async with channel.open() as ch:` and await it there",
            )),
        }
    }
}

impl Drop for Publisher {
    fn drop(&mut self) {
        self.stand.close();
    }
}

/// An item on its way.
struct Draft {
    item: Object,
    parcel: Option<Parcel>,
    place: Option<Place>,
}

impl Draft {
    /// Encodes the item, unless that is done. Gives what it needs if there is no memory for it now.
    fn pack(&mut self, desk: &Desk) -> PyResult<Option<Full>> {
        if self.parcel.is_some() {
            return Ok(None);
        }
        match desk.endpoint.pack(&self.item) {
            Ok(parcel) => {
                self.parcel = Some(parcel);
                Ok(None)
            }
            Err(PackError::Full(need)) => Ok(Some(need)),
            Err(PackError::System(error)) => Err(error.into()),
            Err(PackError::TooLarge(bytes)) => Err(self.too_large(bytes)),
            Err(PackError::Encode(error)) => Err(self.refusal(error)),
        }
    }

    fn too_large(&self, bytes: usize) -> PyErr {
        PyMemoryError::new_err(format!(
            "put(): an item of type {} takes at least {bytes} bytes, which is more than all memory that a channel may take. \
             Send it in parts",
            self.kind(),
        ))
    }

    fn refusal(&self, error: PyErr) -> PyErr {
        Python::attach(|py| {
            refusal(py, error, |why| {
                format!(
                    "put(): an item of type {} cannot be sent through a channel: {why}. Send something that pickle or \
                     cloudpickle can handle (data rather than open files, locks, generators or sockets)",
                    self.kind(),
                )
            })
        })
    }

    fn kind(&self) -> String {
        Python::attach(|py| type_text(&self.item.0.bind(py).get_type()))
    }
}

/// An item that waits for room, or for memory.
#[pyclass(frozen, module = "cascata._native")]
pub struct Put {
    stand: Arc<Stand>,
    /// `None` when it is over.
    waiting: Mutex<Option<(Desk, Draft)>>,
}

#[pymethods]
impl Put {
    /// Tries. Gives a future to be awaited before the next attempt, or `None` if the item is inside.
    fn advance(&self, py: Python<'_>) -> PyResult<Option<Py<PyAny>>> {
        let (wakeup, future) = Wakeup::new(py)?;
        let wakeup = Arc::new(wakeup);
        let Some((desk, mut draft)) = lock(&self.waiting).take() else {
            return Err(PyRuntimeError::new_err("this put is over"));
        };
        let tried = match draft.pack(&desk) {
            Ok(None) => desk.endpoint.put(&mut draft.parcel, &mut draft.place, Some(wakeup)),
            Ok(Some(need)) => {
                desk.endpoint.await_memory(need, &mut draft.place, wakeup);
                Poll::Pending
            }
            Err(error) => {
                self.end(Some((desk, draft)));
                return Err(error);
            }
        };
        match tried {
            Poll::Pending => {
                *lock(&self.waiting) = Some((desk, draft));
                Ok(Some(future))
            }
            Poll::Ready(outcome) => {
                self.end(Some((desk, draft)));
                result(outcome, "put()").map(|()| None)
            }
        }
    }

    /// Waits no more.
    fn close(&self) {
        let waiting = lock(&self.waiting).take();
        self.end(waiting);
    }
}

impl Put {
    fn end(&self, waiting: Option<(Desk, Draft)>) {
        let Some((desk, draft)) = waiting else { return };
        if desk.is_ours() {
            desk.endpoint.give_up_put(draft.place);
        } else if let Some(parcel) = draft.parcel {
            parcel.disown();
        }
        self.stand.settle();
    }
}

impl Drop for Put {
    fn drop(&mut self) {
        let waiting = lock(&self.waiting).take();
        self.end(waiting);
    }
}

fn result(outcome: Outcome, what: &str) -> PyResult<()> {
    match outcome {
        Outcome::Inside => Ok(()),
        Outcome::Ended => Err(ended(what)),
        Outcome::Broken => Err(broken(what)),
    }
}
