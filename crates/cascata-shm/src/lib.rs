//! Shared memory for Cascata.
