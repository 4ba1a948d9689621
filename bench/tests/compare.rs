//! `compare` and `report` as a user runs them: a program that reads what Telegraf is told takes the place of one, and loses half.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use flightline_fixtures::script;

#[path = "built/product.rs"]
mod built;

const BENCH: &str = env!("CARGO_BIN_EXE_flightline-bench");
const STANDIN: &str = include_str!("compare/standin.sh");

/// A program under the name `telegraf`, which finds the bench beside itself.
fn standin(folder: &Path) -> PathBuf {
    let path = folder.join("telegraf");
    script::write(&path, STANDIN);
    symlink(BENCH, folder.join("flightline-bench")).expect("the folder is writable");
    path
}

fn told(output: &Output) -> String {
    let told = [&output.stdout[..], &output.stderr].concat();
    String::from_utf8_lossy(&told).into_owned()
}

fn report(runs: &Path, to: &Path, more: &[&Path]) -> Output {
    let mut report = Command::new(BENCH);
    report
        .arg("report")
        .arg("--runs")
        .arg(runs)
        .arg("--to")
        .arg(to)
        .args(more);
    report.output().expect("the bench can be run")
}

#[test]
fn a_peer_is_compared_its_losses_are_told_and_absent_ones_are_said_to_be_absent() {
    let folder = tempfile::tempdir().unwrap();
    let runs = folder.path().join("runs.jsonl");
    let compare = Command::new(BENCH)
        .args([
            "compare",
            "--scenario",
            "core/line",
            "--messages",
            "20000",
            "--runs",
            "2",
        ])
        .arg("--flightline")
        .arg(built::product())
        .arg("--telegraf")
        .arg(standin(folder.path()))
        .arg("--vector")
        .arg(folder.path().join("vector"))
        .arg("--out")
        .arg(&runs)
        .output()
        .unwrap();
    let said = told(&compare);
    assert!(compare.status.success(), "{said}");

    let (_, account) = said.split_once("what became of the lines").unwrap();
    let of = |program: &str| account.lines().find(|line| line.contains(program)).unwrap();
    assert!(of("telegraf").contains("%)"), "some were lost: {said}");
    for whole in ["floor", "flightline"] {
        assert!(!of(whole).contains('%'), "{whole} lost none: {said}");
    }
    assert!(
        said.contains("9.9.9"),
        "its own word for its version: {said}"
    );
    assert!(
        said.contains("not measured: vector: absent: no file"),
        "{said}"
    );
    assert!(
        said.contains("not measured: connect: absent: name its binary with --connect PATH"),
        "{said}"
    );
    let kept = fs::read_to_string(&runs).unwrap();
    assert_eq!(kept.lines().count(), 3 * 2, "{said}");
    // Two turns of a fraction of a second each are too noisy for a baseline.
    let kept = product_in(&kept, 1.25);
    fs::write(&runs, &kept).unwrap();

    let page = folder.path().join("report");
    let baseline = folder.path().join("baseline.json");
    let saved = report(&runs, &page, &["--save-baseline".as_ref(), &baseline]);
    assert!(saved.status.success(), "{}", told(&saved));
    assert!(
        fs::read_to_string(page.join("index.html"))
            .unwrap()
            .contains("telegraf")
    );
    let held = report(&runs, &page, &["--baseline".as_ref(), &baseline]);
    assert!(held.status.success(), "{}", told(&held));
    assert!(told(&held).contains("held"));

    let slower = folder.path().join("slower.jsonl");
    fs::write(&slower, product_in(&kept, 1.5)).unwrap();
    let worse = report(&slower, &page, &["--baseline".as_ref(), &baseline]);
    assert_eq!(worse.status.code(), Some(1), "{}", told(&worse));
    assert!(told(&worse).contains("WORSE"));
}

/// The same records, the product's taking so many seconds and all others' one.
fn product_in(records: &str, seconds: f64) -> String {
    let timed = records.lines().map(|line| {
        let mut record: serde_json::Value = serde_json::from_str(line).expect("a record is JSON");
        let is_product = record["program"]["name"] == "flightline";
        record["seconds"] = if is_product { seconds } else { 1.0 }.into();
        record.to_string() + "\n"
    });
    timed.collect()
}
