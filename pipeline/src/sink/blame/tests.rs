//! Which lines a server's words name.

use super::*;
use crate::batch::Batch;
use crate::sink::work::Work;
use bytes::Bytes;
use proptest::prelude::*;

const BODY: &str = "m v=1 1\nm v=x 2\nm v=3 3\nm v=x 2\nm s=\"it's: 'so': \n\" 5\n";

fn part() -> (Part, Lines) {
    let batch = Batch {
        segments: vec![Bytes::from_static(BODY.as_bytes())],
        lines: 5,
        bytes: BODY.len(),
        ..Batch::default()
    };
    // Line 2 breaks the grammar; told apart all the same.
    (Work::whole(5).take().unwrap(), Lines::of(&batch).unwrap())
}

fn blame(body: &str) -> Blame {
    let (part, lines) = part();
    Complaint::read(body.as_bytes()).blame(&part, &lines)
}

fn named(lines: &[(usize, &str)]) -> Blame {
    Blame::Named(
        lines
            .iter()
            .map(|(line, why)| (*line, (*why).to_owned()))
            .collect(),
    )
}

#[test]
fn influxdb_1_quotes_each_line_it_cannot_parse() {
    // As 1.6.7 answers.
    let body = r#"{"error":"partial write: unable to parse 'm v=x 2': invalid boolean\nunable to parse 'm s=\"it's: 'so': \n\" 5': other dropped=0"}"#;
    assert_eq!(
        blame(body),
        named(&[
            (1, "invalid boolean"),
            (3, "invalid boolean"),
            (4, "other dropped=0")
        ])
    );
}

#[test]
fn influxdb_1_names_nobody_in_a_type_conflict() {
    let conflict = |dropped: usize| {
        format!(
            r#"{{"error":"partial write: field type conflict: input field \"v\" on measurement \"m\" is type integer, already exists as type float dropped={dropped}"}}"#
        )
    };
    assert_eq!(blame(&conflict(2)), Blame::Unknown);
    assert_eq!(blame(&conflict(5)), Blame::All);
    assert_eq!(
        blame(r#"{"error":"partial write: points beyond retention policy dropped=5"}"#),
        Blame::All
    );
}

#[test]
fn influxdb_2_quotes_the_first_line() {
    let body = r#"{"code":"invalid","message":"unable to parse 'm v=3 3': bad","line":3}"#;
    assert_eq!(blame(body), named(&[(2, "bad")]));
}

#[test]
fn a_number_without_the_line_is_a_suspicion() {
    assert_eq!(
        blame(r#"{"code":"invalid","message":"bad line","line":3}"#),
        Blame::Suspects(vec![2])
    );
    let other = r#"{"error":"partial write of line protocol occurred","data":[{"original_line":"m v=1","line_number":1,"error_message":"e"}]}"#;
    assert_eq!(blame(other), Blame::Suspects(vec![0]));
    assert_eq!(blame(r#"{"message":"bad","line":0}"#), Blame::Unknown);
    assert_eq!(blame(r#"{"message":"bad","line":6}"#), Blame::Unknown);
}

#[test]
fn influxdb_3_lists_lines() {
    let many = r#"{"error":"partial write of line protocol occurred","data":[
        {"original_line":"m v=x 2","line_number":4,"error_message":"no"},
        {"original_line":"m v=1 1","line_number":1,"error_message":"type"}]}"#;
    assert_eq!(blame(many), named(&[(0, "type"), (3, "no")]));
    let one = r#"{"error":"parsing failed for write_lp endpoint","data":{"original_line":"m v=1 1","line_number":1,"error_message":"no"}}"#;
    assert_eq!(blame(one), named(&[(0, "no")]));
    assert_eq!(Complaint::read(one.as_bytes()).detail(), "no");
}

#[test]
fn what_is_about_the_request_is_not_about_lines() {
    for body in [
        r#"{"error":"database is required"}"#,
        r#"{"code":"invalid","message":"invalid precision"}"#,
        "<html>Bad Request</html>",
        "",
        "[]",
        r#"{"error":"no","data":"x"}"#,
    ] {
        assert!(!Complaint::read(body.as_bytes()).is_about_lines(), "{body}");
        assert_eq!(blame(body), Blame::Unknown, "{body}");
    }
}

#[test]
fn details_fit_a_header() {
    assert_eq!(tidy("a\nb\u{7}"), "a\\nb\\u{7}");
    assert_eq!(tidy(&"é".repeat(1000)).len(), DETAIL_LIMIT);
}

proptest! {
    #[test]
    fn any_body_is_read_without_panic(body in proptest::collection::vec(any::<u8>(), 0..200)) {
        let (part, lines) = part();
        let complaint = Complaint::read(&body);
        prop_assert!(complaint.detail().len() <= DETAIL_LIMIT);
        complaint.blame(&part, &lines);
    }

    #[test]
    fn any_quotation_names_only_lines_of_the_part(text in "[mv=x' :0-9\\n]{0,40}", line in 0usize..9) {
        let (part, lines) = part();
        let body = serde_json::json!({"error": format!("unable to parse '{text}': why"), "line": line});
        if let Blame::Named(named) = Complaint::read(body.to_string().as_bytes()).blame(&part, &lines) {
            for (line, _) in named {
                prop_assert!(text.as_bytes().starts_with(lines.text(line)));
            }
        }
    }
}
