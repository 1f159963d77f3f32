//! The way of an item from one worker to another, without the workers.

use std::{
    io,
    sync::{Arc, Mutex},
};

use cascata_shm::{Pool, Region};

use super::{
    Item, SendError, lock,
    parcel::{Depot, Opened, Parcel},
};

const PAGE: usize = 4096;

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

    /// Bytes of shared memory in use.
    pub fn in_use(&self) -> usize {
        let mut arena = lock(&self.depot.arena);
        arena.reclaim();
        arena.in_use()
    }
}
