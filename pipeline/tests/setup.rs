//! `flightline setup` leaves a store that can be written to, says what it did, and what it could not do. The databases of a real
//! InfluxDB 1; organisations and buckets of the stub, as no package brings an InfluxDB 2.

use assert_cmd::Command;
use flightline_fixtures::influxd::Influxd;
use flightline_fixtures::stub::Stub;
use predicates::prelude::*;
use predicates::str::contains;

fn setup(keys: &[(&str, &str)], words: &[&str]) -> Command {
    let mut command = Command::cargo_bin("flightline").expect("the program is built");
    command.arg("setup").args(words).env_clear();
    for (key, value) in keys {
        command.env(format!("FLIGHTLINE__{key}"), value);
    }
    command
}

#[test]
fn a_database_of_a_real_influxdb_1_is_there_afterwards_and_stays() {
    let influxd = Influxd::start_with_auth("admin", "pass word");
    let url = influxd.url();
    let keys = [
        ("SINK__KIND", "influxdb"),
        ("SINK__URL", url.as_str()),
        ("SINK__API", "v1"),
        ("SINK__DB", "tele metry"),
        ("SINK__USER", "admin"),
        ("SINK__PASSWORD", "pass word"),
    ];
    for _ in 0..2 {
        setup(&keys, &["--retention", "30d"])
            .assert()
            .code(0)
            .stdout("sink main: database tele metry is there\n");
    }
    let policies = influxd
        .query("tele metry", "SHOW RETENTION POLICIES")
        .to_string();
    assert!(policies.contains("720h0m0s"), "{policies}");
    let answer = influxd.write("tele metry", "m f=1");
    assert_eq!(answer.status, 204, "{}", answer.text());

    let mut wrong = keys;
    wrong[5].1 = "wr0ng";
    setup(&wrong, &[])
        .assert()
        .code(69)
        .stderr(contains("authorization failed").and(contains("wr0ng").not()));
}

#[test]
fn each_sink_is_told_apart_and_the_first_failure_decides_the_exit_code() {
    let stub = Stub::start();
    let (here, gone) = (stub.url(), Stub::start().url());
    let v2 = |name: &str, url: &str| {
        [
            ("KIND", "influxdb"),
            ("URL", url),
            ("API", "v2"),
            ("ORG", "o"),
            ("BUCKET", "b"),
            ("TOKEN", "t"),
        ]
        .map(|(key, value)| (format!("SINKS__{name}__{key}"), value.to_owned()))
    };
    let mut keys = Vec::new();
    keys.extend(v2("GONE", &gone));
    keys.extend(v2("HERE", &here));
    keys.push(("SINKS__FILES__DIR".to_owned(), "x".to_owned()));
    let keys: Vec<_> = keys
        .iter()
        .map(|(key, value)| (key.as_str(), value.as_str()))
        .collect();
    setup(&keys, &[])
        .assert()
        .code(69)
        .stdout("sink files: files need no set-up\nsink here: organisation o created, bucket b created, data is kept for ever\n")
        .stderr(contains("sink gone: http://127.0.0.1"));
    assert_eq!(stub.buckets().len(), 1);
}
