//! What shows to be wrong with a document before its components are known.

use std::collections::HashSet;

use cascata_shm::MAX_WORKERS;

use super::document::{Document, Entry, Exported, Inport, VERSION};
use super::error::{FormatError, Path};
use crate::graph::MAX_MEMBERS;

/// Subgraphs that lie in each other, at most; serde reads little more.
pub(super) const DEEPEST: usize = 50;

/// The ways of sharing out.
const POLICIES: [&str; 4] = ["balanced", "round_robin", "broadcast", "keyed"];

type Checked = Result<(), FormatError>;

pub(super) fn document(document: &Document) -> Checked {
    graph(document, &Path::Root, 0)
}

fn graph(document: &Document, path: &Path<'_>, depth: usize) -> Checked {
    if depth > DEEPEST {
        return fail(path, format!("subgraphs lie in each other {DEEPEST} deep at most: flatten some"));
    }
    if let Some(version) = document.version.filter(|version| !(1..=VERSION).contains(version)) {
        let problem =
            format!("version {version} is not known here, where 1 to {VERSION} are: a newer Cascata reads it");
        return fail(&path.key("version"), problem);
    }
    let nodes = path.key("nodes");
    for (name, entry) in &document.nodes {
        component(document, name, entry, &nodes.key(name))?;
    }
    let groups = path.key("group_handles");
    for (name, entry) in &document.group_handles {
        group(entry, &groups.key(name))?;
    }
    let exports = path.key("exports");
    for (name, export) in &document.exports {
        if let Exported { component: None, group: None, .. } | Exported { component: Some(_), group: Some(_), .. } =
            export
        {
            return fail(&exports.key(name), "it is a port of one component or of one group: give one of these keys");
        }
    }
    let subgraphs = path.key("subgraphs");
    for (name, inner) in &document.subgraphs {
        graph(inner, &subgraphs.key(name), depth + 1)?;
    }
    let part = |name: &String| document.nodes.contains_key(name) || document.group_handles.contains_key(name);
    if let Some(name) = document.group_handles.keys().find(|&name| document.nodes.contains_key(name)) {
        return fail(&groups.key(name), "there is a component of this name: each part has a name of its own");
    }
    if let Some(name) = document.subgraphs.keys().find(|&name| part(name)) {
        return fail(
            &subgraphs.key(name),
            "there is a component or group of this name: each part has a name of its own",
        );
    }
    order(document, &path.key("order"))?;
    let edges: HashSet<_> = document.edges.iter().collect();
    let stray = document.unordered.iter().position(|edge| !edges.contains(edge));
    stray.map_or(Ok(()), |place| {
        let problem = "there is no such connection among the edges: unordered repeats some of them";
        fail(&path.key("unordered").index(place), problem)
    })
}

/// A component, which may be a member of a group.
fn component(document: &Document, name: &str, entry: &Entry, path: &Path<'_>) -> Checked {
    if entry.count.is_some() {
        let problem = "a component has no count: for a group, put the entry among the group_handles";
        return fail(&path.key("count"), problem);
    }
    settings(entry, path)?;
    let Some(Some(group)) = &entry.group else { return Ok(()) };
    let path = path.key("group");
    let Some(whole) = document.group_handles.get(group) else {
        return fail(&path, format!("there is no group {group} among the group_handles: give null if it is in none"));
    };
    if (&whole.module, &whole.class) != (&entry.module, &entry.class) {
        let (module, class) = (&whole.module, &whole.class);
        return fail(&path, format!("the members of {group} are instances of {module}.{class}, and this is not"));
    }
    let number = name.strip_prefix(group.as_str()).and_then(|rest| rest.strip_prefix('_'));
    let count = whole.count.unwrap_or(0);
    let is_member = number
        .is_some_and(|number| number.parse().is_ok_and(|value: usize| value < count && value.to_string() == number));
    if is_member {
        return Ok(());
    }
    fail(&path, format!("{group} has {count} members, {group}_0 and so on, and {name} is none of them"))
}

fn group(entry: &Entry, path: &Path<'_>) -> Checked {
    if entry.group.is_some() {
        return fail(&path.key("group"), "a group is a member of no group: drop the key");
    }
    match entry.count {
        None => return fail(path, "missing field `count`: how many members it has"),
        Some(count) if count > MAX_MEMBERS => {
            return fail(&path.key("count"), format!("a group has {MAX_MEMBERS} members at most, and not {count}"));
        }
        Some(_) => {}
    }
    settings(entry, path)
}

fn settings(entry: &Entry, path: &Path<'_>) -> Checked {
    if let Some(worker) = entry.worker.filter(|&worker| worker >= MAX_WORKERS) {
        let problem = format!("there is never a worker {worker}: give a number from 0 to {}", MAX_WORKERS - 1);
        return fail(&path.key("worker"), problem);
    }
    let inports = path.key("inports");
    entry.inports.iter().try_for_each(|(name, port)| inport(port, &inports.key(name)))
}

fn inport(port: &Inport, path: &Path<'_>) -> Checked {
    if port.within.is_some() && port.batch_size.is_none() {
        return fail(&path.key("within"), "the port delivers no batches: give batch_size, too, 0 for any size");
    }
    if port.explicit && port.initial.is_none() && !port.has_initial {
        return fail(&path.key("explicit"), "there is no initial value of which it could be said: drop the key");
    }
    let Some(policy) = &port.policy else {
        return match port.key {
            Some(_) => fail(&path.key("key"), "only the policy keyed has a key: give that, too"),
            None => Ok(()),
        };
    };
    let policy = policy.as_str();
    if !POLICIES.contains(&policy) {
        return fail(&path.key("policy"), format!("there is no policy {policy:?}; there are: {}", POLICIES.join(", ")));
    }
    match (&port.key, policy) {
        (None, "keyed") => fail(path, "the policy keyed needs a key: give the module and the name of the function"),
        (Some(_), other) if other != "keyed" => fail(&path.key("key"), format!("the policy {other} has no key")),
        _ => Ok(()),
    }
}

/// The order of the parts, if it is said: it names each of them once.
fn order(document: &Document, path: &Path<'_>) -> Checked {
    let Some(order) = &document.order else { return Ok(()) };
    let mut left: HashSet<_> = document.parts().collect();
    for (place, name) in order.iter().enumerate() {
        if !left.remove(name) {
            let problem = format!("{name} is no component, group or subgraph here, or was named before");
            return fail(&path.index(place), problem);
        }
    }
    match left.into_iter().min() {
        Some(missing) => fail(path, format!("{missing} is missing: name each component, group and subgraph once")),
        None => Ok(()),
    }
}

fn fail(path: &Path<'_>, problem: impl std::fmt::Display) -> Checked {
    Err(FormatError::new(path, problem))
}
