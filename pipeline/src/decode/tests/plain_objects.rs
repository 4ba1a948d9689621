//! What is read without serde_json is what serde_json would have read.

use proptest::collection::vec;
use serde_json::from_slice;

use super::*;
use crate::config::{FieldKind, JsonPath, MappedField, Pick, TimeUnit};
use crate::decode::dialect::{Dialect, Rules};
use crate::decode::foreign::{self, Buffers};
use crate::decode::json::{self, Entry, Found, Object, check};
use crate::decode::observe::Nobody;
use crate::decode::pen::{Pen, Scratch};
use crate::decode::{points, samples, states};
use proptest::prelude::*;

/// JSON texts of objects with these keys: some stand twice, some are missing, some values have another type.
fn object(keys: &'static [&'static str]) -> impl Strategy<Value = String> {
    let entry = (prop::sample::select(keys), value(2), any::<bool>());
    let entries = vec(entry, 0..8);
    entries.prop_map(|entries| {
        let text = |(key, value, blank): (&str, String, bool)| {
            let blank = if blank { " " } else { "" };
            format!("{blank}\"{key}\"{blank}:{blank}{value}")
        };
        let entries: Vec<_> = entries.into_iter().map(text).collect();
        format!("{{{}}}", entries.join(","))
    })
}

fn value(depth: usize) -> BoxedStrategy<String> {
    let words = [
        "passing",
        "running",
        "failed",
        "gauge",
        "counter",
        "histogram",
        "cumulative",
        "delta",
        "",
        "service",
        "x y",
        "a\\u0041",
        "\\\"",
        "\u{e9}",
        "2017-08-14T01:43:20Z",
    ];
    let scalar = prop_oneof![
        4 => prop::sample::select(words.to_vec()).prop_map(|word| format!("\"{word}\"")),
        3 => "-?(0|[1-9][0-9]{0,20})(\\.[0-9]{1,4})?(e-?[0-9]{1,3})?",
        1 => "1[0-9]{18}",
        1 => "true|false|null",
    ];
    if depth == 0 {
        return scalar.boxed();
    }
    let key = prop::sample::select(vec!["le", "count", "a", "b", "service"]);
    let inner = value(depth - 1);
    let pairs = vec((key, inner.clone()), 0..4).prop_map(|pairs| {
        let pairs: Vec<_> = pairs
            .iter()
            .map(|(key, value)| format!("\"{key}\":{value}"))
            .collect();
        format!("{{{}}}", pairs.join(","))
    });
    let buckets = vec((0..9, 0..9), 0..4).prop_map(|buckets| {
        let bucket = |(le, count): &(i32, i32)| format!("{{\"le\":{le}.5,\"count\":{count}}}");
        format!(
            "[{}]",
            buckets.iter().map(bucket).collect::<Vec<_>>().join(",")
        )
    });
    let list = vec(inner, 0..3).prop_map(|items| format!("[{}]", items.join(",")));
    prop_oneof![6 => scalar, 2 => pairs, 1 => buckets, 1 => list].boxed()
}

fn with<R>(text: &str, then: impl FnOnce(Object<'_, '_>) -> R) -> R {
    let mut entries: Vec<Entry> = Vec::new();
    let place = check(text.as_bytes(), &mut entries).unwrap();
    then(Object {
        text: text.as_bytes(),
        utf8: Some(text),
        place,
        entries: &entries,
    })
}

#[test]
fn usual_messages_are_read_without_serde_json() {
    let health =
        r#"{"check":"http","status":"passing","output":"200 OK","time":1590488773254420000}"#;
    with(health, |object| {
        assert!(states::read_health(object).is_some())
    });
    let transition = r#"{"job":"web","from":"starting","to":"running","cause":"a check","pid":7,"exit":-1,"attempt":1,"sequence":9,"time":1}"#;
    with(transition, |object| {
        assert!(states::read_transition(object).is_some())
    });
    let sample = r#"{"name":"n","kind":"histogram","temporality":"delta","labels":{"a":"b"},"buckets":[{"le":0.5,"count":1}],"sum":0.2,"count":2,"time":1}"#;
    with(sample, |object| assert!(samples::read(object).is_some()));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2048))]

    #[test]
    fn a_check_result_is_what_serde_json_reads(text in object(&["check", "status", "output", "time", "check", "status", "other"])) {
        with(&text, |object| {
            if let Some(read) = states::read_health(object) {
                prop_assert_eq!(Some(read), from_slice(text.as_bytes()).ok());
            }
            Ok(())
        })?;
    }

    #[test]
    fn a_transition_is_what_serde_json_reads(
        from in value(0), to in value(0), sequence in value(0), rest in object(&["pid", "exit", "attempt", "time", "cause", "job", "other"]),
    ) {
        let text = format!("{{\"from\":{from},\"to\":{to},\"cause\":\"c\",\"sequence\":{sequence}");
        let rest = rest.strip_prefix('{').unwrap();
        let text = if rest == "}" { text + rest } else { format!("{text},{rest}") };
        with(&text, |object| {
            if let Some(read) = states::read_transition(object) {
                prop_assert_eq!(Some(read), from_slice(text.as_bytes()).ok());
            }
            Ok(())
        })?;
    }

    #[test]
    fn a_sample_is_what_serde_json_reads(
        kind in "gauge|counter|histogram|other",
        rest in object(&["name", "temporality", "labels", "time", "value", "buckets", "buckets", "sum", "count", "other"]),
    ) {
        let rest = rest.strip_prefix('{').unwrap();
        let comma = if rest == "}" { "" } else { "," };
        let text = format!("{{\"name\":\"n\",\"kind\":\"{kind}\"{comma}{rest}");
        with(&text, |object| {
            if let Some(read) = samples::read(object) {
                prop_assert_eq!(Some(read), from_slice(text.as_bytes()).ok());
            }
            Ok(())
        })?;
    }

    #[test]
    fn a_point_is_the_line_that_serde_json_makes_of_it(
        tags in object(&["a", "b", "service", "exported_service"]), fields in object(&["a", "c", "d", "time"]), rest in object(&["measurement", "time", "tags", "other"]),
    ) {
        let rest = rest.strip_prefix('{').unwrap();
        let comma = if rest == "}" { "" } else { "," };
        let text = format!("{{\"tags\":{tags},\"fields\":{fields}{comma}{rest}");
        let router = router(&[]);
        let route = router.route("telemetry.app.shop.orders").unwrap();
        with(&text, |object| {
            let (mut out, mut scratch) = (bytes::BytesMut::new(), Scratch::default());
            let mut pen = Pen { out: &mut out, spans: &mut scratch.spans, rules: Rules::of(Dialect::ALL), route: &route };
            let plain = points::write_plain(pen.reborrow(), object, TIME).map(|line| format!("{line:?}"));
            if let Some(plain) = plain {
                pen.out.clear();
                let any = points::write_any(pen, object, TIME).map(|line| format!("{line:?}"));
                prop_assert_eq!(Some(plain), any.ok());
            }
            Ok(())
        })?;
    }

    #[test]
    fn what_is_told_on_the_way_past_a_value_changes_no_line(
        text in object(&["type", "time", "value", "whole", "flag", "text", "a name that is long", "a name that is lost", "nested", "other"]),
        has_fields: bool,
    ) {
        let mapping = mapping(if has_fields { &FIELDS } else { &[] });
        let router = router(std::slice::from_ref(&mapping));
        let route = router.route("sensors.a").unwrap();
        let write = |object: Object<'_, '_>| {
            let (mut out, mut scratch) = (bytes::BytesMut::new(), Scratch::default());
            let Scratch { spans, key, collected, .. } = &mut scratch;
            let pen = Pen { out: &mut out, spans, rules: Rules::of(Dialect::ALL), route: &route };
            let points = &route.mapping.unwrap().points;
            let done = foreign::write(pen, Buffers { key, collected }, points, "sensors.a", &object, TIME, &mut Nobody);
            (done.map_err(|refusal| format!("{refusal:?}")), out)
        };
        with(&text, |object| {
            let untold = |entry: &Entry| {
                let form = Found::at(object.text, entry.value).form;
                Entry { text: json::Text::Escaped, form, ..*entry }
            };
            let entries: Vec<_> = object.entries.iter().map(untold).collect();
            let (quick, slow) = (write(object), write(Object { entries: &entries, ..object }));
            prop_assert_eq!(&quick.0, &slow.0);
            if quick.0.is_ok() {
                prop_assert_eq!(quick.1, slow.1);
            }
            Ok(())
        })?;
    }
}

/// Every kind of field.
const FIELDS: [(&str, FieldKind); 6] = [
    ("value", FieldKind::Float),
    ("whole", FieldKind::Integer),
    ("flag", FieldKind::Boolean),
    ("text", FieldKind::String),
    ("a name that is long", FieldKind::Auto),
    ("nested.a", FieldKind::Float),
];

/// Without fields, what is left becomes one.
fn mapping(fields: &[(&str, FieldKind)]) -> config::Mapping {
    let path = |keys: &str| JsonPath(keys.split('.').map(str::to_owned).collect());
    let field = |&(name, kind): &(&str, FieldKind)| MappedField {
        name: name.to_owned(),
        path: path(name),
        kind,
    };
    config::Mapping {
        subjects: vec!["sensors.>".to_owned()],
        class: Class::App,
        service: "sensors".to_owned(),
        encoding: Some(Encoding::Json),
        measurement: Pick::Literal("sensor".to_owned()),
        tags: vec![("type".to_owned(), Pick::Json(path("type")))],
        fields: fields.iter().map(field).collect(),
        time: Some((path("time"), TimeUnit::Millis)),
    }
}
