//! The memory of arrays and of whatever else has a buffer: read-only where it arrives, whatever its size.

use cascata::channel::Encoder;
use pyo3::{prelude::*, types::PyBytes};

use super::{
    APART, Refusal,
    reader::{Reader, malformed, write_number},
    view::{Memory, View},
};

/// Its length and its bytes follow.
const HERE: u8 = 0;
/// It is an attachment, or a part of one: where it begins there, and its length, follow.
const ATTACHED: u8 = 1;

/// Writes what `memory` holds. What lies in shared memory already, because it has come from another worker, is passed on
/// as it is.
pub fn encode(memory: &Memory, out: &mut Encoder<'_>) -> Result<(), Refusal> {
    let data = memory.bytes();
    if data.len() < APART {
        out.bytes().push(HERE);
        write_number(out.bytes(), data.len() as u64);
        out.bytes().extend(data);
        return Ok(());
    }
    let offset = match memory.forward(out)? {
        Some(offset) => offset,
        None => {
            out.attach(data.len(), |space| space.copy_from_slice(data))?;
            0
        }
    };
    out.bytes().push(ATTACHED);
    write_number(out.bytes(), offset as u64);
    write_number(out.bytes(), data.len() as u64);
    Ok(())
}

/// Reads what [`encode`] wrote: an object with a read-only buffer.
pub fn decode<'py>(py: Python<'py>, reader: &mut Reader<'_>) -> PyResult<Bound<'py, PyAny>> {
    match reader.byte()? {
        HERE => {
            let len = reader.length()?;
            Ok(PyBytes::new(py, reader.take(len)?).into_any())
        }
        ATTACHED => {
            let (offset, len) = (reader.length()?, reader.length()?);
            Ok(View::new(py, reader.attachment()?, offset, len)?.into_any())
        }
        _ => Err(malformed()),
    }
}
