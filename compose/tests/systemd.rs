//! Promise: systemd takes the units as they are: it knows every key, they are as closed as is stated here, and their times fit those of the
//! programs. What is started is looked at by systemd's own tool; no manager needs to run.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output};

use flightline_compose::{folder, text};

/// Each unit as it is started, the file that it is made from, and the exposure that systemd may find at most.
const UNITS: [(&str, &str, f64); 3] = [
    ("flightline.service", "flightline.service", 1.3),
    ("flightline@a.service", "flightline@.service", 1.3),
    // What its jobs may do is theirs to say.
    (
        "flightline-supervisor.service",
        "flightline-supervisor.service",
        4.2,
    ),
];

const MISSING: &str = "this test needs systemd-analyze, of the package systemd: run fixtures/install-servers systemd (nothing is started by it)";

/// What systemd's tool says of a unit, whose program is another that is there.
fn analyze(words: &[&str], unit: &str, file: &str) -> Output {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut text = text(&format!("systemd/{file}"));
    for program in ["/usr/bin/flightline-supervisor", "/usr/bin/flightline"] {
        text = text.replace(program, "/bin/true");
    }
    let path = folder.path().join(unit);
    fs::write(&path, text).expect("the folder is writable");
    let ran = Command::new("systemd-analyze")
        .args(words)
        .arg(&path)
        .output();
    ran.unwrap_or_else(|error| panic!("{error}: {MISSING}"))
}

fn said(output: &Output) -> String {
    let text = [output.stdout.as_slice(), &output.stderr].concat();
    String::from_utf8_lossy(&text).into_owned()
}

/// The settings of a unit, in their order for each key.
fn settings(file: &str) -> BTreeMap<String, Vec<String>> {
    let mut found = BTreeMap::<_, Vec<_>>::new();
    let text = text(&format!("systemd/{file}"));
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        if let Some((key, value)) = line.split_once('=') {
            found
                .entry(key.to_owned())
                .or_default()
                .push(value.to_owned());
        }
    }
    found
}

#[test]
fn systemd_takes_every_unit_without_a_word() {
    for (unit, file, _) in UNITS {
        let output = analyze(&["verify", "--man=no"], unit, file);
        assert!(output.status.success(), "{unit}: {}", said(&output));
        assert_eq!(said(&output), "", "{unit}");
    }
}

#[test]
fn a_key_that_systemd_does_not_know_is_seen() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("wrong.service");
    fs::write(
        &path,
        "[Service]\nExecStart=/bin/true\nProtectSistem=strict\n",
    )
    .expect("writable");
    let ran = Command::new("systemd-analyze")
        .arg("verify")
        .arg(&path)
        .output();
    let output = ran.unwrap_or_else(|error| panic!("{error}: {MISSING}"));
    assert!(said(&output).contains("ProtectSistem"), "{}", said(&output));
}

#[test]
fn no_unit_is_more_open_than_stated() {
    for (unit, file, bound) in UNITS {
        let threshold = format!("--threshold={}", (bound * 10.0).round());
        let words = ["security", "--offline=true", "--no-pager", &threshold];
        let output = analyze(&words, unit, file);
        let said = said(&output);
        let (_, level) = said.split_once("exposure level for").expect("a level");
        let level = level
            .split_whitespace()
            .nth(1)
            .and_then(|level| level.parse::<f64>().ok());
        assert!(level.is_some_and(|level| level <= bound), "{unit}: {said}");
        assert!(output.status.success(), "{unit}: {said}");
    }
}

#[test]
fn one_of_several_workers_is_run_as_the_only_one_is() {
    let (only, one) = (
        settings("flightline.service"),
        settings("flightline@.service"),
    );
    let of_instance = |value: &Vec<String>| value.iter().any(|value| value.contains("%i"));
    for (key, values) in &one {
        if !of_instance(values) {
            assert_eq!(only.get(key), Some(values), "{key}");
        }
    }
    assert_eq!(only.len(), one.len());
    let own: Vec<_> = one
        .iter()
        .filter(|(_, values)| of_instance(values))
        .collect();
    let own: Vec<_> = own.iter().map(|(key, _)| key.as_str()).collect();
    assert_eq!(
        own,
        [
            "Description",
            "ExecStart",
            "StateDirectory",
            "WorkingDirectory"
        ]
    );
}

#[test]
fn who_speaks_to_systemd_is_listened_to_and_stays_down_when_no_restart_helps() {
    for (_, file, _) in UNITS {
        let unit = settings(file);
        let one = |key: &str| {
            unit.get(key)
                .map(Vec::as_slice)
                .unwrap_or_default()
                .join(" ")
        };
        assert_eq!(one("Type"), "notify", "{file}");
        assert!(!one("WatchdogSec").is_empty(), "{file}");
        assert_eq!(one("RestartPreventExitStatus"), "64 78", "{file}");
        // A signal to each process of the group would reach the jobs before their supervisor.
        assert_eq!(one("KillMode"), "mixed", "{file}");
        assert_eq!(
            one("LoadCredential"),
            "flightline:/etc/flightline/credentials",
            "{file}"
        );
    }
    let worker = settings("flightline.service");
    assert_eq!(
        worker.get("SuccessExitStatus"),
        Some(&vec!["75".to_owned()])
    );
}

/// Beside the tests of this build.
fn flightline() -> PathBuf {
    let test = std::env::current_exe().expect("a test is a program");
    let built = test
        .ancestors()
        .nth(2)
        .expect("it is in deps, in the folder of the build");
    let binary = built.join("flightline");
    assert!(
        binary.exists(),
        "there is no {}: run `cargo build -p flightline`, or the tests of the whole workspace",
        binary.display()
    );
    binary
}

#[test]
fn the_example_is_valid_with_its_secrets_and_names_one_that_is_missing() {
    let secrets = tempfile::tempdir().expect("a temporary folder");
    let check = || {
        let mut command = Command::new(flightline());
        command
            .arg("check")
            .arg("-c")
            .arg(folder().join("systemd/flightline.toml"));
        command.env("CREDENTIALS_DIRECTORY", secrets.path());
        command.output().expect("the program starts")
    };
    let missing = check();
    assert_eq!(missing.status.code(), Some(78), "{}", said(&missing));
    assert!(
        said(&missing).contains("flightline_influx-token"),
        "{}",
        said(&missing)
    );
    fs::write(secrets.path().join("flightline_influx-token"), "secret\n").expect("writable");
    let valid = check();
    assert_eq!(valid.status.code(), Some(0), "{}", said(&valid));
}

#[test]
fn the_example_reads_its_secrets_where_the_unit_puts_them() {
    let example = text("systemd/flightline.toml");
    let secrets: Vec<_> = example
        .lines()
        .filter(|line| line.contains("_file ="))
        .collect();
    assert!(!secrets.is_empty());
    for line in secrets {
        assert!(
            line.contains("\"${CREDENTIALS_DIRECTORY}/flightline_"),
            "{line}"
        );
    }
}
