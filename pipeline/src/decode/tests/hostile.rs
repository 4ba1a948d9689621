//! Every hostile text in every place of every class: what is written parses to the same text at the same place, or nothing is written.

use std::collections::BTreeMap;

use flightline_contract::token::Token;
use flightline_fixtures::hostile::texts;
use influxdb_line_protocol::{FieldValue, parse_lines};
use serde_json::{Value, json};

use super::*;
use crate::config::{JsonPath, Pick};

/// A line as another reader sees it: measurement, tags, and fields as text.
#[derive(Debug, PartialEq, Eq)]
struct Read {
    measurement: String,
    tags: BTreeMap<String, String>,
    fields: BTreeMap<String, String>,
}

/// The one line of `outcome`, if it was not refused as a whole.
fn read(outcome: &Outcome) -> Option<Read> {
    if !outcome.letters.is_empty() {
        assert_eq!(outcome.letters.len(), 1, "{outcome:?}");
        assert_eq!(outcome.text, "", "{outcome:?}");
        return None;
    }
    let lines: Vec<_> = parse_lines(&outcome.text).collect();
    assert_eq!(lines.len(), 1, "{outcome:?}");
    let line = lines[0].as_ref().unwrap();
    let tags = line.series.tag_set.iter().flatten();
    let show = |value: &FieldValue<'_>| match value {
        FieldValue::String(text) => text.to_string(),
        other => other.to_string(),
    };
    Some(Read {
        measurement: line.series.measurement.to_string(),
        tags: tags
            .map(|(key, value)| (key.to_string(), value.to_string()))
            .collect(),
        fields: line
            .field_set
            .iter()
            .map(|(key, value)| (key.to_string(), show(value)))
            .collect(),
    })
}

/// Holds every text against `payload`, which puts it somewhere, and `place`, which finds it there; how many were not refused.
fn held(
    subject: &str,
    payload: impl Fn(&str) -> Value,
    place: impl for<'r> Fn(&'r Read, &str) -> Option<&'r str>,
) -> usize {
    let router = router(&[]);
    let mut taken = 0;
    for text in texts() {
        let outcome = decode_with(&router, &message(subject, payload(&text).to_string()));
        if let Some(read) = read(&outcome) {
            // An empty tag is none.
            let found = place(&read, &text).unwrap_or_default();
            assert_eq!(found, text, "{outcome:?}");
            taken += 1;
        }
    }
    taken
}

fn tag<'r>(read: &'r Read, key: &str) -> Option<&'r str> {
    read.tags.get(key).map(String::as_str)
}

fn field<'r>(read: &'r Read, key: &str) -> Option<&'r str> {
    read.fields.get(key).map(String::as_str)
}

fn key<'r>(all: &'r BTreeMap<String, String>, key: &str) -> Option<&'r str> {
    all.get_key_value(key).map(|(key, _)| key.as_str())
}

#[test]
fn a_point_is_its_texts_or_nothing() {
    const APP: &str = "telemetry.app.shop.orders";
    let all = texts().len();
    let point = |more: Value| {
        let mut point = json!({"measurement": "m", "tags": {}, "fields": {"v": 1}});
        point
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        point
    };
    let taken = [
        held(
            APP,
            |text| point(json!({"measurement": text})),
            |read, _| Some(&read.measurement),
        ),
        held(
            APP,
            |text| point(json!({"tags": {"k": text}})),
            |read, _| tag(read, "k"),
        ),
        held(
            APP,
            |text| point(json!({"tags": {text: "v"}})),
            |read, text| key(&read.tags, text),
        ),
        held(
            APP,
            |text| point(json!({"fields": {text: 1}})),
            |read, text| key(&read.fields, text),
        ),
    ];
    assert!(
        taken.iter().all(|taken| *taken > all / 2),
        "{taken:?} of {all}"
    );
    let taken = held(
        APP,
        |text| point(json!({"fields": {"v": text}})),
        |read, _| field(read, "v"),
    );
    assert!(
        taken + 3 >= all,
        "a string holds nearly everything: {taken} of {all}"
    );
}

#[test]
fn a_sample_a_check_and_a_change_are_their_texts_or_nothing() {
    let all = texts().len();
    let sample = |name: &str, labels: Value| json!({"samples": [{"name": name, "kind": "gauge", "labels": labels, "value": 1}]});
    let change = |job: &str, cause: &str| json!({"job": job, "from": "running", "to": "failed", "cause": cause, "sequence": 1});
    let check =
        |check: &str, output: &str| json!({"check": check, "status": "critical", "output": output});
    let [metric, health, lifecycle] =
        ["metric", "health", "lifecycle"].map(|class| format!("telemetry.{class}.shop.shop-1"));
    let taken = [
        held(
            &metric,
            |text| sample(text, json!({})),
            |read, _| Some(&read.measurement),
        ),
        held(
            &metric,
            |text| sample("m", json!({"k": text})),
            |read, _| tag(read, "k"),
        ),
        held(
            &metric,
            |text| sample("m", json!({text: "v"})),
            |read, text| key(&read.tags, text),
        ),
        held(
            &health,
            |text| check(text, ""),
            |read, _| tag(read, "check"),
        ),
        held(
            &health,
            |text| check("c", text),
            |read, _| field(read, "output"),
        ),
        held(
            &lifecycle,
            |text| change(text, ""),
            |read, _| tag(read, "job"),
        ),
        held(
            &lifecycle,
            |text| change("j", text),
            |read, _| field(read, "cause"),
        ),
    ];
    assert!(
        taken.iter().all(|taken| *taken > all / 2),
        "{taken:?} of {all}"
    );
}

#[test]
fn a_token_of_a_subject_is_its_text_or_no_address() {
    let router = router(&[]);
    for text in texts() {
        for (subject, place) in [
            (format!("telemetry.app.{text}.orders"), "service"),
            (format!("telemetry.health.shop.{text}"), "instance"),
        ] {
            let payload = match place {
                "service" => r#"{"fields":{"v":1}}"#,
                _ => r#"{"check":"c","status":"passing"}"#,
            };
            if router.route(&subject).is_none() {
                continue;
            }
            let outcome = decode_with(&router, &message(&subject, payload));
            if let Some(read) = read(&outcome) {
                assert!(Token::check(&text).is_ok(), "{subject:?}");
                assert_eq!(tag(&read, place), Some(text.as_str()), "{outcome:?}");
            }
        }
    }
}

#[test]
fn a_mapped_object_is_its_texts_or_nothing() {
    let mut mapping = sensors(&["plant.*"]);
    mapping.tags = vec![("k".to_owned(), Pick::Json(JsonPath(vec!["k".to_owned()])))];
    let router = router(&[mapping]);
    let mut taken = 0;
    for text in texts() {
        for (payload, at) in [
            (json!({"type": text, "v": 1}), "measurement"),
            (json!({"type": "m", "k": text, "v": 1}), "k"),
            (json!({"type": "m", "v": text}), "v"),
            (json!({"type": "m", "x": {text.as_str(): 1}}), "key"),
        ] {
            let outcome = decode_with(&router, &message("plant.a", payload.to_string()));
            let Some(read) = read(&outcome) else {
                continue;
            };
            taken += 1;
            let joined = format!("x_{text}");
            let (found, text) = match at {
                "measurement" => (Some(read.measurement.as_str()), &text),
                "k" => (tag(&read, "k"), &text),
                "v" => (field(&read, "v"), &text),
                _ => (key(&read.fields, &joined), &joined),
            };
            assert_eq!(found.unwrap_or_default(), text, "{at}: {outcome:?}");
        }
    }
    assert!(taken > texts().len() * 2, "{taken}");
}
