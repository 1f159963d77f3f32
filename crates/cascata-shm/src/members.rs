//! The processes that share one ring: they come when they like, leave, and may die at any instruction.
//!
//! Each has a number, which plays a worker's part in the ring's notes and names its span of the arena. What the table says
//! of publishers changes together with the ring's own count, under the ring's lock, so that those of a process that died
//! can be taken back exactly.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use rustix::thread::futex;

use crate::arena::Pool;
use crate::lock::Orphaned;
use crate::process::Identity;
use crate::region::{Private, Region, Shareable};
use crate::ring::{MAX_WORKERS, Ring, WorkerSet};
use crate::sync::{
    AtomicU32, AtomicU64,
    Ordering::{Acquire, Relaxed, Release, SeqCst},
    word,
};

/// Nobody has the number.
const FREE: u32 = 0;
/// A process has it.
const USED: u32 = 1;
/// The process has left or died; blocks of its span may be out.
const GONE: u32 = 2;
/// Somebody is looking whether there are.
const CLEARING: u32 = 3;

/// One row of the table.
#[repr(C, align(64))]
struct Member {
    /// `FREE`, `USED`, `GONE`, `CLEARING`. To and from `USED` under the ring's lock.
    state: AtomicU32,
    /// Publishers of that process. Under the ring's lock.
    publishers: AtomicU32,
    /// Counts what the member has been woken for. It may be slept at.
    bell: AtomicU32,
    pid: AtomicU32,
    start: AtomicU64,
}

// SAFETY: atomics only, without any address.
unsafe impl Shareable for Member {}

impl Member {
    fn identity(&self) -> Identity {
        Identity { pid: self.pid.load(Relaxed), start: self.start.load(Relaxed) }
    }
}

/// Why a process cannot become a member.
#[derive(Debug)]
pub enum JoinError {
    /// See [`Orphaned`].
    Orphaned,
    /// There are as many as there can be.
    Crowded,
    /// The system does not say what process this is.
    System(io::Error),
}

impl From<Orphaned> for JoinError {
    fn from(_: Orphaned) -> Self {
        Self::Orphaned
    }
}

/// A handle to the table. A clone is another handle to the same.
#[derive(Clone)]
pub struct Members {
    region: Arc<Region>,
    offset: usize,
    ring: Ring,
    pool: Pool,
}

impl Members {
    /// Bytes to reserve in the region, aligned to 128.
    pub const FOOTPRINT: usize = MAX_WORKERS * size_of::<Member>();

    /// A handle to the table at `offset`, which is empty in fresh memory, of those who share `ring` and `pool`.
    ///
    /// # Panics
    ///
    /// If it does not lie inside the region, or the pool has not a span for each.
    pub fn attach(region: &Arc<Region>, offset: usize, ring: &Ring, pool: &Pool) -> Self {
        assert!(region.get_many::<Member>(offset, MAX_WORKERS).is_some(), "the table lies inside the region");
        assert!(pool.count() == MAX_WORKERS, "each member has a span");
        Self { region: Arc::clone(region), offset, ring: ring.clone(), pool: pool.clone() }
    }

    fn table(&self) -> &[Member] {
        self.region.get_many(self.offset, MAX_WORKERS).expect("the place was checked when the handle was made")
    }

    /// Gives this process a number, and with it the span of that number. It keeps it until it [leaves](Self::leave).
    ///
    /// # Errors
    ///
    /// See [`JoinError`].
    pub fn join(&self) -> Result<usize, JoinError> {
        let identity = Identity::own().map_err(JoinError::System)?;
        if let Some(number) = self.enter(identity)? {
            return Ok(number);
        }
        let ended = self.bury()?;
        self.wake(ended);
        self.enter(identity)?.ok_or(JoinError::Crowded)
    }

    fn enter(&self, identity: Identity) -> Result<Option<usize>, Orphaned> {
        self.ring.exclusively(|_| {
            let number = self.table().iter().position(|member| member.state.load(Acquire) == FREE)?;
            let member = &self.table()[number];
            member.pid.store(identity.pid, Relaxed);
            member.start.store(identity.start, Relaxed);
            member.publishers.store(0, Relaxed);
            member.state.store(USED, SeqCst);
            Some(number)
        })
    }

    /// This process gives `number` back, with all its publishers. Those whom that concerns have been woken.
    pub fn leave(&self, number: usize) {
        // Of an orphaned ring nothing is needed any more.
        if let Ok(ended) = self.remove(number, None) {
            self.wake(ended);
            self.clear(number);
        }
    }

    /// Takes a member off the table, if it is still the one that is meant.
    fn remove(&self, number: usize, meant: Option<Identity>) -> Result<WorkerSet, Orphaned> {
        self.ring.exclusively(|held| {
            let member = &self.table()[number];
            if member.state.load(Relaxed) != USED || meant.is_some_and(|identity| member.identity() != identity) {
                return WorkerSet::EMPTY;
            }
            member.state.store(GONE, SeqCst);
            held.unpublish(member.publishers.swap(0, Relaxed))
        })
    }

    /// Frees the number of a member that has gone, unless blocks of its span are out.
    fn clear(&self, number: usize) {
        let state = &self.table()[number].state;
        if state.compare_exchange(GONE, CLEARING, SeqCst, Relaxed).is_ok() {
            self.pool.stop_waiting(number);
            let is_clear = self.pool.clear(number);
            state.store(if is_clear { FREE } else { GONE }, Release);
        }
    }

    /// Takes those off the table that have died, and frees numbers. Gives those who are to be woken because the ring has
    /// ended by that.
    ///
    /// # Errors
    ///
    /// [`Orphaned`] if a process died in the middle of an operation on the ring.
    pub fn bury(&self) -> Result<WorkerSet, Orphaned> {
        let mut ended = WorkerSet::EMPTY;
        for (number, member) in self.table().iter().enumerate() {
            let state = member.state.load(SeqCst);
            if state == USED {
                let identity = member.identity();
                if identity.pid != std::process::id() && identity.has_ended() {
                    ended |= self.remove(number, Some(identity))?;
                    self.clear(number);
                }
            } else if state == GONE {
                self.clear(number);
            }
        }
        Ok(ended)
    }

    /// One publisher more, of member `number`. `false`, and nothing changed, if the ring has ended.
    ///
    /// # Errors
    ///
    /// [`Orphaned`] if a process died in the middle of an operation on the ring.
    pub fn publish(&self, number: usize) -> Result<bool, Orphaned> {
        self.ring.exclusively(|held| {
            let published = held.publish();
            if published {
                self.table()[number].publishers.fetch_add(1, Relaxed);
            }
            published
        })
    }

    /// One publisher less. Gives those who are to be woken if it was the last.
    ///
    /// # Errors
    ///
    /// [`Orphaned`] if a process died in the middle of an operation on the ring.
    pub fn unpublish(&self, number: usize) -> Result<WorkerSet, Orphaned> {
        self.ring.exclusively(|held| {
            let publishers = &self.table()[number].publishers;
            let count = publishers.load(Relaxed).min(1);
            publishers.fetch_sub(count, Relaxed);
            held.unpublish(count)
        })
    }

    /// Numbers that are not free.
    pub fn count(&self) -> usize {
        self.table().iter().filter(|member| member.state.load(Relaxed) != FREE).count()
    }

    /// Everybody who is on the table.
    pub fn everybody(&self) -> WorkerSet {
        let used = |(number, member): (usize, &Member)| (member.state.load(SeqCst) == USED).then_some(number);
        self.table().iter().enumerate().filter_map(used).collect()
    }

    /// Wakes some of them. What they are woken for has been done before.
    pub fn wake(&self, members: WorkerSet) {
        for number in members.iter() {
            let bell = &self.table()[number].bell;
            bell.fetch_add(1, SeqCst);
            let _ = futex::wake(word(bell), futex::Flags::empty(), i32::MAX as u32);
        }
    }

    /// The bell of `number`, for the thread that sleeps there.
    ///
    /// # Errors
    ///
    /// Those of the system: no address space left.
    pub fn bell(&self, number: usize) -> io::Result<Bell> {
        Ok(Bell { member: self.region.private(self.offset + number * size_of::<Member>())? })
    }
}

/// A member's bell. It keeps nothing else of the region, and nothing at all in a process that is forked off.
pub struct Bell {
    member: Private<Member>,
}

impl Bell {
    /// What it has rung for so far, to be given to [`sleep`](Self::sleep) after a look around.
    pub fn seen(&self) -> u32 {
        self.member.bell.load(SeqCst)
    }

    /// Sleeps until it rings again, or some time has passed.
    pub fn sleep(&self, seen: u32, limit: Duration) {
        let limit = futex::Timespec { tv_sec: limit.as_secs() as i64, tv_nsec: limit.subsec_nanos().into() };
        let _ = futex::wait(word(&self.member.bell), futex::Flags::empty(), seen, Some(&limit));
    }
}

impl fmt::Debug for Members {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Members").field("everybody", &self.everybody()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layout::{Layout, PAGE};
    use crate::ring::{Peek, Pop, Push};
    use crate::testing::{Watchdog, fork, soon_readable};

    fn members() -> Members {
        let mut layout = Layout::new();
        let ring = layout.reserve(Ring::footprint(4), 128);
        let table = layout.reserve(Members::FOOTPRINT, 128);
        let pool = layout.reserve(PAGE, PAGE);
        let span = 1 << 30;
        let region = Region::create_windowed(layout.len(), span, MAX_WORKERS).unwrap();
        let ring = Ring::create(&region, ring, 4, 0);
        let pool = Pool::create(&region, pool, MAX_WORKERS, span, 1 << 26);
        Members::attach(&region, table, &ring, &pool)
    }

    #[test]
    fn numbers_are_used_again() {
        let members = members();
        assert_eq!((members.join().unwrap(), members.join().unwrap()), (0, 1));
        members.leave(0);
        assert_eq!((members.join().unwrap(), members.join().unwrap(), members.count()), (0, 2, 3));
        assert_eq!(members.everybody().iter().collect::<Vec<_>>(), [0, 1, 2]);
    }

    #[test]
    fn there_are_not_more_than_there_can_be() {
        let members = members();
        for number in 0..MAX_WORKERS {
            assert_eq!(members.join().unwrap(), number);
        }
        assert!(matches!(members.join(), Err(JoinError::Crowded)));
        members.leave(17);
        assert_eq!(members.join().unwrap(), 17);
    }

    #[test]
    fn publishers_of_the_dead_are_taken_back_and_their_number_is_free() {
        let _watchdog = Watchdog::new();
        let members = members();
        let me = members.join().unwrap();
        assert!(members.publish(me).unwrap());
        let (started, starts) = io::pipe().unwrap();
        let child = fork(|| {
            let number = members.join().unwrap();
            assert!(members.publish(number).unwrap() && members.publish(number).unwrap());
            let mut arena = members.pool.arena(number);
            let block = arena.allocate(1 << 20).unwrap();
            arena.fill(block, |bytes| bytes.fill(1));
            crate::arena::announce(&members.region, block).unwrap();
            let Push::Pushed { .. } = members.ring.try_push(number, 1, &block.to_bytes()).unwrap() else { panic!() };
            std::io::Write::write_all(&mut &starts, b"!").unwrap();
            std::thread::park();
        });
        assert!(soon_readable(&started));
        assert_eq!(members.ring.publishers(), 3);
        assert!(members.bury().unwrap().is_empty() && members.ring.publishers() == 3);
        child.kill();
        assert!(soon_readable(child.pidfd()));
        assert!(members.bury().unwrap().is_empty());
        assert_eq!((members.ring.publishers(), members.count()), (1, 2), "its block is out");
        let Pop::Item { slot, .. } = members.ring.try_pop(me).unwrap() else { panic!("an item is inside") };
        let block = crate::Block::from_bytes(slot.payload().try_into().unwrap());
        drop(crate::arena::bytes(&members.region, block).unwrap());
        members.bury().unwrap();
        assert_eq!((members.count(), members.pool.taken()), (1, 0));
        assert_eq!(members.ring.poll_item(me).unwrap(), Peek::Empty);
        assert_eq!(members.unpublish(me).unwrap().iter().collect::<Vec<_>>(), [me]);
        assert!(!members.publish(me).unwrap());
    }

    #[test]
    fn the_last_publisher_may_be_dead() {
        let _watchdog = Watchdog::new();
        let members = members();
        let me = members.join().unwrap();
        let child = fork(|| {
            let number = members.join().unwrap();
            members.publish(number).unwrap();
        });
        let pidfd = child.pidfd();
        assert!(soon_readable(pidfd));
        assert_eq!(members.ring.poll_item(me).unwrap(), Peek::Empty);
        assert_eq!(members.bury().unwrap().iter().collect::<Vec<_>>(), [me]);
        assert!(members.ring.is_ended());
    }

    #[test]
    fn a_sleeper_is_woken_from_another_process() {
        let _watchdog = Watchdog::new();
        let members = members();
        let me = members.join().unwrap();
        let bell = members.bell(me).unwrap();
        let seen = bell.seen();
        let child = fork(|| members.wake([me].into_iter().collect()));
        while bell.seen() == seen {
            bell.sleep(seen, Duration::from_secs(60));
        }
        child.succeed();
        bell.sleep(seen, Duration::from_secs(60));
    }
}
