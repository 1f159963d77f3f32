//! The thread by which other processes reach those who wait in this one.
//!
//! It runs as long as somebody waits, or memory is kept that others might want, and a moment longer. While it sleeps it
//! keeps nothing but its bell, so that an endpoint which nobody needs any more can end.

use std::{
    io,
    sync::Arc,
    time::{Duration, Instant},
};

use super::Endpoint;
use crate::servant;

/// How often it looks for processes that have died, and for hints that have not been followed.
const PAUSE: Duration = Duration::from_millis(200);
/// How often it looks whether there is memory, of which nobody tells.
const SHORT_PAUSE: Duration = Duration::from_millis(20);
/// How often it looks for those who wait but cannot be woken any more.
const PRUNING: Duration = Duration::from_secs(1);
/// How long it stays when nobody waits.
const REST: Duration = Duration::from_millis(600);
pub(super) fn start(endpoint: &Arc<Endpoint>) -> io::Result<()> {
    // Nothing else, as what this thread keeps a process that is forked off would keep for ever.
    let bell = endpoint.queue.members.bell(endpoint.number)?;
    let endpoint = Arc::downgrade(endpoint);
    servant::start("channel-watch", move || {
        let (mut buried, mut pruned, mut waited) = (Instant::now(), Instant::now(), Instant::now());
        loop {
            let seen = bell.seen();
            let Some(endpoint) = endpoint.upgrade() else { return };
            let is_time = is_over(&mut buried, PAUSE);
            let look = endpoint.look(is_time);
            if look.waits {
                waited = Instant::now();
            }
            if is_over(&mut pruned, PRUNING) {
                endpoint.prune();
            }
            if endpoint.dismiss(waited.elapsed() > REST) {
                return;
            }
            drop(endpoint);
            bell.sleep(seen, if look.starves { SHORT_PAUSE } else { PAUSE });
        }
    })
}

/// Whether so much time has passed since then; if so, it is counted anew.
fn is_over(since: &mut Instant, time: Duration) -> bool {
    let over = since.elapsed() >= time;
    if over {
        *since = Instant::now();
    }
    over
}
