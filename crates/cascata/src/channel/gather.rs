//! The results of a group, in their order: see [`order`](crate::order).

use std::{
    sync::{Arc, Mutex},
    task::{Context, Poll, Waker},
};

use cascata_shm::Gate;

use super::{Inlet, Item, Picked, lock, note};
use crate::{
    metrics::InportMeter,
    order::{Frontier, NONE, Word},
};

/// A member of a group whose results are gathered.
#[derive(Debug)]
pub struct Member<T: Item> {
    /// The channel by which they come.
    pub inlet: Inlet<T>,
    /// How far it is.
    pub frontier: Arc<Frontier>,
}

/// What an inport reads: channels, and groups in order.
#[derive(Debug)]
pub struct Gather<T: Item> {
    sources: Vec<Source<T>>,
    /// Those before the channels, if the reader belongs to a feedback loop.
    gates: Vec<Gate>,
    state: Mutex<State>,
}

#[derive(Debug)]
enum Source<T: Item> {
    Channel(Inlet<T>),
    Group(Group<T>),
}

#[derive(Debug)]
struct Group<T: Item> {
    members: Vec<Member<T>>,
    /// Set while this waits for a frontier to pass.
    watch: Word,
    /// The member that gave the last item, and the item's number: all that a firing sends comes in one go.
    last: Mutex<(usize, u64)>,
}

#[derive(Debug, Default)]
struct State {
    /// The source that has its turn: none is to wait for ever while others have items.
    turn: usize,
    /// Where the next item lies, if that is known.
    found: Option<(usize, usize)>,
    /// How often one was taken, so that who looks without the lock knows that it was not meanwhile.
    picked: u64,
    /// Who waits.
    receiver: Option<Waker>,
}

impl<T: Item> Gather<T> {
    /// What comes by `channels` and, in order, from the members of `groups`, each with a word that tells the members
    /// that somebody waits for their frontiers.
    pub fn new(channels: Vec<Inlet<T>>, groups: Vec<(Vec<Member<T>>, Word)>) -> Self {
        let channels = channels.into_iter().map(Source::Channel);
        let groups = groups
            .into_iter()
            .map(|(members, watch)| Source::Group(Group { members, watch, last: Mutex::new((0, NONE)) }));
        let (sources, state) = (channels.chain(groups).collect(), Mutex::default());
        let this = Self { sources, gates: Vec::new(), state };
        Self { gates: this.inlets().flat_map(Inlet::gates).cloned().collect(), ..this }
    }

    pub(super) fn gates(&self) -> &[Gate] {
        &self.gates
    }

    /// See [`Inlet::poll_item`].
    pub fn poll_item(&self, cx: &mut Context<'_>) -> Poll<bool> {
        loop {
            let mut state = lock(&self.state);
            if state.found.is_some() {
                return Poll::Ready(true);
            }
            let (turn, picked) = (state.turn, state.picked);
            // Before the members are told that somebody waits.
            let other = note(&mut state.receiver, cx);
            drop(state);
            drop(other);
            let Poll::Ready(found) = self.find(turn, |source| source.poll(cx)) else { return Poll::Pending };
            let mut state = lock(&self.state);
            // What was found may have been taken by another reader meanwhile.
            if state.picked == picked {
                state.found = found;
                return Poll::Ready(found.is_some());
            }
        }
    }

    /// See [`Inlet::take`].
    ///
    /// # Errors
    /// The item could not be decoded; it is lost.
    pub fn take(&self) -> Result<Option<T>, T::Error> {
        self.pick().map_or(Ok(None), Picked::open)
    }

    /// See [`Inlet::pick`].
    pub(super) fn pick(&self) -> Option<Picked<T>> {
        // To find and to take is one step, as there may be several readers.
        let mut state = lock(&self.state);
        let (index, member) = match state.found.take() {
            Some(found) => found,
            None => match self.find(state.turn, Source::peek) {
                Poll::Ready(Some(found)) => found,
                Poll::Ready(None) | Poll::Pending => return None,
            },
        };
        state.turn = index + 1;
        state.picked = state.picked.wrapping_add(1);
        match &self.sources[index] {
            Source::Channel(inlet) => inlet.pick(),
            Source::Group(group) => group.members[member].inlet.pick(),
        }
    }

    /// Where the next item lies, for one who does not wait for it.
    pub(super) fn peek(&self) -> Poll<Option<(usize, usize)>> {
        let State { turn, found, .. } = *lock(&self.state);
        if found.is_some() { Poll::Ready(found) } else { self.find(turn, Source::peek) }
    }

    /// The first source from `turn` on that has an item by the account of `look`, and which of its channels; `None` at the
    /// end of all.
    fn find(
        &self,
        turn: usize,
        mut look: impl FnMut(&Source<T>) -> Poll<Option<usize>>,
    ) -> Poll<Option<(usize, usize)>> {
        let mut ended = true;
        for index in (0..self.sources.len()).map(|step| (turn + step) % self.sources.len()) {
            match look(&self.sources[index]) {
                Poll::Ready(Some(member)) => return Poll::Ready(Some((index, member))),
                Poll::Ready(None) => {}
                Poll::Pending => ended = false,
            }
        }
        if ended { Poll::Ready(None) } else { Poll::Pending }
    }

    fn inlets(&self) -> impl Iterator<Item = &Inlet<T>> {
        self.sources.iter().flat_map(|source| match source {
            Source::Channel(inlet) => vec![inlet],
            Source::Group(group) => group.members.iter().map(|member| &member.inlet).collect(),
        })
    }

    /// What counts the items of all of them.
    pub(super) fn meter(&self) -> &InportMeter {
        match &self.sources[0] {
            Source::Channel(inlet) => inlet.meter(),
            Source::Group(group) => group.members[0].inlet.meter(),
        }
    }

    pub(super) fn pushed(&self) -> u64 {
        self.inlets().map(Inlet::pushed).sum()
    }

    /// See [`Inlet::fill`].
    pub fn fill(&self) -> usize {
        self.inlets().map(Inlet::fill).sum()
    }

    /// A member that was waited for has passed: the receiver looks again.
    pub fn on_bell(&self) {
        let receiver = lock(&self.state).receiver.clone();
        receiver.into_iter().for_each(Waker::wake);
    }

    /// See [`Inlet::close`].
    pub fn close(&self) {
        let mut state = lock(&self.state);
        state.found = None;
        let receiver = state.receiver.take();
        drop(state);
        drop(receiver);
        self.inlets().for_each(Inlet::close);
    }
}

impl<T: Item> Source<T> {
    /// Which of its channels has the next item; `None` at the end of all of them.
    fn poll(&self, cx: &mut Context<'_>) -> Poll<Option<usize>> {
        match self {
            Self::Channel(inlet) => inlet.poll_item(cx).map(|item| item.then_some(0)),
            Self::Group(group) => group.poll(cx),
        }
    }

    /// The same for one who does not wait.
    fn peek(&self) -> Poll<Option<usize>> {
        match self {
            Self::Channel(inlet) => inlet.peek().map(|item| item.then_some(0)),
            Self::Group(group) => group.next(Inlet::peek).map(|found| found.map(|(member, _)| member)),
        }
    }
}

impl<T: Item> Group<T> {
    fn poll(&self, cx: &mut Context<'_>) -> Poll<Option<usize>> {
        let (last, number) = *lock(&self.last);
        if number != NONE && self.members[last].inlet.first() == number {
            return Poll::Ready(Some(last));
        }
        let mut found = self.next(|inlet| inlet.poll_item(cx));
        if found.is_pending() {
            // Members that pass after this note wake this one; those that have passed before it are seen now. It stays
            // there even if there is something now: another reader may wait who has made the same note.
            self.watch.set(1);
            found = self.next(|inlet| inlet.poll_item(cx));
        }
        if let Poll::Ready(Some(first)) = found {
            // The number that was compared: another reader may have taken that item by now.
            *lock(&self.last) = first;
        }
        found.map(|found| found.map(|(member, _)| member))
    }

    /// The member with the lowest number, and that number, if no other one may still send a lower one.
    fn next(&self, mut look: impl FnMut(&Inlet<T>) -> Poll<bool>) -> Poll<Option<(usize, u64)>> {
        let mut lowest: Option<(u64, usize, bool)> = None;
        for (index, Member { inlet, frontier }) in self.members.iter().enumerate() {
            let mut item = look(inlet);
            let mut bound = NONE;
            if item.is_pending() {
                // What it has sent below its frontier is in the channel by now.
                bound = frontier.bound();
                item = look(inlet);
            }
            let (number, there) = match item {
                Poll::Ready(true) => (inlet.first(), true),
                Poll::Ready(false) => continue,
                Poll::Pending => (bound, false),
            };
            if lowest.is_none_or(|(other, ..)| number < other) {
                lowest = Some((number, index, there));
            }
        }
        match lowest {
            Some((number, index, true)) => Poll::Ready(Some((index, number))),
            Some(_) => Poll::Pending,
            None => Poll::Ready(None),
        }
    }
}
