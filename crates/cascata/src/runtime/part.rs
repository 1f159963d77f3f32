//! What all lanes of a component share.

use std::{
    sync::Arc,
    task::{Context, Waker},
};

use super::{
    Value,
    crew::Crew,
    post::{Foreign, Post, Seeker},
};
use crate::{
    channel::Outport,
    firing::Heirs,
    metrics::{LaneState, NodeMeter},
};

/// A component of a run.
#[derive(Debug)]
pub(super) struct Part {
    pub node: usize,
    pub post: Arc<Post>,
    pub meter: NodeMeter,
    pub outports: Vec<Arc<Outport<Value>>>,
    /// What shares out among the others of its group what it leaves, if it is a member of one.
    pub bequests: Vec<Arc<Outport<Value>>>,
    /// Woken by channels.
    pub channel: Waker,
    /// Woken by channels behind which something is held back.
    pub seeker: Waker,
    /// What firings are polled with: woken by anything else.
    pub foreign: Waker,
}

impl Part {
    pub fn new(
        node: usize,
        post: Arc<Post>,
        meter: NodeMeter,
        outports: Vec<Arc<Outport<Value>>>,
        bequests: Vec<Arc<Outport<Value>>>,
        foreign: Arc<Foreign>,
    ) -> Self {
        let channel = Waker::from(post.clone());
        let seeker = Waker::from(Arc::new(Seeker(vec![post.clone()])));
        Self { node, post, meter, outports, bequests, channel, seeker, foreign: Waker::from(foreign) }
    }

    pub fn crew(&self) -> &Arc<Crew> {
        self.post.crew()
    }

    /// The name of the component in its graph.
    pub fn name(&self) -> &str {
        &self.crew().plan.nodes[self.node].name
    }

    /// Notes what a lane does from now on.
    pub fn account(&self, group: usize, state: LaneState) {
        self.meter.enter(group, state, self.crew().now());
    }

    /// Has what is held back try again, if there may be room.
    pub fn feed(&self) {
        if self.post.take_news() {
            self.lines().filter(|line| line.holds_back()).for_each(|line| _ = line.feed());
        }
    }

    /// Whether something that was sent waits here for room.
    pub fn holds_back(&self) -> bool {
        self.lines().any(|line| line.holds_back())
    }

    /// The outport by which something is still on its way that the last firing has sent, if order depends on that.
    pub fn lags_at(&self, cx: &mut Context<'_>) -> Option<usize> {
        self.outports.iter().position(|outport| outport.is_in_order() && outport.poll_over(cx).is_pending())
    }

    fn lines(&self) -> impl Iterator<Item = &Arc<Outport<Value>>> {
        self.outports.iter().chain(&self.bequests)
    }
}

/// The other members of a group, by what shares out among them what one leaves.
#[derive(Debug)]
pub(super) struct Siblings(pub Arc<Outport<Value>>);

impl Heirs<Value> for Siblings {
    fn received(&self, items: usize) {
        self.0.received(items);
    }

    fn reclaim(&self, items: usize) -> bool {
        self.0.reclaim(items)
    }

    fn inherit(&self, item: Option<Value>) {
        self.0.inherit(item);
    }
}
