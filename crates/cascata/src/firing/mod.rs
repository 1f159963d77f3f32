//! Firing: trigger groups, passive ports and constants, as a stream of rows.
//!
//! A component's inports are each of one kind (see [`InportRole`](crate::plan::InportRole)): ports of a trigger group,
//! whose next values are zipped; passive ports, which keep the latest value; constants. [`Inputs`] is one trigger group
//! and yields a *row*, a value for every inport, for each firing; [`Passive`] is one passive port. What either has seen
//! last lies in [`Latest`], where the firings of the component's other groups find it.
//!
//! A port may deliver its items in batches. Then it gathers them while it waits, out of the channel and so outside of
//! its capacity, and shows a complete batch as one item: a list, made by [`Item::list`](crate::channel::Item::list).

mod gathering;
mod inputs;
mod latest;
mod numbers;
mod passive;

pub use inputs::{Heirs, Inputs, Port};
pub use latest::Latest;
pub use numbers::Numbers;
pub use passive::Passive;
