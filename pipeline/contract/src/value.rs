//! Borrowed text and points in time, as payloads carry them.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;

use serde::de::{self, Deserialize, Deserializer, Visitor};
use serde::ser::{Serialize, Serializer};
use smallvec::SmallVec;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// Text that is borrowed from the payload unless the payload had to escape something in it.
///
/// A plain `Cow<str>` borrows only as a struct field; this one also borrows as a map key, a map value or a list item.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Text<'a>(pub Cow<'a, str>);

impl Text<'_> {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Deref for Text<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl<'a> From<&'a str> for Text<'a> {
    fn from(text: &'a str) -> Self {
        Self(Cow::Borrowed(text))
    }
}

impl From<String> for Text<'_> {
    fn from(text: String) -> Self {
        Self(Cow::Owned(text))
    }
}

impl Serialize for Text<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TextVisitor;

        impl<'de> Visitor<'de> for TextVisitor {
            type Value = Text<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }

            fn visit_borrowed_str<E: de::Error>(self, text: &'de str) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Borrowed(text)))
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Owned(text.to_owned())))
            }
        }

        deserializer.deserialize_str(TextVisitor)
    }
}

/// Up to here names are compared pair by pair, which allocates nothing; beyond, they are sorted, so that a hostile object
/// of many keys costs no quadratic time.
const COMPARED_PAIRWISE: usize = 32;

/// The first name that stands twice among `names`, if any: an object that says two things of one name is refused, because
/// readers differ in which of the two they take.
pub(crate) fn duplicate<'t, V>(pairs: &'t [(Text<'_>, V)]) -> Option<&'t str> {
    if pairs.len() <= COMPARED_PAIRWISE {
        let twice = |&(at, (name, _)): &(usize, &'t (Text<'_>, V))| {
            pairs.iter().take(at).any(|(earlier, _)| earlier == name)
        };
        return pairs
            .iter()
            .enumerate()
            .find(twice)
            .map(|(_, (name, _))| name.as_str());
    }
    let mut names: Vec<&str> = pairs.iter().map(|(name, _)| name.as_str()).collect();
    names.sort_unstable();
    names
        .windows(2)
        .find(|pair| pair[0] == pair[1])
        .map(|pair| pair[0])
}

/// Label or tag pairs in the order of the payload, no name twice; eight fit without an allocation.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Labels<'a>(pub SmallVec<[(Text<'a>, Text<'a>); 8]>);

impl Labels<'_> {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Serialize for Labels<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name, value)))
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Labels<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct LabelsVisitor<'a>(PhantomData<&'a ()>);

        impl<'de: 'a, 'a> Visitor<'de> for LabelsVisitor<'a> {
            type Value = Labels<'a>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of strings")
            }

            fn visit_map<A: de::MapAccess<'de>>(self, mut map: A) -> Result<Labels<'a>, A::Error> {
                let mut labels = SmallVec::new();
                while let Some(pair) = map.next_entry()? {
                    labels.push(pair);
                }
                match duplicate(&labels) {
                    Some(name) => Err(de::Error::custom(format_args!("`{name}` stands twice"))),
                    None => Ok(Labels(labels)),
                }
            }
        }

        deserializer.deserialize_map(LabelsVisitor(PhantomData))
    }
}

/// A point in time: nanoseconds since the Unix epoch.
///
/// In JSON an integer of nanoseconds, or a string in RFC 3339; written back as the integer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(pub i64);

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_i64(self.0)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TimestampVisitor;

        impl Visitor<'_> for TimestampVisitor {
            type Value = Timestamp;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("nanoseconds since the Unix epoch or an RFC 3339 time")
            }

            fn visit_i64<E: de::Error>(self, nanos: i64) -> Result<Timestamp, E> {
                Ok(Timestamp(nanos))
            }

            fn visit_u64<E: de::Error>(self, nanos: u64) -> Result<Timestamp, E> {
                i64::try_from(nanos)
                    .map(Timestamp)
                    .map_err(|_| E::custom("time is beyond the year 2262"))
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Timestamp, E> {
                let time = OffsetDateTime::parse(text, &Rfc3339).map_err(E::custom)?;
                i64::try_from(time.unix_timestamp_nanos())
                    .map(Timestamp)
                    .map_err(|_| E::custom("time is outside the years 1677 to 2262"))
            }
        }

        deserializer.deserialize_any(TimestampVisitor)
    }
}
