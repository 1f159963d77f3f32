//! Components written in Rust, run on tokio.

mod files;
mod macros;
mod parts;
mod run;
mod taps;
mod typed;
