//! Checks, and what is registered.

use std::time::Duration;

use crate::config::jobs::{Check, Health, InitialStatus, OnFailure, Readiness, Service};
use crate::config::testing::{config, findings, job, report};

fn health(keys: &str) -> Health {
    let config = config(&job(&format!("health: {{interval: 5, ttl: 10, {keys}}}")));
    config.jobs[0].health.clone().unwrap()
}

fn wrong(keys: &str) -> String {
    report(&job(&format!("health: {{interval: 5, ttl: 10, {keys}}}")))
}

fn service(keys: &str) -> Service {
    let config = config(&job(&format!(
        "port: 80, health: {{interval: 1, ttl: 2}}, {keys}"
    )));
    Service::clone(config.jobs[0].service.as_ref().unwrap())
}

#[test]
fn a_check_needs_an_interval_and_a_ttl() {
    for keys in [
        "ttl: 5",
        "interval: 5",
        "interval: 0, ttl: 5",
        "interval: 1, ttl: 0",
        "interval: '5s', ttl: 9",
    ] {
        report(&job(&format!("health: {{{keys}}}")));
    }
    assert_eq!(health("").interval, Duration::from_secs(5));
    assert_eq!(health("").ttl, Duration::from_secs(10));
}

#[test]
fn a_check_takes_no_longer_than_its_interval_unless_it_says_so() {
    assert_eq!(health("").timeout, Some(Duration::from_secs(5)));
    assert_eq!(
        health("timeout: '100ms'").timeout,
        Some(Duration::from_millis(100))
    );
    assert_eq!(health("timeout: ''").timeout, Some(Duration::from_secs(5)));
    assert_eq!(health("timeout: 0").timeout, None);
    assert_eq!(health("timeout: '-1s'").timeout, None);
    wrong("timeout: 'x'");
}

#[test]
fn a_ttl_that_runs_out_between_two_checks_is_said() {
    let said = findings(&job("health: {interval: 5, ttl: 5}"));
    assert!(said.contains("not more than the interval"), "{said}");
}

#[test]
fn a_check_is_a_command_a_get_or_a_connection() {
    assert_eq!(health("").check, None);
    assert!(matches!(health("exec: 'true'").check, Some(Check::Exec(_))));
    let http = |keys| match health(keys).check {
        Some(Check::Http { url, status }) => (url.to_string(), status),
        other => panic!("{other:?}"),
    };
    assert_eq!(
        http("http: 'http://a:1/x'"),
        ("http://a:1/x".to_owned(), None)
    );
    assert_eq!(
        http("http: {url: 'http://a', status: 204}"),
        ("http://a/".to_owned(), Some(204))
    );
    assert!(matches!(
        health("tcp: '[::1]:80'").check,
        Some(Check::Tcp { .. })
    ));
    for keys in [
        "exec: ''",
        "http: 'https://a'",
        "http: 'a'",
        "http: 5",
        "http: {}",
        "http: {url: 'http://a', status: 99}",
        "tcp: 'a'",
        "tcp: ':80'",
        "tcp: 'a:0'",
        "tcp: 'a:x'",
        "exec: 'a', tcp: 'a:80'",
    ] {
        wrong(keys);
    }
}

#[test]
fn thresholds_have_a_default_and_limits() {
    let usual = health("");
    assert_eq!(
        (usual.failures, usual.successes, usual.restart_after),
        (1, 1, None)
    );
    assert_eq!(
        (usual.readiness, usual.on_failure),
        (Readiness::Check, OnFailure::Silence)
    );
    let other = health(
        "failures: 3, successes: 2, restartAfter: 5, startPeriod: '30s', readiness: 'notify', onFailure: 'critical'",
    );
    assert_eq!(
        (other.failures, other.successes, other.restart_after),
        (3, 2, Some(5))
    );
    assert_eq!(other.start_period, Duration::from_secs(30));
    assert_eq!(
        (other.readiness, other.on_failure),
        (Readiness::Notify, OnFailure::Critical)
    );
    for keys in [
        "failures: 0",
        "successes: -1",
        "restartAfter: 0",
        "startPeriod: -5",
        "readiness: 'maybe'",
    ] {
        wrong(keys);
    }
}

#[test]
fn who_is_told_to_be_ready_by_a_process_runs_one() {
    let said = report("{jobs: [{name: 'a', health: {interval: 1, ttl: 2, readiness: 'notify'}}]}");
    assert!(said.contains("needs `exec`"), "{said}");
}

#[test]
fn what_has_a_port_is_checked() {
    assert!(report(&job("port: 80")).contains("needs `health`"));
    let ours = config("{consul: 'c', jobs: [{name: 'containerpilot', port: 80}]}");
    assert_eq!(
        ours.jobs[0].service.as_ref().unwrap().ttl,
        Duration::from_secs(15)
    );
    assert!(config(&job("port: 0")).jobs[0].service.is_none());
    for port in ["-1", "65536", "'80b'", "[]"] {
        report(&job(&format!(
            "port: {port}, health: {{interval: 1, ttl: 2}}"
        )));
    }
}

#[test]
fn a_service_is_registered_as_typed() {
    let found = service("tags: ['a', 'b, {c}', 5], interfaces: 'eth1', initial_status: 'warning'");
    assert_eq!(found.name, "app");
    assert!(found.id.starts_with("app-") && found.id.len() > 4);
    assert_eq!(found.tags, ["a", "b, {c}", "5"]);
    assert_eq!(
        (found.port, found.address.to_string().as_str()),
        (80, "10.0.0.100")
    );
    assert_eq!(found.initial_status, Some(InitialStatus::Warning));
    assert_eq!(service("port: '0x50'").port, 80);
    assert_eq!(service("").address.to_string(), "10.2.0.1");
    report(&job("port: 80, health: {interval: 1, ttl: 2}, tags: 'a'"));
}

#[test]
fn an_initial_status_is_only_looked_at_beside_a_port() {
    let said = report(&job(
        "port: 80, health: {interval: 1, ttl: 2}, initial_status: 'good'",
    ));
    assert!(said.contains("cannot be \"good\""), "{said}");
    let said = findings(&job("initial_status: 'good'"));
    assert!(said.contains("no effect without a port"), "{said}");
}

#[test]
fn bug_extras_of_consul_stand_alone() {
    let found = service("consul: {enableTagOverride: true}");
    assert!(found.enable_tag_override);
    assert_eq!(found.deregister_critical_after, None);
    let found = service("consul: {deregisterCriticalServiceAfter: '10m'}");
    assert_eq!(found.deregister_critical_after.as_deref(), Some("10m"));
    for extra in [
        "enableTagOverride: 'nope'",
        "deregisterCriticalServiceAfter: 'nope'",
        "deregisterCriticalServiceAfter: 5",
    ] {
        report(&job(&format!(
            "port: 80, health: {{interval: 1, ttl: 2}}, consul: {{{extra}}}"
        )));
    }
}

#[test]
fn interfaces_that_cannot_be_read_or_found_are_refused() {
    let file = |typed: &str| {
        job(&format!(
            "port: 80, health: {{interval: 1, ttl: 2}}, interfaces: {typed}"
        ))
    };
    let said = report(&file("['eth0', '!']"));
    assert!(said.contains("\"!\" is none of: an interface"), "{said}");
    let said = report(&file("['eth7', 'eth8']"));
    assert!(
        said.contains("no address for eth7, eth8") && said.contains("eth0=10.2.0.1"),
        "{said}"
    );
    report(&file("''"));
    report(&file("5"));
    // Nothing is looked up for what is not registered.
    config(&job("interfaces: ['eth7']"));
}
