//! Each outcome in the shape of each API.

use flightline_contract::deadletter::Reason;
use proptest::prelude::*;

use super::*;

fn refusals(original: &str) -> Refusals {
    let mut refusals = Refusals::default();
    refusals.add(
        || 3,
        Reason::LineSyntax,
        || "no fields".to_owned(),
        original.as_bytes(),
    );
    refusals.add(
        || 5,
        Reason::Value,
        || "out of range".to_owned(),
        b"m v=1 9",
    );
    refusals
}

fn body(answer: &Answer) -> Value {
    serde_json::from_str(&answer.body).unwrap()
}

fn header(answer: &Answer, name: &HeaderName) -> Option<String> {
    let found = answer.headers.iter().find(|(key, _)| key == name);
    found.map(|(_, value)| value.to_str().unwrap().to_owned())
}

#[test]
fn stored_is_204_without_a_body_everywhere() {
    for api in Api::ALL {
        assert_eq!(
            answer(api, &Outcome::Stored),
            Answer::empty(StatusCode::NO_CONTENT)
        );
    }
}

#[test]
fn refused_lines_are_told_in_the_shape_of_each_api() {
    let partly = Outcome::Partly(7, refusals("m"));
    let v1 = answer(Api::V1, &partly);
    let text = "partial write: unable to parse line 3: no fields dropped=2";
    assert_eq!(
        (v1.status, body(&v1)),
        (StatusCode::BAD_REQUEST, json!({ "error": text }))
    );
    assert_eq!(header(&v1, &V1_ERROR).as_deref(), Some(text));
    let v2 = answer(Api::V2, &partly);
    let text = "unable to parse line 3: no fields (2 refused, 7 written)";
    assert_eq!(
        body(&v2),
        json!({ "code": "invalid", "message": text, "line": 3 })
    );
    let v3 = json!({
        "error": "partial write of line protocol occurred",
        "dropped": 2,
        "data": [
            { "error_message": "no fields", "line_number": 3, "original_line": "m" },
            { "error_message": "out of range", "line_number": 5, "original_line": "m v=1 9" },
        ],
    });
    assert_eq!(body(&answer(Api::V3, &partly)), v3);
    let nothing = body(&answer(Api::V3, &Outcome::Nothing(refusals("m"))));
    assert_eq!(nothing["error"], "parsing failed for write_lp endpoint");
    let published = body(&answer(Api::Publish, &Outcome::Nothing(refusals("m"))));
    assert_eq!(
        published["error"],
        "nothing was published: the body has faults"
    );
    let all = answer(Api::V1, &Outcome::Partly(0, refusals("m")));
    assert_eq!(
        body(&all)["error"],
        "unable to parse line 3: no fields dropped=2"
    );
}

#[test]
fn who_should_come_again_is_told_when() {
    for api in Api::ALL {
        let full = Outcome::Later(Duration::from_millis(10), "overloaded".to_owned());
        for outcome in [full, Outcome::Unacked] {
            let later = answer(api, &outcome);
            assert_eq!(later.status, StatusCode::SERVICE_UNAVAILABLE);
            assert_eq!(header(&later, &RETRY_AFTER).as_deref(), Some("1"));
        }
    }
}

#[test]
fn every_wrong_has_its_status_and_its_words() {
    for (wrong, status, name) in [
        (Wrong::Parameter("p".to_owned()), 400, None),
        (Wrong::Body("b"), 400, None),
        (Wrong::Unit, 400, None),
        (Wrong::Unauthorized, 401, Some(WWW_AUTHENTICATE)),
        (Wrong::Path, 404, None),
        (Wrong::Method("POST"), 405, Some(ALLOW)),
        (Wrong::Slow, 408, None),
        (Wrong::TooLarge(9), 413, None),
        (Wrong::Message, 413, None),
        (Wrong::Media("m"), 415, None),
    ] {
        let answers = Api::ALL.map(|api| answer(api, &Outcome::Wrong(wrong.clone())));
        for answer in answers {
            assert_eq!(answer.status.as_u16(), status);
            let key = if body(&answer).get("code").is_some() {
                "message"
            } else {
                "error"
            };
            assert_eq!(body(&answer)[key], wrong.text());
            assert!(
                name.as_ref()
                    .is_none_or(|name| header(&answer, name).is_some())
            );
        }
    }
}

proptest! {
    #[test]
    fn what_a_client_sent_is_only_ever_a_string(original in any::<String>()) {
        for api in Api::ALL {
            let answer = answer(api, &Outcome::Partly(1, refusals(&original)));
            let content_type = header(&answer, &CONTENT_TYPE).unwrap_or_default();
            prop_assert_eq!(content_type, "application/json");
            prop_assert_eq!(answer.body.lines().count(), 1);
            let shown = body(&answer).pointer("/data/0/original_line").map(Value::to_string);
            if let Some(shown) = shown {
                let shown: String = serde_json::from_str(&shown).unwrap();
                let shown = shown.trim_end_matches('\u{fffd}');
                prop_assert!(original.starts_with(shown));
            }
        }
    }
}
