//! A foreign subject's way into the contract, made from its configuration: which subjects it takes, and which values of a JSON
//! object become measurement, tags, fields and time.

use flightline_contract::class::Class;
use flightline_contract::encoding::Encoding;
use flightline_contract::filter::Filter;

use crate::config::{self, FieldKind, JsonPath, Pick, TimeUnit};
use crate::decode::json::{self, Object, Place};
use crate::decode::refusal::Refusal;
use crate::decode::route::RouterError;

/// See the module.
#[derive(Debug)]
pub struct Mapping {
    subjects: Vec<Subjects>,
    class: Class,
    service: String,
    encoding: Option<Encoding>,
    pub(super) points: Points,
}

/// Some subjects.
#[derive(Debug)]
enum Subjects {
    /// Just this one: looked for with one comparison.
    One(String),
    /// All that match.
    Matching(Filter),
}

impl Subjects {
    fn new(pattern: &str) -> Result<Self, RouterError> {
        let filter = Filter::parse(pattern).map_err(|error| RouterError::Subject {
            subject: pattern.to_owned(),
            error,
        })?;
        let has_wildcards = pattern.contains(['*', '>']);
        Ok(if has_wildcards {
            Self::Matching(filter)
        } else {
            Self::One(pattern.to_owned())
        })
    }

    fn takes(&self, subject: &str) -> bool {
        match self {
            Self::One(one) => one == subject,
            Self::Matching(filter) => filter.matches(subject),
        }
    }
}

/// Which values of an object become a point. Values are known by slot: the number of their path.
#[derive(Debug)]
pub(super) struct Points {
    pub(super) measurement: Source,
    pub(super) tags: Vec<(String, Source)>,
    pub(super) fields: Vec<Field>,
    pub(super) time: Option<(usize, TimeUnit)>,
    pub(super) paths: Paths,
    slots: usize,
}

/// Where a piece of text comes from.
#[derive(Debug)]
pub(super) enum Source {
    Literal(String),
    /// The subject's token of that number, from 1.
    Token(usize),
    Slot(usize),
}

/// One field of a point.
#[derive(Debug)]
pub(super) struct Field {
    pub(super) name: String,
    pub(super) slot: usize,
    pub(super) kind: FieldKind,
}

/// The paths of a mapping as a tree of keys.
#[derive(Debug, Default)]
pub(super) struct Paths {
    pub(super) slot: Option<usize>,
    children: Vec<(String, Paths)>,
}

impl Paths {
    /// What is below `key`.
    pub(super) fn child(&self, key: &str) -> Option<&Self> {
        self.children
            .iter()
            .find(|(name, _)| name == key)
            .map(|(_, child)| child)
    }

    /// The slot of `path`, which gets number `*slots` if it is new.
    fn insert(&mut self, path: &JsonPath, slots: &mut usize) -> usize {
        let mut node = self;
        for key in &path.0 {
            let known = node.children.iter().position(|(name, _)| name == key);
            let index = known.unwrap_or_else(|| {
                node.children.push((key.clone(), Self::default()));
                node.children.len() - 1
            });
            node = &mut node.children[index].1;
        }
        *node.slot.get_or_insert_with(|| {
            *slots += 1;
            *slots - 1
        })
    }

    /// Notes where the value of `key` stands, and what is wanted of it.
    fn note(
        &self,
        key: &str,
        text: &[u8],
        value: Place,
        found: &mut [Option<Place>],
    ) -> Result<(), Refusal> {
        let Some(child) = self.child(key) else {
            return Ok(());
        };
        if let Some(slot) = child.slot
            && found[slot].replace(value).is_some()
        {
            return Err(Refusal::shape("a key that the mapping reads stands twice"));
        }
        if !child.children.is_empty() && text[value.start] == b'{' {
            for (key, value) in json::entries(text, value) {
                child.note(&json::string(key.of(text))?, text, value, found)?;
            }
        }
        Ok(())
    }
}

impl Points {
    fn new(mapping: &config::Mapping) -> Self {
        let (mut paths, mut slots) = (Paths::default(), 0);
        let mut source = |pick: &Pick| match pick {
            Pick::Literal(text) => Source::Literal(text.clone()),
            Pick::Token(number) => Source::Token(*number),
            Pick::Json(path) => Source::Slot(paths.insert(path, &mut slots)),
        };
        let measurement = source(&mapping.measurement);
        let tags = mapping
            .tags
            .iter()
            .map(|(name, pick)| (name.clone(), source(pick)))
            .collect();
        let field = |field: &config::MappedField| Field {
            name: field.name.clone(),
            slot: paths.insert(&field.path, &mut slots),
            kind: field.kind,
        };
        let fields = mapping.fields.iter().map(field).collect();
        let time = mapping.time.as_ref();
        let time = time.map(|(path, unit)| (paths.insert(path, &mut slots), *unit));
        Self {
            measurement,
            tags,
            fields,
            time,
            paths,
            slots,
        }
    }

    /// Where the values of the mapping stand in `object`.
    pub(super) fn collect(
        &self,
        object: Object<'_, '_>,
        found: &mut Vec<Option<Place>>,
    ) -> Result<(), Refusal> {
        found.clear();
        found.resize(self.slots, None);
        for entry in object.entries {
            let key = object.key(entry)?;
            self.paths.note(&key, object.text, entry.value, found)?;
        }
        Ok(())
    }
}

impl Mapping {
    pub(super) fn new(mapping: &config::Mapping) -> Result<Self, RouterError> {
        Ok(Self {
            subjects: mapping
                .subjects
                .iter()
                .map(|pattern| Subjects::new(pattern))
                .collect::<Result<_, _>>()?,
            class: mapping.class,
            service: mapping.service.clone(),
            encoding: mapping.encoding,
            points: Points::new(mapping),
        })
    }

    /// Whether messages on `subject` are its own.
    pub fn takes(&self, subject: &str) -> bool {
        self.subjects.iter().any(|subjects| subjects.takes(subject))
    }

    /// The class its data belongs to.
    pub fn class(&self) -> Class {
        self.class
    }

    /// The service it stands for.
    pub fn service(&self) -> &str {
        &self.service
    }

    /// How payloads are written unless their headers say.
    pub fn encoding(&self) -> Option<Encoding> {
        self.encoding
    }
}
