//! Every payload type comes back from JSON as it went in, and borrows what needed no escape.

use std::borrow::Cow;
use std::collections::BTreeMap;

use flightline_contract::app::{FieldValue, Fields, Point};
use flightline_contract::health::{Health, Status};
use flightline_contract::lifecycle::{LifecycleChange, State};
use flightline_contract::metric::{Bucket, Kind, MetricSet, Sample, Temporality};
use flightline_contract::value::{Labels, Text, Timestamp};
use proptest::option;
use proptest::prelude::*;

fn text() -> impl Strategy<Value = Text<'static>> {
    prop_oneof![any::<String>(), "[a-z\"\\\\\n/\u{7f}é]{0,12}"].prop_map(Text::from)
}

fn time() -> impl Strategy<Value = Option<Timestamp>> {
    option::of(any::<i64>().prop_map(Timestamp))
}

fn number() -> impl Strategy<Value = f64> {
    prop::num::f64::NORMAL | prop::num::f64::ZERO | prop::num::f64::SUBNORMAL
}

fn labels() -> impl Strategy<Value = Labels<'static>> {
    prop::collection::btree_map(text(), text(), 0..40)
        .prop_map(|pairs| Labels(pairs.into_iter().collect()))
}

fn fields() -> impl Strategy<Value = Fields<'static>> {
    let value = prop_oneof![
        number().prop_map(FieldValue::Number),
        any::<bool>().prop_map(FieldValue::Boolean),
        text().prop_map(FieldValue::String),
        Just(FieldValue::Null),
    ];
    prop::collection::btree_map(text(), value, 0..40)
        .prop_map(|pairs: BTreeMap<_, _>| Fields(pairs.into_iter().collect()))
}

fn sample() -> impl Strategy<Value = Sample<'static>> {
    let kind = prop::sample::select(vec![Kind::Counter, Kind::Gauge, Kind::Histogram]);
    let temporality = prop::sample::select(vec![Temporality::Cumulative, Temporality::Delta]);
    let bucket = (number(), any::<u64>()).prop_map(|(le, count)| Bucket { le, count });
    let shape = (text(), kind, option::of(temporality), labels(), time());
    let numbers = (
        option::of(number()),
        prop::collection::vec(bucket, 0..20),
        option::of(number()),
        option::of(any::<u64>()),
    );
    (shape, numbers).prop_map(
        |((name, kind, temporality, labels, time), numbers)| Sample {
            name,
            kind,
            temporality,
            labels,
            time,
            value: numbers.0,
            buckets: numbers.1.into(),
            sum: numbers.2,
            count: numbers.3,
        },
    )
}

// Two types are compared by their text: their lists make them invariant over the life of the JSON.
proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn metric_sets(samples in prop::collection::vec(sample(), 0..4), time in time()) {
        let set = MetricSet { time, samples };
        let json = serde_json::to_string(&set).unwrap();
        let back: MetricSet<'_> = serde_json::from_str(&json).unwrap();
        prop_assert_eq!(format!("{back:?}"), format!("{set:?}"));
    }

    #[test]
    fn health_results(
        check in text(),
        status in prop::sample::select(&Status::ALL[..]),
        output in option::of(text()),
        time in time(),
    ) {
        let health = Health { check, status, output, time };
        let json = serde_json::to_string(&health).unwrap();
        prop_assert_eq!(serde_json::from_str::<Health<'_>>(&json).unwrap(), health);
    }

    #[test]
    fn points(measurement in option::of(text()), tags in labels(), fields in fields(), time in time()) {
        let point = Point { measurement, tags, fields, time };
        let json = serde_json::to_string(&point).unwrap();
        let back: Point<'_> = serde_json::from_str(&json).unwrap();
        prop_assert_eq!(format!("{back:?}"), format!("{point:?}"));
    }

    #[test]
    fn transitions(
        job in option::of(text()),
        from in prop::sample::select(&State::ALL[..]),
        to in prop::sample::select(&State::ALL[..]),
        cause in text(),
        process in (option::of(any::<u32>()), option::of(any::<i32>())),
        (attempt, sequence) in any::<(u32, u64)>(),
        time in time(),
    ) {
        let (pid, exit) = process;
        let transition = LifecycleChange { job, from, to, cause, pid, exit, attempt, sequence, time };
        let json = serde_json::to_string(&transition).unwrap();
        prop_assert_eq!(serde_json::from_str::<LifecycleChange<'_>>(&json).unwrap(), transition);
    }
}

fn is_borrowed(text: &Text<'_>) -> bool {
    matches!(text.0, Cow::Borrowed(_))
}

#[test]
fn text_without_an_escape_is_borrowed_wherever_it_stands() {
    let json = br#"{"measurement":"m","tags":{"a":"b"},"fields":{"c":"d","e":1,"f":"x\ny"}}"#;
    let point: Point<'_> = serde_json::from_slice(json).unwrap();
    assert!(point.measurement.as_ref().is_some_and(is_borrowed));
    assert!(
        point
            .tags
            .0
            .iter()
            .all(|(key, value)| is_borrowed(key) && is_borrowed(value))
    );
    assert!(point.fields.0.iter().all(|(key, _)| is_borrowed(key)));
    let FieldValue::String(borrowed) = &point.fields.0[0].1 else {
        panic!("a string");
    };
    assert!(is_borrowed(borrowed));
    assert_eq!(point.fields.0[2].1, FieldValue::String(Text::from("x\ny")));
    assert!(!point.tags.0.spilled() && !point.fields.0.spilled());
}

#[test]
fn a_key_that_stands_twice_is_refused() {
    let many: String = (0..40).map(|n| format!(r#""k{n}":1,"#)).collect();
    for json in [
        r#"{"check":"a","check":"b","status":"passing"}"#.to_owned(),
        r#"{"fields":{"a":1,"a":2}}"#.to_owned(),
        r#"{"fields":{"a":1,"\u0061":2}}"#.to_owned(),
        r#"{"fields":{"a":1},"tags":{"x":"1","y":"2","x":"1"}}"#.to_owned(),
        format!(r#"{{"fields":{{{many}"k7":2}}}}"#),
    ] {
        assert!(serde_json::from_str::<Point<'_>>(&json).is_err(), "{json}");
        assert!(serde_json::from_str::<Health<'_>>(&json).is_err(), "{json}");
    }
}

#[test]
fn a_key_of_a_later_version_is_passed_over() {
    let json = r#"{"check":"disk","status":"passing","severity":{"level":3}}"#;
    let health: Health<'_> = serde_json::from_str(json).unwrap();
    assert_eq!(health.check.as_str(), "disk");
}

#[test]
fn a_time_is_nanoseconds_or_rfc_3339() {
    for (json, nanos) in [
        ("1502675000000000000", 1_502_675_000_000_000_000),
        ("-1", -1),
        (r#""2017-08-14T01:43:20Z""#, 1_502_675_000_000_000_000),
        (
            r#""2017-08-14T03:43:20.5+02:00""#,
            1_502_675_000_500_000_000,
        ),
    ] {
        assert_eq!(
            serde_json::from_str::<Timestamp>(json).unwrap(),
            Timestamp(nanos),
            "{json}"
        );
    }
    for json in [
        "1.5",
        "9223372036854775808",
        r#""yesterday""#,
        r#""2300-01-01T00:00:00Z""#,
        "null",
    ] {
        assert!(serde_json::from_str::<Timestamp>(json).is_err(), "{json}");
    }
}

#[test]
fn a_number_comes_back_to_the_last_bit() {
    let value: FieldValue<'_> = serde_json::from_str("7.4227045585635705e-155").unwrap();
    assert_eq!(value, FieldValue::Number(7.422_704_558_563_570_5e-155));
}
