//! What is wrong with a graph as a whole.

use std::fmt;

use super::sentence;

/// Why a graph cannot run, as a sentence that also says how to mend it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Issue {
    /// An inport with neither producer nor value.
    Unfed {
        /// The inport, as component.port.
        port: String,
        /// Whether it was declared a trigger.
        trigger: bool,
    },
    /// Components that could fire only after one of themselves has.
    Cycle {
        /// The components.
        nodes: Vec<String>,
        /// The inports at which they wait for each other, as component.port.
        ports: Vec<String>,
    },
    /// A component that can never fire because those that feed it cannot.
    Starved {
        /// The component.
        node: String,
        /// Each inport that waits in vain, as component.port, with the components that feed it.
        waits: Vec<(String, Vec<String>)>,
    },
}

impl fmt::Display for Issue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unfed { port, trigger } => {
                let (port, role) = (port, if *trigger { " is to trigger firings, but" } else { ":" });
                write!(
                    f,
                    "{port}{role} nothing feeds it. Connect an outport to it (outport >> {port}) or give it a value \
                     ({port} < value)"
                )
            }
            Self::Cycle { nodes, ports } => {
                match nodes.as_slice() {
                    [node] => write!(f, "{node} can never fire, because it waits for itself: ")?,
                    _ => write!(f, "{} can never fire, because they wait for each other: ", sentence(nodes))?,
                }
                match ports.as_slice() {
                    [port] => write!(f, "give {port} an initial value ({port} < value)"),
                    _ => write!(f, "give one of the ports {} an initial value (port < value)", sentence(ports)),
                }
            }
            Self::Starved { node, waits } => {
                let waits: Vec<_> = waits.iter().map(|(port, from)| format!("{port} for {}", sentence(from))).collect();
                write!(f, "{node} can never fire, because what feeds it never does: it waits at {}", sentence(&waits))
            }
        }
    }
}
