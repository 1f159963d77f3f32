//! What is wrong with a file, and where.

use std::fmt;

use thiserror::Error;

/// What is wrong with a graph as data, where, and how to mend it.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{path}: {problem}")]
pub struct FormatError {
    /// The offending entry, such as `nodes.split.inports.text.capacity`.
    pub path: String,
    /// What is wrong with it.
    pub problem: String,
}

impl FormatError {
    pub(super) fn new(path: &Path<'_>, problem: impl fmt::Display) -> Self {
        Self { path: path.to_string(), problem: problem.to_string() }
    }
}

/// Where an entry stands: in what, and by which key or position.
#[derive(Debug, Clone, Copy)]
pub(super) enum Path<'a> {
    Root,
    Key(&'a Path<'a>, &'a str),
    Index(&'a Path<'a>, usize),
}

impl Path<'_> {
    pub(super) fn key<'a>(&'a self, key: &'a str) -> Path<'a> {
        Path::Key(self, key)
    }

    pub(super) fn index(&self, index: usize) -> Path<'_> {
        Path::Index(self, index)
    }
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Path::Root => f.write_str("the graph"),
            Path::Key(Path::Root, key) if is_word(key) => f.write_str(key),
            Path::Key(Path::Root, key) => write!(f, "[{}]", quoted(key)),
            Path::Key(above, key) if is_word(key) => write!(f, "{above}.{key}"),
            Path::Key(above, key) => write!(f, "{above}[{}]", quoted(key)),
            Path::Index(Path::Root, index) => write!(f, "[{index}]"),
            Path::Index(above, index) => write!(f, "{above}[{index}]"),
        }
    }
}

fn is_word(key: &str) -> bool {
    !key.is_empty() && key.len() <= MOST && key.chars().all(|letter| letter.is_alphanumeric() || letter == '_')
}

/// A key that could not be told from what is around it, or would fill the message.
fn quoted(key: &str) -> String {
    let mut short: String = key.chars().take(MOST).collect();
    if short.len() < key.len() {
        short.push('…');
    }
    format!("{short:?}")
}

/// Letters of a key that a message shows.
const MOST: usize = 60;
