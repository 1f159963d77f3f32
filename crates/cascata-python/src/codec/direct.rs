//! Numbers, texts, bytes, arrays, and tuples, lists and dicts of them, of exactly these types.
//!
//! Only trees: what contains a container twice, or itself, goes by pickle, which keeps such references. So does what has
//! very many containers, since each is compared with all before it.

use cascata::channel::Encoder;
use pyo3::{
    prelude::*,
    types::{PyBool, PyBytes, PyDict, PyFloat, PyInt, PyList, PyString, PyTuple},
};

use super::{
    APART, Refusal, array,
    reader::{Reader, malformed, write_number},
    tag,
};

/// Containers and arrays that an object may have.
const MOST: usize = 64;

/// Writes `object`; `false`, and nothing written, if it is nothing of the kind.
pub fn encode(object: &Bound<'_, PyAny>, out: &mut Encoder<'_>) -> Result<bool, Refusal> {
    if scalar(object, out)? {
        return Ok(true);
    }
    let begun = out.mark();
    let written = compound(object, out, &mut Vec::new())?;
    if !written {
        out.take_back(begun);
    }
    Ok(written)
}

/// Writes a container or an array; `false` if it is none, or has anything that cannot be written. `seen` are those before
/// it.
fn compound(object: &Bound<'_, PyAny>, out: &mut Encoder<'_>, seen: &mut Vec<usize>) -> Result<bool, Refusal> {
    let identity = object.as_ptr() as usize;
    if seen.len() == MOST || seen.contains(&identity) {
        return Ok(false);
    }
    seen.push(identity);
    if let Ok(dict) = object.cast_exact::<PyDict>() {
        begin(tag::DICT, dict.len(), out);
        for (key, value) in dict.iter() {
            if !scalar(&key, out)? || !part(&value, out, seen)? {
                return Ok(false);
            }
        }
        Ok(true)
    } else if let Ok(tuple) = object.cast_exact::<PyTuple>() {
        begin(tag::TUPLE, tuple.len(), out);
        all(tuple.iter(), out, seen)
    } else if let Ok(list) = object.cast_exact::<PyList>() {
        begin(tag::LIST, list.len(), out);
        all(list.iter(), out, seen)
    } else {
        array::encode(object, out)
    }
}

/// Writes the head of a container of `len` parts.
fn begin(tag: u8, len: usize, out: &mut Encoder<'_>) {
    out.bytes().push(tag);
    write_number(out.bytes(), len as u64);
}

fn all<'py>(
    parts: impl Iterator<Item = Bound<'py, PyAny>>,
    out: &mut Encoder<'_>,
    seen: &mut Vec<usize>,
) -> Result<bool, Refusal> {
    for value in parts {
        if !part(&value, out, seen)? {
            return Ok(false);
        }
    }
    Ok(true)
}

fn part(object: &Bound<'_, PyAny>, out: &mut Encoder<'_>, seen: &mut Vec<usize>) -> Result<bool, Refusal> {
    Ok(scalar(object, out)? || compound(object, out, seen)?)
}

fn scalar(object: &Bound<'_, PyAny>, out: &mut Encoder<'_>) -> Result<bool, Refusal> {
    if object.is_none() {
        out.bytes().push(tag::NONE);
    } else if let Ok(value) = object.cast_exact::<PyInt>() {
        // Larger integers go by pickle.
        let Ok(value) = value.extract::<i64>() else { return Ok(false) };
        out.bytes().push(tag::INT);
        // The sign goes last, so that small negative numbers are short, too.
        write_number(out.bytes(), ((value << 1) ^ (value >> 63)) as u64);
    } else if let Ok(value) = object.cast_exact::<PyString>() {
        // Lone surrogates are no UTF-8 and go by pickle.
        let Ok(value) = value.to_str() else { return Ok(false) };
        data(value.as_bytes(), tag::STR, tag::STR_APART, out)?;
    } else if let Ok(value) = object.cast_exact::<PyFloat>() {
        out.bytes().push(tag::FLOAT);
        out.bytes().extend(value.value().to_le_bytes());
    } else if let Ok(value) = object.cast_exact::<PyBool>() {
        out.bytes().push(if value.is_true() { tag::TRUE } else { tag::FALSE });
    } else if let Ok(value) = object.cast_exact::<PyBytes>() {
        data(value.as_bytes(), tag::BYTES, tag::BYTES_APART, out)?;
    } else {
        return Ok(false);
    }
    Ok(true)
}

fn data(data: &[u8], near: u8, apart: u8, out: &mut Encoder<'_>) -> Result<(), Refusal> {
    if data.len() < APART {
        out.bytes().push(near);
        write_number(out.bytes(), data.len() as u64);
        out.bytes().extend(data);
    } else {
        out.bytes().push(apart);
        out.attach(data.len(), |space| space.copy_from_slice(data))?;
    }
    Ok(())
}

/// Reads what [`encode`] wrote behind the tag.
pub fn decode<'py>(py: Python<'py>, tag: u8, reader: &mut Reader<'_>) -> PyResult<Bound<'py, PyAny>> {
    decode_part(py, tag, reader, MOST)
}

fn decode_part<'py>(py: Python<'py>, tag: u8, reader: &mut Reader<'_>, depth: usize) -> PyResult<Bound<'py, PyAny>> {
    match tag {
        tag::TUPLE | tag::LIST | tag::DICT => {}
        tag::ARRAY => return array::decode(py, reader),
        tag => return decode_scalar(py, tag, reader),
    }
    let depth = depth.checked_sub(1).ok_or_else(malformed)?;
    let part = |reader: &mut Reader<'_>| {
        let tag = reader.byte()?;
        decode_part(py, tag, reader, depth)
    };
    let count = reader.count()?;
    if tag == tag::DICT {
        let dict = PyDict::new(py);
        for _ in 0..count {
            let key = part(reader)?;
            dict.set_item(key, part(reader)?)?;
        }
        return Ok(dict.into_any());
    }
    let parts: Vec<_> = (0..count).map(|_| part(reader)).collect::<PyResult<_>>()?;
    Ok(if tag == tag::TUPLE { PyTuple::new(py, parts)?.into_any() } else { PyList::new(py, parts)?.into_any() })
}

fn decode_scalar<'py>(py: Python<'py>, tag: u8, reader: &mut Reader<'_>) -> PyResult<Bound<'py, PyAny>> {
    let text =
        |bytes| Ok::<_, PyErr>(PyString::new(py, std::str::from_utf8(bytes).map_err(|_| malformed())?).into_any());
    Ok(match tag {
        tag::NONE => py.None().into_bound(py),
        tag::FALSE => PyBool::new(py, false).to_owned().into_any(),
        tag::TRUE => PyBool::new(py, true).to_owned().into_any(),
        tag::INT => {
            let word = reader.number()?;
            ((word >> 1) as i64 ^ -((word & 1) as i64)).into_pyobject(py)?.into_any()
        }
        tag::FLOAT => PyFloat::new(py, f64::from_le_bytes(reader.array()?)).into_any(),
        tag::STR => {
            let len = reader.length()?;
            text(reader.take(len)?)?
        }
        tag::BYTES => {
            let len = reader.length()?;
            PyBytes::new(py, reader.take(len)?).into_any()
        }
        tag::STR_APART => text(&reader.attachment()?)?,
        tag::BYTES_APART => PyBytes::new(py, &reader.attachment()?).into_any(),
        _ => return Err(malformed()),
    })
}
