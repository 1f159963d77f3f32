//! Items of one outport that no channel has been offered yet: the shared memory has no room for them, or an item before
//! them was abandoned.
//!
//! A send is abandoned when its sender gives up waiting although one of several channels has the item already: then it
//! reaches the others, too, but nobody waits for that. Were the next item offered meanwhile, a sender that gives up again
//! and again would fill the line before the slowest channel without an end.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
};

use cascata_shm::Cycle;

use super::{Full, SendError, Ticket, lock};

/// They wait as they are, not encoded, in the order sent.
#[derive(Debug)]
pub(super) struct Held<T, E> {
    /// The feedback loop that items go round in; what is held back keeps it open.
    cycle: Option<Cycle>,
    state: Mutex<State<T, E>>,
}

#[derive(Debug)]
struct State<T, E> {
    waiting: VecDeque<(T, Arc<Ticket>)>,
    /// What the first of them has asked for.
    need: Full,
    /// Sends whose items still wait for room, without a sender.
    abandoned: Vec<Arc<Ticket>>,
    /// Items that proved impossible to send when there was room, until their senders ask.
    refused: Vec<(Arc<Ticket>, SendError<E>)>,
}

impl<T, E> State<T, E> {
    fn has_no_abandoned(&mut self) -> bool {
        self.abandoned.retain(|ticket| !ticket.is_done());
        self.abandoned.is_empty()
    }
}

impl<T: Clone, E> Held<T, E> {
    pub fn new() -> Self {
        let (waiting, abandoned, refused) = (VecDeque::new(), Vec::new(), Vec::new());
        Self { cycle: None, state: Mutex::new(State { waiting, need: Full::default(), abandoned, refused }) }
    }

    /// Has what is held back keep `cycle` open.
    pub fn within(self, cycle: Option<Cycle>) -> Self {
        Self { cycle, ..self }
    }

    pub fn is_empty(&self) -> bool {
        lock(&self.state).waiting.is_empty()
    }

    /// Whether what is sent now need not wait here.
    pub fn is_open(&self) -> bool {
        let mut state = lock(&self.state);
        state.waiting.is_empty() && state.has_no_abandoned()
    }

    /// Whether an item that was abandoned still waits for room.
    pub fn is_behind_abandoned(&self) -> bool {
        !lock(&self.state).has_no_abandoned()
    }

    /// The sender has given up on the send, which could not be withdrawn.
    pub fn abandon(&self, ticket: &Arc<Ticket>) {
        if !ticket.is_done() {
            lock(&self.state).abandoned.push(ticket.clone());
        }
    }

    /// The last in the queue.
    pub fn push(&self, item: T) -> Arc<Ticket> {
        let ticket = Arc::new(Ticket::new());
        if let Some(cycle) = &self.cycle {
            cycle.enter();
        }
        lock(&self.state).waiting.push_back((item, ticket.clone()));
        ticket
    }

    /// The first in the queue. It stays there, so that nothing overtakes it while it is encoded.
    pub fn first(&self) -> Option<(T, Arc<Ticket>)> {
        lock(&self.state).waiting.front().cloned()
    }

    /// Takes the item of `ticket` off the queue, which is its first; the ticket is to be offered now, and then
    /// [settled](Self::settled), unless this gives `false`: its sender has withdrawn it meanwhile.
    pub fn take(&self, ticket: &Arc<Ticket>) -> bool {
        let taken = ticket.remove_from(&mut lock(&self.state).waiting);
        let begun = taken.is_some() && ticket.begin();
        if taken.is_some() && !begun {
            self.settled();
        }
        begun
    }

    /// An item is held back no longer: the channels have been asked, or it was withdrawn.
    pub fn settled(&self) {
        if let Some(cycle) = &self.cycle {
            cycle.leave(1);
        }
    }

    /// What the first in the queue has asked for in vain.
    pub fn need(&self) -> Full {
        lock(&self.state).need
    }

    pub fn needs(&self, need: Full) {
        lock(&self.state).need = need;
    }

    /// Forgets the item that waits under `ticket`, whose sender has withdrawn it.
    pub fn forget(&self, ticket: &Ticket) {
        let gone = ticket.remove_from(&mut lock(&self.state).waiting);
        if gone.is_some() {
            self.settled();
        }
        drop(gone);
    }

    /// Keeps the reason why the item of `ticket` was not sent.
    pub fn refuse(&self, ticket: Arc<Ticket>, reason: SendError<E>) {
        lock(&self.state).refused.push((ticket, reason));
    }

    /// Why the item of `ticket` was not sent, if so.
    pub fn refusal(&self, ticket: &Ticket) -> Option<SendError<E>> {
        let mut state = lock(&self.state);
        let place = state.refused.iter().position(|(other, _)| std::ptr::eq(&raw const **other, ticket))?;
        Some(state.refused.swap_remove(place).1)
    }
}
