//! Runs of pages: what is free, where the next fits best, and how much of it has memory behind it.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

/// The books of a span's pages, by number.
///
/// Free runs are kept merged with their neighbours, and the smallest that fits is used first, from its start. Pages
/// that were never used are taken last.
#[derive(Debug)]
pub(super) struct Pages {
    count: usize,
    /// Pages from here on were never used.
    top: usize,
    /// Free runs below `top`: start and length.
    by_start: BTreeMap<usize, usize>,
    /// The same, by length and start.
    by_length: BTreeSet<(usize, usize)>,
    /// Whether a page below `top` has memory behind it. All that are in use count as having.
    touched: Vec<bool>,
    free: usize,
    cached: usize,
}

impl Pages {
    pub(super) fn new(count: usize) -> Self {
        let (by_start, by_length) = (BTreeMap::new(), BTreeSet::new());
        Self { count, top: 0, by_start, by_length, touched: Vec::new(), free: 0, cached: 0 }
    }

    /// Pages there are.
    pub(super) fn count(&self) -> usize {
        self.count
    }

    /// Pages in use.
    pub(super) fn in_use(&self) -> usize {
        self.top - self.free
    }

    /// Free pages with memory behind them.
    pub(super) fn cached(&self) -> usize {
        self.cached
    }

    /// How many of the pages that [`take`](Pages::take) would give have no memory behind them yet; nothing if it would
    /// give none.
    pub(super) fn cost(&self, count: usize) -> Option<usize> {
        match self.by_length.range((count, 0)..).next() {
            Some(&(_, start)) => Some(self.touched[start..start + count].iter().filter(|touched| !**touched).count()),
            None => (self.count - self.top >= count).then_some(count),
        }
    }

    /// The first of `count` pages that belong to the caller now.
    pub(super) fn take(&mut self, count: usize) -> Option<usize> {
        let Some(&(length, start)) = self.by_length.range((count, 0)..).next() else {
            return self.take_fresh(count);
        };
        self.remove(start, length);
        if length > count {
            self.insert(start + count, length - count);
        }
        self.free -= count;
        let taken = &mut self.touched[start..start + count];
        self.cached -= taken.iter().filter(|touched| **touched).count();
        taken.fill(true);
        Some(start)
    }

    fn take_fresh(&mut self, count: usize) -> Option<usize> {
        if self.count - self.top < count {
            return None;
        }
        let start = self.top;
        self.top += count;
        self.touched.resize(self.top, true);
        Some(start)
    }

    /// Gives pages back, which somebody has used.
    pub(super) fn give(&mut self, start: usize, count: usize) {
        self.free += count;
        self.cached += count;
        let (mut first, mut end) = (start, start + count);
        if let Some((&before, &length)) = self.by_start.range(..start).next_back()
            && before + length == start
        {
            self.remove(before, length);
            first = before;
        }
        if let Some(&length) = self.by_start.get(&end) {
            self.remove(end, length);
            end += length;
        }
        self.insert(first, end - first);
    }

    /// Takes the memory from behind free pages until at most `limit` have any: those of the longest runs first, and
    /// there the last ones. `discard` gives it to the system.
    pub(super) fn trim(&mut self, limit: usize, mut discard: impl FnMut(Range<usize>)) {
        for &(length, start) in self.by_length.iter().rev() {
            if self.cached <= limit {
                return;
            }
            let mut cut = start + length;
            while cut > start && self.cached > limit {
                cut -= 1;
                self.cached -= usize::from(std::mem::take(&mut self.touched[cut]));
            }
            if cut < start + length {
                discard(cut..start + length);
            }
        }
    }

    fn insert(&mut self, start: usize, length: usize) {
        self.by_start.insert(start, length);
        self.by_length.insert((length, start));
    }

    fn remove(&mut self, start: usize, length: usize) {
        self.by_start.remove(&start);
        self.by_length.remove(&(length, start));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn runs_are_merged_and_memory_is_counted(steps in prop::collection::vec((1..40_usize, any::<u8>()), 0..200)) {
            let mut pages = Pages::new(1000);
            let mut taken: Vec<Range<usize>> = Vec::new();
            // Pages with memory behind them, as the system would know.
            let mut touched = BTreeSet::new();
            for (count, choice) in steps {
                match choice % 8 {
                    0..4 => {
                        if let Some(start) = pages.take(count) {
                            prop_assert!(taken.iter().all(|run| run.end <= start || start + count <= run.start));
                            taken.push(start..start + count);
                            touched.extend(start..start + count);
                        }
                    }
                    4..7 if !taken.is_empty() => {
                        let run = taken.swap_remove(choice as usize % taken.len());
                        pages.give(run.start, run.len());
                    }
                    4..7 => (),
                    _ => {
                        let mut discarded = Vec::new();
                        pages.trim(count, |run| discarded.push(run));
                        for page in discarded.into_iter().flatten() {
                            prop_assert!(!taken.iter().any(|run| run.contains(&page)));
                            touched.remove(&page);
                        }
                        prop_assert!(pages.cached() <= count);
                    }
                }
                let in_use: usize = taken.iter().map(Range::len).sum();
                prop_assert_eq!(pages.in_use(), in_use);
                prop_assert_eq!(pages.cached(), touched.len() - in_use);
                let mut runs = pages.by_start.iter().zip(pages.by_start.iter().skip(1));
                prop_assert!(runs.all(|((start, length), (next, _))| start + length < *next), "neighbours merge");
            }
            prop_assert_eq!(pages.by_start.len(), pages.by_length.len());
        }
    }

    #[test]
    fn the_smallest_run_that_fits_is_used_first() {
        let mut pages = Pages::new(100);
        let runs = [20, 1, 5, 1, 10, 1].map(|count| (pages.take(count).unwrap(), count));
        for (start, count) in runs {
            if count > 1 {
                pages.give(start, count);
            }
        }
        assert_eq!((pages.take(6), pages.take(5), pages.take(12)), (Some(27), Some(21), Some(0)));
        assert_eq!((pages.take(62), pages.take(63)), (Some(38), None));
    }
}
