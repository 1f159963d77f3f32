//! A way from an outport to the members of a group: each item goes to one of them.

use std::{
    collections::VecDeque,
    mem,
    sync::{Arc, Mutex},
    task::Waker,
};

use cascata_shm::{Cycle, Gate, WorkerSet};

use super::{
    Attempt, EncodeError, Hub, Item, Local, Offer, Remote, SendError, Ticket, lock, outport::Freight, parcel::Parcel,
    ticket::Claim,
};
use crate::{
    metrics::Counter,
    order::{Desk, NONE, Placing, Turn, Turnstile},
    plan::Sharing,
};

/// A member's channel, as this process reaches it.
#[derive(Debug)]
pub enum Target<T: Item> {
    /// All senders are in this process.
    Local(Arc<Local<T>>),
    /// Through shared memory, and whether the member is in this process.
    Remote(Arc<Remote<T>>, bool),
}

/// See the module.
#[derive(Debug)]
pub struct Share<T: Item> {
    members: Vec<Target<T>>,
    /// How many items each of them got.
    given: Vec<Counter>,
    desk: Desk,
    /// The desk's port, and the number under which bells tell of the desk.
    port: usize,
    bell: usize,
    sharing: Sharing<T>,
    hub: Option<Hub>,
    /// Woken when there may be room for what waits.
    seeker: Waker,
    /// Where it waits for its turn: the sender is a member of a group whose results keep their order.
    turnstile: Option<Turnstile>,
    /// The feedback loops that members belong to: what waits here keeps all of them open, as it may go to any member.
    loops: Vec<Cycle>,
    /// It shares out again what a member has left: it keeps no channel open, but what it has to share out does.
    inherits: bool,
    state: Mutex<State<T>>,
}

#[derive(Debug)]
struct State<T: Item> {
    waiting: VecDeque<(Lot<T>, Arc<Ticket>)>,
    leaving: bool,
}

/// An item that is shared out.
#[derive(Clone, Debug)]
pub(super) struct Lot<T> {
    pub item: T,
    /// That of the firing that has sent it.
    pub number: u64,
    /// Encoded, if it has been to look as if its member were in another process.
    pub parcel: Option<Parcel>,
    /// What a function says of it that decides who gets it.
    pub key: u64,
}

/// Whom to wake, after all locks are gone.
#[derive(Debug)]
enum Wake<T: Item> {
    Local(Option<Waker>),
    Remote(Arc<Remote<T>>, WorkerSet),
}

/// What became of an item that waits no longer.
enum Settled<T: Item> {
    /// This member has it, and these are to be woken: for the item, and at the desk.
    At(usize, Wake<T>, WorkerSet),
    /// This member would have got it, and has ended.
    Closed(usize),
}

/// Why an item has found no place.
enum Unsettled {
    Waits,
    /// It has to be encoded first.
    Unpacked,
}

/// Who is to get an item.
enum Choice {
    Only(usize),
    /// This one, or any other that has room.
    Rather(usize),
    /// That is to be decided by others.
    Later,
    /// All have ended.
    Nobody,
}

impl<T: Item> Share<T> {
    /// A way to `members`, each with what counts its items, which port `port` of `desk` shares out as `sharing` says. Those who wait for others to
    /// share out are told by bell `bell`; `seeker` is woken when there may be room. `hub` is that of this worker, if it has
    /// one: although all members may be here, those who send to other ports of the desk may not.
    pub fn new(
        members: Vec<(Target<T>, Counter)>,
        (desk, port, bell): (Desk, usize, usize),
        sharing: Sharing<T>,
        seeker: Waker,
        hub: Option<Hub>,
    ) -> Self {
        let (members, given): (Vec<_>, _) = members.into_iter().unzip();
        let gates = members.iter().flat_map(Target::gates);
        let mut loops: Vec<Cycle> = gates.map(|gate| gate.cycle().clone()).collect();
        loops.sort_unstable_by_key(Cycle::bell);
        loops.dedup_by_key(|cycle| cycle.bell());
        let state = Mutex::new(State { waiting: VecDeque::new(), leaving: false });
        Self { members, given, desk, port, bell, sharing, hub, seeker, turnstile: None, loops, inherits: false, state }
    }

    /// The same for a member of a group, who waits for its turn at `turnstile`.
    #[must_use]
    pub fn behind_turnstile(mut self, turnstile: Turnstile) -> Self {
        self.turnstile = Some(turnstile);
        self
    }

    /// The same for what a member has left that has ended.
    #[must_use]
    pub fn of_heirs(mut self) -> Self {
        self.inherits = true;
        self
    }

    /// So many items are out of their channel that may be shared out again until then.
    pub(super) fn received(&self, items: usize) {
        if self.desk.settle(items) {
            self.members.iter().for_each(Target::unpublish);
        }
    }

    /// So many items that a firing has not got after all are to be shared out again; `false` if it is too late.
    pub(super) fn reclaim(&self, items: usize) -> bool {
        self.desk.reclaim(items)
    }

    /// Whether it shares out what a member has left.
    pub(super) fn inherits(&self) -> bool {
        self.inherits
    }

    /// An item that was to be shared out is lost.
    pub(super) fn lost(&self) {
        if self.inherits {
            self.received(1);
        }
    }

    /// Whether items may wait here although their sender was told that they are inside.
    pub(super) fn is_gated(&self) -> bool {
        self.turnstile.is_some()
    }

    /// What channels that cross processes share.
    pub(super) fn hub(&self) -> Option<&Hub> {
        self.hub.as_ref()
    }

    /// What decides who gets `item`, if that is for its value to say.
    ///
    /// # Errors
    /// The function of the value fails.
    pub(super) fn key(&self, item: &T) -> Result<u64, T::Error> {
        match &self.sharing {
            Sharing::Keyed { function, port } if *port == self.port => function.key(item),
            _ => Ok(0),
        }
    }

    /// Whether the item of this key seems to be for a member in another process.
    pub(super) fn leaves_process(&self, key: u64) -> bool {
        let away = |member: usize| self.members[member].is_away();
        let mut members = 0..self.members.len();
        if self.turnstile.is_some() || !members.clone().any(away) {
            // What waits for its turn without its sender must be encoded: nobody would hear that it cannot be.
            return members.any(away);
        }
        match self.desk.open().map(|turn| self.choose(&turn, key)) {
            Ok(Choice::Only(member) | Choice::Rather(member)) => away(member),
            _ => false,
        }
    }

    /// Gives the item to a member, or lets it wait under `ticket`, which is made if it is the first that has to wait.
    pub(super) fn offer(&self, lot: Lot<T>, ticket: &mut Option<Arc<Ticket>>) -> Offer {
        self.turnstile.iter().for_each(|turnstile| turnstile.comes(lot.number));
        let mut state = lock(&self.state);
        if state.waiting.is_empty() {
            match self.place(&lot) {
                Ok(settled) => {
                    drop(state);
                    return self.settle(lot, settled);
                }
                // It is encoded when it is tried again.
                Err(Unsettled::Unpacked) => self.seeker.wake_by_ref(),
                Err(Unsettled::Waits) => {}
            }
        }
        if let Some(turnstile) = &self.turnstile {
            if state.waiting.is_empty() {
                turnstile.waits(lot.number);
            }
            let packed = lot.parcel.is_some() || !self.members.iter().any(Target::is_away);
            if packed && state.waiting.len() < turnstile.room() {
                // Nobody waits for this one: it goes when its turn comes.
                let ticket = Arc::new(Ticket::new());
                ticket.hold();
                let _ = ticket.seal(true);
                self.wait();
                state.waiting.push_back((lot, ticket));
                return Offer::Taken;
            }
        }
        let ticket = ticket.get_or_insert_with(|| Arc::new(Ticket::new()));
        ticket.hold();
        self.wait();
        state.waiting.push_back((lot, ticket.clone()));
        Offer::Waits
    }

    /// Gives what waits to members, as far as there is room. `refuse` takes a send whose item cannot be encoded.
    pub(super) fn retry(&self, mut refuse: impl FnMut(Arc<Ticket>, SendError<T::Error>)) {
        loop {
            let mut state = lock(&self.state);
            let Some((lot, ticket)) = state.waiting.pop_front() else { break };
            // While the ticket is claimed its sender cannot withdraw it.
            let Some(claim) = ticket.claim() else {
                self.note_first(&state);
                drop(state);
                self.waited(1);
                drop(lot);
                continue;
            };
            match self.place(&lot) {
                Ok(settled) => {
                    let waker = match settled {
                        Settled::At(..) => claim.entered(),
                        Settled::Closed(_) => claim.refused(),
                    };
                    self.note_first(&state);
                    drop(state);
                    self.settle(lot, settled);
                    self.waited(1);
                    waker.into_iter().for_each(Waker::wake);
                }
                Err(Unsettled::Waits) => {
                    drop(claim);
                    state.waiting.push_front((lot, ticket));
                    break;
                }
                Err(Unsettled::Unpacked) => {
                    drop(claim);
                    let item = lot.item.clone();
                    state.waiting.push_front((lot, ticket.clone()));
                    drop(state);
                    match self.pack(&item) {
                        Ok(Some(parcel)) => self.packed(&ticket, parcel),
                        Ok(None) => break,
                        Err(reason) => {
                            let gone = self.remove(&ticket);
                            if gone.is_some() {
                                self.lost();
                                refuse(ticket.clone(), reason);
                                let waker = ticket.claim().and_then(Claim::refused);
                                waker.into_iter().for_each(Waker::wake);
                            }
                        }
                    }
                }
            }
        }
        self.leave();
    }

    /// Encodes an item, if there is memory for it now.
    fn pack(&self, item: &T) -> Result<Option<Parcel>, SendError<T::Error>> {
        let Some(hub) = self.hub.as_ref().filter(|hub| !hub.awaits_memory()) else { return Ok(None) };
        let mut noted = false;
        loop {
            match Parcel::pack(&hub.depot, item) {
                Ok(parcel) => return Ok(Some(parcel)),
                Err(EncodeError::Full(full)) if hub.depot.could_hold(full) => {
                    if noted {
                        return Ok(None);
                    }
                    // After the note once more: what was given back before it woke nobody.
                    hub.await_memory();
                    noted = true;
                }
                Err(reason) => return Err(reason.into()),
            }
        }
    }

    /// The first that waits has been encoded, unless it has been withdrawn meanwhile.
    fn packed(&self, ticket: &Arc<Ticket>, parcel: Parcel) {
        let mut state = lock(&self.state);
        match state.waiting.front_mut() {
            Some((lot, first)) if Arc::ptr_eq(first, ticket) => lot.parcel = Some(parcel),
            _ => {
                drop(state);
                drop(parcel);
            }
        }
    }

    /// Finds a member that has room. Under the lock of what waits.
    fn place(&self, lot: &Lot<T>) -> Result<Settled<T>, Unsettled> {
        let hands_out = self.desk.has_heirs() && !self.inherits;
        if hands_out {
            self.desk.hand_out();
        }
        let found = self.find(lot);
        if hands_out && !matches!(found, Ok(Settled::At(..))) {
            // Not the last part: this sender has one, too.
            self.desk.settle(1);
        }
        if let Ok(Settled::At(member, ..) | Settled::Closed(member)) = found {
            // The lock makes this thread the only writer.
            self.given[member].add(1);
        }
        found
    }

    fn find(&self, lot: &Lot<T>) -> Result<Settled<T>, Unsettled> {
        if self.turnstile.as_ref().is_some_and(|turnstile| !turnstile.is_open(lot.number)) && !self.is_closed() {
            return Err(Unsettled::Waits);
        }
        let Ok(turn) = self.desk.open() else { return Ok(Settled::Closed(0)) };
        loop {
            let choice = self.choose(&turn, lot.key);
            let (member, others) = match choice {
                Choice::Only(member) => (member, 0),
                Choice::Rather(member) => (member, self.members.len() - 1),
                Choice::Later => {
                    if let Some(hub) = &self.hub {
                        turn.wait(hub.worker);
                    }
                    // All members may end before anything is decided.
                    let open = self.members.iter().filter(|member| member.await_news(&self.seeker)).count();
                    return if open > 0 { Err(Unsettled::Waits) } else { Ok(Settled::Closed(0)) };
                }
                Choice::Nobody => return Ok(Settled::Closed(0)),
            };
            let mut full = false;
            for member in (0..=others).map(|step| (member + step) % self.members.len()) {
                match self.attempt(member, lot, turn.number(self.port)) {
                    Some(Attempt::Taken(wake)) => {
                        return Ok(Settled::At(member, wake, turn.placed(self.port, member)));
                    }
                    Some(Attempt::Full(())) => full = true,
                    Some(Attempt::Closed(())) if turn.placing(self.port) == Placing::At(member) => {
                        // What other ports have of that row went to a member that has ended: this goes with it.
                        let waiting = turn.placed(self.port, member);
                        drop(turn);
                        self.tell(waiting);
                        return Ok(Settled::Closed(member));
                    }
                    Some(Attempt::Closed(())) => {}
                    None => return Err(Unsettled::Unpacked),
                }
            }
            if full {
                return Err(Unsettled::Waits);
            }
            // Who was chosen has ended just now.
        }
    }

    /// Offers the item to one member; `None` if it has to be encoded for that.
    fn attempt(&self, member: usize, lot: &Lot<T>, number: u64) -> Option<Attempt<(), Wake<T>>> {
        Some(match &self.members[member] {
            Target::Local(local) => match local.attempt(lot.item.clone(), number, &self.seeker) {
                Attempt::Taken(waker) => Attempt::Taken(Wake::Local(waker)),
                Attempt::Full(_) => Attempt::Full(()),
                Attempt::Closed(_) => Attempt::Closed(()),
            },
            Target::Remote(remote, own) => {
                let freight = match &lot.parcel {
                    _ if *own => Freight::Own(lot.item.clone()),
                    Some(parcel) => Freight::Parcel(parcel.clone()),
                    None => return None,
                };
                match remote.attempt(freight, number) {
                    Attempt::Taken(receivers) => Attempt::Taken(Wake::Remote(remote.clone(), receivers)),
                    Attempt::Full(_) => Attempt::Full(()),
                    Attempt::Closed(_) => Attempt::Closed(()),
                }
            }
        })
    }

    /// Who is to get the next item.
    fn choose(&self, turn: &Turn<'_>, key: u64) -> Choice {
        let count = self.members.len();
        let from = |start: usize| (0..count).map(move |step| (start % count + step) % count);
        let open = |member: &usize| !self.members[*member].is_closed();
        let first = |start| from(start).find(open).map_or(Choice::Nobody, Choice::Only);
        match (turn.placing(self.port), &self.sharing) {
            (Placing::Later, _) => Choice::Later,
            (Placing::At(member), _) => Choice::Only(member),
            (Placing::Any, Sharing::RoundRobin) => first(turn.last().wrapping_add(1)),
            (Placing::Any, Sharing::Keyed { port, .. }) if *port == self.port => first(place_of(key, count)),
            // The port with the keys decides.
            (Placing::Any, Sharing::Keyed { .. }) => Choice::Later,
            (Placing::Any, Sharing::Balanced) => {
                let rooms = from(turn.last().wrapping_add(1)).filter(open);
                let rooms = rooms.map(|member| (self.members[member].room(), member));
                // The first of those with most room.
                let best = rooms.reduce(|best, next| if next.0 > best.0 { next } else { best });
                best.map_or(Choice::Nobody, |(_, member)| Choice::Rather(member))
            }
        }
    }

    /// Wakes whom an item concerns that has found its place, or drops it where there is none. Without any lock.
    fn settle(&self, lot: Lot<T>, settled: Settled<T>) -> Offer {
        match settled {
            Settled::At(_, wake, workers) => {
                drop(lot);
                match wake {
                    Wake::Local(waker) => waker.into_iter().for_each(Waker::wake),
                    Wake::Remote(remote, receivers) => remote.taken(receivers),
                }
                self.tell(workers);
                Offer::Taken
            }
            Settled::Closed(member) => {
                self.lost();
                match &self.members[member] {
                    // The channel counts what it discards.
                    Target::Local(local) => local.offer(lot.item, 0, &mut None),
                    Target::Remote(remote, _) => remote.offer(Freight::Own(lot.item), 0, &mut None),
                }
            }
        }
    }

    /// Other ports of the desk may have waited for this one.
    fn tell(&self, workers: WorkerSet) {
        if self.desk.has_rows() {
            if let Some(hub) = &self.hub {
                workers.iter().for_each(|worker| hub.bells.raise(worker, self.bell));
            }
            self.seeker.wake_by_ref();
        }
    }

    /// Whether something waits here.
    pub(super) fn has_waiting(&self) -> bool {
        !lock(&self.state).waiting.is_empty()
    }

    /// Forgets the item that waits under `ticket`, whose sender has withdrawn it.
    pub(super) fn forget(&self, ticket: &Ticket) {
        if let Some(gone) = self.remove(ticket) {
            drop(gone);
            // What waited behind it may be for another member, or come before what others wait with.
            self.seeker.wake_by_ref();
        }
        self.leave();
    }

    fn remove(&self, ticket: &Ticket) -> Option<(Lot<T>, Arc<Ticket>)> {
        let mut state = lock(&self.state);
        let gone = ticket.remove_from(&mut state.waiting);
        self.note_first(&state);
        drop(state);
        self.waited(usize::from(gone.is_some()));
        gone
    }

    /// One more item waits here.
    fn wait(&self) {
        self.loops.iter().for_each(Cycle::enter);
    }

    /// So many items wait no longer.
    fn waited(&self, items: usize) {
        self.loops.iter().for_each(|cycle| cycle.leave(items));
    }

    /// Tells the other members which number waits here first.
    fn note_first(&self, state: &State<T>) {
        if let Some(turnstile) = &self.turnstile {
            turnstile.waits(state.waiting.front().map_or(NONE, |(lot, _)| lot.number));
            turnstile.tell();
        }
    }

    /// Whether nobody can receive any more.
    pub(super) fn is_closed(&self) -> bool {
        self.members.iter().all(Target::is_closed)
    }

    /// The sender leaves. What waits keeps the channels open.
    pub(super) fn unpublish(&self) {
        lock(&self.state).leaving = true;
        self.leave();
    }

    fn leave(&self) {
        let mut state = lock(&self.state);
        let leaves = state.waiting.is_empty() && mem::take(&mut state.leaving);
        drop(state);
        if leaves {
            if !self.desk.has_heirs() || self.desk.settle(1) {
                self.members.iter().for_each(Target::unpublish);
            }
            self.turnstile.iter().for_each(Turnstile::leave);
        }
    }
}

impl<T: Item> Target<T> {
    fn is_closed(&self) -> bool {
        match self {
            Self::Local(local) => local.is_closed(),
            Self::Remote(remote, _) => remote.is_closed(),
        }
    }

    fn gates(&self) -> &[Gate] {
        match self {
            Self::Local(local) => local.gates(),
            Self::Remote(remote, _) => remote.gates(),
        }
    }

    fn await_news(&self, seeker: &Waker) -> bool {
        match self {
            Self::Local(local) => local.await_news(seeker),
            Self::Remote(remote, _) => remote.await_news(),
        }
    }

    fn is_away(&self) -> bool {
        matches!(self, Self::Remote(_, false))
    }

    fn room(&self) -> usize {
        match self {
            Self::Local(local) => local.room(),
            Self::Remote(remote, _) => remote.room(),
        }
    }

    fn unpublish(&self) {
        match self {
            Self::Local(local) => local.unpublish(),
            Self::Remote(remote, _) => remote.unpublish(),
        }
    }
}

/// The member for a key: multiples of anything are spread as well as anything else.
fn place_of(key: u64, members: usize) -> usize {
    let mixed = key.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    ((u128::from(mixed ^ mixed >> 32).wrapping_mul(members as u128)) >> 64) as usize
}
