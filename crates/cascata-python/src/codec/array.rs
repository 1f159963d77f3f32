//! Arrays of numbers, as numpy has them: with shape and type, without pickle, which takes ten times as long.

use cascata::channel::Encoder;
use pyo3::{
    intern,
    prelude::*,
    sync::PyOnceLock,
    types::{PyString, PyTuple, PyType},
};

use super::{
    Refusal, buffer,
    reader::{Reader, malformed, write_number},
    tag,
    view::{Memory, Order},
};

/// The kinds of types that a short text names fully: booleans, integers, floating-point and complex numbers.
const KINDS: [&str; 5] = ["b", "i", "u", "f", "c"];

static ARRAY: PyOnceLock<Py<PyType>> = PyOnceLock::new();

/// Writes `object`; `false`, and nothing written, if it is no array, or one that pickle knows better.
pub fn encode(object: &Bound<'_, PyAny>, out: &mut Encoder<'_>) -> Result<bool, Refusal> {
    if !is_array(object).map_err(Refusal::Refused)? {
        return Ok(false);
    }
    let Some((kind, shape)) = describe(object).map_err(Refusal::Refused)? else { return Ok(false) };
    let in_order = |order| Some((Memory::of(object, order).ok()?, order));
    let copy;
    let (memory, order) = match in_order(Order::C).or_else(|| in_order(Order::F)) {
        Some(found) => found,
        None => {
            // numpy brings it into one piece faster than anybody else.
            copy = object.call_method0(intern!(object.py(), "copy")).map_err(Refusal::Refused)?;
            (Memory::of(&copy, Order::C).map_err(Refusal::Refused)?, Order::C)
        }
    };
    let kind = kind.to_str().map_err(Refusal::Refused)?;
    out.bytes().push(tag::ARRAY);
    out.bytes().push(order as u8);
    out.bytes().push(kind.len() as u8);
    out.bytes().extend(kind.as_bytes());
    write_number(out.bytes(), shape.len() as u64);
    for length in shape {
        write_number(out.bytes(), length);
    }
    buffer::encode(&memory, out)?;
    Ok(true)
}

fn is_array(object: &Bound<'_, PyAny>) -> PyResult<bool> {
    let (py, kind) = (object.py(), object.get_type());
    if let Some(array) = ARRAY.get(py) {
        return Ok(array.is(&kind));
    }
    // numpy is not imported for this: without it there are no arrays.
    let found = kind.qualname()? == "ndarray" && kind.module()? == "numpy";
    if found {
        let _ = ARRAY.set(py, kind.unbind());
    }
    Ok(found)
}

/// The name of an array's type, and its shape; `None` if the name does not tell everything.
fn describe<'py>(array: &Bound<'py, PyAny>) -> PyResult<Option<(Bound<'py, PyString>, Vec<u64>)>> {
    let py = array.py();
    let dtype = array.getattr(intern!(py, "dtype"))?;
    let kind = dtype.getattr(intern!(py, "kind"))?.cast_into::<PyString>()?;
    if !KINDS.contains(&kind.to_str()?) || !dtype.getattr(intern!(py, "metadata"))?.is_none() {
        return Ok(None);
    }
    let name = dtype.getattr(intern!(py, "str"))?.cast_into::<PyString>()?;
    Ok(Some((name, array.getattr(intern!(py, "shape"))?.extract()?)))
}

/// Reads what [`encode`] wrote behind the tag.
pub fn decode<'py>(py: Python<'py>, reader: &mut Reader<'_>) -> PyResult<Bound<'py, PyAny>> {
    let order = match reader.byte()? {
        order if order == Order::C as u8 => intern!(py, "C"),
        order if order == Order::F as u8 => intern!(py, "F"),
        _ => return Err(malformed()),
    };
    let len = reader.byte()?.into();
    let kind = std::str::from_utf8(reader.take(len)?).map_err(|_| malformed())?;
    // Not any text: numpy would take bytes for pointers to objects, if it were told to.
    if !kind.get(1..2).is_some_and(|kind| KINDS.contains(&kind)) {
        return Err(malformed());
    }
    let shape: Vec<_> = (0..reader.count()?).map(|_| reader.number()).collect::<PyResult<_>>()?;
    let memory = buffer::decode(py, reader)?;
    // shape, dtype, buffer, offset, strides, order
    let args = (PyTuple::new(py, shape)?, PyString::new(py, kind), memory, 0, py.None(), order);
    ARRAY.import(py, "numpy", "ndarray")?.call1(args)
}
