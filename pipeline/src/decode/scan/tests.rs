//! Line ends, recovery and limits, by example. The verdicts of the dialects are in `tests/dialect.rs`.

use super::fault::Fault;
use super::lines::line_ends;
use super::{KEY_LIMIT, LINE_LIMIT, LineEnd, Scanner};
use crate::decode::dialect::{Dialect, Rules};
use crate::decode::line::FieldType;

mod properties;

/// Each line as text, its end, and its fault.
fn scan(payload: &[u8]) -> Vec<(String, LineEnd, Option<Fault>)> {
    let mut scanner = Scanner::new(Rules::of(Dialect::ALL));
    let mut at = 0;
    let mut lines = Vec::new();
    while let Some(scanned) = scanner.next(payload, at) {
        at = scanned.next;
        let text = payload[scanned.range].escape_ascii().to_string();
        lines.push((
            text,
            scanned.end,
            scanned.line.err().map(|error| error.fault),
        ));
    }
    lines
}

fn good(payload: &[u8]) -> Vec<String> {
    let lines = scan(payload).into_iter();
    lines
        .filter(|line| line.2.is_none())
        .map(|line| line.0)
        .collect()
}

#[test]
fn the_parts_of_a_line_are_spans() {
    let text: &[u8] = br#"m\ x,host=a\,b,T=y f=1.5,i=-3i,s="a \"b\" c",b=true 1590488773254420000"#;
    let mut scanner = Scanner::new(Rules::of(Dialect::ALL));
    let line = scanner.next(text, 0).unwrap().line.unwrap();
    assert_eq!(line.text, text);
    assert_eq!(line.measurement.of(text), br"m\ x");
    assert_eq!(line.series.of(text), br"m\ x,host=a\,b,T=y");
    let tags: Vec<_> = line
        .tags
        .iter()
        .map(|tag| (tag.key.of(text), tag.value.of(text)))
        .collect();
    assert_eq!(tags, [(&b"host"[..], &br"a\,b"[..]), (b"T", b"y")]);
    let fields: Vec<_> = line
        .fields
        .iter()
        .map(|field| (field.key.of(text), field.value.of(text), field.kind))
        .collect();
    let expected: [(&[u8], &[u8], FieldType); 4] = [
        (b"f", b"1.5", FieldType::Float),
        (b"i", b"-3i", FieldType::Integer),
        (b"s", br#""a \"b\" c""#, FieldType::String),
        (b"b", b"true", FieldType::Boolean),
    ];
    assert_eq!(fields, expected);
    assert_eq!(line.timestamp, Some(1_590_488_773_254_420_000));
}

#[test]
fn a_newline_in_a_string_ends_no_line() {
    assert_eq!(
        good(b"a v=\"x\ny\" 1\nb v=\"\\\"\n\" 2"),
        ["a v=\\\"x\\ny\\\" 1", "b v=\\\"\\\\\\\"\\n\\\" 2"]
    );
    // Only a value that starts with a quote is a string.
    assert_eq!(
        good(b"\"a,t=\"x v\"=1\nb v=1"),
        ["\\\"a,t=\\\"x v\\\"=1", "b v=1"]
    );
}

#[test]
fn comments_and_blank_lines_are_neither_lines_nor_errors() {
    let text = b"# a=\"\n\n  \r\n\t# b\nm v=1\n#\n \t\nn v=2\n#";
    assert_eq!(good(text), ["m v=1", "n v=2"]);
    assert_eq!(scan(text).len(), 2);
    assert!(scan(b"").is_empty());
    assert!(scan(b"\r").is_empty());
}

#[test]
fn only_a_bare_newline_can_be_passed_on() {
    let ends = |text: &[u8]| scan(text).iter().map(|line| line.1).collect::<Vec<_>>();
    assert_eq!(ends(b"m v=1\nm v=1 2\n"), [LineEnd::Lf, LineEnd::Lf]);
    assert_eq!(ends(b"m v=1\r\nm v=1 2 \nm v=1 \r\n"), [LineEnd::Padded; 3]);
    for end in [&b""[..], b" ", b"\r", b"  \r"] {
        assert_eq!(ends(&[b"m v=1 2", end].concat()), [LineEnd::EndOfInput]);
    }
    assert_eq!(
        good(b"  m v=1 \r\n\tm v=\"a\"\r\n"),
        ["m v=1", "m v=\\\"a\\\""]
    );
}

#[test]
fn a_bad_line_costs_only_itself() {
    let all = scan(b"a v=1\nb v=\nc v=1\nd\r\ne v=1");
    let faults: Vec<_> = all.iter().map(|line| line.2).collect();
    assert_eq!(
        faults,
        [
            None,
            Some(Fault::FieldValue),
            None,
            Some(Fault::Fields),
            None
        ]
    );
    assert_eq!(all[3].0, "d");
}

#[test]
fn behind_the_last_comma_a_field_is_missing() {
    // InfluxDB 1.6.7 answers "invalid field format", and the documentation of 2 and 3 lets a comma stand only between two fields. The crate
    // takes these lines, VictoriaMetrics drops most of them in silence: neither is a reason to pass them on.
    for line in [
        &b"m v=1,"[..],
        b"m v=1,\nn v=2\n",
        b"m v=1,\r\nn v=2\n",
        b"m v=\"a\\\\\\\n\n\\\\\",\n",
    ] {
        assert_eq!(
            scan(line)[0].2,
            Some(Fault::FieldKey),
            "{}",
            line.escape_ascii()
        );
    }
    for line in [&b"m"[..], b"m ", b"m,t=a \n", b"m,t=a\r\n"] {
        assert_eq!(
            scan(line)[0].2,
            Some(Fault::Fields),
            "{}",
            line.escape_ascii()
        );
    }
}

#[test]
fn a_forgotten_quote_does_not_cost_the_lines_that_follow() {
    let all = scan(b"a v=\"x 1\nb v=1 2\nc v=\"y\" 3");
    // The next quote closes the string, and what follows it tells that it did not belong to it.
    assert_eq!(
        all[0],
        ("a v=\\\"x 1".into(), LineEnd::Lf, Some(Fault::AfterString))
    );
    assert_eq!(
        good(b"a v=\"x 1\nb v=1 2\nc v=\"y\" 3"),
        ["b v=1 2", "c v=\\\"y\\\" 3"]
    );
    let all = scan(b"a v=\"x 1\nb v=1 2");
    assert_eq!(all[0].2, Some(Fault::Unclosed));
    assert_eq!(good(b"a v=\"x 1\nb v=1 2"), ["b v=1 2"]);
}

#[test]
fn text_within_a_string_never_becomes_a_line() {
    for bad in ["v=1,time=2,s=", "v=x,s=", "v=1,v=2,s=", "=1,s=", "s="] {
        for behind in [" x", ",=", ",v=1e400", " 1 2"] {
            let text = format!("m,t=a {bad}\"log\nfake v=1 1\n\"{behind}\nn v=2 2");
            assert_eq!(good(text.as_bytes()), ["n v=2 2"], "{text}");
        }
    }
    // A newline behind a backslash is part of a name for every store, though none can say so in its answers.
    assert_eq!(good(b"m,t=a\\\nfake v=1 1\nn v=2 2"), ["n v=2 2"]);
}

#[test]
fn an_error_names_its_byte_and_repeats_nothing() {
    let mut scanner = Scanner::new(Rules::of([]));
    let error = scanner
        .next(b"\nm,t=\x1b[31m v=yes", 0)
        .unwrap()
        .line
        .unwrap_err();
    assert_eq!(error.column, 13);
    let text = error.to_string();
    assert!(
        text.starts_with("not a value: write 1.5,") && text.ends_with("(byte 13 of the line)"),
        "{text}"
    );
}

#[test]
fn keys_and_lines_have_limits() {
    let fault = |text: &str| scan(text.as_bytes())[0].2;
    let name = |length: usize| "k".repeat(length);
    assert_eq!(fault(&format!("{} v=1", name(KEY_LIMIT - 1))), None);
    assert_eq!(
        fault(&format!("{} v=1", name(KEY_LIMIT))),
        Some(Fault::KeyTooLong)
    );
    assert_eq!(
        fault(&format!("m,t={} a=1,vv=1", name(KEY_LIMIT - 6))),
        None
    );
    assert_eq!(
        fault(&format!("m,t={} a=1,vvv=1", name(KEY_LIMIT - 6))),
        Some(Fault::KeyTooLong)
    );
    let string = |length: usize| format!("m v=\"{}\"\nn v=1", name(length - 6));
    assert_eq!(fault(&string(LINE_LIMIT)), None);
    assert_eq!(fault(&string(LINE_LIMIT + 1)), Some(Fault::LineTooLong));
    assert_eq!(good(string(LINE_LIMIT + 1).as_bytes()), ["n v=1"]);
}

#[test]
fn keys_that_stand_twice_are_found_among_many() {
    let line = |keys: &[String]| {
        let tags: String = keys.iter().map(|key| format!(",{key}=x")).collect();
        let fields: Vec<_> = keys.iter().map(|key| format!("f{key}=1")).collect();
        [format!("m{tags} v=1"), format!("m {}", fields.join(","))]
            .map(|text| scan(text.as_bytes())[0].2)
    };
    for count in [2, 16, 17, 300] {
        let mut keys: Vec<_> = (0..count)
            .map(|n| format!("k{}", n * 7919 % 1000))
            .collect();
        assert_eq!(line(&keys), [None, None]);
        keys[count / 2] = keys[0].clone();
        assert_eq!(
            line(&keys),
            [Some(Fault::TagTwice), Some(Fault::FieldTwice)],
            "{count}"
        );
    }
}

#[test]
fn a_body_is_cut_at_line_ends_only() {
    let body = b"a v=1 1\nb s=\"x\n\ny\",i=1u 1\nc v=.5 1\n";
    let lines: Vec<_> = line_ends(body).map(|range| &body[range]).collect();
    assert_eq!(
        lines,
        [&b"a v=1 1\n"[..], b"b s=\"x\n\ny\",i=1u 1\n", b"c v=.5 1\n"]
    );
}
