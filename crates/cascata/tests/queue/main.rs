//! The queue behind public channels: what `cascata.channel` promises, without Python. Between processes, with deaths, and
//! under cancellation it is tested from there.

#[path = "../common/token.rs"]
mod token;

use std::{
    collections::VecDeque,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
        mpsc,
    },
    task::Poll,
    thread,
    time::{Duration, Instant},
};

use cascata::{
    channel::Parcel,
    queue::{Endpoint, Outcome, PackError, Place, Queue, Shape, Signal, Taken},
};
use proptest::prelude::*;
use token::{Census, Nature, Token};

const MB: usize = 1 << 20;

fn queue(capacity: Option<usize>, limit: usize) -> Queue {
    Queue::create(Shape { capacity, limit }).unwrap()
}

/// Somebody who waits, and counts how often it was woken.
#[derive(Debug, Default)]
struct Waiter {
    woken: AtomicUsize,
    lost: bool,
}

impl Signal for Waiter {
    fn wake(&self) -> bool {
        self.woken.fetch_add(1, SeqCst);
        !self.lost
    }

    fn is_lost(&self) -> bool {
        self.lost
    }
}

/// A thread that waits.
#[derive(Debug)]
struct Bell(mpsc::Sender<()>);

impl Signal for Bell {
    fn wake(&self) -> bool {
        self.0.send(()).is_ok()
    }

    fn is_lost(&self) -> bool {
        false
    }
}

fn parcel(endpoint: &Endpoint, census: &Arc<Census>, id: u64) -> Option<Parcel> {
    Some(endpoint.pack(&census.token(id)).unwrap())
}

fn try_put(endpoint: &Arc<Endpoint>, census: &Arc<Census>, id: u64) -> Poll<Outcome> {
    endpoint.put(&mut parcel(endpoint, census, id), &mut None, None)
}

fn id_of(endpoint: &Endpoint, taken: Taken) -> Option<u64> {
    match taken {
        Taken::Item(slot) => Some(endpoint.open::<Token>(&slot).unwrap().unwrap().id),
        Taken::Ended => None,
        Taken::Broken => panic!("the queue is broken"),
    }
}

fn try_take(endpoint: &Arc<Endpoint>) -> Poll<Option<u64>> {
    endpoint.take(&mut None, None).map(|taken| id_of(endpoint, taken))
}

/// Puts and waits, as a thread.
fn put(endpoint: &Arc<Endpoint>, census: &Arc<Census>, id: u64) -> Outcome {
    let (mut parcel, mut place) = (parcel(endpoint, census, id), None);
    loop {
        let (wakes, woken) = mpsc::channel();
        match endpoint.put(&mut parcel, &mut place, Some(Arc::new(Bell(wakes)))) {
            Poll::Ready(outcome) => return outcome,
            Poll::Pending => woken.recv_timeout(Duration::from_secs(30)).expect("a put hangs"),
        }
    }
}

fn take(endpoint: &Arc<Endpoint>) -> Option<u64> {
    let mut place = None;
    loop {
        let (wakes, woken) = mpsc::channel();
        match endpoint.take(&mut place, Some(Arc::new(Bell(wakes)))) {
            Poll::Ready(taken) => return id_of(endpoint, taken),
            Poll::Pending => woken.recv_timeout(Duration::from_secs(30)).expect("a take hangs"),
        }
    }
}

/// Waits for what follows from the drop of an endpoint: the thread that watches may just be looking at it.
fn settles(condition: impl Fn() -> bool) {
    let patience = Instant::now() + Duration::from_secs(30);
    while !condition() {
        assert!(Instant::now() < patience, "it does not come");
        thread::yield_now();
    }
}

#[test]
fn exactly_capacity_items_fit_and_it_ends_when_it_is_empty() {
    let census = Census::new();
    let queue = queue(Some(2), MB);
    let [one, other] = [Endpoint::new(&queue).unwrap(), Endpoint::new(&queue).unwrap()];
    assert_eq!(one.publish(), Outcome::Inside);
    assert_eq!(try_put(&one, &census, 1), Poll::Ready(Outcome::Inside));
    assert_eq!(try_put(&one, &census, 2), Poll::Ready(Outcome::Inside));
    assert!(try_put(&one, &census, 3).is_pending());
    assert_eq!(try_take(&other), Poll::Ready(Some(1)));
    one.unpublish();
    assert_eq!((one.publish(), try_put(&one, &census, 4)), (Outcome::Ended, Poll::Ready(Outcome::Ended)));
    assert_eq!((try_take(&other), try_take(&other)), (Poll::Ready(Some(2)), Poll::Ready(None)));
    assert_eq!(queue.members(), 2);
    drop((one, other));
    settles(|| (queue.members(), census.alive()) == (0, 0));
}

#[test]
fn a_hint_that_nobody_can_follow_goes_to_the_next() {
    let census = Census::new();
    let queue = queue(Some(1), MB);
    let endpoint = Endpoint::new(&queue).unwrap();
    endpoint.publish();
    let waiters = [true, false, false].map(|lost| Arc::new(Waiter { lost, ..Waiter::default() }));
    let mut places = [None, None, None];
    for (waiter, place) in waiters.iter().zip(&mut places) {
        assert!(endpoint.take(place, Some(waiter.clone())).is_pending());
    }
    assert_eq!(try_put(&endpoint, &census, 1), Poll::Ready(Outcome::Inside));
    let woken = || waiters.each_ref().map(|waiter| waiter.woken.load(SeqCst));
    assert_eq!(woken(), [1, 1, 0]);
    endpoint.give_up_take(places[1].take());
    assert_eq!(woken(), [1, 1, 1]);
    let taken = endpoint.take(&mut places[2], Some(waiters[2].clone()));
    assert_eq!(taken.map(|taken| id_of(&endpoint, taken)), Poll::Ready(Some(1)));
}

#[test]
fn endpoints_that_end_leave_their_publishers_and_their_memory() {
    let census = Census::new();
    let queue = queue(Some(4), 8 * MB);
    let [one, other] = [Endpoint::new(&queue).unwrap(), Endpoint::new(&queue).unwrap()];
    one.publish();
    let mut large = Some(one.pack(&census.make(7, Nature::Plain, MB)).unwrap());
    assert_eq!(one.put(&mut large, &mut None, None), Poll::Ready(Outcome::Inside));
    drop(one);
    settles(|| queue.is_ended() && queue.members() == 2);
    assert!(queue.memory() >= MB);
    assert_eq!(try_take(&other), Poll::Ready(Some(7)));
    assert!(queue.memory() < MB);
    // Whoever waits looks after those who are gone.
    let third = Endpoint::new(&queue).unwrap();
    drop((third, other));
    let last = Endpoint::new(&queue).unwrap();
    assert_eq!(last.publish(), Outcome::Ended);
}

#[test]
fn what_is_larger_than_all_memory_is_refused_and_what_finds_none_is_told_so() {
    let census = Census::new();
    let queue = queue(Some(10), 4 * MB);
    let endpoint = Endpoint::new(&queue).unwrap();
    endpoint.publish();
    let pack = |size| endpoint.pack(&census.make(1, Nature::Plain, size));
    assert!(matches!(pack(5 * MB), Err(PackError::TooLarge(_))));
    let kept = pack(3 * MB).unwrap();
    assert!(matches!(pack(2 * MB), Err(PackError::Full(_))));
    drop(kept);
    assert!(pack(2 * MB).is_ok());
}

#[test]
fn threads_at_several_endpoints_get_each_item_once() {
    let census = Census::new();
    for capacity in [Some(1), Some(3), None] {
        let queue = queue(capacity, MB);
        let endpoints: Vec<_> = (0..3).map(|_| Endpoint::new(&queue).unwrap()).collect();
        let count = 400;
        // All at first: the queue ends with the last one that leaves.
        endpoints.iter().for_each(|endpoint| assert_eq!(endpoint.publish(), Outcome::Inside));
        let taken: Vec<Vec<u64>> = thread::scope(|scope| {
            for (sender, endpoint) in (0..).zip(&endpoints) {
                let census = &census;
                scope.spawn(move || {
                    for number in 0..count {
                        assert_eq!(put(endpoint, census, sender * count + number), Outcome::Inside);
                    }
                    endpoint.unpublish();
                });
            }
            let takers = (0..4).map(|index| &endpoints[index % 3]);
            let takers: Vec<_> =
                takers.map(|endpoint| scope.spawn(move || std::iter::from_fn(|| take(endpoint)).collect())).collect();
            takers.into_iter().map(|taker| taker.join().unwrap()).collect()
        });
        for ids in &taken {
            for sender in 0..3 {
                assert!(ids.iter().filter(|id| *id / count == sender).is_sorted());
            }
        }
        let mut all: Vec<u64> = taken.concat();
        all.sort_unstable();
        assert_eq!(all, (0..3 * count).collect::<Vec<_>>());
    }
    assert_eq!(census.alive(), 0);
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Put,
    Take,
    Retry(usize),
    GiveUp(usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => Just(Step::Put),
        4 => Just(Step::Take),
        4 => (0..8_usize).prop_map(Step::Retry),
        1 => (0..8_usize).prop_map(Step::GiveUp),
    ];
    prop::collection::vec(step, 0..80)
}

proptest! {
    /// Puts of one process that wait, in their order, against a queue; hints are followed in any order.
    #[test]
    fn waiting_puts_are_served_in_order(capacity in 1..4_usize, steps in steps()) {
        let census = Census::new();
        let queue = queue(Some(capacity), MB);
        let endpoint = Endpoint::new(&queue).unwrap();
        endpoint.publish();
        let signal = || Some(Arc::new(Waiter::default()) as Arc<dyn Signal>);
        let mut waiting: Vec<(u64, Option<Parcel>, Option<Place>)> = Vec::new();
        let mut line = VecDeque::new();
        let mut next = 0;
        for step in steps {
            match step {
                Step::Put => {
                    let (mut parcel, mut place) = (parcel(&endpoint, &census, next), None);
                    let put = endpoint.put(&mut parcel, &mut place, signal());
                    prop_assert_eq!(put.is_ready(), line.len() < capacity && waiting.is_empty());
                    if put.is_ready() {
                        line.push_back(next);
                    } else {
                        waiting.push((next, parcel, place));
                    }
                    next += 1;
                }
                Step::Take => {
                    let expected = line.pop_front();
                    prop_assert_eq!(try_take(&endpoint), expected.map_or(Poll::Pending, |id| Poll::Ready(Some(id))));
                }
                Step::Retry(index) if index < waiting.len() => {
                    let (id, parcel, place) = &mut waiting[index];
                    let put = endpoint.put(parcel, place, signal());
                    prop_assert_eq!(put.is_ready(), index == 0 && line.len() < capacity);
                    if put.is_ready() {
                        line.push_back(*id);
                        waiting.remove(index);
                    }
                }
                Step::GiveUp(index) if index < waiting.len() => {
                    let (_, _, place) = waiting.remove(index);
                    endpoint.give_up_put(place);
                }
                Step::Retry(_) | Step::GiveUp(_) => {}
            }
            prop_assert_eq!(queue.fill(), line.len());
        }
    }
}
