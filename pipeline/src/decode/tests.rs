//! One message goes through router and decoder; what came out is shown as text.

use std::fmt::Write;

use bytes::Bytes;
use flightline_contract::class::Class;
use flightline_contract::deadletter::Reason;
use flightline_contract::health::Health;
use flightline_contract::lifecycle::LifecycleChange;
use flightline_contract::metric::{Reading, Sample};

use super::dialect::Dialect;
use super::line::Line;
use super::route::tests::{influx, lines_in_files, sensors};
use super::*;
use crate::config;
use crate::delivery::{Ack, Attempt, Stamp};

mod encodings;
mod foreign_objects;
mod hostile;
mod line_protocol;
mod own_objects;
mod plain_objects;
mod properties;

/// The time of every message here.
pub(super) const TIME: i64 = 1_700_000_000_000_000_000;

pub(super) fn message(subject: &str, payload: impl AsRef<[u8]>) -> Delivery {
    Delivery {
        subject: subject.into(),
        payload: Bytes::copy_from_slice(payload.as_ref()),
        declared: Declared::Nothing,
        stamp: Stamp {
            time: TIME,
            sequence: None,
            attempt: Attempt::First,
        },
        ack: Ack::none(),
    }
}

/// What came out of one message.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Outcome {
    /// What was written.
    pub(super) text: String,
    /// Reason, line and payload of each letter.
    pub(super) letters: Vec<(Reason, Option<u32>, String)>,
    /// What the observer was told.
    pub(super) seen: Vec<String>,
}

pub(super) fn router(mappings: &[config::Mapping]) -> Router {
    let sinks = [
        lines_in_files(&Class::ALL),
        influx(Dialect::V1, &[Class::Metric]),
    ];
    Router::of("telemetry", mappings, &sinks).unwrap()
}

pub(super) fn decode_with(router: &Router, delivery: &Delivery) -> Outcome {
    let mut decoder = Decoder::new(router);
    let (mut body, mut seen, mut letters) = (Body::default(), Seen::default(), Vec::new());
    let route = router.route(&delivery.subject).unwrap();
    let lines = decoder.decode(delivery, &route, &mut body, &mut seen, &mut letters);
    assert_eq!(usize::try_from(lines).unwrap(), body.lines());
    assert_eq!(seen.0.len(), body.lines());
    let show = |letter: Letter| {
        assert!(!letter.detail.is_empty());
        assert_eq!(
            (&letter.subject, letter.stamp),
            (&delivery.subject, delivery.stamp)
        );
        (
            letter.reason,
            letter.line,
            String::from_utf8_lossy(&letter.payload).into_owned(),
        )
    };
    Outcome {
        text: String::from_utf8_lossy(body.buffer()).into_owned(),
        letters: letters.into_iter().map(show).collect(),
        seen: seen.0,
    }
}

/// A message of the contract's own subjects.
pub(super) fn decode(subject: &str, payload: impl AsRef<[u8]>) -> Outcome {
    decode_with(&router(&[]), &message(subject, payload))
}

/// Remembers what it was told.
#[derive(Debug, Default)]
pub(super) struct Seen(pub(super) Vec<String>);

impl Observer for Seen {
    fn line(&mut self, line: &Line<'_>) {
        let show = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let mut text = show(line.measurement.of(line.text));
        for tag in line.tags {
            let (key, value) = (show(tag.key.of(line.text)), show(tag.value.of(line.text)));
            write!(text, ",{key}={value}").unwrap();
        }
        assert_eq!(show(line.series.of(line.text)), text);
        for field in line.fields {
            let (key, value) = (
                show(field.key.of(line.text)),
                show(field.value.of(line.text)),
            );
            write!(text, " {key}={value}:{:?}", field.kind).unwrap();
        }
        write!(text, " {}", line.timestamp.unwrap()).unwrap();
        self.0.push(text);
    }

    fn sample(&mut self, service: &str, instance: &str, sample: &Sample<'_>, reading: Reading<'_>) {
        self.0.push(format!(
            "{service}/{instance} {} {reading:?}",
            sample.name.as_str()
        ));
    }

    fn health(&mut self, service: &str, instance: &str, health: &Health<'_>) {
        let (check, status) = (health.check.as_str(), health.status);
        self.0
            .push(format!("{service}/{instance} {check} {status:?}"));
    }

    fn transition(&mut self, service: &str, instance: &str, transition: &LifecycleChange<'_>) {
        let (from, to) = (transition.from, transition.to);
        self.0.push(format!("{service}/{instance} {from:?} {to:?}"));
    }
}
