//! Everything that is not written directly: pickle, protocol 5.
//!
//! Buffers that objects give to pickle (PEP 574: Arrow data, arrays of odd kinds) stay out of it. What pickle refuses
//! (lambdas, local classes) goes by cloudpickle.

use std::sync::Mutex;

use cascata::channel::Encoder;
use pyo3::{
    exceptions::PyException,
    intern,
    prelude::*,
    sync::PyOnceLock,
    types::{PyBytes, PyDict, PyList},
};

use super::{
    APART, Refusal, buffer,
    reader::{Reader, malformed, write_number},
    tag,
    view::{Memory, Order, View},
};
use crate::lock;

const PROTOCOL: u8 = 5;

/// The pickle itself follows.
const HERE: u8 = 0;
/// It is an attachment.
const ATTACHED: u8 = 1;

/// Takes the buffers of an object while it is pickled.
#[pyclass(frozen)]
struct Buffers {
    taken: Mutex<Vec<Py<PyAny>>>,
}

#[pymethods]
impl Buffers {
    /// Takes a `PickleBuffer`; true if it must be a part of the pickle.
    fn __call__(&self, buffer: &Bound<'_, PyAny>) -> bool {
        match buffer.call_method0(intern!(buffer.py(), "raw")) {
            Ok(memory) => {
                lock(&self.taken).push(memory.unbind());
                false
            }
            // It does not lie in one piece.
            Err(_) => true,
        }
    }
}

static DUMPS: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
static LOADS: PyOnceLock<Py<PyAny>> = PyOnceLock::new();

/// Writes `object`.
pub fn encode(object: &Bound<'_, PyAny>, out: &mut Encoder<'_>) -> Result<(), Refusal> {
    let py = object.py();
    let (pickle, buffers) = dump(object).map_err(Refusal::Refused)?;
    out.bytes().push(tag::PICKLE);
    write_number(out.bytes(), buffers.len() as u64);
    for memory in buffers {
        let memory = Memory::of(memory.bind(py), Order::C).map_err(Refusal::Refused)?;
        buffer::encode(&memory, out)?;
    }
    let pickle = pickle.bind(py).as_bytes();
    if pickle.len() < APART {
        out.bytes().push(HERE);
        out.bytes().extend(pickle);
    } else {
        out.bytes().push(ATTACHED);
        out.attach(pickle.len(), |space| space.copy_from_slice(pickle))?;
    }
    Ok(())
}

/// The pickle of `object`, and its buffers.
fn dump(object: &Bound<'_, PyAny>) -> PyResult<(Py<PyBytes>, Vec<Py<PyAny>>)> {
    let py = object.py();
    let with = |dumps: &Bound<'_, PyAny>| -> PyResult<(Py<PyBytes>, Vec<Py<PyAny>>)> {
        let buffers = Py::new(py, Buffers { taken: Mutex::default() })?;
        let options = PyDict::new(py);
        options.set_item(intern!(py, "buffer_callback"), &buffers)?;
        let pickle = dumps.call((object, PROTOCOL), Some(&options))?.cast_into::<PyBytes>()?.unbind();
        let taken = std::mem::take(&mut *lock(&buffers.get().taken));
        Ok((pickle, taken))
    };
    match with(DUMPS.import(py, "pickle", "dumps")?) {
        Err(refusal) if refusal.is_instance_of::<PyException>(py) => {
            let dumps = py.import(intern!(py, "cloudpickle"))?.getattr(intern!(py, "dumps"))?;
            // Its errors say more than those of pickle, which stopped at the first thing it could not import.
            with(&dumps).inspect_err(|error| error.set_cause(py, Some(refusal)))
        }
        done => done,
    }
}

/// Reads what [`encode`] wrote behind the tag.
pub fn decode<'py>(py: Python<'py>, reader: &mut Reader<'_>) -> PyResult<Bound<'py, PyAny>> {
    let loads = LOADS.import(py, "pickle", "loads")?;
    let buffers: Vec<_> = (0..reader.count()?).map(|_| buffer::decode(py, reader)).collect::<PyResult<_>>()?;
    let pickle = match reader.byte()? {
        HERE => PyBytes::new(py, reader.rest()).into_any(),
        ATTACHED => {
            let loan = reader.attachment()?;
            let len = loan.len();
            View::new(py, loan, 0, len)?.into_any()
        }
        _ => return Err(malformed()),
    };
    if buffers.is_empty() {
        return loads.call1((pickle,));
    }
    let options = PyDict::new(py);
    options.set_item(intern!(py, "buffers"), PyList::new(py, buffers)?)?;
    loads.call((pickle,), Some(&options))
}
