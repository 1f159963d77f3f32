//! The way of an item from one worker to another, without the workers.

use std::{
    io,
    sync::{Arc, Mutex},
};

use cascata_shm::{Pool, Region, arena, layout::PAGE};

use super::{
    Full, Item, Loan, SendError, lock,
    parcel::{Depot, Opened, Parcel},
};

/// An encoded item: its bytes, and the attachments.
pub type Encoded = (Vec<u8>, Vec<Loan>);

/// Encodes items into shared memory and decodes them from there, as if another worker had received them.
#[derive(Debug)]
pub struct Loopback {
    depot: Depot,
}

impl Loopback {
    /// With so many bytes of shared memory.
    ///
    /// # Errors
    /// The system has no memory or descriptors left.
    pub fn new(size: usize) -> io::Result<Self> {
        let size = size.next_multiple_of(PAGE).max(2 * PAGE);
        let region = Region::create(Pool::footprint(1, size))?;
        let pool = Pool::create(&region, 0, 1, size, size);
        let arena = Arc::new(Mutex::new(pool.arena(0)));
        Ok(Self { depot: Depot { pool, arena } })
    }

    /// What another worker would receive if it were sent `item`.
    ///
    /// # Errors
    /// The item cannot be encoded or decoded, or there is no room for it.
    pub fn transfer<T: Item>(&self, item: &T) -> Result<T, SendError<T::Error>> {
        let parcel = Parcel::pack(&self.depot, item)?;
        let (kind, payload) = (parcel.kind(), parcel.payload().to_vec());
        parcel.delivered();
        let opened = Opened::new(self.depot.region(), kind, &payload, None).ok_or(SendError::Ended)?;
        opened.decode().map_err(SendError::Encode)
    }

    /// What [`transfer`](Self::transfer) would decode: the bytes, and the attachments.
    ///
    /// # Errors
    /// The item cannot be encoded, or there is no room for it.
    pub fn encode<T: Item>(&self, item: &T) -> Result<Encoded, SendError<T::Error>> {
        let parcel = Parcel::pack(&self.depot, item)?;
        let (kind, payload) = (parcel.kind(), parcel.payload().to_vec());
        parcel.delivered();
        Ok(Opened::new(self.depot.region(), kind, &payload, None).ok_or(SendError::Ended)?.into_parts())
    }

    /// Decodes `bytes` with such attachments, whoever wrote them.
    ///
    /// # Errors
    /// They are no encoded item, or there is no room for the attachments.
    pub fn decode<T: Item>(&self, bytes: &[u8], attached: &[&[u8]]) -> Result<T, SendError<T::Error>> {
        let attach = |data: &&[u8]| {
            let block = self.depot.store(data.len(), |space| space.copy_from_slice(data))?;
            let guard = arena::bytes(self.depot.region(), block).expect("it was just filled");
            Ok(Loan::new(guard, None))
        };
        let attached = attached.iter().map(attach).collect::<Result<_, Full>>();
        let attached = attached.map_err(|full| SendError::TooLarge(full.bytes))?;
        T::decode(bytes, attached).map_err(SendError::Encode)
    }

    /// Bytes of shared memory in use.
    pub fn in_use(&self) -> usize {
        let mut arena = lock(&self.depot.arena);
        arena.reclaim();
        arena.in_use()
    }
}
