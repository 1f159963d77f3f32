//! When a batch is complete whatever has come.

use std::{
    pin::Pin,
    task::{Context, Poll},
    time::Instant,
};

use tokio::time::{Sleep, sleep_until};

/// A timer of tokio's, which is there while it is set.
#[derive(Debug, Default)]
pub(super) struct Alarm {
    set: Option<(Instant, Pin<Box<Sleep>>)>,
}

impl Alarm {
    /// Waits for `due`, in the place of what was said before; for ever, without a time.
    pub fn poll(&mut self, due: Option<Instant>, cx: &mut Context<'_>) -> Poll<()> {
        let Some(due) = due else {
            self.set = None;
            return Poll::Pending;
        };
        match &mut self.set {
            Some((set, _)) if *set == due => {}
            Some((set, sleep)) => {
                *set = due;
                sleep.as_mut().reset(due.into());
            }
            None => self.set = Some((due, Box::pin(sleep_until(due.into())))),
        }
        let rung = self.set.as_mut().is_some_and(|(_, sleep)| sleep.as_mut().poll(cx).is_ready());
        if rung {
            self.set = None;
            return Poll::Ready(());
        }
        Poll::Pending
    }
}
