//! Objects of foreign subjects, by mapping.

use super::*;
use crate::config::{FieldKind, JsonPath, MappedField, Pick, TimeUnit};

fn path(text: &str) -> JsonPath {
    JsonPath(text.split('.').map(str::to_owned).collect())
}

fn field(name: &str, at: &str, kind: FieldKind) -> MappedField {
    MappedField {
        name: name.to_owned(),
        path: path(at),
        kind,
    }
}

/// The mapping of the first customers.
fn customers() -> config::Mapping {
    let mut mapping = sensors(&["humidity", "motion", "temperature"]);
    mapping.time = Some((path("time"), TimeUnit::Millis));
    mapping
}

fn one(mapping: config::Mapping, subject: &str, payload: &str) -> Outcome {
    decode_with(&router(&[mapping]), &message(subject, payload))
}

#[test]
fn the_first_customers_sensors_need_no_code() {
    for subject in ["humidity", "motion", "temperature"] {
        let payload = format!(r#"{{"type":"{subject}","time":1502675000000,"value":42}}"#);
        let outcome = one(customers(), subject, &payload);
        assert_eq!(
            outcome.text,
            format!("{subject},service=sensors value=42 1502675000000000000\n")
        );
        assert_eq!(
            outcome.seen,
            [format!(
                "{subject},service=sensors value=42:Float 1502675000000000000"
            )]
        );
    }
}

#[test]
fn an_array_of_objects_is_as_many_points() {
    let payload = r#"[{"type":"motion","value":1},{"value":2},{"type":"motion","value":3}]"#;
    let outcome = one(customers(), "motion", payload);
    let (first, third) = (TIME, TIME + 2);
    assert_eq!(
        outcome.text,
        format!("motion,service=sensors value=1 {first}\nmotion,service=sensors value=3 {third}\n")
    );
    assert_eq!(
        outcome.letters,
        [(Reason::JsonShape, Some(2), r#"{"value":2}"#.to_owned())]
    );
}

#[test]
fn leftover_scalars_are_fields_with_joined_keys() {
    let payload =
        r#"{"type":"t","time":1,"a":{"b":{"c":1,"d":"x"},"e":true},"list":[1],"none":null,"":2}"#;
    let outcome = one(customers(), "motion", payload);
    assert_eq!(
        outcome.letters,
        [(Reason::Value, None, payload.to_owned())],
        "an empty key"
    );
    let outcome = one(customers(), "motion", &payload.replace(r#","":2"#, ""));
    assert_eq!(
        outcome.text,
        "t,service=sensors a_b_c=1,a_b_d=\"x\",a_e=true 1000000\n"
    );
}

#[test]
fn keys_that_join_to_the_same_are_refused() {
    let outcome = one(customers(), "motion", r#"{"type":"t","a":{"b":1},"a_b":2}"#);
    assert_eq!(outcome.letters[0].0, Reason::Value);
}

#[test]
fn tags_come_from_literals_tokens_and_values() {
    let mut mapping = customers();
    mapping.subjects = vec!["plant.*.*".to_owned()];
    mapping.measurement = Pick::Token(3);
    mapping.tags = vec![
        ("line".to_owned(), Pick::Token(2)),
        ("site".to_owned(), Pick::Literal("north".to_owned())),
        ("unit".to_owned(), Pick::Json(path("meta.unit"))),
        ("slot".to_owned(), Pick::Json(path("meta.slot"))),
        ("gone".to_owned(), Pick::Json(path("meta.gone"))),
    ];
    let payload = r#"{"meta":{"unit":"°C, abs","slot":7,"gone":null},"value":1,"time":1}"#;
    assert_eq!(
        one(
            mapping.clone(),
            "plant.l 1.temp".replace(' ', "-").as_str(),
            payload
        )
        .text,
        "temp,service=sensors,line=l-1,site=north,unit=°C\\,\\ abs,slot=7 value=1 1000000\n"
    );
    mapping.tags = vec![("service".to_owned(), Pick::Token(2))];
    assert_eq!(
        one(mapping, "plant.a.b", r#"{"v":1,"time":1}"#).text,
        "b,service=a v=1 1000000\n"
    );
}

#[test]
fn fields_are_written_as_their_kind() {
    let mut mapping = customers();
    mapping.fields = vec![
        field("auto", "a", FieldKind::Auto),
        field("float", "b.c", FieldKind::Float),
        field("int", "d", FieldKind::Integer),
        field("int2", "e", FieldKind::Integer),
        field("text", "f", FieldKind::String),
        field("flag", "g", FieldKind::Boolean),
        field("missing", "x.y", FieldKind::Integer),
    ];
    let payload = r#"{"type":"t","time":1,"a":1,"b":{"c":"42.5"},"d":9007199254740993,"e":"7.0","f":1.50,"g":"true","other":1}"#;
    assert_eq!(
        one(mapping.clone(), "motion", payload).text,
        "t,service=sensors auto=1,float=42.5,int=9007199254740993i,int2=7i,text=\"1.50\",flag=true 1000000\n"
    );
    for wrong in [
        r#"{"type":"t","d":1.5}"#,
        r#"{"type":"t","d":"x"}"#,
        r#"{"type":"t","g":1}"#,
        r#"{"type":"t","b":{"c":"NaN"}}"#,
    ] {
        assert_eq!(
            one(mapping.clone(), "motion", wrong).letters[0].0,
            Reason::Value,
            "{wrong}"
        );
    }
    for wrong in [
        r#"{"type":"t","d":{}}"#,
        r#"{"type":"t","a":[1]}"#,
        r#"{"type":[],"a":1}"#,
    ] {
        assert_eq!(
            one(mapping.clone(), "motion", wrong).letters[0].0,
            Reason::JsonShape,
            "{wrong}"
        );
    }
}

#[test]
fn a_key_the_mapping_reads_may_not_stand_twice() {
    let outcome = one(
        customers(),
        "motion",
        r#"{"type":"a","ty\u0070e":"b","value":1}"#,
    );
    assert_eq!(outcome.letters[0].0, Reason::JsonShape);
}

#[test]
fn a_time_that_is_missing_is_the_messages_and_a_wrong_one_is_refused() {
    for payload in [
        r#"{"type":"t","value":1}"#,
        r#"{"type":"t","value":1,"time":null}"#,
    ] {
        assert_eq!(
            one(customers(), "motion", payload).text,
            format!("t,service=sensors value=1 {TIME}\n")
        );
    }
    let outcome = one(
        customers(),
        "motion",
        r#"{"type":"t","value":1,"time":"soon"}"#,
    );
    assert_eq!(outcome.letters[0].0, Reason::Value);
}

#[test]
fn a_mapping_to_another_class_carries_that_classs_own_json() {
    let mut mapping = sensors(&["checks.*"]);
    mapping.class = Class::Health;
    let outcome = one(
        mapping,
        "checks.web-1",
        r#"{"check":"http","status":"passing","time":1}"#,
    );
    assert_eq!(
        outcome.text,
        "health,service=sensors,instance=web-1,check=http status=\"passing\",code=0i 1\n"
    );
}

#[test]
fn line_protocol_on_a_mapped_subject_is_not_altered() {
    assert_eq!(
        one(customers(), "motion", "a,b=c d=1 5\n").text,
        "a,b=c d=1 5\n"
    );
}

#[test]
fn an_object_with_more_entries_than_are_noted_is_read_to_its_end() {
    let many: String = (0..2 * json::NOTED)
        .map(|number| format!("\"k{number}\":{number},"))
        .collect();
    let payload = format!(r#"{{{many}"type":"humidity","time":1502675000000,"last":42}}"#);
    let outcome = one(customers(), "humidity", &payload);
    let fields = many.replace(['"'], "").replace(':', "=");
    assert_eq!(
        outcome.text,
        format!("humidity,service=sensors {fields}last=42 1502675000000000000\n")
    );
    let twice = payload.replace("\"last\"", "\"time\"");
    let outcome = one(customers(), "humidity", &twice);
    assert_eq!(
        outcome.letters.len(),
        1,
        "also beyond them, a key may stand once"
    );
}
