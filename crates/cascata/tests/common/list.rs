//! An item that is a list of numbers.

#![allow(dead_code, reason = "each test file uses a part")]

use cascata::channel::{EncodeError, Encoder, Item, Loan};

/// The item; as a function, it gives the remainder of an item's last number by its own first.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct List(pub Vec<u64>);

impl Item for List {
    type Error = ();

    fn encode(&self, out: &mut Encoder<'_>) -> Result<(), EncodeError<()>> {
        self.0.iter().for_each(|number| out.bytes().extend(number.to_le_bytes()));
        Ok(())
    }

    fn decode(bytes: &[u8], _: Vec<Loan>) -> Result<Self, ()> {
        Ok(Self(bytes.as_chunks().0.iter().map(|number| u64::from_le_bytes(*number)).collect()))
    }

    fn list(items: Vec<Self>) -> Result<Self, ()> {
        Ok(Self(items.into_iter().flat_map(|item| item.0).collect()))
    }

    fn key(&self, item: &Self) -> Result<u64, ()> {
        Ok(item.0[item.0.len() - 1] % self.0[0])
    }
}
