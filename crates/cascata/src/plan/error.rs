//! Why a plan cannot be made.

use thiserror::Error;

use crate::graph::{GraphError, sentence};

/// Why a plan cannot be made.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum PlanError {
    /// A name that the graph does not know.
    #[error(transparent)]
    Graph(#[from] GraphError),
    /// A component was pinned to a worker that there is not.
    #[error(
        "{node} is placed on worker {worker}, but this plan has {workers}, counted from 0: \
         ask for at least {} workers or place it on a lower one", worker + 1
    )]
    NoSuchWorker {
        /// The component.
        node: String,
        /// The worker it was pinned to.
        worker: usize,
        /// How many there are.
        workers: usize,
    },
    /// Components that are to run together were pinned to different workers.
    #[error("{} are to run together, but {}: drop one of these orders", sentence(nodes), pinned(pins))]
    Contradiction {
        /// All that are to run together.
        nodes: Vec<String>,
        /// Those of them that are pinned, with their workers.
        pins: Vec<(String, usize)>,
    },
    /// An outport was to be collected twice.
    #[error("{node}.{port} is to be collected twice: name each outport once")]
    CollectedTwice {
        /// The component.
        node: String,
        /// Its outport.
        port: String,
    },
    /// A measured weight that is not a number from 0.
    #[error("the {what} measured for {node} is {value}: it must be a finite number, 0 or more")]
    Weight {
        /// The component.
        node: String,
        /// Cost or traffic.
        what: &'static str,
        /// What was given.
        value: String,
    },
}

fn pinned(pins: &[(String, usize)]) -> String {
    let parts: Vec<_> = pins.iter().map(|(node, worker)| format!("{node} is placed on worker {worker}")).collect();
    sentence(&parts)
}
