//! An object of the file with the keys that it may have, and each value typed when it is asked for. What is wrong with a value is said
//! here, with its path.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use crate::config::check::Checker;
use crate::config::duration::Nanoseconds;
use crate::config::jobs::Exec;
use crate::config::problem::quoted;
use crate::config::reference::{Key, Kind, Object, jobs::FILE, nearest};
use crate::config::tree::{Entry, Node, Span, Value};
use crate::config::weak::{self, WeakError};

/// How many jobs, watches or metrics there can be. They are held against each other, which takes half a second for so many; a thousand jobs
/// at once are tested.
const ELEMENT_LIMIT: usize = 4096;

/// An object of the file.
#[derive(Debug)]
pub(crate) struct Section<'c> {
    pub(crate) check: &'c Checker<'c>,
    /// The keys that lead to it, with dots.
    pub(crate) path: String,
    /// Where it is named, for what it lacks.
    pub(crate) at: Span,
    object: &'static Object,
    typed: BTreeMap<&'static str, &'c Entry>,
}

/// A value of an object, there and not null.
#[derive(Debug)]
pub(crate) struct Item<'c> {
    check: &'c Checker<'c>,
    pub(crate) path: String,
    key: &'static Key,
    /// Where the key stands.
    pub(crate) key_at: Span,
    /// The value and where it stands.
    pub(crate) node: &'c Node,
}

impl<'c> Section<'c> {
    /// The object at `node`, named at `at`. Unknown keys are said here.
    pub(crate) fn open(
        check: &'c Checker<'c>,
        object: &'static Object,
        path: &str,
        at: Span,
        node: &'c Node,
    ) -> Option<Self> {
        let Value::Object(entries) = &node.value else {
            let what = match path {
                "" => format!("the file must be an object, not {}", node.value.kind()),
                path => format!("`{path}` must be an object, not {}", node.value.kind()),
            };
            check.wrong(node.at, what, format!("write {{{}}}", example(object)));
            return None;
        };
        let mut section = Self {
            check,
            path: path.to_owned(),
            at,
            object,
            typed: BTreeMap::new(),
        };
        for entry in entries {
            section.take_in(entry);
        }
        Some(section)
    }

    fn take_in(&mut self, entry: &'c Entry) {
        let Some(key) = self.object.find(&entry.key) else {
            return self.say_unknown(entry);
        };
        let Some(earlier) = self.typed.insert(key.name, entry) else {
            return;
        };
        let path = self.path_of(key.name);
        if earlier.key == entry.key {
            let what = format!("`{path}` is typed twice, and only this one counts");
            self.check.note(entry.key_at, what, "remove one of them");
        } else {
            let what = format!("`{path}` is typed twice, in different case");
            self.check.wrong(entry.key_at, what, "remove one of them");
        }
    }

    fn say_unknown(&self, entry: &Entry) {
        let name = &entry.key;
        let keys = || self.object.keys.iter().map(|key| key.name);
        let elsewhere = FILE
            .all()
            .into_iter()
            .find(|object| object.find(name).is_some_and(|key| key.name.len() > 2));
        let cure = match (nearest(name, keys()), elsewhere) {
            (Some(near), _) if near.eq_ignore_ascii_case(name) => {
                format!("write `{near}`: case matters here")
            }
            (Some(near), None) => format!("did you mean `{near}`?"),
            (_, Some(object)) => format!("{} is a key of `{}`", quoted(name), object.name),
            (None, None) => format!("known here: {}", keys().collect::<Vec<_>>().join(", ")),
        };
        let place = if self.path.is_empty() {
            "at the top level"
        } else {
            &format!("in `{}`", self.path)
        };
        let what = format!("unknown key {} {place}", quoted(name));
        self.check.wrong(entry.key_at, what, cure);
    }

    /// The path of one of its keys.
    pub(crate) fn path_of(&self, key: &str) -> String {
        if self.path.is_empty() {
            key.to_owned()
        } else {
            format!("{}.{key}", self.path)
        }
    }

    /// The value of a key, if it is there and not null.
    pub(crate) fn item(&self, name: &'static str) -> Option<Item<'c>> {
        let key = self.object.keys.iter().find(|key| key.name == name);
        let key = key.expect("only keys of the table of this object are asked for");
        let entry = self.typed.get(name)?;
        (entry.node.value != Value::Null).then(|| Item {
            check: self.check,
            path: self.path_of(name),
            key,
            key_at: entry.key_at,
            node: &entry.node,
        })
    }

    /// Where the value of a key stands, or where the object is named.
    pub(crate) fn at(&self, name: &'static str) -> Span {
        self.item(name).map_or(self.at, |item| item.node.at)
    }

    /// The value of a key that must be there.
    pub(crate) fn needed(&self, name: &'static str) -> Option<Item<'c>> {
        let item = self.item(name);
        if item.is_none() {
            let key = self.object.find(name);
            let example = key.map_or("", |key| key.example);
            let what = match self.path.as_str() {
                "" => format!("`{name}` is missing"),
                path => format!("`{path}` has no `{name}`"),
            };
            let cure = format!("write it, for example `{name}: {example}`");
            self.check.wrong(self.at, what, cure);
        }
        item
    }

    /// Says what is wrong with the value of a key.
    pub(crate) fn wrong(&self, name: &'static str, what: &str, cure: impl Into<String>) {
        let what = format!("`{}` {what}", self.path_of(name));
        self.check.wrong(self.at(name), what, cure);
    }

    /// Says what may not be meant with the value of a key.
    pub(crate) fn note(&self, name: &'static str, what: &str, cure: impl Into<String>) {
        let what = format!("`{}` {what}", self.path_of(name));
        self.check.note(self.at(name), what, cure);
    }

    /// Text.
    pub(crate) fn text(&self, name: &'static str) -> Option<String> {
        self.item(name)?.text()
    }

    /// Text that is not empty.
    pub(crate) fn filled(&self, name: &'static str) -> Option<String> {
        self.text(name).filter(|text| !text.is_empty())
    }

    /// A path that is not empty.
    pub(crate) fn path(&self, name: &'static str) -> Option<PathBuf> {
        self.filled(name).map(PathBuf::from)
    }

    /// Yes or no; `None` also when it is no.
    pub(crate) fn flag(&self, name: &'static str) -> Option<bool> {
        let item = self.item(name)?;
        item.typed(weak::flag(&item.node.value))
    }

    /// A list of texts, empty if absent.
    pub(crate) fn list(&self, name: &'static str) -> Vec<String> {
        let list = self
            .item(name)
            .and_then(|item| item.typed(weak::list(&item.node.value)));
        list.unwrap_or_default()
    }

    /// One text or a list of them, empty if absent.
    pub(crate) fn texts(&self, name: &'static str) -> Vec<String> {
        let texts = self
            .item(name)
            .and_then(|item| item.typed(weak::texts(&item.node.value)));
        texts.unwrap_or_default()
    }

    /// A whole number in `range`.
    pub(crate) fn number<T: TryFrom<i64>>(
        &self,
        name: &'static str,
        range: RangeInclusive<i64>,
    ) -> Option<T> {
        self.item(name)?.number(range)
    }

    /// A duration, unless it is empty.
    pub(crate) fn duration(&self, name: &'static str) -> Option<Nanoseconds> {
        let item = self.item(name)?;
        item.typed(weak::duration(&item.node.value)).flatten()
    }

    /// A duration that is not negative.
    pub(crate) fn positive(&self, name: &'static str) -> Option<Duration> {
        let positive = self.duration(name)?.positive();
        if positive.is_none() {
            self.wrong(name, "is less than nothing", "write 0 or more");
        }
        positive
    }

    /// A command.
    pub(crate) fn exec(&self, name: &'static str) -> Option<Exec> {
        let item = self.item(name)?;
        item.typed(weak::exec(&item.node.value))
    }

    /// One of the words of the table, unless it is empty.
    pub(crate) fn choice(&self, name: &'static str) -> Option<&'static str> {
        let item = self.item(name).filter(|item| !item.is_empty())?;
        item.choice(&item.text()?)
    }

    /// An object.
    pub(crate) fn section(&self, name: &'static str) -> Option<Section<'c>> {
        self.item(name)?.section()
    }

    /// An array of objects, each with its place in it; null is not one.
    pub(crate) fn sections(&self, name: &'static str) -> Vec<Section<'c>> {
        let Some(item) = self.item(name) else {
            return Vec::new();
        };
        let Some(object) = item.key.kind.objects().first().copied() else {
            return Vec::new();
        };
        let Value::Array(nodes) = &item.node.value else {
            let what = format!("must be an array, not {}", item.node.value.kind());
            self.wrong(name, &what, format!("write `{name}: {}`", item.key.example));
            return Vec::new();
        };
        if nodes.len() > ELEMENT_LIMIT {
            let what = format!("must not have more than {ELEMENT_LIMIT} elements");
            self.wrong(name, &what, "divide it");
            return Vec::new();
        }
        let open = |(number, node): (usize, &'c Node)| {
            let path = match element_name(node) {
                Some(name) => format!("{}.{name}", item.path),
                None => format!("{}[{number}]", item.path),
            };
            Section::open(self.check, object, &path, node.at, node)
        };
        nodes.iter().enumerate().filter_map(open).collect()
    }
}

/// What an element of an array calls itself, where that can be shown.
fn element_name(node: &Node) -> Option<String> {
    let Value::Object(entries) = &node.value else {
        return None;
    };
    let named = entries
        .iter()
        .find(|entry| entry.key.eq_ignore_ascii_case("name"))?;
    let Value::Text(name) = &named.node.value else {
        return None;
    };
    let is_plain = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | ' ');
    (name.chars().all(is_plain) && (1..=60).contains(&name.len())).then(|| name.clone())
}

/// The first keys of an object with examples.
fn example(object: &Object) -> String {
    let needed = object.keys.iter().take(2);
    let typed: Vec<_> = needed
        .map(|key| format!("{}: {}", key.name, key.example))
        .collect();
    typed.join(", ") + ", …"
}

impl<'c> Item<'c> {
    /// What was typed, or nothing and a problem.
    fn typed<T>(&self, result: Result<T, WeakError>) -> Option<T> {
        result
            .map_err(|error| {
                let cure = match error {
                    WeakError::Duration(_) => crate::config::duration::EXAMPLE.to_owned(),
                    _ => format!("for example `{}: {}`", self.key.name, self.key.example),
                };
                self.wrong(&error.to_string(), cure);
            })
            .ok()
    }

    /// Says what is wrong with it.
    pub(crate) fn wrong(&self, what: &str, cure: impl Into<String>) {
        let what = format!("`{}` {what}", self.path);
        self.check.wrong(self.node.at, what, cure);
    }

    /// Says what may not be meant with it.
    pub(crate) fn note(&self, what: &str, cure: impl Into<String>) {
        let what = format!("`{}` {what}", self.path);
        self.check.note(self.node.at, what, cure);
    }

    /// Whether it is empty text, which for most keys is as if absent.
    pub(crate) fn is_empty(&self) -> bool {
        matches!(&self.node.value, Value::Text(text) if text.is_empty())
    }

    /// Whether it is typed as not being there.
    pub(crate) fn is_off(&self) -> bool {
        self.node.value == Value::Bool(false)
    }

    /// Who hears what is wrong with it.
    pub(crate) fn check(&self) -> &'c Checker<'c> {
        self.check
    }

    /// Text.
    pub(crate) fn text(&self) -> Option<String> {
        self.typed(weak::text(&self.node.value))
    }

    /// A whole number in `range`.
    pub(crate) fn number<T: TryFrom<i64>>(&self, range: RangeInclusive<i64>) -> Option<T> {
        let number = self.typed(weak::int(&self.node.value))?;
        let fits = Some(number).filter(|number| range.contains(number));
        let fits = fits.and_then(|number| T::try_from(number).ok());
        if fits.is_none() {
            let what = match (*range.start(), *range.end()) {
                (least, i64::MAX) => format!("must be at least {least}, not {number}"),
                (i64::MIN, most) => format!("must be at most {most}, not {number}"),
                (least, most) => format!("must be from {least} to {most}, not {number}"),
            };
            self.wrong(
                &what,
                format!("for example `{}: {}`", self.key.name, self.key.example),
            );
        }
        fits
    }

    /// `text` as one of the words of the table.
    pub(crate) fn choice(&self, text: &str) -> Option<&'static str> {
        let (words, found) = match self.key.kind {
            Kind::Word(words) => (
                words,
                words.iter().find(|word| word.eq_ignore_ascii_case(text)),
            ),
            Kind::Choice(words) => (words, words.iter().find(|word| **word == text)),
            _ => return None,
        };
        if found.is_none() {
            let near = nearest(text, words.iter().copied());
            let cure = match near {
                Some(near) => format!("did you mean '{near}'?"),
                None => format!("write one of: {}", words.join(", ")),
            };
            self.wrong(&format!("cannot be {}", quoted(text)), cure);
        }
        found.copied()
    }

    /// An object.
    pub(crate) fn section(&self) -> Option<Section<'c>> {
        let objects = self.key.kind.objects();
        let object = objects
            .first()
            .expect("only keys with an object are opened");
        Section::open(self.check, object, &self.path, self.key_at, self.node)
    }
}
