//! Data in shared memory, as Python objects see it.

#![allow(unsafe_code)]

use std::{
    collections::BTreeMap,
    ffi::c_int,
    sync::{Arc, Mutex},
    thread::sleep,
    time::Duration,
};

use cascata::channel::{Encoder, Full, Hub, Loan};
use pyo3::{
    exceptions::{PyBufferError, PyMemoryError},
    ffi, intern,
    prelude::*,
    types::PyByteArray,
};

use super::reader::malformed;
use crate::{generation::Generation, lock};

/// A buffer in shared memory, which is given back when nothing refers to it any more. Read-only where it has been sent to.
#[pyclass(frozen, module = "cascata._native")]
pub struct View {
    /// `None` only while it is dropped.
    loan: Option<Arc<Loan>>,
    offset: usize,
    len: usize,
    writable: bool,
    /// A process that was forked off has copies of this one's views, which are worth nothing.
    generation: Generation,
}

/// The blocks that views of this process show, by address, each with the number of these views.
static SHOWN: Mutex<BTreeMap<usize, (Arc<Loan>, usize)>> = Mutex::new(BTreeMap::new());

fn address(loan: &Loan) -> usize {
    loan.as_ptr() as usize
}

impl View {
    /// A view of a part of a block.
    pub fn new<'py>(py: Python<'py>, loan: Loan, offset: usize, len: usize) -> PyResult<Bound<'py, Self>> {
        if offset.checked_add(len).is_none_or(|end| end > loan.len()) {
            return Err(malformed());
        }
        Self::show(py, loan, offset, len, false)
    }

    fn show<'py>(py: Python<'py>, loan: Loan, offset: usize, len: usize, writable: bool) -> PyResult<Bound<'py, Self>> {
        let at = address(&loan);
        let loan = {
            let mut shown = lock(&SHOWN);
            let entry = shown.entry(at).or_insert_with(|| (Arc::new(loan), 0));
            entry.1 += 1;
            entry.0.clone()
        };
        Bound::new(py, Self { loan: Some(loan), offset, len, writable, generation: Generation::current() })
    }
}

impl Drop for View {
    fn drop(&mut self) {
        let Some(loan) = self.loan.take() else { return };
        if !self.generation.is_ours() {
            std::mem::forget(loan);
            return;
        }
        let mut shown = lock(&SHOWN);
        let at = address(&loan);
        let last = shown.get_mut(&at).is_some_and(|(_, views)| {
            *views -= 1;
            *views == 0
        });
        let gone = if last { shown.remove(&at) } else { None };
        drop(shown);
        drop((gone, loan));
    }
}

#[pymethods]
impl View {
    fn __len__(&self) -> usize {
        self.len
    }

    fn __repr__(&self) -> String {
        format!("<view of {} bytes of shared memory>", self.len)
    }

    /// Pickled it is its content: what lies in shared memory is passed on by whoever takes pickle's buffers.
    fn __reduce_ex__<'py>(
        slf: Bound<'py, Self>,
        _protocol: usize,
    ) -> PyResult<(Bound<'py, PyAny>, (Bound<'py, PyAny>,))> {
        let py = slf.py();
        let buffer = py.import(intern!(py, "pickle"))?.call_method1(intern!(py, "PickleBuffer"), (slf,))?;
        Ok((py.import(intern!(py, "cascata._native"))?.getattr(intern!(py, "received"))?, (buffer,)))
    }

    /// A copy is private, and may be changed.
    fn __deepcopy__<'py>(slf: Bound<'py, Self>, _memo: Bound<'py, PyAny>) -> PyResult<Bound<'py, PyByteArray>> {
        PyByteArray::from(slf.as_any())
    }

    unsafe fn __getbuffer__(slf: Bound<'_, Self>, view: *mut ffi::Py_buffer, flags: c_int) -> PyResult<()> {
        let this = slf.get();
        let Some(loan) = &this.loan else { return Err(PyBufferError::new_err("the view is gone")) };
        let data = &loan[this.offset..this.offset + this.len];
        let read_only = (!this.writable).into();
        // SAFETY: CPython gives a place for the description. The data live as long as the view, to which the description
        // gets a reference of its own. What has come from another process is said to be read-only. A blank block is
        // written by its maker, through this address only, and read by others when it has been sent.
        let done = unsafe {
            ffi::PyBuffer_FillInfo(view, slf.as_ptr(), data.as_ptr() as *mut _, data.len() as isize, read_only, flags)
        };
        if done == 0 { Ok(()) } else { Err(PyErr::fetch(slf.py())) }
    }
}

/// In which order an array's items lie in its memory: the last index runs fastest, or the first.
#[derive(Clone, Copy)]
pub enum Order {
    C,
    F,
}

/// The memory behind an object, in one piece.
pub struct Memory<'a> {
    buffer: ffi::Py_buffer,
    _object: &'a Bound<'a, PyAny>,
}

impl<'a> Memory<'a> {
    /// The memory of `object`.
    ///
    /// # Errors
    /// `BufferError`: it has none, or none in this order.
    pub fn of(object: &'a Bound<'_, PyAny>, order: Order) -> PyResult<Self> {
        let flags = match order {
            Order::C => ffi::PyBUF_C_CONTIGUOUS,
            Order::F => ffi::PyBUF_F_CONTIGUOUS,
        };
        let mut buffer = ffi::Py_buffer::new();
        // SAFETY: attached, as the object shows; the call fills in the description, or fails.
        match unsafe { ffi::PyObject_GetBuffer(object.as_ptr(), &raw mut buffer, flags) } {
            0 => Ok(Self { buffer, _object: object }),
            _ => Err(PyErr::fetch(object.py())),
        }
    }

    /// What is there now.
    pub fn bytes(&self) -> &[u8] {
        if self.buffer.len == 0 {
            return &[];
        }
        // SAFETY: the object keeps so many bytes there until the description is released. They are read while attached,
        // so no Python code writes to them meanwhile; what other threads of native libraries do, as with any array that is
        // read while they write to it, can make the copy inconsistent, nothing else.
        unsafe { std::slice::from_raw_parts(self.buffer.buf.cast(), self.buffer.len as usize) }
    }

    /// Attaches the memory if it lies in the arena already, as the part of a block that begins at the returned offset.
    ///
    /// # Errors
    /// The item has too many attachments.
    pub fn forward(&self, out: &mut Encoder<'_>) -> Result<Option<usize>, Full> {
        let at = self.buffer.buf as usize;
        let found = lock(&SHOWN).range(..=at).next_back().map(|(_, (loan, _))| loan.clone());
        let Some(loan) = found else { return Ok(None) };
        let offset = at - address(&loan);
        let inside = offset + self.buffer.len as usize <= loan.len();
        Ok((inside && out.forward(&loan)?).then_some(offset))
    }
}

impl Drop for Memory<'_> {
    fn drop(&mut self) {
        // SAFETY: attached, as the object shows that is borrowed; filled in when this was made, and released once.
        unsafe { ffi::PyBuffer_Release(&raw mut self.buffer) }
    }
}

/// The arena span of this process, if it is a worker of which others see anything.
static HUB: Mutex<Option<Hub>> = Mutex::new(None);

/// Says where new buffers lie from now on.
pub fn set_hub(hub: Option<Hub>) {
    let old = std::mem::replace(&mut *lock(&HUB), hub);
    drop(old);
}

/// How often, and in what intervals, a buffer that found no memory looks whether other workers have given some back.
const ATTEMPTS: usize = 40;
const PAUSE: Duration = Duration::from_millis(5);

/// A writable buffer of `size` bytes in this worker's shared memory; `None` if this process has none.
///
/// # Errors
/// `MemoryError`: there is no room.
#[pyfunction]
pub fn shared_buffer(py: Python<'_>, size: usize) -> PyResult<Option<Bound<'_, View>>> {
    let hub = lock(&HUB).clone();
    let Some(hub) = hub else { return Ok(None) };
    let blank = || hub.blank(size.max(1)).ok();
    let loan = match blank() {
        Some(loan) => Some(loan),
        None => {
            // What only garbage refers to may be what is missing, or what other workers keep for later.
            py.import(intern!(py, "gc"))?.call_method0(intern!(py, "collect"))?;
            let fresh = hub.await_memory();
            let found = (0..ATTEMPTS).find_map(|_| {
                py.detach(|| sleep(PAUSE));
                blank()
            });
            if fresh {
                // Nobody waits any more, or the others would go on giving back what they will need again.
                hub.stop_waiting();
            }
            found
        }
    };
    let loan = loan.ok_or_else(|| {
        PyMemoryError::new_err(format!(
            "no shared memory left for a buffer of {size} bytes: all that the run may take lies in channels or is still \
             referred to. Keep less at a time, or give it more: run(shared_memory=...)"
        ))
    });
    View::show(py, loan?, 0, size, true).map(Some)
}

/// How many blocks of shared memory objects of this process refer to.
#[pyfunction]
pub fn shown() -> usize {
    lock(&SHOWN).len()
}

/// Gives back whatever objects of this process still refer to. The process must end in this moment, without looking at
/// any of it.
#[pyfunction]
pub fn abandon() {
    // From now on the end of a view gives nothing back.
    Generation::end();
    let shown = std::mem::take(&mut *lock(&SHOWN));
    for (loan, _) in shown.values() {
        // SAFETY: the caller lets nobody look any more. Each loan is kept from being dropped, by its views and below.
        unsafe { loan.guard().give_back() };
    }
    std::mem::forget(shown);
}

/// What a pickled [`View`] is where it arrives: the buffer that pickle has been given for it.
#[pyfunction]
pub fn received(buffer: Py<PyAny>) -> Py<PyAny> {
    buffer
}

/// The process has just been forked off.
pub fn forget_inherited() {
    std::mem::forget(lock(&HUB).take());
    let inherited = std::mem::take(&mut *lock(&SHOWN));
    std::mem::forget(inherited);
}
