//! What the tests of the exporter share: a table with its own clock, lines cut the simple way, and a strict reader.

mod answers;
mod ends;
mod exposition;
mod golden;
mod hostile;
mod kinds;
mod limits;
mod sharing;
mod times;
mod together;

use std::num::NonZeroU64;
use std::time::{Duration, Instant};

use flightline_contract::class::Class;
use flightline_contract::metric::{Bucket, Kind, Sample, Temporality};
use flightline_contract::value::{Labels, Text};

use self::exposition::Samples;
use super::Exporter;
use super::accept::{Coding, Format};
use super::refusal::Refusal;
use crate::config;
use crate::decode::line::{FieldSpan, FieldType, Line, Span, TagSpan};
use crate::decode::observe::Observer;
use crate::delivery::{Attempt, Stamp};
use crate::metrics::Metrics;

pub(super) const EXPIRE: Duration = Duration::from_secs(64);
const SECOND: i64 = 1_000_000_000;

pub(super) fn config() -> config::Exporter {
    config::Exporter {
        classes: Class::ALL.to_vec(),
        max_series: 10_000,
        max_bytes: 16 << 20,
        max_labels: 16,
        expire: EXPIRE,
        counters: Vec::new(),
    }
}

/// An exporter with a clock that only the test moves.
pub(super) struct Rig {
    pub(super) exporter: Exporter,
    pub(super) now: Instant,
    sequence: u64,
}

impl Rig {
    pub(super) fn new(config: &config::Exporter) -> Self {
        let now = Instant::now();
        Self {
            exporter: Exporter::new(config, &Metrics::new(), now),
            now,
            sequence: 0,
        }
    }

    pub(super) fn pass(&mut self, time: Duration) {
        self.now += time;
    }

    /// A new message at `seconds` since the epoch.
    pub(super) fn message(&mut self, seconds: i64) -> u64 {
        self.sequence += 1;
        self.delivery(self.sequence, Attempt::First, seconds);
        self.sequence
    }

    pub(super) fn delivery(&mut self, sequence: u64, attempt: Attempt, seconds: i64) {
        let stamp = Stamp {
            time: seconds * SECOND,
            sequence: NonZeroU64::new(sequence),
            attempt,
        };
        self.exporter.lock().begin(&stamp, self.now);
    }

    /// One line as a message of its own, long after all timestamps in these tests.
    pub(super) fn line(&mut self, text: &[u8]) {
        self.message(1_000_000);
        line(&self.exporter, text);
    }

    pub(super) fn sample(&mut self, sample: &Sample<'_>) {
        let reading = sample.reading().unwrap();
        self.exporter.lock().sample("api", "a1", sample, reading);
    }

    pub(super) fn text(&self, format: Format) -> String {
        let chunks: Vec<Vec<u8>> = self
            .exporter
            .scrape(format, Coding::Identity, self.now)
            .collect();
        String::from_utf8(chunks.concat()).unwrap()
    }

    /// What a scrape shows, without the own registry, checked in both formats.
    pub(super) fn shown(&self) -> Samples {
        let mut samples = exposition::read(&self.text(Format::Text), Format::Text);
        let mut open = exposition::read(&self.text(Format::OpenMetrics), Format::OpenMetrics);
        open.retain(|name, value| samples.get(name) != Some(value));
        assert!(open.is_empty(), "only OpenMetrics shows {open:?}");
        samples.retain(|name, _| {
            !name.starts_with("flightline_")
                || [
                    "flightline_health_status{",
                    "flightline_up{",
                    "flightline_lifecycle_",
                ]
                .iter()
                .any(|own| name.starts_with(own))
        });
        samples
    }

    pub(super) fn refused(&self, reason: Refusal) -> u64 {
        self.exporter.lock().counts().refused.get(reason)
    }
}

pub(super) fn samples(expected: &[(&str, f64)]) -> Samples {
    expected
        .iter()
        .map(|(name, value)| ((*name).to_owned(), *value))
        .collect()
}

pub(super) fn sample<'a>(name: &'a str, kind: Kind, value: f64) -> Sample<'a> {
    Sample {
        name: name.into(),
        kind,
        temporality: None,
        labels: Labels::default(),
        time: None,
        value: Some(value),
        buckets: [].into_iter().collect(),
        sum: None,
        count: None,
    }
}

pub(super) fn delta(name: &str, value: f64) -> Sample<'_> {
    Sample {
        temporality: Some(Temporality::Delta),
        ..sample(name, Kind::Counter, value)
    }
}

pub(super) fn histogram<'a>(
    name: &'a str,
    temporality: Temporality,
    buckets: &[(f64, u64)],
    count: u64,
) -> Sample<'a> {
    Sample {
        temporality: Some(temporality),
        value: None,
        buckets: buckets
            .iter()
            .map(|(le, count)| Bucket {
                le: *le,
                count: *count,
            })
            .collect(),
        sum: Some(0.5),
        count: Some(count),
        ..sample(name, Kind::Histogram, 0.0)
    }
}

pub(super) fn labels<'a>(pairs: &[(&'a str, &'a str)]) -> Labels<'a> {
    Labels(
        pairs
            .iter()
            .map(|(name, value)| (Text::from(*name), Text::from(*value)))
            .collect(),
    )
}

/// Cuts a line at unescaped separators, without checking it, and hands it to the table.
pub(super) fn line(exporter: &Exporter, text: &[u8]) {
    let parts = cut(text, 0, text.len(), b' ');
    let head = cut(text, parts[0].start, parts[0].end, b',');
    let tags: Vec<TagSpan> = head[1..]
        .iter()
        .map(|tag| {
            let sides = cut(text, tag.start, tag.end, b'=');
            TagSpan {
                key: sides[0],
                value: sides[1],
            }
        })
        .collect();
    let fields: Vec<FieldSpan> = cut(text, parts[1].start, parts[1].end, b',')
        .iter()
        .map(|field| {
            let sides = cut(text, field.start, field.end, b'=');
            FieldSpan {
                key: sides[0],
                value: sides[1],
                kind: kind(sides[1].of(text)),
            }
        })
        .collect();
    let timestamp = parts.get(2).map(|span| {
        std::str::from_utf8(span.of(text))
            .unwrap()
            .parse::<i64>()
            .unwrap()
    });
    exporter.lock().line(&Line {
        text,
        measurement: head[0],
        series: parts[0],
        tags: &tags,
        fields: &fields,
        timestamp,
    });
}

fn kind(value: &[u8]) -> FieldType {
    match (value[0], value[value.len() - 1]) {
        (b'"', _) => FieldType::String,
        (_, b'i') => FieldType::Integer,
        (_, b'u') => FieldType::Unsigned,
        (b't' | b'T' | b'f' | b'F', _) => FieldType::Boolean,
        _ => FieldType::Float,
    }
}

fn cut(text: &[u8], start: u32, end: impl TryInto<u32>, separator: u8) -> Vec<Span> {
    let end: u32 = end.try_into().ok().unwrap();
    let mut spans = Vec::new();
    let mut from = start;
    let mut at = start;
    while at < end {
        let byte = text[at as usize];
        if byte == b'\\' {
            at += 1;
        } else if byte == separator {
            spans.push(Span {
                start: from,
                end: at,
            });
            from = at + 1;
        }
        at += 1;
    }
    spans.push(Span { start: from, end });
    spans
}
