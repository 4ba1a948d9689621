//! How a payload's encoding is told.

use super::*;

const APP: &str = "telemetry.app.shop.orders";
const POINT: &str = r#"{"fields":{"v":1},"time":7}"#;

fn declared(subject: &str, declared: Declared, payload: &str) -> Outcome {
    decode_with(
        &router(&[]),
        &Delivery {
            declared,
            ..message(subject, payload)
        },
    )
}

#[test]
fn the_header_decides_before_the_first_byte() {
    let json = declared(APP, Declared::Known(Encoding::Json), POINT);
    assert_eq!(json.text, "orders,service=shop v=1 7\n");
    let lines = declared(APP, Declared::Known(Encoding::LineProtocol), "{a v=1 7");
    assert_eq!(lines.text, "{a v=1 7\n");
    let wrong = declared(APP, Declared::Known(Encoding::Json), "a v=1 7\n");
    assert_eq!(
        wrong.letters,
        [(Reason::JsonShape, None, "a v=1 7\n".to_owned())]
    );
}

#[test]
fn the_mapping_decides_before_the_first_byte() {
    let mut mapping = sensors(&["raw"]);
    mapping.encoding = Some(Encoding::LineProtocol);
    let outcome = decode_with(&router(&[mapping]), &message("raw", "{a v=1 7"));
    assert_eq!(outcome.text, "{a v=1 7\n");
}

#[test]
fn without_either_the_first_byte_decides() {
    assert_eq!(
        decode(APP, format!(" \n{POINT}")).text,
        "orders,service=shop v=1 7\n"
    );
    assert_eq!(
        decode(APP, format!("[{POINT}]")).text,
        "orders,service=shop v=1 7\n"
    );
    assert_eq!(decode(APP, "a v=1 7").text, "a v=1 7\n");
}

#[test]
fn an_unknown_type_is_a_dead_letter() {
    let outcome = declared(APP, Declared::Unknown, POINT);
    assert_eq!(
        outcome.letters,
        [(Reason::Encoding, None, POINT.to_owned())]
    );
    assert_eq!(outcome.text, "");
}

#[test]
fn health_and_lifecycle_are_json_only() {
    for class in ["health", "lifecycle"] {
        let subject = format!("telemetry.{class}.shop.shop-1");
        let outcome = decode(&subject, "a v=1 7");
        assert_eq!(
            outcome.letters,
            [(Reason::Encoding, None, "a v=1 7".to_owned())]
        );
    }
}

#[test]
fn a_payload_of_nothing_but_blanks_is_no_line_and_no_letter() {
    for payload in ["", " ", "\n\r\n\t"] {
        for class in ["metric", "health", "app", "lifecycle"] {
            let outcome = decode(&format!("telemetry.{class}.shop.x"), payload);
            assert_eq!(
                (outcome.text.as_str(), outcome.letters.len()),
                ("", 0),
                "{class}"
            );
        }
    }
}
