//! The raw structs come in, the trusted configuration goes out, with every default that was taken. All problems are collected;
//! after the first one the values only serve to find more.

use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::time::Duration;

use flightline_contract::class::Class;
use flightline_link::secret::Secret;

use crate::config::exposed::Plain;
use crate::config::origin::{Origin, Quoting};
use crate::config::problem::{Problem, nearest};
use crate::config::raw::List;
use crate::config::reference;
use crate::config::spot::{Key, Spot};
use crate::config::units::{self, DURATION_EXAMPLE, SIZE_EXAMPLE};

/// Source, batch, exporter, admin and what else is small.
pub(crate) mod parts;
/// The connection to NATS, and protection of connections.
pub(crate) mod nats;
/// Protection of listeners.
pub(crate) mod listener;
/// Foreign subjects.
pub(crate) mod mapping;
/// The fields of foreign JSON.
mod fields;
/// Where a mapping's values come from.
mod pick;
/// The write front.
pub(crate) mod ingest;
/// What `flightline observe` asks.
pub(crate) mod observe;
/// Where lines go.
pub(crate) mod sink;
/// How a stream is divided among owners.
pub(crate) mod partitions;
/// Everything together, and what must fit together.
pub(crate) mod whole;

/// A default that holds because its key is absent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taken {
    /// The key.
    pub key: String,
    /// The default as it could be typed.
    pub value: &'static str,
}

/// A table of the configuration.
#[derive(Debug, Clone)]
pub(crate) struct Section {
    /// The keys that lead to it, with dots; empty for the root.
    pub(crate) path: String,
    /// Where it starts, if it was typed at all.
    pub(crate) at: Option<Origin>,
}

impl Section {
    /// The path of one of its keys.
    pub(crate) fn key(&self, key: &str) -> String {
        if self.path.is_empty() {
            key.to_owned()
        } else {
            format!("{}.{key}", self.path)
        }
    }
}

/// What was found out so far.
#[derive(Default)]
pub(crate) struct Checker {
    pub(crate) problems: Vec<Problem>,
    pub(crate) taken: Vec<Taken>,
    pub(crate) notes: Vec<String>,
    /// Secrets that were typed as they are.
    pub(crate) plain: Vec<Plain>,
}

impl Checker {
    /// Says that something at `at` is wrong.
    pub(crate) fn say(
        &mut self,
        at: Option<Origin>,
        what: impl Into<String>,
        cure: impl Into<String>,
    ) {
        self.problems.push(Problem {
            at,
            what: what.into(),
            cure: cure.into(),
        });
    }

    /// A section and its keys; an absent one has no keys.
    pub(crate) fn open<T: Default>(raw: Key<T>, path: &str) -> (Section, T) {
        let at = raw.as_ref().map(|spot| spot.at);
        let section = Section {
            path: path.to_owned(),
            at,
        };
        (section, raw.and_then(|spot| spot.value).unwrap_or_default())
    }

    /// The default of a key, noted as taken.
    fn default(&mut self, section: &Section, key: &str) -> Option<&'static str> {
        let key = section.key(key);
        let value = reference::default(&key)?;
        self.taken.push(Taken { key, value });
        Some(value)
    }

    /// What `parse` makes of the key or of its default. `None`: absent without a default.
    fn parsed<T>(
        &mut self,
        section: &Section,
        key: &str,
        raw: &Key<String>,
        cure: &str,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Option<T> {
        if let Some(Spot { at, value }) = raw {
            if let Some(text) = value {
                match parse(text) {
                    Ok(value) => return Some(value),
                    Err(error) => {
                        let shown = quoted(text, *at);
                        self.say(
                            Some(*at),
                            format!("`{}`: {shown} {error}", section.key(key)),
                            cure,
                        );
                    }
                }
            }
            // Its problem has been said: the default stands in, without being noted.
            return reference::default(&section.key(key)).and_then(|text| parse(text).ok());
        }
        self.default(section, key).and_then(|text| parse(text).ok())
    }

    /// Any text, not empty.
    pub(crate) fn text(
        &mut self,
        section: &Section,
        key: &str,
        raw: &Key<String>,
    ) -> Option<String> {
        self.parsed(
            section,
            key,
            raw,
            "write some text, or leave the key out",
            |text| {
                if text.trim().is_empty() {
                    Err("is empty".to_owned())
                } else {
                    Ok(text.to_owned())
                }
            },
        )
    }

    /// Text that must be there.
    pub(crate) fn needed(
        &mut self,
        section: &Section,
        key: &str,
        raw: &Key<String>,
        why: &str,
    ) -> String {
        let found = self.text(section, key, raw);
        if raw.is_none() && found.is_none() {
            let what = format!("`{}` is missing", section.key(key));
            self.say(section.at, what, why);
        }
        found.unwrap_or_default()
    }

    /// A duration within limits.
    pub(crate) fn duration(
        &mut self,
        section: &Section,
        key: &str,
        raw: &Key<String>,
        limits: &RangeInclusive<Duration>,
    ) -> Duration {
        let parse = |text: &str| {
            let value =
                units::duration(text).map_err(|error| format!("is no duration: it {error}"))?;
            if limits.contains(&value) {
                return Ok(value);
            }
            let [low, high] =
                [limits.start(), limits.end()].map(|limit| units::show_duration(*limit));
            Err(format!("is not between {low} and {high}"))
        };
        self.parsed(section, key, raw, DURATION_EXAMPLE, parse)
            .unwrap_or_default()
    }

    /// A size within limits, if the key is there or has a default.
    pub(crate) fn optional_size(
        &mut self,
        section: &Section,
        key: &str,
        raw: &Key<String>,
        limits: &RangeInclusive<u64>,
    ) -> Option<u64> {
        self.parsed(section, key, raw, SIZE_EXAMPLE, |text| {
            let value = units::size(text).map_err(|error| format!("is no size: it {error}"))?;
            if limits.contains(&value) {
                return Ok(value);
            }
            let [low, high] = [limits.start(), limits.end()].map(|limit| units::show_size(*limit));
            Err(format!("is not between {low} and {high}"))
        })
    }

    /// A size within limits.
    pub(crate) fn size(
        &mut self,
        section: &Section,
        key: &str,
        raw: &Key<String>,
        limits: &RangeInclusive<u64>,
    ) -> u64 {
        self.optional_size(section, key, raw, limits)
            .unwrap_or_default()
    }

    /// A whole number within limits.
    pub(crate) fn count(
        &mut self,
        section: &Section,
        key: &str,
        raw: &Key<i64>,
        limits: &RangeInclusive<u32>,
    ) -> u32 {
        let within = |value: i64| {
            u32::try_from(value)
                .ok()
                .filter(|value| limits.contains(value))
        };
        let default = |text: Option<&str>| {
            text.and_then(|text| within(text.parse().ok()?))
                .unwrap_or_default()
        };
        let Some(Spot { at, value }) = raw else {
            return default(self.default(section, key));
        };
        let found = value.map(|value| (value, within(value)));
        if let Some((value, None)) = found {
            let what = format!(
                "`{}`: {} is out of range",
                section.key(key),
                quoted(&value.to_string(), *at)
            );
            let cure = format!(
                "write a number between {} and {}",
                limits.start(),
                limits.end()
            );
            self.say(Some(*at), what, cure);
        }
        found
            .and_then(|(_, value)| value)
            .unwrap_or_else(|| default(reference::default(&section.key(key))))
    }

    /// One of a closed set, if the key is there or has a default.
    pub(crate) fn optional_choice<T: Copy>(
        &mut self,
        section: &Section,
        key: &str,
        raw: &Key<String>,
        choices: &[(&'static str, T)],
    ) -> Option<T> {
        let names: Vec<_> = choices.iter().map(|(name, _)| *name).collect();
        let typed = raw.as_ref().and_then(|spot| spot.value.as_deref());
        let cure = match typed.and_then(|typed| nearest(typed, names.iter().copied())) {
            Some(near) => format!("did you mean \"{near}\"? ({})", names.join(", ")),
            None => format!("write one of {}", names.join(", ")),
        };
        self.parsed(section, key, raw, &cure, |text| {
            let found = choices.iter().find(|(name, _)| *name == text);
            found
                .map(|(_, value)| *value)
                .ok_or_else(|| "is not known here".to_owned())
        })
    }

    /// One of a closed set; the key has a default.
    pub(crate) fn choice<T: Copy>(
        &mut self,
        section: &Section,
        key: &str,
        raw: &Key<String>,
        choices: &[(&'static str, T)],
    ) -> T {
        self.optional_choice(section, key, raw, choices)
            .unwrap_or(choices[0].1)
    }

    /// The texts of a list, each with its place; the default if the key is absent.
    pub(crate) fn list(
        &mut self,
        section: &Section,
        key: &str,
        raw: &Key<List>,
    ) -> Vec<(Option<Origin>, String)> {
        let commas = |text: &str, at| -> Vec<_> {
            let parts = text.split(',').map(str::trim);
            let parts = parts.filter(|part| !part.is_empty());
            parts.map(|part| (at, part.to_owned())).collect()
        };
        match raw {
            None => commas(self.default(section, key).unwrap_or_default(), None),
            Some(Spot { value: None, .. }) => commas(
                reference::default(&section.key(key)).unwrap_or_default(),
                None,
            ),
            Some(Spot {
                at,
                value: Some(List::One(text)),
            }) => commas(text, Some(*at)),
            Some(Spot {
                value: Some(List::Many(items)),
                ..
            }) => items
                .iter()
                .filter_map(|item| Some((Some(item.at), item.value.clone()?)))
                .collect(),
        }
    }

    /// A list of classes; each once, in the order of [`Class::ALL`].
    pub(crate) fn classes(&mut self, section: &Section, key: &str, raw: &Key<List>) -> Vec<Class> {
        let names = Class::ALL.map(Class::as_str);
        let mut found = Vec::new();
        for (at, name) in self.list(section, key, raw) {
            match name.parse() {
                Ok(class) => found.push(class),
                Err(error) => {
                    let shown = at.map_or_else(|| "a value".to_owned(), |at| quoted(&name, at));
                    let cure = match nearest(&name, names) {
                        Some(near) => format!("did you mean \"{near}\"?"),
                        None => format!("known: {}", names.join(", ")),
                    };
                    self.say(
                        at,
                        format!("`{}`: {shown} is {error}", section.key(key)),
                        cure,
                    );
                }
            }
        }
        Class::ALL
            .into_iter()
            .filter(|class| found.contains(class))
            .collect()
    }

    /// A file that exists and can be read.
    pub(crate) fn file(
        &mut self,
        section: &Section,
        key: &str,
        raw: &Key<String>,
    ) -> Option<PathBuf> {
        let path = PathBuf::from(self.text(section, key, raw)?);
        if let Err(error) = readable(&path) {
            let at = raw.as_ref().map(|spot| spot.at);
            let shown = at.map_or_else(
                || "the file".to_owned(),
                |at| quoted(&path.display().to_string(), at),
            );
            let what = format!("`{}`: cannot read {shown}: {error}", section.key(key));
            self.say(
                at,
                what,
                "create the file, correct the path, or make it readable for this user",
            );
        }
        Some(path)
    }

    /// A secret given by value or by file; both is one too many.
    pub(crate) fn secret(
        &mut self,
        section: &Section,
        key: &str,
        value: &Key<String>,
        file: &Key<String>,
    ) -> Option<Secret> {
        let file_key = format!("{key}_file");
        let at = value.as_ref().map(|spot| spot.at);
        if at.is_some() && file.is_some() {
            let what = format!(
                "both `{}` and `{}` are set",
                section.key(key),
                section.key(&file_key)
            );
            self.say(at, what, "keep one of them");
        }
        let from_file = self.file(section, &file_key, file).map(Secret::File);
        let Some(spot) = value else {
            return from_file;
        };
        let text = spot.value.clone().unwrap_or_default();
        if spot.value.is_some() && text.trim().is_empty() {
            let what = format!("`{}` is empty", section.key(key));
            self.say(at, what, "give the secret, or leave the key out");
        }
        self.typed_secret(spot.at, section.key(key), section.key(&file_key));
        Some(Secret::Value(text))
    }

    /// Notes a secret that stands where it was typed, unless it came out of `${…}`.
    pub(crate) fn typed_secret(&mut self, at: Origin, key: String, file_key: String) {
        if at.quoting == Quoting::Allowed {
            self.plain.push(Plain { at, key, file_key });
        }
    }

    /// Says that keys of another kind are set.
    pub(crate) fn foreign(
        &mut self,
        section: &Section,
        kind: &str,
        keys: &[(&str, Option<Origin>, &str)],
    ) {
        for (key, at, right) in keys {
            if at.is_some() {
                let what = format!("`{}` does not belong to {kind}", section.key(key));
                self.say(
                    *at,
                    what,
                    format!("it belongs to {right}: change that, or remove the key"),
                );
            }
        }
    }
}

/// Where a key was typed.
pub(crate) fn at<T>(raw: &Key<T>) -> Option<Origin> {
    raw.as_ref().map(|spot| spot.at)
}

/// `text` for a message, unless it came out of `${…}`.
pub(crate) fn quoted(text: &str, at: Origin) -> String {
    match at.quoting {
        Quoting::Allowed => format!("`{}`", text.escape_debug()),
        Quoting::Forbidden => "the value".to_owned(),
    }
}

fn readable(path: &Path) -> Result<(), String> {
    match std::fs::File::open(path).and_then(|file| file.metadata()) {
        Ok(data) if data.is_dir() => Err("it is a folder".to_owned()),
        Ok(_) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            Err("no such file".to_owned())
        }
        Err(error) => Err(error.to_string()),
    }
}
