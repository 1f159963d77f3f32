//! The awaitable of a send that was done at once: the most frequent object of all, so it costs as little as can be.
//!
//! `await` asks [`Done`] for an iterator. That iterator is one of two objects that live as long as the process, of types
//! made by hand, because their one job, to end at once with True or False, has a slot (`am_send`) that PyO3 does not
//! offer; through it CPython 3.11 gets the result without any exception. Later versions go through `tp_iternext` and get
//! a `StopIteration` that is made once.

#![allow(unsafe_code)]

use std::ffi::{c_int, c_void};

use pyo3::{
    exceptions::PyStopIteration,
    ffi,
    prelude::*,
    sync::PyOnceLock,
    types::{PyBool, PyType},
};

/// A send that was done at once.
#[pyclass(frozen, module = "cascata._native")]
pub struct Done {
    reached: bool,
    iterator: Py<PyAny>,
}

static DONE: PyOnceLock<[Py<Done>; 2]> = PyOnceLock::new();
static STOPS: PyOnceLock<[Py<PyAny>; 2]> = PyOnceLock::new();

/// The awaitable that gives `reached`.
pub fn done(py: Python<'_>, reached: bool) -> PyResult<Py<PyAny>> {
    let both = DONE.get_or_try_init(py, || -> PyResult<_> { Ok([make::<false>(py)?, make::<true>(py)?]) })?;
    Ok(both[usize::from(reached)].clone_ref(py).into_any())
}

fn make<const REACHED: bool>(py: Python<'_>) -> PyResult<Py<Done>> {
    Py::new(py, Done { reached: REACHED, iterator: iterator_type::<REACHED>(py)?.call0()?.unbind() })
}

/// The `StopIteration` that carries `reached`.
pub fn stop(py: Python<'_>, reached: bool) -> &Py<PyAny> {
    let both = STOPS.get_or_init(py, || {
        [false, true].map(|reached| PyStopIteration::new_err((reached,)).into_value(py).into_any())
    });
    &both[usize::from(reached)]
}

#[pymethods]
impl Done {
    fn __await__(&self, py: Python<'_>) -> Py<PyAny> {
        self.iterator.clone_ref(py)
    }

    fn __iter__(&self, py: Python<'_>) -> Py<PyAny> {
        self.iterator.clone_ref(py)
    }

    fn send(&self, py: Python<'_>, _value: &Bound<'_, PyAny>) -> PyResult<Py<PyAny>> {
        Err(PyErr::from_value(stop(py, self.reached).bind(py).clone()))
    }

    #[pyo3(signature = (kind, value = None, _traceback = None))]
    fn throw(
        &self,
        kind: Bound<'_, PyAny>,
        value: Option<Bound<'_, PyAny>>,
        _traceback: Option<Bound<'_, PyAny>>,
    ) -> PyResult<Py<PyAny>> {
        Err(PyErr::from_value(value.unwrap_or(kind)))
    }

    fn close(&self) {}
}

/// The type of the iterator that ends at once with `REACHED`.
fn iterator_type<const REACHED: bool>(py: Python<'_>) -> PyResult<Bound<'_, PyType>> {
    let mut slots = [
        ffi::PyType_Slot { slot: ffi::Py_tp_iter, pfunc: iter as *mut c_void },
        ffi::PyType_Slot { slot: ffi::Py_tp_iternext, pfunc: iternext::<REACHED> as *mut c_void },
        ffi::PyType_Slot { slot: ffi::Py_am_send, pfunc: am_send::<REACHED> as *mut c_void },
        ffi::PyType_Slot { slot: 0, pfunc: std::ptr::null_mut() },
    ];
    let mut spec = ffi::PyType_Spec {
        name: c"cascata._native.DoneIterator".as_ptr(),
        basicsize: std::mem::size_of::<ffi::PyObject>() as c_int,
        itemsize: 0,
        flags: ffi::Py_TPFLAGS_DEFAULT as u32,
        slots: slots.as_mut_ptr(),
    };
    // SAFETY: the spec and its slots outlive the call, which copies them; the slots' functions have the signatures that
    // CPython calls them with, and instances have no fields beyond the object's header.
    let kind = unsafe { Bound::from_owned_ptr_or_err(py, ffi::PyType_FromSpec(&raw mut spec))? };
    Ok(kind.cast_into::<PyType>()?)
}

/// `tp_iter`: the iterator itself.
unsafe extern "C" fn iter(slf: *mut ffi::PyObject) -> *mut ffi::PyObject {
    // SAFETY: the interpreter calls it attached, with a valid object.
    unsafe { ffi::Py_NewRef(slf) }
}

/// `tp_iternext`: the end, with `REACHED` in a `StopIteration`.
unsafe extern "C" fn iternext<const REACHED: bool>(_slf: *mut ffi::PyObject) -> *mut ffi::PyObject {
    // SAFETY: the interpreter calls it attached. `PyErr_Restore` takes over one reference to each argument.
    unsafe {
        let py = Python::assume_attached();
        let stop = stop(py, REACHED).clone_ref(py).into_ptr();
        ffi::PyErr_Restore(ffi::Py_NewRef(ffi::PyExc_StopIteration), stop, std::ptr::null_mut());
    }
    std::ptr::null_mut()
}

/// `am_send`: returns `REACHED`.
unsafe extern "C" fn am_send<const REACHED: bool>(
    _slf: *mut ffi::PyObject,
    _value: *mut ffi::PyObject,
    result: *mut *mut ffi::PyObject,
) -> ffi::PySendResult {
    // SAFETY: the interpreter calls it attached, with a place for the result, which gets a new reference.
    unsafe {
        let py = Python::assume_attached();
        *result = PyBool::new(py, REACHED).to_owned().into_ptr();
    }
    ffi::PySendResult::PYGEN_RETURN
}
