//! An item that is counted: how many copies of it there are in this process.

#![allow(dead_code, reason = "each test file uses a part")]

use std::{
    collections::HashMap,
    process,
    sync::{
        Arc, LazyLock, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicI64, AtomicU64, Ordering::SeqCst},
    },
};

use cascata::channel::{EncodeError, Encoder, Item, Loan};

/// Censuses by number, so that a decoded item finds its own.
static CENSUSES: LazyLock<Mutex<HashMap<u64, Weak<Census>>>> = LazyLock::new(Mutex::default);
static NEXT: AtomicU64 = AtomicU64::new(1);

/// How many items of a test live in this process.
#[derive(Debug)]
pub struct Census {
    number: u64,
    alive: AtomicI64,
}

impl Census {
    pub fn new() -> Arc<Self> {
        // Unlike that of any census in another process.
        let number = u64::from(process::id()) << 32 | NEXT.fetch_add(1, SeqCst);
        let census = Arc::new(Self { number, alive: AtomicI64::new(0) });
        censuses().insert(census.number, Arc::downgrade(&census));
        census
    }

    /// Items alive now.
    pub fn alive(&self) -> i64 {
        self.alive.load(SeqCst)
    }

    /// A small item called `id`.
    pub fn token(self: &Arc<Self>, id: u64) -> Token {
        self.make(id, Nature::Plain, 0)
    }

    /// An item called `id` whose encoded form has `size` bytes, or few more if that is too little.
    pub fn make(self: &Arc<Self>, id: u64, nature: Nature, size: usize) -> Token {
        self.alive.fetch_add(1, SeqCst);
        Token { id, nature, size, census: self.clone() }
    }
}

impl Drop for Census {
    fn drop(&mut self) {
        censuses().remove(&self.number);
    }
}

fn censuses() -> MutexGuard<'static, HashMap<u64, Weak<Census>>> {
    CENSUSES.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What becomes of a token on its way to another process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nature {
    Plain,
    Unencodable,
    Undecodable,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    Unencodable,
    Undecodable(u64),
    /// The bytes are not those that were written.
    Garbage,
}

/// The item.
#[derive(Debug)]
pub struct Token {
    pub id: u64,
    nature: Nature,
    size: usize,
    census: Arc<Census>,
}

impl Clone for Token {
    fn clone(&self) -> Self {
        self.census.make(self.id, self.nature, self.size)
    }
}

impl Drop for Token {
    fn drop(&mut self) {
        let left = self.census.alive.fetch_sub(1, SeqCst) - 1;
        assert!(left >= 0, "an item was dropped twice");
    }
}

/// What a list of items with these ids is called.
pub fn list_id(ids: &[u64]) -> u64 {
    ids.iter().fold(ids.len() as u64, |list, id| list.wrapping_mul(1_000_003).wrapping_add(*id + 1))
}

/// Census, id, nature.
const HEAD: usize = 17;

/// What follows the head. Not byte by byte, which takes its time without optimisation.
fn padding(id: u64, len: usize) -> Vec<u8> {
    vec![id as u8; len]
}

impl Token {
    /// Whether the padding travels as an attachment: that of every other larger token does.
    fn is_attached(&self) -> bool {
        self.size >= 1024 && self.id % 2 == 1
    }
}

impl Item for Token {
    type Error = Fault;

    fn encode(&self, encoder: &mut Encoder<'_>) -> Result<(), EncodeError<Fault>> {
        let out = encoder.bytes();
        out.extend(self.census.number.to_le_bytes());
        out.extend(self.id.to_le_bytes());
        match self.nature {
            Nature::Plain => out.push(0),
            Nature::Undecodable => out.push(1),
            // A part has been written by then, as the contract allows.
            Nature::Unencodable => return Err(EncodeError::Refused(Fault::Unencodable)),
        }
        let padding = padding(self.id, self.size.saturating_sub(HEAD));
        if self.is_attached() {
            encoder.attach(padding.len(), |space| space.copy_from_slice(&padding))?;
        } else {
            out.extend_from_slice(&padding);
        }
        Ok(())
    }

    fn decode(bytes: &[u8], attached: Vec<Loan>) -> Result<Self, Fault> {
        let (census, rest) = bytes.split_first_chunk().ok_or(Fault::Garbage)?;
        let (id, rest) = rest.split_first_chunk().ok_or(Fault::Garbage)?;
        let (nature, rest) = rest.split_first().ok_or(Fault::Garbage)?;
        let id = u64::from_le_bytes(*id);
        let rest = match &attached[..] {
            [] => rest,
            [attached] if rest.is_empty() => attached,
            _ => return Err(Fault::Garbage),
        };
        if rest != padding(id, rest.len()) {
            return Err(Fault::Garbage);
        }
        if *nature != 0 {
            return Err(Fault::Undecodable(id));
        }
        // In another process there is nobody who counts.
        let census = censuses().get(&u64::from_le_bytes(*census)).and_then(Weak::upgrade);
        let census = census.unwrap_or_else(Census::new);
        Ok(census.make(id, Nature::Plain, HEAD + rest.len()))
    }

    /// The remainder by the function's number.
    fn key(&self, item: &Self) -> Result<u64, Fault> {
        Ok(item.id % self.id)
    }

    fn list(items: Vec<Self>) -> Result<Self, Fault> {
        let ids: Vec<_> = items.iter().map(|item| item.id).collect();
        Ok(items[0].census.token(list_id(&ids)))
    }
}
