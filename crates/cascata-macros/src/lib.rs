//! The attribute `#[component]`: see the prelude of the crate `cascata`, which exports it.

#![forbid(unsafe_code)]

mod component;
mod parameter;
#[cfg(test)]
mod refused;

use proc_macro::TokenStream;

/// Makes a component of a function: its parameters are the ports.
///
/// - `#[inport] text: String`: a value of each firing. With `capacity = 20` or `unbounded`; with `default = 3`, for as long
///   as nothing is connected. One of type `Vec<T>` takes batches of `T`, or lists. One that may have had no value yet when
///   the component fires is `#[inport(latest)] rate: Option<f64>`, a port for values of type `f64`.
/// - `#[outport] word: Outport<'_, String>`: where values leave; `BlockingOutport` if the component blocks.
/// - `#[persist(HashSet::new)] seen: &mut HashSet<String>`: state that lasts between firings, and what makes it;
///   `#[persist]` alone for its default.
///
/// An underscore before the name of one that the function leaves alone is no part of the port's name.
///
/// The function returns `()`, or a `Result<(), E>` whose error ends the run. It is `async`; one that computes for long, or
/// waits for the system, is a plain `fn` under `#[component(blocking)]` and has a thread of its own.
/// `#[component(finish = totals)]` names a function that is called after the last firing, with all outports and then all
/// persistent values, in their order here.
///
/// What bears the name of the function afterwards is a function without parameters, which gives the definition, and the
/// type of the ports that a graph gives when it is added there.
#[proc_macro_attribute]
pub fn component(arguments: TokenStream, function: TokenStream) -> TokenStream {
    component::expand(arguments.into(), function.into()).unwrap_or_else(|error| error.into_compile_error()).into()
}
