//! From a graph to a run, and to its end.

use std::{
    fmt,
    num::NonZero,
    pin::{Pin, pin},
    sync::Arc,
    thread,
    time::Duration,
};

use indexmap::IndexMap;
use tokio::runtime::{Builder, Handle};

use super::{
    Data, Export, ExportedIn, ExportedOut, Feed, Out, Report, RunError, Tap, TapError, Value, build::build,
    collecting::Collected, crew::Crew, diagnosis, taps::Taps, types,
};
use crate::{
    graph::{self, Graph},
    memory::Memory,
    plan::{Plan, PlanError},
};

/// Items between processes, of which there are none here, may take that many bytes.
const SHARED: usize = 0;

/// A run that has not begun yet. Await it, or [`wait`](Launch::wait) for it, or [`start`](Launch::start) it.
#[must_use = "nothing runs unless it is awaited, waited for or started"]
#[derive(Debug)]
pub struct Launch {
    graph: Graph<Value>,
    timeout: Option<Duration>,
    threads: Option<NonZero<usize>>,
    collect: Vec<(String, String)>,
    fed: Vec<String>,
    shows_inputs: bool,
}

/// Runs a graph, on tokio: each component is a task, and those that [block](super::Declaration::blocking) have a thread.
///
/// ```
/// use cascata::{graph::Graph, runtime::launch};
///
/// let report = launch(&Graph::new()).wait()?;
/// assert!(report.components.is_empty());
/// # Ok::<_, cascata::runtime::RunError>(())
/// ```
pub fn launch(graph: &Graph<Value>) -> Launch {
    let (timeout, threads, collect, fed) = (None, None, Vec::new(), Vec::new());
    Launch { graph: graph.clone(), timeout, threads, collect, fed, shows_inputs: cfg!(debug_assertions) }
}

impl Launch {
    /// The run fails if it takes longer.
    pub fn timeout(self, timeout: Duration) -> Self {
        Self { timeout: Some(timeout), ..self }
    }

    /// How many threads [`wait`](Self::wait) runs components on, those that block not counted; else as many as there are
    /// cores.
    pub fn threads(self, threads: NonZero<usize>) -> Self {
        Self { threads: Some(threads), ..self }
    }

    /// Whether a [`ComponentError`](super::ComponentError) tells the values that the firing was called with. A firing owns
    /// its values, so they are written down before each one: that is done where debug assertions are on, unless this says
    /// otherwise.
    pub fn show_inputs(self, show: bool) -> Self {
        Self { shows_inputs: show, ..self }
    }

    /// The report has the items of this outport.
    pub fn collect<T: Data>(self, outport: Out<'_, T>) -> Self {
        let (component, outport) = outport.place();
        self.collect_at(component, outport)
    }

    /// The report has the items of this outport of a component or group.
    pub fn collect_at(mut self, component: impl Into<String>, outport: impl Into<String>) -> Self {
        self.collect.push((component.into(), outport.into()));
        self
    }

    /// Has the program feed an exported inport although it has a value: a default is dropped then, another value comes
    /// first. For runs that are [started](Self::start).
    pub fn feeding<T: Data>(mut self, export: &ExportedIn<T>) -> Self {
        self.fed.push(export.name().to_owned());
        self
    }

    /// Runs the graph on a runtime of its own, and waits for its end.
    ///
    /// # Errors
    /// See [`RunError`].
    ///
    /// # Panics
    /// In an `async` function: await the run there.
    pub fn wait(self) -> Result<Report, RunError> {
        let cores = || thread::available_parallelism().unwrap_or(NonZero::<usize>::MIN);
        let threads = self.threads.unwrap_or_else(cores).get();
        let mut builder = if threads == 1 { Builder::new_current_thread() } else { Builder::new_multi_thread() };
        let runtime = builder.worker_threads(threads).enable_all().build()?;
        runtime.block_on(async { self.begin(false)?.join().await })
    }

    /// Starts the run on the runtime that this is called in. What the graph exports and does not connect itself are its
    /// taps: the program [feeds](Run::feed) and [reads](Run::tap) them while the graph runs.
    ///
    /// # Errors
    /// The graph cannot run, or the system has refused memory or a thread.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub fn start(self) -> Result<Run, RunError> {
        self.begin(true)
    }

    fn begin(self, tapped: bool) -> Result<Run, RunError> {
        let (groups, collect) = self.outports()?;
        let payload = Value::new(());
        let plan = if tapped {
            let (tapped, _) = self.graph.tapped(&payload, &self.fed).map_err(PlanError::from)?;
            check(&tapped)?;
            Plan::with_taps(&self.graph, &payload, &self.fed, 0, &collect, None)?
        } else {
            check(&self.graph)?;
            Plan::new(&self.graph, 0, &collect, None)?
        };
        let issues = types::issues(&self.graph, &plan);
        if !issues.is_empty() {
            return Err(RunError::Types(issues));
        }
        let memory = Memory::new(&plan, SHARED)?;
        let collected: Vec<_> = collect.iter().map(|_| Arc::new(Collected::default())).collect();
        let handle = Handle::current();
        let taps = Taps::new(&plan);
        let (crew, tasks) = build(plan, memory, self.shows_inputs, &collected, &taps);
        let run = Run { crew, timeout: self.timeout, collected, groups, taps };
        // While nothing moves yet nobody is to take that for the end.
        run.crew.enter();
        for (task, thread) in tasks {
            match thread {
                None => drop(handle.spawn(task)),
                Some(name) => {
                    let handle = handle.clone();
                    thread::Builder::new().name(name).spawn(move || {
                        let _inside = handle.enter();
                        task.block();
                    })?;
                }
            }
        }
        run.crew.leave();
        Ok(run)
    }

    /// What is to be collected: by the name that it was given, the places of its parts in the list of components' outports.
    #[expect(clippy::type_complexity, reason = "two lists, read in one place")]
    fn outports(&self) -> Result<(Vec<(String, Vec<usize>)>, Vec<(String, String)>), RunError> {
        let (mut groups, mut all) = (Vec::new(), Vec::new());
        for (component, outport) in &self.collect {
            let end = self.graph.end(component).map_err(PlanError::from)?;
            let first = all.len();
            for &member in self.graph.members(&end) {
                all.extend(self.graph.nodes().get_index(member).map(|(name, _)| (name.clone(), outport.clone())));
            }
            groups.push((format!("{component}.{outport}"), (first..all.len()).collect()));
        }
        Ok((groups, all))
    }
}

fn check(graph: &Graph<Value>) -> Result<(), RunError> {
    let issues = graph::check(graph, &graph::Taps::new());
    if issues.is_empty() { Ok(()) } else { Err(RunError::Check(issues)) }
}

impl IntoFuture for Launch {
    type Output = Result<Report, RunError>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    /// Runs the graph on the runtime that this is awaited in. If it is dropped before its end, the run is stopped.
    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async { self.begin(false)?.join().await })
    }
}

/// A run under way. It is stopped when this is dropped.
#[must_use = "a run is stopped when this is dropped"]
pub struct Run {
    crew: Arc<Crew>,
    timeout: Option<Duration>,
    collected: Vec<Arc<Collected>>,
    groups: Vec<(String, Vec<usize>)>,
    taps: Taps,
}

impl fmt::Debug for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Run").field("elapsed", &self.crew.elapsed()).finish_non_exhaustive()
    }
}

impl Run {
    /// Takes the program's end of an exported inport, to feed the graph.
    ///
    /// ```
    /// use cascata::prelude::*;
    ///
    /// #[component]
    /// async fn split(#[inport] text: String, #[outport] word: Outport<'_, String>) {
    ///     for text in text.split(' ') {
    ///         word.send(text.to_owned()).await;
    ///     }
    /// }
    ///
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
    /// let graph = Graph::new();
    /// let split = graph.add("split", split());
    /// let (text, words) = (graph.export("text", split.text), graph.export("words", split.word));
    ///
    /// let run = graph.run().start()?;
    /// let (mut texts, mut words) = (run.feed(&text)?, run.tap(&words)?);
    /// assert!(texts.put("a rose".to_owned()).await);
    /// assert_eq!(words.next().await.as_deref(), Some("a"));
    /// assert_eq!(words.next().await.as_deref(), Some("rose"));
    /// texts.close();
    /// assert_eq!(words.next().await, None);
    /// let report = run.join().await?;
    /// assert_eq!((report.taps["text"].items, report.taps["words"].items), (1, 2));
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// It is no tap, was taken before, or is for values of another type.
    pub fn feed<T: Data>(&self, export: &ExportedIn<T>) -> Result<Feed<T>, TapError> {
        self.taps.feed(&self.crew, export)
    }

    /// Takes the program's end of an exported outport, to read what the graph sends there.
    ///
    /// # Errors
    /// As for [`feed`](Self::feed).
    pub fn tap<T: Data>(&self, export: &ExportedOut<T>) -> Result<Tap<T>, TapError> {
        self.taps.tap(&self.crew, export)
    }

    /// Waits for the end of the run.
    ///
    /// It closes what is fed, and discards what nobody reads: a tap that nobody has taken, or that this task has read. What
    /// another task reads is left to it, and waited for; so is a tap that was taken and not read yet. Await those that feed
    /// before, and drop what you do not read.
    ///
    /// # Cancel safety
    /// The run is stopped if this is dropped.
    ///
    /// # Errors
    /// What has gone wrong first. By then all components have ended; those that block have finished what they were at.
    pub async fn join(self) -> Result<Report, RunError> {
        self.taps.end(&self.crew.plan);
        let mut ended = pin!(std::future::poll_fn(|cx| self.crew.poll_ended(cx)));
        if let Some(after) = self.timeout {
            let rest = after.saturating_sub(self.crew.elapsed());
            if tokio::time::timeout(rest, &mut ended).await.is_err() {
                let unfinished = diagnosis::unfinished(&self.crew);
                self.crew.fail(RunError::Timeout { after, unfinished });
            }
        }
        ended.await;
        let mut failures = self.crew.take_failures().into_iter();
        match failures.next() {
            None => {
                let lengths: Vec<_> = self.collected.iter().map(|collected| collected.len()).collect();
                Ok(Report::new(&self.crew, &lengths, self.items()))
            }
            Some(RunError::Component(mut error)) => {
                error.others = failures.collect();
                Err(RunError::Component(error))
            }
            Some(error) => Err(error),
        }
    }

    /// Has all components end where they await, and waits for nothing.
    pub fn stop(&self) {
        self.crew.halt();
    }

    #[cfg(test)]
    pub(super) fn crew(&self) -> Arc<Crew> {
        self.crew.clone()
    }

    fn items(&self) -> IndexMap<String, Vec<Value>> {
        let items = |parts: &Vec<usize>| {
            let mut items: Vec<_> = parts.iter().flat_map(|&part| self.collected[part].take()).collect();
            // Where firings bear numbers; else they stay as they came, member by member.
            items.sort_by_key(|(number, _)| *number);
            items.into_iter().map(|(_, item)| item).collect()
        };
        self.groups.iter().map(|(name, parts)| (name.clone(), items(parts))).collect()
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        self.crew.halt();
    }
}
