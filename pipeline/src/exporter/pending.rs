//! Numbers of lines come in one by one, updates of the series table go out several at a time, in the order they came. Nothing is
//! lost here, and whoever reads the table settles first, so that nobody sees that anything waited.
//!
//! Over a table larger than the processor's cache each look-up waits for memory four or five times, one after the other. Those
//! of different samples have nothing to do with each other: in short loops over many samples the processor runs ahead and
//! waits for several at once.

use std::hint::black_box;

use super::family::Kind;
use super::key::RawKey;
use super::refusal::Refusal;
use super::slot::{Life, NONE, Origin, Phase, Value};
use super::table::{Described, Owner, Table};
use super::update::Update;
use crate::decode::line::{Line, Span, TagSpan};

/// Samples that are looked up together: several times what memory answers at once, and about what the innermost cache holds
/// together with what they touch. At random over 200,000 series 64 cost 119 ns a sample, 32 cost 124.
const SAMPLES: usize = 64;
/// Bytes of series and field keys after which no more samples wait.
const BYTES: usize = 8 * 1024;

/// What waits.
#[derive(Debug, Default)]
pub(super) struct Pending {
    /// Series of the lines, each followed by its field keys.
    text: Vec<u8>,
    tags: Vec<TagSpan>,
    heads: Vec<Head>,
    samples: Vec<Sample>,
}

/// What the samples of one line share. Its spans are into the line, whose beginning stands from `start` on.
#[derive(Debug, Clone, Copy)]
struct Head {
    start: usize,
    end: usize,
    measurement: Span,
    series: Span,
    /// Where its tags begin and end.
    tags: (usize, usize),
    time: i64,
}

/// One number.
#[derive(Debug, Clone, Copy)]
struct Sample {
    head: usize,
    /// Where the field's key begins and ends.
    field: (usize, usize),
    hash: u32,
    /// The slot that it seems to be; `NONE` if there is none or it is to be looked for again.
    guess: u32,
    value: f64,
}

/// The part of a line that tells its series.
#[derive(Debug, Clone, Copy)]
pub(super) struct Origins<'p> {
    pub(super) text: &'p [u8],
    pub(super) measurement: Span,
    pub(super) tags: &'p [TagSpan],
}

impl Pending {
    /// Whether what waits is to be settled before more comes.
    pub(super) fn is_full(&self) -> bool {
        self.samples.len() >= SAMPLES || self.text.len() >= BYTES
    }

    /// Notes the line of the samples that follow, and says its number.
    pub(super) fn line(&mut self, line: &Line<'_>, time: i64) -> usize {
        let (start, first) = (self.text.len(), self.tags.len());
        self.text
            .extend_from_slice(&line.text[..line.series.end as usize]);
        self.tags.extend_from_slice(line.tags);
        self.heads.push(Head {
            start,
            end: self.text.len(),
            measurement: line.measurement,
            series: line.series,
            tags: (first, self.tags.len()),
            time,
        });
        self.heads.len() - 1
    }

    /// Notes one sample of line number `head`.
    pub(super) fn sample(&mut self, head: usize, field: &[u8], hash: u32, value: f64) {
        let start = self.text.len();
        self.text.extend_from_slice(field);
        self.samples.push(Sample {
            head,
            field: (start, self.text.len()),
            hash,
            guess: NONE,
            value,
        });
    }

    fn clear(&mut self) {
        self.text.clear();
        self.tags.clear();
        self.heads.clear();
        self.samples.clear();
    }
}

impl Table {
    /// Brings the table up to date with everything that waits.
    pub(super) fn settle(&mut self) {
        if self.pending.samples.is_empty() {
            return;
        }
        let mut pending = std::mem::take(&mut self.pending);
        for sample in &mut pending.samples {
            sample.guess = self.spellings.guess(sample.hash);
        }
        // Read only to have it at hand.
        let touched = pending.samples.iter().filter(|sample| sample.guess != NONE);
        black_box(touched.fold(0, |sum, sample| sum ^ self.slab.touch(sample.guess)));
        for sample in &pending.samples {
            let outcome = self.show_sample(&pending, sample);
            self.note(outcome);
        }
        pending.clear();
        self.pending = pending;
    }

    fn show_sample(&mut self, pending: &Pending, sample: &Sample) -> Result<(), Refusal> {
        let head = &pending.heads[sample.head];
        let text = &pending.text[head.start..head.end];
        let key = RawKey {
            head: head.series.of(text),
            tail: &pending.text[sample.field.0..sample.field.1],
        };
        // What came before in the same round may have ended the series, and made another in its place.
        let guessed = sample.guess != NONE && key.is(self.slab.get(sample.guess).raw());
        let known = if guessed {
            Some(sample.guess)
        } else {
            self.find(sample.hash, key)
        };
        if let Some(id) = known {
            return self.set(id, sample.value, head.time);
        }
        let origins = Origins {
            text,
            measurement: head.measurement,
            tags: &pending.tags[head.tags.0..head.tags.1],
        };
        self.meet_field(origins, key, sample.hash, sample.value, head.time)
    }

    /// What [`Table::update`] does, for the usual case: a number that replaces the number of a series that is shown.
    fn set(&mut self, id: u32, value: f64, time: i64) -> Result<(), Refusal> {
        let now = self.wheel.now();
        let slot = self.slab.get_mut(id);
        let update = Update::Set(value);
        let (Value::Number(shown), Phase::Live) = (&mut slot.value, slot.phase) else {
            return self.update(id, update, time);
        };
        update.check(slot.kind)?;
        if time < slot.time {
            return Err(Refusal::Older);
        }
        *shown = value;
        slot.time = time;
        slot.seen = now;
        slot.origin = Origin::Told;
        Ok(())
    }

    fn meet_field(
        &mut self,
        origins: Origins<'_>,
        key: RawKey<'_>,
        hash: u32,
        value: f64,
        time: i64,
    ) -> Result<(), Refusal> {
        let mut scratch = std::mem::take(&mut self.scratch);
        let outcome = scratch.describe_field(origins, key.tail).and_then(|()| {
            let kind = if self.is_counter(&scratch.name) {
                Kind::Counter
            } else {
                Kind::Gauge
            };
            let described = Described {
                kind,
                owner: Owner::Foreign,
                life: Life::Normal,
                help: "Field of line protocol.",
            };
            self.meet(key, hash, &mut scratch, described, Update::Set(value), time)
        });
        self.scratch = scratch;
        outcome
    }
}
