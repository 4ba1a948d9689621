//! The process environment, taken once: overrides (`FLIGHTLINE__SINK__URL` is `sink.url`) and the variables of `${…}`.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::Path;

use crate::config::expand::{ExpandError, Lookup};
use crate::config::origin::{Origin, Source, Sources};
use crate::config::problem::Problem;
use crate::config::tree::{Entry, Node, Table, Value, parse_value};

/// What names of overriding variables start with.
pub const PREFIX: &str = "FLIGHTLINE__";

/// Largest file that `${file:…}` takes: secrets and certificates are a few KiB.
const INSERT_LIMIT: u64 = 64 << 10;

/// A copy of the environment; its values are never shown.
#[derive(Clone, Default)]
pub struct Environment {
    variables: BTreeMap<OsString, OsString>,
    /// Options of the command line that are keys, too: name, keys, value.
    options: Vec<(&'static str, &'static [&'static str], String)>,
}

impl std::fmt::Debug for Environment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Environment({} variables)", self.variables.len())
    }
}

impl Environment {
    /// The environment of this process.
    pub fn of_process() -> Self {
        Self::of(std::env::vars_os())
    }

    /// Lays an option of the command line over the key that `path` leads to, whatever a variable says.
    pub fn option(&mut self, name: &'static str, path: &'static [&'static str], value: String) {
        self.options.push((name, path, value));
    }

    /// An environment of these variables only.
    pub fn of<K: Into<OsString>, V: Into<OsString>>(
        variables: impl IntoIterator<Item = (K, V)>,
    ) -> Self {
        let own = |(name, value): (K, V)| (name.into(), value.into());
        Self {
            variables: variables.into_iter().map(own).collect(),
            options: Vec::new(),
        }
    }

    /// The overrides in it, as a tree to lay over the files.
    pub(crate) fn overrides(&self, sources: &mut Sources, problems: &mut Vec<Problem>) -> Table {
        let mut tree = Table::new();
        for (name, value) in &self.variables {
            // Shorter names come first, so that `A__B` is there before `A__B__C` is put into it.
            let Some((name, path)) = name
                .to_str()
                .and_then(|name| Some((name, name.strip_prefix(PREFIX)?)))
            else {
                continue;
            };
            let at = Origin::new(sources.add(Source::Variable(name.to_owned())), &(0..0));
            let mut problem = |what: &str, cure: &str| {
                problems.push(Problem {
                    at: Some(at),
                    what: what.to_owned(),
                    cure: cure.to_owned(),
                });
            };
            let Some(value) = value.to_str() else {
                problem("its value is not UTF-8", "set it to text");
                continue;
            };
            let keys: Vec<String> = path.split("__").map(str::to_ascii_lowercase).collect();
            if keys.iter().any(String::is_empty) {
                problem(
                    "its name has an empty part",
                    "write the keys in capitals, with two underscores between them: FLIGHTLINE__SINK__URL is sink.url",
                );
            } else if insert(&mut tree, &keys, value, at).is_err() {
                problem(
                    "another variable sets the table that this key is in to a plain value",
                    "set either the table or its keys",
                );
            }
        }
        for (name, path, value) in &self.options {
            let at = Origin::new(sources.add(Source::Option(name)), &(0..0));
            let keys: Vec<String> = path.iter().map(|&key| key.to_owned()).collect();
            if insert(&mut tree, &keys, value, at).is_err() {
                problems.push(Problem {
                    at: Some(at),
                    what: "a variable sets the table that this key is in to a plain value"
                        .to_owned(),
                    cure: "set its keys".to_owned(),
                });
            }
        }
        tree
    }
}

/// A part of the path holds a plain value.
struct Blocked;

fn insert(table: &mut Table, keys: &[String], value: &str, at: Origin) -> Result<(), Blocked> {
    let Some((key, inner)) = keys.split_first() else {
        return Ok(());
    };
    let node = |value| Node { value, at };
    if inner.is_empty() {
        let node = node(Value::Loose(value.to_owned()));
        table.insert(key.clone(), Entry { key_at: at, node });
        return Ok(());
    }
    let entry = table.entry(key.clone()).or_insert_with(|| Entry {
        key_at: at,
        node: node(Value::Table(Table::new())),
    });
    if let Value::Loose(text) = &entry.node.value
        && let Some(parsed) = parse_value(text, entry.node.at)
    {
        entry.node = parsed;
    }
    match &mut entry.node.value {
        Value::Table(table) => insert(table, inner, value, at),
        _ => Err(Blocked),
    }
}

impl Lookup for Environment {
    fn variable(&self, name: &str) -> Result<Option<String>, ExpandError> {
        self.variables
            .get(std::ffi::OsStr::new(name))
            .map(|value| {
                value
                    .to_str()
                    .map(str::to_owned)
                    .ok_or_else(|| ExpandError::NotText(name.to_owned()))
            })
            .transpose()
    }

    fn file(&self, path: &str) -> Result<String, ExpandError> {
        read_limited(Path::new(path), INSERT_LIMIT)
            .map(|text| text.trim().to_owned())
            .map_err(|error| ExpandError::File {
                path: path.to_owned(),
                error: error.to_string(),
            })
    }
}

/// The text of a file that is no larger than `limit`.
pub(crate) fn read_limited(path: &Path, limit: u64) -> std::io::Result<String> {
    use std::io::Read as _;
    let mut text = String::new();
    let read = std::fs::File::open(path)?
        .take(limit + 1)
        .read_to_string(&mut text)?;
    if u64::try_from(read).unwrap_or(u64::MAX) > limit {
        let message = format!("it is larger than {limit} bytes");
        return Err(std::io::Error::other(message));
    }
    Ok(text)
}
