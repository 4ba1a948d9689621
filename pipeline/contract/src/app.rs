//! Application data: `<prefix>.app.<service>.<stream>`, any points.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{self, Deserialize, Deserializer, Visitor};
use serde::ser::{Serialize, Serializer};

use crate::value::{Labels, Text, Timestamp, duplicate};

/// One point.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Point<'a> {
    /// The measurement; the subject's `<stream>` token if absent.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub measurement: Option<Text<'a>>,
    /// What tells its series from others.
    #[serde(borrow, default, skip_serializing_if = "Labels::is_empty")]
    pub tags: Labels<'a>,
    /// Its values, at least one that is not null.
    #[serde(borrow)]
    pub fields: Fields<'a>,
    /// When it was taken; the message's own time if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time: Option<Timestamp>,
}

/// Field pairs in the order of the payload, no name twice; eight fit without an allocation.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Fields<'a>(pub smallvec::SmallVec<[(Text<'a>, FieldValue<'a>); 8]>);

/// A field's value. JSON's numbers are floats in the store, whether they have a fraction or not: a field whose type
/// followed the digits would conflict with itself.
#[derive(Debug, Clone, PartialEq)]
pub enum FieldValue<'a> {
    /// A number.
    Number(f64),
    /// A truth value.
    Boolean(bool),
    /// A string.
    String(Text<'a>),
    /// Nothing: the field is left out.
    Null,
}

impl Serialize for Fields<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name, value)))
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Fields<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct FieldsVisitor<'a>(PhantomData<&'a ()>);

        impl<'de: 'a, 'a> Visitor<'de> for FieldsVisitor<'a> {
            type Value = Fields<'a>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of numbers, strings and booleans")
            }

            fn visit_map<A: de::MapAccess<'de>>(self, mut map: A) -> Result<Fields<'a>, A::Error> {
                let mut fields = Fields::default();
                while let Some(pair) = map.next_entry()? {
                    fields.0.push(pair);
                }
                match duplicate(&fields.0) {
                    Some(name) => Err(de::Error::custom(format_args!("`{name}` stands twice"))),
                    None => Ok(fields),
                }
            }
        }

        deserializer.deserialize_map(FieldsVisitor(PhantomData))
    }
}

impl Serialize for FieldValue<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Number(number) => serializer.serialize_f64(*number),
            Self::Boolean(boolean) => serializer.serialize_bool(*boolean),
            Self::String(text) => serializer.serialize_str(text),
            Self::Null => serializer.serialize_none(),
        }
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for FieldValue<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ValueVisitor<'a>(PhantomData<&'a ()>);

        impl<'de: 'a, 'a> Visitor<'de> for ValueVisitor<'a> {
            type Value = FieldValue<'a>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number, a string, a boolean or null")
            }

            fn visit_f64<E: de::Error>(self, number: f64) -> Result<FieldValue<'a>, E> {
                Ok(FieldValue::Number(number))
            }

            #[expect(
                clippy::cast_precision_loss,
                reason = "JSON numbers are doubles by the contract"
            )]
            fn visit_i64<E: de::Error>(self, number: i64) -> Result<FieldValue<'a>, E> {
                Ok(FieldValue::Number(number as f64))
            }

            #[expect(
                clippy::cast_precision_loss,
                reason = "JSON numbers are doubles by the contract"
            )]
            fn visit_u64<E: de::Error>(self, number: u64) -> Result<FieldValue<'a>, E> {
                Ok(FieldValue::Number(number as f64))
            }

            fn visit_bool<E: de::Error>(self, boolean: bool) -> Result<FieldValue<'a>, E> {
                Ok(FieldValue::Boolean(boolean))
            }

            fn visit_borrowed_str<E: de::Error>(self, text: &'de str) -> Result<FieldValue<'a>, E> {
                Ok(FieldValue::String(Text::from(text)))
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<FieldValue<'a>, E> {
                Ok(FieldValue::String(Text::from(text.to_owned())))
            }

            fn visit_unit<E: de::Error>(self) -> Result<FieldValue<'a>, E> {
                Ok(FieldValue::Null)
            }
        }

        deserializer.deserialize_any(ValueVisitor(PhantomData))
    }
}
