//! Readers of entries that take nothing for something else: no list for an object, no `true` for 1, no key twice.

use std::fmt;
use std::marker::PhantomData;

use indexmap::IndexMap;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, Error, MapAccess, Unexpected, Visitor};

use super::document::Json;

/// More than any channel can count, batches can hold, and so on.
const MOST: u64 = i64::MAX as u64;

/// A `T` that is written as an object; left to itself, serde takes a list of the values, too.
pub(super) struct Object<T>(pub(super) T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ObjectVisitor<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for ObjectVisitor<T> {
            type Value = Object<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
                T::deserialize(MapAccessDeserializer::new(map)).map(Object)
            }
        }

        deserializer.deserialize_map(ObjectVisitor(PhantomData))
    }
}

/// An object, if it is there.
pub(super) fn object<'de, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    Object::deserialize(deserializer).map(|Object(object)| Some(object))
}

/// Objects by name, each name once.
pub(super) fn objects<'de, T, D>(deserializer: D) -> Result<IndexMap<String, T>, D::Error>
where
    T: Deserialize<'de>,
    D: Deserializer<'de>,
{
    let named = deserializer.deserialize_map(Named(PhantomData::<Object<T>>))?;
    Ok(named.into_iter().map(|(name, Object(entry))| (name, entry)).collect())
}

/// Any values by name, each name once.
pub(super) fn values<'de, D: Deserializer<'de>>(deserializer: D) -> Result<IndexMap<String, Json>, D::Error> {
    deserializer.deserialize_map(Named(PhantomData))
}

struct Named<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for Named<T> {
    type Value = IndexMap<String, T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object, with names as keys")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut entries = IndexMap::new();
        while let Some(name) = map.next_key::<String>()? {
            let entry = map.next_value()?;
            if let Some(_twice) = entries.insert(name.clone(), entry) {
                return Err(A::Error::custom(format!("{name:?} is there twice: keep one of the entries")));
            }
        }
        Ok(entries)
    }
}

/// Something that may be left out but is not `null`, unless that is a value.
pub(super) fn present<'de, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

/// How many items a channel holds.
pub(super) fn capacity<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<usize>>, D::Error> {
    let whole = Whole { least: 1, expecting: "a whole number, 1 or more, or null for no bound" };
    deserializer.deserialize_any(OrNull(whole)).map(Some)
}

/// How many items a batch has.
pub(super) fn batch_size<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<usize>, D::Error> {
    let expecting = "a whole number, 1 or more, 0 for batches of any size, or null for no batches";
    deserializer.deserialize_any(OrNull(Whole { least: 0, expecting }))
}

/// How many members a group has.
pub(super) fn count<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<usize>, D::Error> {
    deserializer.deserialize_any(Whole { least: 1, expecting: "a whole number of members, 1 or more" }).map(Some)
}

/// The number of a worker, or of a version.
pub(super) fn number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<usize>, D::Error> {
    deserializer.deserialize_any(Whole { least: 0, expecting: "a whole number, 0 or more" }).map(Some)
}

/// A number above 0.
pub(super) fn positive<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<f64>, D::Error> {
    deserializer.deserialize_any(Real { allowed: |value| value > 0.0, expecting: "a number above 0" }).map(Some)
}

/// A number from 0 on.
pub(super) fn not_negative<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<f64>, D::Error> {
    deserializer.deserialize_any(Real { allowed: |value| value >= 0.0, expecting: "a number, 0 or more" }).map(Some)
}

struct Whole {
    least: u64,
    expecting: &'static str,
}

impl Visitor<'_> for Whole {
    type Value = usize;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.expecting)
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<usize, E> {
        let fits = (self.least..=MOST).contains(&value).then_some(value);
        let whole = fits.and_then(|value| usize::try_from(value).ok());
        whole.ok_or_else(|| E::invalid_value(Unexpected::Unsigned(value), &self))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<usize, E> {
        Err(E::invalid_value(Unexpected::Signed(value), &self))
    }
}

struct OrNull(Whole);

impl Visitor<'_> for OrNull {
    type Value = Option<usize>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.expecting(f)
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Self::Value, E> {
        self.0.visit_u64(value).map(Some)
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Self::Value, E> {
        self.0.visit_i64(value).map(Some)
    }
}

struct Real {
    allowed: fn(f64) -> bool,
    expecting: &'static str,
}

impl Visitor<'_> for Real {
    type Value = f64;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.expecting)
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<f64, E> {
        if (self.allowed)(value) { Ok(value) } else { Err(E::invalid_value(Unexpected::Float(value), &self)) }
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<f64, E> {
        #[expect(clippy::cast_precision_loss, reason = "a weight or a time")]
        self.visit_f64(value as f64)
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<f64, E> {
        #[expect(clippy::cast_precision_loss, reason = "a weight or a time")]
        self.visit_f64(value as f64)
    }
}
