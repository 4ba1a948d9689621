//! What starts jobs.

use std::time::Duration;

use crate::config::jobs::{Trigger, When};
use crate::config::testing::{config, findings, report};
use crate::event::{Code, SignalEvent, Source};

fn file(when: &str) -> String {
    format!(
        "{{consul: 'c:8500', watches: [{{name: 'db', interval: 1}}], jobs: [
        {{name: 'other', exec: 'o', health: {{exec: 'h', interval: 1, ttl: 2}}}},
        {{name: 'app', exec: 'a', when: {when}}}]}}"
    )
}

fn when(text: &str) -> When {
    config(&file(text)).jobs[1].when.clone()
}

fn trigger(code: Code, source: &str) -> Trigger {
    let source = Source::typed(source);
    Trigger { code, source }
}

#[test]
fn every_form_is_understood() {
    let second = Duration::from_secs(1);
    assert_eq!(when("null"), When::Startup);
    assert_eq!(
        when("{interval: '1ms'}"),
        When::Interval(Duration::from_millis(1))
    );
    assert_eq!(when("{interval: 1}"), When::Interval(second));
    let once = trigger(Code::StatusHealthy, "other");
    let timeout = Some(second);
    assert_eq!(
        when("{source: 'other', once: 'healthy', timeout: '1s'}"),
        When::Once {
            trigger: once.clone(),
            timeout
        }
    );
    let each = trigger(Code::StatusChanged, "watch.db");
    assert_eq!(
        when("{source: 'watch.db', each: 'changed', timeout: -1}"),
        When::Each {
            trigger: each.clone(),
            timeout: None
        }
    );
    assert_eq!(
        when("{source: 'SIGUSR2', timeout: 1}"),
        When::Signal {
            signal: SignalEvent::User2,
            timeout
        }
    );
    let triggers = vec![once, each, trigger(Code::Signal, "SIGHUP")];
    assert_eq!(
        when(
            "{all: [{source: 'other', once: 'healthy'}, {source: 'watch.db', once: 'changed'}, {source: 'SIGHUP'}], timeout: '1s'}"
        ),
        When::All { triggers, timeout }
    );
}

#[test]
fn every_event_can_be_named() {
    for code in Code::ALL.into_iter().filter(|code| *code != Code::Signal) {
        let found = when(&format!("{{source: 'other', once: '{}'}}", code.as_str()));
        let trigger = trigger(code, "other");
        assert_eq!(
            found,
            When::Once {
                trigger,
                timeout: None
            }
        );
    }
    let said = report(&file("{source: 'other', once: 'helthy'}"));
    assert!(said.contains("did you mean 'healthy'?"), "{said}");
    report(&file("{source: 'other', once: 'signal'}"));
}

#[test]
fn what_could_never_start_a_job_is_refused_with_what_to_write() {
    for text in [
        "{}",
        "{source: 'other'}",
        "{timeout: '5s'}",
        "{source: 'other', timeout: 5}",
        "{once: ''}",
        "{source: 'other', each: ''}",
    ] {
        let said = report(&file(text));
        assert!(
            said.contains("says nothing that could start the job"),
            "{said}"
        );
        assert!(said.contains("once: 'healthy'"), "{said}");
    }
    assert!(report(&file("{all: []}")).contains("must name 1 to 64 events"));
    assert!(report(&file("{all: [{source: 'other'}]}")).contains("has no `once`"));
    assert!(
        report(&file("{all: [{source: '', once: 'healthy'}]}"))
            .contains("source` must not be empty")
    );
    let many = "{source: 'other', once: 'healthy'},".repeat(65);
    report(&file(&format!("{{all: [{many}]}}")));
}

#[test]
fn only_one_form_can_be_given() {
    for text in [
        "{interval: 1, once: 'healthy', source: 'other'}",
        "{once: 'healthy', each: 'changed', source: 'other'}",
        "{interval: 1, all: [{source: 'other', once: 'healthy'}]}",
    ] {
        assert!(
            report(&file(text)).contains("can have only one of"),
            "{text}"
        );
    }
}

#[test]
fn intervals_are_at_least_a_millisecond() {
    for typed in ["'-1s'", "'1ns'", "'xx'", "0"] {
        report(&file(&format!("{{interval: {typed}}}")));
    }
}

#[test]
fn what_has_no_effect_is_said() {
    assert!(findings(&file("{interval: 1, timeout: 5}")).contains("no effect beside `interval`"));
    assert!(
        findings(&file("{source: 'SIGHUP', each: 'SIGHUP'}")).contains("no effect beside a signal")
    );
    report(&file("{source: 'SIGHUP', each: 'nonsense'}"));
}

#[test]
fn what_never_happens_is_said() {
    for (when, said) in [
        ("{source: 'othr', once: 'healthy'}", "did you mean 'other'?"),
        (
            "{source: 'watch.nats', each: 'changed'}",
            "nothing here is called \"watch.nats\"",
        ),
        (
            "{source: 'check.app', once: 'exitSuccess'}",
            "nothing here is called",
        ),
        ("{source: 'other', once: 'shutdown'}", "never starts a job"),
        ("{source: 'global', each: 'shutdown'}", "never starts a job"),
        (
            "{source: 'other', once: 'changed'}",
            "never happens to \"other\"",
        ),
        (
            "{source: 'other', once: 'startup'}",
            "never happens to \"other\"",
        ),
        (
            "{source: 'global', once: 'healthy'}",
            "never happens to \"global\"",
        ),
        (
            "{source: 'watch.db', once: 'exitSuccess'}",
            "never happens to \"watch.db\"",
        ),
        (
            "{source: 'app', once: 'exitFailed'}",
            "on its own `exitFailed`",
        ),
        ("{source: 'app', once: 'healthy'}", "is not checked"),
        (
            "{all: [{source: 'othr', once: 'healthy'}]}",
            "did you mean 'other'?",
        ),
        ("{once: 'startup'}", "`source: 'global'`"),
        ("{each: 'changed'}", "never happens without a `source`"),
        ("{source: '', once: 'healthy'}", "without a `source`"),
        (
            "{source: 'other', once: 'SIGHUP'}",
            "a signal is a `source`",
        ),
        ("{once: 'SIGUSR2'}", "a signal is a `source`"),
        ("{source: 'other', once: 'quit'}", "`quit` never happens"),
        ("{source: 'global', each: 'quit'}", "`quit` never happens"),
        (
            "{source: 'global', once: 'timerExpired'}",
            "never happens to \"global\"",
        ),
    ] {
        let found = findings(&file(when));
        assert!(found.contains(said), "{when}: {found}");
        assert_eq!(found.matches("app.json5:").count(), 1, "{when}: {found}");
    }
}

#[test]
fn what_happens_is_not_complained_about() {
    for when in [
        "{source: 'other', once: 'exitSuccess'}",
        "{source: 'other', each: 'unhealthy'}",
        "{source: 'other', once: 'stopping'}",
        "{source: 'check.other', each: 'exitFailed'}",
        "{source: 'watch.db', each: 'healthy'}",
        "{source: 'global', once: 'startup'}",
        "{source: 'global', each: 'enterMaintenance'}",
        "{source: 'other', once: 'timerExpired'}",
        "{source: 'other', each: 'error'}",
        // Empty is absent.
        "{source: 'other', once: 'exitSuccess', each: '', interval: ''}",
        "{interval: '1s', once: ''}",
        "{source: 'SIGHUP'}",
        "{all: [{source: 'SIGHUP'}, {source: 'other', once: 'becameHealthy'}]}",
    ] {
        assert_eq!(findings(&file(when)), "", "{when}");
    }
}

#[test]
fn what_says_by_itself_that_it_is_ready_becomes_healthy_and_never_unhealthy() {
    let file = |event: &str| {
        format!(
            "{{jobs: [{{name: 'svc', exec: 'svc', health: {{interval: 1, ttl: 3, readiness: 'notify'}}}},
                {{name: 'app', exec: 'app', when: {{source: 'svc', once: '{event}'}}}}]}}"
        )
    };
    for event in ["healthy", "becameHealthy"] {
        assert_eq!(findings(&file(event)), "", "{event}");
    }
    for event in ["unhealthy", "becameUnhealthy"] {
        assert!(findings(&file(event)).contains("is not checked"), "{event}");
    }
}
