//! Golden lines of each format, and that no input becomes syntax.

use std::sync::Arc;

use proptest::prelude::*;
use time::OffsetDateTime;
use tracing::Level;

use super::super::record::{Record, Value};
use super::super::{Kind, Origin};
use super::write;
use crate::config::LogFormat;

/// 2024-02-03T04:05:06 and some nanoseconds.
fn at(nanoseconds: u32) -> OffsetDateTime {
    let second = OffsetDateTime::from_unix_timestamp(1_706_933_106).unwrap();
    second.replace_nanosecond(nanoseconds).unwrap()
}

fn line(kind: Kind, text: &[u8]) -> Record {
    let origin = Origin {
        kind,
        name: "app".into(),
        pid: 12,
    };
    Record::line(at(120_000_000), &origin, text)
}

fn own(level: Level, message: &str, fields: &[(&'static str, Value)]) -> Record {
    Record {
        fields: fields.to_vec(),
        ..Record::own(at(0), level, message.to_owned())
    }
}

fn text(text: &str) -> Value {
    Value::Text(Arc::from(text))
}

fn written(record: &Record, format: LogFormat) -> String {
    let mut out = Vec::new();
    write(record, format, &mut out);
    String::from_utf8(out).unwrap()
}

/// In each format, without the line end.
fn golden(table: &[(Record, [&str; 3])]) {
    for (record, golden) in table {
        let formats = [LogFormat::Default, LogFormat::Text, LogFormat::Json];
        for (format, golden) in formats.into_iter().zip(golden) {
            let written = written(record, format);
            assert_eq!(written, format!("{golden}\n"), "{record:?}");
        }
    }
}

#[test]
fn lines_of_jobs_and_checks() {
    golden(&[
        (
            line(Kind::Job, b"hello world"),
            [
                "2024-02-03T04:05:06.12Z app 12 hello world",
                r#"time="2024-02-03T04:05:06Z" level=info msg="hello world" job=app pid=12 "#,
                r#"{"job":"app","level":"info","msg":"hello world","pid":12,"time":"2024-02-03T04:05:06.12Z"}"#,
            ],
        ),
        (
            line(Kind::Check, b"ok"),
            [
                "2024-02-03T04:05:06.12Z check.app 12 ok",
                r#"time="2024-02-03T04:05:06Z" level=info msg=ok check=check.app pid=12 "#,
                r#"{"check":"check.app","level":"info","msg":"ok","pid":12,"time":"2024-02-03T04:05:06.12Z"}"#,
            ],
        ),
        (
            line(Kind::Job, b""),
            [
                "2024-02-03T04:05:06.12Z app 12 ",
                r#"time="2024-02-03T04:05:06Z" level=info job=app pid=12 "#,
                r#"{"job":"app","level":"info","msg":"","pid":12,"time":"2024-02-03T04:05:06.12Z"}"#,
            ],
        ),
        (
            line(Kind::Job, b"say \"hi\" level=error \\"),
            [
                r#"2024-02-03T04:05:06.12Z app 12 say "hi" level=error \"#,
                r#"time="2024-02-03T04:05:06Z" level=info msg="say \"hi\" level=error \\" job=app pid=12 "#,
                r#"{"job":"app","level":"info","msg":"say \"hi\" level=error \\","pid":12,"time":"2024-02-03T04:05:06.12Z"}"#,
            ],
        ),
        (
            line(Kind::Job, b"a\tb\x1b[31m\r\x7f\xc2\x9b"),
            [
                "2024-02-03T04:05:06.12Z app 12 a\tb\x1b[31m\\r\\x7f\\u009b",
                r#"time="2024-02-03T04:05:06Z" level=info msg="a\tb\x1b[31m\r\x7f\u009b" job=app pid=12 "#,
                r#"{"job":"app","level":"info","msg":"a\tb\u001b[31m\r\u007f\u009b","pid":12,"time":"2024-02-03T04:05:06.12Z"}"#,
            ],
        ),
        (
            line(Kind::Job, b"h\xc3\xa4 \xff\xe2\x82"),
            [
                "2024-02-03T04:05:06.12Z app 12 hä \\xff\\xe2\\x82",
                r#"time="2024-02-03T04:05:06Z" level=info msg="hä \xff\xe2\x82" job=app pid=12 "#,
                "{\"job\":\"app\",\"level\":\"info\",\"msg\":\"hä \u{fffd}\u{fffd}\",\"pid\":12,\"time\":\"2024-02-03T04:05:06.12Z\"}",
            ],
        ),
    ]);
}

#[test]
fn records_of_the_supervisor() {
    golden(&[
        (
            own(Level::WARN, "control: serving at /run/x.socket", &[]),
            [
                "2024-02-03T04:05:06Z control: serving at /run/x.socket",
                r#"time="2024-02-03T04:05:06Z" level=warning msg="control: serving at /run/x.socket" "#,
                r#"{"level":"warning","msg":"control: serving at /run/x.socket","time":"2024-02-03T04:05:06Z"}"#,
            ],
        ),
        (
            own(
                Level::ERROR,
                "failed",
                &[
                    ("error", text("no such file")),
                    ("job", text("app")),
                    ("pid", Value::Bare("7".to_owned())),
                ],
            ),
            [
                r#"2024-02-03T04:05:06Z app 7 failed error="no such file""#,
                r#"time="2024-02-03T04:05:06Z" level=error msg=failed error="no such file" job=app pid=7 "#,
                r#"{"error":"no such file","job":"app","level":"error","msg":"failed","pid":7,"time":"2024-02-03T04:05:06Z"}"#,
            ],
        ),
        (
            own(Level::DEBUG, "two\nlines", &[("time", text("late"))]),
            [
                r"2024-02-03T04:05:06Z two\nlines time=late",
                r#"time="2024-02-03T04:05:06Z" level=debug msg="two\nlines" fields.time=late "#,
                r#"{"fields.time":"late","level":"debug","msg":"two\nlines","time":"2024-02-03T04:05:06Z"}"#,
            ],
        ),
    ]);
}

#[test]
fn nanoseconds_lose_the_zeros_at_their_end() {
    for (nanoseconds, golden) in [
        (0, "06Z"),
        (1, "06.000000001Z"),
        (123_456_789, "06.123456789Z"),
        (900_000_000, "06.9Z"),
        (1_000, "06.000001Z"),
    ] {
        let record = Record::own(at(nanoseconds), Level::INFO, String::new());
        let written = written(&record, LogFormat::Default);
        assert_eq!(written, format!("2024-02-03T04:05:{golden} \n"));
    }
}

/// What stands between the first pair of quotes behind `key=`, unescaped for quotes and backslashes.
fn message_of(text: &str) -> String {
    let (_, rest) = text.split_once("msg=\"").unwrap();
    let mut chars = rest.chars();
    let mut message = String::new();
    loop {
        match chars.next().unwrap() {
            '"' => break,
            '\\' => message.push(chars.next().unwrap()),
            other => message.push(other),
        }
    }
    assert_eq!(chars.as_str(), " job=app pid=12 \n", "{text}");
    message
}

#[test]
fn colours_stay_in_the_default_format_and_nothing_else_does() {
    for (typed, golden) in [
        ("\x1b[1;31mred\x1b[0m", "\x1b[1;31mred\x1b[0m"),
        ("\x1b[m\x1b[38;5;208mä", "\x1b[m\x1b[38;5;208mä"),
        ("\x1b\x1b[0m", "\\x1b\x1b[0m"),
        ("\x1b[2J", "\\x1b[2J"),
        ("\x1b[31", "\\x1b[31"),
        ("\x1b[31;\x1b[32m", "\\x1b[31;\x1b[32m"),
        ("\x1b[?25l", "\\x1b[?25l"),
        ("\x1b]0;title\x07", "\\x1b]0;title\\x07"),
        ("\u{9b}31m", "\\u009b31m"),
        ("\x1b", "\\x1b"),
    ] {
        let record = line(Kind::Job, typed.as_bytes());
        let default = written(&record, LogFormat::Default);
        let golden = format!("2024-02-03T04:05:06.12Z app 12 {golden}\n");
        assert_eq!(default, golden, "{typed:?}");
        for format in [LogFormat::Text, LogFormat::Json] {
            assert!(!written(&record, format).contains('\x1b'), "{typed:?}");
        }
    }
    let field = own(Level::INFO, "m", &[("job", text("\x1b[31mapp"))]);
    assert!(!written(&field, LogFormat::Default).contains('\x1b'));
}

/// Bytes among which are commands for colours, whole and broken.
fn bytes() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        8 => any::<u8>().prop_map(|byte| vec![byte]),
        1 => "\x1b\\[[0-9;]{0,4}[mJ]?".prop_map(String::into_bytes),
    ];
    proptest::collection::vec(piece, 0..200).prop_map(|pieces| pieces.concat())
}

/// A line without its commands for colours.
fn colourless(line: &str) -> String {
    let mut parts = line.split("\x1b[");
    let mut found = parts.next().unwrap().to_owned();
    for part in parts {
        let behind = part.trim_start_matches(|char: char| char.is_ascii_digit() || char == ';');
        found.push_str(behind.strip_prefix('m').unwrap_or("\x1b"));
    }
    found
}

proptest! {
    #[test]
    fn a_job_cannot_break_its_record(bytes in bytes()) {
        let record = line(Kind::Job, &bytes);
        for format in [LogFormat::Default, LogFormat::Text, LogFormat::Json] {
            let written = written(&record, format);
            let body = written.strip_suffix('\n').unwrap();
            let body = match format {
                LogFormat::Default => colourless(body),
                LogFormat::Text | LogFormat::Json => body.to_owned(),
            };
            prop_assert!(!body.contains(|char: char| char.is_control() && char != '\t'), "{}", body);
        }
        let json: serde_json::Value = serde_json::from_str(&written(&record, LogFormat::Json)).unwrap();
        prop_assert_eq!(json["msg"].as_str().unwrap(), String::from_utf8_lossy(&bytes));
        prop_assert_eq!(json.as_object().unwrap().len(), 5);
    }

    #[test]
    fn quotes_of_a_job_stay_inside_its_message(message in "[ -~]{0,40}[ =\"\\\\]") {
        let written = written(&line(Kind::Job, message.as_bytes()), LogFormat::Text);
        prop_assert_eq!(message_of(&written), message);
    }
}
