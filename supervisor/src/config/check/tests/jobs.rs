//! Jobs: names, commands, ports, restarts, times.

use std::time::Duration;

use crate::config::jobs::{Job, Output, Restarts, Role};
use crate::config::testing::{config, findings, job, report};

fn one(keys: &str) -> Job {
    Job::clone(&config(&job(keys)).jobs[0])
}

fn named(name: &str, more: &str) -> String {
    format!("{{consul: 'c:8500', jobs: [{{name: {name}, exec: 'true', {more}}}]}}")
}

const PORT: &str = "port: 80, health: {interval: 1, ttl: 2}";

#[test]
fn names_of_what_is_registered_are_names_of_services() {
    for name in ["'myService'", "'my-service'", "'my-service-123'", "'ab'"] {
        config(&named(name, PORT));
    }
    for name in [
        "'my_service'",
        "'-my-service'",
        "'my%service'",
        "'a'",
        "'App'",
        "'1a'",
    ] {
        let said = report(&named(name, PORT));
        assert!(said.contains("cannot be registered"), "{said}");
    }
}

#[test]
fn names_without_a_port_are_free_but_not_blank() {
    for name in ["'job 1'", "'my_job'", "'A'", "5", "'my%service'"] {
        config(&named(name, ""));
    }
    for name in ["''", "' '", "null"] {
        report(&named(name, ""));
    }
    assert!(findings(&named("'my_job'", "")).contains("\"my_job\" could not be registered"));
    assert_eq!(findings(&named("'A'", "")), "");
}

#[test]
fn bug_keys_that_containerpilot_swallowed_are_refused() {
    for key in [
        "serviceDefinition",
        "healthCheckExec",
        "heartbeatInterval",
        "ttl",
        "execTimeout",
        "stoppingTimeout",
        "restartLimit",
        "freqInterval",
        "whenEvent",
        "whenTimeout",
        "whenStartsLimit",
        "stoppingWaitEvent",
    ] {
        let said = report(&job(&format!("{key}: 5")));
        assert!(
            said.contains(&format!("unknown key \"{key}\" in `jobs.app`")),
            "{said}"
        );
    }
    assert!(report(&job("ttl: 5")).contains("is a key of `health`"));
    assert!(report(&job("restart: 5")).contains("did you mean `restarts`?"));
    assert!(report(&job("initialStatus: 'passing'")).contains("did you mean `initial_status`?"));
}

#[test]
fn nested_keys_are_known_in_any_case_and_top_level_keys_in_one() {
    assert_eq!(
        one("RESTARTS: 3, Health: {INTERVAL: 1, Ttl: 2}").restarts,
        Restarts::Times(3)
    );
    assert!(report("{Jobs: []}").contains("write `jobs`: case matters here"));
    assert!(report(&job("restarts: 3, Restarts: 4")).contains("in different case"));
    let twice = findings(&job("restarts: 3, restarts: 4"));
    assert!(
        twice.contains("typed twice, and only this one counts"),
        "{twice}"
    );
    assert_eq!(one("restarts: 3, restarts: 4").restarts, Restarts::Times(4));
}

#[test]
fn jobs_and_watches_are_arrays_of_objects() {
    for text in [
        "{jobs: {}}",
        "{jobs: 'app'}",
        "{jobs: {name: 'app'}}",
        "{consul: 'c', watches: {}}",
    ] {
        assert!(report(text).contains("must be an array"), "{text}");
    }
    for text in [
        "{jobs: [null]}",
        "{jobs: [[]]}",
        "{consul: 'c', watches: ['db']}",
    ] {
        assert!(report(text).contains("must be an object"), "{text}");
    }
    assert!(config("{jobs: null, watches: null}").jobs.is_empty());
}

#[test]
fn a_command_needs_a_program() {
    for exec in ["''", "[]", "true", "5", "{}"] {
        report(&format!("{{jobs: [{{name: 'a', exec: {exec}}}]}}"));
    }
    for exec in ["'app 1000000 x'", "['app', 1000000, 'x']"] {
        let config = config(&format!("{{jobs: [{{name: 'a', exec: {exec}}}]}}"));
        let exec = config.jobs[0].exec.clone().unwrap();
        assert_eq!(
            (exec.program.as_str(), exec.args),
            ("app", vec!["1000000".to_owned(), "x".to_owned()])
        );
    }
    assert!(config("{jobs: [{name: 'a'}]}").jobs[0].exec.is_none());
}

#[test]
fn restarts_are_words_or_numbers() {
    for (typed, expected) in [
        ("'unlimited'", Restarts::Unlimited),
        ("'never'", Restarts::Times(0)),
        ("1", Restarts::Times(1)),
        ("'1'", Restarts::Times(1)),
        ("0", Restarts::Times(0)),
        ("'0'", Restarts::Times(0)),
        ("2.9", Restarts::Times(2)),
        ("null", Restarts::Times(0)),
    ] {
        assert_eq!(
            one(&format!("restarts: {typed}")).restarts,
            expected,
            "{typed}"
        );
    }
    for typed in [
        "'invalid'",
        "'-1'",
        "-1",
        "true",
        "[]",
        "'1.5'",
        "5000000000",
        "Infinity",
    ] {
        report(&job(&format!("restarts: {typed}")));
    }
}

#[test]
fn a_periodic_job_is_started_without_end_unless_it_says_otherwise() {
    let periodic = one("when: {interval: '5s'}");
    assert_eq!(periodic.restarts, Restarts::Unlimited);
    assert_eq!(periodic.timeout, Some(Duration::from_secs(5)));
    let bounded = one("when: {interval: '5s'}, restarts: '2', timeout: '1ms'");
    assert_eq!(bounded.restarts, Restarts::Times(2));
    assert_eq!(bounded.timeout, Some(Duration::from_millis(1)));
}

#[test]
fn a_job_for_each_event_is_not_restarted_without_end() {
    let when = "when: {source: 'watch.a', each: 'changed'}";
    let said = report(&job(&format!("{when}, restarts: 'unlimited'")));
    assert!(said.contains("cannot be unlimited"), "{said}");
    assert_eq!(
        one(&format!("{when}, restarts: 3")).restarts,
        Restarts::Times(3)
    );
}

#[test]
fn a_timeout_is_at_least_a_millisecond() {
    assert_eq!(one("timeout: 5").timeout, Some(Duration::from_secs(5)));
    assert_eq!(
        one("timeout: '1ms'").timeout,
        Some(Duration::from_millis(1))
    );
    assert_eq!(one("timeout: ''").timeout, None);
    for typed in ["'-1ms'", "'1ns'", "0", "'xx'", "1.5", "[]"] {
        report(&job(&format!("timeout: {typed}")));
    }
}

#[test]
fn only_one_job_is_the_main_one_and_it_can_end() {
    assert_eq!(one("main: true").role, Role::Main);
    assert_eq!(one("main: false").role, Role::Ordinary);
    let two = "{jobs: [{name: 'a', exec: 'a', main: true}, {name: 'b', exec: 'b', main: true}]}";
    let said = report(two);
    assert!(
        said.contains("app.json5:1:74: only one job can be the main one"),
        "{said}"
    );
    assert!(report("{jobs: [{name: 'a', main: true}]}").contains("needs `exec`"));
    // Its status is that of the container also where only a signal ends it.
    assert_eq!(findings(&job("main: true, restarts: 'unlimited'")), "");
}

#[test]
fn output_is_wrapped_or_raw() {
    assert_eq!(one("logging: {raw: true}").output, Output::Raw);
    assert_eq!(one("logging: {}").output, Output::Wrapped);
}

#[test]
fn a_job_that_its_checks_would_end_for_ever_is_said() {
    let one = |keys: &str| findings(&format!("{{jobs: [{{name: 'app', exec: 'app', {keys}}}]}}"));
    let health = "health: {exec: 'true', interval: 1, ttl: 3, restartAfter: 3}";
    assert!(one(health).contains("nothing starts it again"));
    assert_eq!(one(&format!("{health}, restarts: 1")), "");
}
