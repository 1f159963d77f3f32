//! An encoded item on its way to another process.

use std::sync::{Arc, Mutex};

use cascata_shm::{
    Arena, Block, INLINE, Region,
    arena::{self, BlockGuard},
};

use super::lock;

/// What the payload of a slot is.
pub(super) mod kind {
    /// The encoded item itself.
    pub const INLINE: u32 = 0;
    /// A block of the sender's arena span that holds the encoded item.
    pub const BLOCK: u32 = 1;
    /// An index into the receiving process's own table: sender and receiver share the process.
    pub const OWN: u32 = 2;
}

/// The sender's end of the arena, shared by all its outports.
#[derive(Clone, Debug)]
pub(super) struct Depot {
    pub region: Arc<Region>,
    pub arena: Arc<Mutex<Arena>>,
}

/// An encoded item: in itself if it fits into a slot, else as a counted reference to a block.
///
/// A block whose parcel is dropped, rather than handed to a ring, is given back.
#[derive(Debug)]
pub struct Parcel {
    region: Arc<Region>,
    content: Content,
}

#[derive(Clone, Debug)]
enum Content {
    Inline(Vec<u8>),
    /// The block, and how a slot names it.
    Block(Block, [u8; 16]),
}

impl Parcel {
    /// Packs encoded bytes; `None` if the arena has no room for them.
    pub(super) fn pack(depot: &Depot, bytes: Vec<u8>) -> Option<Self> {
        let region = depot.region.clone();
        if bytes.len() <= INLINE {
            return Some(Self { region, content: Content::Inline(bytes) });
        }
        let block = lock(&depot.arena).allocate(bytes.len())?;
        lock(&depot.arena).fill(block, |space| space.copy_from_slice(&bytes));
        Some(Self { region, content: Content::Block(block, block.to_bytes()) })
    }

    /// The kind of a slot that carries it.
    pub(super) fn kind(&self) -> u32 {
        match &self.content {
            Content::Inline(_) => kind::INLINE,
            Content::Block(..) => kind::BLOCK,
        }
    }

    /// The payload of a slot that carries it.
    pub(super) fn payload(&self) -> &[u8] {
        match &self.content {
            Content::Inline(bytes) => bytes,
            Content::Block(_, name) => name,
        }
    }

    /// The ring has it now; its receiver will give the block back.
    pub(super) fn delivered(mut self) {
        self.content = Content::Inline(Vec::new());
    }
}

/// The block that a slot's payload names; `None` if it names none.
pub(super) fn open(region: &Arc<Region>, payload: &[u8]) -> Option<BlockGuard> {
    let name = payload.try_into().ok()?;
    arena::bytes(region, Block::from_bytes(name)).ok()
}

impl Clone for Parcel {
    fn clone(&self) -> Self {
        if let Content::Block(block, _) = &self.content {
            // The parcel itself holds a count, so that the block is there.
            let _ = arena::retain(&self.region, *block);
        }
        Self { region: self.region.clone(), content: self.content.clone() }
    }
}

impl Drop for Parcel {
    fn drop(&mut self) {
        if let Content::Block(block, _) = &self.content {
            let _ = arena::release(&self.region, *block);
        }
    }
}
