//! Settings of processes.

use std::time::Duration;

use nix::sys::resource::Resource;
use nix::sys::signal::Signal;

use crate::config::jobs::{Job, Limit};
use crate::config::testing::{config, job, report};

fn one(keys: &str) -> Job {
    Job::clone(&config(&job(keys)).jobs[0])
}

#[test]
fn signals_are_names_or_numbers() {
    for (typed, expected) in [
        ("'SIGQUIT'", Signal::SIGQUIT),
        ("'quit'", Signal::SIGQUIT),
        ("'Term'", Signal::SIGTERM),
        ("3", Signal::SIGQUIT),
        ("'15'", Signal::SIGTERM),
        ("null", Signal::SIGTERM),
    ] {
        assert_eq!(
            one(&format!("stopSignal: {typed}")).stop.signal,
            expected,
            "{typed}"
        );
    }
    assert!(report(&job("stopSignal: 'SIGQIUT'")).contains("did you mean 'SIGQUIT'?"));
    for typed in ["0", "99", "'x'", "''", "[]"] {
        report(&job(&format!("stopSignal: {typed}")));
    }
}

#[test]
fn a_stop_timeout_of_a_job_is_read_as_that_of_the_file() {
    let timeout = |typed: &str| one(&format!("stopTimeout: {typed}")).stop.timeout;
    assert_eq!(timeout("'500ms'"), Some(Duration::from_millis(500)));
    assert_eq!(timeout("3"), Some(Duration::from_secs(3)));
    assert_eq!(timeout("0"), None);
    assert_eq!(timeout("''"), None);
    assert_eq!(timeout("-1"), Some(Duration::ZERO));
}

#[test]
fn a_backoff_has_defaults_and_refuses_nonsense() {
    let usual = one("").backoff;
    assert_eq!((usual.free, usual.initial), (5, Duration::from_millis(100)));
    assert_eq!(
        (usual.max, usual.steady),
        (Duration::from_secs(10), Duration::from_secs(1))
    );
    let other = one("backoff: {free: 0, initial: '20s', steady: '1m'}").backoff;
    assert_eq!(
        (other.free, other.initial, other.max),
        (0, Duration::from_secs(20), Duration::from_secs(20))
    );
    for keys in [
        "initial: 0",
        "max: -1",
        "steady: 0",
        "free: -1",
        "initial: '2s', max: '1s'",
        "min: 5",
    ] {
        report(&job(&format!("backoff: {{{keys}}}")));
    }
}

#[test]
fn a_process_is_given_what_was_typed() {
    let found = one("user: 1000, group: 'web', cwd: '/srv', env: {A: 1, 'B-C': true, D: 'x=y'}, envFile: '/etc/e'").setting;
    assert_eq!(
        (found.user.as_deref(), found.group.as_deref()),
        (Some("1000"), Some("web"))
    );
    assert_eq!(found.cwd.unwrap().to_str(), Some("/srv"));
    let env: Vec<_> = found
        .env
        .iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    assert_eq!(env, ["A=1", "B-C=1", "D=x=y"]);
    assert_eq!(found.env_file.unwrap().to_str(), Some("/etc/e"));
    for keys in [
        "env: ['A=1']",
        "env: {'A=': 1}",
        "env: {'': 1}",
        "env: {A: []}",
        "env: {A: '\\0'}",
        "env: {A: null}",
    ] {
        report(&job(keys));
    }
}

#[test]
fn limits_are_numbers_pairs_or_none() {
    let limit = |resource, soft, hard| Limit {
        resource,
        soft,
        hard,
    };
    let found = one(
        "rlimits: {nofile: 1024, CORE: 'unlimited', nproc: {soft: 5, hard: 'unlimited'}, cpu: '0x10'}",
    );
    assert_eq!(
        found.setting.rlimits,
        [
            limit(Resource::RLIMIT_CORE, None, None),
            limit(Resource::RLIMIT_CPU, Some(16), Some(16)),
            limit(Resource::RLIMIT_NOFILE, Some(1024), Some(1024)),
            limit(Resource::RLIMIT_NPROC, Some(5), None),
        ]
    );
    for keys in [
        "nofile: -1",
        "nofile: 'many'",
        "nofile: true",
        "nofile: {soft: 1}",
        "files: 1",
        "nofile: {soft: 2, hard: 1}",
        "nofile: {soft: 'unlimited', hard: 1}",
    ] {
        report(&job(&format!("rlimits: {{{keys}}}")));
    }
}
