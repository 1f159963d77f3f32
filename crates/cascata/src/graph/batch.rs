//! Items that arrive together.

use std::fmt;

use serde::{Deserialize, Serialize};

/// That an inport delivers its items in lists, and when a list is complete. With neither limit: at the end of the stream.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Batch {
    /// With so many items.
    pub size: Option<usize>,
    /// So many seconds after its first item.
    pub within: Option<f64>,
}

impl fmt::Display for Batch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self { size: None, within: None } => f.write_str("the whole stream as one list"),
            Self { size: Some(size), within: None } => write!(f, "lists of {size}"),
            Self { size: None, within: Some(within) } => write!(f, "lists of what comes within {within} s"),
            Self { size: Some(size), within: Some(within) } => write!(f, "lists of {size}, within {within} s"),
        }
    }
}
