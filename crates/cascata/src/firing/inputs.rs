//! One trigger group.

use std::task::{Context, Poll};

use cascata_shm::{
    Cycle, Gate,
    cycle::{Reader, Rise},
};

use super::Latest;
use crate::channel::{Inlet, Item};

/// An inport as its component reads it: the initial value, then what the channel brings.
#[derive(Debug)]
pub struct Port<T: Item> {
    pub(super) inport: usize,
    pub(super) first: Option<T>,
    pub(super) inlet: Inlet<T>,
}

impl<T: Item> Port<T> {
    /// The component's `inport`-th inport, with its initial value if it has one.
    pub fn new(inport: usize, first: Option<T>, inlet: Inlet<T>) -> Self {
        Self { inport, first, inlet }
    }

    fn poll_item(&self, cx: &mut Context<'_>) -> Poll<bool> {
        if self.first.is_some() { Poll::Ready(true) } else { self.inlet.poll_item(cx) }
    }

    fn take(&mut self) -> Result<Option<T>, T::Error> {
        match self.first.take() {
            Some(value) => Ok(Some(value)),
            None => self.inlet.take(),
        }
    }

    fn poll_take(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<T>, T::Error>> {
        match self.first.take() {
            Some(value) => Poll::Ready(Ok(Some(value))),
            None => self.inlet.poll_take(cx),
        }
    }

    /// Whether items lie here that would be a batch if nothing more came.
    fn holds_incomplete(&self) -> bool {
        false
    }

    /// Makes what lies here a batch, as nothing more may come.
    fn flush(&mut self) {}

    fn close(&mut self) {
        drop(self.first.take());
        self.inlet.close();
    }
}

/// The gates before those of `ports` that belong to a feedback loop.
fn gates<'a, T: Item>(
    ports: impl IntoIterator<Item = &'a Port<T>, IntoIter: Clone>,
) -> impl Iterator<Item = &'a Gate> + Clone {
    ports.into_iter().filter_map(|port| port.inlet.gate())
}

/// The zipped ports of one trigger group, as a stream of rows.
///
/// A row is taken only when every port has an item; until then items stay in their channels and count there. The stream
/// ends when any port has ended. A group without channels (constants only, or no inport at all) gives one row.
#[derive(Debug)]
pub struct Inputs<T: Item> {
    ports: Vec<Port<T>>,
    /// What all inports show to a firing unless this group brings it; its length is the number of inports.
    latest: Latest<T>,
    /// Whether other firings look at what this group has taken.
    observed: bool,
    /// Whether rows are more than what this group brings.
    completed: bool,
    ended: bool,
    /// The first port that had no item when it was last looked at, or none that could be decoded.
    missing: usize,
    /// Its part in the feedback loop that its component belongs to, until that has ended.
    reader: Option<Reader>,
}

impl<T: Item> Inputs<T> {
    /// The group of `ports` in a component with `inports` inports. `alone` says that no other group and no passive port
    /// exists, so that nobody else looks at the values.
    pub fn new(ports: Vec<Port<T>>, inports: usize, latest: Latest<T>, alone: bool) -> Self {
        let completed = ports.len() < inports;
        Self { ports, latest, observed: !alone, completed, ended: false, missing: 0, reader: None }
    }

    /// The group with a part in the feedback loop that its component belongs to.
    #[must_use]
    pub fn in_cycle(self, cycle: Option<Cycle>) -> Self {
        Self { reader: cycle.map(Reader::new), ..self }
    }

    /// Waits for the next row and writes it into `row`, which has a place for each inport and nothing in any; `false` at
    /// the end.
    ///
    /// Cancel-safe: as long as it is pending, nothing has been taken.
    ///
    /// # Errors
    /// An item could not be decoded. The whole row is lost, and what `row` holds of it is of no use.
    pub fn poll_row(&mut self, cx: &mut Context<'_>, row: &mut [Option<T>]) -> Poll<Result<bool, T::Error>> {
        if self.ended {
            return Poll::Ready(Ok(false));
        }
        if let Some(reader) = &mut self.reader {
            match reader.rise(gates(&self.ports)) {
                Rise::Look => {}
                Rise::Flush => self.ports.iter_mut().for_each(Port::flush),
                Rise::End => return Poll::Ready(Ok(self.end())),
            }
        }
        let polled = self.poll_next(cx, row);
        if let (Some(reader), Poll::Pending) = (&mut self.reader, &polled) {
            gates(self.ports.iter().filter(|port| port.holds_incomplete())).for_each(Gate::hold_batch);
            reader.rest();
        }
        polled
    }

    fn poll_next(&mut self, cx: &mut Context<'_>, row: &mut [Option<T>]) -> Poll<Result<bool, T::Error>> {
        if let [port] = &mut self.ports[..] {
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
                        let ended = self.ports[k + 1..].iter().any(|port| port.poll_item(cx) == Poll::Ready(false));
                        return if ended { Poll::Ready(Ok(self.end())) } else { Poll::Pending };
                    }
                    Poll::Ready(false) => return Poll::Ready(Ok(self.end())),
                    Poll::Ready(true) => {}
                }
            }
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
            reader.withdraw(gates(&self.ports));
        }
        for port in &mut self.ports {
            port.close();
        }
        false
    }
}
