//! The names that children know.

use super::*;
use crate::config::testing::{config, load_text};

#[test]
fn pids_are_found_under_the_name_of_the_command() {
    for (name, expected) in [
        ("app", "CONTAINERPILOT_APP_PID"),
        ("myApp", "CONTAINERPILOT_MYAPP_PID"),
        ("my-app", "CONTAINERPILOT_MY_APP_PID"),
        ("my--app", "CONTAINERPILOT_MY_APP_PID"),
        ("job 1", "CONTAINERPILOT_JOB_1_PID"),
        ("app.sh", "CONTAINERPILOT_APP_PID"),
        (
            "/bin/to/test-Case--now.sh",
            "CONTAINERPILOT_TEST_CASE_NOW_PID",
        ),
        ("check.app", "CONTAINERPILOT_CHECK_PID"),
    ] {
        assert_eq!(pid_variable(name), expected, "{name}");
    }
}

#[test]
fn addresses_are_told_of_what_has_a_port_and_of_telemetry() {
    let text = "{consul: 'c:8500', telemetry: {interfaces: 'lo'}, jobs: [
        {name: 'my-app', port: 80, interfaces: ['eth1'], health: {interval: 1, ttl: 2}},
        {name: 'other'}]}";
    let expected = [
        ("CONTAINERPILOT_MY_APP_IP", "10.0.0.100"),
        ("CONTAINERPILOT_CONTAINERPILOT_IP", "127.0.0.1"),
    ];
    let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
    assert_eq!(config(text).variables(), expected);
    // Without Consul, too, where there is such an address.
    let without = text.replace("consul: 'c:8500'", "consul: false");
    assert_eq!(config(&without).variables(), expected);
    let nowhere = without.replace("eth1", "eth7");
    assert_eq!(config(&nowhere).variables(), expected[1..]);
    assert!(load_text("{}").unwrap().config.variables().is_empty());
}
