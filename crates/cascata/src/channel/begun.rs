//! The sends that a firing has begun and that still wait.

use std::{
    mem,
    sync::{Arc, Mutex},
    task::{Context, Poll},
};

use super::{Ticket, lock};

/// Up to so many, those that have ended are not looked for.
const FEW: usize = 16;

/// Where results keep an order, a firing is not over as long as something that it has sent is on the way to a channel,
/// whether or not anybody awaits it: what has the next number must not come first.
#[derive(Debug, Default)]
pub(super) struct Begun {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    sends: Vec<Arc<Ticket>>,
    /// How many there may be before those that have ended are thrown out: twice what was left the last time.
    limit: usize,
}

impl Begun {
    /// A send has begun, and waits.
    pub fn add(&self, ticket: &Arc<Ticket>) {
        let mut state = lock(&self.state);
        let mut over = Vec::new();
        if state.sends.len() >= state.limit {
            (over, state.sends) = mem::take(&mut state.sends).into_iter().partition(|ticket| ticket.is_over());
            state.limit = FEW.max(2 * state.sends.len());
        }
        state.sends.push(ticket.clone());
        drop(state);
        drop(over);
    }

    /// Waits until all of them are over: their items have entered, or were withdrawn.
    pub fn poll_over(&self, cx: &mut Context<'_>) -> Poll<()> {
        // One after the other: each is looked at once.
        loop {
            let last = lock(&self.state).sends.pop();
            let Some(ticket) = last else { return Poll::Ready(()) };
            if ticket.poll_over(cx).is_pending() {
                lock(&self.state).sends.push(ticket);
                return Poll::Pending;
            }
        }
    }
}
