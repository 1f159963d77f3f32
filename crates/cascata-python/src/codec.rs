//! Python objects on their way between processes.
//!
//! A tag byte, then the content. None, bool, int, float, str and bytes are written directly; everything else by pickle
//! (protocol 5), and what pickle refuses (lambdas, local classes) by cloudpickle.

use cascata::channel::Item;
use pyo3::{
    exceptions::{PyException, PyValueError},
    intern,
    prelude::*,
    sync::PyOnceLock,
    types::{PyBool, PyBytes, PyFloat, PyInt, PyString},
};

use crate::object::Object;

mod tag {
    pub const NONE: u8 = 0;
    pub const FALSE: u8 = 1;
    pub const TRUE: u8 = 2;
    pub const INT: u8 = 3;
    pub const FLOAT: u8 = 4;
    pub const STR: u8 = 5;
    pub const BYTES: u8 = 6;
    pub const PICKLE: u8 = 7;
}

const PROTOCOL: u8 = 5;

impl Item for Object {
    type Error = PyErr;

    fn encode(&self, out: &mut Vec<u8>) -> PyResult<()> {
        Python::attach(|py| encode(self.0.bind(py), out))
    }

    fn decode(bytes: &[u8]) -> PyResult<Self> {
        Python::attach(|py| decode(py, bytes).map(|object| Self(object.unbind())))
    }
}

fn encode(object: &Bound<'_, PyAny>, out: &mut Vec<u8>) -> PyResult<()> {
    if object.is_none() {
        out.push(tag::NONE);
    } else if let Ok(value) = object.cast_exact::<PyInt>() {
        // Larger integers go by pickle.
        let Ok(value) = value.extract::<i64>() else { return pickle(object, out) };
        out.push(tag::INT);
        out.extend(value.to_le_bytes());
    } else if let Ok(value) = object.cast_exact::<PyString>() {
        // Lone surrogates are no UTF-8 and go by pickle.
        let Ok(value) = value.to_cow() else { return pickle(object, out) };
        out.push(tag::STR);
        out.extend(value.as_bytes());
    } else if let Ok(value) = object.cast_exact::<PyBytes>() {
        out.push(tag::BYTES);
        out.extend(value.as_bytes());
    } else if let Ok(value) = object.cast_exact::<PyFloat>() {
        out.push(tag::FLOAT);
        out.extend(value.value().to_le_bytes());
    } else if let Ok(value) = object.cast_exact::<PyBool>() {
        out.push(if value.is_true() { tag::TRUE } else { tag::FALSE });
    } else {
        return pickle(object, out);
    }
    Ok(())
}

fn decode<'py>(py: Python<'py>, bytes: &[u8]) -> PyResult<Bound<'py, PyAny>> {
    let malformed = || PyValueError::new_err("malformed item");
    let (&tag, content) = bytes.split_first().ok_or_else(malformed)?;
    Ok(match tag {
        tag::NONE => py.None().into_bound(py),
        tag::FALSE => PyBool::new(py, false).to_owned().into_any(),
        tag::TRUE => PyBool::new(py, true).to_owned().into_any(),
        tag::INT => i64::from_le_bytes(content.try_into().map_err(|_| malformed())?).into_pyobject(py)?.into_any(),
        tag::FLOAT => PyFloat::new(py, f64::from_le_bytes(content.try_into().map_err(|_| malformed())?)).into_any(),
        tag::STR => PyString::new(py, std::str::from_utf8(content).map_err(|_| malformed())?).into_any(),
        tag::BYTES => PyBytes::new(py, content).into_any(),
        tag::PICKLE => LOADS.import(py, "pickle", "loads")?.call1((PyBytes::new(py, content),))?,
        _ => return Err(malformed()),
    })
}

static DUMPS: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
static LOADS: PyOnceLock<Py<PyAny>> = PyOnceLock::new();

fn pickle(object: &Bound<'_, PyAny>, out: &mut Vec<u8>) -> PyResult<()> {
    let py = object.py();
    let pickled = match DUMPS.import(py, "pickle", "dumps")?.call1((object, PROTOCOL)) {
        Ok(pickled) => pickled,
        Err(refusal) if refusal.is_instance_of::<PyException>(py) => {
            let cloudpickle = py.import(intern!(py, "cloudpickle"))?;
            // Its errors say more than those of pickle, which stopped at the first thing it could not import.
            cloudpickle.call_method1(intern!(py, "dumps"), (object, PROTOCOL)).inspect_err(|error| {
                error.set_cause(py, Some(refusal));
            })?
        }
        Err(interrupt) => return Err(interrupt),
    };
    out.push(tag::PICKLE);
    out.extend(pickled.cast::<PyBytes>()?.as_bytes());
    Ok(())
}
