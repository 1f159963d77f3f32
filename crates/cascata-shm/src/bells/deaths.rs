//! A worker is killed at every step of what it does with the bells: the others go on, and the count is never too low.
//!
//! A bell that it was about to ring may stay silent; whoever waits for it is woken by the supervisor, which notices every
//! death and interrupts all.

use super::tests::{doorbells, rings, taken};
use super::*;
use crate::model::kill::{Victim, at_every_step};
use crate::testing::{Watchdog, again, region};

const VICTIM: usize = 0;
const SLEEPER: usize = 1;
const AWAKE: usize = 2;
const WORKERS: usize = 3;

/// Kills a worker in `operation`. `sleeps` is how the sleeper lies there: as idle, as one that counts, or not at all.
fn kill_at_every_step(sleeps: Option<bool>, before: impl Fn(&Bells), operation: impl Fn(&Bells)) {
    let _watchdog = Watchdog::new();
    at_every_step(|step| {
        let region = region(Bells::footprint(WORKERS, 10));
        let bells = Bells::create(&region, 0, WORKERS, 10, doorbells(WORKERS));
        if let Some(idle) = sleeps {
            assert!(bells.doze(SLEEPER, idle));
        }
        before(&bells);
        let victim = Victim::at(step, || {
            let bells = Bells::attach(&again(&region), 0, WORKERS, 10, Arc::clone(&bells.doorbells));
            operation(&bells);
        });
        let stood = victim.stands();
        // Somebody else does the same while it stands there, and after it is dead.
        bells.raise(SLEEPER, 7);
        bells.raise(VICTIM, 7);
        victim.kill();
        bells.interrupt(SLEEPER);
        assert!(rings(&bells, SLEEPER), "the supervisor reaches everybody");
        bells.rouse(SLEEPER);
        assert!(taken(&bells, SLEEPER).contains(&7));
        assert!(bells.active() >= 2, "those who live are counted");
        for idle in [true, false] {
            assert!(bells.doze(SLEEPER, idle));
            assert!(bells.active() > u64::from(!idle));
            bells.raise(SLEEPER, 3);
            assert!(rings(&bells, SLEEPER), "who lives and sleeps is woken by those who live");
            bells.rouse(SLEEPER);
            assert_eq!(taken(&bells, SLEEPER), [3]);
        }
        bells.retire(SLEEPER);
        assert!(bells.active() >= 1, "there is one more that is awake");
        bells.retire(AWAKE);
        stood
    });
}

#[test]
fn in_raising() {
    for sleeps in [None, Some(false), Some(true)] {
        kill_at_every_step(sleeps, |_| (), |bells| bells.raise(SLEEPER, 5));
        kill_at_every_step(sleeps, |bells| bells.raise(SLEEPER, 5), |bells| bells.raise(SLEEPER, 6));
    }
}

#[test]
fn in_dozing_and_rousing() {
    for idle in [false, true] {
        let sleep = |bells: &Bells| {
            if bells.doze(VICTIM, idle) {
                bells.rouse(VICTIM);
            }
            bells.take(VICTIM, |_| ());
        };
        kill_at_every_step(None, |_| (), sleep);
        kill_at_every_step(Some(true), |bells| bells.raise(VICTIM, 5), sleep);
    }
}

#[test]
fn in_retiring() {
    kill_at_every_step(Some(true), |_| (), |bells| bells.retire(VICTIM));
}
