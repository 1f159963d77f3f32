//! What can be done with the values of a port besides sending them.
//!
//! Ports take values of any type. Of some types more is known: that they can be written for people to read, or as JSON and
//! read again. For those who use `#[component]`, the macro finds out what holds of a type, as its ports are declared
//! ([`Probe`]).

use std::{
    fmt::{self, Debug, Write},
    marker::PhantomData,
};

use serde::{Deserialize, Serialize};

use super::{Data, Value};
use crate::graph::json::Json;

/// How many characters of a value are shown.
const MOST: usize = 80;

/// What is known of the type of a port's values; see [`Declaration::traits`](super::Declaration::traits).
///
/// ```
/// use cascata::runtime::{Declaration, Traits};
///
/// let text = Traits::default().shown::<String>().stored::<String>();
/// let declaration = Declaration::new("split", module_path!()).inport::<String>("text").traits(text);
/// ```
#[derive(Clone, Copy, Debug, Default)]
#[must_use]
pub struct Traits {
    show: Option<Show>,
    store: Option<Store>,
}

/// Writes a value, and one of a port that takes lists; `None` for one of another type.
#[derive(Clone, Copy, Debug)]
struct Show {
    one: fn(&Value) -> Option<String>,
    list: fn(&Value) -> Option<String>,
    /// What state begins with, if that is known.
    state: fn(&Value) -> Option<String>,
}

/// Writes values as JSON, and reads them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Store {
    pub write: fn(&Value) -> Result<Json, String>,
    pub read: fn(&Json) -> Result<Value, String>,
    /// The same for a port that takes lists.
    pub read_list: fn(&Json) -> Result<Value, String>,
    pub write_list: fn(&Value) -> Result<Json, String>,
    /// The same for state, which begins with the value.
    pub read_state: fn(&Json) -> Result<Value, String>,
    pub write_state: fn(&Value) -> Result<Json, String>,
}

impl Traits {
    /// They can be stored: initial values, and what state begins with, in files.
    ///
    /// `'static`, as there may be a `&'static str` in a type, which can be asked of no other lifetime. One that is read is
    /// refused.
    pub fn stored<T: Data + Serialize + Deserialize<'static>>(self) -> Self {
        let store = Store {
            write: write::<T>,
            read: |json| read::<T>(json).map(Value::new),
            write_list: write::<Vec<T>>,
            read_list: |json| read::<Vec<T>>(json).map(Value::new),
            write_state: |state| state.start::<T>().ok_or_else(made).and_then(write::<T>),
            read_state: |json| read::<T>(json).map(Value::starting),
        };
        Self { store: Some(store), ..self }
    }

    /// How they are stored, if they can be.
    pub(super) fn store(&self) -> Option<&Store> {
        self.store.as_ref()
    }

    /// They can be shown: initial values in pictures, and inputs of firings that fail.
    pub fn shown<T: Data + Debug>(self) -> Self {
        let show = Show { one: one::<T>, list: list::<T>, state: |state| one::<T>(state.start::<T>()?) };
        Self { show: Some(show), ..self }
    }

    /// A value as people read it, shortened; one of a port that takes lists, if `lists`. `None` if that is not known.
    pub(super) fn show(&self, value: &Value, lists: bool) -> Option<String> {
        let show = self.show?;
        if lists { (show.list)(value) } else { (show.one)(value) }
    }

    /// What state begins with, as people read it.
    pub(super) fn show_state(&self, state: &Value) -> Option<String> {
        (self.show?.state)(state)
    }
}

fn one<T: Data + Debug>(value: &Value) -> Option<String> {
    value.get::<T>().map(|value| short(value))
}

fn list<T: Data + Debug>(value: &Value) -> Option<String> {
    if let Some(items) = value.get::<Vec<T>>() {
        return Some(short(items));
    }
    let items = value.items()?.iter().map(Value::get::<T>).collect::<Option<Vec<_>>>()?;
    Some(short(&items))
}

fn made() -> String {
    "it is made by a function, which a file cannot tell: set a value".to_owned()
}

fn write<T: Data + Serialize + Deserialize<'static>>(value: &Value) -> Result<Json, String> {
    let value: &T = value.get().ok_or("it is of another type than its port")?;
    let text = |value: &T| serde_json::to_string(value).map_err(|error| error.to_string());
    let written = text(value)?;
    let json = Json::new(written.clone()).map_err(|error| error.to_string())?;
    // What is no number would be read as something else, or not at all.
    if read::<T>(&json).and_then(|again| text(&again)).as_ref() != Ok(&written) {
        return Err(format!("{written} is not read as what was written: JSON cannot tell it"));
    }
    Ok(json)
}

fn read<T: Deserialize<'static>>(json: &Json) -> Result<T, String> {
    // A reader, from which nothing is borrowed.
    let mut deserializer = serde_json::Deserializer::from_reader(json.text().as_bytes());
    T::deserialize(&mut deserializer).map_err(|error| {
        // The path says better where it is.
        let place = format!(" at line {} column {}", error.line(), error.column());
        let problem = error.to_string();
        problem.strip_suffix(&place).unwrap_or(&problem).to_owned()
    })
}

fn short(value: &dyn Debug) -> String {
    let mut short = Short { text: String::new(), left: MOST };
    if write!(short, "{value:?}").is_err() {
        short.text.push('…');
    }
    short.text
}

/// Takes so many characters, and then refuses, so that nobody writes millions.
struct Short {
    text: String,
    left: usize,
}

impl Write for Short {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let end = text.char_indices().nth(self.left).map_or(text.len(), |(end, _)| end);
        self.text.push_str(&text[..end]);
        self.left -= text[..end].chars().count();
        if end < text.len() { Err(fmt::Error) } else { Ok(()) }
    }
}

/// Asks what holds of a type, for `#[component]`: a call of [`show`](ProbeShown::show) on `&&Probe` finds the
/// implementation for types that can be shown first, and that for all others only if the type is none of these.
#[doc(hidden)]
#[derive(Debug)]
pub struct Probe<T>(PhantomData<fn() -> T>);

impl<T> Probe<T> {
    /// A question.
    pub const NEW: Self = Self(PhantomData);
}

/// See [`Probe`].
#[doc(hidden)]
pub trait ProbeShown {
    /// Adds to the traits what holds.
    fn show(&self, traits: Traits) -> Traits;
}

impl<T: Data + Debug> ProbeShown for &Probe<T> {
    fn show(&self, traits: Traits) -> Traits {
        traits.shown::<T>()
    }
}

/// See [`Probe`].
#[doc(hidden)]
pub trait ProbeNotShown {
    /// Leaves the traits as they are.
    fn show(&self, traits: Traits) -> Traits;
}

impl<T> ProbeNotShown for Probe<T> {
    fn show(&self, traits: Traits) -> Traits {
        traits
    }
}

/// See [`Probe`].
#[doc(hidden)]
pub trait ProbeStored {
    /// Adds to the traits what holds.
    fn store(&self, traits: Traits) -> Traits;
}

impl<T: Data + Serialize + Deserialize<'static>> ProbeStored for &Probe<T> {
    fn store(&self, traits: Traits) -> Traits {
        traits.stored::<T>()
    }
}

/// See [`Probe`].
#[doc(hidden)]
pub trait ProbeNotStored {
    /// Leaves the traits as they are.
    fn store(&self, traits: Traits) -> Traits;
}

impl<T> ProbeNotStored for Probe<T> {
    fn store(&self, traits: Traits) -> Traits {
        traits
    }
}

#[cfg(test)]
#[expect(clippy::needless_borrow, reason = "as the macro asks, whatever the type")]
mod tests {
    use super::*;

    #[derive(Clone)]
    struct Opaque;

    #[test]
    fn what_is_shown_is_short() {
        let traits = (&&Probe::<String>::NEW).show(Traits::default());
        assert_eq!(traits.show(&Value::new("a rose".to_owned()), false).unwrap(), r#""a rose""#);
        assert_eq!(traits.show(&Value::new(vec!["a".to_owned()]), true).unwrap(), r#"["a"]"#);
        assert_eq!(traits.show(&Value::new(5_u8), false), None);
        let long = traits.show(&Value::new("ä".repeat(1000)), false).unwrap();
        assert_eq!((long.chars().count(), long.ends_with('…')), (MOST + 1, true));
    }

    #[test]
    fn of_other_types_nothing_is_known() {
        let traits = (&&Probe::<Opaque>::NEW).show(Traits::default());
        assert_eq!(traits.show(&Value::new(Opaque), false), None);
    }

    #[test]
    fn what_is_stored_is_read_as_what_it_was() {
        let store = *(&&Probe::<f64>::NEW).store(Traits::default()).store().unwrap();
        let json = (store.write)(&Value::new(0.5)).unwrap();
        assert_eq!((store.read)(&json).unwrap().take(), Ok(0.5));
        assert!((store.write)(&Value::new(f64::NAN)).unwrap_err().contains("JSON cannot tell it"));
        assert_eq!((store.read_state)(&json).unwrap().make(), Ok(0.5));
        assert!((store.write_state)(&Value::maker(|| 0.5)).is_err());
        let store = *(&&Probe::<&'static str>::NEW).store(Traits::default()).store().unwrap();
        assert!((store.write)(&Value::new("a rose")).is_err(), "it could not be read");
        assert!((&&Probe::<Opaque>::NEW).store(Traits::default()).store().is_none());
    }
}
