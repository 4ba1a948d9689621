//! A wrong configuration costs one clear message and exit 78; a right one is explained. Through the program itself, without a server.

use std::path::Path;

use assert_cmd::Command;
use predicates::prelude::*;
use predicates::str::contains;

fn flightline(words: &[&str]) -> Command {
    let mut command = Command::cargo_bin("flightline").expect("the program is built");
    command.args(words).env_clear();
    command
}

/// `flightline check` on a file `flightline.toml` with this text, in its folder.
fn check(folder: &Path, text: &str) -> Command {
    std::fs::write(folder.join("flightline.toml"), text).expect("a temporary folder takes files");
    let mut command = flightline(&["check", "-c", "flightline.toml"]);
    command.current_dir(folder);
    command
}

/// Refused with exactly this on stderr and nothing on stdout.
fn refused(text: &str, message: &'static str) {
    let folder = tempfile::tempdir().expect("the system has temporary folders");
    check(folder.path(), text)
        .assert()
        .code(78)
        .stdout("")
        .stderr(message);
}

#[test]
fn an_unknown_key_is_one_clear_message() {
    refused(
        "[sink]\nkind = \"influxdb\"\napi = \"v1\"\ndb = \"telemetry\"\nulr = \"http://127.0.0.1:8086\"\nurl = \"http://127.0.0.1:8086\"\n",
        "\
flightline.toml:5:1: unknown key `sink.ulr`
   |
 5 | ulr = \"http://127.0.0.1:8086\"
   | ^^^
   = did you mean `url`?
",
    );
}

#[test]
fn a_bad_duration_is_one_clear_message() {
    refused(
        "[batch]\nage = \"5 parsecs\"\n",
        "\
flightline.toml:2:7: `batch.age`: `5 parsecs` is no duration: it has a number without a unit
   |
 2 | age = \"5 parsecs\"
   |       ^^^^^^^^^^^
   = write a number and a unit (ns, us, ms, s, m, h, d), for example \"500ms\", \"10s\" or \"1h30m\"
",
    );
}

#[test]
fn a_missing_token_file_is_one_clear_message() {
    refused(
        "[sink]\nkind = \"influxdb\"\nurl = \"http://127.0.0.1:8086\"\napi = \"v2\"\norg = \"o\"\nbucket = \"b\"\ntoken_file = \"secrets/influx.token\"\n",
        "\
flightline.toml:7:14: `sink.token_file`: cannot read `secrets/influx.token`: no such file
   |
 7 | token_file = \"secrets/influx.token\"
   |              ^^^^^^^^^^^^^^^^^^^^^^
   = create the file, correct the path, or make it readable for this user
",
    );
}

#[test]
fn a_missing_file_and_a_bad_variable_are_told_by_name() {
    flightline(&["check", "-c", "/no/such.toml"])
        .assert()
        .code(78)
        .stderr(contains("/no/such.toml: cannot read the configuration"));
    flightline(&["check"])
        .env("FLIGHTLINE__BATCH__LINES", "many")
        .assert()
        .code(78)
        .stderr(contains(
            "environment variable FLIGHTLINE__BATCH__LINES: `batch.lines` must be a whole number",
        ));
}

#[test]
fn a_right_configuration_is_explained_with_its_defaults_and_without_its_secrets() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("token"), "hunter2\n").unwrap();
    let text = "[nats]\nurl = \"nats://joe:hunter2@nats:4222\"\n[sink]\nkind = \"influxdb\"\nurl = \"https://influx:8086/prefix\"\n\
                api = \"v2\"\norg = \"fleet\"\nbucket = \"telemetry\"\ntoken_file = \"token\"\nclasses = [\"metric\", \"app\", \"health\"]\n\
                [[mapping]]\nsubjects = [\"humidity\", \"motion\", \"temperature\"]\nmeasurement = \"sensor\"\n\
                tags = { service = \"sensors\", type = \"$.type\" }\ntime = \"$.time\"\n";
    let assert = check(folder.path(), text).assert().code(0).stderr("");
    let shown = String::from_utf8(assert.get_output().stdout.clone()).unwrap();
    for part in [
        "configuration is valid: flightline.toml",
        "nats://*****@nats:4222",
        "main: metric, health, app → https://influx:8086/prefix (v2, organisation fleet, bucket telemetry, token)",
        "humidity, motion, temperature → app of sensors",
        "note: no sink takes the class lifecycle",
        "  batch.age = \"1s\"",
        "  batch.lines = 5000",
        "  admin.listen = \"127.0.0.1:9464\"",
    ] {
        assert!(shown.contains(part), "no `{part}` in:\n{shown}");
    }
    assert!(!shown.contains("hunter2"), "{shown}");
}

#[test]
fn without_a_file_the_embedded_default_is_what_runs() {
    flightline(&["check"])
        .assert()
        .code(0)
        .stdout(contains("no file").and(contains("main: all classes → files in flightline-data")));
}

#[test]
fn every_key_is_printed_even_beside_a_wrong_file() {
    flightline(&["check", "--keys", "-c", "/no/such.toml"])
        .assert()
        .code(0)
        .stdout(contains("| `sink.token_file` | file | none |").and(contains("| `nats.url` |")));
}

#[test]
fn wrong_words_are_exit_64_and_help_is_not_wrong() {
    flightline(&["frobnicate"])
        .assert()
        .code(64)
        .stderr(contains("frobnicate"));
    flightline(&["check", "-v", "-q"]).assert().code(64);
    flightline(&["--help"])
        .assert()
        .code(0)
        .stdout(contains("Exit codes:"));
    flightline(&["--version"]).assert().code(0).stdout(concat!(
        "flightline ",
        env!("CARGO_PKG_VERSION"),
        "\n"
    ));
}

#[test]
fn completions_are_printed_for_every_shell() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        flightline(&["completions", shell])
            .assert()
            .code(0)
            .stdout(contains("completions").and(contains("check")));
    }
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let program = assert_cmd::cargo::cargo_bin("flightline");
    let ended = std::process::Command::new(program)
        .args(["check", "--keys"])
        .stdout(writer)
        .status()
        .unwrap();
    assert_eq!(ended.code(), Some(0));
}
