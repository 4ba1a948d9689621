//! What holds for every input: generated lines, the same with an accident, and any bytes at all.

use influxdb_line_protocol::{FieldValue, parse_lines};
use proptest::collection::{btree_map, btree_set, vec};
use proptest::prelude::*;

use super::super::fault::Fault;
use super::super::lines::line_ends;
use super::super::{LineEnd, Scanner};
use crate::decode::dialect::{Dialect, Rules};
use crate::decode::line::{FieldType, Line};

/// A line in parts, each as it stands in the text.
#[derive(Debug, Clone)]
struct Made {
    measurement: String,
    tags: Vec<(String, String)>,
    fields: Vec<(String, String)>,
    blanks: [usize; 2],
    timestamp: Option<i64>,
}

impl Made {
    fn text(&self) -> String {
        let tags: String = self
            .tags
            .iter()
            .map(|(key, value)| format!(",{key}={value}"))
            .collect();
        let fields: Vec<_> = self
            .fields
            .iter()
            .map(|(key, value)| format!("{key}={value}"))
            .collect();
        let [first, second] = self.blanks.map(|count| " ".repeat(count));
        let stamp = self
            .timestamp
            .map(|time| format!("{second}{time}"))
            .unwrap_or_default();
        format!(
            "{}{tags}{first}{}{stamp}",
            self.measurement,
            fields.join(",")
        )
    }
}

/// A name that is the same for every store: no pair of backslashes, none at its end.
fn name() -> impl Strategy<Value = String> {
    let part = prop_oneof![
        20 => "[a-zA-Z0-9_.:/-]{1,9}",
        2 => Just("\\,".to_owned()),
        2 => Just("\\ ".to_owned()),
        2 => Just("\\=".to_owned()),
        1 => Just("é".to_owned()),
        1 => "[\"#!$%&'()*+;<>?@^`{|}~]",
        1 => Just("\\x".to_owned()),
    ];
    vec(part, 1..5)
        .prop_map(|parts| parts.concat())
        .prop_filter("reserved, or a comment", |name| {
            name != "time" && !name.starts_with('#')
        })
}

fn value() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<i64>().prop_map(|value| format!("{value}i")),
        any::<f64>()
            .prop_filter("finite", |value| value.is_finite())
            .prop_map(|value| format!("{value:e}")),
        (-1e6..1e6).prop_map(|value: f64| value.to_string()),
        "-?[0-9]{1,25}(\\.[0-9]{1,25})?([eE][+-]?[0-9]{1,2})?",
        "(t|T|true|True|TRUE|f|F|false|False|FALSE)",
        "([a-z ,=\n\r\té]|\\\\[a-z\"\\\\\n]){0,40}".prop_map(|text| format!("\"{text}\"")),
    ]
}

fn made() -> impl Strategy<Value = Made> {
    let keys = btree_set(name(), 1..24).prop_shuffle_vec();
    (
        name(),
        keys,
        vec((name(), value()), 24),
        any::<prop::sample::Index>(),
        1..3usize,
        1..3usize,
        any::<Option<i64>>(),
    )
        .prop_map(
            |(measurement, keys, values, cut, first, second, timestamp)| {
                let mut pairs = keys.into_iter().zip(values);
                let count = cut.index(pairs.len());
                let tags = pairs
                    .by_ref()
                    .take(count)
                    .map(|(key, (tag, _))| (key, tag))
                    .collect();
                let fields = pairs.map(|(key, (_, field))| (key, field)).collect();
                let timestamp = timestamp.map(|time| time.clamp(i64::MIN + 2, i64::MAX - 1));
                Made {
                    measurement,
                    tags,
                    fields,
                    blanks: [first, second],
                    timestamp,
                }
            },
        )
}

trait Shuffled: Strategy<Value = std::collections::BTreeSet<String>> + Sized {
    fn prop_shuffle_vec(self) -> impl Strategy<Value = Vec<String>> {
        self.prop_map(|set| set.into_iter().collect::<Vec<_>>())
            .prop_shuffle()
    }
}

impl<S: Strategy<Value = std::collections::BTreeSet<String>>> Shuffled for S {}

/// A line with one accident.
fn broken() -> impl Strategy<Value = String> {
    let accident = (
        0..3u8,
        any::<prop::sample::Index>(),
        "[,= \"\\\\\r\ti u0.e+t-]",
    );
    (made(), vec(accident, 0..3)).prop_map(|(made, accidents)| {
        let mut text: Vec<char> = made.text().chars().collect();
        for (kind, place, what) in accidents {
            let what = what.chars().next().unwrap();
            let at = place.index(text.len());
            match kind {
                0 => text[at] = what,
                1 => text.insert(at, what),
                _ if text.len() > 1 => drop(text.remove(at)),
                _ => {}
            }
        }
        text.into_iter().collect()
    })
}

fn strict() -> Scanner {
    Scanner::new(Rules::of(Dialect::ALL))
}

/// Everything in a line, comparable.
fn parts(line: &Line<'_>) -> String {
    format!("{:?}", line)
}

proptest! {
    #[test]
    fn every_made_line_is_accepted_and_its_spans_are_its_parts(made in made()) {
        let text = made.text();
        let mut scanner = strict();
        let scanned = scanner.next(text.as_bytes(), 0).unwrap();
        prop_assert_eq!((scanned.range, scanned.next, scanned.end), (0..text.len(), text.len(), LineEnd::EndOfInput));
        let line = scanned.line.unwrap();
        let read = |span: crate::decode::line::Span| String::from_utf8(span.of(line.text).to_vec()).unwrap();
        let again = Made {
            measurement: read(line.measurement),
            tags: line.tags.iter().map(|tag| (read(tag.key), read(tag.value))).collect(),
            fields: line.fields.iter().map(|field| (read(field.key), read(field.value))).collect(),
            blanks: made.blanks,
            timestamp: line.timestamp,
        };
        prop_assert_eq!(again.text(), made.text());
        prop_assert_eq!(again.fields.len(), made.fields.len());
        prop_assert!(made.text().starts_with(&read(line.series)));
    }

    #[test]
    fn what_passes_reads_the_same_in_the_crate(text in broken()) {
        let mut scanner = Scanner::new(Rules::of([Dialect::V3]));
        let Some(scanned) = scanner.next(text.as_bytes(), 0) else { return Ok(()) };
        let passed = text.get(scanned.range.clone()).unwrap();
        let theirs: Vec<_> = parse_lines(passed).collect();
        match scanned.line {
            Ok(line) => {
                prop_assert_eq!(theirs.len(), 1);
                let theirs = theirs[0].as_ref().unwrap();
                prop_assert_eq!(theirs.timestamp, line.timestamp);
                prop_assert_eq!(theirs.series.tag_set.as_ref().map_or(0, |tags| tags.len()), line.tags.len());
                let kinds: Vec<_> = theirs.field_set.iter().map(|(_, value)| kind(value)).collect();
                let ours: Vec<_> = line.fields.iter().map(|field| field.kind).collect();
                prop_assert_eq!(kinds, ours);
            }
            Err(error) if theirs.len() == 1 && theirs[0].is_ok() => {
                prop_assert!(lax(error.fault), "{:?}: {}", error.fault, passed);
            }
            Err(_) => {}
        }
    }

    #[test]
    fn any_bytes_are_covered_without_a_panic(
        pieces in vec(prop_oneof![
            vec(any::<u8>(), 0..40),
            "[a-c,= \"\\\\\n\r\t#0-9.eiu+-]{0,40}".prop_map(String::into_bytes),
            broken().prop_map(|text| format!("{text}\n").into_bytes()),
        ], 0..6),
        dialects in btree_map(0..3usize, Just(()), 0..3),
    ) {
        let payload = pieces.concat();
        let rules = Rules::of(dialects.keys().map(|at| Dialect::ALL[*at]));
        let mut scanner = Scanner::new(rules);
        let mut at = 0;
        while let Some(scanned) = scanner.next(&payload, at) {
            prop_assert!(at <= scanned.range.start && scanned.range.start < scanned.range.end);
            prop_assert!(scanned.range.end <= scanned.next && scanned.next <= payload.len());
            prop_assert!(unsaid(&payload[at..scanned.range.start]));
            let end = &payload[scanned.range.end..scanned.next];
            match scanned.end {
                LineEnd::Lf => prop_assert_eq!(end, b"\n"),
                LineEnd::Padded => prop_assert!(end.ends_with(b"\n") && end.len() > 1),
                LineEnd::EndOfInput => prop_assert!(scanned.next == payload.len() && !end.ends_with(b"\n")),
            }
            prop_assert!(end.iter().all(|byte| b" \r\n".contains(byte)));
            if let Ok(line) = &scanned.line {
                // Whatever stands around it, a line is read as if it stood alone, and goes out as it is read.
                let alone = parts(line);
                let text = payload[scanned.range.clone()].to_vec();
                let mut other = Scanner::new(rules);
                prop_assert_eq!(parts(&other.next(&text, 0).unwrap().line.unwrap()), alone);
            }
            at = scanned.next;
        }
        prop_assert!(unsaid(&payload[at..]));
    }

    #[test]
    fn lines_put_together_are_the_same_lines(lines in vec(made(), 0..8)) {
        let lines: Vec<_> = lines.iter().map(|line| line.text() + "\n").collect();
        let body = lines.concat();
        let cut: Vec<_> = line_ends(body.as_bytes()).map(|range| body.get(range).unwrap()).collect();
        prop_assert_eq!(cut, lines);
    }
}

/// Only what stands between lines: blanks, line ends and comments.
fn unsaid(gap: &[u8]) -> bool {
    gap.split(|byte| *byte == b'\n').all(|line| {
        let rest = line.trim_ascii_start();
        rest.is_empty() || rest.starts_with(b"#")
    })
}

fn kind(value: &FieldValue<'_>) -> FieldType {
    match value {
        FieldValue::I64(_) => FieldType::Integer,
        FieldValue::U64(_) => FieldType::Unsigned,
        FieldValue::F64(_) => FieldType::Float,
        FieldValue::String(_) => FieldType::String,
        FieldValue::Boolean(_) => FieldType::Boolean,
    }
}

/// What the crate lets pass and we refuse. Who is right is in the table of `tests/dialect.rs`, under the reasons named here.
#[rustfmt::skip]
fn lax(fault: Fault) -> bool {
    matches!(
        fault,
        // LaxCrate: InfluxDB 1.6.7 refuses them.
        Fault::TagKey | Fault::TagValue | Fault::TagEquals | Fault::FieldKey | Fault::FieldValue
        // LaxCrate: repeated keys are found only when its caller asks for the series key.
        | Fault::TagTwice | Fault::FieldTwice | Fault::TagAndField | Fault::Time
        // Infinity, OuterTimes, Backslashes.
        | Fault::Range | Fault::TimestampRange | Fault::Backslash
        // A tab behind a backslash, which no store's documentation knows: refused like any other tab.
        | Fault::Blank
    )
}
