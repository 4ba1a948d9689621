//! What was sent, what the store has and the dead letters come in; how much of it is lost, doubled or altered goes out. Pure:
//! who asks the servers is `scene.rs`.

use std::collections::BTreeMap;
use std::ops::Range;

use flightline_fixtures::generator::{Message, Refused};
use flightline_fixtures::points::{FieldType, Fields, Key, Point, Points, Time, Value};

use crate::oracle::NUMBER;

/// How many findings are told word for word.
const TOLD: usize = 5;

/// What is there after everything is over.
#[derive(Debug, Clone, Default)]
pub(crate) struct World {
    /// What the stream acknowledged.
    pub(crate) sent: Vec<Message>,
    /// The places of messages that may have been removed from the stream before they were delivered.
    pub(crate) purged: Range<u64>,
    /// Every point of the store.
    pub(crate) stored: Points,
    /// The types of its fields.
    pub(crate) types: BTreeMap<(String, String), FieldType>,
    /// Every dead letter.
    pub(crate) letters: Vec<Refused>,
}

impl World {
    /// Parts of all messages, with the places of these.
    fn placed<'w, T: 'w>(
        &'w self,
        parts: fn(&Message) -> &Vec<T>,
    ) -> impl Iterator<Item = (u64, &'w T)> {
        let messages = (0..).zip(&self.sent);
        messages
            .flat_map(move |(place, message)| parts(message).iter().map(move |part| (place, part)))
    }
}

/// The judge's count. A thing is a point or a dead letter.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Verdict {
    /// Things that must be somewhere.
    pub(crate) sent: u64,
    /// Points that are stored, once or more.
    pub(crate) stored: u64,
    /// Dead letters that are kept, once or more.
    pub(crate) dead: u64,
    /// Things that are nowhere because they were removed from the stream.
    pub(crate) purged: u64,
    /// Things that are nowhere.
    pub(crate) lost: u64,
    /// Points that are there besides another of the same number.
    pub(crate) duplicated: u64,
    /// Points, fields and letters that nobody sent so.
    pub(crate) altered: u64,
    /// Letters that are kept more than once. They are promised at least once.
    pub(crate) letters_again: u64,
    /// The first findings in words.
    pub(crate) findings: Vec<String>,
}

impl Verdict {
    /// Whether the promises hold.
    pub(crate) fn holds(&self) -> bool {
        self.lost + self.duplicated + self.altered == 0
            && self.sent == self.stored + self.dead + self.purged
    }

    /// Joins the count of another part of the world.
    pub(crate) fn add(&mut self, other: Self) {
        self.sent += other.sent;
        self.stored += other.stored;
        self.dead += other.dead;
        self.purged += other.purged;
        self.lost += other.lost;
        self.duplicated += other.duplicated;
        self.altered += other.altered;
        self.letters_again += other.letters_again;
        for finding in other.findings {
            self.find(|| finding);
        }
    }

    /// Something of the message at `place` is nowhere.
    fn miss(&mut self, world: &World, place: u64, finding: impl FnOnce() -> String) {
        if world.purged.contains(&place) {
            self.purged += 1;
        } else {
            self.lost += 1;
            self.find(finding);
        }
    }

    fn find(&mut self, finding: impl FnOnce() -> String) {
        if self.findings.len() < TOLD {
            self.findings.push(finding());
        }
    }
}

/// Counts.
pub(crate) fn judge(world: &World) -> Verdict {
    let mut verdict = Verdict::default();
    points(world, &mut verdict);
    types(world, &mut verdict);
    letters(world, &mut verdict);
    verdict
}

fn points(world: &World, verdict: &mut Verdict) {
    let mut found: BTreeMap<Option<i64>, Vec<(&Key, &Fields)>> = BTreeMap::new();
    for (key, fields) in world.stored.iter() {
        found.entry(number(fields)).or_default().push((key, fields));
    }
    let points = world.placed(|message| &message.points);
    for (place, point) in points {
        verdict.sent += 1;
        let Some(same) = found.remove(&number(&point.fields)) else {
            verdict.miss(world, place, || format!("lost: {}", point.key));
            continue;
        };
        verdict.stored += 1;
        if let [_, others @ ..] = same.as_slice()
            && !others.is_empty()
        {
            verdict.duplicated += others.len() as u64;
            verdict.find(|| format!("{} times: {}", same.len(), point.key));
        }
        for (key, fields) in same {
            if let Some(difference) = difference(point, key, fields) {
                verdict.altered += 1;
                verdict.find(|| format!("altered: {difference}"));
            }
        }
    }
    for (key, _) in found.into_values().flatten() {
        verdict.altered += 1;
        verdict.find(|| format!("stored and never sent: {key}"));
    }
}

fn number(fields: &Fields) -> Option<i64> {
    match fields.get(NUMBER)? {
        Value::Integer(number) => Some(*number),
        #[expect(
            clippy::cast_possible_truncation,
            reason = "the oracle's numbers are whole and far below 2^52"
        )]
        Value::Float(number) => Some(*number as i64),
        Value::Text(number) => number.parse().ok(),
        Value::Boolean(_) => None,
    }
}

fn difference(expected: &Point, key: &Key, fields: &Fields) -> Option<String> {
    let mut found = Point {
        key: key.clone(),
        fields: fields.clone(),
    };
    if expected.key.time == Time::OfMessage {
        found.key.time = Time::OfMessage;
    }
    let set = |point: Point| std::iter::once(point).collect::<Points>();
    set(expected.clone()).difference(&set(found))
}

/// JSON does not tell `3` from `3.0`, and the store's own list does.
fn types(world: &World, verdict: &mut Verdict) {
    let points = world.sent.iter().flat_map(|message| message.points.clone());
    for (field, expected) in points.collect::<Points>().field_types() {
        let found = world.types.get(&field);
        if found.is_some_and(|found| *found != expected) {
            verdict.altered += 1;
            verdict.find(|| format!("{field:?} is {found:?} instead of {expected:?}"));
        }
    }
}

fn letters(world: &World, verdict: &mut Verdict) {
    let mut found: BTreeMap<(&str, Option<u32>, &[u8]), u64> = BTreeMap::new();
    for letter in &world.letters {
        *found.entry(name(letter)).or_default() += 1;
    }
    for (place, letter) in world.placed(|message| &message.refused) {
        verdict.sent += 1;
        match found.remove(&name(letter)) {
            Some(copies) => {
                verdict.dead += 1;
                verdict.letters_again += copies - 1;
            }
            None => {
                verdict.miss(world, place, || format!("no letter: {}", show(letter)));
            }
        }
    }
    for ((reason, line, payload), copies) in found {
        verdict.altered += copies;
        let payload = String::from_utf8_lossy(payload);
        verdict.find(|| format!("a letter of nothing that was sent: {reason} {line:?} {payload}"));
    }
}

/// What makes a letter itself.
fn name(letter: &Refused) -> (&str, Option<u32>, &[u8]) {
    (letter.reason, letter.line, &letter.payload)
}

fn show(letter: &Refused) -> String {
    let payload = String::from_utf8_lossy(&letter.payload);
    format!("{} {:?} {payload}", letter.reason, letter.line)
}
