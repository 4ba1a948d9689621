//! Reports: where, what, what to do, and no secrets.

use proptest::prelude::*;

use super::*;
use crate::template::{Environment, Template};

fn source(text: &str) -> Source {
    Source::new("f.json5".into(), text.to_owned())
}

fn report(text: &str, meant: &str) -> String {
    let start = text.find(meant).unwrap();
    let end = start + meant.len();
    let at = Span { start, end };
    render(&source(text), at, "it is wrong", "make it right")
}

#[test]
fn a_problem_is_shown_where_it_stands() {
    assert_eq!(
        report("{\n  a: 'x'\n}", "'x'"),
        "f.json5:2:6: it is wrong\n   |\n 1 | {\n 2 |   a: 'x'\n   |      ^^^\n   = make it right\n"
    );
    assert_eq!(
        report("{a: 'x'}", "'x'"),
        "f.json5:1:5: it is wrong\n   |\n 1 | {a: 'x'}\n   |     ^^^\n   = make it right\n"
    );
}

#[test]
fn columns_count_characters() {
    assert!(report("{a: 'äöü', b: 5}", "b").contains("f.json5:1:12:"));
}

#[test]
fn secrets_are_masked_in_excerpts() {
    for text in [
        "token: 'hunter2', BAD: 1",
        "'Token' : 'hunter2' BAD",
        "{nats: {nkey: 'hunter2', BAD: 1}}",
        "password:\n  'hunter2', BAD",
        "password: /* x */ 'hunter2' BAD",
        "password: // x\n 'hunter2' BAD",
        "password: 'a\\\n hunter2\\\n hunter2 BAD'",
        "env: {DB_PASSWORD: 'hunter2', BAD: 1}",
        "env: {MY_SECRET_KEY: 'hunter2', BAD: 1}",
        "exec: 'app --token hunter2 BAD'",
        "exec: 'app --token=hunter2 BAD'",
        "exec: ['app', '--api-token', 'hunter2', BAD]",
        "exec: ['app', \"--password\",\n  'hunter2', BAD]",
        "token: '{{ .TOKEN | default \"hunter2\" }}' BAD",
        "token: BAD {{ .TOKEN | default `hunter2` }}",
        "urls: ['nats://joe:hunter2@host:4222', BAD]",
        "urls: [BAD, 'nats://joe:hunter2@host:4222']",
        "token: 'a', token: 'hunter2' BAD",
        "urls: ['nats://joe:hun/hunter2@host:4222', BAD]",
        "urls: ['nats://joe:hun@hunter2@host:4222', BAD]",
        "urls: ['nats://joe:hun\\'hunter2@host:4222', BAD]",
        "url: 'joe:hunter2@host:4222', BAD: 1",
        "url: 'hunter2@host', BAD: 1",
        "env: {API_KEY: 'hunter2', BAD: 1}",
        "env: {APIKEY: 'hunter2', BAD: 1}",
        "exec: 'app --api-key hunter2 BAD'",
        "exec: 'app --apiKey=hunter2 BAD'",
        "env: {AWS_SECRET_ACCESS_KEY: 'hunter2', BAD: 1}",
        "env: {ACCESS_KEY_ID: 'hunter2', BAD: 1}",
        "env: {PRIVATE_KEY: 'hunter2', BAD: 1}",
        "env: {DB_PASS: 'hunter2', BAD: 1}",
        "env: {PGPWD: 'hunter2', BAD: 1}",
        "env: {BASIC_AUTH: 'joe:hunter2', BAD: 1}",
        "env: {CREDENTIALS: 'hunter2', BAD: 1}",
    ] {
        let report = report(text, "BAD");
        assert!(!report.contains("hunter2"), "{report}");
    }
}

#[test]
fn what_is_no_secret_is_shown() {
    for text in [
        "tokenFile: 'BAD'",
        "passwordFile: BAD",
        "BAD, token: 'x'",
        "token: 'x'\n BAD",
        "name: 'tokens' BAD",
        "{{ if .TOKEN }} BAD {{ end }}",
    ] {
        let report = report(text, "BAD");
        assert!(report.contains("BAD"), "{report}");
    }
}

#[test]
fn nothing_in_an_excerpt_reaches_the_terminal_as_a_command() {
    assert!(!report("a: '\u{1b}[2J' BAD", "BAD").contains('\u{1b}'));
    assert_eq!(quoted("\u{1b}"), "\"\\u{1b}\"");
    assert!(quoted(&"x".repeat(1000)).len() < 100);
}

#[test]
fn of_a_long_line_is_shown_what_stands_around_the_place() {
    let text = format!("{}BAD{}", "a".repeat(1000), "b".repeat(1000));
    let said = report(&text, "BAD");
    let lines: Vec<_> = said.lines().collect();
    assert_eq!(lines[0], "f.json5:1:1001: it is wrong");
    assert_eq!(
        lines[2],
        format!(" 1 | {}BAD{}", "a".repeat(60), "b".repeat(97))
    );
    assert_eq!(lines[3], format!("   | {}^^^", " ".repeat(60)));
}

#[test]
fn a_report_has_a_limit() {
    let source = source("{}");
    let rendered = Template::parse(&source.text)
        .unwrap()
        .render(&Environment::new())
        .unwrap();
    let problem = |number: usize| Problem {
        at: Span::default(),
        what: format!("{number}"),
        cure: String::new(),
    };
    let problems: Vec<_> = (0..REPORT_LIMIT + 3).map(problem).collect();
    let report = Report::new(&problems, &source, &rendered);
    assert!(report.to_string().ends_with("and 3 more\n"), "{report}");
    assert_eq!(report.count(), REPORT_LIMIT + 3);
}

proptest! {
    #[test]
    fn any_place_in_any_text_can_be_shown(text in any::<String>(), start in 0..50_usize, length in 0..50_usize) {
        let at = Span { start, end: start + length };
        let shown = render(&source(&text), at, "what", "cure");
        prop_assert!(shown.starts_with("f.json5:"));
    }

    #[test]
    fn masking_keeps_the_number_of_lines(text in "(token|:|'|\n|a| |\\\\|password=|--nkey|//|\\*|://|@){0,20}") {
        prop_assert_eq!(mask::masked(&text).matches('\n').count(), text.matches('\n').count());
    }
}
