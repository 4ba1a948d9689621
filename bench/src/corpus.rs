//! What the measurements feed in: a number comes in, a message comes out, always the same bytes for the same number. What trials
//! publish too is the very message that they publish; every message of a kind has the same length.

/// Lines for the scanner.
pub mod scanning;
/// Messages for decode.
pub mod decoding;
/// Messages for the batch.
pub mod batching;
/// Samples for the series table.
pub mod series;
/// Lines that no trial publishes.
mod lines;
/// Objects that no trial publishes.
mod objects;

use std::path::PathBuf;
use std::time::Duration;

use async_nats::Subject;
use bytes::Bytes;
use flightline::config::Config;
use flightline::config::environment::Environment;
use flightline::config::load::load;
use flightline::delivery::{Ack, Attempt, Declared, Delivery, Stamp};

use crate::payload::clock::Clock;
use crate::payload::template::{LINE, Template, most_lines};
use crate::payload::{PREFIX, Traffic, subject};
use crate::program::product;
use crate::program::{Api, STREAM, Setting, Target};
use crate::scenario::{Scenario, Shape, Switch};
use crate::trial::BATCH_LINES;

/// When all of it happens: as the first message of a trial that keeps no rate.
const TIME: i64 = 1_700_000_000_000_000_000;

/// When and where all messages entered their stream.
pub const STAMP: Stamp = Stamp {
    time: TIME,
    sequence: None,
    attempt: Attempt::First,
};

/// Numbers have at most six digits.
const NUMBERS: u32 = 1_000_000;

/// How long a line is, without its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Length {
    /// 64 bytes: one tag, one field.
    Short,
    /// 150 bytes: four tags, five fields. What all figures mean by "a line".
    Usual,
    /// 1,000 bytes: eight tags, forty fields.
    Long,
}

impl Length {
    /// Every length.
    pub const ALL: [Self; 3] = [Self::Short, Self::Usual, Self::Long];

    /// Bytes, without its end.
    pub const fn bytes(self) -> usize {
        match self {
            Self::Short => 64,
            Self::Usual => LINE,
            Self::Long => 1_000,
        }
    }
}

/// What a message holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Payload {
    /// One line.
    Line(Length),
    /// 50 lines of [`Length::Usual`].
    Lines50,
    /// One field of one series, as a line: what the exporter's cost is told by.
    Sample,
    /// A sensor's JSON object of 116 bytes, on a mapped subject outside the contract.
    Sensor,
    /// A set of four samples, JSON: two counters and two gauges.
    Metrics,
    /// The result of a check, JSON.
    Health,
    /// A transition of a job, JSON.
    Lifecycle,
    /// A point of an application, JSON.
    Point,
}

impl Payload {
    /// Every kind, with lines of each length.
    pub const ALL: [Self; 10] = [
        Self::Line(Length::Short),
        Self::Line(Length::Usual),
        Self::Line(Length::Long),
        Self::Lines50,
        Self::Sample,
        Self::Sensor,
        Self::Metrics,
        Self::Health,
        Self::Lifecycle,
        Self::Point,
    ];

    /// What benches and tests call it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Line(Length::Short) => "line64",
            Self::Line(Length::Usual) => "line150",
            Self::Line(Length::Long) => "line1000",
            Self::Lines50 => "lines50",
            Self::Sample => "sample",
            Self::Sensor => "sensor",
            Self::Metrics => "metrics",
            Self::Health => "health",
            Self::Lifecycle => "lifecycle",
            Self::Point => "point",
        }
    }

    /// Where it is published.
    pub fn subject(self) -> Subject {
        let own = |rest: &str| format!("{PREFIX}.{rest}");
        Subject::from(match self {
            Self::Line(_) => subject(Shape::Line),
            Self::Lines50 => subject(Shape::Lines50),
            Self::Sample => subject(Shape::Sample),
            Self::Sensor => subject(Shape::Sensor),
            Self::Metrics => subject(Shape::Metrics),
            Self::Health => own("health.api.i-1"),
            Self::Lifecycle => own("lifecycle.api.i-1"),
            Self::Point => own("app.api.orders"),
        })
    }

    /// Lines that decode makes of one message.
    pub fn lines(self) -> u32 {
        match self {
            Self::Lines50 => most_lines(Shape::Lines50),
            Self::Metrics => most_lines(Shape::Metrics),
            Self::Line(_)
            | Self::Sample
            | Self::Sensor
            | Self::Health
            | Self::Lifecycle
            | Self::Point => 1,
        }
    }

    /// Message number `number`, without an end behind its last line. Of [`Length::Usual`] a thousand numbers stand for a series each,
    /// of the rest a million.
    pub fn bytes(self, number: u32) -> Vec<u8> {
        let number = number % NUMBERS;
        match self {
            Self::Line(Length::Short) => lines::short(number),
            Self::Line(Length::Usual) => published(Shape::Line, number),
            Self::Line(Length::Long) => lines::long(number),
            Self::Lines50 => published(Shape::Lines50, number),
            Self::Sample => published(Shape::Sample, number),
            Self::Sensor => published(Shape::Sensor, number),
            Self::Metrics => published(Shape::Metrics, number),
            Self::Health => objects::health(number),
            Self::Lifecycle => objects::lifecycle(number),
            Self::Point => objects::point(number),
        }
    }

    /// The message as a source hands it on: first delivery, nobody waits for an ack.
    pub fn delivery(self, number: u32) -> Delivery {
        delivery(&self.subject(), self.bytes(number))
    }
}

/// Message `variant` of `shape` as a trial publishes it first.
pub fn published(shape: Shape, variant: u32) -> Vec<u8> {
    let mut payload = Vec::new();
    Template::new(shape, variant).write(Clock::unpaced(1).base, &mut payload);
    payload
}

/// A message as a source hands it on.
pub fn delivery(subject: &Subject, payload: Vec<u8>) -> Delivery {
    Delivery {
        subject: subject.clone(),
        payload: Bytes::from(payload),
        declared: Declared::Nothing,
        stamp: STAMP,
        ack: Ack::none(),
    }
}

/// The configuration that the product gets in a trial with messages of `shape`.
///
/// # Errors
/// When it is none.
pub fn config(shape: Shape) -> anyhow::Result<Config> {
    let setting = Setting {
        scenario: Scenario {
            shape,
            exporter: Switch::On,
            ..Scenario::default()
        },
        nats: "nats://127.0.0.1:4222".to_owned(),
        subjects: Traffic::patterns(shape),
        stream: STREAM.to_owned(),
        consumer: "bench".to_owned(),
        group: "bench".to_owned(),
        store: Target {
            url: "http://127.0.0.1:8086".to_owned(),
            api: Api::V2,
        },
        batch_lines: BATCH_LINES,
        batch_age: Duration::from_secs(1),
        folder: PathBuf::new(),
        port: 9464,
        front: 8186,
        worker: 0,
    };
    let folder = tempfile::tempdir()?;
    let file = folder.path().join(product::FILE);
    std::fs::write(&file, product::config(&setting))?;
    Ok(load(&[file], &Environment::of::<&str, &str>([]))?.config)
}

#[cfg(test)]
mod tests {
    use flightline::batch::Body;
    use flightline::decode::Decoder;
    use flightline::decode::observe::Nobody;
    use flightline::decode::route::Router;

    use super::*;
    use crate::payload::template::SENSOR;

    #[test]
    fn every_payload_is_taken_whole() {
        let router = Router::new(&config(Shape::Mix).unwrap()).unwrap();
        let mut decoder = Decoder::new(&router);
        for payload in Payload::ALL {
            let delivery = payload.delivery(7);
            let route = router.route(&delivery.subject).unwrap();
            let (mut body, mut letters) = (Body::default(), Vec::new());
            let lines = decoder.decode(&delivery, &route, &mut body, &mut Nobody, &mut letters);
            assert_eq!(letters.len(), 0, "{}: {letters:?}", payload.name());
            assert_eq!(lines, payload.lines(), "{}", payload.name());
        }
    }

    #[test]
    fn every_payload_of_a_kind_has_the_same_length() {
        for payload in Payload::ALL {
            let length = payload.bytes(0).len();
            for number in [1, 10, 199_999, 999_999, u32::MAX] {
                assert_eq!(payload.bytes(number).len(), length, "{}", payload.name());
            }
        }
        for length in Length::ALL {
            assert_eq!(Payload::Line(length).bytes(1).len(), length.bytes());
        }
        assert_eq!(Payload::Sensor.bytes(1).len(), SENSOR);
    }
}
