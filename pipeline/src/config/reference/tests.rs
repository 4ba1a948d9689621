//! Holds the table of keys equal to the raw structs: a deserializer that asks the structs for everything they know.

use std::cell::RefCell;
use std::collections::BTreeSet;

use serde::Deserialize;
use serde::de::value::U128Deserializer;
use serde::de::{DeserializeSeed, Deserializer, IntoDeserializer, MapAccess, SeqAccess, Visitor};

use super::{KEYS, SYSTEM, entry, markdown, section_of};
use crate::config::raw::{FullField, Raw};
use crate::config::spot::SPOT;
use crate::config::typing::Mistake;

/// Notes the path of every leaf that the structs ask for.
struct Asker<'a> {
    path: String,
    leaves: &'a RefCell<BTreeSet<String>>,
}

impl Asker<'_> {
    fn with(&self, path: &str) -> Self {
        Self {
            path: path.to_owned(),
            leaves: self.leaves,
        }
    }

    fn leaf(&self) {
        self.leaves.borrow_mut().insert(self.path.clone());
    }
}

impl<'de> Deserializer<'de> for Asker<'_> {
    type Error = Mistake;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mistake> {
        self.leaf();
        visitor.visit_str("")
    }

    fn deserialize_i64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mistake> {
        self.leaf();
        visitor.visit_i64(0)
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mistake> {
        self.leaf();
        visitor.visit_bool(false)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mistake> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Mistake> {
        assert_eq!(name, SPOT);
        visitor.visit_seq(Parts(self, 0))
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mistake> {
        visitor.visit_seq(Parts(self, 1))
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mistake> {
        self.leaf();
        visitor.visit_map(Fields(self, [].iter(), ""))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Mistake> {
        visitor.visit_map(Fields(self, fields.iter(), ""))
    }

    serde::forward_to_deserialize_any! {
        i8 i16 i32 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct tuple tuple_struct enum
        identifier ignored_any
    }
}

/// A place, then a value; or from 1 on: one item.
struct Parts<'a>(Asker<'a>, u8);

impl<'de> SeqAccess<'de> for Parts<'_> {
    type Error = Mistake;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Mistake> {
        self.1 += 1;
        match self.1 {
            1 => {
                let place: U128Deserializer<Mistake> = 0_u128.into_deserializer();
                seed.deserialize(place).map(Some)
            }
            2 => seed.deserialize(self.0.with(&self.0.path)).map(Some),
            _ => Ok(None),
        }
    }
}

struct Fields<'a>(
    Asker<'a>,
    std::slice::Iter<'static, &'static str>,
    &'static str,
);

impl<'de> MapAccess<'de> for Fields<'_> {
    type Error = Mistake;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Mistake> {
        let Some(key) = self.1.next() else {
            return Ok(None);
        };
        self.2 = key;
        seed.deserialize((*key).into_deserializer()).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Mistake> {
        let path = match self.0.path.as_str() {
            "" => self.2.to_owned(),
            path => format!("{path}.{}", self.2),
        };
        seed.deserialize(self.0.with(&path))
    }
}

#[test]
fn every_key_of_the_structs_is_in_the_table_and_no_other() {
    let leaves = RefCell::default();
    let ask = |path: &str| Asker {
        path: path.to_owned(),
        leaves: &leaves,
    };
    assert!(Raw::deserialize(ask("")).is_ok());
    assert!(FullField::deserialize(ask("mapping.fields")).is_ok());
    let table: BTreeSet<_> = KEYS.iter().map(|entry| entry.key.to_owned()).collect();
    assert_eq!(table.len(), KEYS.len(), "a key is in the table twice");
    let leaves = leaves.into_inner().into_iter();
    let named = leaves.map(|leaf| match entry(&leaf) {
        Some(_) if leaf.starts_with(SYSTEM) => SYSTEM.trim_end_matches('.').to_owned(),
        _ => leaf,
    });
    assert_eq!(named.collect::<BTreeSet<_>>(), table);
}

#[test]
fn sinks_logins_and_mappings_are_found_by_name_and_number() {
    for (path, key) in [
        ("sinks.backup.url", "sink.url"),
        ("sinks.backup.tls.ca_file", "sink.tls.ca_file"),
        ("observe.system.tls.ca_file", "nats.tls.ca_file"),
        ("mapping[3].time", "mapping.time"),
        ("nats.url[1]", "nats.url"),
        ("prefix", "prefix"),
    ] {
        assert_eq!(entry(path).map(|entry| entry.key), Some(key), "{path}");
    }
    assert_eq!(section_of("high_water"), Some("admin"));
    assert_eq!(section_of("stream"), None);
}

#[test]
fn the_documentation_has_a_line_for_every_key() {
    let text = markdown();
    assert_eq!(text.lines().count(), KEYS.len() + 2);
    assert!(
        text.lines().all(|line| line.matches('|').count() == 5),
        "{text}"
    );
}
