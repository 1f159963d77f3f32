//! Files of the system before this one, which have no version.
//!
//! There the names in a subgraph have its own in front, and the graph around it says once more what is in it.

use std::collections::HashSet;

use serde::Deserialize;

use super::document::{Document, Edge, VERSION};
use super::error::{FormatError, Path};
use super::strict::Object;

/// Makes of a document, and of those in it, one of the version that is written.
pub(super) fn modernise(document: &mut Document) -> Result<(), FormatError> {
    graph(document, &Path::Root, 1)
}

/// What is of the version that counts where nothing is said.
fn graph(document: &mut Document, path: &Path<'_>, version: usize) -> Result<(), FormatError> {
    let version = document.version.unwrap_or(version);
    let subgraphs = path.key("subgraphs");
    if version < VERSION {
        no_ports_as_values(document, path)?;
        let Document { nodes, edges, subgraphs: parts, .. } = document;
        for (name, inner) in parts {
            let prefix = format!("{name}_");
            strip(inner, &prefix, &subgraphs.key(name))?;
            for (node, entry) in &mut inner.nodes {
                if let Some(again) = nodes.shift_remove(&format!("{prefix}{node}")) {
                    *entry = again;
                }
            }
            let inside: HashSet<_> = inner.edges.iter().map(|edge| prefixed(edge, &prefix)).collect();
            edges.retain(|edge| !inside.contains(edge));
        }
    }
    for (name, inner) in &mut document.subgraphs {
        graph(inner, &subgraphs.key(name), version)?;
    }
    Ok(())
}

/// Takes the name of a subgraph off the names in it.
fn strip(document: &mut Document, prefix: &str, path: &Path<'_>) -> Result<(), FormatError> {
    let stripped = |name: &str, path: &Path<'_>| {
        name.strip_prefix(prefix).map(str::to_owned).ok_or_else(|| {
            let problem =
                format!("{name} is in a subgraph, where names begin with {prefix} in files without a version");
            FormatError::new(path, problem)
        })
    };
    for (key, entries) in [("nodes", &mut document.nodes), ("group_handles", &mut document.group_handles)] {
        let path = path.key(key);
        for (name, mut entry) in std::mem::take(entries) {
            let path = path.key(&name);
            if let Some(Some(group)) = &mut entry.group {
                *group = stripped(group, &path.key("group"))?;
            }
            entries.insert(stripped(&name, &path)?, entry);
        }
    }
    let edges = path.key("edges");
    for (place, edge) in document.edges.iter_mut().enumerate() {
        for name in [&mut edge.0, &mut edge.2] {
            *name = stripped(name, &edges.index(place))?;
        }
    }
    let exports = path.key("exports");
    for (export, exported) in &mut document.exports {
        for name in [&mut exported.component, &mut exported.group].into_iter().flatten() {
            *name = stripped(name, &exports.key(export))?;
        }
    }
    Ok(())
}

fn prefixed(edge: &Edge, prefix: &str) -> Edge {
    Edge(format!("{prefix}{}", edge.0), edge.1.clone(), format!("{prefix}{}", edge.2), edge.3.clone())
}

/// Refuses ports that start from the first item of an outport, which that system knew and this one does not.
fn no_ports_as_values(document: &Document, path: &Path<'_>) -> Result<(), FormatError> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Outport {
        component: String,
        port: String,
    }

    for (key, entries) in [("nodes", &document.nodes), ("group_handles", &document.group_handles)] {
        let path = path.key(key);
        for (name, entry) in entries {
            let path = path.key(name);
            let path = path.key("inports");
            for (inport, described) in &entry.inports {
                let text = described.initial.as_ref().map_or("", |value| value.text());
                if let Ok(Object(Outport { component, port })) = serde_json::from_str(text) {
                    let problem = format!(
                        "an inport cannot start from the outport {component}.{port}: connect the two, and leave the inport \
                         out of the triggers to have it keep the latest value"
                    );
                    return Err(FormatError::new(&path.key(inport).key("initial"), problem));
                }
            }
        }
    }
    Ok(())
}
