//! A typed value that still knows where it was typed. Goes through serde as a newtype that only [`super::typing`] understands.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserialize, Deserializer, Error as _, SeqAccess, Visitor};

use crate::config::origin::Origin;

/// The newtype's name, by which the deserializer knows it.
pub(super) const SPOT: &str = "$flightline::Spot";

/// A value with its place.
pub(crate) struct Spot<T> {
    /// Where it was typed.
    pub(crate) at: Origin,
    /// `None`: it had the wrong type, which has been said already.
    pub(crate) value: Option<T>,
}

/// A key that may be absent.
pub(crate) type Key<T> = Option<Spot<T>>;

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Spot<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Parts<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for Parts<T> {
            type Value = Spot<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a value with its place")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut parts: A) -> Result<Spot<T>, A::Error> {
                let packed: u128 = parts
                    .next_element()?
                    .ok_or_else(|| A::Error::custom("no place"))?;
                Ok(Spot {
                    at: Origin::unpack(packed),
                    value: parts.next_element()?,
                })
            }
        }

        deserializer.deserialize_newtype_struct(SPOT, Parts(PhantomData))
    }
}
