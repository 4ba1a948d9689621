//! A foreign subject's way into the contract, made from its configuration: which subjects it takes, and which values of a JSON
//! object become measurement, tags, fields and time.

use flightline_contract::class::Class;
use flightline_contract::encoding::Encoding;
use flightline_contract::filter::Filter;

use crate::config::{self, FieldKind, JsonPath, Pick, TimeUnit};
use crate::decode::json::{self, Entry, Form, Found, NOTED, Object, Text};
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
    /// Whether one of the tags is `service`.
    pub(super) has_service: bool,
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
    /// Of each child's name.
    signs: Vec<u64>,
}

/// Where the values of a mapping stand in one object, kept from object to object.
#[derive(Debug, Default)]
pub(super) struct Collected {
    slots: Vec<Option<Found>>,
    /// For each of the first [`NOTED`] entries of the object the number of the path below it.
    children: Vec<Option<usize>>,
}

impl Collected {
    /// The value in `slot`, unless it is missing or null.
    pub(super) fn value(&self, slot: usize) -> Option<Found> {
        self.slots[slot].filter(|value| value.form != Form::Null)
    }

    /// What is below the key of `entry` in `paths`; it is the entry of that number, from 0.
    pub(super) fn below<'p>(
        &self,
        paths: &'p Paths,
        object: &Object<'_, '_>,
        (number, entry): (usize, &Entry),
    ) -> Result<Option<&'p Paths>, Refusal> {
        let child = match self.children.get(number) {
            Some(child) => *child,
            None => paths.number(object, entry)?,
        };
        Ok(child.map(|child| &paths.children[child].1))
    }
}

/// Bytes of a name that are part of its sign.
const SIGNED: usize = 7;

/// The first bytes of the name that stands at `start`, and its length: all there is to a short name, and enough to pass by nearly
/// every other.
#[inline]
fn sign(text: &[u8], start: usize, length: usize) -> u64 {
    let word = match text.get(start..).and_then(<[u8]>::first_chunk) {
        Some(bytes) => u64::from_le_bytes(*bytes),
        None => last_word(&text[start..]),
    };
    let kept = word & ((1 << (8 * length.min(SIGNED))) - 1);
    kept << 8 | u64::from(u8::try_from(length).unwrap_or(u8::MAX))
}

/// Fewer than eight bytes.
fn last_word(bytes: &[u8]) -> u64 {
    let mut word = [0; 8];
    word[..bytes.len()].copy_from_slice(bytes);
    u64::from_le_bytes(word)
}

impl Paths {
    /// What is below `key`.
    pub(super) fn child(&self, key: &str) -> Option<&Self> {
        self.children
            .iter()
            .find(|(name, _)| name == key)
            .map(|(_, child)| child)
    }

    /// The number of the child that is below the key of `entry`.
    #[inline]
    fn number(&self, object: &Object<'_, '_>, entry: &Entry) -> Result<Option<usize>, Refusal> {
        if entry.text != Text::Plain || object.utf8.is_none() {
            let key = object.key(entry)?;
            return Ok(self.children.iter().position(|(name, _)| *name == key));
        }
        // Without its quotes.
        let (start, end) = (entry.key.start + 1, entry.key.end - 1);
        let (text, length) = (object.text, end - start);
        let sign = sign(text, start, length);
        let same = |(known, (name, _)): (&u64, &(String, Self))| {
            *known == sign && (length <= SIGNED || name.as_bytes() == &text[start..end])
        };
        Ok(self.signs.iter().zip(&self.children).position(same))
    }

    /// The slot of `path`, which gets number `*slots` if it is new.
    fn insert(&mut self, path: &JsonPath, slots: &mut usize) -> usize {
        let mut node = self;
        for key in &path.0 {
            let known = node.children.iter().position(|(name, _)| name == key);
            let index = known.unwrap_or_else(|| {
                node.children.push((key.clone(), Self::default()));
                node.signs.push(sign(key.as_bytes(), 0, key.len()));
                node.children.len() - 1
            });
            node = &mut node.children[index].1;
        }
        *node.slot.get_or_insert_with(|| {
            *slots += 1;
            *slots - 1
        })
    }

    /// Notes where the value stands that belongs here, and what is wanted of it.
    #[inline]
    fn note(&self, text: &[u8], value: Found, found: &mut [Option<Found>]) -> Result<(), Refusal> {
        if let Some(slot) = self.slot
            && found[slot].replace(value).is_some()
        {
            return Err(Refusal::shape("a key that the mapping reads stands twice"));
        }
        if self.children.is_empty() || text[value.place.start] != b'{' {
            return Ok(());
        }
        self.note_within(text, value, found)
    }

    /// The same for what the object `value` holds.
    #[inline(never)]
    fn note_within(
        &self,
        text: &[u8],
        value: Found,
        found: &mut [Option<Found>],
    ) -> Result<(), Refusal> {
        for (key, value) in json::entries(text, value.place) {
            if let Some(child) = self.child(&json::string(key.of(text))?) {
                child.note(text, Found::at(text, value), found)?;
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
        let tags: Vec<_> = mapping
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
            has_service: tags.iter().any(|(name, _)| name == "service"),
            tags,
            fields,
            time,
            paths,
            slots,
        }
    }

    /// Looks where the values of the mapping stand in `object`.
    pub(super) fn collect(
        &self,
        object: &Object<'_, '_>,
        collected: &mut Collected,
    ) -> Result<(), Refusal> {
        let Collected { slots, children } = collected;
        slots.clear();
        slots.resize(self.slots, None);
        children.clear();
        object.each(|entry| {
            let number = self.paths.number(object, entry)?;
            if let Some(number) = number {
                let (_, child) = &self.paths.children[number];
                child.note(object.text, entry.found(), slots)?;
            }
            if children.len() < NOTED {
                children.push(number);
            }
            Ok(())
        })
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
