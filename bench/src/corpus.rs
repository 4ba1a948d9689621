//! What the measurements feed in: a number comes in, a message comes out, always the same bytes for the same number. Numbers
//! have a fixed width, so that every message of a kind has the same length and costs the same.

/// Lines for the scanner.
pub mod scanning;
/// Messages for decode.
pub mod decoding;
/// Messages for the batch.
pub mod batching;
/// Samples for the series table.
pub mod series;

use bytes::Bytes;
use flightline::config::environment::Environment;
use flightline::config::load::load;
use flightline::config::{Config, FieldKind, JsonPath, MappedField, Mapping, Pick, TimeUnit};
use flightline::delivery::{Ack, Attempt, Declared, Delivery, Stamp};
use flightline_contract::class::Class;
use flightline_contract::encoding::Encoding;

/// When all of it happens, in nanoseconds since the epoch: nineteen digits, as today's.
pub const TIME: i64 = 1_700_000_000_000_000_000;

/// Lines in a [`Payload::Lines50`].
pub const LINES: u32 = 50;

/// Samples in a [`Payload::Metrics`].
pub const SAMPLES: u32 = 4;

/// How long a line is, its newline included.
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

    /// Bytes, the newline included.
    pub const fn bytes(self) -> usize {
        match self {
            Self::Short => 64,
            Self::Usual => 150,
            Self::Long => 1_000,
        }
    }
}

/// What a message holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Payload {
    /// One line.
    Line(Length),
    /// [`LINES`] lines of [`Length::Usual`], each of another series.
    Lines50,
    /// One field of one series, as a line: what the exporter's cost is told by.
    Sample,
    /// A sensor's JSON object of 116 bytes, on a mapped subject outside the contract.
    Sensor,
    /// A set of [`SAMPLES`] samples, JSON: two gauges and two counters.
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
    pub const fn subject(self) -> &'static str {
        match self {
            Self::Line(_) | Self::Lines50 | Self::Sample | Self::Metrics => {
                "telemetry.metric.api.i-1"
            }
            Self::Sensor => "temperature",
            Self::Health => "telemetry.health.api.i-1",
            Self::Lifecycle => "telemetry.lifecycle.api.i-1",
            Self::Point => "telemetry.app.api.orders",
        }
    }

    /// Lines that decode makes of one message.
    pub const fn lines(self) -> u32 {
        match self {
            Self::Lines50 => LINES,
            Self::Metrics => SAMPLES,
            Self::Line(_)
            | Self::Sample
            | Self::Sensor
            | Self::Health
            | Self::Lifecycle
            | Self::Point => 1,
        }
    }

    /// Message number `number`; each number below a million stands for a series of its own.
    pub fn bytes(self, number: u32) -> Vec<u8> {
        match self {
            Self::Line(length) => line(length, number),
            Self::Lines50 => lines(LINES, number),
            Self::Sample => sample(number),
            Self::Sensor => sensor(number),
            Self::Metrics => metrics(number),
            Self::Health => health(number),
            Self::Lifecycle => lifecycle(number),
            Self::Point => point(number),
        }
    }

    /// The message as a source hands it on: first delivery, nobody waits for an ack.
    pub fn delivery(self, number: u32) -> Delivery {
        Delivery {
            subject: self.subject().into(),
            payload: Bytes::from(self.bytes(number)),
            declared: Declared::Nothing,
            stamp: stamp(),
            ack: Ack::none(),
        }
    }
}

/// Where and when each message entered its stream.
pub const fn stamp() -> Stamp {
    Stamp {
        time: TIME,
        sequence: None,
        attempt: Attempt::First,
    }
}

/// The series of a number: six digits.
const fn series(number: u32) -> u32 {
    number % 1_000_000
}

/// A line with its newline.
pub fn line(length: Length, number: u32) -> Vec<u8> {
    let host = series(number);
    let mut text = match length {
        Length::Short => format!("load,host=host-{host:06} busy_all=12."),
        Length::Usual => format!(
            "cpu,host=host-{host:06},region=eu-west-1,rack=r-07,service=api \
             usage_user=12.345,usage_system=3.25,procs=1173i,up=true,idle=84."
        ),
        Length::Long => long(host),
    };
    let end = format!(" {TIME}\n");
    // The last value's fraction brings each kind to its length.
    let missing = length.bytes() - text.len() - end.len();
    text.extend("25".chars().cycle().take(missing));
    text.push_str(&end);
    text.into_bytes()
}

fn long(host: u32) -> String {
    let mut text = format!("process,host=host-{host:06}");
    for tag in 1..8 {
        text.push_str(&format!(",label_{tag}=value-{tag:05}"));
    }
    text.push(' ');
    for field in 0..39 {
        text.push_str(&format!("field_{field:02}={}.25,", 1_000 + field));
    }
    text.push_str("last=7.");
    text
}

/// `count` lines of [`Length::Usual`] in one payload, of the series `number * count` and on.
pub fn lines(count: u32, number: u32) -> Vec<u8> {
    let first = number.wrapping_mul(count);
    let lines = (0..count).map(|one| line(Length::Usual, first.wrapping_add(one)));
    lines.collect::<Vec<_>>().concat()
}

/// A line with one field.
pub fn sample(number: u32) -> Vec<u8> {
    let host = series(number);
    format!("load,host=host-{host:06},region=eu-west-1,rack=r-07,service=api busy=12.345 {TIME}\n")
        .into_bytes()
}

/// What a sensor publishes: 116 bytes.
pub fn sensor(number: u32) -> Vec<u8> {
    let device = series(number);
    let time = TIME / 1_000_000;
    format!(
        "{{\"type\":\"temperature\",\"device\":\"sensor-{device:06}\",\"room\":\"h3\",\
         \"time\":{time},\"value\":21.5,\"battery\":87,\"ok\":true}}"
    )
    .into_bytes()
}

/// How [`sensor`] is mapped: the type and where it hangs as tags, the rest as fields.
pub fn mapping() -> Mapping {
    let path = |key: &str| JsonPath(vec![key.to_owned()]);
    let tag = |key: &str| (key.to_owned(), Pick::Json(path(key)));
    let field = |key: &str, kind| MappedField {
        name: key.to_owned(),
        path: path(key),
        kind,
    };
    Mapping {
        subjects: vec![Payload::Sensor.subject().to_owned()],
        class: Class::App,
        service: "sensors".to_owned(),
        encoding: Some(Encoding::Json),
        measurement: Pick::Literal("sensor".to_owned()),
        tags: vec![tag("type"), tag("device"), tag("room")],
        fields: vec![
            field("value", FieldKind::Float),
            field("battery", FieldKind::Integer),
            field("ok", FieldKind::Boolean),
        ],
        time: Some((path("time"), TimeUnit::Millis)),
    }
}

/// A metric set.
pub fn metrics(number: u32) -> Vec<u8> {
    let shard = series(number);
    let labels = format!("{{\"shard\":\"{shard:06}\",\"region\":\"eu-west-1\"}}");
    let sample = |name: &str, kind: &str, value: &str| {
        format!("{{\"name\":\"{name}\",\"kind\":{kind},\"value\":{value},\"labels\":{labels}}}")
    };
    let gauge = r#""gauge""#;
    let counter = r#""counter","temporality":"cumulative""#;
    let samples = [
        sample("queue_depth", gauge, "17"),
        sample("memory_bytes", gauge, "734003200"),
        sample("requests_total", counter, "120934"),
        sample("cpu_seconds_total", counter, "8123.75"),
    ];
    format!("{{\"time\":{TIME},\"samples\":[{}]}}", samples.join(",")).into_bytes()
}

/// A check result.
pub fn health(number: u32) -> Vec<u8> {
    let check = series(number);
    format!(
        "{{\"check\":\"http-{check:06}\",\"status\":\"passing\",\
         \"output\":\"GET /healthz: 200 in 3 ms\",\"time\":{TIME}}}"
    )
    .into_bytes()
}

/// A transition.
pub fn lifecycle(number: u32) -> Vec<u8> {
    let sequence = 1_000_000 + series(number);
    format!(
        "{{\"from\":\"running\",\"to\":\"healthy\",\"cause\":\"check passed\",\"pid\":4101,\
         \"attempt\":1,\"sequence\":{sequence},\"time\":{TIME}}}"
    )
    .into_bytes()
}

/// A point of an application.
pub fn point(number: u32) -> Vec<u8> {
    let shop = series(number);
    format!(
        "{{\"measurement\":\"orders\",\"tags\":{{\"shop\":\"shop-{shop:06}\",\"currency\":\"EUR\"}},\
         \"fields\":{{\"total\":129.95,\"items\":3,\"paid\":true,\"customer\":\"c-48213\"}},\
         \"time\":{TIME}}}"
    )
    .into_bytes()
}

/// The configuration that all of it is decoded with: the defaults, and the mapping of the sensors.
///
/// # Panics
/// When the defaults of the program are wrong, which its own tests would say first.
pub fn config() -> Config {
    let loaded = load(&[], &Environment::of::<&str, &str>([])).expect("the defaults are right");
    Config {
        mappings: vec![mapping()],
        ..loaded.config
    }
}

#[cfg(test)]
mod tests {
    use flightline::batch::Body;
    use flightline::decode::Decoder;
    use flightline::decode::observe::Nobody;
    use flightline::decode::route::Router;

    use super::*;

    #[test]
    fn every_payload_is_taken_whole() {
        let router = Router::new(&config()).unwrap();
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
            assert_eq!(line(length, 1).len(), length.bytes());
        }
        assert_eq!(sensor(1).len(), 116);
    }
}
