//! Cascata.
