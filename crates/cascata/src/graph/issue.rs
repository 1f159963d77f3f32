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
        /// The name that users of the graph have for it, if they see it.
        export: Option<String>,
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
    /// A group whose members do not agree on which of the inports that are shared out fire together.
    Uneven {
        /// The group.
        group: String,
        /// A member that differs from the first one.
        member: String,
        /// The inports that are shared out, as group.port.
        ports: Vec<String>,
    },
    /// Inports of a group that fire together, each of which is to decide who gets what.
    Contradiction {
        /// The inports, as group.port, with their policies.
        ports: Vec<(String, &'static str)>,
    },
}

impl fmt::Display for Issue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unfed { port, trigger, export } => {
                write!(f, "{port}")?;
                if let Some(export) = export {
                    write!(f, ", which is exported as {export},")?;
                }
                let role = match (trigger, export) {
                    (true, _) => " is to trigger firings, but nothing feeds it",
                    (false, Some(_)) => " is fed by nothing",
                    (false, None) => ": nothing feeds it",
                };
                write!(f, "{role}. Connect an outport to it (outport >> {port}) or give it a value ({port} < value)")
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
            Self::Uneven { group, member, ports } => {
                let ports = sentence(ports);
                write!(
                    f,
                    "the members of group {group} do not agree on what fires together at {ports}, which a group \
                     connector shares out: {member} differs from the first. Call sync and clk on {group} itself, not on \
                     its members"
                )
            }
            Self::Contradiction { ports } => {
                let named: Vec<_> = ports.iter().map(|(port, policy)| format!("{port} ({policy})")).collect();
                write!(
                    f,
                    "{} fire together, so one group connector shares out their items by rows, and only one of them can \
                     decide who gets a row. Keep the policy of that one, or call clk to have them fire apart",
                    sentence(&named)
                )
            }
        }
    }
}
