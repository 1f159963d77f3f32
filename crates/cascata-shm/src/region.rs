//! One stretch of memory that all processes of a run share.

use std::io;
use std::marker::PhantomData;
use std::ops::{Deref, Range};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::ptr::NonNull;
use std::sync::{Arc, OnceLock};

use rustix::fs::{FallocateFlags, MemfdFlags, SealFlags};
use rustix::mm::{Advice, MapFlags, ProtFlags};

use crate::layout::PAGE;

/// An unnamed file in memory, mapped for reading and writing.
///
/// It is sparse: a page costs memory once it is written, so it may be made as large as it could ever be needed.
/// Its length is sealed. The kernel frees it when the last process that maps it or holds its descriptor ends,
/// however that happens; it has no name that could be left behind.
///
/// Its end may consist of *windows*, which a process maps when it first looks at them: so a region may be larger than
/// what a process could map of many such regions.
#[derive(Debug)]
pub struct Region {
    head: Mapping,
    windows: Windows,
    len: usize,
    fd: OwnedFd,
}

/// A stretch of the file, mapped.
#[derive(Debug)]
struct Mapping {
    base: NonNull<u8>,
    len: usize,
}

/// Stretches of equal size behind the head.
#[derive(Debug)]
struct Windows {
    size: usize,
    mapped: Box<[OnceLock<Mapping>]>,
}

// SAFETY: the mapping belongs to the process, not to a thread, and lives as long as the value. What lies in it is
// reached through types that are themselves safe to share (`Shareable`), or through `slice` and `slice_mut`, whose
// callers answer for it.
unsafe impl Send for Mapping {}
// SAFETY: as for `Send`; no method changes the value itself.
unsafe impl Sync for Mapping {}

impl Region {
    /// Makes a region of at least `len` bytes (whole pages), all zero.
    ///
    /// # Errors
    ///
    /// Those of the system: no descriptor left, address space limited.
    pub fn create(len: usize) -> io::Result<Arc<Self>> {
        Self::create_windowed(len, 0, 0)
    }

    /// Makes a region of `head` bytes and `count` windows of `window` bytes behind it, all whole pages, all zero.
    ///
    /// What lies in windows must not reach from one into the next.
    ///
    /// # Errors
    ///
    /// Those of the system: no descriptor left, address space limited.
    pub fn create_windowed(head: usize, window: usize, count: usize) -> io::Result<Arc<Self>> {
        let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
        let fd = rustix::fs::memfd_create(c"cascata", flags)?;
        let head = head.max(1).checked_next_multiple_of(PAGE).ok_or(io::ErrorKind::InvalidInput)?;
        let len = window.checked_mul(count).and_then(|windows| windows.checked_add(head));
        let len = len.ok_or(io::ErrorKind::InvalidInput)?;
        rustix::fs::ftruncate(&fd, len as u64)?;
        rustix::fs::fcntl_add_seals(&fd, SealFlags::SHRINK | SealFlags::GROW | SealFlags::SEAL)?;
        Self::map(fd, len, window, count)
    }

    /// Maps the region behind a descriptor that came from another process.
    ///
    /// # Errors
    ///
    /// `InvalidInput` if the descriptor is not that of a region; else those of the system.
    pub fn open(fd: OwnedFd) -> io::Result<Arc<Self>> {
        Self::open_windowed(fd, 0, 0)
    }

    /// As [`open`](Self::open), for a region with `count` windows of `window` bytes.
    ///
    /// # Errors
    ///
    /// `InvalidInput` if the descriptor is not that of a region of such a size; else those of the system.
    pub fn open_windowed(fd: OwnedFd, window: usize, count: usize) -> io::Result<Arc<Self>> {
        let len = rustix::fs::fstat(&fd)?.st_size;
        // A file that could shrink would turn every access into a possible SIGBUS.
        let sealed = rustix::fs::fcntl_get_seals(&fd).is_ok_and(|seals| seals.contains(SealFlags::SHRINK));
        let windows = window.saturating_mul(count);
        match usize::try_from(len) {
            Ok(len) if sealed && len > windows && len % PAGE == 0 => Self::map(fd, len, window, count),
            _ => Err(io::Error::new(io::ErrorKind::InvalidInput, "the descriptor is not that of a shared region")),
        }
    }

    fn map(fd: OwnedFd, len: usize, window: usize, count: usize) -> io::Result<Arc<Self>> {
        let head = Mapping::new(&fd, 0, len - window * count)?;
        let windows = Windows { size: window, mapped: (0..count).map(|_| OnceLock::new()).collect() };
        Ok(Arc::new(Self { head, windows, len, fd }))
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

    /// Maps the window in which `offset` lies, if it lies in one: what is not mapped then cannot be reached.
    ///
    /// # Errors
    ///
    /// Those of the system: no address space left.
    pub(crate) fn reach(&self, offset: usize) -> io::Result<()> {
        match offset.checked_sub(self.head.len).and_then(|inside| inside.checked_div(self.windows.size)) {
            Some(index) if index < self.windows.mapped.len() => self.window(index).map(drop),
            _ => Ok(()),
        }
    }

    fn window(&self, index: usize) -> io::Result<&Mapping> {
        let window = &self.windows.mapped[index];
        if let Some(mapping) = window.get() {
            return Ok(mapping);
        }
        let mapping = Mapping::new(&self.fd, self.head.len + index * self.windows.size, self.windows.size)?;
        // Another thread may have been faster: then this mapping goes.
        Ok(window.get_or_init(|| mapping))
    }

    /// Maps the page of a structure once more, for a thread: should this process be forked, the child has neither.
    ///
    /// # Errors
    ///
    /// Those of the system: no address space left.
    ///
    /// # Panics
    ///
    /// If the structure would not lie inside the region, or not be aligned, or reach into the next page.
    pub(crate) fn private<T: Shareable>(&self, offset: usize) -> io::Result<Private<T>> {
        let (page, inside) = (offset / PAGE * PAGE, offset % PAGE);
        assert!(offset.is_multiple_of(align_of::<T>()) && inside + size_of::<T>() <= PAGE && offset < self.len);
        let mapping = Mapping::new(&self.fd, page, PAGE)?;
        // SAFETY: the range is the mapping just made, and only this process looks at it.
        unsafe { rustix::mm::madvise(mapping.base.as_ptr().cast(), PAGE, Advice::LinuxDontFork) }?;
        Ok(Private { mapping, inside, kind: PhantomData })
    }

    /// Address of `len` bytes at `offset`, or nothing if they do not lie inside or are not aligned.
    fn at(&self, offset: usize, len: usize, align: usize) -> Option<NonNull<u8>> {
        if !offset.is_multiple_of(align) || align > PAGE {
            return None;
        }
        let Some(beyond) = offset.checked_sub(self.head.len).filter(|_| self.windows.size > 0) else {
            return self.head.at(offset, len);
        };
        let index = beyond / self.windows.size;
        self.windows.mapped.get(index)?;
        self.window(index).ok()?.at(beyond % self.windows.size, len)
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

impl Mapping {
    fn new(fd: &OwnedFd, offset: usize, len: usize) -> io::Result<Self> {
        let protection = ProtFlags::READ | ProtFlags::WRITE;
        let flags = MapFlags::SHARED | MapFlags::NORESERVE;
        // SAFETY: a fresh mapping at an address of the kernel's choice touches no memory that is in use.
        let base = unsafe { rustix::mm::mmap(std::ptr::null_mut(), len, protection, flags, fd, offset as u64) }?;
        let base = NonNull::new(base.cast()).ok_or(io::ErrorKind::OutOfMemory)?;
        let mapping = Self { base, len };
        // SAFETY: the range is the mapping just made; the advice only keeps it out of core dumps.
        unsafe { rustix::mm::madvise(mapping.base.as_ptr().cast(), len, Advice::LinuxDontDump) }?;
        Ok(mapping)
    }

    fn at(&self, offset: usize, len: usize) -> Option<NonNull<u8>> {
        if offset.checked_add(len)? > self.len {
            return None;
        }
        // SAFETY: `offset` lies inside the mapping, as just checked.
        Some(unsafe { self.base.add(offset) })
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: the range is the mapping made in `new`; every reference into it borrows the region or holds it
        // by `Arc`.
        let unmapped = unsafe { rustix::mm::munmap(self.base.as_ptr().cast(), self.len) };
        debug_assert!(unmapped.is_ok(), "a mapping can be undone");
    }
}

/// A structure in a mapping of its own; see [`Region::private`].
#[derive(Debug)]
pub(crate) struct Private<T> {
    mapping: Mapping,
    inside: usize,
    kind: PhantomData<fn() -> T>,
}

impl<T: Shareable> Deref for Private<T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: `private` checked place and alignment; the mapping lives as long as `self`; `Shareable` says that any
        // bytes are a `T`. A forked process, where the mapping is missing, has only this thread's copy of `self`, and no
        // such thread.
        unsafe { self.mapping.base.add(self.inside).cast().as_ref() }
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
    place: NonNull<T>,
    kind: PhantomData<fn() -> T>,
}

// SAFETY: it is a reference to a `T` that is kept alive by the region, and `Shareable` includes `Sync`.
unsafe impl<T: Shareable> Send for Shared<T> {}
// SAFETY: as for `Send`.
unsafe impl<T: Shareable> Sync for Shared<T> {}

impl<T: Shareable> Shared<T> {
    /// # Panics
    ///
    /// If the structure would not lie inside the region, or not be aligned.
    pub(crate) fn new(region: &Arc<Region>, offset: usize) -> Self {
        let place = region.get::<T>(offset).map(NonNull::from);
        let place = place.unwrap_or_else(|| panic!("offset {offset} is out of place in a region of {}", region.len));
        Self { region: Arc::clone(region), place, kind: PhantomData }
    }

    pub(crate) fn region(&self) -> &Arc<Region> {
        &self.region
    }
}

impl<T> Clone for Shared<T> {
    fn clone(&self) -> Self {
        Self { region: Arc::clone(&self.region), place: self.place, kind: PhantomData }
    }
}

impl<T: Shareable> Deref for Shared<T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: `new` took the place from a reference into the region, which is held.
        unsafe { self.place.as_ref() }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::Ordering::Relaxed;

    use super::*;
    use crate::Words;
    use crate::sync::AtomicU64;
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
    fn windows_are_mapped_when_they_are_looked_at() {
        // More than could ever be mapped at once.
        let (window, count) = (1 << 45, 64);
        let one = Region::create_windowed(PAGE, window, count).unwrap();
        let last = PAGE + 63 * window;
        Words::new(&one, last + 8, 1)[0].store(7, Relaxed);
        let fd = one.fd().try_clone_to_owned().unwrap();
        let other = Region::open_windowed(fd, window, count).unwrap();
        assert_eq!(Words::new(&other, last, 2)[1].load(Relaxed), 7);
        assert_eq!(resident(&one), PAGE);
        assert!(one.get_many::<AtomicU64>(last - 8, 2).is_none(), "from one window into the next");
        assert!(one.get_many::<AtomicU64>(PAGE - 8, 2).is_none() && one.get::<AtomicU64>(one.len()).is_none());
        assert!(one.reach(0).is_ok() && one.reach(last).is_ok() && one.reach(usize::MAX).is_ok());
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
