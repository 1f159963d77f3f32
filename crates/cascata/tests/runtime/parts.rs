//! Small components.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    time::Duration,
};

use cascata::{
    graph::{Definition, Graph},
    runtime::{Component, Data, Declaration, Failure, Outports, Row, Settings, Traits, Value, define},
};

/// Sends the numbers of a range at `out`.
pub struct Count(pub std::ops::Range<u64>);

impl Component for Count {
    type State = ();
    const STATEFUL: bool = false;

    fn declare(&self) -> Declaration {
        Declaration::new("count", "tests").outport::<u64>("out")
    }

    fn start(&self, _: Settings<'_>) -> Result<(), Failure> {
        Ok(())
    }

    async fn fire(&self, (): &mut (), _: &mut Row, outports: &Outports) -> Result<(), Failure> {
        for number in self.0.clone() {
            if !outports.get(0).send(number).await {
                break;
            }
        }
        Ok(())
    }
}

/// Sends three numbers at `out`, and ends when the flag is set.
pub struct Until(pub Arc<AtomicBool>);

impl Component for Until {
    type State = ();
    const STATEFUL: bool = false;

    fn declare(&self) -> Declaration {
        Declaration::new("until", "tests").outport::<u64>("out")
    }

    fn start(&self, _: Settings<'_>) -> Result<(), Failure> {
        Ok(())
    }

    async fn fire(&self, (): &mut (), _: &mut Row, outports: &Outports) -> Result<(), Failure> {
        for number in 0..3_u64 {
            outports.get(0).send(number).await;
        }
        while !self.0.load(SeqCst) {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        Ok(())
    }
}

/// What a [`Map`] does with a number: what it sends, after what pause, or why it fails.
pub type Answer = Result<(Vec<u64>, Duration), Failure>;

/// Sends at `out` what a function gives for what comes to `x`.
pub struct Map<F>(pub F);

impl<F: Fn(u64) -> Answer + Send + Sync + 'static> Component for Map<F> {
    type State = ();
    const STATEFUL: bool = false;

    fn declare(&self) -> Declaration {
        Declaration::new("map", "tests")
            .inport::<u64>("x")
            .traits(Traits::default().shown::<u64>())
            .outport::<u64>("out")
    }

    fn start(&self, _: Settings<'_>) -> Result<(), Failure> {
        Ok(())
    }

    async fn fire(&self, (): &mut (), row: &mut Row, outports: &Outports) -> Result<(), Failure> {
        let (numbers, pause) = self.0(row.take(0)?)?;
        if !pause.is_zero() {
            tokio::time::sleep(pause).await;
        }
        for number in numbers {
            outports.get(0).send(number).await;
        }
        Ok(())
    }
}

/// Sends at `out` the list of all that has come to `x`, when nothing more does.
pub struct Gather;

impl Component for Gather {
    type State = Vec<u64>;

    fn declare(&self) -> Declaration {
        Declaration::new("gather", "tests").inport::<u64>("x").outport::<Vec<u64>>("out").persist("seen")
    }

    fn start(&self, settings: Settings<'_>) -> Result<Vec<u64>, Failure> {
        Ok(settings.get(0)?.unwrap_or_default())
    }

    async fn fire(&self, seen: &mut Vec<u64>, row: &mut Row, _: &Outports) -> Result<(), Failure> {
        seen.push(row.take(0)?);
        Ok(())
    }

    async fn finish(&self, seen: &mut Vec<u64>, outports: &Outports) -> Result<(), Failure> {
        outports.get(0).send(seen.clone()).await;
        Ok(())
    }
}

/// Fires on lists of numbers at `x`, and sends their lengths at `out`.
pub struct Lengths;

impl Component for Lengths {
    type State = ();
    const STATEFUL: bool = false;

    fn declare(&self) -> Declaration {
        Declaration::new("lengths", "tests").inport_of_lists::<u64>("x").outport::<u64>("out")
    }

    fn start(&self, _: Settings<'_>) -> Result<(), Failure> {
        Ok(())
    }

    async fn fire(&self, (): &mut (), row: &mut Row, outports: &Outports) -> Result<(), Failure> {
        outports.get(0).send(row.take_list::<u64>(0)?.len() as u64).await;
        Ok(())
    }
}

/// Fires on the numbers at `x` and `y`, together or as triggers are declared, and sends `x * 1000 + y` with 0 for what is
/// not there.
pub struct Pair;

impl Component for Pair {
    type State = ();
    const STATEFUL: bool = false;

    fn declare(&self) -> Declaration {
        Declaration::new("pair", "tests")
            .inport::<u64>("x")
            .optional()
            .inport::<u64>("y")
            .optional()
            .outport::<u64>("out")
    }

    fn start(&self, _: Settings<'_>) -> Result<(), Failure> {
        Ok(())
    }

    async fn fire(&self, (): &mut (), row: &mut Row, outports: &Outports) -> Result<(), Failure> {
        let (x, y) = (row.take_latest::<u64>(0)?.unwrap_or(0), row.take_latest::<u64>(1)?.unwrap_or(0));
        outports.get(0).send(x * 1000 + y).await;
        Ok(())
    }
}

/// Doubles numbers on a thread of its own.
pub struct Double;

impl Component for Double {
    type State = ();
    const STATEFUL: bool = false;

    fn declare(&self) -> Declaration {
        Declaration::new("double", "tests").inport::<u64>("x").outport::<u64>("out").blocking()
    }

    fn start(&self, _: Settings<'_>) -> Result<(), Failure> {
        Ok(())
    }

    async fn fire(&self, (): &mut (), row: &mut Row, outports: &Outports) -> Result<(), Failure> {
        outports.blocking(0).send(2 * row.take::<u64>(0)?);
        Ok(())
    }
}

pub fn made(component: impl Component) -> Arc<Definition<Value>> {
    define(component).unwrap()
}

pub fn map(function: impl Fn(u64) -> Vec<u64> + Send + Sync + 'static) -> Arc<Definition<Value>> {
    made(Map(move |number| Ok((function(number), Duration::ZERO))))
}

/// A chain of components, each named `a`, `b`, … in turn, by the ports `out` and `x`.
pub fn chain(definitions: impl IntoIterator<Item = Arc<Definition<Value>>>) -> Graph<Value> {
    let mut graph = Graph::new();
    let mut before: Option<String> = None;
    for (definition, name) in definitions.into_iter().zip('a'..) {
        graph.add(name, definition).unwrap();
        if let Some(before) = before {
            graph.connect(&before, "out", &name.to_string(), "x").unwrap();
        }
        before = Some(name.to_string());
    }
    graph
}

/// What a graph sends at `component.out`, on so many threads.
#[track_caller]
pub fn sent<T: Data>(graph: &Graph<Value>, component: &str, threads: usize) -> Vec<T> {
    let launch = cascata::runtime::launch(graph).threads(threads.try_into().unwrap());
    let report = launch.timeout(Duration::from_secs(60)).collect_at(component, "out").wait().unwrap();
    report.check();
    report.collected_at(component, "out").unwrap().unwrap()
}
