//! One send that waits for room in one or more channels.

use std::{
    collections::VecDeque,
    ptr,
    sync::{Arc, Mutex, MutexGuard},
    task::{Context, Poll, Wake, Waker},
};

use super::{lock, note};

/// The state that a waiting send shares with the channels it waits for.
///
/// Every channel that has no room holds the item together with the ticket. A channel *claims* the ticket before it lets
/// the item in and *settles* its part afterwards; when all have settled, the sender wakes. The sender may *withdraw* as
/// long as no channel has claimed: so a cancelled send has reached none of its channels or, if one was quicker, reaches
/// all of them in time without its sender.
#[derive(Debug)]
pub struct Ticket {
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// Channels that have not settled yet, and one more until the ticket is sealed.
    open: usize,
    /// A channel has let the item in: the send can no longer be withdrawn.
    reached: bool,
    /// The channels are being asked just now: it cannot be withdrawn as long as that lasts.
    offered: bool,
    withdrawn: bool,
    /// Of who awaits the send.
    waker: Option<Waker>,
    /// Of the firing that has begun the send, and that is not over before it is.
    firing: Option<Waker>,
}

impl State {
    fn is_over(&self) -> bool {
        self.withdrawn || self.open == 0
    }

    fn settle(&mut self) -> Option<Waker> {
        self.open -= 1;
        self.done()
    }

    /// What to wake if all channels have settled.
    fn done(&mut self) -> Option<Waker> {
        if self.open > 0 {
            return None;
        }
        match (self.waker.take(), self.firing.take()) {
            (Some(waker), Some(firing)) => Some(Waker::from(Arc::new(Both(waker, firing)))),
            (waker, firing) => waker.or(firing),
        }
    }
}

/// Two that wait for the same.
struct Both(Waker, Waker);

impl Wake for Both {
    fn wake(self: Arc<Self>) {
        self.0.wake_by_ref();
        self.1.wake_by_ref();
    }
}

/// A channel's hold on a ticket: the sender cannot withdraw it until the channel knows whether it had room.
pub(super) struct Claim<'a> {
    state: MutexGuard<'a, State>,
}

impl Claim<'_> {
    /// The item is inside. Gives the waker to call, if any.
    #[must_use]
    pub fn entered(mut self) -> Option<Waker> {
        self.state.reached = true;
        self.state.settle()
    }

    /// The channel has closed before the item could enter. Gives the waker to call, if any.
    #[must_use]
    pub fn refused(mut self) -> Option<Waker> {
        self.state.settle()
    }
}

impl Ticket {
    pub(super) fn new() -> Self {
        let (reached, offered, withdrawn) = (false, false, false);
        Self { state: Mutex::new(State { open: 1, reached, offered, withdrawn, waker: None, firing: None }) }
    }

    /// One more channel holds the item.
    pub(super) fn hold(&self) {
        lock(&self.state).open += 1;
    }

    /// All channels have been asked, `reached` says whether one had room. Gives the result if no channel waits any more.
    pub(super) fn seal(&self, reached: bool) -> Option<bool> {
        let mut state = lock(&self.state);
        state.reached |= reached;
        state.offered = false;
        state.open -= 1;
        (state.open == 0).then_some(state.reached)
    }

    /// The item, which has waited for memory, is going to be offered to the channels until the ticket is
    /// [sealed](Self::seal); `false` if the sender has withdrawn it.
    pub(super) fn begin(&self) -> bool {
        let mut state = lock(&self.state);
        state.offered = !state.withdrawn;
        state.offered
    }

    /// What to wake if all channels have settled.
    pub(super) fn done(&self) -> Option<Waker> {
        lock(&self.state).done()
    }

    /// A channel is about to let the item in or to refuse it; `None` if the sender has withdrawn it.
    pub(super) fn claim(&self) -> Option<Claim<'_>> {
        let state = lock(&self.state);
        (!state.withdrawn).then_some(Claim { state })
    }

    /// Takes the send back. `false` if that is too late: a channel has let the item in, and it reaches the others, too,
    /// or all have closed.
    pub(super) fn withdraw(&self) -> bool {
        let mut state = lock(&self.state);
        state.withdrawn = !state.reached && !state.offered && state.open > 0;
        let waker = state.waker.take();
        let withdrawn = state.withdrawn;
        drop(state);
        drop(waker);
        withdrawn
    }

    /// The send was withdrawn, and no channel knows of it any more: gives what is to be woken.
    pub(super) fn gone(&self) -> Option<Waker> {
        lock(&self.state).firing.take()
    }

    /// Takes what waits under this ticket out of a line. By address and at once: of thousands that wait, each may be
    /// cancelled, and what each of them holds may be large.
    pub(super) fn remove_from<T>(&self, line: &mut VecDeque<(T, Arc<Self>)>) -> Option<(T, Arc<Self>)> {
        let place = line.iter().position(|(_, ticket)| ptr::eq(Arc::as_ptr(ticket), self))?;
        line.remove(place)
    }

    /// Waits until every channel has let the item in or closed; `false` if all have closed.
    ///
    /// Cancel-safe: polling can stop at any time; the item then still waits, see [`Outport::withdraw`].
    ///
    /// [`Outport::withdraw`]: super::Outport::withdraw
    pub fn poll(&self, cx: &mut Context<'_>) -> Poll<bool> {
        let mut state = lock(&self.state);
        if state.open == 0 {
            return Poll::Ready(state.reached);
        }
        let other = note(&mut state.waker, cx);
        drop(state);
        drop(other);
        Poll::Pending
    }

    /// Waits, besides whoever awaits the send, until the item is on its way no longer: see [`is_over`](Self::is_over).
    pub(super) fn poll_over(&self, cx: &mut Context<'_>) -> Poll<()> {
        let mut state = lock(&self.state);
        if state.is_over() {
            return Poll::Ready(());
        }
        let other = note(&mut state.firing, cx);
        drop(state);
        drop(other);
        Poll::Pending
    }

    /// Whether every channel has let the item in or closed, or the send was withdrawn.
    pub(super) fn is_over(&self) -> bool {
        lock(&self.state).is_over()
    }

    /// Whether the item has been sent (or all channels have closed before it could be) rather than withdrawn; `None` as
    /// long as it can still be withdrawn.
    pub(super) fn is_sent(&self) -> Option<bool> {
        let state = lock(&self.state);
        (state.withdrawn || state.reached || state.open == 0).then_some(!state.withdrawn)
    }

    /// The result, once all channels have settled.
    pub(super) fn outcome(&self) -> Option<bool> {
        let state = lock(&self.state);
        (state.open == 0).then_some(state.reached)
    }

    /// Whether all channels have settled.
    pub fn is_done(&self) -> bool {
        lock(&self.state).open == 0
    }
}
