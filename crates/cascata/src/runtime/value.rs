//! The values of graphs written in Rust.

use std::{
    any::{Any, TypeId, type_name},
    fmt,
    sync::Arc,
};

use thiserror::Error;

use crate::{
    channel::{EncodeError, Encoder, Item, Loan},
    graph::json::Place,
};

/// What can travel through a graph written in Rust.
///
/// Implemented for every type that can. Each port behind an outport gets the value itself if it is the only one, a clone
/// otherwise; put what is costly to clone into an [`Arc`].
pub trait Data: Clone + Send + Sync + 'static {}

impl<T: Clone + Send + Sync + 'static> Data for T {}

/// A type, to compare and to name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kind {
    id: TypeId,
    name: &'static str,
}

impl Kind {
    /// That of `T`.
    pub fn of<T: 'static>() -> Self {
        Self { id: TypeId::of::<T>(), name: type_name::<T>() }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

/// A value whose type is known to those who send and receive it only. Inside the engine it passes by reference.
#[derive(Clone)]
pub struct Value(Arc<dyn Any + Send + Sync>);

/// The values of a batch: what is received of it is a `Vec`.
struct Batch(Vec<Value>);

/// A function that says for a value which member of a group it is for.
struct Key {
    function: Box<KeyFunction>,
    /// Where a file says that it is.
    place: Option<Place>,
}

type KeyFunction = dyn Fn(&Value) -> Result<u64, Mismatch> + Send + Sync;

/// What makes the first state of an instance.
struct Maker<T> {
    make: Box<dyn Fn() -> T + Send + Sync>,
    /// The value that it makes clones of, if it does.
    start: Option<Value>,
}

/// A value was of another type than the port it came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("a value is not of the type {expected} that is expected there")]
pub struct Mismatch {
    expected: &'static str,
}

impl Mismatch {
    fn new<T>() -> Self {
        Self { expected: type_name::<T>() }
    }
}

impl Value {
    /// A value of any type.
    ///
    /// ```
    /// use cascata::runtime::Value;
    ///
    /// let value = Value::new(5_u32);
    /// assert_eq!(value.clone().take::<u32>(), Ok(5));
    /// assert!(value.take::<String>().is_err());
    /// ```
    pub fn new<T: Any + Send + Sync>(value: T) -> Self {
        Self(Arc::new(value))
    }

    /// The function that gives items of type `T` their keys: those with equal keys meet the same member of a group.
    pub fn key<T: Data>(function: impl Fn(&T) -> u64 + Send + Sync + 'static) -> Self {
        Self::key_at(None, function)
    }

    /// The same for one that has a name.
    pub(super) fn key_at<T: Data>(place: Option<Place>, function: impl Fn(&T) -> u64 + Send + Sync + 'static) -> Self {
        let key = move |value: &Self| Ok(function(value.get::<T>().ok_or_else(Mismatch::new::<T>)?));
        Self::new(Key { function: Box::new(key), place })
    }

    /// Where a function that gives keys is, if it has a name.
    pub(super) fn key_place(&self) -> Option<&Place> {
        self.get::<Key>()?.place.as_ref()
    }

    /// What makes a persistent value of type `T`, once for each run and instance.
    pub fn maker<T: 'static>(make: impl Fn() -> T + Send + Sync + 'static) -> Self {
        Self::new(Maker::<T> { make: Box::new(make), start: None })
    }

    /// What makes a persistent value of type `T`: clones of this one. A file can tell it, if it can tell the value.
    pub fn starting<T: Data>(value: T) -> Self {
        let start = Some(Self::new(value.clone()));
        Self::new(Maker::<T> { make: Box::new(move || value.clone()), start })
    }

    /// The value that a persistent value of type `T` starts with, if it was given as such.
    pub(super) fn start<T: 'static>(&self) -> Option<&Self> {
        self.get::<Maker<T>>()?.start.as_ref()
    }

    pub(super) fn make<T: 'static>(&self) -> Result<T, Mismatch> {
        self.get::<Maker<T>>().map(|maker| (maker.make)()).ok_or_else(Mismatch::new::<T>)
    }

    /// The value, if it is of type `T`.
    pub fn get<T: Any>(&self) -> Option<&T> {
        self.0.downcast_ref()
    }

    /// The value itself, or a clone if others have it, too.
    ///
    /// # Errors
    /// It is of another type.
    pub fn take<T: Data>(self) -> Result<T, Mismatch> {
        self.0.downcast().map(Arc::unwrap_or_clone).map_err(|_| Mismatch::new::<T>())
    }

    /// The values of a batch, if it is one.
    pub(super) fn items(&self) -> Option<&[Self]> {
        self.get::<Batch>().map(|batch| &batch.0[..])
    }

    /// What tells it from all other values, as long as it is there.
    pub(super) fn address(&self) -> *const () {
        Arc::as_ptr(&self.0).cast()
    }

    /// The values of a batch, or a `Vec` that was sent as one value.
    ///
    /// # Errors
    /// It is neither, or of another type.
    pub fn take_list<T: Data>(self) -> Result<Vec<T>, Mismatch> {
        match self.0.downcast::<Batch>() {
            Ok(batch) => match Arc::try_unwrap(batch) {
                Ok(batch) => batch.0.into_iter().map(Self::take).collect(),
                Err(batch) => batch.0.iter().cloned().map(Self::take).collect(),
            },
            Err(other) => Self(other).take(),
        }
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Value")
    }
}

/// Whether they are one value: what they hold may not be comparable.
impl PartialEq for Value {
    fn eq(&self, other: &Self) -> bool {
        self.address() == other.address()
    }
}

impl Item for Value {
    type Error = Mismatch;

    /// Values do not leave the process: a plan for a run in one has no channel that would ask for this.
    fn encode(&self, _: &mut Encoder<'_>) -> Result<(), EncodeError<Mismatch>> {
        Err(EncodeError::Refused(Mismatch { expected: "bytes" }))
    }

    fn decode(_: &[u8], _: Vec<Loan>) -> Result<Self, Mismatch> {
        Err(Mismatch { expected: "bytes" })
    }

    fn key(&self, item: &Self) -> Result<u64, Mismatch> {
        self.get::<Key>().ok_or(Mismatch { expected: "a key function" }).and_then(|key| (key.function)(item))
    }

    fn list(items: Vec<Self>) -> Result<Self, Mismatch> {
        Ok(Self::new(Batch(items)))
    }
}
