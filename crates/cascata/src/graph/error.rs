//! What can be wrong about a step of building a graph.

use std::fmt;

use thiserror::Error;

/// The three kinds of things a component declares.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PortKind {
    /// Where values enter.
    Inport,
    /// Where values leave.
    Outport,
    /// State kept between firings.
    Persist,
}

impl fmt::Display for PortKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Inport => "inport",
            Self::Outport => "outport",
            Self::Persist => "persistent value",
        })
    }
}

/// What is wrong about a step of building a graph, where, and how to mend it. The graph is as it was before the step.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum GraphError {
    /// A definition without a name.
    #[error("a component needs a name: the one given is empty")]
    UnnamedDefinition,
    /// A port without a name.
    #[error("component {definition} declares a port with an empty name ({kind}): give it one")]
    UnnamedPort {
        /// The component.
        definition: String,
        /// What was declared.
        kind: PortKind,
    },
    /// Two ports or persistent values of one name.
    #[error("component {definition} declares {port} twice: give each port and persistent value a name of its own")]
    DuplicatePort {
        /// The component.
        definition: String,
        /// The name.
        port: String,
    },
    /// A channel that could hold nothing.
    #[error("inport {port} of component {definition} has capacity 0: it must be 1 or more, or None for no bound")]
    ZeroCapacity {
        /// The component.
        definition: String,
        /// The inport.
        port: String,
    },
    /// A node, group or subgraph without a name.
    #[error("a component of a graph needs a name: the one given is empty")]
    Unnamed,
    /// A name that is taken.
    #[error("the graph has {taken} {name} already: choose another name")]
    NameTaken {
        /// The name.
        name: String,
        /// What has it, with an article.
        taken: &'static str,
    },
    /// A group or subgraph of which a part would have a name that is taken.
    #[error(
        "{whole} {name} cannot have a part {part}, because the graph has {taken} {part} already: choose another name for \
         the {whole}"
    )]
    PartTaken {
        /// Group or subgraph.
        whole: &'static str,
        /// Its name.
        name: String,
        /// The name of the part.
        part: String,
        /// What has it, with an article.
        taken: &'static str,
    },
    /// A group of nothing.
    #[error("group {group} is to have 0 members: give it 1 or more")]
    EmptyGroup {
        /// The group.
        group: String,
    },
    /// A group of instances of several components.
    #[error("group {group} is to have members of different components, {first} and {other}: give it instances of one")]
    MixedGroup {
        /// The group.
        group: String,
        /// The first member's component.
        first: String,
        /// Another member's.
        other: String,
    },
    /// An export that cannot be one.
    #[error(
        "{port} cannot be exported: users of a graph see inports and outports; persistent values are its own matter"
    )]
    NoExport {
        /// The persistent value, as component.name.
        port: String,
    },
    /// To be fed, and no tap.
    #[error(
        "{export} cannot be fed: it is no exported inport to which nothing is connected; {}",
        known("such export", exports)
    )]
    NoTap {
        /// The name.
        export: String,
        /// Those that can.
        exports: Vec<String>,
    },
    /// A policy for what is no port of a group.
    #[error(
        "{node}.{port} cannot be {policy}: {node} is one component, and only a group shares out what comes to it; \
         drop the policy"
    )]
    NoGroup {
        /// The component.
        node: String,
        /// The inport.
        port: String,
        /// The policy.
        policy: &'static str,
    },
    /// Two policies for one port.
    #[error(
        "{group}.{port} cannot be {policy}, because it is {present} already{}: a group connector shares out \
         everything that comes to a port in one way",
        if present == policy { ", by another function" } else { "" }
    )]
    OtherPolicy {
        /// The group.
        group: String,
        /// The inport.
        port: String,
        /// The policy it has.
        present: &'static str,
        /// The one asked for.
        policy: &'static str,
    },
    /// A name that is not in the graph.
    #[error("the graph has no component {node}; {}", known("component", nodes))]
    UnknownNode {
        /// The name.
        node: String,
        /// Those there are.
        nodes: Vec<String>,
    },
    /// A port that the component does not have.
    #[error("{node} has no {kind} {port}{}; {}", hint(*is), known(&kind.to_string(), ports))]
    UnknownPort {
        /// The component.
        node: String,
        /// The name.
        port: String,
        /// What was looked for.
        kind: PortKind,
        /// What goes by this name instead.
        is: Option<PortKind>,
        /// The ports of the kind that there are.
        ports: Vec<String>,
    },
    /// The same connection again.
    #[error(
        "{from} is connected to {to} already{}: one connection carries every item, drop the second one",
        other.as_ref().map_or_else(String::new, |other| format!(" by {other}"))
    )]
    DuplicateEdge {
        /// The outport, as component.port.
        from: String,
        /// The inport, as component.port.
        to: String,
        /// The connection between groups that brings it.
        other: Option<String>,
    },
    /// A batch that could hold nothing.
    #[error("{port} cannot deliver batches of 0 items: give 1 or more, or no size for the whole stream")]
    EmptyBatch {
        /// The inport, as component.port.
        port: String,
    },
    /// A batch that is due when no clock can tell.
    #[error("{port} cannot deliver a batch within {within} s: give a finite number of seconds above 0")]
    BatchTime {
        /// The inport, as component.port.
        port: String,
        /// What was given.
        within: String,
    },
    /// Two different batches for one inport.
    #[error(
        "{port} delivers {is} already and cannot deliver {asked}, too: a batch belongs to the inport and merges all that \
         is connected to it, so ask for the same each time"
    )]
    OtherBatch {
        /// The inport, as component.port.
        port: String,
        /// What was said first.
        is: String,
        /// What was asked for now.
        asked: String,
    },
    /// A trigger group of no ports.
    #[error("{call} on {node} names no port: name the inports that are to trigger it, of: {}", sentence(ports))]
    NoTriggers {
        /// `sync` or `clk`.
        call: &'static str,
        /// The component.
        node: String,
        /// Its inports.
        ports: Vec<String>,
    },
    /// A port in two trigger groups.
    #[error("{port} is in a trigger group already: a port can be in one of them only")]
    TriggerTwice {
        /// The inport, as component.port.
        port: String,
    },
    /// A port named twice when declaring triggers.
    #[error("{call} names {node}.{port} twice: name each port once")]
    NamedTwice {
        /// `sync` or `clk`.
        call: &'static str,
        /// The component.
        node: String,
        /// The inport.
        port: String,
    },
    /// A weight out of range.
    #[error("the {what} of {node} cannot be {value}: it must be a finite number, {bound}")]
    Weight {
        /// The component.
        node: String,
        /// Cost or traffic.
        what: &'static str,
        /// What was given.
        value: String,
        /// What is allowed.
        bound: &'static str,
    },
    /// Nobody to run together.
    #[error("to run together takes two components or more, and {} named", match nodes.as_slice() {
        [] => "none was".to_owned(),
        names => format!("only {} was", sentence(names)),
    })]
    NothingTogether {
        /// The components that were named.
        nodes: Vec<String>,
    },
}

fn known(what: &str, names: &[String]) -> String {
    if names.is_empty() { format!("there is no {what}") } else { format!("there are: {}", shortened(names).join(", ")) }
}

fn hint(is: Option<PortKind>) -> &'static str {
    match is {
        None => "",
        Some(PortKind::Inport) => " (it is an inport)",
        Some(PortKind::Outport) => " (it is an outport)",
        Some(PortKind::Persist) => " (it is a persistent value)",
    }
}

/// "a", "a and b", "a, b and c".
pub(crate) fn sentence(names: &[String]) -> String {
    match shortened(names).as_slice() {
        [] => "none".to_owned(),
        [name] => name.clone(),
        [most @ .., last] => format!("{} and {last}", most.join(", ")),
    }
}

/// The names, or as many as a message can hold.
fn shortened(names: &[String]) -> Vec<String> {
    const MOST: usize = 20;
    if names.len() <= MOST {
        return names.to_vec();
    }
    let more = format!("{} more", names.len() - MOST);
    names[..MOST].iter().cloned().chain([more]).collect()
}
