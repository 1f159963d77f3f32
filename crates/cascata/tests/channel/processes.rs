//! A channel between processes: this test program runs itself once more, and that one sends.
//!
//! What a spawned worker is handed, the other one gets here without any unsafe code: the memory by its path among this
//! process's descriptors, the doorbells as its standard input and standard error.

use std::{
    env, fs,
    io::{stderr, stdin},
    os::fd::{AsFd, AsRawFd},
    process::{Command, Stdio, id},
    sync::Arc,
    task::{Context, Poll},
};

use cascata::{
    channel::{Hub, Outport, Remote, Sent},
    metrics::{MeterLayout, NodeMeter},
    plan::Plan,
};
use cascata_shm::{Bells, Doorbell, Layout, Pool, Region, Ring, Words};

use crate::{
    rig::{Channel, Sender, Spec},
    token::{Census, Nature, Token},
    wakes::{Party, Watchdog, hear},
};

const MEMORY: &str = "CASCATA_TEST_MEMORY";
const ITEMS: u64 = 3000;
const CAPACITY: usize = 10;
const SPAN: usize = 1 << 20;
/// Worker 0 receives, worker 1 sends.
const WORKERS: usize = 2;
/// One, and the number under which the bells tell of memory.
const CHANNELS: usize = 2;

/// Where everything lies: the same in both processes.
struct Map {
    plan: Plan<i64>,
    meters: MeterLayout,
    bells_at: usize,
    meters_at: usize,
    ring_at: usize,
    pool_at: usize,
    len: usize,
}

impl Map {
    fn new() -> Self {
        let channels = vec![Channel { capacity: Some(CAPACITY), receiver: 0, shared: true }];
        let plan = Spec { channels, senders: vec![Sender { worker: 1, targets: vec![0] }], slots: 1 }.plan();
        let meters = MeterLayout::new(&plan);
        let mut layout = Layout::new();
        Self {
            bells_at: layout.reserve(Bells::footprint(WORKERS, CHANNELS), 128),
            meters_at: layout.reserve(meters.len() * 8, 128),
            ring_at: layout.reserve(Ring::footprint(CAPACITY), 128),
            pool_at: layout.reserve(Pool::footprint(WORKERS, SPAN), 4096),
            len: layout.len(),
            meters,
            plan,
        }
    }
}

/// One process: a worker, and its end of the channel.
struct Process {
    worker: usize,
    bells: Bells,
    doorbells: Arc<[Doorbell]>,
    remote: Arc<Remote<Token>>,
    meters: Vec<NodeMeter>,
}

impl Process {
    fn new(
        worker: usize,
        map: &Map,
        region: &Arc<Region>,
        bells: Bells,
        ring: Ring,
        doorbells: Arc<[Doorbell]>,
    ) -> Self {
        let words = Words::new(region, map.meters_at, map.meters.len());
        let meters: Vec<_> = (0..map.plan.nodes.len()).map(|node| map.meters.node(&words, node)).collect();
        let pool = Pool::attach(region, map.pool_at, WORKERS, SPAN);
        let hub = Hub::new(worker, bells.clone(), pool, CHANNELS - 1, map.meters.made(&words, worker));
        let remote = Remote::new(0, ring, hub, worker == 0, false, meters[0].inports[0].clone());
        Self { worker, bells, doorbells, remote: Arc::new(remote), meters }
    }

    fn block_on<T>(&self, mut poll: impl FnMut(&mut Context<'_>) -> Poll<T>) -> T {
        let party = Party::new();
        loop {
            if let Poll::Ready(result) = party.poll(&mut poll) {
                return result;
            }
            while party.sleeps() {
                let any = self.bells.take(self.worker, |_| self.remote.on_bell());
                if !any && self.bells.doze(self.worker, false) {
                    hear(&self.doorbells[self.worker]);
                }
                self.bells.rouse(self.worker);
            }
        }
    }
}

#[test]
fn nothing_is_lost_between_processes() {
    if env::var_os(MEMORY).is_some() {
        return send();
    }
    let _watchdog = Watchdog::new();
    let map = Map::new();
    let region = Region::create(map.len).unwrap();
    let doorbells: Arc<[Doorbell]> = (0..=WORKERS).map(|_| Doorbell::new().unwrap()).collect();
    let bells = Bells::create(&region, map.bells_at, WORKERS, CHANNELS, doorbells.clone());
    let ring = Ring::create(&region, map.ring_at, CAPACITY, 1);
    Pool::create(&region, map.pool_at, WORKERS, SPAN, WORKERS * SPAN);

    let handed = |doorbell: &Doorbell| Stdio::from(doorbell.as_fd().try_clone_to_owned().unwrap());
    let sender = Command::new(env::current_exe().unwrap())
        .args(["--exact", "processes::nothing_is_lost_between_processes"])
        .env(MEMORY, format!("/proc/{}/fd/{}", id(), region.fd().as_raw_fd()))
        .stdin(handed(&doorbells[0]))
        .stderr(handed(&doorbells[1]))
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();

    let process = Process::new(0, &map, &region, bells, ring, doorbells);
    for id in 0..ITEMS {
        let item = process.block_on(|cx| match process.remote.poll_item(cx) {
            Poll::Ready(true) => Poll::Ready(process.remote.take().unwrap()),
            Poll::Ready(false) => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        });
        assert_eq!(item.map(|token| token.id), Some(id));
    }
    assert!(!process.block_on(|cx| process.remote.poll_item(cx)), "it ends with its sender");
    let output = sender.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    let sent = process.meters[1].outports[0].sent.get();
    assert_eq!((sent, process.meters[0].inports[0].taken.get()), (ITEMS, ITEMS));
}

/// The other process.
fn send() {
    let memory = fs::File::options().read(true).write(true).open(env::var_os(MEMORY).unwrap()).unwrap();
    let region = Region::open(memory.into()).unwrap();
    let map = Map::new();
    let bell = |fd: std::os::fd::BorrowedFd<'_>| Doorbell::from(fd.try_clone_to_owned().unwrap());
    let doorbells: Arc<[Doorbell]> = [bell(stdin().as_fd()), bell(stderr().as_fd()), Doorbell::new().unwrap()].into();
    let bells = Bells::attach(&region, map.bells_at, WORKERS, CHANNELS, doorbells.clone());
    let ring = Ring::attach(&region, map.ring_at);
    let process = Process::new(1, &map, &region, bells, ring, doorbells);

    let meter = process.meters[1].outports[0].clone();
    let outport = Outport::new(vec![], vec![(process.remote.clone(), false)], None, meter);
    let census = Census::new();
    for id in 0..ITEMS {
        // Every tenth does not fit a slot.
        let size = if id % 10 == 0 { 30_000 } else { 20 };
        if let Sent::Waits(ticket) = outport.send(census.make(id, Nature::Plain, size)).unwrap() {
            assert!(process.block_on(|cx| ticket.poll(cx)));
        }
    }
    outport.close();
    process.bells.retire(1);
}
