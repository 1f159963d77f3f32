//! An encoded item on its way to another process.

use std::{
    mem,
    ops::Deref,
    sync::{Arc, Mutex},
};

use cascata_shm::{Arena, Block, INLINE, Pool, Region, arena};

use super::{EncodeError, Item, Loan, lock};
use crate::metrics::Holding;

/// What the payload of a slot is, in the lower byte of the slot's kind; above it stands the number of attachments.
pub(crate) mod kind {
    /// The content itself.
    pub const INLINE: u32 = 0;
    /// A block of the sender's arena span that holds the content.
    pub const BLOCK: u32 = 1;
    /// An index into the receiving process's own table: sender and receiver share the process.
    pub const OWN: u32 = 2;

    pub(super) const BITS: u32 = 8;
}

/// Attachments that one item can have.
const MOST_ATTACHED: usize = (1 << (u32::BITS - kind::BITS)) - 1;
/// Bytes by which a block travels.
const HANDLE: usize = 16;

/// The sender's end of the arena, shared by all its outports.
#[derive(Clone, Debug)]
pub(crate) struct Depot {
    pub pool: Pool,
    pub arena: Arc<Mutex<Arena>>,
}

impl Depot {
    /// A new block that `write` fills.
    pub fn store(&self, len: usize, write: impl FnOnce(&mut [u8])) -> Result<Block, Full> {
        let block = lock(&self.arena).allocate(len).ok_or(Full { bytes: len, cost: Arena::cost(len) })?;
        lock(&self.arena).fill(block, write);
        Ok(block)
    }

    /// Whether an item for which there was no room might find some in an arena where nothing else lies.
    pub fn could_hold(&self, full: Full) -> bool {
        lock(&self.arena).capacity() >= full.cost
    }

    /// Whether there seems to be room now for an item for which there was none.
    pub fn has_room(&self, full: Full) -> bool {
        lock(&self.arena).reclaim();
        self.pool.left() >= full.cost
    }

    pub fn region(&self) -> &Arc<Region> {
        self.pool.region()
    }
}

/// The shared memory has no room: what the item has asked for so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Full {
    /// All that was asked for until then, in bytes.
    pub bytes: usize,
    /// The memory that takes, in bytes.
    pub cost: usize,
}

/// A counted reference to a block.
#[derive(Debug)]
struct Counted {
    region: Arc<Region>,
    /// `None` once somebody else has the count.
    block: Option<Block>,
    /// Announced by this very handle.
    announced: bool,
}

impl Counted {
    /// Takes over a count.
    fn new(region: &Arc<Region>, block: Block) -> Self {
        Self { region: region.clone(), block: Some(block), announced: false }
    }

    /// How the block travels.
    fn name(&self) -> [u8; HANDLE] {
        self.block.map_or([0; HANDLE], Block::to_bytes)
    }

    fn announce(&mut self) {
        self.announced = self.block.is_some_and(|block| arena::announce(&self.region, block) == Ok(true));
    }

    fn retract(&mut self) {
        if let Some(block) = self.block.filter(|_| self.announced) {
            arena::retract(&self.region, block);
        }
        self.announced = false;
    }

    /// Somebody else has the count now.
    fn pass_on(mut self) {
        self.block = None;
    }
}

impl Clone for Counted {
    fn clone(&self) -> Self {
        if let Some(block) = self.block {
            // The count that is here shows that the block is there.
            let _ = arena::retain(&self.region, block);
        }
        Self { region: self.region.clone(), block: self.block, announced: false }
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        if let Some(block) = self.block {
            let _ = arena::release(&self.region, block);
        }
    }
}

/// Where an item writes its encoded form: a few bytes, and *attachments*, larger data that the receiver views in place.
#[derive(Debug)]
pub struct Encoder<'a> {
    depot: &'a Depot,
    bytes: Vec<u8>,
    attached: Vec<Counted>,
    /// What was asked for so far.
    asked: Full,
}

impl<'a> Encoder<'a> {
    fn new(depot: &'a Depot) -> Self {
        Self { depot, bytes: Vec::with_capacity(INLINE), attached: Vec::new(), asked: Full::default() }
    }

    /// The bytes written so far, to append to.
    pub fn bytes(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }

    /// Attaches `len` bytes, which `write` writes.
    ///
    /// # Errors
    /// The arena has no room for them.
    pub fn attach(&mut self, len: usize, write: impl FnOnce(&mut [u8])) -> Result<(), Full> {
        self.check()?;
        self.store(len, write).map(|block| self.attached.push(block))
    }

    fn store(&mut self, len: usize, write: impl FnOnce(&mut [u8])) -> Result<Counted, Full> {
        self.asked.bytes = self.asked.bytes.saturating_add(len);
        self.asked.cost = self.asked.cost.saturating_add(Arena::cost(len));
        // What has found room is given back with the encoder, and will be asked for again.
        let block = self.depot.store(len, write).map_err(|_| self.asked)?;
        Ok(Counted::new(self.depot.region(), block))
    }

    /// Attaches what lies in the arena already; `false` if it is the arena of another run.
    ///
    /// # Errors
    /// The item has too many attachments.
    pub fn forward(&mut self, loan: &Loan) -> Result<bool, Full> {
        self.check()?;
        let (region, block) = (self.depot.region(), loan.guard().block());
        let ours = loan.is_of(region) && arena::retain(region, block).is_ok();
        if ours {
            self.attached.push(Counted::new(region, block));
        }
        Ok(ours)
    }

    /// A place to go back to.
    pub fn mark(&self) -> Mark {
        Mark { bytes: self.bytes.len(), attached: self.attached.len() }
    }

    /// Forgets what was written and attached since `mark`.
    pub fn take_back(&mut self, mark: Mark) {
        self.bytes.truncate(mark.bytes);
        self.attached.truncate(mark.attached);
    }

    fn check(&self) -> Result<(), Full> {
        if self.attached.len() < MOST_ATTACHED { Ok(()) } else { Err(Full { bytes: usize::MAX, cost: usize::MAX }) }
    }
}

/// How far an encoder was.
#[derive(Clone, Copy, Debug)]
pub struct Mark {
    bytes: usize,
    attached: usize,
}

/// An encoded item: in itself if it fits into a slot, else as a counted reference to a block.
///
/// Blocks of a parcel that is dropped, rather than handed to a ring, are given back.
#[derive(Clone, Debug)]
pub struct Parcel {
    content: Content,
    attached: Vec<Counted>,
}

/// The encoded bytes, and behind them how the attachments are named.
#[derive(Clone, Debug)]
enum Content {
    Inline(Vec<u8>),
    /// The block, and how a slot names it.
    Block(Counted, [u8; HANDLE]),
}

impl Parcel {
    /// Encodes and packs an item.
    pub(crate) fn pack<T: Item>(depot: &Depot, item: &T) -> Result<Self, EncodeError<T::Error>> {
        let mut encoder = Encoder::new(depot);
        item.encode(&mut encoder)?;
        let mut bytes = mem::take(&mut encoder.bytes);
        for block in &encoder.attached {
            bytes.extend(block.name());
        }
        let content = if bytes.len() <= INLINE {
            Content::Inline(bytes)
        } else {
            let block = encoder.store(bytes.len(), |space| space.copy_from_slice(&bytes))?;
            let name = block.name();
            Content::Block(block, name)
        };
        Ok(Self { content, attached: encoder.attached })
    }

    /// The kind of a slot that carries it.
    pub(crate) fn kind(&self) -> u32 {
        let kind = match &self.content {
            Content::Inline(_) => kind::INLINE,
            Content::Block(..) => kind::BLOCK,
        };
        kind | (self.attached.len() as u32) << kind::BITS
    }

    /// The payload of a slot that carries it.
    pub(crate) fn payload(&self) -> &[u8] {
        match &self.content {
            Content::Inline(bytes) => bytes,
            Content::Block(_, name) => name,
        }
    }

    /// Whether anything of it lies in the arena.
    pub(crate) fn has_blocks(&self) -> bool {
        !self.attached.is_empty() || matches!(self.content, Content::Block(..))
    }

    /// The parcel is about to be offered to a ring. Should its sender die, blocks that others may have got are left alone.
    pub(crate) fn announce(&mut self) {
        self.blocks().for_each(Counted::announce);
    }

    /// The ring did not take it.
    pub(crate) fn retract(&mut self) {
        self.blocks().for_each(Counted::retract);
    }

    /// It belongs to the process from which this one was forked, which will use its counts.
    pub fn disown(mut self) {
        self.blocks().for_each(|block| block.block = None);
    }

    fn blocks(&mut self) -> impl Iterator<Item = &mut Counted> {
        let content = match &mut self.content {
            Content::Inline(_) => None,
            Content::Block(block, _) => Some(block),
        };
        self.attached.iter_mut().chain(content)
    }

    /// The ring has it now; its receiver will give the blocks back.
    pub(crate) fn delivered(self) {
        self.attached.into_iter().for_each(Counted::pass_on);
        if let Content::Block(block, _) = self.content {
            block.pass_on();
        }
    }
}

/// What a slot has brought.
#[derive(Debug)]
pub(crate) struct Opened<'a> {
    content: View<'a>,
    len: usize,
    attached: Vec<Loan>,
}

#[derive(Debug)]
enum View<'a> {
    Slot(&'a [u8]),
    Block(arena::BlockGuard),
}

impl Deref for View<'_> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Self::Slot(bytes) => bytes,
            Self::Block(guard) => guard,
        }
    }
}

impl<'a> Opened<'a> {
    /// Opens a slot that is not of the kind `OWN`; `None` if it makes no sense, as only damaged memory does. Attachments
    /// count in `holding`.
    pub fn new(region: &Arc<Region>, kind: u32, payload: &'a [u8], holding: Option<&Holding>) -> Option<Self> {
        let name = |bytes: &[u8]| Some(Block::from_bytes(bytes.try_into().ok()?));
        let content = match kind & ((1 << kind::BITS) - 1) {
            kind::INLINE => View::Slot(payload),
            kind::BLOCK => View::Block(arena::bytes(region, name(payload)?).ok()?),
            _ => return None,
        };
        let len = content.len().checked_sub((kind >> kind::BITS) as usize * HANDLE)?;
        let handles = content[len..].chunks_exact(HANDLE);
        let attached = handles.map(|handle| Some(Loan::new(arena::bytes(region, name(handle)?).ok()?, holding)));
        let attached = attached.collect::<Option<_>>()?;
        Some(Self { content, len, attached })
    }

    /// The encoded bytes, and the attachments.
    pub fn into_parts(self) -> (Vec<u8>, Vec<Loan>) {
        (self.content[..self.len].to_vec(), self.attached)
    }

    /// The item.
    pub fn decode<T: Item>(mut self) -> Result<T, T::Error> {
        let attached = mem::take(&mut self.attached);
        T::decode(&self.content[..self.len], attached)
    }
}
