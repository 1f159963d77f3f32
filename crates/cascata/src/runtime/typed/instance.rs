//! Components and groups in a graph.

use super::{In, Place, done};
use crate::{
    channel::lock,
    graph::{End, PortKind},
    runtime::Data,
};

/// A component or group in a graph: what `graph.add` gives, with a field for each of its ports.
///
/// What is done to a group is done to each of its members.
pub trait Instance<'graph>: Copy {
    /// The one at a place; for `#[component]`.
    #[doc(hidden)]
    fn at(place: Place<'graph>) -> Self;

    /// Where it is.
    fn place(self) -> Place<'graph>;

    /// Its name in the graph.
    fn name(self) -> String {
        self.place().name()
    }

    /// Makes one trigger group of these inports: the component fires on the next value of each.
    ///
    /// ```
    /// use cascata::prelude::*;
    ///
    /// #[component]
    /// async fn numbers(#[inport] end: u64, #[outport] number: Outport<'_, u64>) {
    ///     for k in 0..end {
    ///         number.send(k).await;
    ///     }
    /// }
    ///
    /// /// Fires on `a` and `b` together, with what came to `factor` last.
    /// #[component]
    /// async fn add(
    ///     #[inport] a: u64,
    ///     #[inport] b: u64,
    ///     #[inport(latest)] factor: Option<u64>,
    ///     #[outport] sum: Outport<'_, u64>,
    /// ) {
    ///     sum.send((a + b) * factor.unwrap_or(1)).await;
    /// }
    ///
    /// let graph = Graph::new();
    /// let (numbers, add) = (graph.add("numbers", numbers()), graph.add("add", add()));
    /// numbers.end.set(3);
    /// numbers.number >> add.a;
    /// numbers.number >> add.b;
    /// add.factor.set(10);
    /// add.sync((add.a, add.b));
    ///
    /// let report = graph.run().collect(add.sum).wait()?;
    /// assert_eq!(report.collected(add.sum), Some(vec![0, 20, 40]));
    /// # Ok::<_, RunError>(())
    /// ```
    ///
    /// # Panics
    /// One is no inport of the component, is named twice or is in a trigger group already.
    #[track_caller]
    fn sync(self, inports: impl Inports<'graph>) {
        let (place, ports) = (self.place(), self.place().names(inports));
        let name = place.name();
        done(lock(&place.graph.inner).sync(&name, &ports));
    }

    /// Makes a trigger group of each of these inports: the component fires on every value of any. A firing sees what came
    /// to the others last, so these are declared `#[inport(latest)]`.
    ///
    /// # Panics
    /// As for [`sync`](Self::sync).
    #[track_caller]
    fn clk(self, inports: impl Inports<'graph>) {
        let (place, ports) = (self.place(), self.place().names(inports));
        let name = place.name();
        done(lock(&place.graph.inner).clk(&name, &ports));
    }

    /// The members of the group, in the order of their numbers; of a component that is no group, itself.
    fn members(self) -> Vec<Self> {
        let place = self.place();
        let members = lock(&place.graph.inner).members(&place.end).to_vec();
        members.into_iter().map(|member| Self::at(Place { graph: place.graph, end: End::Node(member) })).collect()
    }
}

impl<'graph> Place<'graph> {
    /// The names of inports that are to be its own.
    #[track_caller]
    fn names(self, inports: impl Inports<'graph>) -> Vec<String> {
        let name = |(place, port): (Self, usize)| {
            let name = place.port(PortKind::Inport, port);
            let own = std::ptr::eq(place.graph, self.graph) && place.end == self.end;
            assert!(own, "{}.{name} is no inport of {}: name its own", place.name(), self.name());
            name
        };
        inports.places().into_iter().map(name).collect()
    }
}

/// Some inports of a component: one, a tuple of up to eight, or an array.
pub trait Inports<'graph> {
    /// Their components and positions.
    #[doc(hidden)]
    fn places(self) -> Vec<(Place<'graph>, usize)>;
}

impl<'graph, T: Data> Inports<'graph> for In<'graph, T> {
    fn places(self) -> Vec<(Place<'graph>, usize)> {
        vec![(self.place, self.port)]
    }
}

impl<'graph, T: Data, const N: usize> Inports<'graph> for [In<'graph, T>; N] {
    fn places(self) -> Vec<(Place<'graph>, usize)> {
        self.into_iter().flat_map(Inports::places).collect()
    }
}

macro_rules! tuples {
    ($($first:ident $($more:ident)*;)*) => {$(
        impl<'graph, $first: Data, $($more: Data),*> Inports<'graph>
            for (In<'graph, $first>, $(In<'graph, $more>,)*)
        {
            #[expect(non_snake_case, reason = "the names of the types serve for the values")]
            fn places(self) -> Vec<(Place<'graph>, usize)> {
                let ($first, $($more,)*) = self;
                vec![($first.place, $first.port), $(($more.place, $more.port)),*]
            }
        }
    )*};
}

tuples! {
    A;
    A B;
    A B C;
    A B C D;
    A B C D E;
    A B C D E F;
    A B C D E F G;
    A B C D E F G H;
}
