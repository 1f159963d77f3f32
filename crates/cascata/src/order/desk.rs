//! Where items are shared out: who gets the next one, and what number it bears.

use std::sync::{Arc, atomic::Ordering::SeqCst};

use cascata_shm::{Ledger, MAX_WORKERS, Orphaned, Region, WorkerSet, ledger::Open};

use super::{FIRST, Word};

const SET: usize = MAX_WORKERS / 64;

/// The ports of a group's members that share rows: the k-th items of all of them go to one member. Mostly one port.
/// Where a port delivers batches of a size, a row has so many items of it.
///
/// In shared memory, for all who send there. For each port it keeps how many items it has shared out; for several ports
/// also which member gets each row that some of them have reached and others have not.
#[derive(Clone, Debug)]
pub struct Desk {
    ledger: Ledger,
    /// The items of each port that make a row.
    units: Arc<[u64]>,
    rows: usize,
    /// Whether what lies in the channel of a member that ends is shared out again; see [`Desk::hand_out`].
    heirs: bool,
}

/// Who may get the next item of a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Placing {
    /// Whoever the policy says.
    Any,
    /// The member that has got its row.
    At(usize),
    /// Nobody yet: too many rows wait for other ports.
    Later,
}

impl Desk {
    /// Bytes to reserve for a desk of `ports` ports, of which one may be `rows` rows ahead of another; 0 for one port.
    pub fn footprint(ports: usize, rows: usize) -> usize {
        Ledger::footprint(Self::words(ports, rows))
    }

    /// A desk where nothing has been shared out, whose rows are made of so many items of each port. If what a member leaves
    /// is to be shared out again, `senders` tells how many share out there; else it is 0.
    pub fn create(region: &Arc<Region>, offset: usize, units: &[u64], rows: usize, senders: u64) -> Self {
        let ledger = Ledger::create(region, offset, Self::words(units.len(), rows));
        let this = Self { ledger, units: units.into(), rows, heirs: senders > 0 };
        this.parts().set(senders);
        this
    }

    /// A handle to a desk that another process has created.
    pub fn attach(region: &Arc<Region>, offset: usize, units: &[u64], rows: usize, senders: u64) -> Self {
        let ledger = Ledger::attach(region, offset, Self::words(units.len(), rows));
        Self { ledger, units: units.into(), rows, heirs: senders > 0 }
    }

    /// The items shared out of each port, rows whose member is known, the member that got one last, who waits, parts of
    /// those who may still share out, the members.
    fn words(ports: usize, rows: usize) -> usize {
        ports + 2 + SET + 1 + rows
    }

    fn parts(&self) -> Word {
        Word::new(self.ledger.words(), self.units.len() + 2 + SET)
    }

    /// Whether what lies in the channel of a member that ends is shared out again among the others.
    pub fn has_heirs(&self) -> bool {
        self.heirs
    }

    /// An item is on its way to a member. As it may be shared out again, the members' channels do not end before it is out
    /// of that: each sender has a part in that, until it leaves, and each item.
    pub fn hand_out(&self) {
        self.parts().add(1);
    }

    /// So many items that a member had got are to be shared out again; `false` if the channels have ended by now.
    pub fn reclaim(&self, items: usize) -> bool {
        self.parts().add_unless_zero(items as u64)
    }

    /// So many parts are given up. Whether that was the last: then the members' channels end.
    pub fn settle(&self, parts: usize) -> bool {
        self.parts().subtract(parts as u64) == 0
    }

    /// Whether several ports share rows.
    pub fn has_rows(&self) -> bool {
        self.rows > 0
    }

    /// How many items of `port` have been shared out, and how many make a row.
    pub fn next(&self, port: usize) -> (Word, u64) {
        (Word::new(self.ledger.words(), port), self.units[port])
    }

    /// Waits for the desk to be free.
    ///
    /// # Errors
    /// A process died while it was here.
    pub fn open(&self) -> Result<Turn<'_>, Orphaned> {
        Ok(Turn { words: self.ledger.open()?, desk: self })
    }
}

/// The desk, as long as nobody else shares out.
pub struct Turn<'a> {
    words: Open<'a>,
    desk: &'a Desk,
}

impl Turn<'_> {
    fn get(&self, at: usize) -> u64 {
        self.words[at].load(SeqCst)
    }

    fn set(&self, at: usize, value: u64) {
        self.words[at].store(value, SeqCst);
    }

    fn decided(&self) -> u64 {
        self.get(self.ports())
    }

    fn ports(&self) -> usize {
        self.desk.units.len()
    }

    fn place(&self, row: u64) -> usize {
        self.ports() + 2 + SET + 1 + (row % self.desk.rows as u64) as usize
    }

    /// The row that the next item of `port` belongs to.
    pub fn row(&self, port: usize) -> u64 {
        self.get(port) / self.desk.units[port]
    }

    /// The number that the next item of `port` bears: the first row comes after what initial values bring about.
    pub fn number(&self, port: usize) -> u64 {
        FIRST + 1 + self.row(port)
    }

    /// The member that has got a row last; that before the first, at the beginning.
    pub fn last(&self) -> usize {
        (self.get(self.ports() + 1) as usize).wrapping_sub(1)
    }

    /// Who may get the next item of `port`.
    pub fn placing(&self, port: usize) -> Placing {
        let row = self.row(port);
        if self.desk.rows == 0 {
            Placing::Any
        } else if row < self.decided() {
            Placing::At(self.get(self.place(row)) as usize)
        } else {
            let behind = (0..self.ports()).map(|port| self.row(port)).min().unwrap_or(0);
            if row - behind < self.desk.rows as u64 { Placing::Any } else { Placing::Later }
        }
    }

    /// The next item of `port` has gone to `member`. Gives the workers that wait for such news, their notes cleared.
    pub fn placed(&self, port: usize, member: usize) -> WorkerSet {
        let row = self.row(port);
        let mut waiting = WorkerSet::default();
        if self.desk.rows == 0 || row == self.decided() {
            self.set(self.ports() + 1, member as u64 + 1);
        }
        if self.desk.rows > 0 {
            if row == self.decided() {
                self.set(self.place(row), member as u64);
                self.set(self.ports(), row + 1);
            }
            let notes = self.ports() + 2;
            waiting = std::array::from_fn(|index| self.words[notes + index].swap(0, SeqCst)).into();
        }
        self.set(port, self.get(port) + 1);
        waiting
    }

    /// Notes that `worker` waits for others to share out.
    pub fn wait(&self, worker: usize) {
        self.words[self.ports() + 2 + worker / 64].fetch_or(1 << (worker % 64), SeqCst);
    }
}
