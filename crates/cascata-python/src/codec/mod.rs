//! Python objects on their way between processes.
//!
//! A tag byte, then the content. Numbers, texts, bytes, numpy's arrays ([`array`]) and records of these are written
//! directly ([`direct`]); everything else goes by pickle ([`pickled`]). The memory of arrays, and of whatever else gives
//! pickle its buffers, lies in shared memory ([`buffer`]), where the receiver views it in place ([`view`]).

mod array;
mod buffer;
mod direct;
mod loopback;
mod pickled;
mod reader;
mod view;

use cascata::channel::{EncodeError, Encoder, Item, Loan};
pub use loopback::Loopback;
use pyo3::{prelude::*, types::PyList};
pub use view::{View, abandon, forget_inherited, received, set_hub, shared_buffer, shown};

use crate::object::Object;
use reader::{Reader, malformed};
use view::{Memory, Order};

/// The first byte of everything that is encoded.
mod tag {
    pub const NONE: u8 = 0;
    pub const FALSE: u8 = 1;
    pub const TRUE: u8 = 2;
    pub const INT: u8 = 3;
    pub const FLOAT: u8 = 4;
    pub const STR: u8 = 5;
    pub const BYTES: u8 = 6;
    /// Text and bytes that are an attachment.
    pub const STR_APART: u8 = 7;
    pub const BYTES_APART: u8 = 8;
    pub const TUPLE: u8 = 9;
    pub const LIST: u8 = 10;
    pub const DICT: u8 = 11;
    pub const ARRAY: u8 = 12;
    /// A [`View`] itself.
    pub const BUFFER: u8 = 13;
    pub const PICKLE: u8 = 14;
}

/// Bytes from which on data becomes an attachment.
const APART: usize = 4096;

type Refusal = EncodeError<PyErr>;

impl Item for Object {
    type Error = PyErr;

    fn encode(&self, out: &mut Encoder<'_>) -> Result<(), Refusal> {
        Python::attach(|py| {
            let object = self.0.bind(py);
            if direct::encode(object, out)? {
                Ok(())
            } else if object.is_exact_instance_of::<View>() {
                out.bytes().push(tag::BUFFER);
                buffer::encode(&Memory::of(object, Order::C).map_err(Refusal::Refused)?, out)
            } else {
                pickled::encode(object, out)
            }
        })
    }

    fn decode(bytes: &[u8], attached: Vec<Loan>) -> PyResult<Self> {
        Python::attach(|py| {
            let mut reader = Reader::new(bytes, attached);
            let object = match reader.byte()? {
                tag::PICKLE => pickled::decode(py, &mut reader)?,
                tag::BUFFER => buffer::decode(py, &mut reader)?,
                tag => direct::decode(py, tag, &mut reader)?,
            };
            if reader.is_at_end() { Ok(Self(object.unbind())) } else { Err(malformed()) }
        })
    }

    fn key(&self, item: &Self) -> PyResult<u64> {
        Python::attach(|py| Ok(self.0.bind(py).call1((&item.0,))?.hash()? as u64))
    }

    fn list(items: Vec<Self>) -> PyResult<Self> {
        Python::attach(|py| Ok(Self(PyList::new(py, items.into_iter().map(|item| item.0))?.into_any().unbind())))
    }
}
