//! Where things lie in a region.

/// Size of a page, the grain in which memory is touched and given back.
pub const PAGE: usize = 4096;

/// A bump allocator of offsets: the plan of a region before it exists.
///
/// ```
/// use cascata_shm::Layout;
///
/// let mut layout = Layout::new();
/// let flags = layout.reserve(24, 8);
/// let ring = layout.reserve(1000, 128);
/// assert_eq!((flags, ring, layout.len()), (0, 128, 4096));
/// ```
#[derive(Debug, Default, Clone)]
pub struct Layout {
    end: usize,
}

impl Layout {
    /// An empty plan.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes `bytes` bytes and gives their offset, a multiple of `align`.
    ///
    /// # Panics
    ///
    /// If `align` is not a power of two, or the region would outgrow the address space.
    pub fn reserve(&mut self, bytes: usize, align: usize) -> usize {
        assert!(align.is_power_of_two(), "an alignment is a power of two, not {align}");
        let offset = self.end.checked_next_multiple_of(align).expect("the region fits the address space");
        self.end = offset.checked_add(bytes).expect("the region fits the address space");
        offset
    }

    /// Bytes a region for this plan needs, in whole pages.
    pub fn len(&self) -> usize {
        self.end.next_multiple_of(PAGE)
    }

    /// Whether nothing was reserved.
    pub fn is_empty(&self) -> bool {
        self.end == 0
    }
}
