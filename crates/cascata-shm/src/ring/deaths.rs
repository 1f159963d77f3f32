//! A process is killed at every step of every operation: the others are told, or find the ring as it was before the
//! operation, or as it is after it. Nobody hangs.

use super::*;
use crate::arena::{self, Block};
use crate::layout::PAGE;
use crate::model::kill::{Victim, at_every_step};
use crate::testing::{Watchdog, again, fork, lone_arena, region};

const CAPACITY: usize = 2;
/// Where the victim's arena lies.
const SPAN: usize = PAGE;
const SPAN_LEN: usize = 40 * PAGE;
/// Kinds of slots: the number of an item itself, or a block filled with it.
const NUMBER: u32 = 0;
const BLOCK: u32 = 1;

/// In what state the operation finds the ring.
#[derive(Debug, Clone, Copy)]
enum Before {
    Empty,
    /// One receiver has noted that it waits.
    Awaited,
    OneItem,
    Full,
    /// One sender has noted that it waits.
    Crowded,
}

impl Before {
    fn ring(self, region: &Arc<Region>) -> Ring {
        let ring = Ring::create(region, 0, CAPACITY, 1);
        let items = match self {
            Self::Empty | Self::Awaited => 0,
            Self::OneItem => 1,
            Self::Full | Self::Crowded => 2,
        };
        (0..items).for_each(|number| _ = push(&ring, number));
        match self {
            Self::Awaited => assert_eq!(ring.poll_item(200), Ok(Peek::Empty)),
            Self::Crowded => assert_eq!(push(&ring, 2), Ok(Push::Full)),
            _ => (),
        }
        ring
    }
}

fn push(ring: &Ring, number: u64) -> Result<Push, Orphaned> {
    ring.try_push(100, NUMBER, &number.to_le_bytes())
}

fn push_large(ring: &Ring, region: &Arc<Region>, number: u64) {
    let mut arena = lone_arena(region, SPAN, SPAN_LEN);
    let block = arena.allocate(3 * PAGE).unwrap();
    arena.fill(block, |bytes| bytes.fill(number as u8));
    ring.try_push(100, BLOCK, &block.to_bytes()).unwrap();
}

/// Whatever is inside, by number.
fn drain(ring: &Ring, region: &Arc<Region>) -> Vec<u64> {
    std::iter::from_fn(|| match ring.try_pop(0).unwrap() {
        Pop::Item { slot, .. } if slot.kind == NUMBER => Some(u64::from_le_bytes(slot.payload().try_into().unwrap())),
        Pop::Item { slot, .. } if slot.kind > BLOCK => Some(slot.kind.into()),
        Pop::Item { slot, .. } => {
            let view = arena::bytes(region, Block::from_bytes(slot.payload().try_into().unwrap())).unwrap();
            assert!(view.iter().all(|byte| *byte == view[0]), "what is inside is whole");
            Some(view[0].into())
        }
        Pop::Empty | Pop::Ended => None,
    })
    .collect()
}

/// What any other process finds: whether the ring is orphaned, and if not, one of these items, and a ring that works.
fn survive(region: &Arc<Region>, outcomes: &[Vec<u64>; 2]) -> bool {
    let ring = Ring::attach(region, 0);
    if ring.poll_item(1).is_err() {
        assert!(matches!((push(&ring, 0), ring.try_pop(0)), (Err(Orphaned), Err(Orphaned))));
        assert_eq!((ring.take_waiting_senders(), ring.close_receiver()), (Err(Orphaned), Err(Orphaned)));
        assert_eq!((ring.publish(), ring.unpublish()), (Err(Orphaned), Err(Orphaned)));
        return true;
    }
    let fill = ring.fill();
    let items = drain(&ring, region);
    assert!(outcomes.contains(&items) && items.len() == fill, "{items:?} and not one of {outcomes:?}");
    if ring.is_closed() || ring.publishers() == 0 {
        assert_eq!((push(&ring, 7), ring.publish()), (Ok(Push::Closed), Ok(false)));
    } else {
        assert_eq!(ring.publish(), Ok(true));
        for number in 0..5 {
            assert!(matches!(push(&ring, number), Ok(Push::Pushed { .. })));
            assert_eq!(drain(&ring, region), [number]);
        }
        (0..CAPACITY as u64).for_each(|number| _ = push(&ring, number).unwrap());
        assert_eq!((push(&ring, 9), drain(&ring, region)), (Ok(Push::Full), vec![0, 1]));
        assert!(ring.take_waiting_senders().unwrap().contains(100));
        ring.unpublish().unwrap();
    }
    ring.close_receiver().unwrap();
    assert!(matches!(ring.try_pop(0), Ok(Pop::Ended)));
    false
}

fn kill_at_every_step(before: Before, operation: impl Fn(&Ring, &Arc<Region>)) {
    let _watchdog = Watchdog::new();
    let fresh = || region(SPAN + SPAN_LEN);
    let items = |happens: bool| {
        let region = fresh();
        let ring = before.ring(&region);
        if happens {
            operation(&ring, &region);
        }
        drain(&ring, &region)
    };
    let outcomes = [items(false), items(true)];
    let mut orphaned = 0;
    let steps = at_every_step(|step| {
        let region = fresh();
        let ring = before.ring(&region);
        let victim = Victim::at(step, || operation(&ring, &region));
        let stood = victim.stands();
        // Somebody in the lock, if the victim holds it, or through with everything.
        let other = fork(|| _ = survive(&again(&region), &outcomes));
        other.rests();
        victim.kill();
        other.succeed();
        // Somebody who comes later.
        let is_orphaned = ring.poll_item(3).is_err();
        assert!(!is_orphaned || survive(&region, &outcomes));
        orphaned += usize::from(is_orphaned);
        stood
    });
    assert!(0 < orphaned && orphaned < steps, "{orphaned} of {steps} steps are under the lock");
}

#[test]
fn in_a_push() {
    for before in [Before::Empty, Before::Awaited, Before::OneItem, Before::Full, Before::Crowded] {
        kill_at_every_step(before, |ring, _| _ = push(ring, 5).unwrap());
    }
    for len in [0, 1, INLINE] {
        kill_at_every_step(Before::OneItem, |ring, _| _ = ring.try_push(100, BLOCK + 1, &[1; INLINE][..len]).unwrap());
    }
}

#[test]
fn in_a_push_of_a_block() {
    for before in [Before::Awaited, Before::OneItem] {
        kill_at_every_step(before, |ring, region| push_large(ring, region, 5));
    }
}

#[test]
fn in_a_pop_or_a_note() {
    for before in [Before::Empty, Before::OneItem, Before::Crowded] {
        kill_at_every_step(before, |ring, _| _ = ring.try_pop(3).unwrap());
    }
}

#[test]
fn in_a_look() {
    for before in [Before::Empty, Before::OneItem] {
        kill_at_every_step(before, |ring, _| _ = ring.poll_item(3).unwrap());
    }
}

#[test]
fn in_taking_notes() {
    for before in [Before::Full, Before::Crowded] {
        kill_at_every_step(before, |ring, _| _ = ring.take_waiting_senders().unwrap());
    }
}

#[test]
fn in_coming_and_going() {
    for before in [Before::Awaited, Before::Crowded] {
        kill_at_every_step(before, |ring, _| assert!(ring.publish().unwrap()));
        kill_at_every_step(before, |ring, _| _ = ring.unpublish().unwrap());
        kill_at_every_step(before, |ring, _| _ = ring.close_receiver().unwrap());
    }
}
