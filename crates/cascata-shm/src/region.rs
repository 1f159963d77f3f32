//! One stretch of memory that all processes of a run share.

use std::io;
use std::marker::PhantomData;
use std::ops::{Deref, Range};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::ptr::NonNull;
use std::sync::Arc;

use rustix::fs::{FallocateFlags, MemfdFlags, SealFlags};
use rustix::mm::{Advice, MapFlags, ProtFlags};

use crate::layout::PAGE;

/// An unnamed file in memory, mapped for reading and writing.
///
/// It is sparse: a page costs memory once it is written, so it may be made as large as it could ever be needed.
/// Its length is sealed. The kernel frees it when the last process that maps it or holds its descriptor ends,
/// however that happens; it has no name that could be left behind.
#[derive(Debug)]
pub struct Region {
    base: NonNull<u8>,
    len: usize,
    fd: OwnedFd,
}

// SAFETY: the mapping belongs to the process, not to a thread, and lives as long as the value. What lies in it is
// reached through types that are themselves safe to share (`Shareable`), or through `slice` and `slice_mut`, whose
// callers answer for it.
unsafe impl Send for Region {}
// SAFETY: as for `Send`; no method changes the value itself.
unsafe impl Sync for Region {}

impl Region {
    /// Makes a region of at least `len` bytes (whole pages), all zero.
    ///
    /// # Errors
    ///
    /// Those of the system: no descriptor left, address space limited.
    pub fn create(len: usize) -> io::Result<Arc<Self>> {
        let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
        let fd = rustix::fs::memfd_create(c"cascata", flags)?;
        let len = len.max(1).checked_next_multiple_of(PAGE).ok_or(io::ErrorKind::InvalidInput)?;
        rustix::fs::ftruncate(&fd, len as u64)?;
        rustix::fs::fcntl_add_seals(&fd, SealFlags::SHRINK | SealFlags::GROW | SealFlags::SEAL)?;
        Self::map(fd, len)
    }

    /// Maps the region behind a descriptor that came from another process.
    ///
    /// # Errors
    ///
    /// `InvalidInput` if the descriptor is not that of a region; else those of the system.
    pub fn open(fd: OwnedFd) -> io::Result<Arc<Self>> {
        let len = rustix::fs::fstat(&fd)?.st_size;
        // A file that could shrink would turn every access into a possible SIGBUS.
        let sealed = rustix::fs::fcntl_get_seals(&fd).is_ok_and(|seals| seals.contains(SealFlags::SHRINK));
        match usize::try_from(len) {
            Ok(len) if sealed && len > 0 && len % PAGE == 0 => Self::map(fd, len),
            _ => Err(io::Error::new(io::ErrorKind::InvalidInput, "the descriptor is not that of a shared region")),
        }
    }

    fn map(fd: OwnedFd, len: usize) -> io::Result<Arc<Self>> {
        let protection = ProtFlags::READ | ProtFlags::WRITE;
        let flags = MapFlags::SHARED | MapFlags::NORESERVE;
        // SAFETY: a fresh mapping at an address of the kernel's choice touches no memory that is in use.
        let base = unsafe { rustix::mm::mmap(std::ptr::null_mut(), len, protection, flags, &fd, 0) }?;
        let base = NonNull::new(base.cast()).ok_or(io::ErrorKind::OutOfMemory)?;
        let region = Self { base, len, fd };
        // SAFETY: the range is the mapping just made; the advice only keeps it out of core dumps.
        unsafe { rustix::mm::madvise(region.base.as_ptr().cast(), len, Advice::LinuxDontDump) }?;
        Ok(Arc::new(region))
    }

    /// The descriptor, to be handed to a spawned process.
    pub fn fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }

    /// Length in bytes, a multiple of the page size.
    #[expect(clippy::len_without_is_empty, reason = "a region is never empty")]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Gives the whole pages inside `range` back to the system; they read as zero from then on.
    ///
    /// It is a hint: where the kernel refuses, the pages just stay.
    pub(crate) fn discard(&self, range: Range<usize>) {
        let start = range.start.next_multiple_of(PAGE);
        let end = range.end.min(self.len) / PAGE * PAGE;
        if start < end {
            let flags = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
            let _ = rustix::fs::fallocate(&self.fd, flags, start as u64, (end - start) as u64);
        }
    }

    /// Address of `len` bytes at `offset`, or nothing if they do not lie inside or are not aligned.
    fn at(&self, offset: usize, len: usize, align: usize) -> Option<NonNull<u8>> {
        let end = offset.checked_add(len)?;
        if end > self.len || !offset.is_multiple_of(align) || align > PAGE {
            return None;
        }
        // SAFETY: `offset` lies inside the mapping, as just checked.
        Some(unsafe { self.base.add(offset) })
    }

    /// Bytes of the region, or nothing if they do not lie inside.
    ///
    /// # Safety
    ///
    /// Nobody, in any process, may write these bytes while the slice lives.
    pub(crate) unsafe fn slice(&self, offset: usize, len: usize) -> Option<&[u8]> {
        let bytes = self.at(offset, len, 1)?;
        // SAFETY: the bytes lie inside the mapping, which lives as long as `self`, and any byte is a `u8`; the
        // caller keeps writers away.
        Some(unsafe { std::slice::from_raw_parts(bytes.as_ptr(), len) })
    }

    /// Bytes of the region for writing, or nothing if they do not lie inside.
    ///
    /// # Safety
    ///
    /// Nobody else, in any process, may touch these bytes while the slice lives.
    #[expect(clippy::mut_from_ref, reason = "the memory is not owned by the value; the caller answers for it")]
    pub(crate) unsafe fn slice_mut(&self, offset: usize, len: usize) -> Option<&mut [u8]> {
        let bytes = self.at(offset, len, 1)?;
        // SAFETY: as in `slice`; the caller keeps everybody else away.
        Some(unsafe { std::slice::from_raw_parts_mut(bytes.as_ptr(), len) })
    }

    /// A structure of the region, or nothing if it does not lie inside or is not aligned.
    pub(crate) fn get<T: Shareable>(&self, offset: usize) -> Option<&T> {
        let place = self.at(offset, size_of::<T>(), align_of::<T>())?;
        // SAFETY: the place lies inside the mapping, which lives as long as `self`, and is aligned; `Shareable`
        // says that any bytes are a `T` and that concurrent changes are its own business.
        Some(unsafe { place.cast().as_ref() })
    }

    /// Several structures of the region one behind the other, as [`Region::get`].
    pub(crate) fn get_many<T: Shareable>(&self, offset: usize, count: usize) -> Option<&[T]> {
        let place = self.at(offset, size_of::<T>().checked_mul(count)?, align_of::<T>())?;
        // SAFETY: as in `get`.
        Some(unsafe { std::slice::from_raw_parts(place.cast().as_ptr(), count) })
    }
}

impl Drop for Region {
    fn drop(&mut self) {
        // SAFETY: the range is the mapping made in `map`; every reference into it borrows the region or holds it
        // by `Arc`.
        let unmapped = unsafe { rustix::mm::munmap(self.base.as_ptr().cast(), self.len) };
        debug_assert!(unmapped.is_ok(), "a mapping can be undone");
    }
}

/// What may lie in memory that other processes change at any time.
///
/// # Safety
///
/// Any bytes, zeros above all, must be a valid value; every field must be an atomic or do its own synchronisation
/// between processes; nothing in it may be an address.
pub(crate) unsafe trait Shareable: Sync {}

// SAFETY: an atomic integer takes any bytes and any concurrent access.
unsafe impl Shareable for crate::sync::AtomicU32 {}
// SAFETY: an atomic integer takes any bytes and any concurrent access.
unsafe impl Shareable for crate::sync::AtomicU64 {}

/// A structure in a region, kept reachable: the handle holds the region.
#[derive(Debug)]
pub(crate) struct Shared<T> {
    region: Arc<Region>,
    offset: usize,
    kind: PhantomData<fn() -> T>,
}

impl<T: Shareable> Shared<T> {
    /// # Panics
    ///
    /// If the structure would not lie inside the region, or not be aligned.
    pub(crate) fn new(region: &Arc<Region>, offset: usize) -> Self {
        assert!(region.get::<T>(offset).is_some(), "offset {offset} is out of place in a region of {}", region.len);
        Self { region: Arc::clone(region), offset, kind: PhantomData }
    }

    pub(crate) fn region(&self) -> &Arc<Region> {
        &self.region
    }
}

impl<T> Clone for Shared<T> {
    fn clone(&self) -> Self {
        Self { region: Arc::clone(&self.region), offset: self.offset, kind: PhantomData }
    }
}

impl<T: Shareable> Deref for Shared<T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: `new` checked place and alignment; `Shareable` says that any bytes are a `T`.
        unsafe { self.region.base.add(self.offset).cast().as_ref() }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::Ordering::Relaxed;

    use super::*;
    use crate::Words;
    use crate::testing::{again, region, resident};

    #[test]
    fn it_is_whole_pages_zero_and_sparse() {
        let region = Region::create(1 << 40).unwrap();
        assert_eq!((region.len(), resident(&region)), (1 << 40, 0));
        let words = Words::new(&region, (1 << 40) - 64, 8);
        assert!(words.iter().all(|word| word.load(Relaxed) == 0));
        assert_eq!(Region::create(1).unwrap().len(), PAGE);
    }

    #[test]
    fn what_one_mapping_writes_the_other_reads() {
        let one = region(PAGE);
        let other = again(&one);
        Words::new(&one, 64, 2)[1].store(5, Relaxed);
        drop(one);
        assert_eq!(Words::new(&other, 72, 1)[0].load(Relaxed), 5);
    }

    #[test]
    fn its_size_is_sealed() {
        let region = region(PAGE);
        assert!(rustix::fs::ftruncate(region.fd(), 0).is_err());
    }

    #[test]
    fn another_file_is_refused() {
        let file = std::fs::File::open("/proc/self/exe").unwrap();
        assert_eq!(Region::open(file.into()).unwrap_err().kind(), io::ErrorKind::InvalidInput);
        let unsealed = rustix::fs::memfd_create(c"other", MemfdFlags::CLOEXEC).unwrap();
        rustix::fs::ftruncate(&unsealed, PAGE as u64).unwrap();
        assert_eq!(Region::open(unsealed).unwrap_err().kind(), io::ErrorKind::InvalidInput);
    }

    #[test]
    fn what_is_out_of_place_is_refused() {
        let region = region(PAGE);
        let refused = |offset: usize, len: usize| {
            assert!(std::panic::catch_unwind(|| Words::new(&region, offset, len)).is_err(), "{len} at {offset}");
        };
        for (offset, len) in
            [(4, 1), (PAGE, 1), (PAGE - 8, 2), (0, usize::MAX), (usize::MAX - 7, 1), (8, usize::MAX / 8)]
        {
            refused(offset, len);
        }
        assert_eq!(Words::new(&region, PAGE, 0).len(), 0);
    }

    #[test]
    fn discarded_pages_are_zero_and_cost_nothing() {
        let region = region(4 * PAGE);
        let words = Words::new(&region, 0, 4 * PAGE / 8);
        words.iter().for_each(|word| word.store(1, Relaxed));
        region.discard(8..3 * PAGE + 8);
        assert_eq!(resident(&region), 2 * PAGE);
        assert_eq!(words.iter().map(|word| word.load(Relaxed)).sum::<u64>() as usize, 2 * PAGE / 8);
    }
}
