//! A configuration between parsing and typing: values that know where they came from, so that files can be laid over each
//! other and strings expanded before anything has a type.

use std::collections::BTreeMap;

use toml::de::{DeTable, DeValue};

use crate::config::expand::{ExpandError, Lookup, expand};
use crate::config::origin::Origin;
use crate::config::problem::Problem;

/// A value and where it was typed.
pub(crate) struct Node {
    /// The value.
    pub(crate) value: Value,
    /// Where it was typed.
    pub(crate) at: Origin,
}

/// TOML's values, and text whose type depends on who asks.
pub(crate) enum Value {
    /// A TOML string.
    Text(String),
    /// From a variable or an expansion: a number, a list or a string, as the key wants it.
    Loose(String),
    /// A whole number.
    Integer(i64),
    /// Any other number.
    Float(f64),
    /// `true` or `false`.
    Boolean(bool),
    /// A TOML date or time; no key wants one.
    Datetime,
    /// A list.
    Array(Vec<Node>),
    /// A table.
    Table(Table),
}

/// Keys in alphabetical order.
pub(crate) type Table = BTreeMap<String, Entry>;

/// A key's place and its value.
pub(crate) struct Entry {
    /// Where the key was typed.
    pub(crate) key_at: Origin,
    /// Its value.
    pub(crate) node: Node,
}

impl Value {
    /// What it is, for messages.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Text(_) | Self::Loose(_) => "text",
            Self::Integer(_) => "a whole number",
            Self::Float(_) => "a number with a fraction",
            Self::Boolean(_) => "true or false",
            Self::Datetime => "a date or time",
            Self::Array(_) => "a list",
            Self::Table(_) => "a table",
        }
    }
}

/// Reads `text` as a TOML document that is source number `source`.
///
/// # Errors
/// All places where it is no TOML.
pub(crate) fn parse(text: &str, source: u32) -> Result<Table, Vec<Problem>> {
    let (table, errors) = DeTable::parse_recoverable(text);
    let mut problems: Vec<_> = errors
        .iter()
        .map(|error| Problem {
            at: error.span().map(|span| Origin::new(source, &span)),
            what: format!("not TOML: {}", error.message().replace('\n', "; ")),
            cure: "correct the syntax (https://toml.io)".to_owned(),
        })
        .collect();
    let table = take_table(table.into_inner(), source, &mut problems);
    if problems.is_empty() {
        Ok(table)
    } else {
        Err(problems)
    }
}

/// Reads `text` as one TOML value; all of it is at `at`.
pub(crate) fn parse_value(text: &str, at: Origin) -> Option<Node> {
    let value = DeValue::parse(text).ok()?;
    let mut node = take(value.into_inner(), 0, at, &mut Vec::new());
    place(&mut node, at);
    Some(node)
}

fn place(node: &mut Node, at: Origin) {
    node.at = at;
    match &mut node.value {
        Value::Array(items) => items.iter_mut().for_each(|item| place(item, at)),
        Value::Table(table) => table.values_mut().for_each(|entry| {
            entry.key_at = at;
            place(&mut entry.node, at);
        }),
        Value::Text(_)
        | Value::Loose(_)
        | Value::Integer(_)
        | Value::Float(_)
        | Value::Boolean(_)
        | Value::Datetime => {}
    }
}

fn take_table(table: DeTable<'_>, source: u32, problems: &mut Vec<Problem>) -> Table {
    table
        .into_iter()
        .map(|(key, value)| {
            let key_at = Origin::new(source, &key.span());
            let at = Origin::new(source, &value.span());
            let node = take(value.into_inner(), source, at, problems);
            (key.into_inner().into_owned(), Entry { key_at, node })
        })
        .collect()
}

fn take(value: DeValue<'_>, source: u32, at: Origin, problems: &mut Vec<Problem>) -> Node {
    let mut out_of_range = || {
        problems.push(Problem {
            at: Some(at),
            what: "the number is out of range".to_owned(),
            cure: "write a number that fits into 64 bits".to_owned(),
        });
    };
    let value = match value {
        DeValue::String(text) => Value::Text(text.into_owned()),
        DeValue::Integer(number) => match i64::from_str_radix(number.as_str(), number.radix()) {
            Ok(number) => Value::Integer(number),
            Err(_) => {
                out_of_range();
                Value::Integer(0)
            }
        },
        DeValue::Float(number) => Value::Float(number.as_str().parse().unwrap_or(f64::NAN)),
        DeValue::Boolean(value) => Value::Boolean(value),
        DeValue::Datetime(_) => Value::Datetime,
        DeValue::Array(items) => Value::Array(
            items
                .into_iter()
                .map(|item| {
                    let at = Origin::new(source, &item.span());
                    take(item.into_inner(), source, at, problems)
                })
                .collect(),
        ),
        DeValue::Table(table) => Value::Table(take_table(table, source, problems)),
    };
    Node { value, at }
}

/// Lays `over` on `base`: tables are joined key by key, everything else is replaced.
pub(crate) fn overlay(base: &mut Table, over: Table) {
    for (key, entry) in over {
        match base.get_mut(&key) {
            Some(Entry {
                node:
                    Node {
                        value: Value::Table(inner),
                        ..
                    },
                ..
            }) if matches!(entry.node.value, Value::Table(_)) => {
                if let Value::Table(table) = entry.node.value {
                    overlay(inner, table);
                }
            }
            _ => {
                base.insert(key, entry);
            }
        }
    }
}

/// Expands every string of `table`; what cannot be expanded becomes a problem and stays as it was.
pub(crate) fn expand_all(table: &mut Table, lookup: &impl Lookup, problems: &mut Vec<Problem>) {
    for entry in table.values_mut() {
        expand_node(&mut entry.node, lookup, problems);
    }
}

fn expand_node(node: &mut Node, lookup: &impl Lookup, problems: &mut Vec<Problem>) {
    match &mut node.value {
        Value::Text(text) | Value::Loose(text) => match expand(text, lookup) {
            Ok(None) => {}
            Ok(Some(expanded)) => {
                node.value = Value::Loose(expanded);
                node.at = node.at.expanded();
            }
            Err(error) => problems.push(unexpanded(&error, node.at)),
        },
        Value::Array(items) => {
            for item in items {
                expand_node(item, lookup, problems);
            }
        }
        Value::Table(table) => expand_all(table, lookup, problems),
        Value::Integer(_) | Value::Float(_) | Value::Boolean(_) | Value::Datetime => {}
    }
}

fn unexpanded(error: &ExpandError, at: Origin) -> Problem {
    Problem {
        at: Some(at),
        what: error.to_string(),
        cure: error.cure().to_owned(),
    }
}
