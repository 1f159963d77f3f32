//! Ports that users of a graph see, and graphs as parts of others.

use std::{fmt, marker::PhantomData};

use indexmap::IndexMap;
use thiserror::Error;

use super::{Graph, In, Out, Place, done};
use crate::{
    channel::lock,
    graph::{self, PortKind, sentence},
    runtime::{Data, Kind, Value, component::declared},
};

/// A port that a graph can [export](Graph::export): an [`In`] or an [`Out`].
pub trait Port<'graph>: Copy {
    /// What it is for those who use the graph.
    type Exported;

    /// Where it is, its kind, its position, and whether values of a group leave by it in order.
    #[doc(hidden)]
    fn parts(self) -> (Place<'graph>, PortKind, usize, bool);

    /// As an export of this name.
    #[doc(hidden)]
    fn exported(name: String) -> Self::Exported;
}

impl<'graph, T: Data> Port<'graph> for In<'graph, T> {
    type Exported = ExportedIn<T>;

    fn parts(self) -> (Place<'graph>, PortKind, usize, bool) {
        (self.place, PortKind::Inport, self.port, true)
    }

    fn exported(name: String) -> ExportedIn<T> {
        ExportedIn::named(name)
    }
}

impl<'graph, T: Data> Port<'graph> for Out<'graph, T> {
    type Exported = ExportedOut<T>;

    fn parts(self) -> (Place<'graph>, PortKind, usize, bool) {
        (self.place, PortKind::Outport, self.port, self.ordered)
    }

    fn exported(name: String) -> ExportedOut<T> {
        ExportedOut::named(name)
    }
}

/// What users of a graph have for one of its ports. It is no part of the graph, so that a function can give both.
pub trait Export {
    /// The port, where the graph is a part of another.
    type At<'graph>;

    /// Its name.
    fn name(&self) -> &str;

    /// Inport or outport.
    #[doc(hidden)]
    const KIND: PortKind;

    /// The type of its values.
    #[doc(hidden)]
    fn values() -> Kind;

    /// The port at a place.
    #[doc(hidden)]
    fn at(place: Place<'_>, port: usize, ordered: bool) -> Self::At<'_>;
}

macro_rules! exports {
    ($($(#[$doc:meta])* $name:ident $handle:ident $kind:ident |$place:ident, $port:ident, $ordered:ident| $at:expr;)*) => {$(
        $(#[$doc])*
        pub struct $name<T> {
            name: String,
            values: PhantomData<fn() -> T>,
        }

        impl<T> $name<T> {
            /// The export of this name, of a graph that was loaded, say. That there is one, for values of this type, shows
            /// where it is used.
            pub fn named(name: impl Into<String>) -> Self {
                Self { name: name.into(), values: PhantomData }
            }
        }

        impl<T> Clone for $name<T> {
            fn clone(&self) -> Self {
                Self { name: self.name.clone(), values: PhantomData }
            }
        }

        impl<T> fmt::Debug for $name<T> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_tuple(stringify!($name)).field(&self.name).finish()
            }
        }

        impl<T: Data> Export for $name<T> {
            type At<'graph> = $handle<'graph, T>;

            const KIND: PortKind = PortKind::$kind;

            fn name(&self) -> &str {
                &self.name
            }

            fn values() -> Kind {
                Kind::of::<T>()
            }

            fn at($place: Place<'_>, $port: usize, $ordered: bool) -> $handle<'_, T> {
                $at
            }
        }
    )*};
}

exports! {
    /// An inport that a graph exports, for values of type `T`.
    ExportedIn In Inport |place, port, _ordered| place.inport(port);
    /// An outport that a graph exports, for values of type `T`.
    ExportedOut Out Outport |place, port, ordered| {
        let out = place.outport(port);
        if ordered { out } else { out.unordered() }
    };
}

/// Why a port could not be had by the name under which it is exported.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ExportError {
    /// There is none of this name.
    #[error("there is no export {export}; there are: {}", sentence(exports))]
    Unknown {
        /// The name.
        export: String,
        /// Those there are.
        exports: Vec<String>,
    },
    /// It is an inport where an outport was asked for, or the other way round.
    #[error("the export {export} is an {is}, and was taken for an {asked}")]
    Direction {
        /// The name.
        export: String,
        /// What it is.
        is: PortKind,
        /// What was asked for.
        asked: PortKind,
    },
    /// It is for values of another type.
    #[error("the export {export} is for values of type {is}, and was taken for one of {asked}")]
    Values {
        /// The name.
        export: String,
        /// Their type.
        is: Kind,
        /// What was asked for.
        asked: Kind,
    },
}

/// The port that an export stands for, if it is one of `exports`, which are those of `graph` or of a part of it.
pub(in crate::runtime) fn resolve<E: Export>(
    graph: &graph::Graph<Value>,
    exports: &IndexMap<String, graph::Export>,
    export: &E,
) -> Result<graph::Export, ExportError> {
    let name = export.name();
    let Some(&found) = exports.get(name) else {
        return Err(ExportError::Unknown { export: name.to_owned(), exports: exports.keys().cloned().collect() });
    };
    if found.kind != E::KIND {
        return Err(ExportError::Direction { export: name.to_owned(), is: found.kind, asked: E::KIND });
    }
    let node = &graph.nodes()[graph.members(&found.end)[0]];
    let is = declared(&node.definition).map(|declared| match found.kind {
        PortKind::Inport => declared.inports[found.port].kind,
        _ => declared.outports[found.port].1,
    });
    match is.filter(|is| *is != E::values()) {
        Some(is) => Err(ExportError::Values { export: name.to_owned(), is, asked: E::values() }),
        None => Ok(found),
    }
}

/// A graph that was copied into another; see [`Graph::embed`].
#[derive(Clone)]
pub struct Subgraph<'graph> {
    graph: &'graph Graph,
    name: String,
}

impl fmt::Debug for Subgraph<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Subgraph").field(&self.name).finish()
    }
}

impl<'graph> Subgraph<'graph> {
    /// Its name, which all that is in it has in front of its own.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The port that an export is here.
    ///
    /// # Panics
    /// The graph that was copied does not export it; see [`try_port`](Self::try_port).
    #[track_caller]
    pub fn port<E: Export>(&self, export: &E) -> E::At<'graph> {
        self.try_port(export).unwrap_or_else(|error| panic!("{}: {error}", self.name))
    }

    /// The port that an export is here.
    ///
    /// # Errors
    /// The graph that was copied does not export it, or not for values of this type.
    pub fn try_port<E: Export>(&self, export: &E) -> Result<E::At<'graph>, ExportError> {
        let inner = lock(&self.graph.inner);
        let nothing = IndexMap::new();
        let exports = inner.subgraphs().get(&self.name).map_or(&nothing, |subgraph| &subgraph.exports);
        let found = resolve(&inner, exports, export)?;
        Ok(E::at(Place { graph: self.graph, end: found.end }, found.port, found.ordered))
    }
}

impl Graph {
    /// Lets users of the graph see a port, by this name: as a port of a [subgraph](Self::embed), or as a tap of a run.
    ///
    /// # Panics
    /// The name is empty or taken, or it is a port of another graph.
    #[track_caller]
    pub fn export<'graph, P: Port<'graph>>(&'graph self, name: &str, port: P) -> P::Exported {
        let (place, kind, position, ordered) = port.parts();
        let (of, port) = (place.name(), place.port(kind, position));
        assert!(std::ptr::eq(place.graph, self), "{of}.{port} is a port of another graph: export it there");
        done(lock(&self.inner).export(name, &of, (kind, &port), ordered, None));
        P::exported(name.to_owned())
    }

    /// Puts a copy of another graph into this one, with all that was said in it: every name in it gets `name_` in front.
    /// The same graph can be copied many times; what is said in it later stays without effect on copies.
    ///
    /// ```
    /// use cascata::prelude::*;
    ///
    /// #[component]
    /// async fn numbers(#[outport] number: Outport<'_, u64>) {
    ///     for k in 1..=3 {
    ///         number.send(k).await;
    ///     }
    /// }
    ///
    /// #[component]
    /// async fn square(#[inport] number: u64, #[outport] result: Outport<'_, u64>) {
    ///     result.send(number * number).await;
    /// }
    ///
    /// /// A graph that squares twice, with the ports to use it by.
    /// fn fourth() -> (Graph, ExportedIn<u64>, ExportedOut<u64>) {
    ///     let graph = Graph::new();
    ///     let (first, second) = (graph.add("first", square()), graph.add("second", square()));
    ///     first.result >> second.number;
    ///     let ports = (graph.export("number", first.number), graph.export("power", second.result));
    ///     (graph, ports.0, ports.1)
    /// }
    ///
    /// let (fourth, number, power) = fourth();
    /// let graph = Graph::new();
    /// let numbers = graph.add("numbers", numbers());
    /// let part = graph.embed("part", &fourth);
    /// numbers.number >> part.port(&number);
    ///
    /// let report = graph.run().collect(part.port(&power)).wait()?;
    /// assert_eq!(report.collected(part.port(&power)), Some(vec![1, 16, 81]));
    /// assert!(report.components.contains_key("part_first"));
    /// # Ok::<_, RunError>(())
    /// ```
    ///
    /// # Panics
    /// The name, or that of a part, is empty or taken.
    #[track_caller]
    pub fn embed(&self, name: &str, other: &Self) -> Subgraph<'_> {
        // A copy first: the other may be this one.
        let other = lock(&other.inner).clone();
        done(lock(&self.inner).embed(name, &other));
        Subgraph { graph: self, name: name.to_owned() }
    }
}
