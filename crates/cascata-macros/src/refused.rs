//! What is said of functions that are no components, and where it points.

use crate::component::expand;

/// What is said of the function under `#[component(arguments)]`, and the part of the source that it points at.
fn said(arguments: &str, function: &str) -> (String, String) {
    let error = expand(arguments.parse().unwrap(), function.parse().unwrap()).unwrap_err();
    (error.to_string(), error.span().source_text().unwrap())
}

#[track_caller]
fn refused(arguments: &str, function: &str, text: &str, place: &str) {
    assert_eq!(said(arguments, function), (text.to_owned(), place.to_owned()));
}

#[test]
fn parameters_that_are_no_ports() {
    let text = "parameter y is no port: mark each parameter as #[inport], #[outport] or #[persist(...)]";
    refused("", "async fn c(#[inport] x: u8, y: u8) {}", text, "y");
    let text = "parameter x is marked twice: mark each parameter as #[inport], #[outport] or #[persist(...)] once";
    refused("", "async fn c(#[inport] #[outport] x: u8) {}", text, "#[outport]");
    refused("", "async fn c(&self) {}", "a component is a function of its own: it has no self", "&self");
    refused("", "async fn c(#[inport] (a, b): P) {}", "a port needs a name: write a plain identifier", "(a, b)");
}

#[test]
fn inports() {
    let text = "an inport takes capacity = …, unbounded, default = … and latest";
    refused("", "async fn c(#[inport(size = 3)] x: u8) {}", text, "size");
    let text = "a firing owns its values: take the type without the reference";
    refused("", "async fn c(#[inport] x: &str) {}", text, "&str");
    let text = "what may have had no value yet is an Option: write Option<T>";
    refused("", "async fn c(#[inport(latest)] x: u8) {}", text, "latest");
}

#[test]
fn outports_and_state() {
    let text = "an outport is an Outport<'_, T>, or a BlockingOutport<'_, T> if the component blocks";
    refused("", "async fn c(#[outport] x: Vec<u8>) {}", text, "Vec<u8>");
    let text = "state is borrowed by each firing: write &mut before its type";
    refused("", "async fn c(#[persist] x: u8) {}", text, "u8");
    refused("", "async fn c(#[persist] x: &u8) {}", text, "&u8");
}

#[test]
fn functions() {
    refused("", "fn c() {}", "a component is an async fn, or one that blocks: #[component(blocking)]", "fn");
    let text = "a component that blocks is a plain fn: leave out async or blocking";
    refused("blocking", "async fn c() {}", text, "blocking");
    let text = "a component cannot be generic: its ports have types of their own";
    refused("", "async fn c<T>(#[inport] x: T) {}", text, "<T>");
    refused("quick", "async fn c() {}", "a component takes blocking and finish = …, not quick", "quick");
}
