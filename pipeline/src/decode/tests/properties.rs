//! Text from outside never becomes syntax; a redelivery gives the same lines.

use flightline_contract::app::{FieldValue, Fields, Point};
use flightline_contract::value::{Labels, Text, Timestamp};
use proptest::prelude::*;

use super::{Seen, decode, decode_with, message, router};
use crate::batch::Body;
use crate::decode::Decoder;
use crate::decode::dialect::{Dialect, Rules};
use crate::decode::observe::{Nobody, Observer};
use crate::decode::scan::Scanner;
use crate::decode::scan::fault::Fault;
use crate::delivery::Attempt;
use flightline_contract::class::Class;

/// Text with all that could become syntax; rarely what is refused everywhere, or few points would be left to look at.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        12 => "[a-c# ,=\"\\\\é]{1,6}",
        1 => "[a-c #\n\r\t\u{0}-]{0,8}",
        1 => any::<String>(),
    ]
}

fn value() -> impl Strategy<Value = FieldValue<'static>> {
    prop_oneof![
        any::<f64>()
            .prop_filter("JSON has no NaN", |number| number.is_finite())
            .prop_map(FieldValue::Number),
        any::<bool>().prop_map(FieldValue::Boolean),
        "[a-c ,=\"\\\\\n\r]{0,8}".prop_map(|text| FieldValue::String(Text::from(text))),
        Just(FieldValue::Null),
    ]
}

fn point() -> impl Strategy<Value = Point<'static>> {
    let tags = prop::collection::btree_map(text(), text(), 0..5);
    let fields = prop::collection::btree_map(text(), value(), 0..5);
    (prop::option::of(text()), tags, fields, 0..i64::MAX - 1).prop_map(
        |(measurement, tags, fields, time)| Point {
            measurement: measurement.map(Text::from),
            tags: Labels(
                tags.into_iter()
                    .map(|(key, value)| (key.into(), value.into()))
                    .collect(),
            ),
            fields: Fields(
                fields
                    .into_iter()
                    .map(|(key, value)| (key.into(), value))
                    .collect(),
            ),
            time: Some(Timestamp(time)),
        },
    )
}

/// Measurement, tags, fields and time.
type Parts = (String, Pairs, Pairs, Option<i64>);

type Pairs = Vec<(String, String)>;

/// The parts of one line as another reader sees them, unescaped.
fn read(text: &str) -> Parts {
    let lines: Vec<_> = influxdb_line_protocol::parse_lines(text).collect();
    assert_eq!(lines.len(), 1, "{text:?}");
    let line = lines[0].as_ref().unwrap();
    let tags = line.series.tag_set.iter().flatten();
    (
        line.series.measurement.to_string(),
        tags.map(|(key, value)| (key.to_string(), value.to_string()))
            .collect(),
        line.field_set
            .iter()
            .map(|(key, value)| (key.to_string(), show(value)))
            .collect(),
        line.timestamp,
    )
}

fn show(value: &influxdb_line_protocol::FieldValue<'_>) -> String {
    match value {
        influxdb_line_protocol::FieldValue::String(text) => format!("{:?}", text.as_str()),
        influxdb_line_protocol::FieldValue::F64(number) => format!("{number:?}"),
        influxdb_line_protocol::FieldValue::Boolean(boolean) => format!("{boolean}"),
        other => panic!("{other:?}"),
    }
}

/// The parts that `point` should have.
fn expected(point: &Point<'_>) -> Parts {
    let measurement = point.measurement.as_deref().unwrap_or("orders").to_owned();
    let tags = point.tags.0.iter().filter(|(_, value)| !value.is_empty());
    let own = ("service".to_owned(), "shop".to_owned());
    let tags = tags.map(|(key, value)| (key.to_string(), value.to_string()));
    let fields = point.fields.0.iter().filter_map(|(key, value)| {
        let value = match value {
            FieldValue::Number(number) => format!("{number:?}"),
            FieldValue::Boolean(boolean) => format!("{boolean}"),
            FieldValue::String(text) => format!("{:?}", text.as_str()),
            FieldValue::Null => return None,
        };
        Some((key.to_string(), value))
    });
    (
        measurement,
        std::iter::once(own).chain(tags).collect(),
        fields.collect(),
        point.time.map(|time| time.0),
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn no_text_becomes_syntax(point in point()) {
        let payload = serde_json::to_vec(&point).unwrap();
        let outcome = decode("telemetry.app.shop.orders", &payload);
        prop_assert_eq!(outcome.letters.len() + outcome.seen.len(), 1);
        if outcome.letters.is_empty() {
            prop_assert_eq!(read(&outcome.text), expected(&point));
            for dialect in Dialect::ALL {
                let mut scanner = Scanner::new(Rules::of([dialect]));
                let scanned = scanner.next(outcome.text.as_bytes(), 0).unwrap();
                prop_assert_eq!(scanned.next, outcome.text.len());
                match scanned.line {
                    Ok(line) => {
                        let mut seen = Seen::default();
                        seen.line(&line);
                        prop_assert_eq!(&seen.0, &outcome.seen);
                    }
                    // The destination of these messages has no InfluxDB 3, which refuses such a line.
                    Err(error) => prop_assert_eq!((dialect, error.fault), (Dialect::V3, Fault::TagAndField)),
                }
            }
        } else {
            prop_assert_eq!(outcome.text, "");
        }
    }

    #[test]
    fn plain_points_are_never_refused(
        tags in prop::collection::btree_map("[a-z][a-z ,=]{0,5}", "[a-z ,=\"é]{0,6}", 0..5),
        fields in prop::collection::btree_map("[a-z][a-z ,=\"]{0,5}", value(), 0..5),
    ) {
        let reserved = tags.contains_key("time") || fields.contains_key("time");
        let some = fields.values().any(|value| *value != FieldValue::Null);
        let point = Point {
            measurement: None,
            tags: Labels(tags.into_iter().map(|(key, value)| (key.into(), value.into())).collect()),
            fields: Fields(fields.into_iter().map(|(key, value)| (key.into(), value)).collect()),
            time: None,
        };
        let outcome = decode("telemetry.app.shop.orders", serde_json::to_vec(&point).unwrap());
        prop_assert_eq!(outcome.letters.is_empty(), some && !reserved, "{:?}", outcome);
    }

    #[test]
    fn a_redelivery_gives_the_same(
        class in prop::sample::select(&Class::ALL[..]),
        payload in prop_oneof![
            "[a-c ,=\"1\n#\r]{0,40}",
            "\\[?(\\{\"(fields|samples|check)\":(\\{\"v\":1\\}|\\[\\])\\},?){0,4}\\]?",
            any::<String>(),
        ],
    ) {
        let router = router(&[]);
        let subject = format!("telemetry.{class}.shop.x");
        let first = message(&subject, &payload);
        let mut again = message(&subject, &payload);
        again.stamp.attempt = Attempt::Again;
        let before = decode_with(&router, &first);
        // A decoder that has seen other messages in between.
        let mut decoder = Decoder::new(&router);
        let (mut body, mut letters) = (Body::default(), Vec::new());
        let other = message("telemetry.app.shop.orders", "m,a=b c=1,d=\"x\" 5\n{\"fields\":{\"a\":1}}");
        let route = router.route(&other.subject).unwrap();
        decoder.decode(&other, &route, &mut body, &mut Nobody, &mut letters);
        body.buffer().clear();
        letters.clear();
        let route = router.route(&again.subject).unwrap();
        decoder.decode(&again, &route, &mut body, &mut Nobody, &mut letters);
        prop_assert_eq!(String::from_utf8_lossy(body.buffer()), before.text);
        prop_assert_eq!(letters.len(), before.letters.len());
    }
}
