//! One trigger group.

use std::{
    fmt,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Instant,
};

use cascata_shm::{
    Cycle, Gate,
    cycle::{Reader, Rise},
};

use super::{Latest, Numbers, gathering::Gathering};
use crate::{
    channel::{Inlet, Item},
    graph::Batch,
};

/// An inport as its component reads it: the initial value, then what the channel brings, item by item or in batches.
#[derive(Debug)]
pub struct Port<T: Item> {
    pub(super) inport: usize,
    pub(super) first: Option<T>,
    pub(super) inlet: Inlet<T>,
    pub(super) gathering: Option<Box<Gathering<T>>>,
    /// Who gets what it leaves when its component ends, if anybody.
    pub(super) heirs: Option<Arc<dyn Heirs<T>>>,
}

/// The other members of a group: they get the items that have come to one and that no firing of it has seen when it ends.
pub trait Heirs<T>: fmt::Debug + Send + Sync {
    /// So many items are out of the channel.
    fn received(&self, items: usize);
    /// So many of them are left after all; `false` if the others have come to the end of theirs by now.
    fn reclaim(&self, items: usize) -> bool;
    /// This is left; `None` if it could not be decoded.
    fn inherit(&self, item: Option<T>);
}

impl<T: Item> Port<T> {
    /// The component's `inport`-th inport, with its initial value if it has one.
    pub fn new(inport: usize, first: Option<T>, inlet: Inlet<T>) -> Self {
        Self { inport, first, inlet, gathering: None, heirs: None }
    }

    /// The same, whose items go to `heirs` when the component ends before it has seen them.
    #[must_use]
    pub fn leaving_to(self, heirs: Arc<dyn Heirs<T>>) -> Self {
        Self { heirs: Some(heirs), ..self }
    }

    /// Gathers the items of the channel into batches, each of which is delivered as one value. The initial value is
    /// delivered as it is.
    #[must_use]
    pub fn in_batches(self, batch: Batch) -> Self {
        let meter = self.inlet.meter().clone();
        Self { gathering: Some(Box::new(Gathering::new(batch, meter))), ..self }
    }

    fn poll_item(&mut self, cx: &mut Context<'_>) -> Poll<bool> {
        if self.first.is_some() { Poll::Ready(true) } else { self.gather(cx) }
    }

    fn take(&mut self) -> Result<Option<T>, T::Error> {
        if let Some(value) = self.first.take() {
            return Ok(Some(value));
        }
        if let Some(gathering) = &mut self.gathering {
            return gathering.take()?.map(T::list).transpose();
        }
        let taken = self.inlet.take();
        if let (Some(heirs), Ok(Some(_)) | Err(_)) = (&self.heirs, &taken) {
            heirs.received(1);
        }
        taken
    }

    fn gather(&mut self, cx: &mut Context<'_>) -> Poll<bool> {
        let Some(gathering) = &mut self.gathering else { return self.inlet.poll_item(cx) };
        let before = gathering.len();
        let polled = gathering.poll(&self.inlet, cx);
        if let (Some(heirs), items @ 1..) = (&self.heirs, gathering.len() - before) {
            heirs.received(items);
        }
        polled
    }

    fn poll_take(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<T>, T::Error>> {
        if self.first.is_none() {
            if self.gathering.is_none() && self.heirs.is_none() {
                return self.inlet.poll_take(cx);
            }
            _ = ready!(self.gather(cx));
        }
        Poll::Ready(self.take())
    }

    /// The number of what it delivers next, if that bears one.
    pub(super) fn number(&self) -> u64 {
        self.gathering.as_ref().map_or_else(|| self.inlet.first(), |gathering| gathering.number())
    }

    /// The gates before its channels, if its component belongs to a feedback loop.
    fn gates(&self) -> &[Gate] {
        self.inlet.gates()
    }

    fn has_begun_batch(&self) -> bool {
        self.gathering.as_ref().is_some_and(|gathering| gathering.has_begun())
    }

    fn close(&mut self) {
        drop(self.first.take());
        let heirs = self.heirs.take();
        if let Some(gathering) = &mut self.gathering {
            match &heirs {
                Some(heirs) if heirs.reclaim(gathering.len()) => {
                    let (items, broken) = gathering.leave();
                    items.into_iter().map(Some).chain(broken.map(|_| None)).for_each(|item| heirs.inherit(item));
                }
                _ => drop(gathering.discard()),
            }
        }
        match heirs {
            Some(heirs) => self.inlet.hand_over().into_iter().for_each(|item| heirs.inherit(item)),
            None => self.inlet.close(),
        }
    }
}

/// The zipped ports of one trigger group, as a stream of rows.
///
/// A row is taken only when every port has an item; until then items stay in their channels and count there. Those of a
/// batch do not: they are gathered while the group is polled, up to one batch. The stream ends when any port has ended. A group without channels (constants only, or no inport at all) gives one row.
#[derive(Debug)]
pub struct Inputs<T: Item> {
    ports: Vec<Port<T>>,
    /// What all inports show to a firing unless this group brings it; its length is the number of inports.
    latest: Latest<T>,
    /// Whether other firings look at what this group has taken.
    observed: bool,
    /// Whether rows are more than what this group brings.
    completed: bool,
    /// Whether any port delivers batches.
    batched: bool,
    ended: bool,
    /// The first port that had no item when it was last looked at, or none that could be decoded.
    missing: usize,
    /// What numbers the firings, if they bear numbers.
    numbers: Option<Numbers>,
    /// Its part in the feedback loop that its component belongs to, until that has ended.
    reader: Option<Reader>,
}

impl<T: Item> Inputs<T> {
    /// The group of `ports` in a component with `inports` inports. `alone` says that no other group and no passive port
    /// exists, so that nobody else looks at the values.
    pub fn new(ports: Vec<Port<T>>, inports: usize, latest: Latest<T>, alone: bool) -> Self {
        let completed = ports.len() < inports;
        let batched = ports.iter().any(|port| port.gathering.is_some());
        let (observed, ended, missing) = (!alone, false, 0);
        Self { ports, latest, observed, completed, batched, ended, missing, numbers: None, reader: None }
    }

    /// The same with firings that bear numbers.
    #[must_use]
    pub fn numbered(mut self, numbers: Numbers) -> Self {
        for port in &mut self.ports {
            if let (Some(gathering), Some(feed)) = (&mut port.gathering, numbers.feed(port.inport)) {
                gathering.number_by(feed.clone());
            }
        }
        self.numbers = Some(numbers);
        self
    }

    /// The number of the firing that runs, if it bears one.
    pub fn number(&self) -> Option<u64> {
        self.numbers.as_ref().map(Numbers::number)
    }

    /// The group with a part in the feedback loop that its component belongs to.
    #[must_use]
    pub fn in_cycle(self, cycle: Option<Cycle>) -> Self {
        Self { reader: cycle.map(Reader::new), ..self }
    }

    /// Waits for the next row and writes it into `row`, which has a place for each inport and nothing in any; `false` at
    /// the end.
    ///
    /// Cancel-safe: as long as it is pending, nothing has been taken but into batches, which stay. It is to be polled again
    /// when it is woken, and at the time that [`due`](Self::due) gives.
    ///
    /// # Errors
    /// An item could not be decoded. The whole row is lost, and what `row` holds of it is of no use.
    pub fn poll_row(&mut self, cx: &mut Context<'_>, row: &mut [Option<T>]) -> Poll<Result<bool, T::Error>> {
        if self.ended {
            return Poll::Ready(Ok(false));
        }
        // Who asks for the next row has done with the one before.
        self.numbers.iter_mut().for_each(Numbers::end);
        let Some(reader) = &mut self.reader else {
            let polled = self.poll_next(cx, row);
            if self.batched && polled.is_pending() {
                // What has gone into a batch that waits for more holds nobody up.
                self.numbers.iter().for_each(Numbers::tell);
            }
            return polled;
        };
        match reader.rise(self.ports.iter().flat_map(Port::gates)) {
            Rise::Look => {}
            Rise::Flush => _ = self.flush(),
            Rise::End => return Poll::Ready(Ok(self.end())),
        }
        loop {
            let polled = self.poll_next(cx, row);
            if polled.is_ready() || self.rest() {
                return polled;
            }
        }
    }

    /// Gives up the group's part in a feedback loop, as there is nothing for it. `false` if something has come after all.
    fn rest(&mut self) -> bool {
        let Some(reader) = &mut self.reader else { return true };
        if self.batched && self.ports.iter().filter_map(|port| port.gathering.as_deref()).any(Gathering::pauses) {
            // It has not looked at all there is.
            return true;
        }
        self.ports.iter().filter(|port| port.has_begun_batch()).flat_map(Port::gates).for_each(Gate::hold_batch);
        reader.rest(self.ports.iter().flat_map(Port::gates))
    }

    fn poll_next(&mut self, cx: &mut Context<'_>, row: &mut [Option<T>]) -> Poll<Result<bool, T::Error>> {
        if let ([port], None) = (&mut self.ports[..], &self.numbers) {
            // The common case: one look, one lock.
            match port.poll_take(cx) {
                Poll::Pending => {
                    self.missing = port.inport;
                    return Poll::Pending;
                }
                Poll::Ready(Ok(None)) => return Poll::Ready(Ok(self.end())),
                Poll::Ready(Ok(value)) => row[port.inport] = value,
                Poll::Ready(Err(error)) => {
                    self.missing = port.inport;
                    return Poll::Ready(Err(error));
                }
            }
        } else {
            for k in 0..self.ports.len() {
                match self.ports[k].poll_item(cx) {
                    Poll::Pending => {
                        self.missing = self.ports[k].inport;
                        // A later port may have ended, and then waiting for this one would be in vain.
                        let ended = self.ports[k + 1..].iter_mut().any(|port| port.poll_item(cx) == Poll::Ready(false));
                        return if ended { Poll::Ready(Ok(self.end())) } else { Poll::Pending };
                    }
                    Poll::Ready(false) => return Poll::Ready(Ok(self.end())),
                    Poll::Ready(true) => {}
                }
            }
            // Before they leave their channels: whoever looks must find them somewhere.
            self.numbers.iter_mut().for_each(|numbers| numbers.begin(&self.ports));
            self.take_row(row)?;
            self.ended = self.ports.is_empty();
        }
        if self.observed {
            for port in &self.ports {
                if let Some(value) = row[port.inport].clone() {
                    drop(self.latest.replace(port.inport, value));
                }
            }
        }
        if self.completed {
            self.latest.complete(row).map_err(|(inport, error)| {
                self.missing = inport;
                error
            })?;
        }
        Poll::Ready(Ok(true))
    }

    /// Takes one item of each port. If one cannot be decoded the others go, too, so that later ones stay in step.
    fn take_row(&mut self, row: &mut [Option<T>]) -> Result<(), T::Error> {
        let mut outcome = Ok(());
        for port in &mut self.ports {
            match port.take() {
                Ok(value) => row[port.inport] = value,
                Err(error) if outcome.is_ok() => {
                    self.missing = port.inport;
                    outcome = Err(error);
                }
                Err(_) => {}
            }
        }
        outcome
    }

    /// When a batch will be complete even if nothing more comes.
    pub fn due(&self) -> Option<Instant> {
        if self.batched { self.gatherings().filter_map(Gathering::due).min() } else { None }
    }

    /// Whether there are items in a batch that waits for more.
    pub fn has_begun_batch(&self) -> bool {
        self.batched && self.gatherings().any(Gathering::has_begun)
    }

    /// Completes the batches that wait for more. Whether there were any; then the group is to be polled again.
    pub fn flush(&mut self) -> bool {
        let gatherings = self.ports.iter_mut().filter_map(|port| port.gathering.as_mut());
        gatherings.fold(false, |begun, gathering| gathering.flush() | begun)
    }

    fn gatherings(&self) -> impl Iterator<Item = &Gathering<T>> {
        self.ports.iter().filter_map(|port| port.gathering.as_deref())
    }

    /// The inport that the group waited for when it was last polled, or whose item could not be decoded.
    pub fn missing(&self) -> usize {
        self.missing
    }

    /// Ends the group early. Its ports discard what they hold and what still comes.
    pub fn close(&mut self) {
        self.end();
    }

    /// The component has ended, as far as this group has to do with that: a feedback loop need not wait for it.
    pub fn leave(&mut self) {
        if let Some(reader) = self.reader.take() {
            reader.leave();
        }
    }

    fn end(&mut self) -> bool {
        self.ended = true;
        if let Some(reader) = &mut self.reader {
            reader.withdraw(self.ports.iter().flat_map(Port::gates));
        }
        for port in &mut self.ports {
            port.close();
        }
        false
    }
}
