//! Promise: what is measured is what the scenario says, whatever stands in the environment of who measures.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use flightline_bench::peers::{Kind, Peer};
use flightline_bench::program::floor::Floor;
use flightline_bench::program::product::Product;
use flightline_bench::program::{Api, Program, STREAM, Setting, Target, log};
use flightline_bench::record::Record;
use flightline_bench::scenario::Scenario;
use flightline_fixtures::script;

const BENCH: &str = env!("CARGO_BIN_EXE_flightline-bench");
const PATIENCE: Duration = Duration::from_secs(30);

/// What programs are left, and what a shell adds of its own.
const EXPECTED: [&str; 7] = ["PATH", "HOME", "TMPDIR", "PWD", "OLDPWD", "SHLVL", "_"];

/// Prints its environment.
fn spy(folder: &Path) -> PathBuf {
    let path = folder.join("spy");
    let text = "#!/bin/sh\nif [ \"$1\" = --version ]; then echo 'spy 1.0'; exit; fi\nenv\n";
    script::write(&path, text);
    path
}

fn setting(folder: PathBuf) -> Setting {
    fs::create_dir(&folder).unwrap();
    Setting {
        scenario: Scenario::default(),
        nats: "nats://127.0.0.1:4222".to_owned(),
        subjects: vec!["a.>".to_owned()],
        stream: STREAM.to_owned(),
        consumer: "bench".to_owned(),
        group: "bench".to_owned(),
        store: Target {
            url: "http://127.0.0.1:8086".to_owned(),
            api: Api::V2,
        },
        batch_lines: 5_000,
        batch_age: Duration::from_secs(1),
        folder,
        port: 9,
        front: 10,
        worker: 0,
    }
}

#[test]
fn no_program_is_given_a_variable_that_could_configure_it() {
    // Cargo has set variables for this test, so that there is something to keep back.
    assert!(std::env::var_os("CARGO_MANIFEST_DIR").is_some());
    let folder = tempfile::tempdir().unwrap();
    let spy = spy(folder.path());
    let mut programs: Vec<Box<dyn Program>> = vec![
        Box::new(Floor::new(spy.clone())),
        Box::new(Product::new(spy.clone())),
    ];
    for kind in Kind::ALL {
        programs.push(Box::new(Peer::new(kind, &spy).unwrap()));
    }
    for program in programs {
        let setting = setting(folder.path().join(program.name()));
        program.start(&setting).unwrap().wait(PATIENCE).unwrap();
        let seen = fs::read_to_string(log(&setting)).unwrap();
        let names = seen
            .lines()
            .filter_map(|line| Some(line.split_once('=')?.0));
        let known: Vec<&str> = names.collect();
        assert!(known.contains(&"PATH"), "{}: {known:?}", program.name());
        for name in known {
            assert!(EXPECTED.contains(&name), "{} has {name}", program.name());
        }
    }
}

#[test]
fn a_variable_that_the_product_would_read_changes_no_trial() {
    let folder = tempfile::tempdir().unwrap();
    let kept = folder.path().join("runs.jsonl");
    let measured = Command::new(BENCH)
        .args(["floor", "--messages", "5000", "--age-ms", "50", "--out"])
        .arg(&kept)
        .env("FLIGHTLINE__SINK__URL", "http://127.0.0.1:9")
        .env("FLIGHTLINE__NATS__URL", "nats://127.0.0.1:9")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&measured.stderr);
    assert!(measured.status.success(), "{said}");
    let record: Record = serde_json::from_str(&fs::read_to_string(&kept).unwrap()).unwrap();
    assert_eq!((record.count.stored, record.count.lost), (5_000, 0));
}
