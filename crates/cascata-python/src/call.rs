//! Calls with few arguments, which CPython takes from the stack: no tuple is made.
//!
//! The calling convention that does so directly, vectorcall, came into the stable ABI with Python 3.12 only.

#![allow(unsafe_code)]

use std::ptr::null_mut;

use pyo3::{Borrowed, ffi, prelude::*};

macro_rules! with {
    ($name:ident, $count:literal, $($at:literal)*) => {
        /// Calls `function` with these arguments.
        pub fn $name<'py>(
            function: &Bound<'py, PyAny>,
            args: [Borrowed<'_, 'py, PyAny>; $count],
        ) -> PyResult<Bound<'py, PyAny>> {
            // SAFETY: attached, as the function and the arguments show, which are borrowed for as long as the call takes;
            // a null ends them.
            unsafe {
                let null = null_mut::<ffi::PyObject>();
                let result = ffi::PyObject_CallFunctionObjArgs(function.as_ptr(), $(args[$at].as_ptr(),)* null);
                Bound::from_owned_ptr_or_err(function.py(), result)
            }
        }
    };
}

with!(with_1, 1, 0);
with!(with_2, 2, 0 1);
with!(with_3, 3, 0 1 2);
with!(with_4, 4, 0 1 2 3);
