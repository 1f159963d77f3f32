//! Atomics as those of the standard library, whose every operation is a step.

use std::sync::atomic::{self, Ordering};

macro_rules! operation {
    ($self:ident, $int:ty, $name:ident($($value:expr),*; $order:expr)) => {{
        super::step();
        #[cfg(test)]
        if let Some((shadow, order)) = super::weak::shadow(&$self.0, $order, super::weak::Access::$name) {
            return shadow.$name($(u64::from($value),)* order) as $int;
        }
        $self.0.$name($($value,)* $order)
    }};
}

macro_rules! atomic {
    ($name:ident, $int:ty) => {
        /// An atomic integer in shared memory.
        #[repr(transparent)]
        #[derive(Debug)]
        pub struct $name(atomic::$name);

        #[allow(missing_docs, reason = "as in the standard library")]
        impl $name {
            pub const fn new(value: $int) -> Self {
                Self(atomic::$name::new(value))
            }

            pub fn load(&self, order: Ordering) -> $int {
                operation!(self, $int, load(; order))
            }

            pub fn store(&self, value: $int, order: Ordering) {
                super::step();
                #[cfg(test)]
                if let Some((shadow, order)) = super::weak::shadow(&self.0, order, super::weak::Access::store) {
                    return shadow.store(value.into(), order);
                }
                self.0.store(value, order);
            }

            pub fn swap(&self, value: $int, order: Ordering) -> $int {
                operation!(self, $int, swap(value; order))
            }

            pub fn fetch_add(&self, value: $int, order: Ordering) -> $int {
                operation!(self, $int, fetch_add(value; order))
            }

            pub fn fetch_sub(&self, value: $int, order: Ordering) -> $int {
                operation!(self, $int, fetch_sub(value; order))
            }

            pub fn fetch_or(&self, value: $int, order: Ordering) -> $int {
                operation!(self, $int, fetch_or(value; order))
            }

            pub fn fetch_and(&self, value: $int, order: Ordering) -> $int {
                operation!(self, $int, fetch_and(value; order))
            }

            pub fn compare_exchange(
                &self,
                current: $int,
                new: $int,
                success: Ordering,
                failure: Ordering,
            ) -> Result<$int, $int> {
                super::step();
                #[cfg(test)]
                if let Some((shadow, success)) = super::weak::shadow(&self.0, success, super::weak::Access::swap) {
                    let outcome = shadow.compare_exchange(current.into(), new.into(), success, failure);
                    return outcome.map(|value| value as $int).map_err(|value| value as $int);
                }
                self.0.compare_exchange(current, new, success, failure)
            }

            /// That it may fail for nothing makes no difference to a search: its caller tries again.
            pub fn compare_exchange_weak(
                &self,
                current: $int,
                new: $int,
                success: Ordering,
                failure: Ordering,
            ) -> Result<$int, $int> {
                self.compare_exchange(current, new, success, failure)
            }

            /// Two steps or more, as it is.
            pub fn fetch_update(
                &self,
                set: Ordering,
                fetch: Ordering,
                mut update: impl FnMut($int) -> Option<$int>,
            ) -> Result<$int, $int> {
                let mut seen = self.load(fetch);
                while let Some(new) = update(seen) {
                    match self.compare_exchange_weak(seen, new, set, fetch) {
                        Err(found) => seen = found,
                        done => return done,
                    }
                }
                Err(seen)
            }
        }
    };
}

atomic!(AtomicU32, u32);
atomic!(AtomicU64, u64);

/// What the system knows of an atomic.
pub(crate) fn word(atomic: &AtomicU32) -> &atomic::AtomicU32 {
    &atomic.0
}
