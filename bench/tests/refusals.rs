//! Promise: what cannot be measured is refused before anything is, with what to do about it.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::process::{Command, Output};

use flightline_fixtures::nats::Nats;

const BENCH: &str = env!("CARGO_BIN_EXE_flightline-bench");

fn bench(arguments: &[&str]) -> Command {
    let mut command = Command::new(BENCH);
    command.args(arguments);
    command
}

fn refused(mut command: Command, why: &str) {
    let Output { status, stderr, .. } = command.output().unwrap();
    let said = String::from_utf8_lossy(&stderr);
    assert!(!status.success(), "{command:?} does not fail");
    assert!(said.contains(why), "{command:?}: {said}");
    assert!(!said.contains("panicked"), "{command:?}: {said}");
}

#[test]
fn a_store_that_is_not_installed_is_said_with_the_command_that_brings_it() {
    let nats = Nats::start();
    let nothing = tempfile::tempdir().unwrap();
    for (store, argument) in [("influxdb", "influxdb"), ("victoria", "victoria")] {
        let url = nats.url();
        let mut floor = bench(&[
            "floor",
            "--messages",
            "10",
            "--store",
            store,
            "--nats",
            &url,
        ]);
        floor
            .env("PATH", nothing.path())
            .env("FLIGHTLINE_SERVERS", nothing.path());
        refused(floor, &format!("fixtures/install-servers {argument}"));
    }
}

#[test]
fn no_verb_takes_no_run_at_all() {
    for verb in ["floor", "e2e", "compare", "targets"] {
        refused(bench(&[verb, "--runs", "0"]), "invalid value '0'");
    }
}

#[test]
fn numbers_beyond_what_can_be_told_apart_are_refused() {
    let subjects = "name 1 to 1000000";
    let lines = "more than 1000000000 lines";
    for (arguments, why) in [
        (["floor", "--subjects", "2000000"], subjects),
        (["floor", "--subjects", "0"], subjects),
        (["floor", "--messages", "1000000001"], lines),
        (["compare", "--messages", "18446744073709551615"], lines),
    ] {
        refused(bench(&arguments), why);
    }
}
