//! Counts, payloads and the list of released blocks under loom: with what the orderings of the code permit, and no more.
//!
//! A payload is not made of atomics; a cell of loom stands for it, which notices a read and a write that nothing orders.
//! loom does not know that `SeqCst` is stronger than acquire-release, so nothing here rests on that.
//!
//! While others are at work the owner collects without the glance whether it is worth it: loom keeps one access of each
//! atomic in mind, and after two loads forgets that a third thread's swap could have come before the first.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering::{self, AcqRel, Acquire, Release, SeqCst};

use super::*;
use crate::model::everything;
use crate::model::weak::{Access, UnsafeCell, model, spawn, weakened};
use crate::testing::{Watchdog, lone_arena, region};

/// Bytes of a payload: with its header all of an odd number of pages, so that each block lies by itself.
const LARGE: usize = 5 * PAGE - HEADER;
const SPAN: usize = 64 * PAGE;

/// What a block holds, as loom sees it. By contract of the block's handle, whoever views it reads, whoever fills it
/// writes.
#[derive(Clone)]
struct Payload(Rc<UnsafeCell<u64>>);

impl Payload {
    fn new() -> Self {
        Self(Rc::new(UnsafeCell::new(0)))
    }

    fn write(&self, value: u64) {
        // SAFETY: what is to be shown; loom fails if anybody else is at it.
        self.0.with_mut(|place| unsafe { *place = value });
    }

    fn read(&self) -> u64 {
        // SAFETY: as above.
        self.0.with(|place| unsafe { *place })
    }
}

fn preemptions() -> usize {
    if everything() { 6 } else { 3 }
}

/// Each of two views a block and gives it back; the owner takes it back and fills it anew.
fn views_end_before_memory_is_used_again() {
    let region = region(SPAN);
    model(preemptions(), move || {
        let mut arena = lone_arena(&region, 0, SPAN);
        let payload = Payload::new();
        let block = arena.allocate(LARGE).unwrap();
        arena.fill(block, |_| payload.write(1));
        retain(&region, block).unwrap();
        let viewers = [(); 2].map(|()| {
            let (region, payload) = (Arc::clone(&region), payload.clone());
            spawn(move || {
                let view = bytes(&region, block).unwrap();
                assert_eq!(payload.read(), 1);
                drop(view);
            })
        });
        for _ in 0..2 {
            arena.collect_released();
            if arena.in_use() == 0 {
                let again = arena.allocate(LARGE).unwrap();
                assert_eq!(again, block);
                arena.fill(again, |_| payload.write(2));
                release(&region, again).unwrap();
                break;
            }
        }
        viewers.into_iter().for_each(|viewer| viewer.join().unwrap());
        arena.reclaim();
        assert_eq!(arena.in_use(), 0, "all came back");
    });
}

/// Somebody who knows the handle too early sees no payload, or all of it.
fn a_view_shows_what_was_filled() {
    let region = region(SPAN);
    model(preemptions(), move || {
        let mut arena = lone_arena(&region, 0, SPAN);
        let payload = Payload::new();
        let block = arena.allocate(LARGE).unwrap();
        let viewer = {
            let (region, payload) = (Arc::clone(&region), payload.clone());
            spawn(move || {
                if let Ok(view) = bytes(&region, block) {
                    assert_eq!(payload.read(), 1);
                    std::mem::forget(view);
                }
            })
        };
        arena.fill(block, |_| payload.write(1));
        viewer.join().unwrap();
    });
}

/// The owner leaves while views end: who gives the last count back discards what the owner has not seen.
fn the_memory_of_the_retired_goes() {
    let region = region(SPAN);
    model(preemptions(), move || {
        let mut arena = lone_arena(&region, 0, SPAN);
        let blocks = [1, 2].map(|mark| {
            let block = arena.allocate(LARGE).unwrap();
            arena.fill(block, |bytes| bytes.fill(mark));
            block
        });
        let viewers = blocks.map(|block| {
            let region = Arc::clone(&region);
            spawn(move || {
                let view = bytes(&region, block).unwrap();
                assert!(view[PAGE] > 0 && view[4 * PAGE] > 0, "what is viewed stays");
            })
        });
        arena.retire();
        viewers.into_iter().for_each(|viewer| viewer.join().unwrap());
        for block in blocks {
            // SAFETY: nobody else is there.
            let bytes = unsafe { region.slice(block.offset(), block.len()) }.unwrap();
            assert_eq!((bytes[PAGE], bytes[4 * PAGE - HEADER - 1]), (0, 0), "the memory was not given back");
        }
    });
}

/// Three give blocks back at once, while the owner collects.
fn the_list_loses_nothing() {
    let region = region(SPAN);
    model(if everything() { 3 } else { 2 }, move || {
        let mut arena = lone_arena(&region, 0, SPAN);
        let blocks = [(); 3].map(|()| arena.allocate(LARGE).unwrap());
        let [first, others @ ..] = blocks;
        let threads = others.map(|block| {
            let region = Arc::clone(&region);
            spawn(move || release(&region, block).unwrap())
        });
        release(&region, first).unwrap();
        arena.collect_released();
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        arena.reclaim();
        assert_eq!(arena.in_use(), 0, "all came back");
        let again = arena.allocate(3 * (LARGE + HEADER) - HEADER).unwrap();
        assert_eq!(again.offset(), first.offset(), "each came once, so that they are one piece again");
        release(&region, again).unwrap();
    });
}

macro_rules! proved {
    ($($name:ident),*) => { $(
        #[test]
        fn $name() {
            let _watchdog = Watchdog::patient();
            super::$name();
        }
    )* };
}

mod as_it_is {
    use super::*;
    proved!(views_end_before_memory_is_used_again, a_view_shows_what_was_filled);
    proved!(the_memory_of_the_retired_goes, the_list_loses_nothing);
}

type Weakened = (Access, Ordering);

/// Each ordering that is named at a `SYNC POINT` is needed: without it something above fails.
#[test]
fn weaker_orderings_are_noticed() {
    let _watchdog = Watchdog::patient();
    let needed: [(Weakened, fn()); 6] = [
        // release: the count.
        ((Access::swap, AcqRel), views_end_before_memory_is_used_again),
        // release: the list that the owner takes.
        ((Access::swap, SeqCst), views_end_before_memory_is_used_again),
        ((Access::swap, SeqCst), the_memory_of_the_retired_goes),
        // filled, and the magic number of what is filled.
        ((Access::load, Acquire), a_view_shows_what_was_filled),
        ((Access::store, Release), a_view_shows_what_was_filled),
        ((Access::swap, SeqCst), the_list_loses_nothing),
    ];
    for (what, shown) in needed {
        let outcome = catch_unwind(AssertUnwindSafe(|| weakened(what, shown)));
        assert!(outcome.is_err(), "nobody notices that {what:?} is missing");
    }
}
