//! What a run has done.

use std::{fmt, time::Duration};

use indexmap::IndexMap;

use super::{Data, EdgeReport, Mismatch, Out, TapReport, Value, accounts, crew::Crew, taps};

/// What a run has done; print it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Report {
    /// From the start of the run to its end.
    pub elapsed: Duration,
    /// What each component has done, by name.
    pub components: IndexMap<String, ComponentReport>,
    /// The items of all connections.
    pub edges: Vec<EdgeReport>,
    /// What has passed the taps, by the names of exports.
    pub taps: IndexMap<String, TapReport>,
    /// Whether the program has stopped the run.
    pub stopped: bool,
    imbalances: Vec<String>,
    collected: IndexMap<String, Vec<Value>>,
}

/// What one component has done. Times of several trigger groups add up.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ComponentReport {
    /// The name of its definition.
    pub definition: String,
    /// How often its runner was called.
    pub firings: u64,
    /// Its code ran.
    pub busy: Duration,
    /// A firing awaited something other than a channel.
    pub awaiting: Duration,
    /// There was no row of items to fire on, or it was others' turn.
    pub waiting: Duration,
    /// A firing waited for room behind an outport.
    pub blocked: Duration,
    /// By name, the connected ones.
    pub inports: IndexMap<String, InportReport>,
    /// By name.
    pub outports: IndexMap<String, OutportReport>,
}

/// Items of one connected inport.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct InportReport {
    /// Items that firings took; for a passive port, that it took over.
    pub taken: u64,
    /// Items that no firing saw, because the component had ended.
    pub discarded: u64,
    /// Values of a passive port that a newer one replaced.
    pub replaced: u64,
}

/// Items of one outport.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct OutportReport {
    /// Items sent.
    pub sent: u64,
    /// Of these, items sent while nothing was connected.
    pub dropped: u64,
}

impl Report {
    /// `lengths` says how many items were collected of each outport of a component.
    pub(super) fn new(crew: &Crew, lengths: &[usize], collected: IndexMap<String, Vec<Value>>) -> Self {
        let plan = &crew.plan;
        let nodes = plan.nodes.iter().enumerate().filter(|&(node, _)| !plan.is_tap(node));
        let components = nodes.map(|(node, planned)| {
            let meter = crew.memory.meter(node);
            let times = meter.times(crew.now());
            let inports = planned.inports.iter().zip(&meter.inports).filter(|(port, _)| !port.sources.is_empty());
            let inport = |meter: &crate::metrics::InportMeter| InportReport {
                taken: meter.taken.get(),
                discarded: meter.discarded.get(),
                replaced: meter.replaced.get(),
            };
            let outports = planned.outports.iter().zip(&meter.outports);
            let outport = |meter: &crate::metrics::OutportMeter| OutportReport {
                sent: meter.sent.get(),
                dropped: meter.dropped.get(),
            };
            let report = ComponentReport {
                definition: planned.definition.name.clone(),
                firings: meter.firings(),
                busy: Duration::from_nanos(times.busy),
                awaiting: Duration::from_nanos(times.awaiting),
                waiting: Duration::from_nanos(times.waiting),
                blocked: Duration::from_nanos(times.blocked),
                inports: inports.map(|(port, meter)| (port.name.clone(), inport(meter))).collect(),
                outports: outports.map(|(port, meter)| (port.name.clone(), outport(meter))).collect(),
            };
            (planned.name.clone(), report)
        });
        Self {
            elapsed: crew.elapsed(),
            components: components.collect(),
            edges: accounts::edges(crew),
            taps: taps::report(crew),
            stopped: crew.halted(),
            imbalances: accounts::imbalances(crew, lengths),
            collected,
        }
    }

    /// Asserts that nothing was lost and nothing doubled: that what every sender, channel and trigger group has counted by
    /// itself balances.
    ///
    /// # Panics
    /// If a sum does not balance, with a line for each. That is an error in Cascata.
    #[track_caller]
    pub fn check(&self) {
        assert!(self.imbalances.is_empty(), "{}", self.imbalances.join("\n"));
    }

    /// The items of an outport that were to be collected, in the order sent; those of a group's outport are in the order in
    /// which they are gathered from its members. `None` if they were not.
    pub fn collected<T: Data>(&self, outport: Out<'_, T>) -> Option<Vec<T>> {
        let (component, outport) = outport.place();
        self.collected_at(&component, &outport).ok().flatten()
    }

    /// The same by names: of a component or group, and of its outport.
    ///
    /// # Errors
    /// They are of another type.
    pub fn collected_at<T: Data>(&self, component: &str, outport: &str) -> Result<Option<Vec<T>>, Mismatch> {
        let items = self.collected.get(&format!("{component}.{outport}"));
        items.map(|items| items.iter().cloned().map(Value::take).collect()).transpose()
    }
}

impl ComponentReport {
    /// Items taken at all inports.
    pub fn items_in(&self) -> u64 {
        self.inports.values().map(|port| port.taken).sum()
    }

    /// Items sent from all outports.
    pub fn items_out(&self) -> u64 {
        self.outports.values().map(|port| port.sent).sum()
    }
}

/// A table of the components, those that were busy longest first, and the ports where items came to nothing.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = self.components.keys().map(String::len).chain([9]).max().unwrap_or(9);
        let count = self.components.len();
        let plural = if count == 1 { "" } else { "s" };
        writeln!(f, "{count} component{plural}, {:.2} s", self.elapsed.as_secs_f64())?;
        write!(f, "{:<width$}", "component")?;
        for head in ["in", "fired", "out", "busy", "awaiting", "waiting", "blocked"] {
            write!(f, " {head:>9}")?;
        }
        let mut components: Vec<_> = self.components.iter().collect();
        components.sort_by_key(|(_, component)| std::cmp::Reverse(component.busy));
        for (name, component) in components {
            write!(f, "\n{name:<width$}")?;
            for number in [component.items_in(), component.firings, component.items_out()] {
                write!(f, " {number:>9}")?;
            }
            for time in [component.busy, component.awaiting, component.waiting, component.blocked] {
                write!(f, " {:>7.2} s", time.as_secs_f64())?;
            }
        }
        for (name, component) in &self.components {
            for (port, inport) in component.inports.iter().filter(|(_, inport)| inport.discarded > 0) {
                write!(f, "\n{name}.{port} discarded {} items: the component had ended", inport.discarded)?;
            }
            for (port, outport) in component.outports.iter().filter(|(_, outport)| outport.dropped > 0) {
                write!(f, "\n{name}.{port} dropped {} items: nothing is connected", outport.dropped)?;
            }
        }
        for (name, tap) in self.taps.iter().filter(|(_, tap)| tap.unread > 0) {
            write!(f, "\n{} items of the export {name} came to nothing: not read", tap.unread)?;
        }
        Ok(())
    }
}
