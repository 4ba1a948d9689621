//! What must fit together.

use std::time::Duration;

use crate::config::ExitWhen;
use crate::config::testing::{config, findings, report};

#[test]
fn an_empty_file_is_a_configuration() {
    let config = config("{}");
    assert!(config.jobs.is_empty() && config.consul.is_none() && config.telemetry.is_none());
    for text in ["", "[]", "5", "null", "'text'"] {
        report(text);
    }
}

#[test]
fn the_stop_timeout_is_whole_seconds_with_two_meanings_more() {
    let timeout = |typed: &str| config(&format!("{{stopTimeout: {typed}}}")).stop_timeout;
    assert_eq!(timeout("null"), Duration::from_secs(5));
    assert_eq!(timeout("0"), Duration::from_secs(5));
    assert_eq!(timeout("'103'"), Duration::from_secs(103));
    assert_eq!(timeout("true"), Duration::from_secs(1));
    assert_eq!(timeout("-1"), Duration::ZERO);
    for typed in ["'5s'", "''", "[]", "86401", "Infinity"] {
        report(&format!("{{stopTimeout: {typed}}}"));
    }
}

#[test]
fn the_end_is_when_it_says() {
    assert_eq!(config("{exitWhen: 'idle'}").exit_when, ExitWhen::Idle);
    assert_eq!(config("{}").exit_when, ExitWhen::Complete);
    report("{exitWhen: 'Idle'}");
}

#[test]
fn jobs_of_one_name_are_said() {
    let said = findings("{jobs: [{name: 'a'}, {name: 'a'}]}");
    assert!(
        said.contains("app.json5:1:29: another is called \"a\", too"),
        "{said}"
    );
    let said = findings("{telemetry: {}, jobs: [{name: 'containerpilot'}]}");
    assert!(
        said.contains("another is called \"containerpilot\""),
        "{said}"
    );
    let two = config("{jobs: [{name: 'a'}, {name: 'a'}]}");
    assert_eq!(two.jobs.len(), 2);
}

#[test]
fn lists_have_a_limit() {
    let jobs = |count| format!("{{jobs: [{}]}}", "{name: 'a'},".repeat(count));
    assert_eq!(config(&jobs(4096)).jobs.len(), 4096);
    assert!(report(&jobs(4097)).contains("more than 4096 elements"));
}

#[test]
fn unknown_keys_are_all_told_at_once() {
    let said = report("{\n logging: {levle: 5},\n job: [],\n watch: []}");
    for line in [
        "app.json5:2:12: unknown key \"levle\" in `logging`",
        "did you mean `level`?",
        "app.json5:3:2: unknown key \"job\" at the top level",
        "did you mean `jobs`?",
        "app.json5:4:2: unknown key \"watch\" at the top level",
    ] {
        assert!(said.contains(line), "{said}");
    }
}
