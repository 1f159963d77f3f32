//! Reading what was encoded, and trusting none of it.

use cascata::channel::Loan;
use pyo3::{exceptions::PyValueError, prelude::*};

/// The error for bytes that no encoder has written.
pub fn malformed() -> PyErr {
    PyValueError::new_err("malformed item")
}

/// The encoded bytes that are still to be read, and the attachments.
pub struct Reader<'a> {
    bytes: &'a [u8],
    attached: std::vec::IntoIter<Loan>,
}

impl<'a> Reader<'a> {
    pub fn new(bytes: &'a [u8], attached: Vec<Loan>) -> Self {
        Self { bytes, attached: attached.into_iter() }
    }

    pub fn byte(&mut self) -> PyResult<u8> {
        let (&byte, rest) = self.bytes.split_first().ok_or_else(malformed)?;
        self.bytes = rest;
        Ok(byte)
    }

    pub fn take(&mut self, len: usize) -> PyResult<&'a [u8]> {
        let (taken, rest) = self.bytes.split_at_checked(len).ok_or_else(malformed)?;
        self.bytes = rest;
        Ok(taken)
    }

    pub fn array<const N: usize>(&mut self) -> PyResult<[u8; N]> {
        self.take(N)?.try_into().map_err(|_| malformed())
    }

    /// A number as [`write_number`] writes it.
    pub fn number(&mut self) -> PyResult<u64> {
        let mut value = 0;
        for shift in (0..u64::BITS).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(malformed())
    }

    pub fn length(&mut self) -> PyResult<usize> {
        self.number()?.try_into().map_err(|_| malformed())
    }

    /// How many things follow, each of which takes a byte at least.
    pub fn count(&mut self) -> PyResult<usize> {
        let count = self.length()?;
        if count <= self.bytes.len() { Ok(count) } else { Err(malformed()) }
    }

    pub fn attachment(&mut self) -> PyResult<Loan> {
        self.attached.next().ok_or_else(malformed)
    }

    /// All that is left.
    pub fn rest(&mut self) -> &'a [u8] {
        std::mem::take(&mut self.bytes)
    }

    pub fn is_at_end(&self) -> bool {
        self.bytes.is_empty() && self.attached.len() == 0
    }
}

/// Writes a number in groups of seven bits, the lowest first; small ones take one byte.
pub fn write_number(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}
