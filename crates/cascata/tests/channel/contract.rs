//! What every channel promises, see [`cascata::channel`].

use std::{
    sync::Arc,
    task::{Context, Poll, Wake, Waker},
};

use cascata::channel::{SendError, Sent, Ticket};

use crate::{
    arrangement::{Arrangement, for_every_arrangement},
    rig::{LARGEST, Rig},
    token::{Fault, Nature},
    wakes::{Party, Watchdog},
};

for_every_arrangement!(
    exactly_its_capacity_fits,
    without_bound_nobody_waits_for_the_receiver,
    items_keep_the_order_of_their_sender,
    a_waiting_send_is_served_in_order_and_never_overtaken,
    it_ends_when_all_have_left_and_it_is_empty_and_nothing_waits,
    a_closed_channel_discards_and_says_so,
    closing_twice_changes_nothing,
    a_send_that_is_taken_back_never_arrives,
    a_send_that_is_taken_back_makes_way,
    a_send_that_is_dropped_still_arrives,
    a_publisher_that_leaves_behind_a_withdrawn_send_has_left,
    a_receiver_that_waits_is_woken,
    a_sender_that_waits_is_woken,
    nobody_keeps_the_waker_of_a_closed_channel,
    no_lock_is_held_when_a_waker_is_dropped,
    items_of_any_size_pass,
    what_is_too_large_is_refused,
    what_cannot_be_encoded_or_decoded_harms_nobody_else,
    the_counters_balance,
    a_send_that_is_taken_back_while_its_channel_closes_counts_nowhere,
    nothing_grows_but_with_what_is_inside,
);

fn exactly_its_capacity_fits(arrangement: Arrangement) {
    for capacity in [1, 2, 3, 10, 1000] {
        let rig = arrangement.rig(Some(capacity));
        for id in 0..capacity {
            assert!(rig.send(id % 2, id as u64));
            rig.settle();
        }
        let ticket = rig.send_waiting(0, capacity as u64);
        rig.settle();
        assert_eq!((rig.fill(0), ticket.is_done()), (capacity, false));
        assert_eq!(rig.take(0), Some(0));
        rig.settle();
        assert_eq!((rig.fill(0), ticket.is_done()), (capacity, true));
        rig.send_waiting(1, 0);
        assert_eq!(rig.take_all(0).len(), capacity + 1);
        rig.dispose();
    }
}

fn without_bound_nobody_waits_for_the_receiver(arrangement: Arrangement) {
    let rig = arrangement.rig(None);
    let sent = 0..500;
    for id in sent.clone() {
        match rig.outports[1].send(rig.token(id)) {
            Ok(Sent::Now(true)) => {}
            // The ring is full, but not for long, and although the receiver has not looked even once.
            Ok(Sent::Waits(ticket)) => {
                rig.settle();
                assert!(ticket.is_done());
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(rig.take_all(0), sent.collect::<Vec<_>>());
    rig.dispose();
}

fn items_keep_the_order_of_their_sender(arrangement: Arrangement) {
    for capacity in [Some(1), Some(4), Some(1000), None] {
        let rig = arrangement.rig(capacity);
        let mut taken = Vec::new();
        for id in 0..300 {
            // Even ids from the first sender, odd ones from the second; most of them wait.
            rig.outports[(id % 2) as usize].send(rig.token(id)).unwrap();
            if id % 7 == 0 {
                rig.settle();
                taken.extend(rig.take(0));
            }
        }
        taken.extend(rig.take_all(0));
        for sender in 0..2 {
            let own: Vec<_> = taken.iter().copied().filter(|id| id % 2 == sender).collect();
            assert_eq!(own, (0..300).filter(|id| id % 2 == sender).collect::<Vec<_>>());
        }
        rig.dispose();
    }
}

fn a_waiting_send_is_served_in_order_and_never_overtaken(arrangement: Arrangement) {
    let rig = arrangement.rig(Some(2));
    let first = arrangement.senders()[0];
    // A worker's sends wait in one line; where the other sender is elsewhere it stays out.
    let other = usize::from(arrangement.senders()[1] == first);
    rig.send(0, 0);
    rig.send(0, 1);
    let tickets = [rig.send_waiting(0, 2), rig.send_waiting(other, 3), rig.send_waiting(0, 4)];
    for taken in 0..3 {
        assert_eq!(rig.take(0), Some(taken));
        // Room may be there and its sender not know it yet: a new send queues all the same.
        rig.send_waiting(other, 5 + taken);
        rig.settle();
        let done: Vec<_> = tickets.iter().map(|ticket| ticket.is_done()).collect();
        assert_eq!(done, [true, taken > 0, taken > 1]);
    }
    assert_eq!(rig.take_all(0), [3, 4, 5, 6, 7]);
    rig.dispose();
}

fn it_ends_when_all_have_left_and_it_is_empty_and_nothing_waits(arrangement: Arrangement) {
    let rig = arrangement.rig(Some(1));
    let party = Party::new();
    rig.send(0, 0);
    rig.send_waiting(0, 1);
    rig.outports[0].close();
    rig.send_waiting(1, 2);
    rig.outports[1].close();
    for id in 0..3 {
        rig.settle();
        assert_eq!(party.poll(|cx| rig.inlets[0].poll_item(cx)), Poll::Ready(true));
        assert_eq!(rig.take(0), Some(id));
    }
    rig.settle();
    assert_eq!(party.poll(|cx| rig.inlets[0].poll_item(cx)), Poll::Ready(false));
    assert!(matches!(party.poll(|cx| rig.inlets[0].poll_take(cx)), Poll::Ready(Ok(None))));
    assert_eq!(rig.take(0), None);
    assert!(matches!(rig.outports[0].send(rig.token(0)), Err(SendError::Ended)));
    rig.dispose();
}

fn a_closed_channel_discards_and_says_so(arrangement: Arrangement) {
    for capacity in [Some(2), None] {
        let rig = arrangement.rig(capacity);
        rig.send(0, 0);
        rig.send(1, 1);
        let tickets: Vec<_> = match capacity {
            Some(_) => vec![rig.send_waiting(0, 2), rig.send_waiting(1, 3)],
            None => Vec::new(),
        };
        let parties: Vec<_> = tickets.iter().map(|_| Party::new()).collect();
        for (party, ticket) in parties.iter().zip(&tickets) {
            assert_eq!(party.poll(|cx| ticket.poll(cx)), Poll::Pending);
        }
        rig.inlets[0].close();
        rig.settle();
        assert_eq!(rig.census.alive(), 0);
        for (party, ticket) in parties.iter().zip(&tickets) {
            assert!(!party.sleeps());
            assert_eq!(party.poll(|cx| ticket.poll(cx)), Poll::Ready(false));
        }
        assert!(!rig.send(0, 4) && !rig.send(1, 5));
        assert_eq!((rig.census.alive(), rig.fill(0), rig.take(0)), (0, 0, None));
        assert_eq!(Party::new().poll(|cx| rig.inlets[0].poll_item(cx)), Poll::Ready(false));
        assert_eq!(rig.received(0), (0, 4 + tickets.len() as u64));
        rig.dispose();
    }
}

fn closing_twice_changes_nothing(arrangement: Arrangement) {
    let rig = arrangement.rig(Some(2));
    rig.send(0, 0);
    for _ in 0..3 {
        rig.inlets[0].close();
        rig.outports[0].close();
        rig.settle();
        assert_eq!(rig.received(0), (0, 1));
    }
    assert!(!rig.send(1, 1));
    rig.dispose();
}

fn a_send_that_is_taken_back_never_arrives(arrangement: Arrangement) {
    let rig = arrangement.rig(Some(1));
    rig.send(0, 0);
    let alive = rig.census.alive();
    let tickets = [rig.send_waiting(0, 1), rig.send_waiting(0, 2), rig.send_waiting(0, 3)];
    assert!(rig.outports[0].withdraw(&tickets[1]));
    assert!(rig.outports[0].withdraw(&tickets[0]));
    assert_eq!(rig.take_all(0), [0, 3]);
    assert!(!rig.outports[0].withdraw(&tickets[2]), "it has arrived");
    assert_eq!(rig.sent(0), 2);
    // Many of them leave nothing behind, not even in an arena with room for a hundred.
    rig.send(0, 4);
    for id in 0..1000 {
        let item = rig.census.make(id, Nature::Plain, LARGEST / 100);
        let Ok(Sent::Waits(ticket)) = rig.outports[0].send(item) else { panic!("there is no room") };
        assert!(rig.outports[0].withdraw(&ticket));
        assert_eq!(rig.census.alive(), alive);
    }
    assert_eq!(rig.take_all(0), [4]);
    rig.dispose();
}

fn a_send_that_is_taken_back_makes_way(arrangement: Arrangement) {
    let rig = arrangement.rig(Some(1));
    rig.send(0, 0);
    let first = rig.send_waiting(0, 1);
    let second = rig.send_waiting(0, 2);
    assert_eq!(rig.take(0), Some(0));
    // Room was made; before its sender hears of it, that one is gone.
    if !rig.outports[0].withdraw(&first) {
        assert_eq!(arrangement, Arrangement::Local, "a local channel lets it in at once");
        assert_eq!(rig.take(0), Some(1));
    }
    rig.settle();
    assert!(second.is_done());
    assert_eq!(rig.take_all(0), [2]);
    rig.dispose();
}

fn a_send_that_is_dropped_still_arrives(arrangement: Arrangement) {
    let rig = arrangement.rig(Some(1));
    rig.send(1, 0);
    drop(rig.send_waiting(1, 1));
    rig.outports[1].close();
    assert_eq!(rig.take_all(0), [0, 1]);
    rig.dispose();
}

fn a_publisher_that_leaves_behind_a_withdrawn_send_has_left(arrangement: Arrangement) {
    let rig = arrangement.rig(Some(1));
    rig.outports[0].close();
    rig.send(1, 0);
    let ticket = rig.send_waiting(1, 1);
    rig.outports[1].close();
    assert!(rig.outports[1].withdraw(&ticket));
    assert_eq!(rig.take(0), Some(0));
    let party = Party::new();
    assert_eq!(party.poll(|cx| rig.inlets[0].poll_item(cx)), Poll::Ready(false));
    rig.dispose();
}

/// A receiver that waits.
fn waiting(rig: &Rig) -> Party {
    let party = Party::new();
    assert_eq!(party.poll(|cx| rig.inlets[0].poll_item(cx)), Poll::Pending);
    rig.settle();
    assert!(party.sleeps());
    party
}

fn a_receiver_that_waits_is_woken(arrangement: Arrangement) {
    for capacity in [Some(1), None] {
        let rig = arrangement.rig(capacity);
        for sender in [0, 1] {
            let earlier = waiting(&rig);
            let party = waiting(&rig);
            rig.send(sender, 0);
            rig.settle();
            assert!(!party.sleeps() && earlier.sleeps(), "the one that asked last is woken");
            assert_eq!(rig.take_all(0), [0]);
        }
        let party = waiting(&rig);
        rig.outports[0].close();
        rig.settle();
        assert!(party.sleeps());
        rig.outports[1].close();
        rig.settle();
        assert!(!party.sleeps());
        rig.dispose();
    }
}

fn a_sender_that_waits_is_woken(arrangement: Arrangement) {
    let rig = arrangement.rig(Some(1));
    rig.send(0, 0);
    let (earlier, party) = (Party::new(), Party::new());
    for sender in [1, 0] {
        let ticket = rig.send_waiting(sender, 1);
        assert_eq!(earlier.poll(|cx| ticket.poll(cx)), Poll::Pending);
        assert_eq!(party.poll(|cx| ticket.poll(cx)), Poll::Pending);
        rig.settle();
        assert!(party.sleeps());
        assert!(rig.take(0).is_some());
        rig.settle();
        assert!(!party.sleeps() && earlier.sleeps());
        assert_eq!(party.poll(|cx| ticket.poll(cx)), Poll::Ready(true));
    }
    rig.dispose();
}

fn nobody_keeps_the_waker_of_a_closed_channel(arrangement: Arrangement) {
    let rig = arrangement.rig(Some(1));
    let receiver = waiting(&rig);
    rig.send(0, 0);
    let sender = Party::new();
    let ticket = rig.send_waiting(0, 1);
    assert_eq!(sender.poll(|cx| ticket.poll(cx)), Poll::Pending);
    assert!(sender.is_known());
    rig.inlets[0].close();
    rig.settle();
    assert!(!sender.is_known() && !receiver.is_known());
    rig.dispose();
}

/// A task whose end looks at the channel: what its last waker owns may do anything.
struct Owner(Arc<Rig>, Arc<Ticket>);

impl Wake for Owner {
    fn wake(self: Arc<Self>) {}
}

impl Drop for Owner {
    fn drop(&mut self) {
        assert_eq!(self.0.take(0), None);
        assert!(!self.1.is_done());
    }
}

fn no_lock_is_held_when_a_waker_is_dropped(arrangement: Arrangement) {
    let _watchdog = Watchdog::new();
    let rig = Arc::new(arrangement.rig_of(&[Some(1), Some(1)]));
    rig.send(0, 0);
    let ticket = rig.send_waiting(0, 1);
    assert_eq!(rig.take_all(0), [0, 1]);
    let owner = || Waker::from(Arc::new(Owner(rig.clone(), ticket.clone())));
    for _ in 0..2 {
        assert_eq!(ticket.poll(&mut Context::from_waker(&owner())), Poll::Pending);
        assert_eq!(rig.inlets[0].poll_item(&mut Context::from_waker(&owner())), Poll::Pending);
    }
    let take = rig.inlets[0].poll_take(&mut Context::from_waker(&owner()));
    assert!(take.is_pending());
    rig.inlets[0].close();
    let party = Party::new();
    assert_eq!(party.poll(|cx| ticket.poll(cx)), Poll::Pending);
    assert_eq!(rig.take_all(1), [0, 1]);
    assert!(!party.sleeps());
}

fn items_of_any_size_pass(arrangement: Arrangement) {
    let rig = arrangement.rig(Some(1));
    // Around the limit of a slot, a page, a slab.
    for size in [0, 119, 120, 121, 128, 4095, 4096, 4097, 16_320, 16_321, 100_000, 1_000_000] {
        for sender in 0..2 {
            for _ in 0..5 {
                let item = rig.census.make(size as u64, Nature::Plain, size);
                assert!(matches!(rig.outports[sender].send(item), Ok(Sent::Now(true))), "{size}");
                assert_eq!(rig.take(0), Some(size as u64));
            }
        }
    }
}

fn what_is_too_large_is_refused(arrangement: Arrangement) {
    let rig = arrangement.rig(Some(2));
    for sender in 0..2 {
        let outcome = rig.outports[sender].send(rig.census.make(6, Nature::Plain, LARGEST + 1));
        if arrangement.senders()[sender] == 0 {
            assert!(matches!(outcome, Ok(Sent::Now(true))), "inside a process nothing is too large");
            assert_eq!(rig.take_all(0), [6]);
        } else {
            assert!(matches!(outcome, Err(SendError::TooLarge(size)) if size == LARGEST + 1));
            assert_eq!((rig.sent(sender), rig.entered(0), rig.census.alive()), (0, rig.received(0).0, 0));
        }
        assert!(rig.send(sender, 8), "and the next one passes");
        assert_eq!(rig.take_all(0), [8]);
    }
    rig.dispose();
}

fn what_cannot_be_encoded_or_decoded_harms_nobody_else(arrangement: Arrangement) {
    let rig = arrangement.rig(Some(3));
    let mut expected = vec![Ok(1), Ok(2), Ok(3)];
    rig.send(1, 1);
    let unencodable = rig.outports[1].send(rig.census.make(9, Nature::Unencodable, 0));
    if arrangement.senders()[1] == 0 {
        assert!(matches!(unencodable, Ok(Sent::Now(true))), "inside a process nothing is encoded");
        expected.insert(1, Ok(9));
    } else {
        assert!(matches!(unencodable, Err(SendError::Encode(Fault::Unencodable))));
    }
    rig.outports[1].send(rig.census.make(2, Nature::Undecodable, 20_000)).unwrap();
    if arrangement.senders()[1] != 0 {
        expected[1] = Err(Fault::Undecodable(2));
    }
    rig.outports[1].send(rig.token(3)).unwrap();
    let party = Party::new();
    for expected in &expected {
        rig.settle();
        let Poll::Ready(item) = party.poll(|cx| rig.inlets[0].poll_take(cx)) else { panic!("there is an item") };
        assert_eq!(&item.map(|token| token.unwrap().id), expected);
    }
    assert_eq!((rig.sent(1), rig.received(0)), (expected.len() as u64, (expected.len() as u64, 0)));
    rig.dispose();
}

fn the_counters_balance(arrangement: Arrangement) {
    let rig = arrangement.rig(Some(5));
    for id in 0..8 {
        rig.outports[(id % 2) as usize].send(rig.token(id)).unwrap();
    }
    rig.settle();
    assert_eq!((rig.sent(0) + rig.sent(1), rig.entered(0), rig.fill(0)), (8, 5, 5));
    rig.take(0);
    rig.take(0);
    rig.settle();
    assert_eq!((rig.entered(0), rig.received(0), rig.fill(0)), (7, (2, 0), 5));
    rig.inlets[0].close();
    rig.settle();
    rig.send(0, 8);
    assert_eq!((rig.sent(0) + rig.sent(1), rig.received(0), rig.fill(0)), (9, (2, 7), 0));
    rig.dispose();
}

fn nothing_grows_but_with_what_is_inside(arrangement: Arrangement) {
    for capacity in [Some(3), None] {
        let rig = arrangement.rig(capacity);
        let mut kept = Vec::new();
        for id in 10..90 {
            for _ in 0..3 {
                rig.outports[0].send(rig.token(id)).unwrap();
                rig.outports[1].send(rig.token(id)).unwrap();
            }
            assert_eq!(rig.take_all(0).len(), 6);
            // All that the ends hold, as they say themselves.
            kept.push(format!("{:?}", rig.ends[0]).len());
        }
        assert!(kept[79] < kept[9] + 10, "{kept:?}");
        rig.dispose();
    }
}

/// Closes the channel when a send lets go of the waker: amid its being taken back.
struct Closer(Arc<Rig>);

impl Wake for Closer {
    fn wake(self: Arc<Self>) {}
}

impl Drop for Closer {
    fn drop(&mut self) {
        self.0.inlets[0].close();
    }
}

fn a_send_that_is_taken_back_while_its_channel_closes_counts_nowhere(arrangement: Arrangement) {
    for sender in 0..2 {
        let rig = Arc::new(arrangement.rig(Some(1)));
        rig.send(sender, 0);
        let ticket = rig.send_waiting(sender, 1);
        let closer = Waker::from(Arc::new(Closer(rig.clone())));
        assert_eq!(ticket.poll(&mut Context::from_waker(&closer)), Poll::Pending);
        drop(closer);
        assert!(rig.outports[sender].withdraw(&ticket));
        rig.settle();
        assert_eq!((rig.sent(sender), rig.received(0), rig.census.alive()), (1, (0, 1), 0));
    }
}
