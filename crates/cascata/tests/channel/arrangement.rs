//! Where the two senders of a channel are, seen from its receiver.

use crate::rig::{Channel, Rig, Sender, Spec};

/// Slots of the ring of an unbounded channel: few, so that they fill.
const SLOTS: usize = 4;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrangement {
    /// In its process, and no channel through shared memory.
    Local,
    /// In its process, although the channel goes through shared memory.
    Own,
    /// In another process.
    Apart,
    /// The first in its process, the second in another one.
    Mixed,
}

impl Arrangement {
    /// The workers of the two senders. The receivers are on worker 0.
    pub fn senders(self) -> [usize; 2] {
        match self {
            Self::Local | Self::Own => [0, 0],
            Self::Apart => [1, 1],
            Self::Mixed => [0, 1],
        }
    }

    /// A channel and two senders into it.
    pub fn rig(self, capacity: Option<usize>) -> Rig {
        self.rig_of(&[capacity])
    }

    /// Several channels and two senders, each into all of them.
    pub fn rig_of(self, capacities: &[Option<usize>]) -> Rig {
        let shared = self != Self::Local;
        let channels = capacities.iter().map(|&capacity| Channel { capacity, receiver: 0, shared }).collect();
        let targets: Vec<_> = (0..capacities.len()).collect();
        let senders = self.senders().map(|worker| Sender { worker, targets: targets.clone() });
        Rig::new(Spec { channels, senders: senders.into(), slots: SLOTS })
    }
}

/// Makes each function, which takes an [`Arrangement`], a test of every arrangement.
macro_rules! for_every_arrangement {
    ($($name:ident),* $(,)?) => {
        for_every_arrangement!(@in local Local; $($name),*);
        for_every_arrangement!(@in own Own; $($name),*);
        for_every_arrangement!(@in apart Apart; $($name),*);
        for_every_arrangement!(@in mixed Mixed; $($name),*);
    };
    (@in $module:ident $arrangement:ident; $($name:ident),*) => {
        mod $module {
            $(#[test]
            fn $name() {
                super::$name(crate::arrangement::Arrangement::$arrangement);
            })*
        }
    };
}
pub(crate) use for_every_arrangement;
