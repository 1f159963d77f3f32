//! The colours of all formats: dark on light, and lines that are seen on light and on dark pages.

/// Texts.
pub(super) const INK: &str = "#1f2937";
/// Texts that matter less.
pub(super) const MUTED: &str = "#526071";
/// Outlines and arrows.
pub(super) const LINE: &str = "#6f7d8f";
/// Components.
pub(super) const PAPER: &str = "#ffffff";
/// The heads of components whose worker is not known.
pub(super) const HEAD: &str = "#e8edf3";
/// Group connectors.
pub(super) const CONNECTOR: &str = "#fdf3d8";
/// Exports.
pub(super) const EXPORT: &str = "#e3f1e5";

/// The heads of components by worker; as light as the ink on them needs it. Workers beyond have these once more.
const WORKERS: [&str; 10] =
    ["#cfe2ff", "#ffd9b8", "#cdebc5", "#f6cfe0", "#e0d4f7", "#fbeaa6", "#c3ebe8", "#f9cdc5", "#dbe3b6", "#d9d9de"];

/// The colour of a worker.
pub(super) fn worker(number: usize) -> &'static str {
    WORKERS[number % WORKERS.len()]
}

/// The colour of a frame that lies in so many others.
pub(super) fn frame(depth: usize) -> &'static str {
    if depth.is_multiple_of(2) { "#f4f6f9" } else { "#e9edf2" }
}
