use std::collections::HashMap;
use std::sync::{Arc, mpsc};

use proptest::prelude::*;

use super::*;
use crate::region::Region;
use crate::testing::{Random, Watchdog, again, fork, region, resident};
use crate::{Pop, Push, Ring};

const MB: usize = 1024 * 1024;

fn arena(len: usize) -> (Arc<Region>, Arena) {
    let region = region(Pool::footprint(1, len));
    let arena = Pool::create(&region, 0, 1, len, len).arena(0);
    (region, arena)
}

/// Tells blocks apart, wherever they might overlap.
fn mark(seed: u64) -> u8 {
    (seed % 251) as u8 + 1
}

fn filled(arena: &mut Arena, len: usize, seed: u64) -> Block {
    let block = arena.allocate(len).unwrap();
    arena.fill(block, |bytes| bytes.fill(mark(seed)));
    block
}

fn check(view: &BlockGuard, seed: u64) {
    assert!(view[..] == vec![mark(seed); view.block().len()], "{:?} changed", view.block());
}

#[test]
fn a_payload_arrives_through_its_handle() {
    let (region, mut arena) = arena(MB);
    let other = again(&region);
    for len in [0, 1, 64, 121, 4000, 100_000] {
        let block = filled(&mut arena, len, 5);
        assert_eq!((block.len(), block.offset() % 64), (len, 0));
        assert_eq!(Block::from_bytes(block.to_bytes()), block);
        let view = bytes(&other, block).unwrap();
        check(&view, 5);
        drop(view);
        assert_eq!(bytes(&other, block).err(), Some(BlockError), "used up");
    }
}

#[test]
fn a_block_stays_until_its_last_count_is_back() {
    let (region, mut arena) = arena(MB);
    let block = filled(&mut arena, 200_000, 1);
    retain(&region, block).unwrap();
    let view = bytes(&region, block).unwrap();
    let twin = view.clone();
    drop(view);
    release(&region, block).unwrap();
    arena.reclaim();
    check(&twin, 1);
    assert!(arena.in_use() > 0);
    drop(twin);
    arena.reclaim();
    assert_eq!(arena.in_use(), 0);
    assert_eq!((release(&region, block), retain(&region, block)), (Err(BlockError), Err(BlockError)));
}

#[test]
fn a_block_that_nobody_filled_cannot_be_viewed_but_released() {
    let (region, mut arena) = arena(MB);
    let block = arena.allocate(100_000).unwrap();
    assert_eq!(bytes(&region, block).err(), Some(BlockError));
    release(&region, block).unwrap();
    arena.reclaim();
    assert_eq!(arena.in_use(), 0);
}

#[test]
#[should_panic(expected = "filled once")]
fn a_block_is_filled_once() {
    let (_, mut arena) = arena(MB);
    let block = filled(&mut arena, 10, 1);
    arena.fill(block, |_| ());
}

#[test]
#[should_panic(expected = "by its owner")]
fn a_block_is_filled_by_its_owner() {
    let region = region(Pool::footprint(2, MB));
    let pool = Pool::create(&region, 0, 2, MB, MB);
    let (mut one, other) = (pool.arena(0), pool.arena(1));
    let block = one.allocate(10).unwrap();
    other.fill(block, |_| ());
}

#[test]
fn a_full_span_says_so_and_recovers() {
    let (region, mut arena) = arena(MB);
    assert!(arena.allocate(MB).is_none());
    assert!(arena.allocate(usize::MAX).is_none());
    for len in [100, 3000, 60_000] {
        let blocks: Vec<_> = std::iter::from_fn(|| arena.allocate(len)).collect();
        assert!(blocks.len() * (len + HEADER) > MB * 3 / 4, "{} blocks of {len}", blocks.len());
        blocks.into_iter().for_each(|block| release(&region, block).unwrap());
        arena.reclaim();
    }
    let block = arena.allocate(MB / 2).expect("what is free was merged");
    release(&region, block).unwrap();
}

#[test]
fn memory_that_was_freed_is_used_again_first() {
    let (region, mut arena) = arena(1024 * MB);
    for seed in 0..200 {
        let block = filled(&mut arena, MB, seed);
        check(&bytes(&region, block).unwrap(), seed);
        let small = filled(&mut arena, 1000, seed);
        release(&region, small).unwrap();
    }
    assert!(resident(&region) < 3 * MB, "{} bytes", resident(&region));
}

#[test]
fn memory_follows_what_is_in_use() {
    let (region, mut arena) = arena(1024 * MB);
    let cache = CACHE * PAGE;
    let blocks: Vec<_> = (0..3 * cache / MB).map(|seed| filled(&mut arena, MB, seed as u64)).collect();
    assert!(resident(&region) >= 3 * cache);
    for &block in blocks.iter().skip(1) {
        release(&region, block).unwrap();
    }
    arena.reclaim();
    assert!(resident(&region) <= cache + 2 * MB, "{} bytes", resident(&region));
    check(&bytes(&region, blocks[0]).unwrap(), 0);
}

#[test]
fn after_the_owner_left_memory_goes_with_the_views() {
    let (region, mut arena) = arena(64 * MB);
    let blocks: Vec<_> = (0..20).map(|seed| filled(&mut arena, MB, seed)).collect();
    let views: Vec<_> = blocks[..10].iter().map(|&block| bytes(&region, block).unwrap()).collect();
    blocks[10..].iter().for_each(|&block| release(&region, block).unwrap());
    arena.retire();
    assert!(resident(&region) < 11 * MB);
    views.iter().enumerate().for_each(|(seed, view)| check(view, seed as u64));
    drop(views);
    assert!(resident(&region) < MB);
}

#[derive(Debug, Clone, Copy)]
enum Step {
    /// Bytes, and counts beyond the first.
    Allocate(usize, u32),
    /// Gives one count of some block back.
    Release(prop::sample::Index),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let len = prop_oneof![5 => 0..400_usize, 3 => 0..20_000_usize, 2 => 0..300_000_usize];
    let step = prop_oneof![
        (len, 0..3_u32).prop_map(|(len, more)| Step::Allocate(len, more)),
        any::<prop::sample::Index>().prop_map(Step::Release),
    ];
    prop::collection::vec(step, 0..300)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn blocks_never_overlap_and_all_come_back(steps in steps()) {
        let (region, mut arena) = arena(4 * MB);
        let mut model: Vec<(Block, u64, u32)> = Vec::new();
        for (seed, step) in (0..).zip(steps) {
            match step {
                Step::Allocate(len, more) => {
                    let Some(block) = arena.allocate(len) else { continue };
                    let new = block.offset()..block.offset() + block.len();
                    prop_assert!(new.start % 64 == 0 && new.end <= region.len());
                    for (old, ..) in &model {
                        prop_assert!(new.end <= old.offset() || old.offset() + old.len() <= new.start);
                    }
                    arena.fill(block, |bytes| bytes.fill(mark(seed)));
                    (0..more).for_each(|_| retain(&region, block).unwrap());
                    model.push((block, seed, more + 1));
                }
                Step::Release(index) if !model.is_empty() => {
                    let index = index.index(model.len());
                    let (block, seed, counts) = &mut model[index];
                    check(&bytes(&region, *block).unwrap(), *seed);
                    *counts -= 1;
                    if *counts == 0 {
                        model.swap_remove(index);
                    }
                }
                Step::Release(_) => (),
            }
        }
        for (block, seed, counts) in model {
            (0..counts).for_each(|_| check(&bytes(&region, block).unwrap(), seed));
        }
        arena.reclaim();
        prop_assert_eq!(arena.in_use(), arena.slabs.kept() * slabs::PAGES * PAGE);
    }

    #[test]
    fn a_corrupt_handle_is_an_error(offset in any::<usize>(), near in 0..8192_usize, len in any::<usize>()) {
        let (region, mut arena) = arena(MB);
        let block = filled(&mut arena, 100, 1);
        for offset in [offset, near, near * 64, block.offset()] {
            for len in [len, near, 100] {
                let handle = Block::new(offset, len);
                if handle != block {
                    prop_assert_eq!(bytes(&region, handle).err(), Some(BlockError));
                    prop_assert_eq!(release(&region, handle), Err(BlockError));
                    prop_assert_eq!(retain(&region, handle), Err(BlockError));
                }
            }
        }
        check(&bytes(&region, block).unwrap(), 1);
    }

    #[test]
    fn overwritten_memory_leads_nowhere(words in prop::collection::vec(any::<u64>(), 12), keep in any::<u16>()) {
        let (region, mut arena) = arena(MB);
        let blocks = [100, 100, 50_000].map(|len| filled(&mut arena, len, 1));
        let header = crate::Words::new(&region, blocks[0].offset() - HEADER, 5);
        let span = crate::Words::new(&region, PAGE, 4);
        for (index, (word, new)) in header.iter().chain(span.iter()).zip(words).enumerate() {
            if keep & 1 << index == 0 {
                word.store(new, std::sync::atomic::Ordering::Relaxed);
            }
        }
        for block in blocks {
            let _ = release(&region, block);
        }
        arena.reclaim();
        let _ = arena.allocate(100);
    }
}

#[test]
fn views_may_end_in_any_thread_while_the_owner_goes_on() {
    let _watchdog = Watchdog::new();
    let (_region, mut arena) = arena(256 * MB);
    let (senders, threads): (Vec<_>, Vec<_>) = (0..3)
        .map(|number| {
            let (sender, receiver) = mpsc::sync_channel::<(Arc<Region>, Block, u64)>(50);
            let thread = std::thread::spawn(move || {
                let mut held = Vec::new();
                let mut random = Random(number + 1);
                for (region, block, seed) in receiver {
                    held.push((bytes(&region, block).unwrap(), seed));
                    if held.len() > 30 {
                        let (view, seed) = held.swap_remove(random.below(30));
                        check(&view, seed);
                    }
                }
            });
            (sender, thread)
        })
        .unzip();
    let mut random = Random(99);
    for seed in 0..6000 {
        let limit = if seed % 50 == 0 { 300_000 } else { 3000 };
        let block = filled(&mut arena, random.below(limit), seed);
        for _ in &senders[1..] {
            retain(arena.pool.region(), block).unwrap();
        }
        for sender in &senders {
            sender.send((Arc::clone(arena.pool.region()), block, seed)).unwrap();
        }
    }
    drop(senders);
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    arena.reclaim();
    assert_eq!(arena.in_use(), arena.slabs.kept() * slabs::PAGES * PAGE);
}

#[test]
fn payloads_cross_processes_in_place() {
    let _watchdog = Watchdog::new();
    let ring_bytes = Ring::footprint(8).next_multiple_of(PAGE);
    let region = region(ring_bytes + Pool::footprint(1, 64 * MB));
    let ring = Ring::create(&region, 0, 8, 1);
    let count = 3000;
    let child = fork(|| {
        let mut held = HashMap::new();
        for expected in 0..count {
            let slot = loop {
                match ring.try_pop(0).unwrap() {
                    Pop::Item { slot, .. } => break slot,
                    _ => std::thread::yield_now(),
                }
            };
            assert_eq!(u64::from(slot.kind), expected);
            let view = bytes(&region, Block::from_bytes(slot.payload().try_into().unwrap())).unwrap();
            check(&view, expected);
            held.insert(expected % 20, view);
        }
    });
    let mut arena = Pool::create(&region, ring_bytes, 1, 64 * MB, 64 * MB).arena(0);
    let mut random = Random(7);
    for seed in 0..count {
        let limit = if seed % 20 == 0 { MB } else { 5000 };
        let block = filled(&mut arena, random.below(limit), seed);
        while ring.try_push(0, seed as u32, &block.to_bytes()) == Ok(Push::Full) {
            std::thread::yield_now();
        }
    }
    child.succeed();
    arena.reclaim();
    assert_eq!(arena.in_use(), arena.slabs.kept() * slabs::PAGES * PAGE);
}
