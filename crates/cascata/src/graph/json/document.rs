//! A graph as it stands in a file.
//!
//! What a reader of the first version knows is always there: of an inport `capacity`, `initial` and `batch_size`. What is
//! new is there only if it says something.

use std::fmt;

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use serde_json::error::Category;
use serde_json::value::RawValue;

use super::error::{FormatError, Path};
use super::strict::{self, Object};

/// The version of the files that are written. Those of the system before this one have none.
pub(super) const VERSION: usize = 2;

/// A value, as the JSON text that it has in a file.
#[derive(Clone, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Json(Box<RawValue>);

impl Json {
    /// A value from its text.
    ///
    /// # Errors
    ///
    /// If the text is no JSON.
    pub fn new(text: String) -> serde_json::Result<Self> {
        RawValue::from_string(text).map(Self)
    }

    /// The text.
    pub fn text(&self) -> &str {
        self.0.get()
    }

    pub(super) fn null() -> Self {
        Self(RawValue::NULL.to_owned())
    }

    pub(super) fn is_null(&self) -> bool {
        self.text() == "null"
    }
}

impl PartialEq for Json {
    fn eq(&self, other: &Self) -> bool {
        self.text() == other.text()
    }
}

impl fmt::Debug for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

/// A graph, or a subgraph, with names as they are without its own in front.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Document {
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "strict::number")]
    pub version: Option<usize>,
    /// The components that are no members of groups, and members of which more is to be said than of the others.
    #[serde(deserialize_with = "strict::objects")]
    pub nodes: IndexMap<String, Entry>,
    pub edges: Vec<Edge>,
    #[serde(deserialize_with = "strict::objects")]
    pub group_handles: IndexMap<String, Entry>,
    #[serde(deserialize_with = "strict::objects")]
    pub exports: IndexMap<String, Exported>,
    #[serde(deserialize_with = "strict::objects")]
    pub subgraphs: IndexMap<String, Document>,
    /// Components, groups and subgraphs as they were added, if it was not in this order.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "strict::present")]
    pub order: Option<Vec<String>>,
    /// Those of the edges that deliver what a group sends as it comes.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unordered: Vec<Edge>,
    /// Components and groups that run on one worker.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub together: Vec<Vec<String>>,
}

/// A connection: component or group, outport, component or group, inport.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "Vec<String>")]
pub(super) struct Edge(pub String, pub String, pub String, pub String);

impl TryFrom<Vec<String>> for Edge {
    type Error = String;

    fn try_from(names: Vec<String>) -> Result<Self, String> {
        let names: [String; 4] = names.try_into().map_err(|names: Vec<_>| {
            format!("a connection has four names, component, outport, component, inport, and this has {}", names.len())
        })?;
        let [from, outport, to, inport] = names;
        Ok(Self(from, outport, to, inport))
    }
}

/// A component or a group.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Entry {
    pub module: String,
    pub class: String,
    /// Of a component: the group that it is a member of.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "strict::present")]
    pub group: Option<Option<String>>,
    /// Of a group: how many members it has.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "strict::count")]
    pub count: Option<usize>,
    #[serde(default, deserialize_with = "strict::objects")]
    pub inports: IndexMap<String, Inport>,
    /// Persistent values of which something is said.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty", deserialize_with = "strict::objects")]
    pub persists: IndexMap<String, Persist>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub triggers: Vec<Vec<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "strict::positive")]
    pub cost: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "strict::not_negative")]
    pub traffic: Option<f64>,
    /// The worker that it runs on.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "strict::number")]
    pub worker: Option<usize>,
}

/// An inport.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Inport {
    /// Left out: as declared. `null`: without bound.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "strict::capacity")]
    pub capacity: Option<Option<usize>>,
    /// The value on the port as it stands; `null` for none.
    pub initial: Option<Json>,
    /// That `null` is the value.
    #[serde(skip_serializing_if = "is_false")]
    pub has_initial: bool,
    /// That a value which is also the declared default stays when the port gets connected.
    #[serde(skip_serializing_if = "is_false")]
    pub explicit: bool,
    /// How many items a batch has; 0 is without limit, `null` for no batches.
    #[serde(deserialize_with = "strict::batch_size")]
    pub batch_size: Option<usize>,
    /// Seconds after which a batch is delivered as it is.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "strict::positive")]
    pub within: Option<f64>,
    /// Of a group: how it shares out what comes here.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "strict::present")]
    pub policy: Option<String>,
    /// What gives the keys, if that is `keyed`.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "strict::object")]
    pub key: Option<Function>,
}

/// A function, by where it can be imported from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Function {
    pub module: String,
    pub function: String,
}

/// What a persistent value starts with.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Persist {
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "strict::object")]
    pub arguments: Option<Arguments>,
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "strict::present")]
    pub state: Option<Json>,
}

/// What the initialiser of a persistent value is called with.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Arguments {
    /// By position.
    pub args: Vec<Json>,
    /// By name.
    #[serde(deserialize_with = "strict::values")]
    pub kwargs: IndexMap<String, Json>,
}

/// A port that users of the graph see.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Exported {
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "strict::present")]
    pub component: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "strict::present")]
    pub group: Option<String>,
    pub port: String,
    /// Whether connections from it gather in order.
    #[serde(default = "yes", skip_serializing_if = "is_true")]
    pub ordered: bool,
}

impl Document {
    /// The names of components that are no members, of groups and of subgraphs.
    pub(super) fn parts(&self) -> impl Iterator<Item = &String> {
        let alone = self.nodes.iter().filter(|(_, entry)| !matches!(entry.group, Some(Some(_)))).map(|(name, _)| name);
        alone.chain(self.group_handles.keys()).chain(self.subgraphs.keys())
    }

    /// Reads the text of a file, without looking at what it comes to.
    pub(super) fn parse(text: &str) -> Result<Self, FormatError> {
        let mut deserializer = serde_json::Deserializer::from_str(text);
        let Object(document) = serde_path_to_error::deserialize(&mut deserializer).map_err(|error| misread(&error))?;
        deserializer.end().map_err(|error| FormatError::new(&Path::Root, error))?;
        Ok(document)
    }
}

fn misread(error: &serde_path_to_error::Error<serde_json::Error>) -> FormatError {
    use serde_path_to_error::Segment;

    let inner = error.inner();
    let segments: Vec<_> = error.path().iter().collect();
    let mut problem = inner.to_string();
    if inner.classify() == Category::Data || !segments.is_empty() {
        // The path says it better.
        let place = format!(" at line {} column {}", inner.line(), inner.column());
        problem.truncate(problem.strip_suffix(&place).map_or(problem.len(), str::len));
    }
    fn told(segments: &[&Segment], path: &Path<'_>, problem: &str) -> FormatError {
        match segments {
            [] => FormatError::new(path, problem),
            [Segment::Seq { index }, rest @ ..] => told(rest, &path.index(*index), problem),
            [Segment::Map { key } | Segment::Enum { variant: key }, rest @ ..] => told(rest, &path.key(key), problem),
            [Segment::Unknown, rest @ ..] => told(rest, path, problem),
        }
    }
    told(&segments, &Path::Root, &problem)
}

fn yes() -> bool {
    true
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
fn is_true(value: &bool) -> bool {
    *value
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
fn is_false(value: &bool) -> bool {
    !value
}
