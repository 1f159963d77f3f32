//! Passive ports of a worker: drained whenever something comes, whether or not their component fires.

use std::{
    sync::{
        Arc, Mutex, Weak,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    task::{Context, Poll, Wake, Waker},
};

use cascata::firing::Passive;
use pyo3::prelude::*;

use crate::{
    component::Component,
    core::{Core, Ready},
    lock,
    object::Object,
    timer::Timer,
};

/// One passive port.
pub struct PassiveTask {
    core: Arc<Core>,
    /// Held by the component, which must not hold itself.
    component: Weak<Component>,
    queued: AtomicBool,
    /// With its timer. Taken out while it is polled, because polling may run Python code.
    port: Mutex<Option<(Passive<Object>, Timer)>>,
}

impl PassiveTask {
    pub fn new(core: Arc<Core>, component: &Arc<Component>, port: Passive<Object>) -> Arc<Self> {
        let timer = Timer::new(core.clone());
        Arc::new(Self {
            core,
            component: Arc::downgrade(component),
            queued: AtomicBool::new(false),
            port: Mutex::new(Some((port, timer))),
        })
    }

    /// Takes what has come.
    pub fn run(self: &Arc<Self>, py: Python<'_>) {
        self.queued.store(false, SeqCst);
        let Some(component) = self.component.upgrade() else { return };
        let Some((mut port, mut timer)) = lock(&self.port).take() else { return };
        let waker = Waker::from(self.clone());
        let polled = port.poll(&mut Context::from_waker(&waker));
        if let Err(error) = timer.set(if polled.is_pending() { port.due() } else { None }, &waker) {
            component.fail(py, &self.core, error, None);
        }
        match polled {
            Poll::Ready(Ok(())) => return,
            Poll::Ready(Err(error)) => {
                let error = component.undecodable(py, error, port.inport());
                component.fail(py, &self.core, error, None);
            }
            Poll::Pending => {}
        }
        if component.has_ended() {
            port.close();
        } else {
            *lock(&self.port) = Some((port, timer));
        }
    }

    /// The component has ended, or the worker lets go of everything.
    pub fn close(&self) {
        let port = lock(&self.port).take();
        if let Some((mut port, _)) = port {
            port.close();
        }
    }
}

impl Wake for PassiveTask {
    fn wake(self: Arc<Self>) {
        if !self.queued.swap(true, SeqCst) {
            let core = self.core.clone();
            core.push(Ready::Passive(self));
        }
    }
}
