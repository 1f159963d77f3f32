//! The awaitable of a send that was done at once: the most frequent object of all, so it costs as little as can be.
//!
//! Two objects, one for each result, live as long as the process. Each is its own iterator. Their types are made by hand,
//! because their one job, to end at once with True or False, has a slot (`am_send`) that PyO3 does not offer; through it
//! CPython 3.11 gets the result without any exception. Later versions go through `tp_iternext`.

#![allow(unsafe_code)]

use std::{
    ffi::{CStr, c_int, c_void},
    ptr::{null, null_mut},
};

use pyo3::{ffi, prelude::*, sync::PyOnceLock, types::PyType};

static DONE: PyOnceLock<[Py<PyAny>; 2]> = PyOnceLock::new();

/// The awaitable that gives `reached`.
pub fn done(py: Python<'_>, reached: bool) -> PyResult<Py<PyAny>> {
    let both = DONE.get_or_try_init(py, || -> PyResult<_> { Ok([make::<false>(py)?, make::<true>(py)?]) })?;
    Ok(both[usize::from(reached)].clone_ref(py))
}

/// The object that gives `REACHED`.
fn make<const REACHED: bool>(py: Python<'_>) -> PyResult<Py<PyAny>> {
    let slot = |slot, pfunc| ffi::PyType_Slot { slot, pfunc };
    let mut slots = [
        slot(ffi::Py_am_await, itself as *mut c_void),
        slot(ffi::Py_am_send, am_send::<REACHED> as *mut c_void),
        slot(ffi::Py_tp_iter, itself as *mut c_void),
        slot(ffi::Py_tp_iternext, iternext::<REACHED> as *mut c_void),
        slot(ffi::Py_tp_methods, methods::<REACHED>().cast()),
        slot(0, null_mut()),
    ];
    let mut spec = ffi::PyType_Spec {
        name: c"cascata._native.Done".as_ptr(),
        basicsize: size_of::<ffi::PyObject>() as c_int,
        itemsize: 0,
        flags: ffi::Py_TPFLAGS_DEFAULT as u32,
        slots: slots.as_mut_ptr(),
    };
    // SAFETY: the spec and its slots outlive the call, which copies them; the methods live for ever. The functions have
    // the signatures that CPython calls them with, and instances have no fields beyond the object's header.
    let kind = unsafe { Bound::from_owned_ptr_or_err(py, ffi::PyType_FromSpec(&raw mut spec))? };
    Ok(kind.cast_into::<PyType>()?.call0()?.unbind())
}

/// `send`, `throw` and `close`, as a coroutine has them. The type refers to them for ever.
fn methods<const REACHED: bool>() -> *mut ffi::PyMethodDef {
    let method = |name: &'static CStr, function: ffi::PyCFunction, flags| ffi::PyMethodDef {
        ml_name: name.as_ptr(),
        ml_meth: ffi::PyMethodDefPointer { PyCFunction: function },
        ml_flags: flags,
        ml_doc: null(),
    };
    let table = Box::new([
        method(c"send", send::<REACHED>, ffi::METH_O),
        method(c"throw", throw, ffi::METH_VARARGS),
        method(c"close", close, ffi::METH_NOARGS),
        ffi::PyMethodDef::zeroed(),
    ]);
    Box::leak(table).as_mut_ptr()
}

/// True or False, as a new reference.
fn result<const REACHED: bool>() -> *mut ffi::PyObject {
    // SAFETY: called by functions that the interpreter calls attached; both objects are immortal or get a reference.
    unsafe { ffi::Py_NewRef(if REACHED { ffi::Py_True() } else { ffi::Py_False() }) }
}

/// `am_await`, `tp_iter`: the object itself.
unsafe extern "C" fn itself(slf: *mut ffi::PyObject) -> *mut ffi::PyObject {
    // SAFETY: the interpreter calls it attached, with a valid object.
    unsafe { ffi::Py_NewRef(slf) }
}

/// `tp_iternext`: the end, with `REACHED` in a `StopIteration`.
unsafe extern "C" fn iternext<const REACHED: bool>(_slf: *mut ffi::PyObject) -> *mut ffi::PyObject {
    let value = result::<REACHED>();
    // SAFETY: the interpreter calls it attached. `PyErr_SetObject` takes references of its own.
    unsafe {
        ffi::PyErr_SetObject(ffi::PyExc_StopIteration, value);
        ffi::Py_DECREF(value);
    }
    null_mut()
}

/// `am_send`: returns `REACHED`.
unsafe extern "C" fn am_send<const REACHED: bool>(
    _slf: *mut ffi::PyObject,
    _value: *mut ffi::PyObject,
    place: *mut *mut ffi::PyObject,
) -> ffi::PySendResult {
    // SAFETY: the interpreter calls it attached, with a place for the result.
    unsafe { *place = result::<REACHED>() };
    ffi::PySendResult::PYGEN_RETURN
}

/// `send(value)`.
unsafe extern "C" fn send<const REACHED: bool>(
    slf: *mut ffi::PyObject,
    _value: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    // SAFETY: the same conditions.
    unsafe { iternext::<REACHED>(slf) }
}

/// `throw(exception)` or `throw(type, value, traceback)`: raises it.
unsafe extern "C" fn throw(_slf: *mut ffi::PyObject, args: *mut ffi::PyObject) -> *mut ffi::PyObject {
    let [mut kind, mut value, mut traceback] = [null_mut::<ffi::PyObject>(); 3];
    // SAFETY: the interpreter calls it attached, with a tuple, whose items are borrowed while it lives.
    unsafe {
        let places = (&raw mut kind, &raw mut value, &raw mut traceback);
        if ffi::PyArg_UnpackTuple(args, c"throw".as_ptr(), 1, 3, places.0, places.1, places.2) == 0 {
            return null_mut();
        }
        let error = if value.is_null() || value == ffi::Py_None() { kind } else { value };
        if ffi::PyExceptionClass_Check(error) != 0 {
            ffi::PyErr_SetNone(error);
        } else {
            ffi::PyErr_SetObject(ffi::Py_TYPE(error).cast(), error);
        }
    }
    null_mut()
}

/// `close()`.
unsafe extern "C" fn close(_slf: *mut ffi::PyObject, _args: *mut ffi::PyObject) -> *mut ffi::PyObject {
    // SAFETY: the interpreter calls it attached.
    unsafe { ffi::Py_NewRef(ffi::Py_None()) }
}
