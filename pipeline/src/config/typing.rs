//! A tree of values comes in, the raw structs go out. Every wrong type and every unknown key becomes a problem, and the rest is
//! still typed: one run tells all.

use std::cell::RefCell;
use std::fmt::Display;

use serde::de::value::U128Deserializer;
use serde::de::{
    DeserializeSeed, Deserializer, Expected, IntoDeserializer, MapAccess, SeqAccess, Unexpected,
    Visitor,
};

use crate::config::environment::PREFIX;
use crate::config::origin::{Origin, Source, Sources};
use crate::config::problem::{Problem, nearest};
use crate::config::reference;
use crate::config::spot::SPOT;
use crate::config::tree::{Entry, Node, Table, Value, parse_value};

/// What all nodes of one tree share while it is typed.
pub(crate) struct Typing<'s> {
    /// For the names of variables.
    pub(crate) sources: &'s Sources,
    /// What was found so far.
    pub(crate) problems: RefCell<Vec<Problem>>,
}

/// One node on its way to a type.
pub(crate) struct Typer<'n> {
    node: &'n Node,
    /// The keys that lead to it, with dots.
    path: String,
    typing: &'n Typing<'n>,
}

/// Why one value has no type; the place is known to whoever catches it.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Mistake(String);

impl serde::de::Error for Mistake {
    fn custom<T: Display>(message: T) -> Self {
        Self(message.to_string())
    }

    fn invalid_type(_: Unexpected<'_>, expected: &dyn Expected) -> Self {
        // Without the value: it may be a secret.
        Self(format!("must be {expected}"))
    }
}

impl<'n> Typer<'n> {
    /// The root of a tree.
    pub(crate) fn root(node: &'n Node, typing: &'n Typing<'n>) -> Self {
        Self {
            node,
            path: String::new(),
            typing,
        }
    }

    fn child(&self, key: &str, node: &'n Node) -> Self {
        let path = if self.path.is_empty() {
            key.to_owned()
        } else {
            format!("{}.{key}", self.path)
        };
        Self {
            node,
            path,
            typing: self.typing,
        }
    }

    fn with(&self, node: &'n Node) -> Self {
        Self {
            node,
            path: self.path.clone(),
            typing: self.typing,
        }
    }

    fn wanted(&self, what: &str) -> Mistake {
        Mistake(format!("must be {what}, not {}", self.node.value.kind()))
    }

    fn say(&self, at: Origin, what: String, cure: String) {
        self.typing.problems.borrow_mut().push(Problem {
            at: Some(at),
            what,
            cure,
        });
    }

    fn say_unknown(&self, key: &str, entry: &Entry, fields: &[&'static str]) {
        let full = self.child(key, &entry.node).path;
        let cure = if let Some(near) = nearest(key, fields.iter().copied()) {
            match self.typing.sources.of(entry.key_at) {
                Some(Source::Variable(_)) => {
                    let path = self.child(near, &entry.node).path.replace('.', "__");
                    format!("did you mean {PREFIX}{}?", path.to_ascii_uppercase())
                }
                _ => format!("did you mean `{near}`?"),
            }
        } else if let Some(section) = reference::section_of(key) {
            format!("`{key}` is a key of [{section}]")
        } else {
            format!("known here: {}", fields.join(", "))
        };
        self.say(entry.key_at, format!("unknown key `{full}`"), cure);
    }

    /// The number that the key wants, if it is one.
    fn number(&self) -> Option<i64> {
        match &self.node.value {
            Value::Integer(number) => Some(*number),
            Value::Loose(text) => text.trim().parse().ok(),
            _ => None,
        }
    }
}

/// Numbers of every size are asked for as `i64`; the checks know the limits.
macro_rules! numbers {
    ($($method:ident)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mistake> {
            visitor.visit_i64(self.number().ok_or_else(|| self.wanted("a whole number"))?)
        }
    )*};
}

impl<'de> Deserializer<'de> for Typer<'_> {
    type Error = Mistake;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mistake> {
        match &self.node.value {
            Value::Loose(text) if text.trim_start().starts_with(['[', '{']) => {
                match parse_value(text, self.node.at) {
                    Some(node) => self.with(&node).deserialize_any(visitor),
                    None => visitor.visit_str(text),
                }
            }
            Value::Text(text) | Value::Loose(text) => visitor.visit_str(text),
            Value::Integer(number) => visitor.visit_i64(*number),
            Value::Float(number) => visitor.visit_f64(*number),
            Value::Boolean(value) => visitor.visit_bool(*value),
            Value::Datetime => Err(self.wanted("something else")),
            Value::Array(items) => visitor.visit_seq(Items::new(&self, items)),
            Value::Table(table) => visitor.visit_map(Pairs::new(&self, table, None)),
        }
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mistake> {
        match &self.node.value {
            Value::Text(text) | Value::Loose(text) => visitor.visit_str(text),
            _ => Err(self.wanted("text in quotes")),
        }
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mistake> {
        match &self.node.value {
            Value::Boolean(value) => visitor.visit_bool(*value),
            Value::Loose(text) if matches!(text.trim(), "true" | "false") => {
                visitor.visit_bool(text.trim() == "true")
            }
            _ => Err(self.wanted("true or false")),
        }
    }

    numbers! {
        deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mistake> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Mistake> {
        if name == SPOT {
            visitor.visit_seq(SpotParts {
                typer: self,
                next: Part::Place,
            })
        } else {
            visitor.visit_newtype_struct(self)
        }
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mistake> {
        match &self.node.value {
            Value::Array(items) => visitor.visit_seq(Items::new(&self, items)),
            Value::Loose(text) => {
                let node = list(text, self.node.at);
                match &node.value {
                    Value::Array(items) => visitor.visit_seq(Items::new(&self.with(&node), items)),
                    _ => Err(self.wanted("a list")),
                }
            }
            _ => Err(self.wanted("a list")),
        }
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mistake> {
        match &self.node.value {
            Value::Table(table) => visitor.visit_map(Pairs::new(&self, table, None)),
            Value::Loose(text) => match parse_value(text, self.node.at) {
                Some(node) if matches!(node.value, Value::Table(_)) => {
                    self.with(&node).deserialize_map(visitor)
                }
                _ => Err(self.wanted("a table such as { key = \"value\" }")),
            },
            _ => Err(self.wanted("a table")),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Mistake> {
        match &self.node.value {
            Value::Table(table) => {
                for (key, entry) in table
                    .iter()
                    .filter(|(key, _)| !fields.contains(&key.as_str()))
                {
                    self.say_unknown(key, entry, fields);
                }
                visitor.visit_map(Pairs::new(&self, table, Some(fields)))
            }
            Value::Loose(text) => match parse_value(text, self.node.at) {
                Some(node) if matches!(node.value, Value::Table(_)) => {
                    self.with(&node).deserialize_struct(name, fields, visitor)
                }
                _ => Err(self.wanted("a table such as { key = \"value\" }")),
            },
            _ => Err(self.wanted("a table")),
        }
    }

    serde::forward_to_deserialize_any! {
        i128 u128 f32 f64 char bytes byte_buf unit unit_struct tuple tuple_struct enum ignored_any
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mistake> {
        self.deserialize_str(visitor)
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mistake> {
        self.deserialize_str(visitor)
    }
}

/// A variable as a list: TOML's way in brackets, or separated by commas.
fn list(text: &str, at: Origin) -> Node {
    if text.trim_start().starts_with('[')
        && let Some(node) = parse_value(text, at)
    {
        return node;
    }
    let items = text
        .split(',')
        .map(str::trim)
        .filter(|item| !item.is_empty());
    let items = items.map(|item| Node {
        value: Value::Loose(item.to_owned()),
        at,
    });
    Node {
        value: Value::Array(items.collect()),
        at,
    }
}

enum Part {
    Place,
    Value,
    Done,
}

struct SpotParts<'n> {
    typer: Typer<'n>,
    next: Part,
}

impl<'de> SeqAccess<'de> for SpotParts<'_> {
    type Error = Mistake;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Mistake> {
        match self.next {
            Part::Place => {
                self.next = Part::Value;
                let packed: U128Deserializer<Mistake> =
                    self.typer.node.at.pack().into_deserializer();
                seed.deserialize(packed).map(Some)
            }
            Part::Value => {
                self.next = Part::Done;
                let at = self.typer.node.at;
                let typed = seed.deserialize(self.typer.with(self.typer.node));
                typed.map(Some).or_else(|Mistake(what)| {
                    let cure = reference::example(&self.typer.path);
                    self.typer
                        .say(at, format!("`{}` {what}", self.typer.path), cure);
                    Ok(None)
                })
            }
            Part::Done => Ok(None),
        }
    }
}

struct Items<'n> {
    typer: Typer<'n>,
    items: std::iter::Enumerate<std::slice::Iter<'n, Node>>,
}

impl<'n> Items<'n> {
    fn new(typer: &Typer<'n>, items: &'n [Node]) -> Self {
        Self {
            typer: typer.with(typer.node),
            items: items.iter().enumerate(),
        }
    }
}

impl<'de> SeqAccess<'de> for Items<'_> {
    type Error = Mistake;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Mistake> {
        let Some((number, node)) = self.items.next() else {
            return Ok(None);
        };
        let mut item = self.typer.with(node);
        item.path = format!("{}[{number}]", item.path);
        seed.deserialize(item).map(Some)
    }
}

struct Pairs<'n> {
    typer: Typer<'n>,
    pairs: std::collections::btree_map::Iter<'n, String, Entry>,
    /// The keys of a struct; others have been said and are passed over.
    fields: Option<&'static [&'static str]>,
    value: Option<(&'n str, &'n Node)>,
}

impl<'n> Pairs<'n> {
    fn new(typer: &Typer<'n>, table: &'n Table, fields: Option<&'static [&'static str]>) -> Self {
        Self {
            typer: typer.with(typer.node),
            pairs: table.iter(),
            fields,
            value: None,
        }
    }
}

impl<'de> MapAccess<'de> for Pairs<'_> {
    type Error = Mistake;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Mistake> {
        let fields = self.fields;
        let known = |key: &str| fields.is_none_or(|fields| fields.contains(&key));
        let Some((key, entry)) = self.pairs.by_ref().find(|(key, _)| known(key)) else {
            return Ok(None);
        };
        self.value = Some((key, &entry.node));
        seed.deserialize(key.as_str().into_deserializer()).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Mistake> {
        let (key, node) = self
            .value
            .take()
            .ok_or_else(|| Mistake("a value without a key".to_owned()))?;
        seed.deserialize(self.typer.child(key, node))
    }
}
