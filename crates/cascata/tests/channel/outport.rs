//! A send to several channels, to none, and past a collector.

use std::{
    sync::{Arc, Mutex},
    task::Poll,
};

use cascata::{
    channel::{Collector, Outport, SendError, Sent},
    metrics::{MeterLayout, OutportMeter},
};
use cascata_shm::{Region, Words};

use crate::{
    arrangement::{Arrangement, for_every_arrangement},
    rig::{Channel, Ends, Rig, Sender, Spec},
    token::{Census, Fault, Nature, Token},
    wakes::Party,
};

for_every_arrangement!(
    a_send_is_over_when_all_channels_have_it,
    a_send_that_reached_one_channel_reaches_all,
    a_send_that_reached_none_can_be_taken_back_from_all,
    what_a_claim_decided_stands,
    a_send_is_over_when_those_that_wait_have_closed,
    each_channel_has_its_own_pace,
);

/// The second sender's place is the one that differs most: the first is with the receiver more often.
const SENDER: usize = 1;

fn a_send_is_over_when_all_channels_have_it(arrangement: Arrangement) {
    let rig = arrangement.rig_of(&[Some(1), Some(1), Some(2)]);
    assert!(rig.send(SENDER, 0));
    let ticket = rig.send_waiting(SENDER, 1);
    let party = Party::new();
    assert_eq!(party.poll(|cx| ticket.poll(cx)), Poll::Pending);
    assert_eq!((0..3).map(|channel| rig.fill(channel)).collect::<Vec<_>>(), [1, 1, 2]);
    assert_eq!(rig.take_all(0), [0, 1]);
    assert!(party.sleeps() && !ticket.is_done());
    assert_eq!(rig.take_all(1), [0, 1]);
    assert!(!party.sleeps());
    assert_eq!(party.poll(|cx| ticket.poll(cx)), Poll::Ready(true));
    assert_eq!((rig.take_all(2), rig.sent(SENDER)), (vec![0, 1], 2));
    rig.dispose();
}

fn a_send_that_reached_one_channel_reaches_all(arrangement: Arrangement) {
    for with_room in 0..3 {
        let capacities = [0, 1, 2].map(|channel| Some(1 + usize::from(channel == with_room)));
        let rig = arrangement.rig_of(&capacities);
        rig.send(SENDER, 0);
        let ticket = rig.send_waiting(SENDER, 1);
        assert!(!rig.outports[SENDER].withdraw(&ticket), "channel {with_room} has it");
        for channel in 0..3 {
            assert_eq!(rig.take_all(channel), [0, 1]);
        }
        rig.dispose();
    }
}

fn a_send_that_reached_none_can_be_taken_back_from_all(arrangement: Arrangement) {
    let rig = arrangement.rig_of(&[Some(1), Some(1), Some(1)]);
    rig.send(SENDER, 0);
    let alive = rig.census.alive();
    let large = rig.outports[SENDER].send(rig.census.make(1, Nature::Plain, 100_000));
    let Ok(Sent::Waits(ticket)) = large else { panic!("there is no room") };
    let party = Party::new();
    assert_eq!(party.poll(|cx| ticket.poll(cx)), Poll::Pending);
    rig.send_waiting(SENDER, 2);
    assert!(rig.outports[SENDER].withdraw(&ticket));
    assert!(!party.is_known(), "nobody is woken for what was taken back");
    rig.outports[SENDER].close();
    for channel in 0..3 {
        assert_eq!(rig.take_all(channel), [0, 2]);
    }
    assert!(alive <= 3 && rig.census.alive() == 0);
    assert_eq!(rig.sent(SENDER), 2);
    rig.dispose();
}

fn what_a_claim_decided_stands(arrangement: Arrangement) {
    let rig = arrangement.rig_of(&[Some(1), Some(1), Some(1)]);
    rig.send(SENDER, 0);
    let ticket = rig.send_waiting(SENDER, 1);
    rig.take(1);
    rig.settle();
    assert!(!rig.outports[SENDER].withdraw(&ticket), "channel 1 has let it in");
    assert_eq!((rig.take_all(0), rig.take_all(1), rig.take_all(2)), (vec![0, 1], vec![1], vec![0, 1]));
    assert!(ticket.is_done());
    rig.dispose();
}

fn a_send_is_over_when_those_that_wait_have_closed(arrangement: Arrangement) {
    let rig = arrangement.rig_of(&[Some(1), Some(1), Some(1)]);
    rig.send(SENDER, 0);
    let ticket = rig.send_waiting(SENDER, 1);
    rig.inlets[0].close();
    rig.inlets[1].close();
    rig.settle();
    assert!(!ticket.is_done());
    rig.inlets[2].close();
    rig.settle();
    assert_eq!(Party::new().poll(|cx| ticket.poll(cx)), Poll::Ready(false));
    assert!(!rig.outports[SENDER].withdraw(&ticket), "it is over");
    assert_eq!((rig.sent(SENDER), rig.received(0), rig.received(2)), (2, (0, 2), (0, 2)));

    let rig = arrangement.rig_of(&[Some(1), Some(1)]);
    rig.send(SENDER, 0);
    let ticket = rig.send_waiting(SENDER, 1);
    rig.inlets[0].close();
    rig.take(1);
    rig.settle();
    assert_eq!(Party::new().poll(|cx| ticket.poll(cx)), Poll::Ready(true), "one is open and has it");
    rig.dispose();
}

fn each_channel_has_its_own_pace(arrangement: Arrangement) {
    let rig = arrangement.rig_of(&[Some(1), None, Some(3)]);
    for id in 0..20 {
        rig.outports[SENDER].send(rig.token(id)).unwrap();
        rig.settle();
    }
    let all: Vec<_> = (0..20).collect();
    assert_eq!((rig.fill(0), rig.take_all(1), rig.fill(2)), (1, all.clone(), 3));
    assert_eq!((rig.take_all(2), rig.take_all(0)), (all.clone(), all));
    rig.dispose();
}

#[test]
fn one_send_goes_to_channels_of_all_kinds() {
    // To the own process, by shared memory to it, to another one.
    let channel = |receiver, shared| Channel { capacity: Some(1), receiver, shared };
    let channels = vec![channel(0, false), channel(0, true), channel(1, false)];
    let rig = Rig::new(Spec { channels, senders: vec![Sender { worker: 0, targets: vec![0, 1, 2] }], slots: 1 });
    assert!(matches!(rig.ends[0], Ends::Local(_)) && matches!(rig.ends[1], Ends::Remote(_)));
    rig.send(0, 0);
    assert_eq!(rig.census.alive(), 2, "the third is encoded");
    let ticket = rig.send_waiting(0, 1);
    assert!(rig.outports[0].withdraw(&ticket));
    let ticket = rig.send_waiting(0, 2);
    for channel in 0..3 {
        assert!(!ticket.is_done());
        assert_eq!(rig.take_all(channel), [0, 2]);
    }
    assert!(ticket.is_done());
    // What cannot be encoded for one of them reaches none.
    let refused = rig.outports[0].send(rig.census.make(3, Nature::Unencodable, 0));
    assert!(matches!(refused, Err(SendError::Encode(Fault::Unencodable))));
    assert_eq!([0, 1, 2].map(|channel| rig.fill(channel)), [0; 3]);
    rig.dispose();
}

/// Keeps the ids of what it sees, or refuses everything.
#[derive(Debug, Default)]
struct List {
    ids: Mutex<Vec<u64>>,
    refuses: bool,
}

impl Collector<Token> for List {
    fn pack(&self, item: &Token) -> Result<Token, Fault> {
        if self.refuses { Err(Fault::Unencodable) } else { Ok(item.clone()) }
    }

    fn collect(&self, packed: Token, _number: u64) {
        self.ids.lock().unwrap().push(packed.id);
    }
}

/// The counters of an outport that belongs to no rig.
fn meter() -> OutportMeter {
    let channels = vec![Channel { capacity: None, receiver: 0, shared: false }];
    let plan = Spec { channels, senders: vec![Sender { worker: 0, targets: vec![0] }], slots: 1 }.plan();
    let layout = MeterLayout::new(&plan);
    let words = Words::new(&Region::create(layout.len() * 8).unwrap(), 0, layout.len());
    layout.node(&words, 1).outports[0].clone()
}

#[test]
fn without_channels_items_are_dropped_and_counted() {
    let (meter, census) = (meter(), Census::new());
    let outport = Outport::new(vec![], vec![], None, meter.clone());
    for id in 0..3 {
        assert!(matches!(outport.send(census.token(id)), Ok(Sent::Now(false))));
    }
    assert_eq!((census.alive(), meter.sent.get(), meter.dropped.get()), (0, 3, 3));
}

#[test]
fn a_collector_sees_what_is_sent_and_counts_as_a_receiver() {
    let (meter, census) = (meter(), Census::new());
    let list = Arc::new(List::default());
    let outport = Outport::new(vec![], vec![], Some(list.clone()), meter.clone());
    for id in 0..3 {
        assert!(matches!(outport.send(census.token(id)), Ok(Sent::Now(true))));
    }
    assert_eq!((meter.sent.get(), meter.dropped.get()), (3, 0));
    outport.close();
    assert!(matches!(outport.send(census.token(4)), Err(SendError::Ended)));
    assert_eq!((list.ids.lock().unwrap().clone(), census.alive()), (vec![0, 1, 2], 0));
}

#[test]
fn a_collector_sees_what_has_been_sent_in_order_and_nothing_that_was_withdrawn() {
    let rig = Arrangement::Local.rig(Some(1));
    let Ends::Local(local) = &rig.ends[0] else { panic!("it is local") };
    let list = Arc::new(List::default());
    let outport = Outport::new(vec![local.clone()], vec![], Some(list.clone()), meter());
    let seen = || list.ids.lock().unwrap().clone();
    rig.send(0, 0);
    let Ok(Sent::Waits(first)) = outport.send(rig.token(1)) else { panic!("there is no room") };
    let Ok(Sent::Waits(second)) = outport.send(rig.token(2)) else { panic!("there is no room") };
    assert!(outport.withdraw(&first));
    assert_eq!((rig.take_all(0), seen()), (vec![0, 2], vec![]));
    // The second has been sent, though its sender has not looked yet; what comes after it is collected after it.
    assert!(matches!(outport.send(rig.token(3)), Ok(Sent::Now(true))));
    assert_eq!(seen(), [2, 3]);
    assert!(second.is_done());
    rig.inlets[0].close();
    assert!(matches!(outport.send(rig.token(4)), Ok(Sent::Now(true))), "the collector has it");
    assert_eq!(seen(), [2, 3, 4]);
}

#[test]
fn nothing_is_kept_of_what_was_withdrawn_behind_one_that_waits() {
    let rig = Arrangement::Local.rig(Some(1));
    let Ends::Local(local) = &rig.ends[0] else { panic!("it is local") };
    let list = Arc::new(List::default());
    let outport = Outport::new(vec![local.clone()], vec![], Some(list.clone()), meter());
    rig.send(0, 0);
    let waiting = outport.send(rig.token(1)).unwrap();
    let alive = rig.census.alive();
    for id in 2..10 {
        let Ok(Sent::Waits(ticket)) = outport.send(rig.token(id)) else { panic!("there is no room") };
        assert!(outport.withdraw(&ticket));
        assert_eq!(rig.census.alive(), alive);
    }
    assert_eq!(rig.take_all(0), [0, 1]);
    assert!(matches!(&waiting, Sent::Waits(ticket) if ticket.is_done()));
    assert!(matches!(outport.send(rig.token(10)), Ok(Sent::Now(true))));
    assert_eq!(list.ids.lock().unwrap().clone(), [1, 10]);
}

#[test]
fn what_a_collector_refuses_reaches_no_channel() {
    let rig = Arrangement::Apart.rig(Some(1));
    let Ends::Remote(ends) = &rig.ends[0] else { panic!("it is remote") };
    let meter = meter();
    let refuses = Arc::new(List { refuses: true, ..List::default() });
    let outport = Outport::new(vec![], vec![(ends[1].clone(), false)], Some(refuses), meter.clone());
    let large = rig.census.make(1, Nature::Plain, 100_000);
    assert!(matches!(outport.send(large), Err(SendError::Encode(Fault::Unencodable))));
    assert_eq!((rig.fill(0), rig.census.alive(), meter.sent.get()), (0, 0, 0));
    rig.dispose();
}

/// An outport whose sends belong to firings, before two channels of one place, both full.
fn in_order(rig: &Rig) -> Outport<Token> {
    let locals = rig.ends.iter().map(|end| match end {
        Ends::Local(local) => local.clone(),
        Ends::Remote(_) => panic!("it is local"),
    });
    let outport = Outport::new(locals.collect(), vec![], None, meter()).in_order();
    assert_eq!(Party::new().poll(|cx| outport.poll_over(cx)), Poll::Ready(()));
    assert!(matches!(outport.send(rig.token(0)), Ok(Sent::Now(true))));
    assert_eq!(Party::new().poll(|cx| outport.poll_over(cx)), Poll::Ready(()));
    outport
}

#[test]
fn a_firing_is_not_over_before_what_it_has_sent_is_in_all_channels() {
    let rig = Arrangement::Local.rig_of(&[Some(1), Some(1)]);
    let outport = in_order(&rig);
    let (firing, sender) = (Party::new(), Party::new());
    let sends: Vec<_> = (1..40).map(|id| outport.send(rig.token(id)).unwrap()).collect();
    let Sent::Waits(last) = &sends[sends.len() - 1] else { panic!("there is no room") };
    assert_eq!(firing.poll(|cx| outport.poll_over(cx)), Poll::Pending);
    assert_eq!(sender.poll(|cx| outport.poll(last, cx).map(|reached| reached.unwrap())), Poll::Pending);
    assert_eq!(rig.take_all(0).len(), 40);
    assert!(firing.sleeps() && sender.sleeps());
    assert_eq!(rig.take_all(1).len(), 40);
    assert!(!firing.sleeps() && !sender.sleeps(), "both are told");
    assert_eq!(firing.poll(|cx| outport.poll_over(cx)), Poll::Ready(()));
    assert_eq!(sender.poll(|cx| outport.poll(last, cx).map(|reached| reached.unwrap())), Poll::Ready(true));
}

#[test]
fn a_firing_is_over_when_what_waits_is_withdrawn_or_its_channels_close() {
    let rig = Arrangement::Local.rig_of(&[Some(1), Some(1)]);
    let outport = in_order(&rig);
    let firing = Party::new();
    let over = || firing.poll(|cx| outport.poll_over(cx));
    let wait = |id| match outport.send(rig.token(id)).unwrap() {
        Sent::Waits(ticket) => ticket,
        Sent::Now(_) => panic!("there is no room"),
    };
    let ticket = wait(1);
    assert_eq!(over(), Poll::Pending);
    assert!(outport.withdraw(&ticket));
    assert!(!firing.sleeps() && !firing.is_known());
    assert_eq!(over(), Poll::Ready(()));

    // One that its sender gives up on, and that one channel has, is on its way to the other.
    let ticket = wait(2);
    rig.take(0);
    assert!(!outport.withdraw(&ticket));
    assert_eq!(over(), Poll::Pending);
    rig.take(1);
    assert!(!firing.sleeps());
    assert_eq!(over(), Poll::Ready(()));

    let ticket = wait(3);
    assert_eq!(over(), Poll::Pending);
    rig.inlets[0].close();
    assert!(firing.sleeps());
    rig.inlets[1].close();
    assert!(!firing.sleeps() && ticket.is_done());
    assert_eq!(over(), Poll::Ready(()));
}

#[test]
fn where_no_order_is_kept_a_firing_need_not_wait() {
    let rig = Arrangement::Local.rig(Some(1));
    let Ends::Local(local) = &rig.ends[0] else { panic!("it is local") };
    let outport = Outport::new(vec![local.clone()], vec![], None, meter());
    rig.send(0, 0);
    assert!(matches!(outport.send(rig.token(1)), Ok(Sent::Waits(_))));
    assert!(!outport.is_in_order());
    assert_eq!(Party::new().poll(|cx| outport.poll_over(cx)), Poll::Ready(()));
}
