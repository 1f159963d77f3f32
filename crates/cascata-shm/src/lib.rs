//! Shared memory for Cascata: everything of the project that needs `unsafe` for memory.
//!
//! The layers, each knowing only those above it:
//!
//! - [`region`]: one sparse, unnamed file, mapped into every process of a run; [`layout`] hands out offsets in it,
//!   [`words`] looks at a stretch of it as atomics;
//! - [`lock`]: a mutex between processes that outlives its holder;
//! - [`ring`]: the bounded many-to-many queue of small slots; [`arena`]: payloads that are too large for a slot;
//! - [`bells`]: who sleeps, who must be woken, and whether anything in the run can still move;
//! - [`cycle`]: what may still move in a feedback loop, and the end of the loop when nothing may;
//! - [`members`]: the processes that share a ring, who come and go and may die; [`process`]: whether one lives;
//! - [`guard`]: the end of a process whose parent is gone; [`descriptor`]: what a spawned process was started with.
//!
//! Nothing here knows Python or graphs. Memory holds offsets, never addresses: each process maps the region wherever
//! it likes. Fresh memory reads as zero, and a structure is built (`create`) by one process before the others
//! `attach` to it.

pub mod arena;
pub mod bells;
pub mod cycle;
pub mod descriptor;
pub mod guard;
pub mod layout;
pub mod ledger;
pub mod lock;
pub mod members;
#[cfg(any(test, feature = "model"))]
#[doc(hidden)]
pub mod model;
pub mod process;
pub mod region;
pub mod ring;
mod sync;
pub mod words;
mod workers;

pub use arena::{Arena, Block, BlockError, BlockGuard, Pool};
pub use bells::{Bells, Doorbell};
pub use cycle::{Cycle, Gate};
pub use layout::Layout;
pub use ledger::Ledger;
pub use lock::Orphaned;
pub use members::{Bell, JoinError, Members};
pub use region::Region;
pub use ring::{Front, INLINE, MAX_WORKERS, MOST_SLOTS, Peek, Pop, Push, Ring, Room, SLOT, Slot, WorkerSet};
pub use words::Words;

#[cfg(test)]
mod testing;
