//! The items of outports that the report is to have.

use std::{mem, sync::Mutex};

use super::{Mismatch, Value};
use crate::channel::{Collector, lock};

/// The items of one outport, with the numbers of the firings that have sent them.
#[derive(Debug, Default)]
pub(super) struct Collected(Mutex<Vec<(u64, Value)>>);

impl Collected {
    pub fn len(&self) -> usize {
        lock(&self.0).len()
    }

    pub fn take(&self) -> Vec<(u64, Value)> {
        mem::take(&mut lock(&self.0))
    }
}

impl Collector<Value> for Collected {
    fn pack(&self, item: &Value) -> Result<Value, Mismatch> {
        Ok(item.clone())
    }

    fn collect(&self, packed: Value, number: u64) {
        lock(&self.0).push((number, packed));
    }
}
