//! A process is killed at every step of what it does with blocks: its own may be lost, no other is.

use super::*;
use crate::model::kill::{Victim, at_every_step};
use crate::region::Region;
use crate::testing::{Watchdog, again, lone_arena, region};

const SPAN: usize = 64 * PAGE;

fn filled(arena: &mut Arena, len: usize, mark: u8) -> Block {
    let block = arena.allocate(len).unwrap();
    arena.fill(block, |bytes| bytes.fill(mark));
    block
}

fn check(view: &BlockGuard, mark: u8) {
    assert!(view.iter().all(|byte| *byte == mark), "what is viewed changed");
}

/// Allocates whatever there is, overwrites it, and gives it back. How much that was.
fn use_all(arena: &mut Arena, region: &Region, len: usize) -> usize {
    let blocks: Vec<_> = std::iter::from_fn(|| arena.allocate(len)).collect();
    blocks.iter().for_each(|&block| arena.fill(block, |bytes| bytes.fill(0xff)));
    blocks.iter().for_each(|&block| release(region, block).unwrap());
    arena.reclaim();
    blocks.len()
}

/// The victim gives a block back, at the same time as others.
#[test]
fn in_giving_back() {
    let _watchdog = Watchdog::new();
    for len in [1000, 5 * PAGE] {
        let room = {
            let region = region(SPAN);
            let mut arena = lone_arena(&region, 0, SPAN);
            filled(&mut arena, len, 3);
            use_all(&mut arena, &region, len)
        };
        for others_first in [false, true] {
            at_every_step(|step| {
                let region = region(SPAN);
                let mut arena = lone_arena(&region, 0, SPAN);
                let [one, other, stays] = [1, 2, 3].map(|mark| filled(&mut arena, len, mark));
                let view = bytes(&region, stays).unwrap();
                let victim = Victim::at(step, || drop(bytes(&again(&region), one).unwrap()));
                let stood = victim.stands();
                if others_first {
                    release(&region, other).unwrap();
                    arena.reclaim();
                    victim.kill();
                } else {
                    victim.kill();
                    release(&region, other).unwrap();
                }
                arena.reclaim();
                let found = use_all(&mut arena, &region, len);
                assert!(found == room || found + 1 == room, "{found} of {room}: more than the victim's own is lost");
                assert!(stood || found == room, "nothing is lost by who finishes");
                check(&view, 3);
                stood
            });
        }
    }
}

/// The victim owns the arena: what others view stays, and they can give it back.
#[test]
fn in_allocating_filling_and_leaving() {
    let _watchdog = Watchdog::new();
    at_every_step(|step| {
        let region = region(SPAN);
        let handles = crate::Words::new(&region, SPAN - PAGE, 4);
        let victim = Victim::at(step, || {
            let mut arena = lone_arena(&region, 0, SPAN - PAGE);
            let [one, other] = [1, 2].map(|mark| filled(&mut arena, 3 * PAGE, mark));
            for (word, block) in handles.chunks(2).zip([one, other]) {
                word[1].store(block.len() as u64, crate::sync::Ordering::SeqCst);
                word[0].store(block.offset() as u64, crate::sync::Ordering::SeqCst);
            }
            let small = filled(&mut arena, 100, 3);
            release(&region, small).unwrap();
            arena.reclaim();
            release(&region, one).unwrap();
            filled(&mut arena, 3 * PAGE, 4);
            arena.retire();
        });
        let stood = victim.stands();
        let other = Block::new(handles[2].load(crate::sync::Ordering::SeqCst) as usize, 3 * PAGE);
        let there = other.offset() != 0;
        let view = there.then(|| bytes(&region, other).unwrap());
        victim.kill();
        if let Some(view) = view {
            check(&view, 2);
            drop(view);
            assert_eq!(bytes(&region, other).err(), Some(BlockError), "it was given back");
        }
        stood
    });
}
